"""The pass that covers a sparse matrix between values of one degree by tiles: rows with columns in common."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple, Protocol


class Tile(NamedTuple):
    """Values whose derivatives are summed together, and the values with which one of them has a product."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]


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


class ListedCosts:
    """Costs of scalar loops over all entries, in multiply-adds."""

    def most_rows(self, l: int) -> int:
        return 1

    def tile_cycles(self, l: int, rows: int, columns: int) -> float:
        return (2 * l + 1.0) * rows * columns

    def pair_cycles(self, multiply_adds: int) -> float:
        return multiply_adds


_NEIGHBOURS = 24
"""Tiles are merged only with as many others on each side of them, by their columns, to bound the search."""


def cover(columns: Mapping[int, tuple[int, ...]], l: int, costs: CoupledCosts) -> list[Tile]:
    """Tiles that contain each entry once, by number of rows and columns, widest first.

    Rows are merged two by two, those first that save the most time; entries a row lacks cost as much as those it has.

    Args:
        columns: by row, the columns where it has an entry.
        l: degree of the values.
        costs: of tiles on a target.
    """
    number = {column: bit for bit, column in enumerate(sorted({c for own in columns.values() for c in own}))}
    name = sorted(number)
    rows: dict[int, tuple[int, ...]] = {}
    masks: dict[int, int] = {}
    for tile, row in enumerate(sorted(columns, key=lambda row: (sorted(number[c] for c in columns[row]), row))):
        rows[tile], masks[tile] = (row,), sum(1 << number[column] for column in columns[row])
    most = costs.most_rows(l)

    def cycles(height: int, mask: int) -> float:
        return costs.tile_cycles(l, height, mask.bit_count())

    def saving(one: int, two: int) -> float:
        height = len(rows[one]) + len(rows[two])
        separate = cycles(len(rows[one]), masks[one]) + cycles(len(rows[two]), masks[two])
        return separate - cycles(height, masks[one] | masks[two])

    def offer(one: int, two: int) -> None:
        if len(rows[one]) + len(rows[two]) <= most:
            gain = saving(one, two)
            if gain > 0:
                heappush(heap, (-gain, one, two))

    heap: list[tuple[float, int, int]] = []
    order = sorted(rows)
    wide = len(order) if len(order) <= 400 else _NEIGHBOURS
    for at, one in enumerate(order):
        for two in order[at + 1 : at + 1 + wide]:
            offer(one, two)
    heapify(heap)
    following = max(rows, default=0) + 1
    while heap:
        _, one, two = heappop(heap)
        if one not in rows or two not in rows:
            continue
        merged, mask = rows[one] + rows[two], masks[one] | masks[two]
        for gone in (one, two):
            del rows[gone], masks[gone]
        rows[following], masks[following] = merged, mask
        if len(merged) < most:
            for other in list(rows):
                if other != following:
                    offer(other, following)
        following += 1
    tiles = [
        Tile(rows[tile], tuple(name[bit] for bit in range(masks[tile].bit_length()) if masks[tile] >> bit & 1))
        for tile in rows
    ]
    return sorted(tiles, key=lambda tile: (-len(tile.rows), -len(tile.columns), tile.rows))
