"""Elementary functions of lanes: exponential and sine, as Taylor series after range reduction.

sin(π x/2) for |x| <= 1 is x times a series in x². For exp(x), k is the integer next to x / ln 2; then
exp(x) = 2^k exp(x - k ln 2) with a rest of at most (ln 2)/2. Series have as many terms as it takes for what is left out
to be below a tenth of the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import factorial, floor

from acegen.options import Precision

PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459")
LN2 = Fraction("0.693147180559945309417232121458176568075500134360255254120680009")


@dataclass(frozen=True)
class ElementaryCode:
    """Constants of the functions in one precision.

    Attributes:
        pi: π.
        half_pi: π/2 as a sum, the second part of which rounding has lost.
        sine: the other terms of sin(π x/2)/x, highest power of x² first, divided by x².
        exponential: series of exp(x), highest power first.
        per_ln2: 1 / ln 2.
        ln2: ln 2 as a sum: products of the first part with the k that occur are exact.
        least, largest: arguments of exp are taken as within these, so that results are normal numbers.
        digits: bits of the fraction of a number.
        bits: integer type of the size of a number.
    """

    pi: float
    half_pi: tuple[float, float]
    sine: tuple[float, ...]
    exponential: tuple[float, ...]
    per_ln2: float
    ln2: tuple[float, float]
    least: float
    largest: float
    digits: int
    bits: str


def elementary_code(precision: Precision) -> ElementaryCode:
    """The functions in a precision."""
    single = precision == "single"
    digits = 23 if single else 52
    shift = 2 ** (digits - 11)
    high = Fraction(floor(LN2 * shift), shift)
    return ElementaryCode(
        pi=float(PI),
        half_pi=_parts(PI / 2, digits),
        sine=_series(_sine(), Fraction(1), digits)[:-1],
        exponential=_series(_exponential(), LN2 / 2, digits),
        per_ln2=float(1 / LN2),
        ln2=(float(high), float(LN2 - high)),
        least=-87.0 if single else -708.0,
        largest=88.0 if single else 709.0,
        digits=digits,
        bits="uint32_t" if single else "uint64_t",
    )


def _parts(value: Fraction, digits: int) -> tuple[float, float]:
    """A number between one and two, rounded down to so many digits, and the rest."""
    first = Fraction(floor(value * 2**digits), 2**digits)
    return float(first), float(value - first)


def _sine() -> Iterator[tuple[int, Fraction]]:
    """Powers of x and coefficients of sin(π x/2)/x."""
    k = 0
    while True:
        yield 2 * k, (-1) ** k * (PI / 2) ** (2 * k + 1) / factorial(2 * k + 1)
        k += 1


def _exponential() -> Iterator[tuple[int, Fraction]]:
    k = 0
    while True:
        yield k, Fraction(1, factorial(k))
        k += 1


def _series(terms: Iterator[tuple[int, Fraction]], largest: Fraction, digits: int) -> tuple[float, ...]:
    """Coefficients, the last first, of the terms that matter for arguments up to the largest."""
    found: list[float] = []
    for power, coefficient in terms:
        if abs(coefficient) * largest**power < Fraction(1, 10 * 2**digits):
            break
        found.append(float(coefficient))
    return tuple(reversed(found))
