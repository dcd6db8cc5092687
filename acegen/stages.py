"""The compiler, stage by stage. From a spec:

    stage    input → output
    -------  ------------------------------------------------------------------------------------------------
    spec     TOML file or mapping → `Spec`: validated, defaults filled in.
    algebra  `Spec` → `ParticleAlgebra`: one-particle functions and their products, over the rationals.
    basis    `ParticleAlgebra` → `Basis`: labels, coupling, purification operator, scales, over the rationals.
    lower    `Basis` and coefficients → two `KernelProgram`s, descriptors and potential; numbers are rounded here, once.
             With what a fit knows of its own uncertainty also a `GradeProgram` and a `CommitteeProgram`.
    optimize `KernelProgram` → `ProductStage`: the product stage of the potential, at the least cost on a target. The
             last two stages are run for each form a potential can have (`acegen.forms`); descriptors have but one,
             coupled if they can be.
    codegen  `KernelProgram`s and `ProductStage` → `GeneratedCode`: C99 by one of the backends, and accompanying files.
    build    `GeneratedCode` → a folder with an importable module.

From a potential file, with the last three stages the same:

    read     file → `YacePotential`: what it says, checked.
    lower    `YacePotential` → a `KernelProgram` in coupled products, in products of A's, or both.

A stage takes the previous stage's frozen dataclass and imports nothing later than itself. The kernel program
(`acegen.program`) is the wall in the middle: nothing before it knows a target language, and nothing after it knows
specifications, bases or files. docs/maintainers/architecture.md shows all packages and which imports which.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from acegen.algebra import build_algebra
from acegen.basis import Basis, derive_basis
from acegen.basis.describe import basis_hash, describe_basis, former_hashes
from acegen.build.job import Job
from acegen.build.module import build_module
from acegen.codegen.backend import Backend, Machine, choose_backend
from acegen.codegen.module import Documents, UncertaintyPrograms, generate_code
from acegen.forms import Form, LinearPrograms, cost_in_words, coupled_expansion, file_forms, possible_forms
from acegen.lower import (
    ProductExpansion,
    density_coefficients,
    descriptor_program,
    expand_products,
    potential_program,
)
from acegen.lower.uncertainty import committee_program, grade_program, member_coefficients, members_program
from acegen.program import program_hash
from acegen.program.kernel import KernelProgram
from acegen.progress import Progress
from acegen.spec import AnySpec
from acegen.store.coefficients import Coefficients, check_coefficients, coefficient_document, model_hash
from acegen.store.files import COEFFICIENTS
from acegen.store.manifest import BASIS, DESCRIPTION, POTENTIAL, UNCERTAINTY
from acegen.store.uncertainty import Uncertainty, check_uncertainty, uncertainty_document
from acegen.yace.description import description_text, facts
from acegen.yace.potential import YacePotential
from acegen.yace.writing import potential_text


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the collector of cyclic garbage: none of the many small tuples are cyclic, and it looks at all of them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_without_collector()
def run_stages(
    spec: AnySpec,
    coefficients: Coefficients | None,
    uncertainty: Uncertainty | None,
    job: Job,
    staging: Path,
    progress: Progress,
) -> None:
    """Take a spec through all stages to a module in `staging`.

    Args:
        spec: the specification.
        coefficients: one number per basis function by centre element, with atomic energies; None for a module without
            a potential.
        uncertainty: of a potential that is linear in its coefficients; None without any.
        job: how to compile, and what for.
        staging: empty folder to work in.
        progress: told about each stage.

    Raises:
        SpecError, CoefficientError, ModuleError, BuildError: with one clear message.
    """
    with progress.stage("algebra"):
        algebra = build_algebra(spec)
        family = f", {spec.radial.family} family" if spec.radial else ""
        progress.report(f"{algebra.radial.family.kind} polynomials{family}, symmetry {spec.basis.symmetry}")
    with progress.stage("basis"):
        basis = derive_basis(algebra, progress)
        counts = " + ".join(f"{count:,}" for count in basis.count_by_order())
        extra = f", {basis.n_auxiliary:,} auxiliary" if basis.n_auxiliary else ""
        progress.report(f"{counts} = {basis.n_basis:,} functions{extra}; 𝒫 has {basis.n_nonzero:,} non-zeros")
        description = describe_basis(basis)
        documents = documents_of(spec.name, description, coefficients, uncertainty)
        accepted = (documents.basis_hash, *former_hashes(description))
        if uncertainty is not None:
            check_uncertainty(uncertainty, accepted, spec.species, basis.n_basis)
        if coefficients is not None:
            check_coefficients(coefficients, accepted, spec.species, basis.n_pair, basis.n_coupled, spec.n_densities)
    with progress.stage("lower"):
        coupled = coupled_expansion(basis)
        expansion = coupled or expand_products(basis)
        descriptors = descriptor_program(expansion)
        progress.report(f"{expansion.size:,} products of {expansion.layout.size:,} pooled functions")
        beside = None if uncertainty is None else _uncertainty_programs(basis, coupled, expansion, uncertainty)
    backend, form = _backend(job), None
    if coefficients is not None:
        with progress.stage("optimize"):
            values, energies = coefficients.values, coefficients.atomic_energies
            of_products = density_coefficients(basis, values)
            fold = partial(potential_program, coefficients=values, atomic_energies=energies)
            programs = LinearPrograms(basis, of_products, fold, coupled)
            form = possible_forms(programs, backend, job.options.products)[0]
            progress.report(cost_in_words(form))
    _write(descriptors, form, beside, backend, documents, job, staging, progress)


def _uncertainty_programs(
    basis: Basis, coupled: ProductExpansion | None, expansion: ProductExpansion, uncertainty: Uncertainty
) -> UncertaintyPrograms:
    """Kernels of grades, in the products of the descriptors, and of the committee, in those of a potential."""
    grades, committee = uncertainty.grades, uncertainty.committee
    of_grades = None if grades is None else grade_program(expansion, grades)
    if committee is None:
        return UncertaintyPrograms(of_grades)
    of_products = [basis.split(member)[1] for member in member_coefficients(basis, committee)]
    programs = LinearPrograms(basis, of_products, partial(members_program, committee=committee), coupled)
    return UncertaintyPrograms(of_grades, committee_program(programs.coupled() or programs.products(), committee))


@_without_collector()
def run_file_stages(source: str | Path | YacePotential, name: str, job: Job, staging: Path, progress: Progress) -> None:
    """Take a potential file through all stages to a module in `staging`.

    Args:
        source: the file, or what was read from one.
        name: of the model.
        job, staging, progress: as for `run_stages`.

    Raises:
        PotentialError, BuildError: with one clear message.
    """
    backend = _backend(job)
    potential, (best, *_) = file_forms(source, name, backend, job.options.products, progress)
    origin = "a potential in memory" if isinstance(source, YacePotential) else Path(source).name
    documents = file_documents(name, potential, origin, best.potential)
    _write(None, best, None, backend, documents, job, staging, progress)


def _backend(job: Job) -> Backend:
    return choose_backend(job.options, Machine(job.toolchain.vector_bytes, job.toolchain.registers))


def _write(
    descriptors: KernelProgram | None,
    form: Form | None,
    uncertainty: UncertaintyPrograms | None,
    backend: Backend,
    documents: Documents,
    job: Job,
    staging: Path,
    progress: Progress,
) -> None:
    """The last two stages, codegen and build."""
    potential, stage = (None, None) if form is None else (form.potential, form.stage)
    with progress.stage("codegen"):
        code = generate_code(descriptors, potential, stage, backend, documents, uncertainty)
        progress.report(f"{len(code.files)} files, {sum(map(len, code.files.values())) / 1024:,.0f} kB")
    with progress.stage("build"):
        build_module(code, job.key, job.options, job.toolchain, staging, job.target, progress)
        progress.report(f"{len(code.c_sources)} C files, {' '.join((*job.toolchain.command, *job.toolchain.march))}")


def documents_of(
    name: str, description: str, coefficients: Coefficients | None, uncertainty: Uncertainty | None = None
) -> Documents:
    """The documents of basis, coefficients and uncertainty in a module, with the identities that follow from them."""
    identity = basis_hash(description)
    documents = {BASIS: description}
    if coefficients is not None:
        documents[COEFFICIENTS] = coefficient_document(replace(coefficients, basis_hash=identity))
    archives = {}
    if uncertainty is not None:
        archives[UNCERTAINTY] = uncertainty_document(replace(uncertainty, basis_hash=identity))
    own_hash = model_hash(name, identity, coefficients, archives.get(UNCERTAINTY))
    return Documents(documents, (), identity, own_hash, archives)


def file_documents(name: str, potential: YacePotential, origin: str, program: KernelProgram) -> Documents:
    """The documents of a potential in a module, with the identities that follow from them.

    Args:
        name: of the model.
        potential: the potential.
        origin: name of the file it came from.
        program: what is compiled.
    """
    description = description_text(potential, origin, program_hash(program))
    documents, identity = {POTENTIAL: potential_text(potential), DESCRIPTION: description}, basis_hash(description)
    return Documents(documents, facts(potential, origin), identity, model_hash(name, identity, None))
