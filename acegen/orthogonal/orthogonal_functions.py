"""One-particle functions made orthogonal under a measure, exactly.

Where the angular part has mean zero (l > 0), the R_n themselves are orthogonalized; where it is constant (l = 0),
the R_n minus their mean:

    l > 0:  R_n = Σ_{j<=n} U_nj Q_j,            E Q_i Q_j = 0 for i ≠ j,
    l = 0:  R_n = E R_n + Σ_{j<=n} V_nj Q⁰_j,   E Q⁰_i Q⁰_j = 0 for i ≠ j, and E Q⁰_j = 0.

U and V are the unit lower triangular factors of the matrices E R_i R_j and E R_i R_j - E R_i E R_j.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from flint import fmpq

from acegen.algebra.field import Rational
from acegen.algebra.measure import Measure
from acegen.algebra.polynomials import PolynomialAlgebra

CONSTANT = -1
"""Stands in an index for the constant function 1."""

Part = Literal["constant", "direction"]
"""The angular part of a one-particle function: constant (l = 0), or with mean zero (l > 0)."""

Expansion = tuple[tuple[int, Rational], ...]
"""Pairs (j, coefficient); the constant, if present, comes first."""


@dataclass
class OneParticle:
    """The orthogonal functions Q_j and Q⁰_j for a measure, and products of R_n in terms of them.

    Each has the index of the R_n it is made from; Q⁰_0 vanishes where R_0 is the constant.
    """

    functions: PolynomialAlgebra
    measure: Measure
    _lower: dict[Part, list[dict[int, Rational]]] = field(default_factory=lambda: {"constant": [], "direction": []})
    _norms: dict[Part, list[Rational]] = field(default_factory=lambda: {"constant": [], "direction": []})
    _products: dict[tuple[tuple[int, ...], Part], Expansion] = field(default_factory=dict)

    def mean(self, n: int) -> Rational:
        """E R_n."""
        return self.measure.mean(self.functions.function(n))

    def norm_squared(self, j: int, part: Part) -> Rational:
        """E Q_j² or E (Q⁰_j)²."""
        self._extend(j, part)
        return self._norms[part][j - self.functions.first]

    def product(self, indices: Sequence[int], part: Part) -> Expansion:
        """R_{n_1} R_{n_2} ... as a combination of the orthogonal functions of a part and the constant."""
        key = tuple(sorted(indices)), part
        if key not in self._products:
            total: defaultdict[int, Rational] = defaultdict(fmpq)
            for n, rho in self.functions.product(indices):
                self._extend(n, part)
                for j, value in self._lower[part][n - self.functions.first].items():
                    total[j] += rho * value
                if part == "constant":
                    total[CONSTANT] += rho * self.mean(n)
            self._products[key] = tuple((j, value) for j, value in sorted(total.items()) if value)
        return self._products[key]

    def _extend(self, n: int, part: Part) -> None:
        """Extend the factorization to R_n."""
        first, rows, norms = self.functions.first, self._lower[part], self._norms[part]
        while len(rows) <= n - first:
            i = len(rows) + first
            row: dict[int, Rational] = {}
            for j in range(first, i):
                if norms[j - first]:
                    value = self._overlap(i, j, part)
                    for k, weight in rows[j - first].items():
                        if k < j and k in row:
                            value -= row[k] * norms[k - first] * weight
                    if value:
                        row[j] = value / norms[j - first]
            norm = self._overlap(i, i, part) - sum((w * w * norms[k - first] for k, w in row.items()), fmpq(0))
            if norm:
                row[i] = fmpq(1)
            rows.append(row)
            norms.append(norm)

    def _overlap(self, i: int, j: int, part: Part) -> Rational:
        value = self.measure.inner(self.functions.function(i), self.functions.function(j))
        return value - self.mean(i) * self.mean(j) if part == "constant" else value
