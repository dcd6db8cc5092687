"""The optimize stage as a whole: programs, run as the C code runs them, against the polynomial of the expansion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import prod
from typing import Any

import pytest
from expansions import GRAPH_SIZES, exact, expansion_of, values_for
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from lanes_costs import COST, optimized, straight_cost, with_registers
from test_optimize import (
    N_VARIABLES,
    SMALL_BOUNDS,
    Interpreter,
    nodes_of,
    polynomial,
    split,
    term_lists,
)

from acegen.codegen.lanes.products import FUNCTIONS_PER_FILE, compact_tables, function_files
from acegen.errors import CoefficientError
from acegen.lower import fold_coefficients, potential_program
from acegen.optimize import CompactProgram, Cost, ProductStage, StraightProgram, optimize, optimize_products
from acegen.optimize.trie import build_trie
from acegen.program.kernel import Product

# ---- straight-line code as it is emitted


@dataclass
class Statements:
    """Runs the statements of emitted functions on rationals: declarations, `+=` and blocks, nothing else."""

    a: Sequence[fmpq]
    c: Sequence[fmpq]
    d: list[fmpq]
    used: list[int] = field(default_factory=list)

    def run(self, text: str) -> fmpq:
        """The energy that a function adds."""
        self.scopes = [{"e": fmpq(0)}]
        statement = ""
        for part in re.split(r"([{};])", text):
            if part == ";":
                self._execute(statement)
                statement = ""
                continue
            assert not (part in "{}" and statement), f"{statement} has no end"
            if part == "{":
                self.scopes.append({})
            elif part == "}":
                self.scopes.pop()
            else:
                statement = part.strip()
        assert not statement
        (names,) = self.scopes
        return names["e"]

    def _execute(self, statement: str) -> None:
        declared = re.fullmatch(r"const lanes (p\d+) = (.*)|lanes (g\d+) = (.*)", statement)
        if declared:
            name, value = declared[1] or declared[3], declared[2] or declared[4]
            assert not any(name in scope for scope in self.scopes), f"{name} hides another"
            self.scopes[-1][name] = self._product(value)
            return
        added = re.fullmatch(r"(?:D\((\d+)\)|(e|g\d+)) \+= (.*)", statement)
        assert added, statement
        value = self._product(added[3])
        if added[1]:
            self.d[int(added[1])] += value
        else:
            self._scope(added[2])[added[2]] += value

    def _product(self, text: str) -> fmpq:
        return prod(map(self._factor, text.split(" * ")), start=fmpq(1))

    def _factor(self, text: str) -> fmpq:
        if text == "splat(0)":
            return fmpq(0)
        entry = re.fullmatch(r"A\((\d+)\)|C\((\d+)\)|splat\(C\((\d+)\)\)", text)
        if entry is None:
            return self._scope(text)[text]
        if entry[1]:
            return self.a[int(entry[1])]
        number = int(entry[2] or entry[3])
        self.used.append(number)
        return self.c[number]

    def _scope(self, name: str) -> dict[str, fmpq]:
        return next(scope for scope in reversed(self.scopes) if name in scope)


@settings(deadline=None, max_examples=60)
@given(term_lists(), st.permutations(range(N_VARIABLES)), SMALL_BOUNDS, st.data())
def test_emitted_functions_evaluate_value_and_gradient(
    terms: list[Product], order: list[int], bounds: tuple[int, int], data: st.DataObject
) -> None:
    """The C statements give the polynomial; coefficients are used from each function's first one on, in order."""
    roots = build_trie(terms, order)
    functions = split(roots, *bounds)
    files = function_files(StraightProgram(functions, straight_cost(roots)))
    code = [function for part in files for function in part]
    assert [function.number for function in code] == list(range(1, len(functions) + 1))
    assert all(len(part) == FUNCTIONS_PER_FILE for part in files[:-1])
    assert all(0 < len(part) <= FUNCTIONS_PER_FILE for part in files)

    a, coefficients = values_for(data, N_VARIABLES), values_for(data, len(terms))
    ordered = [coefficients[term] for function in functions for term in function.coefficient_order()]
    value, gradient, first = fmpq(0), [fmpq(0)] * N_VARIABLES, 0
    for function in code:
        assert function.first == first
        statements = Statements(a, ordered[first:], gradient)
        value += statements.run("\n".join(function.code))
        in_order = list(dict.fromkeys(statements.used))
        assert in_order == list(range(len(in_order)))
        first += len(in_order)
    assert first == len(terms)
    assert (value, gradient) == polynomial(terms, coefficients, a)


