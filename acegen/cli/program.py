"""`acegen info --program`: what a kernel computes, in words."""

from __future__ import annotations

from pathlib import Path

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.cli.potential import backend_for, module_forms
from acegen.forms import coupled_expansion
from acegen.lower import descriptor_program, expand_products
from acegen.program import program_hash, program_text
from acegen.progress import Progress
from acegen.runtime import open_model
from acegen.spec import load_spec


def show_program(target: Path, progress: Progress) -> None:
    """Print the kernel program of a module's potential (or basis, if it has no potential), or of a spec."""
    model = open_model(target) if target.is_dir() else None
    spec = load_spec(target if model is None else {"name": model.name, **model.description["spec"]})
    with progress.stage("basis"):
        basis = derive_basis(build_algebra(spec), progress)
        coupled = coupled_expansion(basis)
        expansion = coupled or expand_products(basis)
        progress.report(f"{basis.n_basis:,} functions from {expansion.size:,} products")
    program = descriptor_program(expansion)
    if model is not None and model.has_potential:
        program = module_forms(basis, model, backend_for(model.options), coupled)[0].potential
    print(f"# identity {program_hash(program)}")
    print(program_text(program), end="")
