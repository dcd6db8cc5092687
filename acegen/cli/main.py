"""The command `acegen`."""

from __future__ import annotations

import argparse
import io
import json
import shlex
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from acegen.errors import AcegenError
from acegen.version import __version__

if TYPE_CHECKING:
    from rich.console import Console

    from acegen.options import BuildOptions

_EXAMPLE = """\
A specification, spec.toml:

    name = "si_o3d12"

    [basis]
    elements = ["Si"]
    order = 3
    level = 12

    [radial]
    cutoff = 5.5

Then:

    acegen info spec.toml            how large it will be
    acegen compile spec.toml         makes generated/si_o3d12/, an importable module
    acegen verify generated/si_o3d12 checks it against its definition
"""

_FIT_EXAMPLE = """\
Settings, fit.toml:

    spec = "si.toml"                     the model, as for acegen compile; or, for the
                                         recommended basis, a table of name, elements, cutoff

    [data]
    train = "Si_train.xyz"
    test = "Si_test.xyz"                 reported on, decides nothing

Everything else has a default: acegen schema --fit lists it.

    acegen fit fit.toml                  makes fits/NAME/
    acegen eval fits/NAME more.xyz       errors for other data
"""

_EXPORT_EXAMPLE = """\
targets:

    c        a library for C, C++ and Fortran: Makefile, pkg-config, CMake, example programs
    lammps   the pair style acegen as a plugin, and the model as a library it loads
    kim      a portable model for every simulator with the KIM API

    acegen export fits/si --to lammps    makes exports/lammps/si/
    make -C exports/lammps/si run        builds the plugin and runs an example
"""


def run() -> None:
    """Entry point of the console script."""
    # Terminated is interrupted: temporary folders are removed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status. Users' mistakes give one message on standard error."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Unicode shows '?', and nothing fails
    warnings.showwarning = _show_warning
    try:
        status = int(options.command(options))
        sys.stdout.flush()
        return status
    except AcegenError as error:
        print(f"acegen: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stdout = None  # the reader has seen enough; nothing is left to flush
        return 0
    except OSError as error:
        print(f"acegen: {error.strerror}{f': {error.filename}' if error.filename else ''}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("acegen: interrupted; no result was changed.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="acegen",
        description="Compile Atomic Cluster Expansion models to specialized C with a Python interface.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"acegen {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    command = commands.add_parser(
        "compile",
        help="compile a spec to an importable module",
        description="Derive the basis of a spec exactly, generate C and build DIR/NAME/, an importable module. "
        "A second compile of an unchanged spec does nothing.",
    )
    command.add_argument("spec", type=Path, metavar="SPEC", help="specification, a TOML file")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("generated"),
        metavar="DIR",
        help="where to put NAME/ (default: %(default)s)",
    )
    command.add_argument(
        "--coefficients", type=Path, metavar="FILE", help="coefficient file; adds a kernel for energies and forces"
    )
    _add_build_options(command)
    command.set_defaults(command=_compile)

    command = commands.add_parser(
        "info",
        help="size of a spec or a compiled module",
        description="Print functions by order, products, multiply-adds per atom and non-zeros of the purification "
        "operator, for a spec (without compiling it) or for a compiled module.",
    )
    command.add_argument("target", type=Path, metavar="SPEC|MODULE", help="a TOML file, or the folder of a module")
    command.add_argument(
        "--neighbours",
        type=_count,
        default=33,
        metavar="J",
        help="neighbours to count multiply-adds for (default: %(default)s)",
    )
    _add_build_options(command)
    command.set_defaults(command=_info)

    command = commands.add_parser(
        "verify",
        help="check a compiled module against its definition",
        description="Check a module against brute-force evaluation in 640-bit arithmetic, against a second exact "
        "derivation of its purification operator, and for the symmetries it must have. Prints the worst error "
        "of each property; the exit status is 1 if one is out of tolerance.",
    )
    command.add_argument("module", type=Path, metavar="MODULE", help="folder of a compiled module")
    command.add_argument(
        "--environments",
        type=_positive,
        default=40,
        metavar="N",
        help="random environments to draw (default: %(default)s)",
    )
    command.add_argument(
        "--seed", type=_count, default=0, help="seed of the random environments (default: %(default)s)"
    )
    command.set_defaults(command=_verify)

    _add_fit_commands(commands)
    _add_export_command(commands)

    command = commands.add_parser(
        "schema",
        help="print the JSON schema of specs",
        description="Print the JSON schema of specifications, for editors that complete and check TOML "
        "(Even Better TOML, taplo: put '#:schema ./acegen-schema.json' in the first line of the spec).",
    )
    command.add_argument("--fit", action="store_true", help="the schema of fits (FIT.toml) instead")
    command.set_defaults(command=_schema)
    return parser


def _add_fit_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "fit",
        help="fit a potential to labelled configurations",
        description="Fit a linear model to energies, forces and virials in extended XYZ, decide every hyperparameter "
        "by a validation split, and leave in DIR/NAME/ the compiled potential, its coefficients, a report with errors "
        "by kind of configuration, and pictures. An interrupted fit goes on where it stopped.",
        epilog=_FIT_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("fit", type=Path, metavar="FIT", help="settings, a TOML file")
    command.add_argument("--processes", type=_positive, metavar="N", help="instead of assembly.processes")
    command.add_argument("--dask", metavar="ADDRESS", help="instead of assembly.dask: a Dask scheduler to assemble on")
    command.set_defaults(command=_fit)

    command = commands.add_parser(
        "eval",
        help="errors of a compiled potential for labelled configurations",
        description="Compare the energies, forces and virials of a compiled potential with labelled configurations and "
        "print errors by kind of configuration.",
    )
    command.add_argument("module", type=Path, metavar="MODEL", help="folder of a compiled potential, or of a fit")
    command.add_argument("data", nargs="+", metavar="DATA", help="extended-XYZ files")
    for name in ("energy", "forces", "virial", "stress", "config_type"):
        command.add_argument(f"--{name.replace('_', '-')}", metavar="KEY", help=f"key of the label (default: {name})")
    command.add_argument("-o", "--output", type=Path, metavar="DIR", help="also write errors.json and pictures there")
    command.set_defaults(command=_eval)


def _add_export_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "export",
        help="write a compiled potential as C, LAMMPS or KIM load it",
        description="Write DIR/TARGET/NAME/, a folder that does without acegen: the model's C, what the other code "
        "needs to load it, examples, and a README that says how to go on.",
        epilog=_EXPORT_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("model", type=Path, metavar="MODEL", help="folder of a compiled potential, or of a fit")
    command.add_argument("--to", required=True, metavar="TARGET", help="c, lammps or kim")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("exports"),
        metavar="DIR",
        help="where to put TARGET/NAME/ (default: %(default)s)",
    )
    command.set_defaults(command=_export)


def _add_build_options(command: argparse.ArgumentParser) -> None:
    """Options of `BuildOptions`; the defaults are what is fastest here."""
    group = command.add_argument_group("kernel", "how the kernels are built; none of it changes what they compute")
    group.add_argument(
        "--march",
        default="native",
        metavar="NAME",
        help="instruction set: native (this machine, the default), generic (any machine of this kind), or a name the "
        "C compiler knows, such as x86-64-v3",
    )
    group.add_argument(
        "--lanes",
        type=int,
        metavar="N",
        help="centres evaluated together: 2, 4, 8 or 16 (default: one vector register)",
    )
    group.add_argument(
        "--precision",
        default="double",
        metavar="NAME",
        help="arithmetic of the potential: double (the default) or single, which takes about 0.6 of the time and has "
        "errors of about 1e-6 of the terms that are added up",
    )
    group.add_argument("--openmp", action="store_true", help="build the potential for several threads")
    group.add_argument(
        "--products",
        default="auto",
        metavar="FORM",
        help="product stage: straight (code), compact (tables) or auto, what is estimated to cost less (the default)",
    )


def _build_options(options: argparse.Namespace) -> BuildOptions:
    from acegen.options import BuildOptions

    return BuildOptions(options.march, options.lanes, options.precision, options.openmp, options.products)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Our own warnings without the line of code they come from."""
    own = category.__module__.startswith("acegen")
    text = f"acegen: {message}" if own else warnings.formatwarning(message, category, filename, lineno, line).rstrip()
    print(text, file=file or sys.stderr)


def _count(text: str) -> int:
    """A command-line number that is not negative."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative")
    return number


