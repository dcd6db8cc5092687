"""Classical polynomials and their products, against explicit sums, SciPy and exact integration."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import comb

import pytest
from flint import fmpq, fmpq_poly
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from acegen.algebra import build_algebra
from acegen.algebra.measure import RADIAL
from acegen.algebra.polynomials import ClassicalFamily, PolynomialAlgebra
from acegen.spec import load_spec

Y = fmpq_poly([0, 1])
CLOSED = PolynomialAlgebra(ClassicalFamily("jacobi", fmpq(0), fmpq(2)), Y, first=1)


def exact(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def rationals(low: Fraction, high: Fraction) -> st.SearchStrategy[fmpq]:
    return st.fractions(low, high, max_denominator=8).map(exact)


@st.composite
def families(draw: st.DrawFn) -> ClassicalFamily:
    """Any family, with Jacobi parameters above -1 and any linear change of variable."""
    kind = draw(st.sampled_from(["jacobi", "legendre", "chebyshev", "monomial"]))
    scale = draw(rationals(Fraction(-3), Fraction(3)).filter(bool))
    shift = draw(rationals(Fraction(-3), Fraction(3)))
    if kind != "jacobi":
        return ClassicalFamily(kind, scale=scale, shift=shift)
    alpha, beta = (draw(rationals(Fraction(-7, 8), Fraction(3))) for _ in range(2))
    return ClassicalFamily(kind, alpha, beta, scale, shift)


@st.composite
def algebras(draw: st.DrawFn) -> PolynomialAlgebra:
    """Any family with any envelope of degree up to 3, indices from 0 or from 1."""
    coefficients = draw(st.lists(rationals(Fraction(-2), Fraction(2)), min_size=1, max_size=4).filter(any))
    return PolynomialAlgebra(draw(families()), fmpq_poly(coefficients), draw(st.sampled_from([0, 1])))


def binomial(top: fmpq, k: int) -> fmpq:
    """C(top, k) for a rational top."""
    result = fmpq(1)
    for i in range(k):
        result = result * (top - i) / (i + 1)
    return result


def explicit(family: ClassicalFamily, degree: int) -> fmpq_poly:
    """p_degree(y) as an explicit sum; nothing is shared with the recurrences behind the library."""
    x = fmpq_poly([family.shift, family.scale])
    total = fmpq_poly([0])
    match family.kind:
        case "monomial":
            return Y**degree
        case "chebyshev":
            for k in range(degree // 2 + 1):
                total += comb(degree, 2 * k) * (x * x - 1) ** k * x ** (degree - 2 * k)
        case _:
            alpha, beta = (family.alpha, family.beta) if family.kind == "jacobi" else (fmpq(0), fmpq(0))
            low, high = (x - 1) / 2, (x + 1) / 2
            for s in range(degree + 1):
                weight = binomial(degree + alpha, degree - s) * binomial(degree + beta, s)
                total += weight * low**s * high ** (degree - s)
    return total


def explicit_function(algebra: PolynomialAlgebra, index: int) -> fmpq_poly:
    return algebra.envelope * explicit(algebra.family, index - algebra.first)


def unit_integral(polynomial: fmpq_poly) -> fmpq:
    """Integral over 0 <= y <= 1, term by term."""
    return sum((c / (k + 1) for k, c in enumerate(polynomial.coeffs())), fmpq(0))


@settings(deadline=None, max_examples=60)
@given(algebras(), st.integers(0, 8))
def test_functions_equal_explicit_sums(algebra: PolynomialAlgebra, degree: int) -> None:
    """p_k and R_i = e p_{i-first} are the textbook polynomials, exactly."""
    assert algebra.polynomial(degree) == explicit(algebra.family, degree)
    assert algebra.function(algebra.first + degree) == algebra.envelope * explicit(algebra.family, degree)


@settings(deadline=None, max_examples=100)
@given(algebras(), st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_product_linearization_is_an_identity(algebra: PolynomialAlgebra, offsets: list[int]) -> None:
    """R_{i1} R_{i2} ... and its expansion are the same polynomial, with ascending indices and no zeros."""
    indices = [algebra.first + offset for offset in offsets]
    direct = fmpq_poly([1])
    for index in indices:
        direct *= explicit_function(algebra, index)
    expansion = algebra.product(indices)
    total = fmpq_poly([0])
    for index, rho in expansion:
        total += rho * explicit_function(algebra, index)
    assert total == direct
    assert all(rho != 0 for _, rho in expansion)
    assert all(low < high for (low, _), (high, _) in pairwise(expansion))
    assert expansion[0][0] >= algebra.first


@settings(deadline=None, max_examples=60)
@given(algebras(), st.lists(st.integers(0, 5), min_size=2, max_size=4), st.randoms())
def test_product_does_not_depend_on_the_order_of_factors(algebra, offsets, random) -> None:
    """Factors commute, whichever order was asked for first."""
    indices = [algebra.first + offset for offset in offsets]
    shuffled = random.sample(indices, len(indices))
    fresh = PolynomialAlgebra(algebra.family, algebra.envelope, algebra.first)
    assert algebra.product(indices) == fresh.product(shuffled)


@settings(deadline=None, max_examples=60)
@given(algebras(), st.lists(st.integers(0, 4), min_size=3, max_size=3))
def test_product_is_associative(algebra: PolynomialAlgebra, offsets: list[int]) -> None:
    """Expanding a product of three at once equals expanding two, then the result with the third."""
    a, b, c = (algebra.first + offset for offset in offsets)
    stepwise: dict[int, fmpq] = {}
    for index, rho in algebra.product([a, b]):
        for final, sigma in algebra.product([index, c]):
            stepwise[final] = stepwise.get(final, fmpq(0)) + rho * sigma
    assert {index: value for index, value in stepwise.items() if value} == dict(algebra.product([a, b, c]))


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(["jacobi", "legendre", "chebyshev"]),
    rationals(Fraction(-7, 8), Fraction(2)),
    rationals(Fraction(-7, 8), Fraction(2)),
    st.integers(0, 10),
    st.integers(-32, 32),
)
def test_polynomials_agree_with_scipy(kind, alpha: fmpq, beta: fmpq, degree: int, numerator: int) -> None:
    """On the unit interval the families are SciPy's Jacobi, Legendre and Chebyshev polynomials in 2y-1."""
    family = ClassicalFamily(kind, alpha, beta) if kind == "jacobi" else ClassicalFamily(kind)
    x = numerator / 32
    expected = {
        "jacobi": lambda: special.eval_jacobi(degree, float(alpha), float(beta), x),
        "legendre": lambda: special.eval_legendre(degree, x),
        "chebyshev": lambda: special.eval_chebyt(degree, x),
    }[kind]()
    assert float(family.polynomial(degree)(fmpq(numerator + 32, 64))) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(algebras(), st.integers(1, 9))
