"""Register blocks of the pooling and force stages.

Pooling is, for each lane, the product of a matrix of harmonics and one of radial functions, S R^T; the force stage is
D R and D R'. Both are computed in blocks whose sums stay in registers, so that each loaded value is used several times.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

from acegen.codegen.lanes.target import Target
from acegen.program.layout import PooledLayout, Shell


class BlockSize(NamedTuple):
    """Size of a block of A's."""

    harmonics: int
    radials: int


class PoolShape(NamedTuple):
    """A C function of the pooling stage: its block size, and how many neighbours it takes together."""

    harmonics: int
    radials: int
    tile: int


class ContractShape(NamedTuple):
    """The same for the force stage."""

    harmonics: int
    tile: int


@dataclass(frozen=True)
class PoolBlock:
    """A's of one l: `harmonics` consecutive m from number `harmonic` on, n from `first` + 1 on."""

    harmonics: int
    radials: int
    offset: int
    stride: int
    harmonic: int
    first: int
    comment: str


@dataclass(frozen=True)
class ContractBlock:
    """Derivatives D of one l: `harmonics` consecutive m, all n = 1 .. `radials`."""

    harmonics: int
    radials: int
    offset: int
    harmonic: int
    comment: str


def pool_blocks(layout: PooledLayout, target: Target) -> list[list[PoolBlock]]:
    """Blocks of the pooling stage by species."""
    result: list[list[PoolBlock]] = [[] for _ in layout.counts]
    for species, l, shells in _by_l(layout):
        size = shells[0].size
        shape = _pool_shape(len(shells), size, target)
        for m_first, m_last in _pieces(len(shells), shape.harmonics):
            for first, last in _pieces(size, shape.radials):
                n = _span(first + layout.first, last - 1 + layout.first)
                result[species].append(
                    PoolBlock(
                        harmonics=m_last - m_first,
                        radials=last - first,
                        offset=shells[m_first].offset + first,
                        stride=size,
                        harmonic=_first_of(layout, l) + m_first,
                        first=first,
                        comment=f"{_comment(l, shells[m_first:m_last])}, n = {n}",
                    )
                )
    return result


def contract_blocks(layout: PooledLayout, target: Target) -> list[list[ContractBlock]]:
    """Blocks of the force stage by species: two sums for each harmonic and neighbour of a tile are in registers."""
    most = max(1, (target.variables * 7 // 8) // (2 * target.tiles[0] + 1))
    result: list[list[ContractBlock]] = [[] for _ in layout.counts]
    for species, l, shells in _by_l(layout):
        for first, last in _pieces(len(shells), most):
            result[species].append(
                ContractBlock(
                    harmonics=last - first,
                    radials=shells[0].size,
                    offset=shells[first].offset,
                    harmonic=_first_of(layout, l) + first,
                    comment=_comment(l, shells[first:last]),
                )
            )
    return result


def pool_shapes(blocks: Iterable[Iterable[PoolBlock]], target: Target) -> tuple[PoolShape, ...]:
    """The C functions that the pooling stage needs."""
    sizes = sorted({(block.harmonics, block.radials) for of_species in blocks for block in of_species})
    return tuple(PoolShape(h, r, tile) for h, r in sizes for tile in target.tiles)


def contract_shapes(blocks: Iterable[Iterable[ContractBlock]], target: Target) -> tuple[ContractShape, ...]:
    """The C functions that the force stage needs."""
    heights = sorted({block.harmonics for of_species in blocks for block in of_species})
    return tuple(ContractShape(h, tile) for h in heights for tile in target.tiles)


def missing_harmonics(layout: PooledLayout, species: int) -> list[tuple[int, int]]:
    """Angular functions that no A of a species uses: start and length of each run."""
    there = {layout.angular_index(shell.l, shell.m) for shell in layout.shells if shell.species == species}
    runs = groupby(range(layout.n_angular), key=there.__contains__)
    missing = [list(run) for is_there, run in runs if not is_there]
    return [(run[0], len(run)) for run in missing]


def pooled_legend(layout: PooledLayout, elements: Sequence[str]) -> tuple[str, ...]:
    """What each A is, one line per (species, l, m)."""
    lines = []
    for shell in layout.shells:
        n = _span(layout.first, layout.first + shell.size - 1)
        which = f"A({shell.offset})" + (f" .. A({shell.offset + shell.size - 1})" if shell.size > 1 else "")
        lines.append(f"{which} = A_znlm, z = {elements[shell.species]}, n = {n}, l = {shell.l}, m = {shell.m}")
    return tuple(lines)


def _by_l(layout: PooledLayout) -> Iterable[tuple[int, int, list[Shell]]]:
    for (species, l), shells in groupby(layout.shells, key=lambda shell: (shell.species, shell.l)):
        yield species, l, list(shells)


def _pool_shape(harmonics: int, radials: int, target: Target) -> BlockSize:
    """The largest of the cheapest blocks, counting multiply-adds, loads at two per cycle, and the sums themselves."""
    most = max(1, target.variables * 2 // 3)

    def cost(shape: BlockSize) -> float:
        h, w = shape
        blocks = -(-harmonics // h) * -(-radials // w)
        return blocks * (target.tiles[0] * max(h * w, h + w) / 2 + h * w)

    shapes = [BlockSize(h, w) for h in range(1, harmonics + 1) for w in range(1, radials + 1) if h * w <= most]
    return min(shapes, key=lambda shape: (cost(shape), -shape.harmonics))


def _pieces(count: int, most: int) -> list[tuple[int, int]]:
    """`count` entries cut into as few pieces of at most `most` as possible, of nearly equal size: (begin, end)."""
    pieces = -(-count // most)
    return list(pairwise(count * piece // pieces for piece in range(pieces + 1)))


def _first_of(layout: PooledLayout, l: int) -> int:
    """Number of the first angular function of an l."""
    return layout.angular_index(l, layout.components[l][0])


def _comment(l: int, shells: Sequence[Shell]) -> str:
    return f"l = {l}, m = {_span(shells[0].m, shells[-1].m)}"


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"
