"""The potential of a module, or of a spec, in the forms it can have; for commands that describe it."""

from __future__ import annotations

from functools import partial

from acegen.basis import Basis
from acegen.build.toolchain import find_toolchain
from acegen.codegen.backend import Backend, Machine, choose_backend
from acegen.forms import Form, LinearPrograms, possible_forms
from acegen.lower import ProductExpansion, density_coefficients, potential_of_products, potential_program
from acegen.options import BuildOptions
from acegen.program.kernel import KernelProgram
from acegen.runtime import CompiledModel
from acegen.store.coefficients import read_coefficients
from acegen.store.files import COEFFICIENTS


def backend_for(options: BuildOptions) -> Backend:
    """The backend that these options ask for, for this machine."""
    toolchain = find_toolchain(options.march)
    return choose_backend(options, Machine(toolchain.vector_bytes, toolchain.registers))


def module_forms(
    basis: Basis, model: CompiledModel, backend: Backend, whole: ProductExpansion | None = None
) -> tuple[Form, ...]:
    """Those with a module's coefficients, the one it is compiled in first; `whole` as in `LinearPrograms`."""
    coefficients = read_coefficients(model.path / COEFFICIENTS)
    values, energies = coefficients.values, coefficients.atomic_energies
    fold = partial(potential_program, coefficients=values, atomic_energies=energies)
    programs = LinearPrograms(basis, density_coefficients(basis, values), fold, whole)
    return possible_forms(programs, backend, model.options.products)


def largest_forms(basis: Basis, options: BuildOptions, backend: Backend) -> tuple[Form, ...]:
    """Those with ones for all products."""

    spec = basis.spec

    def ones(expansion: ProductExpansion) -> KernelProgram:
        of_density = dict.fromkeys(spec.species, [1.0] * expansion.size)
        return potential_of_products(expansion, [of_density] * spec.n_densities)

    return possible_forms(LinearPrograms(basis, None, ones), backend, options.products)
