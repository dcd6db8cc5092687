"""All pairs within a cutoff by explicit periodic images, for cells of any shape.

Slower than vesin's cell lists, but independent of the shape of the cell: the lattice is reduced first, only images
that can reach the cell are made, and their number is known beforehand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acegen.errors import StructureError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MAX_IMAGES = 4_000_000
"""Most atoms and images in and around the cell that are kept in memory."""

_MAX_PAIRS = 50_000_000
"""Most entries of the list, which take about 150 bytes each while it is built."""

_MAX_SHIFT = 2**31 - 1
"""Cell vectors between two atoms are kept as 32-bit integers."""


def pairs_by_images(
    positions: Floats, cell: Floats, periodic: NDArray[np.bool_], cutoff: float
) -> tuple[Integers, Integers, Integers, Floats]:
    """Pairs closer than `cutoff`, each from both sides, sorted by centre.

    Args:
        positions: (N, 3) Å, N > 0.
        cell: (3, 3) vectors as rows, Å; those of the periodic directions are linearly independent.
        periodic: (3,).
        cutoff: Å.

    Returns:
        centre (P,), neighbour (P,), cell vectors from that atom to the image (P, 3), neighbour minus centre (P, 3).

    Raises:
        StructureError: there are too many images or pairs for memory, or atoms are too many cells apart.
    """
    from scipy.spatial import cKDTree

    lattice, transformation = _reduced(cell, periodic)
    inverse = np.linalg.pinv(lattice, rcond=0.0)
    fractions = positions @ inverse
    wraps = np.floor(fractions)
    if np.abs(wraps).max(initial=0.0) > _MAX_SHIFT / 4:
        raise StructureError(
            f"atoms are up to {np.abs(wraps).max():.1g} cells away from the cell; wrap them into it (atoms.wrap())."
        )
    wrapped = positions - wraps @ lattice
    index, shift = _images(fractions - wraps, cutoff * np.linalg.norm(inverse, axis=0))
    centers, images = cKDTree(wrapped), cKDTree(wrapped[index] + shift @ lattice, balanced_tree=False)
    count = centers.count_neighbors(images, cutoff)
    if count > _MAX_PAIRS:
        raise StructureError(
            f"{count:,} pairs of atoms are within {cutoff:g} Å, but at most {_MAX_PAIRS:,} can be listed; the atoms "
            "are too dense, check cell and positions."
        )
    found = centers.sparse_distance_matrix(images, cutoff, output_type="ndarray")
    center, image = found["i"].astype(np.int64), found["j"].astype(np.int64)
    order = np.lexsort((image, center))
    center, image = center[order], image[order]
    itself = (index[image] == center) & (shift[image] == 0).all(axis=1)
    center, image = center[~itself], image[~itself]
    displacement = images.data[image] - wrapped[center]
    near = (displacement**2).sum(axis=1) < cutoff**2
    center, image, displacement = center[near], image[near], displacement[near]
    neighbour = index[image]
    reduced_shift = shift[image] - (wraps[neighbour] - wraps[center])
    shifts = np.zeros((len(center), 3))
    shifts[:, periodic] = reduced_shift @ transformation
    if np.abs(shifts).max(initial=0.0) > _MAX_SHIFT:
        raise StructureError("the cell is so oblique, or atoms so far outside it, that images cannot be numbered.")
    return center, neighbour, shifts.astype(np.int64), displacement


def _reduced(cell: Floats, periodic: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Short vectors (D, 3) of the lattice of the periodic directions, and the integers (D, D) that form them from its
    own vectors."""
    from ase.geometry.minkowski_reduction import minkowski_reduce

    own = cell[periodic]
    if len(own) < 2:
        return own, np.eye(len(own))
    vectors = np.zeros((3, 3))
    vectors[: len(own)] = own
    if len(own) == 2:  # a third direction, left out of the reduction
        normal = np.cross(*own)
        vectors[2] = normal / np.linalg.norm(normal)
    try:
        _, operation = minkowski_reduce(vectors, np.arange(3) < len(own))
    except RuntimeError:
        raise StructureError("the cell is so oblique that its lattice cannot be reduced.") from None
    transformation = np.round(operation[: len(own), : len(own)]).astype(np.float64)
    return transformation @ own, transformation


def _images(fractions: Floats, reach: Floats) -> tuple[Integers, Integers]:
    """Atom and shift (M, D) of all images within `reach` (D,) of the cell, in fractions of it.

    `fractions` (N, D) are in [0, 1].
    """
    reach = reach * (1 + 1e-9) + 1e-9
    about = len(fractions) * float(np.prod(1 + 2 * reach))
    if not about <= _MAX_IMAGES:
        raise StructureError(
            f"within the cutoff of the cell there are about {about:.1g} images of its atoms, but at most "
            f"{_MAX_IMAGES:,} can be listed; the cell is too small, or the atoms too dense: check the cell and its "
            "unit (Å)."
        )
    index = np.arange(len(fractions))
    shift = np.zeros((len(fractions), 0), dtype=np.int64)
    for axis, far in enumerate(reach):
        here = fractions[index, axis]
        lowest = np.ceil(-far - here).astype(np.int64)
        counts = np.floor(1 + far - here).astype(np.int64) - lowest + 1
        source = np.repeat(np.arange(len(index)), counts)
        steps = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts) + lowest[source]
        index, shift = index[source], np.column_stack([shift[source], steps])
    return index, shift
