"""Exports of models made from potential files: the interface without a basis is all they need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase.io import read
from export_cases import available, build, shell

import acegen
from acegen.export import export_model

Models = Callable[[str], acegen.Model]


def test_c_examples_give_the_labels(models: Models, tmp_path: Path) -> None:
    """Programs in C, C++ and Fortran give what Python gave, in each language there is a compiler for."""
    model = models("file")
    folder = export_model(model.path, "c", tmp_path)
    atoms = read(folder / "example.xyz")
    expected = model.compute(atoms)
    for example in available():
        _, printed, _ = shell([build(folder, example), "example.xyz"], folder)
        lines = [line.split() for line in printed.splitlines()]
        forces = np.array([[float(word) for word in words[3:]] for words in lines if words[0] == "force"])
        np.testing.assert_allclose(forces, expected.forces, rtol=0, atol=1e-6 * np.abs(expected.forces).max())
        energy = next(float(words[1]) for words in lines if words[0] == "energy")
        assert energy == pytest.approx(expected.energy, rel=1e-7)


@pytest.mark.parametrize("target", ["c", "lammps", "kim"])
def test_readme_says_what_the_model_came_from(models: Models, target: str, tmp_path: Path) -> None:
    """The number of functions and the file, instead of basis functions; no document of the module is needed."""
    folder = export_model(models("file").path, target, tmp_path)
    text = (folder / "README.md").read_text()
    assert "16 functions from a potential in memory" in " ".join(text.split())
    assert "basis functions" not in text
    assert {path.suffix for path in (folder / "kernel").iterdir()} == {".c", ".h"}
