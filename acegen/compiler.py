"""The compiler, stage by stage.

    stage    input → output
    -------  ------------------------------------------------------------------------------------------------
    spec     TOML file or mapping → `Spec`: validated, defaults filled in.
    algebra  `Spec` → `ParticleAlgebra`: one-particle functions and their products, over the rationals.
    basis    `ParticleAlgebra` → `Basis`: labels, coupling, purification operator, scales, over the rationals.
    graph    `Basis` → `Graph`: one flat polynomial program in the pooled functions A.
    codegen  `Graph` (and coefficients) → `GeneratedCode`: C99 and what goes with it; constants are rounded here.
    build    `GeneratedCode` → a folder with an importable module, complete or not at all.

A stage takes the previous stage's frozen dataclass and imports nothing later than itself.
"""

from __future__ import annotations

from pathlib import Path

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.basis.describe import basis_hash, describe_basis
from acegen.build import build_key, build_module, find_toolchain, is_built, staging_folder
from acegen.codegen import generate_code
from acegen.coefficients import CoefficientSource, check_coefficients, read_coefficients
from acegen.graph import build_graph
from acegen.progress import Progress, Silent
from acegen.spec import SpecSource, load_spec


def compile_model(
    spec_source: SpecSource,
    directory: str | Path = "generated",
    coefficient_source: CoefficientSource | None = None,
    progress: Progress | None = None,
) -> Path:
    """Compile a spec to a module in `directory`/NAME. Returns its folder; a second call finds it done.

    Raises:
        SpecError, CoefficientError, BuildError: with one clear message; nothing half-written is left.
    """
    progress = progress or Silent()
    directory = Path(directory)
    with progress.stage("spec"):
        spec = load_spec(spec_source)
        own_hash, coefficients = (None, None) if coefficient_source is None else read_coefficients(coefficient_source)
        toolchain = find_toolchain()
        target = directory / spec.name
        key = build_key(spec, (own_hash, coefficients), toolchain)
        progress.report(f"{spec.name}: order {spec.basis.order}, elements {', '.join(spec.basis.elements)}")
        if is_built(target, key):
            progress.report(f"{spec.name}: unchanged, {target} is up to date")
            return target
    with staging_folder(directory, spec.name) as staging:
        with progress.stage("algebra"):
            algebra = build_algebra(spec)
            progress.report(f"{algebra.radial.family.kind} radial functions, envelope {algebra.radial.envelope}")
        with progress.stage("basis"):
            basis = derive_basis(algebra, progress)
            counts = " + ".join(map(str, basis.count_by_order()))
            extra = f", {basis.n_auxiliary:,} auxiliary" if basis.n_auxiliary else ""
            progress.report(f"{counts} = {basis.n_basis:,} functions{extra}, 𝒫 has {basis.n_nonzero:,} non-zeros")
            if coefficients is not None:
                identity = basis_hash(describe_basis(basis))
                check_coefficients(coefficients, own_hash, identity, spec.basis.elements, basis.n_basis)
        with progress.stage("graph"):
            graph = build_graph(basis)
            progress.report(f"{len(graph.products):,} products of {graph.layout.size:,} pooled functions")
        with progress.stage("codegen"):
            code = generate_code(graph, coefficients)
            size = sum(map(len, code.files.values())) / 1024
            progress.report(f"{len(code.files)} files, {size:,.0f} kB")
        with progress.stage("build"):
            build_module(code, key, toolchain, staging, target, progress)
            progress.report(toolchain.describe())
    return target
