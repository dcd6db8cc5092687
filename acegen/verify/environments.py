"""Random environments for checking a module."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import NDArray

from acegen.verify.reference import Particle, Vector

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Environment:
    """One random environment: species indices and displacements (J, 3), or coordinates (J, d) of other particles."""

    center: int
    species: NDArray[np.int64]
    displacement: Floats


def particles(environment: Environment) -> list[Particle]:
    """Its neighbours, exactly as in double precision."""
    return [
        Particle(int(species), vector(displacement))
        for species, displacement in zip(environment.species, environment.displacement, strict=True)
    ]


def vector(values: Floats) -> Vector:
    """Coordinates in ball arithmetic."""
    return tuple(arb(float(value)) for value in values)


def transformed(environment: Environment, matrix: Floats) -> Environment:
    """All displacements times a matrix."""
    return Environment(environment.center, environment.species, environment.displacement @ matrix.T)


def random_rotation(rng: np.random.Generator) -> Floats:
    """A uniformly drawn rotation: the Q of a random matrix, with the signs of R fixed and determinant one."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def joined(first: Environment, second: Environment) -> Environment:
    """The particles of both environments, around the centre of the first."""
    return Environment(
        first.center,
        np.concatenate([first.species, second.species]),
        np.concatenate([first.displacement, second.displacement]),
    )
