"""Passes for straight-line code: terms, variable order, functions; against polynomials in rationals, term by term."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import Any
from unittest import mock

import pytest
from expansions import GRAPH_SIZES, exact, expansion_of, values_for
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from lanes_costs import COST, straight_cost

from acegen.optimize.functions import MAX_NODES, MAX_TERMS, Piece, ProductFunction, split_functions
from acegen.optimize.order import choose_order, variable_orders
from acegen.optimize.polynomial import collect_terms
from acegen.optimize.trie import TrieNode, build_trie
from acegen.program.kernel import Product
from acegen.program.layout import PooledLayout

N_VARIABLES = 7
ZERO, ONE = fmpq(0), fmpq(1)


def term_lists(longest: int = 5) -> st.SearchStrategy[list[Product]]:
    """Distinct terms of a few variables; many are leading parts of others."""
    factors = st.lists(st.integers(0, N_VARIABLES - 1), min_size=1, max_size=longest)
    return st.lists(factors.map(lambda few: tuple(sorted(few))), max_size=25, unique=True)


@st.composite
def wide_terms(draw: st.DrawFn) -> list[Product]:
    """Terms under few roots, too many for one function in breadth, depth or both."""
    terms: set[Product] = set()
    for root in range(draw(st.integers(1, 3))):
        prefix = (root,) * draw(st.integers(1, 3))
        inner, leaves = draw(st.sampled_from([(1, 249), (1, 250), (1, 251), (1, 700), (3, 120), (2, 260), (90, 3)]))
        terms |= {(*prefix, 10 + i, 200 + j) for i in range(inner) for j in range(leaves)}
        own = draw(st.sets(st.integers(0, inner), max_size=3))
        terms |= {(*prefix, 10 + i) if i < inner else prefix for i in own}
    return sorted(terms, reverse=draw(st.booleans()))


def polynomial(terms: Sequence[Product], coefficients: Sequence[fmpq], a: Sequence[fmpq]) -> tuple[fmpq, list[fmpq]]:
    """Value and gradient, term by term."""
    value = fmpq(0)
    gradient = [fmpq(0)] * len(a)
    for term, coefficient in zip(terms, coefficients, strict=True):
        value += prod((a[variable] for variable in term), start=coefficient)
        for slot, variable in enumerate(term):
            gradient[variable] += prod((a[v] for v in term[:slot] + term[slot + 1 :]), start=coefficient)
    return value, gradient


@dataclass
class Interpreter:
    """Value and gradient in one depth-first walk, as the kernels do it, counting multiply-adds.

    At a node for variable a with the product P of its ancestors and the value G of their subtree:
    leaf, coefficient c: G += c A_a, D_a += c P; inner node: P' = P A_a, recurse, G += A_a G', D_a += P G'.
    `coefficient` is asked for each term once, in the order of the walk.
    """

    a: Sequence[fmpq]
    coefficient: Callable[[int], fmpq]
    multiply_adds: int = 0
    gradient: list[fmpq] = field(init=False)

    def __post_init__(self) -> None:
        self.gradient = [fmpq(0)] * len(self.a)

    def run(self, nodes: Sequence[TrieNode], partial: fmpq = ONE, start: fmpq = ZERO) -> fmpq:
        """Value of some siblings, added to `start`; their common ancestors have the product `partial`."""
        value = start
        for node in nodes:
            own = fmpq(0) if node.term is None else self.coefficient(node.term)
            if node.children:
                self.multiply_adds += 3
                own = self.run(node.children, partial * self.a[node.variable], own)
            else:
                self.multiply_adds += 2
            value += self.a[node.variable] * own
            self.gradient[node.variable] += partial * own
        return value


def walk(nodes: Sequence[TrieNode], path: Product = ()) -> Iterator[tuple[Product, TrieNode]]:
    """Depth-first: every node with the variables from the root to it."""
    for node in nodes:
        here = (*path, node.variable)
        yield here, node
        yield from walk(node.children, here)


def nodes_of(function: ProductFunction) -> list[TrieNode]:
    """The tries a function evaluates: each piece below the factors of its path."""

    def opened(piece: Piece) -> TrieNode:
        node = TrieNode(piece.path[-1], piece.term, piece.children)
        for variable in reversed(piece.path[:-1]):
            node = TrieNode(variable, None, (node,))
        return node

    return [opened(piece) for piece in function.pieces]


# ---- terms


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_collected_terms_are_the_same_polynomial(data: st.DataObject) -> None:
    """Equal terms are summed for each element; a term is left out if and only if it is zero for all of them."""
    distinct = data.draw(term_lists())
    chosen = data.draw(st.lists(st.sampled_from(distinct), max_size=40)) if distinct else []
    terms = [tuple(data.draw(st.permutations(term))) for term in chosen]
    elements = data.draw(st.sampled_from([["Si"], ["Si", "O"], ["H", "C", "N"]]))
    one = st.lists(st.integers(-2, 2).map(lambda k: k / 4), min_size=len(terms), max_size=len(terms))
    coefficients = {element: data.draw(one) for element in elements}
    collected = collect_terms(N_VARIABLES, terms, coefficients)

    totals: dict[str, dict[Product, fmpq]] = {}
    for element in elements:
        totals[element] = defaultdict(fmpq)
        for term, value in zip(terms, coefficients[element], strict=True):
            totals[element][tuple(sorted(term))] += exact(value)
    needed = {term for total in totals.values() for term, value in total.items() if value}
    assert collected.n_variables == N_VARIABLES
    assert len(collected.terms) == len(set(collected.terms))
    assert set(collected.terms) == needed
    assert list(collected.coefficients) == elements
    a = values_for(data, N_VARIABLES)
    for element in elements:
        after = list(map(exact, collected.coefficients[element]))
        assert polynomial(collected.terms, after, a) == polynomial(terms, list(map(exact, coefficients[element])), a)
        assert after == [totals[element][term] for term in collected.terms]


# ---- trie


@settings(deadline=None, max_examples=150)
@given(term_lists(), st.permutations(range(N_VARIABLES)))
def test_trie_holds_every_term_once(terms: list[Product], order: list[int]) -> None:
    """For any terms and any order of the variables; paths and siblings follow the order."""
    roots = build_trie(terms, order)
    nodes = list(walk(roots))
    ends = {node.term: tuple(sorted(path)) for path, node in nodes if node.term is not None}
    assert len(ends) == sum(node.term is not None for _, node in nodes)
    assert ends == dict(enumerate(terms))
    rank = {variable: position for position, variable in enumerate(order)}
    for path, node in nodes:
        assert [rank[v] for v in path] == sorted(rank[v] for v in path)
        assert node.children or node.term is not None
        assert node.size == len(list(walk([node])))
        assert node.terms == sum(below.term is not None for _, below in walk([node]))
    for siblings in [roots, *(node.children for _, node in nodes)]:
        assert all(rank[left.variable] < rank[right.variable] for left, right in pairwise(siblings))


@settings(deadline=None, max_examples=100)
@given(term_lists(), st.permutations(range(N_VARIABLES)), st.data())
def test_trie_evaluates_value_and_gradient(terms: list[Product], order: list[int], data: st.DataObject) -> None:
    """The walk gives value and gradient of the polynomial, in as many multiply-adds as are counted."""
    roots = build_trie(terms, order)
    a, coefficients = values_for(data, N_VARIABLES), values_for(data, len(terms))
    interpreter = Interpreter(a, coefficients.__getitem__)
    assert (interpreter.run(roots), interpreter.gradient) == polynomial(terms, coefficients, a)
    assert straight_cost(roots).multiply_adds == interpreter.multiply_adds


@pytest.mark.parametrize(
    ("terms", "order", "expected"),
    [
        ([(4,)], [4], 2),
        ([(0, 0)], [0], 3 + 2),
        ([(0, 1), (0, 2)], [0, 1, 2], 3 + 2 + 2),
        ([(0, 1), (0, 2)], [1, 2, 0], 2 * (3 + 2)),  # nothing is shared
        ([(0,), (0, 1), (1,), (1, 1)], [0, 1], 3 + 2 + 3 + 2),  # a leading part of another term is free
    ],
)
def test_multiply_adds_of_known_tries(terms: list[Product], order: list[int], expected: int) -> None:
    """Two for a leaf, three for an inner node."""
    assert straight_cost(build_trie(terms, order)).multiply_adds == expected


# ---- variable order

LAYOUT = PooledLayout(((4, 3, 2), (2, 2, 1)), 1, ((0,), (-1, 0, 1), (-2, -1, 0, 1, 2)))
LAYOUT_TERMS = st.lists(
    st.lists(st.integers(0, LAYOUT.size - 1), min_size=1, max_size=4).map(lambda few: tuple(sorted(few))),
    max_size=30,
    unique=True,
)


def check_choice(layout: PooledLayout, terms: Sequence[Product]) -> None:
    """Orders are permutations of the variables that occur, sorted as they are called; the cheapest is chosen."""
    orders = variable_orders(layout, terms)
    occur = Counter(variable for term in terms for variable in set(term))
    assert all(sorted(order) == sorted(occur) for order in orders.values())
    assert set(orders) == {"rarest first", "most frequent first", "large l first", "large |m| first", "large m first"}

    def falls(values: list[int]) -> bool:
        return values == sorted(values, reverse=True)

    assert falls([-occur[v] for v in orders["rarest first"]])
    assert falls([occur[v] for v in orders["most frequent first"]])
    assert falls([layout.names[v][2] for v in orders["large l first"]])
    assert falls([abs(layout.names[v][3]) for v in orders["large |m| first"]])
    assert falls([abs(layout.names[v][3]) for v in orders["large m first"]])

    name, trie, cost = choose_order(layout, terms, COST)
    assert trie == build_trie(terms, orders[name])
    assert cost == straight_cost(trie)
    assert cost.cycles == min(straight_cost(build_trie(terms, order)).cycles for order in orders.values())


@settings(deadline=None, max_examples=60)
@given(LAYOUT_TERMS)
def test_cheapest_order_is_chosen(terms: list[Product]) -> None:
    """For any terms, also none."""
    check_choice(LAYOUT, terms)


@settings(deadline=None, max_examples=10)
@given(GRAPH_SIZES)
def test_cheapest_order_of_a_basis_is_chosen(size: tuple[Any, ...]) -> None:
    """For the products of real bases."""
    expansion = expansion_of(*size)
    check_choice(expansion.layout, expansion.products)


@pytest.mark.slow
def test_multiply_adds_of_order_4_level_16() -> None:
    """The target of the project for its largest reference basis: at most 24,000 for 8,627 products, as emitted."""
    expansion = expansion_of(4, 16, 1, "3/2")
    assert len(expansion.products) == 8627
    name, trie, _ = choose_order(expansion.layout, expansion.products, COST)
    functions = split_functions(trie)
    emitted = sum(3 if node.children else 2 for f in functions for _, node in walk(nodes_of(f)))
    assert 2 * 8627 < emitted <= 24_000, name


# ---- functions

SMALL_BOUNDS = st.tuples(st.integers(5, 12), st.integers(1, 6))


def split(roots: Sequence[TrieNode], nodes: int, terms: int) -> tuple[ProductFunction, ...]:
    """Functions of a trie with other bounds, so that small tries are cut, too."""
    with mock.patch.multiple("acegen.optimize.functions", MAX_NODES=nodes, MAX_TERMS=terms):
        return split_functions(roots)


def check_functions(functions: Sequence[ProductFunction], roots: Sequence[TrieNode], bounds: tuple[int, int]) -> None:
    """Every term once, below its own factors; bounded, and no emptier than they need be."""
    emitted = [(path, node) for f in functions for path, node in walk(nodes_of(f))]
    ends = [(path, node.term) for path, node in emitted if node.term is not None]
    assert sorted(ends) == sorted((path, node.term) for path, node in walk(roots) if node.term is not None)
    assert [term for f in functions for term in f.coefficient_order()] == [term for _, term in ends]
    assert all(node.children or node.term is not None for _, node in emitted)
    sizes = [len(list(walk(nodes_of(f)))) for f in functions]
    assert all(0 < size <= bounds[0] for size in sizes)
    for size, function, following in zip(sizes, functions, functions[1:], strict=False):
        first = following.pieces[0]
        added = len(first.path) + len(list(walk(first.children)))
        terms = len(function.coefficient_order()) + len(ProductFunction((first,)).coefficient_order())
        assert size + added > bounds[0] or terms > bounds[1]
    for function in functions:
        assert all(sum(p.path == piece.path for p in function.pieces) == 1 for piece in function.pieces)


@settings(deadline=None, max_examples=200)
@given(term_lists(), st.permutations(range(N_VARIABLES)), SMALL_BOUNDS)
def test_functions_hold_every_term_once(terms: list[Product], order: list[int], bounds: tuple[int, int]) -> None:
    """For any trie and any bounds a path fits into."""
    roots = build_trie(terms, order)
    check_functions(split(roots, *bounds), roots, bounds)


@settings(deadline=None, max_examples=25)
@given(wide_terms())
def test_functions_of_wide_tries(terms: list[Product]) -> None:
    """The same for large tries and the true bounds."""
    roots = build_trie(terms, sorted({v for term in terms for v in term}))
    check_functions(split_functions(roots), roots, (MAX_NODES, MAX_TERMS))


@settings(deadline=None, max_examples=200)
@given(term_lists(), st.permutations(range(N_VARIABLES)), SMALL_BOUNDS)
def test_functions_have_bounded_terms(terms: list[Product], order: list[int], bounds: tuple[int, int]) -> None:
    """No function has more coefficients than are in addressing range."""
    functions = split(build_trie(terms, order), *bounds)
    assert all(len(function.coefficient_order()) <= bounds[1] for function in functions)


def test_function_of_a_term_and_as_many_as_fit() -> None:
    """A node whose own term and one full child together are one term too many."""
    terms = [(0,), *((0, 1, 2 + k) for k in range(MAX_TERMS))]
    functions = split_functions(build_trie(terms, range(2 + MAX_TERMS)))
    assert all(len(function.coefficient_order()) <= MAX_TERMS for function in functions)
