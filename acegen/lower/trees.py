"""Coupled invariants in the derived basis of their label: exact coordinates.

An invariant is a polynomial in the A's of its label, with rational coefficients up to one root,

    P = sqrt(square) Σ_j coordinates[j] b_j,

where the b_j are those of `acegen.basis.invariants.SymmetricSpace`. All that depends only on the l's and on which
channels are equal; so the work is done for patterns, whose channels are (0, rank, l), and kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from itertools import product as cartesian
from math import factorial

from flint import fmpq

from acegen.algebra import harmonics
from acegen.algebra.angular import AngularAlgebra, MTuple
from acegen.algebra.field import Rational
from acegen.basis.invariants import SymmetricSpace, row_times_matrix, symmetric_space
from acegen.lower.couplings import coupling_norm_squared
from acegen.program.coupled import Channel
from acegen.program.pairings import Coupled, Invariant, Value

Pattern = tuple[Channel, ...]
"""A label whose channels are (0, rank, l), the ranks 0, 1, ... in the order of channels."""


def ordered(channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """Ascending by (l, species, n), as in labels."""
    return tuple(sorted(channels, key=lambda channel: (channel.l, channel.species, channel.n)))


def pattern_of(label: Sequence[Channel]) -> dict[Channel, Channel]:
    """The channels of an ordered label, each with its channel in the pattern."""
    return {channel: Channel(0, rank, channel.l) for rank, channel in enumerate(dict.fromkeys(label))}


def substituted(value: Value, channels: Mapping[Channel, Channel]) -> Value:
    """The value with other channels."""
    if isinstance(value, Channel):
        return channels[value]
    return Coupled(substituted(value.left, channels), substituted(value.right, channels), value.l)


def channels_of(value: Value) -> tuple[Channel, ...]:
    """From left to right."""
    return (value,) if isinstance(value, Channel) else (*channels_of(value.left), *channels_of(value.right))


@dataclass(frozen=True)
class Coordinates:
    """Coordinates of an invariant as above."""

    values: tuple[Rational, ...]
    square: Rational


def space_of(angular: AngularAlgebra, pattern: Pattern) -> SymmetricSpace:
    """The invariants of a pattern."""
    return symmetric_space(angular, tuple(c.l for c in pattern), tuple(c.n for c in pattern))


@cache
def coordinates(angular: AngularAlgebra, pattern: Pattern, invariant: Invariant) -> Coordinates:
    """Coordinates of an invariant of a pattern, from its coefficients at the pivots."""
    space = space_of(angular, pattern)
    nodes = [node for value in invariant for node in _nodes(value)]
    square, n_odd = fmpq(1), 0
    for node in nodes:
        l1, l2 = node.left.l, node.right.l
        square *= coupling_norm_squared(l1, l2, node.l)
        n_odd += (l1 + l2 + node.l) % 2
    sign = -1 if n_odd % 4 else 1  # of the factors -i, whose number is even
    at_pivots = [sign * _coefficient(invariant, pattern, pivot) for pivot in space.pivots]
    return Coordinates(row_times_matrix(at_pivots, space.from_pivots), square)


def _nodes(value: Value) -> Iterator[Coupled]:
    if isinstance(value, Coupled):
        yield value
        yield from _nodes(value.left)
        yield from _nodes(value.right)


def _coefficient(invariant: Invariant, pattern: Pattern, key: MTuple) -> Rational:
    """Coefficient of Π Z_{l m} for the m's of the slots: a sum over all ways to distribute them on equal channels."""
    groups: dict[Channel, list[int]] = {channel: [] for channel in pattern}
    for channel, m in zip(pattern, key, strict=True):
        groups[channel].append(m)
    total = fmpq(0)
    for arrangement in cartesian(*(sorted(set(permutations(group))) for group in groups.values())):
        total += _entry(invariant, dict(zip(groups, map(iter, arrangement), strict=True)))
    return total


def _entry(invariant: Invariant, m: Mapping[Channel, Iterator[int]]) -> Rational:
    """Entry of the tensor, without the factors f and Δ."""
    weight, total = fmpq(1), 0
    for value in invariant:
        factor, total = _component(value, m)
        weight *= factor
    if len(invariant) == 1:
        return weight
    l = invariant[0].l
    return weight * fmpq(factorial(l - abs(total)), factorial(l + abs(total))) if abs(total) <= l else fmpq(0)


def _component(value: Value, m: Mapping[Channel, Iterator[int]]) -> tuple[Rational, int]:
    """Coefficient of a product of Z's in the component M of a value, and M; takes an m for every channel."""
    if isinstance(value, Channel):
        return fmpq(1), next(m[value])
    left, m1 = _component(value.left, m)
    right, m2 = _component(value.right, m)
    g = harmonics.coupling(value.left.l, value.right.l, value.l)
    return left * right * g.get((m1, m2), fmpq(0)), m1 + m2


def norm_squared(coordinates: Coordinates, space: SymmetricSpace) -> Rational:
    """Of the symmetric tensor of an invariant, in the inner product of `acegen.basis.invariants`."""
    squares = (value * value * norm for value, norm in zip(coordinates.values, space.norms_squared, strict=True))
    return coordinates.square * sum(squares, fmpq(0)) / space.multiplicity
