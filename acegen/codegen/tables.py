"""Tables of descriptor programs, for any backend: coupling and output rows as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass

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
    used_first: tuple[int, ...]
    used: tuple[int, ...]


@dataclass(frozen=True)
class OutputRow:
    """An output with its name, as a combination of coupled functions."""

    name: str
    columns: tuple[int, ...]
    weights: tuple[float, ...]


def coupling_tables(program: KernelProgram) -> CouplingTables:
    """Flatten the coupled functions of a program."""
    names = program.layout.names
    term_first, used_first = [0], [0]
    factor_first: list[int] = []
    term_weight: list[float] = []
    term_factor: list[int] = []
    used: list[int] = []
    for row in program.outputs.coupling or ():
        factor_first.append(len(term_factor))
        depends_on: set[int] = set()
        for product, weight in row:
            term_weight.append(weight)
            term_factor.extend(program.products[product])
            depends_on.update(program.products[product])
        term_first.append(len(term_weight))
        for species in range(len(program.species)):
            used.extend(v for v in sorted(depends_on) if names[v][0] == species)
            used_first.append(len(used))
    return CouplingTables(
        orders=program.orders,
        term_first=tuple(term_first),
        factor_first=tuple(factor_first),
        term_weight=tuple(term_weight),
        term_factor=tuple(term_factor),
        used_first=tuple(used_first),
        used=tuple(used),
    )


def output_rows(program: KernelProgram) -> tuple[OutputRow, ...]:
    """The outputs of a descriptor program.

    Raises:
        BuildError: they are not combinations of coupled functions, the same for all centre species.
    """
    if program.outputs.coupling is None or len(program.outputs.rows) != 1:
        raise BuildError(
            f"the descriptors of '{program.name}' must be combinations of coupled functions, the same for every centre."
        )
    rows: tuple[Row, ...] = program.outputs.rows[0]
    return tuple(
        OutputRow(name, tuple(column for column, _ in row), tuple(weight for _, weight in row))
        for name, row in zip(program.outputs.names, rows, strict=True)
    )


def first_entries(rows: tuple[OutputRow, ...]) -> tuple[int, ...]:
    """Where each row begins in a flat list of all entries, and the end."""
    first = [0]
    for row in rows:
        first.append(first[-1] + len(row.columns))
    return tuple(first)
