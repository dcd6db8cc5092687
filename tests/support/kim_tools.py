"""Tools of the KIM tests: what they need, KIM items built from exports, and simulators to run them in."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import NDArray

import acegen
from acegen.export import export_model

Floats = NDArray[np.float64]

KIM = "kim-api-collections-management"
EXAMPLES = Path("/usr/share/doc/libkim-api-dev/examples/simulators")
ALL_OUTPUTS = ("partialEnergy", "partialForces", "partialParticleEnergy", "partialVirial", "partialParticleVirial")
BAR = 1.6021765e6
"""eV/Å^3 in bar, as LAMMPS of 2021 has it (nktv2p of units metal)."""

FROM_LAMMPS = [0, 1, 2, 5, 4, 3]
"""LAMMPS orders tensors xx, yy, zz, xy, xz, yz; KIM and ASE have yz, xz, xy."""


def lammps_program() -> Path | None:
    """A LAMMPS with KIM: Debian's, whatever comes first in the PATH."""
    for program in ("/usr/bin/lmp", shutil.which("lmp")):
        if program and Path(program).exists() and _knows_kim(program):
            return Path(program)
    return None


@cache
def _knows_kim(program: str) -> bool:
    try:
        text = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=60, check=False).stdout
    except OSError:
        return False
    return re.search(r"^kim\b|\skim\s", text, re.MULTILINE) is not None


def mpirun_program() -> list[str] | None:
    """OpenMPI's mpirun, which Debian's LAMMPS is linked to; with what it asks for in a container."""
    for program in ("/usr/bin/mpirun", shutil.which("mpirun")):
        if program and Path(program).exists():
            text = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
            if "Open MPI" in text:
                return [program, "--oversubscribe", *(["--allow-run-as-root"] if os.geteuid() == 0 else [])]
    return None


WHY_NOT: dict[str, Callable[[], str | None]] = {
    "kim": lambda: (
        None if shutil.which(KIM) and shutil.which("cmake") else "the KIM API or CMake (libkim-api-dev, cmake)"
    ),
    "lammps": lambda: None if lammps_program() else "a LAMMPS with KIM (Debian: lammps)",
    "mpirun": lambda: None if mpirun_program() else "OpenMPI's mpirun (Debian: openmpi-bin)",
    "kimpy": lambda: None if find_spec("kimpy") else "the Python package kimpy",
    "gfortran": lambda: None if shutil.which("gfortran") else "gfortran",
    "examples": lambda: None if EXAMPLES.exists() else "KIM's examples (Debian: libkim-api-doc)",
    "pkg-config": lambda: None if shutil.which("pkg-config") else "pkg-config",
    "valgrind": lambda: None if shutil.which("valgrind") else "valgrind",
}
"""What a test may need, and what to say if it is not there."""


def require(*tools: str) -> None:
    """Skip the test if one of the tools is missing, and say which."""
    missing = [reason for tool in tools if (reason := WHY_NOT[tool]())]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def run(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], stdin: str = "", timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a program, with its output in one text."""
    return subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )


@dataclass(frozen=True)
class Item:
    """A model installed into a KIM collection of its own.

    Attributes:
        name: of the model.
        folder: where programs run, so that kim.log is written there.
        environment: variables by which KIM finds it.
        export: folder of the export it was built from.
    """

    name: str
    folder: Path
    environment: dict[str, str]
    export: Path

    def run(self, command: Sequence[str | Path], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program that can find the item; kim.log is that of this run."""
        (self.folder / "kim.log").unlink(missing_ok=True)
        return run(command, self.folder, self.environment, stdin)

    def errors(self) -> str:
        """The errors in kim.log."""
        log = self.folder / "kim.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        return "\n".join(line for line in lines if " * error * " in line)

    def evaluate(
        self,
        structures: Sequence[Atoms],
        *,
        simulator: str = "kimpy",
        length: str = "A",
        energy: str = "eV",
        skin: float = 0.7,
        outputs: Sequence[str] = ALL_OUTPUTS,
    ) -> list[Any]:
        """Structures through kimpy, or through ASE's calculator, in one process; an error is its text."""
        job, result = self.folder / "job.pickle", self.folder / "result.pickle"
        result.unlink(missing_ok=True)
        what = {"name": self.name, "simulator": simulator, "structures": [atoms.copy() for atoms in structures]}
        what |= {"length": length, "energy": energy, "skin": skin, "outputs": list(outputs)}
        job.write_bytes(pickle.dumps(what))
        done = self.run([sys.executable, Path(__file__).with_name("kim_child.py"), job, result])
        assert done.returncode == 0, f"{done.stdout}\n{self.errors()}"
        return list(pickle.loads(result.read_bytes()))

    def lammps(self, script: str, processes: int = 1) -> subprocess.CompletedProcess[str]:
        """Run LAMMPS with an input script."""
        (self.folder / "in.test").write_text(script)
        program = lammps_program()
        assert program is not None
        parallel = [] if processes == 1 else [*(mpirun_program() or []), "-n", str(processes)]
        return self.run([*parallel, program, "-in", "in.test", "-log", "log.test"])


