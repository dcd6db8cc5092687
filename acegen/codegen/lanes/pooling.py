"""Register blocks of the pooling and force stages.

Pooling is, for each lane, a product of two matrices, of functions of the direction and of radial functions. It is
computed in blocks whose sums stay in registers while neighbours pass by. In space the functions of the direction are
T_k(z) times cos or sin of mφ, with Chebyshev polynomials T_k; their sums B are combined to A's once for a centre. A T_k
takes one multiply-add, a Q_l^m three; there are fewer T_k. No q_k of Q_l^m = Σ_k q_k T_k is negative: nothing cancels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

from acegen.codegen.lanes.harmonics import chebyshev_coefficients
from acegen.codegen.lanes.target import Target
from acegen.program.layout import PooledLayout, Shell

_TILE_BYTES = 40_000
"""Functions of the neighbours that are pooled together."""


class PoolShape(NamedTuple):
    """A C function of the pooling stage: a block of sums, and how they are formed.

    Attributes:
        widths: number of radial functions by function of the direction.
        factor: whether products have a third factor, the same for the whole block.
    """

    widths: tuple[int, ...]
    factor: bool

    @property
    def name(self) -> str:
        runs = [(width, len(list(run))) for width, run in groupby(self.widths)]
        return "pool_" + "_".join(f"{count}x{width}" for width, count in runs) + ("_m" if self.factor else "")

    @property
    def rows(self) -> tuple[int, ...]:
        """Functions of the direction with any radial functions."""
        return tuple(row for row, width in enumerate(self.widths) if width)

    @property
    def columns(self) -> int:
        """Number of radial functions."""
        return max(self.widths)

    @property
    def by_columns(self) -> bool:
        """Whether radial functions, times the factor, are held in registers and functions of the direction pass by."""
        return self.columns <= len(self.widths)

    @property
    def cost(self) -> float:
        """Multiply-adds a neighbour, with something for loads and for the call."""
        held = min(self.columns, len(self.widths)) if self.factor else 0
        loads = self.columns + len(self.widths) + self.factor
        return max(sum(self.widths) + held, loads) + 0.3 * loads + 3

    @property
    def variables(self) -> int:
        """Registers: the sums, what is held, and two more."""
        return sum(self.widths) + min(self.columns, len(self.widths)) + 2


@dataclass(frozen=True)
class PoolBlock:
    """Sums of consecutive functions of the direction, from number `row` on, and of n, from number `column` on."""

    shape: PoolShape
    offset: int
    stride: int
    row: int
    column: int
    factor: str
    comment: str


@dataclass(frozen=True)
class Combination:
    """A's of one (l, m), `count` n from `offset` on: `factors` times sums from `first` on, `step` apart."""

    offset: int
    first: int
    step: int
    count: int
    factors: tuple[float, ...]
    comment: str


@dataclass(frozen=True)
class SpeciesAlike:
    """Neighbour species whose A's are laid out alike: they share code.

    Attributes:
        suffix: of the names of its C functions.
        species: names of the species.
        offsets: number of each species, and the offset of its A's.
    """

    suffix: str
    species: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class PoolGroup:
    """Their pooling.

    Attributes:
        alike: the species.
        size: number of A's of a species.
        n_sums: number of sums.
        blocks: their blocks.
        combinations: the A's from the sums; none if the sums are A's.
    """

    alike: SpeciesAlike
    size: int
    n_sums: int
    blocks: tuple[PoolBlock, ...]
    combinations: tuple[Combination, ...]


@dataclass(frozen=True)
class PoolCode:
    """The pooling stage: neighbours taken together at most, groups of species, C functions."""

    tile: int
    groups: tuple[PoolGroup, ...]

    @property
    def shapes(self) -> tuple[PoolShape, ...]:
        return tuple(sorted({block.shape for group in self.groups for block in group.blocks}))

    @property
    def terms(self) -> tuple[int, ...]:
        """Numbers of terms of combinations."""
        return tuple(sorted({len(c.factors) for group in self.groups for c in group.combinations}))

    @property
    def n_sums(self) -> int:
        """The most sums of a species."""
        return max(group.n_sums for group in self.groups)


class ContractShape(NamedTuple):
    """The same for the force stage."""

    harmonics: int
    tile: int


@dataclass(frozen=True)
class ContractBlock:
    """Derivatives D of one l: `harmonics` consecutive m, all n = 1 .. `radials`."""

    harmonics: int
    radials: int
    offset: int
    harmonic: int
    comment: str


