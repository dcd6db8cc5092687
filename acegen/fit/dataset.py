"""Labelled configurations in memory: with their weights, as data sets, and divided into the parts of a fit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from acegen.fit.labels import LabelWeights
from acegen.fit.settings import QUANTITIES

if TYPE_CHECKING:
    from ase import Atoms

Floats = NDArray[np.float64]

UNNAMED = "unnamed"
"""Kind of configurations without a `config_type`."""


@dataclass(frozen=True)
class Configuration:
    """A structure with its labels.

    Attributes:
        atoms: the structure, without calculator.
        where: file and number, for messages.
        config_type: kind of configuration.
        energy: total energy, eV, or None.
        forces: (N, 3), eV/Å, or None.
        virial: (6,) as xx, yy, zz, yz, xz, xy, eV, or None.
        weight: factor of all its residuals.
        weights: further factors, by quantity.
    """

    atoms: Atoms
    where: str
    config_type: str
    energy: float | None
    forces: Floats | None
    virial: Floats | None
    weight: float = 1.0
    weights: LabelWeights = field(default_factory=LabelWeights)

    @property
    def has_labels(self) -> bool:
        """Whether there is anything to fit to."""
        return self.has_any(QUANTITIES)

    def has_any(self, quantities: Iterable[str]) -> bool:
        """Whether there is a label of one of these quantities."""
        return any(getattr(self, quantity) is not None for quantity in quantities)

    @property
    def force_weights(self) -> Floats:
        """Factors of the force residuals by atom, (N,) numbers; forces of factor zero are left out."""
        return self.weight * np.broadcast_to(np.asarray(self.weights.forces), len(self.atoms))

    def counts(self, elements: Sequence[str]) -> Floats:
        """Number of atoms of each element, (elements,)."""
        symbols = self.atoms.get_chemical_symbols()
        return np.array([symbols.count(element) for element in elements], dtype=np.float64)

    @property
    def content(self) -> bytes:
        """Hash of everything that enters a fit."""
        digest = hashlib.sha256()
        parts = [self.atoms.numbers, self.atoms.positions, self.atoms.cell.array, self.atoms.pbc]
        weights = (self.weight, self.weights.energy, self.weights.forces, self.weights.virial)
        for part in (*parts, self.energy, self.forces, self.virial, *weights):
            digest.update(b"-" if part is None else np.ascontiguousarray(part).tobytes())
        return digest.digest()


@dataclass(frozen=True)
class Dataset:
    """Configurations of one part.

    Attributes:
        configurations: those in use.
        n_excluded: configurations of weight zero in the files, which are left out.
    """

    configurations: tuple[Configuration, ...]
    n_excluded: int = 0

    @property
    def missing(self) -> dict[str, int]:
        """Configurations without a usable label by quantity; under "all", with neither energy nor forces."""
        labels = [(c.energy is None, c.forces is None, c.virial is None) for c in self.configurations]
        counts = {name: sum(row[i] for row in labels) for i, name in enumerate(QUANTITIES)}
        return counts | {"all": sum(row[0] and row[1] for row in labels)}

    @property
    def n_atoms(self) -> int:
        """Atoms of all configurations."""
        return sum(len(c.atoms) for c in self.configurations)

    @property
    def n_labels(self) -> dict[str, int]:
        """Number of energies, force components and virial components."""
        return {
            "energy": sum(c.energy is not None for c in self.configurations),
            "forces": sum(
                3 * int(np.count_nonzero(c.force_weights)) for c in self.configurations if c.forces is not None
            ),
            "virial": sum(c.virial.size for c in self.configurations if c.virial is not None),
        }


@dataclass(frozen=True)
class PlacedUnit:
    """Configurations that are assembled together, by their numbers, and the cell, a fold and a kind, they belong to."""

    fold: int
    kind: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class Parts:
    """Data of a fit.

    Attributes:
        training: all configurations fitted to.
        folds: for each of them the fold in which it is held out to choose hyperparameters, from 0, or -1 for never.
        test: only reported on.
        known: units of the fit that this one continues.
        composition: its directions of composition, (elements, k).
    """

    training: Dataset
    folds: tuple[int, ...]
    test: Dataset
    known: tuple[PlacedUnit, ...] = ()
    composition: tuple[tuple[float, ...], ...] = ()

    @property
    def n_folds(self) -> int:
        """Number of folds; 0 if nothing is held out."""
        return max(self.folds, default=-1) + 1

    def held_out(self, fold: int) -> Dataset:
        """The configurations of a fold."""
        own = (c for c, number in zip(self.training.configurations, self.folds, strict=True) if number == fold)
        return Dataset(tuple(own))
