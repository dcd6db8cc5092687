"""A potential evaluated as the formulas of `acegen.yace.potential` are written: complex, in NumPy, no program."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from math import factorial, sqrt
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Legendre
from numpy.typing import NDArray

from acegen.yace.evaluation.core import repulsion
from acegen.yace.evaluation.radial import fall, pace_basis, recursion_basis
from acegen.yace.potential import Bond, ElementEmbedding, PaceBond, YacePotential

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def evaluate(
    potential: YacePotential, center: int, species: Sequence[int], displacements: Floats
) -> tuple[float, Floats]:
    """The energy of a centre and its derivatives; see `Evaluator.evaluate`."""
    return Evaluator(potential).evaluate(center, species, displacements)


_RELATIVE = 1e-6
"""Change of a density, relative to its terms, that F' is compared at for `Evaluator.sizes`."""


class _Products(NamedTuple):
    """Products of one rank: the factors' positions in A, shape (N, rank), and coefficients, shape (N, P)."""

    factors: NDArray[np.intp]
    coefficients: Floats


class _Neighbours(NamedTuple):
    """Neighbours within the cutoff: their positions in the list, elements, distances and directions."""

    indices: NDArray[np.intp]
    species: NDArray[np.intp]
    r: Floats
    directions: Floats


class Evaluator:
    """A potential made ready for the evaluation of many environments."""

    def __init__(self, potential: YacePotential) -> None:
        self.potential = potential
        functions = [f for by_center in potential.functions for f in by_center]
        self.l_max = max((l for f in functions for l in f.ls), default=0)
        self.n_base = max((f.ns[0] for f in functions if f.rank == 1), default=0)
        self.n_max = max((n for f in functions if f.rank > 1 for n in f.ns), default=0)

    def evaluate(self, center: int, species: Sequence[int], displacements: Floats) -> tuple[float, Floats]:
        """The energy of a centre and its derivatives.

        Args:
            center: its element, a position in the potential's elements.
            species: those of the neighbours.
            displacements: neighbour minus centre, shape (J, 3), Å; some may be beyond the cutoff.

        Returns:
            E with E0, eV, and dE/dr_j, shape (J, 3), eV/Å.
        """
        displacements = np.asarray(displacements, dtype=float).reshape(-1, 3)
        inside = self._inside(center, species, displacements)
        a, slopes = self._pooled(center, inside)
        densities, by_a = self._densities(center, a)
        expansion, by_density = embedding(self.potential.embeddings[center], densities)
        # dE/dr_j = Re Σ_A dE/dA dA/dr_j, with all A_lm, m of both signs, as variables
        gradient = np.einsum("a,ajx->jx", by_density @ by_a, slopes).real
        energy, total = self._with_core(center, inside, expansion, gradient)
        forces = np.zeros_like(displacements)
        forces[inside.indices] = total
        return energy + self.potential.energies[center], forces

    def sizes(self, center: int, species: Sequence[int], displacements: Floats) -> tuple[float, float]:
        """How large the terms are that add up to the energy, eV, and to the derivatives, eV/Å, the largest of these.

        Rounding errors are to be measured by them: terms of a density count as they change F and its derivative F',
        and cancel, while the rounding errors of each remain. Arguments as for `evaluate`.
        """
        inside = self._inside(center, species, np.asarray(displacements, dtype=float).reshape(-1, 3))
        a, slopes = self._pooled(center, inside)
        densities, by_a = self._densities(center, a)
        terms, terms_by_a = self._absolute(center, a)
        embedded = self.potential.embeddings[center]
        expansion, by_density = embedding(embedded, densities)
        ends = [embedding(embedded, densities + sign * _RELATIVE * terms)[1] for sign in (1, -1)]
        change = np.abs(ends[0] - ends[1]) / (2 * _RELATIVE)
        gradient = np.einsum("p,pa,ajx->jx", np.abs(by_density), terms_by_a, np.abs(slopes))
        gradient += np.einsum("p,pjx->jx", change, np.abs(np.einsum("pa,ajx->pjx", by_a, slopes).real))
        total = max(abs(expansion), float(np.abs(by_density) @ terms))
        energy, by_neighbour = self._with_core(center, inside, total, gradient)
        return energy + abs(self.potential.energies[center]), float(np.abs(by_neighbour).max(initial=0))

    def _inside(self, center: int, species: Sequence[int], displacements: Floats) -> _Neighbours:
        z = np.array(species, dtype=np.intp).reshape(-1)
        r = np.sqrt(np.sum(displacements**2, axis=1))
        cutoffs = np.array([cutoff(bond) for bond in self.potential.bonds[center]])
        indices = np.flatnonzero(r < cutoffs[z])
        return _Neighbours(indices, z[indices], r[indices], displacements[indices] / r[indices, None])

    def _position(self, z: int, n: int, l: int, m: int) -> int:
        """Where A_znlm is, all of an element after each other; n = 1, ... for rank > 1."""
        return z * self._size + self.n_base + (n - 1) * (self.l_max + 1) ** 2 + l * l + l + m

    @property
    def _size(self) -> int:
        return self.n_base + self.n_max * (self.l_max + 1) ** 2

    def _pooled(self, center: int, inside: _Neighbours) -> tuple[Complexes, Complexes]:
        """All A, shape (size,), and their derivatives by the neighbours, shape (size, J, 3)."""
        count = len(self.potential.elements) * self._size
        slopes = np.zeros((count, len(inside.r), 3), dtype=complex)
        a = np.zeros(count, dtype=complex)
        for z in range(len(self.potential.elements)):
            j = np.flatnonzero(inside.species == z)
            if not j.size:
                continue
            r, u = inside.r[j], inside.directions[j]
            g, dg = self._basis(center, z, r)
            for k in range(min(self.n_base, len(g))):
                a[z * self._size + k] = g[k].sum()
                slopes[z * self._size + k, j] = dg[k][:, None] * u
            harmonics = {
                lm: harmonic(*lm, u) for l in range(self.l_max + 1) for lm in ((l, m) for m in range(-l, l + 1))
            }
            for n in range(1, self.n_max + 1):
                for (l, m), (y, by_direction) in harmonics.items():
                    value, slope = self._radial(self.potential.bonds[center][z], n, l, g, dg)
                    along = np.einsum("jx,jx->j", by_direction, u)
                    across = (by_direction - along[:, None] * u) / r[:, None]
                    at = self._position(z, n, l, m)
                    a[at] = np.sum(value * y)
                    slopes[at, j] = (slope * y)[:, None] * u + value[:, None] * across
        return a, slopes

    def _basis(self, center: int, z: int, r: Floats) -> tuple[Floats, Floats]:
        bond = self.potential.bonds[center][z]
        if isinstance(bond, PaceBond):
            return pace_basis(bond, self.potential.inner_cutoff, r)
        return recursion_basis(bond.basis, r)

    @staticmethod
    def _radial(bond: Bond, n: int, l: int, g: Floats, dg: Floats) -> tuple[Floats, Floats]:
        """R_nl and its derivative; zero where the bond has no coefficients."""
        if not isinstance(bond, PaceBond):
            return g[n - 1], dg[n - 1]
        if n > len(bond.coefficients) or l >= len(bond.coefficients[n - 1]):
            return np.zeros(g.shape[1]), np.zeros(g.shape[1])
        c = np.array(bond.coefficients[n - 1][l])
        return c @ g, c @ dg

    @cached_property
    def _products(self) -> list[list[_Products]]:
        """By centre and rank."""
        found: list[list[_Products]] = []
        for functions, embedded in zip(self.potential.functions, self.potential.embeddings, strict=True):
            by_rank: dict[int, tuple[list[list[int]], list[tuple[float, ...]]]] = {}
            for f in functions:
                factors, coefficients = by_rank.setdefault(f.rank, ([], []))
                for ms, c in zip(f.ms, f.coefficients, strict=True):
                    if f.rank == 1:
                        factors.append([f.elements[0] * self._size + f.ns[0] - 1])
                    else:
                        factors.append(list(map(self._position, f.elements, f.ns, f.ls, ms)))
                    coefficients.append(c)
            densities = len(embedded.terms)
            found.append(
                [
                    _Products(np.array(factors, dtype=np.intp), np.array(c).reshape(-1, densities))
                    for _, (factors, c) in sorted(by_rank.items())
                ]
            )
        return found

    def _densities(self, center: int, a: Complexes) -> tuple[Floats, Complexes]:
        """ρ_p = Σ c_p Re Π A, and Σ c_p dΠ/dA, shape (P, size), of which the real part is taken later."""
        count = len(self.potential.embeddings[center].terms)
        densities = np.zeros(count)
        by_a = np.zeros((count, len(a)), dtype=complex)
        for factors, coefficients in self._products[center]:
            values = a[factors]
            rank = values.shape[1]
            before, after = np.ones_like(values), np.ones_like(values)
            for t in range(1, rank):
                before[:, t] = before[:, t - 1] * values[:, t - 1]
                after[:, rank - 1 - t] = after[:, rank - t] * values[:, rank - t]
            densities += (before[:, -1] * values[:, -1]).real @ coefficients
            for p in range(count):
                np.add.at(by_a[p], factors, before * after * coefficients[:, p, None])
        return densities, by_a

    def _absolute(self, center: int, a: Complexes) -> tuple[Floats, Floats]:
        """Σ |c_p Π A|, and Σ |c_p dΠ/dA|, shape (P, size)."""
        count = len(self.potential.embeddings[center].terms)
        terms, by_a = np.zeros(count), np.zeros((count, len(a)))
        for factors, coefficients in self._products[center]:
            values = np.abs(a[factors])
            terms += values.prod(axis=1) @ np.abs(coefficients)
            for t in range(values.shape[1]):
                others = np.delete(values, t, axis=1).prod(axis=1)
                for p in range(count):
                    np.add.at(by_a[p], factors[:, t], others * np.abs(coefficients[:, p]))
        return terms, by_a

    def _with_core(self, center: int, inside: _Neighbours, energy: float, gradient: Floats) -> tuple[float, Floats]:
        """g F + h V and its derivatives, from F and those of F."""
        v, dv = np.zeros_like(inside.r), np.zeros_like(inside.r)
        for z in range(len(self.potential.elements)):
            j = np.flatnonzero(inside.species == z)
            v[j], dv[j] = repulsion(self.potential, center, z, inside.r[j])
        core, by_core = float(v.sum()), dv[:, None] * inside.directions
        if self.potential.inner_cutoff == "zbl":
            if not inside.r.size:
                return energy, gradient
            bonds = [self.potential.bonds[center][z] for z in inside.species]
            starts = np.array([bond.inner_cutoff - bond.inner_width for bond in bonds if isinstance(bond, PaceBond)])
            nearest = int(np.argmin(inside.r - starts))
            bond = bonds[nearest]
            assert isinstance(bond, PaceBond)
            h, dh = fall(inside.r[nearest], bond.inner_cutoff, bond.inner_width)
            total = (1 - h) * gradient + h * by_core
            total[nearest] += dh * (core - energy) * inside.directions[nearest]
            return float((1 - h) * energy + h * core), total
        embedded = self.potential.embeddings[center]
        if core >= embedded.core_cutoff:
            return core, by_core
        g, dg = fall(np.array(core), embedded.core_cutoff, embedded.core_width)
        return float(g * energy + core), g * gradient + (dg * energy + 1) * by_core


