"""Small data for fits: cells of copper and gold, labelled by ASE's EMT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write

from acegen.fit.settings import FitSettings, load_settings

COPPER: dict[str, Any] = {
    "name": "copper",
    "basis": {"elements": ["Cu"], "order": 3, "level": 6},
    "radial": {"cutoff": 5.0},
}
ALLOY: dict[str, Any] = {
    "name": "alloy",
    "basis": {"elements": ["Cu", "Au"], "order": 2, "level": 4},
    "radial": {"cutoff": 4.5},
    "pair": {"degree": 4, "cutoff": 5.0},
    "zbl": {"inner": 1.0, "outer": 2.2},
}


def cell(seed: int, elements: str = "Cu", rattle: float = 0.12) -> Atoms:
    """Four strained, rattled atoms of random elements, such as "Cu Au"."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", cubic=True, a=3.6 if elements == "Cu" else 3.85)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.03, size=(3, 3))), scale_atoms=True)
    atoms.rattle(rattle, rng=rng)
    atoms.symbols = rng.choice(elements.split(), size=len(atoms))
    return atoms


def with_emt(atoms: Atoms, kind: str = "rattled") -> Atoms:
    """With energy, forces and stress."""
    atoms.calc = EMT()
    atoms.get_potential_energy()
    atoms.get_forces()
    atoms.get_stress()
    atoms.info["config_type"] = kind
    return atoms


def save(path: Path, frames: list[Atoms]) -> str:
    write(path, frames, format="extxyz")
    return str(path)


NO_UNCERTAINTY = {"grade": "none", "members": 0}
"""The table that leaves out what takes as long to compile as the potential."""


def fit_settings(folder: Path, train: list[Atoms], spec: dict[str, Any] = COPPER, **sections: Any) -> FitSettings:
    """Settings of a fit in `folder`; `sections` are merged in. Without grades and committee unless these are given."""
    sections = {"uncertainty": NO_UNCERTAINTY, **sections}
    data = {"train": save(folder / "train.xyz", train), **sections.pop("data", {})}
    return load_settings({"spec": spec, "data": data, "output": str(folder / "fits"), **sections})
