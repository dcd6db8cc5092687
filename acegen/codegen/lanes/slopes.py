"""Derivatives of the coupled functions by the A's, as the basis kernel keeps them.

Two functions are contracted with the derivatives of the A's at a time. So functions are ordered in such a way that
neighbours depend on the same A's, as far as possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from acegen.codegen.lanes.target import Target
from acegen.program.kernel import KernelProgram, Row


class SlopeLists(NamedTuple):
    """Where the derivatives of two functions by the A's of one species stand; `slope_lists` in `basis.c`."""

    used: int
    slope: int
    common: int
    first: int
    second: int


@dataclass(frozen=True)
class SlopeTables:
    """Arrays of `basis.c`.

    Attributes:
        lists: by pair of functions and species.
        used: numbers of the A's, counted from the first of their species.
        count: of derivatives.
    """

    lists: tuple[tuple[SlopeLists, ...], ...]
    used: tuple[int, ...]
    count: int


class Exchange(NamedTuple):
    """A step of the transposition of a square of lanes: two rows, and the elements of both that replace them."""

    low: int
    high: int
    first: tuple[int, ...]
    second: tuple[int, ...]


def function_order(program: KernelProgram) -> tuple[int, ...]:
    """The coupled functions: by the species that they depend on, then by their channels (z, n, l), the largest l first."""
    names = program.layout.names

    def key(function: int) -> tuple[object, ...]:
        channels = {names[v][:3] for v in _factors(program, function)}
        descending = sorted((-l, species, n) for species, n, l in channels)
        return sorted({species for species, _, _ in channels}), descending, function

    return tuple(sorted(range(len(program.orders)), key=key))


def slope_tables(program: KernelProgram, order: Sequence[int], n_empty: int) -> SlopeTables:
    """Tables for the functions in an order, with empty ones after them."""
    layout = program.layout
    first_of = [min(k.offset for k in layout.shells if k.species == z) for z in range(len(program.species))]
    depends_on = [set(_factors(program, function)) for function in order]
    depends_on += [set()] * n_empty
    lists, count = [], 0
    used: list[int] = []
    for one, other in zip(depends_on[::2], depends_on[1::2], strict=True):
        of_pair = []
        for species, start in enumerate(first_of):
            kinds = (one & other, one - other, other - one)
            parts = [[v - start for v in sorted(kind) if layout.names[v][0] == species] for kind in kinds]
            of_pair.append(SlopeLists(len(used), count, *map(len, parts)))
            used += [v for part in parts for v in part]
            count += len(parts[0]) + sum(map(len, parts))
        lists.append(tuple(of_pair))
    return SlopeTables(tuple(lists), tuple(used), count)


def most_columns(target: Target) -> int:
    """Lanes of which the sums for two functions stay in registers, beside a row and two factors."""
    return next((most for variables, most in ((32, 8), (16, 5)) if target.variables >= variables), 4)


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


def _factors(program: KernelProgram, function: int) -> set[int]:
    """The A's that a coupled function depends on."""
    assert program.outputs.coupling is not None
    row: Row = program.outputs.coupling[function]
    return {v for product, _ in row for v in program.products[product]}
