"""The optimize stage as a whole: the form chosen, the reports of the passes, the cost of running programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from expansions import GRAPH_SIZES, exact, expansion_of
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from lanes_costs import COST, compact_cost, optimized, with_registers
from test_optimize import Interpreter, nodes_of
from test_optimize_program import FORMS, N_REGISTERS, Loops, folded_for, pairs_of

from acegen.codegen.lanes.products import compact_tables
from acegen.lower import ProductExpansion
from acegen.optimize import CompactProgram, StraightProgram
from acegen.optimize.blocks import group_rows
from acegen.optimize.order import variable_orders
from acegen.optimize.pairs import factor_keys, factor_terms
from acegen.optimize.trie import build_trie


def ones(expansion: ProductExpansion) -> dict[str, list[float]]:
    return {"Si": [1.0] * len(expansion.products)}


@pytest.mark.parametrize("size", [(3, 8, 1, "3/2"), (4, 6, 2, "1"), (5, 7, 1, "1")])
@pytest.mark.parametrize(("fetched", "expected"), [(16, StraightProgram), (0.5, CompactProgram)])
def test_the_cheaper_form_is_taken(size: tuple[Any, ...], fetched: float, expected: type) -> None:
    """On a processor that fetches code quickly, and on one that does not."""
    expansion = expansion_of(*size)
    folded = {element: [1.0] * len(expansion.products) for element in expansion.basis.spec.basis.elements}
    model = replace(COST, fetch_bytes=fetched)
    straight, compact, auto = (optimized(expansion, folded, model, f) for f in ("straight", "compact", "auto"))
    cheaper = min(straight, compact, key=lambda program: program.products.cost.cycles)
    assert isinstance(auto.products, expected)
    assert auto.products == cheaper.products
    assert auto.coefficients == cheaper.coefficients
    for program in (straight, compact, auto):
        assert program.reports[-1].before == cheaper.products.cost
        assert program.reports[:-1] == auto.reports[:-1]


def test_code_too_large_to_compile() -> None:
    """Tables are taken, though estimated slower, for more code than compiles in reasonable time, unless asked for."""
    expansion = expansion_of(3, 8, 1, "3/2")
    folded = {"Si": [1.0] * len(expansion.products)}
    size = optimized(expansion, folded, COST, "straight").products.cost.code_bytes
    for limit, expected in ((size, StraightProgram), (size - 1, CompactProgram)):
        model = replace(COST, max_code_bytes=limit)
        auto, straight = (optimized(expansion, folded, model, form) for form in ("auto", "straight"))
        assert isinstance(auto.products, expected)
        assert isinstance(straight.products, StraightProgram)


def test_code_beyond_the_cache_is_shared_by_blocks_of_lanes() -> None:
    """Straight-line code larger than the L2 cache is run for several blocks at once, tables never."""
    expansion = expansion_of(3, 8, 1, "3/2")
    folded = {"Si": [1.0] * len(expansion.products)}
    straight, compact = (optimized(expansion, folded, COST, form).products for form in ("straight", "compact"))
    assert COST.group(straight) == COST.group(compact) == 1
    for size, grouped in ((straight.cost.code_bytes, False), (straight.cost.code_bytes - 1, True)):
        assert (replace(COST, l2_bytes=size).group(straight) > 1) == grouped
    assert replace(COST, l2_bytes=0).group(compact) == 1


@settings(deadline=None, max_examples=25)
@given(GRAPH_SIZES, FORMS, N_REGISTERS, st.data())
def test_reports(size: tuple[Any, ...], form: Any, variables: int, data: st.DataObject) -> None:
    """In the order of the passes, each from where the one before it ended; the last one is the program's."""
    expansion = expansion_of(*size)
    folded = folded_for(data, len(expansion.products), expansion.basis.spec.basis.elements)
    program = optimized(expansion, folded, with_registers(variables), form)
    terms, order, functions, products, blocks, chosen = program.reports
    names = ["terms", "variable order", "functions", "sub-products", "row blocks", "form"]
    assert [report.name for report in program.reports] == names
    assert terms.result == f"{len(expansion.products) - program.n_terms:,} of {len(expansion.products):,} dropped"
    rarest = variable_orders(expansion.layout, expansion.products)["rarest first"]
    assert terms.before == with_registers(variables).straight(build_trie(expansion.products, rarest))
    assert terms.after == order.before == products.before
    assert order.after == functions.before
    assert products.after == blocks.before
    assert chosen.after == program.products.cost
    assert chosen.before in (functions.after, blocks.after)
    assert chosen.before.cycles == min(functions.after.cycles, blocks.after.cycles)
    assert order.after.cycles <= order.before.cycles
    assert blocks.after.cycles <= blocks.before.cycles * (1 + 1e-12)
    straight = isinstance(program.products, StraightProgram)
    assert chosen.after == (functions.after if straight else blocks.after)
    assert chosen.result.startswith("straight-line code" if straight else "tables")
    assert chosen.result.endswith("as asked") == (form != "auto")


