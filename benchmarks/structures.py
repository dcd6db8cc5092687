"""Structures to evaluate: read from files, or generated as rattled silicon."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk

LATTICE = 5.43
"""Lattice constant of silicon, Å."""


def read_structures(path: Path) -> list[Atoms]:
    """All frames of an extended-XYZ file."""
    frames = ase.io.read(path, ":")
    return [frame for frame in frames if isinstance(frame, Atoms)]


def made_structures(count: int, seed: int) -> list[Atoms]:
    """Cells of 64 atoms with different density, strain and displacements; of four, one has a surface, one a vacancy."""
    rng = np.random.default_rng(seed)
    structures = []
    for number in range(count):
        atoms = bulk("Si", "diamond", a=LATTICE * rng.uniform(0.95, 1.05), cubic=True) * (2, 2, 2)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.01, size=(3, 3))), scale_atoms=True)
        atoms.positions += rng.normal(scale=rng.uniform(0.05, 0.3), size=atoms.positions.shape)
        if number % 4 == 1:
            atoms.center(vacuum=5.0, axis=2)
        elif number % 4 == 2:
            del atoms[int(rng.integers(len(atoms)))]
        structures.append(atoms)
    return structures


def bulk_silicon(n_atoms: int, lattice: float = LATTICE, rattle: float = 0.1) -> Atoms:
    """A periodic, nearly cubic piece of rattled diamond of about `n_atoms` atoms."""
    side = max(1, round((n_atoms / 8) ** (1 / 3)))
    height = max(1, round(n_atoms / 8 / side**2))
    atoms: Atoms = bulk("Si", "diamond", a=lattice, cubic=True) * (side, side, height)
    atoms.positions += np.random.default_rng(1).normal(scale=rattle, size=atoms.positions.shape)
    return atoms


def with_elements(structures: list[Atoms], elements: tuple[str, ...], seed: int = 0) -> list[Atoms]:
    """Copies in which each atom is one of the elements, at random."""
    rng = np.random.default_rng(seed)
    copies = []
    for atoms in structures:
        symbols = [elements[i] for i in rng.integers(len(elements), size=len(atoms))]
        copies.append(Atoms(symbols, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc))
    return copies


def lattice_for(neighbours: float, cutoff: float) -> float:
    """Lattice constant at which a sphere of radius `cutoff` holds this many neighbours on average."""
    volume = 4 / 3 * np.pi * cutoff**3
    return float((8 * volume / (neighbours + 1)) ** (1 / 3))
