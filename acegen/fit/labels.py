"""Labels and weights of one configuration: wherever ASE's readers put them, in all common forms."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from acegen.errors import DataWarning, FitError
from acegen.fit.settings import KeySettings
from acegen.fit.values import LARGEST_WEIGHT
from acegen.fit.voigt import from_voigt, voigt

if TYPE_CHECKING:
    from ase import Atoms

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LabelWeights:
    """Factors of the residuals of one configuration by quantity; only those of single atoms' forces can be zero.

    Attributes:
        energy: factor of the energy's residual.
        forces: factor, or (N,) factors by atom.
        virial: factor.
    """

    energy: float = 1.0
    forces: float | Floats = 1.0
    virial: float = 1.0


def find_label(atoms: Atoms, key: str | None) -> Any:
    """A label, wherever ASE's readers put it; None if it is missing."""
    if key is None:
        return None
    for place in (atoms.calc.results if atoms.calc is not None else {}, atoms.info, atoms.arrays):
        if key in place:
            return place[key]
    return None


def read_numbers(value: Any, shape: tuple[int, ...], where: str, key: str | None) -> Floats | None:
    """A label as an array of the given shape; None if absent or not finite.

    Raises:
        FitError: it is not numeric, or has another shape.
    """
    if value is None:
        return None
    array = _array(value, where, key)
    if array.shape != shape and not (shape == () and array.size == 1):
        wanted = " × ".join(map(str, shape)) or "one number"
        raise FitError(
            f"{where}: '{key}' has the shape {' × '.join(map(str, array.shape)) or 'of one number'}; it must have "
            f"{wanted}. Correct it or name another key in data.keys."
        )
    if not np.isfinite(array).all():
        warnings.warn(f"{where}: '{key}' is not finite; it is left out.", DataWarning, stacklevel=2)
        return None
    return array.reshape(shape)


def read_matrix(value: Any, where: str, key: str | None) -> Floats | None:
    """A virial or stress as a 3 × 3 matrix, from such a matrix, nine numbers, or six as xx, yy, zz, yz, xz, xy.

    Raises:
        FitError: it is none of them.
    """
    if value is None:
        return None
    array = _array(value, where, key)
    if array.size == 6:
        six = read_numbers(array.ravel(), (6,), where, key)
        return None if six is None else from_voigt(six)
    return read_numbers(array.reshape(3, 3) if array.size == 9 else array, (3, 3), where, key)


def read_voigt(value: Any, where: str, key: str | None) -> Floats | None:
    """The symmetric part of what `read_matrix` reads as xx, yy, zz, yz, xz, xy. Raises as that."""
    matrix = read_matrix(value, where, key)
    return None if matrix is None else voigt(matrix)


def read_weights(atoms: Atoms, where: str, keys: KeySettings) -> tuple[float, LabelWeights]:
    """Factor of all residuals of a configuration, and factors by quantity; 1 where the file says nothing.

    `stress_weight` is another name for `virial_weight`: if both are given they must agree.

    Raises:
        FitError: a weight is not a number from 0 to 10⁶, has the wrong shape, or contradicts another.
    """
    whole, energy, virial, stress = (
        _weight(find_label(atoms, key), where, key)
        for key in (keys.weight, keys.energy_weight, keys.virial_weight, keys.stress_weight)
    )
    forces = _weight(find_label(atoms, keys.forces_weight), where, keys.forces_weight, len(atoms))
    if virial is not None and stress is not None and virial != stress:
        raise FitError(
            f"{where}: '{keys.virial_weight}' is {float(virial):g} and '{keys.stress_weight}' {float(stress):g}, but "
            "the virial follows from the stress. Give one of them."
        )
    by_atom = 1.0 if forces is None else float(forces) if forces.ndim == 0 else forces
    weights = LabelWeights(_or_one(energy), by_atom, _or_one(stress if virial is None else virial))
    return _or_one(whole), weights


def _or_one(weight: Floats | None) -> float:
    return 1.0 if weight is None else float(weight)


def _weight(value: Any, where: str, key: str | None, n_atoms: int = 0) -> Floats | None:
    """A weight as an array of shape (), or (n_atoms,) where the file has one for each atom."""
    if value is None:
        return None
    array = _array(value, where, key)
    if array.size == 1:
        array = array.reshape(())
    elif n_atoms == 0 or array.shape != (n_atoms,):
        wanted = f"one number, or {n_atoms}, one for each atom" if n_atoms else "one number"
        raise FitError(
            f"{where}: the weight '{key}' has the shape {' × '.join(map(str, array.shape))}; it must be {wanted}. "
            "Correct it, or name another key in data.keys."
        )
    wrong = array[~((array >= 0) & (array <= LARGEST_WEIGHT))]  # NaN is neither
    if wrong.size:
        raise FitError(
            f"{where}: the weight '{key}' is {wrong[0]:g}; it must be a number from 0 (which excludes) to "
            f"{LARGEST_WEIGHT:g}. Correct it, or name another key in data.keys (an empty one for none)."
        )
    return array


def _array(value: Any, where: str, key: str | None) -> Floats:
    """Numbers as an array, also from text: [[1, 2], [3, 4]], with commas or, as NumPy prints it, without."""
    try:
        if isinstance(value, str) and value.lstrip().startswith("["):
            return np.array([float(part) for part in re.split(r"[\s,;\[\]]+", value) if part])
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise FitError(
            f"{where}: '{key}' is not a number: {str(value)[:40]!r}. Correct it or name another key."
        ) from None
