"""Examples and the README's code run as they stand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from conftest import DATA, ROOT

import acegen


def test_silicon_example(tmp_path: Path) -> None:
    """Compiles, evaluates a cell, and, given the data, every frame of the published test set."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    data = DATA / "zuo2020" / "Si_test.xyz"
    arguments = [str(data)] if data.exists() else []
    result = subprocess.run(
        [sys.executable, "examples/silicon/evaluate.py", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    force = float(re.search(r"force +(\S+) eV/Å on", result.stdout).group(1))  # type: ignore[union-attr]
    difference = float(re.search(r"difference +(\S+) eV/Å from", result.stdout).group(1))  # type: ignore[union-attr]
    assert force == pytest.approx(difference, abs=2e-8)
    assert (tmp_path / "generated" / "si_o3d12" / "si_o3d12_potential.c").exists()
    if arguments:
        assert "25 structures, 1525 atoms" in result.stdout
        assert "Vacancy" in result.stdout


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


def test_readme_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's spec, and each of its Python blocks, in order."""
    text = (ROOT / "README.md").read_text()
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text(re.search(r"```toml\n(.*?)```", text, re.DOTALL).group(1))  # type: ignore[union-attr]
    model = acegen.compile("spec.toml")
    names = {
        "atoms": bulk("Si", cubic=True),
        "structures": [bulk("Si", cubic=True), bulk("Si")],
        "c": np.ones(model.n_basis),
        "numbers": ["Si", "Si"],
        "displacements": [[0, 0, 2.3], [2.1, 0, 0.9]],
    }
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 5
    for block in blocks:
        exec(block, names)
    assert Path("si.json").exists()
    assert acegen.compile("spec.toml", coefficients="si.json").has_potential
