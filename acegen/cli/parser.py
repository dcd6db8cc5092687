"""The command line: commands, options, and their help."""

from __future__ import annotations

import argparse
from pathlib import Path

from acegen.cli import commands
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

_FIT_EXAMPLE = """\
Settings, fit.toml:

    spec = "si.toml"                     the model, as for acegen compile; or, for the
                                         recommended model, a table of name and elements

    [data]
    train = "Si_train.xyz"
    test = "Si_test.xyz"                 only reported on

Everything else has a default: acegen schema --fit lists it.

    acegen fit fit.toml                  makes fits/NAME/
    acegen fit fit.toml --continue fits/NAME
                                         the same, in seconds, after adding to the data
    acegen eval fits/NAME more.xyz       errors for other data
"""

_CONVERT_EXAMPLE = """\
    acegen convert JSON/ ta.xyz                      FitSNAP: folder names become kinds
    acegen convert runs.db cu.xyz                    an ASE database; acegen fit also reads it directly
    acegen convert --trust df.pckl.gzip alloy.xyz    pacemaker
"""

_SELECT_EXAMPLE = """\
    acegen select fits/cu md.xyz -n 20 -o new.xyz
    acegen select fits/cu dump.melt --elements Cu -n 50 --stop -o new.xyz

After labelling new.xyz and adding it to data.train: acegen fit fit.toml --continue fits/cu
"""

