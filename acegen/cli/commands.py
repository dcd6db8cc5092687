"""What each command does with its options; each returns the exit status."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from acegen.errors import CoefficientError, DependencyError, SpecError

if TYPE_CHECKING:
    from acegen.options import BuildOptions


LABELS = (
    "energy", "forces", "virial", "stress", "config_type", "weight", "energy_weight", "forces_weight", "virial_weight",
    "stress_weight",
)  # fmt: skip
"""The keys of data.keys."""


def compile_command(options: argparse.Namespace) -> int:
    """Derive or read, generate, build."""
    from acegen.cli.progress import TerminalProgress
    from acegen.cli.target import is_potential
    from acegen.cli.terminal import make_console, print_document, print_stage
    from acegen.compiler import compile_file, compile_model

    console = make_console(stderr=options.json)
    progress = TerminalProgress(console)
    start = time.perf_counter()
    kernel = _build_options(options)
    source, output = options.source, options.output
    if is_potential(source):
        if options.coefficients is not None:
            raise CoefficientError("a potential file contains its coefficients; leave --coefficients out.")
        if options.uncertainty is not None:
            raise CoefficientError(
                "grades and uncertainties are for the basis of a spec, which a potential file does not have; leave "
                "--uncertainty out."
            )
        target = compile_file(source, output, options.name, progress, kernel)
    elif options.name is not None:
        raise SpecError("--name is for potential files; the name of a spec's model is in the spec.")
    else:
        target = compile_model(source, output, options.coefficients, progress, kernel, options.uncertainty)
    print_stage(console, "total", time.perf_counter() - start, target)
    if options.json:
        from acegen.cli.tables import module_document
        from acegen.runtime import open_model

        print_document(module_document(open_model(target)))
    return 0


def info_command(options: argparse.Namespace) -> int:
    """Sizes of a spec, a potential file or a module, or its kernel program."""
    from acegen.cli.progress import TerminalProgress
    from acegen.cli.terminal import make_console, print_document

    console = make_console(stderr=options.json)
    if options.program:
        from acegen.cli.program import show_program

        show_program(options.target, _build_options(options), TerminalProgress(console))
        return 0
    from acegen.cli.info import info_document, inspect, show_info

    inspection = inspect(options.target, _build_options(options), TerminalProgress(console))
    if options.json:
        print_document(info_document(inspection, options.neighbours))
    else:
        show_info(inspection, options.neighbours, console)
    return 0


def verify_command(options: argparse.Namespace) -> int:
    """Check a module against its definition; returns 1 if a property fails."""
    from acegen.cli.progress import TerminalProgress
    from acegen.cli.terminal import Listing, make_console, print_document
    from acegen.runtime import open_model
    from acegen.verify import verify_module

    console = make_console(stderr=options.json)
    progress = TerminalProgress(console)
    model = open_model(options.module)
    with progress.stage("verify"):
        results = list(verify_module(model, options.environments, options.seed, progress))
        failed = [result for result in results if not result.passed]
        progress.report(f"{len(results) - len(failed)} of {len(results)} properties hold")
    if options.json:
        checks = [
            {"property": r.name, "error": r.error, "tolerance": r.tolerance, "scope": r.scope, "passed": r.passed}
            for r in results
        ]
        print_document({"module": str(model.path), "name": model.name, "passed": not failed, "checks": checks})
        return 1 if failed else 0
    what = f"{model.n_basis:,} functions" if model.has_basis else "potential from a file"
    title = f"{model.name}: {what} of {', '.join(model.species)}"
    rows = [(r.name, f"{r.error:.1e}", "exact" if r.tolerance == 0 else f"{r.tolerance:.0e}", r.scope) for r in results]
    styles = {number: "bold red" for number, result in enumerate(results) if not result.passed}
    console.print(Listing(title, ("property", "error", "allowed", "looked at"), rows, (3, 0), styles), soft_wrap=True)
    if failed:
        print(f"acegen: {model.name} fails: {'; '.join(result.name for result in failed)}.", file=sys.stderr)
    return 1 if failed else 0


def init_command(options: argparse.Namespace) -> int:
    """Write the settings of a fit for given data, or for elements."""
    from acegen.cli.init import init_document, run_init, run_template
    from acegen.cli.terminal import make_console, print_document
    from acegen.errors import FitError

    console = make_console(stderr=options.json)
    if options.elements is None:
        if not options.data:
            raise FitError("give labelled data, or --elements where there are none yet, such as --elements Cu,Au.")
        draft = run_init(options.data, options.test, options.output, options.name, console)
    else:
        if options.data or options.test:
            raise FitError("--elements is for a file without data, which say which elements they hold. Leave it out.")
        elements = [symbol.strip() for symbol in options.elements.split(",")]
        draft = run_template(elements, options.output, options.name, console)
    if options.json:
        print_document(init_document(draft, options.output))
    return 0


def fit_command(options: argparse.Namespace) -> int:
    """Fit a potential."""
    from acegen.cli.fit import fit_document, read_settings, run_fit
    from acegen.cli.terminal import make_console, print_document

    changes = {name: getattr(options, name) for name in ("processes", "dask") if getattr(options, name) is not None}
    settings = read_settings(options.fit, changes, options.previous, options.search)
    console = make_console(stderr=options.json)
    if options.dry_run:
        from acegen.cli.dry_run import plan_document, run_dry

        plan = run_dry(settings, console)
        if options.json:
            print_document(plan_document(plan))
        return 0
    result = run_fit(settings, console)
    if options.json:
        print_document(fit_document(result))
    return 0


def eval_command(options: argparse.Namespace) -> int:
    """Print errors of a potential for labelled data."""
    from acegen.cli.fit import errors_document, run_eval
    from acegen.cli.terminal import make_console, print_document

    keys = {name: getattr(options, name) for name in LABELS if getattr(options, name) is not None}
    name, rows = run_eval(options.module, options.data, keys, options.output, make_console(stderr=options.json))
    if options.json:
        print_document(errors_document(name, rows))
    return 0


def convert_command(options: argparse.Namespace) -> int:
    """Convert labelled configurations to extended XYZ."""
    from acegen.cli.fit import run_convert
    from acegen.cli.terminal import make_console

    run_convert(options.inputs, options.output, options.trust, make_console())
    return 0


def select_command(options: argparse.Namespace) -> int:
    """Choose configurations worth labelling."""
    from acegen.cli.select import run_select, selection_document
    from acegen.cli.terminal import make_console, print_document

    types = None if options.elements is None else [name.strip() for name in options.elements.split(",")]
    console = make_console(stderr=options.json)
    result = run_select(
        options.fit, options.pool, options.number, options.output, options.method, options.stop, types, console
    )
    if options.json:
        print_document(selection_document(result, options.output))
    return 0


def export_command(options: argparse.Namespace) -> int:
    """Export a potential for another code."""
    from acegen.cli.progress import TerminalProgress
    from acegen.cli.terminal import make_console, print_document, shell_word
    from acegen.export import export_model
    from acegen.printing import visible

    progress = TerminalProgress(make_console(stderr=options.json))
    folder = export_model(options.model, options.to, options.output, options.tolerance, progress)
    if options.json:
        print_document({"target": options.to, "folder": str(folder), "files": sorted(map(str, _files(folder)))})
        return 0
    trial = f"make -C {shell_word(folder)} run"
    if not (folder / "Makefile").exists():  # nothing to build: an input for LAMMPS
        trial = f"cd {shell_word(folder)} && lmp -in in.example"
    readme = visible(folder / "README.md")
    print(f"{visible(folder)}: {readme} describes the next steps; try it with\n  {trial}")
    return 0


def _files(folder: Path) -> Iterator[Path]:
    return (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def doctor_command(options: argparse.Namespace) -> int:
    """Say what is installed; returns 1 if compiling cannot work."""
    try:
        from acegen.cli.doctor import doctor_document, run_doctor
        from acegen.cli.terminal import make_console, print_document
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "acegen":
            raise
        raise DependencyError(f"the package {error.name} is missing; pip install acegen") from None

    checks = run_doctor(make_console(stderr=options.json))
    if options.json:
        print_document(doctor_document(checks))
    return int(any(check.state == "broken" for check in checks))


def completion_command(options: argparse.Namespace) -> int:
    """Print a script for a shell."""
    from acegen.cli.completion import completion_script

    print(completion_script(options.shell))
    return 0


def schema_command(options: argparse.Namespace) -> int:
    """Print a JSON schema."""
    if options.fit:
        from acegen.cli.fit import print_schema

        print_schema()
        return 0
    from acegen.spec import ParticleSpec, Spec

    kind = ParticleSpec if options.particles else Spec
    print(json.dumps(kind.model_json_schema(), indent=2, ensure_ascii=False))
    return 0


def _build_options(options: argparse.Namespace) -> BuildOptions:
    from acegen.options import BuildOptions

    return BuildOptions(
        options.march, options.lanes, options.precision, options.openmp, options.products, options.backend
    )
