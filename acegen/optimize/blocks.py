"""The pass that groups rows with similar columns into dense blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acegen.optimize.cost import CostModel
from acegen.optimize.pairs import Factorization, Row


@dataclass(frozen=True)
class RowBlock:
    """A group of rows with the union of their columns."""

    rows: tuple[Row, ...]
    columns: tuple[int, ...]


def group_rows(factored: Factorization, model: CostModel) -> tuple[RowBlock, ...]:
    """Cut the list of rows, sorted by their columns, into blocks of bounded size, at the least cost.

    Dynamic programming over the end of the last block; entries a row lacks cost as much as those it has.
    """
    rows = sorted(factored.entries, key=lambda row: (sorted(factored.entries[row]), row))
    masks = [sum(1 << column for column in factored.entries[row]) for row in rows]
    best = [0.0] + [float("inf")] * len(rows)
    begin = [0] * (len(rows) + 1)
    for first in range(len(rows)):
        union = 0
        for last in range(first + 1, min(first + model.most_rows, len(rows)) + 1):
            union |= masks[last - 1]
            cost = best[first] + model.block_cycles(last - first, union.bit_count())
            if cost < best[last]:
                best[last], begin[last] = cost, first
    blocks = []
    end = len(rows)
    while end:
        blocks.append(_block(factored, rows[begin[end] : end]))
        end = begin[end]
    return tuple(reversed(blocks))


def _block(factored: Factorization, rows: Sequence[Row]) -> RowBlock:
    return RowBlock(tuple(rows), tuple(sorted({column for row in rows for column in factored.entries[row]})))
