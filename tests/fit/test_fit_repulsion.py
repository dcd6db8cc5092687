"""Energies of compressed structures rise, with the least change of the fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from fit_cases import COPPER, cell, fit_settings, with_emt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import acegen
from acegen.fit.compression import scaled
from acegen.fit.curves import nearest_distances
from acegen.fit.dataset import Configuration, Dataset
from acegen.fit.pipeline import fit
from acegen.fit.repulsion import Demands, nearest_that_obeys, squeezed
from acegen.fit.result import FitResult
from acegen.progress import Silent

CORE: dict[str, Any] = {
    **COPPER,
    "name": "held",
    "zbl": {"inner": 1.5, "outer": 1.8},
    "inner_cutoff": {"inner": 1.5, "outer": 1.8},
}


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> tuple[FitResult, FitResult]:
    """The same data fitted without and with the demands."""
    frames = [with_emt(cell(seed)) for seed in range(10)]
    folder = tmp_path_factory.mktemp("repulsion")
    free, held = (
        fit(
            fit_settings(
                folder, frames, CORE, solver={"strength": 1e-8, "repulsion": wanted}, output=str(folder / name)
            )
        )
        for name, wanted in (("free", False), ("held", True))
    )
    return free, held


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n_demands=st.integers(1, 12), n=st.integers(1, 6))
def test_nearest_against_a_general_solver(seed: int, n_demands: int, n: int) -> None:
    """The least step that satisfies the demands, found by sequential quadratic programming from several starts."""
    rng = np.random.default_rng(seed)
    functions, root = rng.normal(size=n), rng.normal(size=(n, n))
    inside = functions + root @ rng.normal(size=n)
    rows = rng.normal(size=(n_demands, n))
    demands = Demands(rows, rows @ inside - rng.exponential(size=n_demands), 1)
    z = nearest_that_obeys(functions, root, demands, 1.0)
    assert (rows @ (functions + root @ z) >= demands.rises - 1e-5 * (1 + np.linalg.norm(z))).all()
    found = minimize(
        lambda x: x @ x,
        np.linalg.solve(root, inside - functions),
        jac=lambda x: 2 * x,
        constraints={
            "type": "ineq",
            "fun": lambda x: rows @ (functions + root @ x) - demands.rises,
            "jac": lambda _: rows @ root,
        },
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert z @ z <= found.x @ found.x * (1 + 1e-3) + 1e-6
    if found.success:
        np.testing.assert_allclose(z, found.x, atol=1e-2 * (1 + np.linalg.norm(found.x)))


def test_who_obeys_is_left_alone() -> None:
    """A solution that meets all demands is not changed at all."""
    demands = Demands(np.array([[1.0, 2.0]]), np.array([3.0]), 1)
    assert not nearest_that_obeys(np.array([1.0, 1.0]), np.eye(2), demands, 1.0).any()
    assert nearest_that_obeys(np.array([1.0, 0.9]), np.eye(2), demands, 1.0).any()


def test_what_contradicts_itself_is_shared() -> None:
    """c ≥ 1 and -c ≥ 1: both are missed by the same amount, and nothing diverges."""
    demands = Demands(np.array([[1.0], [-1.0]]), np.array([1.0, 1.0]), 1)
    z = nearest_that_obeys(np.array([0.25]), np.eye(1), demands, 1.0)
    assert 0.25 + z[0] == pytest.approx(0.0, abs=1e-4)
    assert demands.missed(np.array([0.25 + z[0]])) == 2


def test_demands_are_differences_of_energies(fits: tuple[FitResult, FitResult]) -> None:
    """Rows times coefficients plus the fixed part: energy differences of the compiled potential between scales."""
    _, held = fits
    basis = acegen.load(held.model.path)
    one = held.parts.training.configurations[0]
    data = Dataset((one,))
    near = nearest_distances(data, basis.elements, basis.cutoff)
    demands = squeezed(held.settings.whole_spec, basis, data, near, Silent())
    assert demands is not None
    assert demands.n_structures == 2  # the cell and a dimer
    atoms, functions = one.atoms, held.fit.solution.functions
    distances = atoms.get_all_distances(mic=True)[np.triu_indices(len(atoms), 1)]
    nearest = float(distances.min())
    scales = [1.0 - 0.005 * k for k in range(6)]  # its own first pair is the closest of the data
    energies = [held.model.compute(scaled(atoms, scale)).energies.mean() for scale in scales]
    rises = demands.rows @ functions - demands.rises + 5e-4
    np.testing.assert_allclose(rises[:5], np.diff(energies), rtol=1e-9, atol=1e-11)
    dimer = [held.model.compute(Atoms("Cu2", [[0, 0, 0], [0, 0, nearest * s]])).energies.mean() for s in scales]
    last = len(rises) - np.argmax((np.abs(rises[::-1, None] - np.diff(dimer)[None, 0]) < 1e-9)[:, 0]) - 1
    np.testing.assert_allclose(rises[last : last + 5], np.diff(dimer), rtol=1e-9, atol=1e-11)


def test_copper_that_was_never_dense(fits: tuple[FitResult, FitResult]) -> None:
    """Unconstrained, the energy plunges; held, it rises down to 0.5 Å, and the data are fitted nearly as well."""
    free, held = fits
    smallest = min(free.repulsion.nearest.values())

    def crystal(model: acegen.Model, structure: str) -> np.ndarray:
        distances = np.geomspace(smallest, 0.5, 150)
        primitive = bulk("Cu", structure, a=1.0)
        near = {"fcc": np.sqrt(0.5), "bcc": np.sqrt(0.75), "sc": 1.0}[structure]
        return np.array([model.compute(scaled(primitive, r / near)).energy for r in distances])

    assert free.repulsion.compression is not None
    assert held.repulsion.compression is not None
    assert free.repulsion.compression.rises_to > 1.0
    assert np.diff(crystal(free.model, "fcc")).clip(max=0).sum() < -20.0
    assert held.repulsion.compression.rises_to == pytest.approx(0.5)
    assert held.repulsion.dimers["Cu", "Cu"] == pytest.approx(0.5)
    for other in ("fcc", "bcc", "sc"):  # not one of the compressed structures
        assert np.diff(crystal(held.model, other)).clip(max=0).sum() > -1.0
    own = held.fit.held
    assert own is not None
    assert own.missed_before > 0
    assert own.missed == 0
    assert 0 < own.price < 0.3
    errors = [[abs(c.forces[0] - c.forces[1]).mean() for c in f.comparisons["training"]] for f in (free, held)]
    assert np.mean(errors[1]) < 1.3 * np.mean(errors[0])
    report = json.loads((held.directory / "report.json").read_text())
    assert report["held"]["missed_before"] == own.missed_before
    assert "The nearest solution that satisfies them was taken" in (held.directory / "report.md").read_text()
    assert json.loads((free.directory / "report.json").read_text())["held"] is None


def test_validation_is_of_solutions_that_obey(fits: tuple[FitResult, FitResult]) -> None:
    """Each fold is predicted by a fit without it that was held like the final one."""
    free, held = fits
    assert free.fit.chosen == held.fit.chosen  # hyperparameters are chosen without demands
    pairs = zip(free.comparisons["validation"], held.comparisons["validation"], strict=True)
    assert any((a.forces[1] != b.forces[1]).any() for a, b in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("solver", [{"kind": "bayes"}, {"selection": {"functions": 12}}], ids=["bayes", "selection"])
def test_other_solvers_obey(tmp_path: Path, solver: dict[str, Any]) -> None:
    """A posterior mean too; and functions that were not selected stay out."""
    frames = [with_emt(cell(seed)) for seed in range(8)]
    result = fit(fit_settings(tmp_path, frames, CORE, solver=solver))
    own = result.fit.held
    assert own is not None
    assert own.missed <= own.missed_before
    if "kind" in solver:
        assert own.missed == 0
        assert result.repulsion.compression is not None
        assert result.repulsion.compression.rises_to == pytest.approx(0.5)
    else:
        assert np.count_nonzero(result.fit.solution.functions) <= 12


def test_large_structures_are_squeezed_too(fits: tuple[FitResult, FitResult]) -> None:
    """Where all have more than 200 atoms, the smallest."""
    _, held = fits
    large = [cell(seed).repeat((4, 4, 4 + seed)) for seed in range(2)]
    data = Dataset(tuple(Configuration(atoms, "", "", None, None, None) for atoms in large))
    near = nearest_distances(data, held.model.elements, held.model.cutoff)
    demands = squeezed(held.settings.whole_spec, held.model, data, near, Silent())
    assert demands is not None
    assert demands.n_structures == 2  # with the dimer


def test_nothing_is_demanded_without_a_core(fits: tuple[FitResult, FitResult]) -> None:
    """Then nothing defines where the rise should end."""
    _, held = fits
    for missing in ("zbl", "inner_cutoff"):
        spec = held.settings.whole_spec.model_copy(update={missing: None})
        assert squeezed(spec, held.model, held.parts.training, held.repulsion.nearest, Silent()) is None
