"""The densities of a potential as real polynomials in its A's, exactly.

With S_lm for the real and imaginary parts of the complex harmonics, every factor of a function is

    A_lm = N_lm (-1)^m (S_{l,m} + i S_{l,-m}),   A_{l,-m} = N_lm (S_{l,m} - i S_{l,-m}),   N_lm² = (2l+1) (l-m)!/(l+m)!

for m > 0 and N_l0 S_l0 for m = 0, where S stands for its sum over neighbours: an A of the program. The real part of a
product of them is a polynomial with integers for coefficients, times the root of a rational.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import TypeAlias

import flint
from flint import arb, fmpq

from acegen.lower.rounding import WORKING_BITS
from acegen.lower.trees import ordered
from acegen.program.coupled import Channel
from acegen.yace.lowering.densities import density_weights
from acegen.yace.lowering.one_particle import Numbering, vanishes
from acegen.yace.potential import CTildeFunction, YacePotential

Label: TypeAlias = tuple[Channel, ...]
"""The channels of a product, ascending by (l, species, n)."""

MTuple: TypeAlias = tuple[int, ...]
"""m of each channel of a label, ascending among equal channels."""

Slot: TypeAlias = tuple[int, int]
"""Centre and density."""

Polynomials: TypeAlias = dict[Label, dict[MTuple, dict[Slot, arb]]]
"""Coefficients of products of A's."""


@dataclass(frozen=True)
class Expansion:
    """The densities of all centres.

    Attributes:
        polynomials: of the functions of rank 2 and more, and the sums of rank 1 with coefficient one.
        sums: of the functions of rank 1, the coefficients of each g_k of a species, by centre and density.
    """

    polynomials: Polynomials
    sums: dict[Slot, dict[tuple[int, int], arb]]


def expand_functions(potential: YacePotential, numbers: Numbering) -> Expansion:
    """All functions, the coefficients of equal products added up in ball arithmetic."""
    polynomials: Polynomials = {}
    sums: dict[Slot, dict[tuple[int, int], arb]] = {}
    with flint.ctx.workprec(WORKING_BITS):
        for center, functions in enumerate(potential.functions):
            mix = [[arb(w) for w in row] for row in density_weights(potential.embeddings[center])]
            for function in functions:
                if function.rank == 1:
                    _add_sum(sums, center, mix, function)
                elif not vanishes(potential, center, function):
                    _add_products(polynomials, numbers, center, mix, function)
    for center, density in sums:
        for z in {z for z, _ in sums[center, density]}:
            label = (numbers.sum_channel(z, density),)
            polynomials.setdefault(label, {}).setdefault((0,), {})[center, density] = arb(1)
    return Expansion(polynomials, sums)


Mix: TypeAlias = Sequence[Sequence[arb]]
"""Densities of the program in those of the file."""


def _mixed(mix: Mix, coefficients: Sequence[float]) -> Iterator[tuple[int, arb]]:
    """What functions contribute to each density of the program, if anything."""
    for density, weights in enumerate(mix):
        total = arb(0)
        for weight, value in zip(weights, coefficients, strict=True):
            total += weight * arb(value)
        if total != 0:
            yield density, total


def _add_sum(sums: dict[Slot, dict[tuple[int, int], arb]], center: int, mix: Mix, function: CTildeFunction) -> None:
    key = function.elements[0], function.ns[0]
    for coefficients in function.coefficients:
        for density, value in _mixed(mix, coefficients):
            own = sums.setdefault((center, density), {})
            own[key] = own.get(key, arb(0)) + value


def _add_products(
    polynomials: Polynomials, numbers: Numbering, center: int, mix: Mix, function: CTildeFunction
) -> None:
    factors = list(zip(function.elements, function.ns, function.ls, strict=True))
    channels = [numbers.channel(z, n, l) for z, n, l in factors]
    label = ordered(channels)
    order = sorted(range(len(channels)), key=lambda t: (channels[t].l, channels[t].species, channels[t].n))
    ranks = [label.index(channel) for channel in label]
    own = polynomials.setdefault(label, defaultdict(dict))
    for ms, coefficients in zip(function.ms, function.coefficients, strict=True):
        scale = _norm(tuple(sorted((l, abs(m)) for l, m in zip(function.ls, ms, strict=True))))
        mixed = [((center, density), value * scale) for density, value in _mixed(mix, coefficients)]
        if not mixed:
            continue
        for key, sign in real_part(tuple(ms[t] for t in order)):
            ascending = tuple(m for _, m in sorted(zip(ranks, key, strict=True)))
            terms = own[ascending]
            for slot, value in mixed:
                terms[slot] = terms.get(slot, arb(0)) + (value if sign > 0 else -value)


@cache
def _norm(degrees: tuple[tuple[int, int], ...]) -> arb:
    """Π_t N_lm."""
    square = fmpq(1)
    for l, m in degrees:
        square *= fmpq((2 * l + 1) * factorial(l - m), factorial(l + m))
    with flint.ctx.workprec(WORKING_BITS):
        return arb(square).sqrt()


@cache
def real_part(ms: MTuple) -> tuple[tuple[MTuple, int], ...]:
    """Re Π_t A_{l_t m_t} without the N's: the m's of the S and a sign, for each term."""
    terms: list[tuple[MTuple, int, int]] = [((), 0, 1)]  # m's, power of i, sign
    for m in ms:
        if m == 0:
            terms = [((*key, 0), power, sign) for key, power, sign in terms]
            continue
        common = -1 if m > 0 and m % 2 else 1
        imaginary = common if m > 0 else -1
        terms = [
            term
            for key, power, sign in terms
            for term in (((*key, abs(m)), power, sign * common), ((*key, -abs(m)), power + 1, sign * imaginary))
        ]
    return tuple((key, sign * (-1 if power % 4 else 1)) for key, power, sign in terms if power % 2 == 0)
