"""What a site energy contains besides the products: the pair term, the ZBL core, the inner switch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import cos, isfinite, log, pi

import flint
from flint import arb, fmpq, fmpq_poly

from acegen.algebra.field import Rational
from acegen.basis.definitions import Definitions
from acegen.basis.derive import Basis
from acegen.elements import ATOMIC_NUMBERS
from acegen.errors import CoefficientError
from acegen.lower.one_particle import distance_coordinate, recurrence
from acegen.lower.rounding import WORKING_BITS, nearest_double, rounded, rounded_with_root
from acegen.program.kernel import Distance, InnerSwitch, PairEnergies, PairFunctions, Zbl
from acegen.spec import AnySpec


def pair_functions(basis: Basis, definitions: Definitions) -> PairFunctions | None:
    """The pair functions of a basis; None without any."""
    coordinate, degree = _coordinate(basis, definitions)
    if coordinate is None:
        return None
    scales = tuple(rounded_with_root(fmpq(1), function.scale_squared) for function in basis.pair[:degree])
    return PairFunctions(coordinate, recurrence(basis.radial, degree), scales)


def pair_energies(
    basis: Basis, definitions: Definitions, coefficients: Mapping[str, Sequence[float]]
) -> PairEnergies | None:
    """The sum of the pair functions with coefficients, one number per function by centre element.

    Raises:
        CoefficientError: a sum of coefficients is too large for a double.
    """
    coordinate, degree = _coordinate(basis, definitions)
    if coordinate is None:
        return None
    return PairEnergies(
        coordinate=coordinate,
        envelope=tuple(rounded(value) for value in basis.radial.envelope.coeffs()),
        nodes=tuple(float(node) for node in newton_nodes(degree - 1)),
        series=newton_sums(basis, degree, coefficients),
    )


def _coordinate(basis: Basis, definitions: Definitions) -> tuple[Distance | None, int]:
    """y of the pair term, and its degree."""
    spec = basis.spec
    if spec.radial is None or spec.pair is None or spec.pair_cutoffs is None:
        return None, 0
    return distance_coordinate(spec.radial, spec.pair_cutoffs, spec.pair_r0, definitions), spec.pair.degree


def newton_sums(
    basis: Basis, degree: int, coefficients: Mapping[str, Sequence[float]]
) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """The pair energies in Newton's form: a_k with Σ_n c_n s_n R_n = e(y) Σ_k a_k Π_{i<k} (y - x_i), e = R_1/p_0.

    With the nodes of `newton_nodes` this takes three operations per term, for value and derivative, for any family,
    without loss of digits.

    Returns:
        a_0 .. a_(degree-1) by centre and neighbour, summed in 256-bit ball arithmetic and rounded once.

    Raises:
        CoefficientError: a sum is too large for a double.
    """
    nodes = newton_nodes(degree - 1)
    expansions = [_in_newton_form(basis.radial.polynomial(k), nodes) for k in range(degree)]
    rows = []
    with flint.ctx.workprec(WORKING_BITS):
        scales = [arb(function.scale_squared).sqrt() for function in basis.pair]
        for element in basis.spec.species:
            sums = [[arb(0)] * degree for _ in basis.spec.species]
            for function, scale, value in zip(basis.pair, scales, coefficients[element], strict=True):
                for k, entry in enumerate(expansions[function.n - 1]):
                    sums[function.species][k] += arb(float(value)) * scale * entry
            rows.append(tuple(tuple(nearest_double(value) for value in by_neighbour) for by_neighbour in sums))
            if not all(isfinite(value) for by_neighbour in rows[-1] for value in by_neighbour):
                raise CoefficientError(f"the coefficients of {element} are too large: their sums overflow.")
    return tuple(rows)


def newton_nodes(count: int) -> list[Fraction]:
    """Nodes of Newton's form on [0, 1]: Chebyshev points in Leja's order, in which it is stable.

    Each maximizes the product of its distances from those before it. They are multiples of 2^-20, so that they are
    exact as doubles.
    """
    points = [Fraction(round((1 + cos(pi * (i + 0.5) / count)) * 2**19), 2**20) for i in range(count)]
    nodes: list[Fraction] = []
    products = [0.0] * count  # logarithms
    while len(nodes) < count:
        best = max((i for i in range(count) if points[i] not in nodes), key=products.__getitem__)
        nodes.append(points[best])
        for i, point in enumerate(points):
            products[i] += log(abs(point - nodes[-1])) if point != nodes[-1] else 0.0
    return nodes


def _in_newton_form(polynomial: fmpq_poly, nodes: Sequence[Fraction]) -> list[Rational]:
    """Divided differences of a polynomial at the nodes, as many as it has coefficients."""
    coefficients = []
    for node in nodes[: polynomial.degree()]:
        polynomial, remainder = divmod(polynomial, fmpq_poly([-fmpq(node.numerator, node.denominator), 1]))
        coefficients.append(remainder[0])
    return [*coefficients, polynomial[0]]


def zbl_core(spec: AnySpec, definitions: Definitions) -> Zbl | None:
    """The ZBL core of a specification; None without one."""
    if spec.zbl_ranges is None:
        return None
    charges = [ATOMIC_NUMBERS[symbol] for symbol in spec.species]
    numbers = definitions.zbl
    coulomb, length, exponent = float(numbers.coulomb), float(numbers.length), float(numbers.exponent)
    return Zbl(
        ranges=spec.zbl_ranges,
        strength=tuple(tuple(0.5 * coulomb * z1 * z2 for z2 in charges) for z1 in charges),
        inverse_length=tuple(tuple((z1**exponent + z2**exponent) / length for z2 in charges) for z1 in charges),
        screening=tuple((float(weight), float(rate)) for weight, rate in numbers.screening),
    )


def inner_switch(spec: AnySpec) -> InnerSwitch | None:
    """The inner switch of a specification; None without one."""
    return None if spec.inner_ranges is None else InnerSwitch(spec.inner_ranges)
