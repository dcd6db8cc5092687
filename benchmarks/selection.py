"""Does selecting beat drawing at random? `python -m benchmarks.selection TRAIN.xyz [TEST.xyz]`.

From a few configurations of the training file a fit is made; of the rest, their labels hidden, 10, 20 and 40 more are
chosen by each method or drawn at random, and the fit is made again with their labels. A fifth of the training file is
held out to compare methods; only the published test set, if it is given, has decided nothing. Prints Markdown tables:
medians over seeds, and the range.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from threadpoolctl import threadpool_limits

import acegen
from acegen.fit.assembly import make_assembler
from acegen.fit.columns import residuals
from acegen.fit.data import read_dataset
from acegen.fit.dataset import Configuration, Dataset, Parts
from acegen.fit.folds import assign_folds
from acegen.fit.problem import Cell, Problem
from acegen.fit.ridge import RidgeFit, fit_ridge
from acegen.fit.settings import FitSettings, load_settings
from acegen.fit.unit import Assembler, Factors
from acegen.fit.workers import merged
from acegen.progress import Silent
from acegen.select.active import environments_entering
from acegen.select.criteria import Criterion, Knowledge, PoolVariance
from acegen.select.features import Labels
from acegen.select.greedy import Greedy, KeptRows, first_gains, gram_of
from acegen.select.pool import Candidate
from acegen.store.posterior import Posterior

Floats = NDArray[np.float64]

SIZES = (10, 20, 40)
START = 10
HELD_OUT = 0.2
_ROOM = 2**30


@dataclass(frozen=True)
class Errors:
    """Root mean square errors: energies meV/atom, forces eV/Å."""

    energy: float
    forces: float


class Trial:
    """The data with their factors, computed once, and fits to any part of them."""

    def __init__(self, settings: FitSettings, cache: str) -> None:
        elements = settings.elements
        self.training = read_dataset(settings.data.train, settings.data.keys, elements).configurations
        test = settings.data.test
        self.test = read_dataset(test, settings.data.keys, elements).configurations if test else ()
        self.settings = settings
        everything = Dataset((*self.training, *self.test))
        self.model = acegen.compile(settings.whole_spec, cache)
        self.assembler: Assembler = make_assembler(
            settings, self.model, Parts(everything, (0,) * len(everything.configurations), Dataset(())), cache
        )
        self._levels = np.array([sum(f.n) + sum(f.l) for z in elements for f in self.model.labels(z)], dtype=float)
        self._factors: dict[int, Factors] = {
            id(c): self.assembler.assemble((c,)) for c in track(everything.configurations, "rows")
        }

    def fit(self, configurations: Sequence[Configuration]) -> tuple[RidgeFit, Problem]:
        """A fit with hyperparameters chosen by its own folds."""
        folds = assign_folds(configurations, 5, 0)
        cells: dict[tuple[int, str], list[Factors]] = {}
        for c, fold in zip(configurations, folds, strict=True):
            cells.setdefault((fold, c.config_type), []).append(self._factors[id(c)])
        joined = tuple(Cell(fold, kind, merged(*own)) for (fold, kind), own in sorted(cells.items()))
        problem = Problem(joined, self.assembler.columns, self._levels)
        with threadpool_limits(1):
            return fit_ridge(problem, self.settings.solver, self.settings.weights, Silent()), problem

    def errors(self, fit: RidgeFit, configurations: Sequence[Configuration]) -> Errors:
        """Errors of a fit for configurations it has not seen."""
        whole = merged(*(self._factors[id(c)] for c in configurations))
        solution = np.concatenate([fit.solution.composition, fit.solution.functions])[:, None]
        squares = {q: float(np.sum(residuals(whole[q].matrix, solution) ** 2)) for q in ("energy", "forces")}
        energy, forces = (float(np.sqrt(squares[q] / whole[q].n_rows)) for q in ("energy", "forces"))
        return Errors(1e3 * energy, forces)


@dataclass(frozen=True)
class Occasion:
    """What a method may look at: the first fit, its problem and its data, and a pool."""

    trial: Trial
    fit: RidgeFit
    problem: Problem
    known: Sequence[Configuration]
    pool: Sequence[Configuration]
    seed: int

    @property
    def candidates(self) -> list[Candidate]:
        """The pool without its labels."""
        return [Candidate(c.atoms, c.where, c.config_type) for c in self.pool]


def at_random(occasion: Occasion, number: int) -> list[int]:
    """Drawn at random."""
    return [int(i) for i in np.random.default_rng(occasion.seed).permutation(len(occasion.pool))[:number]]


def by_information(occasion: Occasion, number: int) -> list[int]:
    """Greedy D-optimal design."""
    source, size = rows_of(occasion)
    return greedy(source, Knowledge(size), number)


def by_variance(occasion: Occasion, number: int) -> list[int]:
    """Those that make the predictions for the pool most certain."""
    source, size = rows_of(occasion)
    return greedy(source, PoolVariance(gram_of(source, size, Silent())), number)


def rows_of(occasion: Occasion) -> tuple[KeptRows, int]:
    """Rows of the pool's labels, and the number of their directions."""
    trial, fit = occasion.trial, occasion.fit
    columns, factor, candidates = occasion.problem.columns, fit.solution.factor, occasion.candidates
    energies = np.array(trial.assembler.composition) @ factor[columns.composition]
    posterior = Posterior(factor[columns.functions], energies, trial.model.basis_hash)
    labels = Labels(trial.model, posterior, fit.noise, trial.assembler.atoms_power)
    return KeptRows(lambda i: labels.reduced(candidates[i]), len(candidates), _ROOM), factor.shape[1]


