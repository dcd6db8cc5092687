"""Descriptors of the atoms of a data set, block by block, with bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from acegen.elements import ATOMIC_NUMBERS
from acegen.errors import IsolatedAtomWarning, StructureError
from acegen.runtime import Model

if TYPE_CHECKING:
    from ase import Atoms

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_BLOCK_BYTES = 64 * 2**20


class Located(Protocol):
    """A structure and where it is from, such as a `Configuration`."""

    @property
    def atoms(self) -> Atoms:
        """The structure."""
        ...

    @property
    def where(self) -> str:
        """File and number, for messages."""
        ...


@dataclass(frozen=True)
class EnvironmentBlock:
    """Atoms of one element.

    Attributes:
        species: number of the element in the model.
        values: (m, n_basis) descriptors.
        configurations: (m,) numbers in the data set.
        atoms: (m,) numbers in the configuration.
    """

    species: int
    values: Floats
    configurations: Numbers
    atoms: Numbers


def environment_blocks(
    model: Model,
    configurations: Sequence[Located],
    species: int | None = None,
    block_bytes: int = _BLOCK_BYTES,
) -> Iterator[EnvironmentBlock]:
    """All atoms of some configurations, or those of one element, in order of the configurations.

    Args:
        model: the compiled basis.
        configurations: the configurations.
        species: number of an element, or None for all of them.
        block_bytes: about the memory of a block; a configuration is never divided.

    Raises:
        StructureError: a configuration, which is named, that the basis cannot evaluate.
    """
    most = max(1, block_bytes // (8 * model.n_basis))
    own = [ATOMIC_NUMBERS[element] for element in model.elements]
    chosen = range(len(own)) if species is None else (species,)
    waiting: list[tuple[Floats, Numbers, Numbers, Numbers]] = []
    n_waiting = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsolatedAtomWarning)  # isolated atoms are valid data
        for number, configuration in enumerate(configurations):
            atoms = configuration.atoms
            if species is None or own[species] in atoms.numbers:
                n = len(atoms)
                try:
                    waiting.append((model.descriptors(atoms), atoms.numbers, np.full(n, number), np.arange(n)))
                except StructureError as error:
                    raise StructureError(f"{configuration.where}: {error}") from None
                n_waiting += n
            if n_waiting >= most or number == len(configurations) - 1:
                yield from _divided(waiting, own, chosen)
                waiting, n_waiting = [], 0


def _divided(
    waiting: Sequence[tuple[Floats, Numbers, Numbers, Numbers]], numbers: Sequence[int], chosen: Sequence[int]
) -> Iterator[EnvironmentBlock]:
    if not waiting:
        return
    values, elements, configurations, atoms = (np.concatenate(part) for part in zip(*waiting, strict=True))
    for species in chosen:
        members = elements == numbers[species]
        if members.any():
            yield EnvironmentBlock(species, values[members], configurations[members], atoms[members])
