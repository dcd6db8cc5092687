"""From a spec or a potential file to a module: the cache in front of the stages (mapped in `acegen.stages`)."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from acegen.build.job import find_job
from acegen.errors import BuildError, CoefficientError, PotentialError, SpecError
from acegen.options import BuildOptions
from acegen.printing import shown, visible
from acegen.progress import Progress, Silent
from acegen.spec import AnySpec, SpecSource, load_spec
from acegen.store.coefficients import Coefficients, CoefficientSource, read_coefficients
from acegen.store.documents import check_path, unreadable
from acegen.store.names import name_fault, name_of
from acegen.store.ownership import ModuleFolder

if TYPE_CHECKING:
    from acegen.store.uncertainty import Uncertainty, UncertaintySource
    from acegen.yace.potential import YacePotential

PotentialSource: TypeAlias = "str | Path | YacePotential"
"""A potential: a file, or what was read from one."""


def compile_model(
    spec_source: SpecSource,
    directory: str | Path = "generated",
    coefficient_source: CoefficientSource | None = None,
    progress: Progress | None = None,
    options: BuildOptions | None = None,
    uncertainty_source: UncertaintySource | None = None,
) -> Path:
    """Compile a spec to a module in `directory`/NAME. Returns its folder; a second call reuses it.

    Raises:
        SpecError, CoefficientError, ModuleError, BuildError: with one clear message; nothing half-written is left
            behind.
    """
    progress = progress or Silent()
    directory = Path(directory)
    check_path(directory, "directory", BuildError)
    with progress.stage("spec"):
        spec = load_spec(spec_source)
        coefficients = None if coefficient_source is None else read_coefficients(coefficient_source)
        own = None if coefficients is None else asdict(coefficients)
        uncertainty, digest = _uncertainty(uncertainty_source, spec, coefficients)
        job = find_job([spec.canonical(), own, digest], directory / spec.name, options)
        size = f"order {spec.basis.order}, level {', '.join(map(str, dict.fromkeys(spec.levels)))}"
        progress.report(f"{spec.name}: " + (_DONE if job.done else f"{', '.join(spec.species)}, {size}"))
    if not job.done:
        with progress.stage("load"):  # not needed on a cache hit
            from acegen.stages import run_stages

            progress.report("SymPy, python-flint, Jinja2, cffi")
        with ModuleFolder(spec.name).making(job.target) as staging:
            run_stages(spec, coefficients, uncertainty, job, staging, progress)
    return job.target


def compiled_basis(spec: AnySpec, directory: str | Path) -> Path | None:
    """The folder of a basis that `compile_model` with the same arguments would reuse; None if it would compile it.

    Raises:
        BuildError: there is no C compiler.
    """
    job = find_job([spec.canonical(), None, ""], Path(directory) / spec.name, None)
    return job.target if job.done else None


def compile_file(
    source: PotentialSource,
    directory: str | Path = "generated",
    name: str | None = None,
    progress: Progress | None = None,
    options: BuildOptions | None = None,
) -> Path:
    """Compile a potential file to a module in `directory`/NAME. Returns its folder; a second call reuses it.

    Args:
        source: the file, `.yace` or `.ace` of ML-PACE, or `.yaml` of pacemaker; or a potential that was read.
        directory: where the module's folder is made.
        name: of the model; by default that of the file, with other characters than letters and digits replaced.
        progress: told about each stage.
        options: how to compile.

    Raises:
        PotentialError, BuildError: with one clear message; nothing half-written is left behind.
    """
    progress = progress or Silent()
    directory = Path(directory)
    check_path(directory, "directory", BuildError)
    with progress.stage("file"):
        path = Path(source) if isinstance(source, str | Path) else None
        if name is None:
            if path is None:
                raise BuildError("a potential that does not come from a file needs a name.")
            name = name_of(path.stem)
        fault = name_fault(name)
        if fault is not None:
            raise BuildError(f"name = {shown(name)} {fault}.")
        job = find_job([name, _digest(source)], directory / name, options)
        progress.report(f"{name}: " + (_DONE if job.done else f"potential from {path}" if path else "potential"))
    if not job.done:
        with progress.stage("load"):  # not needed on a cache hit
            from acegen.stages import run_file_stages

            progress.report("SymPy, python-flint, Jinja2, cffi")
        with ModuleFolder(name).making(job.target) as staging:
            run_file_stages(source, name, job, staging, progress)
    return job.target


_DONE = "unchanged, already compiled"


def _uncertainty(
    source: UncertaintySource | None, spec: AnySpec, coefficients: Coefficients | None
) -> tuple[Uncertainty | None, str]:
    """What a fit knows of its own uncertainty, and a hash of it."""
    if source is None:
        return None, ""
    if coefficients is None:
        raise CoefficientError("grades and uncertainties belong to a potential: give its coefficients as well.")
    if spec.embedding is not None:
        raise SpecError(
            "grades and uncertainties are for potentials that are linear in their coefficients, which those of a spec "
            "with [embedding] are not; leave them out."
        )
    from acegen.store.uncertainty import bound_to, uncertainty_document, uncertainty_of  # needs NumPy

    uncertainty = bound_to(coefficients, uncertainty_of(source))
    return uncertainty, hashlib.sha256(uncertainty_document(uncertainty)).hexdigest()


def _digest(source: PotentialSource) -> str:
    """A hash of a potential's file, or of all its numbers."""
    if not isinstance(source, str | Path):
        return hashlib.sha256(repr(source).encode()).hexdigest()
    try:
        if stat.S_ISFIFO(Path(source).stat().st_mode):  # reading it could take for ever
            reason = "it is no file"
        else:
            with Path(source).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError) as problem:
        reason = unreadable(problem)
    raise PotentialError(
        f"cannot read the potential {visible(source)}: {reason}. Give the path of a .yace or .ace file of "
        "ML-PACE, or a .yaml file of pacemaker."
    )
