"""Passes for table-driven loops: sub-products and row blocks; and the cost model that chooses."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from expansions import GRAPH_SIZES, expansion_of
from hypothesis import given, settings
from hypothesis import strategies as st
from lanes_costs import COST, block_cycles, compact_cost, straight_cost
from test_optimize import N_VARIABLES, term_lists, walk

from acegen.optimize.blocks import RowBlock, group_rows
from acegen.optimize.cost import Cost
from acegen.optimize.pairs import Factorization, Row, factor_keys, factor_terms
from acegen.optimize.trie import build_trie
from acegen.program.kernel import Product

LARGEST_BLOCK = 8

# ---- sub-products


def expanded(n_variables: int, nodes: Sequence[Row]) -> list[Product]:
    """Factors of each value, the A's and the stored products; each of these is made of earlier values."""
    values: list[Product] = [(variable,) for variable in range(n_variables)]
    for left, right in nodes:
        assert 0 <= left < len(values)
        assert 0 <= right < len(values)
        values.append(values[left] + values[right])
    return values


def check_factorization(
    factored: Factorization, n_variables: int, terms: Sequence[Product], key: Callable[[int], Any]
) -> None:
    """Rows times columns are the terms, each once; columns are the first half; nothing is stored twice or in vain."""
    values = expanded(n_variables, factored.nodes)
    found = {term: (variable,) for variable, term in factored.linear.items()}
    count = len(factored.linear) + len(factored.own)
    for row, term in factored.own.items():
        found[term] = values[row[0]] + values[row[1]]
        assert len(found[term]) == 2
    for row, columns in factored.entries.items():
        count += len(columns)
        for column, term in columns.items():
            own = values[row[0]] + values[row[1]]
            found[term] = values[column] + own
            assert len(values[column]) == len(terms[term]) // 2
            assert max(map(key, values[column])) <= min(map(key, own))
    assert count == len(terms)
    assert {term: tuple(sorted(factors)) for term, factors in found.items()} == dict(enumerate(terms))

    assert set(factored.own) <= set(factored.entries)
    assert all(columns or row in factored.own for row, columns in factored.entries.items())
    stored = [tuple(sorted(factors)) for factors in values[n_variables:]]
    assert len(set(stored)) == len(stored)
    used = {value for row in (*factored.nodes, *factored.entries) for value in row}
    used |= {column for columns in factored.entries.values() for column in columns}
    assert set(range(n_variables, len(values))) <= used


@settings(deadline=None, max_examples=200)
@given(term_lists(longest=8), st.lists(st.integers(0, 3), min_size=N_VARIABLES, max_size=N_VARIABLES))
def test_rows_times_columns_are_the_terms(terms: list[Product], keys: list[int]) -> None:
    """For any terms of order 1 to 8 and any key, also one that does not tell variables apart."""
    check_factorization(factor_terms(N_VARIABLES, terms, keys.__getitem__), N_VARIABLES, terms, keys.__getitem__)


@settings(deadline=None, max_examples=15)
@given(GRAPH_SIZES, st.integers(0, 1))
def test_rows_times_columns_of_a_basis(size: tuple[Any, ...], which: int) -> None:
    """The same for real bases and the keys that are tried; these tell all A's apart."""
    expansion = expansion_of(*size)
    layout = expansion.layout
    key = list(factor_keys(layout).values())[which]
    assert len({key(v) for v in range(layout.size)}) == layout.size
    check_factorization(factor_terms(layout.size, expansion.products, key), layout.size, expansion.products, key)


@pytest.mark.parametrize(("name", "harmonic"), [("large l in rows", 2), ("large |m| in rows", 3)])
def test_keys_are_what_they_are_called(name: str, harmonic: int) -> None:
    """l or |m| does not fall along the factors."""
    layout = expansion_of(4, 6, 2, "1").layout
    key = factor_keys(layout)[name]
    values = [abs(layout.names[v][harmonic]) for v in sorted(range(layout.size), key=key)]
    assert values == sorted(values)


# ---- row blocks