def cutoff(bond: Bond) -> float:
    """From which distance on neighbours do not count, Å."""
    return bond.cutoff if isinstance(bond, PaceBond) else bond.basis.cutoff


def harmonic(l: int, m: int, directions: Floats) -> tuple[Complexes, Complexes]:
    """Y_lm at unit vectors, shape (J,), and the derivatives of its polynomial by x, y and z, shape (J, 3).

    The polynomial is that of z and x + iy; its derivatives have a part along the direction as well.
    """
    if m < 0:
        y, slope = harmonic(l, -m, directions)
        return (-1) ** m * y.conj(), (-1) ** m * slope.conj()
    x, y_, z = directions.T
    norm = (-1) ** m * sqrt((2 * l + 1) * factorial(l - m) / factorial(l + m))
    q, dq = _legendre(l, m)(z), _legendre(l, m + 1)(z)
    w = x + 1j * y_
    by_w = m * w ** (m - 1) if m else np.zeros_like(w)
    return norm * q * w**m, norm * np.stack([q * by_w, 1j * q * by_w, dq * w**m], axis=1)


@cache
def _legendre(l: int, m: int) -> Legendre:
    """d^m P_l/dz^m."""
    return Legendre.basis(l).deriv(m) if m else Legendre.basis(l)


def embedding(embedded: ElementEmbedding, densities: Floats) -> tuple[float, Floats]:
    """Σ_p w_p F(ρ_p; m_p), and its derivatives by ρ_p."""
    function = _finnis_sinclair if embedded.function == "FinnisSinclair" else _shifted
    energy, slopes = 0.0, np.zeros_like(densities)
    for p, term in enumerate(embedded.terms):
        value, slope = function(densities[p], term.exponent)
        energy += term.weight * value
        slopes[p] = term.weight * slope
    return energy, slopes


_SMALL = 1e-6
"""Up to about this |ρ|, F of Finnis and Sinclair is linear."""


def _finnis_sinclair(rho: np.float64, m: float) -> tuple[float, float]:
    a = abs(rho)
    if a <= 1e-10:
        return float(_SMALL ** (m - 1) * rho), _SMALL ** (m - 1)
    x = (a / _SMALL) ** 3
    g = np.exp(-x) if x <= 30 else 0.0
    dg = -3 * x / a * g
    value = (1 - g) * a**m + _SMALL ** (m - 1) * g * a
    slope = (1 - g) * m * a ** (m - 1) - dg * a**m + _SMALL ** (m - 1) * (g + a * dg)
    return float(np.copysign(value, rho)), float(slope)


def _shifted(rho: np.float64, m: float) -> tuple[float, float]:
    if abs(m - 1) < 1e-10:
        return float(rho), 1.0
    a, n = abs(rho), 1 / m
    x, y = n ** (n / (1 - n)) * np.exp(-a), n ** (1 / (1 - n)) * np.exp(-a)
    return float(np.copysign((x + a) ** m - y, rho)), float(y + m * (1 - x) * (x + a) ** (m - 1))
