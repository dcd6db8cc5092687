"""Uncertainties of a model's predictions, from the posterior covariance of its coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from acegen.elements import ATOMIC_NUMBERS
from acegen.runtime.design import design_blocks
from acegen.store.posterior import Posterior, read_posterior, write_posterior

if TYPE_CHECKING:
    from ase import Atoms

    from acegen.runtime.model import Model

Floats = NDArray[np.float64]

_BLOCK_BYTES = 64 * 1024**2


def site_rows(model: Model, posterior: Posterior, atoms: Atoms) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Atoms block by block: their indices (n,), and the factors (n, K), eV, of the covariance of their site energies.

    Arguments and errors as for `energy_uncertainty`.
    """
    descriptors, n_basis = model.descriptors(atoms), model.n_basis
    most = max(1, _BLOCK_BYTES // (8 * max(1, posterior.factor.shape[1])))
    for species, element in enumerate(model.elements):
        factor = posterior.factor[species * n_basis : (species + 1) * n_basis]
        members = np.flatnonzero(atoms.numbers == ATOMIC_NUMBERS[element])
        for first in range(0, len(members), most):
            chosen = members[first : first + most]
            yield chosen, descriptors[chosen] @ factor + posterior.energies[species]


def energy_uncertainty(model: Model, posterior: Posterior, atoms: Atoms) -> float:
    """Standard deviation of the energy of a structure, eV.

    Args:
        model: a model with a basis.
        posterior: of its coefficients.
        atoms: the structure.

    Raises as `Model.descriptors`.
    """
    return float(np.linalg.norm(sum(rows.sum(axis=0) for _, rows in site_rows(model, posterior, atoms))))


def energies_uncertainty(model: Model, posterior: Posterior, atoms: Atoms) -> Floats:
    """Standard deviation of each atom's site energy, (N,) in eV. Arguments and errors as for `energy_uncertainty`."""
    deviations = np.zeros(len(atoms))
    for chosen, rows in site_rows(model, posterior, atoms):
        deviations[chosen] = np.linalg.norm(rows, axis=1)
    return deviations


def forces_uncertainty(model: Model, posterior: Posterior, atoms: Atoms, block_bytes: int = _BLOCK_BYTES) -> Floats:
    """Standard deviation of each component of the forces, (N, 3) in eV/Å, in blocks of atoms.

    Args:
        block_bytes: as for `acegen.design_blocks`.

    Other arguments as for `energy_uncertainty`.

    Raises:
        StructureError: as `acegen.design_blocks`.
    """
    deviations = np.zeros((len(atoms), 3))
    for block in design_blocks(model, [atoms], block_bytes):
        rows = block.rows.forces.transpose(2, 0, 1).reshape(len(posterior.factor), -1)  # in the kernel's order
        deviations[block.first : block.last] = np.linalg.norm(posterior.factor.T @ rows, axis=0).reshape(-1, 3)
    return deviations


__all__ = [
    "Posterior",
    "energies_uncertainty",
    "energy_uncertainty",
    "forces_uncertainty",
    "read_posterior",
    "site_rows",
    "write_posterior",
]
