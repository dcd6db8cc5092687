"""Probability measures with rational moments, under which means of polynomials are exact.

One-particle functions are polynomials in y. The measures are those of the classical orthogonal polynomials, with a
density ∝ (upper - y)^α (y - lower)^β on [lower, upper] for rational α, β > -1: t = (y - lower) / (upper - lower) has a
Beta distribution, whose moments are rational,

    E t^k = Π_{i<k} (β + 1 + i) / (α + β + 2 + i).
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Rational as Rationals

from flint import fmpq, fmpq_poly

from acegen.algebra.field import Rational
from acegen.algebra.polynomials import ClassicalFamily, PolynomialAlgebra
from acegen.errors import OrthogonalizationError

ZERO, ONE, MINUS_ONE, MINUS_HALF = fmpq(0), fmpq(1), fmpq(-1), fmpq(-1, 2)


@dataclass(frozen=True)
class Measure:
    """The probability measure with density ∝ (upper - y)^alpha (y - lower)^beta on lower <= y <= upper.

    Numbers are fmpq, Fraction or int.

    Raises:
        OrthogonalizationError: alpha or beta are not above -1 (the density has no integral), lower >= upper, or a
            number is not exact.
    """

    alpha: Rational = ZERO
    beta: Rational = ZERO
    lower: Rational = MINUS_ONE
    upper: Rational = ONE

    def __post_init__(self) -> None:
        for key in ("alpha", "beta", "lower", "upper"):
            object.__setattr__(self, key, _exact(key, getattr(self, key)))
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            if value <= -1:
                raise OrthogonalizationError(
                    f"a measure with density (upper - y)^alpha (y - lower)^beta cannot have {name} = {value}: the "
                    f"density has no integral. Give {name} > -1; the arcsine measure of Chebyshev polynomials has -1/2."
                )
        if self.lower >= self.upper:
            raise OrthogonalizationError(
                f"a measure cannot be on an interval from {self.lower} to {self.upper}; give lower < upper."
            )

    def __str__(self) -> str:
        names = {(ZERO, ZERO): "uniform", (MINUS_HALF, MINUS_HALF): "arcsine"}
        name = names.get((self.alpha, self.beta), f"Jacobi({self.alpha}, {self.beta})")
        return f"{name} on [{self.lower}, {self.upper}]"

    def mean(self, polynomial: fmpq_poly) -> Rational:
        """E f(y) of a polynomial f."""
        in_t = polynomial(fmpq_poly([self.lower, self.upper - self.lower]))
        total, moment = fmpq(0), fmpq(1)
        for k in range(in_t.degree() + 1):
            total += in_t[k] * moment
            moment *= (self.beta + 1 + k) / (self.alpha + self.beta + 2 + k)
        return total

    def inner(self, first: fmpq_poly, second: fmpq_poly) -> Rational:
        """E f(y) g(y) of two polynomials."""
        return self.mean(first * second)


def _exact(key: str, value: object) -> Rational:
    if isinstance(value, fmpq):
        return value
    if isinstance(value, Rationals) and not isinstance(value, bool):
        return fmpq(int(value.numerator), int(value.denominator))
    raise OrthogonalizationError(
        f"a measure cannot have {key} = {value!r}: moments are exact; give a Fraction, an integer or an fmpq."
    )


UNIFORM = Measure()
"""Uniform on [-1, 1], the measure of the Legendre polynomials."""

ARCSINE = Measure(MINUS_HALF, MINUS_HALF)
"""Density ∝ (1 - x²)^(-1/2) on [-1, 1], the measure of the Chebyshev polynomials."""

RADIAL = Measure(lower=ZERO)
"""Uniform on [0, 1]: for y of radial functions."""


def natural_measure(functions: PolynomialAlgebra) -> Measure:
    """The natural measure of one-particle functions, which their scales refer to.

    For polynomials without an envelope it is the measure under which they are orthogonal (for monomials, which have
    none, the uniform one); for functions with an envelope, such as radial ones, y is uniform.
    """
    family = functions.family
    lower, upper = domain(family)
    if functions.envelope.degree() > 0:
        return Measure(lower=lower, upper=upper)
    match family.kind:
        case "jacobi":
            alpha, beta = family.alpha, family.beta
        case "chebyshev":
            alpha, beta = MINUS_HALF, MINUS_HALF
        case "legendre" | "monomial":
            alpha, beta = ZERO, ZERO
    if family.scale < 0:
        alpha, beta = beta, alpha
    return Measure(alpha, beta, lower, upper)


def domain(family: ClassicalFamily) -> tuple[Rational, Rational]:
    """The interval of y that scale·y + shift maps to [-1, 1]: where particles are."""
    ends = (-1 - family.shift) / family.scale, (1 - family.shift) / family.scale
    return min(ends), max(ends)


def check_measure(measure: Measure, functions: PolynomialAlgebra) -> None:
    """Refuse a measure that puts particles where the functions are not meant to be evaluated.

    Raises:
        OrthogonalizationError: the measure reaches beyond the domain of the functions.
    """
    lower, upper = domain(functions.family)
    if measure.lower < lower or measure.upper > upper:
        raise OrthogonalizationError(
            f"the measure {measure} does not fit the space: its particles are in [{lower}, {upper}]. "
            f"Give a measure there, such as Measure(alpha, beta, lower={lower}, upper={upper})."
        )
