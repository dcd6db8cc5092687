"""What the labels of a configuration would say about the coefficients, in units of what is known already.

With the posterior covariance L Lᵀ of the coefficients and design rows x of labels with noise σ, the rows of Y are
xᵀL/σ: the standard deviations of predicted labels along K independent directions, in units of the noise. The labels
reduce the covariance to L (I + YᵀY)⁻¹ Lᵀ, and their information about the coefficients is ½ log det(I + Y Yᵀ)
(MacKay, Neural Computation 4, 590 (1992)).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acegen.errors import IsolatedAtomWarning, SelectError, StructureError
from acegen.runtime import Model, design_blocks
from acegen.select.pool import Candidate
from acegen.store.posterior import Posterior

Floats = NDArray[np.float64]

TOLERANCE = 1e-3
"""Share of a configuration's gain that its reduced rows may miss."""

_BLOCK_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Labels:
    """The labels a configuration would get.

    Attributes:
        model: the basis.
        posterior: of its coefficients.
        noise: standard deviation of energies, eV per (number of atoms)^`atoms_power`, and of force components, eV/Å;
            quantities without one did not count in the fit, and do not count here.
        atoms_power: energies were divided by (number of atoms)^this.
    """

    model: Model
    posterior: Posterior
    noise: dict[str, float]
    atoms_power: float

    def rows(self, candidate: Candidate) -> Floats:
        """Y (m, K) of energy and forces. Where there are more labels than directions, a triangle with the same YᵀY.

        Raises:
            SelectError: a configuration the basis cannot evaluate.
        """
        found: Floats = np.zeros((0, self.posterior.factor.shape[1]))
        for rows in self._blocks(candidate):
            found = np.vstack([found, rows])
            if len(found) > 2 * found.shape[1]:
                found = np.asarray(np.linalg.qr(found, mode="r"))
        return found

    def reduced(self, candidate: Candidate) -> Floats:
        """The rows (r, K), r as small as `TOLERANCE` allows: Uᵀ Y for the largest singular values of Y.

        Raises:
            SelectError: as `rows`.
        """
        size = self.posterior.factor.shape[1]
        if 3 * len(candidate.atoms) >= size:  # more labels than directions: s and V of Y = U s Vᵀ, by YᵀY
            gram = np.zeros((size, size))
            for rows in self._blocks(candidate):
                gram += rows.T @ rows
            squares, vectors = np.linalg.eigh(gram)
            kept = vectors[:, _left_out(squares) :]
            squares = np.maximum(squares[len(squares) - kept.shape[1] :], 0.0)
            return np.ascontiguousarray((kept * np.sqrt(squares)).T)
        rows = self.rows(candidate)
        squares, vectors = np.linalg.eigh(rows @ rows.T)
        found: Floats = vectors[:, _left_out(squares) :].T @ rows
        return found

    def _blocks(self, candidate: Candidate) -> Iterator[Floats]:
        atoms, factor = candidate.atoms, self.posterior.factor
        symbols = atoms.get_chemical_symbols()
        counts = np.array([symbols.count(element) for element in self.model.elements], dtype=np.float64)
        energy = counts @ self.posterior.energies
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", IsolatedAtomWarning)
                for block in design_blocks(self.model, [atoms], _BLOCK_BYTES):
                    energy = energy + block.rows.energy @ factor
                    if "forces" in self.noise:
                        yield block.rows.forces.reshape(-1, len(factor)) @ factor / self.noise["forces"]
        except StructureError as error:
            raise SelectError(f"{candidate.where}: {error} Leave the configuration out.") from None
        if "energy" in self.noise:
            yield energy[None, :] / (self.noise["energy"] * len(atoms) ** self.atoms_power)


def _left_out(squares: Floats) -> int:
    """How many of some squared singular values, ascending, can be left out: the first ones."""
    gains = np.cumsum(0.5 * np.log1p(np.maximum(squares, 0.0)))
    return int(np.searchsorted(gains, TOLERANCE * gains[-1], side="right")) if len(gains) else 0
