"""A kernel program, run as written: the reference for all backends.

Plain NumPy, one centre at a time, no blocks and no recurrences but those of the program. Derivatives of each
formula are written by hand and combined by the chain rule: dρ/dr_j = Σ_v dρ/dA_v dφ_v/dr_j.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, prod

import numpy as np
from numpy.polynomial import Polynomial
from numpy.polynomial.legendre import leg2poly
from numpy.typing import ArrayLike, NDArray

from acegen.program.bond_interpreter import run_bond, step
from acegen.program.bonds import Bonds
from acegen.program.core import NearestSwitch
from acegen.program.core_interpreter import run_core
from acegen.program.coupled_interpreter import run_coupled
from acegen.program.embedding import Members
from acegen.program.embedding_interpreter import run_embedding
from acegen.program.kernel import (
    Agnesi,
    AngularFunctions,
    Circle,
    Contraction,
    DirectionOnly,
    DirectionPolynomials,
    Distance,
    Harmonics,
    KernelProgram,
    NoAngles,
    PairEnergies,
    PairFunctions,
    PairTerm,
    Position,
    Recurrence,
    Row,
    Smootherstep,
    Zbl,
)
from acegen.program.layout import PooledLayout

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """Values, shape (P,), and their derivatives by the particles' coordinates, shape (P, J, dimension)."""

    values: Floats
    gradient: Floats


def run_descriptors(program: KernelProgram, center: int, species: Sequence[int], particles: ArrayLike) -> Evaluation:
    """Values of a program without embedding: pair functions, then outputs.

    Args:
        program: the program.
        center: species of the centre.
        species: of the particles.
        particles: their displacements, shape (J, dimension).
    """
    x = coordinates(program, particles)
    parts = run_outputs(program, center, species, x)
    if program.pair is not None:
        parts = _joined(_pair_functions(program.pair, program, center, species, x), parts)
    return run_switch(program, center, species, x, parts)


def run_potential(
    program: KernelProgram, center: int, species: Sequence[int], particles: ArrayLike
) -> tuple[float, Floats]:
    """Site energy of a potential, and its derivatives, shape (J, dimension); arguments as for `run_descriptors`."""
    x = coordinates(program, particles)
    parts = _embedded(program, center, run_outputs(program, center, species, x))
    if program.core is not None:
        return _with_core(program, center, species, x, parts)
    if program.pair is not None:
        parts = _joined(parts, run_pair(program.pair, center, center, species, x))
    fitted = run_switch(program, center, species, x, parts)
    energy = float(fitted.values.sum()) + program.atomic_energies[center]
    rest, slope = run_reference(program, center, species, x)
    gradient: Floats = fitted.gradient.sum(axis=0) + slope
    return energy + rest, gradient


def run_reference(
    program: KernelProgram, center: int, species: Sequence[int], particles: ArrayLike
) -> tuple[float, Floats]:
    """The reference terms alone."""
    x = coordinates(program, particles)
    energy, gradient = 0.0, np.zeros_like(x)
    for term in program.references:
        for j, (z, d) in enumerate(zip(species, x, strict=True)):
            r = float(np.sqrt(d @ d))
            value, slope = _zbl(term, center, z, r)
            energy += value
            gradient[j] += slope * d / r
    return energy, gradient


# ---- products


def run_outputs(program: KernelProgram, center: int, species: Sequence[int], x: Floats) -> Evaluation:
    """ρ of a centre."""
    phi, slopes = _one_particle(program, center, species, x)
    pooled = phi.sum(axis=0)
    products = np.array([prod(pooled[v] for v in product) for product in program.products])
    by_pooled = np.zeros((len(products), len(pooled)))
    for t, product in enumerate(program.products):
        for slot, v in enumerate(product):
            by_pooled[t, v] += prod(pooled[w] for k, w in enumerate(product) if k != slot)
    values, derivatives = products, by_pooled
    if program.coupled is not None:
        invariants, slopes_of_invariants = run_coupled(program.coupled, program.layout, pooled)
        values = np.concatenate([products, invariants])
        derivatives = np.concatenate([by_pooled, slopes_of_invariants])
    for rows in (program.outputs.coupling, program.outputs.of(center)):
        if rows is not None:
            matrix = _matrix(rows, len(values))
            values, derivatives = matrix @ values, matrix @ derivatives
    return Evaluation(values, np.einsum("iv,jva->ija", derivatives, slopes))


