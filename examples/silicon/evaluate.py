"""Compile a silicon model and evaluate it.

    python examples/silicon/evaluate.py [STRUCTURES.xyz]

Compiles si_o3d12.toml with the coefficients next to it, evaluates a rattled 64-atom cell, and checks the forces
against finite differences of the energy. With an extended-XYZ file, evaluates every frame and, where the file
has reference energies and forces, prints how far the model is from them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk
from rich.console import Console
from rich.progress import track
from rich.table import Table

import acegen
from acegen.cli.progress import TerminalProgress

HERE = Path(__file__).parent
console = Console()


def main() -> None:
    model = acegen.compile(
        HERE / "si_o3d12.toml",
        HERE.parent.parent / "generated",
        coefficients=HERE / "si_o3d12.coefficients.json",
        progress=TerminalProgress(console),
    )
    console.print(f"\n{model}", highlight=False)
    show_some_labels(model)
    evaluate_cell(model)
    if len(sys.argv) > 1:
        evaluate_file(model, Path(sys.argv[1]))


def show_some_labels(model: acegen.Model) -> None:
    """The first function of each order."""
    seen = set()
    for number, label in enumerate(model.labels("Si")):
        if label.order not in seen:
            seen.add(label.order)
            console.print(f"  function {number:3}: order {label.order}, n = {label.n}, l = {label.l}", highlight=False)


def evaluate_cell(model: acegen.Model) -> None:
    """Energy, forces and descriptors of a rattled diamond cell; forces against finite differences."""
    atoms = bulk("Si", "diamond", a=5.43, cubic=True).repeat(2)
    atoms.rattle(0.1, seed=1)
    result = model.compute(atoms)
    difference = finite_difference_force(model, atoms, atom=3, axis=0)
    console.print(
        f"\n64-atom rattled silicon cell\n"
        f"  energy       {result.energy:12.6f} eV, {result.energy / len(atoms):.6f} eV/atom\n"
        f"  force        {result.forces[3, 0]:12.8f} eV/Å on atom 3 along x\n"
        f"  difference   {difference:12.8f} eV/Å from energies\n"
        f"  net force    {np.abs(result.forces.sum(axis=0)).max():12.1e} eV/Å\n"
        f"  pressure     {np.trace(result.virial) / 3 / atoms.get_volume() * 160.21766:12.4f} GPa\n"
        f"  descriptors  {model.descriptors(atoms).shape}",
        highlight=False,
    )


def finite_difference_force(model: acegen.Model, atoms: Atoms, atom: int, axis: int, step: float = 1e-3) -> float:
    """Minus the fourth-order central difference of the energy."""

    def energy(shift: float) -> float:
        moved = atoms.copy()
        moved.positions[atom, axis] += shift
        return model.compute(moved).energy

    return -(8 * (energy(step) - energy(-step)) - (energy(2 * step) - energy(-2 * step))) / (12 * step)


def evaluate_file(model: acegen.Model, path: Path) -> None:
    """Every frame of a file: time, and differences from the energies and forces in it."""
    frames = ase.io.read(path, ":")
    n_atoms = sum(map(len, frames))
    force_errors: dict[str, list[np.ndarray]] = {}
    energy_errors: dict[str, list[float]] = {}
    seconds = 0.0
    for atoms in track(frames, description=f"evaluating {path.name}", console=console, transient=True):
        start = time.perf_counter()
        result = model.compute(atoms)
        seconds += time.perf_counter() - start
        kind = atoms.info.get("config_type", "all")
        if atoms.calc is not None:
            energy_errors.setdefault(kind, []).append((result.energy - atoms.get_potential_energy()) / len(atoms))
            force_errors.setdefault(kind, []).append((result.forces - atoms.get_forces()).ravel())
    console.print(
        f"\n{path.name}: {len(frames)} structures, {n_atoms} atoms, {1e6 * seconds / n_atoms:.1f} µs per atom "
        "with neighbour lists",
        highlight=False,
    )
    if not force_errors:
        return
    # The coefficients know energies up to a constant per atom only: it is taken out of the comparison.
    offset = np.mean([error for errors in energy_errors.values() for error in errors])
    table = Table(title="mean absolute difference from the reference in the file")
    table.add_column("configurations")
    table.add_column("energy, meV/atom", justify="right")
    table.add_column("force, eV/Å", justify="right")
    table.add_column("force RMSE", justify="right")
    for kind in sorted(force_errors):
        forces = np.concatenate(force_errors[kind])
        energies = 1e3 * np.abs(np.array(energy_errors[kind]) - offset).mean()
        table.add_row(kind, f"{energies:.2f}", f"{np.abs(forces).mean():.3f}", f"{np.sqrt((forces**2).mean()):.3f}")
    console.print(table)


if __name__ == "__main__":
    try:
        main()
    except (acegen.AcegenError, OSError) as error:
        sys.exit(f"evaluate.py: {error}")
