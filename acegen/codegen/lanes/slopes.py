"""Derivatives of the coupled functions, as the basis kernel keeps them.

Functions and values have derivatives by *rows*: the A's, and the components of those values whose derivatives by the
neighbours are computed first, because so many functions depend on them. Two functions are contracted with these rows
at a time. So functions are ordered in such a way that neighbours depend on the same rows, as far as possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from acegen.codegen.lanes.target import Target

Block = tuple[int, ...]
"""Consecutive rows of one species, on which functions depend together."""


class SlopeLists(NamedTuple):
    """Where the derivatives of two functions by the rows of one species stand; `slope_lists` in `basis.c`."""

    used: int
    slope: int
    common: int
    first: int
    second: int


class Place(NamedTuple):
    """Where the derivatives of a function by a block stand: the first number, and how far apart they are."""

    first: int
    step: int


@dataclass
class SlopeTables:
    """Arrays of `basis.c`, filled pair by pair.

    Attributes:
        used: numbers of the rows, counted from the first of their species.
        count: of derivatives.
    """

    used: list[int] = field(default_factory=list)
    count: int = 0

    def add(
        self, first: Sequence[Block], second: Sequence[Block]
    ) -> tuple[SlopeLists, dict[Block, Place], dict[Block, Place]]:
        """The lists of two functions for one species, and where their derivatives go.

        Args:
            first, second: the blocks they depend on.
        """
        common = [block for block in first if block in second]
        parts = [common, *([block for block in own if block not in common] for own in (first, second))]
        sizes = [sum(map(len, part)) for part in parts]
        lists = SlopeLists(len(self.used), self.count, *sizes)
        places: tuple[dict[Block, Place], dict[Block, Place]] = ({}, {})
        position = self.count
        for block in common:
            for number, own in enumerate(places):
                own[block] = Place(position + number, 2)
            position += 2 * len(block)
        for part, own in zip(parts[1:], places, strict=True):
            for block in part:
                own[block] = Place(position, 1)
                position += len(block)
        self.used += [row for part in parts for block in part for row in block]
        self.count = position
        return lists, *places


class Exchange(NamedTuple):
    """A step of the transposition of a square of lanes: two rows, and the elements of both that replace them."""

    low: int
    high: int
    first: tuple[int, ...]
    second: tuple[int, ...]


def most_columns(target: Target) -> int:
    """Lanes of which the sums for two functions stay in registers, beside one of a row and two factors.

    With more than seven, what the functions of a tile depend on would not stay in the first level of the cache.
    """
    return max(4, min(7, (target.variables - 3) // 2))


def transposition(lanes: int) -> tuple[Exchange, ...]:
    """Exchange of blocks of 1, 2, 4, ... rows and columns."""
    steps = []
    size = 1
    while size < lanes:
        first = tuple(lanes + k - size if k & size else k for k in range(lanes))
        second = tuple(lanes + k if k & size else k + size for k in range(lanes))
        steps += [Exchange(row, row + size, first, second) for row in range(lanes) if not row & size]
        size *= 2
    return tuple(steps)
