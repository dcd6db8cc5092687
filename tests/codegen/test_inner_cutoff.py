"""The inner cutoff: the fitted part is switched off where neighbours are too close."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from example_models import TWO, random_coefficients
from test_module import GENERIC, c_example

import acegen
from acegen.build import module as build_module
from acegen.cli.main import main
from acegen.codegen.module import GeneratedCode
from acegen.errors import SpecError
from acegen.options import BuildOptions
from acegen.spec import load_spec
from acegen.verify import verify_module

ONE: dict[str, Any] = {
    "name": "inner_one",
    "basis": {"elements": ["Si"], "order": 2, "level": 5},
    "radial": {"cutoff": 4.5},
    "inner_cutoff": {"inner": 1.5, "outer": 2.0},
}


def without(spec: dict[str, Any]) -> dict[str, Any]:
    return {**{k: v for k, v in spec.items() if k != "inner_cutoff"}, "name": f"{spec['name']}_bare"}


def potential(spec: dict[str, Any], folder: Path, options: BuildOptions | None = None) -> acegen.Model:
    """With random coefficients and atomic energies."""
    bare = acegen.compile(spec, folder, options=options)
    energies = {element: -1.25 - i for i, element in enumerate(bare.elements)}
    return acegen.compile(spec, folder, acegen.Coefficients(random_coefficients(bare), energies), options=options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inner")


@pytest.fixture(scope="module")
def two(folder: Path) -> acegen.Model:
    return potential(TWO, folder)


def crystal(model: acegen.Model, lattice: float, seed: int = 3) -> Atoms:
    """Diamond with random elements and displacements; bonds of 0.433 times the lattice constant."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Si", "diamond", a=lattice, cubic=True)
    atoms.symbols = rng.choice(model.elements, size=len(atoms))
    atoms.positions += rng.normal(scale=0.06, size=atoms.positions.shape)
    return atoms


def test_verify_passes_and_looks_inside(two: acegen.Model) -> None:
    """All properties, with the check that is made for the inner cutoff only."""
    results = list(verify_module(two, n_environments=6))
    assert [result.name for result in results if not result.passed] == []
    assert "inner cutoff: zero inside" in {result.name for result in results}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "pattern", "replacement", "check"),
    [
        ("inner.h", r"rest = 10\.0", "rest = 10.001", "values = sum over distinct tuples"),
        ("inner.h", r"= 30\.0 \*", "= 30.001 *", "gradient = 640-bit difference"),
        ("inner.h", r"return 0\.0;", "return 1e-9;", "inner cutoff: zero inside"),
        ("inner.h", r"\* close\[k\]\.slope", "* 1.001 * close[k].slope", "gradient = 640-bit difference"),
        ("pair.c", r"\*energy \*= s;", "*energy *= s * s;", "energy = c · basis + ZBL + atomic"),
        ("pair.c", r"\*energy \* s \* slope", "*energy * slope", "energy gradient likewise"),
    ],
)
def test_broken_switches_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str, pattern: str, replacement: str, check: str
) -> None:
    """Generated code is changed in one place before it is built; verify names a property that fails."""
    whole = build_module._compile
    spec = {**ONE, "name": "broken", "basis": {**ONE["basis"], "level": 3}}
    size = acegen.compile({**spec, "name": "intact"}, tmp_path).n_basis

    def broken(code: GeneratedCode, key: str, toolchain: Any, staging: Path, progress: Any) -> str:
        file = staging / f"broken_{ending}"
        text, count = re.subn(pattern, replacement, file.read_text(), count=1)
        assert count == 1, "the sabotage does not fit the generated code any more"
        file.write_text(text)
        return whole(code, key, toolchain, staging, progress)

    monkeypatch.setattr(build_module, "_compile", broken)
    coefficients = acegen.Coefficients({"Si": [1.0 / (1 + i) for i in range(size)]}, {"Si": -1.0})
    model = acegen.compile(spec, tmp_path, coefficients)
    failed = {result.name for result in verify_module(model, n_environments=5) if not result.passed}
    assert check in failed


