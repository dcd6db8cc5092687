"""Rational spherical harmonics: products, norms and coupling, against Rodrigues' formula, SciPy and integration."""

from __future__ import annotations

from collections import defaultdict
from math import factorial, perm, prod

import numpy as np
import pytest
from exact_harmonics import Tensor, Vector, lowering, raising, rodrigues, s_value, sphere_point, z_value
from flint import fmpq, fmpq_poly
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sympy.polys.domains import QQ_I

from acegen.algebra import harmonics

DEGREES = st.integers(0, 4)


COORDINATES = st.fractions(-3, 3, max_denominator=9)
POINTS = st.builds(sphere_point, COORDINATES, COORDINATES)


@st.composite
def factor_lists(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """One to four pairs (l, m)."""
    degrees = draw(st.lists(DEGREES, min_size=1, max_size=4))
    return tuple((l, draw(st.integers(-l, l))) for l in degrees)


def sphere_mean(a: int, b: int, c: int) -> fmpq:
    """Mean of x^a y^b z^c over the unit sphere."""
    if a % 2 or b % 2 or c % 2:
        return fmpq(0)
    odd = [prod(range(1, power, 2)) for power in (a, b, c)]
    return fmpq(prod(odd), prod(range(1, a + b + c + 2, 2)))


def monomials(l: int, m: int) -> dict[tuple[int, int, int], complex]:
    """Z_lm as a polynomial in x, y, z with Gaussian rational coefficients."""
    k = abs(m)
    terms = {}
    for power, coefficient in enumerate(rodrigues(l, k).coeffs()):
        for j in range(k + 1):
            phase = QQ_I(0, 1 if m >= 0 else -1) ** j
            terms[k - j, j, power] = phase * coefficient * fmpq(perm(k, j), factorial(j))
    return terms


@pytest.mark.parametrize("l", range(12))
def test_associated_polynomials_are_those_of_rodrigues(l: int) -> None:
    """Q_l^m from repeated differentiation of P_l equals Rodrigues' formula."""
    for m in range(l + 1):
        assert harmonics.associated_polynomial(l, m) == rodrigues(l, m)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 6), st.data())
def test_normalization_matches_scipy(l: int, data: st.DataObject) -> None:
    """Y_lm = (-1)^m sqrt((l-m)!/(l+m)!) sqrt((2l+1)/4π) Z_lm for m >= 0, and norm_squared normalizes Z."""
    m = data.draw(st.integers(0, l))
    point = data.draw(POINTS)
    theta, phi = np.arccos(float(point[2])), np.arctan2(float(point[1]), float(point[0]))
    z = z_value(l, m, point)
    ours = complex(float(z.x), float(z.y)) / np.sqrt(4 * np.pi * float(harmonics.norm_squared(l, m)))
    assert ours * (-1) ** m == pytest.approx(complex(special.sph_harm_y(l, m, theta, phi)), rel=1e-12, abs=1e-12)


@settings(deadline=None, max_examples=80)
@given(DEGREES, DEGREES, st.data())
def test_norms_and_orthogonality_by_integration(l: int, k: int, data: st.DataObject) -> None:
    """The mean of Z_lm conj(Z_kn) over the sphere is δ norm_squared, by exact integration of monomials."""
    m, n = data.draw(st.integers(-l, l)), data.draw(st.integers(-k, k))
    if data.draw(st.booleans()):
        k, n = l, m
    mean = QQ_I(0)
    for (a, b, c), first in monomials(l, m).items():
        for (d, e, f), second in monomials(k, -n).items():
            mean += first * second * sphere_mean(a + d, b + e, c + f)
    assert mean.y == 0
    assert mean.x == (harmonics.norm_squared(l, m) if (l, m) == (k, n) else 0)


@settings(deadline=None, max_examples=100)
@given(factor_lists(), POINTS)
def test_product_is_an_identity_on_the_sphere(factors: tuple[tuple[int, int], ...], point: Vector) -> None:
    """Π Z_{l m} = Σ_L gamma_L Z_{L,Σm} at rational points of the sphere, exactly; L keeps parity and range."""
    total_m = sum(m for _, m in factors)
    total_l = sum(l for l, _ in factors)
    direct = prod((z_value(l, m, point) for l, m in factors), start=QQ_I(1))
    terms = harmonics.product(factors)
    assert sum((z_value(degree, total_m, point) * gamma for degree, gamma in terms), QQ_I(0)) == direct
    assert len({degree for degree, _ in terms}) == len(terms)
    for degree, gamma in terms:
        assert gamma != 0
        assert abs(total_m) <= degree <= total_l
        assert (total_l - degree) % 2 == 0


@settings(deadline=None, max_examples=60)
@given(factor_lists(), st.integers(0, 10))
def test_product_coefficients_by_integration(factors: tuple[tuple[int, int], ...], degree: int) -> None:
    """Each gamma_L is the exact overlap of the product with Z_{LM}, also where it is left out as zero."""
    total = sum(m for _, m in factors)
    degree = max(degree, abs(total))
    z = fmpq_poly([0, 1])
    surplus = (sum(abs(m) for _, m in factors) + abs(total)) // 2
    integrand = (1 - z * z) ** surplus * rodrigues(degree, abs(total))
    for l, m in factors:
        integrand *= rodrigues(l, abs(m))
    antiderivative = integrand.integral()
    overlap = (antiderivative(fmpq(1)) - antiderivative(fmpq(-1))) / 2
    gamma = dict(harmonics.product(factors)).get(degree, fmpq(0))
    assert gamma * harmonics.norm_squared(degree, total) == overlap


