"""The pass that factors terms over shared sub-products: a polynomial as a sparse matrix between products.

Every term of order two or more is a row times a column, E = Σ P_row c_(row, column) P_column. Columns are A's or
stored products of A's, rows are the product of two of either: sub-expressions that a trie would compute on several
paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acegen.program.kernel import Product
from acegen.program.layout import PooledLayout

Row = tuple[int, int]
"""The two values whose product is the row's."""


@dataclass(frozen=True)
class Factorization:
    """A polynomial as a sparse matrix.

    Values are numbered: first the A's, then the stored products in the order of `nodes`.

    Attributes:
        nodes: the two factors of each stored product.
        linear: term by variable, for terms of order one.
        own: term by row, for terms that equal a row.
        entries: for each row, term by column.
    """

    nodes: tuple[Row, ...]
    linear: Mapping[int, int]
    own: Mapping[Row, int]
    entries: Mapping[Row, Mapping[int, int]]


def factor_terms(n_variables: int, terms: Sequence[Product], key: Callable[[int], Any]) -> Factorization:
    """Split each of some distinct terms: with factors sorted by `key`, the first half is the column, the rest the row.

    Rows and columns have up to four factors; each is the product of two values of up to two factors.
    """
    number: dict[Product, int] = {}
    nodes: list[Row] = []

    def value(factors: Product) -> int:
        if len(factors) == 1:
            return factors[0]
        if factors not in number:
            left, right = value(factors[: len(factors) // 2]), value(factors[len(factors) // 2 :])
            number[factors] = n_variables + len(nodes)
            nodes.append((left, right))
        return number[factors]

    linear: dict[int, int] = {}
    own: dict[Row, int] = {}
    entries: dict[Row, dict[int, int]] = {}
    for position, term in enumerate(terms):
        factors = tuple(sorted(term, key=key))
        if len(factors) == 1:
            linear[factors[0]] = position
            continue
        cut = 0 if len(factors) == 2 else len(factors) // 2
        column, rest = factors[:cut], factors[cut:]
        row = value(rest[: len(rest) // 2]), value(rest[len(rest) // 2 :])
        columns = entries.setdefault(row, {})
        if column:
            columns[value(column)] = position
        else:
            own[row] = position
    return Factorization(tuple(nodes), linear, own, entries)


def factor_keys(layout: PooledLayout) -> dict[str, Callable[[int], Any]]:
    """Orders of factors worth trying: small l (or |m|) go to the columns, which are then few and long."""
    names = layout.names
    return {
        "large l in rows": lambda v: (names[v][2], abs(names[v][3]), names[v][3], names[v][0], names[v][1]),
        "large |m| in rows": lambda v: (abs(names[v][3]), names[v][2], names[v][3], names[v][0], names[v][1]),
    }