def test_recurrence_reproduces_the_polynomials(algebra: PolynomialAlgebra, count: int) -> None:
    """p_0 .. p_{count-1} built from the recurrence constants are the polynomials, exactly."""
    constants = algebra.recurrence(count)
    assert len(constants.a) == len(constants.b) == len(constants.c) == count - 1
    previous, current = fmpq_poly([0]), fmpq_poly([1])
    for k in range(count):
        assert current == explicit(algebra.family, k)
        if k < count - 1:
            following = (constants.a[k] * Y + constants.b[k]) * current - constants.c[k] * previous
            previous, current = current, following


def test_recurrence_refuses_polynomials_without_one() -> None:
    """A sequence that obeys no three-term recurrence is refused, not silently replaced by one that does."""

    class Spoilt(ClassicalFamily):
        def polynomial(self, degree: int) -> fmpq_poly:
            return Y**degree + (1 if degree == 3 else 0)

    algebra = PolynomialAlgebra(Spoilt("monomial"), Y, first=1)
    assert algebra.recurrence(3).a == (fmpq(1), fmpq(1))
    with pytest.raises(ArithmeticError, match="three-term recurrence at degree 2"):
        algebra.recurrence(4)


@settings(deadline=None, max_examples=60)
@given(algebras(), st.integers(0, 8))
def test_norm_is_the_exact_integral(algebra: PolynomialAlgebra, degree: int) -> None:
    """The mean of R^2 is its integral over [0,1], from the explicit polynomial term by term."""
    index = algebra.first + degree
    assert RADIAL.inner(algebra.function(index), algebra.function(index)) == unit_integral(
        explicit_function(algebra, index) ** 2
    )


def test_closed_family_is_orthogonal() -> None:
    """∫ R_n R_m dy over [0,1] is δ_nm / (2n+1), from the norm of the Jacobi(0,2) polynomials."""
    functions = [explicit_function(CLOSED, n) for n in range(1, 13)]
    for n, first in enumerate(functions, start=1):
        for m, second in enumerate(functions, start=1):
            assert unit_integral(first * second) == (fmpq(1, 2 * n + 1) if n == m else 0)
        assert RADIAL.inner(CLOSED.function(n), CLOSED.function(n)) == fmpq(1, 2 * n + 1)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 8), min_size=2, max_size=4))
def test_closed_family_is_closed_within_the_level(indices: list[int]) -> None:
    """R_a R_b ... contains indices 1 .. a+b+... only, and the last of them: no product leaves its level."""
    present = [index for index, _ in CLOSED.product(indices)]
    assert min(present) >= 1
    assert max(present) == sum(indices)


def test_wider_envelope_leaves_the_level() -> None:
    """With e = y² the product of R_1 and R_1 is of degree 4 in y, thus R_3 > R_2: K' is really larger."""
    algebra = PolynomialAlgebra(ClassicalFamily("legendre"), Y**2, first=1)
    assert max(index for index, _ in algebra.product([1, 1])) == 3


def test_build_algebra_follows_the_spec() -> None:
    """The algebra stage hands family, parameters and envelope of a spec on, unrounded."""
    basis = {"elements": ["Si"], "order": 2, "level": 4}
    closed = build_algebra(load_spec({"name": "t", "basis": basis, "radial": {"cutoff": 5.0}}))
    radial = {"family": "envelope", "cutoff": 5.0, "envelope": [0, "-1/3", 0.1], "alpha": "1/7", "beta": "-1/2"}
    jacobi = build_algebra(load_spec({"name": "t", "basis": basis, "radial": radial}))
    radial = {"family": "envelope", "cutoff": 5.0, "envelope": [0, 0, 1], "polynomial": "chebyshev"}
    chebyshev = build_algebra(load_spec({"name": "t", "basis": basis, "radial": radial}))
    family = ClassicalFamily("jacobi", fmpq(1, 7), fmpq(-1, 2))
    for n in range(1, 7):
        assert closed.radial.function(n) == explicit_function(CLOSED, n)
        assert jacobi.radial.function(n) == (fmpq(1, 10) * Y**2 - fmpq(1, 3) * Y) * explicit(family, n - 1)
        assert chebyshev.radial.function(n) == Y**2 * explicit(ClassicalFamily("chebyshev"), n - 1)
