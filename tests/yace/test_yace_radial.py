"""The radial bases of `.yace` files as an envelope times Chebyshev polynomials: against their own formulas."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mpmath
import numpy as np
import pytest
from random_yace import random_potential

from acegen.program.bond_interpreter import run_bond
from acegen.yace.lowering.one_particle import bonds
from acegen.yace.lowering.radial import Series, radial_series
from acegen.yace.potential import PaceBond, RadialName, RecursionBond

DIGITS = 50
COUNT = 12


def number(value: float) -> mpmath.mpf:
    return mpmath.mpf(value)


def series_sum(series: Series, y: mpmath.mpf) -> mpmath.mpf:
    """Σ_k series[k] T_k(y)."""
    terms = (mpmath.mpf(value.str(60, radius=False)) * mpmath.chebyt(k, y) for k, value in enumerate(series))
    return mpmath.fsum(terms)


def exponential(bond: PaceBond, r: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf, Sequence[mpmath.mpf]]:
    """y, e without the cutoff's last part, and g_k."""
    rate, s = number(bond.parameters[0]), r / bond.cutoff
    y = 1 - 2 * (mpmath.exp(-rate * s) - mpmath.exp(-rate)) / (1 - mpmath.exp(-rate))
    e = (1 + mpmath.cos(mpmath.pi * s)) / 2
    return y, e, [e, *(e * (1 - mpmath.chebyt(k - 1, y)) / 2 for k in range(2, COUNT + 1))]


def power(bond: PaceBond, r: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf, Sequence[mpmath.mpf]]:
    e = (1 - r / bond.cutoff) ** number(bond.parameters[0])
    return 1 - 2 * e, e, [(1 - mpmath.chebyt(k, 1 - 2 * e)) / 2 for k in range(1, COUNT + 1)]


def linear(bond: PaceBond, r: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf, Sequence[mpmath.mpf]]:
    y = 1 - r / bond.cutoff
    return y, (1 - y) / 2, [(1 - mpmath.chebyt(k, y)) / 2 for k in range(1, COUNT + 1)]


def bessel(bond: PaceBond, r: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf, Sequence[mpmath.mpf]]:
    """By sines, as the functions were published."""
    cutoff = number(bond.cutoff)
    theta = mpmath.pi * r / cutoff

    def f(n: int) -> mpmath.mpf:
        factor = (-1) ** n * mpmath.sqrt(2) * mpmath.pi / cutoff**1.5 * (n + 1) * (n + 2)
        factor /= mpmath.sqrt((n + 1) ** 2 + (n + 2) ** 2)
        return factor * (mpmath.sinc((n + 1) * theta) + mpmath.sinc((n + 2) * theta))

    found, d = [f(0)], mpmath.mpf(1)
    for n in range(1, COUNT):
        e = mpmath.mpf(n**2 * (n + 2) ** 2) / (4 * (n + 1) ** 4 + 1)
        before, d = d, 1 - e / d
        found.append((f(n) + mpmath.sqrt(e / before) * found[-1]) / mpmath.sqrt(d))
    return mpmath.cos(theta), (1 + mpmath.cos(theta)) / 2 * mpmath.sinc(theta), found


FORMULAS: dict[RadialName, Callable[[PaceBond, mpmath.mpf], tuple[mpmath.mpf, mpmath.mpf, Sequence[mpmath.mpf]]]] = {
    "ChebExpCos": exponential,
    "ChebPow": power,
    "ChebLinear": linear,
    "SBessel": bessel,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_basis_is_envelope_times_polynomial(name: RadialName) -> None:
    """To 45 digits, for the first twelve functions at many distances."""
    for seed in range(3):
        potential = random_potential(np.random.default_rng(seed), elements=1, radial=name, recursive=False)
        bond = potential.bonds[0][0]
        assert isinstance(bond, PaceBond)
        series = radial_series(bond, COUNT)
        assert [len(row) for row in series] == list(range(1, COUNT + 1))
        with mpmath.workdps(DIGITS):
            for step in range(1, 24):
                r = number(bond.cutoff) * step / 24
                y, e, functions = FORMULAS[name](bond, r)
                for row, g in zip(series, functions, strict=True):
                    assert abs(e * series_sum(row, y) - g) < mpmath.mpf(10) ** -45 * max(1, abs(g))


@pytest.mark.parametrize("name", FORMULAS)
def test_program_evaluates_the_same_y_and_e(name: RadialName) -> None:
    """Its bonds, in doubles, against the formulas; before the last part of the cutoff, and beyond the inner one."""
    potential = random_potential(
        np.random.default_rng(5), elements=1, radial=name, recursive=False, inner_cutoff="density"
    )
    bond = potential.bonds[0][0]
    assert isinstance(bond, PaceBond)
    own = bonds(potential).pairs[0][0]
    for r in np.linspace(bond.inner_cutoff + 0.1, bond.cutoff - bond.width - 1e-6, 40):
        y, e, _ = FORMULAS[name](bond, number(r))
        values = run_bond(own, float(r))
        assert values.y == pytest.approx(float(y), abs=1e-14)
        assert values.e == pytest.approx(float(e), abs=1e-15, rel=1e-13)


def test_three_term_recursion() -> None:
    """Bases of ACE.jl: a_1 e, (a_2 u + b_2) R_1, (a_n u + b_n) R_{n-1} + c_n R_{n-2}."""
    for seed in range(5):
        potential = random_potential(np.random.default_rng(seed), elements=1, recursive=True)
        bond = potential.bonds[0][0]
        assert isinstance(bond, RecursionBond)
        basis = bond.basis
        series = radial_series(bond, len(basis.steps))
        with mpmath.workdps(DIGITS):
            for k in range(9):
                y = mpmath.mpf(k - 4) / 4
                u = ((number(basis.right) - basis.left) * y + number(basis.left) + basis.right) / 2
                values: list[mpmath.mpf] = []
                for n, (a, b, c) in enumerate(basis.steps):
                    first = (a * u + b) * values[-1] if n else number(a)
                    values.append(first + c * values[-2] if n > 1 else first)
                for row, value in zip(series, values, strict=True):
                    assert abs(series_sum(row, y) - value) < mpmath.mpf(10) ** -45 * max(1, abs(value))
