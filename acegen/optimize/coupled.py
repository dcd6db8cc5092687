"""The coupled products of a potential as loops over dense tables.

Values stand in memory component by component: channels first, then nodes, each by l. The products of two values of one
l are a quadratic form with a sparse matrix. It is evaluated together with its derivatives by tiles, each some values
times the values they share products with:

    G_i += w_ij V_j,    G_j += w_ij V_i                    for rows i and columns j of a tile, and all components.

Nodes of the same two factors are made together, forward before the tiles and back after them; pairs whose degrees agree
are of one type and share code.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from acegen.optimize.cost import Cost
from acegen.optimize.coupled_tiles import CoupledCosts, Tile, cover
from acegen.program.coupled import CoupledProducts, Coupling, Node


class PairType(NamedTuple):
    """Degrees of two factors, whether they are the same value, and the degrees of the nodes made of them."""

    left: int
    right: int
    same: bool
    degrees: tuple[int, ...]


class Pair(NamedTuple):
    """Positions of two factors, and of the nodes made of them, in the order of the type's degrees."""

    left: int
    right: int
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class PairGroup:
    """Pairs of one type, none of which needs another of the group; those of one first factor follow one another."""

    type: PairType
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class TileGroup:
    """Tiles of as many rows, of values of one degree."""

    l: int
    height: int
    tiles: tuple[Tile, ...]


class Term(NamedTuple):
    """A term of a component of a node: weight · X, or weight · Y (see `acegen.program.coupled`)."""

    l: int
    sum: bool
    weight: float


@dataclass(frozen=True)
class CoupledStage:
    """Coupled products with their weights, in the order of evaluation.

    Attributes:
        products: channels, nodes and scalars that some output needs.
        offsets: where the components of each value begin in memory, counted from `shift`.
        shift: how far before each value its derivative stands. Where nodes are no factors of others, derivatives of one
            l take the place of values of lower l, which are needed no more: memory in use decides the speed.
        size: number of components in memory.
        groups: nodes, in an order in which each can be computed from those before it.
        tile_groups: tiles, in an order in which they are to be evaluated.
        fresh: by tile, how many of its columns are in no tile before it; they come first.
        unset: values that are a row before they are a column, or neither: their derivatives begin with zero.
        linear: values with l = 0 that are products by themselves.
        weights: by `KernelProgram.row_names`, entries of the tiles, column by column.
        linear_weights: likewise, of `linear`.
        product_weights: likewise, of `products.scalars`.
        cost: of all this.
    """

    products: CoupledProducts
    offsets: tuple[int, ...]
    shift: int
    size: int
    groups: tuple[PairGroup, ...]
    tile_groups: tuple[TileGroup, ...]
    fresh: tuple[int, ...]
    unset: tuple[int, ...]
    linear: tuple[int, ...]
    weights: Mapping[str, tuple[float, ...]]
    linear_weights: Mapping[str, tuple[float, ...]]
    product_weights: Mapping[str, tuple[float, ...]]
    cost: Cost

    @property
    def n_channels(self) -> int:
        return len(self.products.channels)

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        return tuple(tile for group in self.tile_groups for tile in group.tiles)

    @cached_property
    def types(self) -> tuple[PairType, ...]:
        """The different types."""
        return tuple(dict.fromkeys(group.type for group in self.groups))


@dataclass(frozen=True)
class Passes:
    """How often a centre goes through the coupled products once their values are known.

    Attributes:
        tiles: outputs whose derivatives by the values are computed.
        back: how many of these, or of sums of them, are taken back to the channels.
        kept: sets of derivatives that stand before the values at a time; 0 if one may take the place of values that are
            needed no more.
    """

    tiles: int = 1
    back: int = 1
    kept: int = 0


