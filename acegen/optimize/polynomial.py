"""The energy of a centre as a polynomial in the pooled A's, and the pass that removes terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acegen.graph.graph import Product


@dataclass(frozen=True)
class Polynomial:
    """Σ c_t Π A over terms t, with coefficients for each centre element.

    Attributes:
        n_variables: number of A's.
        terms: positions of the factors of each term, ascending.
        coefficients: by element, one number per term.
    """

    n_variables: int
    terms: tuple[Product, ...]
    coefficients: Mapping[str, tuple[float, ...]]


def collect_terms(
    n_variables: int, terms: Sequence[Product], coefficients: Mapping[str, Sequence[float]]
) -> Polynomial:
    """Add up terms with the same factors, and drop those whose coefficient is zero for every element."""
    sums: dict[Product, list[float]] = {}
    for position, term in enumerate(terms):
        own = sums.setdefault(tuple(sorted(term)), [0.0] * len(coefficients))
        for element, values in enumerate(coefficients.values()):
            own[element] += values[position]
    kept = {term: values for term, values in sums.items() if any(values)}
    columns = zip(*kept.values(), strict=True) if kept else [()] * len(coefficients)
    return Polynomial(n_variables, tuple(kept), dict(zip(coefficients, map(tuple, columns), strict=True)))
