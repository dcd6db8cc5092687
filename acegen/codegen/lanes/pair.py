"""Constants of the pair kernel: pair functions, their sum for given coefficients, ZBL core, and inner switch."""

from __future__ import annotations

from dataclasses import dataclass

from acegen.codegen.lanes.radial import RadialCode, radial_code, transform_constants
from acegen.codegen.literals import double_literal
from acegen.program.by_pair import Ranges
from acegen.program.kernel import KernelProgram, PairEnergies, PairFunctions, Recurrence, Zbl

Table = list[list[list[float]]]
"""Constants by centre and neighbour."""


@dataclass(frozen=True)
class PairCode:
    """Constants and statements for the pair functions.

    Attributes:
        degree: number of radial functions of a neighbour species.
        radial: code for R_1 .. R_degree.
        ranges: cutoff, 1/cutoff and, for the Agnesi transform, 1/r0, by centre and neighbour.
        scales: of the functions, by n.
    """

    degree: int
    radial: RadialCode
    ranges: Table
    scales: tuple[float, ...]


@dataclass(frozen=True)
class SeriesCode:
    """Newton's form of the pair energies: its nodes, and its coefficients by centre and neighbour."""

    nodes: tuple[float, ...]
    sums: tuple[tuple[tuple[float, ...], ...], ...]


def pair_code(program: KernelProgram) -> PairCode | None:
    """Code for the pair term of a descriptor program, or of a potential alone; None if it has none."""
    pair = program.pair
    if isinstance(pair, PairEnergies):
        first = Recurrence(1, pair.envelope, ())
        return PairCode(
            degree=len(pair.nodes) + 1,
            radial=radial_code(pair.coordinate, first, program.notes.radial, double_literal),
            ranges=transform_constants(pair.coordinate),
            scales=(),
        )
    if not isinstance(pair, PairFunctions):
        return None
    return PairCode(
        degree=len(pair.scales),
        radial=radial_code(pair.coordinate, pair.radial, program.notes.radial, double_literal),
        ranges=transform_constants(pair.coordinate),
        scales=pair.scales,
    )


def series_code(program: KernelProgram | None) -> SeriesCode | None:
    """The same for the pair energies of a potential."""
    if program is None or not isinstance(program.pair, PairEnergies):
        return None
    return SeriesCode(program.pair.nodes, program.pair.series)


@dataclass(frozen=True)
class ZblCode:
    """ZBL core: weights and rates; by pair inner and outer distance, 1/(outer - inner), strength, 1/a."""

    weights: tuple[float, ...]
    rates: tuple[float, ...]
    table: Table


def zbl_code(program: KernelProgram) -> ZblCode | None:
    """The ZBL core of a program; None without one."""
    terms = [term for term in program.references if isinstance(term, Zbl)]
    if not terms:
        return None
    (term,) = terms
    table = [
        [[*constants, strength, inverse_length] for constants, strength, inverse_length in zip(*rows, strict=True)]
        for rows in zip(switch_constants(term.ranges), term.strength, term.inverse_length, strict=True)
    ]
    return ZblCode(tuple(w for w, _ in term.screening), tuple(rate for _, rate in term.screening), table)


def switch_constants(ranges: Ranges) -> Table:
    """Inner and outer distance of a switch and 1/(outer - inner), by centre and neighbour."""
    return [[[inner, outer, 1 / (outer - inner)] for inner, outer in row] for row in ranges]


def core_reach(program: KernelProgram) -> list[list[float]] | None:
    """Square of the larger outer distance of reference terms and inner switch; None if there are none."""
    tables = [term.ranges for term in program.references] + ([program.inner.ranges] if program.inner else [])
    if not tables:
        return None
    rows = (zip(*by_table, strict=True) for by_table in zip(*tables, strict=True))
    return [[max(outer for _, outer in pair) ** 2 for pair in row] for row in rows]