_EXPORT_EXAMPLE = """\
targets:

    c        a library for C, C++ and Fortran: Makefile, pkg-config, CMake, example programs
    lammps   the pair style acegen as a plugin, and the model as a library it loads
    kim      a portable model for any simulator with the KIM API
    yace     a potential file of ML-PACE, for LAMMPS' pair styles pace and, on GPUs, pace/kk

    acegen export fits/si --to lammps    makes exports/lammps/si/
    make -C exports/lammps/si run        builds the plugin and runs an example
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
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("generated"),
        metavar="DIR",
        help="where to put NAME/ (default: %(default)s)",
    )
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
    _add_build_options(command)
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
        type=_count,
        default=33,
        metavar="J",
        help="number of neighbours for counting multiply-adds (default: %(default)s)",
    )
    command.add_argument(
        "--program",
        action="store_true",
        help="print the kernel program instead: everything a kernel computes, in the notation of the paper",
    )
    _add_build_options(command)
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
        type=_positive,
        default=40,
        metavar="N",
        help="random environments to draw (default: %(default)s)",
    )
    command.add_argument(
        "--seed", type=_count, default=0, help="seed of the random environments (default: %(default)s)"
    )
    command.set_defaults(command=commands.verify_command)

    _add_fit_commands(subparsers)
    _add_select_command(subparsers)
    _add_export_command(subparsers)

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
    return parser


def _add_fit_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = subparsers.add_parser(
        "fit",
        help="fit a potential to labelled configurations",
        description="Fit a linear model to energies, forces and virials in extended XYZ, choose every hyperparameter "
        "by cross-validation, and write to DIR/NAME/ the compiled potential, its coefficients, a report with errors "
        "by kind of configuration, and pictures. An interrupted fit resumes where it stopped.",
        epilog=_FIT_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("fit", type=Path, metavar="FIT", help="settings, a TOML file")
    command.add_argument("--processes", type=_positive, metavar="N", help="instead of assembly.processes")
    command.add_argument("--dask", metavar="ADDRESS", help="instead of assembly.dask: a Dask scheduler to assemble on")
    command.add_argument(
        "--continue",
        dest="previous",
        metavar="FOLDER",
        help="continue the fit in this folder with more data: its spec, folds and hyperparameters are kept, and only "
        "new configurations are assembled; instead of data.continue",
    )
    command.add_argument("--search", action="store_true", help="with --continue: choose hyperparameters anew")
    command.set_defaults(command=commands.fit_command)

    command = subparsers.add_parser(
        "eval",
        help="errors of a compiled potential for labelled configurations",
        description="Compare the energies, forces and virials of a compiled potential with labelled configurations and "
        "print errors by kind of configuration.",
    )
    command.add_argument("module", type=Path, metavar="MODEL", help="folder of a compiled potential, or of a fit")
    command.add_argument("data", nargs="+", metavar="DATA", help="extended-XYZ files, or others that acegen fit reads")
    for name in commands.LABELS:
        command.add_argument(f"--{name.replace('_', '-')}", metavar="KEY", help=f"key of the label (default: {name})")
    command.add_argument("-o", "--output", type=Path, metavar="DIR", help="also write errors.json and pictures to DIR")
    command.set_defaults(command=commands.eval_command)

    command = subparsers.add_parser(
        "convert",
        help="convert labelled configurations of other programs to extended XYZ",
        description="Write the configurations of all inputs, with energies, forces, stresses and any other data they "
        "contain, to one file in extended XYZ: ASE databases and other files that ASE reads, FitSNAP JSON (files, or a "
        "folder of groups), and pacemaker DataFrames (.pckl.gzip).",
        epilog=_CONVERT_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("inputs", nargs="+", metavar="IN", help="files, or folders of FitSNAP JSON")
    command.add_argument("output", type=Path, metavar="OUT.xyz", help="the file to write; it must not exist")
    command.add_argument(
        "--trust",
        action="store_true",
        help="also read pickles. A pacemaker DataFrame is a pickle, and reading one runs whatever code it contains: "
        "use this only for files from a source whose programs you would run",
    )
    command.set_defaults(command=commands.convert_command)


def _add_select_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = subparsers.add_parser(
        "select",
        help="choose from a pool the configurations worth labelling",
        description="Choose from a pool of configurations those whose labels would tell a fit most, and write them to "
        "a file in extended XYZ, with their number in the pool, their gain and their grade. Labels are not needed.",
        epilog=_SELECT_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("fit", type=Path, metavar="FIT", help="folder of the fit")
    command.add_argument("pool", nargs="+", metavar="POOL", help="files that acegen fit reads, or dumps of LAMMPS")
    command.add_argument("-n", "--number", type=int, required=True, metavar="N", help="choose at most so many")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.xyz", help="must not exist")
    command.add_argument(
        "--method",
        default="variance",
        metavar="NAME",
        help="variance (the default): what makes predictions for the pool most certain; information: what says most "
        "about the coefficients (D-optimal design); maxvol: by the environments that enter the active set, as "
        "pacemaker does",
    )
    command.add_argument(
        "--stop",
        type=float,
        nargs="?",
        const=1.0,
        metavar="SHARE",
        help="stop earlier: when the best left has, per atom, less than this share of the information of the training "
        "data (1 if no number is given), or no environment left has a grade above the first threshold",
    )
    command.add_argument(
        "--elements",
        metavar="A,B",
        help="elements of the types 1, 2, ... in dumps; needed if there is no column 'element'",
    )
    command.set_defaults(command=commands.select_command)


def _add_export_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = subparsers.add_parser(
        "export",
        help="export a compiled potential for C, LAMMPS, KIM or ML-PACE",
        description="Write DIR/TARGET/NAME/, a folder that does not need acegen: the model's C, what the other code "
        "needs to load it, examples, and a README with the next steps. For ML-PACE, a potential file instead of the C; "
        "it is read back and compared with the model.",
        epilog=_EXPORT_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("model", type=Path, metavar="MODEL", help="folder of a compiled potential, or of a fit")
    command.add_argument("--to", required=True, metavar="TARGET", help="c, lammps, kim or yace")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("exports"),
        metavar="DIR",
        help="where to put TARGET/NAME/ (default: %(default)s)",
    )
    command.add_argument(
        "--tolerance",
        type=_tolerance,
        metavar="X",
        help="for yace: largest difference from the model in energies and forces, relative to their root mean squares "
        "(default: 1e-8, or 1e-3 where the format can only approximate the model; 1e-4 for single precision)",
    )
    command.set_defaults(command=commands.export_command)


def _add_build_options(command: argparse.ArgumentParser) -> None:
    """Options of `BuildOptions`; the defaults are the fastest on this machine."""
    group = command.add_argument_group("kernel", "how the kernels are built; none of these change what they compute")
    group.add_argument(
        "--march",
        default="native",
        metavar="NAME",
        help="instruction set: native (this machine, the default), generic (any machine of this kind), or a name the "
        "C compiler knows, such as x86-64-v3",
    )
    group.add_argument(
        "--backend",
        default="lanes",
        metavar="NAME",
        help="how kernels are written: lanes, C with vector extensions (the default), or plain, portable C for any "
        "compiler and for reading, which takes 19 to 25 times as long",
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
        help="arithmetic of the potential: double (the default) or single, which takes about 0.6 of the time with "
        "errors of about 1e-6 relative to the terms summed",
    )
    group.add_argument("--openmp", action="store_true", help="build the potential for several threads")
    group.add_argument(
        "--products",
        default="auto",
        metavar="FORM",
        help="product stage: coupled (values of definite angular momenta, for models of atoms), straight (products of "
        "A's as code), compact (the same as tables) or auto, the one estimated to cost least (default)",
    )


def _tolerance(text: str) -> float:
    """A command-line number above zero."""
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


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
