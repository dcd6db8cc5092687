"""Neighbour lists kept while atoms move and cells deform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from acegen.errors import ModuleError
from acegen.runtime.environments import Environments
from acegen.runtime.pairs import MovingPairs

if TYPE_CHECKING:
    from ase import Atoms

    from acegen.runtime.model import Model


class SkinList:
    """Pairs of a structure that changes little from one call to the next.

    Lists hold the pairs within cutoff + skin; a call moves them, or rebuilds them if a pair that they lack could be
    within its cutoff.

    Why a kept list is complete: suppose it was built for positions x⁰ and cell vectors H⁰ (rows, of the periodic
    directions), which are now x and H = H⁰ F. For every pair, with cell vectors S between the images,

        x_j + S H − x_i = (x_j⁰ + S H⁰ − x_i⁰) F + u_j − u_i,    u_i = x_i − x_i⁰ F.

    A pair that the list lacks was at least cutoff + skin apart, so is now at least σ (cutoff + skin) − |u_j − u_i|
    apart, with σ the smallest singular value of F; and |u_j − u_i| is at most the sum of the two largest |u_i − ū|, for
    any ū. The list is kept while this distance is at least the cutoff. A strain thus uses up as much of the skin as it
    shortens distances equal to the cutoff; drift and rotation with the cell use up none. An atom wrapped back into the
    cell has a large u.

    Attributes:
        skin: Å.
        builds: how many times lists were built.
    """

    def __init__(self, model: Model, skin: float) -> None:
        """Lists for a model.

        Raises:
            ModuleError: the skin is not a number from 0 to the largest cutoff.
        """
        number = isinstance(skin, int | float | np.integer | np.floating) and not isinstance(skin, bool)
        if not number or not 0 <= skin <= model.cutoff:
            raise ModuleError(
                f"skin = {skin!r} is not possible; use a number from 0 to {model.cutoff:g}, the cutoff in Å."
            )
        self.skin = float(skin)
        self.builds = 0
        self._model = model
        self._kept: _Kept | None = None

    def pairs(self, atoms: Atoms) -> MovingPairs:
        """Pairs of all atoms at their current positions. The next call moves or rebuilds them.

        Raises:
            StructureError: unknown elements, values that are not finite, or a cell without extent.
            DependencyError: vesin is not installed.
        """
        if self._kept is not None and self._kept.covers(atoms):
            self._kept.pairs.move(atoms.positions, atoms.cell.array)
        else:
            self._kept = _Kept(self._listed(atoms), self._model.cutoff, self.skin, atoms)
            self.builds += 1
        return self._kept.pairs

    def _listed(self, atoms: Atoms) -> MovingPairs:
        environments, pairs = self._model.environments(atoms, self.skin)
        cutoffs = self._model.cutoffs
        if cutoffs.min() < cutoffs.max():  # pairs with a shorter cutoff need a shorter list radius
            reach = cutoffs[environments.center[pairs.center], environments.species] + self.skin
            kept = np.einsum("ij,ij->i", pairs.displacement, pairs.displacement) < reach**2
            pairs = pairs.part(kept)
            environments = Environments(
                environments.center, pairs.first, environments.species[kept], pairs.displacement
            )
        return MovingPairs(environments, pairs)


class _Kept:
    """Pairs, and the structure they were listed for."""

    def __init__(self, pairs: MovingPairs, cutoff: float, skin: float, atoms: Atoms) -> None:
        self.pairs = pairs
        self._cutoff, self._skin = cutoff, skin
        self._numbers = atoms.numbers.copy()
        self._pbc = atoms.pbc.copy()
        self._positions = atoms.positions.copy()
        self._cell = atoms.cell.array.copy()
        self._inverse = np.linalg.pinv(self._cell[self._pbc], rcond=0.0) if self._pbc.any() else np.zeros((3, 0))

    def covers(self, atoms: Atoms) -> bool:
        """Whether every pair within its cutoff is listed."""
        if not np.array_equal(atoms.numbers, self._numbers) or not np.array_equal(atoms.pbc, self._pbc):
            return False
        cell = atoms.cell.array
        reference, shortest = self._positions, 1.0
        # Values that are not finite fail the comparison at the end; rebuilding the list then reports them.
        with np.errstate(invalid="ignore", over="ignore"):
            if not np.array_equal(cell, self._cell):
                if not np.isfinite(cell).all():
                    return False
                deformation = np.eye(3) + self._inverse @ (cell - self._cell)[self._pbc]
                reference = reference @ deformation
                # A factor above one would favour pairs with a long cutoff over those with a short one.
                shortest = min(1.0, float(np.linalg.svd(deformation, compute_uv=False)[-1]))
            moved = atoms.positions - reference
            moved -= moved.sum(axis=0) / max(len(moved), 1)
            squared = np.einsum("ij,ij->i", moved, moved)
            if len(squared) < 2:
                farthest = 0.0 if np.isfinite(squared).all() else np.nan
            else:
                farthest = float(np.sqrt(np.partition(squared, -2)[-2:]).sum())
            return bool(shortest * (self._cutoff + self._skin) - farthest >= self._cutoff)
