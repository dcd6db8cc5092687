"""C99 with vector extensions: each lane of a register holds a different centre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from acegen.codegen.environment import render, template_environment
from acegen.codegen.lanes.committee import committee_sources
from acegen.codegen.lanes.contexts import (
    BasisContext,
    DerivativesContext,
    LanesContext,
    PairContext,
    PairHeaderContext,
    PotentialContext,
)
from acegen.codegen.lanes.contraction import contraction_code
from acegen.codegen.lanes.core import core_code
from acegen.codegen.lanes.embedding import embedding_code
from acegen.codegen.lanes.functions import basis_functions
from acegen.codegen.lanes.grades import grade_sources
from acegen.codegen.lanes.pair import core_reach, pair_code, series_code, zbl_code
from acegen.codegen.lanes.parts import coupled_files, inner_file, particle_code, product_files
from acegen.codegen.lanes.polar import polar_code
from acegen.codegen.lanes.pooling import (
    contract_blocks,
    contract_shapes,
    missing_harmonics,
)
from acegen.codegen.lanes.radial import radial_code
from acegen.codegen.lanes.slopes import most_columns, transposition
from acegen.codegen.lanes.space import space_code
from acegen.codegen.lanes.target import Target, Targets, choose_targets
from acegen.codegen.literals import double_literal
from acegen.codegen.tables import first_entries, output_rows
from acegen.codegen.titles import banner
from acegen.errors import BuildError
from acegen.optimize import Cost, ProductStage, optimize
from acegen.options import BuildOptions, ProductForm
from acegen.program.bonds import Bonds
from acegen.program.embedding import Members
from acegen.program.kernel import Agnesi, Distance, KernelProgram
from acegen.program.uncertainty import CommitteeProgram, GradeProgram
from acegen.store import files

_BAND = 32
"""Numbers of each coupled product that are purified together: all of them stay in the second level of the cache."""


@dataclass(frozen=True)
class LanesBackend:
    """The fast backend: GCC and Clang, on any processor with vector registers."""

    targets: Targets

    @classmethod
    def of(cls, options: BuildOptions, vector_bytes: int, registers: int) -> LanesBackend:
        """The backend for registers of a given width in bytes, and number."""
        return cls(choose_targets(options, vector_bytes, registers))

    @property
    def name(self) -> str:
        return "lanes"

    @property
    def single(self) -> bool:
        return self.targets.potential.precision == "single"

    @property
    def openmp(self) -> bool:
        return self.targets.openmp

    @property
    def description(self) -> str:
        return f"{self.targets.potential.lanes} lanes, {self.targets.potential.precision} precision"

    def optimize(self, potential: KernelProgram, form: ProductForm) -> ProductStage:
        """Straight-line code or tables, at the least estimated cost."""
        return optimize(potential, self.targets.potential.cost_model, form)

    def seconds(self, cost: Cost) -> float:
        return self.targets.potential.seconds(cost)

    def generate(
        self, descriptors: KernelProgram | None, potential: KernelProgram | None, stage: ProductStage | None
    ) -> Mapping[str, str]:
        """The files of both kernels."""
        program = descriptors or potential
        assert program is not None
        _check(program)
        if potential is not None and any(isinstance(own, Members) for own in potential.embedding or ()):
            raise BuildError("a committee is no potential: its members have no common energy.")
        name = program.name
        contexts: dict[str, LanesContext] = {}
        if descriptors is not None:
            _check_descriptors(descriptors)
            contexts |= _basis_files(descriptors, self.targets.basis)
        contexts |= _pair_files(program, descriptors, potential)
        header = files.header(name, "particles")
        if descriptors is None and (contexts or not self.single):
            contexts[header] = particle_code(program, self.targets.basis)
        environment = template_environment(double_literal)
        rendered = {file: render(environment, context) for file, context in contexts.items()}
        if potential is not None and stage is not None:
            particles = files.header(name, "single_particles") if self.single else header
            contexts = product_files(potential, stage, self.targets.potential, particles)
            if stage.coupled is not None:
                contexts |= coupled_files(potential, stage.coupled, self.targets.potential)
            contexts[files.source(name, "potential")] = _potential(potential, self.targets, particles)
            if self.single:
                contexts[particles] = particle_code(potential, self.targets.potential)
            environment = template_environment(self.targets.potential.literal)
            rendered |= {file: render(environment, context) for file, context in contexts.items()}
        return rendered

    def generate_grades(self, grades: GradeProgram) -> Mapping[str, str]:
        """The kernel of grades."""
        return grade_sources(grades, self.targets)

    def generate_committee(self, committee: CommitteeProgram) -> Mapping[str, str]:
        """The kernel of a committee."""
        return committee_sources(committee, self.targets)


def _check(program: KernelProgram) -> None:
    """Refuse what these templates cannot express: a pair term with another kind of coordinate than the rest."""
    if program.pair is None:
        return
    kinds = []
    for coordinate in (program.pair.coordinate, program.one_particle.coordinate):
        transform = coordinate.transform if isinstance(coordinate, Distance) else None
        kinds.append(replace(transform, r0=()) if isinstance(transform, Agnesi) else transform)
    if kinds[0] != kinds[1]:
        raise BuildError(
            f"the pair term of '{program.name}' has a different distance transform from the rest, which the backend "
            "'lanes' does not support; use the backend 'plain'."
        )


def _check_descriptors(program: KernelProgram) -> None:
    """Bonds and contractions are for potentials."""
    if isinstance(program.one_particle.coordinate, Bonds) or program.contraction is not None:
        raise BuildError(
            f"the descriptors of '{program.name}' have radial functions by pair of species, which the backend 'lanes' "
            "supports only in potentials; use the backend 'plain', or leave the descriptors out."
        )


def _basis_files(program: KernelProgram, target: Target) -> dict[str, LanesContext]:
    """Particles, derivatives and basis functions, in double precision."""
    name, layout = program.name, program.layout
    particles = particle_code(program, target)
    functions = basis_functions(program, target.lanes)
    rows = output_rows(program, functions.order)
    n_species = len(program.species)
    contexts: dict[str, LanesContext] = {
        files.header(name, "particles"): particles,
        files.header(name, "derivatives"): DerivativesContext(
            name=name,
            banner=banner(program),
            elements=program.species,
            space=particles.space,
            most_columns=most_columns(target),
            n_rows=functions.n_rows,
            scales=functions.coupled.scales if functions.coupled else (),
            shells=tuple((shell, layout.angular_index(shell.l, shell.m)) for shell in layout.shells),
            shell_first=tuple(sum(k.species < z for k in layout.shells) for z in range(n_species + 1)),
            pooled_first=tuple(next(k.offset for k in layout.shells if k.species == z) for z in range(n_species)),
        ),
        files.source(name, "basis"): BasisContext(
            name=name,
            banner=banner(program),
            space=particles.space,
            canonical=program.notes.expansion == "canonical",
            pair=program.pair is not None,
            inner=program.inner is not None,
            n_basis=program.n_pair + len(rows),
            n_pair=program.n_pair,
            n_purified=len(rows),
            n_coupled=len(program.orders),
            max_order=program.notes.max_order,
            lanes=target.lanes,
            most_columns=most_columns(target),
            band=max(1, _BAND // target.lanes),
            functions=functions,
            products=bool(functions.coupling.term_weight),
            n_slopes=max(1, -(-functions.n_slopes // target.lanes)) * target.lanes,
            transposition=transposition(target.lanes),
            purify_first=first_entries(rows),
            purify_rows=rows,
        ),
    }
    if program.inner is not None:
        contexts |= inner_file(program)
    return contexts


def _pair_files(
    program: KernelProgram, descriptors: KernelProgram | None, potential: KernelProgram | None
) -> dict[str, LanesContext]:
    """The pairwise parts, in double precision; nothing if there are none."""
    name, pair, zbl = program.name, pair_code(program), zbl_code(program)
    inner = program.inner is not None
    if pair is None and zbl is None and not (inner and potential):
        return {}
    parts = ["the pair term"] * (pair is not None) + ["the inner cutoff"] * inner + ["the ZBL core"] * (zbl is not None)
    contexts: dict[str, LanesContext] = {
        files.header(name, "pair"): PairHeaderContext(
            name=name,
            banner=banner(program),
            parts=", ".join(parts),
            pair=pair is not None,
            inner=inner,
            descriptors=descriptors is not None,
            potential=potential is not None,
        ),
        files.source(name, "pair"): PairContext(
            name=name,
            banner=banner(program),
            elements=program.species,
            pair=pair,
            series=series_code(potential),
            zbl=zbl,
            inner=inner,
            core_reach=core_reach(program),
            descriptors=descriptors is not None,
            potential=potential is not None,
        ),
    }
    if inner and descriptors is None:
        contexts |= inner_file(program)
    return contexts


def _potential(program: KernelProgram, targets: Targets, particles: str) -> PotentialContext:
    layout, target, one = program.pooled, targets.potential, program.one_particle
    radial = radial_code(one.coordinate, one.radial, program.notes.radial, target.literal)
    space = space_code(program, radial)
    blocks = [] if space.sphere else contract_blocks(layout, target)
    return PotentialContext(
        name=program.name,
        banner=banner(program),
        particles=particles,
        elements=program.species,
        space=space,
        openmp=targets.openmp,
        pairwise=program.pair is not None or core_reach(program) is not None,
        embedded=embedding_code(program) is not None,
        contraction=contraction_code(program),
        core=core_code(program),
        tiles=target.tiles,
        polar=polar_code(layout, program.species, target.force_tile, target.literal) if space.sphere else None,
        contract_blocks=blocks,
        contract_shapes=contract_shapes(blocks, target),
        missing_harmonics=[missing_harmonics(layout, species) for species in range(len(program.species))],
        atomic_energies=program.atomic_energies,
        has_atomic_energies=any(program.atomic_energies),
    )
