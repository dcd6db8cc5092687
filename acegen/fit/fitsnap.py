"""The JSON files of FitSNAP (github.com/FitSNAP/FitSNAP): one data set each, in one folder per group.

The first line is a comment, followed by {"Dataset": {"Data": [...], "EnergyStyle": ..., ...}}. Rows of "Lattice" are
cell vectors; "Stress" is a pressure tensor, positive under compression.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from acegen.errors import FitError

if TYPE_CHECKING:
    from ase import Atoms

_PASCAL = 1 / 1.602176634e11
"""In eV/Å³."""

_UNITS: dict[str, dict[str, float]] = {
    "Positions": {"angstrom": 1.0},
    "Lattice": {"angstrom": 1.0},
    "Energy": {"electronvolt": 1.0},
    "Forces": {"electronvoltperangstrom": 1.0},
    "Stress": {
        "bar": 1e5 * _PASCAL, "kilobar": 1e8 * _PASCAL, "kbar": 1e8 * _PASCAL, "gigapascal": 1e9 * _PASCAL,
        "pascal": _PASCAL,
    },
}  # fmt: skip
"""Units by name, in Å, eV, eV/Å and eV/Å³; the first is FitSNAP's own."""

_OWN = {"AtomTypes", "NumAtoms", *_UNITS}


def fitsnap_text(path: Path) -> str | None:
    """The JSON of a FitSNAP file without its comment; None if the file is something else."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return None
    if text.startswith("#"):
        text = text.partition("\n")[2]
    return text if text.lstrip().startswith("{") and '"Dataset"' in text else None


def fitsnap_frames(text: str, file: str) -> Iterator[Atoms]:
    """Configurations with `energy`, `forces` and `stress` in ASE's conventions, and the folder's name as `config_type`.

    Raises:
        FitError: it is not such a file, or has unknown units.
    """
    try:
        dataset = json.loads(text)["Dataset"]
        data = dataset["Data"]
        styles = {name: str(dataset.get(f"{name}Style", next(iter(units)))).lower() for name, units in _UNITS.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _refusal(file, f"it is not a FitSNAP data set ({type(error).__name__}: {str(error)[:80]})") from None
    for name, style in styles.items():
        if style not in _UNITS[name]:
            raise _refusal(file, f"{name}Style is {style!r}; known: {', '.join(_UNITS[name])}")
    factors = {name: _UNITS[name][style] for name, style in styles.items()}
    if not isinstance(data, list):
        raise _refusal(file, '"Data" is not a list')
    group = Path(file).resolve().parent.name
    for number, entry in enumerate(data):
        try:
            yield _atoms(entry, factors, group)
        except (ValueError, KeyError, TypeError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
            raise _refusal(file, f"configuration {number}: {what}") from None


def _atoms(entry: Any, factors: Mapping[str, float], group: str) -> Atoms:
    from ase import Atoms
    from ase.data import atomic_numbers

    if not isinstance(entry, Mapping):
        raise TypeError("it is not a JSON object")
    unknown = [element for element in entry["AtomTypes"] if element not in atomic_numbers]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not an element; AtomTypes are symbols such as Cu")
    values = {n: np.array(entry[n], dtype=np.float64) * factor for n, factor in factors.items() if n in entry}
    atoms = Atoms(entry["AtomTypes"], positions=values["Positions"], cell=values["Lattice"], pbc=True)
    atoms.info = {key: value for key, value in entry.items() if key not in _OWN and np.isscalar(value)}
    atoms.info["config_type"] = group
    if "Energy" in values:
        atoms.info["energy"] = values["Energy"]
    if "Forces" in values:
        atoms.info["forces"] = values["Forces"]
    if "Stress" in values:
        atoms.info["stress"] = -values["Stress"]
    return atoms


def _refusal(file: str, reason: str) -> FitError:
    return FitError(f"cannot read {file}: {reason}. Give a data set that FitSNAP can read, or extended XYZ.")