def couple(
    products: CoupledProducts, weights: Mapping[str, Sequence[float]], costs: CoupledCosts, passes: Passes = Passes()
) -> CoupledStage:
    """The coupled products with their weights, ready for evaluation.

    Args:
        products: the values and products.
        weights: by output of the centre species, one number per product.
        costs: of tiles on a target.
        passes: over the products, for each centre.
    """
    products, own_weights = without_unused(products, weights)
    degrees = products.degrees
    offsets, shift, size = _places(products, passes.kept)
    entries: dict[tuple[int, int], tuple[float, ...]] = {}
    linear: dict[int, tuple[float, ...]] = {}
    for scalar, own in zip(products.scalars, zip(*own_weights.values(), strict=True), strict=True):
        if len(scalar) == 1:
            linear[scalar[0]] = own
        else:
            entries[scalar[0], scalar[1]] = own
    tile_groups, fresh, unset = _in_order(_tile_groups(entries, degrees, costs), len(degrees))
    nothing = (0.0,) * len(weights)
    flat: list[tuple[float, ...]] = []
    for tile in (tile for group in tile_groups for tile in group.tiles):
        for position, column in enumerate(tile.columns):
            for number, row in enumerate(tile.rows):
                here = (number, position) in tile.entries
                flat.append(entries[min(row, column), max(row, column)] if here else nothing)
    groups = _groups(products)
    return CoupledStage(
        products=products,
        offsets=offsets,
        shift=shift,
        size=size,
        groups=groups,
        tile_groups=tile_groups,
        fresh=fresh,
        unset=unset,
        linear=tuple(linear),
        weights={name: tuple(own[output] for own in flat) for output, name in enumerate(weights)},
        linear_weights={name: tuple(own[row] for own in linear.values()) for row, name in enumerate(weights)},
        product_weights=own_weights,
        cost=_cost(products, groups, tile_groups, len(weights), costs, passes),
    )


def without_unused(
    products: CoupledProducts, weights: Mapping[str, Sequence[float]]
) -> tuple[CoupledProducts, Mapping[str, tuple[float, ...]]]:
    """The same without products of weight zero in all outputs, each once, and without what only those need."""
    sums: dict[tuple[int, ...], list[float]] = {}
    for scalar, own in zip(products.scalars, zip(*weights.values(), strict=True), strict=True):
        total = sums.setdefault(scalar, [0.0] * len(own))
        for output, weight in enumerate(own):
            total[output] += weight
    sums = {scalar: total for scalar, total in sums.items() if any(total)}
    n_channels = len(products.channels)
    needed = {value for scalar in sums for value in scalar}
    for position in range(len(products.nodes) - 1, -1, -1):
        if n_channels + position in needed:
            needed.update(products.nodes[position][:2])
    number = {value: new for new, value in enumerate(sorted(needed))}
    nodes = tuple(
        Node(number[node.left], number[node.right], node.l)
        for value, node in enumerate(products.nodes, start=n_channels)
        if value in needed
    )
    kept = replace(
        products,
        channels=tuple(channel for value, channel in enumerate(products.channels) if value in needed),
        nodes=nodes,
        scalars=tuple(tuple(number[value] for value in scalar) for scalar in sums),
    )
    columns = zip(*sums.values(), strict=True) if sums else [()] * len(weights)
    return kept, dict(zip(weights, map(tuple, columns), strict=True))


def _places(products: CoupledProducts, kept: int) -> tuple[tuple[int, ...], int, int]:
    """Offsets of the values, by l, those of nodes after those of channels; their shift, and the size of all.

    Sets of derivatives stand one after the other, before the values.
    """
    n_channels, degrees = len(products.channels), products.degrees
    by_degree: dict[int, int] = defaultdict(int)
    for l in degrees[n_channels:]:
        by_degree[l] += 2 * l + 1
    of_channels, of_nodes = sum(2 * l + 1 for l in degrees[:n_channels]), sum(by_degree.values())
    shift = max(of_channels, *by_degree.values(), 0)
    begin = shift + of_channels
    if kept or shift >= of_nodes or any(node.right >= n_channels for node in products.nodes):
        shift, begin = (kept or 1) * (of_channels + of_nodes), of_channels
    offsets = [0] * len(degrees)
    for members, following in ((range(n_channels), 0), (range(n_channels, len(degrees)), begin)):
        for value in sorted(members, key=lambda value: (degrees[value], value)):
            offsets[value] = following
            following += 2 * degrees[value] + 1
    return tuple(offsets), shift, shift + begin + of_nodes


