"""Size of the compiled product stage: machine code and tables, which compete for the caches of a core."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from acegen.build.toolchain import find_toolchain
from acegen.runtime import CompiledModel

_STAGE = ("products", "coupled")
"""Names of its source files begin with the model's name and one of these."""

_CODE, _TABLES = (".text",), (".rodata", ".data")


@dataclass(frozen=True)
class CodeSize:
    """Bytes in the object files.

    Attributes:
        code: of machine code.
        tables: of constants, tables and literals.
    """

    code: int
    tables: int


def product_stage_size(model: CompiledModel, scratch: Path) -> CodeSize:
    """Size of the product stage of a model's potential: its files are compiled once more in `scratch`.

    Raises:
        RuntimeError: there is no program `size` from the GNU binutils.
    """
    toolchain = find_toolchain(model.options.march, model.options.openmp)
    with tempfile.TemporaryDirectory(prefix="size-", dir=scratch) as name:
        folder = Path(name).resolve()
        for header in model.path.glob("*.h"):
            shutil.copy(header, folder)
        found = [source for kind in _STAGE for source in model.path.glob(f"{model.name}_{kind}*.c")]
        sources = [Path(shutil.copy(source, folder)) for source in found]
        objects = [source.with_suffix(".o") for source in sources]
        toolchain.compile([(source, target, ["-w"]) for source, target in zip(sources, objects, strict=True)])
        return section_sizes(objects)


def section_sizes(objects: list[Path]) -> CodeSize:
    """Code and tables of object files together."""
    try:
        command = ["size", "--format=sysv", *map(str, objects)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise RuntimeError("there is no program size from the GNU binutils") from None
    lines = [words for words in map(str.split, said.splitlines()) if len(words) == 3 and words[1].isdigit()]
    code, tables = (sum(int(size) for name, size, _ in lines if name.startswith(kind)) for kind in (_CODE, _TABLES))
    return CodeSize(code, tables)
