"""Parts of the command line that several commands share: numbers, options of builds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps descriptions, which are one paragraph, and leaves examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def add_build_options(command: argparse.ArgumentParser) -> None:
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


def add_output_option(command: argparse.ArgumentParser, default: str, what: str) -> None:
    """The folder in which a command makes `what`."""
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path(default),
        metavar="DIR",
        help=f"where to put {what} (default: %(default)s)",
    )


def add_json_option(command: argparse.ArgumentParser) -> None:
    """For programs that read what a command has to say."""
    command.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document to standard output, and everything else to standard error; after an error the "
        "document is empty and the exit status is not 0",
    )


def tolerance(text: str) -> float:
    """A command-line number above zero."""
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def count(text: str) -> int:
    """A command-line number that is not negative."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative")
    return number


def positive(text: str) -> int:
    """A command-line number of at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number
