"""The energy of a centre as a polynomial in the pooled A's, and the pass that removes terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from acegen.errors import BuildError
from acegen.program.embedding import Identity
from acegen.program.kernel import KernelProgram, Outputs, Product, Row


@dataclass(frozen=True)
class Polynomial:
    """Σ c_t Π A over terms t, with coefficients for each output of each centre element.

    Attributes:
        n_variables: number of A's.
        terms: positions of the factors of each term, ascending.
        coefficients: by output, one number per term.
    """

    n_variables: int
    terms: tuple[Product, ...]
    coefficients: Mapping[str, tuple[float, ...]]


def collect_terms(
    n_variables: int, terms: Sequence[Product], coefficients: Mapping[str, Sequence[float]]
) -> Polynomial:
    """Add up terms with the same factors, and drop those whose coefficient is zero in every output."""
    sums: dict[Product, list[float]] = {}
    for position, term in enumerate(terms):
        own = sums.setdefault(tuple(sorted(term)), [0.0] * len(coefficients))
        for element, values in enumerate(coefficients.values()):
            own[element] += values[position]
    kept = {term: values for term, values in sums.items() if any(values)}
    columns = zip(*kept.values(), strict=True) if kept else [()] * len(coefficients)
    return Polynomial(n_variables, tuple(kept), dict(zip(coefficients, map(tuple, columns), strict=True)))


def product_coefficients(program: KernelProgram) -> dict[str, list[float]]:
    """Coefficient of every product, coupled ones last, by `KernelProgram.row_names`, the outputs of all centres.

    Raises:
        BuildError: the program is not a potential.
    """
    if program.embedding is None or program.outputs.coupling is not None:
        raise BuildError(f"the kernel program '{program.name}' is not a potential of linear combinations of products.")
    count = len(program.products) + (0 if program.coupled is None else len(program.coupled.scalars))
    rows = (row for center in range(len(program.species)) for row in program.outputs.of(center))
    found = {}
    for name, row in zip(program.row_names, rows, strict=True):
        values = [0.0] * count
        for product, weight in row:
            values[product] += weight
        found[name] = values
    return found


def density_count(program: KernelProgram) -> int:
    """The most densities of a centre of a potential; 0 if the energy of every centre is its one output."""
    if all(isinstance(own, Identity) for own in program.embedding or ()):
        return 0
    return max(end - begin for begin, end in pairwise(program.row_first))


def rows_by_center(program: KernelProgram, values: Sequence[Sequence[float]]) -> tuple[tuple[Row, ...], ...]:
    """Coefficients in the order of `product_coefficients` as the rows of outputs."""
    rows = [tuple(enumerate(own)) for own in values]
    return tuple(tuple(rows[begin:end]) for begin, end in pairwise(program.row_first))


def without_zeros(program: KernelProgram) -> KernelProgram:
    """The same potential with only the products that some output needs, each once."""
    polynomial = collect_terms(program.layout.size, program.products, product_coefficients(program))
    rows = rows_by_center(program, tuple(polynomial.coefficients.values()))
    outputs = Outputs(program.outputs.names, None, rows)
    return replace(program, products=polynomial.terms, outputs=outputs)
