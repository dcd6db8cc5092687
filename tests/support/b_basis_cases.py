"""Coupled products as numbers: what the tests of the B-basis share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod, sqrt

from acegen.yace.reading.b_basis_coupling import coupled_product, inner_l, leaf_factor

TREES = {
    1: [],
    2: [(0, 1)],
    3: [(0, 1), (3, 2)],
    4: [(0, 1), (2, 3), (4, 5)],
    5: [(0, 1), (2, 3), (5, 6), (7, 4)],
    6: [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)],
}
"""The nodes of ML-PACE."""


def all_lint(ls: Sequence[int]) -> list[tuple[int, ...]]:
    """All possible l of inner nodes."""
    found = []
    for lint in product(range(sum(ls) + 1), repeat=max(len(ls) - 2, 0)):
        degrees = list(ls)
        for (left, right), l in zip(TREES[len(ls)], inner_l(len(ls), lint), strict=True):
            if not abs(degrees[left] - degrees[right]) <= l <= degrees[left] + degrees[right]:
                break
            degrees.append(l)
        else:
            found.append(lint)
    return found


def numbers(ls: tuple[int, ...], lint: tuple[int, ...]) -> dict[tuple[int, ...], float]:
    """C(ms) as doubles."""
    found = coupled_product(ls, lint)
    result = {}
    for ms, value in found.terms.items():
        sign, square = leaf_factor(ls, ms)
        result[ms] = sign * float(value) * sqrt(float(square * found.square))
    return result


def total(terms: Mapping[tuple[int, ...], float], factors: Sequence[Mapping[int, complex]]) -> complex:
    """Σ C Π A."""
    return sum((c * prod(a[m] for a, m in zip(factors, ms, strict=True)) for ms, c in terms.items()), 0j)
