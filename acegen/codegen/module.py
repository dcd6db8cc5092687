"""Sixth stage: kernel programs as the source of a module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from acegen.codegen.backend import Backend
from acegen.codegen.environment import Context, abi_header, render, template_environment
from acegen.codegen.titles import GENERATOR, banner, transform_formula
from acegen.elements import ATOMIC_NUMBERS
from acegen.errors import BuildError
from acegen.optimize import ProductStage
from acegen.program.by_pair import ByPair
from acegen.program.embedding import Identity
from acegen.program.kernel import Distance, KernelProgram, PairEnergies, PairFunctions
from acegen.program.term_text import embedding_text
from acegen.program.uncertainty import CommitteeProgram, GradeProgram
from acegen.store import files


@dataclass(frozen=True)
class Documents:
    """Documents that go into a module unchanged, and the identities derived from what they say.

    Attributes:
        files: text by file name: a description of the basis and perhaps coefficients; or of a potential, and that.
        facts: of a potential from a file, for readers: pairs of what is said, and that; empty for a basis.
        basis_hash: identity of the basis, or of a potential from a file: SHA-256 of the description.
        model_hash: identity of the name, the basis, the coefficients, the atomic energies and the uncertainty, or of
            name and potential.
        archives: content of further files by name: of what a fit knows of its own uncertainty.
    """

    files: Mapping[str, str]
    facts: tuple[tuple[str, str], ...]
    basis_hash: str
    model_hash: str
    archives: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class UncertaintyPrograms:
    """The kernels beside a potential; see `acegen.program.uncertainty`. Either may be missing."""

    grades: GradeProgram | None = None
    committee: CommitteeProgram | None = None


@dataclass(frozen=True)
class GeneratedCode:
    """Result of the codegen stage.

    Attributes:
        name: name of the model.
        files: text by file name: C sources, headers, documents, README, package.
        archives: content of other files by name.
        c_sources: names of the files to compile.
        basis_hash, model_hash: as in `Documents`.
    """

    name: str
    files: Mapping[str, str]
    archives: Mapping[str, bytes]
    c_sources: tuple[str, ...]
    basis_hash: str
    model_hash: str


@dataclass(frozen=True)
class ModelContext:
    """NAME.c: describes the model and points to its kernels."""

    template: ClassVar[str] = "module/model.c.j2"

    name: str
    banner: str
    generator: str
    symmetry: str
    dimension: int
    atoms: bool
    elements: tuple[str, ...]
    atomic_numbers: tuple[int, ...]
    cutoffs: ByPair
    several_cutoffs: bool
    atomic_energies: tuple[float, ...]
    basis: bool
    n_basis: int
    n_pair: int
    max_order: int
    basis_hash: str
    model_hash: str
    potential: bool
    reference: bool
    grade_kind: str
    grade_thresholds: tuple[float, ...]
    n_members: int
    calibration: tuple[float, ...]
    quantiles: tuple[tuple[float, ...], ...]
    single: bool
    openmp: bool


@dataclass(frozen=True)
class PackageContext:
    """__init__.py of a module."""

    template: ClassVar[str] = "module/__init__.py.j2"

    banner: str
    atoms: bool
    basis: bool
    potential: bool
    n_basis: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class PotentialReadmeContext:
    """README.md of a module made from a potential file."""

    template: ClassVar[str] = "module/README_potential.md.j2"

    name: str
    banner: str
    backend: str
    atoms: bool
    dimension: int
    facts: tuple[tuple[str, str], ...]
    elements: tuple[str, ...]
    potential: bool
    single: bool
    openmp: bool
    basis_hash: str


@dataclass(frozen=True)
class ReadmeContext:
    """README.md of a module with a basis."""

    template: ClassVar[str] = "module/README.md.j2"

    name: str
    banner: str
    backend: str
    symmetry: str
    dimension: int
    atoms: bool
    vectors: bool
    has_cutoff: bool
    elements: tuple[str, ...]
    expansion: str
    n_basis: int
    counts: tuple[int, ...]
    radial_formula: str
    transform_formula: str
    n_pair: int
    pair_degree: int
    zbl: bool
    inner: bool
    embedding: str
    atomic_energies: tuple[float, ...]
    has_atomic_energies: bool
    cutoffs: ByPair
    potential: bool
    grade_kind: str
    grade_thresholds: tuple[float, ...]
    n_members: int
    single: bool
    openmp: bool
    basis_hash: str


def generate_code(
    descriptors: KernelProgram | None,
    potential: KernelProgram | None,
    stage: ProductStage | None,
    backend: Backend,
    documents: Documents,
    uncertainty: UncertaintyPrograms | None = None,
) -> GeneratedCode:
    """Write the source of a module: a basis kernel, a potential kernel, or both.

    Args:
        descriptors: the basis functions; None for a potential from a file, which has none.
        potential: the site energy; None for a module without a potential.
        stage: the product stage of the potential, from the backend's `optimize`.
        backend: writes the kernels.
        documents: what goes with them.
        uncertainty: kernels of grades and of a committee.

    Raises:
        BuildError: a program contains something the backend does not support, or the programs are not of one model.
    """
    program = potential if descriptors is None else descriptors
    if program is None:
        raise BuildError("a module needs the program of a basis, of a potential, or both.")
    if descriptors is not None and potential is not None:
        _check_one_model(descriptors, potential)
    beside = uncertainty or UncertaintyPrograms()
    environment = template_environment()
    contexts: dict[str, Context] = {
        files.PACKAGE: _package(program, potential),
        files.source(program.name): _model(program, potential, beside, backend, documents),
    }
    if descriptors is None:
        contexts[files.README] = _potential_readme(program, backend, documents)
    else:
        contexts[files.README] = _readme(descriptors, potential, beside, backend, documents)
    content = {file: render(environment, context) for file, context in contexts.items()}
    content |= backend.generate(descriptors, potential, stage)
    if beside.grades is not None:
        content |= backend.generate_grades(beside.grades)
    if beside.committee is not None:
        content |= backend.generate_committee(beside.committee)
    content[files.ABI_HEADER] = abi_header()
    content |= documents.files
    sources = tuple(file for file in content if file.endswith(".c"))
    return GeneratedCode(program.name, content, documents.archives, sources, documents.basis_hash, documents.model_hash)


def _check_one_model(descriptors: KernelProgram, potential: KernelProgram) -> None:
    """Kernels share headers, so what is in them must agree."""
    pairs = [program.pair for program in (descriptors, potential)]
    coordinates = [None if pair is None else pair.coordinate for pair in pairs]
    envelopes = [
        pair.envelope if isinstance(pair, PairEnergies) else None if pair is None else pair.radial.envelope
        for pair in pairs
    ]
    common = ("name", "symmetry", "dimension", "species", "one_particle", "layout", "references", "inner")
    different = [field for field in common if getattr(descriptors, field) != getattr(potential, field)]
    if coordinates[0] != coordinates[1] or envelopes[0] != envelopes[1]:
        different.append("pair")
    if different:
        raise BuildError(
            f"the programs of descriptors and potential of '{descriptors.name}' are not of one model: they differ in "
            f"{', '.join(different)}."
        )


def _has_basis(program: KernelProgram) -> bool:
    return program.embedding is None


def _counts(program: KernelProgram) -> tuple[int, ...]:
    """Number of basis functions by order; none if the program is a potential."""
    if not _has_basis(program):
        return ()
    counts = [program.n_pair] + [0] * (program.notes.max_order - 1)
    for order, _ in zip(program.orders, program.outputs.names, strict=False):
        counts[order - 1] += 1
    return tuple(counts)


def _model(
    program: KernelProgram,
    potential: KernelProgram | None,
    beside: UncertaintyPrograms,
    backend: Backend,
    documents: Documents,
) -> ModelContext:
    grades, committee = beside.grades, beside.committee
    return ModelContext(
        name=program.name,
        banner=banner(program),
        generator=GENERATOR,
        symmetry=program.symmetry,
        dimension=program.dimension,
        atoms=program.atoms,
        elements=program.species,
        atomic_numbers=tuple(ATOMIC_NUMBERS.get(symbol, 0) for symbol in program.species),
        cutoffs=program.reach,
        several_cutoffs=program.pair is not None or bool(program.references),
        atomic_energies=(program if potential is None else potential).atomic_energies,
        basis=_has_basis(program),
        n_basis=sum(_counts(program)),
        n_pair=program.n_pair,
        max_order=program.notes.max_order,
        basis_hash=documents.basis_hash,
        model_hash=documents.model_hash,
        potential=potential is not None,
        reference=_has_basis(program) and bool(program.references),
        grade_kind="" if grades is None else grades.kind,
        grade_thresholds=() if grades is None else grades.thresholds,
        n_members=0 if committee is None else committee.n_members,
        calibration=() if committee is None else committee.calibration,
        quantiles=() if committee is None else committee.quantiles,
        single=backend.single,
        openmp=backend.openmp,
    )


def _package(program: KernelProgram, potential: KernelProgram | None) -> PackageContext:
    counts = _counts(program)
    return PackageContext(
        banner(program), program.atoms, _has_basis(program), potential is not None, sum(counts), counts
    )


def _potential_readme(program: KernelProgram, backend: Backend, documents: Documents) -> PotentialReadmeContext:
    return PotentialReadmeContext(
        name=program.name,
        banner=banner(program),
        backend=backend.name,
        atoms=program.atoms,
        dimension=program.dimension,
        facts=documents.facts,
        elements=program.species,
        potential=True,
        single=backend.single,
        openmp=backend.openmp,
        basis_hash=documents.basis_hash,
    )


def _embedding(potential: KernelProgram | None) -> str:
    """F(ρ) in words; empty without a potential, and where F is ρ itself."""
    if potential is None or potential.embedding is None or isinstance(potential.embedding[0], Identity):
        return ""
    return embedding_text(potential.embedding[0])


def _readme(
    program: KernelProgram,
    potential: KernelProgram | None,
    beside: UncertaintyPrograms,
    backend: Backend,
    documents: Documents,
) -> ReadmeContext:
    coordinate, counts = program.one_particle.coordinate, _counts(program)
    energies = (program if potential is None else potential).atomic_energies
    return ReadmeContext(
        name=program.name,
        banner=banner(program),
        backend=backend.name,
        symmetry=program.symmetry,
        dimension=program.dimension,
        atoms=program.atoms,
        vectors=program.dimension > 1,
        has_cutoff=isinstance(coordinate, Distance),
        elements=program.species,
        expansion=program.notes.expansion,
        n_basis=sum(counts),
        counts=counts,
        radial_formula=program.notes.radial,
        transform_formula=transform_formula(coordinate) if isinstance(coordinate, Distance) else "",
        n_pair=program.n_pair,
        pair_degree=len(program.pair.scales) if isinstance(program.pair, PairFunctions) else 0,
        zbl=bool(program.references),
        inner=program.inner is not None,
        embedding=_embedding(potential),
        atomic_energies=energies,
        has_atomic_energies=any(energies),
        cutoffs=program.reach,
        potential=potential is not None,
        grade_kind="" if beside.grades is None else beside.grades.kind,
        grade_thresholds=() if beside.grades is None else beside.grades.thresholds,
        n_members=0 if beside.committee is None else beside.committee.n_members,
        single=backend.single,
        openmp=backend.openmp,
        basis_hash=documents.basis_hash,
    )
