"""What a `.yace` file says: an ACE potential in the C-tilde form of ML-PACE (npj Comput. Mater. 7, 97 (2021)).

Around a centre, with complex harmonics Y_lm = sqrt((2l+1) (l-m)!/(l+m)!) (-1)^m Q_l^m(z) (x+iy)^m, Q_l^m = d^m P_l/dz^m
and Y_l,-m = (-1)^m conj(Y_lm), so that Y_00 = 1, and the radial functions g_k and R_nl = Σ_k c_nlk g_k of each bond,

    A_zk   = Σ_j δ(z, z_j) g_k(r_j)                          factors of functions of rank 1
    A_znlm = Σ_j δ(z, z_j) R_nl(r_j) Y_lm(r_j/|r_j|)         of all others
    ρ_p    = Σ_functions Σ_ms c_ms,p Re Π_t A_{z_t n_t l_t m_t}
    E      = g Σ_p w_p F(ρ_p; m_p) + h V + E0

where V is the core repulsion, and g and h switch from one to the other (`acegen.program.core`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

RadialName: TypeAlias = Literal["ChebExpCos", "ChebPow", "ChebLinear", "SBessel"]
"""Radial bases of ML-PACE."""

EmbeddingName: TypeAlias = Literal["FinnisSinclair", "FinnisSinclairShiftedScaled"]
"""F(ρ; m): `acegen.program.embedding.FinnisSinclair` and `ShiftedFinnisSinclair`."""

SPLINE_STEP = 0.001
"""ML-PACE's step of its tables where nothing else is said (deltaSplineBins), Å."""

InnerCutoff: TypeAlias = Literal["density", "distance", "zbl"]
"""What switches from the expansion to the core: the core repulsion, the distance as well, or the nearest neighbour."""


@dataclass(frozen=True)
class EmbeddingTerm:
    """w F(ρ; m) of one density."""

    weight: float
    exponent: float


@dataclass(frozen=True)
class ElementEmbedding:
    """The energy of a centre as a function of its densities.

    Attributes:
        function: F.
        terms: one for each density.
        core_cutoff, core_width: V at which the expansion is switched off, and over how much below it, eV.
    """

    function: EmbeddingName
    terms: tuple[EmbeddingTerm, ...]
    core_cutoff: float
    core_width: float


@dataclass(frozen=True)
class PaceBond:
    """A bond with one of ML-PACE's radial bases.

    Attributes:
        radial: the basis g_k, k = 1, ..., n_base.
        parameters: of the basis; only the first is used, by ChebExpCos and ChebPow.
        n_base: number of g_k (nradbase).
        coefficients: c_nlk by n, l and k, of shape [nradmax][lmax + 1][n_base].
        cutoff: of all of it, Å.
        width: of the last part of the cutoff of ChebExpCos; of the switch of the ZBL core (dcut), Å.
        strength: of the core repulsion (prehc), eV Å; a factor of the ZBL core.
        rate: of the core repulsion (lambdahc), 1/Å².
        inner_cutoff, inner_width: distance at which the expansion and the core are switched (rcut_in), and over how
            much below it (dcut_in), Å.
    """

    radial: RadialName
    parameters: tuple[float, ...]
    n_base: int
    coefficients: tuple[tuple[tuple[float, ...], ...], ...]
    cutoff: float
    width: float
    strength: float
    rate: float
    inner_cutoff: float
    inner_width: float


@dataclass(frozen=True)
class RecursionBasis:
    """A polynomial basis of ACE.jl in u = ((1+r0)/(1+r))^p, with the envelope e = (u-left)^p_left (u-right)^p_right.

    R_1 = a_1 e, R_2 = (a_2 u + b_2) R_1, R_n = (a_n u + b_n) R_{n-1} + c_n R_{n-2}; e is zero for u < left if
    p_left > 0, and for u > right if p_right > 0.

    Attributes:
        steps: a_n, b_n, c_n.
    """

    r0: float
    power: int
    cutoff: float
    left: float
    right: float
    p_left: int
    p_right: int
    steps: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class RecursionBond:
    """A bond with a radial basis of ACE.jl (radbasename ACE.jl...): R_nl = g_n = R_n for all l."""

    basis: RecursionBasis


Bond: TypeAlias = PaceBond | RecursionBond


@dataclass(frozen=True)
class RepulsiveCore:
    """Up to r_i the pair potential of ACE.jl is e_0 + b exp(-a (r/r_i - 1)) r_i/r."""

    r_i: float
    e_0: float
    a: float
    b: float


@dataclass(frozen=True)
class PairPotential:
    """A pair potential of ACE.jl, half of which is added to each centre: polynomials, and a repulsive core below r_i.

    Attributes:
        basis: the polynomials.
        coefficients: by centre and neighbour, one number for each.
        cores: by centre and neighbour; zeros without one.
    """

    basis: RecursionBasis
    coefficients: tuple[tuple[tuple[float, ...], ...], ...]
    cores: tuple[tuple[RepulsiveCore, ...], ...]


@dataclass(frozen=True)
class CTildeFunction:
    """Σ_ms c_ms,p Re Π_t A of a centre.

    Attributes:
        elements: z_t, positions in `YacePotential.elements`.
        ns: n_t; k for rank 1.
        ls: l_t.
        ms: the combinations of m_t.
        coefficients: by combination and density.
    """

    elements: tuple[int, ...]
    ns: tuple[int, ...]
    ls: tuple[int, ...]
    ms: tuple[tuple[int, ...], ...]
    coefficients: tuple[tuple[float, ...], ...]

    @property
    def rank(self) -> int:
        """Number of factors: the correlation order."""
        return len(self.ns)


@dataclass(frozen=True)
class YacePotential:
    """A potential as a file says it; see the module.

    Attributes:
        elements: chemical symbols.
        energies: E0 by element, eV.
        spline_step: with which ML-PACE tabulates radial functions (deltaSplineBins), Å; acegen does not use it.
        embeddings: by element of the centre.
        bonds: by element of the centre and of the neighbour.
        inner_cutoff: what switches to the core; the same for all bonds.
        pair: the pair potential of ACE.jl; None without one.
        functions: by element of the centre.
    """

    elements: tuple[str, ...]
    energies: tuple[float, ...]
    spline_step: float
    embeddings: tuple[ElementEmbedding, ...]
    bonds: tuple[tuple[Bond, ...], ...]
    inner_cutoff: InnerCutoff
    pair: PairPotential | None
    functions: tuple[tuple[CTildeFunction, ...], ...]
