"""Constants of the pair kernel: pair functions, their sum for given coefficients, and the ZBL core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import flint
from flint import arb, fmpq, fmpq_poly

from acegen.algebra.polynomials import ClassicalFamily, PolynomialAlgebra
from acegen.basis.derive import Basis
from acegen.codegen.constants import rounded_with_root
from acegen.codegen.one_particle import RadialCode, radial_code, transform_constants
from acegen.elements import ATOMIC_NUMBERS
from acegen.errors import CoefficientError
from acegen.graph.graph import WORKING_BITS, nearest_double
from acegen.spec.schema import Spec

_COULOMB = 14.399645
"""e^2 / (4 pi epsilon_0) in eV Å, as in LAMMPS."""


@dataclass(frozen=True)
class PairCode:
    """Constants and statements for the pair functions.

    Attributes:
        degree: number of radial functions of a neighbour species.
        radial: code for R_1 .. R_degree.
        ranges: cutoff, 1/cutoff and, for the Agnesi transform, 1/r0, by centre and neighbour.
        scales: of the functions, by n.
        sums: Chebyshev coefficients of the pair energies, see `chebyshev_sums`; None without coefficients.
    """

    degree: int
    radial: RadialCode
    ranges: list[list[list[float]]]
    scales: list[float]
    sums: list[list[list[float]]] | None


def pair_code(basis: Basis, coefficients: Mapping[str, Sequence[float]] | None) -> PairCode | None:
    """Code for the pair functions of a basis, None without any.

    Args:
        basis: the basis.
        coefficients: one number per pair function by centre element, for a potential.

    Raises:
        CoefficientError: a sum of coefficients is too large for a double.
    """
    spec, cutoffs = basis.spec, basis.spec.pair_cutoffs
    if spec.pair is None or cutoffs is None:
        return None
    degree = spec.pair.degree
    return PairCode(
        degree=degree,
        radial=radial_code(spec, basis.radial, degree),
        ranges=transform_constants(spec, cutoffs),
        scales=[rounded_with_root(fmpq(1), function.scale_squared) for function in basis.pair[:degree]],
        sums=None if coefficients is None else chebyshev_sums(basis, degree, coefficients),
    )


def chebyshev_sums(basis: Basis, degree: int, coefficients: Mapping[str, Sequence[float]]) -> list[list[list[float]]]:
    """The pair energies as Chebyshev series: t_k with Σ_n c_n s_n R_n = e(y) Σ_k t_k T_k(2y-1), e = R_1/p_0.

    A series in T_k takes two multiply-adds and two subtractions a term, for value and derivative, whatever the family.

    Returns:
        t_0 .. t_(degree-1) by centre and neighbour, summed in 256-bit ball arithmetic and rounded once.

    Raises:
        CoefficientError: a sum is too large for a double.
    """
    chebyshev = PolynomialAlgebra(ClassicalFamily("chebyshev"), fmpq_poly([1]), first=0)
    expansions = [chebyshev.expand(basis.radial.polynomial(k)) for k in range(degree)]
    rows = []
    with flint.ctx.workprec(WORKING_BITS):
        scales = [arb(function.scale_squared).sqrt() for function in basis.pair]
        for element in basis.spec.basis.elements:
            sums = [[arb(0)] * degree for _ in basis.spec.basis.elements]
            for function, scale, value in zip(basis.pair, scales, coefficients[element], strict=True):
                for k, entry in expansions[function.n - 1]:
                    sums[function.species][k] += arb(float(value)) * scale * entry
            rows.append([[nearest_double(value) for value in by_neighbour] for by_neighbour in sums])
            if not all(isfinite(value) for by_neighbour in rows[-1] for value in by_neighbour):
                raise CoefficientError(f"the coefficients of {element} are too large: their sums overflow.")
    return rows


def zbl_constants(spec: Spec) -> list[list[list[float]]] | None:
    """Inner and outer distance, 1/(outer - inner), half of Z1 Z2 e^2 (eV Å) and 1/a, by centre and neighbour."""
    if spec.zbl_ranges is None:
        return None
    numbers = [ATOMIC_NUMBERS[symbol] for symbol in spec.basis.elements]
    rows = []
    for z1, ranges in zip(numbers, spec.zbl_ranges, strict=True):
        row = []
        for z2, (inner, outer) in zip(numbers, ranges, strict=True):
            inverse_length = (z1**0.23 + z2**0.23) / 0.46850
            row.append([inner, outer, 1 / (outer - inner), 0.5 * _COULOMB * z1 * z2, inverse_length])
        rows.append(row)
    return rows
