"""Dumps of LAMMPS in text form, frame by frame: errors name file and configuration. ASE parses the frames.

Forces in a dump are those of the potential that ran; they are no labels and are left out, with the energy of zero that
ASE adds to them.
"""

from __future__ import annotations

import lzma
import warnings
import zlib
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from acegen.elements import ATOMIC_NUMBERS
from acegen.errors import SelectError
from acegen.fit.reading import open_decompressed
from acegen.printing import shown, visible

if TYPE_CHECKING:
    from ase import Atoms

_BEGIN = "ITEM: TIMESTEP"
_CUT_OFF = "The dump is damaged or cut off: correct it, or remove this configuration and what follows"


def is_dump(path: Path) -> bool:
    """Whether a file, which may be compressed, begins as dumps do."""
    try:
        with open_decompressed(path) as stream:
            return stream.read(5) == b"ITEM:"
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return False


def read_dump(file: str, types: Sequence[str] | None) -> list[Atoms]:
    """The configurations of a dump, each with its `timestep` in `info`.

    Args:
        file: its path.
        types: the elements of the types 1, 2, ...; they come before a column `element`.

    Raises:
        SelectError: it is damaged, or does not say of which elements its atoms are.
    """
    try:
        with open_decompressed(Path(file)) as stream:
            text = stream.read().decode("utf-8", errors="replace")
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise SelectError(f"cannot read {visible(file)}: {visible(error)}. {_CUT_OFF}.") from None
    parts = [_BEGIN + part for part in text.split(_BEGIN)[1:]]
    if not parts:
        raise SelectError(f"{visible(file)} holds no configuration. Give a dump with at least one.")
    return [_frame(part, types, f"{visible(file)}, configuration {number}") for number, part in enumerate(parts)]


def _frame(text: str, types: Sequence[str] | None, where: str) -> Atoms:
    from ase.io.lammpsrun import read_lammps_dump_text

    columns, rows = _columns_and_rows(text, where)
    if "element" not in columns or (types is not None and "type" in columns):
        text = _with_elements(text, columns, rows, _elements_of_types(columns, rows, types, where))
    else:
        _check_elements([row[columns.index("element")] for row in rows], where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            atoms: Atoms = read_lammps_dump_text(StringIO(text), index=0)
    except Exception as error:  # malformed text can make ASE's reader raise anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SelectError(f"cannot read {where}: {visible(reason)}. {_CUT_OFF}.") from None
    atoms.calc = None
    return atoms


def _columns_and_rows(text: str, where: str) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and the fields of all atoms.

    Raises:
        SelectError: there are fewer or more atoms than the dump says, or fields than columns.
    """
    lines = [line.strip() for line in text.splitlines()]
    starts = {" ".join(line.split()[1:2]): number for number, line in enumerate(lines) if line.startswith("ITEM:")}
    if not {"NUMBER", "BOX", "ATOMS"} <= set(starts) or starts["NUMBER"] + 1 == len(lines):
        raise SelectError(f"cannot read {where}: it lacks a number of atoms, a box or atoms. {_CUT_OFF}.")
    columns = lines[starts["ATOMS"]].split()[2:]
    rows = [line.split() for line in lines[starts["ATOMS"] + 1 :] if line]
    count = lines[starts["NUMBER"] + 1]
    if not count.isdecimal() or int(count) != len(rows):
        raise SelectError(f"cannot read {where}: it has {len(rows)} of {shown(count)} atoms. {_CUT_OFF}.")
    for number, row in enumerate(rows):
        if len(row) != len(columns):
            raise SelectError(
                f"cannot read {where}: its line {number} of atoms has {len(row)} columns, not {len(columns)}. "
                f"{_CUT_OFF}."
            )
    return columns, rows


def _check_elements(symbols: Sequence[str], where: str) -> None:
    """Check that the elements of all atoms exist.

    Raises:
        SelectError: one does not.
    """
    for symbol in symbols:
        if symbol not in ATOMIC_NUMBERS:
            raise SelectError(
                f"{where}: unknown element {shown(symbol)}. Let LAMMPS write elements: dump_modify ID element Cu Au; "
                "or, if the dump has a column 'type', name the elements of the types 1, 2, ... in order: "
                "--elements Cu,Au."
            )


def _with_elements(text: str, columns: Sequence[str], rows: Sequence[Sequence[str]], elements: Sequence[str]) -> str:
    """A frame with these elements as its column of elements, which ASE reads before masses and types."""
    lines = [line.strip() for line in text.splitlines()]
    head = lines[: next(number for number, line in enumerate(lines) if line.startswith("ITEM: ATOMS"))]
    kept = [number for number, name in enumerate(columns) if name != "element"]
    table = [["ITEM:", "ATOMS", *(columns[i] for i in kept), "element"]]
    table += [[*(row[i] for i in kept), element] for row, element in zip(rows, elements, strict=True)]
    return "\n".join([*head, *map(" ".join, table)]) + "\n"


def _elements_of_types(
    columns: Sequence[str], rows: Sequence[Sequence[str]], types: Sequence[str] | None, where: str
) -> list[str]:
    """The elements of all atoms, by their types.

    Raises:
        SelectError: the types are not those of given elements.
    """
    if types is None:
        raise SelectError(
            f"{where}: the dump has no column 'element'. Name the elements of the types 1, 2, ... in order: --elements "
            "Cu,Au; or let LAMMPS write them: dump_modify ID element Cu Au."
        )
    if "type" not in columns:
        raise SelectError(f"{where}: the dump has neither a column 'element' nor a column 'type'. Dump one of them.")
    names, elements = {str(number): name for number, name in enumerate(types, start=1)}, []
    for row in rows:
        found = row[columns.index("type")]
        if found not in names:
            raise SelectError(
                f"{where} has an atom of type {shown(found)}; --elements names the {len(types)} elements "
                f"{', '.join(types)}, of the types 1 to {len(types)}. Name one for each type."
            )
        elements.append(names[found])
    return elements
