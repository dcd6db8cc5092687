"""What a kernel computes, completely, and nothing of what it was made from or will be written in.

A leaf of the package: it knows neither specifications nor bases, neither exact arithmetic nor any language. Front ends
make a `KernelProgram` (`acegen.lower` from a basis), passes turn it into a cheaper one, backends write it out, and
`acegen.program.interpreter` runs it as it stands.
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
