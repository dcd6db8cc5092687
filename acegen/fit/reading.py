"""Files of labelled configurations: their kinds, and how they are read.

kind              recognized by                        read by
----------------  -----------------------------------  -----------------------------------------
extended XYZ      name, or a first line with a number  `acegen.fit.xyz`, on top of ASE
ASE database      name (.db, .json), first bytes       ASE, with key-value pairs and data
FitSNAP JSON      an entry "Dataset"                   `acegen.fit.fitsnap`
pickle            first bytes                          refused: reading it runs the code it holds
anything else                                          ASE
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import sqlite3
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from acegen.errors import FitError
from acegen.fit.fitsnap import fitsnap_frames, fitsnap_text
from acegen.fit.xyz import xyz_frames

if TYPE_CHECKING:
    from ase import Atoms

_GIVE = "Give a file in extended XYZ, an ASE database, FitSNAP JSON, or another file that ASE reads"

_COMPRESSED: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7": lzma.open}


def read_frames(file: str) -> list[Atoms]:
    """All configurations of a file, with everything else it has for each in `info`, `arrays` and the calculator.

    Raises:
        FitError: there is no such file, it cannot be read, contains no configuration, or is a pickle.
    """
    try:
        import ase.io  # noqa: F401
    except ImportError:
        raise FitError('reading structures needs ASE. Install it with: pip install "acegen[fit]"') from None
    path = Path(file)
    if not path.is_file():
        raise FitError(f"cannot read {file}: no such file. Give the path of an extended-XYZ file.")
    if is_pickle(path):
        raise FitError(
            f"cannot read {file}: it is a pickle, and reading one runs whatever code it holds. If you trust where it "
            f"comes from, convert it: acegen convert --trust {file} OUT.xyz"
        )
    try:
        frames = [_flat(atoms) for atoms in _frames(path, file)]
    except FitError:
        raise
    except Exception as error:  # malformed text can make ASE's readers raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FitError(f"cannot read {file}: {reason}. {_GIVE}.") from None
    if not frames:
        raise FitError(f"{file} holds no configuration. Give a file with at least one.")
    return frames


def is_pickle(path: Path) -> bool:
    """Whether a file, which may be compressed, begins as pickles do."""
    head = _head(path, 2)
    return len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def _frames(path: Path, file: str) -> Iterator[Atoms]:
    from ase.io import iread

    kind = _kind(path)
    if kind == "extxyz":
        yield from xyz_frames(file)
    elif kind == "json" and (text := fitsnap_text(path)) is not None:
        yield from fitsnap_frames(text, file)
    elif kind in ("db", "json"):
        yield from _database(path, kind)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from iread(file, ":", format=kind)


def _kind(path: Path) -> str | None:
    """ASE's name of a format; None to let ASE detect it."""
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    head = _head(path, 4096)
    if head.startswith(b"SQLite format 3"):
        return "db"
    lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    counted = lines[0].strip().isdigit()
    if counted and len(lines) > 1 and b"Properties=" in lines[1]:
        return "extxyz"  # regardless of its name
    try:
        kind = str(filetype(str(path)))
    except UnknownFileTypeError:
        kind = ""
    known = kind in ("db", "json") or kind in ioformats
    if kind in ("extxyz", "xyz") or (counted and not known):
        return "extxyz"
    return kind if known else None


def open_decompressed(path: Path) -> IO[bytes]:
    """A file, decompressed if its first bytes say that it is compressed, regardless of its name."""
    with path.open("rb") as stream:
        head = stream.read(3)
    for magic, opener in _COMPRESSED.items():
        if head.startswith(magic):
            decompressed: IO[bytes] = opener(path)
            return decompressed
    return path.open("rb")


def _head(path: Path, size: int) -> bytes:
    """The first bytes of a file, decompressed; empty if it cannot be decompressed."""
    try:
        with open_decompressed(path) as stream:
            return stream.read(size)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return b""


def _database(path: Path, kind: str) -> Iterator[Atoms]:
    """Rows of an ASE database, with their key-value pairs and data."""
    from ase.db import connect

    if kind == "db":  # ASE would create its tables in a file that has none
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "systems" not in tables:
            raise ValueError("it is not an ASE database: it has no table of systems")
    with connect(str(path), type=kind, serial=True) as database:
        for row in database.select():
            yield row.toatoms(add_additional_information=True)


def _flat(atoms: Atoms) -> Atoms:
    """With the key-value pairs and data of a database row merged into `info`."""
    for name in ("key_value_pairs", "data"):
        nested = atoms.info.get(name)
        if isinstance(nested, Mapping):
            atoms.info = {**nested, **{key: value for key, value in atoms.info.items() if key != name}}
    return atoms
