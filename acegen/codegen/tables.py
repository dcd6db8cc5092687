"""Tables of descriptor programs, for any backend: coupling and output rows as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from acegen.errors import BuildError
from acegen.program.kernel import KernelProgram, Row


@dataclass(frozen=True)
class CouplingTables:
    """Arrays of `basis.c`, named as there, in lower case or similar."""

    orders: tuple[int, ...]
    term_first: tuple[int, ...]
    factor_first: tuple[int, ...]
    term_weight: tuple[float, ...]
    term_factor: tuple[int, ...]


@dataclass(frozen=True)
class OutputRow:
    """An output with its name, as a combination of coupled functions."""

    name: str
    columns: tuple[int, ...]
    weights: tuple[float, ...]


def invariants_of(program: KernelProgram) -> dict[int, int]:
    """The coupled functions that are invariants of coupled values, and which.

    Raises:
        BuildError: a coupled function is a combination of several invariants, or of invariants and products.
    """
    n_products, found = len(program.products), {}
    for function, row in enumerate(program.outputs.coupling or ()):
        if all(term < n_products for term, _ in row):
            continue
        if len(row) > 1 or row[0][1] != 1.0:
            raise BuildError(
                f"the descriptors of '{program.name}' combine invariants in the coupled function {function}; a coupled "
                "function must be one invariant, or a combination of products."
            )
        found[function] = row[0][0] - n_products
    return found


def coupling_tables(
    program: KernelProgram, order: Sequence[int], n_before: int = 0, n_after: int = 0
) -> CouplingTables:
    """Flatten coupled functions of a program, combinations of products, in an order; with empty ones before and after.

    Functions that are invariants instead are empty, too.
    """
    coupling = [row if row[0][0] < len(program.products) else () for row in program.outputs.coupling or ()]
    term_first = [0]
    factor_first: list[int] = []
    term_weight: list[float] = []
    term_factor: list[int] = []
    for row in [*[()] * n_before, *(coupling[function] for function in order), *[()] * n_after]:
        factor_first.append(len(term_factor))
        for product, weight in _spread(row):
            term_weight.append(weight)
            term_factor.extend(program.products[product])
        term_first.append(len(term_weight))
    return CouplingTables(
        orders=(*[0] * n_before, *(program.orders[function] for function in order), *[0] * n_after),
        term_first=tuple(term_first),
        factor_first=tuple(factor_first),
        term_weight=tuple(term_weight),
        term_factor=tuple(term_factor),
    )


def _spread(row: Row) -> Row:
    """The terms of a row in another order: those with common factors, which follow each other, stand apart.

    Their derivatives by such a factor are added one after the other, and each sum would wait for the one before it.
    """
    step = isqrt(len(row)) + 1
    return tuple(term for first in range(step) for term in row[first::step])


def output_rows(program: KernelProgram, order: Sequence[int | None]) -> tuple[OutputRow, ...]:
    """The outputs of a descriptor program; `order` is that of the coupled functions.

    Raises:
        BuildError: they are not combinations of coupled functions, the same for all centre species.
    """
    if program.outputs.coupling is None or len(program.outputs.rows) != 1:
        raise BuildError(
            f"the descriptors of '{program.name}' must be combinations of coupled functions, the same for every centre."
        )
    rows: tuple[Row, ...] = program.outputs.rows[0]
    place = {function: place for place, function in enumerate(order)}
    return tuple(
        OutputRow(name, tuple(place[column] for column, _ in row), tuple(weight for _, weight in row))
        for name, row in zip(program.outputs.names, rows, strict=True)
    )


def first_entries(rows: tuple[OutputRow, ...]) -> tuple[int, ...]:
    """Where each row begins in a flat list of all entries, and the end."""
    first = [0]
    for row in rows:
        first.append(first[-1] + len(row.columns))
    return tuple(first)
