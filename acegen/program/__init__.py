"""Everything a kernel computes, and nothing about what it was made from or will be written in.

A leaf of the package: it does not know of specifications, bases, exact arithmetic or target languages. Front ends make
a `KernelProgram` (`acegen.lower` from a basis), passes turn it into a cheaper one, backends generate code from it, and
`acegen.program.interpreter` runs it directly.
"""

from acegen.program.checks import ProgramError, check_program
from acegen.program.document import program_document, program_hash, read_program
from acegen.program.kernel import KernelProgram
from acegen.program.layout import PooledLayout
from acegen.program.text import program_text

__all__ = [
    "KernelProgram",
    "PooledLayout",
    "ProgramError",
    "check_program",
    "program_document",
    "program_hash",
    "program_text",
    "read_program",
]
