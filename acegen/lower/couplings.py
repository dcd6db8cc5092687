"""The numbers of coupled products: normalized components and Clebsch-Gordan coefficients, as roots of rationals.

In terms of the complex harmonics Z of `acegen.algebra.harmonics`, with s(l,m)² = 2 (l-m)!/(l+m)!, or 1 for m = 0,

    ĉ_m = s(l,m) C_m,    C_M = f Δ(l1,l2,l) Σ g(m1,m2) C'_m1 C''_m2,    C_{-m} = conj(C_m),

where C_m is the pooled Z_lm for a channel and transforms like it for a node, and g is the rational coupling.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import factorial

from flint import fmpq

from acegen.algebra import harmonics
from acegen.algebra.field import Rational
from acegen.lower.rounding import rounded_with_root
from acegen.program.coupled import Coupling, CouplingTerm


def scale_squared(l: int, m: int) -> Rational:
    """s(l,m)²."""
    return fmpq(2 * factorial(l - m), factorial(l + m)) if m else fmpq(1)


@cache
def coupling_norm_squared(l1: int, l2: int, l: int) -> Rational:
    """Δ², by which g becomes a Clebsch-Gordan coefficient between standard harmonics Y_lm (Racah's formula)."""
    sides = factorial(l1 + l2 - l) * factorial(l1 - l2 + l) * factorial(l2 - l1 + l)
    return fmpq((2 * l + 1) * sides, factorial(l1 + l2 + l + 1))


def component_scales(l_max: int) -> tuple[tuple[float, ...], ...]:
    """s(l,m) by l, for m = 0..l."""
    return tuple(tuple(rounded_with_root(fmpq(1), scale_squared(l, m)) for m in range(l + 1)) for l in range(l_max + 1))


@cache
def rounded_coupling(l1: int, l2: int, l: int) -> Coupling:
    """The weights of a coupling, each rounded once."""
    g = harmonics.coupling(l1, l2, l)

    def terms(sign: int) -> Iterable[CouplingTerm]:
        """Those of m1 and sign·m2."""
        for (first, second), value in sorted(g.items()):
            m1, m2, total = abs(first), abs(second), first + second
            opposite = first * second < 0
            if total < 0 or (opposite if sign > 0 else not opposite) or (total == 0 and first < 0):
                continue
            both = 2 if opposite and total == 0 else 1  # (m1, -m1) and (-m1, m1) have the same real part
            square = scale_squared(l, total) / (scale_squared(l1, m1) * scale_squared(l2, m2))
            yield m1, m2, rounded_with_root(both * value, coupling_norm_squared(l1, l2, l) * square)

    return Coupling(l1, l2, l, tuple(sorted(terms(1))), tuple(sorted(terms(-1))))
