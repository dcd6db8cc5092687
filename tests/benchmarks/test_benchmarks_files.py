"""The benchmark of potential files, with a program in the place of ML-PACE's evaluator."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from random_yace import random_potential

from acegen.yace.writing import potential_text
from benchmarks.files import crystal

_EVALUATOR = """#!/bin/sh
test -s "$2" || exit 1
case "$1" in
*.yaml) echo "this is no .yace file" >&2; exit 1 ;;
esac
echo "product us/atom: median 999"
echo "recursive us/atom: median 123.0"
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "files", "--output", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_files_are_timed_against_the_evaluator(tmp_path: Path) -> None:
    """What it prints for its recursive form is what counts; a file it refuses is timed by itself."""
    potential = potential_text(random_potential(np.random.default_rng(1)))
    for name in ("one.yace", "two.yaml"):
        (tmp_path / name).write_text(potential)
    evaluator = tmp_path / "evaluator"
    evaluator.write_text(_EVALUATOR)
    evaluator.chmod(0o755)
    files = f"{tmp_path / 'one.yace'},{tmp_path / 'two.yaml'}"
    result = run(tmp_path / "out", "--potentials", files, "--pace", str(evaluator))
    assert result.returncode == 0, result.stderr
    one, two = json.loads((tmp_path / "out" / "results.json").read_text())["measurements"]["files"]["files"]
    own = one["us_per_atom"]["acegen"]["median"]
    assert one["us_per_atom"]["ML-PACE"]["median"] == 123.0
    assert 123.0 / one["over_acegen"]["ML-PACE"]["median"] == pytest.approx(own, rel=0.5)
    assert two["us_per_atom"].keys() == {"acegen"}
    assert two["over_acegen"] == {}
    assert "one.yace" in (tmp_path / "out" / "report.md").read_text()


def test_without_files_there_is_a_note(tmp_path: Path) -> None:
    """And with files that are not there, a message."""
    result = run(tmp_path)
    assert result.returncode == 0
    assert "--potentials" in (tmp_path / "report.md").read_text()
    result = run(tmp_path, "--potentials", "/nowhere.yace")
    assert result.returncode == 2
    assert "no potential file /nowhere.yace" in result.stderr


def test_crystals_hold_all_elements() -> None:
    """About as dense as the elements are: nearest neighbours at twice the covalent radius."""
    atoms = crystal(("Cu", "Zr", "Al"), cells=3)
    assert set(atoms.get_chemical_symbols()) == {"Cu", "Zr", "Al"}
    distances = atoms.get_all_distances(mic=True)
    nearest = np.sort(distances + 100 * np.eye(len(atoms)), axis=1)[:, 0].mean()
    assert 2.2 < nearest < 3.0
