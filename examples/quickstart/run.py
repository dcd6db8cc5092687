"""From data to molecular dynamics: label, fit, compare, run, plot. Needs no download.

    python examples/quickstart/run.py

Everything it makes is in examples/quickstart/data and examples/quickstart/fits.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet
from data import LATTICE, write_data
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track

import acegen
from acegen.ase import Calculator
from acegen.cli.fit import error_table
from acegen.cli.progress import TerminalProgress
from acegen.fit import all_error_rows, fit

HERE = Path(__file__).parent
STEPS = 1000
console = Console(markup=False, emoji=False)


def main() -> None:
    if not (HERE / "data" / "test.xyz").exists():
        write_data(HERE / "data")
    result = fit(HERE / "fit.toml", TerminalProgress(console))
    console.print(error_table("errors", all_error_rows(result)), soft_wrap=True)
    compare_lattices(result.model)
    run_dynamics(result.model, result.directory)


def compare_lattices(model: acegen.Model) -> None:
    """Lattice constant and bulk modulus of the fit, and of the potential that made the labels."""
    constants = LATTICE * np.linspace(0.98, 1.02, 9)
    for name, calc in (("fit", Calculator(model)), ("EMT", EMT())):
        energies = []
        for a in constants:
            atoms = bulk("Cu", a=a)
            atoms.calc = calc
            energies.append(atoms.get_potential_energy())
        curvature, slope, _ = np.polyfit(constants, energies, 2)
        lattice = -slope / (2 * curvature)
        modulus = 8 * curvature / (9 * lattice) / units.GPa  # V = a³/4, B = V d²E/dV²
        console.print(f"  {name:8} lattice constant {lattice:.4f} Å, bulk modulus {modulus:.1f} GPa", highlight=False)


def run_dynamics(model: acegen.Model, folder: Path) -> None:
    """NVE of 256 atoms at 600 K with steps of 1 fs, in which the total energy must not drift."""
    atoms = bulk("Cu", a=LATTICE, cubic=True) * 4
    atoms.calc = Calculator(model)
    rng = np.random.default_rng(0)
    thermal = np.sqrt(atoms.get_masses() * units.kB * 1200)  # half of it becomes potential energy
    momenta = thermal[:, None] * rng.normal(size=(len(atoms), 3))
    atoms.set_momenta(momenta - momenta.mean(axis=0))
    dynamics = VelocityVerlet(atoms, timestep=1 * units.fs)
    energies, temperatures = [], []
    for _ in track(range(STEPS), description="NVE", console=console, transient=True):
        dynamics.run(1)
        energies.append(atoms.get_total_energy() / len(atoms))
        temperatures.append(atoms.get_temperature())
    picoseconds = np.arange(1, STEPS + 1) / 1000
    drift = np.polyfit(picoseconds, energies, 1)[0]
    console.print(
        f"  NVE      {STEPS} steps of 1 fs at {np.mean(temperatures[STEPS // 2 :]):.0f} K: drift "
        f"{1e3 * drift:+.4f} meV/atom/ps, {atoms.calc.rebuilds} neighbour lists",
        highlight=False,
    )
    figure = Figure(figsize=(6, 4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.plot(picoseconds, 1e3 * (np.array(energies) - energies[0]))
    top.set_ylabel("total energy, meV/atom\n(change)")
    bottom.plot(picoseconds, temperatures)
    bottom.set(xlabel="time, ps", ylabel="temperature, K")
    figure.savefig(folder / "nve.png", dpi=150)
    console.print(f"  {folder}: the potential, report.md, pictures, nve.png", highlight=False)


if __name__ == "__main__":
    try:
        main()
    except (acegen.AcegenError, OSError) as error:
        sys.exit(f"run.py: {error}")
