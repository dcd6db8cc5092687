"""An alloy of five elements, labelled by ASE's EMT: random fcc crystals, strained, hot, with vacancies, and surfaces.

    python examples/quickstart/alloy.py FOLDER

writes train.xyz and test.xyz for `acegen fit examples/quickstart/alloy.toml`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc111
from data import write_data

ELEMENTS = {"Ni": 3.52, "Cu": 3.61, "Pd": 3.89, "Ag": 4.09, "Au": 4.08}
"""Lattice constants, Å; a crystal starts from the mean over its atoms."""


def structures(rng: np.random.Generator) -> Iterator[Atoms]:
    """Unlabelled structures, each with its kind in info["config_type"]."""
    for _ in range(70):
        yield deformed("bulk", bulk("Cu", a=1, cubic=True) * (2, 2, 2), rng, strain=0.05, rattle=0.06)
    for _ in range(50):
        yield deformed("hot", bulk("Cu", a=1, cubic=True) * (2, 2, 2), rng, strain=0.03, rattle=0.16)
    for _ in range(30):
        atoms = bulk("Cu", a=1, cubic=True) * (2, 2, 2)
        del atoms[int(rng.integers(len(atoms)))]
        yield deformed("vacancy", atoms, rng, strain=0.02, rattle=0.1)
    for _ in range(30):
        yield deformed("surface", fcc111("Cu", (3, 3, 4), a=1, vacuum=1.6, periodic=True), rng, strain=0.02, rattle=0.1)


def deformed(kind: str, atoms: Atoms, rng: np.random.Generator, strain: float, rattle: float) -> Atoms:
    """A structure of lattice constant one with random elements, scaled to their size, strained and rattled."""
    atoms.symbols = rng.choice(list(ELEMENTS), size=len(atoms), p=rng.dirichlet(np.ones(len(ELEMENTS))))
    size = float(np.mean([ELEMENTS[symbol] for symbol in atoms.symbols]))
    stretched = size * (np.eye(3) + rng.uniform(-strain, strain, (3, 3)))
    atoms.set_cell(atoms.cell.array @ stretched, scale_atoms=True)
    atoms.positions += rng.normal(scale=rattle, size=atoms.positions.shape)
    atoms.pbc = True
    atoms.info = {"config_type": kind}
    return atoms


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/quickstart/alloy.py FOLDER")
    write_data(Path(sys.argv[1]), structures)
