"""A compiled model of particles other than atoms: on an interval, in the plane, on a circle, or in an added space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acegen.errors import StructureError
from acegen.runtime.compiled import CompiledModel
from acegen.runtime.environments import Environments
from acegen.runtime.results import ParticleLabel

Floats: TypeAlias = NDArray[np.float64]
Sets: TypeAlias = "ArrayLike | Sequence[ArrayLike]"
"""Sets of particles: an array for sets of equal size, (M, J) on an interval, (M, J, d) elsewhere; or a list of sets."""

_SMALLEST, _LARGEST = 1e-6, 1e19
"""Shorter vectors have no direction, and the square of longer ones overflows (kernels refuse them too)."""


class ParticleModel(CompiledModel):
    """A compiled model of sets of particles.

    A set of J particles is an array of shape (J,) on an interval and (J, d) where particles are vectors with d
    components. Derivatives with respect to the particles have the shape of the set, after the axis of functions.
    """

    of = "other particles"
    loader = "acegen.load_particles"

    @classmethod
    def is_kind_of(cls, handle: Any) -> bool:
        """Whether an `acegen_model *`, the handle, is of particles other than atoms: these have no atomic numbers."""
        return not handle.atomic_numbers[0]

    def __repr__(self) -> str:
        kind = "model" if self.has_potential else "basis"
        return f"<acegen {kind} {self.name}: particles with symmetry {self.symmetry}, {self.n_basis} functions>"

    @property
    def species(self) -> tuple[str, ...]:
        """The only species of particles."""
        return ("particle",)

    @property
    def cutoff(self) -> float:
        """Distance from the origin at which a particle ceases to contribute, without unit; infinite if none."""
        return float(self._handle.cutoffs[0])

    @cached_property
    def labels(self) -> tuple[ParticleLabel, ...]:
        """One record per basis function."""
        return tuple(
            ParticleLabel(f["order"], tuple(f["n"]), tuple(f["l"]), f["index"]) for f in self.description["functions"]
        )

    def basis(self, particles: ArrayLike) -> Floats:
        """Basis functions of one set, shape (n_basis,).

        Args:
            particles: the set, shape (J,) on an interval and (J, d) elsewhere; without unit.

        Raises:
            StructureError: wrong shape, values that are not finite, particles outside the interval, or vectors
                without direction.
        """
        values: Floats = self._evaluate_basis(self._environments([particles]), gradient=False)[0][0]
        return values

    def basis_gradient(self, particles: ArrayLike) -> Floats:
        """Derivatives of the basis functions, shape (n_basis, J) or (n_basis, J, d).

        Arguments and errors as for `basis`.
        """
        environments = self._environments([particles])
        flat = self._evaluate_basis(environments, gradient=True)[1]
        return flat.reshape(self.n_basis, *self._shape(len(environments.displacement)))

    def descriptors(self, sets: Sets) -> Floats:
        """Basis functions of many sets, shape (M, n_basis).

        Args:
            sets: an array for sets of equal size, (M, J) on an interval and (M, J, d) elsewhere; or a list of sets.

        Raises:
            StructureError: as `basis`; the message names the set.
        """
        return self._evaluate_basis(self._environments(sets), gradient=False)[0]

    def descriptor_gradients(self, sets: Sets) -> list[Floats]:
        """Derivatives of the basis functions of many sets: one array per set, (n_basis, J) or (n_basis, J, d).

        Arguments and errors as for `descriptors`.
        """
        environments = self._environments(sets)
        flat = self._evaluate_basis(environments, gradient=True)[1]
        counts = np.diff(environments.first)
        ends = np.cumsum(counts) * self.n_basis * self.dimension
        parts = np.split(flat, ends[:-1]) if len(counts) else []
        return [part.reshape(self.n_basis, *self._shape(int(count))) for part, count in zip(parts, counts, strict=True)]

    def value(self, particles: ArrayLike) -> float:
        """The model's value for one set: coefficients times basis functions. Arguments as for `basis`.

        Raises:
            StructureError: as `basis`.
            ModuleError: the model was compiled without coefficients.
        """
        return float(self._evaluate_potential(self._environments([particles]))[0][0])

    def value_gradient(self, particles: ArrayLike) -> tuple[float, Floats]:
        """The value and its derivatives with respect to the particles, (J,) or (J, d).

        Arguments as for `basis`; raises as `value`.
        """
        environments = self._environments([particles])
        values, gradient = self._evaluate_potential(environments)
        return float(values[0]), gradient.reshape(self._shape(len(gradient)))

    def compute(self, sets: Sets) -> tuple[Floats, list[Floats]]:
        """Values (M,) of many sets, and the derivatives of each with respect to its particles, (J,) or (J, d).

        Arguments as for `descriptors`; raises as `value`.
        """
        environments = self._environments(sets)
        values, gradient = self._evaluate_potential(environments)
        parts = np.split(gradient, environments.first[1:-1]) if len(values) else []
        return values, [part.reshape(self._shape(len(part))) for part in parts]

    def _shape(self, count: int) -> tuple[int, ...]:
        return (count,) if self.dimension == 1 else (count, self.dimension)

    def _environments(self, sets: Sets | Iterable[ArrayLike]) -> Environments:
        """Sets in the layout of the ABI; raises a clear error for every mistake."""
        if not isinstance(sets, Iterable) or (isinstance(sets, np.ndarray) and sets.ndim == 0):
            raise StructureError(f"{type(sets).__name__} is not an array or list of sets; {self._expected}.")
        arrays = [self._particles(number, particles) for number, particles in enumerate(sets)]
        first = np.concatenate([[0], np.cumsum([len(array) for array in arrays])]).astype(np.int64)
        coordinates = np.concatenate([np.zeros((0, self.dimension)), *arrays])
        self._check(coordinates, first)
        centers = np.zeros(len(arrays), dtype=np.int32)
        return Environments(centers, first, np.zeros(len(coordinates), dtype=np.int32), coordinates)

    def _particles(self, number: int, particles: ArrayLike) -> Floats:
        try:
            array = np.asarray(particles, dtype=np.float64)
        except (TypeError, ValueError):
            raise StructureError(f"set {number} is not an array of numbers; {self._expected}.") from None
        if array.size == 0:
            return np.zeros((0, self.dimension))
        if array.shape != self._shape(len(array) if array.ndim else 0):
            raise StructureError(f"set {number} has the shape {array.shape}; {self._expected}.")
        return array.reshape(-1, self.dimension)

    @property
    def _expected(self) -> str:
        shape = "(J,)" if self.dimension == 1 else f"(J, {self.dimension})"
        return f"the model {self.name} takes sets of particles of shape {shape}"

    def _check(self, coordinates: Floats, first: NDArray[np.int64]) -> None:
        def refuse(bad: NDArray[np.bool_], what: str) -> None:
            if bad.any():
                entry = int(np.flatnonzero(bad)[0])
                owner = int(np.searchsorted(first, entry, side="right")) - 1
                shown = coordinates[entry].tolist() if self.dimension > 1 else coordinates[entry, 0].item()
                raise StructureError(f"particle {entry - first[owner]} of set {owner} is {shown}: {what}.")

        refuse(np.asarray(~np.isfinite(coordinates).all(axis=1)), "not finite")
        if self.dimension == 1:
            outside = np.asarray(np.abs(coordinates[:, 0]) > 1.0)
            refuse(outside, "outside the interval [-1, 1]; map your data to it first")
        else:
            refuse(np.abs(coordinates).max(axis=1, initial=0.0) > 0.5 * _LARGEST, "too long, its square overflows")
            short = np.asarray(np.linalg.norm(coordinates, axis=1) < _SMALLEST)
            refuse(short, "at the origin, where it has no direction")


def load_particles(path: str | Path, threads: int = 1) -> ParticleModel:
    """Load a compiled model of particles other than atoms.

    Args:
        path: its folder.
        threads: threads to evaluate it with; more than one needs a module compiled with OpenMP.

    Raises:
        ModuleError: it is missing, damaged, compiled for another machine or Python, a model of atoms, or cannot use
            several threads.
    """
    return ParticleModel.open(path, threads)
