"""Units of the design matrix, each kept as triangles.

A unit is some configurations of one fold and kind. Its rows are computed in blocks of bounded size and at once reduced
to one `Factor` per quantity, so that memory depends on the number of columns, not of rows. Finished units are kept on
disk under the hash of all their inputs: an assembly that was interrupted, or is repeated with another solver, computes
only what is missing.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from acegen.errors import IsolatedAtomWarning
from acegen.fit.columns import Columns
from acegen.fit.compiled import CompiledBasis
from acegen.fit.dataset import Configuration
from acegen.fit.factor import Factor, RowBuffer
from acegen.fit.settings import QUANTITIES
from acegen.fit.voigt import SIZE, voigt
from acegen.runtime import DesignRows, Model, Result, design_blocks
from acegen.store.archives import read_arrays, write_arrays

Floats = NDArray[np.float64]

REDUCED = ("forces", "virial")
"""Quantities of many rows per configuration, reduced to triangles at once; energies keep every row, so that each
configuration has its own residual."""

Factors: TypeAlias = dict[str, Factor]
"""A factor for each quantity, with the columns of `Columns`."""

Rows: TypeAlias = tuple[str, float | Floats, Floats, Floats, Floats]
"""Some rows: their quantity, their weight (one or a column), and the blocks composition (m, k), functions (m, C) and
target (m, 1)."""


@dataclass(frozen=True)
class Assembler:
    """The data shared by all units of a fit. It is sent to other processes and machines.

    Attributes:
        basis: the compiled basis.
        composition: (elements, k) orthonormal directions of composition that occur, one per column.
        atomic_energies: (elements,) energies of isolated atoms to subtract, eV.
        atoms_power: energies and virials are divided by (number of atoms)^this.
        block_bytes: bound on the rows in memory at once.
        cache: folder for finished units, or None.
    """

    basis: CompiledBasis
    composition: tuple[tuple[float, ...], ...]
    atomic_energies: tuple[float, ...]
    atoms_power: float
    block_bytes: int
    cache: str | None

    @property
    def columns(self) -> Columns:
        """The columns of all units."""
        return Columns.of_model(self.model, np.shape(self.composition)[1])

    @property
    def model(self) -> Model:
        """The basis, loaded."""
        return self.basis.model

    def key(self, unit: Sequence[Configuration]) -> str:
        """Hash of everything a unit's factors depend on."""
        common = ("single energies", self.basis.basis_hash, self.composition, self.atomic_energies, self.atoms_power)
        digest = hashlib.sha256(repr(common).encode())
        for configuration in unit:
            digest.update(configuration.content)
        return digest.hexdigest()[:32]

    def finished(self, unit: Sequence[Configuration]) -> Path | None:
        """The file of the unit's factors, if it exists."""
        path = self._path(unit)
        return path if path is not None and path.exists() else None

    def assemble(self, unit: Sequence[Configuration]) -> Factors:
        """Factors of a unit, from the cache if they are there."""
        path = self._path(unit)
        if path is not None and (known := _read(path)) is not None:
            return known
        factors = self._reduce(unit)
        if path is not None:
            _write(path, factors)
        return factors

    def _path(self, unit: Sequence[Configuration]) -> Path | None:
        return None if self.cache is None else Path(self.cache) / f"{self.key(unit)}.npz"

    def _reduce(self, unit: Sequence[Configuration]) -> Factors:
        columns = self.columns.count
        capacity = max(4 * columns, self.block_bytes // (8 * columns))
        most = {"energy": len(unit), "forces": 3 * sum(len(c.atoms) for c in unit), "virial": SIZE * len(unit)}
        buffers = {q: RowBuffer(columns, min(capacity, most[q])) for q in REDUCED}
        energies = [np.zeros((0, columns))]
        for quantity, weight, *blocks in self._rows(unit):
            if quantity == "energy":
                energies.append(weight * np.hstack(blocks))
            else:
                buffers[quantity].add(blocks, weight)
        single = Factor(np.vstack(energies), sum(map(len, energies)), single=True)
        return {"energy": single} | {quantity: buffer.factor() for quantity, buffer in buffers.items()}

    def _rows(self, unit: Sequence[Configuration]) -> Iterator[Rows]:
        """Rows of one quantity after the other."""
        model = self.model
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IsolatedAtomWarning)  # isolated atoms are valid data
            energy, virial, target = np.zeros(0), np.zeros(0), {}
            labelled = [c for c in unit if c.has_labels]  # the others have no rows: nothing is computed for them
            for block in design_blocks(model, (c.atoms for c in labelled), self.block_bytes):
                configuration = labelled[block.structure]
                if block.first == 0:
                    target = self._targets(configuration, block.reference())
                    energy, virial = np.zeros_like(block.rows.energy), np.zeros_like(block.rows.virial)
                energy += block.rows.energy
                virial += block.rows.virial
                if configuration.forces is not None:
                    part = target["forces"][block.first : block.last]
                    weights = configuration.force_weights[block.first : block.last]
                    yield self._force_rows(block.rows, part, weights)
                if block.last == len(configuration.atoms):
                    yield from self._global_rows(configuration, target, energy, virial)

    def _targets(self, configuration: Configuration, reference: Result) -> dict[str, Any]:
        """Labels minus the contributions of the reference potential and the isolated atoms."""
        targets: dict[str, Any] = {}
        if configuration.energy is not None:
            isolated = float(configuration.counts(self.model.elements) @ np.array(self.atomic_energies))
            targets["energy"] = configuration.energy - isolated - float(reference.energies.sum())
        if configuration.forces is not None:
            targets["forces"] = configuration.forces - reference.forces
        if configuration.virial is not None:
            targets["virial"] = configuration.virial - voigt(reference.virial)
        return targets

    def _force_rows(self, rows: DesignRows, target: Floats, weights: Floats) -> Rows:
        forces = rows.forces.reshape(-1, self.columns.n_functions)  # column-major as given: nothing is copied
        target = target.reshape(-1, 1)
        if (weights == weights[0]).all() and weights[0]:
            weight: float | Floats = float(weights[0])
        else:
            by_row = np.repeat(weights, 3)
            forces, target, weight = forces[by_row > 0], target[by_row > 0], by_row[by_row > 0, None]
        composition = np.zeros((len(forces), self.columns.n_composition))
        return "forces", weight, composition, forces, target

    def _global_rows(
        self, configuration: Configuration, target: Mapping[str, Any], energy: Floats, virial: Floats
    ) -> Iterator[Rows]:
        factor = configuration.weight / len(configuration.atoms) ** self.atoms_power
        composition = configuration.counts(self.model.elements) @ np.array(self.composition)
        if configuration.energy is not None:
            own = factor * configuration.weights.energy
            yield "energy", own, composition[None, :], energy[None, :], np.array([[target["energy"]]])
        if configuration.virial is not None:
            none = np.zeros((SIZE, len(composition)))
            own = factor * configuration.weights.virial
            yield "virial", own, none, virial, target["virial"].reshape(-1, 1)


