"""Lowering: a basis in products, folded coefficients and the numbers of programs, against evaluation in rationals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isqrt, nextafter, prod
from typing import Any

import pytest
from expansions import GRAPH_SIZES, SIZES, exact, expansion_of, values_for
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from acegen.basis import Basis
from acegen.lower import (
    ProductExpansion,
    descriptor_program,
    fold_coefficients,
    potential_of_products,
    potential_program,
)


@pytest.mark.parametrize("size", SIZES)
def test_layout_is_dense_and_minimal(size: tuple[Any, ...]) -> None:
    """Positions and names are inverse, ordered by species, l, m, n; each shell ends with an n in use."""
    expansion = expansion_of(*size)
    layout = expansion.layout
    names = layout.names
    assert len(names) == len(set(names)) == layout.size
    assert [layout.index(*name) for name in names] == list(range(layout.size))
    in_memory_order = [(species, l, m, n) for species, n, l, m in names]
    assert in_memory_order == sorted(in_memory_order)
    used = {(c.species, c.l, c.n) for function in expansion.basis.functions for c in function.label}
    largest = {(z, l): max(n for y, k, n in used if (y, k) == (z, l)) for z, l, _ in used}
    expected = {(z, n, l, m) for (z, l), top in largest.items() for n in range(1, top + 1) for m in range(-l, l + 1)}
    assert set(names) == expected
    assert layout.n_radial == max(largest.values())
    assert layout.l_max == max(l for _, l in largest)
    for shell in layout.shells:
        own = [(shell.species, n, shell.l, shell.m) for n in range(1, shell.size + 1)]
        assert list(names[shell.offset : shell.offset + shell.size]) == own
    assert expansion.pooling_multiply_adds == 3 * len(names)


@settings(deadline=None, max_examples=20)
@given(GRAPH_SIZES, st.data())
def test_products_and_coupling_reproduce_the_functions(size: tuple[Any, ...], data: st.DataObject) -> None:
    """Coupling times products equals each coupled function evaluated from its label, at rational A's."""
    expansion = expansion_of(*size)
    a = dict(zip(expansion.layout.names, values_for(data, expansion.layout.size), strict=True))
    by_position = list(a.values())
    products = [prod((by_position[i] for i in product), start=fmpq(1)) for product in expansion.products]
    for function, row in zip(expansion.basis.functions, expansion.coupling, strict=True):
        direct = fmpq(0)
        for m_tuple, value in function.polynomial.items():
            factors = (a[c.species, c.n, c.l, m] for c, m in zip(function.label, m_tuple, strict=True))
            direct += prod(factors, start=value)
        assert sum((value * products[column] for column, value in row), fmpq(0)) == direct


@settings(deadline=None, max_examples=15)
@given(GRAPH_SIZES)
def test_products_are_distinct_and_used(size: tuple[Any, ...]) -> None:
    """Products are ascending, each listed once and each used by a function; rows have ascending columns, no zeros."""
    expansion = expansion_of(*size)
    assert len(set(expansion.products)) == len(expansion.products)
    assert all(product == tuple(sorted(product)) for product in expansion.products)
    assert {column for row in expansion.coupling for column, _ in row} == set(range(len(expansion.products)))
    for row in expansion.coupling:
        assert [column for column, _ in row] == sorted({column for column, _ in row})
        assert all(value != 0 for _, value in row)


TINY = fmpq(1, 10**60)


def assert_rounded_once(values: Sequence[float], expected: Sequence[fmpq]) -> None:
    """No double is closer to the exact value than the one given; sums that cancel (up to square roots) are zero."""
    assert len(values) == len(expected)
    for value, target in zip(values, expected, strict=True):
        if abs(target) > TINY:
            error = abs(exact(value) - target)
            assert all(error <= abs(exact(nextafter(value, side)) - target) for side in (-inf, inf))
        else:
            assert value == 0


def folded_exactly(expansion: ProductExpansion, scales: Sequence[fmpq], coefficients: Sequence[float]) -> list[fmpq]:
    """c̃ by product."""
    total = [fmpq(0)] * len(expansion.products)
    for c, scale, row in zip(coefficients, scales, expansion.basis.purification, strict=True):
        for column, entry in row:
            for product, value in expansion.coupling[column]:
                total[product] += exact(c) * scale * entry * value
    return total


def coefficients_for(basis: Basis) -> st.SearchStrategy[list[float]]:
    one = st.floats(-1e3, 1e3).filter(lambda c: c == 0 or abs(c) > 1e-6)
    return st.lists(one, min_size=1, max_size=5).map(lambda few: (few * basis.n_basis)[: basis.n_basis])


@settings(deadline=None, max_examples=20)
@given(GRAPH_SIZES, st.data())
def test_fold_with_rational_scales_is_rounded_once(size: tuple[Any, ...], data: st.DataObject) -> None:
    """With scales whose squares are squares of rationals each c̃ is the nearest double to the exact rational."""
    expansion = expansion_of(*size)
    basis = expansion.basis
    scales = [fmpq(1 + i % 7, 1 + i % 5) for i in range(basis.n_basis)]
    expansion = replace(expansion, basis=replace(basis, scales_squared=tuple(scale * scale for scale in scales)))
    coefficients = data.draw(coefficients_for(basis))
    total = folded_exactly(expansion, scales, coefficients)
    folded = fold_coefficients(expansion, {"Si": coefficients, "O": [-c for c in coefficients]})
    assert list(folded) == ["Si", "O"]
    assert_rounded_once(folded["Si"], total)
    assert folded["O"] == [-value for value in folded["Si"]]