def _groups(products: CoupledProducts) -> tuple[PairGroup, ...]:
    """Pairs by depth, then type."""
    n_channels, degrees = len(products.channels), products.degrees
    depth = [0] * len(degrees)
    of_pair: dict[tuple[int, int], list[int]] = defaultdict(list)
    for value, node in enumerate(products.nodes, start=n_channels):
        depth[value] = 1 + max(depth[node.left], depth[node.right])
        of_pair[node.left, node.right].append(value)
    found: dict[tuple[int, PairType], list[Pair]] = defaultdict(list)
    for (left, right), values in of_pair.items():
        nodes = sorted(values, key=lambda value: degrees[value])
        kind = PairType(degrees[left], degrees[right], left == right, tuple(degrees[value] for value in nodes))
        found[depth[nodes[0]], kind].append(Pair(left, right, tuple(nodes)))
    return tuple(PairGroup(key[1], _in_runs(key[1], found[key])) for key in sorted(found))


def _in_runs(kind: PairType, pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The same pairs, those of one first factor together, as many as there can be: it stays in registers.

    Factors of the same degree are exchanged where that changes nothing, which is so for even l.
    """
    exchange = kind.left == kind.right and not any(l % 2 for l in kind.degrees)
    uses = Counter(value for pair in pairs for value in (pair[:2] if exchange else pair[:1]))
    left = list(pairs)
    ordered: list[Pair] = []
    while left:
        first = max(uses, key=lambda value: (uses[value], -value))
        own = [pair for pair in left if first == pair.left or (exchange and first == pair.right)]
        left = [pair for pair in left if pair not in own]
        for pair in own:
            ordered.append(pair if pair.left == first else Pair(pair.right, pair.left, pair.nodes))
            uses.subtract(pair[:2] if exchange else pair[:1])
    return tuple(ordered)


def _tile_groups(products: Collection[tuple[int, int]], degrees: Sequence[int], costs: CoupledCosts) -> list[TileGroup]:
    by_degree: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pair in products:
        by_degree[degrees[pair[0]]].append(pair)
    groups = []
    for l in sorted(by_degree):
        by_height: dict[int, list[Tile]] = defaultdict(list)
        for tile in cover(by_degree[l], l, costs):
            by_height[len(tile.rows)].append(tile)
        order = sorted(by_height, key=lambda height: -len(by_height[height][0].columns))
        groups += [TileGroup(l, height, tuple(by_height[height])) for height in order]
    return groups


def _in_order(
    groups: Sequence[TileGroup], n_values: int
) -> tuple[tuple[TileGroup, ...], tuple[int, ...], tuple[int, ...]]:
    """Groups whose tiles have fresh columns first, their numbers, and what is left unset."""
    seen: set[int] = set()
    unset: set[int] = set()
    fresh: list[int] = []
    ordered = []
    for group in groups:
        tiles = []
        for tile in group.tiles:
            order = sorted(range(len(tile.columns)), key=lambda position: (tile.columns[position] in seen, position))
            number = {old: new for new, old in enumerate(order)}
            fresh.append(sum(column not in seen for column in tile.columns))
            seen.update(tile.columns)
            unset.update(row for row in tile.rows if row not in seen)
            seen.update(tile.rows)
            columns = tuple(tile.columns[position] for position in order)
            tiles.append(Tile(tile.rows, columns, frozenset((row, number[old]) for row, old in tile.entries)))
        ordered.append(TileGroup(group.l, group.height, tuple(tiles)))
    unset.update(value for value in range(n_values) if value not in seen)
    return tuple(ordered), tuple(fresh), tuple(sorted(unset))


def pair_terms(kind: PairType, couplings: Mapping[tuple[int, int, int], Coupling]) -> dict[tuple[int, int], list[Term]]:
    """Terms of all nodes of a pair by m1 and m2, with m1 >= m2 if both factors are the same."""
    terms: dict[tuple[int, int], dict[tuple[int, bool], float]] = defaultdict(lambda: defaultdict(float))
    for l in kind.degrees:
        coupling = couplings[kind.left, kind.right, l]
        for own, is_sum in ((coupling.sums, True), (coupling.differences, False)):
            for m1, m2, weight in own:
                key = (m2, m1) if kind.same and m1 < m2 else (m1, m2)
                terms[key][l, is_sum] += weight
    return {
        key: [Term(l, is_sum, weight) for (l, is_sum), weight in own.items() if weight]
        for key, own in sorted(terms.items())
    }


def pair_multiply_adds(kind: PairType, couplings: Mapping[tuple[int, int, int], Coupling]) -> int:
    """Multiply-adds of a pair, forward and back."""
    if kind.left == 0 or kind.degrees == (0,):  # weights are one, or all the same
        return (2 if kind.same else 3) * (2 * kind.right + 1)
    total = 0
    for (m1, m2), terms in pair_terms(kind, couplings).items():
        square = kind.same and m1 == m2
        parts: set[str] = set()
        for l, is_sum, _ in terms:
            M = m1 + m2 if is_sum else abs(m1 - m2)
            real = (kind.left + kind.right + l) % 2 == 0
            if not M or (square and not is_sum):
                used = {"r" if real else "i"} if not square or real else set()
            else:
                used = {"r", "i"}
            parts |= {("x" if is_sum else "y") + part for part in used}
            total += 2 * len(used)  # to the node, and from its derivative
        if square:
            total += 3 * len(parts) + (2 if m1 else 0)
        elif not m1 or not m2:
            total += 3 * len(parts)
        elif parts:  # X and Y share products, and their derivatives are combined
            kinds = {part[1] for part in parts}
            total += len(parts) + len(kinds) + 4 * len(kinds) + 2 * (len(parts) - len(kinds))
    return total


def _cost(
    products: CoupledProducts,
    groups: Sequence[PairGroup],
    tile_groups: Sequence[TileGroup],
    n_outputs: int,
    costs: CoupledCosts,
    passes: Passes,
) -> Cost:
    """Loads of a pair are estimated by its multiply-adds, and its code by eight bytes for each.

    Of its multiply-adds, a third go forward.
    """
    both = (1 + 2 * passes.back) / 3
    adds = loads = code = tables = 0
    cycles = 0.0
    seen = set()
    for group in groups:
        own = pair_multiply_adds(group.type, products.by_degrees)
        count = len(group.pairs)
        adds += round(own * count * both)
        loads += round(own * count * both)
        cycles += costs.pair_cycles(own) * count * both
        code += 0 if group.type in seen else 8 * own
        seen.add(group.type)
        tables += 2 * (2 + len(group.type.degrees)) * count
    for l, height, tiles in ((of.l, of.height, of.tiles) for of in tile_groups):
        size = 2 * l + 1
        for width in (len(tile.columns) for tile in tiles):
            adds += passes.tiles * 2 * height * width * size
            loads += passes.tiles * ((height + 2 * size) * width + 2 * height * size)
            cycles += passes.tiles * costs.tile_cycles(l, height, width)
            tables += 2 * (height + width) + 8 * n_outputs * height * width
    channels = sum(2 * channel.l + 1 for channel in products.channels)
    linear = sum(len(scalar) == 1 for scalar in products.scalars)
    cycles += costs.rest_cycles(channels, linear)
    return Cost(adds + 2 * channels + 2 * linear, loads + 3 * channels + 3 * linear, code + tables, cycles)


def values_alone(products: CoupledProducts) -> CoupledStage:
    """The values of coupled products, in the order of evaluation, without weights or derivatives."""
    degrees = products.degrees
    offsets, nothing = _places(products, 1)[0], Cost(0, 0, 0, 0.0)
    size = sum(2 * l + 1 for l in degrees)
    return CoupledStage(products, offsets, 0, size, _groups(products), (), (), (), (), {}, {}, {}, nothing)
