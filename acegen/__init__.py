"""acegen: a compiler for Atomic Cluster Expansion models.

    model = acegen.compile("spec.toml")              # derive, generate, build, load
    model = acegen.compile_potential("Cu.yace")      # the same for a potential of ML-PACE
    model = acegen.load("generated/NAME")            # load what was built

Importing this package is light: NumPy and cffi are loaded with the first model, SymPy when a basis is derived.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acegen.errors import (
    AcegenError,
    BuildError,
    CoefficientError,
    DependencyError,
    ExtrapolationError,
    IsolatedAtomWarning,
    ModuleError,
    PotentialError,
    SpecError,
    StructureError,
)
from acegen.version import __version__

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from acegen.algebra.angular import GeneratedAngularAlgebra
    from acegen.basis import Basis
    from acegen.compiler import PotentialSource
    from acegen.options import BuildOptions
    from acegen.progress import Progress
    from acegen.runtime import (
        DesignBlock,
        DesignRows,
        FunctionLabel,
        Model,
        ParticleModel,
        Result,
        design_blocks,
        load,
        load_particles,
    )
    from acegen.spec import SpecSource
    from acegen.store.coefficients import Coefficients, CoefficientSource, write_coefficients
    from acegen.store.uncertainty import UncertaintySource

_LAZY = {
    "BuildOptions": "acegen.options",
    "Coefficients": "acegen.store.coefficients",
    "DesignBlock": "acegen.runtime",
    "DesignRows": "acegen.runtime",
    "FunctionLabel": "acegen.runtime",
    "Model": "acegen.runtime",
    "ParticleModel": "acegen.runtime",
    "Result": "acegen.runtime",
    "design_blocks": "acegen.runtime",
    "load": "acegen.runtime",
    "load_particles": "acegen.runtime",
    "write_coefficients": "acegen.store.coefficients",
}


def compile(
    spec: SpecSource,
    directory: str | Path = "generated",
    coefficients: CoefficientSource | None = None,
    progress: Progress | None = None,
    options: BuildOptions | None = None,
    uncertainty: UncertaintySource | None = None,
) -> Model:
    """Compile a spec to a module in `directory`/NAME and load it.

    Args:
        spec: path of a TOML file, or a mapping of the same shape.
        directory: where the module's folder is made.
        coefficients: a coefficient file, `Coefficients`, or a mapping from centre element to an array in label
            order, shape (n_basis,), eV; with these the model computes energies and forces.
        progress: told about each stage; silent by default.
        options: instruction set, lanes, precision, threads; by default the fastest on this machine.
        uncertainty: what the fit of these coefficients knows of its own uncertainty, `uncertainty.npz` or a folder with
            it, or an `Uncertainty`; with this the model also has grades, and a committee.

    Raises:
        SpecError: the spec is wrong, or asks for a model too large to build.
        CoefficientError: the coefficients are malformed or belong to another basis.
        ModuleError: the uncertainty is missing, damaged, or belongs to another basis.
        BuildError: no C compiler, or the directory cannot be written.
    """
    from acegen.compiler import compile_model
    from acegen.runtime import load
    from acegen.spec import load_atomic_spec

    return load(compile_model(load_atomic_spec(spec), directory, coefficients, progress, options, uncertainty))


def compile_particles(
    spec: SpecSource,
    directory: str | Path = "generated",
    coefficients: CoefficientSource | ArrayLike | None = None,
    progress: Progress | None = None,
    options: BuildOptions | None = None,
) -> ParticleModel:
    """Compile a spec of particles other than atoms to a module in `directory`/NAME and load it.

    Args:
        coefficients: as for `compile`, under the name "particle"; or an array, shape (n_basis,).

    Other arguments and errors as for `compile`; uncertainty is for atoms only.
    """
    from collections.abc import Mapping

    from acegen.compiler import compile_model
    from acegen.runtime import load_particles
    from acegen.spec import load_particle_spec
    from acegen.store.coefficients import Coefficients

    if coefficients is not None and not isinstance(coefficients, str | Path | Mapping | Coefficients):
        coefficients = {"particle": coefficients}  # type: ignore[dict-item]
    return load_particles(compile_model(load_particle_spec(spec), directory, coefficients, progress, options))


def compile_potential(
    potential: PotentialSource,
    directory: str | Path = "generated",
    name: str | None = None,
    progress: Progress | None = None,
    options: BuildOptions | None = None,
) -> Model:
    """Compile a potential file to a module in `directory`/NAME and load it.

    The model has energies and forces, but no basis functions.

    Args:
        potential: path of a `.yace` or `.ace` file of ML-PACE, or of a B-basis `.yaml` file of pacemaker; or a
            potential that `acegen.yace` has read or made.
        name: of the model; by default that of the file, with other characters than letters and digits replaced.

    Other arguments as for `compile`.

    Raises:
        PotentialError: the file cannot be read, or is no potential that acegen can evaluate.
        BuildError: no C compiler, or the directory cannot be written.
    """
    from acegen.compiler import compile_file
    from acegen.runtime import load

    return load(compile_file(potential, directory, name, progress, options))


def derive(spec: SpecSource, progress: Progress | None = None) -> Basis:
    """Derive the exact basis of a spec without compiling it: labels, coupling, purification operator, scales.

    `acegen.orthogonal` computes its Gram matrices and orthonormal bases.

    Args:
        spec: path of a TOML file, or a mapping of the same shape; of atoms or of other particles.
        progress: told about what is done; silent by default.

    Raises:
        SpecError: the spec is wrong, or asks for a basis too large to compile.
    """
    from acegen.algebra import build_algebra
    from acegen.basis import derive_basis
    from acegen.spec import load_spec

    return derive_basis(build_algebra(load_spec(spec)), progress)


def add_space(space: GeneratedAngularAlgebra) -> None:
    """Register a custom particle space, so that specifications may name its symmetry.

    An installed package can register one for every acegen command, by an entry point in the group "acegen.spaces" that
    names a module calling this function.

    Args:
        space: its functions of directions, their products, and the group.

    Raises:
        SpecError: its name is taken, or its product table contradicts its functions or its group.
    """
    from acegen.algebra.spaces import enter_space

    enter_space(space)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'acegen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


__all__ = [
    "AcegenError",
    "BuildError",
    "BuildOptions",
    "CoefficientError",
    "Coefficients",
    "DependencyError",
    "DesignBlock",
    "DesignRows",
    "ExtrapolationError",
    "FunctionLabel",
    "IsolatedAtomWarning",
    "Model",
    "ModuleError",
    "ParticleModel",
    "PotentialError",
    "Result",
    "SpecError",
    "StructureError",
    "__version__",
    "add_space",
    "compile",
    "compile_particles",
    "compile_potential",
    "derive",
    "design_blocks",
    "load",
    "load_particles",
    "write_coefficients",
]