def test_no_close_neighbour_changes_no_bit(two: acegen.Model, folder: Path) -> None:
    """Energies, forces, descriptors, gradients and design rows are those of the model without inner cutoff."""
    bare = potential(without(TWO), folder)
    atoms = crystal(two, 5.4)
    assert atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)].min() > 2.1
    for ours, theirs in zip(two.compute(atoms), bare.compute(atoms), strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(two.descriptors(atoms), bare.descriptors(atoms))
    assert np.array_equal(two.design_rows(atoms).forces, bare.design_rows(atoms).forces)
    close = crystal(two, 4.2)
    assert not np.array_equal(two.descriptors(close), bare.descriptors(close))


@pytest.mark.parametrize("lattice", [4.4, 3.9, 3.0])
def test_design_rows_and_forces(two: acegen.Model, lattice: float) -> None:
    """Rows times coefficients, and the reference, are what the potential gives; forces are differences of energies."""
    atoms = crystal(two, lattice)
    rows, result, reference = two.design_rows(atoms), two.compute(atoms), two.reference(atoms)
    c = np.concatenate([random_coefficients(two)[element] for element in two.elements])
    isolated = sum(two.atomic_energies[symbol] for symbol in atoms.get_chemical_symbols())
    size = 1 + np.abs(rows.energy * c).sum() + abs(reference.energy)
    assert abs(rows.energy @ c + reference.energy + isolated - result.energy) < 1e-12 * size
    forces = (rows.forces.reshape(-1, len(c)) @ c).reshape(-1, 3) + reference.forces
    scale = np.abs(rows.forces.reshape(-1, len(c)) * c).sum(axis=1).max() + np.abs(reference.forces).max() + 1
    assert np.abs(forces - result.forces).max() < 1e-12 * scale
    virial = np.array(
        [result.virial[i, j] - reference.virial[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))]
    )
    own = np.abs(rows.virial.reshape(6, len(c)) * c).sum(axis=1).max() + np.abs(reference.virial).max() + 1
    assert np.abs(rows.virial.reshape(6, len(c)) @ c - virial).max() < 1e-12 * own

    rng, step = np.random.default_rng(1), 1e-4
    direction = rng.normal(size=atoms.positions.shape)
    energies = {}
    for k in (-2, -1, 1, 2):
        moved = atoms.copy()
        moved.positions += k * step * direction
        energies[k] = two.compute(moved).energy
    slope = (8 * (energies[1] - energies[-1]) - (energies[2] - energies[-2])) / (12 * step)
    assert slope == pytest.approx(-(result.forces * direction).sum(), rel=1e-6, abs=1e-6)


@pytest.mark.slow
def test_design_of_values_that_functions_share(folder: Path) -> None:
    """Functions of intermediate values with derivatives of their own, which are switched once as all others."""
    spec = {
        "name": "inner_shared",
        "basis": {"elements": ["Si", "O"], "order": 3, "level": 4},
        "radial": {"cutoff": 4.5},
        "inner_cutoff": {"inner": 1.5, "outer": 2.5},
    }
    model = acegen.compile(spec, folder)
    atoms = crystal(model, 4.4)
    environments, pairs = model.environments(atoms)
    expected = np.zeros((len(atoms), 3, 2, model.n_basis))
    for i, z in enumerate(environments.center):
        own = slice(pairs.first[i], pairs.first[i + 1])
        gradient = model.basis_gradient(atoms.numbers[i], atoms.numbers[pairs.neighbour[own]], pairs.displacement[own])
        np.add.at(expected[:, :, z], pairs.neighbour[own], -gradient.transpose(1, 2, 0))
        expected[i, :, z] += gradient.sum(axis=1).T
    rows = model.design_rows(atoms).forces
    np.testing.assert_allclose(rows, expected.reshape(rows.shape), rtol=0, atol=1e-12 * np.abs(expected).max())


def test_no_jumps(two: acegen.Model) -> None:
    """Energies and forces of three atoms are continuous through inner and outer distances of both switches."""
    h = 1e-7
    for first, second in (("Si", "Si"), ("Si", "O"), ("O", "O")):
        for r in (0.9, 1.1, 1.2, 1.3, 1.5, 1.6, 1.9, 2.0, 2.1, 2.3):
            results = [
                two.compute(Atoms([first, second, "O"], [[0, 0, 0], [0, 0, r + s * h], [2.4, 0.3, 0.5]]))
                for s in (-1, 1)
            ]
            scale = 1 + np.abs(results[0].forces).max()
            assert abs(results[1].energy - results[0].energy) < 1e-5 * scale
            assert np.abs(results[1].forces - results[0].forces).max() < 1e-5 * scale