@settings(deadline=None, max_examples=20)
@given(GRAPH_SIZES, st.data())
def test_fold_with_true_scales_is_rounded_once(size: tuple[Any, ...], data: st.DataObject) -> None:
    """The same with the scales of the basis, their square roots taken to 200 digits by integer arithmetic."""
    expansion = expansion_of(*size)
    digits = 10**200
    scales = []
    for square in expansion.basis.scales_squared:
        p, q = int(square.p), int(square.q)
        scales.append(fmpq(isqrt(p * q * digits**2), q * digits))
    coefficients = data.draw(coefficients_for(expansion.basis))
    total = folded_exactly(expansion, scales, coefficients)
    folded = fold_coefficients(expansion, {"Si": coefficients})
    assert_rounded_once(folded["Si"], total)


def test_fold_keeps_exact_zeros() -> None:
    """A coefficient that cancels exactly is zero, not a remainder of the working precision."""
    expansion = expansion_of(4, 6, 1, "1", True)
    basis = expansion.basis
    scales = [fmpq(1 + i % 7, 1 + i % 5) for i in range(basis.n_basis)]
    expansion = replace(expansion, basis=replace(basis, scales_squared=tuple(scale * scale for scale in scales)))
    coefficients = [9.0] * basis.n_basis
    total = folded_exactly(expansion, scales, coefficients)
    zeros = [position for position, value in enumerate(total) if not value]
    assert zeros
    folded = fold_coefficients(expansion, {"Si": coefficients})["Si"]
    assert [folded[position] for position in zeros] == [0.0] * len(zeros)


@settings(deadline=None, max_examples=10)
@given(GRAPH_SIZES, st.data())
def test_folded_polynomial_is_the_energy(size: tuple[Any, ...], data: st.DataObject) -> None:
    """Σ c̃ Π A equals Σ_i c_i s_i Σ_j 𝒫_ij b_j(A) within the rounding of c̃: folding keeps the energy."""
    expansion = expansion_of(*size)
    basis = expansion.basis
    coefficients = data.draw(coefficients_for(basis))
    a = values_for(data, expansion.layout.size)
    products = [prod((a[i] for i in product), start=fmpq(1)) for product in expansion.products]
    coupled = [sum((v * products[column] for column, v in row), fmpq(0)) for row in expansion.coupling]
    energy, size = 0.0, 0.0
    for c, square, row in zip(coefficients, basis.scales_squared, basis.purification, strict=True):
        value = float(sum((v * coupled[column] for column, v in row), fmpq(0)))
        energy += c * float(square) ** 0.5 * value
    folded = fold_coefficients(expansion, {"Si": coefficients})["Si"]
    total = fmpq(0)
    for c, product in zip(folded, products, strict=True):
        term = exact(c) * product
        total += term
        size += abs(float(term))
    assert float(total) == pytest.approx(energy, rel=1e-11, abs=1e-11 * size)


@pytest.mark.parametrize("size", [(2, 5, 3, "2/3"), (3, 6, 2, "3/2", True), (4, 7, 1, "1/2")])
def test_numbers_of_programs_are_rounded_once(size: tuple[Any, ...]) -> None:
    """Coupling, purification with scales, recurrence and envelope: the nearest doubles to the exact numbers."""
    expansion = expansion_of(*size)
    basis, program = expansion.basis, descriptor_program(expansion)
    digits = 10**200
    assert program.products == expansion.products
    assert program.outputs.coupling is not None
    for row, exact_row in zip(program.outputs.coupling, expansion.coupling, strict=True):
        assert [column for column, _ in row] == [column for column, _ in exact_row]
        assert_rounded_once([weight for _, weight in row], [value for _, value in exact_row])
    for row, exact_row, square in zip(program.outputs.of(0), basis.purification, basis.scales_squared, strict=True):
        p, q = int(square.p), int(square.q)
        scale = fmpq(isqrt(p * q * digits**2), q * digits)
        assert_rounded_once([weight for _, weight in row], [value * scale for _, value in exact_row])
    radial, constants = program.one_particle.radial, basis.radial.recurrence(expansion.layout.n_radial)
    assert radial.count == expansion.layout.n_radial
    for column, exact_column in zip(zip(*radial.steps, strict=True), vars(constants).values(), strict=True):
        assert_rounded_once(column, exact_column)
    assert_rounded_once(radial.envelope, list(basis.radial.envelope.coeffs()))


@settings(deadline=None, max_examples=10)
@given(st.sampled_from([size for size in SIZES if size[2] == 1]), st.data())
def test_potential_programs_hold_the_folded_coefficients(size: tuple[Any, ...], data: st.DataObject) -> None:
    """One output by element, a weight for each product."""
    expansion = expansion_of(*size)
    coefficients = {"Si": data.draw(coefficients_for(expansion.basis))}
    program = potential_program(expansion, coefficients, {"Si": -3.5})
    ((row,),) = program.outputs.rows
    assert row == tuple(enumerate(fold_coefficients(expansion, coefficients)["Si"]))
    assert program.outputs.coupling is None
    assert program.atomic_energies == (-3.5,)
    assert potential_of_products(expansion, [{"Si": [weight for _, weight in row]}]).outputs == program.outputs
