"""The core proposed from data: fits are repulsive where they have none."""

from __future__ import annotations

import json
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list as ase_neighbours
from fit_cases import COPPER, cell, fit_settings, with_emt
from hypothesis import given, settings
from hypothesis import strategies as st

import acegen
from acegen.fit.compression import compression_curve, rises_to
from acegen.fit.core import INNER, core_tables
from acegen.fit.curves import nearest_distances
from acegen.fit.dataset import Configuration, Dataset
from acegen.fit.pictures import error_reach, well_range
from acegen.fit.pipeline import fit
from acegen.runtime.neighbours import NeighbourList, neighbour_list
from acegen.spec import load_spec


def test_tables_by_pair() -> None:
    """Just below the smallest distances, whichever way round pairs are given; covalent radii stand in for others."""
    tables = core_tables({("Si", "Si"): 2.0, ("O", "Si"): 1.5}, ["Si", "O"])
    assert tables["zbl"] == tables["inner_cutoff"]
    assert tables["zbl"]["outer"] == pytest.approx({"Si-Si": 1.7, "Si-O": 1.275, "O-O": 0.85 * 0.8 * 1.32}, abs=1e-4)
    assert tables["zbl"]["inner"] == pytest.approx({"Si-Si": 1.4, "Si-O": 1.05, "O-O": 0.7 * 0.8 * 1.32}, abs=1e-4)
    spec: dict[str, Any] = {"basis": {"elements": ["Si", "O"], "order": 2, "level": 4}, "radial": {"cutoff": 4.0}}
    load_spec({"name": "core", **spec, **tables})


@pytest.mark.slow
def test_compressed_copper_is_repelled(tmp_path: Path) -> None:
    """With the core energies rise from its end down to 0.5 Å, in crystal and dimer; without, they plunge.

    The data are fitted alike: errors and coefficients are the same.
    """
    frames = [with_emt(cell(seed)) for seed in range(10)]
    plain = fit(fit_settings(tmp_path, frames, solver={"strength": 1e-8}))
    nearest = nearest_distances(plain.parts.training, ("Cu",), 5.0)
    safe_spec = {**COPPER, "name": "safe", **core_tables(nearest, ["Cu"])}
    safe = fit(fit_settings(tmp_path, frames, safe_spec, solver={"strength": 1e-8, "repulsion": False}))
    assert safe.coefficients.values == plain.coefficients.values
    smallest = nearest["Cu", "Cu"]
    distances = np.geomspace(smallest, 0.5, 80)

    def crystal(model: acegen.Model) -> list[float]:
        return [model.compute(bulk("Cu", "fcc", a=r * np.sqrt(2))).energy for r in distances]

    def dimer(model: acegen.Model) -> list[float]:
        return [model.compute(Atoms("Cu2", [[0, 0, 0], [0, 0, r]])).energy for r in distances]

    inside = distances[:-1] < INNER * smallest
    for curve in (crystal, dimer):
        assert (np.diff(curve(safe.model))[inside] > 0).all()
    # Between the data and the core this fit, which has seen no such crystal, is unconstrained; its fall is bounded.
    assert min(crystal(safe.model)) > 0.1 * min(crystal(plain.model))
    assert min(crystal(plain.model)) < crystal(plain.model)[0] - 1000.0

    falling, rising = (compression_curve(f.model, f.parts.training, nearest) for f in (plain, safe))
    assert falling is not None
    assert rising is not None
    assert rising.data == falling.data <= rising.distance[0]
    assert falling.energy.min() < 10 * min(rising.energy.min(), -1.0)
    assert (np.diff(rising.energy[rising.distance < INNER * smallest]) > 0).all()
    report = json.loads((safe.directory / "report.json").read_text())["repulsion"]
    assert report["Cu, scaled"] == {"data": rising.data, "rises_to": rising.rises_to}
    assert report["Cu-Cu dimer"]["data"] == pytest.approx(smallest)
    assert "| Cu, scaled | " in (safe.directory / "report.md").read_text()
    assert (safe.directory / "compression.png").stat().st_size > 5000


