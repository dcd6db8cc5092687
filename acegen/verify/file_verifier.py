"""Checks of a module made from a potential file, against a plain evaluation of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from acegen.errors import ModuleError
from acegen.progress import Progress, Silent
from acegen.runtime import Environments, Model
from acegen.store.manifest import POTENTIAL
from acegen.verify.environments import Environment, joined, random_rotation, transformed
from acegen.verify.result import CheckResult
from acegen.yace.evaluation import Evaluator
from acegen.yace.potential import PaceBond, YacePotential
from acegen.yace.reading import read_potential

Floats = NDArray[np.float64]

_MANY = 150
_STEP = 1e-5
"""Å, of central differences: their error is about 1e-7 of what changes within an Å."""
_MARGIN = 1e-4
"""Å, at least, between neighbours and jumps for central differences."""
_NOT_INVARIANT = 1e-8
"""Change of the energy, relative to its terms, above which the functions of a file are not invariant."""


class FileVerifier:
    """Checks one module on random environments drawn with a seed.

    Errors are relative to the terms that add up to an energy or a gradient, or to one eV or eV/Å if these are smaller.
    """

    def __init__(self, model: Model, n_environments: int = 40, seed: int = 0, progress: Progress | None = None) -> None:
        self.model = model
        self.progress = progress or Silent()
        self.rng = np.random.default_rng(seed)
        self.potential = read_potential(model.path / POTENTIAL)
        self.evaluator = Evaluator(self.potential)
        if self.potential.elements != model.elements:
            raise ModuleError(f"{model.path / POTENTIAL} has other elements than the module. Compile it again.")
        counts = np.unique(np.linspace(0, 60, n_environments).astype(int))
        self.usual = [self._environment(int(count)) for count in counts]
        self.close = [self._with_close(self._environment(int(count))) for count in counts[1:]]
        self.environments = [*self.usual, *self.close, self._environment(_MANY)]
        self._tolerance = 1e-12 if model.precision == "double" else 1e-5

    def run(self) -> Iterator[CheckResult]:
        """All checks that apply to the module, one after the other."""
        checks: list[Callable[[], CheckResult]] = [
            self.energy,
            self.gradient,
            self.difference,
            self.isolated,
            self.permutation,
            lambda: self.turned("rotation", random_rotation(self.rng)),
            lambda: self.turned("inversion", -np.eye(3)),
            self.beyond_cutoff,
        ]
        if self.model.multithreaded:
            checks.append(self.threads)
        for done, check in enumerate(checks):
            self.progress.advance(done, len(checks))
            yield check()

    def energy(self) -> CheckResult:
        """Site energies against the plain evaluation."""
        errors = np.abs(self._kernel[0] - self._plain[0]) / self._sizes
        return CheckResult("energy = plain evaluation", _worst(errors), self._tolerance, self._scope)

    def gradient(self) -> CheckResult:
        """Gradients against those of the plain evaluation."""
        pairs = zip(self._kernel[1], self._plain[1], self._gradient_sizes, strict=True)
        errors = [np.abs(own - plain).max(initial=0) / size for own, plain, size in pairs]
        return CheckResult("gradient = plain evaluation", _worst(errors), self._tolerance, self._scope)

    def difference(self) -> CheckResult:
        """Gradients against central differences of the energy: of the kernel, or if it is single of the plain one."""
        double = self.model.precision == "double"
        chosen = [number for number, environment in enumerate(self.environments) if self._is_smooth(environment)]
        environments = [self.environments[number] for number in chosen]
        directions = [self.rng.normal(size=environment.displacement.shape) for environment in environments]
        ends = []
        for sign in (1, -1):
            moved = [
                Environment(e.center, e.species, e.displacement + sign * _STEP * direction)
                for e, direction in zip(environments, directions, strict=True)
            ]
            ends.append(self._run(moved)[0] if double else self._evaluated(moved)[0])
        slopes = (ends[0] - ends[1]) / (2 * _STEP)
        errors = [
            abs(float((self._kernel[1][number] * direction).sum()) - slope)
            / (self._gradient_sizes[number] * max(1.0, float(np.abs(direction).sum())))
            for number, direction, slope in zip(chosen, directions, slopes, strict=True)
        ]
        scope = f"{len(chosen)} × ≤ {_MANY} neighbours"
        return CheckResult("gradient = central difference", _worst(errors), 1e-6 if double else 1e-5, scope)

    def isolated(self) -> CheckResult:
        """An atom without neighbours has its E0."""
        count = len(self.model.elements)
        alone = [Environment(center, np.zeros(0, dtype=np.int64), np.zeros((0, 3))) for center in range(count)]
        errors = np.abs(self._run(alone)[0] - np.array(self.potential.energies))
        return CheckResult("single atom has E0", _worst(errors), 1e-12, ", ".join(self.model.elements))

    def permutation(self) -> CheckResult:
        """Neighbours in a different order."""
        orders = [self.rng.permutation(len(environment.species)) for environment in self.environments]
        shuffled = [
            Environment(e.center, e.species[order], e.displacement[order])
            for e, order in zip(self.environments, orders, strict=True)
        ]
        errors = np.abs(self._run(shuffled)[0] - self._kernel[0]) / self._sizes
        return CheckResult("invariant under permutation", _worst(errors), self._tolerance, self._scope)

    def turned(self, name: str, matrix: Floats) -> CheckResult:
        """Environments transformed, if the file's functions are invariant; if not, against the plain evaluation."""
        changed = [transformed(environment, matrix) for environment in self.environments]
        energies, gradients = self._run(changed)
        plain = self._evaluated(changed)[0]
        if _worst(np.abs(plain - self._plain[0]) / self._sizes) > _NOT_INVARIANT:
            errors = np.abs(energies - plain) / self._sizes
            scope = "the file's functions are not invariant"
            return CheckResult(f"plain evaluation after {name}", _worst(errors), self._tolerance, scope)
        found = [*np.abs(energies - self._kernel[0]) / self._sizes]
        for own, before, size in zip(gradients, self._kernel[1], self._gradient_sizes, strict=True):
            found.append(np.abs(own @ matrix - before).max(initial=0) / size)
        return CheckResult(f"invariant under {name}", _worst(found), self._tolerance, "gradients turn as well")

    def beyond_cutoff(self) -> CheckResult:
        """Neighbours at and beyond the cutoff change nothing, to the last bit."""
        far = [joined(environment, self._beyond(environment.center, 7)) for environment in self.environments]
        energies, gradients = self._run(far)
        errors = [*np.abs(energies - self._kernel[0])]
        for own, before in zip(gradients, self._kernel[1], strict=True):
            errors.append(np.abs(own[: len(before)] - before).max(initial=0))
            errors.append(np.abs(own[len(before) :]).max(initial=0))
        return CheckResult("neighbours beyond cutoff add zero", _worst(errors), 0.0, self._scope)

    def threads(self) -> CheckResult:
        """The same results with three threads, to the last bit."""
        several = Model.open(self.model.path, threads=3)
        energies, gradients = several.site_energies(self._joined(self.environments))
        own = self.model.site_energies(self._joined(self.environments))
        errors = [np.abs(energies - own[0]).max(), np.abs(gradients - own[1]).max(initial=0)]
        return CheckResult("same with three threads", _worst(errors), 0.0, self._scope)

    @cached_property
    def _kernel(self) -> tuple[Floats, list[Floats]]:
        return self._run(self.environments)

    @cached_property
    def _plain(self) -> tuple[Floats, list[Floats]]:
        return self._evaluated(self.environments)

    @cached_property
    def _both_sizes(self) -> Floats:
        """Sizes of the terms of each energy, at least 1 eV, and gradient, at least 1 eV/Å; shape (N, 2)."""
        found = [self.evaluator.sizes(e.center, e.species.tolist(), e.displacement) for e in self.environments]
        both: Floats = np.maximum(1.0, np.array(found))
        return both

    @property
    def _sizes(self) -> Floats:
        sizes: Floats = self._both_sizes[:, 0]
        return sizes

    @property
    def _gradient_sizes(self) -> Floats:
        sizes: Floats = self._both_sizes[:, 1]
        return sizes

    @property
    def _scope(self) -> str:
        return f"{len(self.environments)} × ≤ {_MANY} neighbours"

    def _run(self, environments: Sequence[Environment]) -> tuple[Floats, list[Floats]]:
        """Energies and gradients by the kernel, of all of them in one call."""
        energies, gradient = self.model.site_energies(self._joined(environments))
        ends = np.cumsum([len(environment.species) for environment in environments])
        return energies, np.split(gradient, ends[:-1])

    def _joined(self, environments: Sequence[Environment]) -> Environments:
        counts = [len(environment.species) for environment in environments]
        return Environments(
            np.array([environment.center for environment in environments], dtype=np.int32),
            np.concatenate([[0], np.cumsum(counts)]),
            np.concatenate([environment.species for environment in environments]),
            np.concatenate([environment.displacement for environment in environments]),
        )

    def _evaluated(self, environments: Sequence[Environment]) -> tuple[Floats, list[Floats]]:
        """The same by the plain evaluation."""
        found = [self.evaluator.evaluate(e.center, e.species.tolist(), e.displacement) for e in environments]
        return np.array([energy for energy, _ in found]), [gradient for _, gradient in found]

    def _is_smooth(self, environment: Environment) -> bool:
        """Whether no neighbour is where a function of its distance, or a derivative, may jump."""
        radii = np.linalg.norm(environment.displacement, axis=1)
        return all(
            abs(r - end) > _MARGIN
            for r, z in zip(radii, environment.species, strict=True)
            for end in jumps(self.potential, environment.center, int(z))
        )

    def _environment(self, count: int) -> Environment:
        """Random species and directions; distances between 0.3 and 1.05 of the pair's cutoff."""
        center = int(self.rng.integers(len(self.model.elements)))
        species = self.rng.integers(len(self.model.elements), size=count)
        radii = self.rng.uniform(0.3, 1.05, size=count) * self.model.cutoffs[center][species]
        return Environment(center, species, self._directions(count) * radii[:, None])

    def _with_close(self, environment: Environment) -> Environment:
        """One or two neighbours moved to where the core takes over; without an inner cutoff, just closer."""
        displacement = environment.displacement.copy()
        for j in range(min(len(displacement), int(self.rng.integers(1, 3)))):
            bond = self.potential.bonds[environment.center][environment.species[j]]
            first, last = 0.1, 0.3
            if isinstance(bond, PaceBond) and bond.inner_cutoff > 0:
                width = max(bond.inner_width, 0.1)
                first, last = bond.inner_cutoff - 1.5 * width, bond.inner_cutoff + 0.5 * width
                first, last = max(first, 0.2) / bond.cutoff, max(last, 0.3) / bond.cutoff
            reach = self.model.cutoffs[environment.center][environment.species[j]]
            displacement[j] *= self.rng.uniform(first, last) * reach / np.linalg.norm(displacement[j])
        return Environment(environment.center, environment.species, displacement)

    def _beyond(self, center: int, count: int) -> Environment:
        """Neighbours at the cutoff and beyond."""
        species = self.rng.integers(len(self.model.elements), size=count)
        factors = 1.0 + 1e-12 + self.rng.uniform(0, 0.3, size=count) ** 4
        radii = self.model.cutoffs[center][species] * factors
        return Environment(center, species, self._directions(count) * radii[:, None])

    def _directions(self, count: int) -> Floats:
        directions: Floats = self.rng.normal(size=(count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return directions


def jumps(potential: YacePotential, center: int, species: int) -> list[float]:
    """Distances of a pair at which a function of the distance, or one of its first derivatives, may jump, Å."""
    bond = potential.bonds[center][species]
    if isinstance(bond, PaceBond):
        start = bond.inner_cutoff - bond.inner_width
        weak = (50 / bond.rate) ** 0.5 if bond.rate > 0 else 0.0  # where the core repulsion is cut off
        return [bond.cutoff, bond.cutoff - bond.width, bond.inner_cutoff, start, weak]
    ends, bases = [bond.basis.cutoff], [bond.basis]
    if potential.pair is not None:
        ends += [potential.pair.basis.cutoff, potential.pair.cores[center][species].r_i]
        bases.append(potential.pair.basis)
    ends += [(1 + basis.r0) / u ** (1 / basis.power) - 1 for basis in bases for u in (basis.left, basis.right) if u > 0]
    return ends


def _worst(errors: Floats | Sequence[float]) -> float:
    """The largest error; not a number if there is one that is not."""
    return float(np.max(np.asarray(errors), initial=0.0))
