"""The parser of commands about fits and data: fit, eval, select, convert."""

from __future__ import annotations

from pathlib import Path

from acegen.cli import commands
from acegen.cli.arguments import Commands, HelpFormatter, add_json_option, positive

_FIT_EXAMPLE = """\
Settings, fit.toml:

    spec = "si.toml"             the model, as for acegen compile; or a table of
                                 name and elements for the recommended model

    [data]
    train = "Si_train.xyz"
    test = "Si_test.xyz"         only reported on

Everything else has a default: acegen schema --fit lists it.

    acegen fit fit.toml          makes fits/NAME/
    acegen fit fit.toml --dry-run
                                 what it would do, and how long it would take
    acegen fit fit.toml --continue fits/NAME
                                 the same, in seconds, after adding to the data
    acegen eval fits/NAME more.xyz
                                 errors for other data
"""

_CONVERT_EXAMPLE = """\
    acegen convert JSON/ ta.xyz       FitSNAP: folder names become kinds
    acegen convert runs.db cu.xyz     an ASE database; acegen fit reads it, too
    acegen convert --trust df.pckl.gzip alloy.xyz
                                      pacemaker
"""

_SELECT_EXAMPLE = """\
    acegen select fits/cu md.xyz -n 20 -o new.xyz
    acegen select fits/cu dump.melt --elements Cu -n 50 --stop -o new.xyz

After labelling new.xyz and adding it to data.train:
    acegen fit fit.toml --continue fits/cu
"""


_INIT_EXAMPLE = """\
    acegen init train.xyz --test test.xyz
    acegen init runs.db -o cu/fit.toml --name cu
    acegen init --elements Cu,Au      before there are data

The file can be used as it stands: acegen fit fit.toml
"""


def add_fit_commands(subparsers: Commands) -> None:
    """Add the commands about fits and data."""
    command = subparsers.add_parser(
        "init",
        help="look at labelled data and write the settings of a fit to them",
        description="Read labelled configurations, find out what their labels are called, which elements and kinds of "
        "configuration they hold, check them as a fit would, and write a fit.toml in which every setting is explained.",
        epilog=_INIT_EXAMPLE,
        formatter_class=HelpFormatter,
    )
    command.add_argument("data", nargs="*", metavar="DATA", help="extended-XYZ files, or others that acegen fit reads")
    command.add_argument("--elements", metavar="A,B", help="in place of data, if there are none yet: elements")
    command.add_argument("--test", nargs="+", default=[], metavar="FILE", help="files to report errors for")
    command.add_argument("--name", metavar="NAME", help="name of the model (default: its elements)")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("fit.toml"),
        metavar="FILE",
        help="the file to write; it must not exist (default: %(default)s)",
    )
    add_json_option(command)
    command.set_defaults(command=commands.init_command)

    command = subparsers.add_parser(
        "fit",
        help="fit a potential to labelled configurations",
        description="Fit a linear model to energies, forces and virials in extended XYZ, choose every hyperparameter "
        "by cross-validation, and write to DIR/NAME/ the compiled potential, its coefficients, a report with errors "
        "by kind of configuration, and pictures. An interrupted fit resumes where it stopped.",
        epilog=_FIT_EXAMPLE,
        formatter_class=HelpFormatter,
    )
    command.add_argument("fit", type=Path, metavar="FIT", help="settings, a TOML file")
    command.add_argument("--processes", type=positive, metavar="N", help="instead of assembly.processes")
    command.add_argument("--dask", metavar="ADDRESS", help="instead of assembly.dask: a Dask scheduler to assemble on")
    command.add_argument(
        "--continue",
        dest="previous",
        metavar="FOLDER",
        help="continue the fit in this folder with more data: its spec, folds and hyperparameters are kept, and only "
        "new configurations are assembled; instead of data.continue",
    )
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="read and check the data, say what the fit would do, how large it would be and how long it would take; "
        "nothing is written",
    )
    command.add_argument("--search", action="store_true", help="with --continue: choose hyperparameters anew")
    add_json_option(command)
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
    add_json_option(command)
    command.set_defaults(command=commands.eval_command)

    command = subparsers.add_parser(
        "convert",
        help="convert labelled configurations of other programs to extended XYZ",
        description="Write the configurations of all inputs, with energies, forces, stresses and any other data they "
        "contain, to one file in extended XYZ: ASE databases and other files that ASE reads, FitSNAP JSON (files, or a "
        "folder of groups), and pacemaker DataFrames (.pckl.gzip).",
        epilog=_CONVERT_EXAMPLE,
        formatter_class=HelpFormatter,
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
    _add_select_command(subparsers)


def _add_select_command(subparsers: Commands) -> None:
    command = subparsers.add_parser(
        "select",
        help="choose from a pool the configurations worth labelling",
        description="Choose from a pool of configurations those whose labels would tell a fit most, and write them to "
        "a file in extended XYZ, with their number in the pool, their gain and their grade. Labels are not needed.",
        epilog=_SELECT_EXAMPLE,
        formatter_class=HelpFormatter,
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
    add_json_option(command)
    command.set_defaults(command=commands.select_command)
