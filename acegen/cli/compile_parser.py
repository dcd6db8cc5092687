"""The parser of commands that compile models and look at them: compile, info, verify, export."""

from __future__ import annotations

from pathlib import Path

from acegen.cli import commands
from acegen.cli.arguments import (
    Commands,
    HelpFormatter,
    add_build_options,
    add_json_option,
    add_output_option,
    count,
    positive,
    tolerance,
)

_EXPORT_EXAMPLE = """\
targets:

    c        a library for C, C++ and Fortran, with example programs
    lammps   the pair style acegen as a plugin, and the model as a library
    kim      a portable model for any simulator with the KIM API
    yace     a potential file of ML-PACE, for LAMMPS' pair styles pace, pace/kk

    acegen export fits/si --to lammps    makes exports/lammps/si/
    make -C exports/lammps/si run        builds the plugin and runs an example
"""


def add_compile_commands(subparsers: Commands) -> None:
    """Add the commands that compile models and look at them."""
    command = subparsers.add_parser(
        "compile",
        help="compile a spec or a potential file to an importable module",
        description="Derive the basis of a spec exactly, or read a potential file, generate C and build DIR/NAME/, an "
        "importable module. A second compile of an unchanged file does nothing.",
    )
    command.add_argument(
        "source",
        type=Path,
        metavar="SPEC|POTENTIAL",
        help="specification, a TOML file; or a potential, a .yace or .ace file of ML-PACE or a "
        "B-basis .yaml file of pacemaker",
    )
    command.add_argument(
        "--name", metavar="NAME", help="name of the model made from a potential file (default: that of the file)"
    )
    add_output_option(command, "generated", "NAME/")
    command.add_argument(
        "--coefficients",
        type=Path,
        metavar="FILE",
        help="for a spec, a coefficient file; adds a kernel for energies and forces",
    )
    command.add_argument(
        "--uncertainty",
        type=Path,
        metavar="FILE",
        help="what the fit of these coefficients knows of its own uncertainty, uncertainty.npz; adds kernels for "
        "grades and for a committee",
    )
    add_build_options(command)
    add_json_option(command)
    command.set_defaults(command=commands.compile_command)

    command = subparsers.add_parser(
        "info",
        help="size of a spec, a potential file or a compiled module",
        description="Print functions by order, products, multiply-adds per atom and non-zeros of the purification "
        "operator, and what the product stage costs in each of its forms, for a spec or a potential file (without "
        "compiling it) or for a compiled module.",
    )
    command.add_argument(
        "target",
        type=Path,
        metavar="SPEC|POTENTIAL|MODULE",
        help="a TOML file, a .yace, .ace or .yaml file, or the folder of a module",
    )
    command.add_argument(
        "--neighbours",
        type=count,
        default=33,
        metavar="J",
        help="number of neighbours for counting multiply-adds (default: %(default)s)",
    )
    command.add_argument(
        "--program",
        action="store_true",
        help="print the kernel program instead: everything a kernel computes, in the notation of the paper",
    )
    add_build_options(command)
    add_json_option(command)
    command.set_defaults(command=commands.info_command)

    command = subparsers.add_parser(
        "verify",
        help="check a compiled module against its definition",
        description="Check a module against brute-force evaluation in 640-bit arithmetic, against a second exact "
        "derivation of its purification operator, and for the symmetries it must have; a module made from a potential "
        "file against a plain evaluation of that file. Prints the worst error of each property; the exit status is 1 "
        "if one is out of tolerance.",
    )
    command.add_argument("module", type=Path, metavar="MODULE", help="folder of a compiled module")
    command.add_argument(
        "--environments",
        type=positive,
        default=40,
        metavar="N",
        help="random environments to draw (default: %(default)s)",
    )
    command.add_argument("--seed", type=count, default=0, help="seed of the random environments (default: %(default)s)")
    add_json_option(command)
    command.set_defaults(command=commands.verify_command)


def add_export_command(subparsers: Commands) -> None:
    """Add the command that exports models."""
    command = subparsers.add_parser(
        "export",
        help="export a compiled potential for C, LAMMPS, KIM or ML-PACE",
        description="Write DIR/TARGET/NAME/, a folder that does not need acegen: the model's C, what the other code "
        "needs to load it, examples, and a README with the next steps. For ML-PACE, a potential file instead of the C; "
        "it is read back and compared with the model.",
        epilog=_EXPORT_EXAMPLE,
        formatter_class=HelpFormatter,
    )
    command.add_argument("model", type=Path, metavar="MODEL", help="folder of a compiled potential, or of a fit")
    command.add_argument("--to", required=True, metavar="TARGET", help="c, lammps, kim or yace")
    add_output_option(command, "exports", "TARGET/NAME/")
    command.add_argument(
        "--tolerance",
        type=tolerance,
        metavar="X",
        help="for yace: largest difference from the model in energies and forces, relative to their root mean squares "
        "(default: 1e-8, or 1e-3 where the format can only approximate the model; 1e-4 for single precision)",
    )
    add_json_option(command)
    command.set_defaults(command=commands.export_command)
