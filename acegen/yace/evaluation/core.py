"""The core repulsion V of a potential, as its formulas are written, in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acegen.elements import ATOMIC_NUMBERS
from acegen.yace.evaluation.radial import fall, half_cosine, recursion_basis
from acegen.yace.potential import PaceBond, PairPotential, YacePotential

Floats = NDArray[np.float64]

_COULOMB = 14.399645351950543
"""e²/(4 π ε0), eV Å."""

_SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
"""Weights and rates of φ(x) (Ziegler, Biersack and Littmark, 1985)."""


def repulsion(potential: YacePotential, center: int, species: int, r: Floats) -> tuple[Floats, Floats]:
    """V of neighbours of one element at distances r, shape (J,), within the cutoff; and dV/dr."""
    bond = potential.bonds[center][species]
    if not isinstance(bond, PaceBond):
        if potential.pair is None:
            return np.zeros_like(r), np.zeros_like(r)
        return _pair(potential.pair, center, species, r)
    if potential.inner_cutoff == "zbl":
        z_i, z_j = (ATOMIC_NUMBERS[potential.elements[z]] for z in (center, species))
        return _screened(bond, z_i, z_j, r)
    v, dv = _gaussian(bond, r)
    if potential.inner_cutoff == "distance":
        f, df = fall(r, bond.inner_cutoff, bond.inner_width)
        v, dv = v * f, dv * f + v * df
    return v, dv


def _gaussian(bond: PaceBond, r: Floats) -> tuple[Floats, Floats]:
    """Strength exp(-rate r²)/r (1 + cos(π r/cutoff))/2, zero where rate r² is 50 or more."""
    v = bond.strength * np.exp(-bond.rate * r**2) / r * (bond.rate * r**2 < 50)
    dv = -v * (2 * bond.rate * r + 1 / r)
    e, de = half_cosine(r / bond.cutoff, 1 / bond.cutoff)
    return v * e, dv * e + v * de


def _screened(bond: PaceBond, z_i: int, z_j: int, r: Floats) -> tuple[Floats, Floats]:
    """Half of the ZBL potential, with a polynomial and a factor that end it over the last `width` of the cutoff."""
    rate = (z_i**0.23 + z_j**0.23) / 0.46850

    def bare(r: Floats, order: int) -> Floats:
        """φ(rate r)/r and its derivatives, from those of φ and 1/r."""
        phi = [sum(w * (-k * rate) ** n * np.exp(-k * rate * r) for w, k in _SCREENING) for n in range(3)]
        inverse = [1 / r, -1 / r**2, 2 / r**3]
        binomials = ((1,), (1, 1), (1, 2, 1))[order]
        total: Floats = sum((b * phi[order - n] * inverse[n] for n, b in enumerate(binomials)), np.zeros_like(r))
        return total

    h, start = bond.width, bond.cutoff - bond.width
    end, d_end, dd_end = (float(bare(np.array(bond.cutoff), order)) for order in range(3))
    a, b = (h * dd_end - 3 * d_end) / h**2, (2 * d_end - h * dd_end) / h**3
    c = -end + h * d_end / 2 - h**2 * dd_end / 12
    t = np.maximum(r - start, 0)
    factor = bond.strength * _COULOMB / 2 * z_i * z_j
    v = factor * (bare(r, 0) + c + a / 3 * t**3 + b / 4 * t**4)
    dv = factor * (bare(r, 1) + a * t**2 + b * t**3)
    f, df = fall(r, bond.cutoff, h)
    return v * f, dv * f + v * df


def _pair(pair: PairPotential, center: int, species: int, r: Floats) -> tuple[Floats, Floats]:
    """Half of the pair potential of ACE.jl."""
    functions, slopes = recursion_basis(pair.basis, r)
    coefficients = np.array(pair.coefficients[center][species])
    v, dv = coefficients @ functions, coefficients @ slopes
    core = pair.cores[center][species]
    if core.r_i > 0:
        inside = r <= core.r_i
        exponential = core.b * np.exp(-core.a * (r / core.r_i - 1)) * core.r_i / r
        v = np.where(inside, core.e_0 + exponential, v)
        dv = np.where(inside, -exponential * (core.a / core.r_i + 1 / r), dv)
    return v / 2, dv / 2
