"""Fits from files to a compiled potential, on data labelled by EMT or by a known potential."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from ase import Atoms
from fit_cases import ALLOY, COPPER, cell, fit_settings, save, with_emt
from numpy.typing import NDArray

import acegen
import acegen.ase
from acegen.cli.main import main
from acegen.errors import FitError
from acegen.fit import FitResult, compare, error_rows, fit, read_dataset
from acegen.fit.assembly import assemble, composition_directions, make_assembler
from acegen.fit.data import read_parts
from acegen.fit.dataset import Parts
from acegen.fit.evaluation import Comparison, compare_linear
from acegen.fit.problem import Weights, reduce_problem
from acegen.fit.settings import FitSettings, KeySettings
from acegen.progress import Silent
from acegen.spec import load_spec

Floats = NDArray[np.float64]

pytestmark = pytest.mark.filterwarnings("ignore::acegen.errors.IsolatedAtomWarning")


@dataclass(frozen=True)
class Fitted:
    settings: FitSettings
    result: FitResult
    document: dict[str, Any]
    test: str


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Compiled bases and units, for all fits of this file."""
    return str(tmp_path_factory.mktemp("assembly"))


@pytest.fixture(scope="module")
def copper_data() -> list[Atoms]:
    kinds = ("rattled", "strained", "hot")
    return [with_emt(cell(seed, rattle=0.05 * (1 + seed % 3)), kinds[seed % 3]) for seed in range(36)]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, copper_data: list[Atoms], cache: str) -> Fitted:
    """A fit with everything: three kinds, one without forces, a test file, pictures."""
    folder = tmp_path_factory.mktemp("copper")
    test = save(folder / "test.xyz", [with_emt(cell(seed), "rattled") for seed in range(100, 106)])
    assembly = {"cache": cache, "processes": 1}
    settings = fit_settings(folder, copper_data, data={"test": test, "seed": 3}, assembly=assembly, uncertainty={})
    result = fit(settings)
    text = (result.directory / "report.json").read_text()
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    return Fitted(settings, result, document, test)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures: they take most of the time of a small fit."""
    monkeypatch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})


# What a fit leaves


def test_report_has_the_numbers_of_the_fit(fitted: Fitted) -> None:
    document, result = fitted.document, fitted.result
    assert document["format"] == "acegen-fit-1"
    assert document["name"] == "copper"
    assert set(document) == {
        "format", "generator", "name", "settings", "spec", "recommendation", "basis_hash", "functions",
        "atomic_energies", "data", "folds", "findings", "solution", "held", "selection", "errors", "uncertainty",
        "repulsion", "stages", "assembly",
    }  # fmt: skip
    assert document["basis_hash"] == result.model.basis_hash
    assert document["atomic_energies"] == pytest.approx(result.model.atomic_energies, rel=1e-15)
    assert document["functions"]["used"] == result.model.n_basis == sum(document["functions"]["by_order"].values())
    counts = {part: entry["configurations"] for part, entry in document["data"].items()}
    assert counts == {"training": 36, "test": 6}
    assert document["folds"] == {"number": 5, "always_fitted": 0}
    assert document["recommendation"] is None
    assert document["data"]["test"]["labels"] == {"energy": 6, "forces": 72, "virial": 36}
    stages = [stage["stage"] for stage in document["stages"]]
    assert stages == ["data", "basis", "assembly", "solve", "uncertainty", "compile", "errors", "report"]
    assert document["solution"]["chosen"] in document["solution"]["path"]
    assert document["settings"]["data"]["seed"] == 3


def test_report_for_people_has_the_same_tables(fitted: Fitted) -> None:
    lines = (fitted.result.directory / "report.md").read_text().splitlines()
    tables = [line for line in lines if line.startswith("|")]
    for row in fitted.document["errors"]:
        cells = [row["part"], row["config_type"], str(row["n_configurations"]), str(row["n_atoms"])]
        cells += [f"{row['energy']['mae'] * 1e3:.2f}", f"{row['energy']['rmse'] * 1e3:.2f}"]
        cells += [f"{row['forces']['mae']:.4f}", f"{row['forces']['rmse']:.4f}"]
        cells += [f"{row['virial']['mae'] * 1e3:.2f}", f"{row['virial']['rmse'] * 1e3:.2f}"]
        assert "| " + " | ".join(cells) + " |" in tables
    kinds = [(row["part"], row["config_type"]) for row in fitted.document["errors"]]
    expected = [(part, kind) for part in ("training", "validation") for kind in ("hot", "rattled", "strained", "all")]
    assert kinds == [*expected, ("test", "rattled")]
    assert len(tables) > 20
    for before, line in pairwise(lines):
        if before.startswith("|") and line.startswith("|"):
            assert before.count("|") == line.count("|")


def test_pictures_are_drawn(fitted: Fitted) -> None:
    text = (fitted.result.directory / "report.md").read_text()
    pictures = sorted(fitted.result.directory.glob("*.png"))
    names = {picture.name for picture in pictures}
    expected = {"parity", "errors", "dimer", "coefficients", "reliability", "energy_volume", "compression"}
    assert names == {f"{name}.png" for name in expected}
    for picture in pictures:
        assert f"]({picture.name})" in text
        image = matplotlib.image.imread(picture)[..., :3]
        assert min(image.shape[:2]) > 300
        assert np.mean(image.min(axis=2) < 0.5) > 0.002  # ink
        assert len(np.unique(np.round(4 * image) @ [25, 5, 1])) > 4  # colours


def test_nothing_else_is_left(fitted: Fitted) -> None:
    assert sorted(path.name for path in fitted.result.directory.parent.iterdir()) == ["copper"]
    inside = {path.name for path in fitted.result.directory.iterdir() if path.suffix != ".png"}
    assert inside == {"copper", "coefficients.json", "report.json", "report.md", "spec.toml", "training.json"}


def test_the_spec_is_written_out(fitted: Fitted) -> None:
    """The entire report, for the same basis."""
    spec = load_spec(fitted.result.directory / "spec.toml")
    assert spec.canonical() == fitted.settings.whole_spec.canonical() == fitted.document["spec"]


def test_the_potential_loads_and_has_the_coefficients(fitted: Fitted) -> None:
    model = acegen.load(fitted.result.directory / "copper")
    from acegen.store.coefficients import read_coefficients

    written = read_coefficients(fitted.result.directory / "coefficients.json")
    assert written == fitted.result.coefficients
    atoms = cell(200)
    expected = model.descriptors(atoms) @ np.array(written.values["Cu"]) + written.atomic_energies["Cu"]
    np.testing.assert_allclose(model.compute(atoms).energies, expected, rtol=1e-10)
    recompiled = acegen.load(fitted.result.model.path)
    np.testing.assert_array_equal(recompiled.compute(atoms).forces, model.compute(atoms).forces)


def test_it_describes_copper(fitted: Fitted) -> None:
    rows = {(row["part"], row["config_type"]): row for row in fitted.document["errors"]}
    spread = np.std([abs(c.forces[0]).max() for c in fitted.result.comparisons["test"] if c.forces is not None])
    assert rows["test", "rattled"]["forces"]["rmse"] < 0.2 * spread
    assert rows["test", "rattled"]["energy"]["rmse"] < 0.02


def test_errors_are_those_of_eval(fitted: Fitted, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of `acegen eval` for the folder of the fit, and for the module in it."""
    (expected,) = (row for row in fitted.document["errors"] if row["part"] == "test")
    for folder in (fitted.result.directory, fitted.result.directory / "copper"):
        assert main(["eval", str(folder), fitted.test, "-o", str(tmp_path / "out")]) == 0
        (found,) = json.loads((tmp_path / "out" / "errors.json").read_text())["errors"]
        assert found == {**expected, "part": "data"}
        assert f"{expected['forces']['rmse']:.4f}" in capsys.readouterr().out
    assert (tmp_path / "out" / "parity.png").exists()


