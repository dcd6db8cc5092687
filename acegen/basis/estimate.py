"""Size of a basis before it is derived, by counting states: exact for functions, approximate for products.

The number of O(3)-invariant functions of order ν equals the number of multisets of ν one-particle states
(species, n, l, m) with even Σl and Σm = 0, minus those with Σm = 1 (every irreducible representation but the
trivial one contributes equally to both). Counting multisets by (ν, Σn, Σl, Σm) is a knapsack and takes
milliseconds to seconds; the level Σn + angular_weight·Σl is applied afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from acegen.algebra.particle_algebra import ParticleAlgebra
from acegen.basis.labels import Label
from acegen.errors import SpecError
from acegen.spec import AnySpec

MAX_FUNCTIONS = 50_000
MAX_PRODUCTS = 600_000
MAX_TERMS = 1_500_000
"""Limit on functions times set partitions of their factors, the work of deriving 𝒫: about five minutes."""

MAX_TENSOR_TERMS = 20_000_000
"""The same for vectors, times the entries of a tensor with two components per factor, half of them independent."""

_MAX_N, _MAX_L = 100, 20
"""Largest n and l; beyond them, constants and harmonics are too large for doubles and compilers."""

_MAX_WORK = 4_000_000_000
"""Rough limit on the multiply-adds of the counting, about a second."""

_BELL_NUMBERS = (1, 2, 5, 15, 52, 203, 877, 4140)


@dataclass(frozen=True)
class SizeEstimate:
    """Counts by order (1 .. order): basis functions, and products of A's they are made of.

    Products are exact up to order 2. Above that, the multisets with Σm = 0 are counted, about the same number.
    Pair functions count as functions of order 1; they are not products of A's, and the products of order 1 that
    purification needs in addition are an upper bound.
    """

    functions: tuple[int, ...]
    products: tuple[int, ...]


@dataclass(frozen=True)
class _Census:
    """Numbers of functions and products by [order - 1, Σn, Σl], for the largest level of a spec."""

    weight: Fraction
    functions: NDArray[np.float64]
    products: NDArray[np.float64]

    def up_to(self, levels: tuple[Fraction, ...]) -> SizeEstimate:
        _, n_size, l_size = self.functions.shape
        numerator, denominator = self.weight.numerator, self.weight.denominator
        level = denominator * np.arange(n_size)[:, None] + numerator * np.arange(l_size)
        inside = [level <= int(limit * denominator) for limit in levels]
        return SizeEstimate(
            tuple(int(table[mask].sum()) for table, mask in zip(self.functions, inside, strict=True)),
            tuple(int(table[mask].sum()) for table, mask in zip(self.products, inside, strict=True)),
        )


def estimate_size(spec: AnySpec) -> SizeEstimate:
    """Number of functions and products by order; the products include the auxiliary ones of an envelope family.

    Raises:
        SpecError: n or l are too large even to count.
    """
    if _countable_level(spec) < spec.levels[0]:
        check_size(spec)
    return _estimate(_census(spec, spec.levels), spec, spec.levels)


def check_size(spec: AnySpec) -> None:
    """Refuse a spec, for a space with countable invariants, that cannot be derived and compiled in reasonable time.

    Raises:
        SpecError: with the estimated counts, and the level or order that would fit.
    """
    order, top = spec.basis.order, spec.levels[0]
    counted = _countable_level(spec)
    levels = tuple(min(counted, level) for level in spec.levels)
    n_max, l_sum = _extent(_product_levels(spec, spec.levels), spec.basis.angular_weight)
    reach = f"n up to {n_max:,}, l up to {l_sum // 2:,}"
    if counted < order:
        raise SpecError(
            f"the spec '{spec.name}' asks for one-particle functions with {reach}; at most n = {_MAX_N} and "
            f"l = {_MAX_L} can be compiled. Raise basis.angular_weight or lower basis.order."
        )
    census = _census(spec, levels)
    estimate = _estimate(census, spec, levels)
    if counted == top and _fits(estimate, order):
        return
    level = counted
    while level > order and not _fits(_estimate(census, spec, tuple(min(level, own) for own in levels)), order):
        level -= Fraction(1, 2)
    advice = [f"lower basis.level to {float(level):g}"] if level > order or counted < top else []
    lower = order - 1
    while lower and not _fits(estimate, lower):
        lower -= 1
    if lower >= (1 if spec.pair is None else 2) and counted == top:
        advice.append(f"lower basis.order to {lower}")
    raise SpecError(
        f"the spec '{spec.name}' asks for {'about' if counted == top else 'more than'} "
        f"{sum(estimate.functions):,} functions from {sum(estimate.products):,} products ({reach}); at most "
        f"{MAX_FUNCTIONS:,} functions and {MAX_PRODUCTS:,} products, n = {_MAX_N} and l = {_MAX_L}, can be compiled, "
        f"fewer for orders above 5. To fit, {' or '.join(advice) or 'lower basis.level'}"
        f"{', or use fewer elements' if len(spec.species) > 1 else ''}."
    )


def check_number(algebra: ParticleAlgebra, labels: Iterable[Label]) -> list[Label]:
    """Labels that cannot be counted in advance, counted as they are generated.

    Raises:
        SpecError: there are too many to compile.
    """
    spec, dimension = algebra.spec, algebra.angular.dimension
    largest = max(spec.levels), max(spec.levels) / spec.basis.angular_weight
    if max(largest) > _MAX_N:
        raise SpecError(
            f"the spec '{spec.name}' asks for one-particle functions with n up to {int(largest[0]):,}, l up to "
            f"{int(largest[1]):,}; at most {_MAX_N} of either can be compiled. Lower basis.level"
            f"{' or raise basis.angular_weight' if dimension > 1 else ''}."
        )
    found: list[Label] = []
    terms, most = 0, MAX_TERMS if dimension == 1 else MAX_TENSOR_TERMS
    for label in labels:
        found.append(label)
        terms += _BELL_NUMBERS[len(label) - 1] * (1 if dimension == 1 else 2 ** (len(label) - 1))
        if len(found) > MAX_FUNCTIONS or terms > most:
            raise SpecError(
                f"the spec '{spec.name}' asks for more than {len(found) - 1:,} functions, of order {len(label)} and "
                f"lower; at most {MAX_FUNCTIONS:,} can be compiled, fewer for orders above 5. Lower basis.level or "
                "basis.order."
            )
    if not found:
        raise SpecError(
            f"the spec '{spec.name}' has no functions: nothing within basis.level = {max(spec.levels)} is invariant"
            f"{' and depends on all its particles' if not spec.basis.constant else ''}. Raise basis.level."
        )
    return found


def _estimate(census: _Census, spec: AnySpec, levels: tuple[Fraction, ...]) -> SizeEstimate:
    functions = census.up_to(levels).functions
    products = census.up_to(_product_levels(spec, levels)).products
    if spec.pair is not None:  # functions of order 1 are the pair term; purification may refer to coupled ones
        functions = (len(spec.species) * spec.pair.degree, *functions[1:])
        if spec.basis.expansion == "self-interacting":
            products = (0, *products[1:])
    return SizeEstimate(functions, products)


def _product_levels(spec: AnySpec, levels: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    """Levels that contain K': merging two factors may raise Σn by the degree of the envelope minus one."""
    if spec.radial is None or spec.basis.expansion == "self-interacting":
        return levels
    raised = max(power for power, value in enumerate(spec.radial.envelope) if value) - 1
    return tuple(
        max(levels[above] + raised * (above - order) for above in range(order, len(levels)))
        for order in range(len(levels))
    )


