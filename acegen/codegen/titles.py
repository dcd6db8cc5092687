"""How the files of a module describe themselves."""

from __future__ import annotations

from acegen.program.kernel import Agnesi, Distance, KernelProgram, Smootherstep
from acegen.version import __version__

GENERATOR = f"acegen {__version__}"


def banner(program: KernelProgram) -> str:
    """The first line of every file."""
    return f"{program.notes.title} Made by {GENERATOR}; do not edit."


def transform_formula(coordinate: Distance) -> str:
    """y(r) in words."""
    match coordinate.transform:
        case Smootherstep():
            return "y = (1-s)^3 (1+3s+6s^2), s = r/cutoff"
        case Agnesi(a, p, q):
            return f"y = (1-s)^2 (1+2s) / (1 + {a:.6g} x^{q} / (1 + x^{q - p})), s = r/cutoff, x = r/r0"
    return "y = (1-s)^2 (1+2s), s = r/cutoff"
