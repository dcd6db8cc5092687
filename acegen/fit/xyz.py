"""Extended XYZ, frame by frame: errors name file, line and configuration.

ASE parses the frames. First, lines are counted and columns checked; labels that ASE refuses (`stress` and `virial`
that are not nine numbers, nested brackets) are rewritten so that it accepts them.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from typing import TYPE_CHECKING, Any

from acegen.errors import FitError

if TYPE_CHECKING:
    from ase import Atoms

_HELD_BACK = "acegen_"
"""Prefix that hides labels from ASE."""

_TOKEN = re.compile(
    r"""
      "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | \{[^}]*\} | \[(?!\s*\[)[^\]]*\]   # whatever has delimiters stays
    | (?P<nested> \[\s*\[ .*? \]\s*\] )
    | (?<!\S) (?P<name> virial | stress ) (?=\s*=)
    """,
    re.VERBOSE,
)

_CELL = re.compile(r"(?<!\S)Lattice\s*=\s*\Z")

_BETWEEN = re.compile(r"[\s,\[\]]+")

_PLAIN = "species:S:1:pos:R:3"
"""Columns of a frame without `Properties`."""

_MOST_VECTORS = 3


class _Lines:
    """Lines of a file, counted, with one line of lookahead."""

    def __init__(self, stream: TextIOWrapper, file: str) -> None:
        self._stream, self._file = stream, file
        self._next: str | None = None
        self.number = 0
        """Number of the last line taken, from 1."""

    def peek(self) -> str | None:
        """The next line; None at the end."""
        if self._next is None:
            line = self._stream.readline()
            if not line.isascii() and any("\ud800" <= character <= "\udfff" for character in line):
                raise _refusal(self._file, self.number + 1, None, "it is not UTF-8 text")
            self._next = line
        return self._next or None

    def take(self) -> str | None:
        line = self.peek()
        if line is not None:
            self._next = None
            self.number += 1
        return line


@dataclass(frozen=True)
class _Frame:
    """The lines of one configuration, and the number of the first."""

    file: str
    number: int
    first: int
    header: str
    comment: str
    rows: Sequence[str]
    vectors: Sequence[str]

    def refusal(self, line: int, reason: str) -> FitError:
        return _refusal(self.file, line, self.number, reason)


def xyz_frames(file: str) -> Iterator[Atoms]:
    """The configurations of an extended-XYZ file, which may be compressed (.gz, .bz2, .xz) and begin with a BOM.

    Raises:
        FitError: something is not extended XYZ; the message names file, line and configuration.
    """
    from ase.io.formats import open_with_compression

    with (
        open_with_compression(file, "rb") as raw,
        TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape") as stream,
    ):
        lines = _Lines(stream, file)
        number = 0
        while (line := lines.peek()) is not None:
            if not line.strip():  # ASE takes a blank line for the end and ignores all that follows
                lines.take()
                continue
            yield _atoms(_next_frame(lines, file, number))
            number += 1


def _next_frame(lines: _Lines, file: str, number: int) -> _Frame:
    header, first = (lines.take() or "").strip(), lines.number
    try:
        n_atoms = int(header)
    except ValueError:
        before = ", or the one before it has more atoms than it says" if number else ""
        reason = f"a configuration begins with its number of atoms, not with {_short(header)}{before}"
        raise _refusal(file, first, number, reason) from None
    if n_atoms < 0:
        raise _refusal(file, first, number, f"{n_atoms} is not a number of atoms")
    comment = lines.take()
    if comment is None:
        raise _refusal(file, first, number, "the file ends before the second line of the configuration")
    rows: list[str] = []
    while len(rows) < n_atoms:
        row = lines.take()
        if row is None:
            reason = f"the file ends after {len(rows)} of {n_atoms} atoms; the configuration begins at line {first}"
            raise _refusal(file, lines.number, number, reason)
        rows.append(row)
    vectors: list[str] = []
    while len(vectors) < _MOST_VECTORS and (lines.peek() or "").lstrip().startswith("VEC"):
        vectors.append(lines.take() or "")
    return _Frame(file, number, first, header, comment, rows, vectors)


def _atoms(frame: _Frame) -> Atoms:
    from ase.io.extxyz import key_val_str_to_dict, read_xyz

    comment = _TOKEN.sub(_put, frame.comment.strip())
    try:
        info = key_val_str_to_dict(comment) if comment else {}
    except Exception as error:  # malformed text can make the parser raise anything
        raise frame.refusal(frame.first + 1, _reason(error)) from None
    properties = info.get("Properties", _PLAIN)
    columns = _columns(frame, properties)
    _check_columns(frame, columns, exact="Properties" in info)
    text = "\n".join([frame.header, comment, *(line.rstrip("\r\n") for line in (*frame.rows, *frame.vectors)), ""])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            atoms = next(read_xyz(StringIO(text), index=0, properties_parser=lambda _: dict(info)))
    except Exception as error:
        _check_values(frame, columns)
        last = frame.first + 1 + len(frame.rows)
        raise frame.refusal(frame.first + 1, f"{_reason(error)} (lines {frame.first} to {last})") from None
    for name in ("virial", "stress"):
        if _HELD_BACK + name in atoms.info:
            atoms.info[name] = atoms.info.pop(_HELD_BACK + name)
    return atoms


def _put(match: re.Match[str]) -> str:
    """A piece of a comment line in a form that ASE accepts."""
    if match["name"]:
        return _HELD_BACK + match["name"]
    nested = match["nested"]
    if nested and '"' not in nested:
        try:
            json.loads(nested)
        except ValueError:  # an array as printed by NumPy, or something else
            return f'"{nested}"'
        if _CELL.search(match.string, 0, match.start()):
            return f'"{" ".join(re.split(_BETWEEN, nested)).strip()}"'
        return f'"_JSON {nested}"'
    return match[0]


def _columns(frame: _Frame, properties: Any) -> list[tuple[str, str]]:
    """Name and kind (S, R, I, L) of each column of the atom lines."""
    fields = str(properties).split(":")
    columns: list[tuple[str, str]] = []
    for name, kind, count in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if kind not in ("S", "R", "I", "L") or not count.isdecimal():
            break
        columns += [(name, kind)] * int(count)
    else:
        if len(fields) % 3 == 0:
            return columns
    reason = f"Properties={_short(str(properties))} is malformed; it must be triples such as {_PLAIN}:forces:R:3"
    raise frame.refusal(frame.first + 1, reason)


def _check_columns(frame: _Frame, columns: Sequence[tuple[str, str]], exact: bool) -> None:
    for offset, row in enumerate(frame.rows):
        found = len(row.split())
        if found < len(columns) or (exact and found > len(columns)):
            has = f"{_short(row.strip())} has {found} column{'' if found == 1 else 's'}, Properties {len(columns)}"
            begins = f"the configuration begins at line {frame.first} with the number {len(frame.rows)}"
            raise frame.refusal(frame.first + 2 + offset, f"{has}; {begins}")


def _check_values(frame: _Frame, columns: Sequence[tuple[str, str]]) -> None:
    """Find the entry that is not of its column's kind.

    Raises:
        FitError: there is one.
    """
    from ase.data import atomic_numbers, chemical_symbols

    kinds = {"R": (float, "a number"), "I": (int, "an integer")}
    for offset, row in enumerate(frame.rows):
        for (name, kind), value in zip(columns, row.split(), strict=False):
            what = None
            if name == "species" and value.capitalize() not in atomic_numbers:
                what = "an element; give symbols such as Cu"
            elif kind in kinds:
                convert, called = kinds[kind]
                try:
                    number = convert(value)
                except ValueError:
                    what = f"{called} ({name})"
                else:
                    if name == "Z" and not 0 < number < len(chemical_symbols):
                        what = "an atomic number"
            if what is not None:
                raise frame.refusal(frame.first + 2 + offset, f"{_short(value)} is not {what}")


def _refusal(file: str, line: int, number: int | None, reason: str) -> FitError:
    configuration = "" if number is None else f", configuration {number}"
    return FitError(f"cannot read {file}, line {line}{configuration}: {reason}. Give a file in extended XYZ.")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