def _read(path: Path) -> Factors | None:
    """Factors kept on disk; None if there are none, or if the file is damaged."""
    try:
        arrays = read_arrays(path)
        matrices, rows = ([arrays[f"{q}{end}"] for q in QUANTITIES] for end in ("", "_rows"))
        if all(map(_is_factor, QUANTITIES, matrices, rows)) and len({matrix.shape[1] for matrix in matrices}) == 1:
            return {
                q: Factor(matrix, int(n), q not in REDUCED)
                for q, matrix, n in zip(QUANTITIES, matrices, rows, strict=True)
            }
    except (OSError, ValueError, KeyError):
        pass
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return None


def _is_factor(quantity: str, matrix: NDArray[Any], n_rows: NDArray[Any]) -> bool:
    """Whether both have the form that `_write` gives a factor."""
    numbers = matrix.dtype == np.float64 and matrix.ndim == 2 and bool(np.isfinite(matrix).all())
    if not (numbers and n_rows.ndim == 0 and n_rows.dtype.kind == "i"):
        return False
    return len(matrix) <= matrix.shape[1] if quantity in REDUCED else len(matrix) == int(n_rows)


def _write(path: Path, factors: Factors) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {q: factor.matrix for q, factor in factors.items()}
    arrays |= {f"{q}_rows": factor.n_rows for q, factor in factors.items()}
    write_arrays(path, arrays)