def _matrix(rows: Sequence[Row], width: int) -> Floats:
    matrix = np.zeros((len(rows), width))
    for i, row in enumerate(rows):
        for column, weight in row:
            matrix[i, column] += weight
    return matrix


def _embedded(program: KernelProgram, center: int, rho: Evaluation) -> Evaluation:
    """F(ρ) of a centre, as a single value."""
    if program.embedding is None:
        raise ValueError(f"the program '{program.name}' has no embedding: it computes descriptors")
    if isinstance(program.embedding[center], Members):
        raise ValueError(f"the program '{program.name}' is a committee: its members have no common energy")
    energy, slopes = run_embedding(program.embedding[center], rho.values.tolist())
    return Evaluation(np.array([energy]), np.tensordot(slopes, rho.gradient, axes=1)[None])


def _with_core(
    program: KernelProgram, center: int, species: Sequence[int], x: Floats, parts: Evaluation
) -> tuple[float, Floats]:
    """E = g F + h V + atomic energy; with h = 1 - g, dh = -dg."""
    bonds = program.one_particle.coordinate
    assert program.core is not None
    assert isinstance(bonds, Bonds)
    own = run_core(program.core, bonds.cutoffs, center, species, x)
    (value,), (slope,) = parts.values, parts.gradient
    energy = own.switch * value + own.weight * own.energy + program.atomic_energies[center]
    gradient = own.switch * slope + own.switch_gradient * value + own.weight * own.gradient
    if isinstance(program.core.switch, NearestSwitch):
        gradient -= own.switch_gradient * own.energy
    return float(energy), gradient


# ---- one-particle functions


def _one_particle(program: KernelProgram, center: int, species: Sequence[int], x: Floats) -> tuple[Floats, Floats]:
    """φ, shape (J, number of A's), and dφ/dr, shape (J, number of A's, dimension)."""
    phi, slopes = _pooled(program, center, species, x)
    if program.contraction is None:
        return phi, slopes
    matrix = _contraction(program.contraction, program.layout, center)
    return phi @ matrix.T, np.einsum("vp,jpa->jva", matrix, slopes)


def _contraction(contraction: Contraction, layout: PooledLayout, center: int) -> Floats:
    """The A's of a centre as combinations of what is pooled."""
    pooled = contraction.pooled
    matrix = np.zeros((layout.size, pooled.size))
    for v, (z, n, l, m) in enumerate(layout.names):
        for k, weight in enumerate(contraction.weights[center][z][l][n - layout.first]):
            matrix[v, pooled.index(z, pooled.first + k, l, m)] = weight
    return matrix


def _pooled(program: KernelProgram, center: int, species: Sequence[int], x: Floats) -> tuple[Floats, Floats]:
    """The same of what is pooled."""
    one, layout = program.one_particle, program.pooled
    phi = np.zeros((len(x), layout.size))
    slopes = np.zeros((len(x), layout.size, program.dimension))
    for j, (z, particle) in enumerate(zip(species, x, strict=True)):
        e, de = 1.0, np.zeros(program.dimension)
        match one.coordinate:
            case Position():
                y, dy = float(particle[0]), np.ones(1)
            case DirectionOnly():
                y, dy = 0.0, np.zeros(program.dimension)
            case Distance() as distance:
                r = float(np.sqrt(particle @ particle))
                y, slope = _transformed(distance, center, z, r)
                dy = slope * particle / r
            case Bonds(pairs):
                r = float(np.sqrt(particle @ particle))
                y, slope, e, by_r = run_bond(pairs[center][z], r)
                dy, de = slope * particle / r, by_r * particle / r
        radial, by_y = _recurred(one.radial, y)
        angular, by_x = _angular(one.angular, particle)
        for v, (own, n, l, m) in enumerate(layout.names):
            if own == z:
                h = layout.angular_index(l, m)
                k = n - one.radial.first
                phi[j, v] = e * radial[k] * angular[h]
                slopes[j, v] = (e * by_y[k] * dy + radial[k] * de) * angular[h] + e * radial[k] * by_x[h]
    return phi, slopes