def _positive(text: str) -> int:
    """A command-line number of at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def _compile(options: argparse.Namespace) -> int:
    from acegen.cli.progress import TerminalProgress
    from acegen.compiler import compile_model

    console = _console()
    start = time.perf_counter()
    kernel = _build_options(options)
    target = compile_model(options.spec, options.output, options.coefficients, TerminalProgress(console), kernel)
    console.print(f"[bold]{'total':<8}[/bold] {time.perf_counter() - start:6.2f} s  {target}", highlight=False)
    return 0


def _info(options: argparse.Namespace) -> int:
    from acegen.cli.info import show_info
    from acegen.cli.progress import TerminalProgress

    console = _console()
    show_info(options.target, options.neighbours, _build_options(options), console, TerminalProgress(console))
    return 0


def _verify(options: argparse.Namespace) -> int:
    from rich import box
    from rich.table import Table

    from acegen.cli.progress import TerminalProgress
    from acegen.runtime import load
    from acegen.verify import verify_module

    console = _console()
    progress = TerminalProgress(console)
    model = load(options.module)
    with progress.stage("verify"):
        results = list(verify_module(model, options.environments, options.seed, progress))
        failed = [result for result in results if not result.passed]
        progress.report(f"{len(results) - len(failed)} of {len(results)} properties hold")
    title = f"{model.name}: {model.n_basis:,} functions of {', '.join(model.elements)}"
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


def _fit(options: argparse.Namespace) -> int:
    from acegen.cli.fit import run_fit

    changes = {name: getattr(options, name) for name in ("processes", "dask") if getattr(options, name) is not None}
    run_fit(options.fit, changes, _console())
    return 0


def _eval(options: argparse.Namespace) -> int:
    from acegen.cli.fit import run_eval

    names = ("energy", "forces", "virial", "stress", "config_type")
    keys = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    run_eval(options.module, options.data, keys, options.output, _console())
    return 0


def _export(options: argparse.Namespace) -> int:
    from acegen.export import export_model

    folder = export_model(options.model, options.to, options.output)
    print(f"{folder}: {folder / 'README.md'} says how to go on; try it with\n  make -C {shlex.quote(str(folder))} run")
    return 0


def _schema(options: argparse.Namespace) -> int:
    if options.fit:
        from acegen.cli.fit import print_schema

        print_schema()
        return 0
    from acegen.spec import Spec

    print(json.dumps(Spec.model_json_schema(), indent=2, ensure_ascii=False))
    return 0


def _console() -> Console:
    from rich.console import Console

    return Console()