def test_errors_by_explicit_means(fitted: Fitted) -> None:
    """Per atom for energies and virials, per component for forces."""
    model, rows = fitted.result.model, fitted.document["errors"]
    dataset = read_dataset([fitted.test], KeySettings(), ["Cu"])
    energies, forces, virials = [], [], []
    for c in dataset.configurations:
        result = model.compute(c.atoms)
        assert c.forces is not None
        energies.append((result.energies.sum() - c.energy) / len(c.atoms))
        forces.append((result.forces - c.forces).ravel())
        virials.append((result.virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] - c.virial) / len(c.atoms))
    for name, errors in (("energy", energies), ("forces", forces), ("virial", virials)):
        numbers = np.concatenate([np.atleast_1d(e) for e in errors])
        row = rows[-1][name]
        assert row["count"] == numbers.size
        assert row["mae"] == pytest.approx(np.abs(numbers).mean(), rel=1e-9)
        assert row["rmse"] == pytest.approx(np.sqrt((numbers**2).mean()), rel=1e-9)
        assert row["largest"] == pytest.approx(np.abs(numbers).max(), rel=1e-9)


def test_a_renamed_fit_can_still_be_evaluated(fitted: Fitted, tmp_path: Path) -> None:
    moved = tmp_path / "other"
    moved.symlink_to(fitted.result.directory)
    assert main(["eval", str(moved), fitted.test]) == 0


