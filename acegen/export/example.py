"""A structure for the examples of an export, with the values Python computes for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers, covalent_radii
from ase.io import write
from ase.io.lammpsdata import write_lammps_data

from acegen.ase import Calculator
from acegen.runtime import Model

_LEAST_ATOMS = 60
_RATTLE = 0.05


@dataclass(frozen=True)
class Example:
    """What Python computes for the example.

    Attributes:
        energy: eV.
        grade: the largest grade of an atom; None without grades.
        atom: the number of that atom, from 1.
        deviation: standard deviation of the error to be expected in the energy, eV; None without a committee.
    """

    energy: float
    grade: float | None
    atom: int | None
    deviation: float | None

    def values(self) -> dict[str, Any]:
        """As templates are told."""
        return {
            "example_energy": self.energy,
            "example_grade": self.grade,
            "example_atom": self.atom,
            "example_deviation": self.deviation,
        }


def write_example(model: Model, folder: Path) -> Example:
    """Write a small structure as example.xyz, with energy, forces and stress as labels, and example.data for LAMMPS."""
    atoms = example_structure(model)
    write(folder / "example.xyz", atoms, format="extxyz")
    write_lammps_data(
        folder / "example.data",
        atoms,
        specorder=list(model.elements),
        masses=True,
        atom_style="atomic",
        velocities=False,
    )
    grades = model.grades(atoms) if model.has_grades else None
    return Example(
        energy=float(atoms.get_potential_energy()),
        grade=None if grades is None else float(grades.max()),
        atom=None if grades is None else int(grades.argmax()) + 1,
        deviation=model.uncertainties(atoms).energy if model.n_members else None,
    )


def example_structure(model: Model) -> Atoms:
    """A crystal of the model's elements with slightly displaced atoms, labelled with energy, forces and stress.

    All elements are distributed over the lattice of the first; the cell is orthogonal.
    """
    crystal = _crystal(model.elements[0])
    while len(crystal) < _LEAST_ATOMS:
        crystal *= [2 if length == min(crystal.cell.lengths()) else 1 for length in crystal.cell.lengths()]
    rng = np.random.default_rng(0)
    if len(model.elements) > 1:
        crystal.symbols = rng.permutation(np.resize(model.elements, len(crystal)))
    crystal.positions += rng.normal(scale=_RATTLE, size=crystal.positions.shape)
    crystal.wrap()
    crystal.positions = crystal.positions.round(8)  # the precision of extended XYZ files
    calculator = Calculator(model)
    results = {name: calculator.get_property(name, crystal) for name in ("energy", "forces", "stress")}
    crystal.calc = SinglePointCalculator(crystal, **results)
    return crystal


def _crystal(element: str) -> Atoms:
    """The element's reference structure with an orthogonal cell; fcc with touching atoms if there is none."""
    try:
        crystal = bulk(element, orthorhombic=True)
    except (ValueError, RuntimeError, KeyError):
        radius = covalent_radii[atomic_numbers[element]]
        return bulk(element, "fcc", a=float(2 * np.sqrt(2) * radius), cubic=True)
    return crystal
