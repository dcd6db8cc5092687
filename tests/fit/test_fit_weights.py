"""Weights in files: by configuration, by quantity, by atom; exclusions, and invalid weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from fit_cases import COPPER, cell, fit_settings, save, with_emt

import acegen
from acegen.errors import DataWarning, FitError
from acegen.fit.assembly import assemble, make_assembler
from acegen.fit.data import read_dataset, read_parts
from acegen.fit.dataset import Dataset
from acegen.fit.evaluation import compare, error_rows
from acegen.fit.factor import Factor
from acegen.fit.settings import FitSettings, KeySettings
from acegen.progress import Silent

Floats = np.ndarray[Any, np.dtype[np.float64]]

BY_ATOM = np.array([0.0, 2.0, 0.5, 1.0])


def weighted(seed: int = 0, **weights: Any) -> Atoms:
    atoms = with_emt(cell(seed))
    for name, weight in weights.items():
        if np.ndim(weight):
            atoms.arrays[name] = np.asarray(weight)
        else:
            atoms.info[name] = weight
    return atoms


def read(folder: Path, *frames: Atoms, **keys: Any) -> Dataset:
    return read_dataset([save(folder / "data.xyz", list(frames))], KeySettings(**keys), ("Cu",))


@pytest.fixture(scope="module")
def basis(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    spec = {**COPPER, "basis": {"elements": ["Cu"], "order": 2, "level": 4}}
    return acegen.compile(spec, tmp_path_factory.mktemp("basis"))


def settings_of(folder: Path, basis: acegen.Model, frames: list[Atoms], **sections: Any) -> FitSettings:
    cache = folder / "cache"
    if not cache.exists():
        shutil.copytree(basis.path, cache / "copper")
    spec = {**COPPER, "basis": {"elements": ["Cu"], "order": 2, "level": 4}}
    given = {"assembly": {"processes": 1, "cache": str(cache)}, "atomic_energies": {"Cu": 0.0}, **sections}
    return fit_settings(folder, frames, spec, data={"validation": 0.0}, **given)


def factors(settings: FitSettings, basis: acegen.Model) -> dict[str, Factor]:
    parts, cache = read_parts(settings), settings.assembly.cache
    assert cache is not None
    problem, _, _ = assemble(settings, make_assembler(settings, basis, parts, cache), parts, Silent())
    return problem.everything


def assert_rows(factor: Factor, rows: Floats) -> None:
    """The triangle and the number of rows are those of the given matrix."""
    gram = rows.T @ rows
    np.testing.assert_allclose(factor.matrix.T @ factor.matrix, gram, atol=1e-12 * np.abs(gram).max())
    assert factor.n_rows == len(rows)


WEIGHTS = {"weight": 3.0, "energy_weight": 5.0, "forces_weight": BY_ATOM, "virial_weight": 0.25}


def test_rows_are_weighted_by_definition(basis: acegen.Model, tmp_path: Path) -> None:
    """Against the design matrix from `design_rows`; atoms of weight zero leave no rows, kinds multiply."""
    frames = [weighted(0, **WEIGHTS), weighted(1)]
    found = factors(settings_of(tmp_path, basis, frames, weights={"config_type": {"rattled": 2.0}}), basis)
    first, second = read(tmp_path, *frames).configurations
    energy, forces, virial = [], [], []
    for c, by in ((first, (30.0, 6 * BY_ATOM, 1.5)), (second, (2.0, 2 * np.ones(4), 2.0))):
        own = basis.design_rows(c.atoms)
        assert c.forces is not None
        assert c.energy is not None
        assert c.virial is not None
        energy.append(by[0] / 4 * np.append(own.energy, c.energy)[None])
        rows = np.repeat(by[1], 3)[:, None] * np.column_stack([own.forces.reshape(12, -1), c.forces.ravel()])
        forces.append(rows[np.repeat(by[1] > 0, 3)])
        virial.append(by[2] / 4 * np.column_stack([own.virial, c.virial]))
    for quantity, expected in (("energy", energy), ("forces", forces), ("virial", virial)):
        assert_rows(found[quantity], np.concatenate(expected))


def test_units_of_other_weights_are_not_taken_from_the_cache(basis: acegen.Model, tmp_path: Path) -> None:
    before = factors(settings_of(tmp_path, basis, [weighted(0)]), basis)
    for name, weight in {**WEIGHTS, "stress_weight": 0.25, "forces_weight": 2.0}.items():
        after = factors(settings_of(tmp_path, basis, [weighted(0, **{name: weight})]), basis)
        changed = {q for q in before if not np.allclose(np.abs(before[q].matrix), np.abs(after[q].matrix))}
        everything = {"energy", "forces", "virial"}
        expected = {"weight": everything, "stress_weight": {"virial"}}.get(name, {name.removesuffix("_weight")})
        assert changed == expected


def test_content_has_the_weights(tmp_path: Path) -> None:
    variants = [{}, *({name: weight} for name, weight in WEIGHTS.items()), {"forces_weight": BY_ATOM + 1}]
    contents = {c.content for c in read(tmp_path, *(weighted(0, **own) for own in variants)).configurations}
    assert len(contents) == len(variants)


def test_zero_excludes(tmp_path: Path) -> None:
    names = ("weight", "energy_weight", "forces_weight", "virial_weight", "stress_weight")
    dataset = read(tmp_path, weighted(9), *(weighted(seed, **{name: 0.0}) for seed, name in enumerate(names)))
    assert dataset.n_excluded == 1
    assert len(dataset.configurations) == 5
    missing = [[c.energy is None, c.forces is None, c.virial is None] for c in dataset.configurations]
    assert missing == [[i == 0, i == 1, i in (2, 3)] for i in (-1, 0, 1, 2, 3)]
    assert dataset.missing == {"energy": 1, "forces": 1, "virial": 2, "all": 0}


def test_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(FitError, match=r"data\.xyz: all 2 configurations have the weight 0 \('weight'\)"):
        read(tmp_path, weighted(0, weight=0), weighted(1, weight=0))


def test_what_is_excluded_need_not_make_sense(tmp_path: Path) -> None:
    """A configuration of weight zero may hold another element or coincident atoms."""
    gold, close = weighted(0, weight=0), weighted(1, weight=0)
    gold.symbols[0] = "Au"
    close.positions[1] = close.positions[0]
    assert len(read(tmp_path, gold, weighted(2), close).configurations) == 1


@pytest.mark.slow
def test_forces_of_weight_zero_are_not_counted(basis: acegen.Model, tmp_path: Path) -> None:
    """They count neither as labels nor in errors."""
    wrong = weighted(0, forces_weight=BY_ATOM)
    wrong.calc.results["forces"][0] = 1e6
    dataset = read(tmp_path, wrong)
    assert dataset.n_labels["forces"] == 9
    values = {"Cu": [0.0] * basis.n_basis}
    model = acegen.compile(
        {**COPPER, "basis": {"elements": ["Cu"], "order": 2, "level": 4}}, tmp_path,
        acegen.Coefficients(values, {"Cu": 0.0}, basis.basis_hash),
    )  # fmt: skip
    (row,) = error_rows("data", compare(model, dataset, Silent()))
    assert row.forces is not None
    assert row.forces.count == 9
    assert row.forces.largest < 1e3


def test_other_keys(tmp_path: Path) -> None:
    atoms = weighted(0, config_weight=2.0, config_energy_weight=3.0)
    chosen = {"weight": "config_weight", "energy_weight": "config_energy_weight"}
    (found,) = read(tmp_path, atoms, **chosen).configurations
    assert (found.weight, found.weights.energy, found.weights.forces, found.weights.virial) == (2, 3, 1, 1)
    with pytest.raises(FitError, match=r"no configuration has 'w' \(data\.keys\.weight\)"):
        read(tmp_path, weighted(0), weight="w")
    (found,) = read(tmp_path, weighted(0, weight=-1.0), weight="").configurations
    assert found.weight == 1


@pytest.mark.parametrize("name", ["config_weight", "w_energy", "energy_weights", "REF_weight"])
def test_weights_under_other_names_are_not_ignored_in_silence(tmp_path: Path, name: str) -> None:
    with pytest.warns(DataWarning, match=rf"'{name}' looks like a weight and is not used; weights are 'weight' or"):
        read(tmp_path, weighted(0, **{name: 2.0}))


@pytest.mark.parametrize("name", ["weight", "energy_weight", "forces_weight", "virial_weight", "stress_weight"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.0, "is -1; it must be a number from 0"),
        (np.nan, "is nan; it must be a number from 0"),
        (np.inf, "is inf; it must be a number from 0"),
        (1e7, r"is 1e\+07; it must be a number from 0"),
        ("much", "is not a number: 'much'"),
        ("1 2", r"has the shape 2; it must be one number"),
    ],
)
def test_weights_that_make_no_sense(tmp_path: Path, name: str, value: Any, message: str) -> None:
    with pytest.raises(FitError, match=rf"data\.xyz, configuration 1: .*'{name}' {message}"):
        read(tmp_path, weighted(0), weighted(1, **{name: value}))


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.ones((4, 3)), r"has the shape 4 × 3; it must be one number, or 4, one for each atom"), (-BY_ATOM, "is -2; ")],
)
def test_weights_by_atom_that_make_no_sense(tmp_path: Path, value: Floats, message: str) -> None:
    with pytest.raises(FitError, match=rf"configuration 0: the weight 'forces_weight' {message}"):
        read(tmp_path, weighted(0, forces_weight=value))


def test_contradicting_weights(tmp_path: Path) -> None:
    both = weighted(0, virial_weight=2.0, stress_weight=2.0)
    assert read(tmp_path, both).configurations[0].weights.virial == 2
    with pytest.raises(FitError, match=r"configuration 0: 'virial_weight' is 2 and 'stress_weight' 3"):
        read(tmp_path, weighted(0, virial_weight=2.0, stress_weight=3.0))


@pytest.mark.parametrize("label", ["energy", "forces", "stress"])
def test_weights_of_labels_that_are_missing(tmp_path: Path, label: str) -> None:
    frames = [weighted(seed, **{f"{label}_weight": 2.0}) for seed in range(5)]
    for atoms in frames[1:]:
        del atoms.calc.results[label]
        atoms.calc.results.pop("free_energy", None)
    with pytest.warns(DataWarning, match=rf"'{label}_weight' is given without '.*: .*configuration 1; .*; and 1 more"):
        read(tmp_path, *frames)
    for atoms in frames:
        atoms.info[f"{label}_weight"] = 0.0
    read(tmp_path, *frames)
