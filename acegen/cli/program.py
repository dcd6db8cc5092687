"""`acegen info --program`: what a kernel computes, in words."""

from __future__ import annotations

from pathlib import Path

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.cli.file_info import described_forms
from acegen.cli.potential import backend_for, module_forms
from acegen.cli.target import is_potential
from acegen.forms import coupled_expansion
from acegen.lower import descriptor_program, expand_products
from acegen.options import BuildOptions
from acegen.program import program_hash, program_text
from acegen.program.kernel import KernelProgram
from acegen.progress import Progress
from acegen.runtime import Model, open_model
from acegen.spec import load_spec


def show_program(target: Path, options: BuildOptions, progress: Progress) -> None:
    """Print the kernel program of a module's potential (or basis, if it has no potential), of a spec or potential file.

    For a module, its own options are used, not `options`.
    """
    model = open_model(target) if target.is_dir() else None
    if (isinstance(model, Model) and not model.has_basis) or (model is None and is_potential(target)):
        of_file = model if isinstance(model, Model) else target
        _print(described_forms(of_file, model.options if model else options, progress)[2][0].potential)
        return
    spec = load_spec(target if model is None else {"name": model.name, **model.description["spec"]})
    with progress.stage("basis"):
        basis = derive_basis(build_algebra(spec), progress)
        coupled = coupled_expansion(basis)
        expansion = coupled or expand_products(basis)
        progress.report(f"{basis.n_basis:,} functions from {expansion.size:,} products")
    program = descriptor_program(expansion)
    if model is not None and model.has_potential:
        program = module_forms(basis, model, backend_for(model.options), coupled)[0].potential
    _print(program)


def _print(program: KernelProgram) -> None:
    print(f"# identity {program_hash(program)}")
    print(program_text(program), end="")
