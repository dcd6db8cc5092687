"""The one-particle functions of a basis as a kernel evaluates them."""

from __future__ import annotations

from acegen.algebra.angular import AngularAlgebra, GeneratedAngularAlgebra
from acegen.algebra.circle import RotationsOfPlane
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.algebra.sphere import IsometriesOfSpace
from acegen.basis.definitions import Definitions
from acegen.basis.derive import Basis
from acegen.lower.rounding import rounded
from acegen.program.by_pair import ByPair
from acegen.program.kernel import (
    Agnesi,
    AngularFunctions,
    Circle,
    Coordinate,
    DirectionOnly,
    DirectionPolynomials,
    Distance,
    Harmonics,
    NoAngles,
    OneParticle,
    Position,
    Recurrence,
    Smootherstep,
    Smoothstep,
)
from acegen.program.layout import PooledLayout
from acegen.spec.radial import RadialTable


def one_particle_functions(basis: Basis, layout: PooledLayout, definitions: Definitions) -> OneParticle:
    """The functions that a basis pools."""
    spec = basis.spec
    coordinate: Coordinate
    if spec.radial is not None:
        coordinate = distance_coordinate(spec.radial, spec.cutoffs, spec.agnesi_r0, definitions)
    else:
        coordinate = Position() if basis.angular.dimension == 1 else DirectionOnly()
    radial = recurrence(basis.radial, layout.n_radial)
    return OneParticle(coordinate, radial, angular_functions(basis.angular, layout))


def distance_coordinate(table: RadialTable, cutoffs: ByPair, r0: ByPair | None, definitions: Definitions) -> Distance:
    """y(r) of a table `radial` with given lengths by centre and neighbour; r0 is given for the Agnesi transform."""
    if table.transform == "smootherstep":
        return Distance(cutoffs, Smootherstep())
    if table.transform == "smoothstep":
        return Distance(cutoffs, Smoothstep())
    numbers = definitions.agnesi
    assert numbers is not None
    assert r0 is not None
    return Distance(cutoffs, Agnesi(float(numbers.a), numbers.p, numbers.q, r0))


def recurrence(radial: PolynomialAlgebra, count: int) -> Recurrence:
    """The first `count` radial functions."""
    constants = radial.recurrence(count)
    steps = zip(constants.a, constants.b, constants.c, strict=True)
    envelope = tuple(rounded(value) for value in radial.envelope.coeffs())
    return Recurrence(radial.first, envelope, tuple((rounded(a), rounded(b), rounded(c)) for a, b, c in steps))


def angular_functions(angular: AngularAlgebra, layout: PooledLayout) -> AngularFunctions:
    """All angular functions up to the largest l of a layout."""
    match angular:
        case IsometriesOfSpace():
            return Harmonics(layout.l_max)
        case RotationsOfPlane():
            return Circle(layout.l_max)
        case GeneratedAngularAlgebra():
            functions = [angular.polynomial(l, m) for l, components in enumerate(layout.components) for m in components]
            return DirectionPolynomials(
                tuple(
                    tuple((powers, rounded(value)) for powers, value in polynomial.items()) for polynomial in functions
                )
            )
    return NoAngles()


def radial_formula(basis: Basis, count: int) -> str:
    """The radial functions in words."""
    family, table = basis.radial.family, basis.spec.radial
    name = f"Jacobi({family.alpha},{family.beta})" if family.kind == "jacobi" else family.kind.capitalize()
    if table is None:
        return f"p_n(x), p = {name}" if count > 1 else "1"
    variable = "y" if family.kind == "monomial" else "2y-1"
    polynomial = str(basis.radial.envelope).replace("x", "y").replace("*", " ")
    envelope = polynomial if polynomial == "y" else f"({polynomial})"
    return f"{envelope} p_(n-1)({variable}), p = {name}"
