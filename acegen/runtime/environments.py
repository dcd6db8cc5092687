"""Atomic environments in the layout of the ABI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from acegen.errors import StructureError

_MIN_DISTANCE = 1e-6
"""Å; closer neighbours have no direction (kernels refuse them too)."""


class Neighbourhoods(Protocol):
    """What a kernel reads, in any class: the arrays of the ABI's `acegen_environments`, as in `Environments`."""

    @property
    def center(self) -> NDArray[np.int32]: ...

    @property
    def first(self) -> NDArray[np.int64]: ...

    @property
    def species(self) -> NDArray[np.int32]: ...

    @property
    def displacement(self) -> NDArray[np.float64]: ...

    @property
    def most(self) -> int: ...


@dataclass(frozen=True)
class Environments:
    """Immutable neighbourhoods: their arrays are read-only.

    Attributes:
        center: (N,) species of each centre.
        first: (N + 1,) where the neighbours of each centre begin.
        species: (P,) species of each neighbour.
        displacement: (P, 3) neighbour minus centre, Å; for other particles (P, d), their coordinates.
    """

    center: NDArray[np.int32]
    first: NDArray[np.int64]
    species: NDArray[np.int32]
    displacement: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name, kind in (("center", np.int32), ("first", np.int64), ("species", np.int32), ("displacement", float)):
            object.__setattr__(self, name, constant(getattr(self, name), kind))

    @property
    def most(self) -> int:
        """Largest number of neighbours of any centre."""
        return int(np.diff(self.first).max(initial=0))

    def entries_of(self, centers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices of the entries of some centres, centre by centre, (n,) for n neighbours in all.

        Args:
            centers: indices of these centres, (M,).
        """
        counts = np.diff(self.first)[centers]
        starts = np.repeat(self.first[centers] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        entries: NDArray[np.int64] = np.arange(counts.sum()) + starts
        return entries

    def part(self, centers: NDArray[np.int64], entries: NDArray[np.int64]) -> Environments:
        """The environments of some centres.

        Args:
            centers: indices of these centres, (M,).
            entries: of their neighbours, (n,), as given by `entries_of`.
        """
        first = np.concatenate([[0], np.cumsum(np.diff(self.first)[centers])])
        return Environments(self.center[centers], first, self.species[entries], self.displacement[entries])


@dataclass(frozen=True)
class Batch:
    """Centres that follow each other in larger `Neighbourhoods`, whose arrays it shares.

    Attributes:
        whole: all of them.
        start, end: numbers of the first centre, and of the one after the last.
    """

    whole: Neighbourhoods
    start: int
    end: int

    @property
    def center(self) -> NDArray[np.int32]:
        """(n,) species of each centre."""
        return self.whole.center[self.start : self.end]

    @property
    def first(self) -> NDArray[np.int64]:
        """(n + 1,) where the neighbours of each centre begin, in the arrays of all."""
        return self.whole.first[self.start : self.end + 1]

    @property
    def species(self) -> NDArray[np.int32]:
        """(P,) species of all neighbours."""
        return self.whole.species

    @property
    def displacement(self) -> NDArray[np.float64]:
        """(P, 3) neighbour minus centre of all neighbours, Å."""
        return self.whole.displacement

    @property
    def most(self) -> int:
        """Largest number of neighbours of any centre."""
        return int(np.diff(self.first).max(initial=0))

    @property
    def entries(self) -> slice:
        """The neighbours of these centres among all."""
        return slice(int(self.first[0]), int(self.first[-1]))


def batches(environments: Neighbourhoods, entries: int) -> Iterator[Batch]:
    """All centres in their order, as many at a time as have `entries` neighbours together, but at least one."""
    first, start = environments.first, 0
    while start < len(environments.center):
        end = max(start + 1, int(np.searchsorted(first, first[start] + entries, side="right")) - 1)
        yield Batch(environments, start, end)
        start = end


def constant(array: NDArray[Any], kind: Any) -> NDArray[Any]:
    """A read-only array in C order: this one if it is so already, otherwise a copy."""
    contiguous = np.ascontiguousarray(array, dtype=kind)
    if _is_constant(contiguous):
        return contiguous
    if contiguous is array or contiguous.base is not None:
        contiguous = contiguous.copy()
    contiguous.flags.writeable = False
    return contiguous


def _is_constant(array: NDArray[Any]) -> bool:
    """Whether neither an array nor any array it is a view of can be written to."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        owner = owner.base
    return owner is None


def check_vectors(
    vectors: NDArray[np.float64], first: NDArray[np.int64], neighbour: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Squared lengths (P,) in Å² of displacements (P, 3).

    Args:
        vectors: displacements of the neighbours, centre by centre, Å.
        first: (N + 1,) where the neighbours of each centre begin.
        neighbour: (P,) atoms the entries stand for, named in messages.

    Raises:
        StructureError: names a neighbour that is not finite or coincides with its centre.
    """
    squared: NDArray[np.float64] = np.einsum("ij,ij->i", vectors, vectors)
    bad = np.flatnonzero(~(np.isfinite(squared) & (squared >= _MIN_DISTANCE**2)))
    if not bad.size:
        return squared
    entry = int(bad[0])
    center = int(np.searchsorted(first, entry, side="right")) - 1
    who = f"neighbour {entry} of the centre" if neighbour is None else f"atom {neighbour[entry]}"
    if np.isfinite(squared[entry]):
        whom = "the centre" if neighbour is None else f"atom {center}"
        raise StructureError(f"{who} is at the same place as {whom}; remove one of the two.")
    raise StructureError(f"the displacement of {who} is not finite: {vectors[entry].tolist()}.")
