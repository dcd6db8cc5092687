"""y, e and their derivatives of a pair of species, as their formulas are written."""

from __future__ import annotations

from math import cos, exp, pi, sin
from typing import NamedTuple

from acegen.program.bonds import Bessel, Bond, BondShape, ExponentialCosine, InversePower, Linear, Power


class BondValues(NamedTuple):
    """y, dy/dr, e and de/dr."""

    y: float
    dy: float
    e: float
    de: float


def run_bond(bond: Bond, r: float) -> BondValues:
    """The values of a bond at a distance."""
    if r >= bond.cutoff or r <= bond.closest:
        return BondValues(0.0, 0.0, 0.0, 0.0)
    y, dy, e, de = run_shape(bond.shape, bond.cutoff, r)
    if r < bond.full:
        f, df = step(bond.closest, bond.full, r)
        e, de = e * f, de * f + e * df
    return BondValues(y, dy, e, de)


def run_shape(shape: BondShape, cutoff: float, r: float) -> BondValues:
    """The formulas of a shape, inside the cutoff."""
    s = r / cutoff
    match shape:
        case ExponentialCosine(rate, width):
            last = exp(-rate)
            y = 1 - 2 * (exp(-rate * s) - last) / (1 - last)
            dy = 2 * rate / cutoff * exp(-rate * s) / (1 - last)
            e, de = _cosine(s, 1 / cutoff)
            if r > cutoff - width:
                f, df = _cosine((r - cutoff + width) / width, 1 / width)
                e, de = e * f, de * f + e * df
            return BondValues(y, dy, e, de)
        case Power(exponent):
            e = (1 - s) ** exponent
            de = -exponent / cutoff * (1 - s) ** (exponent - 1)
            return BondValues(1 - 2 * e, -2 * de, e, de)
        case Linear():
            return BondValues(1 - s, -1 / cutoff, s / 2, 0.5 / cutoff)
        case Bessel():
            x = pi * s
            window, slope = _cosine(s, 1 / cutoff)
            sinc, dsinc = sin(x) / x, (cos(x) - sin(x) / x) / r
            return BondValues(cos(x), -pi / cutoff * sin(x), window * sinc, slope * sinc + window * dsinc)
        case InversePower(power, r0, left, right, p_left, p_right):
            u = ((1 + r0) / (1 + r)) ** power
            du = -power * u / (1 + r)
            y, dy = (2 * u - left - right) / (right - left), 2 * du / (right - left)
            if (u < left and p_left > 0) or (u > right and p_right > 0):
                return BondValues(y, dy, 0.0, 0.0)
            from_left, from_right = (u - left) ** p_left, (u - right) ** p_right
            slope = 0.0
            if p_left:
                slope += p_left * (u - left) ** (p_left - 1) * from_right
            if p_right:
                slope += p_right * (u - right) ** (p_right - 1) * from_left
            return BondValues(y, dy, from_left * from_right, slope * du)


def step(inner: float, outer: float, r: float) -> tuple[float, float]:
    """t³ (10 - 15 t + 6 t²), zero up to the inner distance and one beyond the outer, and its derivative."""
    t = min(1.0, max(0.0, (r - inner) / (outer - inner)))
    return t**3 * (10 - 15 * t + 6 * t**2), 30 * t**2 * (1 - t) ** 2 / (outer - inner)


def _cosine(t: float, rate: float) -> tuple[float, float]:
    """(1 + cos π t)/2 and its derivative, if dt/dr = rate."""
    return 0.5 * (1 + cos(pi * t)), -0.5 * pi * rate * sin(pi * t)
