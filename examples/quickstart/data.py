"""Silicon labelled by a Tersoff potential: stands in for quantum-mechanical data, and needs no download.

    python examples/quickstart/data.py FOLDER

writes train.xyz and test.xyz: bulk, strained and rattled, with a vacancy, a surface, and dimers to tetramers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk, diamond100
from ase.calculators.tersoff import Tersoff, TersoffParameters
from rich.progress import track

# Tersoff, Phys. Rev. B 37, 6991 (1988): the set of that paper known as Si(B).
PARAMETERS = TersoffParameters(
    A=3264.7, B=95.373, lambda1=3.2394, lambda2=1.3258, lambda3=1.3258, beta=0.33675, gamma=1.0, m=3.0,
    n=22.956, c=4.8381, d=2.0417, h=0.0, R=3.0, D=0.2,
)  # fmt: skip


def calculator() -> Tersoff:
    return Tersoff({("Si", "Si", "Si"): PARAMETERS})


def structures(rng: np.random.Generator) -> Iterator[Atoms]:
    """Unlabelled structures, each with its kind in info["config_type"]."""
    for _ in range(14):
        yield named("bulk", strained(bulk("Si", cubic=True), rng, strain=0.06, rattle=0.12))
    for _ in range(8):
        yield named("supercell", strained(bulk("Si", cubic=True) * (2, 2, 1), rng, strain=0.02, rattle=0.2))
    for _ in range(6):
        atoms = bulk("Si", cubic=True) * (2, 2, 1)
        del atoms[int(rng.integers(len(atoms)))]
        yield named("vacancy", strained(atoms, rng, strain=0.02, rattle=0.12))
    for _ in range(6):
        yield named("surface", strained(diamond100("Si", (2, 2, 5), a=5.43, vacuum=6.0), rng, 0.02, 0.12))
    for _ in range(8):
        atoms = Atoms("Si2", [[0, 0, 0], [0, 0, rng.uniform(2.0, 3.1)]])
        for _ in range(int(rng.integers(3))):
            atoms += Atoms("Si", [grown(atoms.positions, rng)])
        yield named("cluster", atoms)


def strained(atoms: Atoms, rng: np.random.Generator, strain: float, rattle: float) -> Atoms:
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-strain, strain, (3, 3))), scale_atoms=True)
    atoms.positions += rng.normal(scale=rattle, size=atoms.positions.shape)
    return atoms


def grown(positions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A place 2.2 to 3.1 Å from one atom and no closer than 2 Å to any."""
    while True:
        direction = rng.normal(size=3)
        place = positions[rng.integers(len(positions))] + rng.uniform(2.2, 3.1) * direction / np.linalg.norm(direction)
        if np.linalg.norm(positions - place, axis=1).min() > 2.0:
            return place


def named(kind: str, atoms: Atoms) -> Atoms:
    atoms.info["config_type"] = kind
    return atoms


def write_data(folder: Path, seed: int = 0) -> None:
    """Label everything and write the two files, the test data from another draw."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(("train", "test")):
        chosen = list(structures(np.random.default_rng([seed, number])))[:: number * 3 + 1]
        for atoms in track(chosen, description=f"labels of {name}.xyz", transient=True):
            atoms.calc = calculator()
            atoms.get_forces()
            if not atoms.pbc.all():
                atoms.calc.results.pop("stress", None)
        ase.io.write(folder / f"{name}.xyz", chosen, format="extxyz")
        print(f"{folder / name}.xyz: {len(chosen)} configurations, {sum(map(len, chosen))} atoms")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/quickstart/data.py FOLDER")
    write_data(Path(sys.argv[1]))
