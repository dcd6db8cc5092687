"""Selecting as pacemaker does: which environments of a pool enter the active set of the training data.

For each element MaxVol chooses, among the environments of the training data and of the pool, as many as there are basis
functions, whose descriptors span nearly the largest volume (`acegen.fit.uncertainty.maxvol`). Configurations are ranked
by the number of their environments among these.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from acegen.elements import ATOMIC_NUMBERS
from acegen.errors import AcegenError, IsolatedAtomWarning, SelectError, StructureError
from acegen.fit.data import read_dataset
from acegen.fit.settings import KeySettings
from acegen.fit.uncertainty.maxvol import active_set
from acegen.printing import visible
from acegen.progress import Progress
from acegen.runtime import Model
from acegen.select.fitted import Fitted
from acegen.select.pool import Candidate

Floats = NDArray[np.float64]


def training_structures(fitted: Fitted) -> list[Atoms]:
    """The structures of the training data of a fit.

    Raises:
        SelectError: their files cannot be read any more, or hold other data.
    """
    record = fitted.record
    try:
        data = read_dataset(record.files, KeySettings.model_validate(record.keys), fitted.model.elements)
    except AcegenError as error:
        raise SelectError(
            f"selecting needs the training data of {visible(fitted.folder)}, which cannot be read: {error}"
        ) from None
    known = {content for unit in record.units for content in unit.contents}
    if not known <= {c.content.hex() for c in data.configurations}:
        # Configurations weighted by kind have other hashes: only their number can be compared.
        expected = sum(len(unit.contents) for unit in record.units)
        if len(data.configurations) < expected:
            raise SelectError(
                f"selecting needs the training data of {visible(fitted.folder)}, but its files have changed: "
                f"{', '.join(map(visible, record.files))} hold {len(data.configurations):,} of {expected:,} "
                "configurations. Fit again."
            )
        return [c.atoms for c in data.configurations]
    return [c.atoms for c in data.configurations if c.content.hex() in known]  # the files may have grown


def environments_entering(
    model: Model, training: Sequence[Atoms], candidates: Sequence[Candidate], progress: Progress
) -> list[int]:
    """For each configuration of a pool the number of its environments in the active set of all data together.

    Args:
        model: the basis.
        training: structures of the training data.
        candidates: the pool.
        progress: receives the number of elements done.

    Raises:
        SelectError: a configuration the basis cannot evaluate.
    """
    counts = np.zeros(len(candidates), dtype=np.int64)
    structures = [*training, *(candidate.atoms for candidate in candidates)]
    for done, element in enumerate(model.elements):
        progress.advance(done, len(model.elements))
        sizes = [int(np.sum(atoms.numbers == ATOMIC_NUMBERS[element])) for atoms in structures]
        ends = np.cumsum(sizes)
        if not len(ends) or not ends[-1]:
            continue
        found = active_set(_blocks(model, structures, element, len(training), candidates), model.n_basis)
        members = found.numbers[found.numbers >= 0]
        owners = np.searchsorted(ends, members, side="right") - len(training)
        counts += np.bincount(owners[owners >= 0], minlength=len(candidates))
    return [int(count) for count in counts]


def _blocks(
    model: Model, structures: Sequence[Atoms], element: str, n_training: int, candidates: Sequence[Candidate]
) -> Callable[[], Iterable[Floats]]:
    """Descriptors of the environments of an element, structure by structure, joined to blocks of bounded size."""
    most = 4 * model.n_basis

    def blocks() -> Iterator[Floats]:
        waiting: list[Floats] = []
        for number, atoms in enumerate(structures):
            own = atoms.numbers == ATOMIC_NUMBERS[element]
            if not own.any():
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", IsolatedAtomWarning)
                    waiting.append(model.descriptors(atoms)[own])
            except StructureError as error:
                where = candidates[number - n_training].where if number >= n_training else "the training data"
                raise SelectError(f"{where}: {error} Leave the configuration out.") from None
            if sum(map(len, waiting)) >= most:
                yield np.vstack(waiting)
                waiting = []
        if waiting:
            yield np.vstack(waiting)

    return blocks
