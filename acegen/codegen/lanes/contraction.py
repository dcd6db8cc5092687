"""The contraction of what is pooled to the A's, in blocks of rows, which are successive n, and their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acegen.program.kernel import KernelProgram

_MOST_ROWS = 4
"""Rows of a block: their sums stay in registers."""


@dataclass(frozen=True)
class ContractionBlock:
    """Rows of a species and an l, with the columns in which some centre has a weight other than zero.

    Attributes:
        rows, columns: how many.
        orders: number of m.
        pooled, pooled_step: position of the first pooled function, and how far apart those of successive m are.
        first, step: likewise of the A's.
        comment: which they are.
    """

    rows: int
    columns: int
    orders: int
    pooled: int
    pooled_step: int
    first: int
    step: int
    comment: str


@dataclass(frozen=True)
class ContractionCode:
    """Arrays of contraction.h.

    Attributes:
        blocks: the blocks.
        weights: by centre species, block by block and column by column.
    """

    blocks: tuple[ContractionBlock, ...]
    weights: tuple[tuple[float, ...], ...]

    @property
    def heights(self) -> tuple[int, ...]:
        """Numbers of rows that occur."""
        return tuple(sorted({block.rows for block in self.blocks}))


def contraction_code(program: KernelProgram) -> ContractionCode | None:
    """The contraction of a program; None without one."""
    contraction, layout = program.contraction, program.layout
    if contraction is None:
        return None
    pooled, orders = contraction.pooled, range(len(program.species))
    blocks: list[ContractionBlock] = []
    weights: list[list[float]] = [[] for _ in orders]
    for species, counts in enumerate(layout.counts):
        for l, count in enumerate(counts):
            width, components = pooled.counts[species][l], layout.components[l]
            of_l = [contraction.weights[center][species][l] for center in orders]
            for begin, end in _pieces(count):
                used = [k for k in range(width) if any(own[n][k] for own in of_l for n in range(begin, end))]
                left, right = (used[0], used[-1] + 1) if used else (0, 0)
                blocks.append(
                    ContractionBlock(
                        rows=end - begin,
                        columns=right - left,
                        orders=len(components),
                        pooled=pooled.index(species, pooled.first + left, l, components[0]) if used else 0,
                        pooled_step=width,
                        first=layout.index(species, layout.first + begin, l, components[0]),
                        step=count,
                        comment=f"{program.species[species]}, l = {l}, n = {_span(layout.first, begin, end)}",
                    )
                )
                for flat, own in zip(weights, of_l, strict=True):
                    flat += _by_columns([row[left:right] for row in own[begin:end]])
    return ContractionCode(tuple(blocks), tuple(map(tuple, weights)))


def _pieces(count: int) -> Iterator[tuple[int, int]]:
    pieces = -(-count // _MOST_ROWS)
    for piece in range(pieces):
        yield count * piece // pieces, count * (piece + 1) // pieces


def _by_columns(rows: Sequence[Sequence[float]]) -> list[float]:
    return [value for column in zip(*rows, strict=True) for value in column]


def _span(first: int, begin: int, end: int) -> str:
    return str(first + begin) if end == begin + 1 else f"{first + begin} to {first + end - 1}"
