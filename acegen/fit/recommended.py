"""The recommended model: a spec made from the data, when only elements are given.

Distances decide cutoff, transform lengths, core and inner cutoff; the amount of data decides the number of functions.
The kind of basis - transform, weight of angular momenta, levels by order - is chosen by cross-validating a few small
ones on part of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import acegen
from acegen.basis.estimate import estimate_size
from acegen.errors import FitError
from acegen.fit.assembly import assemble, make_assembler
from acegen.fit.core import OUTER, core_tables
from acegen.fit.dataset import Configuration, Dataset, Parts
from acegen.fit.folds import ALWAYS, Decisive, assign_folds
from acegen.fit.merit import compared
from acegen.fit.request import CUTOFFS, ModelRequest
from acegen.fit.ridge import cross_validate
from acegen.fit.settings import QUANTITIES, FitSettings
from acegen.fit.survey import Survey, survey
from acegen.progress import Progress, Silent
from acegen.spec import Spec, load_atomic_spec
from acegen.spec.fields import PairLengths, by_pair, element_pairs

MOST_FUNCTIONS = 1050
"""Default maximum of functions per centre."""

_MOST_COLUMNS = 2000
"""Default maximum of functions of all centres together: with more, solving takes minutes."""

_COMPONENTS_PER_COLUMN = 4
"""Minimum number of energies and force components per function; the prior takes care of the rest."""

_LEAST_FUNCTIONS = 60

_TYPICAL = 1.3
"""Length of the Agnesi transform over the typical distance of a pair: its resolution is best where neighbours are."""

_NEIGHBOURS = 50
"""Mean number of neighbours within the cutoff, unless a cutoff is given."""

_MOLECULES = 5.0
"""Å, the cutoff for molecules so small that no atom has as many neighbours."""

_SHELLS = 1.9
"""Minimum cutoff over the smallest typical distance of a pair, if as many neighbours are not within 7 Å: three shells
of close-packed crystals of large atoms, such as lead or caesium."""

_PAIR_DEGREE = 14

_PILOT_FUNCTIONS = 260
"""Functions per centre of the small bases that are compared, and columns of all centres together."""
_PILOT_COLUMNS = 1200

_PILOT_ATOMS = 2000
"""Atoms of the part of the data used to compare them."""

_PILOT_FOLDS = 3

_STEP = Fraction(1, 4)


@dataclass(frozen=True)
class Family:
    """A kind of basis of any size.

    Attributes:
        transform: of distances.
        angular_weight: of l in the level.
        below: by order from 2, how much lower its level is than that of order 2.
    """

    transform: str
    angular_weight: Fraction
    below: tuple[Fraction, ...]

    def __str__(self) -> str:
        return f"{self.transform}, order {len(self.below) + 1}, angular weight {float(self.angular_weight):g}"


FAMILIES = (
    Family("smoothstep", Fraction(9, 20), (Fraction(0), Fraction(1), Fraction(9, 2))),
    Family("smoothstep", Fraction(3, 5), (Fraction(0), Fraction(1))),
    Family("agnesi", Fraction(3, 5), (Fraction(0), Fraction(1))),
    Family("agnesi", Fraction(3, 4), (Fraction(0), Fraction(2))),
    Family("agnesi", Fraction(1), (Fraction(0), Fraction(2))),
    Family("agnesi", Fraction(5, 4), (Fraction(0), Fraction(2))),
)
"""From many angular channels, for atoms among like neighbours at one distance, to many radial ones, for bonds."""


@dataclass(frozen=True)
class Trial:
    """A family, and the results of cross-validating a small basis of it.

    Attributes:
        family: the family.
        functions: functions per centre of the small basis.
        energy: root mean square error of held-out data, eV/atom; None without energies.
        forces: likewise, eV/Å.
        score: figure of merit, smaller is better.
    """

    family: Family
    functions: int
    energy: float | None
    forces: float | None
    score: float


@dataclass(frozen=True)
class Recommendation:
    """The model, and the reasons for it.

    Attributes:
        spec: the model.
        reasons: one paragraph.
        trials: the families that were compared.
    """

    spec: Spec
    reasons: str
    trials: tuple[Trial, ...]


def recommend(settings: FitSettings, parts: Parts, cache: str, progress: Progress) -> Recommendation:
    """Make the spec of the model requested by a `ModelRequest`.

    Args:
        settings: with the request as their spec.
        parts: the data of the fit; only the training data are used.
        cache: folder for the small bases and their triangles.
        progress: receives the number of families done.

    Raises:
        FitError: even the smallest model has more functions than requested, or the requested cutoff is too short.
    """
    request = settings.spec
    assert isinstance(request, ModelRequest)
    found = survey(parts.training.configurations, request.elements)
    base = _Base(request, found)
    most = request.functions or _affordable(found.n_components, len(request.elements))
    small = _part(parts.training.configurations, settings.data.seed, settings.decisive)
    trials: list[Trial] = []
    if small.n_folds:
        trials = _compare(_pilots(base, most, request), settings, small, cache, progress)
    family = min(trials, key=lambda trial: trial.score).family if trials else FAMILIES[0]
    spec = base.sized(family, most)
    if spec is None:
        raise _too_small(base, family, request, most)
    return Recommendation(spec, base.reasons(family, spec, most, trials), tuple(trials))


def candidates(settings: FitSettings, parts: Parts) -> tuple[tuple[Spec, ...], tuple[Spec, ...]]:
    """The models that `recommend` would compare, and those of which it would take one. Nothing is compiled.

    Arguments and errors as for `recommend`.

    Returns:
        Small models, none where there is nothing to hold out; and the largest of the same families.
    """
    request = settings.spec
    assert isinstance(request, ModelRequest)
    found = survey(parts.training.configurations, request.elements)
    base = _Base(request, found)
    most = request.functions or _affordable(found.n_components, len(request.elements))
    small = _part(parts.training.configurations, settings.data.seed, settings.decisive)
    pilots = _pilots(base, most, request) if small.n_folds else []
    families = [family for family, _ in pilots] or [FAMILIES[0]]
    specs = [spec for spec in (base.sized(family, most) for family in families) if spec is not None]
    if not specs:
        raise _too_small(base, FAMILIES[0], request, most)
    return tuple(spec for _, spec in pilots), tuple(specs)


def _pilots(base: _Base, most: int, request: ModelRequest) -> list[tuple[Family, Spec]]:
    """The small models that are compared."""
    n_elements = len(request.elements)
    pilot = min(most, _PILOT_FUNCTIONS, max(_LEAST_FUNCTIONS, _PILOT_COLUMNS // n_elements))
    sized = ((family, base.sized(family, pilot)) for family in FAMILIES)
    return [(family, spec) for family, spec in sized if spec is not None]


def pilot_folder(cache: str, number: int) -> str:
    """Where a small model is compiled and assembled: one each, since they share a name, and may be reused."""
    return f"{cache}/candidates/{number}"


def _too_small(base: _Base, family: Family, request: ModelRequest, most: int) -> FitError:
    return FitError(
        f"spec.functions = {most} is too small: the smallest model of {', '.join(request.elements)} has "
        f"{base.least(family)} functions per centre. Raise it, or leave it out."
    )


class _Base:
    """The part of the spec shared by all candidates."""

    def __init__(self, request: ModelRequest, found: Survey) -> None:
        self._request, self._survey = request, found
        low, high = CUTOFFS
        reached = found.distance_of(_NEIGHBOURS)
        sparse = max(_MOLECULES, _SHELLS * min(found.typical.values(), default=0.0))
        self._cutoff: PairLengths = round(sparse if reached is None else min(max(reached, low), high), 1)
        if request.cutoff is not None:
            self._cutoff = request.cutoff
        self._r0 = self._lengths()
        nearest = {(a, b): distance for pair, distance in found.nearest.items() for a, b in [pair.split("-")]}
        self._core = core_tables(nearest, request.elements)
        if request.inner_cutoff is None:
            self._check_cutoff()

    def _check_cutoff(self) -> None:
        for pair, cutoff in by_pair(self._cutoff, self._request.elements).items():
            begin = self._core["inner_cutoff"]["outer"][pair]
            if begin >= cutoff:
                raise FitError(
                    f"spec.cutoff = {cutoff:g} Å is too short for the pair {pair}: the core begins below {begin:g} Å, "
                    f"{OUTER} times the smallest distance in the data. Raise it, or leave it out."
                )

    def _lengths(self) -> dict[str, float]:
        """r0 by pair. A pair missing from the data gets the mean of the others."""
        typical = self._survey.typical
        mean = float(np.mean(list(typical.values()))) if typical else 2.5
        cutoffs = by_pair(self._cutoff, self._request.elements)
        return {
            pair: round(min(_TYPICAL * typical.get(pair, mean), 0.8 * cutoffs[pair]), 3)
            for pair in element_pairs(self._request.elements)
        }

    def document(self, family: Family, top: Fraction) -> dict[str, Any]:
        """The spec whose level of order 2 is `top`."""
        request = self._request
        levels = [top - below for below in family.below]
        kept = [level for order, level in enumerate(levels, start=2) if level >= order or order == 2]
        basis: dict[str, Any] = {"elements": list(request.elements), "order": len(kept) + 1}
        basis["level"] = [str(level) for level in (kept[0], *kept)]
        basis["angular_weight"] = str(family.angular_weight)
        basis["expansion"] = request.expansion
        radial: dict[str, Any] = {"cutoff": self._cutoff, "transform": family.transform}
        if family.transform == "agnesi":
            radial["agnesi"] = {"r0": self._r0}
        document: dict[str, Any] = {"name": request.name, "basis": basis, "radial": radial}
        document["pair"] = request.pair or {"degree": _PAIR_DEGREE}
        document["zbl"] = request.zbl or self._core["zbl"]
        document["inner_cutoff"] = request.inner_cutoff or self._core["inner_cutoff"]
        return document

    def sized(self, family: Family, most: int) -> Spec | None:
        """The largest model of a family with at most `most` functions per centre; None if there is none."""
        largest: Spec | None = None
        top = Fraction(2)
        while True:
            spec = load_atomic_spec(self.document(family, top))
            if sum(estimate_size(spec).functions) > most:
                return largest
            largest, top = spec, top + _STEP

    def least(self, family: Family) -> int:
        """Functions per centre of the smallest model."""
        return sum(estimate_size(load_atomic_spec(self.document(family, Fraction(2)))).functions)

    def reasons(self, family: Family, spec: Spec, most: int, trials: Sequence[Trial]) -> str:
        """The paragraph for the report."""
        request, found = self._request, self._survey
        distances = ", ".join(
            f"{pair} {found.nearest[pair]:.2f} ({typical:.2f})" for pair, typical in found.typical.items()
        )
        text = [f"Smallest and, in brackets, typical nearest distances of the data, Å: {distances or 'none'}."]
        if request.zbl is None and request.inner_cutoff is None:
            text.append("Well below the smallest ones a ZBL core replaces the fitted part.")
        if request.cutoff is None:
            low, high = CUTOFFS
            text.append(
                f"Cutoff {self._cutoff} Å: the distance within which atoms have some {_NEIGHBOURS} neighbours, but "
                f"between {low} and {high} Å; if that is beyond 7 Å, {_SHELLS} times the smallest typical distance, "
                f"but at least {_MOLECULES} Å."
            )
        if len(trials) > 1:
            first, second = sorted(trials, key=lambda trial: trial.score)[:2]
            text.append(
                f"Of {len(trials)} kinds of basis with about {first.functions} functions per centre, cross-validated "
                f"on part of the data, {family} predicted best (mean logarithm of errors "
                f"{second.score - first.score:.3f} below that of the next, {second.family})."
            )
        if not trials:
            text.append(f"There was nothing to hold out, so kinds of basis were not compared: {family}.")
        if family.transform == "agnesi":
            text.append(f"The length of the transform is {_TYPICAL} times the typical distance of each pair.")
        count = sum(estimate_size(spec).functions)
        if request.functions is not None:
            text.append(f"{count:,} functions per centre: at most {most:,} were requested.")
        else:
            text.append(
                f"{count:,} functions per centre: at most {MOST_FUNCTIONS:,}, {_MOST_COLUMNS:,} for all elements "
                f"together, and one per {_COMPONENTS_PER_COLUMN} of the {found.n_components:,} energies and force "
                "components."
            )
        return " ".join(text)


def _affordable(components: int, n_elements: int) -> int:
    by_data = components // (_COMPONENTS_PER_COLUMN * n_elements)
    return max(_LEAST_FUNCTIONS, min(MOST_FUNCTIONS, _MOST_COLUMNS // n_elements, by_data))


def _part(configurations: Sequence[Configuration], seed: int, decisive: Decisive = (QUANTITIES,)) -> Parts:
    """Some configurations of each kind, with new folds; only small ones if large ones leave too few folds."""
    order = list(map(int, np.random.default_rng(seed).permutation(len(configurations))))
    some = _first_of_kinds(configurations, order, seed, decisive)
    if some.n_folds == _PILOT_FOLDS:
        return some
    small = [number for number in order if len(configurations[number].atoms) <= _PILOT_ATOMS // _PILOT_FOLDS]
    return max(some, _first_of_kinds(configurations, small, seed, decisive), key=lambda parts: parts.n_folds)


def _first_of_kinds(
    configurations: Sequence[Configuration], order: Sequence[int], seed: int, decisive: Decisive
) -> Parts:
    """Configurations of one kind after the other, the last of each first, until there are enough atoms."""
    kinds: dict[str, list[int]] = {}
    for number in order:
        kinds.setdefault(configurations[number].config_type, []).append(number)
    chosen: list[int] = []
    atoms = 0
    while atoms < _PILOT_ATOMS and any(kinds.values()):
        for members in kinds.values():
            if members and atoms < _PILOT_ATOMS:
                chosen.append(members.pop())
                atoms += len(configurations[chosen[-1]].atoms)
    some = tuple(configurations[number] for number in sorted(chosen))
    folds = assign_folds(some, _PILOT_FOLDS, seed, decisive)
    if not all(any(c.has_any(quantities) for c in some) for quantities in decisive):
        folds = (ALWAYS,) * len(some)  # no decisive labels
    return Parts(Dataset(some), folds, Dataset(()))


def _compare(
    candidates: Sequence[tuple[Family, Spec]], settings: FitSettings, parts: Parts, cache: str, progress: Progress
) -> list[Trial]:
    """Cross-validate a basis of each family, with one weight and smoothness and the best strength of each."""
    found = []
    for done, (_, spec) in enumerate(candidates):
        progress.advance(done, len(candidates))
        own = settings.model_copy(update={"spec": spec})
        folder = pilot_folder(cache, done)
        basis = acegen.compile(spec, folder)
        assembler = make_assembler(own, basis, parts, folder)
        problem, _, _ = assemble(own, assembler, parts, Silent())
        with threadpool_limits(1):
            found.append(cross_validate(problem, settings.solver, settings.weights, settings.assembly.processes))
    trials = []
    for (family, spec), best in zip(candidates, compared(found), strict=True):
        errors = best.errors
        count = sum(estimate_size(spec).functions)
        trials.append(Trial(family, count, errors.get("energy"), errors.get("forces"), best.score))
    return trials
