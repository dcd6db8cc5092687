"""Active learning: copper, from seven crystals to a melt and a surface, with labels of ASE's EMT.

    python examples/active/copper.py [OUTPUT] [--dynamics lammps|ase] [--small]

Each round fits, melts a crystal and heats a surface until the grades of the atoms say that the potential is not to be
trusted, labels a few of the configurations met on the way, and goes on, until both simulations run through. Errors on
an independent test set, which nothing depends on, show what it has come to. Everything goes to OUTPUT (default: copper/
next to this file). For your own calculations replace `label`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk, fcc100, fcc110, fcc111
from ase.calculators.emt import EMT
from dynamics import AseDriver, Driver, Ensemble, LammpsDriver, Simulation, bare, thermostat, warm_up
from rich.console import Console
from rich.progress import track
from rounds import Data, Round, choose, draw_rounds, refit, rounds_table, test_errors, write_rounds

import acegen

HERE = Path(__file__).parent
LATTICE = 3.59
console = Console(markup=False, emoji=False, highlight=False)


def label(atoms: Atoms) -> Atoms:
    """Energy, forces and stress of a configuration: here is where your own calculation goes."""
    labelled = bare(atoms, atoms.info["config_type"])
    labelled.calc = EMT()
    labelled.get_forces()
    labelled.get_stress()
    return labelled


@dataclass(frozen=True)
class Plan:
    """Sizes of everything.

    Attributes:
        melt, surface: the simulations.
        test_steps: steps between two configurations of the test set.
        n_test: configurations of each kind in it.
        rounds: at most.
        budget: labels in a round, at most.
        settings: of the fit.
    """

    melt: Simulation
    surface: Simulation
    test_steps: int
    n_test: int
    rounds: int
    budget: int
    settings: Mapping[str, Any]

    @property
    def simulations(self) -> tuple[Simulation, Simulation]:
        return self.melt, self.surface


def full_plan() -> Plan:
    """108 atoms are melted (a perfect crystal of this size melts above 1800 K) and are liquid at 2000 K for 20 ps."""
    crystal = bulk("Cu", a=LATTICE, cubic=True) * 3
    slab = fcc100("Cu", (3, 3, 6), a=LATTICE, vacuum=6.0, periodic=True)
    melt = Simulation("melt", crystal, "npt", start=300, peak=2300, final=2000, heating=15, holding=20)
    surface = Simulation("surface", slab, "nvt", start=300, peak=1100, final=1100, heating=5, holding=20)
    return Plan(melt, surface, 50, 8, rounds=15, budget=8, settings={"spec": str(HERE / "copper.toml")})


def small_plan() -> Plan:
    """To see whether everything works: 32 atoms, a potential of a few functions, two rounds."""
    crystal = bulk("Cu", a=LATTICE, cubic=True) * 2
    slab = fcc100("Cu", (2, 2, 4), a=LATTICE, vacuum=6.0, periodic=True)
    melt = Simulation("melt", crystal, "npt", start=300, peak=3000, final=2000, heating=0.6, holding=0.4)
    surface = Simulation("surface", slab, "nvt", start=300, peak=1100, final=1100, heating=0.4, holding=0.2)
    spec = {
        "name": "cu",
        "basis": {"elements": ["Cu"], "order": 2, "level": 7},
        "radial": {"cutoff": 4.8},
        "zbl": {"inner": 0.8, "outer": 1.8},
    }
    return Plan(melt, surface, 10, 3, rounds=2, budget=5, settings={"spec": spec, "uncertainty": {"members": 0}})


def first_crystals(rng: np.random.Generator) -> list[Atoms]:
    """Seven fcc crystals of four atoms between -6 and 6 % of the lattice constant, slightly rattled."""
    found = []
    for strain in np.linspace(-0.06, 0.06, 7):
        atoms = bulk("Cu", a=LATTICE * (1 + strain), cubic=True)
        atoms.positions += rng.normal(scale=0.05, size=atoms.positions.shape)
        found.append(bare(atoms, "crystal"))
    return found


def test_set(plan: Plan, seed: int) -> list[Atoms]:
    """Snapshots of EMT's own dynamics: crystals, surfaces of other orientations too, and a melt."""
    rng = np.random.default_rng(seed)
    found = []
    size = max(2, round((len(plan.melt.atoms) / 4) ** (1 / 3)))
    crystals = [
        bulk("Cu", a=LATTICE * (1 + strain), cubic=True) * 2 for strain in rng.uniform(-0.03, 0.03, plan.n_test)
    ]
    found += [snapshot(atoms, "crystal", "nvt", rng.uniform(300, 1000), 4 * plan.test_steps, rng) for atoms in crystals]
    for number in range(plan.n_test):
        make = (fcc100, fcc110, fcc111)[number % 3]
        atoms = make("Cu", (2, 2, 5), a=LATTICE, vacuum=6.0, periodic=True)
        found.append(snapshot(atoms, "surface", "nvt", rng.uniform(800, 1200), 4 * plan.test_steps, rng))
    atoms = bulk("Cu", a=LATTICE * 1.06, cubic=True) * size
    atoms = snapshot(atoms, "melt", "npt", 3000, 10 * plan.test_steps, rng)
    for _ in track(
        range(plan.n_test),
        description="test set: melt",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        atoms = snapshot(atoms, "melt", "npt", 2000, 2 * plan.test_steps, rng)
        found.append(atoms)
    return found


def snapshot(
    atoms: Atoms, kind: str, ensemble: Ensemble, temperature: float, steps: int, rng: np.random.Generator
) -> Atoms:
    """A configuration after some steps of EMT's dynamics."""
    atoms = atoms.copy()
    atoms.calc = EMT()
    warm_up(atoms, 2 * temperature if ensemble == "nvt" else temperature, rng)
    thermostat(atoms, ensemble, temperature, 2.0, rng).run(steps)
    return bare(atoms, kind)


def run_rounds(plan: Plan, driver: Driver, output: Path) -> list[Round]:
    """Fit, simulate, choose and label until all simulations run through, or the rounds are used up.

    Args:
        plan: what to do.
        driver: of the simulations.
        output: a new folder for everything.
    """
    output.mkdir(parents=True)
    data = Data(output / "train.xyz", output / "test.xyz", label)
    ase.io.write(data.test, [label(atoms) for atoms in test_set(plan, 1)], format="extxyz")
    data.add(first_crystals(np.random.default_rng(0)))
    rounds: list[Round] = []
    previous = None
    for number in range(plan.rounds + 1):
        folder = output / f"round_{number}"
        result = refit(plan.settings, data, folder, previous)
        previous = result.directory
        outcomes = tuple(
            driver.run(result.model, simulation, folder / simulation.name, seed=number)
            for simulation in plan.simulations
        )
        finished = all(outcome.finished for outcome in outcomes)
        size = data.size()
        chosen = [] if finished or number == plan.rounds else choose(result, outcomes, plan.budget)
        pool = sum(outcome.count for outcome in outcomes)
        low, high = result.model.grade_thresholds
        rounds.append(Round(number, *size, test_errors(result), (low, high), outcomes, pool, len(chosen)))
        show_round(rounds[-1])
        if not chosen:
            break
        data.add(chosen)
    return rounds


def show_round(entry: Round) -> None:
    """One line."""
    runs = [
        f"{run.simulation} {'ran through' if run.finished else 'stopped'} ({run.picoseconds:.2f} ps, γ {run.grade:.3g})"
        for run in entry.outcomes
    ]
    chosen = f"{entry.chosen} of {entry.pool} chosen"
    console.print(f"round {entry.number}: {entry.configurations} labels; {', '.join(runs)}; {chosen}", soft_wrap=True)


def main() -> None:
    options = parse_arguments()
    output = options.output or HERE / "copper"
    plan = small_plan() if options.small else full_plan()
    if output.exists():
        sys.exit(f"copper.py: {output} exists already. Remove it, or give another folder.")
    driver = AseDriver() if options.dynamics == "ase" else LammpsDriver(output / "exports")
    rounds = run_rounds(plan, driver, output)
    console.print(rounds_table("copper, labels of EMT", rounds))
    if not all(run.finished for run in rounds[-1].outcomes):
        why = "nothing left was worth a label" if len(rounds) <= plan.rounds else f"after {plan.rounds} rounds"
        console.print(f"not every simulation ran through: {why}", soft_wrap=True)
    durations = {simulation.name: simulation.picoseconds for simulation in plan.simulations}
    draw_rounds(rounds, durations, output / "rounds.png")
    write_rounds(rounds, output / "rounds.json")
    console.print(f"{output}: train.xyz, rounds.json, rounds.png, and each round's fit", soft_wrap=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", nargs="?", type=Path, metavar="OUTPUT", help="a new folder (default: copper/ here)")
    parser.add_argument(
        "--dynamics", choices=("lammps", "ase"), default="lammps", help="ase needs no LAMMPS and is slower"
    )
    parser.add_argument("--small", action="store_true", help="a minute, to see whether everything works")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except (acegen.AcegenError, RuntimeError, OSError) as error:
        sys.exit(f"copper.py: {error}")
