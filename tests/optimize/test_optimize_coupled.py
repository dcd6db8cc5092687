"""The coupled product stage: tiles, order and memory of values, types of pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from coupled_cases import at_random, small_l_first
from hypothesis import given, settings
from hypothesis import strategies as st
from program_cases import Case

from acegen.codegen.lanes.coupled_cost import CoupledCost
from acegen.lower import coupled_products, pairing_choices
from acegen.optimize.coupled import CoupledStage, couple, pair_multiply_adds, pair_terms
from acegen.optimize.coupled_tiles import cover
from acegen.optimize.pairing_cost import coupling_cost
from acegen.program.coupled import CoupledProducts
from acegen.spec import load_spec

COSTS = [CoupledCost(16), CoupledCost(32)]
products_of_values = st.sets(st.tuples(st.integers(0, 14), st.integers(0, 14)).map(lambda pair: tuple(sorted(pair))))


@given(products_of_values, st.integers(0, 6), st.sampled_from(COSTS))
def test_tiles_contain_each_product_once(products: set[tuple[int, int]], l: int, costs: CoupledCost) -> None:
    """One way round; and a tile has no row, column or more rows than it needs or may have."""
    found: Counter[tuple[int, int]] = Counter()
    for tile in cover(products, l, costs):
        own = [(tile.rows[i], tile.columns[j]) for i, j in tile.entries]
        found.update((min(pair), max(pair)) for pair in own)
        assert {row for row, _ in own} == set(tile.rows)
        assert {column for _, column in own} == set(tile.columns)
        assert len(tile.rows) <= costs.most_rows(l)
    assert found == Counter(products)


@pytest.mark.parametrize("costs", COSTS)
def test_tiles_cost_less_than_single_rows(costs: CoupledCost) -> None:
    """On a staircase, as levels make it; and the zeros stored are few."""
    products = {(i, j) for i in range(40) for j in range(i, 40) if i + j < 40}
    tiles = cover(products, 1, costs)
    cycles = sum(costs.tile_cycles(1, len(tile.rows), len(tile.columns)) for tile in tiles)
    single = sum(costs.tile_cycles(1, 1, 40 - 2 * i) for i in range(20))
    assert cycles < 0.9 * single
    assert sum(len(tile.rows) * len(tile.columns) for tile in tiles) < 1.25 * len(products)


@cache
def products(order: int, seed: int) -> CoupledProducts:
    level = {3: 9, 4: 8, 5: 6}[order]
    basis = {"elements": ["Si", "O"][: 1 + (order < 5)], "order": order, "level": level, "angular_weight": "3/4"}
    own = Case(load_spec({"name": "t", "basis": basis, "radial": {"cutoff": 5.0}}))
    choices = pairing_choices(own.expansion.basis)
    found = coupled_products(
        choices, at_random(choices, np.random.default_rng(seed), 1.0) if seed else small_l_first(choices)
    )
    assert found is not None
    return found


def stage(own: CoupledProducts, seed: int, kept: float = 1.0) -> CoupledStage:
    rng = np.random.default_rng(seed)
    count = len(own.scalars)
    weights = {symbol: tuple(rng.normal(size=count) * (rng.random(count) < kept)) for symbol in ("Si", "O")}
    return couple(own, weights, CoupledCost(16))


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([3, 4, 5]), st.integers(0, 2), st.integers(0, 99), st.sampled_from([0.02, 0.5, 1.0]))
def test_no_value_is_overwritten_while_it_is_needed(order: int, seed: int, number: int, kept: float) -> None:
    """Steps in the order of the generated code, each component of memory with an owner."""
    own = stage(products(order, seed), number, kept)
    memory: dict[int, tuple[str, int]] = {}
    degrees, n_channels = own.products.degrees, len(own.products.channels)

    def places(value: int, derivative: bool) -> Sequence[int]:
        first = own.offsets[value] + (0 if derivative else own.shift)
        return range(first, first + 2 * degrees[value] + 1)

    def write(kind: str, value: int) -> None:
        for place in places(value, kind == "G"):
            assert 0 <= place < own.size
            memory[place] = (kind, value)

    def read(kind: str, value: int) -> None:
        assert {memory.get(place) for place in places(value, kind == "G")} == {(kind, value)}

    for value in range(n_channels):
        write("V", value)
    for group in own.groups:
        for pair in group.pairs:
            read("V", pair.left)
            read("V", pair.right)
            for node in pair.nodes:
                write("V", node)
    fresh = iter(own.fresh)
    for l in sorted(set(degrees)):
        for value in own.unset:
            if degrees[value] == l:
                write("G", value)
        for tile in (tile for group in own.tile_groups if group.l == l for tile in group.tiles):
            new = next(fresh)
            for row in tile.rows:
                read("V", row)
            for position, column in enumerate(tile.columns):
                read("V", column)
                if position < new:
                    write("G", column)
                read("G", column)
            for row in tile.rows:
                read("G", row)
    assert next(fresh, None) is None
    for value in own.linear:
        read("G", value)
    for group in reversed(own.groups):
        for pair in group.pairs:
            for value in pair[:2]:
                read("V", value)
                read("G", value)
            for node in pair.nodes:
                read("G", node)
    for value in range(n_channels):
        read("G", value)


@pytest.mark.parametrize("order", [3, 5])
def test_derivatives_take_the_place_of_values(order: int) -> None:
    """Memory in use is less than for both, except where nodes are factors of others."""
    own = stage(products(order, 0), 0)
    components = [range(first, first + 2 * l + 1) for first, l in zip(own.offsets, own.products.degrees, strict=True)]
    values = {place + own.shift for places in components for place in places}
    derivatives = {place for places in components for place in places}
    assert bool(values & derivatives) == (order < 5)


def test_what_no_centre_needs_is_left_out() -> None:
    """Of all products but one, their values as well; equal ones are added up."""
    own = products(4, 0)
    last = len(own.scalars) - 1
    weights = {"Si": [0.0] * last + [1.0], "O": [0.0] * last + [2.0]}
    alone = couple(own, weights, CoupledCost(16))
    assert len(alone.products.scalars) == 1
    assert len(alone.products.channels) <= 4
    assert len(alone.products.nodes) == 2
    assert sum(alone.weights["Si"]) == 1.0
    twice = CoupledProducts(own.scales, own.couplings, own.channels, own.nodes, (*own.scalars, own.scalars[last]))
    doubled = couple(twice, {symbol: (*values, 3.0) for symbol, values in weights.items()}, CoupledCost(16))
    assert sum(doubled.weights["Si"]) == 4.0
    assert doubled.products == alone.products


def test_multiply_adds_are_those_of_the_search() -> None:
    """The cost by which invariants were chosen, but for a few coefficients that happen to be zero."""
    own = stage(products(4, 0), 0)
    checked = 0
    for kind in own.types:
        if kind.left and kind.degrees != (0,):
            mask = sum(1 << l for l in kind.degrees)
            expected = coupling_cost(kind.left, kind.right, kind.same, mask)
            assert 0.93 * expected <= pair_multiply_adds(kind, own.products.by_degrees) <= expected + 2, kind
            checked += 1
    assert checked > 3


def test_equal_factors_lose_odd_terms() -> None:
    """Terms of a value with itself are halved: m1 >= m2, and nothing that cancels is computed."""
    own = stage(products(4, 0), 0)
    same = [kind for kind in own.types if kind.same and kind.left]
    assert same
    for kind in same:
        terms = pair_terms(kind, own.products.by_degrees)
        assert all(m1 >= m2 for m1, m2 in terms)
        assert all(abs(term.weight) > 1e-6 for own_terms in terms.values() for term in own_terms)
