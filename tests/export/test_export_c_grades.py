"""The export to C: grades and the committee in its examples."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read, write
from export_cases import EXAMPLES, build, shell
from uncertain_models import uncertain_model

import acegen
from acegen.export import export_model
from acegen.options import BuildOptions

Export = tuple[acegen.Model, Path]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A model of two elements with grades and a committee, and its export."""
    folder = tmp_path_factory.mktemp("graded")
    model, _ = uncertain_model(folder, options=BuildOptions(backend="plain"))
    return model, export_model(model.path, "c", folder / "out")


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_agree_with_python(export: Export, example: str, tmp_path: Path) -> None:
    """The largest grade, its atom, the deviation of the energy and its interval, of structures of several sizes."""
    model, folder = export
    rng = np.random.default_rng(5)
    frames = [read(folder / "example.xyz")]
    for size in (1, 2):
        frames.append(bulk("Si", cubic=True) * (size, 1, 1))
        frames[-1].symbols = rng.permutation(np.resize(model.elements, len(frames[-1])))
        frames[-1].positions += rng.normal(scale=0.1, size=frames[-1].positions.shape).round(6)
    file = tmp_path / "frames.xyz"
    for atoms in frames:
        atoms.calc = None
        atoms.positions = atoms.positions.round(8)
        write(file, atoms, format="extxyz", append=True)
    output = shell([build(folder, example), file], folder)[1]
    found = re.findall(
        r"^grade (\S+) atom (\d+), leverage; thresholds 40 and 60\ndeviation (\S+), 90 % within (\S+)$",
        output,
        re.MULTILINE,
    )
    assert len(found) == len(frames)
    for atoms, (grade, atom, deviation, within) in zip(frames, found, strict=True):
        expected = model.grades(atoms)
        assert float(grade) == pytest.approx(expected.max(), rel=1e-10)
        assert int(atom) == expected.argmax() + 1
        errors = model.uncertainties(atoms)
        assert float(deviation) == pytest.approx(errors.energy, rel=1e-10)
        assert float(within) == pytest.approx(errors.intervals[0.9].energy, rel=1e-10)


def test_readme_says_what_the_example_prints(export: Export) -> None:
    """The values of Python for example.xyz."""
    model, folder = export
    text = " ".join((folder / "README.md").read_text().split())
    atoms = read(folder / "example.xyz")
    grades = model.grades(atoms)
    assert f"Python says grade {grades.max():.10g}, atom {grades.argmax() + 1}, and" in text
    assert f"and {model.uncertainties(atoms).energy:.10g} eV." in text
    assert "Its committee of 8 gives standard deviations" in text


def test_models_without(tmp_path: Path, small_spec: dict[str, object]) -> None:
    """Nothing is printed, and the README says how to come by both."""
    bare = acegen.compile(small_spec, tmp_path)
    model = acegen.compile(small_spec, tmp_path, {"Si": np.ones(bare.n_basis)})
    folder = export_model(model.path, "c", tmp_path / "out")
    for example in EXAMPLES:
        output = shell([build(folder, example), "example.xyz"], folder)[1]
        assert not re.search("^(grade|deviation) ", output, re.MULTILINE)
    assert "This model has neither grades nor a committee" in (folder / "README.md").read_text()
