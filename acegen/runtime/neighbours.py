"""Neighbour lists of an ASE `Atoms` object, by vesin, in the layout of the ABI."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from acegen.errors import DependencyError, StructureError

if TYPE_CHECKING:
    from ase import Atoms


_MAX_EXTENT = 10_000
"""Largest extent of a structure in cutoffs; vesin's cell lists fail far beyond."""


@dataclass(frozen=True)
class NeighbourList:
    """Neighbours of all atoms, one atom after the other.

    Attributes:
        first: (N + 1,) where the neighbours of each atom begin.
        center: (P,) atom each entry belongs to.
        neighbour: (P,) atom whose (periodic image's) position the entry is.
        shift: (P, 3) cell vectors from that atom to the image.
        displacement: (P, 3) neighbour minus centre, Å.
    """

    first: NDArray[np.int64]
    center: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    shift: NDArray[np.int32]
    displacement: NDArray[np.float64]

    def part(self, kept: NDArray[np.bool_]) -> NeighbourList:
        """The entries that are marked in `kept` (P,)."""
        first = np.concatenate([[0], np.cumsum(kept)])[self.first]
        return NeighbourList(first, self.center[kept], self.neighbour[kept], self.shift[kept], self.displacement[kept])

    @cached_property
    def _components(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Components of forces that each component of the displacements acts on: of centres, of neighbours."""
        axes = np.arange(3)
        return (3 * self.center[:, None] + axes).ravel(), (3 * self.neighbour[:, None] + axes).ravel()

    def forces(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Forces (N, 3) in eV/Å from the derivative of the site energies by each displacement (P, 3)."""
        size, weights = 3 * (len(self.first) - 1), gradient.ravel()
        on_center, on_neighbour = (_sums(index, weights, size) for index in self._components)
        return (on_center - on_neighbour).reshape(-1, 3)

    def virial(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Virial (3, 3) in eV: minus the derivative of the energy with respect to strain; `gradient` as in `forces`."""
        virial: NDArray[np.float64] = -self.displacement.T @ gradient
        return virial

    def site_virials(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Minus the derivative of each site energy with respect to strain, (N, 3, 3) in eV; their sum is the virial."""
        n_atoms = len(self.first) - 1
        products = (self.displacement[:, :, None] * gradient[:, None, :]).reshape(-1, 9)
        columns = [_sums(self.center, column, n_atoms) for column in products.T]
        return -np.stack(columns, axis=1).reshape(n_atoms, 3, 3)


def _sums(index: NDArray[np.int64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sums of the values of the same index, (size,)."""
    sums: NDArray[Any] = np.bincount(index, values, minlength=size)
    return sums


def neighbour_list(atoms: Atoms, cutoff: float) -> NeighbourList:
    """All pairs within `cutoff` (Å), each from both sides; any combination of periodic directions.

    Raises:
        DependencyError: vesin is not installed.
        StructureError: positions or cell are not finite, or a periodic direction has no extent.
    """
    try:
        from vesin import NeighborList
    except ImportError:
        raise DependencyError("evaluating ASE Atoms needs the package 'vesin': pip install vesin ase.") from None
    positions = np.asarray(atoms.positions, dtype=np.float64)
    cell = np.asarray(atoms.cell.array, dtype=np.float64)
    periodic = np.asarray(atoms.pbc, dtype=bool)
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if bad.size:
        raise StructureError(f"the position of atom {bad[0]} is not finite: {positions[bad[0]].tolist()}.")
    if not np.isfinite(cell).all():
        raise StructureError("the cell has entries that are not finite.")
    if np.linalg.matrix_rank(cell[periodic]) < periodic.sum():
        raise StructureError(
            "the cell vectors of the periodic directions are zero or linearly dependent; "
            "set a cell, or atoms.pbc = False."
        )
    if not len(positions):
        nothing = np.zeros(0, dtype=np.int64)
        shift = np.zeros((0, 3), dtype=np.int32)
        return NeighbourList(np.zeros(1, dtype=np.int64), nothing, nothing, shift, np.zeros((0, 3)))
    extent = np.ptp(positions, axis=0).max()
    if extent > _MAX_EXTENT * cutoff:
        raise StructureError(
            f"the atoms are up to {extent:.3g} Å apart, more than {_MAX_EXTENT:,} cutoffs; wrap them into the cell, "
            "or evaluate far fragments one by one."
        )
    found = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
    center, neighbour, shift, displacement = found.compute(positions, cell, periodic, "ijSD")
    center = center.astype(np.int64)
    first = np.zeros(len(positions) + 1, dtype=np.int64)
    np.cumsum(np.bincount(center, minlength=len(positions)), out=first[1:])
    return NeighbourList(
        first, center, neighbour.astype(np.int64), shift.astype(np.int32), np.ascontiguousarray(displacement)
    )
