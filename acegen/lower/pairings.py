"""Which coupled invariants there are for the labels of a basis; an optimizer chooses among them.

A label is split into two parts of equal or nearly equal size, each part is coupled to a common l, and the invariant is
the dot product of both. How a part of three is coupled depends on nothing but its channels, so that labels share it.
Invariants of two or three channels may also be values of their own, with l = 0, which are computed once for the
label itself and for all larger ones that have them as a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TypeAlias

import numpy as np

from acegen.algebra.angular import AngularAlgebra
from acegen.algebra.sphere import O3, IsometriesOfSpace
from acegen.basis.derive import Basis
from acegen.basis.labels import Label
from acegen.lower.trees import Pattern, coordinates, norm_squared, pattern_of, space_of, substituted
from acegen.program.coupled import Channel
from acegen.program.pairings import Choice, Coupled, Invariant, Value, sort_key

LARGEST_ORDER = 5
"""Labels of higher order stay products of A's."""

MOST_CANDIDATES = 30
"""Of a label of the largest order; all of lower orders."""

Vector: TypeAlias = tuple[float, ...]


def pairing_choices(basis: Basis, labels: Iterable[Label] | None = None) -> tuple[Choice, ...]:
    """The coupled invariants of labels, candidates with small l first.

    Args:
        basis: the basis.
        labels: those of interest; by default all that its functions need, in their order.

    Returns:
        A choice for each label of moderate order; none if the particles are not in space.
    """
    if not isinstance(basis.angular, IsometriesOfSpace):
        return ()
    if labels is None:
        labels = dict.fromkeys(function.label for function in basis.functions)
    return choices_of(map(program_label, labels))


def choices_of(labels: Iterable[tuple[Channel, ...]]) -> tuple[Choice, ...]:
    """The same for labels in the channels of programs, each ascending by (l, species, n), of particles in space."""
    choices = []
    for own in labels:
        if len(own) <= LARGEST_ORDER:
            pattern = pattern_of(own)
            found = _candidates(O3, tuple(pattern[channel] for channel in own))
            names = {general: channel for channel, general in pattern.items()}
            candidates = tuple(tuple(substituted(value, names) for value in one) for one in found.invariants)
            choices.append(Choice(own, candidates, found.coordinates))
    return tuple(choices)


def program_label(label: Label) -> tuple[Channel, ...]:
    """A label in the channels of programs."""
    return tuple(Channel(channel.species, channel.n, channel.l) for channel in label)


@dataclass(frozen=True)
class _Candidates:
    """Those of a pattern, as in `Choice`."""

    invariants: tuple[Invariant, ...]
    coordinates: tuple[Vector, ...]


@cache
def _candidates(angular: AngularAlgebra, pattern: Pattern) -> _Candidates:
    space = space_of(angular, pattern)
    norms = [float(norm / space.multiplicity) ** 0.5 for norm in space.norms_squared]
    found: dict[Invariant, Vector] = {}
    for invariant in sorted(_invariants(pattern), key=_cost):
        exact = coordinates(angular, pattern, invariant)
        if any(exact.values):
            size = float(norm_squared(exact, space)) ** 0.5 / float(exact.square) ** 0.5
            found[invariant] = tuple(
                float(value) * norm / size for value, norm in zip(exact.values, norms, strict=True)
            )
    invariants = list(found)
    if len(pattern) == LARGEST_ORDER:
        spanning = _spanning([found[invariant] for invariant in invariants], space.dimension)
        others = [position for position in range(len(invariants)) if position not in spanning]
        kept = sorted([*spanning, *others[: max(0, MOST_CANDIDATES - len(spanning))]])
        invariants = [invariants[position] for position in kept]
    return _Candidates(tuple(invariants), tuple(found[invariant] for invariant in invariants))


def _cost(invariant: Invariant) -> tuple[object, ...]:
    return sum(_degrees(value) for value in invariant), *map(sort_key, invariant)


def _degrees(value: Value) -> int:
    """Sum of the l's of all nodes."""
    return 0 if isinstance(value, Channel) else value.l + _degrees(value.left) + _degrees(value.right)


def _spanning(vectors: Sequence[Vector], dimension: int) -> set[int]:
    """Positions of vectors that span the space: the first that are not too close to the span of those before them."""
    for least in (0.5, 0.25, 0.1, 0.03, 0.01, 1e-3):
        chosen: set[int] = set()
        basis = np.zeros((0, dimension))
        for position, vector in enumerate(vectors):
            rest = np.array(vector)
            for _ in range(2):
                rest -= basis.T @ (basis @ rest)
            size = float(np.linalg.norm(rest))
            if size > least:
                chosen.add(position)
                basis = np.vstack([basis, rest / size])
        if len(chosen) == dimension:
            return chosen
    raise ArithmeticError("the couplings of a label do not span its invariants")


def _invariants(pattern: Pattern) -> Iterator[Invariant]:
    """All of a pattern, some of them several times; of a single channel, itself."""
    slots = range(len(pattern))
    if len(pattern) == 1:
        yield (pattern[0],)
    for part in combinations(slots, len(pattern) // 2):
        first = _values(tuple(pattern[slot] for slot in part))
        second = _values(tuple(pattern[slot] for slot in slots if slot not in part))
        for a in first:
            for b in second:
                if a.l == b.l:
                    yield tuple(sorted((a, b), key=sort_key))
    if 2 <= len(pattern) <= 3:
        yield from ((scalar,) for scalar in _scalars(pattern))
    if len(pattern) == 4:
        for slot in slots:
            if pattern[slot].l == 0:
                for scalar in _scalars(tuple(pattern[other] for other in slots if other != slot)):
                    yield pattern[slot], scalar


def _scalars(channels: tuple[Channel, ...]) -> Iterator[Coupled]:
    """Values with l = 0 of two or three channels, in all ways."""
    for last, channel in enumerate(channels):
        for value in _values(tuple(other for slot, other in enumerate(channels) if slot != last)):
            if value.l == channel.l:
                left, right = sorted((channel, value), key=sort_key)
                yield Coupled(left, right, 0)


@cache
def _values(channels: tuple[Channel, ...]) -> tuple[Value, ...]:
    """Values of a part, of all l: equal channels are coupled first, then those of small l."""
    if not channels:
        return ()
    if len(channels) == 1:
        return channels
    slots = range(len(channels))
    rests = [tuple(channels[other] for other in slots if other != slot) for slot in slots]
    last = max(slots, key=lambda slot: (len(rests[slot]) - len(set(rests[slot])), slot))
    found: list[Value] = []
    for value in _values(rests[last]):
        left, right = sorted((channels[last], value), key=sort_key)
        for l in range(abs(left.l - right.l), left.l + right.l + 1):
            if left != right or l % 2 == 0:  # equal factors have no odd l
                found.append(Coupled(left, right, l))
    return tuple(found)
