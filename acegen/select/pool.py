"""The pool: configurations to choose from. Labels are not needed, and not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acegen.errors import FitError, SelectError
from acegen.fit.dataset import UNNAMED
from acegen.fit.reading import read_frames
from acegen.printing import shown, visible
from acegen.progress import Progress
from acegen.select.dump import is_dump, read_dump

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class Candidate:
    """A configuration of the pool.

    Attributes:
        atoms: with all it had in its file.
        where: file and number, for messages.
        kind: of configuration, its `config_type`.
    """

    atoms: Atoms
    where: str
    kind: str


@dataclass(frozen=True)
class Pool:
    """All configurations, in the order of the files."""

    candidates: tuple[Candidate, ...]

    @property
    def n_with_results(self) -> int:
        """Number of configurations with energies or forces, which may be labels, or those of a potential."""
        return sum(candidate.atoms.calc is not None for candidate in self.candidates)

    @property
    def n_atoms(self) -> int:
        """Number of atoms of all configurations."""
        return sum(len(candidate.atoms) for candidate in self.candidates)


def read_pool(files: Sequence[str], elements: Sequence[str], types: Sequence[str] | None, progress: Progress) -> Pool:
    """Read the files of a pool: all that `acegen.fit.reading` knows, and LAMMPS dumps.

    Args:
        files: their paths.
        elements: of the model.
        types: for LAMMPS dumps, the elements of the types 1, 2, ...; needed without a column `element`
        progress: receives the number of files read.

    Raises:
        SelectError: a file cannot be read or has no configuration, or a configuration has no atoms, an element the
            model does not have, or numbers that are not finite.
    """
    _check_types(types, elements)
    candidates: list[Candidate] = []
    for done, file in enumerate(files):
        progress.advance(done, len(files))
        try:
            frames = read_dump(file, types) if is_dump(Path(file)) else read_frames(file)
        except FitError as error:
            raise SelectError(str(error)) from None
        for number, atoms in enumerate(frames):
            where = f"{visible(file)}, configuration {number}"
            _check(atoms, where, elements)
            candidates.append(Candidate(atoms, where, str(atoms.info.get("config_type", UNNAMED))))
    return Pool(tuple(candidates))


def _check_types(types: Sequence[str] | None, elements: Sequence[str]) -> None:
    for name in types or ():
        if name not in elements:
            raise SelectError(
                f"--elements names {shown(name)}, which is not an element of the model; it has {', '.join(elements)}."
            )


def _check(atoms: Atoms, where: str, elements: Sequence[str]) -> None:
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(elements))
    if unknown:
        raise SelectError(
            f"{where} contains {', '.join(unknown)}; the model has {', '.join(elements)}. Leave the configuration out."
        )
    if len(atoms) == 0:
        raise SelectError(f"{where} has no atoms. Leave it out.")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise SelectError(f"{where} has positions or a cell that are not finite. Leave it out.")
