"""pacemaker's DataFrames (.pckl.gzip): pandas pickles with columns `ase_atoms`, `energy`, `forces` and others.

Reading a pickle runs whatever code it holds: nothing here is called unless the user has said that the file is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from acegen.errors import DependencyError, FitError
from acegen.fit.reading import open_decompressed

if TYPE_CHECKING:
    from ase import Atoms

_STRUCTURE = "ase_atoms"
_WEIGHTS = {"w_energy": "energy_weight", "w_forces": "forces_weight"}
"""pacemaker's weights of squared residuals, and the factors of residuals they are converted to."""


def dataframe_frames(path: Path) -> Iterator[Atoms]:
    """Configurations of a pickled DataFrame, with columns that are labels or plain values in `info` or `arrays`.

    Without a column `energy`, `energy_corrected` (minus the energies of isolated atoms) is used. `w_energy` and
    `w_forces` become `energy_weight` and `forces_weight`: square roots, in units of the mean.

    Args:
        path: a trusted file: the code in it is run.

    Raises:
        FitError: it cannot be read, or is not such a DataFrame.
        DependencyError: pandas is missing.
    """
    try:
        import pandas
    except ModuleNotFoundError:
        raise DependencyError(
            'reading DataFrames of pacemaker needs pandas. Install it with: pip install "acegen[fit,convert]"'
        ) from None
    try:
        with open_decompressed(path) as stream:
            table = pandas.read_pickle(stream, compression=None)
    except Exception as error:  # unpickling raises whatever the classes in the file raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FitError(
            f"cannot read {path}: {reason}. It may need the packages, or the pandas version, it was written with."
        ) from None
    if not isinstance(table, pandas.DataFrame) or _STRUCTURE not in table.columns:
        what = f"has columns {', '.join(map(str, table.columns))}" if hasattr(table, "columns") else "has no columns"
        raise FitError(
            f"{path} is not a pacemaker DataFrame: it {what}; needed are '{_STRUCTURE}', 'energy' and 'forces'."
        )
    means = {column: _mean(table[column]) for column in _WEIGHTS if column in table.columns}
    for number, row in enumerate(table.to_dict("records")):
        yield _atoms(row, means, f"{path}, row {number}")


def _mean(weights: Any) -> float:
    return float(np.mean(np.concatenate([np.ravel(np.asarray(value, dtype=np.float64)) for value in weights])))


def _atoms(row: dict[str, Any], means: dict[str, float], where: str) -> Atoms:
    from ase import Atoms

    structure = row.pop(_STRUCTURE)
    if not isinstance(structure, Atoms):
        raise FitError(
            f"{where}: '{_STRUCTURE}' is {type(structure).__name__}, not an ASE structure. Correct it or drop it."
        )
    atoms = structure.copy()
    results = getattr(structure.calc, "results", None) or {}
    labels = {str(name): value for name, value in {**results, **row}.items()}
    if "energy" not in labels and "energy_corrected" in labels:
        labels["energy"] = labels["energy_corrected"]
    for name, mean in means.items():
        if mean > 0:
            labels[_WEIGHTS[name]] = np.sqrt(np.asarray(labels.pop(name), dtype=np.float64) / mean)
    for name, value in labels.items():
        if isinstance(value, str):
            atoms.info[name] = value
            continue
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            continue  # neighbour lists and the like
        if array.ndim == 0 and np.isfinite(array):
            atoms.info[name] = value if isinstance(value, int | bool | float) else float(array)
        elif array.ndim > 0 and len(array) == len(atoms) and name not in ("stress", "virial"):
            atoms.arrays[name] = array
        elif array.ndim > 0:
            atoms.info[name] = array
    return atoms