def test_only_the_rest_is_left_inside(two: acegen.Model) -> None:
    """Up to the inner distance the energy is E0 + ZBL, and energies rise however many neighbours there are."""
    atoms = bulk("Si", "fcc", a=1.5 * np.sqrt(2))
    result, reference = two.compute(atoms), two.reference(atoms)
    assert result.energy == pytest.approx(reference.energy + two.atomic_energies["Si"], rel=1e-14)
    assert np.array_equal(two.descriptors(atoms), np.zeros((1, two.n_basis)))
    energies = [two.compute(bulk("Si", "fcc", a=r * np.sqrt(2))).energy for r in np.arange(1.6, 0.5, -0.02)]
    assert (np.diff(energies) > 0).all()


@pytest.mark.slow
def test_threads_and_precision(two: acegen.Model, folder: Path) -> None:
    """Two threads give bitwise the results of one; single precision the same energies to its accuracy."""
    model = potential({**TWO, "name": "inner_single"}, folder, BuildOptions(precision="single", openmp=True))
    for lattice in (5.4, 4.2):
        atoms = crystal(two, lattice).repeat(3)
        one, more = model.compute(atoms), acegen.load(model.path, threads=2).compute(atoms)
        assert all(np.array_equal(a, b) for a, b in zip(one, more, strict=True))
        exact = two.compute(atoms)
        for ours, theirs in zip(one, exact, strict=True):
            assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()


def test_identity() -> None:
    """Specs without the table keep their form; equivalent spellings are equal; every number matters."""
    assert "inner_cutoff" not in load_spec(without(ONE)).canonical()
    table = {"inner": {"Si-Si": 1.5}, "outer": {"Si-Si": 2}}
    assert load_spec({**ONE, "inner_cutoff": table}).canonical() == load_spec(ONE).canonical()
    other = load_spec({**ONE, "inner_cutoff": {"inner": 1.5, "outer": 2.01}})
    assert other.canonical() != load_spec(ONE).canonical()


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"inner_cutoff": {"inner": 1.0}}, ["inner_cutoff.outer: missing"]),
        (
            {"inner_cutoff": {"inner": 2.0, "outer": 1.5}},
            ["inner_cutoff.inner = 2 is not below inner_cutoff.outer = 1.5"],
        ),
        (
            {"inner_cutoff": {"inner": 2.0, "outer": 4.5}},
            ["inner_cutoff.outer = 4.5 is not below the cutoff 4.5", "Si-Si"],
        ),
        ({"inner_cutoff": {"inner": 1.0, "outer": {"O-O": 2.0}}}, ["inner_cutoff.outer has the key 'O-O'"]),
        ({"inner_cutoff": {"iner": 1.0, "outer": 2.0}}, ["did you mean 'inner'"]),
        ({"inner_cutof": {"inner": 1.0, "outer": 2.0}}, ["did you mean 'inner_cutoff'"]),
    ],
)
def test_bad_tables(change: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec({**without(ONE), **change})
    for part in parts:
        assert part in str(caught.value)


def test_particles_have_none() -> None:
    """There is no core to replace it."""
    spec = {"name": "disc", "basis": {"symmetry": "O2", "order": 2, "level": 4}, "radial": {"cutoff": 1.0}}
    load_spec(spec)
    with pytest.raises(SpecError, match="inner_cutoff: unknown key"):
        load_spec({**spec, "inner_cutoff": ONE["inner_cutoff"]})


def test_info_and_readme(two: acegen.Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(two.path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "inner cutoff, fit switched on from │ 1.1, 1.3, 1.6 Å to 1.5, 2, 2.1 Å" in shown
    assert "| inner cutoff |" in (two.path / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("spec", [ONE, TWO], ids=["one", "two"])
def test_c_has_no_warnings(tmp_path: Path, folder: Path, spec: dict[str, Any]) -> None:
    """As C99 for a processor without vectors, with and without coefficients."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs gcc")
    for number, module in enumerate((potential(spec, folder), acegen.compile(spec, tmp_path))):
        (tmp_path / "example.c").write_text(c_example(module))
        sources = ["example.c", *(str(path) for path in module.path.glob("*.c"))]
        options = ["-std=c99", "-Wall", "-Wextra", "-Wno-psabi", "-Werror", *GENERIC, "-I", str(module.path)]
        subprocess.run([compiler, *options, *sources, "-o", f"example{number}", "-lm"], cwd=tmp_path, check=True)
        subprocess.run([f"./example{number}"], cwd=tmp_path, check=True, capture_output=True)
