"""Neighbour lists of an ASE `Atoms` object, by vesin, in the layout of the ABI."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from acegen.errors import DependencyError, StructureError
from acegen.runtime.environments import Batch, constant
from acegen.runtime.images import pairs_by_images

if TYPE_CHECKING:
    from ase import Atoms


_FARTHEST = 1e12
"""Largest coordinate, Å; beyond it, doubles do not resolve positions to 1e-4 Å."""

_PARALLEL = 1e-9
"""Smallest singular value of the cell's unit vectors; below it, they count as linearly dependent."""

_MOST_CELLS = 1e5
"""vesin divides space into at most this many cells. Beyond that it scales their numbers in all three directions alike,
and divides by zero where less than one is left."""

_MOST_ALONG_AXIS, _MOST_IMAGES, _MOST_WRAPS = 10_000, 10_000, 1_000_000
"""Most cutoffs along an axis, images of each atom within the cutoff of the cell, and cells that an atom may lie outside
its own: beyond these, vesin's 32-bit integers could overflow, or its loops over images take too long."""


@dataclass(frozen=True)
class NeighbourList:
    """Neighbours of all atoms, atom by atom; the arrays are read-only.

    Attributes:
        first: (N + 1,) where the neighbours of each atom begin.
        center: (P,) atom each entry belongs to.
        neighbour: (P,) atom that the entry is, or is a periodic image of.
        shift: (P, 3) cell vectors from that atom to the image.
        displacement: (P, 3) neighbour minus centre, Å.
    """

    first: NDArray[np.int64]
    center: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    shift: NDArray[np.int32]
    displacement: NDArray[np.float64]

    def __post_init__(self) -> None:
        kinds = {"first": np.int64, "center": np.int64, "neighbour": np.int64, "shift": np.int32, "displacement": float}
        for name, kind in kinds.items():
            object.__setattr__(self, name, constant(getattr(self, name), kind))

    def part(self, kept: NDArray[np.bool_]) -> NeighbourList:
        """The entries marked in `kept` (P,)."""
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

    def scatter(self, batch: Batch) -> Scatter:
        """What sums up the forces of some centres."""
        neighbour = self.neighbour[batch.entries]
        marked = np.zeros(len(self.first) - 1, dtype=bool)
        marked[neighbour] = True
        touched = np.flatnonzero(marked)
        places = np.empty(len(marked), dtype=np.int64)
        places[touched] = np.arange(len(touched))
        components = (3 * places[neighbour][:, None] + np.arange(3)).ravel()
        first = batch.first - batch.first[0]
        some = np.flatnonzero(np.diff(first))
        return Scatter(batch.start + some, first[some], touched, components)

    def virial(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Virial (3, 3) in eV: minus the derivative of the energy with respect to strain; `gradient` as in `forces`."""
        return virial_of(self.displacement, gradient)

    def site_virials(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Minus the derivative of each site energy with respect to strain, (N, 3, 3) in eV; their sum is the virial."""
        return site_virials_of(self, self.displacement, gradient)


@dataclass(frozen=True)
class Scatter:
    """From gradients of a batch of centres to forces on all atoms.

    Attributes:
        centers: atoms with neighbours in the batch.
        first: where the neighbours of each of them begin.
        neighbours: all atoms that are neighbours in the batch.
        components: (3 P,) of the forces on these, that each component of the displacements acts on.
    """

    centers: NDArray[np.int64]
    first: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    components: NDArray[np.int64]

    def add(self, gradient: NDArray[np.float64], forces: NDArray[np.float64]) -> None:
        """Add to forces (N, 3) in eV/Å what the gradient (P, 3) of the batch gives."""
        if len(self.centers):
            forces[self.centers] += np.add.reduceat(gradient, self.first, axis=0)
            sums = _sums(self.components, gradient.ravel(), 3 * len(self.neighbours))
            forces[self.neighbours] -= sums.reshape(-1, 3)


def virial_of(displacement: NDArray[np.float64], gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    """`NeighbourList.virial` of pairs with other displacements (P, 3)."""
    virial: NDArray[np.float64] = -displacement.T @ gradient
    return virial


def site_virials_of(
    pairs: NeighbourList, displacement: NDArray[np.float64], gradient: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`NeighbourList.site_virials` of pairs with other displacements (P, 3)."""
    n_atoms = len(pairs.first) - 1
    products = (displacement[:, :, None] * gradient[:, None, :]).reshape(-1, 9)
    columns = [_sums(pairs.center, column, n_atoms) for column in products.T]
    return -np.stack(columns, axis=1).reshape(n_atoms, 3, 3)


def _sums(index: NDArray[np.int64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sums of the values with the same index, (size,)."""
    sums: NDArray[Any] = np.bincount(index, values, minlength=size)
    return sums


def neighbour_list(atoms: Atoms, cutoff: float) -> NeighbourList:
    """All pairs within `cutoff` (Å), each from both sides; any combination of periodic directions.

    Uses vesin, or explicit images for cells that do not suit it (see `_suits_vesin`).

    Raises:
        DependencyError: vesin is not installed.
        StructureError: positions or cell are not finite or beyond 1e12 Å, a periodic direction has no extent, or there
            are too many images or pairs.
    """
    try:
        from vesin import NeighborList
    except ImportError:
        raise DependencyError("evaluating ASE Atoms needs the package 'vesin': pip install vesin ase.") from None
    positions = np.asarray(atoms.positions, dtype=np.float64)
    cell = np.asarray(atoms.cell.array, dtype=np.float64)
    periodic = np.asarray(atoms.pbc, dtype=bool)
    _check(positions, cell, periodic)
    if not len(positions):
        nothing = np.zeros(0, dtype=np.int64)
        return NeighbourList(
            np.zeros(1, dtype=np.int64), nothing, nothing, np.zeros((0, 3), dtype=np.int32), np.zeros((0, 3))
        )
    if _suits_vesin(positions, cell, periodic, cutoff):
        found = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
        center, neighbour, shift, displacement = found.compute(positions, cell, periodic, "ijSD")
    else:
        center, neighbour, shift, displacement = pairs_by_images(positions, cell, periodic, cutoff)
    first = np.zeros(len(positions) + 1, dtype=np.int64)
    np.cumsum(np.bincount(center, minlength=len(positions)), out=first[1:])
    arrays = first, center.astype(np.int64), neighbour.astype(np.int64), shift.astype(np.int32), displacement
    for array in arrays:  # made here for this list, which need not copy them
        array.flags.writeable = False
    return NeighbourList(*arrays)


def _check(positions: NDArray[np.float64], cell: NDArray[np.float64], periodic: NDArray[np.bool_]) -> None:
    """Refuse structures that have no neighbour list."""
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if bad.size:
        raise StructureError(f"the position of atom {bad[0]} is not finite: {positions[bad[0]].tolist()}.")
    if not np.isfinite(cell).all():
        raise StructureError("the cell has entries that are not finite.")
    vectors = cell[periodic]
    largest = np.abs(vectors).max(axis=1, keepdims=True) if len(vectors) else np.ones((0, 1))
    # The scale of a vector does not matter, but its square must not underflow.
    scaled = vectors / np.where(largest > 0, largest, 1.0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    units = scaled / np.where(lengths > 0, lengths, 1.0)
    if len(units) and np.linalg.svd(units, compute_uv=False)[-1] < _PARALLEL:
        raise StructureError(
            "the cell vectors of the periodic directions are zero or linearly dependent (to one part in 10⁹); "
            "set a compact cell, or atoms.pbc = False."
        )
    farthest = max(np.abs(positions).max(initial=0.0), np.abs(vectors).max(initial=0.0))
    if farthest > _FARTHEST:
        raise StructureError(
            f"positions or cell reach {farthest:.1g} Å, but at most {_FARTHEST:.0g} Å can be evaluated; check their "
            "unit, or evaluate far fragments one by one."
        )
    if len(vectors) and largest.min() < 1 / _FARTHEST:
        raise StructureError(f"a cell vector is only {largest.min():.1g} Å long; check the cell and its unit (Å).")


def _suits_vesin(
    positions: NDArray[np.float64], cell: NDArray[np.float64], periodic: NDArray[np.bool_], cutoff: float
) -> bool:
    """Whether vesin's cell lists are safe and fast for a structure."""
    inverse = np.linalg.pinv(cell[periodic], rcond=0.0)  # (3, D)
    heights = 1 / np.linalg.norm(inverse, axis=0)
    wraps = np.abs(positions @ inverse).max(initial=0.0)
    if wraps > _MOST_WRAPS or np.prod(1 + 2 * cutoff / heights) > _MOST_IMAGES:
        return False
    # vesin does not document the box size in non-periodic directions: count the extent of the atoms and the cell.
    for lengths in (np.ptp(positions, axis=0), np.linalg.norm(cell, axis=1)):
        lengths[periodic] = heights
        counts = np.maximum(1.0, lengths / cutoff)
        if counts.max() > _MOST_ALONG_AXIS:
            return False
        if counts.prod() > _MOST_CELLS / 2 and counts.min() < 2 * np.cbrt(counts.prod() / _MOST_CELLS):
            return False
    return True
