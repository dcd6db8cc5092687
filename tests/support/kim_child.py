"""Run by the tests in a process of its own: structures through KIM, by ASE's calculator or by a small simulator.

    python kim_child.py JOB RESULT

JOB and RESULT are pickles: a dictionary as `kim_tools.Item.evaluate` writes it, and a list with a dictionary of results
or the text of an error, for each structure. KIM leaves kim.log in the current folder.
"""

from __future__ import annotations

import itertools
import pickle
import sys
from pathlib import Path
from typing import Any

import kimpy
import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

Results = dict[str, Any]
Floats = NDArray[np.float64]

LENGTHS = {"A": 1.0, "Bohr": units.Bohr, "nm": units.nm, "cm": 1e8, "m": units.m, "unused": 1.0}
ENERGIES = {
    "eV": 1.0,
    "Hartree": units.Hartree,
    "kcal_mol": units.kcal / units.mol,
    "J": units.J,
    "erg": 1e-7 * units.J,
    "unused": 1.0,
}
"""KIM's units in Å and eV, from ASE's constants (CODATA 2014, as KIM's are close to)."""


def ghosts(atoms: Atoms, reach: float) -> tuple[Floats, NDArray[np.int64]]:
    """Positions of all atoms and of their periodic images within `reach` of the atoms, and whose images they are."""
    cell = atoms.cell.array
    counts = [0, 0, 0]
    if atoms.pbc.any():
        heights = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.complete().array), axis=0)
        extent = np.ptp(atoms.get_scaled_positions(wrap=False), axis=0)
        counts = [int(np.ceil(reach / h + e)) if p else 0 for h, e, p in zip(heights, extent, atoms.pbc, strict=True)]
    positions, owners = [atoms.positions], [np.arange(len(atoms))]
    low, high = atoms.positions.min(axis=0) - reach, atoms.positions.max(axis=0) + reach
    for shift in itertools.product(*(range(-n, n + 1) for n in counts)):
        if any(shift):
            image = atoms.positions + np.array(shift) @ cell
            near = ((image >= low) & (image <= high)).all(axis=1)
            positions.append(image[near])
            owners.append(np.flatnonzero(near))
    return np.concatenate(positions), np.concatenate(owners)


class Simulator:
    """A KIM model with units of our choice."""

    def __init__(self, name: str, length: str, energy: str) -> None:
        accepted, self.model = kimpy.model.create(
            kimpy.numbering.zeroBased,
            getattr(kimpy.length_unit, length),
            getattr(kimpy.energy_unit, energy),
            kimpy.charge_unit.e,
            kimpy.temperature_unit.K,
            kimpy.time_unit.ps,
            name,
        )
        if not accepted:
            raise RuntimeError("units not accepted")
        self.length, self.energy = LENGTHS[length], ENERGIES[energy]

    def code(self, symbol: str) -> int:
        """The model's number of an element."""
        supported, code = self.model.get_species_support_and_code(getattr(kimpy.species_name, symbol))
        if not supported:
            raise RuntimeError(f"{symbol} is not supported")
        return int(code)

    def compute(self, atoms: Atoms, skin: float, outputs: list[str]) -> Results:
        """The outputs asked for (names of KIM), in Å and eV, forces of images added to those of their atoms."""
        influence = self.model.get_influence_distance()
        reach = influence * self.length + skin
        positions, owner = ghosts(atoms, reach)
        n = len(positions)
        codes = {symbol: self.code(symbol) for symbol in set(atoms.get_chemical_symbols())}
        arrays = {
            "numberOfParticles": np.array([n], dtype=np.intc),
            "particleSpeciesCodes": np.array([codes[atoms[i].symbol] for i in owner], dtype=np.intc),
            "particleContributing": np.concatenate([np.ones(len(atoms)), np.zeros(n - len(atoms))]).astype(np.intc),
            "coordinates": positions / self.length,
        }
        shapes = {
            "partialEnergy": (1,),
            "partialForces": (n, 3),
            "partialParticleEnergy": (n,),
            "partialVirial": (6,),
            "partialParticleVirial": (n, 6),
        }
        arrays |= {name: np.full(shapes[name], np.nan) for name in outputs}
        arguments = self.model.compute_arguments_create()
        for name, array in arrays.items():
            arguments.set_argument_pointer(getattr(kimpy.compute_argument_name, name), array)
        lists = kimpy.neighlist.NeighList()
        # kimpy's lists cannot have lengths as small as in meters, and must not be shorter than the model's cutoff
        scale = max(1.0, 1 / self.length)
        cutoffs = np.array([reach * scale])
        # an atom with a non-finite position is in no list, and kimpy cannot handle it
        listed = np.where(np.isfinite(positions), positions, 1000.0)
        lists.build(listed * scale, float(cutoffs[0]), cutoffs, arrays["particleContributing"])
        arguments.set_callback_pointer(
            kimpy.compute_callback_name.GetNeighborList, kimpy.neighlist.get_neigh_kim(), lists
        )
        self.model.compute(arguments, release_GIL=True)
        results: Results = {"influence": influence * self.length}
        for name in outputs:
            unit = self.energy / (self.length if name == "partialForces" else 1.0)
            value = arrays[name] * unit
            if name == "partialForces":
                value = np.stack([np.bincount(owner, column, minlength=len(atoms)) for column in value.T], axis=1)
            elif name.startswith("partialParticle"):
                assert not value[len(atoms) :].any(), "particles that do not contribute have a share"
                value = value[: len(atoms)]
            results[name] = value
        return results


def through_ase(name: str, structures: list[Atoms]) -> list[Results]:
    """Energy, forces and stress by ASE's calculator."""
    from ase.calculators.kim import KIM

    results = []
    for atoms in structures:
        atoms.wrap()
        atoms.calc = KIM(name)
        values = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        if atoms.pbc.all():
            values["stress"] = atoms.get_stress()
        results.append(values)
    return results


def main() -> None:
    """Do a job."""
    job = pickle.loads(Path(sys.argv[1]).read_bytes())
    results: list[Results | str]
    if job["simulator"] == "ase":
        results = [*through_ase(job["name"], job["structures"])]
    else:
        results = []
        try:
            simulator = Simulator(job["name"], job["length"], job["energy"])
        except Exception as error:
            results = [f"{error}"] * len(job["structures"])
        else:
            for atoms in job["structures"]:
                try:
                    results.append(simulator.compute(atoms, job["skin"], job["outputs"]))
                except Exception as error:
                    results.append(f"{error}")
    Path(sys.argv[2]).write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    main()
