"""Numbers in generated C: printed so that they read back exactly, as constants of the type they are used in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isinf
from typing import TypeAlias

Literal: TypeAlias = Callable[[float], str]
"""Prints a number as a C constant of a floating type."""


def double_literal(value: float) -> str:
    """A double with 17 significant digits, as a C floating constant; infinity by its name in math.h."""
    if isinf(value):
        return "HUGE_VAL"
    text = f"{value:.17g}"
    return text if any(mark in text for mark in ".en") else text + ".0"


def float_literal(value: float) -> str:
    """The same as a constant of the type float."""
    text = double_literal(value)
    return text if isinf(value) else text + "f"


def initializer(values: Sequence[object], per_line: int = 24) -> str:
    """Initializer of a C array; long ones broken into lines."""
    texts = [str(value) for value in values]
    if len(texts) <= per_line:
        return "{ " + ", ".join(texts) + " }"
    lines = (", ".join(texts[start : start + per_line]) for start in range(0, len(texts), per_line))
    return "{\n    " + ",\n    ".join(lines) + "\n}"
