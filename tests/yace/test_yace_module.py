"""Modules made from potential files: what they compute, carry, and refuse; the cache in front of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from example_models import DATA
from file_potentials import file_potential
from pace_reference import NAMES, deviations, reference
from random_yace import random_environment

import acegen
from acegen.ase import Calculator
from acegen.build import module as build_module
from acegen.cli.main import main
from acegen.compiler import compile_file
from acegen.errors import PotentialError
from acegen.options import BuildOptions
from acegen.posterior import read_posterior
from acegen.runtime import open_model
from acegen.store.manifest import read_manifest
from acegen.store.names import name_fault, name_of
from acegen.yace.evaluation import evaluate
from acegen.yace.reading import read_potential
from acegen.yace.writing import potential_text

Models = Callable[[str], acegen.Model]
PLAIN = BuildOptions(backend="plain")

pytestmark = pytest.mark.filterwarnings("ignore::acegen.IsolatedAtomWarning")


class Stages:
    """A `Progress` that records the stages."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.reports: list[str] = []

    def stage(self, name: str) -> Any:
        from contextlib import nullcontext

        self.names.append(name)
        return nullcontext()

    def advance(self, done: int, total: int) -> None:
        pass

    def report(self, text: str) -> None:
        self.reports.append(text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A potential file with a name that is no identifier."""
    path = tmp_path / "SiO-2 (small).yace"
    path.write_text(potential_text(file_potential("file")))
    return path


# ---- what they compute


@pytest.mark.parametrize("name", NAMES)
def test_energies_of_ml_pace(name: str, tmp_path: Path) -> None:
    """The reference environments: to 1e-9 and 2e-8 of ML-PACE, which has tables with a step of 0.001 Å."""
    potential, environments = reference(name)
    model = acegen.compile_potential(potential, tmp_path, name)
    for one in environments:
        center, species = potential.elements[one.center], [potential.elements[z] for z in one.species]
        energy, gradient = deviations(one, *model.energy_gradient(center, species, one.displacements))
        assert energy < 1e-9
        assert gradient < 2e-8


@pytest.mark.parametrize("name", NAMES)
def test_forces_are_derivatives_of_energies(name: str, tmp_path: Path) -> None:
    """Every component in the reference environments, to 1e-8 (measured: 1e-10), against central differences."""
    potential, environments = reference(name)
    model = acegen.compile_potential(potential, tmp_path, name)
    step = 1e-4
    for one in environments:
        center, species = potential.elements[one.center], [potential.elements[z] for z in one.species]
        _, gradient = model.energy_gradient(center, species, one.displacements)
        for place in np.ndindex(gradient.shape):
            energies = []
            for k in (-2, -1, 1, 2):
                moved = one.displacements.copy()
                moved[place] += k * step
                energies.append(model.energy_gradient(center, species, moved)[0])
            difference = np.dot(energies, [1, -8, 8, -1]) / (12 * step)
            assert abs(difference - gradient[place]) < 1e-8 * max(1.0, np.abs(gradient).max())


@pytest.mark.parametrize("key", ["file", "recursive", "zbl", "not invariant"])
def test_random_potentials(key: str, tmp_path: Path) -> None:
    """The plain evaluation, in environments with close and far neighbours; by both backends."""
    potential, rng = file_potential(key), np.random.default_rng(0)
    for options in (BuildOptions(), PLAIN):
        model = acegen.compile_potential(potential, tmp_path / options.backend, "drawn", options=options)
        for center, symbol in enumerate(potential.elements):
            species, displacements = random_environment(rng, potential, center, 12)
            expected = evaluate(potential, center, species, displacements)
            found = model.energy_gradient(symbol, [potential.elements[z] for z in species], displacements)
            assert found[0] == pytest.approx(expected[0], rel=1e-10, abs=1e-10)
            scale = 1 + np.abs(expected[1]).max()
            np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1e-10 * scale)


@pytest.mark.slow
def test_forms_and_options_compute_the_same(tmp_path: Path) -> None:
    """Coupled products, straight-line code and tables; threads and single precision."""
    potential = file_potential("file")
    atoms = bulk("Si", cubic=True).repeat(2)
    atoms.symbols[::3] = "O"
    atoms.rattle(0.2, seed=1)
    results = {
        name: acegen.compile_potential(potential, tmp_path, f"by_{name}", options=options).compute(atoms)
        for name, options in {
            "auto": BuildOptions(),
            "coupled": BuildOptions(products="coupled"),
            "straight": BuildOptions(products="straight"),
            "compact": BuildOptions(products="compact"),
            "openmp": BuildOptions(openmp=True),
            "single": BuildOptions(precision="single"),
            "generic": BuildOptions(march="generic"),
        }.items()
    }
    for name, result in results.items():
        limit = 1e-4 if name == "single" else 1e-10
        for own, expected in zip(result, results["auto"], strict=True):
            np.testing.assert_allclose(own, expected, rtol=0, atol=limit * np.abs(expected).max())


def test_nothing_can_be_coupled(tmp_path: Path) -> None:
    """Functions that change sign under inversion are no coupled products, which then cannot be asked for."""
    with pytest.raises(acegen.BuildError, match="products = 'coupled' is not possible for 'odd': only potentials"):
        acegen.compile_potential(file_potential("odd"), tmp_path, "odd", options=BuildOptions(products="coupled"))
    assert not list(tmp_path.iterdir())


def test_ase_and_structures(models: Models) -> None:
    """Energies, forces and stress of a crystal: the sum of plain evaluations, and what ASE gets."""
    model, potential = models("file"), file_potential("file")
    atoms = bulk("Si", cubic=True)
    atoms.symbols[[1, 4, 5]] = "O"
    atoms.rattle(0.1, seed=3)
    result = model.compute(atoms)
    environments, _ = model.environments(atoms)
    for i in range(len(atoms)):
        own = slice(environments.first[i], environments.first[i + 1])
        energy, _ = evaluate(
            potential, int(environments.center[i]), environments.species[own].tolist(), environments.displacement[own]
        )
        assert result.energies[i] == pytest.approx(energy, rel=1e-11)
    atoms.calc = Calculator(model)
    assert atoms.get_potential_energy() == pytest.approx(result.energy, rel=1e-12)
    np.testing.assert_allclose(atoms.get_forces(), result.forces, atol=1e-10 * np.abs(result.forces).max())
    stress = -result.virial / atoms.get_volume()
    np.testing.assert_allclose(atoms.get_stress(voigt=False), stress, atol=1e-10 * np.abs(stress).max())
    lone = model.compute(Atoms("O"))
    assert lone.energy == pytest.approx(potential.energies[1], abs=1e-14)
    assert model.atomic_energies == dict(zip(potential.elements, potential.energies, strict=True))


# ---- what they carry


def test_what_a_module_holds(models: Models) -> None:
    """The potential, which reads back to the same; its description; no basis; files that are known and hashed."""
    model, potential = models("file"), file_potential("file")
    assert not model.has_basis
    assert model.has_potential
    assert model.n_basis == 0
    names = {path.name for path in model.path.iterdir()}
    assert {"potential.yace", "potential.json", "README.md", "acegen.h", "from_file_potential.c"} <= names
    assert not names & {"basis.json", "coefficients.json", "from_file_basis.c", "from_file_derivatives.h"}
    manifest = read_manifest(model.path)
    assert set(manifest.files) == names - {"module.json", "__pycache__"}
    assert read_potential(model.path / "potential.yace") == potential
    description = model.description
    assert description["format"] == "acegen-potential-1"
    assert description["functions"] == {
        symbol: {str(rank): sum(f.rank == rank for f in own) for rank in (1, 2, 3, 4)}
        for symbol, own in zip(potential.elements, potential.functions, strict=True)
    }
    assert description["bonds"]["Si-O"]["cutoff"] == model.cutoffs[0, 1]
    assert "from a file" in repr(model)
    text = (model.path / "README.md").read_text()
    assert "{{" not in text
    assert model.basis_hash in text


def test_identity(models: Models, capsys: pytest.CaptureFixture[str]) -> None:
    """The C has the hash of the description; that has the hash of the program, which `acegen info --program` prints."""
    model = models("file")
    assert main(["info", str(model.path), "--program"]) == 0
    assert f"# identity {model.description['program']}\n" in capsys.readouterr().out
    assert hashlib.sha256((model.path / "potential.json").read_bytes()).hexdigest() == model.basis_hash
    handle, ffi = model._handle, model._ffi
    assert ffi.string(handle.basis_hash).decode() == model.basis_hash
    expected = hashlib.sha256(json.dumps([model.name, model.basis_hash]).encode()).hexdigest()
    assert ffi.string(handle.model_hash).decode() == expected
    for function in ("basis", "basis_workspace", "design", "reference"):
        assert getattr(handle, function) == ffi.NULL


def test_info(models: Models, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Functions by rank, forms, multiply-adds and facts, of a file and of a module."""
    for target in (file, models("file").path):
        assert main(["info", str(target)]) == 0
        shown = capsys.readouterr().out
        counts = [sum(f.rank == 3 for own in file_potential("file").functions for f in own)]
        for text in ("combinations of m", "coupled", "densities of a centre", "multiply-adds per atom with 33", "core"):
            assert text in shown
        assert any(line.split()[1:4:2] == ["3", str(counts[0])] for line in shown.splitlines() if "│" in line)
    assert "hash of the potential" in shown


def test_eval(models: Models, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`acegen eval` with the model's own energies and forces as labels: no errors; with others, these."""
    model = models("file")
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=5)
    atoms.calc = Calculator(model)
    atoms.get_forces()
    write(tmp_path / "own.xyz", atoms)
    assert main(["eval", str(model.path), str(tmp_path / "own.xyz"), "-o", str(tmp_path / "errors")]) == 0
    row = json.loads((tmp_path / "errors" / "errors.json").read_text())["errors"][0]
    assert row["energy"]["rmse"] < 1e-6
    assert row["forces"]["rmse"] < 1e-5 * np.abs(atoms.get_forces()).max()
    assert "from_file" in capsys.readouterr().out


# ---- what they refuse


@pytest.mark.parametrize(
    "use",
    [
        lambda m, _: m.labels("Si"),
        lambda m, _: m.basis("Si", ["O"], [[0, 0, 2.0]]),
        lambda m, _: m.basis_gradient("Si", ["O"], [[0, 0, 2.0]]),
        lambda m, atoms: m.basis_values(m.environments(atoms)[0]),
        lambda m, atoms: m.descriptors(atoms),
        lambda m, atoms: m.design_rows(atoms),
        lambda m, atoms: next(acegen.design_blocks(m, [atoms])),
        lambda m, atoms: m.reference(atoms),
        lambda m, _: m.reference_gradient("Si", ["O"], [[0, 0, 2.0]]),
        lambda m, _: read_posterior(m.path, m),
        lambda m, atoms: Calculator(m).energy_uncertainty(atoms),
    ],
)
def test_what_needs_a_basis_says_so(models: Models, use: Callable[[acegen.Model, Atoms], object]) -> None:
    atoms = bulk("Si", cubic=True)
    with pytest.raises(acegen.ModuleError, match=r"from_file was made from a potential file .* no basis functions"):
        use(models("file"), atoms)


def test_wrong_combinations(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message each, and nothing is left behind."""
    spec, neither = tmp_path / "spec.toml", tmp_path / "notes.txt"
    spec.write_text('name = "si"\n[basis]\nelements = ["Si"]\norder = 1\nlevel = 2\n[radial]\ncutoff = 4.0\n')
    neither.write_text("these are: notes\n")
    (tmp_path / "broken.yace").write_text(file.read_text()[:3000])
    (tmp_path / "other.yaml").write_text("services: {web: 1}\n")
    out = tmp_path / "out"
    for arguments, text in (
        ([file, "--coefficients", spec], "a potential file contains its coefficients"),
        ([spec, "--name", "other"], "--name is for potential files"),
        ([neither], "is neither a spec (a TOML file) nor a potential"),
        ([file, "--name", "3x"], "is not a C identifier"),
        ([file, "--name", "double"], "is a reserved word"),
        ([tmp_path / "absent.yace"], "cannot read the potential"),
        ([tmp_path / "broken.yace"], "broken.yace"),
        ([tmp_path / "other.yaml"], "other.yaml"),
        ([file, "--backend", "plain", "--products", "coupled"], "is not possible with backend = 'plain'"),
    ):
        assert main(["compile", *map(str, arguments), "-o", str(out)]) == 1
        message = capsys.readouterr().err
        assert text in message
        assert message.count("acegen:") == 1
        assert not out.exists() or not list(out.iterdir())
    with pytest.raises(acegen.SpecError, match=r"acegen\.compile_potential compiles it"):
        acegen.compile(file)
    with pytest.raises(acegen.BuildError, match="needs a name"):
        acegen.compile_potential(file_potential("file"), tmp_path)


def test_files_without_a_suffix_are_known_by_their_content(file: Path, tmp_path: Path) -> None:
    bare = tmp_path / "potential"
    bare.write_bytes(file.read_bytes())
    assert main(["compile", str(bare), "-o", str(tmp_path / "out"), "--backend", "plain"]) == 0
    assert acegen.load(tmp_path / "out" / "potential").elements == ("Si", "O")


# ---- the cache, and names


def test_pipe_is_no_potential(tmp_path: Path) -> None:
    """It is not waited for."""
    os.mkfifo(tmp_path / "pipe.yace")
    with pytest.raises(PotentialError, match=r"cannot read the potential .*pipe\.yace: it is no file"):
        compile_file(tmp_path / "pipe.yace", tmp_path)


def test_second_compile_is_a_cache_hit(file: Path, tmp_path: Path) -> None:
    """Nothing is read or written again; other content, or another name, is another module."""
    runs = [Stages() for _ in range(4)]
    path = compile_file(file, tmp_path, None, runs[0], PLAIN)
    assert path.name == "SiO_2_small"
    assert runs[0].names == ["file", "load", "read", "lower", "optimize", "codegen", "build"]
    before = {entry.name: entry.stat().st_mtime_ns for entry in path.iterdir()}
    assert compile_file(file, tmp_path, None, runs[1], PLAIN) == path
    assert runs[1].names == ["file"]
    assert "already compiled" in runs[1].reports[-1]
    assert before == {entry.name: entry.stat().st_mtime_ns for entry in path.iterdir()}
    assert compile_file(file, tmp_path, "other", runs[2], PLAIN).name == "other"
    potential = file_potential("file")
    energies = (potential.energies[0] - 1, potential.energies[1])
    file.write_text(potential_text(replace(potential, energies=energies)))
    model = acegen.load(compile_file(file, tmp_path, None, runs[3], PLAIN))
    assert "build" in runs[3].names
    assert model.atomic_energies["Si"] == energies[0]


def test_failure_leaves_the_old_module(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A compiler that fails: the module of before is still there and works."""
    path = compile_file(file, tmp_path / "out", "kept", None, PLAIN)
    energy = acegen.load(path).energy("Si", ["O"], [[0, 0, 2.0]])

    def fail(*_: object) -> str:
        raise acegen.BuildError("the C compiler failed.")

    monkeypatch.setattr(build_module, "_compile", fail)
    text = file.read_text()
    file.write_text(f"# other\n{text}")
    assert main(["compile", str(file), "--name", "kept", "-o", str(tmp_path / "out"), "--backend", "plain"]) == 1
    assert "the C compiler failed" in capsys.readouterr().err
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["kept"]
    assert open_model(path).path == path
    assert acegen.load(path).energy("Si", ["O"], [[0, 0, 2.0]]) == energy


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Cu-III", "Cu_III"),
        ("output_potential", "output_potential"),
        ("2024 Al.Ni", "ace_2024_Al_Ni"),
        ("double", "ace_double"),
        ("", "ace"),
        ("ß", "ace"),
        ("x" * 100, "x" * 63),
    ],
)
def test_names_of_files(stem: str, name: str) -> None:
    assert name_of(stem) == name
    assert name_fault(name) is None


def test_every_reference_file_is_described() -> None:
    """The facts of the three files name their elements, radial bases and cutoffs."""
    from acegen.yace.description import facts

    files = sorted((DATA / "pace").glob("*.yace"))
    if not files:
        pytest.skip(f"{DATA / 'pace'} is absent")
    for path in files:
        said = dict(facts(read_potential(path), path.name))
        assert said["made from"] == path.name
        assert "of rank 1" in said["functions"]
        assert {"Cheb", "SBes"} & {said["radial functions"].split(" of ", 1)[1][:4]}
