"""Files that several kernels of the lanes backend consist of, as the contexts of their templates."""

from __future__ import annotations

from collections.abc import Sequence

from acegen.codegen.lanes.bonds import bond_code
from acegen.codegen.lanes.contexts import (
    CoupledContext,
    CoupledHeaderContext,
    CoupledTypesContext,
    InnerContext,
    LanesContext,
    ParticlesContext,
    ProductsContext,
    ProductsHeaderContext,
    ProductsPartContext,
    Way,
)
from acegen.codegen.lanes.cost import TWO_SUMS
from acegen.codegen.lanes.coupled import alone, coupled_tables
from acegen.codegen.lanes.coupled_types import TypeCode, type_codes, type_files
from acegen.codegen.lanes.directions import directions_code
from acegen.codegen.lanes.embedding import embedding_code
from acegen.codegen.lanes.harmonics import harmonics_code
from acegen.codegen.lanes.pair import switch_constants
from acegen.codegen.lanes.pooling import pool_code, pooled_legend
from acegen.codegen.lanes.products import compact_tables, function_files
from acegen.codegen.lanes.radial import radial_code, transform_constants
from acegen.codegen.lanes.space import space_code
from acegen.codegen.lanes.target import Target
from acegen.codegen.titles import banner
from acegen.optimize import CompactProgram, ListedProducts, ProductStage
from acegen.optimize.coupled import CoupledStage
from acegen.optimize.functions import MAX_TERMS
from acegen.program.bonds import Bonds
from acegen.program.kernel import Distance, KernelProgram
from acegen.store import files


def particle_code(program: KernelProgram, target: Target) -> ParticlesContext:
    """Lanes, one-particle functions and pooling."""
    one, layout = program.one_particle, program.pooled
    radial = radial_code(one.coordinate, one.radial, program.notes.radial, target.literal)
    space = space_code(program, radial)
    return ParticlesContext(
        name=program.name,
        banner=banner(program),
        elements=program.species,
        space=space,
        single=target.precision == "single",
        lanes=target.lanes,
        tiles=target.tiles,
        first_n=layout.first,
        n_radial=layout.n_radial,
        l_max=layout.l_max,
        n_harmonics=layout.n_angular,
        n_pooled=layout.size,
        pooled="A" if program.contraction is None else "P",
        pairs=transform_constants(one.coordinate) if isinstance(one.coordinate, Distance) else [],
        bonds=bond_code(one.coordinate, program.core, target) if isinstance(one.coordinate, Bonds) else None,
        core=program.core is not None,
        radial=radial,
        harmonics=harmonics_code(layout.l_max, target.literal),
        directions=directions_code(one.angular, program.dimension, target.literal),
        pool=pool_code(layout, program.species, space.sphere, target),
    )


def inner_file(program: KernelProgram) -> dict[str, LanesContext]:
    """The inner switch."""
    assert program.inner is not None
    return {
        files.header(program.name, "inner"): InnerContext(
            name=program.name,
            banner=banner(program),
            n_species=len(program.species),
            inner=switch_constants(program.inner.ranges),
        )
    }


def product_files(
    program: KernelProgram, stage: ProductStage, target: Target, particles: str
) -> dict[str, LanesContext]:
    """The product stage: a header, coefficients with tables or calls, and files of straight-line code."""
    name, products, n_pooled = program.name, stage.products, program.layout.size
    embedding = embedding_code(program)
    assert not isinstance(products, ListedProducts)
    tables = compact_tables(products) if isinstance(products, CompactProgram) else None
    parts = [] if isinstance(products, CompactProgram) else function_files(products)
    coefficients = tuple(stage.coefficients.values())
    middle, middle_coefficient = 0 if n_pooled <= 128 else min(n_pooled // 2, 128), MAX_TERMS // 2
    functions = tuple(function for part in parts for function in part)
    contexts: dict[str, LanesContext] = {
        files.header(name, "products"): ProductsHeaderContext(
            name=name,
            banner=banner(program),
            particles=particles,
            legend=pooled_legend(program.layout, program.species),
            n_contracted=0 if program.contraction is None else n_pooled,
            densities=embedding,
            n_stored=products.n_stored,
            group=target.cost_model.group(products),
            functions=tuple(function.number for function in functions),
            n_coupled=0 if stage.coupled is None else stage.coupled.size,
        ),
        files.source(name, "products"): ProductsContext(
            name=name,
            banner=banner(program),
            rows=program.row_names,
            embedding=embedding,
            contracted=program.contraction is not None,
            n_terms=stage.n_terms,
            product_fmas=stage.cost.multiply_adds,
            coefficients=coefficients,
            n_coefficients=max(1, len(coefficients[0])) + (0 if tables else MAX_TERMS // 2),
            middle=middle,
            middle_coefficient=middle_coefficient,
            tables=tables,
            n_stored=products.n_stored,
            two_sums=TWO_SUMS,
            functions=functions,
            n_files=len(parts),
            coupled=stage.coupled is not None,
        ),
    }
    for number, part in enumerate(parts, start=1):
        contexts[files.source(name, f"products_{number}")] = ProductsPartContext(
            name=name,
            banner=banner(program),
            middle=middle,
            middle_coefficient=middle_coefficient,
            part=tuple(part),
        )
    return contexts


def coupled_files(program: KernelProgram, coupled: CoupledStage, target: Target) -> dict[str, LanesContext]:
    """The coupled products: a header, tables with the matrices, and files of code for types of pairs.

    The values of members are those of `by_degree`; they go back elsewhere.
    """
    name, codes, embedding = program.name, type_codes(coupled, target.variables), embedding_code(program)
    members = embedding is not None and embedding.members
    ways: tuple[Way, ...] = ("forward",) if members else ("forward", "back")
    tables = coupled_tables(
        coupled, program.layout, target.cost_model.coupled, codes, target.lanes_bytes, program.species
    )
    contexts: dict[str, LanesContext] = {
        files.source(name, "coupled"): CoupledContext(
            name=name,
            banner=banner(program),
            rows=program.row_names,
            densities=embedding is not None,
            members=members,
            single=target.precision == "single",
            n_scalars=len(coupled.products.scalars),
            shift=coupled.shift,
            stride=coupled.products.first_components[-1],
            tables=alone(tables, coupled, target.lanes_bytes) if members else tables,
        ),
    }
    return contexts | couple_files(program, coupled, target, codes, files.header(name, "products"), ways)


def couple_files(
    program: KernelProgram,
    coupled: CoupledStage,
    target: Target,
    codes: Sequence[TypeCode],
    include: str,
    ways: tuple[Way, ...],
) -> dict[str, LanesContext]:
    """Code for types of pairs, and the header that declares it, which includes another one.

    Args:
        program: the program.
        coupled: its coupled values.
        target: what the code is written for.
        codes: of the types.
        include: name of the other header.
        ways: which code there is of each.
    """
    name, most = program.name, max(coupled.size, program.layout.size)
    contexts: dict[str, LanesContext] = {
        files.header(name, "coupled"): CoupledHeaderContext(
            name=name,
            banner=banner(program),
            include=include,
            position="uint16_t" if most * target.lanes_bytes < 1 << 16 else "uint32_t",
            types=tuple(range(len(coupled.types))),
            ways=ways,
        )
    }
    for number, part in enumerate(type_files(codes), start=1):
        own = CoupledTypesContext(name, banner(program), tuple(part), ways)
        contexts[files.source(name, f"coupled_{number}")] = own
    return contexts
