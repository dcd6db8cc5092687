"""The kernel of grades: invariants of each centre, a dense matrix times these, and a norm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from acegen.codegen.environment import render, template_environment
from acegen.codegen.lanes.contexts import GradeContext, GradeRowsContext, LanesContext
from acegen.codegen.lanes.coupled import coupled_tables
from acegen.codegen.lanes.coupled_types import type_codes
from acegen.codegen.lanes.grade_tables import filled, invariant_tables, panels
from acegen.codegen.lanes.pair import pair_code
from acegen.codegen.lanes.parts import couple_files, inner_file, particle_code
from acegen.codegen.lanes.target import Targets
from acegen.codegen.literals import double_literal
from acegen.codegen.tables import coupling_tables, invariants_of
from acegen.codegen.titles import banner
from acegen.errors import BuildError
from acegen.optimize.coupled import values_alone
from acegen.optimize.grades import fold_rows
from acegen.program.bonds import Bonds
from acegen.program.uncertainty import GradeProgram
from acegen.store import files

_SMALL_TABLE = 3 << 18
"""Bytes of a matrix that stays in the second level of the cache, beside the values of a few blocks."""

_MANY = 3
"""Times as many blocks are multiplied by a larger one together."""

_BAND_BYTES = 24_000
"""Values of a few blocks that stay in the first level of the cache while a matrix passes by."""


def grade_sources(grades: GradeProgram, targets: Targets) -> Mapping[str, str]:
    """C files by name; lanes are those of `targets.basis`.

    Raises:
        BuildError: the descriptors have radial functions by pair of species, or are not combinations of coupled
            functions.
    """
    original, target = grades.descriptors, targets.basis
    if isinstance(original.one_particle.coordinate, Bonds) or original.contraction is not None:
        raise BuildError(
            f"the backend 'lanes' writes no grades for '{original.name}': its descriptors have radial functions by "
            "pair of species."
        )
    program = replace(original, name=f"{original.name}_grade")
    name, folded = program.name, fold_rows(grades)
    stage = None if program.coupled is None else values_alone(program.coupled)
    scalar_of = invariants_of(program)
    invariants = invariant_tables(scalar_of, stage, target)
    products = [function for function in range(len(program.orders)) if function not in scalar_of]
    height, most_blocks = (8, 3) if target.variables >= 32 else (4, 2)
    band = max(8, _BAND_BYTES // (most_blocks * target.lanes_bytes))
    n_panels = -(-max(len(rows) for rows in grades.rows) // height)
    order = [*invariants.functions, *products]
    tables = [panels(own, order, height, n_panels, band) for own in folded]
    n_columns = program.n_pair + len(order)
    contexts: dict[str, LanesContext] = {files.header(name, "particles"): particle_code(program, target)}
    coupled = None
    if stage is not None:
        codes = type_codes(stage, target.variables)
        contexts |= couple_files(program, stage, target, codes, files.header(name, "particles"), ("forward",))
        coupled = coupled_tables(
            stage, program.layout, target.cost_model.coupled, codes, target.lanes_bytes, program.species
        )
    if program.inner is not None:
        contexts |= inner_file(program)
    constants = tuple(filled(own, n_panels * height) for own in grades.constants)
    contexts[files.source(name)] = GradeContext(
        name=name,
        banner=banner(program),
        kind=grades.kind,
        elements=program.species,
        openmp=targets.openmp,
        tables=coupled,
        n_values=0 if stage is None else stage.size,
        invariants=invariants,
        products=coupling_tables(program, products) if products else None,
        pair=pair_code(program),
        inner=program.inner is not None,
        maximum=grades.norm == "maximum",
        n_columns=n_columns,
        height=height,
        n_panels=n_panels,
        most_blocks=most_blocks,
        band=band,
        group=most_blocks * (1 if 8 * n_columns * n_panels * height <= _SMALL_TABLE else _MANY),
        constants=constants,
    )
    environment = template_environment(double_literal)
    for number, (element, lines) in enumerate(zip(program.species, tables, strict=True), start=1):
        contexts[files.source(name, f"rows_{number}")] = GradeRowsContext(
            name=name,
            banner=banner(program),
            element=element,
            number=number,
            height=height,
            band=band,
            n_columns=n_columns,
            n_panels=n_panels,
            lines=lines,
        )
    return {file: render(environment, context) for file, context in contexts.items()}
