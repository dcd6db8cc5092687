"""F(ρ) and its derivatives, as their formulas are written."""

from __future__ import annotations

from collections.abc import Sequence
from math import copysign, exp

from acegen.program.embedding import LINEAR, Embedding, FinnisSinclair, Identity, Members, ShiftedFinnisSinclair

_SMALL = 1e-6
"""ε of `FinnisSinclair`."""


def run_embedding(embedding: Embedding, densities: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """F and dF/dρ_p."""
    match embedding:
        case Members():
            raise ValueError("the members of a committee have no common energy")
        case Identity():
            return densities[0], (1.0, *(0.0 for _ in densities[1:]))
        case FinnisSinclair(terms):
            parts = [_finnis_sinclair(rho, m) for rho, (_, m) in zip(densities, terms, strict=True)]
        case ShiftedFinnisSinclair(terms):
            parts = [_shifted(rho, m) for rho, (_, m) in zip(densities, terms, strict=True)]
    weights = [weight for weight, _ in terms]
    energy = sum(weight * value for weight, (value, _) in zip(weights, parts, strict=True))
    return energy, tuple(weight * slope for weight, (_, slope) in zip(weights, parts, strict=True))


def _finnis_sinclair(rho: float, m: float) -> tuple[float, float]:
    a, slope = abs(rho), _SMALL ** (m - 1)
    if a <= 1e-10:  # a^(m-1) may be infinite; the rest of the formula is below rounding
        return slope * rho, slope
    cube = (a / _SMALL) ** 3
    g = exp(-cube) if cube <= 30 else 0.0
    dg = -3 * cube / a * g
    value = (1 - g) * a**m + slope * g * a
    return copysign(value, rho), m * a ** (m - 1) * (1 - g) - a**m * dg + slope * (dg * a + g)


def _shifted(rho: float, m: float) -> tuple[float, float]:
    if abs(m - 1) < LINEAR:
        return rho, 1.0
    a, n = abs(rho), 1 / m
    x, y = n ** (n / (1 - n)) * exp(-a), n ** (1 / (1 - n)) * exp(-a)
    return copysign((x + a) ** m - y, rho), y + m * (1 - x) * (x + a) ** (m - 1)
