"""Atomic environments in the layout of the ABI."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Environments:
    """Arrays of the ABI's `acegen_environments`, kept alive during a call.

    Attributes:
        center: (N,) species of each centre.
        first: (N + 1,) where the neighbours of each centre begin.
        species: (P,) species of each neighbour.
        displacement: (P, 3) neighbour minus centre, Å.
    """

    center: NDArray[np.int32]
    first: NDArray[np.int64]
    species: NDArray[np.int32]
    displacement: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name, kind in (("center", np.int32), ("first", np.int64), ("species", np.int32), ("displacement", float)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=kind))

    @property
    def most(self) -> int:
        """Neighbours of the centre that has most."""
        return int(np.diff(self.first).max(initial=0))

    def entries_of(self, centers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the entries of some centres, one centre after the other."""
        counts = np.diff(self.first)[centers]
        starts = np.repeat(self.first[centers] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        entries: NDArray[np.int64] = np.arange(counts.sum()) + starts
        return entries

    def part(self, centers: NDArray[np.int64], entries: NDArray[np.int64]) -> Environments:
        """The environments of some centres; `entries` as given by `entries_of`."""
        first = np.concatenate([[0], np.cumsum(np.diff(self.first)[centers])])
        return Environments(self.center[centers], first, self.species[entries], self.displacement[entries])
