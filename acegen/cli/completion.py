"""`acegen completion`: scripts for shells, made from the parser by shtab."""

from __future__ import annotations

import argparse
from pathlib import Path

import shtab

from acegen.cli.parser import make_parser
from acegen.errors import DependencyError

_FOLDERS = {"MODULE", "MODEL", "DIR", "FOLDER"}
_FILES = {"DATA", "FILE", "FIT", "IN", "POOL", "OUT.xyz", "SPEC|POTENTIAL", "SPEC|POTENTIAL|MODULE"}


def completion_script(shell: str) -> str:
    """The script for a shell.

    Raises:
        DependencyError: this version of shtab does not know the shell.
    """
    if shell not in shtab.SUPPORTED_SHELLS:
        raise DependencyError(
            f"shtab {shtab.__version__} makes no scripts for {shell}. A newer one may: pip install --upgrade shtab"
        )
    parser = make_parser()
    _complete_paths(parser)
    return str(shtab.complete(parser, shell))


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    """Tell shtab which arguments are files and folders, by what they are called in the help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in dict.fromkeys(action.choices.values()):
                _complete_paths(command)
        elif action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.metavar in _FILES or action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
