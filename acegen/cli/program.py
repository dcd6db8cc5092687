"""`acegen info --program`: what a kernel computes, in words."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.build.toolchain import find_toolchain
from acegen.codegen.backend import Machine, choose_backend
from acegen.forms import coupled_expansion, possible_forms
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
        basis = derive_basis(build_algebra(spec), progress)
        coupled = coupled_expansion(basis)
        expansion = coupled or expand_products(basis)
        progress.report(f"{basis.n_basis:,} functions from {expansion.size:,} products")
    program = descriptor_program(expansion)
    if model is not None and model.has_potential:
        coefficients = read_coefficients(model.path / COEFFICIENTS)
        values, energies = coefficients.values, coefficients.atomic_energies
        fold = partial(potential_program, coefficients=values, atomic_energies=energies)
        toolchain = find_toolchain(model.options.march)
        backend = choose_backend(model.options, Machine(toolchain.vector_bytes, toolchain.registers))
        of_products = basis.split(values)[1]
        program = possible_forms(basis, of_products, fold, backend, model.options.products, coupled)[0].potential
    print(f"# identity {program_hash(program)}")
    print(program_text(program), end="")
