"""From symbols, arrays and ASE structures to environments, with a message for every mistake."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acegen.elements import ATOMIC_NUMBERS, SYMBOLS
from acegen.errors import IsolatedAtomWarning, StructureError
from acegen.runtime.environments import Environments, check_vectors
from acegen.runtime.neighbours import NeighbourList, neighbour_list

if TYPE_CHECKING:
    from ase import Atoms

Element: TypeAlias = "str | int"
Floats: TypeAlias = NDArray[np.float64]


class InputReader:
    """Checks what a model is asked to evaluate, and converts it to the layout of the ABI."""

    def __init__(self, name: str, elements: Sequence[str], cutoffs: Floats) -> None:
        self._name = name
        self._elements = elements
        self._cutoffs = cutoffs
        self._species = {ATOMIC_NUMBERS[symbol]: i for i, symbol in enumerate(elements)}

    def species_of(self, element: Element) -> int:
        """Species index of a symbol or atomic number."""
        if isinstance(element, str):
            number = ATOMIC_NUMBERS.get(element)
        elif isinstance(element, int | np.integer):
            number = int(element)
        else:
            raise StructureError(f"{element!r} is neither a chemical symbol nor an atomic number.")
        if number is None or number not in self._species:
            shown = SYMBOLS[number] if number is not None and 0 < number < len(SYMBOLS) else element
            raise StructureError(
                f"the model {self._name} does not know the element {shown!r}; it knows {', '.join(self._elements)}."
            )
        return self._species[number]

    def single(self, center: Element, numbers: Sequence[Element] | ArrayLike, displacements: ArrayLike) -> Environments:
        """One environment. Raises `StructureError`: unknown element, coincident atoms, wrong shape, no finite value."""
        try:
            vectors = np.asarray(displacements, dtype=np.float64)
            elements: list[Any] = list(numbers)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise StructureError(
                "numbers must be a sequence of symbols or atomic numbers, displacements an array of shape (J, 3)."
            ) from None
        if vectors.size == 0:
            vectors = vectors.reshape(0, 3)
        if vectors.ndim != 2 or vectors.shape[1] != 3 or len(elements) != len(vectors):
            raise StructureError(
                f"displacements must have shape (J, 3) with one entry of numbers each; "
                f"got {vectors.shape} and {len(elements)} numbers."
            )
        species = np.array([self.species_of(element) for element in elements], dtype=np.int32)
        first = np.array([0, len(vectors)], dtype=np.int64)
        check_vectors(vectors, first)
        return Environments(np.array([self.species_of(center)], dtype=np.int32), first, species, vectors)

    def structure(self, atoms: Atoms, warn: bool = True, skin: float = 0.0) -> tuple[Environments, NeighbourList]:
        """Environments of all atoms of a structure, with neighbours up to `skin` Å beyond the cutoff, and their list.

        Warns of atoms without neighbours, unless `warn` is False.

        Raises:
            StructureError: unknown elements, coincident atoms, or values that are not finite.
        """
        numbers = atoms.numbers
        lookup = {int(number): self.species_of(int(number)) for number in np.unique(numbers)}
        species = np.array([lookup[int(number)] for number in numbers], dtype=np.int32)
        pairs = neighbour_list(atoms, float(self._cutoffs.max()) + skin)
        squared = check_vectors(pairs.displacement, pairs.first, pairs.neighbour)
        near = squared < self._cutoffs[species[pairs.center], species[pairs.neighbour]] ** 2
        lonely = np.flatnonzero(np.bincount(pairs.center[near], minlength=len(numbers)) == 0)
        if warn and lonely.size:
            warnings.warn(
                f"{lonely.size} of {len(numbers)} atoms have no neighbour within the cutoff "
                f"(the first is atom {lonely[0]}); their site energy is the "
                "atomic energy of their element, which is zero if the coefficients came without atomic energies.",
                IsolatedAtomWarning,
                stacklevel=3,
            )
        return Environments(species, pairs.first, species[pairs.neighbour], pairs.displacement), pairs
