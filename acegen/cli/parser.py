"""The command line: commands, options, and their help."""

from __future__ import annotations

import argparse

from acegen.cli import commands
from acegen.cli.arguments import Commands
from acegen.cli.compile_parser import add_compile_commands, add_export_command
from acegen.cli.fit_parser import add_fit_commands
from acegen.version import __version__

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

    acegen info spec.toml            shows how large it will be
    acegen compile spec.toml         makes generated/si_o3d12/, an importable module
    acegen verify generated/si_o3d12 checks it against its definition

A potential that exists already, as a .yace or .ace file of ML-PACE or a .yaml file of pacemaker:

    acegen compile Cu.yace           makes generated/Cu/, which is used in the same ways
"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="acegen",
        description="Compile Atomic Cluster Expansion models to specialized C with a Python interface.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"acegen {__version__}")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    add_compile_commands(subparsers)
    add_fit_commands(subparsers)
    add_export_command(subparsers)
    _add_schema_command(subparsers)
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
