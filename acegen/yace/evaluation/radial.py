"""Radial functions of ML-PACE and ACE.jl as their formulas are written, in NumPy; distances of any shape (J,)."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from acegen.yace.potential import InnerCutoff, PaceBond, RecursionBasis

Floats = NDArray[np.float64]


def pace_basis(bond: PaceBond, kind: InnerCutoff, r: Floats) -> tuple[Floats, Floats]:
    """g_k and dg_k/dr at distances within the cutoff, of shape (n_base, J) each."""
    match bond.radial:
        case "ChebExpCos":
            g, dg = _exponential_cosine(bond, r)
        case "ChebPow":
            g, dg = _power(bond, r)
        case "ChebLinear":
            t, dt = chebyshev(1 - r / bond.cutoff, bond.n_base + 1)
            g, dg = (1 - t[1:]) / 2, dt[1:] / (2 * bond.cutoff)
        case "SBessel":
            g, dg = _bessel(bond, r)
    if kind == "distance":
        f, df = fall(r, bond.inner_cutoff, bond.inner_width)
        g, dg = g * (1 - f), dg * (1 - f) - g * df
    elif kind == "density":
        outside = r > bond.inner_cutoff - bond.inner_width
        g, dg = g * outside, dg * outside
    return g, dg


def recursion_basis(basis: RecursionBasis, r: Floats) -> tuple[Floats, Floats]:
    """R_n and dR_n/dr, of shape (len(steps), J) each."""
    u = ((1 + basis.r0) / (1 + r)) ** basis.power
    du = -basis.power * u / (1 + r)
    from_left, slope_left = _power_of(u - basis.left, basis.p_left)
    from_right, slope_right = _power_of(u - basis.right, basis.p_right)
    zero = ((u < basis.left) & (basis.p_left > 0)) | ((u > basis.right) & (basis.p_right > 0))
    e = np.where(zero, 0.0, from_left * from_right)
    de = np.where(zero, 0.0, (slope_left * from_right + from_left * slope_right) * du)
    first = basis.steps[0][0]
    values, slopes = [first * e], [first * de]
    for n, (a, b, c) in enumerate(basis.steps[1:], start=1):
        value, slope = (a * u + b) * values[-1], a * du * values[-1] + (a * u + b) * slopes[-1]
        if n > 1:
            value, slope = value + c * values[-2], slope + c * slopes[-2]
        values.append(value)
        slopes.append(slope)
    return np.array(values), np.array(slopes)


def fall(x: Floats, end: float, width: float) -> tuple[Floats, Floats]:
    """One up to end - width, zero from end on, 1 - t³ (10 - 15 t + 6 t²) with t = (x - end)/width + 1 between.

    Also its derivative. Without a width, a step.
    """
    between = (x > end - width) & (x < end)
    t = np.where(between, (x - end) / width + 1, 0.0) if width > 0 else np.zeros_like(x)
    f = np.where(between, 1 - t**3 * (10 - 15 * t + 6 * t**2), (x <= end - width).astype(float))
    df = np.where(between, -30 * t**2 * (1 - t) ** 2 / width, 0.0) if width > 0 else np.zeros_like(x)
    return f, df


def half_cosine(t: Floats, rate: float) -> tuple[Floats, Floats]:
    """(1 + cos π t)/2, and its derivative by x if dt/dx = rate."""
    return (1 + np.cos(pi * t)) / 2, -pi * rate / 2 * np.sin(pi * t)


def chebyshev(y: Floats, count: int) -> tuple[Floats, Floats]:
    """T_0, ..., T_count-1, and their derivatives k U_k-1 by y."""
    first: list[Floats] = [np.ones_like(y), y]
    second: list[Floats] = [np.ones_like(y), 2 * y]
    while len(first) < count:
        first.append(2 * y * first[-1] - first[-2])
        second.append(2 * y * second[-1] - second[-2])
    slopes = [np.zeros_like(y), *(k * second[k - 1] for k in range(1, count))]
    return np.array(first[:count]), np.array(slopes[:count])


def _exponential_cosine(bond: PaceBond, r: Floats) -> tuple[Floats, Floats]:
    rate, cutoff = bond.parameters[0], bond.cutoff
    last = np.exp(-rate)
    y = 1 - 2 * (np.exp(-rate * r / cutoff) - last) / (1 - last)
    dy = 2 * rate / cutoff * np.exp(-rate * r / cutoff) / (1 - last)
    t, dt = chebyshev(y, bond.n_base)
    g, dg = (1 - t) / 2, -dt * dy / 2
    g[0], dg[0] = 1.0, 0.0
    e, de = half_cosine(r / cutoff, 1 / cutoff)
    if bond.width > 0:
        last_part = r > cutoff - bond.width
        f, df = half_cosine((r - cutoff + bond.width) / bond.width, 1 / bond.width)
        e, de = np.where(last_part, e * f, e), np.where(last_part, de * f + e * df, de)
    return g * e, dg * e + g * de


def _power(bond: PaceBond, r: Floats) -> tuple[Floats, Floats]:
    exponent, s = bond.parameters[0], 1 - r / bond.cutoff
    y, dy = 1 - 2 * s**exponent, 2 * exponent / bond.cutoff * s ** (exponent - 1)
    t, dt = chebyshev(y, bond.n_base + 1)
    return (1 - t[1:]) / 2, -dt[1:] * dy / 2


def _bessel(bond: PaceBond, r: Floats) -> tuple[Floats, Floats]:
    """Kocer, Mason and Erturk, J. Chem. Phys. 150, 154102 (2019); orthonormal with weight r²."""
    values: list[Floats] = []
    slopes: list[Floats] = []
    before = 1.0
    for n in range(bond.n_base):
        value, slope = _bessel_combination(n, bond.cutoff, r)
        if n > 0:
            e = n**2 * (n + 2) ** 2 / (4 * (n + 1) ** 4 + 1)
            d = 1 - e / before
            value = (value + sqrt(e / before) * values[-1]) / sqrt(d)
            slope = (slope + sqrt(e / before) * slopes[-1]) / sqrt(d)
            before = d
        values.append(value)
        slopes.append(slope)
    return np.array(values), np.array(slopes)


def _bessel_combination(n: int, cutoff: float, r: Floats) -> tuple[Floats, Floats]:
    factor = (-1) ** n * sqrt(2) * pi / cutoff**1.5 * (n + 1) * (n + 2) / sqrt((n + 1) ** 2 + (n + 2) ** 2)
    value, slope = np.zeros_like(r), np.zeros_like(r)
    for k in (n + 1, n + 2):
        x = k * pi * r / cutoff
        value += factor * np.sin(x) / x
        slope += factor * (np.cos(x) - np.sin(x) / x) / r
    return value, slope


def _power_of(x: Floats, exponent: int) -> tuple[Floats, Floats]:
    return x**exponent, exponent * x ** (exponent - 1) if exponent else np.zeros_like(x)
