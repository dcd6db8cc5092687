"""Square roots of rationals as doubles, each rounded once."""

from __future__ import annotations

import flint
from flint import arb

from acegen.algebra.field import Rational

_WORKING_BITS = 256


def rounded_root(square: Rational, negative: bool = False) -> float:
    """The double nearest to ±sqrt(square)."""
    with flint.ctx.workprec(_WORKING_BITS):
        root = float(arb(square).sqrt())
    return -root if negative else root
