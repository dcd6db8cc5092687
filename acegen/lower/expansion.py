"""A basis in the pooled A's: every coupled function as an exact combination of products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import TypeAlias

import flint
from flint import arb, fmpq

from acegen.algebra.field import Rational
from acegen.basis.derive import Basis, SparseRow
from acegen.basis.labels import Label
from acegen.errors import CoefficientError
from acegen.lower.coupled import CoupledLabel, coupled_labels
from acegen.lower.rounding import WORKING_BITS, nearest_double
from acegen.program.checks import ProgramError
from acegen.program.coupled import CoupledProducts
from acegen.program.kernel import Product
from acegen.program.layout import PooledLayout

Coefficients: TypeAlias = Mapping[str, Sequence[float]]
"""Numbers by centre element."""


@dataclass(frozen=True)
class ProductExpansion:
    """A basis and the products its functions are made of, which are expanded when they are asked for.

    Attributes:
        basis: the basis.
        layout: positions of the A's.
        coupled: invariants that the functions of some labels are expressed in, instead of products; None if no label
            has any.
        needed: labels whose functions are expressed; those of others are left out, as zero. None if all are needed.
    """

    basis: Basis
    layout: PooledLayout
    coupled: CoupledProducts | None = None
    needed: frozenset[Label] | None = None

    @property
    def products(self) -> tuple[Product, ...]:
        """The distinct products, each the ascending positions of its factors."""
        return self._expanded[0]

    @property
    def coupling(self) -> tuple[SparseRow, ...]:
        """For each coupled function, its combination of products and, after these, of P_t / sqrt(squares[t])."""
        return self._expanded[1]

    @property
    def size(self) -> int:
        """Number of products and invariants."""
        return len(self.products) + (len(self.coupled.scalars) if self.coupled else 0)

    @cached_property
    def squares(self) -> tuple[Rational, ...]:
        """Squares of the factors of the invariants: coupled functions are rational in P_t / sqrt(squares[t])."""
        squares = [fmpq(1)] * (len(self.coupled.scalars) if self.coupled else 0)
        for label in self.labels.values():
            for scalar, square in zip(label.scalars, label.squares, strict=True):
                squares[scalar] = square
        return tuple(squares)

    @property
    def pooling_multiply_adds(self) -> int:
        """Multiply-adds per neighbour to pool the A's and to contract their derivatives."""
        return 3 * self.layout.size

    @cached_property
    def labels(self) -> Mapping[Label, CoupledLabel]:
        """The labels that have invariants."""
        if self.coupled is None:
            return {}
        labels = coupled_labels(self.basis.angular, self.coupled)
        unknown = labels.keys() - {function.label for function in self.basis.functions}
        if unknown:
            raise ProgramError(f"the coupled invariants of {min(unknown)} belong to no function of the basis.")
        return labels

    @cached_property
    def _expanded(self) -> tuple[tuple[Product, ...], tuple[SparseRow, ...]]:
        number: dict[Product, int] = {}
        rows: list[SparseRow | None] = []
        for function in self.basis.functions:
            if function.label in self.labels:
                rows.append(None)
                continue
            if self.needed is not None and function.label not in self.needed:
                rows.append(())
                continue
            row = []
            for m_tuple, value in function.polynomial.items():
                factors = zip(function.label, m_tuple, strict=True)
                positions = (self.layout.index(channel.species, channel.n, channel.l, m) for channel, m in factors)
                row.append((number.setdefault(tuple(sorted(positions)), len(number)), value))
            rows.append(tuple(sorted(row)))
        coupling = (
            self.labels[function.label].row(function.number, len(number)) if row is None else row
            for function, row in zip(self.basis.functions, rows, strict=True)
        )
        return tuple(number), tuple(coupling)


def expand_products(
    basis: Basis, coupled: CoupledProducts | None = None, needed: Iterable[Label] | None = None
) -> ProductExpansion:
    """Express every coupled function in products of A's, or in the given invariants if its label has any.

    With `needed`, only those of these labels; others are left out, for coefficients that are zero there.

    What follows from `coupled` may raise a `ProgramError`: the invariants of a label are not a basis of those it has,
    or it is no label of the basis.
    """
    return ProductExpansion(basis, pooled_layout(basis), coupled, None if needed is None else frozenset(needed))


def needed_labels(basis: Basis, coefficients: Coefficients) -> tuple[Label, ...]:
    """Labels of the coupled functions that some coefficient other than zero needs, in their order.

    Args:
        basis: the basis.
        coefficients: for each element, one number per B_i (as in `fold_coefficients`).
    """
    rows = [i for i, values in enumerate(zip(*coefficients.values(), strict=True)) if any(values)]
    functions = sorted({column for i in rows for column, _ in basis.purification[i]})
    return tuple(dict.fromkeys(basis.functions[column].label for column in functions))


def pooled_layout(basis: Basis) -> PooledLayout:
    """The smallest layout with every A that the functions of a basis use."""
    channels = {channel for function in basis.functions for channel in function.label}
    l_max = max(channel.l for channel in channels)
    first = basis.radial.first
    counts = [[0] * (l_max + 1) for _ in basis.spec.species]
    for channel in channels:
        counts[channel.species][channel.l] = max(counts[channel.species][channel.l], channel.n - first + 1)
    components = tuple(basis.angular.components(l) for l in range(l_max + 1))
    return PooledLayout(tuple(map(tuple, counts)), first, components)


def fold_coefficients(expansion: ProductExpansion, coefficients: Coefficients) -> dict[str, list[float]]:
    """Coefficients of the fused polynomial, c̃ = (C^T 𝒫^T) (s c), by centre element.

    Args:
        expansion: the basis in products.
        coefficients: for each element, one number per B_i of the basis (`Basis.split` leaves pair functions out).

    Returns:
        For each element one number per product, then one per invariant of `expansion.coupled`. Sums are computed in
        256-bit ball arithmetic and rounded once.

    Raises:
        CoefficientError: a sum is too large for a double.
    """
    n_products = len(expansion.products)
    folded = {}
    with flint.ctx.workprec(WORKING_BITS):
        roots = [arb(value).sqrt() for value in expansion.squares]
        for element, values in coefficients.items():
            terms = [arb(0)] * (n_products + len(roots))
            for weight, row in zip(coupled_weights(expansion.basis, values), expansion.coupling, strict=True):
                for term, entry in row:
                    terms[term] += weight * entry
            for scalar, root in enumerate(roots, start=n_products):
                terms[scalar] /= root
            folded[element] = [nearest_double(term) for term in terms]
            if not all(map(isfinite, folded[element])):
                raise CoefficientError(f"the coefficients of {element} are too large: their sums overflow.")
    return folded


def coupled_weights(basis: Basis, values: Sequence[float]) -> list[arb]:
    """Weights of the coupled functions for coefficients of the B_i, 𝒫^T (s c), to working precision."""
    weights = [arb(0)] * len(basis.functions)
    with flint.ctx.workprec(WORKING_BITS):
        for value, square, row in zip(values, basis.scales_squared, basis.purification, strict=True):
            weight = arb(float(value)) * arb(square).sqrt()
            for column, entry in row:
                weights[column] += weight * entry
    return weights