def test_forces_and_stress_are_derivatives(fitted: Fitted) -> None:
    model, atoms, h = fitted.result.model, cell(201), 1e-4
    result = model.compute(atoms)

    def energy(moved: Atoms) -> float:
        return float(model.compute(moved).energies.sum())

    for atom, axis in ((0, 0), (1, 2), (3, 1)):
        plus, minus = atoms.copy(), atoms.copy()
        plus.positions[atom, axis] += h
        minus.positions[atom, axis] -= h
        assert result.forces[atom, axis] == pytest.approx(-(energy(plus) - energy(minus)) / (2 * h), abs=1e-6)
    for i, j in ((0, 0), (1, 2), (2, 0)):
        strain = np.zeros((3, 3))
        strain[i, j] += h / 2
        strain[j, i] += h / 2
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.set_cell(atoms.cell.array @ (np.eye(3) + sign * strain), scale_atoms=True)
            ends.append(energy(moved))
        assert result.virial[i, j] == pytest.approx(-(ends[0] - ends[1]) / (2 * h), abs=1e-5)


def explicit_ridge(
    model: acegen.Model, parts: Parts, fold: int, weights: Weights, smoothness: float, strength: float
) -> Floats:
    """Least squares on the rows of all data but a fold: energies of atoms by element, then functions.

    Without a reference potential. Of several solutions the shortest.
    """
    n_elements = len(model.elements)

    def counts(atoms: Atoms) -> Floats:
        return np.array([atoms.get_chemical_symbols().count(element) for element in model.elements], dtype=float)

    rows, targets = [], []
    for c, own_fold in zip(parts.training.configurations, parts.folds, strict=True):
        if own_fold == fold:
            continue
        own, n = model.design_rows(c.atoms), len(c.atoms)
        assert c.energy is not None
        assert c.forces is not None
        assert c.virial is not None
        none = np.zeros((3 * n, n_elements))
        rows.append(weights.energy / n * np.concatenate([counts(c.atoms), own.energy])[None])
        rows.append(weights.forces * np.hstack([none, own.forces.reshape(3 * n, -1)]))
        rows.append(weights.virial / n * np.hstack([none[:6], own.virial]))
        targets += [weights.energy / n * np.array([c.energy]), weights.forces * c.forces.ravel()]
        targets.append(weights.virial / n * c.virial)
    columns = n_elements * model.n_basis
    every = parts.training.configurations
    forces = np.concatenate([model.design_rows(c.atoms).forces.reshape(-1, columns) for c in every])
    levels = np.array([sum(f.n) + 1.5 * sum(f.l) for element in model.elements for f in model.labels(element)])
    penalties = np.sqrt(np.mean(forces**2, axis=0)) * levels**smoothness
    whole = np.vstack([*rows, strength * np.hstack([np.zeros((columns, n_elements)), np.diag(penalties)])])
    scale = np.concatenate(
        [np.full(n_elements, np.linalg.norm(whole[:, 0])), np.linalg.norm(whole, axis=0)[n_elements:]]
    )
    found = np.linalg.lstsq(whole / scale, np.concatenate([*targets, np.zeros(columns)]), rcond=1e-14)[0]
    return np.asarray(found / scale)