@settings(deadline=None, max_examples=20)
@given(GRAPH_SIZES, N_REGISTERS)
def test_cost_of_tables(size: tuple[Any, ...], variables: int) -> None:
    """The cost reported is that of what is in the tables."""
    expansion = expansion_of(*size)
    products = optimized(expansion, ones(expansion), with_registers(variables), "compact").products
    assert isinstance(products, CompactProgram)
    tables = compact_tables(products)
    shapes = [(height, width) for height, width in pairs_of(tables.block_sizes)]
    assert products.cost == compact_cost(len(tables.nodes), len(tables.linear), shapes)


@settings(deadline=None, max_examples=20)
@given(GRAPH_SIZES, st.sampled_from([(16, 4), (32, 8)]))
def test_the_cheapest_tables_are_taken(size: tuple[Any, ...], registers: tuple[int, int]) -> None:
    """The best over all orders of the factors."""
    expansion = expansion_of(*size)
    variables, most = registers
    program = optimized(expansion, ones(expansion), with_registers(variables), "compact")

    costs, model = [], replace(COST, most_rows=most)
    for key in factor_keys(expansion.layout).values():
        factored = factor_terms(expansion.layout.size, expansion.products, key)
        shapes = [(len(block.rows), len(block.columns)) for block in group_rows(factored, model)]
        costs.append(compact_cost(len(factored.nodes), len(factored.linear), shapes).cycles)
    assert program.products.cost.cycles == min(costs)


@settings(deadline=None, max_examples=20)
@given(GRAPH_SIZES, N_REGISTERS)
def test_multiply_adds_of_tables(size: tuple[Any, ...], variables: int) -> None:
    """As many as are done when the tables are run."""
    expansion = expansion_of(*size)
    program = optimized(expansion, ones(expansion), with_registers(variables), "compact")
    assert isinstance(program.products, CompactProgram)
    loops = Loops(program.products, [fmpq(1)] * expansion.layout.size)
    loops.run(list(map(exact, program.coefficients["Si"])))
    assert program.products.cost.multiply_adds == loops.multiply_adds


def straight_multiply_adds(program: StraightProgram, n_variables: int) -> int:
    interpreter = Interpreter([fmpq(1)] * n_variables, lambda _: fmpq(1))
    interpreter.run([node for function in program.functions for node in nodes_of(function)])
    return interpreter.multiply_adds


@settings(deadline=None, max_examples=20)
@given(GRAPH_SIZES)
def test_multiply_adds_of_straight_code(size: tuple[Any, ...]) -> None:
    """As many as are done when the functions are run."""
    expansion = expansion_of(*size)
    products = optimized(expansion, ones(expansion), COST, "straight").products
    assert isinstance(products, StraightProgram)
    assert products.cost.multiply_adds == straight_multiply_adds(products, expansion.layout.size)


@pytest.mark.slow
def test_multiply_adds_of_straight_code_with_paths_opened_again() -> None:
    """The same where a subtree is cut."""
    expansion = expansion_of(4, 16, 1, "3/2")
    products = optimized(expansion, ones(expansion), COST, "straight").products
    assert isinstance(products, StraightProgram)
    assert products.cost.multiply_adds == straight_multiply_adds(products, expansion.layout.size)