# ---- tables as they are emitted


@dataclass
class Loops:
    """Runs the tables as templates/lanes/products.c.j2 does, counting multiplications, additions and both in one."""

    program: CompactProgram
    a: Sequence[fmpq]
    multiply_adds: int = 0

    def run(self, coefficients: Sequence[fmpq]) -> tuple[fmpq, list[fmpq]]:
        """Value and gradient; every coefficient is used once."""
        tables = compact_tables(self.program)
        n_pooled = len(self.a)
        stored, rows, sizes = map(pairs_of, (tables.nodes, tables.rows, tables.block_sizes))
        assert len(stored) == self.program.n_stored
        assert {height for height, _ in sizes} == set(tables.heights)
        c = iter(coefficients)
        a = [*self.a, *[fmpq(0)] * len(stored)]
        d = [fmpq(0)] * len(a)
        energy = fmpq(0)
        for variable in tables.linear:
            one = next(c)
            energy += one * a[variable]
            d[variable] += one
            self.multiply_adds += 2
        for k, (left, right) in enumerate(stored):
            a[n_pooled + k] = a[left] * a[right]
        first_row = first_column = 0
        for height, width in sizes:
            own = rows[first_row : first_row + height]
            columns = tables.columns[first_column : first_column + width]
            energy += self._block(own, columns, c, a, d)
            first_row, first_column = first_row + height, first_column + width
        assert (first_row, first_column) == (len(rows), len(tables.columns))
        assert not list(c)
        for k in reversed(range(len(stored))):
            left, right = stored[k]
            gradient = d[n_pooled + k]
            d[left] += gradient * a[right]
            d[right] += gradient * a[left]
            self.multiply_adds += 3
        return energy, d[:n_pooled]

    def _block(self, rows: Any, columns: Sequence[int], c: Any, a: Sequence[fmpq], d: list[fmpq]) -> fmpq:
        p = [a[left] * a[right] for left, right in rows]
        g = [next(c) for _ in rows]
        for column in columns:
            for i in range(len(rows)):
                entry = next(c)
                g[i] += entry * a[column]
                d[column] += entry * p[i]
                self.multiply_adds += 2
            self.multiply_adds += len(rows) > 3  # two sums for the derivative
        energy = fmpq(0)
        for i, (left, right) in enumerate(rows):
            energy += g[i] * p[i]
            d[left] += g[i] * a[right]
            d[right] += g[i] * a[left]
            self.multiply_adds += 4
        return energy


def pairs_of(texts: Sequence[str]) -> list[tuple[int, ...]]:
    """Numbers of C initializers of two."""
    assert all(re.fullmatch(r"\{ \d+, \d+ \}", text) for text in texts)
    return [tuple(map(int, re.findall(r"\d+", text))) for text in texts]


# ---- programs


def run(program: ProductStage, element: str, a: Sequence[fmpq]) -> tuple[fmpq, list[fmpq]]:
    """Value and gradient of a program, whatever its form."""
    coefficients = list(map(exact, program.coefficients[element]))
    products = program.products
    if isinstance(products, CompactProgram):
        return Loops(products, a).run(coefficients)
    value, gradient = fmpq(0), [fmpq(0)] * len(a)
    for function in chain.from_iterable(function_files(products)):
        value += Statements(a, coefficients[function.first :], gradient).run("\n".join(function.code))
    stream = iter(coefficients)
    interpreter = Interpreter(a, lambda _: next(stream))
    assert interpreter.run([node for f in products.functions for node in nodes_of(f)]) == value
    assert interpreter.gradient == gradient
    assert not list(stream)
    return value, gradient


def folded_for(data: st.DataObject, count: int, elements: Sequence[str]) -> dict[str, list[float]]:
    """Coefficients by product, different for each element; some products are zero for one, some for all."""
    every = data.draw(st.integers(2, 6))
    folded = {}
    for number, element in enumerate(elements):
        values = map(float, values_for(data, count))
        folded[element] = [0.0 if i % every == 0 or i % 5 == number else v for i, v in enumerate(values)]
    return folded


