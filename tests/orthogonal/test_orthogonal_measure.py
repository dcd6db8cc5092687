"""Measures: moments against partial integration and quadrature, the families' own measures, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from flint import fmpq, fmpq_poly
from hypothesis import given, settings
from hypothesis import strategies as st
from orthogonal_cases import FAMILIES, MEASURES, interval, power_means
from scipy.special import roots_jacobi

from acegen.algebra.measure import (
    ARCSINE,
    RADIAL,
    UNIFORM,
    Measure,
    check_measure,
    domain,
    natural_measure,
)
from acegen.algebra.polynomials import ClassicalFamily, PolynomialAlgebra
from acegen.errors import OrthogonalizationError

POWERS = st.sampled_from([fmpq(-1, 2), fmpq(0), fmpq(1, 2), fmpq(-2, 3), fmpq(2), fmpq(5, 3)])
COEFFICIENTS = st.lists(st.fractions(-3, 3, max_denominator=5), min_size=1, max_size=9)


def polynomial(coefficients: list) -> fmpq_poly:
    return fmpq_poly([fmpq(c.numerator, c.denominator) for c in coefficients])


def monomial(k: int) -> fmpq_poly:
    return fmpq_poly([0] * k + [1])


@settings(deadline=None, max_examples=30)
@given(POWERS, POWERS)
def test_moments_by_partial_integration(alpha: fmpq, beta: fmpq) -> None:
    """E x^k of any Jacobi weight follows the recursion of its moments."""
    measure = Measure(alpha, beta)
    assert [measure.mean(monomial(k)) for k in range(20)] == power_means(measure, 20)


def test_moments_of_named_measures() -> None:
    """Arcsine: C(k, k/2) / 2^k; uniform: 1/(k+1), for even k; uniform on [0,1]: 1/(k+1)."""
    for k in range(20):
        even = k % 2 == 0
        assert ARCSINE.mean(monomial(k)) == (fmpq(comb(k, k // 2), 2**k) if even else 0)
        assert UNIFORM.mean(monomial(k)) == (fmpq(1, k + 1) if even else 0)
        assert RADIAL.mean(monomial(k)) == fmpq(1, k + 1)


@settings(deadline=None, max_examples=30)
@given(POWERS, POWERS, COEFFICIENTS, st.sampled_from([(-1, 1), (0, 1), (-2, 3)]))
def test_means_equal_quadrature(alpha: fmpq, beta: fmpq, coefficients: list, ends: tuple[int, int]) -> None:
    """Gauss-Jacobi quadrature on any interval."""
    lower, upper = ends
    nodes, weights = roots_jacobi(8, float(alpha), float(beta))
    y = lower + (upper - lower) * (nodes + 1) / 2
    terms = np.polynomial.polynomial.polyval(y, [float(c) for c in coefficients]) * weights / weights.sum()
    mean = Measure(alpha, beta, fmpq(lower), fmpq(upper)).mean(polynomial(coefficients))
    assert float(mean) == pytest.approx(terms.sum(), rel=1e-11, abs=1e-11 * np.abs(terms).sum())


@pytest.mark.parametrize("kind", ["chebyshev", "legendre", "jacobi"])
def test_families_are_orthogonal_under_their_own_measure(kind: str) -> None:
    """And under the measure of another family they are not."""
    functions = interval(kind)
    measure = natural_measure(functions)
    p = [functions.function(k) for k in range(12)]
    assert all(bool(measure.inner(p[i], p[j])) == (i == j) for i in range(12) for j in range(12))
    other = next(other for other in MEASURES.values() if other != measure)
    assert any(other.inner(p[i], p[j]) for i in range(12) for j in range(i))


def test_natural_measures() -> None:
    """Chebyshev arcsine, Legendre and monomials uniform, Jacobi its weight; with an envelope y is uniform on [0,1]."""
    assert natural_measure(interval("chebyshev")) == ARCSINE
    assert natural_measure(interval("legendre")) == natural_measure(interval("monomial")) == UNIFORM
    assert natural_measure(interval("jacobi")) == Measure(fmpq(1, 2), fmpq(-1, 3))
    closed = PolynomialAlgebra(ClassicalFamily("jacobi", fmpq(0), fmpq(2)), fmpq_poly([0, 1]), first=1)
    assert natural_measure(closed) == RADIAL
    functions = [closed.function(n) for n in range(1, 8)]
    assert all(bool(RADIAL.inner(a, b)) == (a == b) for a in functions for b in functions)


@settings(deadline=None, max_examples=20)
@given(POWERS, POWERS, st.sampled_from([(2, -1), (-2, 1), (1, 0), (-1, 0), (3, 2)]))
def test_natural_measure_follows_the_variable(alpha: fmpq, beta: fmpq, change: tuple[int, int]) -> None:
    """Jacobi polynomials of scale·y + shift are orthogonal on the domain of y, reversed or not."""
    family = ClassicalFamily("jacobi", alpha, beta, fmpq(change[0]), fmpq(change[1]))
    functions = PolynomialAlgebra(family, fmpq_poly([1]), first=0)
    measure = natural_measure(functions)
    lower, upper = domain(family)
    assert {change[0] * lower + change[1], change[0] * upper + change[1]} == {-1, 1}
    p = [functions.function(k) for k in range(6)]
    assert all(bool(measure.inner(p[i], p[j])) == (i == j) for i in range(6) for j in range(6))


@pytest.mark.parametrize("name", ["alpha", "beta"])
@pytest.mark.parametrize("value", [fmpq(-1), fmpq(-7, 2)])
def test_weights_without_an_integral_are_refused(name: str, value: fmpq) -> None:
    """The message names the parameter, its value, and what is allowed."""
    with pytest.raises(OrthogonalizationError, match=rf"{name} = {value}: the density has no integral.*{name} > -1"):
        Measure(**{name: value})


def test_empty_interval_is_refused() -> None:
    with pytest.raises(OrthogonalizationError, match="from 1 to 0; give lower < upper"):
        Measure(lower=fmpq(1), upper=fmpq(0))


def test_numbers_of_a_measure_are_exact() -> None:
    """Integers and fractions are taken as they are, floats refused."""
    assert Measure(Fraction(1, 2), 2, 0, 1) == Measure(fmpq(1, 2), fmpq(2), fmpq(0), fmpq(1))
    assert Measure(1, 1).mean(fmpq_poly([0, 0, 1])) == fmpq(1, 5)
    with pytest.raises(OrthogonalizationError, match=r"alpha = 0\.5: moments are exact; give a Fraction"):
        Measure(0.5)


def test_measures_beyond_the_space_are_refused() -> None:
    """Another measure inside the space is allowed."""
    radial = PolynomialAlgebra(ClassicalFamily("legendre"), fmpq_poly([0, 1]), first=1)
    with pytest.raises(OrthogonalizationError, match=r"uniform on \[-1, 1\] does not fit the space.*in \[0, 1\]"):
        check_measure(UNIFORM, radial)
    check_measure(Measure(fmpq(1), fmpq(1), fmpq(0), fmpq(1, 2)), radial)
    for family in FAMILIES:
        for measure in MEASURES.values():
            check_measure(measure, interval(family))
