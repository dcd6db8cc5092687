"""Copper labelled by ASE's EMT: a substitute for quantum-mechanical data that needs no download.

    python examples/quickstart/data.py FOLDER

writes train.xyz and test.xyz: bulk, strained and rattled, hot, with a vacancy, and surfaces.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk, fcc100, fcc111
from ase.calculators.emt import EMT
from rich.progress import track

LATTICE = 3.59


def structures(rng: np.random.Generator) -> Iterator[Atoms]:
    """Unlabelled structures, each with its kind in info["config_type"]."""
    cell = bulk("Cu", a=LATTICE, cubic=True)
    for _ in range(30):
        yield named("bulk", deformed(cell * (2, 1, 1), rng, strain=0.06, rattle=0.08))
    for _ in range(30):
        yield named("hot", deformed(cell * 2, rng, strain=0.03, rattle=0.18))
    for _ in range(20):
        atoms = cell * 2
        del atoms[int(rng.integers(len(atoms)))]
        yield named("vacancy", deformed(atoms, rng, strain=0.02, rattle=0.12))
    for _ in range(20):
        make = (fcc100, fcc111)[int(rng.integers(2))]
        yield named("surface", deformed(make("Cu", (2, 2, 4), a=LATTICE, vacuum=6.0), rng, 0.02, 0.1))


def deformed(atoms: Atoms, rng: np.random.Generator, strain: float, rattle: float) -> Atoms:
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-strain, strain, (3, 3))), scale_atoms=True)
    atoms.positions += rng.normal(scale=rattle, size=atoms.positions.shape)
    atoms.pbc = True
    return atoms


def named(kind: str, atoms: Atoms) -> Atoms:
    atoms.info = {"config_type": kind}
    return atoms


def write_data(
    folder: Path, make: Callable[[np.random.Generator], Iterator[Atoms]] = structures, seed: int = 0
) -> None:
    """Label all structures and write the two files; test data come from other random numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(("train", "test")):
        chosen = list(make(np.random.default_rng([seed, number])))[:: 3 * number + 1]
        for atoms in track(chosen, description=f"labels of {name}.xyz", transient=True):
            atoms.calc = EMT()
            atoms.get_forces()
            if atoms.pbc.all():
                atoms.get_stress()
        ase.io.write(folder / f"{name}.xyz", chosen, format="extxyz")
        print(f"{folder / name}.xyz: {len(chosen)} configurations, {sum(map(len, chosen))} atoms")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/quickstart/data.py FOLDER")
    write_data(Path(sys.argv[1]))
