"""The properties every compiled module must have, each measured and compared with a tolerance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from acegen.algebra import build_algebra
from acegen.basis.labels import Channel, Label
from acegen.basis.recursion import Recursion
from acegen.errors import ModuleError
from acegen.progress import Progress, Silent
from acegen.runtime import CompiledModel
from acegen.spec import AnySpec
from acegen.store.coefficients import Coefficients, read_coefficients
from acegen.store.files import COEFFICIENTS
from acegen.verify.environments import Environment, joined, particles, transformed, vector
from acegen.verify.reference import Reference, rational, reference_functions
from acegen.verify.result import CheckResult
from acegen.verify.terms import TermSizes

Floats = NDArray[np.float64]

_MAX_MULTIPLICATIONS = 2_000_000
"""Work allowed for one brute-force evaluation; larger bases are sampled."""

_MAX_RECURSION_LABELS = 1_500


class Verifier(ABC):
    """Checks one module on random environments drawn with a seed."""

    def __init__(
        self,
        model: CompiledModel,
        spec: AnySpec,
        n_environments: int = 40,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> None:
        self.progress = progress or Silent()
        self.rng = np.random.default_rng(seed)
        self.compiled = model
        self.description = model.description
        self.definition = spec
        self.algebra = build_algebra(spec)
        self.functions = reference_functions(self.description, spec.species)
        self.orders = np.array([len(f.channels) for f in self.functions])
        self.n_pair = sum(f.pair for f in self.functions)
        self.canonical = spec.basis.expansion == "canonical"
        counts = np.unique(np.linspace(0, 60, n_environments).astype(int))
        self._terms = TermSizes(self.reference, self.description, spec.species).of
        self.environments = [self._environment(int(count)) for count in counts]

    def run(self) -> Iterator[CheckResult]:
        """All checks that apply to the module, one after the other."""
        checks: list[Callable[[], CheckResult]] = [self.operator_by_recursion, self.operator_triangular]
        checks += [self.brute_force_values, self.brute_force_gradient]
        if self.canonical:
            checks.append(self.vanishes_with_few_neighbours)
        checks.append(self.permutation)
        checks += [partial(self.invariance, name, draw) for name, draw in self._transformations()]
        checks += self._own_checks()
        if self.compiled.has_potential:
            checks += [self.potential_energy, self.potential_gradient]
            if self.canonical:
                checks.append(self.one_particle)
        for done, check in enumerate(checks):
            self.progress.advance(done, len(checks))
            yield check()

    @abstractmethod
    def _environment(self, count: int) -> Environment:
        """Random particles."""

    @abstractmethod
    def _transformations(self) -> list[tuple[str, Callable[[], Floats]]]:
        """Names of the transformations that leave the model invariant, each with a way to draw its matrix."""

    @abstractmethod
    def _own_checks(self) -> list[Callable[[], CheckResult]]:
        """Further checks of this kind of model."""

    @abstractmethod
    def reference(self, environment: Environment) -> Reference:
        """The brute-force evaluation for the centre of an environment."""

    @abstractmethod
    def _values(self, environment: Environment) -> Floats:
        """Basis functions by the kernel, (n_basis,)."""

    @abstractmethod
    def _gradient(self, environment: Environment) -> Floats:
        """Their derivatives by the kernel, (n_basis, J, dimension)."""

    @abstractmethod
    def _potential(self, environment: Environment) -> tuple[float, Floats]:
        """Value and gradient (J, dimension) by the potential kernel."""

    @abstractmethod
    def one_particle(self) -> CheckResult:
        """With one particle the potential is its order-1 part."""

    def _more_environments(self) -> Iterable[Environment]:
        """Further environments for checking the potential."""
        return ()

    def _close_environments(self, count: int) -> Iterable[Environment]:
        """Further environments with a given number of neighbours for checking functions."""
        return ()

    def _energy_terms(self, environment: Environment, values: Floats) -> Floats:
        """All terms of the potential, in words."""
        return self._values_of(environment.center) * values

    def _slopes(self, environment: Environment) -> Floats:
        """Derivatives of the potential by the basis functions, (n_basis,)."""
        return self._values_of(environment.center)

    def _slope_uncertainty(self, environment: Environment) -> Floats:
        """By how much the slopes change if all sums that they depend on change by the sizes of their terms."""
        return np.zeros(len(self._slopes(environment)))

    def _rest_gradient(self, environment: Environment) -> Floats:
        """Gradient of everything but coefficients times basis functions."""
        return np.zeros(environment.displacement.shape)

    @property
    def _energy_formula(self) -> str:
        return "energy = coefficients · basis"

    def operator_by_recursion(self) -> CheckResult:
        """𝒫 of the module against the paper's recursion, exactly."""
        labels: list[Label] = []
        for function in self.functions[self.n_pair :]:
            label = tuple(Channel(l, species, n) for species, n, l in function.channels)
            if not labels or labels[-1] != label:
                labels.append(label)
        chosen = set(self._sample(len(labels), _MAX_RECURSION_LABELS))
        recorded = [{c: rational(v) for c, v in row} for row in self.description["purification"]]
        if not self.canonical:
            wrong = sum(row != {i: rational("1")} for i, row in enumerate(recorded))
            return CheckResult("𝒫 = 1 (self-interacting)", wrong, 0, f"{len(recorded):,}")
        recursion = Recursion(self.algebra.radial, self.algebra.angular)
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
            expected = self.reference(environment).directional_derivative(
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
        top = self.definition.basis.order
        worst = 0.0
        for count in range(top):
            for _ in range(3):
                environment = self._environment(count)
                error = np.abs(self._values(environment)) / np.maximum(1.0, self._terms(environment))
                worst = max(worst, float(error[self.orders > count].max(initial=0.0)))
        return CheckResult("order ν zero with < ν neighbours", worst, 1e-12, f"≤ {top - 1} neighbours")

    def permutation(self) -> CheckResult:
        """Neighbours in a different order."""

        def shuffled(environment: Environment) -> Environment:
            order = self.rng.permutation(len(environment.species))
            return Environment(environment.center, environment.species[order], environment.displacement[order])

        return self._unchanged("permutation", shuffled)

    def invariance(self, name: str, draw: Callable[[], Floats]) -> CheckResult:
        """Orthogonal transformations of all particles."""
        return self._unchanged(name, lambda environment: transformed(environment, draw()))

    def turned_gradient(self, draw: Callable[[], Floats]) -> CheckResult:
        """The gradient rotates with the environment."""
        worst = 0.0
        for environment in self.environments[:: max(1, len(self.environments) // 10)]:
            turn = draw()
            gradient = self._gradient(environment)
            turned = self._gradient(transformed(environment, turn)) @ turn
            if gradient.size:
                scale = self._scale(np.abs(gradient).max(axis=(1, 2)), np.arange(len(self.functions)))
                worst = max(worst, float((np.abs(turned - gradient).max(axis=(1, 2)) / scale).max()))
        return CheckResult("gradient turns with environment", worst, 1e-10, "≤ 60 neighbours")

    def potential_energy(self) -> CheckResult:
        """Potential kernel against coefficients times basis kernel plus the other terms."""
        worst = 0.0
        for environment in [*self.environments, *self._more_environments()]:
            terms = self._energy_terms(environment, self._values(environment))
            energy, _ = self._potential(environment)
            scale = self._potential_scale(environment, np.abs(terms).sum(), terms[len(self.functions) :])
            worst = max(worst, abs(energy - terms.sum()) / scale)
        return CheckResult(self._energy_formula, worst, self._potential_tolerance, self._scope())

    def potential_gradient(self) -> CheckResult:
        """Its gradient against coefficients times the gradient of the basis kernel, and the rest."""
        worst = 0.0
        chosen = self.environments[:: max(1, len(self.environments) // 10)]
        for environment in [*chosen, *self._more_environments()]:
            if len(environment.species):
                of_functions = self._gradient(environment)
                terms = self._slopes(environment)[:, None, None] * of_functions
                rest = self._rest_gradient(environment)
                _, gradient = self._potential(environment)
                uncertain = self._slope_uncertainty(environment)[:, None, None] * np.abs(of_functions)
                size = (np.abs(terms).sum(axis=0) + uncertain.sum(axis=0) + np.abs(rest)).max()
                scale = self._potential_scale(environment, size)
                worst = max(worst, float(np.abs(gradient - terms.sum(axis=0) - rest).max() / scale))
        return CheckResult("energy gradient likewise", worst, self._potential_tolerance, "≤ 60 neighbours")

    def far_adds_zero(self, name: str, far: Callable[[Environment], Environment]) -> CheckResult:
        """Particles drawn beyond the cutoff change nothing, to the last bit."""
        worst = 0.0
        for environment in self.environments:
            both = joined(environment, far(environment))
            worst = max(worst, float(np.abs(self._values(both) - self._values(environment)).max()))
        return CheckResult(name, worst, 0.0, self._scope())

    def order_one_alone(self, name: str, scope: str) -> CheckResult:
        """With one particle the potential is its order-1 part plus the terms without coefficients."""
        worst = 0.0
        for _ in range(20):
            environment = self._environment(1)
            values = np.where(self.orders == 1, self._values(environment), 0.0)
            terms = self._energy_terms(environment, values)
            energy, _ = self._potential(environment)
            scale = self._potential_scale(environment, 0.0, terms[len(values) :])
            worst = max(worst, abs(energy - terms.sum()) / scale)
        return CheckResult(name, worst, self._potential_tolerance, scope)

    def _potential_scale(self, environment: Environment, size: float, rest: Floats | tuple[()] = ()) -> float:
        """The scale for errors of a potential: the size of its terms in an environment.

        At least that of all its functions at order one, and of the `rest`: where everything that could be large
        vanishes, only rounding is left, which a steep function of a sum makes larger.
        """
        slopes = [np.abs(slope).sum() for slope in (self._values_of(environment.center), self._slopes(environment))]
        usual = max(slopes) + np.abs(rest).sum()
        return float(max(size, usual)) or 1.0

    def _unchanged(self, name: str, change: Callable[[Environment], Environment]) -> CheckResult:
        worst = 0.0
        everything = np.arange(len(self.functions))
        for environment in self.environments:
            before, after = self._values(environment), self._values(change(environment))
            worst = max(worst, self._error(after, before, everything))
        return CheckResult(f"invariant under {name}", worst, 1e-10, self._scope())

    def _error(self, actual: Floats, expected: Floats, chosen: NDArray[np.int64], terms: Floats | float = 0.0) -> float:
        """Largest difference, relative to the largest of 1, expected values of the same order, own terms."""
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
        """Environments a brute-force sum can afford, each with the functions to check."""
        top = self.definition.basis.order
        for count in (top, top + 2):
            costs = np.array([f.cost(count) for f in self.functions])
            size = len(self.functions)
            if costs.sum() > _MAX_MULTIPLICATIONS:
                size = max(20, int(size * _MAX_MULTIPLICATIONS / costs.sum()))
            for environment in (self._environment(count), *self._close_environments(count)):
                yield environment, np.array(self._sample(len(self.functions), size))

    def _sample(self, size: int, limit: int) -> list[int]:
        """At most `limit` of `size` indices, sorted."""
        if size <= limit:
            return list(range(size))
        return sorted(int(i) for i in self.rng.choice(size, limit, replace=False))

    @property
    def _potential_tolerance(self) -> float:
        """Relative to the sum of the terms' sizes; single precision has a unit roundoff of 6e-8."""
        return 1e-12 if self.compiled.precision == "double" else 1e-5

    def _scope(self) -> str:
        return f"{len(self.environments)} × ≤ 60 neighbours"

    def _reference(self, environment: Environment, chosen: NDArray[np.int64]) -> list[arb]:
        return self.reference(environment).evaluate([self.functions[i] for i in chosen], particles(environment))

    @cached_property
    def _coefficients(self) -> Coefficients:
        path = self.compiled.path / COEFFICIENTS
        if not path.exists():
            raise ModuleError(f"{path} is missing. Compile the module again.")
        return read_coefficients(path)

    def _values_of(self, center: int) -> Floats:
        return np.array(self._coefficients.values[self.definition.species[center]])

    def _described(self) -> list[dict[str, Any]]:
        return [*self.description["functions"], *self.description["auxiliary"]]

    def _same_label(self, first: int, second: int) -> bool:
        return self.functions[first].channels == self.functions[second].channels

    def _coupled_key(self, described: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(described["elements"]), tuple(described["n"]), tuple(described["l"]), described["index"]

    def _index_key(self, index: tuple[Label, int]) -> tuple[Any, ...]:
        label, number = index
        elements = tuple(self.definition.species[channel.species] for channel in label)
        return elements, tuple(channel.n for channel in label), tuple(channel.l for channel in label), number
