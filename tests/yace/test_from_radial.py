"""Radial functions as series in ML-PACE's basis: their values, their lengths, and the errors that are stated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flint import arb
from numpy.typing import NDArray
from scipy.special import eval_jacobi

from acegen.algebra import build_algebra
from acegen.basis.definitions import resolve_definitions
from acegen.spec import load_atomic_spec
from acegen.yace.conversion.radial import (
    MOST_FUNCTIONS,
    Curve,
    DistanceMap,
    RadialSeries,
    needed_terms,
    rounded_curve,
)

CUTOFF, COUNT = 5.5, 12
Floats = NDArray[np.float64]


def curves(cutoff: float = CUTOFF, count: int = COUNT, **radial: Any) -> tuple[list[Curve], RadialSeries]:
    """R_1, R_2, ... of a table `radial`, on a bond of length `CUTOFF`."""
    document = {"name": "some", "basis": {"elements": ["Si"], "order": 2, "level": 4}}
    spec = load_atomic_spec(document | {"radial": {"cutoff": cutoff, **radial}})
    series = RadialSeries(build_algebra(spec).radial, spec.radial, resolve_definitions(spec).agnesi)
    found = series.of(DistanceMap(cutoff, None if spec.agnesi_r0 is None else spec.agnesi_r0[0][0]), CUTOFF, count)
    rows, values = found.coefficients.tolist(), found.values.tolist()
    terms = needed_terms(rows)
    return [rounded_curve(row, exact, terms) for row, exact in zip(rows, values, strict=True)], series


def evaluated(curve: Curve, r: Floats) -> Floats:
    """Σ c_k g_k, with T_k as a cosine."""
    angle = np.arccos(2 * r / CUTOFF - 1)
    k = np.arange(1, len(curve.coefficients) + 1)
    values: Floats = (1 - np.cos(k[:, None] * angle)).T @ np.array(curve.coefficients) / 2
    return values


def closed(n: int, y: Floats) -> Floats:
    """R_n of the closed family."""
    values: Floats = y * eval_jacobi(n - 1, 0, 2, 2 * y - 1)
    return values


R = np.linspace(0.01, CUTOFF - 1e-3, 400)


@pytest.mark.parametrize(("transform", "degree"), [("smoothstep", 3), ("smootherstep", 5)])
def test_polynomial_transforms_are_exact(transform: str, degree: int) -> None:
    """R_n is a polynomial of degree 3n or 5n in r: no error but that of rounding, and no more terms than that."""
    s = R / CUTOFF
    y = (1 - s) ** 2 * (1 + 2 * s) if transform == "smoothstep" else (1 - s) ** 3 * (1 + 3 * s + 6 * s**2)
    found, _ = curves(count=6, transform=transform)
    for n, curve in enumerate(found, start=1):
        assert not any(curve.coefficients[degree * n :])
        assert curve.coefficients[degree * n - 1]
        rounding = 1e-16 * (10 + (degree * n) ** 2)  # of cos(k arccos x) near the ends: an error of k² in units of x's
        assert np.abs(evaluated(curve, R) - closed(n, y)).max() < rounding
        assert curve.error < 1e-15
        assert curve.largest == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("r0", [0.9, 2.0, 4.0])
def test_agnesi(r0: float) -> None:
    """A rational function of r: errors of value and derivative are far below what anybody can measure."""
    found, series = curves(transform="agnesi", agnesi={"r0": r0, "p": 2, "q": 4})
    assert series.agnesi is not None
    s, x = R / CUTOFF, R / r0
    y = (1 - s) ** 2 * (1 + 2 * s) / (1 + float(series.agnesi.a) * x**4 / (1 + x**2))
    assert len(found[0].coefficients) < MOST_FUNCTIONS
    for n, curve in enumerate(found, start=1):
        assert np.abs(evaluated(curve, R) - closed(n, y)).max() < 1e-11
        assert curve.relative_error < 1e-11
        assert curve.condition < 10


def test_other_envelopes() -> None:
    """e(y) = y² - y³/2 with Chebyshev polynomials."""
    found, _ = curves(count=5, family="envelope", envelope=[0, 0, 1, "-1/2"], polynomial="chebyshev")
    s = R / CUTOFF
    y = (1 - s) ** 2 * (1 + 2 * s)
    for n, curve in enumerate(found, start=1):
        expected = (y**2 - y**3 / 2) * np.cos((n - 1) * np.arccos(2 * y - 1))
        assert np.abs(evaluated(curve, R) - expected).max() < 1e-13


def test_a_smaller_cutoff_is_approximated_with_a_stated_error() -> None:
    """The error found elsewhere is that which is stated, up to the choice of points, and not zero."""
    own = 4.3
    s = np.minimum(R / own, 1.0)
    y = (1 - s) ** 2 * (1 + 2 * s)
    found, _ = curves(cutoff=own, count=4)
    for n, curve in enumerate(found, start=1):
        assert len(curve.coefficients) == MOST_FUNCTIONS
        measured = np.abs(evaluated(curve, R) - closed(n, y)).max()
        assert 0.3 * curve.error < measured < 2 * curve.error
        assert 1e-7 < curve.error < 1e-3


def test_functions_vanish_at_the_cutoff() -> None:
    """Every g_k does, so also what is approximated."""
    for transform in ("smoothstep", "agnesi"):
        found, _ = curves(transform=transform)
        assert max(abs(evaluated(curve, np.array([CUTOFF]))[0]) for curve in found) == 0


def test_terms_that_do_not_matter_are_left_out() -> None:
    """The rest has Σ k² |c_k| of at most 1e-10 of the largest coefficient, and with one term less it has not."""
    row = [10.0 ** (-k) for k in range(1, 40)]
    terms = needed_terms([[arb(value) for value in row]])
    rest = [sum(k * k * row[k - 1] for k in range(last + 1, 40)) for last in (terms, terms - 1)]
    assert rest[0] <= 1e-11 < rest[1]
    assert needed_terms([[arb(0)] * 5]) == 1
    assert needed_terms([[arb(1)] * 5, [arb(1)] * 3]) == 5
