"""A repulsion V of close neighbours, with which all else is switched off; f is the step of `acegen.program.kernel`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from acegen.program.bonds import InversePower
from acegen.program.by_pair import ByPair, Ranges


@dataclass(frozen=True)
class GaussianRepulsion:
    """V = Σ_j strength exp(-rate r²)/r (1 + cos(π r/cutoff))/2 (1 - f((r - inner)/(outer - inner))).

    Zero from the cutoff on, and where rate r² >= 50; without the last factor where outer is not above inner.
    """

    strength: ByPair
    rate: ByPair
    cutoffs: ByPair
    ranges: Ranges


@dataclass(frozen=True)
class ScreenedRepulsion:
    """V = Σ_j strength (v(r) + S(r)) (1 - f((r - inner)/(outer - inner))).

    v = Σ_i w_i exp(-rate_i r inverse_length)/r. With h = outer - inner and, in what follows, v and its derivatives at
    the outer distance, S = C up to the inner distance, and from there on

        S = C + A/3 (r - inner)³ + B/4 (r - inner)⁴,    A = (h v'' - 3 v')/h²,    B = (2 v' - h v'')/h³,
        C = -v + h v'/2 - h² v''/12,

    and V is zero from the outer distance on.
    """

    ranges: Ranges
    strength: ByPair
    inverse_length: ByPair
    screening: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class PolynomialRepulsion:
    """V = Σ_j half of a polynomial in u, or of an exponential closer than r_i, by pair.

    Beyond r_i it is Σ_n c_n R_n(u), with R_1 = a_1 e(u), R_2 = (a_2 u + b_2) R_1 and
    R_n = (a_n u + b_n) R_{n-1} + c'_n R_{n-2}, where u and e are those of `shape`; up to r_i it is
    e_0 + b exp(-a (r/r_i - 1)) r_i/r.

    Attributes:
        shape: gives u and e.
        steps: a, b and c' by n.
        coefficients: by pair, c by n.
        cores: by pair, r_i, e_0, a, b.
        cutoffs: zero from here on, Å.
    """

    shape: InversePower
    steps: tuple[tuple[float, float, float], ...]
    coefficients: tuple[tuple[tuple[float, ...], ...], ...]
    cores: tuple[tuple[tuple[float, float, float, float], ...], ...]
    cutoffs: ByPair


Repulsion: TypeAlias = GaussianRepulsion | ScreenedRepulsion | PolynomialRepulsion


@dataclass(frozen=True)
class EnergySwitch:
    """g = 1 - f((V - cutoff + width)/width), h = 1; g = 0 from V = cutoff on.

    Attributes:
        ranges: by centre species, cutoff and width, eV.
    """

    ranges: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class NearestSwitch:
    """g = f((r - inner)/(outer - inner)) of the neighbour with the least r - inner, h = 1 - g.

    Only neighbours within the cutoff of the coordinate count; without any, g = 1.
    """

    ranges: Ranges


@dataclass(frozen=True)
class Core:
    """A repulsion of close neighbours, and how it takes over from F."""

    repulsion: Repulsion
    switch: EnergySwitch | NearestSwitch
