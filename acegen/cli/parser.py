"""The command line: commands, options, and their help."""

from __future__ import annotations

import argparse

from acegen.cli import commands
from acegen.cli.arguments import Commands, HelpFormatter, add_json_option
from acegen.cli.compile_parser import add_compile_commands, add_export_command
from acegen.cli.fit_parser import add_fit_commands
from acegen.cli.version import ShowVersion

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

    acegen info spec.toml              how large it will be
    acegen compile spec.toml           makes generated/si_o3d12/, a module
    acegen verify generated/si_o3d12   checks it against its definition

A potential that exists, a .yace file of ML-PACE or a .yaml of pacemaker:

    acegen compile Cu.yace             makes generated/Cu/, used the same way

A potential for labelled structures of your own:

    acegen init train.xyz              looks at them, writes fit.toml
    acegen fit fit.toml                makes fits/NAME/: potential and report
    acegen export fits/NAME --to lammps

What is missing on this machine, and how to get it: acegen doctor
"""


_COMPLETION_EXAMPLE = """\
bash, in ~/.bashrc:
    eval "$(acegen completion bash)"

zsh, with fpath+=~/.zfunc before compinit in ~/.zshrc:
    acegen completion zsh > ~/.zfunc/_acegen

fish:
    acegen completion fish > ~/.config/fish/completions/acegen.fish

tcsh, with source ~/.acegen.tcsh in ~/.tcshrc:
    acegen completion tcsh > ~/.acegen.tcsh
"""

SHELLS = ("bash", "zsh", "fish", "tcsh")
"""For which there are scripts; for fish with a recent shtab."""


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="acegen",
        description="Compile Atomic Cluster Expansion models to specialized C with a Python interface.",
        epilog=_EXAMPLE,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="show version, compiler and features, and exit")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    add_compile_commands(subparsers)
    add_fit_commands(subparsers)
    add_export_command(subparsers)
    _add_schema_command(subparsers)
    _add_doctor_command(subparsers)
    _add_completion_command(subparsers)
    return parser


def _add_schema_command(subparsers: Commands) -> None:
    command = subparsers.add_parser(
        "schema",
        help="print the JSON schema of specs",
        description="Print the JSON schema of specifications, for editors that complete and check TOML "
        "(Even Better TOML, taplo: put '#:schema ./acegen-schema.json' in the first line of the spec).",
    )
    kind = command.add_mutually_exclusive_group()
    kind.add_argument("--fit", action="store_true", help="the schema of fits (FIT.toml) instead")
    kind.add_argument("--particles", action="store_true", help="the schema of specs of particles other than atoms")
    command.set_defaults(command=commands.schema_command)


def _add_doctor_command(subparsers: Commands) -> None:
    command = subparsers.add_parser(
        "doctor",
        help="what is installed, what is missing, and how to get it",
        description="Check the C compiler by compiling a small model, and look for the packages and programs that "
        "acegen can use. The exit status is 1 if models cannot be compiled here.",
    )
    add_json_option(command)
    command.set_defaults(command=commands.doctor_command)


def _add_completion_command(subparsers: Commands) -> None:
    command = subparsers.add_parser(
        "completion",
        help="print a script that completes commands in a shell",
        description="Print a script for a shell, which then completes commands, options and files.",
        epilog=_COMPLETION_EXAMPLE,
        formatter_class=HelpFormatter,
    )
    command.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    command.set_defaults(command=commands.completion_command)
