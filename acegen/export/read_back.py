"""An exported potential, read back and compared with the model it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acegen.export.example import example_structure
from acegen.runtime import Model
from acegen.yace.conversion.basis import ExportedPotential
from acegen.yace.evaluation import Evaluator
from acegen.yace.potential import YacePotential

_RANDOM = 8
"""Random environments of each element."""
_NEIGHBOURS = 16
_OF_EXAMPLE = 4
"""Environments of each element in the example's crystal."""

_LEAST = 0.3
"""Smallest distance of random neighbours over the cutoff, if there is no core."""

_NEAR = 0.01
"""How near to a kink half of the neighbours are, over the cutoff, if there is one."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Differences between two evaluations of one potential.

    Attributes:
        environments: number of environments.
        energy: largest difference of site energies without atomic energies, relative to their root mean square.
        forces: the same of the components of their derivatives by the neighbours' positions.
    """

    environments: int
    energy: float
    forces: float

    @property
    def worst(self) -> float:
        """The larger one of the two."""
        return float(np.max((self.energy, self.forces)))  # nan if one is


@dataclass(frozen=True)
class _Environment:
    center: int
    species: NDArray[np.int64]
    displacements: Floats


def compare(model: Model, exported: ExportedPotential, read: YacePotential) -> Agreement:
    """Compare a model with its export, in random environments and in those of a crystal with displaced atoms.

    Neighbours are not closer than where the two should agree; many are where radial functions are most in error.

    Args:
        model: the compiled model.
        exported: what was written.
        read: the same read from the file.

    Returns:
        the differences; not finite if energies are too large for doubles.
    """
    size = range(len(model.elements))
    bonds = [[exported.bond(center, other) for other in size] for center in size]
    closest = np.array([[bond.closest if bond else 0.0 for bond in row] for row in bonds])
    kinks = [[bond.kinks if bond else () for bond in row] for row in bonds]
    evaluator = Evaluator(read)
    with np.errstate(over="ignore", invalid="ignore"):
        found = [
            _compared(model, evaluator, list(environments))
            for environments in (_random(model, closest, kinks), _of_example(model, closest))
        ]
    return Agreement(
        sum(one.environments for one in found),
        float(np.max([one.energy for one in found])),
        float(np.max([one.forces for one in found])),
    )


def _compared(model: Model, evaluator: Evaluator, environments: Sequence[_Environment]) -> Agreement:
    """The agreement in some environments."""
    energies: list[tuple[float, float]] = []
    forces: list[tuple[Floats, Floats]] = []
    for one in environments:
        element = model.elements[one.center]
        symbols = [model.elements[species] for species in one.species]
        energy, gradient = model.energy_gradient(element, symbols, one.displacements)
        read, read_gradient = evaluator.evaluate(one.center, list(map(int, one.species)), one.displacements)
        zero = model.atomic_energies[element]
        energies.append((energy - zero, read - zero))
        forces.append((gradient.ravel(), read_gradient.ravel()))
    if not environments:
        return Agreement(0, 0.0, 0.0)
    own, other = (np.concatenate(parts) for parts in zip(*forces, strict=True))
    return Agreement(len(environments), _difference(*np.array(energies).T), _difference(own, other))


def _difference(first: Floats, second: Floats) -> float:
    """Largest difference of two arrays, relative to the root mean square of the first."""
    size = float(np.sqrt(np.mean(first**2)))
    largest = float(np.abs(first - second).max())
    return largest / size if size else largest


def _random(model: Model, closest: Floats, kinks: Sequence[Sequence[Sequence[float]]]) -> Iterator[_Environment]:
    rng = np.random.default_rng(0)
    for center in range(len(model.elements)):
        cutoffs = model.cutoffs[center]
        least = np.maximum(_LEAST * cutoffs, closest[center])
        for _ in range(_RANDOM):
            species = rng.integers(len(model.elements), size=_NEIGHBOURS)
            directions = rng.normal(size=(_NEIGHBOURS, 3))
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            # as many in every shell of equal volume
            distances = np.cbrt(rng.uniform(least[species] ** 3, cutoffs[species] ** 3))
            for number, other in enumerate(species[: _NEIGHBOURS // 2]):
                if kinks[center][other]:
                    distances[number] = rng.choice(kinks[center][other]) + rng.normal() * _NEAR * cutoffs[other]
            yield _Environment(center, species, directions * distances[:, None])


def _of_example(model: Model, closest: Floats) -> Iterator[_Environment]:
    """Environments of the crystal, but those with atoms closer than `closest`."""
    environments, _ = model.environments(example_structure(model))
    left = [_OF_EXAMPLE] * len(model.elements)
    for number, center in enumerate(map(int, environments.center)):
        part = slice(environments.first[number], environments.first[number + 1])
        species, displacements = environments.species[part].astype(np.int64), environments.displacement[part]
        distances = np.linalg.norm(displacements, axis=1)
        if left[center] and (distances >= closest[center][species]).all():
            left[center] -= 1
            yield _Environment(center, species, displacements)
