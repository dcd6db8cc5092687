"""The compiler, stage by stage.

    stage    input → output
    -------  ------------------------------------------------------------------------------------------------
    spec     TOML file or mapping → `Spec`: validated, defaults filled in.
    algebra  `Spec` → `ParticleAlgebra`: one-particle functions and their products, over the rationals.
    basis    `ParticleAlgebra` → `Basis`: labels, coupling, purification operator, scales, over the rationals.
    graph    `Basis` → `Graph`: one flat polynomial program in the pooled functions A.
    optimize `Graph` and coefficients → `Program`: the product stage of the potential, at the least estimated cost.
    codegen  `Graph` and `Program` → `GeneratedCode`: C99 and what goes with it; constants are rounded here.
    build    `GeneratedCode` → a folder with an importable module, complete or not at all.

A stage takes the previous stage's frozen dataclass and imports nothing later than itself.
"""

from __future__ import annotations

from pathlib import Path

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.basis.describe import basis_hash, describe_basis
from acegen.build.module import build_module
from acegen.build.toolchain import Toolchain
from acegen.codegen import generate_code
from acegen.codegen.target import choose_targets
from acegen.coefficients import Coefficients, check_coefficients
from acegen.graph import build_graph
from acegen.optimize import optimize
from acegen.options import BuildOptions
from acegen.progress import Progress
from acegen.spec import AnySpec


def run_stages(
    spec: AnySpec,
    coefficients: Coefficients | None,
    options: BuildOptions,
    toolchain: Toolchain,
    key: str,
    staging: Path,
    target: Path,
    progress: Progress,
) -> None:
    """Take a spec through all stages to a module at `target`.

    Args:
        spec: the specification.
        coefficients: one number per basis function by centre element and what goes with them, or None for a module
            without a potential.
        options: how to compile.
        toolchain: the C compiler.
        key: cache key to record in the module.
        staging: empty folder to work in, on the file system of `target`.
        target: folder of the finished module.
        progress: told about each stage.

    Raises:
        SpecError, CoefficientError, BuildError: with one clear message; `target` is then untouched.
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
        if coefficients is not None:
            identity = basis_hash(description)
            check_coefficients(coefficients, identity, spec.species, basis.n_basis)
    with progress.stage("graph"):
        graph = build_graph(basis)
        progress.report(f"{len(graph.products):,} products of {graph.layout.size:,} pooled functions")
    targets = choose_targets(options, toolchain.vector_bytes, toolchain.registers)
    program = None
    if coefficients is not None:
        with progress.stage("optimize"):
            _, many_body = basis.split(coefficients.values)
            program = optimize(graph, many_body, targets.potential.variables, options.products)
            cost = program.products.cost
            progress.report(f"{program.reports[-1].result}, {cost.multiply_adds:,} multiply-adds a centre")
    with progress.stage("codegen"):
        code = generate_code(graph, description, targets, coefficients, program)
        progress.report(f"{len(code.files)} files, {sum(map(len, code.files.values())) / 1024:,.0f} kB")
    with progress.stage("build"):
        build_module(code, key, options, toolchain, staging, target, progress)
        progress.report(f"{len(code.c_sources)} C files, {' '.join((*toolchain.command, *toolchain.march))}")