def check_program(
    program: ProductStage, products: Sequence[Product], folded: dict[str, list[float]], a: Sequence[fmpq]
) -> None:
    """It equals the polynomial; only nonzero terms are evaluated."""
    needed = {p for values in folded.values() for p, value in zip(products, values, strict=True) if value}
    assert program.n_terms == len(needed)
    assert list(program.coefficients) == list(folded)
    for element, values in folded.items():
        assert run(program, element, a) == polynomial(products, list(map(exact, values)), a)
    if isinstance(program.products, StraightProgram):
        assert {len(values) for values in program.coefficients.values()} == {len(needed)}


FORMS = st.sampled_from(["auto", "straight", "compact"])
N_REGISTERS = st.sampled_from([4, 16, 31, 32, 64])


@settings(deadline=None, max_examples=40)
@given(GRAPH_SIZES, FORMS, N_REGISTERS, st.data())
def test_program_of_a_basis(size: tuple[Any, ...], form: Any, variables: int, data: st.DataObject) -> None:
    """Real bases of order up to five, for one and more elements, in each form."""
    expansion = expansion_of(*size)
    folded = folded_for(data, len(expansion.products), expansion.basis.spec.basis.elements)
    program = optimized(expansion, folded, with_registers(variables), form)
    check_program(program, expansion.products, folded, values_for(data, expansion.layout.size))
    if form != "auto":
        assert isinstance(program.products, CompactProgram if form == "compact" else StraightProgram)
    if isinstance(program.products, CompactProgram):
        assert all(len(block.rows) <= (8 if variables >= 32 else 4) for block in program.products.blocks)


@settings(deadline=None, max_examples=60)
@given(term_lists(longest=8), FORMS, N_REGISTERS, st.data())
def test_program_of_any_polynomial(terms: list[Product], form: Any, variables: int, data: st.DataObject) -> None:
    """Products of up to eight factors, not those of a basis."""
    layout = expansion_of(3, 6, 2, "3/2", True).layout
    folded = folded_for(data, len(terms), ["Si", "O"])
    program = optimize_products(layout, terms, folded, with_registers(variables), form)
    check_program(program, terms, folded, values_for(data, layout.size))


@settings(deadline=None, max_examples=10)
@given(GRAPH_SIZES, FORMS, st.data())
def test_optimize_folds(size: tuple[Any, ...], form: Any, data: st.DataObject) -> None:
    """From coefficients of basis functions: the program for the folded ones."""
    expansion = expansion_of(*size)
    count = expansion.basis.n_basis
    coefficients = {e: list(map(float, values_for(data, count))) for e in expansion.basis.spec.basis.elements}
    stage = optimize(potential_program(expansion, coefficients), COST, form)
    folded = fold_coefficients(expansion, coefficients)
    assert stage == optimized(expansion, folded, COST, form)


def test_coefficients_that_overflow() -> None:
    """The error of folding is one of the coefficients."""
    expansion = expansion_of(2, 7, 1, "3/2")
    with pytest.raises(CoefficientError, match="too large"):
        potential_program(expansion, {"Si": [1.7e308] * expansion.basis.n_basis})


@pytest.mark.parametrize("form", ["auto", "straight", "compact"])
def test_all_coefficients_zero(form: Any) -> None:
    """Nothing is left, in any form, and its cost is zero."""
    expansion = expansion_of(3, 5, 2, "1")
    folded = {"Si": [0.0] * len(expansion.products), "O": [-0.0] * len(expansion.products)}
    program = optimized(expansion, folded, COST, form)
    assert program.n_terms == 0
    assert program.coefficients == {"Si": (), "O": ()}
    assert program.products.cost == Cost(0, 0, 0, 0.0)
    assert program.products.n_stored == 0
    a = [fmpq(1 + i, 3) for i in range(expansion.layout.size)]
    assert run(program, "O", a) == (fmpq(0), [fmpq(0)] * expansion.layout.size)
    assert program.reports[0].before.multiply_adds > 0
    assert all(report.after == program.products.cost for report in program.reports)