@st.composite
def factorizations(draw: st.DrawFn, most_rows: int = 9) -> Factorization:
    """Rows with any columns, also none; terms are numbered as they come."""
    column_sets = draw(st.lists(st.sets(st.integers(0, 11), max_size=8), max_size=most_rows))
    names = draw(st.permutations(range(len(column_sets))))
    entries: dict[Row, dict[int, int]] = {}
    own = {}
    count = 0
    for name, columns in zip(names, column_sets, strict=True):
        row = (name // 3, 20 + name % 3)
        if not columns or draw(st.booleans()):
            own[row] = count
            count += 1
        entries[row] = {column: count + i for i, column in enumerate(sorted(columns))}
        count += len(columns)
    return Factorization((), {}, own, entries)


def cycles(blocks: Sequence[RowBlock]) -> float:
    return sum(block_cycles(len(block.rows), len(block.columns)) for block in blocks)


def partitions(count: int, most: int) -> Iterator[list[int]]:
    """All lists of numbers from 1 to `most` with sum `count`."""
    if not count:
        yield []
    for first in range(1, min(count, most) + 1):
        for rest in partitions(count - first, most):
            yield [first, *rest]


def check_blocks(blocks: Sequence[RowBlock], factored: Factorization, most: int) -> None:
    """Each row in one block, with the union of the columns; similar rows are neighbours."""
    rows = [row for block in blocks for row in block.rows]
    assert sorted(rows) == sorted(factored.entries)
    columns = [sorted(factored.entries[row]) for row in rows]
    assert columns == sorted(columns)
    for block in blocks:
        assert 1 <= len(block.rows) <= most
        assert list(block.columns) == sorted(set().union(*(factored.entries[row] for row in block.rows)))


def single_rows(factored: Factorization) -> float:
    return sum(block_cycles(1, len(columns)) for columns in factored.entries.values())


@settings(deadline=None, max_examples=150)
@given(factorizations(), st.integers(1, LARGEST_BLOCK))
def test_blocks_are_the_cheapest_cuts(factored: Factorization, most: int) -> None:
    """Against all ways to cut the rows, as they are sorted, into blocks of at most so many."""
    blocks = group_rows(factored, replace(COST, most_rows=most))
    check_blocks(blocks, factored, most)
    columns = [set(factored.entries[row]) for block in blocks for row in block.rows]
    costs = []
    for sizes in partitions(len(columns), most):
        ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
        groups = [set().union(*columns[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
        costs.append(sum(block_cycles(size, len(group)) for size, group in zip(sizes, groups, strict=True)))
    assert cycles(blocks) == pytest.approx(min(costs), rel=1e-12)


@settings(deadline=None, max_examples=15)
@given(GRAPH_SIZES, st.sampled_from([1, 2, 4, 8]))
def test_blocks_of_a_basis(size: tuple[Any, ...], most: int) -> None:
    """For real bases; larger blocks are never worse, and blocks of one row are the rows."""
    expansion = expansion_of(*size)
    for key in factor_keys(expansion.layout).values():
        factored = factor_terms(expansion.layout.size, expansion.products, key)
        blocks = group_rows(factored, replace(COST, most_rows=most))
        check_blocks(blocks, factored, most)
        assert cycles(group_rows(factored, replace(COST, most_rows=LARGEST_BLOCK))) <= cycles(blocks) * (1 + 1e-12)
        assert cycles(blocks) <= single_rows(factored) * (1 + 1e-12)
        if most == 1:
            assert cycles(blocks) == pytest.approx(single_rows(factored), rel=1e-12)


# ---- cost


def no_dearer(small: Cost, large: Cost) -> bool:
    pairs = zip(vars(small).values(), vars(large).values(), strict=True)
    return all(left <= right for left, right in pairs)


@settings(deadline=None, max_examples=200)
@given(term_lists(), st.permutations(range(N_VARIABLES)), st.data())
def test_straight_cost_grows_with_the_terms(terms: list[Product], order: list[int], data: st.DataObject) -> None:
    """Leaving out terms makes no estimate larger."""
    some = data.draw(st.lists(st.sampled_from(terms), unique=True)) if terms else []
    assert no_dearer(straight_cost(build_trie(some, order)), straight_cost(build_trie(terms, order)))


KEPT = 16


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 200), st.randoms(use_true_random=False))
def test_straight_loads(count: int, random: Random) -> None:
    """One load for each A and coefficient; for a derivative unless it is one of the last ones used."""
    terms = sorted({tuple(sorted(random.choices(range(40), k=random.randint(1, 3)))) for _ in range(count)})
    order = random.sample(range(40), 40)
    roots = build_trie(terms, order)
    recent: OrderedDict[int, None] = OrderedDict()
    loads = len(terms)
    for _, node in walk(roots):
        kept = node.variable in list(recent)[-KEPT:]
        recent[node.variable] = None
        recent.move_to_end(node.variable)
        loads += 1 + (not kept)
    cost = straight_cost(roots)
    assert cost.loads == loads
    assert cost.cycles == max(cost.code_bytes / COST.fetch_bytes, cost.multiply_adds / 2)


def test_code_beyond_the_cache_is_fetched_slower() -> None:
    """Twice the same trie costs twice the bytes, and more than twice the time if only one fits the cache."""
    trie = build_trie([(i, j) for i in range(90) for j in range(i, 200)], range(200))
    once = straight_cost(trie)
    assert COST.l2_bytes / 2 < once.code_bytes < COST.l2_bytes
    twice = straight_cost([*trie, *trie])
    assert once.cycles == once.code_bytes / COST.fetch_bytes
    assert COST.l2_bytes < twice.code_bytes <= 2 * once.code_bytes
    assert twice.cycles == twice.code_bytes / COST.far_fetch_bytes


def test_block_cycles_grow() -> None:
    """A row more or a column more takes longer; one block is faster than two, for the same columns."""
    for rows in range(1, LARGEST_BLOCK):
        for columns in range(100):
            here = block_cycles(rows, columns)
            assert here < block_cycles(rows, columns + 1)
            assert here < block_cycles(rows + 1, columns) < here + block_cycles(1, columns)


SHAPES = st.lists(st.tuples(st.integers(1, LARGEST_BLOCK), st.integers(0, 50)), max_size=5)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 50), st.integers(0, 50), SHAPES, st.integers(0, 5), st.integers(0, 5), SHAPES)
def test_compact_cost_grows(
    nodes: int, linear: int, shapes: list[Any], more_nodes: int, more_linear: int, more_shapes: list[Any]
) -> None:
    """More stored products, linear terms or blocks cost more; costs of disjoint programs add up."""
    small, extra = compact_cost(nodes, linear, shapes), compact_cost(more_nodes, more_linear, more_shapes)
    both = compact_cost(nodes + more_nodes, linear + more_linear, [*shapes, *more_shapes])
    assert no_dearer(small, both)
    total = [left + right for left, right in zip(vars(small).values(), vars(extra).values(), strict=True)]
    assert list(vars(both).values()) == pytest.approx(total)


def test_seconds() -> None:
    """Time per centre: half of it for twice the lanes, twice for variables of two registers."""
    cost = Cost(10, 10, 100, 2.4e9)
    assert cost.seconds(1, 1) == pytest.approx(1)
    assert cost.seconds(8, 1) == pytest.approx(1 / 8)
    assert cost.seconds(16, 2) == pytest.approx(1 / 8)
