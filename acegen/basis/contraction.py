"""Contraction of slots: what a coupled product becomes when some of its particles coincide.

Merging the slots of a block b replaces Π_{t∈b} S_{l_t m_t} by Σ_LM γ_LM S_LM. Applied to an invariant tensor this
gives invariant tensors on the block degrees L, so it is a small rational matrix between invariant spaces,
one for each choice of L per block. It depends only on the l's and on the partition.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import product as cartesian

from flint import fmpq
from sympy.utilities.iterables import multiset_partitions

from acegen.algebra.angular import AngularAlgebra, Matrix
from acegen.algebra.field import Rational
from acegen.basis.invariants import invariant_space

Partition = tuple[tuple[int, ...], ...]
"""Blocks of slot numbers."""


@cache
def set_partitions(order: int) -> tuple[Partition, ...]:
    """All set partitions of the slots 0 .. order - 1."""
    return tuple(
        tuple(sorted(tuple(sorted(block)) for block in blocks)) for blocks in multiset_partitions(list(range(order)))
    )


@dataclass(frozen=True)
class Contraction:
    """Image of the invariant space of some l's in the invariant space of one choice of block degrees.

    `block_order[i]` is the block that fills slot i of the result (slots sorted by degree), and row k of
    `matrix` holds the coordinates of the image of the k-th invariant tensor.
    """

    l: tuple[int, ...]
    block_order: tuple[int, ...]
    matrix: Matrix


@cache
def contractions(angular: AngularAlgebra, l: tuple[int, ...], partition: Partition) -> tuple[Contraction, ...]:
    """All non-zero contractions of the invariant tensors of `l` over the blocks of `partition`."""
    source = invariant_space(angular, l)
    dimension = source.dimension
    images: dict[tuple[int, ...], list[defaultdict[tuple[int, ...], Rational]]] = {}
    for row, tensor in enumerate(source.tensors):
        for key, value in tensor.items():
            factors = [angular.product(tuple((l[slot], key[slot]) for slot in block)) for block in partition]
            for choice in cartesian(*factors):
                weight = value
                for _, _, gamma in choice:
                    weight = weight * gamma
                degrees = tuple(degree for degree, _, _ in choice)
                target = tuple(m for _, m, _ in choice)
                if degrees not in images:
                    images[degrees] = [defaultdict(fmpq) for _ in range(dimension)]
                images[degrees][row][target] += weight
    result = []
    for degrees, rows in sorted(images.items()):
        order = tuple(sorted(range(len(degrees)), key=degrees.__getitem__))
        space = invariant_space(angular, tuple(degrees[block] for block in order))
        position = {block: slot for slot, block in enumerate(order)}
        pivots = [tuple(pivot[position[block]] for block in range(len(order))) for pivot in space.pivots]
        matrix = tuple(tuple(row.get(pivot, fmpq(0)) for pivot in pivots) for row in rows)
        if any(any(row) for row in matrix):
            result.append(Contraction(space.l, order, matrix))
    return tuple(result)
