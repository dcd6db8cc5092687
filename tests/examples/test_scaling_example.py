"""The example that predicts scaling: its model obeys its laws, its page and command show what it computes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise, product
from math import prod
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from example_models import ROOT

SCALING = ROOT / "examples" / "scaling"
sys.path.insert(0, str(SCALING))

from communication import Costs, Network, efficiency, ghost_slabs, predict, process_grid  # noqa: E402
from costs import CostError, fit_costs, read_costs  # noqa: E402
from predict import two_digits  # noqa: E402

COSTS = Costs(pair=2e-6, list=4e-8, ghost=8e-9, rest=3e-8, fixed=5e-6, builds=0.02, reach=6.5, density=0.05)


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


@pytest.mark.parametrize("processes", [1, 6, 60, 97, 256])
def test_grid_has_the_smallest_surface(processes: int) -> None:
    """Against all ways to divide a box."""
    x, y, z = box = (10.0, 21.0, 33.0)
    numbers = range(1, processes + 1)
    grids = [(i, j, processes // (i * j)) for i, j in product(numbers, numbers) if processes % (i * j) == 0]
    surfaces = [x / i * y / j + y / j * z / k + z / k * x / i for i, j, k in grids]
    i, j, k = process_grid(processes, box)
    assert x / i * y / j + y / j * z / k + z / k * x / i == pytest.approx(min(surfaces))


def test_ghosts_are_those_of_a_lattice() -> None:
    """Atoms of a simple cubic lattice around a sub-domain, counted."""
    reach, edge = 6.5, 20.0
    positions = np.arange(-30, 60) + 0.25  # one atom per Å³
    near = np.count_nonzero((positions > -reach) & (positions < edge + reach))
    own = np.count_nonzero((positions > 0) & (positions < edge))
    found = predict(replace(COSTS, density=1.0, reach=reach), 8 * edge**3, 8)
    assert found.owned == pytest.approx(own**3)
    assert found.ghosts == pytest.approx(near**3 - own**3, rel=0.02)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCALING / "predict.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_page_has_the_predictions() -> None:
    """Every cell of the table, and the efficiencies in the text, are those of the committed costs."""
    page = (SCALING / "README.md").read_text()
    models, _ = read_costs(SCALING / "costs.toml")
    small, large = models.values()
    rows = re.findall(r"^\| 10([⁶-⁹]) \| (.*) \|$", page, re.MULTILINE)
    assert len(rows) == 4
    for power, row in rows:
        atoms = 10 ** "⁰¹²³⁴⁵⁶⁷⁸⁹".index(power)
        for cores, cell in zip((100, 1_000, 10_000, 100_000), row.split(" | "), strict=True):
            speed = 1 / predict(large, atoms, cores).step
            text = two_digits(speed) if speed > 0.1 else f"{speed:.2f}"
            assert cell == f"{text} ({100 * efficiency(large, atoms, cores):.0f} %)"
    shares = [f"{100 * efficiency(small, 1e6, cores):.0f}" for cores in (100, 1_000, 10_000, 100_000)]
    assert f"for 10⁶ atoms {', '.join(shares)} %" in page


@pytest.mark.slow
def test_small_run(tmp_path: Path) -> None:
    """Two systems on three numbers of cores: tables and a picture; a slower network is slower."""
    picture = tmp_path / "picture.png"
    sizes = ("--atoms", "1e5", "1e6", "--cores", "64", "512", "4096")
    result = run(*sizes, "-o", str(picture))
    assert result.returncode == 0, result.stderr
    assert np.ptp(plt.imread(picture)) > 0.5
    assert result.stdout.count("steps per second") == 2

    def speeds(text: str) -> list[float]:
        return [float(value.replace(",", "")) for value in re.findall(r"(\S+) \(\d+ %\)", text)]

    slow = run(*sizes, "-o", str(picture), "--latency", "50", "--bandwidth", "0.5")
    pairs = list(zip(speeds(result.stdout), speeds(slow.stdout), strict=True))
    assert len(pairs) == 12
    assert all(fast > after for fast, after in pairs)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--atoms", "1000", "--cores", "2000"], "--cores 2000: at most 1000"),
        (["--cores", "1.5"], "'1.5' is not a positive whole number"),
        (["--latency", "nan"], "'nan' is not a number of 0 or more"),
        (["--bandwidth", "0"], "--bandwidth must be positive"),
        (["-o", "picture.doc"], "must end in .png, .pdf, .svg"),
        (["/nowhere.toml"], "/nowhere.toml"),
        ([str(SCALING / "README.md")], "README.md is not TOML"),
        ([str(ROOT / "pyproject.toml")], "there is no table [process]"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str) -> None:
    """One line that says what is wrong."""
    result = run(*arguments)
    assert result.returncode != 0
    assert said in result.stderr
    assert "Traceback" not in result.stderr


GIVEN: Mapping[str, Any] = {name: value for name, value in vars(COSTS).items() if name != "pair"}


@pytest.mark.parametrize(
    ("process", "said"),
    [
        ({name: value for name, value in GIVEN.items() if name != "ghost"}, "ghost is missing"),
        ({**GIVEN, "ghosts": 1.0}, "'ghosts', which is unknown"),
        ({**GIVEN, "rest": -1.0}, "rest is -1.0"),
        ({**GIVEN, "fixed": "inf"}, "fixed is inf"),
        ({**GIVEN, "density": 0.0}, "density is 0"),
    ],
)
def test_wrong_costs(process: Mapping[str, Any], said: str, tmp_path: Path) -> None:
    """The number that is wrong, and the file."""
    file = tmp_path / "wrong.toml"
    lines = [f"{name} = {value}" for name, value in process.items()]
    file.write_text("\n".join(["[process]", *lines, "[pair]", "model = 1e-6"]))
    with pytest.raises(CostError, match=f"wrong.toml: .*{re.escape(said)}"):
        read_costs(file)


@pytest.mark.parametrize("text", ["{}", "[]", '{"measurements": {"kernels": {}}}', '{"measurements": {"lammps": {}}}'])
def test_results_without_lammps(text: str, tmp_path: Path) -> None:
    """They say how to measure what is missing."""
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(CostError, match="python -m benchmarks --only lammps"):
        read_costs(file)