def _fits(estimate: SizeEstimate, order: int) -> bool:
    terms = sum(count * bell for count, bell in zip(estimate.functions[:order], _BELL_NUMBERS, strict=False))
    return (
        sum(estimate.functions[:order]) <= MAX_FUNCTIONS
        and sum(estimate.products[:order]) <= MAX_PRODUCTS
        and terms <= MAX_TERMS
    )


def _census(spec: AnySpec, levels: tuple[Fraction, ...]) -> _Census:
    weight, order = spec.basis.angular_weight, spec.basis.order
    n_max, l_sum = _extent(_product_levels(spec, levels), weight)
    # For one (l, m): the ways to choose k states with Σn = N, as a Toeplitz matrix that adds N to Σn.
    chosen = _multisets(order, n_max, len(spec.species))
    shift = np.subtract.outer(np.arange(n_max + 1), np.arange(n_max + 1))
    add = [np.where(shift >= 0, row[np.maximum(shift, 0)], 0.0) for row in chosen]
    # counts[ν, Σn, Σl, Σm + l_sum]; |Σm| cannot exceed Σl
    counts = np.zeros((order + 1, n_max + 1, l_sum + 1, 2 * l_sum + 3))
    counts[0, 0, 0, l_sum] = 1
    for l in range(l_sum // 2 + 1):  # the largest l must be balanced by the others
        for m in range(-l, l + 1):
            grown = counts.copy()
            for k in range(1, order + 1):
                if k * l > l_sum:
                    break
                below = np.roll(counts[: order + 1 - k, :, : l_sum + 1 - k * l], k * m, axis=3)
                # Not a matrix product: BLAS threads would wait for each other at every step, for seconds on a busy
                # machine.
                grown[k:, :, k * l :] += np.einsum("ab,vblm->valm", add[k], below)
            counts = grown
    zero, one = counts[1:, :, :, l_sum].copy(), counts[1:, :, :, l_sum + 1].copy()
    zero[:, :, 1::2] = one[:, :, 1::2] = 0
    products = zero.copy()
    functions = zero - one
    # One and two A's couple in one way: A_n00, and Σ_m A_nlm A_n'l-m with 2l+1 products.
    products[0] = functions[0]
    if order > 1:
        products[1] = functions[1] * (np.arange(l_sum + 1) + 1)  # Σl = 2l
    return _Census(weight, functions, products)


def _extent(levels: tuple[Fraction, ...], weight: Fraction) -> tuple[int, int]:
    """Largest Σn and largest Σl (from order 2 on, where at least two n contribute to the level)."""
    return int(max(levels)), max(0, int((max(levels[1:]) - 2) / weight)) if len(levels) > 1 else 0


def _multisets(order: int, n_max: int, n_species: int) -> NDArray[np.float64]:
    """Entry [k, N]: multisets of k pairs (species, n >= 1) with Σn = N."""
    table = np.zeros((order + 1, n_max + 1))
    table[0, 0] = 1
    for n in range(1, n_max + 1):
        for _ in range(n_species):
            for k in range(1, order + 1):
                table[k, n:] += table[k - 1, : n_max + 1 - n]
    return table


def _countable_level(spec: AnySpec) -> Fraction:
    """The level of a spec, or the largest integer below it whose n and l are allowed and quick to count."""

    def countable(top: Fraction) -> bool:
        own = tuple(min(top, level) for level in spec.levels)
        n_max, l_sum = _extent(_product_levels(spec, own), spec.basis.angular_weight)
        work = len(own) ** 2 * (n_max + 1) ** 2 * (l_sum + 1) ** 3 * (l_sum // 2 + 1)
        return n_max <= _MAX_N and l_sum // 2 <= _MAX_L and work <= _MAX_WORK

    top = spec.levels[0]
    if countable(top):
        return top
    lower = map(Fraction, range(min(int(top), 2 * _MAX_N), 0, -1))
    return next(filter(countable, lower), Fraction(0))
