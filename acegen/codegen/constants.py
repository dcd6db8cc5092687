"""Constants in generated C: rounded once, printed so that they read back exactly."""

from __future__ import annotations

import re
from fractions import Fraction
from math import isinf

import flint
from flint import arb

from acegen.algebra.field import Rational
from acegen.graph.graph import WORKING_BITS


def constant(value: float) -> str:
    """A double with 17 significant digits, as a C floating constant; an infinite one by its name in math.h."""
    if isinf(value):
        return "HUGE_VAL"
    text = f"{value:.17g}"
    return text if any(mark in text for mark in ".en") else text + ".0"


def rounded(value: Rational) -> float:
    """The double nearest to a rational."""
    return float(Fraction(int(value.p), int(value.q)))


def rounded_with_root(value: Rational, square: Rational) -> float:
    """The double nearest to value · sqrt(square)."""
    with flint.ctx.workprec(WORKING_BITS):
        return float(arb(square).sqrt() * value)


_REAL = re.compile(r"(?<![\w.])\d+(?:\.\d*(?:e[+-]?\d+)?|e[+-]?\d+)")


def with_suffix(line: str, suffix: str) -> str:
    """C code with every floating constant given a suffix."""
    return _REAL.sub(lambda match: match[0] + suffix, line)
