"""Curves of a potential far from its data, and how much they deviate from those of real bonds.

A dimer of these elements has one bond length: its energy falls and then rises. A crystal under uniform compression and
expansion has one minimum, is convex from high pressure to a single inflection beyond it, and follows the equation of
state of Vinet et al. (J. Phys.: Condens. Matter 1, 1941 (1989)) for most solids. The data contain little of either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from ase import Atoms
from ase.build import bulk
from ase.eos import vinet
from numpy.typing import NDArray
from potential_fits import Data, Material, Potential

from acegen.fit.curves import nearest_distances

Floats = NDArray[np.float64]

VOLUMES = np.linspace(0.4, 2.5, 106)
"""Volumes in units of that of the known crystal."""

SHORTEST = 0.7
"""Distance at which dimer curves begin, in units of the smallest distance in the data."""

NEAR = 0.1
"""Relative change of volume within which the equation of state is fitted; the data cover it."""


@dataclass(frozen=True)
class Dimer:
    """A dimer curve, relative to two isolated atoms.

    Attributes:
        distance: Å.
        energy: eV.
        many_body: contribution of functions of order above 1, eV.
        nearest: smallest distance in the data, Å.
    """

    distance: Floats
    energy: Floats
    many_body: Floats
    nearest: float

    @property
    def turns(self) -> int:
        """Number of minima and maxima; physically one."""
        return sign_changes(np.diff(self.energy))

    @property
    def detour(self) -> float:
        """Sum of superfluous rises and falls beyond the smallest distance in the data, eV; physically zero."""
        beyond = self.energy[self.distance >= self.nearest]
        direct = beyond[0] + beyond[-1] - 2 * beyond.min()
        return float(np.abs(np.diff(beyond)).sum() - direct)


@dataclass(frozen=True)
class Crystal:
    """Energy per atom against volume per atom.

    Attributes:
        volume: Å³.
        energy: eV.
        reference: equation of state of the material, eV, moved to the minimum of this potential.
        scale: volume of the known crystal.
    """

    volume: Floats
    energy: Floats
    reference: Floats
    scale: float

    @property
    def minima(self) -> int:
        """Number of minima; physically one."""
        return int(np.sum((self.energy[1:-1] < self.energy[:-2]) & (self.energy[1:-1] < self.energy[2:])))

    @property
    def inflections(self) -> int:
        """Number of inflections; physically one, beyond the minimum."""
        return sign_changes(np.diff(self.energy, 2))

    @property
    def hole(self) -> float:
        """How far the energy falls below that of the crystal, eV/atom; physically zero."""
        near = np.abs(self.volume / self.scale - 1) <= NEAR
        return float(max(0.0, self.energy[near].min() - self.energy.min()))

    def deviation(self, low: float, high: float) -> float:
        """Root mean square difference from the equation of state over a range of relative volumes, eV/atom."""
        inside = (self.volume >= low * self.scale) & (self.volume <= high * self.scale)
        return float(np.sqrt(np.mean((self.energy - self.reference)[inside] ** 2)))


def sign_changes(values: Floats) -> int:
    """How often a sequence changes its sign; values within rounding of zero have no sign."""
    signs = np.sign(values[np.abs(values) > 1e-9 * np.abs(values).max()])
    return int(np.sum(signs[1:] != signs[:-1]))


def dimer(potential: Potential, nearest: float) -> Dimer:
    """The dimer of a potential."""
    element, cutoff = potential.task.material.element, potential.task.material.cutoff
    distances = np.linspace(SHORTEST * nearest, 0.999 * cutoff, 300)
    pairs = (Atoms([element] * 2, [[0, 0, 0], [0, 0, d]]) for d in distances)
    functions = np.array([potential.model.descriptors(pair).sum(axis=0) for pair in pairs])
    higher = np.array([label.order > 1 for label in potential.model.labels(element)])
    coefficients = potential.solution.functions
    return Dimer(distances, functions @ coefficients, functions[:, higher] @ coefficients[higher], nearest)


def nearest_distance(data: Data, material: Material) -> float:
    """The smallest distance in the training data, Å."""
    return nearest_distances(data.training, (material.element,), material.cutoff)[(material.element,) * 2]


def covered_volumes(data: Data) -> tuple[float, float]:
    """Smallest and largest volume per atom of the training data, without surfaces, whose cells contain vacuum."""
    volumes = [c.atoms.get_volume() / len(c.atoms) for c in data.training.configurations if c.config_type != "Surface"]
    return min(volumes), max(volumes)


def crystals(potentials: list[Potential]) -> list[Crystal]:
    """Curves of the potentials of a material.

    They share one equation of state, fitted to the mean of the curves with most data (all bases, sizes, priors).
    """
    material = potentials[0].task.material
    perfect = bulk(material.element, material.structure)
    scale = perfect.get_volume() / len(perfect)
    volume, near = VOLUMES * scale, np.abs(VOLUMES - 1) <= NEAR
    energies = [volume_energies(potential, perfect) for potential in potentials]
    most = max(potential.configurations for potential in potentials)
    best = [energy for energy, own in zip(energies, potentials, strict=True) if own.configurations == most]
    mean = np.mean(best, axis=0)
    start = (mean[near].min(), 1.0, 4.0, scale)
    parameters, _ = scipy.optimize.curve_fit(vinet, volume[near], mean[near], start, maxfev=10_000)
    reference = vinet(volume, *parameters)
    lowest = reference[near].min()
    return [Crystal(volume, energy, reference - lowest + energy[near].min(), scale) for energy in energies]


def volume_energies(potential: Potential, perfect: Atoms) -> Floats:
    """Energy per atom of the scaled crystal, eV."""
    energies = []
    for volume in VOLUMES:
        atoms = perfect.copy()
        atoms.set_cell(perfect.cell.array * volume ** (1 / 3), scale_atoms=True)
        energies.append(float(potential.model.descriptors(atoms).mean(axis=0) @ potential.solution.functions))
    return np.array(energies) + potential.isolated
