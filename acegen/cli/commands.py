"""What each command does with its options; returns the exit status."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from acegen.options import BuildOptions


LABELS = (
    "energy", "forces", "virial", "stress", "config_type", "weight", "energy_weight", "forces_weight", "virial_weight",
    "stress_weight",
)  # fmt: skip
"""The keys of data.keys."""


def compile_command(options: argparse.Namespace) -> int:
    """Derive, generate, build."""
    from acegen.cli.progress import TerminalProgress
    from acegen.compiler import compile_model

    console = _console()
    start = time.perf_counter()
    kernel = _build_options(options)
    target = compile_model(options.spec, options.output, options.coefficients, TerminalProgress(console), kernel)
    console.print(f"[bold]{'total':<8}[/bold] {time.perf_counter() - start:6.2f} s  {target}", highlight=False)
    return 0


def info_command(options: argparse.Namespace) -> int:
    """Sizes of a spec or a module."""
    from acegen.cli.info import show_info
    from acegen.cli.progress import TerminalProgress

    console = _console()
    show_info(options.target, options.neighbours, _build_options(options), console, TerminalProgress(console))
    return 0


def verify_command(options: argparse.Namespace) -> int:
    """Check a module against its definition; 1 if a property fails."""
    from rich import box
    from rich.table import Table

    from acegen.cli.progress import TerminalProgress
    from acegen.runtime import open_model
    from acegen.verify import verify_module

    console = _console()
    progress = TerminalProgress(console)
    model = open_model(options.module)
    with progress.stage("verify"):
        results = list(verify_module(model, options.environments, options.seed, progress))
        failed = [result for result in results if not result.passed]
        progress.report(f"{len(results) - len(failed)} of {len(results)} properties hold")
    title = f"{model.name}: {model.n_basis:,} functions of {', '.join(model.species)}"
    table = Table(title=title, box=box.SIMPLE)
    table.add_column("property", no_wrap=True)
    table.add_column("error", justify="right", no_wrap=True, min_width=7)
    table.add_column("allowed", justify="right", no_wrap=True, min_width=7)
    table.add_column("looked at", no_wrap=True)
    for result in results:
        style = None if result.passed else "bold red"
        allowed = "exact" if result.tolerance == 0 else f"{result.tolerance:.0e}"
        table.add_row(result.name, f"{result.error:.1e}", allowed, result.scope, style=style)
    console.print(table)
    if failed:
        print(f"acegen: {model.name} fails: {'; '.join(result.name for result in failed)}.", file=sys.stderr)
    return 1 if failed else 0


def fit_command(options: argparse.Namespace) -> int:
    """Fit a potential."""
    from acegen.cli.fit import run_fit

    changes = {name: getattr(options, name) for name in ("processes", "dask") if getattr(options, name) is not None}
    run_fit(options.fit, changes, _console())
    return 0


def eval_command(options: argparse.Namespace) -> int:
    """Errors of a potential for labelled data."""
    from acegen.cli.fit import run_eval

    keys = {name: getattr(options, name) for name in LABELS if getattr(options, name) is not None}
    run_eval(options.module, options.data, keys, options.output, _console())
    return 0


def convert_command(options: argparse.Namespace) -> int:
    """Labelled configurations to extended XYZ."""
    from acegen.cli.fit import run_convert

    run_convert(options.inputs, options.output, options.trust, _console())
    return 0


def export_command(options: argparse.Namespace) -> int:
    """Write a potential for another code."""
    from acegen.export import export_model

    folder = export_model(options.model, options.to, options.output)
    print(f"{folder}: {folder / 'README.md'} says how to go on; try it with\n  make -C {shlex.quote(str(folder))} run")
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


def _console() -> Console:
    from rich.console import Console

    return Console()


def _build_options(options: argparse.Namespace) -> BuildOptions:
    from acegen.options import BuildOptions

    return BuildOptions(options.march, options.lanes, options.precision, options.openmp, options.products)