def test_validation_errors_are_of_a_fit_without_these_data(fitted: Fitted, cache: str) -> None:
    """Of each fold: explicit least squares on the rows of all others, with the chosen hyperparameters."""
    result, model = fitted.result, acegen.load(Path(cache) / "copper")
    chosen = result.fit.chosen  # type: ignore[union-attr]
    compared = iter(result.comparisons["validation"])
    assert result.parts.n_folds == 5
    for fold in range(5):
        c = explicit_ridge(model, result.parts, fold, chosen.weights, chosen.smoothness, chosen.strength)
        for configuration in result.parts.held_out(fold).configurations:
            own, n, comparison = model.design_rows(configuration.atoms), len(configuration.atoms), next(compared)
            assert comparison.energy is not None
            assert comparison.forces is not None
            assert comparison.energy[0] * n == pytest.approx(configuration.energy)
            assert comparison.energy[1] == pytest.approx(c[0] + own.energy @ c[1:] / n, abs=1e-6)
            np.testing.assert_allclose(comparison.forces[1], own.forces @ c[1:], atol=1e-6)
    assert next(compared, None) is None


# The same again, and otherwise


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_same_seed_gives_the_same_bits_for_any_number_of_processes(
    fitted: Fitted, copper_data: list[Atoms], cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From scratch, in two processes instead of one."""
    monkeypatch.setattr("acegen.fit.assembly.SMALL", 0)
    data = {"test": fitted.test, "seed": 3}
    shutil.copytree(Path(cache) / "copper", tmp_path / "cache" / "copper")  # without the units
    assembly = {"processes": 2, "cache": str(tmp_path / "cache")}
    again = fit(fit_settings(tmp_path, copper_data, data=data, assembly=assembly, uncertainty={}))
    assert again.n_cached == 0
    assert again.n_units > 2
    assert again.coefficients == fitted.result.coefficients
    ours, theirs = (json.loads((r.directory / "report.json").read_text()) for r in (again, fitted.result))
    for key in ("errors", "solution", "functions", "atomic_energies", "data", "folds"):
        assert ours[key] == theirs[key]


def test_another_seed_gives_other_folds(fitted: Fitted) -> None:
    data = fitted.settings.data
    other = fitted.settings.model_copy(update={"data": data.model_copy(update={"seed": 4})})
    first, second = read_parts(fitted.settings), read_parts(other)
    assert first.folds == fitted.result.parts.folds
    assert first.folds != second.folds


# Models that are known


def random_potential(spec: dict[str, Any], folder: Path, seed: int) -> acegen.Model:
    """A potential with coefficients that fall with the level, and atomic energies."""
    rng = np.random.default_rng(seed)
    basis = acegen.compile(spec, folder)
    values = {
        element: [float(rng.normal() / (1 + sum(f.n) + sum(f.l)) ** 2) for f in basis.labels(element)]
        for element in basis.elements
    }
    energies = {element: float(rng.normal(scale=3)) for element in basis.elements}
    return acegen.compile(spec, folder / "known", acegen.Coefficients(values, energies, basis.basis_hash))


def labelled_by(model: acegen.Model, atoms: Atoms) -> Atoms:
    result = model.compute(atoms)
    atoms.info.update(energy=float(result.energies.sum()), virial=result.virial)
    atoms.arrays["forces"] = result.forces
    return atoms


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_a_known_potential_is_recovered(tmp_path: Path, cache: str) -> None:
    """With pair term, ZBL core and atomic energies of two elements, to the accuracy of the file's eight decimals."""
    known = random_potential(ALLOY, Path(cache), 5)
    train = [labelled_by(known, cell(seed, "Cu Au", 0.25)) for seed in range(60)]
    single = [Atoms(e, cell=[20] * 3, pbc=True) for e in ("Cu", "Au")]
    train += [labelled_by(known, atoms) for atoms in single]
    close = [Atoms(pair, [[0, 0, 0], [0, 0, d]], cell=[20] * 3, pbc=True)
             for pair in ("Cu2", "CuAu", "Au2") for d in (1.9, 2.1)]  # fmt: skip
    train += [labelled_by(known, atoms) for atoms in close]
    settings = fit_settings(
        tmp_path, train, ALLOY, assembly={"cache": cache}, solver={"strength": 1e-7, "smoothness": 1.0},
        weights={"energy": 30.0},
    )  # fmt: skip
    result = fit(settings)
    for seed in range(300, 305):
        atoms = cell(seed, "Cu Au", 0.2)
        found, expected = result.model.compute(atoms), known.compute(atoms)
        np.testing.assert_allclose(found.energies.sum(), expected.energies.sum(), atol=1e-6)
        np.testing.assert_allclose(found.forces, expected.forces, atol=1e-6)
    for element, energy in known.atomic_energies.items():
        assert result.model.atomic_energies[element] == pytest.approx(energy, abs=1e-6)
    dimer = close[0].copy()
    assert abs(result.model.reference(dimer).energies.sum()) > 0.5
    np.testing.assert_allclose(result.model.compute(dimer).forces, known.compute(dimer).forces, atol=1e-6)


def held_out_predictions(settings: FitSettings, cache: str, strength: float) -> list[Comparison]:
    """Of fold 0 by ridge of fixed strength on all others, without compiling its potential."""
    parts = read_parts(settings)
    basis = acegen.compile(settings.whole_spec, cache)
    assembler = make_assembler(settings, basis, parts, cache)
    problem, _, _ = assemble(settings, assembler, parts, Silent())
    reduced = reduce_problem(problem, problem.without(0), Weights(30.0, 1.0, 3.0), 0.0)
    solution = reduced.coefficients(reduced.ridge(np.array([strength]))[:, 0])
    directions, energies = np.array(assembler.composition), np.array(assembler.atomic_energies)
    return compare_linear(basis, solution, directions, energies, parts.held_out(0), assembler.block_bytes)


def test_canonical_and_self_interacting_span_the_same(copper_data: list[Atoms], tmp_path: Path, cache: str) -> None:
    """In the closed family: at vanishing regularization predictions agree, at a strong one they do not."""
    spec = {**COPPER, "basis": {"elements": ["Cu"], "order": 2, "level": 5}}
    specs = [
        {**spec, "name": f"cu_{i}", "basis": {**spec["basis"], "expansion": kind}}
        for i, kind in enumerate(("canonical", "self-interacting"))
    ]
    fits = [fit_settings(tmp_path, copper_data, s, data={"validation": 0.3}) for s in specs]
    for strength, agree in ((1e-9, True), (1.0, False)):
        first, second = (held_out_predictions(s, cache, strength) for s in fits)
        forces = [np.concatenate([c.forces[1] for c in own if c.forces is not None]) for own in (first, second)]
        difference = np.abs(forces[0] - forces[1]).max() / np.abs(forces[0]).max()
        assert difference < 1e-6 if agree else difference > 1e-3


@pytest.mark.usefixtures("no_pictures")
def test_sparse_fit(fitted: Fitted, copper_data: list[Atoms], tmp_path: Path, cache: str) -> None:
    """Exactly the requested functions; the compiled potential agrees with its coefficients."""
    selection = {"functions": 7}
    settings = fit_settings(
        tmp_path, copper_data, solver={"selection": selection}, data={"seed": 3},
        assembly={"cache": cache},
    )  # fmt: skip
    result = fit(settings)
    values = np.array(result.coefficients.values["Cu"])
    assert result.selection is not None
    assert np.count_nonzero(values) == 7
    np.testing.assert_array_equal(np.flatnonzero(values), result.selection.functions)
    atoms, energy = cell(202), result.coefficients.atomic_energies["Cu"]
    found, rows = result.model.compute(atoms), result.model.design_rows(atoms)
    np.testing.assert_allclose(found.energies.sum(), rows.energy @ values + 4 * energy, rtol=1e-10)
    np.testing.assert_allclose(found.forces, rows.forces @ values, atol=1e-9)
    document = json.loads((result.directory / "report.json").read_text())
    assert document["functions"]["used"] == document["selection"]["functions"] == 7
    assert "| functions | val. E RMSE | val. F RMSE |" in (result.directory / "report.md").read_text()
    full = fitted.document["errors"][3]["forces"]["rmse"]
    assert document["errors"][3]["forces"]["rmse"] > full


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("given", [None, {"Cu": -0.2, "Au": 0.1}])
def test_bayes_leaves_uncertainties(given: dict[str, float] | None, tmp_path: Path, cache: str) -> None:
    """Those of the calculator are √(xᵀΣx) with Σ by explicit algebra from the rows of the data."""
    train = [with_emt(cell(seed, "Cu Au")) for seed in range(25)]
    more = {} if given is None else {"atomic_energies": given}
    solver = {"kind": "bayes", "smoothness": 1.0}
    settings = fit_settings(tmp_path, train, ALLOY, solver=solver, assembly={"cache": cache}, **more)
    result = fit(settings)
    model, found = result.model, result.fit
    everything = result.parts.training.configurations
    directions = composition_directions(everything, model.elements) if given is None else np.zeros((2, 0))

    def counts(atoms: Atoms) -> Floats:
        return np.array([atoms.get_chemical_symbols().count(e) for e in model.elements]) @ directions

    k = directions.shape[1]
    precision = np.zeros((k + 2 * model.n_basis,) * 2)
    rows = [model.design_rows(c.atoms) for c in everything]
    forces = np.concatenate([row.forces.reshape(-1, 2 * model.n_basis) for row in rows])
    sizes = np.sqrt(np.mean(forces**2, axis=0)) * result.problem.levels
    precision[range(k, len(precision)), range(k, len(precision))] = found.precision * sizes**2  # type: ignore[union-attr]
    noise = found.noise  # type: ignore[union-attr]
    for c, row in zip(everything, rows, strict=True):
        n = len(c.atoms)
        blocks = {
            "energy": np.concatenate([counts(c.atoms), row.energy])[None] / n,
            "forces": np.hstack([np.zeros((3 * n, k)), row.forces.reshape(3 * n, -1)]),
            "virial": np.hstack([np.zeros((6, k)), row.virial]) / n,
        }
        for quantity, block in blocks.items():
            precision += block.T @ block / noise[quantity] ** 2
    scale = np.sqrt(np.diag(precision))
    covariance = np.linalg.inv(precision / np.outer(scale, scale)) / np.outer(scale, scale)

    calculator = acegen.ase.Calculator(result.directory / "alloy")
    for seed in (203, 204):
        atoms = cell(seed, "Cu Au")
        own = model.design_rows(atoms)
        x = np.concatenate([counts(atoms), own.energy])
        assert calculator.energy_uncertainty(atoms, exact=True) == pytest.approx(np.sqrt(x @ covariance @ x), rel=1e-4)
        force_rows = own.forces.reshape(12, -1)
        variance = np.einsum("ij,jk,ik->i", force_rows, covariance[k:, k:], force_rows)
        exact = calculator.forces_uncertainty(atoms, exact=True).ravel()
        np.testing.assert_allclose(exact, np.sqrt(variance), rtol=1e-4)
    if given is not None:
        assert model.atomic_energies == given


def test_rows_of_one_composition_and_of_isolated_atoms(tmp_path: Path, cache: str) -> None:
    """Always 1:1: only the sum of the atomic energies is determined. Isolated atoms: all functions vanish."""
    train = []
    for seed in range(10):
        atoms = cell(seed, "Cu Au")
        atoms.symbols = ["Cu", "Au", "Au", "Cu"]
        train.append(with_emt(atoms))
    settings = fit_settings(tmp_path, train, ALLOY, data={"validation": 0.3})
    directions = composition_directions(read_parts(settings).training.configurations, ("Cu", "Au"))
    np.testing.assert_allclose(np.abs(directions), np.full((2, 1), 0.5**0.5))
    compared = held_out_predictions(settings, cache, 1e-2)
    model, parts = acegen.load(Path(cache) / "alloy"), read_parts(settings)
    c = explicit_ridge(model, parts, 0, Weights(30.0, 1.0, 3.0), 0.0, 1e-2)
    assert c[0] == pytest.approx(c[1])
    for comparison, configuration in zip(compared, parts.held_out(0).configurations, strict=True):
        own = model.design_rows(configuration.atoms)
        assert comparison.energy is not None
        assert comparison.energy[1] == pytest.approx(c[0] / 2 + c[1] / 2 + own.energy @ c[2:] / 4, abs=1e-7)
    lonely = [Atoms("Cu", cell=[30] * 3, pbc=True, info={"energy": -1.5}) for _ in range(6)]
    apart = {"validation": save(tmp_path / "apart.xyz", lonely[:2])}
    compared = held_out_predictions(fit_settings(tmp_path, lonely, ALLOY, data=apart), cache, 1e-3)
    assert [c.energy[1] for c in compared if c.energy is not None] == pytest.approx([-1.5] * 2)


# Folders


def test_a_folder_that_is_no_fit_is_not_replaced(tmp_path: Path, copper_data: list[Atoms]) -> None:
    target = tmp_path / "fits" / "copper"
    target.mkdir(parents=True)
    (target / "thesis.tex").write_text("years of work")
    for report in (None, "{}", "[]", "not json", '{"format": "other"}'):
        if report is not None:
            (target / "report.json").write_text(report)
        with pytest.raises(FitError, match="is not an earlier fit"):
            fit(fit_settings(tmp_path, copper_data[:4]))
        assert (target / "thesis.tex").read_text() == "years of work"


def test_errors_by_kind_have_one_total() -> None:
    """Configurations without a kind do not collide with all of them."""

    def one(kind: str, error: float) -> Comparison:
        return Comparison(kind, 1, (0.0, error), None, None)

    assert [row.config_type for row in error_rows("data", [one("unnamed", 1.0)])] == ["all"]
    assert [row.config_type for row in error_rows("data", [one("a", 1.0)])] == ["a"]
    rows = error_rows("data", [one("unnamed", 1.0), one("a", 3.0)])
    assert [(row.config_type, row.energy.mae) for row in rows if row.energy] == [("a", 3), ("unnamed", 1), ("all", 2)]


def test_compare_counts_missing_labels(fitted: Fitted, tmp_path: Path) -> None:
    bare = cell(206)
    bare.info["energy"] = 1.0
    dataset = read_dataset([save(tmp_path / "x.xyz", [with_emt(cell(205)), bare])], KeySettings(), ["Cu"])
    (row,) = error_rows("data", compare(fitted.result.model, dataset, Silent()))[-1:]
    assert row.energy is not None
    assert row.forces is not None
    assert (row.energy.count, row.forces.count, row.n_atoms) == (2, 12, 8)
