"""Site energies as a function of densities, from the definition of [embedding] and not from a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import flint
from flint import arb

from acegen.spec.embedding import EmbeddingSpec

_BITS = 640
_STEP = "1e-40"
"""Of differences; their error is the square of it."""


@dataclass(frozen=True)
class Embedded:
    """Σ_p weight_p F(ρ_p; m_p), and its first and second derivatives by the ρ_p."""

    energy: float
    slopes: tuple[float, ...]
    curvatures: tuple[float, ...]


def embed(spec: EmbeddingSpec, densities: Sequence[float]) -> Embedded:
    """In 640-bit arithmetic, derivatives by central differences."""
    energy, slopes, curvatures = 0.0, [], []
    function = _shifted if spec.function == "finnis-sinclair-shifted" else _power
    with flint.ctx.workprec(_BITS):
        step = arb(_STEP)
        for (weight, m), rho in zip(spec.terms, densities, strict=True):
            below, value, above = (function(arb(rho) + side * step, arb(m)) for side in (-1, 0, 1))
            energy += weight * float(value)
            slopes.append(weight * float((above - below) / (2 * step)))
            curvatures.append(weight * float((above - 2 * value + below) / step**2))
    return Embedded(energy, tuple(slopes), tuple(curvatures))


def _power(rho: arb, m: arb) -> arb:
    """|ρ|^m with the sign of ρ; within about 10⁻⁶ of zero it goes over to ρ 10^(6 (1 - m))."""
    size, near = abs(rho), arb("1e-6")
    g = (-((size / near) ** 3)).exp()
    power = (m * size.log()).exp() if size > 0 else arb(0)
    return rho.sgn() * ((1 - g) * power + ((m - 1) * near.log()).exp() * g * size)


def _shifted(rho: arb, m: arb) -> arb:
    if m == 1:
        return rho
    size, n = abs(rho), 1 / m
    decay, log = (-size).exp(), n.log()
    sum_ = size + (n / (1 - n) * log).exp() * decay
    return rho.sgn() * ((m * sum_.log()).exp() - (log / (1 - n)).exp() * decay)
