"""Conditions on a kernel program beyond the types of its fields, for programs from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from acegen.errors import AcegenError
from acegen.program.bonds import Bond, Bonds, ExponentialCosine, InversePower, Power
from acegen.program.by_pair import Ranges
from acegen.program.core import (
    Core,
    EnergySwitch,
    GaussianRepulsion,
    NearestSwitch,
    PolynomialRepulsion,
    ScreenedRepulsion,
)
from acegen.program.coupled_checks import coupled_faults
from acegen.program.embedding import Embedding, Identity, Members
from acegen.program.kernel import (
    Agnesi,
    Circle,
    Contraction,
    Coordinate,
    DirectionPolynomials,
    Distance,
    Harmonics,
    KernelProgram,
    NoAngles,
    PairEnergies,
    PairFunctions,
    Position,
    Row,
)
from acegen.program.layout import PooledLayout


class ProgramError(AcegenError):
    """A document that is not a kernel program, or a program that contradicts itself."""


def check_program(program: KernelProgram) -> None:
    """Check that positions exist, tables have an entry for every pair, and parts fit together.

    Raises:
        ProgramError: naming the first fault.
    """
    for fault in _faults(program):
        raise ProgramError(f"the kernel program '{program.name}' contradicts itself: {fault}.")


def _term_count(embedding: Embedding) -> int:
    match embedding:
        case Identity():
            return 1
        case Members(constants):
            return len(constants)
    return len(embedding.terms)


def _faults(program: KernelProgram) -> Iterator[str]:
    count = len(program.species)
    if not count or len(set(program.species)) < count:
        yield "species must be one or more different names"
    if not 1 <= program.dimension <= 3 or (program.atoms and program.dimension < 3):
        yield "atoms have three coordinates, other particles one to three"
    if not program.atoms and count > 1:
        yield "particles other than atoms have one species"
    yield from _functions(program)
    yield from _outputs(program)
    if len(program.atomic_energies) != count:
        yield "atomic_energies must have a number for every species"
    if program.embedding is not None:
        if len(program.embedding) != count:
            yield "embedding must have an entry for every species"
            return
        for center, embedding in enumerate(program.embedding):
            if _term_count(embedding) != len(program.outputs.of(center)):
                yield "embedding must have a term for every output of a species"
        yield from _members(program, program.embedding)
    if program.core is not None:
        if program.embedding is None or program.pair or program.references or program.inner:
            yield "a core is for potentials without a pair term, references or an inner switch"
        if not isinstance(program.one_particle.coordinate, Bonds):
            yield "a core is for potentials with bonds"
        yield from _core(program.core, count)
    for name, ranges in [("inner", program.inner.ranges)] if program.inner else []:
        yield from _ranges(name, ranges, count)
    for term in program.references:
        yield from _ranges("references", term.ranges, count)
        yield from _matrix("references", term.strength, count)
        yield from _matrix("references", term.inverse_length, count)
    yield from _pair(program)


def _members(program: KernelProgram, embedding: Sequence[Embedding]) -> Iterator[str]:
    counts = {len(own.constants) if isinstance(own, Members) else None for own in embedding}
    if counts == {None}:
        return
    if len(counts) > 1 or 0 in counts:
        yield "members must be of all centres, as many around each, and at least one"
    if program.references or program.core or any(program.atomic_energies):
        yield "members have no references, core or atomic energies"


def _functions(program: KernelProgram) -> Iterator[str]:
    layout, one = program.layout, program.one_particle
    if len(layout.counts) != len(program.species) or not layout.components:
        yield "layout must have counts for every species"
        return
    if any(len(row) != len(layout.components) or min(row) < 0 for row in layout.counts) or not layout.size:
        yield "layout must have a count for every l"
        return
    if any(not any(row) for row in layout.counts):
        yield "layout must have an A of every species"
    pooled = program.pooled
    if program.contraction is not None:
        if len(pooled.counts) != len(layout.counts) or pooled.components != layout.components or not pooled.size:
            yield "contraction.pooled must have the species and components of layout"
            return
        yield from _contraction(program.contraction, layout)
    if pooled.first != one.radial.first or pooled.n_radial > one.radial.count:
        yield "layout counts radial functions that do not exist"
    match one.angular:
        case Harmonics(l_max):
            there = [tuple(range(-l, l + 1)) for l in range(l_max + 1)]
        case Circle(l_max):
            there = [(-l, l) if l else (0,) for l in range(l_max + 1)]
        case DirectionPolynomials(functions):
            there = list(layout.components) if len(functions) == layout.n_angular else []
            if any(len(powers) != program.dimension or min(powers) < 0 for terms in functions for powers, _ in terms):
                yield "angular functions must have a power for every coordinate"
        case NoAngles():
            there = [(0,)]
    if list(layout.components) != there:
        yield "layout.components are not those of the angular functions"
    if isinstance(one.coordinate, Position) != (program.dimension == 1):
        yield "a coordinate that is the particle itself is for particles with one coordinate"
    yield from _coordinate("one_particle", one.coordinate, len(program.species))


def _contraction(contraction: Contraction, layout: PooledLayout) -> Iterator[str]:
    count, widths = len(layout.counts), contraction.pooled.counts
    if any(len(row) != len(layout.components) or min(row) < 0 for row in widths):
        yield "contraction.pooled must have a count for every l"
        return
    if len(contraction.weights) != count:
        yield "contraction.weights must have an entry for every species"
    expected = tuple(
        tuple((width,) * n for n, width in zip(ns, ks, strict=True))
        for ns, ks in zip(layout.counts, widths, strict=True)
    )
    for weights in contraction.weights:
        found = tuple(tuple(tuple(map(len, of_l)) for of_l in of_species) for of_species in weights)
        if found != expected:
            yield "contraction.weights must have a number for every A and every pooled function"
            return


def _core(core: Core, count: int) -> Iterator[str]:
    repulsion = core.repulsion
    match repulsion:
        case GaussianRepulsion():
            for name in ("strength", "rate", "cutoffs", "ranges"):
                yield from _matrix(f"core.repulsion.{name}", getattr(repulsion, name), count)
        case ScreenedRepulsion():
            yield from _ascending("core.repulsion", repulsion.ranges, count)
            for name in ("strength", "inverse_length"):
                yield from _matrix(f"core.repulsion.{name}", getattr(repulsion, name), count)
        case PolynomialRepulsion():
            for name in ("coefficients", "cores", "cutoffs"):
                yield from _matrix(f"core.repulsion.{name}", getattr(repulsion, name), count)
            if any(len(own) != len(repulsion.steps) for row in repulsion.coefficients for own in row):
                yield "core.repulsion.coefficients must have a number for every step"
    match core.switch:
        case EnergySwitch(ranges):
            if len(ranges) != count:
                yield "core.switch must have an entry for every species"
        case NearestSwitch(by_pair):
            yield from _ascending("core.switch", by_pair, count)


def _outputs(program: KernelProgram) -> Iterator[str]:
    outputs, n_terms = program.outputs, len(program.products)
    if program.coupled is not None:
        faults = list(islice(coupled_faults(program.coupled, program.layout, program.one_particle.angular), 1))
        yield from faults
        if faults:
            return
        n_terms += len(program.coupled.scalars)
    for product in program.products:
        if not product or list(product) != sorted(product) or not 0 <= product[0] <= product[-1] < program.layout.size:
            yield "products must be ascending positions of A's"
            return
    if outputs.coupling is not None:
        yield from _rows("outputs.coupling", outputs.coupling, n_terms)
        if any(not row for row in outputs.coupling):
            yield "every row of outputs.coupling must have an entry"
            return
        orders = [{program.product_orders[t] for t, _ in row if 0 <= t < n_terms} for row in outputs.coupling]
        if any(len(found) > 1 for found in orders):
            yield "a row of outputs.coupling must be of products of one order"
        n_terms = len(outputs.coupling)
    if len(outputs.rows) not in (1, len(program.species)):
        yield "outputs.rows must have one entry, or one for every species"
    for rows in outputs.rows:
        if len(rows) != len(outputs.names) and (program.embedding is None or len(rows) > len(outputs.names)):
            yield "outputs.rows must have a row for every name"
        yield from _rows("outputs.rows", rows, n_terms)


def _rows(name: str, rows: Sequence[Row], width: int) -> Iterator[str]:
    if any(not 0 <= position < width for row in rows for position, _ in row):
        yield f"{name} names a position that does not exist"


def _pair(program: KernelProgram) -> Iterator[str]:
    pair, count = program.pair, len(program.species)
    if pair is None:
        return
    if not program.atoms or isinstance(pair, PairEnergies) != (program.embedding is not None):
        yield "pair functions are for descriptors of atoms, pair energies for potentials"
    yield from _coordinate("pair", pair.coordinate, count)
    match pair:
        case PairFunctions():
            if len(pair.scales) != pair.radial.count:
                yield "pair.scales must have a number for every radial function"
        case PairEnergies():
            committee = any(isinstance(own, Members) for own in program.embedding or ())
            n_sums = program.row_first[-1] if committee else count
            if len(pair.series) != n_sums or any(len(row) != count for row in pair.series):
                whose = "output of a committee and species" if committee else "pair of species"
                yield f"pair.series must have an entry for every {whose}"
            if any(len(series) != len(pair.nodes) + 1 for row in pair.series for series in row):
                yield "pair.series must have one coefficient more than there are nodes"


def _coordinate(name: str, coordinate: Coordinate, count: int) -> Iterator[str]:
    if isinstance(coordinate, Bonds):
        yield from _matrix(f"{name}.coordinate.pairs", coordinate.pairs, count)
        if any(bond.cutoff <= 0 for row in coordinate.pairs for bond in row):
            yield f"{name}.coordinate must have positive cutoffs"
        if not all(map(_sound, (bond for row in coordinate.pairs for bond in row))):
            yield f"{name}.coordinate must have rates other than zero, positive exponents and different ends"
    if isinstance(coordinate, Distance):
        yield from _matrix(f"{name}.coordinate.cutoffs", coordinate.cutoffs, count)
        lengths = [length for row in coordinate.cutoffs for length in row]
        if isinstance(coordinate.transform, Agnesi):
            yield from _matrix(f"{name}.coordinate.transform.r0", coordinate.transform.r0, count)
            lengths += [length for row in coordinate.transform.r0 for length in row]
            if not 1 <= coordinate.transform.p <= coordinate.transform.q:
                yield f"{name}.coordinate.transform must have powers 1 <= p <= q"
        if min(lengths, default=0.0) <= 0:
            yield f"{name}.coordinate must have positive lengths"


def _sound(bond: Bond) -> bool:
    """Whether the formulas of a bond can be evaluated."""
    match bond.shape:
        case ExponentialCosine(rate, width):
            return rate != 0 and width > 0
        case Power(exponent):
            return exponent > 0
        case InversePower(_, r0, left, right, p_left, p_right):
            return r0 > -1 and left < right and min(p_left, p_right) >= 0
    return True


def _ranges(name: str, ranges: Ranges, count: int) -> Iterator[str]:
    yield from _ascending(name, ranges, count)
    if any(inner < 0 for row in ranges for inner, _ in row):
        yield f"{name}.ranges must have inner distances that are not negative"


def _ascending(name: str, ranges: Ranges, count: int) -> Iterator[str]:
    """An inner distance below zero is allowed: the switch is on its way at all distances."""
    yield from _matrix(f"{name}.ranges", ranges, count)
    if any(not inner < outer for row in ranges for inner, outer in row):
        yield f"{name}.ranges must have inner distances below outer ones"


def _matrix(name: str, table: Sequence[Sequence[object]], count: int) -> Iterator[str]:
    if len(table) != count or any(len(row) != count for row in table):
        yield f"{name} must have an entry for every pair of species"
