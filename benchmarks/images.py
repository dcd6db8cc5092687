"""Neighbours in several structures: atoms, and periodic images with their own positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from acegen.runtime.neighbours import neighbour_list


def neighbour_arrays(structures: Sequence[Atoms], cutoff: float) -> dict[str, NDArray[Any]]:
    """Arrays of all structures together, as if they were one: N atoms, at most K neighbours each.

    Returns:
        positions: (N + images, 3) atoms, then the periodic images that are neighbours of atoms.
        neighbours: (K, N) positions of each atom's neighbours, N + images where there are fewer.
        counts: (N,) number of neighbours.
        index: (N, K) the atom that each neighbour is, or is an image of.
        mask: (N, K) whether there is such a neighbour.
        displacement: (N, K, 3) neighbour minus atom; (cutoff, 0, 0) where there is none.
        reverse: (N, K) the place of the atom among the neighbours of its neighbour.
    """
    atoms, neighbours, shifts, displacements = [], [], [], []
    offset = 0
    for structure in structures:
        pairs = neighbour_list(structure, cutoff)
        positions, cell = structure.positions, structure.cell.complete().array
        image = pairs.displacement - positions[pairs.neighbour] + positions[pairs.center]
        shifts.append(np.rint(np.linalg.solve(cell.T, image.T).T).astype(np.int64))
        atoms.append(pairs.center + offset)
        neighbours.append(pairs.neighbour + offset)
        displacements.append(pairs.displacement)
        offset += len(structure)
    center, neighbour = np.concatenate(atoms), np.concatenate(neighbours)
    shift, displacement = np.concatenate(shifts), np.concatenate(displacements)
    positions = np.concatenate([structure.positions for structure in structures])
    counts = np.bincount(center, minlength=offset)
    place = np.arange(len(center)) - (np.cumsum(counts) - counts)[center]
    where, images = _images(center, neighbour, shift, displacement, positions)
    width = int(counts.max())
    result = {
        "positions": np.concatenate([positions, images]),
        "neighbours": np.full((width, offset), offset + len(images), dtype=np.int32),
        "counts": counts.astype(np.int32),
        "index": np.zeros((offset, width), dtype=np.int32),
        "mask": np.zeros((offset, width), dtype=bool),
        "displacement": np.tile([cutoff, 0.0, 0.0], (offset, width, 1)),
        "reverse": np.zeros((offset, width), dtype=np.int32),
    }
    result["neighbours"][place, center] = where
    result["index"][center, place] = neighbour
    result["mask"][center, place] = True
    result["displacement"][center, place] = displacement
    pairs_at = {(i, j, *s): k for i, j, s, k in zip(*_lists(center, neighbour, shift, place), strict=True)}
    back = [
        pairs_at[j, i, *(-x for x in s)] for i, j, s, _ in zip(*_lists(center, neighbour, shift, place), strict=True)
    ]
    result["reverse"][center, place] = back
    return result


def _images(
    center: NDArray[np.int64],
    neighbour: NDArray[np.int64],
    shift: NDArray[np.int64],
    displacement: NDArray[np.float64],
    positions: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Where the position of each pair's neighbour is, and the positions of the images."""
    where = neighbour.copy()
    outside = np.flatnonzero(shift.any(axis=1))
    keys = np.column_stack([neighbour[outside], shift[outside]])
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    where[outside] = len(positions) + number.ravel()
    pairs = outside[first]
    return where, positions[center[pairs]] + displacement[pairs]


def _lists(*arrays: NDArray[np.int64]) -> list[list[Any]]:
    return [array.tolist() for array in arrays]
