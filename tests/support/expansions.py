"""Bases in products of small models, and exact values of them."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from flint import fmpq
from hypothesis import strategies as st

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.lower import ProductExpansion, expand_products
from acegen.spec import load_spec

SIZES = [
    (1, 4, 2, "3/2"),
    (2, 7, 1, "3/2"),
    (2, 5, 3, "2/3"),
    (3, 8, 1, "3/2"),
    (3, 6, 1, "1/2"),
    (3, 5, 2, "1"),
    (4, 7, 1, "1/2"),
    (4, 6, 2, "1"),
    (5, 7, 1, "1"),
    (3, 6, 2, "3/2", True),
    (4, 6, 1, "1", True),
]


@cache
def expansion_of(order: int, level: int, elements: int, weight: str, envelope: bool = False) -> ProductExpansion:
    """Products of a canonical basis, in the closed family or with the envelope y²."""
    radial: dict[str, Any] = {"family": "envelope", "envelope": [0, 0, 1]} if envelope else {}
    spec = load_spec(
        {
            "name": "t",
            "basis": {
                "elements": ["Si", "O", "H"][:elements],
                "order": order,
                "level": level,
                "angular_weight": weight,
            },
            "radial": {"cutoff": 5.0, **radial},
        }
    )
    return expand_products(derive_basis(build_algebra(spec)))


GRAPH_SIZES = st.sampled_from(SIZES)


def exact(value: Fraction | float) -> fmpq:
    return fmpq(*Fraction(value).as_integer_ratio())


def values_for(data: st.DataObject, count: int) -> list[fmpq]:
    """Rational values, few of them drawn and the rest derived from those: fast, and all different."""
    seeds = data.draw(st.lists(st.integers(1, 30), min_size=3, max_size=3))
    return [
        fmpq(seeds[i % 3] * (i * i + 7 * i + 3) % 41 - 20, 1 + (seeds[(i + 1) % 3] + 5 * i) % 13) for i in range(count)
    ]
