"""Selecting as pacemaker does: which environments of a pool enter the active set of the training data.

For each element MaxVol chooses, among the environments of the training data and of the pool, as many as there are
functions with coefficients, whose descriptors span nearly the largest volume (`acegen.fit.uncertainty.maxvol`).
Configurations are ranked by the number of their environments among these.

It is one ranking, not a choice one after the other: configurations like each other all rank high, since each brings in
some of what they have in common. Only exact copies are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from acegen.elements import ATOMIC_NUMBERS
from acegen.errors import AcegenError, SelectError, StructureError
from acegen.fit.data import read_dataset, weighted
from acegen.fit.dataset import Configuration
from acegen.fit.settings import KeySettings
from acegen.fit.uncertainty.environments import Located, environment_blocks
from acegen.fit.uncertainty.maxvol import active_set
from acegen.printing import visible
from acegen.progress import Progress
from acegen.runtime import Model
from acegen.select.fitted import Fitted
from acegen.select.pool import Candidate

Floats = NDArray[np.float64]


def training_configurations(fitted: Fitted) -> list[Configuration]:
    """The training data of a fit; what its files have besides is left out.

    Raises:
        SelectError: their files cannot be read any more, or hold other data.
    """
    record = fitted.record
    try:
        data = read_dataset(record.files, KeySettings.model_validate(record.keys), fitted.model.elements)
        kinds = {c.config_type for c in data.configurations}
        data = weighted(data, record.kinds, kinds)
    except AcegenError as error:
        raise SelectError(
            f"selecting needs the training data of {visible(fitted.folder)}, which cannot be read: {error}"
        ) from None
    left = Counter(content for unit in record.units for content in unit.contents)
    expected, found = left.total(), []
    for configuration in data.configurations:
        content = configuration.content.hex()
        if left[content]:
            left[content] -= 1
            found.append(configuration)
    if len(found) < expected:
        raise SelectError(
            f"selecting needs the training data of {visible(fitted.folder)}, but its files have changed: "
            f"{', '.join(map(visible, record.files))} hold {len(found):,} of its {expected:,} configurations. "
            "Restore them, or fit again."
        )
    return found


def environments_entering(
    model: Model,
    training: Sequence[Located],
    candidates: Sequence[Candidate],
    functions: Sequence[int] | None,
    progress: Progress,
) -> list[int]:
    """For each configuration of a pool the number of its environments in the active set of all data together.

    Those that are in the training data, or in the pool before, bring in none.

    Args:
        model: the basis.
        training: the training data.
        candidates: the pool.
        functions: numbers, over all elements, of the functions with coefficients; None for all.
        progress: receives the number of elements done.

    Raises:
        SelectError: a configuration the basis cannot evaluate.
    """
    counts = np.zeros(len(candidates), dtype=np.int64)
    new = _without_copies(training, candidates)
    structures = [*training, *(candidates[number] for number in new)]
    used = np.full((len(model.elements), model.n_basis), functions is None)
    if functions is not None:
        used.ravel()[np.asarray(functions, dtype=np.int64)] = True
    for done, element in enumerate(model.elements):
        progress.advance(done, len(model.elements))
        columns = np.flatnonzero(used[done])
        sizes = [int(np.sum(own.atoms.numbers == ATOMIC_NUMBERS[element])) for own in structures]
        ends = np.cumsum(sizes)
        if not len(columns) or not len(ends) or not ends[-1]:
            continue
        try:
            found = active_set(_descriptors(model, structures, done, columns), len(columns))
        except StructureError as error:
            raise SelectError(f"{error} Leave the configuration out.") from None
        members = found.numbers[found.numbers >= 0]
        owners = np.searchsorted(ends, members, side="right") - len(training)
        np.add.at(counts, np.asarray(new, dtype=np.int64)[owners[owners >= 0]], 1)
    return [int(count) for count in counts]


def _descriptors(
    model: Model, structures: Sequence[Located], species: int, columns: NDArray[np.int64]
) -> Callable[[], Iterator[Floats]]:
    return lambda: (block.values[:, columns] for block in environment_blocks(model, structures, species))


def _without_copies(training: Sequence[Located], candidates: Sequence[Candidate]) -> list[int]:
    """Numbers of the candidates that are no exact copies of training data or of candidates before them."""
    seen = {_structure(own.atoms) for own in training}
    new = []
    for number, candidate in enumerate(candidates):
        own = _structure(candidate.atoms)
        if own not in seen:
            seen.add(own)
            new.append(number)
    return new


def _structure(atoms: Atoms) -> tuple[bytes, ...]:
    """What descriptors depend on."""
    return tuple(array.tobytes() for array in (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc))