def coupled(l1: int, l2: int, l3: int, m3: int) -> Tensor:
    """The coupled combination with Σm = m3, as a tensor on (m1, m2)."""
    return {key: value for key, value in harmonics.coupling(l1, l2, l3).items() if sum(key) == m3}


def apply(ladder, step: int, l: tuple[int, ...], tensor: Tensor) -> Tensor:
    """A ladder operator (step ±1) on a sum of products Z_{l_1 m_1} Z_{l_2 m_2} ... of separate particles."""
    image: defaultdict[tuple[int, ...], fmpq] = defaultdict(fmpq)
    for key, value in tensor.items():
        for slot, (degree, m) in enumerate(zip(l, key, strict=True)):
            factor = ladder(degree, m)
            if factor:
                image[(*key[:slot], m + step, *key[slot + 1 :])] += value * factor
    return {key: value for key, value in image.items() if value}


@pytest.mark.parametrize(("l1", "l2"), [(l1, l2) for l1 in range(5) for l2 in range(5)])
def test_coupling_commutes_with_rotations(l1: int, l2: int) -> None:
    """L+ and L- act on the coupled combinations exactly as on Z_{l3 m3}, for every l3 and m3."""
    for l3 in range(abs(l1 - l2), l1 + l2 + 1):
        for m3 in range(-l3, l3 + 1):
            combination = coupled(l1, l2, l3, m3)
            assert combination
            for ladder, step in ((raising, 1), (lowering, -1)):
                factor = ladder(l3, m3)
                expected = {key: factor * value for key, value in coupled(l1, l2, l3, m3 + step).items() if factor}
                assert apply(ladder, step, (l1, l2), combination) == expected


@settings(deadline=None, max_examples=60)
@given(DEGREES, DEGREES, st.data(), POINTS)
def test_coupling_on_one_particle_is_proportional_to_a_harmonic(l1: int, l2: int, data, point: Vector) -> None:
    """With both particles at one point the combinations are c Z_{l3 m3}, one c for all m3, c = 0 if l1+l2+l3 is odd."""
    l3 = data.draw(st.integers(abs(l1 - l2), l1 + l2))
    ratios = set()
    for m3 in range(-l3, l3 + 1):
        value = QQ_I(0)
        for (m1, m2), g in coupled(l1, l2, l3, m3).items():
            value += z_value(l1, m1, point) * z_value(l2, m2, point) * g
        harmonic = z_value(l3, m3, point)
        if harmonic:
            ratios.add(value / harmonic)
        else:
            assert not value
    assert len(ratios) == 1
    assert (ratios == {QQ_I(0)}) == bool((l1 + l2 + l3) % 2)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[tuple[int, ...], Tensor]:
    """An l-tuple and a random tensor with rational entries, T(-m) = T(m) (real) unless drawn otherwise."""
    l = tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=4)))
    keys = draw(st.lists(st.tuples(*(st.integers(-k, k) for k in l)), min_size=1, max_size=4))
    tensor: Tensor = {}
    for key in keys:
        value = fmpq(draw(st.integers(-3, 3).filter(bool)), draw(st.integers(1, 5)))
        opposite = tuple(-m for m in key)
        tensor[key] = value
        tensor[opposite] = value if draw(st.integers(0, 4)) else -value
    return l, tensor


@settings(deadline=None, max_examples=100)
@given(tensors(), st.data())
def test_to_real_keeps_values_or_refuses(case: tuple[tuple[int, ...], Tensor], data: st.DataObject) -> None:
    """A polynomial with T(-m) = T(m) has the same values in real harmonics; any other one raises."""
    l, tensor = case
    if any(tensor[tuple(-m for m in key)] != value for key, value in tensor.items()):
        with pytest.raises(ArithmeticError, match="imaginary"):
            harmonics.to_real(tensor, lambda key: key)
        return
    points = [data.draw(POINTS) for _ in l]
    real = harmonics.to_real(tensor, lambda key: key)
    expected = QQ_I(0)
    for key, value in tensor.items():
        expected += prod((z_value(k, m, p) for k, m, p in zip(l, key, points, strict=True)), start=QQ_I(1)) * value
    total = fmpq(0)
    for key, value in real.items():
        assert value != 0
        total += prod((s_value(k, m, p) for k, m, p in zip(l, key, points, strict=True)), start=value)
    assert expected == QQ_I(total)


def test_to_real_refuses_a_non_invariant_polynomial() -> None:
    """Z_{1,1} of one channel with Z_{1,-1} of another alone is not real: the partner term is missing."""
    with pytest.raises(ArithmeticError, match="not invariant"):
        harmonics.to_real({(1, -1): fmpq(1)}, lambda key: key)
    both = harmonics.to_real({(1, -1): fmpq(1), (-1, 1): fmpq(1)}, lambda key: key)
    assert both == {(1, 1): fmpq(2), (-1, -1): fmpq(2)}


def test_to_real_merges_what_commutes() -> None:
    """With equal channels Z_{1,1} Z_{1,-1} = S_{1,1}² + S_{1,-1}²: keys fall together under `canonical`."""
    real = harmonics.to_real({(-1, 1): fmpq(1)}, lambda key: tuple(sorted(key)))
    assert real == {(1, 1): fmpq(1), (-1, -1): fmpq(1)}
