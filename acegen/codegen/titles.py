"""What the files of a module say of themselves."""

from __future__ import annotations

from acegen.program.kernel import KernelProgram
from acegen.version import __version__

GENERATOR = f"acegen {__version__}"


def banner(program: KernelProgram) -> str:
    """The first line of every file."""
    return f"{program.notes.title} Made by {GENERATOR}; do not edit."
