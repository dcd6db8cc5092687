"""ML-PACE: an evaluator of environments, or `pair_style pace recursive` of a LAMMPS, time of the pair style alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from ase.io.lammpsdata import write_lammps_data

from benchmarks.lammps import Lammps, styles

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


def has_pace(binary: Path) -> bool:
    """Whether this is a LAMMPS that lists the pair style pace."""
    return "pace" in styles(binary)


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


STYLE = "pace recursive"
"""Arguments of pair_style: the fastest of its evaluators."""


def coefficients_of(potential: Path, element: str = "Si") -> str:
    """Arguments of pair_coeff."""
    return f"* * {potential.resolve()} {element}"


def pace_lines(potential: Path, element: str = "Si") -> str:
    """Commands of the pair style."""
    return f"pair_style {STYLE}\npair_coeff {coefficients_of(potential, element)}"


def pair_seconds(binary: Path, script: Path, repetitions: int) -> float:
    """Seconds of one evaluation of all structures.

    Raises:
        RuntimeError: LAMMPS failed; the message is its last line.
    """
    return sum(run.seconds["Pair"] for run in Lammps(binary).run(script)) / repetitions


_MEDIAN = re.compile(r"us/atom: median\s+([\d.e+-]+)")


def evaluator_microseconds(binary: Path, potential: Path, environments: Path, repetitions: int) -> float:
    """Time per atom by an evaluator called as `PATH MODEL.yace ENVIRONMENTS REPETITIONS`, of its recursive form.

    Raises:
        RuntimeError: it failed; the message is its last line.
    """
    command = [str(binary), str(potential), str(environments), str(repetitions)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in result.stdout.splitlines() if _MEDIAN.search(line)]
    if result.returncode or not lines:
        said = (result.stderr.strip() or result.stdout.strip()).splitlines() or ["nothing"]
        raise RuntimeError(f"{binary.name} failed: {said[-1]}")
    line = next((line for line in lines if line.startswith("recursive")), lines[0])
    found = _MEDIAN.search(line)
    assert found
    return float(found[1])


def _boxed(atoms: Atoms) -> Atoms:
    """The structure inside a cell; along directions that are not periodic it has 10 Å of vacuum."""
    cell, positions = atoms.cell.complete().array, atoms.positions.copy()
    for axis in np.flatnonzero(~atoms.pbc):
        height = positions @ cell[axis] / np.linalg.norm(cell[axis])
        cell[axis] *= (np.ptp(height) + 20.0) / np.linalg.norm(cell[axis])
        positions += (10.0 - height.min()) * cell[axis] / np.linalg.norm(cell[axis])
    fractions = np.linalg.solve(cell.T, positions.T).T
    fractions[:, atoms.pbc] %= 1.0
    return Atoms(atoms.numbers, scaled_positions=fractions, cell=cell, pbc=atoms.pbc)
