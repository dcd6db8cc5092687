"""Tables of the basis kernel: coupling and purification as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass

from acegen.codegen.constants import rounded, rounded_with_root
from acegen.graph.graph import Graph


@dataclass(frozen=True)
class BasisTables:
    """Arrays of `basis.c`; the names are those used there, in lower case."""

    orders: list[int]
    term_first: list[int]
    factor_first: list[int]
    term_weight: list[float]
    term_factor: list[int]
    used_first: list[int]
    used: list[int]
    purify_first: list[int]
    purify_column: list[int]
    purify: list[float]


def basis_tables(graph: Graph) -> BasisTables:
    """Flatten the coupling and the (scaled) purification operator of a graph."""
    basis, names = graph.basis, graph.layout.names
    n_species = len(basis.spec.species)
    term_first, used_first = [0], [0]
    factor_first: list[int] = []
    term_weight: list[float] = []
    term_factor: list[int] = []
    used: list[int] = []
    for row in graph.coupling:
        factor_first.append(len(term_factor))
        depends_on: set[int] = set()
        for product, value in row:
            term_weight.append(rounded(value))
            term_factor.extend(graph.products[product])
            depends_on.update(graph.products[product])
        term_first.append(len(term_weight))
        for species in range(n_species):
            used.extend(v for v in sorted(depends_on) if names[v][0] == species)
            used_first.append(len(used))
    purify_first = [0]
    purify_column: list[int] = []
    purify: list[float] = []
    for row, square in zip(basis.purification, basis.scales_squared, strict=True):
        purify_column.extend(column for column, _ in row)
        purify.extend(rounded_with_root(value, square) for _, value in row)
        purify_first.append(len(purify))
    return BasisTables(
        orders=[function.order for function in basis.functions],
        term_first=term_first,
        factor_first=factor_first,
        term_weight=term_weight,
        term_factor=term_factor,
        used_first=used_first,
        used=used,
        purify_first=purify_first,
        purify_column=purify_column,
        purify=purify,
    )
