"""The one-particle functions of a specification, φ = δ_z R_n(y) S_lm, and their exact products."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq, fmpq_poly

from acegen.algebra.angular import AngularAlgebra
from acegen.algebra.field import Rational
from acegen.algebra.measure import Measure, natural_measure
from acegen.algebra.polynomials import ClassicalFamily, PolynomialAlgebra
from acegen.algebra.spaces import angular_algebra
from acegen.spec import AnySpec
from acegen.spec.particle_spec import IntervalSpec
from acegen.spec.radial import RadialTable

_CONSTANT = PolynomialAlgebra(ClassicalFamily("monomial"), fmpq_poly([1]), first=0)
"""Radial functions where only the direction of a particle matters: R_0 = 1; no others are used."""


@dataclass(frozen=True)
class ParticleAlgebra:
    """Result of the algebra stage: the product tables of a spec.

    Attributes:
        spec: the specification.
        radial: functions R_n of one variable (distance, or position on the interval) and their products.
        angular: functions S_lm of the direction, their products, and the group.
        last: highest n; None if unbounded.
    """

    spec: AnySpec
    radial: PolynomialAlgebra
    angular: AngularAlgebra
    last: int | None = None

    @property
    def measure(self) -> Measure:
        """The measure of y that norms and scales refer to: that of the polynomials; uniform for radial functions."""
        return natural_measure(self.radial)

    def norm_squared(self, n: int) -> Rational:
        """Mean of R_n(y)²."""
        function = self.radial.function(n)
        return self.measure.inner(function, function)


def build_algebra(spec: AnySpec) -> ParticleAlgebra:
    """Set up the exact one-particle algebra a spec asks for."""
    angular = angular_algebra(spec.basis.symmetry)
    if spec.radial is not None:
        return ParticleAlgebra(spec, _radial(spec.radial), angular)
    if spec.polynomials is not None:
        return ParticleAlgebra(spec, interval_algebra(spec.polynomials), angular)
    return ParticleAlgebra(spec, _CONSTANT, angular, last=0)


def interval_algebra(interval: IntervalSpec) -> PolynomialAlgebra:
    """Functions p_0 = 1, p_1, p_2, ... on [-1, 1]."""
    alpha, beta = _exact(interval.alpha), _exact(interval.beta)
    family = ClassicalFamily(interval.polynomial, alpha, beta, scale=fmpq(1), shift=fmpq(0))
    return PolynomialAlgebra(family, fmpq_poly([1]), first=0)


def _radial(radial: RadialTable) -> PolynomialAlgebra:
    family = ClassicalFamily(radial.polynomial, _exact(radial.alpha), _exact(radial.beta))
    return PolynomialAlgebra(family, fmpq_poly([_exact(value) for value in radial.envelope]), first=1)


def _exact(value: Fraction) -> Rational:
    return fmpq(value.numerator, value.denominator)
