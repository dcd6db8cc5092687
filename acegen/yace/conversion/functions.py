"""Functions of a basis as C-tilde functions: coupled products in complex products of ML-PACE's harmonics, exactly.

A coupled function is Σ_m C_m Π_t A_{z_t n_t l_t m_t} with rational C_m in the harmonics Z of
`acegen.algebra.harmonics`, of which ML-PACE's are Y_lm = N_lm (-1)^m Z_lm for m > 0 and N_lm Z_lm otherwise, with
N_lm² = (2l+1) (l-|m|)!/(l+|m|)!. The function is real, so that each product may be replaced by its real part, which is
the same for m and -m (Σ m = 0): one of the two is written, with the coefficients of both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

import flint
from flint import arb, fmpq

from acegen.algebra.angular import AngularAlgebra, MTuple, Tensor
from acegen.algebra.field import Rational
from acegen.basis.derive import Basis
from acegen.basis.invariants import symmetric_space
from acegen.basis.labels import Channel, Label, channel_pattern
from acegen.lower.rounding import WORKING_BITS, nearest_double
from acegen.yace.potential import CTildeFunction


def ctilde_functions(basis: Basis, weights: Sequence[Sequence[arb]]) -> tuple[CTildeFunction, ...]:
    """The coupled functions of order 2 and higher with given weights: one C-tilde function for each label.

    Args:
        basis: the basis.
        weights: by density, one for each of `basis.functions`.

    Returns:
        rank by rank, in the order of the basis; without those whose coefficients are all zero. Sums are computed in
        256-bit ball arithmetic and rounded once.
    """
    sums: dict[Label, defaultdict[MTuple, list[arb]]] = {}
    with flint.ctx.workprec(WORKING_BITS):
        for function, *of_densities in zip(basis.functions, *weights, strict=True):
            if function.order == 1 or all(weight == 0 for weight in of_densities):
                continue
            total = sums.setdefault(function.label, defaultdict(lambda: [arb(0)] * len(weights)))
            for ms, value in _halves(basis.angular, *channel_pattern(function.label))[function.number].items():
                total[ms] = [one + weight * value for one, weight in zip(total[ms], of_densities, strict=True)]
        found = []
        for label, total in sums.items():
            ls = tuple(channel.l for channel in label)
            rounded = {ms: tuple(nearest_double(v * _norm(ls, ms)) for v in row) for ms, row in sorted(total.items())}
            found.append(_written(label, {ms: row for ms, row in rounded.items() if any(row)}))
    return tuple(sorted((one for one in found if one.ms), key=lambda one: one.rank))


def _written(label: Label, coefficients: dict[MTuple, tuple[float, ...]]) -> CTildeFunction:
    return CTildeFunction(
        elements=tuple(channel.species for channel in label),
        ns=tuple(channel.n for channel in label),
        ls=tuple(channel.l for channel in label),
        ms=tuple(coefficients),
        coefficients=tuple(coefficients.values()),
    )


def first_order_weights(basis: Basis, weights: Sequence[arb]) -> dict[Channel, arb]:
    """Weights of Σ_j R_n(r_j) by channel (l = 0): the coupled functions of order 1 that are used."""
    return {
        function.label[0]: weight
        for function, weight in zip(basis.functions, weights, strict=True)
        if function.order == 1 and weight != 0
    }


@cache
def _halves(angular: AngularAlgebra, l: tuple[int, ...], ranks: tuple[int, ...]) -> tuple[Tensor, ...]:
    """The functions of a label in real parts of products of Z: of m and -m, the greater one stands for both."""
    halves = []
    for polynomial in symmetric_space(angular, l, ranks).polynomials:
        half: defaultdict[MTuple, Rational] = defaultdict(fmpq)
        for ms, value in polynomial.items():
            opposite = tuple(m for _, m in sorted(zip(ranks, (-m for m in ms), strict=True)))
            half[max(ms, opposite)] += value
        halves.append(dict(half))
    return tuple(halves)


@cache
def _norm(ls: tuple[int, ...], ms: MTuple) -> arb:
    """Π_t Z_{l_t m_t} / Y_{l_t m_t}."""
    square, sign = fmpq(1), 1
    for l, m in zip(ls, ms, strict=True):
        square *= _norm_squared(l, abs(m))
        sign *= -1 if m > 0 and m % 2 else 1
    return sign / arb(square).sqrt()


@cache
def _norm_squared(l: int, m: int) -> Rational:
    """N_lm²."""
    value = fmpq(2 * l + 1)
    for factor in range(l - m + 1, l + m + 1):
        value /= factor
    return value
