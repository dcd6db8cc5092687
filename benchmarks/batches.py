"""Environments of many structures in the arrays of the ABI, and bare calls of compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from acegen.elements import ATOMIC_NUMBERS
from acegen.runtime import CompiledModel
from acegen.runtime.neighbours import neighbour_list


@dataclass(frozen=True)
class Batch:
    """Centres with their neighbours within the cutoff, or sets of particles; the arrays of `acegen_environments`."""

    center: NDArray[np.int32]
    first: NDArray[np.int64]
    species: NDArray[np.int32]
    displacement: NDArray[np.float64]

    @classmethod
    def of(cls, structures: Sequence[Atoms], cutoff: float, elements: Sequence[str] = ("Si",)) -> Batch:
        """All atoms of all structures, one after the other."""
        number = np.full(120, -1, dtype=np.int32)
        number[[ATOMIC_NUMBERS[element] for element in elements]] = np.arange(len(elements))
        centers, counts, species, displacements = [], [], [], []
        for atoms in structures:
            pairs = neighbour_list(atoms, cutoff)
            own = number[atoms.numbers]
            centers.append(own)
            counts.append(np.diff(pairs.first))
            species.append(own[pairs.neighbour])
            displacements.append(pairs.displacement)
        first = np.concatenate([[0], *counts]).cumsum().astype(np.int64)
        return cls(np.concatenate(centers), first, np.concatenate(species), np.concatenate(displacements))

    def part(self, atoms: slice) -> Batch:
        """Consecutive centres."""
        center = self.center[atoms]
        begin, end = atoms.indices(len(self.center))[:2]
        first = self.first[begin : end + 1]
        entries = slice(int(first[0]), int(first[-1]))
        return Batch(center, first - first[0], self.species[entries], self.displacement[entries])

    @property
    def n_atoms(self) -> int:
        return len(self.center)

    @property
    def n_entries(self) -> int:
        return len(self.species)

    @property
    def mean_neighbours(self) -> float:
        return self.n_entries / self.n_atoms

    @cached_property
    def most_neighbours(self) -> int:
        return int(np.diff(self.first).max(initial=0))

    def padding(self, lanes: int) -> float:
        """Neighbour slots filled by blocks of `lanes` consecutive centres, relative to the number of neighbours."""
        counts = np.diff(self.first)
        blocks = np.zeros(-(-len(counts) // lanes) * lanes, dtype=np.int64)
        blocks[: len(counts)] = counts
        return float(blocks.reshape(-1, lanes).max(axis=1).sum() * lanes / counts.sum())


class KernelCall:
    """Arguments of a kernel, prepared once."""

    def __init__(self, model: CompiledModel, batch: Batch) -> None:
        self.batch = batch
        self._ffi: Any = model._ffi
        self._handle: Any = model._handle
        self._environments = self._ffi.new("acegen_environments *")
        self._environments.n_atoms = batch.n_atoms
        self._environments.center = self.pointer("const int32_t *", batch.center)
        self._environments.first = self.pointer("const int64_t *", batch.first)
        self._environments.species = self.pointer("const int32_t *", batch.species)
        self._environments.displacement = self.pointer("const double *", batch.displacement)

    def pointer(self, kind: str, array: NDArray[Any]) -> Any:
        return self._ffi.cast(kind, array.ctypes.data)

    @staticmethod
    def check(status: int) -> None:
        if status:
            raise RuntimeError(f"the kernel returned status {status}")


class PotentialCall(KernelCall):
    """Energies and gradients of a batch: `energy` and `gradient` hold the results of the last call."""

    def __init__(self, model: CompiledModel, batch: Batch, threads: int = 1) -> None:
        super().__init__(model, batch)
        self.energy = np.zeros(batch.n_atoms)
        self.gradient = np.zeros(batch.displacement.shape)
        workspace = np.zeros(self._handle.potential_workspace(batch.most_neighbours, threads), dtype=np.uint8)
        self._keep = workspace
        self._arguments = (
            self._environments,
            self.pointer("double *", self.energy),
            self.pointer("double *", self.gradient),
            threads,
            self.pointer("void *", workspace),
            workspace.size,
            self._ffi.NULL,
        )

    def __call__(self) -> None:
        self.check(self._handle.potential(*self._arguments))


class DescriptorCall(KernelCall):
    """Basis functions of a batch, without derivatives."""

    def __init__(self, model: CompiledModel, batch: Batch) -> None:
        super().__init__(model, batch)
        self.values = np.zeros((batch.n_atoms, model.n_basis))
        workspace = np.zeros(self._handle.basis_workspace(batch.most_neighbours, 0), dtype=np.uint8)
        self._keep = workspace
        self._arguments = (
            self._environments,
            self.pointer("double *", self.values),
            self._ffi.NULL,
            self.pointer("void *", workspace),
            workspace.size,
            self._ffi.NULL,
        )

    def __call__(self) -> None:
        self.check(self._handle.basis(*self._arguments))
