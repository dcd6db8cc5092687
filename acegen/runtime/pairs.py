"""Pairs of a structure whose atoms move: one object owns their displacements, and only it writes to them."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from acegen.runtime.environments import Environments
from acegen.runtime.neighbours import NeighbourList, site_virials_of, virial_of

Floats = NDArray[np.float64]


class MovingPairs:
    """Pairs listed once, with displacements that follow the atoms.

    Kernels accept it like `Environments`. `displacement` is a read-only view of what `move` changes: copy it to keep
    it. Everything else is fixed.

    Attributes:
        listed: the pairs as listed.
        displacement: (P, 3) neighbour minus centre, Å, after the last move.
    """

    def __init__(self, environments: Environments, listed: NeighbourList) -> None:
        """Start from a list of pairs and the environments of the same structure."""
        self.listed = listed
        self._environments = environments
        self._displacement = listed.displacement.copy()
        self.displacement = self._displacement.view()
        self.displacement.flags.writeable = False
        self._counts = np.diff(listed.first)
        self._cell: Floats | None = None
        self._offset = np.zeros((0, 3))

    @property
    def center(self) -> NDArray[np.int32]:
        """(N,) species of each centre."""
        return self._environments.center

    @property
    def first(self) -> NDArray[np.int64]:
        """(N + 1,) where the neighbours of each centre begin."""
        return self._environments.first

    @property
    def species(self) -> NDArray[np.int32]:
        """(P,) species of each neighbour."""
        return self._environments.species

    @cached_property
    def most(self) -> int:
        """Largest number of neighbours of any centre."""
        return self._environments.most

    def move(self, positions: Floats, cell: Floats) -> None:
        """Displacements of the same pairs for positions (N, 3) and cell vectors (3, 3) as rows, Å."""
        if self._cell is None or not np.array_equal(cell, self._cell):
            self._offset = self.listed.shift @ cell
            self._cell = cell.copy()
        displacement = self._displacement
        np.take(positions, self.listed.neighbour, axis=0, out=displacement, mode="clip")
        displacement -= np.repeat(positions, self._counts, axis=0)
        displacement += self._offset

    def forces(self, gradient: Floats) -> Floats:
        """Forces (N, 3) in eV/Å from the derivative of the site energies by each displacement (P, 3)."""
        return self.listed.forces(gradient)

    def virial(self, gradient: Floats) -> Floats:
        """Virial (3, 3) in eV; `gradient` as in `forces`."""
        return virial_of(self.displacement, gradient)

    def site_virials(self, gradient: Floats) -> Floats:
        """Minus the derivative of each site energy with respect to strain, (N, 3, 3) in eV; their sum is the virial."""
        return site_virials_of(self.listed, self.displacement, gradient)
