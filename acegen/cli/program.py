"""`acegen info --program`: what a kernel computes, in words."""

from __future__ import annotations

from pathlib import Path

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.lower import descriptor_program, expand_products, potential_program
from acegen.program import program_hash, program_text
from acegen.progress import Progress
from acegen.runtime import open_model
from acegen.spec import load_spec
from acegen.store.coefficients import read_coefficients
from acegen.store.files import COEFFICIENTS


def show_program(target: Path, progress: Progress) -> None:
    """Print the kernel program of a module's potential (or basis, if it has no potential), or of a spec."""
    model = open_model(target) if target.is_dir() else None
    spec = load_spec(target if model is None else {"name": model.name, **model.description["spec"]})
    with progress.stage("basis"):
        expansion = expand_products(derive_basis(build_algebra(spec), progress))
        progress.report(f"{expansion.basis.n_basis:,} functions from {len(expansion.products):,} products")
    program = descriptor_program(expansion)
    if model is not None and model.has_potential:
        coefficients = read_coefficients(model.path / COEFFICIENTS)
        program = potential_program(expansion, coefficients.values, coefficients.atomic_energies)
    print(f"# identity {program_hash(program)}")
    print(program_text(program), end="")
