"""From a spec to a compiled module: the cache in front of the stages (mapped in `acegen.stages`)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from acegen.build.job import find_job
from acegen.errors import BuildError
from acegen.options import BuildOptions
from acegen.progress import Progress, Silent
from acegen.spec import SpecSource, load_spec
from acegen.store.coefficients import CoefficientSource, read_coefficients
from acegen.store.documents import check_path
from acegen.store.ownership import ModuleFolder


def compile_model(
    spec_source: SpecSource,
    directory: str | Path = "generated",
    coefficient_source: CoefficientSource | None = None,
    progress: Progress | None = None,
    options: BuildOptions | None = None,
) -> Path:
    """Compile a spec to a module in `directory`/NAME. Returns its folder; a second call reuses it.

    Raises:
        SpecError, CoefficientError, BuildError: with one clear message; nothing half-written is left behind.
    """
    progress = progress or Silent()
    directory = Path(directory)
    check_path(directory, "directory", BuildError)
    with progress.stage("spec"):
        spec = load_spec(spec_source)
        coefficients = None if coefficient_source is None else read_coefficients(coefficient_source)
        own = None if coefficients is None else asdict(coefficients)
        job = find_job([spec.canonical(), own], directory / spec.name, options)
        size = f"order {spec.basis.order}, level {', '.join(map(str, dict.fromkeys(spec.levels)))}"
        progress.report(f"{spec.name}: " + (_DONE if job.done else f"{', '.join(spec.species)}, {size}"))
    if not job.done:
        with progress.stage("load"):  # not needed on a cache hit
            from acegen.stages import run_stages

            progress.report("SymPy, python-flint, Jinja2, cffi")
        with ModuleFolder(spec.name).making(job.target) as staging:
            run_stages(spec, coefficients, job, staging, progress)
    return job.target


_DONE = "unchanged, already compiled"