def _transformed(distance: Distance, center: int, species: int, r: float) -> tuple[float, float]:
    """y(r) and dy/dr."""
    cutoff = distance.cutoffs[center][species]
    if r >= cutoff:
        return 0.0, 0.0
    s = Polynomial([0.0, 1 / cutoff])
    if isinstance(distance.transform, Smootherstep):
        step = (1 - s) ** 3 * (1 + 3 * s + 6 * s**2)
    else:
        step = (1 - s) ** 2 * (1 + 2 * s)
    value, slope = float(step(r)), float(step.deriv()(r))
    if isinstance(distance.transform, Agnesi):
        agnesi = distance.transform
        x = Polynomial([0.0, 1 / agnesi.r0[center][species]])
        numerator = 1 + x ** (agnesi.q - agnesi.p)
        denominator = numerator + agnesi.a * x**agnesi.q
        n, d = float(numerator(r)), float(denominator(r))
        by_r = (float(numerator.deriv()(r)) * d - n * float(denominator.deriv()(r))) / d**2
        value, slope = value * n / d, slope * n / d + value * by_r
    return value, slope


def _recurred(radial: Recurrence, y: float) -> tuple[list[float], list[float]]:
    """All R_n and dR_n/dy."""
    envelope = Polynomial(radial.envelope)
    values, slopes = [float(envelope(y))], [float(envelope.deriv()(y))]
    before, slope_before = 0.0, 0.0
    for a, b, c in radial.steps:
        value = (a * y + b) * values[-1] - c * before
        slope = a * values[-1] + (a * y + b) * slopes[-1] - c * slope_before
        before, slope_before = values[-1], slopes[-1]
        values.append(value)
        slopes.append(slope)
    return values, slopes


def _angular(angular: AngularFunctions, particle: Floats) -> tuple[list[float], list[Floats]]:
    """All S_lm of the direction of a particle, and their derivatives by its coordinates."""
    if isinstance(angular, NoAngles):
        return [1.0], [np.zeros(len(particle))]
    r = float(np.sqrt(particle @ particle))
    unit = particle / r
    values, slopes = [], []
    for value, by_unit in _functions(angular, unit):
        values.append(value)
        slopes.append((by_unit - unit * (unit @ by_unit)) / r)
    return values, slopes


def _functions(angular: AngularFunctions, u: Floats) -> Iterator[tuple[float, Floats]]:
    """S_lm of a unit vector and its derivatives by the components, by l, then m."""
    phase = complex(u[0], u[1])

    def power(k: int) -> tuple[complex, complex]:
        return phase**k, k * phase ** (k - 1) if k else 0j

    match angular:
        case Harmonics(l_max):
            for l in range(l_max + 1):
                for m in range(-l, l + 1):
                    k = abs(m)
                    q = Polynomial(leg2poly([0] * l + [1])).deriv(k) if k else Polynomial(leg2poly([0] * l + [1]))
                    value, slope = power(k)
                    part, by_x, by_y = _part(m, value), _part(m, slope), _part(m, 1j * slope)
                    z = float(u[2])
                    own = float(q(z))
                    yield own * part, np.array([own * by_x, own * by_y, float(q.deriv()(z)) * part])
        case Circle(l_max):
            for l in range(l_max + 1):
                for m in (-l, l) if l else (0,):
                    value, slope = power(l)
                    yield _part(m, value), np.array([_part(m, slope), _part(m, 1j * slope)])
        case DirectionPolynomials(functions):
            for terms in functions:
                slopes = np.zeros(len(u))
                for powers, weight in terms:
                    for axis, k in enumerate(powers):
                        if k:
                            lowered = [p - (i == axis) for i, p in enumerate(powers)]
                            slopes[axis] += weight * k * _monomial(u, lowered)
                yield sum(weight * _monomial(u, powers) for powers, weight in terms), slopes


