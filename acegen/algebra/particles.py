"""The one-particle functions of a specification, φ = δ_{z} R_n(y) S_lm, and their exact products."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq, fmpq_poly

from acegen.algebra.field import Rational
from acegen.algebra.polynomials import ClassicalFamily, PolynomialAlgebra
from acegen.spec.schema import ClosedRadialSpec, Spec


@dataclass(frozen=True)
class ParticleAlgebra:
    """Result of the algebra stage: the radial product table of a spec (angular products need no parameters)."""

    spec: Spec
    radial: PolynomialAlgebra


def build_algebra(spec: Spec) -> ParticleAlgebra:
    """Set up the exact one-particle algebra a spec asks for."""
    radial = spec.radial
    if isinstance(radial, ClosedRadialSpec):
        family = ClassicalFamily("jacobi", fmpq(0), fmpq(2))
        envelope = fmpq_poly([0, 1])
    else:
        family = ClassicalFamily(radial.polynomial, _exact(radial.alpha), _exact(radial.beta))
        envelope = fmpq_poly([_exact(value) for value in radial.envelope])
    return ParticleAlgebra(spec, PolynomialAlgebra(family, envelope, first=1))


def _exact(value: Fraction) -> Rational:
    return fmpq(value.numerator, value.denominator)