def pool_code(layout: PooledLayout, species: Sequence[str], sphere: bool, target: Target) -> PoolCode:
    """The pooling stage for spherical harmonics, or for other functions of the direction."""
    groups = []
    for alike in species_alike(layout, species):
        number, start = alike.offsets[0]
        own = [shell for shell in layout.shells if shell.species == number]
        size = sum(shell.size for shell in own)
        if sphere:
            n_sums, blocks, combinations = _sphere(layout, number, start, target)
        else:
            n_sums, blocks, combinations = size, _one_by_one(layout, own, start, target), []
        groups.append(
            PoolGroup(
                alike=alike,
                size=size,
                n_sums=n_sums,
                blocks=tuple(blocks),
                combinations=tuple(combinations),
            )
        )
    functions = layout.n_radial + (3 * (layout.l_max + 1) if sphere else layout.n_angular)
    return PoolCode(min(24, max(4, _TILE_BYTES // (functions * target.lanes_bytes))), tuple(groups))


def _sphere(
    layout: PooledLayout, species: int, start: int, target: Target
) -> tuple[int, list[PoolBlock], list[Combination]]:
    """Sums B by m, sign, k, n, and the A's from them."""
    counts = layout.counts[species]
    l_max = max(l for l, count in enumerate(counts) if count)
    blocks, combinations, offset = [], [], 0
    for m in range(l_max + 1):
        widths = tuple(max(counts[m + k : l_max + 1 : 2]) for k in range(l_max - m + 1))
        stride = max(widths)
        for signed, factor in ((m, f"c[{m}]"), (-m, f"s[{m}]"))[: 2 if m else 1]:
            for row, column, shape in _partition(widths, m > 0, target.variables):
                k, n = _span(row, row + len(shape.widths) - 1), _n_span(layout, column, shape)
                blocks.append(
                    PoolBlock(
                        shape=shape,
                        offset=offset + row * stride + column,
                        stride=stride,
                        row=row,
                        column=column,
                        factor=factor if m else "",
                        comment=f"m = {signed}, k = {k}, n = {n}",
                    )
                )
            for l in range(m, l_max + 1):
                if not counts[l]:
                    continue
                least = (l - m) % 2
                combinations.append(
                    Combination(
                        offset=layout.index(species, layout.first, l, signed) - start,
                        first=offset + least * stride,
                        step=2 * stride,
                        count=counts[l],
                        factors=tuple(map(float, chebyshev_coefficients(l, m)[least::2])),
                        comment=f"l = {l}, m = {signed}",
                    )
                )
            offset += stride * len(widths)
    return offset, blocks, combinations


def _one_by_one(layout: PooledLayout, shells: Sequence[Shell], start: int, target: Target) -> list[PoolBlock]:
    """A's by l."""
    blocks = []
    for l, of_l in groupby(shells, key=lambda shell: shell.l):
        own = list(of_l)
        for row, column, shape in _partition((own[0].size,) * len(own), False, target.variables):
            m = _comment(l, own[row : row + len(shape.widths)])
            blocks.append(
                PoolBlock(
                    shape=shape,
                    offset=own[row].offset - start + column,
                    stride=own[0].size,
                    row=_first_of(layout, l) + row,
                    column=column,
                    factor="",
                    comment=f"{m}, n = {_n_span(layout, column, shape)}",
                )
            )
    return blocks


def _partition(widths: tuple[int, ...], factor: bool, variables: int) -> list[tuple[int, int, PoolShape]]:
    """Rows of the given widths cut into the cheapest blocks: first row, first column, shape."""
    best: list[tuple[float, list[tuple[int, int, PoolShape]]]] = [(0.0, [])]
    for end in range(1, max(widths) + 1):
        candidates = []
        for begin in range(end):
            strip = _strip(widths, begin, end, factor, variables)
            if strip is not None:
                cost, blocks = best[begin]
                candidates.append((cost + sum(shape.cost for _, _, shape in strip), blocks + strip))
        best.append(min(candidates, key=lambda candidate: candidate[0]))
    return best[-1][1]


def _strip(
    widths: tuple[int, ...], begin: int, end: int, factor: bool, variables: int
) -> list[tuple[int, int, PoolShape]] | None:
    """The rows of some columns, cut into as few blocks as fit the registers; None if a single row does not."""
    rows = 1 + max(row for row, width in enumerate(widths) if width > begin)
    for pieces in range(1, rows + 1):
        blocks = [
            (first, begin, PoolShape(tuple(max(0, min(width, end) - begin) for width in widths[first:last]), factor))
            for first, last in pairwise(rows * piece // pieces for piece in range(pieces + 1))
        ]
        if all(shape.variables <= variables for _, _, shape in blocks):
            return [block for block in blocks if block[2].columns]
    return None


def species_alike(layout: PooledLayout, species: Sequence[str]) -> tuple[SpeciesAlike, ...]:
    """The groups of neighbour species whose A's are laid out alike."""
    starts: dict[int, int] = {}
    for shell in layout.shells:
        starts.setdefault(shell.species, shell.offset)
    alike: dict[tuple[int, ...], dict[int, int]] = {}
    for number, start in starts.items():
        alike.setdefault(layout.counts[number], {})[number] = start
    return tuple(
        SpeciesAlike(
            suffix=f"_{species[min(own)]}" if len(alike) > 1 else "",
            species=tuple(species[number] for number in own),
            offsets=tuple(own.items()),
        )
        for own in alike.values()
    )


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


def _pieces(count: int, most: int) -> list[tuple[int, int]]:
    """`count` entries cut into as few pieces of at most `most` as possible, of nearly equal size: (begin, end)."""
    pieces = -(-count // most)
    return list(pairwise(count * piece // pieces for piece in range(pieces + 1)))


def _first_of(layout: PooledLayout, l: int) -> int:
    """Number of the first angular function of an l."""
    return layout.angular_index(l, layout.components[l][0])


def _comment(l: int, shells: Sequence[Shell]) -> str:
    return f"l = {l}, m = {_span(shells[0].m, shells[-1].m)}"


def _n_span(layout: PooledLayout, column: int, shape: PoolShape) -> str:
    return _span(column + layout.first, column + layout.first + shape.columns - 1)


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"