def _monomial(u: Floats, powers: Sequence[int]) -> float:
    return prod(float(component) ** power for component, power in zip(u, powers, strict=True))


def _part(m: int, value: complex) -> float:
    return value.real if m >= 0 else value.imag


# ---- terms besides the products


def _pair_functions(pair: object, program: KernelProgram, center: int, species: Sequence[int], x: Floats) -> Evaluation:
    assert isinstance(pair, PairFunctions)
    degree = len(pair.scales)
    values = np.zeros(len(program.species) * degree)
    gradient = np.zeros((len(values), *x.shape))
    for j, (z, d) in enumerate(zip(species, x, strict=True)):
        r = float(np.sqrt(d @ d))
        y, dy = _transformed(pair.coordinate, center, z, r)
        for n, (value, slope) in enumerate(zip(*_recurred(pair.radial, y), strict=True)):
            values[z * degree + n] += pair.scales[n] * value
            gradient[z * degree + n, j] = pair.scales[n] * slope * dy * d / r
    return Evaluation(values, gradient)


def run_pair(pair: PairTerm, output: int, center: int, species: Sequence[int], x: Floats) -> Evaluation:
    """Pair energy with the series of an output, as a single value."""
    assert isinstance(pair, PairEnergies)
    energy, gradient = 0.0, np.zeros_like(x)
    for j, (z, d) in enumerate(zip(species, x, strict=True)):
        r = float(np.sqrt(d @ d))
        y, dy = _transformed(pair.coordinate, center, z, r)
        series = pair.series[output][z]
        value, slope = series[-1], 0.0
        for c, node in zip(reversed(series[:-1]), reversed(pair.nodes), strict=True):  # Horner's rule
            value, slope = value * (y - node) + c, slope * (y - node) + value
        envelope = Polynomial(pair.envelope)
        e, by_y = float(envelope(y)), float(envelope.deriv()(y))
        energy += e * value
        gradient[j] = (by_y * value + e * slope) * dy * d / r
    return Evaluation(np.array([energy]), gradient[None])


def _zbl(term: Zbl, center: int, species: int, r: float) -> tuple[float, float]:
    """Half of the repulsion of a pair and its derivative by the distance."""
    inner, outer = term.ranges[center][species]
    if r >= outer:
        return 0.0, 0.0
    strength, rate = term.strength[center][species], term.inverse_length[center][species]
    value = strength / r * sum(w * exp(-k * r * rate) for w, k in term.screening)
    slope = -value / r - strength / r * sum(w * k * rate * exp(-k * r * rate) for w, k in term.screening)
    f, df = step(inner, outer, r)
    return value * (1 - f), slope * (1 - f) - value * df


def run_switch(program: KernelProgram, center: int, species: Sequence[int], x: Floats, parts: Evaluation) -> Evaluation:
    """Values times s = Π_j f(r_j)."""
    if program.inner is None:
        return parts
    factors, slopes = np.ones(len(x)), np.zeros_like(x)
    for j, (z, d) in enumerate(zip(species, x, strict=True)):
        r = float(np.sqrt(d @ d))
        factors[j], slope = step(*program.inner.ranges[center][z], r)
        slopes[j] = slope * d / r
    others = np.array([prod(np.delete(factors, j)) for j in range(len(x))])
    s = prod(factors)
    gradient = s * parts.gradient + parts.values[:, None, None] * (others[:, None] * slopes)
    return Evaluation(s * parts.values, gradient)


def _joined(first: Evaluation, second: Evaluation) -> Evaluation:
    values = np.concatenate([first.values, second.values])
    return Evaluation(values, np.concatenate([first.gradient, second.gradient]))


def coordinates(program: KernelProgram, particles: ArrayLike) -> Floats:
    """Particles as an array, shape (J, dimension)."""
    return np.asarray(particles, dtype=float).reshape(-1, program.dimension)
