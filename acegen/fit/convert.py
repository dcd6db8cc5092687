"""Conversion of any file of labelled configurations to extended XYZ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from acegen.errors import FitError
from acegen.fit.labels import read_matrix
from acegen.fit.pacemaker import dataframe_frames
from acegen.fit.reading import is_pickle, read_frames
from acegen.progress import Progress
from acegen.store.documents import unreadable
from acegen.store.replacing import whole_file

if TYPE_CHECKING:
    from ase import Atoms

_ENDINGS = (".xyz", ".extxyz")


def convert(inputs: Sequence[str], output: Path, trust: bool, progress: Progress) -> int:
    """Write the configurations of all inputs, with all their labels, to one file in extended XYZ.

    Args:
        inputs: files of formats known to `acegen.fit.reading`, pickled DataFrames of pacemaker, and folders of FitSNAP
            JSON.
        output: the file to write; it must not exist.
        trust: pickles may be read, which runs whatever code they hold.
        progress: receives the number of inputs done.

    Returns:
        The number of configurations.

    Raises:
        FitError: an input cannot be read, or the output exists or cannot be written; then there is no output.
    """
    check_output(output)
    files = [file for name in inputs for file in _files(name)]
    frames: list[Atoms] = []
    for done, file in enumerate(files):
        progress.advance(done, len(files))
        frames += (writable(atoms, file) for atoms in _frames(file, trust))
    write_xyz(frames, output)
    return len(frames)


def check_output(output: Path) -> None:
    """Refuse a file to write that is not extended XYZ or exists.

    Raises:
        FitError: it is one of these.
    """
    if output.suffix not in _ENDINGS:
        raise FitError(f"{output}: this is the file to write; its name must end in {' or '.join(_ENDINGS)}.")
    if output.exists():
        raise FitError(f"{output} exists. Remove it, or choose another name for the file to write.")


def _files(name: str) -> list[str]:
    if not Path(name).is_dir():
        return [name]
    files = sorted(str(path) for path in Path(name).rglob("*.json"))
    if not files:
        raise FitError(f"{name} is a folder without JSON files. Give files, or a folder of FitSNAP's JSON.")
    return files


def _frames(file: str, trust: bool) -> Iterator[Atoms]:
    path = Path(file)
    if trust and path.is_file() and is_pickle(path):
        yield from dataframe_frames(path)
    else:
        yield from read_frames(file)


def writable(atoms: Atoms, file: str) -> Atoms:
    """With everything in `info` and `arrays` in a form that extended XYZ can hold."""
    plain = atoms.copy()
    plain.constraints = []
    everything: dict[str, Any] = {**atoms.info, **(atoms.calc.results if atoms.calc is not None else {})}
    plain.info = {}
    for name, value in everything.items():
        array = np.asarray(value)
        vectors = array.shape == (len(atoms), 3) and array.dtype.kind in "iuf"
        if name in ("stress", "virial"):
            matrix = read_matrix(value, file, name)
            if matrix is not None:
                plain.info[name] = matrix
        elif vectors or (name not in atoms.info and array.shape[:1] == (len(atoms),) and array.ndim <= 2):
            plain.arrays[name] = array
        elif isinstance(value, str) or array.dtype.kind in "iufb":
            plain.info[name] = value
    return plain


def write_xyz(frames: Sequence[Atoms], output: Path) -> None:
    """Write the complete file in extended XYZ, or none.

    Raises:
        FitError: it cannot be written.
    """
    from ase.io import write

    try:
        with whole_file(output) as partial:
            write(str(partial), frames, format="extxyz")
    except OSError as error:
        raise FitError(f"cannot write {output}: {unreadable(error)}. Choose another folder.") from None
