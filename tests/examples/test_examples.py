"""Examples run as they stand."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from ase.build import bulk
from example_models import ROOT
from kim_tools import WHY_NOT, lammps_program, require
from lammps_tools import needs_lammps

import acegen
from acegen.ase import Calculator


@pytest.mark.slow
def test_quickstart(tmp_path: Path) -> None:
    """The README's first command, as it stands: a good fit, a potential, energy-conserving dynamics."""
    folder = tmp_path / "quickstart"
    shutil.copytree(ROOT / "examples" / "quickstart", folder, ignore=shutil.ignore_patterns("data", "fits"))
    command = [sys.executable, str(folder / "run.py")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads((folder / "fits" / "cu_quickstart" / "report.json").read_text())
    errors = {row["part"]: row for row in report["errors"] if row["config_type"] == "all"}
    assert errors["test"]["energy"]["mae"] < 0.003
    assert errors["test"]["forces"]["mae"] < 0.1
    drift = float(re.search(r"drift (\S+) meV/atom/ps", result.stdout).group(1))  # type: ignore[union-attr]
    assert abs(drift) < 0.05
    lattices = [float(text) for text in re.findall(r"lattice constant (\S+) Å", result.stdout)]
    assert lattices[0] == pytest.approx(lattices[1], abs=0.01)


def silicon_example(name: str) -> Any:
    """A program of the silicon example as a module."""
    spec = importlib.util.spec_from_file_location(f"silicon_{name}", ROOT / "examples" / "silicon" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = example  # where its dataclasses look for their module
    spec.loader.exec_module(example)
    return example


def test_silicon_properties(tmp_path: Path, fitted_silicon: acegen.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the silicon example computes after its fit, with the small committed potential."""
    example = silicon_example("run")
    lines: list[str] = []
    monkeypatch.setattr(example.console, "print", lambda *text, **_: lines.extend(map(str, text)))
    monkeypatch.setattr(example, "PICOSECONDS", 0.2)
    calculator = Calculator(fitted_silicon)
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=3)
    example.check_derivatives(calculator, atoms)
    crystal = example.show_elastic_constants(calculator)
    example.plot_phonons(crystal, calculator, tmp_path)
    example.run_dynamics(crystal, calculator, tmp_path)
    for file in ("phonons.png", "md.png"):
        assert np.ptp(plt.imread(tmp_path / file)) > 0.5
    forces, stress = (float(x) for x in re.findall(r"within (\S+) eV", lines[0]))
    assert forces < 1e-6
    assert stress < 1e-6
    c11, c12, c44 = (float(re.search(rf"{name} (\S+)[,;]", lines[1]).group(1)) for name in ("C11", "C12", "C44"))  # type: ignore[union-attr]
    assert c11 > c12 > 0
    assert c44 > 0


@pytest.mark.slow
@needs_lammps
def test_silicon_simulators(tmp_path: Path, fitted_silicon: acegen.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short simulations in LAMMPS by plugin and KIM, on one and two processes: the same results everywhere."""
    example, run = silicon_example("simulators"), silicon_example("run")
    rows = example.run_all(fitted_silicon.path, tmp_path, example.SHORT)
    assert [row["procs"] for row in rows[:2]] == ["1", "2"]
    kim = not any(WHY_NOT[tool]() for tool in ("kim", "lammps", "mpirun")) and example.MPIRUN.exists()
    assert len(rows) == (4 if kim and lammps_program() == Path("/usr/bin/lmp") else 2)
    for name in ("a, 0 K", "a, 600 K", "C11", "C12", "C44"):
        values = [float(row[name]) for row in rows]
        assert max(values) - min(values) <= 1e-4 * values[0], name
    lines: list[str] = []
    monkeypatch.setattr(run.console, "print", lambda *text, **_: lines.extend(map(str, text)))
    run.show_elastic_constants(Calculator(fitted_silicon))
    for name in ("C11", "C12", "C44"):
        from_ase = float(re.search(rf"{name} (\S+)[,;]", lines[0]).group(1))  # type: ignore[union-attr]
        assert float(rows[0][name]) == pytest.approx(from_ase, rel=0.01)
    assert np.ptp(plt.imread(tmp_path / "rdf.png")) > 0.5


def test_silicon_without_mpirun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KIM is left out, with the reason, where the system's LAMMPS has no mpirun."""
    require("lammps")
    example = silicon_example("simulators")
    lines: list[str] = []
    monkeypatch.setattr(example.console, "print", lambda *text, **_: lines.extend(map(str, text)))
    monkeypatch.setattr(example, "MPIRUN", tmp_path / "mpirun")
    assert example.find_kim(tmp_path, tmp_path) is None
    assert lines[0].startswith("no KIM: ")


def test_silicon_coefficients_are_physical(tmp_path: Path) -> None:
    """The committed coefficients bind diamond silicon at its lattice constant, as stiff as a small fit can."""
    folder = ROOT / "examples" / "silicon"
    model = acegen.compile(folder / "si_o3d12.toml", tmp_path, folder / "si_o3d12.coefficients.json")
    constants = np.linspace(5.35, 5.60, 11)
    energies = [model.compute(bulk("Si", "diamond", a=a)).energy for a in constants]
    curvature, slope, _ = np.polyfit(constants, energies, 2)
    lattice = -slope / (2 * curvature)
    modulus = 2 * curvature / (9 / 4 * lattice) * 160.21766  # V = a³/4: B = V d²E/dV² = 4/(9a) d²E/da²
    assert lattice == pytest.approx(5.469, abs=0.02)  # PBE, the reference of the data: 5.469 Å
    assert 60 < modulus < 130  # PBE: 89 GPa; this fit: 115
