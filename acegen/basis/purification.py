"""Purification in the coupled space, by the closed formula over set partitions.

    𝓑 = Σ_π Π_{b∈π} (-1)^{|b|-1} (|b|-1)! · B[ slots of each block b merged ]

(Möbius function of the partition lattice; Ho, Gutleb, Ortner, arXiv 2401.01550, and the closed form of their
recursion.) The radial and the angular part of a merged block are independent: a rational vector per
n-multiset times a small matrix per l-tuple, both derived once and shared by every label.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from itertools import product as cartesian
from math import factorial, prod

from flint import fmpq

from acegen.algebra.angular import AngularAlgebra
from acegen.algebra.field import Rational
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis.contraction import Partition, contractions, set_partitions
from acegen.basis.invariants import row_times_matrix, symmetric_space, symmetrization
from acegen.basis.labels import Channel, Label, channel_pattern

CoupledIndex = tuple[Label, int]
"""A coupled function: its label and its number among the functions of that label."""

Row = Mapping[CoupledIndex, Rational]


def purify_label(label: Label, radial: PolynomialAlgebra, angular: AngularAlgebra) -> list[Row]:
    """The canonical functions of a label as combinations of self-interacting ones, one row per function."""
    l, ranks = channel_pattern(label)
    dimension = symmetric_space(angular, l, ranks).dimension
    rows: list[defaultdict[CoupledIndex, Rational]] = [defaultdict(fmpq) for _ in range(dimension)]
    for partition, moebius in _partitions(len(label)):
        if any(len({label[slot].species for slot in block}) > 1 for block in partition):
            continue  # one particle has one species: the product of the block vanishes
        merged = [radial.product([label[slot].n for slot in block]) for block in partition]
        species = [label[block[0]].species for block in partition]
        for number, contraction in enumerate(contractions(angular, l, partition)):
            order = contraction.block_order
            channels = [
                [(degree, species[block], n) for n, _ in merged[block]]
                for degree, block in zip(contraction.l, order, strict=True)
            ]
            factors = [[rho for _, rho in merged[block]] for block in order if len(partition[block]) > 1]  # others: one
            weights = cartesian([moebius], *factors)
            for slots, rhos in zip(cartesian(*channels), weights, strict=True):
                target, arrangement = sort_slots(slots)
                weight = rhos[0] if len(rhos) == 1 else prod(rhos[1:], start=rhos[0])
                for row, index, entry in contracted_entries(angular, l, ranks, partition, number, arrangement):
                    rows[row][target, index] += weight * entry
    return [{key: value for key, value in row.items() if value} for row in rows]


@cache
def sort_slots(slots: tuple[tuple[int, int, int], ...]) -> tuple[Label, tuple[int, ...]]:
    """Channels (l, species, n) in slots of ascending l as a sorted label, and the rank of each slot's channel."""
    rank = {channel: number for number, channel in enumerate(sorted(set(slots)))}
    return tuple(Channel(*channel) for channel in sorted(slots)), tuple(rank[channel] for channel in slots)


@cache
def contracted_entries(
    angular: AngularAlgebra,
    l: tuple[int, ...],
    ranks: tuple[int, ...],
    partition: Partition,
    number: int,
    arrangement: tuple[int, ...],
) -> tuple[tuple[int, int, Rational], ...]:
    """Angular part of a block term: functions of (l, ranks) → functions of the merged label; row, column and value.

    Entries that are zero are left out. `arrangement` may omit the first of the merged slots if they have l = 0: the
    invariant tensors are the same without them, so have the same coordinates.
    """
    contraction = contractions(angular, l, partition)[number]
    left = contraction.l[len(contraction.l) - len(arrangement) :]
    target = symmetrization(angular, left, arrangement) if left else ((fmpq(1),),)
    return tuple(
        (row, column, entry)
        for row, function in enumerate(symmetric_space(angular, l, ranks).coordinates)
        for column, entry in enumerate(row_times_matrix(row_times_matrix(function, contraction.matrix), target))
        if entry
    )


@cache
def _partitions(order: int) -> tuple[tuple[Partition, Rational], ...]:
    """Set partitions of the slots with their Möbius weights."""
    result = []
    for partition in set_partitions(order):
        weight = 1
        for block in partition:
            weight *= (-1) ** (len(block) - 1) * factorial(len(block) - 1)
        result.append((partition, fmpq(weight)))
    return tuple(result)
