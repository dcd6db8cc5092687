"""ML-PACE through a LAMMPS binary: `pair_style pace recursive` on all structures, time of the pair style alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from ase.io.lammpsdata import write_lammps_data

_STRUCTURE = """clear
units metal
atom_style atomic
atom_modify sort 0 0.0
box tilt large
boundary {boundary}
read_data {data}
mass 1 {mass}
{pair}
neighbor 0.0 bin
thermo 1000000
run {repetitions}
"""
_PAIR_TIME = re.compile(r"^Pair\s*\|\s*[\d.e+-]+\s*\|\s*([\d.e+-]+)", re.MULTILINE)


def has_pace(binary: Path) -> bool:
    """Whether this is a LAMMPS that lists the pair style pace."""
    try:
        result = subprocess.run([binary, "-h"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "LAMMPS" in result.stdout and re.search(r"\bpace\b", result.stdout) is not None


def write_input(structures: Sequence[Atoms], pair: str, repetitions: int, folder: Path, element: str = "Si") -> Path:
    """An input script that evaluates each structure `repetitions` times without moving it, and its data files."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, atoms in enumerate(structures):
        data = folder / f"{number}.data"
        write_lammps_data(data, _boxed(atoms), specorder=[element], atom_style="atomic")
        parts.append(
            _STRUCTURE.format(
                boundary=" ".join("p" if periodic else "s" for periodic in atoms.pbc),
                data=data.resolve(),
                mass=atomic_masses[atomic_numbers[element]],
                pair=pair,
                repetitions=repetitions,
            )
        )
    script = folder / "in.lammps"
    script.write_text("".join(parts), encoding="utf-8")
    return script


def pace_lines(potential: Path, element: str = "Si") -> str:
    """Commands of the pair style."""
    return f"pair_style pace recursive\npair_coeff * * {potential.resolve()} {element}"


def pair_seconds(binary: Path, script: Path, repetitions: int) -> float:
    """Seconds of one evaluation of all structures.

    Raises:
        RuntimeError: LAMMPS failed, with the last line it said.
    """
    command: list[str | Path] = [binary, "-in", script.name, "-log", "none"]
    result = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, check=False)
    found = _PAIR_TIME.findall(result.stdout)
    if result.returncode or not found:
        said = (result.stderr.strip() or result.stdout.strip()).splitlines() or ["nothing"]
        raise RuntimeError(f"LAMMPS failed: {said[-1]}")
    return sum(map(float, found)) / repetitions


def _boxed(atoms: Atoms) -> Atoms:
    """Inside the cell, which has an extent in every direction; 10 Å of vacuum where it is not periodic."""
    cell, positions = atoms.cell.complete().array, atoms.positions.copy()
    for axis in np.flatnonzero(~atoms.pbc):
        height = positions @ cell[axis] / np.linalg.norm(cell[axis])
        cell[axis] *= (np.ptp(height) + 20.0) / np.linalg.norm(cell[axis])
        positions += (10.0 - height.min()) * cell[axis] / np.linalg.norm(cell[axis])
    fractions = np.linalg.solve(cell.T, positions.T).T
    fractions[:, atoms.pbc] %= 1.0
    return Atoms(atoms.numbers, scaled_positions=fractions, cell=cell, pbc=atoms.pbc)