def test_where_a_rise_ends() -> None:
    """At the first fall, at the end without one, and at once if it falls from the start."""
    distance = np.array([2.0, 1.5, 1.0, 0.5])
    assert rises_to(distance, np.array([0.0, 1.0, 0.5, 9.0])) == 1.5
    assert rises_to(distance, np.array([0.0, 1.0, 2.0, 9.0])) == 0.5
    assert rises_to(distance, np.array([0.0, -1.0, 2.0, 9.0])) == 2.0


def test_range_of_dimer_pictures() -> None:
    """A well of 0.3 eV fills the plot below a wall of 50 eV; without a well part of the wall is shown."""
    low, high = well_range(np.array([50.0, 5.0, 0.1, -0.3, -0.1, 0.0]))
    assert -0.5 < low < -0.3
    assert 0.2 < high < 0.5
    assert well_range(np.array([8.0, 1.0, 0.0])) == pytest.approx((-0.4, 2.2))
    low, high = well_range(np.zeros(3))
    assert low < high


def test_one_outlier_does_not_set_the_range_of_errors() -> None:
    """Among few and among many; without one the range holds nearly all."""
    for count in (20, 5000):
        sizes = np.abs(np.random.default_rng(0).normal(size=count))
        assert 2.0 < error_reach(sizes) < 5.0
        assert error_reach(np.append(sizes, 1e6)) < 10.0
    assert error_reach(np.array([0.0, 0.0, 1.0])) > 0


@given(seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=3), cutoff=st.sampled_from([2.0, 3.5, 6.0]))
@settings(deadline=None, max_examples=25)
def test_smallest_distances_by_ase(seeds: list[int], cutoff: float) -> None:
    """Of pairs that are close and of others, against ASE's neighbour lists, by pair in the order of elements."""
    elements, data = ("Cu", "Au", "Pd"), []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        atoms = bulk("Cu", cubic=True, a=rng.uniform(3.0, 7.0))
        atoms.rattle(0.2, rng=rng)
        atoms.symbols = rng.choice(elements[: rng.integers(1, 4)], size=len(atoms))
        data.append(Configuration(atoms, "", "", None, None, None))
    expected: dict[tuple[str, str], float] = {}
    for configuration in data:
        symbols = configuration.atoms.get_chemical_symbols()
        for i, j, d in zip(*ase_neighbours("ijd", configuration.atoms, cutoff), strict=True):
            key = (symbols[i], symbols[j])
            if elements.index(key[0]) <= elements.index(key[1]):
                expected[key] = min(d, expected.get(key, np.inf))
    found = nearest_distances(Dataset(tuple(data)), elements, cutoff)
    assert list(found) == [pair for pair in combinations_with_replacement(elements, 2) if pair in expected]
    assert found == pytest.approx(expected, abs=1e-10)


def test_long_lists_only_for_pairs_that_are_nowhere_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copper has close neighbours; only structures with both elements are searched again for distant Cu and Au."""
    far = Atoms("CuAu", [[0, 0, 0], [0, 0, 5.0]])
    structures = [bulk("Cu", cubic=True), bulk("Au", cubic=True), far]
    lists: list[tuple[int, float]] = []

    def counted(atoms: Atoms, cutoff: float) -> NeighbourList:
        lists.append((len(atoms), cutoff))
        return neighbour_list(atoms, cutoff)

    monkeypatch.setattr("acegen.fit.curves.neighbour_list", counted)
    data = Dataset(tuple(Configuration(atoms, "", "", None, None, None) for atoms in structures))
    found = nearest_distances(data, ("Cu", "Au"), 6.0)
    assert found["Cu", "Au"] == 5.0
    assert lists == [(4, 3.5), (4, 3.5), (2, 3.5), (2, 6.0)]
