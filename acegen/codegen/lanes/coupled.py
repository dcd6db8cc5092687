"""The coupled product stage as C: channels, calls for types of pairs, tiles, and their tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

from acegen.codegen.lanes.coupled_cost import CoupledCost
from acegen.codegen.lanes.coupled_types import TypeCode, type_title
from acegen.optimize.coupled import CoupledStage
from acegen.program.layout import PooledLayout


@dataclass(frozen=True)
class TileShape:
    """Code for tiles of some rows, and which tiles are of this shape.

    Attributes:
        l: degree of the values.
        height: number of rows.
        parts: components whose sums are in registers together.
        first, count: its tiles.
    """

    l: int
    height: int
    parts: tuple[tuple[int, ...], ...]
    first: int
    count: int


@dataclass(frozen=True)
class ChannelShell:
    """The channels of an element and an l.

    Attributes:
        element: the element.
        l: the degree.
        stride: from an A to that of the next m.
        scales: by component.
        first, count: where the A's with m = -l are listed.
        offset: of the first component among the values.
    """

    element: str
    l: int
    stride: int
    scales: tuple[float, ...]
    first: int
    count: int
    offset: int


@dataclass(frozen=True)
class TileStep:
    """All tiles of a degree.

    Attributes:
        l: the degree.
        unset: what is set to zero before them: from and to where.
        shapes: their code.
        first, size: where all values of this degree are, if they stand together.
    """

    l: int
    unset: tuple[tuple[int, int], ...]
    shapes: tuple[TileShape, ...]
    first: int = 0
    size: int = 0


@dataclass(frozen=True)
class PairCall:
    """A call for pairs of one type: where its constants and its table begin, and the number of first factors."""

    type: int
    title: str
    constants: int
    first: int
    count: int


@dataclass(frozen=True)
class CoupledTables:
    """Arrays of coupled.c, named as there, in lower case."""

    pooled: tuple[int, ...]
    shells: tuple[ChannelShell, ...]
    constants: tuple[float, ...]
    pairs: tuple[int, ...]
    calls: tuple[PairCall, ...]
    steps: tuple[TileStep, ...]
    widths: tuple[str, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    weights: tuple[tuple[float, ...], ...]
    linear: tuple[int, ...]
    linear_weights: tuple[tuple[float, ...], ...]


def coupled_tables(
    stage: CoupledStage,
    layout: PooledLayout,
    cost: CoupledCost,
    codes: Sequence[TypeCode],
    lanes_bytes: int,
    elements: Sequence[str],
) -> CoupledTables:
    """Flatten a coupled stage; positions are in bytes."""
    products, offsets = stage.products, stage.offsets
    position = [offset * lanes_bytes for offset in offsets]
    shells = []
    pooled: list[int] = []
    in_memory = sorted(range(stage.n_channels), key=offsets.__getitem__)
    for (species, l), values in groupby(in_memory, key=lambda value: products.channels[value][::2]):
        members = list(values)
        stride = layout.index(species, layout.first, l, 1) - layout.index(species, layout.first, l, 0) if l else 0
        scales = tuple(products.scales[l][abs(m)] for m in range(-l, l + 1))
        shells.append(
            ChannelShell(elements[species], l, stride, scales, len(pooled), len(members), offsets[members[0]])
        )
        pooled += [layout.index(species, products.channels[value].n, l, -l) * lanes_bytes for value in members]
    number = {kind: position for position, kind in enumerate(stage.types)}
    pairs: list[int] = []
    calls = []
    constants = list(accumulate((len(code.weights) for code in codes), initial=0))
    for of_type in stage.groups:
        kind = number[of_type.type]
        runs = [(left, list(own)) for left, own in groupby(of_type.pairs, key=lambda pair: pair.left)]
        calls.append(PairCall(kind, type_title(of_type.type), constants[kind], len(pairs), len(runs)))
        for left, own in runs:
            pairs += [position[left], len(own)]
            pairs += [
                position[value]
                for pair in own
                for value in (*(() if of_type.type.same else (pair.right,)), *pair.nodes)
            ]
    steps = []
    first = 0
    for l in sorted(set(products.degrees)):
        shapes = []
        for group in (group for group in stage.tile_groups if group.l == l):
            bounds = list(accumulate(cost.parts(l, group.height), initial=0))
            parts = tuple(tuple(range(begin, end)) for begin, end in pairwise(bounds))
            shapes.append(TileShape(l, group.height, parts, first, len(group.tiles)))
            first += len(group.tiles)
        unset = [offsets[value] for value in stage.unset if products.degrees[value] == l]
        steps.append(TileStep(l, tuple(_ranges(sorted(unset), 2 * l + 1)), tuple(shapes)))
    tiles = stage.tiles
    return CoupledTables(
        pooled=tuple(pooled),
        shells=tuple(shells),
        constants=tuple(weight for code in codes for weight in code.weights),
        pairs=tuple(pairs),
        calls=tuple(calls),
        steps=tuple(steps),
        widths=tuple(f"{{ {fresh}, {len(tile.columns)} }}" for fresh, tile in zip(stage.fresh, tiles, strict=True)),
        rows=tuple(position[value] for tile in tiles for value in tile.rows),
        columns=tuple(position[value] for tile in tiles for value in tile.columns),
        weights=tuple(stage.weights.values()),
        linear=tuple(position[value] for value in stage.linear),
        linear_weights=tuple(stage.linear_weights.values()),
    )


def by_degree(stage: CoupledStage) -> CoupledStage:
    """The same with all values of a degree one after the other, as `alone` wants them."""
    degrees = stage.products.degrees
    offsets, following = [0] * len(degrees), 0
    for value in sorted(range(len(degrees)), key=lambda value: (degrees[value], value)):
        offsets[value] = following
        following += 2 * degrees[value] + 1
    return replace(stage, offsets=tuple(offsets), shift=0, size=following)


def alone(tables: CoupledTables, stage: CoupledStage, lanes_bytes: int) -> CoupledTables:
    """The same with tiles that see the values of their degree alone, counted from the first of them."""
    rows, columns, steps = list(tables.rows), list(tables.columns), []
    row = column = tile = 0
    for step in tables.steps:
        own = [offset for offset, l in zip(stage.offsets, stage.products.degrees, strict=True) if l == step.l]
        first, size = min(own), (2 * step.l + 1) * len(own)
        unset = tuple((begin - first, end - first) for begin, end in step.unset)
        steps.append(replace(step, unset=unset, first=first, size=size))
        for _ in range(sum(shape.count for shape in step.shapes)):
            row_end, column_end = row + len(stage.tiles[tile].rows), column + len(stage.tiles[tile].columns)
            rows[row:row_end] = [position - first * lanes_bytes for position in rows[row:row_end]]
            columns[column:column_end] = [position - first * lanes_bytes for position in columns[column:column_end]]
            row, column, tile = row_end, column_end, tile + 1
    return replace(tables, rows=tuple(rows), columns=tuple(columns), steps=tuple(steps))


def factor_places(stage: CoupledStage) -> tuple[tuple[int, int], ...]:
    """Where the values are that nodes are products of: from and to which component."""
    degrees = stage.products.degrees
    factors = {value for group in stage.groups for pair in group.pairs for value in (pair.left, pair.right)}
    return tuple(
        place
        for l in sorted(set(degrees))
        for place in _ranges(sorted(stage.offsets[value] for value in factors if degrees[value] == l), 2 * l + 1)
    )


def _ranges(offsets: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """Where values of one size begin, as ranges of components."""
    begin = end = -1
    for offset in offsets:
        if offset != end and end > begin:
            yield begin, end
        begin, end = (begin if offset == end else offset), offset + size
    if end > begin:
        yield begin, end
