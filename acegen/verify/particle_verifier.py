"""Checks of models of other particles: sets drawn from their space, transformations of their group."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from acegen.basis.definitions import read_definitions
from acegen.progress import Progress
from acegen.runtime import ParticleModel
from acegen.spec import load_particle_spec
from acegen.verify.checks import Verifier
from acegen.verify.environments import Environment
from acegen.verify.reference import Reference
from acegen.verify.reference_functions import ParticleFunctions
from acegen.verify.result import CheckResult

Floats = NDArray[np.float64]


class ParticleVerifier(Verifier):
    """Checks a model of particles on an interval, in the plane, on a circle, or in an added space."""

    def __init__(
        self, model: ParticleModel, n_environments: int = 40, seed: int = 0, progress: Progress | None = None
    ) -> None:
        self.model = model
        self.spec = load_particle_spec({"name": model.name, **model.description["spec"]})
        super().__init__(model, self.spec, n_environments, seed, progress)

    def reference(self, environment: Environment) -> Reference:
        radial, angular = self.algebra.radial, self.algebra.angular
        functions = ParticleFunctions(
            self.spec, angular, radial.first, self.description["radial_functions"], read_definitions(self.description)
        )
        return Reference(functions, self.canonical)

    def _environment(self, count: int, nearest: float = 0.3, farthest: float = 0.98) -> Environment:
        """Random numbers in [-1, 1]; or vectors, with lengths in fractions of the cutoff if there is one."""
        species = np.zeros(count, dtype=np.int64)
        if self.spec.dimension == 1:
            return Environment(0, species, self.rng.uniform(-1, 1, size=(count, 1)))
        vectors = self.rng.normal(size=(count, self.spec.dimension))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Environment(
            0, species, vectors * self.rng.uniform(nearest, farthest, (count, 1)) * (self.spec.cutoff or 1)
        )

    def _transformations(self) -> list[tuple[str, Callable[[], Floats]]]:
        angular = self.algebra.angular
        found: list[tuple[str, Callable[[], Floats]]] = []
        if angular.infinitesimal_elements:
            found.append(("rotation", self._rotation))
        for number, element in enumerate(angular.finite_elements, start=1):
            matrix = np.array([[float(value) for value in row] for row in element])
            name = f"group element {number}" if angular.dimension > 1 else "change of sign"
            found.append((name, partial(np.array, matrix)))
        return found

    def _rotation(self) -> Floats:
        """A product of random rotations, one per generator X: the Cayley transform (1 - tX)^-1 (1 + tX)."""
        unit = np.eye(self.spec.dimension)
        total = unit
        for element in self.algebra.angular.infinitesimal_elements:
            step = self.rng.normal() * np.array([[float(value) for value in row] for row in element])
            total = total @ np.linalg.solve(unit - step, unit + step)
        return total

    def _own_checks(self) -> list[Callable[[], CheckResult]]:
        checks: list[Callable[[], CheckResult]] = []
        for _, draw in self._transformations()[:1]:
            checks.append(partial(self.turned_gradient, draw))
        if self.spec.cutoff is not None:
            checks.append(self.beyond_cutoff)
        elif self.spec.dimension > 1:
            checks.append(self.only_direction)
        return checks

    def beyond_cutoff(self) -> CheckResult:
        """Particles at and beyond the cutoff change nothing, to the last bit."""
        return self.far_adds_zero(
            "particles beyond cutoff add zero", lambda _: self._environment(7, nearest=1.0 + 1e-12, farthest=1.3)
        )

    def only_direction(self) -> CheckResult:
        """Vectors of different lengths give the same values."""

        def stretched(environment: Environment) -> Environment:
            lengths = self.rng.uniform(0.1, 10.0, size=(len(environment.species), 1))
            return Environment(environment.center, environment.species, environment.displacement * lengths)

        return self._unchanged("length of vectors", stretched)

    def one_particle(self) -> CheckResult:
        """With one particle, the value is the order-1 part alone."""
        return self.order_one_alone("one particle: order-1 part", "20 particles")

    def _set(self, environment: Environment) -> Floats:
        x = environment.displacement
        return x[:, 0] if self.spec.dimension == 1 else x

    def _values(self, environment: Environment) -> Floats:
        return self.model.basis(self._set(environment))

    def _gradient(self, environment: Environment) -> Floats:
        return self.model.basis_gradient(self._set(environment)).reshape(
            len(self.functions), *environment.displacement.shape
        )

    def _potential(self, environment: Environment) -> tuple[float, Floats]:
        value, gradient = self.model.value_gradient(self._set(environment))
        return value, gradient.reshape(environment.displacement.shape)
