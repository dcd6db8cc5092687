"""Portable scalar C99: plain loops over tables of constants, for any compiler, and for reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

from acegen.codegen.environment import render, template_environment
from acegen.codegen.plain.contexts import (
    BasisContext,
    CommitteeContext,
    CoordinateCode,
    CoreContext,
    CoreHeaderContext,
    FunctionsContext,
    FunctionsHeaderContext,
    GradeContext,
    PairContext,
    PairHeaderContext,
    PlainContext,
    PooledEntry,
    PotentialContext,
    ReferenceCode,
)
from acegen.codegen.plain.coupled import coupled_tables
from acegen.codegen.plain.potentials import BondsCode, bonds_code, contraction_code, embedding_code, repulsion_code
from acegen.codegen.tables import coupling_tables, first_entries, invariants_of, output_rows
from acegen.codegen.titles import banner, transform_formula
from acegen.optimize import Cost, ListedProducts, ProductStage, list_products
from acegen.options import ProductForm
from acegen.program.bonds import Bonds
from acegen.program.core import EnergySwitch, GaussianRepulsion
from acegen.program.kernel import (
    Agnesi,
    Circle,
    Coordinate,
    DirectionPolynomials,
    Distance,
    Harmonics,
    KernelProgram,
    NoAngles,
    PairEnergies,
    PairFunctions,
    Recurrence,
    Smootherstep,
    Zbl,
)
from acegen.program.uncertainty import CommitteeProgram, GradeProgram
from acegen.store import files

_ANGULAR = {Harmonics: "harmonics", Circle: "circle", DirectionPolynomials: "polynomials", NoAngles: "none"}
"""Template of each kind of angular functions."""


@dataclass(frozen=True)
class PlainBackend:
    """The portable backend: double precision, one thread."""

    @property
    def name(self) -> str:
        return "plain"

    @property
    def single(self) -> bool:
        return False

    @property
    def openmp(self) -> bool:
        return False

    @property
    def description(self) -> str:
        return "scalar, double precision"

    def optimize(self, potential: KernelProgram, form: ProductForm) -> ProductStage:
        """The products unchanged, without those that are zero for every element."""
        return list_products(potential)

    def seconds(self, cost: Cost) -> float:
        return cost.seconds(1, 1)

    def generate(
        self, descriptors: KernelProgram | None, potential: KernelProgram | None, stage: ProductStage | None
    ) -> Mapping[str, str]:
        """The files of the kernels there are programs for, at least one."""
        common = descriptors or potential
        if common is None:
            raise ValueError("there is no program")
        contexts = _function_files(common) | _pair_files(common, potential)
        if descriptors is not None:
            contexts[files.source(common.name, "basis")] = _basis(descriptors)
        if potential is not None and stage is not None:
            contexts[files.source(common.name, "potential")] = _potential(potential, stage)
            contexts |= _core_files(potential)
        return _rendered(contexts)

    def generate_grades(self, grades: GradeProgram) -> Mapping[str, str]:
        """The kernel of grades, with functions of its own."""
        program = replace(grades.descriptors, name=f"{grades.descriptors.name}_grade", references=())
        contexts = _function_files(program) | _pair_files(program, None)
        contexts[files.source(program.name)] = _grade(program, grades)
        return _rendered(contexts)

    def generate_committee(self, committee: CommitteeProgram) -> Mapping[str, str]:
        """The kernel of a committee, with functions of its own."""
        program = replace(committee.members, name=f"{committee.members.name}_committee")
        contexts = _function_files(program) | _pair_files(program, program)
        contexts[files.source(program.name)] = _committee(program, committee, self.optimize(program, "auto"))
        return _rendered(contexts)


def _rendered(contexts: Mapping[str, PlainContext]) -> dict[str, str]:
    environment = template_environment()
    return {file: render(environment, context) for file, context in contexts.items()}


def _function_files(program: KernelProgram) -> dict[str, PlainContext]:
    one, layout = program.one_particle, program.pooled
    contraction = None if program.contraction is None else contraction_code(program.contraction, program.layout)
    bonds = bonds_code(one.coordinate, program.species) if isinstance(one.coordinate, Bonds) else None
    functions = one.angular.functions if isinstance(one.angular, DirectionPolynomials) else ()
    return {
        files.header(program.name, "functions"): FunctionsHeaderContext(
            name=program.name,
            banner=banner(program),
            dimension=program.dimension,
            elements=program.species,
            bonds=bonds is not None,
            pi=_has_pi(bonds, program),
            n_pooled=layout.size,
            n_contracted=0 if contraction is None else program.layout.size,
        ),
        files.source(program.name, "functions"): FunctionsContext(
            name=program.name,
            banner=banner(program),
            dimension=program.dimension,
            elements=program.species,
            coordinate=_coordinate(one.coordinate),
            bonds=bonds,
            radial=one.radial,
            radial_formula=program.notes.radial,
            transform_formula=transform_formula(one.coordinate) if isinstance(one.coordinate, Distance) else "",
            angular_formula=program.notes.angular,
            angular=_ANGULAR[type(one.angular)],
            angular_terms=tuple(term for terms in functions for term in terms),
            angular_first=tuple(accumulate(map(len, functions), initial=0)),
            l_max=layout.l_max,
            n_angular=layout.n_angular,
            pooled_first=_pooled_first(program),
            pooled=tuple(
                PooledEntry(
                    n - layout.first,
                    layout.angular_index(l, m),
                    f"z = {program.species[z]}, n = {n}, l = {l}, m = {m}",
                )
                for z, n, l, m in layout.names
            ),
            contraction=contraction,
        ),
    }


def _has_pi(bonds: BondsCode | None, program: KernelProgram) -> bool:
    """Whether a radial function or the core has a cosine."""
    cosines = bonds is not None and not {"exponential_cosine", "bessel"}.isdisjoint(bonds.shapes)
    return cosines or (program.core is not None and isinstance(program.core.repulsion, GaussianRepulsion))


def _pooled_first(program: KernelProgram) -> tuple[int, ...]:
    counts = [0] * len(program.species)
    for z, _, _, _ in program.pooled.names:
        counts[z] += 1
    return tuple(accumulate(counts, initial=0))


def _coordinate(coordinate: Coordinate) -> CoordinateCode | None:
    if not isinstance(coordinate, Distance):
        return None
    transform = coordinate.transform
    return CoordinateCode(
        cutoffs=coordinate.cutoffs,
        smootherstep=isinstance(transform, Smootherstep),
        agnesi=transform if isinstance(transform, Agnesi) else None,
    )


def _pairwise(program: KernelProgram) -> list[str]:
    """Names of what a program contains besides the products."""
    parts = ["the pair term"] * (program.pair is not None) + ["the inner switch"] * (program.inner is not None)
    return parts + ["the ZBL core"] * any(isinstance(term, Zbl) for term in program.references)


def _pair_files(program: KernelProgram, potential: KernelProgram | None) -> dict[str, PlainContext]:
    parts = ", ".join(_pairwise(program))
    if not parts:
        return {}
    pair = program.pair if isinstance(program.pair, PairFunctions) else None
    series = potential.pair if potential is not None and isinstance(potential.pair, PairEnergies) else None
    radial = pair.radial if pair else Recurrence(1, series.envelope, ()) if series else None
    return {
        files.header(program.name, "pair"): PairHeaderContext(
            name=program.name,
            banner=banner(program),
            parts=parts,
            pair=pair is not None,
            n_pair=program.n_pair,
            series=series is not None,
            inner=program.inner is not None,
            reference=bool(program.references),
        ),
        files.source(program.name, "pair"): PairContext(
            name=program.name,
            banner=banner(program),
            parts=parts,
            elements=program.species,
            pair=pair is not None,
            coordinate=None if program.pair is None else _coordinate(program.pair.coordinate),
            radial=radial,
            scales=() if pair is None else pair.scales,
            series=series,
            inner=None if program.inner is None else program.inner.ranges,
            references=tuple(_reference(term) for term in program.references),
        ),
    }


def _reference(term: Zbl) -> ReferenceCode:
    rows = zip(term.ranges, term.strength, term.inverse_length, strict=True)
    table = [[[*ends, strength, inverse] for ends, strength, inverse in zip(*row, strict=True)] for row in rows]
    return ReferenceCode(type(term).__name__, table, term.screening)


def _basis(program: KernelProgram) -> BasisContext:
    order = range(len(program.orders))
    rows = output_rows(program, order)
    invariants = invariants_of(program)
    return BasisContext(
        name=program.name,
        banner=banner(program),
        atoms=program.atoms,
        canonical=program.notes.expansion == "canonical",
        contraction=program.contraction is not None,
        pairwise=bool(_pairwise(program)),
        inner=program.inner is not None,
        n_basis=program.n_pair + len(rows),
        n_pair=program.n_pair,
        n_coupled=len(program.orders),
        coupling=coupling_tables(program, order),
        coupled=None if program.coupled is None else coupled_tables(program.coupled, program.layout),
        invariants=tuple(invariants.get(function, -1) for function in order),
        row_first=first_entries(rows),
        outputs=rows,
    )


def _potential(program: KernelProgram, stage: ProductStage) -> PotentialContext:
    products = stage.products
    assert isinstance(products, ListedProducts)
    return PotentialContext(
        name=program.name,
        banner=banner(program),
        parts=", ".join(_pairwise(program)) + "the core" * (program.core is not None),
        elements=program.species,
        pairwise=bool(_pairwise(program)),
        pair=program.pair is not None,
        inner=program.inner is not None,
        reference=bool(program.references),
        core=program.core is not None,
        contraction=program.contraction is not None,
        n_products=len(products.products),
        max_order=max(map(len, products.products), default=1),
        first=tuple(accumulate(map(len, products.products), initial=0)),
        factors=tuple(v for product in products.products for v in product),
        densities=program.row_names,
        coefficients=tuple(stage.coefficients.values()),
        coupled=None if stage.coupled is None else coupled_tables(stage.coupled.products, program.layout),
        scalar_weights=() if stage.coupled is None else tuple(stage.coupled.product_weights.values()),
        embedding=embedding_code(program),
        atomic_energies=program.atomic_energies,
    )


def _committee(program: KernelProgram, committee: CommitteeProgram, stage: ProductStage) -> CommitteeContext:
    """The context of a committee: that of a potential whose densities are energies."""
    products = stage.products
    assert isinstance(products, ListedProducts)
    return CommitteeContext(
        name=program.name,
        banner=banner(program),
        parts=", ".join(_pairwise(program)),
        elements=program.species,
        pairwise=bool(_pairwise(program)),
        pair=program.pair is not None,
        inner=program.inner is not None,
        contraction=program.contraction is not None,
        n_products=len(products.products),
        max_order=max(map(len, products.products), default=1),
        first=tuple(accumulate(map(len, products.products), initial=0)),
        factors=tuple(v for product in products.products for v in product),
        densities=tuple(f"{symbol}, member {k}" for symbol in program.species for k in range(committee.n_members)),
        coefficients=tuple(stage.coefficients.values()),
        coupled=None if stage.coupled is None else coupled_tables(stage.coupled.products, program.layout),
        scalar_weights=() if stage.coupled is None else tuple(stage.coupled.product_weights.values()),
        n_members=committee.n_members,
        constants=committee.constants,
    )


def _grade(program: KernelProgram, grades: GradeProgram) -> GradeContext:
    """The context of grades: that of the basis functions, and their combinations."""
    basis = _basis(program)
    return GradeContext(
        name=program.name,
        banner=basis.banner,
        contraction=basis.contraction,
        pairwise=basis.pairwise,
        inner=basis.inner,
        n_basis=basis.n_basis,
        n_pair=basis.n_pair,
        n_coupled=basis.n_coupled,
        coupling=basis.coupling,
        coupled=basis.coupled,
        invariants=basis.invariants,
        row_first=basis.row_first,
        outputs=basis.outputs,
        norm=grades.norm,
        combination_first=tuple(accumulate(map(len, grades.rows), initial=0)),
        constants=tuple(value for own in grades.constants for value in own),
        rows=tuple(row for own in grades.rows for row in own),
    )


def _core_files(program: KernelProgram) -> dict[str, PlainContext]:
    if program.core is None:
        return {}
    assert isinstance(program.one_particle.coordinate, Bonds)
    repulsion, switch = repulsion_code(program.core.repulsion), program.core.switch
    return {
        files.header(program.name, "core"): CoreHeaderContext(name=program.name, banner=banner(program)),
        files.source(program.name, "core"): CoreContext(
            name=program.name,
            banner=banner(program),
            elements=program.species,
            kind=repulsion.kind,
            table=repulsion.table,
            screening=repulsion.screening,
            shape=repulsion.shape,
            steps=repulsion.steps,
            coefficients=repulsion.coefficients,
            cutoffs=program.one_particle.coordinate.cutoffs,
            by_energy=isinstance(switch, EnergySwitch),
            switch=switch.ranges,
        ),
    }
