"""The pass that covers the products of two values of one degree by tiles: some rows times the columns they share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from heapq import heappop, heappush
from typing import NamedTuple, Protocol


class Tile(NamedTuple):
    """Products of each of some values, the rows, with others, the columns; which may be rows as well.

    Attributes:
        rows: the rows.
        columns: the columns.
        entries: positions (row, column) among them where there is a product.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    entries: frozenset[tuple[int, int]]


class CoupledCosts(Protocol):
    """What a target says about the time of coupled products."""

    def most_rows(self, l: int) -> int:
        """Most rows of a tile."""
        ...

    def tile_cycles(self, l: int, rows: int, columns: int) -> float:
        """Estimated time of a tile."""
        ...

    def pair_cycles(self, multiply_adds: int) -> float:
        """Estimated time of a pair, forward and back."""
        ...

    def rest_cycles(self, components: int, linear: int) -> float:
        """Estimated time of scaling the components of channels, and of products that are values by themselves."""
        ...


class ListedCosts:
    """Costs of scalar loops over all products, in multiply-adds."""

    def most_rows(self, l: int) -> int:
        return 1

    def tile_cycles(self, l: int, rows: int, columns: int) -> float:
        return 2 * (2 * l + 1.0) * rows * columns

    def pair_cycles(self, multiply_adds: int) -> float:
        return multiply_adds

    def rest_cycles(self, components: int, linear: int) -> float:
        return 2.0 * (components + linear)


_NEIGHBOURS = 24
"""If there are many rows, each is first tried with so many others after it, to bound the search."""

_FEW = 400

Cycles = Callable[[int, int], float]
"""Time by numbers of rows and columns."""


def cover(products: Collection[tuple[int, int]], l: int, costs: CoupledCosts) -> list[Tile]:
    """Tiles that contain each product once, widest first.

    Args:
        products: pairs of values, each in one order.
        l: degree of the values.
        costs: of tiles on a target.
    """

    def cycles(rows: int, columns: int) -> float:
        return costs.tile_cycles(l, rows, columns)

    rows = _rows(products)
    tiles = []
    for members, columns in _merged(rows, costs.most_rows(l), cycles):
        own = {column: tuple(row for row in members if column in rows[row]) for column in columns}
        tiles += _divided(members, own, cycles)
    return sorted(tiles, key=lambda tile: (-len(tile.columns), tile.rows))


def _rows(products: Collection[tuple[int, int]]) -> dict[int, frozenset[int]]:
    """Columns by row: of each product, the value that occurs in more products is the row, so that rows are long."""
    uses = Counter(value for pair in products for value in set(pair))
    rows: dict[int, set[int]] = defaultdict(set)
    for one, two in products:
        row, column = (one, two) if (-uses[one], one) <= (-uses[two], two) else (two, one)
        rows[row].add(column)
    return {row: frozenset(rows[row]) for row in sorted(rows, key=lambda row: (-uses[row], row))}


def _merged(
    rows: Mapping[int, frozenset[int]], most: int, cycles: Cycles
) -> list[tuple[tuple[int, ...], frozenset[int]]]:
    """Groups of rows with the union of their columns, merged two by two, those first that save the most time."""
    groups: dict[int, tuple[tuple[int, ...], frozenset[int]]] = {
        number: ((row,), columns) for number, (row, columns) in enumerate(rows.items())
    }

    def offer(one: int, two: int) -> None:
        (rows1, columns1), (rows2, columns2) = groups[one], groups[two]
        if len(rows1) + len(rows2) <= most:
            separate = cycles(len(rows1), len(columns1)) + cycles(len(rows2), len(columns2))
            gain = separate - cycles(len(rows1) + len(rows2), len(columns1 | columns2))
            if gain > 0:
                heappush(heap, (-gain, one, two))

    heap: list[tuple[float, int, int]] = []
    order = list(groups)
    near = len(order) if len(order) <= _FEW else _NEIGHBOURS
    for at, one in enumerate(order):
        for two in order[at + 1 : at + 1 + near]:
            offer(one, two)
    following = len(order)
    while heap:
        _, one, two = heappop(heap)
        if one not in groups or two not in groups:
            continue
        (rows1, columns1), (rows2, columns2) = groups.pop(one), groups.pop(two)
        groups[following] = (rows1 + rows2, columns1 | columns2)
        for other in list(groups):
            if other != following:
                offer(other, following)
        following += 1
    return list(groups.values())


def _divided(rows: tuple[int, ...], own: Mapping[int, tuple[int, ...]], cycles: Cycles) -> list[Tile]:
    """A tile, or several if columns that only some of the rows have are cheaper by themselves."""
    best: tuple[float, tuple[int, ...]] | None = None
    whole = cycles(len(rows), len(own))
    for part in sorted(set(own.values())):
        within = sum(set(members) <= set(part) for members in own.values())
        rest = {row for members in own.values() if not set(members) <= set(part) for row in members}
        if rest and len(part) < len(rows):
            gain = whole - cycles(len(part), within) - cycles(len(rest), len(own) - within)
            if gain > 0 and (best is None or gain > best[0]):
                best = gain, part
    if best is None:
        columns = tuple(sorted(own))
        entries = frozenset(
            (rows.index(row), position) for position, column in enumerate(columns) for row in own[column]
        )
        return [Tile(rows, columns, entries)]
    inside = {column: members for column, members in own.items() if set(members) <= set(best[1])}
    outside = {column: members for column, members in own.items() if column not in inside}
    others = tuple(row for row in rows if any(row in members for members in outside.values()))
    return _divided(best[1], inside, cycles) + _divided(others, outside, cycles)
