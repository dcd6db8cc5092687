"""Posterior covariance of a model's coefficients: `posterior.npz` in the model's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from acegen.errors import ModuleError
from acegen.printing import shown
from acegen.store.archives import read_arrays, text_of, write_arrays

Floats = NDArray[np.float64]

POSTERIOR = "posterior.npz"
POSTERIOR_FORMAT = "acegen-posterior-1"


class LinearModel(Protocol):
    """A model that is linear in its coefficients; see `acegen.Model`."""

    @property
    def name(self) -> str: ...
    @property
    def elements(self) -> tuple[str, ...]: ...
    @property
    def n_basis(self) -> int: ...
    @property
    def basis_hash(self) -> str: ...
    def require_basis(self) -> None: ...


@dataclass(frozen=True)
class Posterior:
    """Gaussian posterior of a model's coefficients, as a factor of their covariance.

    Attributes:
        factor: (C, K) in eV; the covariance of the coefficients is `factor @ factor.T`. Rows are columns of the design
            matrix (see `acegen.DesignRows`): C = (number of elements) × `n_basis`.
        energies: (E, K) in eV for E elements, the rows of the same factor for the energies of single atoms; zeros if
            they were not fitted.
        basis_hash: the basis the coefficients belong to.
    """

    factor: Floats
    energies: Floats
    basis_hash: str


def write_posterior(path: str | Path, factor: Floats, basis_hash: str, energies: Floats | None = None) -> Path:
    """Write the posterior of a model.

    Args:
        path: folder of the compiled model, or a file.
        factor: (C, K); see `Posterior`.
        basis_hash: `Model.basis_hash`.
        energies: (E, K) in eV for E elements, or None if the energies of single atoms were not fitted.

    Returns:
        The file.

    Raises:
        ModuleError: the arrays have wrong shapes or values that are not finite, or the file cannot be written.
    """
    file = Path(path) / POSTERIOR if Path(path).is_dir() else Path(path)
    arrays: dict[str, Any] = {"factor": np.asarray(factor, dtype=np.float64)}
    if energies is not None:
        arrays["energies"] = np.asarray(energies, dtype=np.float64)
    _check(arrays, "the posterior to be written")
    names: dict[str, Any] = {"format": np.array(POSTERIOR_FORMAT), "basis_hash": np.array(basis_hash)}
    try:
        write_arrays(file, names | arrays)
    except OSError as error:
        raise ModuleError(f"cannot write the posterior {file}: {error.strerror}.") from None
    return file


def read_posterior(path: str | Path, model: LinearModel) -> Posterior:
    """Read the posterior of a model from its folder, or from a file.

    Args:
        path: the folder, or `posterior.npz` in it.
        model: whose posterior it must be.

    Raises:
        ModuleError: there is none, it is damaged, it belongs to another basis, or the model has no basis.
    """
    model.require_basis()
    file = Path(path) / POSTERIOR if Path(path).is_dir() else Path(path)
    if not file.exists():
        raise ModuleError(
            f"the model {model.name} has no uncertainties: {file} is missing. A fit with solver = 'bayes' makes it; "
            "any fit of this acegen gives a model a committee instead."
        )
    try:
        arrays = read_arrays(file)
        kind, basis_hash = (text_of(arrays.pop(name)) for name in ("format", "basis_hash"))
    except (OSError, ValueError, KeyError):
        raise ModuleError(f"{file} is damaged or not a posterior. Fit again with solver = 'bayes'.") from None
    if kind != POSTERIOR_FORMAT:
        raise ModuleError(
            f"{file} has the format {shown(kind)}, but this acegen reads '{POSTERIOR_FORMAT}'. Fit again."
        )
    if basis_hash != model.basis_hash:
        raise ModuleError(
            f"{file} belongs to another basis: it was made for {basis_hash[:12] or 'none'}…, this model has "
            f"{model.basis_hash[:12]}…. Fit again with this model's spec."
        )
    _check(arrays, str(file))
    factor = arrays["factor"]
    energies = arrays.get("energies", np.zeros((len(model.elements), factor.shape[1])))
    columns = len(model.elements) * model.n_basis
    if len(factor) != columns or len(energies) != len(model.elements):
        raise ModuleError(
            f"{file} has a factor of shape {factor.shape} and energies of shape {energies.shape}; this model needs "
            f"({columns}, K) and ({len(model.elements)}, K). Fit again."
        )
    return Posterior(factor, energies, basis_hash)


def _check(arrays: dict[str, NDArray[np.float64]], where: str) -> None:
    """Refuse arrays that are not a factor of a covariance."""
    expected = "expected arrays 'factor' of shape (C, K) and, if any, 'energies' of shape (number of elements, K)"
    if "factor" not in arrays or not arrays.keys() <= {"factor", "energies"}:
        raise ModuleError(f"{where} has the arrays {', '.join(arrays) or 'none'}; {expected}.")
    for name, array in arrays.items():
        if array.ndim != 2 or array.dtype.kind != "f" or array.shape[1] != arrays["factor"].shape[-1]:
            raise ModuleError(f"{where}: '{name}' has the shape {array.shape} and type {array.dtype}; {expected}.")
        if not np.isfinite(array).all():
            raise ModuleError(f"{where}: '{name}' has values that are not finite. Fit again.")
