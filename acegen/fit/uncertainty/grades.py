"""Grades of environments: how far an atom is from the training data, and when that is too far.

Every kind of grade is a norm ‖W b̃‖ of combinations of the descriptors of an atom, b̃ = (b, 1), with a matrix W for its
element:

leverage      distance from all training environments (`acegen.fit.uncertainty.leverage`).
posterior     standard deviation of the site energy in the posterior of the fit, in units of the largest in the data.
d-optimality  largest coefficient in an active set of training environments (`acegen.fit.uncertainty.maxvol`).

With each, γ = 1 is about the largest grade of a training environment. Where unseen data of the same kinds end is found
by grading each fold by the data without it. A configuration counts with its largest grade. The first threshold is the
smaller of two numbers, and at least one: the grade that `SELECT` of the held-out configurations do not exceed, and
`TYPICAL` times the largest median of a kind of `MANY` members or more; the second threshold is `STOP` times the first.

The median matters for small data, where some folds lack what the others have. Of 5, 10, 20 and 40 frames of molecular
dynamics of silicon at several temperatures, with 1,048 functions, the largest held-out grades are 780, 120, 37 and 8,
and the first thresholds 67, 28, 6.2 and 2.0. Each time 42 % of the frames that were not used are above the first and
none above the second, crystals with a vacancy are nearly all above the first, and surfaces all above the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acegen.fit.columns import Columns
from acegen.fit.dataset import Configuration
from acegen.fit.factor import triangle
from acegen.fit.problem import Inferred
from acegen.fit.uncertainty.environments import environment_blocks
from acegen.fit.uncertainty.leverage import Moments, with_one
from acegen.fit.uncertainty.maxvol import ActiveSet, active_set
from acegen.fit.uncertainty.sketch import sketched
from acegen.progress import Progress
from acegen.runtime import Model
from acegen.store.uncertainty import GradeKind, Grades

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

SELECT = 0.95
"""Share of held-out configurations without an atom above the first threshold."""

TYPICAL = 2.0
"""First threshold in units of the median of a kind, at most."""

MANY = 5
"""Smallest number of members that a kind needs for a median; if none has so many, all kinds are taken as one.

Configurations that were selected for being unlike all others have large grades when they are held out. Where the median
of one or two of them counted, thresholds rose with each that was added, until nothing stopped a simulation any more.
"""

LARGEST_FIRST = 20.0
"""Largest first threshold.

Above it, the data that were held out have functions that the others do not have, such as those of an element or of a
pair of elements: errors are then unknown, whatever is usual.
"""

STOP = 5.0
"""Second threshold in units of the first.

