"""Functions of pacemaker's B-basis → C-tilde functions, each coefficient rounded once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import flint
from flint import arb

from acegen.algebra.angular import MTuple
from acegen.lower.rounding import WORKING_BITS, nearest_double, root
from acegen.yace.potential import CTildeFunction
from acegen.yace.reading.b_basis_coupling import leaf_factor, symmetric_product


@dataclass(frozen=True)
class BFunction:
    """A coupled product of A's and its coefficients.

    Attributes:
        elements, ns, ls: z_t, n_t and l_t of the factors.
        lint: l of the inner nodes of the coupling tree.
        coefficients: by density.
    """

    elements: tuple[int, ...]
    ns: tuple[int, ...]
    ls: tuple[int, ...]
    lint: tuple[int, ...]
    coefficients: tuple[float, ...]


def c_tilde_functions(functions: Iterable[BFunction]) -> tuple[CTildeFunction, ...]:
    """The same densities of a centre in terms of products of A's, one C-tilde function for each set of factors.

    Factors are in the order of (z, n, l), functions in that of rank and factors. What cancels is left out.
    """
    sums: defaultdict[tuple[tuple[int, int, int], ...], dict[MTuple, list[arb]]] = defaultdict(dict)
    with flint.ctx.workprec(WORKING_BITS):
        for function in functions:
            factors = tuple(zip(function.elements, function.ns, function.ls, strict=True))
            number = {factor: i for i, factor in enumerate(sorted(set(factors)))}
            product = symmetric_product(function.ls, function.lint, tuple(number[factor] for factor in factors))
            weights = [root(product.square) * c for c in function.coefficients]
            totals = sums[tuple(sorted(factors))]
            for ms, value in product.terms.items():
                terms = [weight * value for weight in weights]
                totals[ms] = [a + b for a, b in zip(totals[ms], terms, strict=True)] if ms in totals else terms
        label_order = sorted(sums, key=lambda factors: (len(factors), *zip(*factors, strict=True)))
        c_tilde = (_rounded(factors, sums[factors]) for factors in label_order)
        return tuple(function for function in c_tilde if function.ms)


def _rounded(factors: tuple[tuple[int, int, int], ...], sums: dict[MTuple, list[arb]]) -> CTildeFunction:
    elements, ns, ls = zip(*factors, strict=True)
    coefficients = {}
    for ms, totals in sorted(sums.items()):
        sign, square = leaf_factor(ls, ms)
        coefficients[ms] = tuple(nearest_double(sign * root(square) * total) for total in totals)
    kept = {ms: values for ms, values in coefficients.items() if any(values)}
    return CTildeFunction(elements, ns, ls, tuple(kept), tuple(kept.values()))
