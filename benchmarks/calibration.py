"""How well a fit knows its own errors, on data it has not seen. `python -m benchmarks.calibration --help`.

Each set is fitted with the recommended model and default settings. On its test data: the share of force components and
energies within the intervals of 50, 90 and 95 %, and the rank correlation of predicted standard deviations and of
grades with the force error of each atom.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1")  # before NumPy

import numpy as np
from ase.io import read
from numpy.typing import NDArray
from rich.console import Console

from acegen.errors import AcegenError
from acegen.fit.assembly import composition_directions
from acegen.fit.columns import Columns
from acegen.fit.evaluation import Comparison, Spread, spread
from acegen.fit.folds import ALWAYS
from acegen.fit.pipeline import fit
from acegen.fit.problem import Inferred, Solution
from acegen.fit.result import FitResult
from acegen.fit.uncertainty.calibration import Calibration, covered
from acegen.fit.uncertainty.grades import ByActiveSet, ByPosterior, Rater, grades_of
from acegen.fit.uncertainty.grades import fit_grades as grades_by
from acegen.fit.uncertainty.reliability import force_errors, rank_correlation
from acegen.fit.uncertainty.stage import errors_of
from acegen.posterior import forces_uncertainty, read_posterior
from acegen.progress import Silent
from acegen.store.uncertainty import LEVELS

Floats = NDArray[np.float64]

_BLOCK = 64 * 2**20
_BINS = 12
_RANK, _SEED = 64, 0


@dataclass(frozen=True)
class Case:
    """A set: its name, files, and the cutoff (Å), if it is not to be chosen from the data."""

    name: str
    train: str
    test: str
    cutoff: float | None

    @classmethod
    def of(cls, text: str) -> Case:
        """From NAME=TRAIN,TEST or NAME=TRAIN,TEST,CUTOFF."""
        try:
            name, files = text.split("=", 1)
            train, test, *cutoff = files.split(",")
            return cls(name, train, test, float(cutoff[0]) if cutoff else None)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not NAME=TRAIN,TEST or NAME=TRAIN,TEST,CUTOFF") from None

    @property
    def elements(self) -> list[str]:
        """In order of appearance."""
        return [*dict.fromkeys(symbol for atoms in read(self.train, ":") for symbol in atoms.get_chemical_symbols())]


@dataclass(frozen=True)
class Measured:
    """Results on the test data of one set.

    Attributes:
        name: of the set.
        errors: (n,) norm of the force error by atom, eV/Å.
        predictors: what is to rank them, (n,) each, by name.
        coverage: of both quantities, the shares within the intervals.
        kinds: share of forces within 90 % by kind, with at least 30 components.
        ratios: of both quantities, |error| in standard deviations to be expected.
        seconds: of the stage "uncertainty".
        result: the fit.
    """

    name: str
    errors: Floats
    predictors: dict[str, Floats]
    coverage: dict[str, tuple[float, ...]]
    kinds: dict[str, float]
    ratios: dict[str, Floats]
    seconds: float
    result: FitResult


def main(arguments: list[str] | None = None) -> int:
    """Fit, measure, report. Returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    found = []
    for case in options.data:
        console.print(f"fitting {case.name}")
        request: dict[str, Any] = {"name": f"calibration_{case.name}", "elements": case.elements}
        if case.cutoff is not None:
            request["cutoff"] = case.cutoff
        data = {"train": [case.train], "test": [case.test]}
        found.append(_measured(case.name, fit({"spec": request, "data": data, "output": str(options.output)})))
    for line in _lines(found):
        console.print(line, markup=False)
    console.print(f"picture: {_draw(found, options.output / 'calibration.png')}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("data", type=Case.of, nargs="+", metavar="NAME=TRAIN,TEST[,CUTOFF]", help="sets to fit")
    parser.add_argument("--output", type=Path, default=Path("calibration"), help="folder (default: calibration)")
    return parser


def _measured(name: str, result: FitResult) -> Measured:
    model, test = result.model, result.parts.test
    committee, own = result.uncertainty.committee, result.uncertainty.grades
    assert committee is not None
    assert own is not None  # by default there are both
    columns = Columns.of_model(model, committee.members.shape[0] - len(model.elements) * model.n_basis)
    members = Solution(committee.members[columns.functions], committee.committee.constants)
    spreads = spread(model, members, np.eye(len(model.elements)), test, _BLOCK)
    comparisons = result.comparisons["test"]
    calibrations = {"energy": committee.energy, "forces": committee.forces}
    coverage, ratios = {}, {}
    for quantity, errors in errors_of(comparisons, spreads).items():
        kept, calibration = errors.informative, calibrations[quantity]
        coverage[quantity] = covered(kept.errors, kept.variances, calibration)
        ratios[quantity] = np.abs(kept.errors) / calibration.deviations(kept.variances)
    by_atom = np.concatenate(force_errors(test.configurations, comparisons))
    known = ~np.isnan(by_atom)
    posterior = read_posterior(model.path, model)
    exact = [np.linalg.norm(forces_uncertainty(model, posterior, c.atoms), axis=1) for c in test.configurations]
    labelled = [s for c, s in zip(comparisons, spreads, strict=True) if c.forces is not None]
    deviations = [np.sqrt(s.forces.sum(axis=1)) for s in labelled]
    predictors = {
        "exact posterior": np.concatenate(exact)[known],
        "committee": np.concatenate(deviations),
        **{kind: grades[known] for kind, grades in _all_grades(result, columns).items()},
    }
    (seconds,) = (cost.seconds for cost in result.costs if cost.stage == "uncertainty")
    kinds = _by_kind(comparisons, spreads, committee.forces)
    return Measured(name, by_atom[known], predictors, coverage, kinds, ratios, seconds, result)


def _all_grades(result: FitResult, columns: Columns) -> dict[str, Floats]:
    """Grades of the test data by kind, in order of configurations."""
    model, training = result.model, result.parts.training.configurations
    own, solution = result.uncertainty.grades, result.fit.solution
    assert own is not None
    assert isinstance(solution, Inferred)
    folds = [ALWAYS] * len(training)  # thresholds are not needed
    composition = composition_directions(training, model.elements)
    used = np.zeros(columns.n_functions, dtype=bool)
    used[result.problem.used] = True
    raters: dict[str, Rater] = {
        "posterior": ByPosterior(solution, (), columns, composition),
        "d-optimality": ByActiveSet(model, training, folds, used.reshape(len(model.elements), -1)),
    }
    kinds = {"leverage": own.grades}
    for kind, rater in raters.items():
        kinds[kind] = grades_by(model, training, folds, rater, _RANK, _SEED, Silent()).grades
    found = {}
    for kind, grades in kinds.items():
        values, places = grades_of(model, grades, result.parts.test.configurations)
        found[kind] = values[np.lexsort(places.T[::-1])]
    return found


def _by_kind(
    comparisons: Sequence[Comparison], spreads: Sequence[Spread], calibration: Calibration
) -> dict[str, float]:
    found = {}
    for kind in sorted({c.config_type for c in comparisons}):
        chosen = [i for i, c in enumerate(comparisons) if c.config_type == kind]
        own = errors_of([comparisons[i] for i in chosen], [spreads[i] for i in chosen])["forces"].informative
        if len(own.errors) >= 30:
            found[kind] = covered(own.errors, own.variances, calibration)[LEVELS.index(0.9)]
    return found


def _lines(found: Sequence[Measured]) -> list[str]:
    """Two tables in Markdown, and the coverage by kind."""
    levels = [f"{100 * level:g} %" for level in LEVELS]
    headings = [
        "set",
        *(f"F in {level}" for level in levels),
        *(f"E in {level}" for level in levels),
        "energies",
        "stage, s",
    ]
    lines = ["", *_header(headings)]
    for own in found:
        shares = [*own.coverage["forces"], *own.coverage["energy"]]
        cells = [
            own.name,
            *(f"{100 * share:.1f}" for share in shares),
            str(len(own.ratios["energy"])),
            f"{own.seconds:.1f}",
        ]
        lines.append(_line(cells))
    names = [*found[0].predictors]
    lines += ["", *_header(["set", "atoms", *names])]
    for own in found:
        correlations = [rank_correlation(own.errors, values) for values in own.predictors.values()]
        lines.append(
            _line([own.name, f"{len(own.errors):,}", *("" if c is None else f"{c:.2f}" for c in correlations)])
        )
    lines += ["", "Forces in 90 % intervals by kind:"]
    for own in found:
        lines.append(f"- {own.name}: " + ", ".join(f"{kind} {100 * share:.0f}" for kind, share in own.kinds.items()))
    lines += [
        "",
        "Held-out data, forces and energies in 50, 90, 95 %, thresholds of grades, and shares of test atoms above:",
    ]
    for own in found:
        rows = [row for row in own.result.reliability.coverages if row.part != "test"]
        texts = [f"{row.quantity} {', '.join(f'{100 * share:.1f}' for share in row.shares)}" for row in rows]
        grades = own.result.uncertainty.grades
        assert grades is not None
        (test,) = (row for row in own.result.reliability.grades if row.part == "test")
        first, second = grades.grades.thresholds
        above = ", ".join(f"{100 * share:.2g} %" for share in test.above)
        lines.append(f"- {own.name}: {'; '.join(texts)}; {first:.3g}, {second:.3g}; {above}")
    return [*lines, ""]


def _header(headings: Sequence[str]) -> list[str]:
    return [_line(headings), "|" + "---|" * len(headings)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _draw(found: Sequence[Measured], path: Path) -> Path:
    """By set: errors against what predicts them, in bins of equally many atoms; then the coverage of all intervals."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * len(found), 6.0), layout="constrained")
    panels: Any = figure.subplots(2, len(found), squeeze=False)
    levels = np.linspace(0.02, 0.98, 49)
    for own, (above, below) in zip(found, panels.T, strict=True):
        for name, values in own.predictors.items():
            order = np.array_split(np.argsort(values), _BINS)
            middles = [100 * (i + 0.5) / _BINS for i in range(_BINS)]
            above.plot(middles, [np.sqrt(np.mean(own.errors[b] ** 2)) for b in order], "o-", ms=3, lw=1, label=name)
        above.set(title=own.name, xlabel="rank of the prediction, %", yscale="log")
        above.set_ylim(max(above.get_ylim()[0], 1e-3), None)  # forces of perfect crystals are zero
        committee = own.result.uncertainty.committee
        assert committee is not None
        for quantity, style in (("forces", "-"), ("energy", "--")):
            rows = [row for row in own.result.reliability.coverages if row.quantity == quantity and row.part != "test"]
            if rows and len(own.ratios[quantity]):
                widths = np.quantile(np.abs(rows[0].errors) / rows[0].deviations, levels)
                shares = [float(np.mean(own.ratios[quantity] <= width)) for width in widths]
                below.plot(levels, shares, style, label=quantity)
        below.plot([0, 1], [0, 1], lw=0.6, color="#555555")
        below.set(xlabel="probability of the interval", xlim=(0, 1), ylim=(0, 1))
    panels[0, 0].set_ylabel("force error of atoms, rms, eV/Å")
    panels[1, 0].set_ylabel("share of test data within it")
    for row in panels:
        row[0].legend(frameon=False, fontsize=7)
    figure.savefig(path, dpi=120)
    return path


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AcegenError as error:
        sys.exit(f"error: {error}")
