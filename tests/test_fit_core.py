"""The core that is proposed from data: fits repel where they have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from fit_cases import COPPER, cell, fit_settings, with_emt

import acegen
from acegen.fit.compression import compression_curve, rises_to
from acegen.fit.core import INNER, core_tables
from acegen.fit.curves import nearest_distances
from acegen.fit.pictures import error_reach, well_range
from acegen.fit.pipeline import fit
from acegen.spec import load_spec


def test_tables_by_pair() -> None:
    """Just below the smallest distances, whichever way round pairs are given; covalent radii stand in for others."""
    tables = core_tables({("Si", "Si"): 2.0, ("O", "Si"): 1.5}, ["Si", "O"])
    assert tables["zbl"] == tables["inner_cutoff"]
    assert tables["zbl"]["outer"] == pytest.approx({"Si-Si": 1.7, "Si-O": 1.275, "O-O": 0.85 * 0.8 * 1.32}, abs=1e-4)
    assert tables["zbl"]["inner"] == pytest.approx({"Si-Si": 1.4, "Si-O": 1.05, "O-O": 0.7 * 0.8 * 1.32}, abs=1e-4)
    spec: dict[str, Any] = {"basis": {"elements": ["Si", "O"], "order": 2, "level": 4}, "radial": {"cutoff": 4.0}}
    load_spec({"name": "core", **spec, **tables})


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
    # Between the data and the core's end nothing holds this fit, which has seen no such crystal; its fall is bounded.
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
    """A well of 0.3 eV fills the picture below a wall of 50 eV; without a well there is some of the wall."""
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
