"""The field of rationals in which everything before code generation is computed.

SymPy's `QQ` with python-flint as its ground types: an element is a `flint.fmpq`, so SymPy's polynomial
tools and python-flint's dense linear algebra share one number type without conversion.
"""

from __future__ import annotations

from typing import TypeAlias

from flint import fmpq
from sympy.external.gmpy import GROUND_TYPES
from sympy.polys.domains import QQ

from acegen.errors import DependencyError

Rational: TypeAlias = fmpq

if GROUND_TYPES != "flint":
    raise DependencyError(
        f"SymPy uses the ground types {GROUND_TYPES!r}, but acegen needs 'flint'. "
        "Install python-flint and unset the environment variable SYMPY_GROUND_TYPES."
    )

__all__ = ["QQ", "Rational"]
