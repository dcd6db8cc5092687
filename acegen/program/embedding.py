"""F(ρ), the energy of a centre as a function of its densities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

LINEAR = 1e-10
"""An exponent of `ShiftedFinnisSinclair` that is closer to one than this is taken as one, as ML-PACE does."""


@dataclass(frozen=True)
class Identity:
    """F(ρ) = ρ_1."""


@dataclass(frozen=True)
class FinnisSinclair:
    """F = Σ_p weight_p sign(ρ_p) ((1-g) |ρ_p|^m_p + ε^(m_p - 1) g |ρ_p|), g = exp(-(|ρ_p|/ε)³), ε = 10⁻⁶.

    g is taken as zero where (|ρ_p|/ε)³ > 30.

    Attributes:
        terms: weight and exponent m of each ρ_p.
    """

    terms: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ShiftedFinnisSinclair:
    """F = Σ_p weight_p sign(ρ_p) ((|ρ_p| + x_p)^m_p - y_p), or weight_p ρ_p where m_p = 1.

    x_p = n^(n/(1-n)) exp(-|ρ_p|) and y_p = n^(1/(1-n)) exp(-|ρ_p|), with n = 1/m_p.

    Attributes:
        terms: weight and exponent m of each ρ_p.
    """

    terms: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Members:
    """No function of them all: ρ_p + constant_p is an energy of its own, of member p of a committee.

    A program of these has as many outputs around every centre, and only parts of which every member has its own: no
    references, no core, no other atomic energies. The series of a pair term are those of each output.

    Attributes:
        constants: energy of an atom without neighbours, by member.
    """

    constants: tuple[float, ...]


Embedding: TypeAlias = Identity | FinnisSinclair | ShiftedFinnisSinclair | Members
"""F by centre."""
