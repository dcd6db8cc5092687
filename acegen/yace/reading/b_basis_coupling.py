"""Coupled products of pacemaker's B-basis, exactly.

A function of rank N is Σ_ms C(ms) Π_t A_{z_t n_t l_t m_t}, where C is the product of the Clebsch-Gordan coefficients at
the nodes of a binary tree, <l1 m1 l2 m2|l m> with the phases of Condon and Shortley (Drautz, Phys. Rev. B 99, 014104
(2019); Lysogorskiy et al., npj Comput. Mater. 7, 97 (2021)). The l of the nodes are the function's `lint`; that of the
last is 0. In the rational coupling g of `acegen.algebra.harmonics` and the Δ of `acegen.lower.couplings`,

    Y_lm ∝ ν_lm Z_lm,    ν_lm = (-1)^m sqrt((l-m)!/(l+m)!) for m >= 0,    ν_l,-m = sqrt((l-m)!/(l+m)!),
    <l1 m1 l2 m2|l m> ν_{l1 m1} ν_{l2 m2} = Δ(l1,l2,l) g(m1,m2) ν_lm,

the ν of inner nodes cancel, so that

    C(ms) = Π_nodes Δ · Π_nodes g · Π_t 1/ν_{l_t m_t}:

a root that belongs to the function, a rational, and a root that depends on the l's and |m|'s only. Equal factors
commute: the rationals of permuted m's are added. Π A of -ms is the complex conjugate of that of ms; only one of them
is kept.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import factorial

from flint import fmpq

from acegen.algebra import harmonics
from acegen.algebra.angular import MTuple
from acegen.algebra.field import Rational
from acegen.lower.couplings import coupling_norm_squared


@cache
def coupling_tree(rank: int) -> tuple[tuple[int, int], ...]:
    """The nodes of the tree: positions of the two values each couples, factors being 0..rank-1 and nodes rank, ....

    Neighbouring factors are coupled in pairs, then the results in their order, always the two that have waited
    longest; the last factor of an odd rank comes last of all.
    """
    nodes = [(t, t + 1) for t in range(0, rank - 1, 2)]
    waiting = deque(range(rank, rank + len(nodes)))
    while len(waiting) > 1:
        waiting.append(rank + len(nodes))
        nodes.append((waiting.popleft(), waiting.popleft()))
    if rank % 2 and nodes:
        nodes.append((waiting.popleft(), rank - 1))
    return tuple(nodes)


def inner_l(rank: int, lint: Sequence[int]) -> tuple[int, ...]:
    """The l of each node; that of the last is 0."""
    return (*lint, 0) if rank > 1 else ()


@dataclass(frozen=True)
class CoupledProduct:
    """Coefficients C(ms) = sqrt(square) · terms[ms] · `leaf_factor`.

    Attributes:
        square: Π Δ² of the nodes.
        terms: rationals by m's, all non-zero.
    """

    square: Rational
    terms: Mapping[MTuple, Rational]


def coupled_product(ls: tuple[int, ...], lint: tuple[int, ...]) -> CoupledProduct:
    """The coefficients of all m's. Without terms if the l's cannot be coupled like this."""
    rank = len(ls)
    degrees = list(ls)
    leaves: list[tuple[int, ...]] = [(t,) for t in range(rank)]
    values: list[dict[int, dict[MTuple, Rational]]] = [{m: {(m,): fmpq(1)} for m in range(-l, l + 1)} for l in ls]
    square = fmpq(1)
    for (left, right), l in zip(coupling_tree(rank), inner_l(rank, lint), strict=True):
        l1, l2 = degrees[left], degrees[right]
        if not abs(l1 - l2) <= l <= l1 + l2:
            return CoupledProduct(square, {})
        square *= coupling_norm_squared(l1, l2, l)
        coupled: defaultdict[int, dict[MTuple, Rational]] = defaultdict(dict)
        for (m1, m2), g in harmonics.coupling(l1, l2, l).items():
            pairs = product(values[left].get(m1, {}).items(), values[right].get(m2, {}).items())
            coupled[m1 + m2].update({a + b: g * p * q for (a, p), (b, q) in pairs})
        degrees.append(l)
        leaves.append(leaves[left] + leaves[right])
        values.append(coupled)
    order = sorted(range(rank), key=lambda i: leaves[-1][i])
    return CoupledProduct(square, {tuple(ms[i] for i in order): value for ms, value in values[-1].get(0, {}).items()})


@cache
def symmetric_product(ls: tuple[int, ...], lint: tuple[int, ...], channels: tuple[int, ...]) -> CoupledProduct:
    """The same for commuting factors: terms of permuted and of negated m's are added up.

    Args:
        channels: a number for each factor; factors with the same number are equal.

    Returns:
        Terms by the m's in the order of the channels, ascending where these are equal; of ms and -ms the greater.
    """
    product = coupled_product(ls, lint)
    sums: defaultdict[MTuple, Rational] = defaultdict(fmpq)
    for ms, value in product.terms.items():
        sums[max(_arranged(ms, channels), _arranged([-m for m in ms], channels))] += value
    return CoupledProduct(product.square, {ms: value for ms, value in sums.items() if value})


def _arranged(ms: Sequence[int], channels: Sequence[int]) -> MTuple:
    return tuple(m for _, m in sorted(zip(channels, ms, strict=True)))


def leaf_factor(ls: Sequence[int], ms: MTuple) -> tuple[int, Rational]:
    """Sign and square of Π_t 1/ν_{l_t m_t}."""
    sign, square = 1, fmpq(1)
    for l, m in zip(ls, ms, strict=True):
        sign *= -1 if m > 0 and m % 2 else 1
        square *= fmpq(factorial(l + abs(m)), factorial(l - abs(m)))
    return sign, square
