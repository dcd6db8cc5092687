"""Silicon from start to finish: fit to quantum-mechanical data, test, compute properties, plot.

    python examples/silicon/run.py FOLDER [OUTPUT]

FOLDER contains Si_train.xyz and Si_test.xyz (Zuo et al. 2020); si/ is made in OUTPUT (default: fits next to this file).
About five minutes on two cores. Prints the errors of the fit, the lattice and elastic constants, checks of forces and
stress by finite differences, and the energy drift of molecular dynamics at 600 K; draws md.png and phonons.png.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.md.bussi import Bussi
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from ase.phonons import Phonons
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track

import acegen
from acegen.ase import Calculator
from acegen.cli.fit import error_table
from acegen.cli.progress import TerminalProgress
from acegen.fit import all_error_rows, fit

HERE = Path(__file__).parent
PICOSECONDS = 5.0
console = Console(markup=False, emoji=False)


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python examples/silicon/run.py FOLDER [OUTPUT]")
    data = Path(sys.argv[1])
    settings = tomllib.loads((HERE / "fit.toml").read_text())
    settings["output"] = str(Path(sys.argv[2]) if len(sys.argv) == 3 else HERE / settings["output"])
    settings["data"] = {part: str(data / name) for part, name in settings["data"].items()}
    result = fit(settings, TerminalProgress(console))
    console.print(error_table("si", all_error_rows(result)), soft_wrap=True)
    calculator = Calculator(result.model)
    check_derivatives(calculator, ase.io.read(settings["data"]["test"], "-1"))
    crystal = show_elastic_constants(calculator)
    plot_phonons(crystal, calculator, result.directory)
    run_dynamics(crystal, calculator, result.directory)
    console.print(
        f"{result.directory}: the potential, report.md, pictures, md.png, phonons.png", highlight=False, markup=False
    )


def check_derivatives(calculator: Calculator, atoms: Atoms) -> None:
    """Forces and stress against finite differences of the energy."""
    atoms = atoms.copy()
    atoms.calc = calculator
    chosen = [0, len(atoms) // 2]
    forces = calculate_numerical_forces(atoms, eps=1e-4, iatoms=chosen)
    stress = calculate_numerical_stress(atoms, eps=1e-5)
    console.print(
        f"finite differences: forces within {np.abs(atoms.get_forces()[chosen] - forces).max():.1e} eV/Å, "
        f"stress within {np.abs(atoms.get_stress() - stress).max():.1e} eV/Å³",
        highlight=False,
    )


def show_elastic_constants(calculator: Calculator) -> Atoms:
    """Lattice constant from the energy; C11, C12, C44 from the stress of strained crystals, atoms relaxed."""
    constants = np.linspace(5.38, 5.56, 13)
    energies = [potential_energy(bulk("Si", a=a), calculator) for a in constants]
    a, b, c, _ = np.polyfit(constants, energies, 3)
    lattice = float((-b + np.sqrt(b * b - 3 * a * c)) / (3 * a))
    crystal = bulk("Si", a=lattice, cubic=True)
    step = 2e-3
    along = (strained_stress(crystal, calculator, 0, step) - strained_stress(crystal, calculator, 0, -step)) / 2 / step
    shear = (strained_stress(crystal, calculator, 3, step) - strained_stress(crystal, calculator, 3, -step)) / 2 / step
    c11, c12, c44 = along[0] / units.GPa, along[1] / units.GPa, shear[3] / units.GPa
    console.print(
        f"lattice constant {lattice:.4f} Å; C11 {c11:.1f}, C12 {c12:.1f}, C44 {c44:.1f}, bulk modulus "
        f"{(c11 + 2 * c12) / 3:.1f} GPa  (PBE: 5.469; 153, 57, 74, 89)",
        highlight=False,
    )
    return crystal


def potential_energy(atoms: Atoms, calculator: Calculator) -> float:
    atoms.calc = calculator
    return float(atoms.get_potential_energy())


def strained_stress(crystal: Atoms, calculator: Calculator, component: int, strain: float) -> np.ndarray:
    """Stress at a strain in Voigt notation, with the atoms relaxed."""
    atoms = crystal.copy()
    matrix = np.eye(3)
    if component < 3:
        matrix[component, component] += strain
    else:
        matrix[1, 2] = matrix[2, 1] = strain / 2
    atoms.set_cell(atoms.cell.array @ matrix, scale_atoms=True)
    atoms.calc = calculator
    BFGS(atoms, logfile=None).run(fmax=1e-5, steps=200)
    return np.array(atoms.get_stress())


def plot_phonons(crystal: Atoms, calculator: Calculator, folder: Path) -> None:
    """Phonon dispersion by finite displacements."""
    primitive = bulk("Si", a=crystal.cell[0, 0])
    phonons = Phonons(primitive, calculator, supercell=(5, 5, 5), delta=0.02, name=str(folder / "phonons"))
    phonons.run()
    phonons.read(acoustic=True)
    phonons.clean()
    shutil.rmtree(folder / "phonons", ignore_errors=True)
    path = primitive.cell.bandpath("GXWKGL", npoints=120)
    energies = phonons.get_band_structure(path, verbose=False).energies[0]
    positions, ticks, names = path.get_linear_kpoint_axis()
    terahertz = energies / units._hplanck * units._e * 1e-12
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(positions, terahertz, color="#4477aa")
    axes.set(xlim=(0, positions[-1]), ylim=(min(0, terahertz.min()), None), ylabel="frequency, THz")
    axes.set_xticks(ticks, ["Γ" if name == "G" else name for name in names])
    for tick in ticks:
        axes.axvline(tick, color="#bbbbbb", lw=0.7)
    figure.savefig(folder / "phonons.png", dpi=150)
    console.print(f"phonons: {terahertz.min():.2f} to {terahertz.max():.2f} THz  (PBE: 0 to 15.2)", highlight=False)


def run_dynamics(crystal: Atoms, calculator: Calculator, folder: Path) -> None:
    """216 atoms: heated to 600 K, then NVE with steps of 1 fs, in which the total energy must not drift."""
    atoms = crystal * 3
    atoms.calc = calculator
    rng = np.random.default_rng(0)
    thermal = np.sqrt(atoms.get_masses() * units.kB * 1200)  # half of it becomes potential energy
    momenta = thermal[:, None] * rng.normal(size=(len(atoms), 3))
    atoms.set_momenta(momenta - momenta.mean(axis=0))
    Bussi(atoms, units.fs, temperature_K=600, taut=100 * units.fs, rng=rng).run(1000)
    dynamics = VelocityVerlet(atoms, timestep=units.fs)
    energies, temperatures = [], []
    for _ in track(range(round(1000 * PICOSECONDS)), description="NVE at 600 K", console=console, transient=True):
        dynamics.run(1)
        energies.append(1e3 * atoms.get_total_energy() / len(atoms))
        temperatures.append(atoms.get_temperature())
    time = np.arange(1, len(energies) + 1) / 1000
    drift = np.polyfit(time, energies, 1)[0]
    console.print(
        f"NVE, {PICOSECONDS:g} ps at {np.mean(temperatures):.0f} K, steps of 1 fs: drift {drift:+.5f} meV/atom/ps, "
        f"fluctuation {np.std(energies):.4f} meV/atom",
        highlight=False,
    )
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.plot(time, np.array(energies) - np.mean(energies), lw=0.5)
    top.set_ylabel("total energy less its mean,\nmeV/atom")
    bottom.plot(time, temperatures, lw=0.5)
    bottom.set(xlabel="time, ps", ylabel="temperature, K", xlim=(0, time[-1]))
    figure.savefig(folder / "md.png", dpi=150)


if __name__ == "__main__":
    try:
        main()
    except (acegen.AcegenError, OSError) as error:
        sys.exit(f"run.py: {error}")
