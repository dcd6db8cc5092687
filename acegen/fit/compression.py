"""Structures compressed far below the distances of the data: whether a potential is repulsive there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from acegen.fit.dataset import Configuration, Dataset
from acegen.runtime import Model
from acegen.runtime.neighbours import neighbour_list

Floats = NDArray[np.float64]

SHORTEST = 0.5
"""Smallest distance of the curves, Å."""

_POINTS = 100
_MAX_ATOMS = 200


@dataclass(frozen=True)
class CompressionCurve:
    """Energy per atom of a scaled structure, relative to isolated atoms.

    Attributes:
        name: its formula.
        distance: its smallest distances, falling to `SHORTEST`, Å.
        energy: eV/atom.
        data: smallest distance when the first pair is as close as the closest of its kind in the data, Å.
    """

    name: str
    distance: Floats
    energy: Floats
    data: float

    @property
    def rises_to(self) -> float:
        """The distance down to which the energy rises monotonically, starting at `data`."""
        inside = self.distance <= self.data
        return rises_to(self.distance[inside], self.energy[inside])


@dataclass(frozen=True)
class Repulsion:
    """Behaviour of a potential below the distances of its data.

    Attributes:
        nearest: smallest distance by pair of elements in the data, Å, in the order of the model's elements.
        compression: the curve of a scaled structure, if there is one.
        dimers: by pair in `nearest`, the distance down to which its dimer's energy rises, Å.
    """

    nearest: dict[tuple[str, str], float]
    compression: CompressionCurve | None
    dimers: dict[tuple[str, str], float]


def squeeze(model: Model, data: Dataset, nearest: dict[tuple[str, str], float]) -> Repulsion:
    """Compress a structure of the data, and dimers. Arguments are those of `compression_curve`."""
    return Repulsion(nearest, compression_curve(model, data, nearest), dimers_rise_to(model, nearest))


def rises_to(distance: Floats, energy: Floats) -> float:
    """The last of falling distances up to which energies rise monotonically."""
    falls = np.flatnonzero(np.diff(energy) <= 0)
    return float(distance[falls[0]] if falls.size else distance[-1])


def compression_curve(model: Model, data: Dataset, nearest: Mapping[tuple[str, str], float]) -> CompressionCurve | None:
    """The structure of lowest energy per atom among those of at most 200 atoms, or the smallest, scaled uniformly.

    Args:
        model: a compiled potential.
        data: the training data.
        nearest: smallest distance by pair of elements in them, Å, in the order of the model's elements.

    Returns:
        None if no structure with an energy has two atoms within the cutoff.
    """
    structures = small_structures([c for c in data.configurations if c.energy is not None])
    if not structures:
        return None
    atoms = min(structures, key=energy_per_atom).atoms
    contact = first_contact(atoms, model, closest_pairs(nearest, model.elements))
    if contact is None:
        return None
    smallest, scale = contact
    distances = np.geomspace(smallest, SHORTEST, _POINTS)
    isolated = np.mean([model.atomic_energies[symbol] for symbol in atoms.get_chemical_symbols()])
    energies = [model.compute(scaled(atoms, d / smallest)).energies.mean() - isolated for d in distances]
    reached = smallest * min(1.0, scale)
    return CompressionCurve(atoms.get_chemical_formula(empirical=True), distances, np.array(energies), reached)


def dimers_rise_to(model: Model, nearest: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """For each pair the distance (Å) down to which its dimer's energy rises, starting at that in `nearest`."""
    found = {}
    for pair, smallest in nearest.items():
        distances = np.geomspace(smallest, min(SHORTEST, smallest), _POINTS)
        energies = [model.compute(Atoms(pair, [[0, 0, 0], [0, 0, d]])).energies.sum() for d in distances]
        found[pair] = rises_to(distances, np.array(energies))
    return found


def small_structures(configurations: Iterable[Configuration]) -> list[Configuration]:
    """Those of 2 to 200 atoms; if there are none, the smallest of those with more."""
    several = [c for c in configurations if len(c.atoms) > 1]
    small = [c for c in several if len(c.atoms) <= _MAX_ATOMS]
    return small or sorted(several, key=lambda c: len(c.atoms))[:1]


def energy_per_atom(configuration: Configuration) -> float:
    """eV; infinite without an energy."""
    return np.inf if configuration.energy is None else configuration.energy / len(configuration.atoms)


def closest_pairs(lengths: Mapping[tuple[str, str], float], elements: Sequence[str]) -> Floats:
    """Lengths by pair of elements, in their order, as a symmetric matrix; zero for pairs that are not there."""
    matrix = np.zeros((len(elements), len(elements)))
    for (first, second), length in lengths.items():
        a, b = elements.index(first), elements.index(second)
        matrix[a, b] = matrix[b, a] = length
    return matrix


def first_contact(atoms: Atoms, model: Model, closest: Floats) -> tuple[float, float] | None:
    """The smallest distance (Å), and the scale at which a first pair is as close as in `closest_pairs`.

    None if no two atoms are within the cutoff.
    """
    species = np.array([model.elements.index(symbol) for symbol in atoms.get_chemical_symbols()])
    pairs = neighbour_list(atoms, model.cutoff)
    if not len(pairs.center):
        return None
    lengths = np.linalg.norm(pairs.displacement, axis=1)
    return float(lengths.min()), float((closest[species[pairs.center], species[pairs.neighbour]] / lengths).max())


def scaled(atoms: Atoms, scale: float) -> Atoms:
    """A structure with all lengths multiplied by `scale`."""
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell.array * scale)
    scaled.positions *= scale
    return scaled
