"""The uncertainty stage: when not to trust the potential that a fit will leave.

The committee are samples of the posterior of the coefficients; each fold is predicted by the posterior without it, and
by a committee of the same kind, whose standard deviations are calibrated by the errors. The same pass over the design
rows gives the validation errors of the report. Grades: see `acegen.fit.uncertainty.grades`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acegen.fit.columns import Columns
from acegen.fit.dataset import Dataset, Parts
from acegen.fit.evaluation import Comparison, Spread, compare_linear, compare_with_spread, spread
from acegen.fit.findings import Finding
from acegen.fit.folds import ALWAYS, is_cluster
from acegen.fit.problem import Inferred, Solution, Thinning, all_kept
from acegen.fit.settings import UncertaintySettings
from acegen.fit.uncertainty.calibration import LARGEST_SCALE, NORMAL, Calibration, Errors, calibrate, vanishing
from acegen.fit.uncertainty.environments import environment_blocks
from acegen.fit.uncertainty.grades import ByActiveSet, ByLeverage, ByPosterior, GradeFit, Rater, fit_grades
from acegen.fit.uncertainty.leverage import Moments
from acegen.fit.uncertainty.sketch import members, mixing
from acegen.fit.unit import Assembler
from acegen.progress import Progress
from acegen.runtime import Model
from acegen.store.uncertainty import Committee, Uncertainty

Floats = NDArray[np.float64]

_FEW = 20
"""Held-out configurations below which 95 % intervals are guesses."""

_OWN_FOLDS = 5
"""Folds for grades where the fit has none."""

_TEST_ATOMS = 20_000
"""Largest number of atoms of test data whose spread is computed."""


@dataclass(frozen=True)
class CommitteeFit:
    """A committee, its calibration, and what it was calibrated by.

    Attributes:
        committee: what is written.
        members: (n, K) deviations in the order of the columns.
        energy, forces: calibrations; of energies per atom, and of force components.
        part: "validation", or "training" where nothing was held out.
        comparisons, spreads: labels and predictions of that part, by configuration.
        inflation: factor of the errors before they were used: one for held-out data.
    """

    committee: Committee
    members: Floats
    energy: Calibration
    forces: Calibration
    part: str
    comparisons: Sequence[Comparison]
    spreads: Sequence[Spread]
    inflation: float


@dataclass(frozen=True)
class UncertaintyFit:
    """What the stage found.

    Attributes:
        uncertainty: what is compiled into the potential.
        grades: None if none were asked for.
        committee: None if none was asked for.
        validation: labels and predictions of all held-out configurations.
        findings: what a person should know.
    """

    uncertainty: Uncertainty
    grades: GradeFit | None
    committee: CommitteeFit | None
    validation: Sequence[Comparison]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Fitted:
    """A fit as this stage needs it.

    Attributes:
        basis: the compiled basis.
        assembler: composition and atomic energies of its columns.
        whole: solution of all data, with its posterior.
        held_out: likewise for the data without each fold; of the posteriors what `thinning` keeps.
        functions: numbers of the functions with coefficients, and of those that vanish on all data.
        freedom: effective number of parameters per row.
        unseen: fold that the final fit leaves out, if any.
    """

    basis: Model
    assembler: Assembler
    whole: Inferred
    held_out: Sequence[Inferred]
    functions: NDArray[np.int64]
    freedom: float
    unseen: int | None

    @property
    def columns(self) -> Columns:
        return self.assembler.columns

    @property
    def composition(self) -> Floats:
        return np.array(self.assembler.composition).reshape(len(self.basis.elements), -1)

    @property
    def atomic_energies(self) -> Floats:
        return np.array(self.assembler.atomic_energies)

    @property
    def used(self) -> NDArray[np.bool_]:
        """(elements, n_basis) the functions with coefficients, and those that vanish on the data."""
        whole = np.zeros(self.columns.n_functions, dtype=bool)
        whole[self.functions] = True
        return whole.reshape(self.columns.n_elements, -1)

    def compared(self, solution: Solution, data: Dataset) -> list[Comparison]:
        """Labels and predictions by a solution."""
        return compare_linear(
            self.basis, solution, self.composition, self.atomic_energies, data, self.assembler.block_bytes
        )

    def compared_with_spread(
        self, solution: Solution, deviations: Floats, data: Dataset
    ) -> tuple[list[Comparison], list[Spread]]:
        """Likewise, with the spread of members (n, K)."""
        return compare_with_spread(
            self.basis,
            solution,
            _as_solution(self.columns, deviations),
            self.composition,
            self.atomic_energies,
            data,
            self.assembler.block_bytes,
        )


def thinning(settings: UncertaintySettings) -> Thinning:
    """What this stage needs of the factors of posteriors without each fold, which are large with many functions.

    Grades by the posterior need all; a committee as many random combinations as it has members.
    """
    if settings.grade == "posterior":
        return all_kept
    generator = np.random.default_rng((settings.seed, 1))

    def thinned(factor: Floats) -> Floats:
        count = settings.members
        if not count:
            return np.zeros((len(factor), 0))
        return factor @ mixing(factor.shape[1], count, generator)

    return thinned


def quantify(fitted: Fitted, settings: UncertaintySettings, parts: Parts, progress: Progress) -> UncertaintyFit:
    """Committee and grades, as the settings say, and predictions of the held-out data."""
    findings: list[Finding] = []
    validation: Sequence[Comparison]
    if settings.members:
        committee = _committee(fitted, settings, parts, progress, findings)
        validation = committee.comparisons if committee.part == "validation" else ()
    else:
        committee = None
        validation = [c for fold, own in enumerate(fitted.held_out) for c in fitted.compared(own, parts.held_out(fold))]
    grades = None if settings.grade == "none" else _grades(fitted, settings, parts, progress)
    findings += [Finding(f"uncertainty: {note}") for note in (grades.notes if grades else ())]
    uncertainty = Uncertainty(
        fitted.basis.basis_hash, grades.grades if grades else None, committee.committee if committee else None
    )
    return UncertaintyFit(uncertainty, grades, committee, validation, tuple(findings))


def _committee(
    fitted: Fitted, settings: UncertaintySettings, parts: Parts, progress: Progress, findings: list[Finding]
) -> CommitteeFit:
    columns, count = fitted.columns, settings.members
    generator = np.random.default_rng(settings.seed)
    own = members(fitted.whole.factor, count, generator)
    compared: list[Comparison] = []
    spreads: list[Spread] = []
    part, inflation = "validation", 1.0
    if fitted.held_out:
        for fold, solution in enumerate(fitted.held_out):
            progress.advance(fold, len(fitted.held_out))
            some = fitted.compared_with_spread(
                solution, members(solution.factor, count, generator), parts.held_out(fold)
            )
            compared += some[0]
            spreads += some[1]
    else:
        part, inflation = "training", 1 / max(1 - fitted.freedom, 0.1)
        compared, spreads = fitted.compared_with_spread(fitted.whole, own, parts.training)
        text = (
            "uncertainty: nothing was held out: standard deviations are calibrated by the residuals of the fit, "
            f"times {inflation:.3g} for its number of parameters, and may be too small"
        )
        findings.append(Finding(text))
    if len(compared) < _FEW and part == "validation":
        text = (
            f"uncertainty: only {len(compared)} held-out configurations calibrate the standard deviations: intervals "
            "may be far too narrow or too wide"
        )
        findings.append(Finding(text))
    energy, forces = _calibrations(errors_of(compared, spreads), inflation, findings)
    committee = Committee(
        rows=own[columns.functions].T.reshape(count, columns.n_elements, -1).transpose(1, 0, 2),
        constants=fitted.composition @ own[columns.composition],
        energy=(energy.floor, energy.scale),
        forces=(forces.floor, forces.scale),
        quantiles=(energy.quantiles, forces.quantiles),
    )
    return CommitteeFit(committee, own, energy, forces, part, compared, spreads, inflation)


def _calibrations(
    known: dict[str, Errors], inflation: float, findings: list[Finding]
) -> tuple[Calibration, Calibration]:
    """Calibrations of energies and of forces, by errors times the inflation."""
    own = {q: e.informative for q, e in known.items()}
    energy, forces = (calibrate(own[q].errors * inflation, own[q].variances) for q in ("energy", "forces"))
    if len(known["forces"].errors) and not forces.count:
        text = (
            "uncertainty: the forces are zero by symmetry: not calibrated; their standard deviations are those of the "
            f"posterior{' times the scale of energies' if energy.count else ''}, and may be wrong by any factor. Add "
            "displaced atoms"
        )
        findings.append(Finding(text))
    for quantity, calibration in (("energies", energy), ("forces", forces)):
        if calibration.scale > 0.99 * LARGEST_SCALE:
            text = (
                f"uncertainty: errors of {quantity} are more than {LARGEST_SCALE:,.0f} times the standard deviations "
                "of the posterior, which say nothing of them: the scale was bounded, and the floor describes the rest"
            )
            findings.append(Finding(text))
    if energy.count and not forces.count:
        forces = _borrowed(energy)
    elif forces.count and not energy.count:
        energy = _borrowed(forces)
    return energy, forces


def _borrowed(other: Calibration) -> Calibration:
    """The calibration of a quantity that nothing calibrates: as the other, but at least that of the posterior.

    Its floor is not known.
    """
    quantiles = tuple(max(pair) for pair in zip(other.quantiles, NORMAL.quantiles, strict=True))
    return Calibration(0.0, max(1.0, other.scale), quantiles, 0)


def errors_of(comparisons: Sequence[Comparison], spreads: Sequence[Spread]) -> dict[str, Errors]:
    """Errors and variances of energies per atom and of force components."""
    pairs = [*zip(comparisons, spreads, strict=True)]
    energies = [(i, *c.energy, s.energy) for i, (c, s) in enumerate(pairs) if c.energy is not None]
    forces = [(i, *c.forces, s.forces) for i, (c, s) in enumerate(pairs) if c.forces is not None]
    labels, predictions, variances = (
        np.concatenate([np.zeros(0), *(np.ravel(own[part]) for own in forces)]) for part in (1, 2, 3)
    )
    numbers = np.repeat(np.array([own[0] for own in forces], dtype=np.int64), [own[1].size for own in forces])
    table = np.array(energies, dtype=float).reshape(-1, 4)
    counted, none = table[:, 0].astype(np.int64), np.zeros(len(table), dtype=bool)
    return {
        "energy": Errors(table[:, 2] - table[:, 1], table[:, 3], counted, none),
        "forces": Errors(predictions - labels, variances, numbers, vanishing(labels, predictions, variances)),
    }


def _grades(fitted: Fitted, settings: UncertaintySettings, parts: Parts, progress: Progress) -> GradeFit:
    configurations, folds = parts.training.configurations, parts.folds
    rater: Rater
    if settings.grade == "posterior":
        rater = ByPosterior(fitted.whole, fitted.held_out, fitted.columns, fitted.composition)
    else:
        if not parts.n_folds:  # grades need no labels, so these folds cost nothing
            folds = _own_folds([is_cluster(configuration.atoms) for configuration in configurations])
        if settings.grade == "d-optimality":
            rater = ByActiveSet(fitted.basis, configurations, folds, fitted.used, fitted.unseen)
        else:
            moments = Moments(folds, fitted.used)
            moments.add(environment_blocks(fitted.basis, configurations))
            rater = ByLeverage(moments, max(folds, default=ALWAYS) + 1, fitted.unseen)
    return fit_grades(fitted.basis, configurations, folds, rater, settings.rank, settings.seed, progress)


def _own_folds(clusters: Sequence[bool]) -> tuple[int, ...]:
    """Folds of configurations in turn; isolated atoms and dimers are always kept, as in any fit."""
    free = [number for number, cluster in enumerate(clusters) if not cluster]
    folds = [ALWAYS] * len(clusters)
    for place, number in enumerate(free if len(free) > 1 else ()):
        folds[number] = place % min(_OWN_FOLDS, len(free))
    return tuple(folds)


def _as_solution(columns: Columns, deviations: Floats) -> Solution:
    return Solution(deviations[columns.functions], deviations[columns.composition])


def spread_of_test(fitted: Fitted, committee: CommitteeFit, test: Dataset) -> tuple[range, list[Spread]]:
    """Numbers of the test configurations whose spread is computed, every so many if there are many, and the spreads."""
    chosen = range(0, len(test.configurations), max(1, -(-test.n_atoms // _TEST_ATOMS)))
    some = Dataset(tuple(test.configurations[number] for number in chosen))
    own = _as_solution(fitted.columns, committee.members)
    return chosen, spread(fitted.basis, own, fitted.composition, some, fitted.assembler.block_bytes)
