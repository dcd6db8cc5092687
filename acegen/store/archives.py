"""Archives of arrays (npz): written atomically, read as files that may be damaged or untrusted."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acegen.store.replacing import whole_file


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an archive completely or not at all, even when several processes write the same one.

    Raises:
        OSError: it cannot be written; an existing file is unchanged.
    """
    with whole_file(path) as partial, partial.open("wb") as stream:
        np.savez(stream, **arrays)


def archive_bytes(arrays: Mapping[str, Any]) -> bytes:
    """The same in memory, and the same bytes at any time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue())
    return buffer.getvalue()


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an archive as `numpy.savez` writes it: not compressed, without Python objects.

    Never reads more than the size of the file, whatever the file claims about its arrays.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not such an archive, or is damaged.
    """
    if not path.is_file():
        raise ValueError("not a file")  # a pipe would block
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            with zipfile.ZipFile(stream) as archive:
                entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise ValueError("compressed")
            if sum(entry.file_size for entry in entries) > size:
                raise ValueError("larger than its file")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as arrays:
                return {name: np.asarray(arrays[name]) for name in arrays.files}
        except Exception as problem:  # what NumPy and zipfile raise for damaged bytes has no common base
            reason = " ".join(str(problem).split()) or type(problem).__name__
            raise ValueError(reason) from None


def text_of(array: NDArray[Any]) -> str:
    """The text in an array without dimensions.

    Raises:
        ValueError: it contains something else.
    """
    if array.ndim or array.dtype.kind != "U" or not array.dtype.isnative:
        raise ValueError("not a text")
    if np.max(array.reshape(1).view(np.uint32), initial=0) > sys.maxunicode:
        raise ValueError("not characters")  # NumPy makes strings from them that Python cannot handle
    return str(array)
