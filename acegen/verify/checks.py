"""The properties every compiled module must have, each measured and compared with a tolerance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from acegen.algebra import build_algebra
from acegen.basis.labels import Channel, Label
from acegen.basis.recursion import Recursion
from acegen.coefficients import Coefficients, read_coefficients
from acegen.errors import ModuleError
from acegen.progress import Progress, Silent
from acegen.runtime import Model
from acegen.spec import Spec, load_spec
from acegen.verify.environments import Environment, particles, random_rotation, transformed, vector
from acegen.verify.reference import Reference, rational, reference_functions
from acegen.verify.repulsion import Repulsion
from acegen.verify.terms import TermSizes

Floats = NDArray[np.float64]

_MAX_MULTIPLICATIONS = 2_000_000
"""Work allowed for one brute-force evaluation; larger bases are sampled."""

_MAX_RECURSION_LABELS = 1_500


@dataclass(frozen=True)
class CheckResult:
    """A property, the worst error found, what is allowed, and what was looked at.

    Errors of values and derivatives are relative to the largest one among the functions of the same order, or to
    1 (1/Å), or to the terms that cancel in it, if these are larger: functions are scaled to be of order one for
    one set of neighbours.
    """

    name: str
    error: float
    tolerance: float
    scope: str

    @property
    def passed(self) -> bool:
        return bool(self.error <= self.tolerance)  # False for NaN


class Verifier:
    """Checks one module on random environments drawn with a seed."""

    def __init__(self, model: Model, n_environments: int = 40, seed: int = 0, progress: Progress | None = None) -> None:
        self.model = model
        self.progress = progress or Silent()
        self.rng = np.random.default_rng(seed)
        self.description = model.description
        self.spec: Spec = load_spec({"name": model.name, **self.description["spec"]})
        self.functions = reference_functions(self.description)
        self.orders = np.array([len(f.channels) for f in self.functions])
        self.n_pair = sum(f.pair for f in self.functions)
        self.canonical = self.spec.basis.expansion == "canonical"
        counts = np.unique(np.linspace(0, 60, n_environments).astype(int))
        self._terms = TermSizes(self.spec, self.description).of
        self.environments = [self._environment(int(count)) for count in counts]

    def run(self) -> Iterator[CheckResult]:
        """All checks that apply to the module, one after the other."""
        checks: list[Callable[[], CheckResult]] = [self.operator_by_recursion, self.operator_triangular]
        checks += [self.brute_force_values, self.brute_force_gradient]
        if self.canonical:
            checks.append(self.vanishes_with_few_neighbours)
        checks += [self.permutation, self.rotation, self.inversion, self.gradient_rotation, self.beyond_cutoff]
        if self.spec.zbl is not None:
            checks.append(self.reference_part)
        if self.model.has_potential:
            checks += [self.potential_energy, self.potential_gradient]
            if self.canonical:
                checks.append(self.dimer)
        for done, check in enumerate(checks):
            self.progress.advance(done, len(checks))
            yield check()

    def operator_by_recursion(self) -> CheckResult:
        """𝒫 of the module against the paper's recursion, exactly."""
        labels: list[Label] = []
        for function in self.functions[self.n_pair :]:
            label = tuple(Channel(l, species, n) for species, n, l in function.channels)
            if not labels or labels[-1] != label:
                labels.append(label)
        chosen = set(self._sample(len(labels), _MAX_RECURSION_LABELS))
        recorded = [{c: rational(v) for c, v in row} for row in self.description["purification"]]
        algebra = build_algebra(self.spec)
        if not self.canonical:
            wrong = sum(row != {i: rational("1")} for i, row in enumerate(recorded))
            return CheckResult("𝒫 = 1 (self-interacting)", wrong, 0, f"{len(recorded):,}")
        recursion = Recursion(algebra.radial)
        columns = {self._coupled_key(f): i for i, f in enumerate(self._described()) if i >= self.n_pair}
        wrong = sum(row != {i: rational("1")} for i, row in enumerate(recorded[: self.n_pair]))
        checked, row = self.n_pair, self.n_pair
        for number, label in enumerate(labels):
            size = 1
            while row + size < len(self.functions) and self._same_label(row, row + size):
                size += 1
            if number in chosen:
                for offset, derived in enumerate(recursion.purify_label(label)):
                    expected = {columns[self._index_key(index)]: value for index, value in derived.items()}
                    wrong += expected != recorded[row + offset]
                    checked += 1
            row += size
        return CheckResult("𝒫: partition formula = recursion", wrong, 0, f"{checked:,} of {len(recorded):,}")

    def operator_triangular(self) -> CheckResult:
        """𝒫 has a unit diagonal and otherwise only entries of lower order."""
        orders = [len(f["l"]) for f in self._described()]
        wrong = 0
        for i, row in enumerate(self.description["purification"]):
            entries = {column: rational(value) for column, value in row}
            wrong += entries.pop(i, None) != 1
            wrong += any(orders[column] >= orders[i] for column in entries)
        return CheckResult("𝒫 unit lower triangular", wrong, 0, f"{len(self.functions):,}")

    def brute_force_values(self) -> CheckResult:
        """Values against the 640-bit sum over distinct tuples."""
        worst, scope = 0.0, ""
        for environment, chosen in self._small_environments():
            expected = [float(v) for v in self._reference(environment, chosen)]
            terms = self._terms(environment)[chosen]
            worst = max(worst, self._error(self._values(environment)[chosen], np.array(expected), chosen, terms))
            scope = f"{len(chosen):,} of {len(self.functions):,}"
        what = "sum over distinct tuples" if self.canonical else "products of sums"
        return CheckResult(f"values = {what}", worst, 1e-12, scope)

    def brute_force_gradient(self) -> CheckResult:
        """Directional derivatives against a 640-bit central difference of the brute-force sum."""
        worst, scope = 0.0, ""
        for environment, chosen in self._small_environments():
            direction = self.rng.normal(size=environment.displacement.shape)
            reference = Reference(self.spec, self.description, environment.center)
            expected = reference.directional_derivative(
                [self.functions[i] for i in chosen], particles(environment), [vector(d) for d in direction]
            )
            gradient = self._gradient(environment)[chosen]
            actual = np.einsum("ijk,jk->i", gradient, direction)
            terms = self._terms(environment)[chosen]
            worst = max(worst, self._error(actual, np.array([float(v) for v in expected]), chosen, terms))
            scope = f"{len(chosen):,} of {len(self.functions):,}"
        return CheckResult("gradient = 640-bit difference", worst, 1e-10, scope)

    def vanishes_with_few_neighbours(self) -> CheckResult:
        """Functions of order ν in environments with fewer than ν neighbours, relative to the terms that cancel."""
        top = self.spec.basis.order
        worst = 0.0
        for count in range(top):
            for _ in range(3):
                environment = self._environment(count)
                error = np.abs(self._values(environment)) / np.maximum(1.0, self._terms(environment))
                worst = max(worst, float(error[self.orders > count].max(initial=0.0)))
        return CheckResult("order ν zero with < ν neighbours", worst, 1e-12, f"≤ {top - 1} neighbours")

    def permutation(self) -> CheckResult:
        """Neighbours in another order."""

        def shuffled(environment: Environment) -> Environment:
            order = self.rng.permutation(len(environment.species))
            return Environment(environment.center, environment.species[order], environment.displacement[order])

        return self._invariance("permutation", shuffled)

    def rotation(self) -> CheckResult:
        """Random proper rotations."""
        return self._invariance("rotation", lambda e: transformed(e, random_rotation(self.rng)))

    def inversion(self) -> CheckResult:
        """Inversion through the centre."""
        return self._invariance("inversion", lambda e: transformed(e, -np.eye(3)))

    def gradient_rotation(self) -> CheckResult:
        """The gradient turns with environment."""
        worst = 0.0
        for environment in self.environments[:: max(1, len(self.environments) // 10)]:
            turn = random_rotation(self.rng)
            gradient = self._gradient(environment)
            turned = self._gradient(transformed(environment, turn)) @ turn
            if gradient.size:
                scale = self._scale(np.abs(gradient).max(axis=(1, 2)), np.arange(len(self.functions)))
                worst = max(worst, float((np.abs(turned - gradient).max(axis=(1, 2)) / scale).max()))
        return CheckResult("gradient turns with environment", worst, 1e-10, "≤ 60 neighbours")

    def beyond_cutoff(self) -> CheckResult:
        """Neighbours at and beyond the cutoff change nothing, not even the last bit."""
        worst = 0.0
        for environment in self.environments:
            far = self._environment(7, nearest=1.0, farthest=1.3)
            both = Environment(
                environment.center,
                np.concatenate([environment.species, far.species]),
                np.concatenate([environment.displacement, self._pushed_out(environment.center, far)]),
            )
            worst = max(worst, float(np.abs(self._values(both) - self._values(environment)).max()))
        return CheckResult("neighbours beyond cutoff add zero", worst, 0.0, self._scope())

    def reference_part(self) -> CheckResult:
        """The part without coefficients, energy and directional derivative, against the 640-bit ZBL formula."""
        worst = 0.0
        for environment in self._close_environments():
            repulsion, own = Repulsion(self.spec, environment.center), particles(environment)
            direction = self.rng.normal(size=environment.displacement.shape)
            energy, gradient = self.model.reference_gradient(*self._arguments(environment))
            expected = repulsion.energy(own)
            slope = repulsion.directional_derivative(own, [vector(d) for d in direction])
            worst = max(worst, abs(energy - expected) / max(1.0, expected))
            scale = max(1.0, float(np.abs(gradient * direction).sum()))
            worst = max(worst, abs(float((gradient * direction).sum()) - slope) / scale)
        return CheckResult("reference = 640-bit ZBL", worst, 1e-12, "distances ≥ 0.3 Å")

    def potential_energy(self) -> CheckResult:
        """Energy kernel against coefficients times basis kernel, atomic energy, and the 640-bit ZBL formula."""
        worst = 0.0
        for environment in [*self.environments, *self._close_environments()]:
            terms = self._energy_terms(environment, self._values(environment))
            energy = self.model.energy(*self._arguments(environment))
            worst = max(worst, abs(energy - terms.sum()) / (np.abs(terms).sum() or 1.0))
        what = "energy = c · basis + ZBL + atomic" if self._has_rest else "energy = coefficients · basis"
        return CheckResult(what, worst, self._potential_tolerance, self._scope())

    def potential_gradient(self) -> CheckResult:
        """Energy gradient against coefficients times basis gradient and the gradient of the reference part."""
        worst = 0.0
        chosen = self.environments[:: max(1, len(self.environments) // 10)]
        for environment in [*chosen, *self._close_environments()]:
            if len(environment.species):
                arguments = self._arguments(environment)
                terms = self._values_of(environment.center)[:, None, None] * self._gradient(environment)
                reference = self.model.reference_gradient(*arguments)[1]
                gradient = self.model.energy_gradient(*arguments)[1]
                scale = (np.abs(terms).sum(axis=0) + np.abs(reference)).max()
                worst = max(worst, float(np.abs(gradient - terms.sum(axis=0) - reference).max() / scale))
        return CheckResult("energy gradient likewise", worst, self._potential_tolerance, "≤ 60 neighbours")

    def dimer(self) -> CheckResult:
        """The energy of a dimer is its order-1 part (with atomic energy and half of the ZBL repulsion) alone."""
        worst = 0.0
        for _ in range(20):
            environment = self._environment(1)
            values = np.where(self.orders == 1, self._values(environment), 0.0)
            terms = self._energy_terms(environment, values)
            energy = self.model.energy(*self._arguments(environment))
            scale = np.abs(self._values_of(environment.center)).sum() + np.abs(terms[-2:]).sum()
            worst = max(worst, abs(energy - terms.sum()) / scale)
        return CheckResult("dimer energy = order-1 part", worst, self._potential_tolerance, "20 dimers")

    def _energy_terms(self, environment: Environment, values: Floats) -> Floats:
        """Everything a site energy is the sum of: basis functions, ZBL core, atomic energy."""
        element = self.model.elements[environment.center]
        repulsion = Repulsion(self.spec, environment.center).energy(particles(environment))
        rest = [repulsion, self._coefficients.atomic_energies.get(element, 0.0)]
        return np.concatenate([self._values_of(environment.center) * values, rest])

    @property
    def _has_rest(self) -> bool:
        return self.spec.zbl is not None or bool(self._coefficients.atomic_energies)

    def _invariance(self, name: str, change: Callable[[Environment], Environment]) -> CheckResult:
        worst = 0.0
        everything = np.arange(len(self.functions))
        for environment in self.environments:
            before, after = self._values(environment), self._values(change(environment))
            worst = max(worst, self._error(after, before, everything))
        return CheckResult(f"invariant under {name}", worst, 1e-10, self._scope())

    def _error(self, actual: Floats, expected: Floats, chosen: NDArray[np.int64], terms: Floats | float = 0.0) -> float:
        """Largest difference, relative to the largest of: 1, an expected value of the same order, own terms."""
        scale = self._scale(np.abs(expected), chosen)
        return float((np.abs(actual - expected) / np.maximum(scale, terms)).max(initial=0.0))

    def _scale(self, magnitudes: Floats, chosen: NDArray[np.int64]) -> Floats:
        """For each chosen function the largest magnitude among those of its order, at least 1."""
        scale = np.ones(len(chosen))
        for order in np.unique(self.orders[chosen]):
            same = self.orders[chosen] == order
            scale[same] = max(1.0, float(magnitudes[same].max()))
        return scale

    def _small_environments(self) -> Iterator[tuple[Environment, NDArray[np.int64]]]:
        """Environments a brute-force sum can afford, each with the functions to look at."""
        top = self.spec.basis.order
        for count in (top, top + 2):
            costs = np.array([f.cost(count) for f in self.functions])
            size = len(self.functions)
            if costs.sum() > _MAX_MULTIPLICATIONS:
                size = max(20, int(size * _MAX_MULTIPLICATIONS / costs.sum()))
            yield self._environment(count), np.array(self._sample(len(self.functions), size))

    def _sample(self, size: int, limit: int) -> list[int]:
        """At most `limit` of `size` indices, sorted."""
        if size <= limit:
            return list(range(size))
        return sorted(int(i) for i in self.rng.choice(size, limit, replace=False))

    def _environment(self, count: int, nearest: float = 0.3, farthest: float = 0.98) -> Environment:
        """Random species and directions; distances between fractions of the pair's cutoff.

        Where parts of the model have cutoffs of their own, some distances are drawn for each of them.
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

    def _close_environments(self) -> Iterator[Environment]:
        """Environments with neighbours in and around the range of the ZBL core; none without one."""
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

    @property
    def _potential_tolerance(self) -> float:
        """Relative to the sum of the terms' sizes; single precision has a unit roundoff of 6e-8."""
        return 1e-12 if self.model.precision == "double" else 1e-5

    def _scope(self) -> str:
        return f"{len(self.environments)} × ≤ 60 neighbours"

    def _arguments(self, environment: Environment) -> tuple[str, list[str], Floats]:
        elements = self.model.elements
        return elements[environment.center], [elements[i] for i in environment.species], environment.displacement

    def _values(self, environment: Environment) -> Floats:
        return self.model.basis(*self._arguments(environment))

    def _gradient(self, environment: Environment) -> Floats:
        gradient: Floats = self.model.basis_gradient(*self._arguments(environment))
        return gradient

    def _reference(self, environment: Environment, chosen: NDArray[np.int64]) -> list[arb]:
        reference = Reference(self.spec, self.description, environment.center)
        return reference.evaluate([self.functions[i] for i in chosen], particles(environment))

    @cached_property
    def _coefficients(self) -> Coefficients:
        path = self.model.path / "coefficients.json"
        if not path.exists():
            raise ModuleError(f"{path} is missing. Compile the module again.")
        return read_coefficients(path)

    def _values_of(self, center: int) -> Floats:
        return np.array(self._coefficients.values[self.model.elements[center]])

    def _described(self) -> list[dict[str, Any]]:
        return [*self.description["functions"], *self.description["auxiliary"]]

    def _same_label(self, first: int, second: int) -> bool:
        return self.functions[first].channels == self.functions[second].channels

    def _coupled_key(self, described: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(described["elements"]), tuple(described["n"]), tuple(described["l"]), described["index"]

    def _index_key(self, index: tuple[Label, int]) -> tuple[Any, ...]:
        label, number = index
        elements = tuple(self.spec.basis.elements[channel.species] for channel in label)
        return elements, tuple(channel.n for channel in label), tuple(channel.l for channel in label), number


def verify_module(
    model: Model, n_environments: int = 40, seed: int = 0, progress: Progress | None = None
) -> Iterator[CheckResult]:
    """Check a compiled module against its definition; yields one result a property."""
    yield from Verifier(model, n_environments, seed, progress).run()


__all__ = ["CheckResult", "Verifier", "verify_module"]
