"""Where exact numbers become doubles: rounded once, to nearest."""

from __future__ import annotations

from fractions import Fraction

import flint
from flint import arb

from acegen.algebra.field import Rational

WORKING_BITS = 256
"""Precision of sums and square roots before they are rounded."""


def rounded(value: Rational) -> float:
    """The double nearest to a rational."""
    return float(Fraction(int(value.p), int(value.q)))


def rounded_with_root(value: Rational, square: Rational) -> float:
    """The double nearest to value · sqrt(square)."""
    with flint.ctx.workprec(WORKING_BITS):
        return float(arb(square).sqrt() * value)


def root(square: Rational) -> arb:
    """The square root of a rational, to working precision."""
    with flint.ctx.workprec(WORKING_BITS):
        return arb(square).sqrt()


def nearest_double(ball: arb) -> float:
    """The double nearest to a ball's centre; zero if the ball contains zero, so that exact cancellation stays exact."""
    return 0.0 if ball.contains(0) else float(ball)