Grades of held-out data have long tails where a kind has few members: in tantalum, with a first threshold of 2.3, 1 % of
atoms are above 13 and the largest is 144, all with several times the usual error. The largest one is therefore no
measure of what can be trusted.
"""

_UNKNOWN = 2.0
"""First threshold where nothing can be held out."""

_LARGEST = 0.999
"""Quantile of the training grades that is the unit of posterior grades."""

_MEASURED = 2000
"""Environments of each element on which the error of a sketch is measured."""


@dataclass(frozen=True)
class GradeFit:
    """Grades, with their distribution in the data.

    Attributes:
        grades: what is written.
        training: (n,) grades of all training environments, in the order of `environments`.
        held_out: (n,) by the data without their fold; NaN where nothing similar was held out.
        environments: (n, 2) configuration and atom.
        active: active sets by element, their rows numbered as in `members`; only for "d-optimality".
        members: by element the (m, 2) configuration and atom of each member of the active set; -1 for unit rows.
        notes: what to know about them.
    """

    grades: Grades
    training: Floats
    held_out: Floats
    environments: Numbers
    active: Mapping[str, ActiveSet]
    members: Mapping[str, Numbers]
    notes: tuple[str, ...]


class Rater(Protocol):
    """A kind of grade: a matrix for each element, of all training data or of those without a fold."""

    @property
    def kind(self) -> GradeKind:
        """What the grades are called."""
        ...

    @property
    def maximum(self) -> bool:
        """Whether the norm is the largest absolute value."""
        ...

    @property
    def folds(self) -> Sequence[int]:
        """Folds that can be left out."""
        ...

    def matrix(self, species: int, left_out: int | None) -> Floats:
        """W (r, n_basis + 1)."""
        ...


@dataclass(frozen=True)
class ByLeverage:
    """Leverage of the training environments; `unseen` is the fold that the final fit leaves out, if any."""

    moments: Moments
    n_folds: int
    unseen: int | None = None
    kind: GradeKind = "leverage"
    maximum: bool = False

    @property
    def folds(self) -> Sequence[int]:
        return range(self.n_folds)

    def matrix(self, species: int, left_out: int | None) -> Floats:
        return self.moments.factor(species, self.unseen if left_out is None else left_out)


@dataclass(frozen=True)
class ByPosterior:
    """Standard deviation of the site energy.

    Attributes:
        whole, held_out: posteriors of all data, and of those without each fold.
        columns: of their factors.
        composition: (elements, k) the directions of composition.
    """

    whole: Inferred
    held_out: Sequence[Inferred]
    columns: Columns
    composition: Floats
    kind: GradeKind = "posterior"
    maximum: bool = False

    @property
    def folds(self) -> Sequence[int]:
        return range(len(self.held_out))

    def matrix(self, species: int, left_out: int | None) -> Floats:
        factor = (self.whole if left_out is None else self.held_out[left_out]).factor
        n_basis = self.columns.n_functions // self.columns.n_elements
        functions = factor[self.columns.functions][species * n_basis : (species + 1) * n_basis]
        rows = np.vstack([functions, self.composition[[species]] @ factor[self.columns.composition]]).T
        if len(rows) <= rows.shape[1]:
            return rows
        return triangle(np.asfortranarray(rows))


class ByActiveSet:
    """Largest coefficient in an active set. Of the folds only the first is left out: active sets take time."""

    kind: GradeKind = "d-optimality"
    maximum = True

    def __init__(
        self,
        model: Model,
        configurations: Sequence[Configuration],
        folds: Sequence[int],
        used: NDArray[np.bool_],
        unseen: int | None = None,
    ) -> None:
        """For configurations, their folds, the functions (elements, n_basis) used, and a fold that is not fitted to."""
        self._unseen = unseen
        self._model, self._configurations, self._of = model, configurations, np.asarray(folds)
        self._used = [np.flatnonzero(own) for own in used]
        self.sets: dict[str, ActiveSet] = {}
        self.members: dict[str, Numbers] = {}
        self.folds: Sequence[int] = range(min(1, max(folds, default=-1) + 1))

    def matrix(self, species: int, left_out: int | None) -> Floats:
        apart = self._unseen if left_out is None else left_out
        kept = [number for number, fold in enumerate(self._of) if fold != apart]
        configurations = [self._configurations[number] for number in kept]
        used = self._used[species]
        whole = np.zeros((max(1, len(used)), self._model.n_basis + 1))
        if not len(used):
            return whole

        def blocks() -> Iterator[Floats]:
            return (block.values[:, used] for block in environment_blocks(self._model, configurations, species))

        found = active_set(blocks, len(used))
        whole[:, used] = found.inverse.T
        if left_out is None:
            element = self._model.elements[species]
            self.sets[element] = found
            self.members[element] = self._places(species, found.numbers, kept)
        return whole

    def _places(self, species: int, numbers: Numbers, kept: Sequence[int]) -> Numbers:
        """Configuration and atom of candidates by their numbers; -1 for unit rows."""
        blocks = environment_blocks(self._model, [self._configurations[number] for number in kept], species)
        of = np.asarray(kept)
        places = np.concatenate([np.column_stack([of[block.configurations], block.atoms]) for block in blocks])
        return np.where(numbers[:, None] >= 0, places[np.maximum(numbers, 0)], -1)


def norms(combinations: Floats, maximum: bool) -> Floats:
    """Norm of each row (m, r), (m,)."""
    found: Floats = np.abs(combinations).max(axis=1) if maximum else np.linalg.norm(combinations, axis=1)
    return found


def grades_of(model: Model, grades: Grades, configurations: Sequence[Configuration]) -> tuple[Floats, Numbers]:
    """Grades (n,) of all atoms of some configurations, and the (n, 2) configuration and atom."""
    values, places = [np.zeros(0)], [np.zeros((0, 2), dtype=np.int64)]
    for block in environment_blocks(model, configurations):
        combinations = block.values @ grades.rows[block.species].T + grades.constants[block.species]
        values.append(norms(combinations, grades.kind == "d-optimality"))
        places.append(np.column_stack([block.configurations, block.atoms]))
    return np.concatenate(values), np.concatenate(places)


def fit_grades(
    model: Model,
    configurations: Sequence[Configuration],
    folds: Sequence[int],
    rater: Rater,
    rank: int,
    seed: int,
    progress: Progress,
) -> GradeFit:
    """Matrices of all elements, their units and thresholds.

    Args:
        model: the compiled basis.
        configurations: the training data.
        folds: the fold of each, negative for those that are never held out.
        rater: the kind of grade.
        rank: largest number of rows of a Euclidean norm of more functions than that.
        seed: of the random combinations.
        progress: receives the number of configurations done.
    """
    exact = {species: rater.matrix(species, None) for species in range(len(model.elements))}
    matrices: dict[tuple[int, int | None], Floats] = {}
    for species in exact:
        for fold in (None, *rater.folds):
            own = exact[species] if fold is None else rater.matrix(species, fold)
            generator = np.random.default_rng((seed, species))  # the same combinations for all folds
            few = rater.maximum or len(own) <= rank + 1  # b̃ has one entry more than there are functions
            matrices[species, fold] = own if few else sketched(own, rank, generator)
    graded = _graded(model, configurations, folds, matrices, exact, rater, progress)
    unit = 1.0
    if isinstance(rater, ByPosterior):
        unit = float(np.quantile(graded.training, _LARGEST)) or 1.0
    training, held_out = graded.training / unit, graded.held_out / unit
    first, notes = first_threshold(held_out, graded.environments[:, 0], [c.config_type for c in configurations])
    rows = [matrices[species, None] / unit for species in exact]
    stacked = _stacked(rows)
    ratios = graded.ratios
    error = float(np.quantile(np.abs(ratios - 1), 0.95)) if len(ratios) else 0.0
    grades = Grades(
        kind=rater.kind,
        rows=stacked[..., :-1],
        constants=stacked[..., -1],
        thresholds=(first, STOP * first),
        error=error,
    )
    active, members = (rater.sets, rater.members) if isinstance(rater, ByActiveSet) else ({}, {})
    notes += tuple(_unit_rows(active))
    return GradeFit(grades, training, held_out, graded.environments, active, members, notes)


@dataclass(frozen=True)
class _Graded:
    training: Floats
    held_out: Floats
    environments: Numbers
    ratios: Floats


def _graded(
    model: Model,
    configurations: Sequence[Configuration],
    folds: Sequence[int],
    matrices: Mapping[tuple[int, int | None], Floats],
    exact: Mapping[int, Floats],
    rater: Rater,
    progress: Progress,
) -> _Graded:
    """All training environments graded, and a part of them exactly."""
    of = np.asarray(folds)
    training, held_out, places, ratios = [], [], [], [np.zeros(0)]
    left = {species: _MEASURED for species in exact if len(exact[species]) > len(matrices[species, None])}
    for block in environment_blocks(model, configurations):
        progress.advance(int(block.configurations[0]), len(configurations))
        values, species = with_one(block.values), block.species
        grades = norms(values @ matrices[species, None].T, rater.maximum)
        unseen = np.full(len(values), np.nan)
        for fold in rater.folds:
            own = of[block.configurations] == fold
            unseen[own] = norms(values[own] @ matrices[species, fold].T, rater.maximum)
        if left.get(species):
            # Evenly spread over the block: configurations in order are often of one kind.
            some = np.unique(np.linspace(0, len(values) - 1, min(len(values), left[species])).astype(int))
            true = norms(values[some] @ exact[species].T, rater.maximum)
            ratios.append(grades[some][true > 0] / true[true > 0])
            left[species] -= len(some)
        training.append(grades)
        held_out.append(unseen)
        places.append(np.column_stack([block.configurations, block.atoms]))
    return _Graded(*map(np.concatenate, (training, held_out, places, ratios)))


def first_threshold(held_out: Floats, configurations: Numbers, kinds: Sequence[str]) -> tuple[float, tuple[str, ...]]:
    """The grade above which a configuration is worth labelling (see the module), and a note if it is not known.

    Args:
        held_out: (n,) grades; NaN where an atom was not held out.
        configurations: (n,) their numbers.
        kinds: of the configurations.
    """
    largest = largest_by_configuration(held_out, configurations)
    if not largest:
        text = "nothing was held out to grade: the thresholds of grades are not those of unseen data"
        return _UNKNOWN, (text,)
    end = float(np.quantile([*largest.values()], SELECT, method="higher"))
    by_kind: dict[str, list[float]] = {}
    for number, grade in largest.items():
        by_kind.setdefault(kinds[number], []).append(grade)
    groups = [own for own in by_kind.values() if len(own) >= MANY] or [[*largest.values()]]
    typical = max(float(np.median(own)) for own in groups)
    found = max(1.0, min(end, TYPICAL * typical))
    if found <= LARGEST_FIRST:
        return found, ()
    text = (
        f"unseen configurations of the training data have grades around {found:,.3g}, so that they say little about "
        f"each other: the first threshold of grades is {LARGEST_FIRST:g}, and new configurations will often exceed it"
    )
    return LARGEST_FIRST, (text,)


def largest_by_configuration(grades: Floats, configurations: Numbers) -> dict[int, float]:
    """The largest grade of each configuration that has any, by number."""
    known = ~np.isnan(grades)
    found: dict[int, float] = {}
    for number, grade in zip(configurations[known], grades[known], strict=True):
        found[int(number)] = max(found.get(int(number), 0.0), float(grade))
    return found


def _stacked(rows: Sequence[Floats]) -> Floats:
    """(elements, r, n) of matrices (r_z, n), with zero rows where there are fewer."""
    whole = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]))
    for own, matrix in zip(whole, rows, strict=True):
        own[: len(matrix)] = matrix
    return whole


def _unit_rows(active: Mapping[str, ActiveSet]) -> Iterable[str]:
    for element, own in active.items():
        if own.n_units:
            yield (
                f"the training environments of {element} do not determine {own.n_units:,} of the {len(own.rows):,} "
                "rows of its active set, which unit rows complete: grades are large for whatever has an extent there"
            )
        if not own.complete:
            yield f"the active set of {element} was still improving when the passes ended"