def greedy(source: KeptRows, criterion: Criterion, number: int) -> list[int]:
    """The first few of a greedy choice."""
    choice = Greedy(source, criterion, first_gains(source, criterion, Silent()))
    chosen: list[int] = []
    while len(chosen) < number and (best := choice.best()) is not None:
        chosen.append(best[0])
        choice.take()
    return chosen


def by_maxvol(occasion: Occasion, number: int) -> list[int]:
    """By the environments that enter the active set; more than these at random."""
    counts = environments_entering(occasion.trial.model, occasion.known, occasion.candidates, None, Silent())
    order = np.random.default_rng(occasion.seed).permutation(len(counts))
    return [int(i) for i in order[np.argsort(-np.array(counts)[order], kind="stable")][:number]]


METHODS: dict[str, Callable[[Occasion, int], list[int]]] = {
    "random": at_random,
    "variance": by_variance,
    "information": by_information,
    "maxvol": by_maxvol,
}


def divided(
    configurations: Sequence[Configuration], start: str, seed: int
) -> tuple[list[Configuration], list[Configuration], list[Configuration]]:
    """The first few, the pool, and the held-out configurations, which are stratified by kind.

    The first few are of any kind, or all of the kind with most members ("one kind").
    """
    rng = np.random.default_rng(seed)
    order = [configurations[i] for i in rng.permutation(len(configurations))]
    kinds = sorted({c.config_type for c in order}, key=lambda kind: -sum(c.config_type == kind for c in order))
    held_out: list[Configuration] = []
    for kind in kinds:
        members = [c for c in order if c.config_type == kind]
        held_out += members[: round(HELD_OUT * len(members))]
    left = [c for c in order if not any(c is h for h in held_out)]
    first = [c for c in left if start == "any kind" or c.config_type == kinds[0]][:START]
    return first, [c for c in left if not any(c is f for f in first)], held_out


def trials(trial: Trial, start: str, seeds: int) -> Iterator[tuple[str, int, str, Errors]]:
    """Method, number of configurations, part and errors, for all seeds."""
    for seed in range(seeds):
        first, pool, held_out = divided(trial.training, start, seed)
        parts = {"held out": held_out, **({"test": list(trial.test)} if trial.test else {})}
        fit, problem = trial.fit(first)
        for part, configurations in parts.items():
            yield "start", 0, part, trial.errors(fit, configurations)
        for name, choose in METHODS.items():
            order = choose(Occasion(trial, fit, problem, first, pool, seed), max(SIZES))
            for size in SIZES:
                own, _ = trial.fit([*first, *(pool[i] for i in order[:size])])
                for part, configurations in parts.items():
                    yield name, size, part, trial.errors(own, configurations)
        own, _ = trial.fit([*first, *pool])
        for part, configurations in parts.items():
            yield "all", len(pool), part, trial.errors(own, configurations)


def table(found: Sequence[tuple[str, int, str, Errors]], part: str) -> str:
    """Medians and ranges as Markdown."""
    groups: dict[tuple[int, str], list[Errors]] = {}
    for name, size, own, errors in found:
        if own == part:
            groups.setdefault((size, name), []).append(errors)
    lines = ["| added | chosen | E RMSE, meV/atom | F RMSE, eV/Å |", "|---|---|---|---|"]
    for (size, name), several in sorted(groups.items(), key=lambda item: item[0][0]):
        cells = [_cell([e.energy for e in several], ".2f"), _cell([e.forces for e in several], ".4f")]
        lines.append(f"| {size} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", help="extended XYZ with energies and forces")
    parser.add_argument("test", nargs="?", help="published test data")
    parser.add_argument("--seeds", type=int, default=5, help="how many (default: %(default)s)")
    parser.add_argument("--level", type=int, default=10, help="of the basis, order 3 (default: %(default)s)")
    parser.add_argument("--energy-weight", type=float, default=100.0, help="default: %(default)s")
    parser.add_argument("--cutoff", type=float, default=5.0, help="Å (default: %(default)s)")
    options = parser.parse_args()
    from ase.io import iread

    elements = sorted({symbol for atoms in iread(options.train) for symbol in atoms.get_chemical_symbols()})
    spec = {
        "name": "selection",
        "basis": {"elements": elements, "order": 3, "level": options.level, "angular_weight": 1.0},
        "radial": {"cutoff": options.cutoff},
        "pair": {"degree": 12},
    }
    weights, solver = {"energy": options.energy_weight}, {"smoothness": 2}  # the strength is chosen by each fit
    data = {"train": options.train, **({"test": options.test} if options.test else {})}
    with tempfile.TemporaryDirectory() as cache, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial = Trial(load_settings({"spec": spec, "data": data, "weights": weights, "solver": solver}), cache)
        print(f"{trial.model.n_basis} functions, {len(trial.training)} configurations, {options.seeds} seeds")
        for start in ("any kind", "one kind"):
            found = list(trials(trial, start, options.seeds))
            for part in ("held out", "test") if trial.test else ("held out",):
                print(
                    f"\n{START} configurations of {start} to start from; errors: {part}\n\n{table(found, part)}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