def build(model: acegen.Model, folder: Path) -> Item:
    """Export a model, and build and install it as a user would: `make`."""
    export = export_model(model.path, "kim", folder)
    done = run(["make", "-C", export], folder, {"CM_VERBOSE": "1"})
    assert done.returncode == 0, done.stdout
    assert "warning:" not in done.stdout, done.stdout
    return Item(model.name, _made(folder / "run"), collection(export / "build" / "collections"), export)


def collection(folder: Path) -> dict[str, str]:
    """The variables that make KIM use a folder of collections and nothing else."""
    for kind in ("model-drivers", "portable-models", "simulator-models"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    config = folder.parent / "kim-api.cfg"
    if not config.exists():
        kinds = ("model-drivers", "portable-models", "simulator-models")
        config.write_text("".join(f"{kind}-dir = {folder / kind}\n" for kind in kinds))
    return {
        "KIM_API_CONFIGURATION_FILE": str(config),
        "KIM_API_MODEL_DRIVERS_DIR": str(folder / "model-drivers"),
        "KIM_API_PORTABLE_MODELS_DIR": str(folder / "portable-models"),
        "KIM_API_SIMULATOR_MODELS_DIR": str(folder / "simulator-models"),
    }


class Breaker:
    """Makes deliberately wrong items: the export with a text replaced; only changed files are recompiled."""

    def __init__(self, item: Item, folder: Path) -> None:
        self._item = item
        self._folder = folder
        self._source = folder / "source"
        self._count = 0
        shutil.copytree(item.export, self._source, ignore=shutil.ignore_patterns("build"))

    def broken(self, file: str, old: str, new: str) -> Item:
        """The item with `old` in a file replaced by `new`."""
        path = self._source / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        try:
            library = self._build()
        finally:
            path.write_text(text, encoding="utf-8")
        self._count += 1
        own = self._folder / str(self._count)
        environment = collection(own / "collections")
        target = own / "collections" / "portable-models" / self._item.name
        target.mkdir()
        shutil.copy(library, target)
        return Item(self._item.name, _made(own / "run"), environment, self._source)

    def _build(self) -> Path:
        build = self._folder / "build"
        for command in (["cmake", "-S", self._source, "-B", build], ["cmake", "--build", build]):
            done = run(command, self._folder, {})
            assert done.returncode == 0, done.stdout
        return build / "libkim-api-portable-model.so"


def lammps_data(atoms: Atoms, elements: Sequence[str], path: Path) -> None:
    """A LAMMPS data file with all digits; the cell must be lower triangular, as LAMMPS has it."""
    cell = atoms.cell.array
    assert np.array_equal(cell, np.tril(cell))
    blocks = [
        ["# made by a test"],
        [f"{len(atoms)} atoms", f"{len(elements)} atom types"],
        [f"0 {float(cell[i, i])!r} {axis}lo {axis}hi" for i, axis in enumerate("xyz")],
        [" ".join(repr(float(tilt)) for tilt in (cell[1, 0], cell[2, 0], cell[2, 1])) + " xy xz yz"],
        ["Masses"],
        [f"{i + 1} {atomic_masses[atomic_numbers[symbol]]}" for i, symbol in enumerate(elements)],
        ["Atoms # atomic"],
        [
            f"{i + 1} {list(elements).index(atom.symbol) + 1} " + " ".join(repr(float(x)) for x in atom.position)
            for i, atom in enumerate(atoms)
        ],
    ]
    path.write_text("\n\n".join("\n".join(block) for block in blocks) + "\n")


def difference(value: object, expected: object) -> float:
    """Largest difference, relative to the largest value expected; infinite if one is not a number."""
    array = np.asarray(expected, dtype=float)
    largest = float(np.abs(np.asarray(value, dtype=float) - array).max() / np.abs(array).max())
    return np.inf if np.isnan(largest) else largest


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
