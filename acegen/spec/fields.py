"""Building blocks of the specification: sections, exact numbers, lengths, and lengths by pair of elements."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from itertools import combinations_with_replacement
from math import isfinite
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from acegen.store.names import name_fault

MAX_DEGREE = 100
MAX_ORDER = 8


def _parse_rational(value: object) -> Fraction:
    """An exact rational from an integer, a decimal number as written, or a string such as "3/2"."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str | Fraction):
        raise ValueError("is not a number")
    if isinstance(value, float | Decimal) and not isfinite(value):
        raise ValueError("is not a finite number")
    if isinstance(value, int) and abs(value) > 10**20:
        raise ValueError("has too many digits")
    text = str(value)
    if len(text) > 40 or (isinstance(value, Decimal) and abs(value.adjusted()) > 20):
        raise ValueError("has too many digits")
    if isinstance(value, str) and not re.fullmatch(r"-?\d+(\.\d+|/\d+)?", text):
        raise ValueError("is not a number or a fraction such as '3/2'")
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError("is not a number or a fraction such as '3/2'") from None


def _parse_number(value: object) -> object:
    """TOML numbers arrive as Decimal, so that rationals stay exact; lengths become floats here."""
    if isinstance(value, bool | str):
        raise ValueError("is not a number")
    return float(value) if isinstance(value, Decimal) else value


def _check_name(name: str) -> str:
    fault = name_fault(name)
    if fault is not None:
        raise ValueError(fault)
    return name


ModelName: TypeAlias = Annotated[str, AfterValidator(_check_name)]
RationalNumber: TypeAlias = Annotated[
    Fraction,
    BeforeValidator(_parse_rational),
    PlainSerializer(str),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d+(\.\d+|/\d+)?$"}]}),
]
Length: TypeAlias = Annotated[float, Field(ge=0.01, le=1000, allow_inf_nan=False), BeforeValidator(_parse_number)]
PairLengths: TypeAlias = Length | dict[str, Length]
"""One length for all pairs, or one for each pair of elements, under keys such as "Si-O"."""
Scale: TypeAlias = Annotated[float, Field(ge=0.001, le=1000, allow_inf_nan=False), BeforeValidator(_parse_number)]
"""A length within a cutoff, so possibly shorter than any cutoff."""
PairScales: TypeAlias = Scale | dict[str, Scale]


class Section(BaseModel):
    """A table of the specification: immutable, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def check_pairs(key: str, lengths: PairLengths | PairScales | None, elements: Sequence[str]) -> None:
    """Check that a table by pair, given under `key`, names every pair of the elements once, in either order.

    Raises:
        ValueError: it names an unknown pair, a pair twice, or lacks one.
    """
    if not isinstance(lengths, dict):
        return
    pairs = element_pairs(elements)
    seen = []
    for name in lengths:
        flipped = "-".join(reversed(name.split("-")))
        pair = name if name in pairs else flipped
        if pair not in pairs:
            close = get_close_matches(name, pairs, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise ValueError(
                f"{key} has the key '{name}', which is not a pair of basis.elements; allowed: {', '.join(pairs)}{hint}"
            )
        if pair in seen:
            raise ValueError(f"{key} gives the pair '{pair}' twice; remove one of them")
        seen.append(pair)
    missing = [pair for pair in pairs if pair not in seen]
    if missing:
        raise ValueError(f"{key} lacks {', '.join(missing)}; give one number for every pair")


def element_pairs(elements: Sequence[str]) -> list[str]:
    """Names of all pairs, in the order of the elements: "Si-Si", "Si-O", "O-O"."""
    return [f"{a}-{b}" for a, b in combinations_with_replacement(elements, 2)]


def by_pair(lengths: PairLengths | PairScales, elements: Sequence[str]) -> dict[str, float]:
    """The length of every pair, under the names of `element_pairs`."""
    return {pair: _of_pair(lengths, *pair.split("-")) for pair in element_pairs(elements)}


def by_species(lengths: PairLengths | PairScales, elements: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """The same as a symmetric matrix, by centre and neighbour."""
    return tuple(tuple(_of_pair(lengths, a, b) for b in elements) for a in elements)


def _of_pair(lengths: PairLengths | PairScales, first: str, second: str) -> float:
    if not isinstance(lengths, dict):
        return lengths
    forward = lengths.get(f"{first}-{second}")
    return lengths[f"{second}-{first}"] if forward is None else forward
