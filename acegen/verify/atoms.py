"""Checks of atomic models: their environments, their symmetries, and their specific terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from acegen.basis.definitions import read_definitions
from acegen.progress import Progress
from acegen.runtime import Model
from acegen.spec import load_atomic_spec
from acegen.verify.checks import Verifier
from acegen.verify.embedding import embed
from acegen.verify.environments import Environment, particles, random_rotation, vector
from acegen.verify.inner import InnerCutoff
from acegen.verify.reference import Reference
from acegen.verify.reference_functions import AtomFunctions
from acegen.verify.repulsion import Repulsion
from acegen.verify.result import CheckResult
from acegen.verify.uncertainty import check_grades, check_member_gradients, check_members

Floats = NDArray[np.float64]


class AtomVerifier(Verifier):
    """Checks a model of atoms."""

    def __init__(self, model: Model, n_environments: int = 40, seed: int = 0, progress: Progress | None = None) -> None:
        self.model = model
        self.spec = load_atomic_spec({"name": model.name, **model.description["spec"]})
        self.definitions = read_definitions(model.description)
        super().__init__(model, self.spec, n_environments, seed, progress)

    def reference(self, environment: Environment) -> Reference:
        functions = AtomFunctions(self.spec, self.description["radial_functions"], self.definitions, environment.center)
        return Reference(functions, self.canonical, InnerCutoff(self.spec, environment.center).factor)

    def _transformations(self) -> list[tuple[str, Callable[[], Floats]]]:
        return [("rotation", lambda: random_rotation(self.rng)), ("inversion", lambda: -np.eye(3))]

    def _own_checks(self) -> list[Callable[[], CheckResult]]:
        turned = partial(self.turned_gradient, lambda: random_rotation(self.rng))
        checks: list[Callable[[], CheckResult]] = [turned, self.beyond_cutoff]
        if self.spec.zbl is not None:
            checks.append(self.reference_part)
        if self.spec.inner_cutoff is not None:
            checks.append(self.nothing_inside)
        if self.model.has_grades:
            checks.append(self.grades)
        if self.model.n_members:
            checks += [self.members, self.member_gradients]
        return checks

    def beyond_cutoff(self) -> CheckResult:
        """Neighbours at and beyond the cutoff change nothing, to the last bit."""

        def far(environment: Environment) -> Environment:
            drawn = self._environment(7, nearest=1.0, farthest=1.3)
            return Environment(drawn.center, drawn.species, self._pushed_out(environment.center, drawn))

        return self.far_adds_zero("neighbours beyond cutoff add zero", far)

    def reference_part(self) -> CheckResult:
        """The part without coefficients, energy and directional derivative, against the 640-bit ZBL formula."""
        worst = 0.0
        for environment in self._more_environments():
            repulsion, own = Repulsion(self.spec, self.definitions.zbl, environment.center), particles(environment)
            direction = self.rng.normal(size=environment.displacement.shape)
            energy, gradient = self.model.reference_gradient(*self._arguments(environment))
            expected = repulsion.energy(own)
            slope = repulsion.directional_derivative(own, [vector(d) for d in direction])
            worst = max(worst, abs(energy - expected) / max(1.0, expected))
            scale = max(1.0, float(np.abs(gradient * direction).sum()))
            worst = max(worst, abs(float((gradient * direction).sum()) - slope) / scale)
        return CheckResult("reference = 640-bit ZBL", worst, 1e-12, "distances ≥ 0.3 Å")

    def nothing_inside(self) -> CheckResult:
        """With a neighbour at or below its inner cutoff all functions and their derivatives are zero, exactly."""
        worst = 0.0
        for count in (1, 2, 12):
            environment = self._with_close(self._environment(count), 1, -2.0, 0.0)
            values, gradient = self._values(environment), self._gradient(environment)
            worst = max(worst, float(np.abs(values).max()), float(np.abs(gradient).max()))
        return CheckResult("inner cutoff: zero inside", worst, 0.0, "≤ 12 neighbours")

    def grades(self) -> CheckResult:
        """Grades against their definition, with 640-bit values where these are affordable, else those of the kernel."""
        grades = self.model.uncertainty_data.grades
        assert grades is not None
        return check_grades(self.model, grades, self._arguments, self._environments_and_values(), self._scope())

    def members(self) -> CheckResult:
        """Energies of the members likewise."""
        committee = self.model.uncertainty_data.committee
        assert committee is not None
        return check_members(self.model, committee, self._arguments, self._environments_and_values(), self._scope())

    def member_gradients(self) -> CheckResult:
        """Their gradients against those of the basis kernel."""
        committee = self.model.uncertainty_data.committee
        assert committee is not None
        chosen = [*self.environments[:: max(1, len(self.environments) // 10)], *self._more_environments()]
        gradients = ((environment, self._gradient(environment)) for environment in chosen if len(environment.species))
        return check_member_gradients(self.model, committee, self._arguments, gradients, "≤ 60 neighbours")

    def _environments_and_values(self) -> Iterator[tuple[Environment, Floats]]:
        """Environments with the values of all functions: by brute force where that is affordable."""
        for environment, chosen in self._small_environments():
            values = self._values(environment).copy()
            values[chosen] = [float(value) for value in self._reference(environment, chosen)]
            yield environment, values
        for environment in [*self.environments, *self._more_environments()]:
            yield environment, self._values(environment)

    def one_particle(self) -> CheckResult:
        """The energy of a dimer is its order-1 part (with atomic energy and half of the ZBL repulsion) alone."""
        return self.order_one_alone("dimer energy = order-1 part", "20 dimers")

    def _energy_terms(self, environment: Environment, values: Floats) -> Floats:
        """All terms of a site energy: basis functions, ZBL core, atomic energy."""
        element = self.model.elements[environment.center]
        repulsion = Repulsion(self.spec, self.definitions.zbl, environment.center).energy(particles(environment))
        rest = [repulsion, self._coefficients.atomic_energies.get(element, 0.0)]
        if self.spec.embedding is None:
            return np.concatenate([self._values_of(environment.center) * values, rest])
        pair, densities = self._parts(environment.center)
        embedded = embed(self.spec.embedding, (densities @ values[self.n_pair :]).tolist())
        others = np.zeros(len(values) - self.n_pair)
        others[0] = embedded.energy
        return np.concatenate([pair * values[: self.n_pair], others, rest])

    def _slopes(self, environment: Environment) -> Floats:
        if self.spec.embedding is None:
            return super()._slopes(environment)
        pair, densities = self._parts(environment.center)
        values = densities @ self._values(environment)[self.n_pair :]
        slopes = embed(self.spec.embedding, values.tolist()).slopes
        return np.concatenate([pair, np.asarray(slopes, dtype=float) @ densities])

    def _slope_uncertainty(self, environment: Environment) -> Floats:
        if self.spec.embedding is None:
            return super()._slope_uncertainty(environment)
        pair, densities = self._parts(environment.center)
        values = self._values(environment)[self.n_pair :]
        curvatures = embed(self.spec.embedding, (densities @ values).tolist()).curvatures
        sizes = np.abs(curvatures) * (np.abs(densities) @ np.abs(values))
        return np.concatenate([np.zeros(len(pair)), sizes @ np.abs(densities)])

    def _parts(self, center: int) -> tuple[Floats, Floats]:
        """Coefficients of the pair functions, and those of the others by density."""
        values = self._values_of(center)
        return values[: self.n_pair], values[self.n_pair :].reshape(self.spec.n_densities, -1)

    def _rest_gradient(self, environment: Environment) -> Floats:
        return self.model.reference_gradient(*self._arguments(environment))[1]

    @property
    def _energy_formula(self) -> str:
        rest = self.spec.zbl is not None or bool(self._coefficients.atomic_energies)
        own = "coefficients · basis" if self.spec.embedding is None else "F(c · basis)"
        return f"energy = {own.replace('coefficients', 'c')} + ZBL + atomic" if rest else f"energy = {own}"

    def _potential(self, environment: Environment) -> tuple[float, Floats]:
        return self.model.energy_gradient(*self._arguments(environment))

    def _environment(self, count: int, nearest: float = 0.3, farthest: float = 0.98) -> Environment:
        """Random species and directions; distances between fractions of the pair's cutoff.

        Where parts of the model have their own cutoffs, some distances are drawn for each.
        """
        n_species = len(self.model.elements)
        center = int(self.rng.integers(n_species))
        species = self.rng.integers(n_species, size=count)
        directions = self.rng.normal(size=(count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        cutoffs = self.model.cutoffs[center][species]
        own = np.array(self.spec.cutoffs)[center][species]
        if farthest < 1 and (own < cutoffs).any():
            cutoffs = np.where(self.rng.random(count) < 0.7, own, cutoffs)
        radii = self.rng.uniform(nearest, farthest, size=count) * cutoffs
        return Environment(center, species, directions * radii[:, None])

    def _close_environments(self, count: int) -> Iterator[Environment]:
        """Environments with one or two neighbours in the range of the inner switch; none without an inner cutoff."""
        if self.spec.inner_ranges is not None:
            for n_close in (1, 2):
                yield self._with_close(self._environment(count), n_close, 0.3, 1.1)

    def _with_close(self, environment: Environment, n_close: int, first: float, last: float) -> Environment:
        """Move the first neighbours to where t, zero at the inner and one at the outer distance, is in a given range.

        The others are moved outside where necessary.
        """
        ranges = np.array(self.spec.inner_ranges)[environment.center][environment.species]
        inner, outer = ranges[:, 0], ranges[:, 1]
        radii = np.linalg.norm(environment.displacement, axis=1)
        units = environment.displacement / radii[:, None]
        t = np.concatenate([self.rng.uniform(first, last, size=n_close), np.ones(len(radii))])[: len(radii)]
        near = np.maximum(inner + t * (outer - inner), 0.5 * inner)
        radii = np.where(np.arange(len(radii)) < n_close, near, np.maximum(radii, outer))
        return Environment(environment.center, environment.species, units * radii[:, None])

    def _more_environments(self) -> Iterator[Environment]:
        """Environments with neighbours in and around the range of the ZBL core and of the inner cutoff."""
        for count in (2, 4, 12, 30):
            yield from self._close_environments(count)
        for count in (1, 1, 1, 2, 5, 12) if self.spec.zbl_ranges is not None else ():
            environment = self._environment(count)
            outer = np.array(self.spec.zbl_ranges)[environment.center][environment.species][:, 1]
            radii = self.rng.uniform(0.3, 1.1, size=count) * outer
            units = environment.displacement / np.linalg.norm(environment.displacement, axis=1, keepdims=True)
            yield Environment(environment.center, environment.species, units * np.maximum(0.3, radii)[:, None])

    def _pushed_out(self, center: int, far: Environment) -> Floats:
        """Displacements of `far` rescaled to lie beyond the cutoffs of another centre species."""
        radii = np.linalg.norm(far.displacement, axis=1)
        cutoffs = self.model.cutoffs[center][far.species]
        wanted = cutoffs * (1.0 + 1e-12 + self.rng.uniform(0, 0.3, size=len(radii)) ** 4)
        pushed: Floats = far.displacement * (wanted / radii)[:, None]
        return pushed

    def _arguments(self, environment: Environment) -> tuple[str, list[str], Floats]:
        elements = self.model.elements
        return elements[environment.center], [elements[i] for i in environment.species], environment.displacement

    def _values(self, environment: Environment) -> Floats:
        return self.model.basis(*self._arguments(environment))

    def _gradient(self, environment: Environment) -> Floats:
        gradient: Floats = self.model.basis_gradient(*self._arguments(environment))
        return gradient
