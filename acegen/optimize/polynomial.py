"""The energy of a centre as a polynomial in the pooled A's, and the pass that removes terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from acegen.errors import BuildError
from acegen.program.kernel import KernelProgram, Outputs, Product


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


def product_coefficients(program: KernelProgram) -> dict[str, list[float]]:
    """Coefficient of every product by centre species, coupled ones last, for a potential with one linear output.

    Raises:
        BuildError: the program has several outputs, or is not a potential.
    """
    if program.embedding is None or program.outputs.coupling is not None or len(program.outputs.names) != 1:
        raise BuildError(f"the kernel program '{program.name}' is not one linear output of products.")
    count = len(program.products) + (0 if program.coupled is None else len(program.coupled.scalars))
    found = {}
    for center, symbol in enumerate(program.species):
        values = [0.0] * count
        for product, weight in program.outputs.of(center)[0]:
            values[product] += weight
        found[symbol] = values
    return found


def without_zeros(program: KernelProgram) -> KernelProgram:
    """The same potential with only the products that some centre species needs, each once."""
    polynomial = collect_terms(program.layout.size, program.products, product_coefficients(program))
    rows = tuple((tuple(enumerate(values)),) for values in polynomial.coefficients.values())
    outputs = Outputs(program.outputs.names, None, rows)
    return replace(program, products=polynomial.terms, outputs=outputs)
