"""A core and the switches of a centre, as their formulas are written."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, exp, pi, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from acegen.program.bond_interpreter import run_shape, step
from acegen.program.by_pair import ByPair
from acegen.program.core import (
    Core,
    EnergySwitch,
    GaussianRepulsion,
    NearestSwitch,
    PolynomialRepulsion,
    Repulsion,
    ScreenedRepulsion,
)

Floats = NDArray[np.float64]


class CoreValues(NamedTuple):
    """V, and its derivatives by the neighbours, shape (J, 3); g and its derivatives; dE/dV at constant g, and h."""

    energy: float
    gradient: Floats
    switch: float
    switch_gradient: Floats
    weight: float


def run_core(core: Core, cutoffs: ByPair, center: int, species: Sequence[int], x: Floats) -> CoreValues:
    """The core of a centre: E = g F + h V, with h = `weight`.

    Args:
        core: the core.
        cutoffs: within which neighbours count for the switch, Å.
        center: species of the centre.
        species: of the neighbours.
        x: their displacements, shape (J, 3), Å.
    """
    energy, gradient = 0.0, np.zeros_like(x)
    distances = [float(np.sqrt(d @ d)) for d in x]
    for j, (z, r) in enumerate(zip(species, distances, strict=True)):
        if r < cutoffs[center][z]:
            value, slope = run_repulsion(core.repulsion, center, z, r)
            energy += value
            gradient[j] = slope * x[j] / r
    match core.switch:
        case EnergySwitch(ranges):
            cutoff, width = ranges[center]
            if energy >= cutoff:
                return CoreValues(energy, gradient, 0.0, np.zeros_like(x), 1.0)
            if energy <= cutoff - width:
                return CoreValues(energy, gradient, 1.0, np.zeros_like(x), 1.0)
            f, df = step(cutoff - width, cutoff, energy)
            return CoreValues(energy, gradient, 1 - f, -df * gradient, 1.0)
        case NearestSwitch(by_pair):
            inside = [j for j, r in enumerate(distances) if r < cutoffs[center][species[j]]]
            slopes = np.zeros_like(x)
            if not inside:
                return CoreValues(energy, gradient, 1.0, slopes, 0.0)
            nearest = min(inside, key=lambda j: distances[j] - by_pair[center][species[j]][0])
            g, dg = step(*by_pair[center][species[nearest]], distances[nearest])
            slopes[nearest] = dg * x[nearest] / distances[nearest]
            return CoreValues(energy, gradient, g, slopes, 1 - g)


def run_repulsion(repulsion: Repulsion, center: int, species: int, r: float) -> tuple[float, float]:
    """V of a neighbour at a distance, and dV/dr."""
    match repulsion:
        case GaussianRepulsion():
            return _gaussian(repulsion, center, species, r)
        case ScreenedRepulsion():
            return _screened(repulsion, center, species, r)
        case PolynomialRepulsion():
            return _polynomial(repulsion, center, species, r)


def _gaussian(term: GaussianRepulsion, center: int, species: int, r: float) -> tuple[float, float]:
    strength, rate, cutoff = (t[center][species] for t in (term.strength, term.rate, term.cutoffs))
    if r >= cutoff or rate * r**2 >= 50:
        return 0.0, 0.0
    value = strength * exp(-rate * r**2) / r
    slope = -value * (2 * rate * r + 1 / r)
    window, by_r = 0.5 * (1 + cos(pi * r / cutoff)), -0.5 * pi / cutoff * sin(pi * r / cutoff)
    value, slope = value * window, slope * window + value * by_r
    inner, outer = term.ranges[center][species]
    if inner < outer:
        f, df = step(inner, outer, r)
        value, slope = value * (1 - f), slope * (1 - f) - value * df
    return value, slope


def _screened(term: ScreenedRepulsion, center: int, species: int, r: float) -> tuple[float, float]:
    inner, outer = term.ranges[center][species]
    if r >= outer:
        return 0.0, 0.0
    rates = [(w, k * term.inverse_length[center][species]) for w, k in term.screening]

    def bare(r: float) -> tuple[float, float, float]:
        phi = [sum(w * (-k) ** order * exp(-k * r) for w, k in rates) for order in range(3)]
        return (
            phi[0] / r,
            phi[1] / r - phi[0] / r**2,
            phi[2] / r - 2 * phi[1] / r**2 + 2 * phi[0] / r**3,
        )

    v, dv, ddv = bare(outer)
    h, t = outer - inner, max(0.0, r - inner)
    a, b, c = (h * ddv - 3 * dv) / h**2, (2 * dv - h * ddv) / h**3, -v + h * dv / 2 - h**2 * ddv / 12
    own, slope, _ = bare(r)
    strength = term.strength[center][species]
    value = strength * (own + c + a / 3 * t**3 + b / 4 * t**4)
    slope = strength * (slope + a * t**2 + b * t**3)
    f, df = step(inner, outer, r)
    return value * (1 - f), slope * (1 - f) - value * df


def _polynomial(term: PolynomialRepulsion, center: int, species: int, r: float) -> tuple[float, float]:
    radius, constant, a, b = term.cores[center][species]
    cutoff = term.cutoffs[center][species]
    if r >= cutoff:
        return 0.0, 0.0
    if r <= radius:
        value = b * exp(-a * (r / radius - 1)) * radius / r
        return 0.5 * (constant + value), -0.5 * value * (a / radius + 1 / r)
    shape = term.shape
    y, dy, e, de = run_shape(shape, cutoff, r)
    u, du = ((shape.right - shape.left) * y + shape.left + shape.right) / 2, (shape.right - shape.left) / 2 * dy
    value, slope, before, slope_before, total, by_r = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for n, ((a, b, c), weight) in enumerate(zip(term.steps, term.coefficients[center][species], strict=True)):
        if n == 0:
            new, new_slope = a * e, a * de
        else:
            new = (a * u + b) * value + c * before
            new_slope = a * du * value + (a * u + b) * slope + c * slope_before
        before, slope_before, value, slope = value, slope, new, new_slope
        total += weight * value
        by_r += weight * slope
    return 0.5 * total, 0.5 * by_r
