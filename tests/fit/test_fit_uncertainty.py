"""What a fit writes to tell when not to trust it: posterior, committee, grades, thresholds, and their report."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from fit_cases import cell, fit_settings, save, with_emt
from numpy.typing import NDArray

import acegen
from acegen.errors import DataWarning, FitError
from acegen.fit import FitResult, fit
from acegen.fit.columns import Columns
from acegen.fit.dataset import Dataset
from acegen.fit.evaluation import compare_linear, compare_with_spread, spread
from acegen.fit.problem import Solution
from acegen.fit.settings import FitSettings, load_settings
from acegen.fit.uncertainty.calibration import LARGEST_SCALE
from acegen.fit.uncertainty.maxvol import TOLERANCE
from acegen.fit.uncertainty.reliability import reliability
from acegen.fit.uncertainty.stage import Fitted
from acegen.posterior import energy_uncertainty, forces_uncertainty, read_posterior
from acegen.store.uncertainty import LEVELS

Floats = NDArray[np.float64]

SPEC: dict[str, Any] = {
    "name": "copper",
    "basis": {"elements": ["Cu"], "order": 2, "level": 5},
    "radial": {"cutoff": 4.5},
}
KINDS = ("rattled", "strained", "hot")


@dataclass(frozen=True)
class FakeAssembler:
    """Columns and composition of a fit of one element."""

    columns: Columns
    composition: tuple[tuple[float, ...], ...] = ((1.0,),)
    atomic_energies: tuple[float, ...] = (0.0,)
    block_bytes: int = 2**24


@dataclass(frozen=True)
class Shared:
    """Data and a cache for all fits of this file."""

    training: list[Atoms]
    test: str
    cache: str

    def settings(self, folder: Path, **changes: Any) -> FitSettings:
        data = {"test": self.test, **changes.pop("data", {})}
        changes = {"uncertainty": {}, **changes}
        assembly = {"cache": self.cache, "processes": 1}
        settings: FitSettings = fit_settings(folder, self.training, SPEC, data=data, assembly=assembly, **changes)
        return settings


@pytest.fixture(scope="module", autouse=True)
def no_pictures() -> Any:
    """No pictures: they take most of the time of a small fit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acegen.fit.pictures.draw_pictures", lambda _result, _folder: {})
        yield


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    folder = tmp_path_factory.mktemp("copper")
    training = [with_emt(cell(seed, rattle=0.05 * (1 + seed % 3)), KINDS[seed % 3]) for seed in range(40)]
    test = [with_emt(cell(seed, rattle=0.05 * (1 + seed % 3)), KINDS[seed % 3]) for seed in range(100, 130)]
    return Shared(training, save(folder / "test.xyz", test), str(folder / "cache"))


@pytest.fixture(scope="module")
def usual(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """A fit with default settings."""
    return fit(shared.settings(tmp_path_factory.mktemp("usual")))


@pytest.fixture(scope="module")
def optimal(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """A fit with an active set, and without a committee."""
    return fit(shared.settings(tmp_path_factory.mktemp("optimal"), uncertainty={"grade": "d-optimality", "members": 0}))


# What is written


def test_a_ridge_fit_has_a_posterior(usual: FitResult) -> None:
    """The covariance of the file is (XᵀX + λ²P²)⁻¹ σ², from the rows of all data."""
    model, chosen = usual.model, usual.fit.chosen  # type: ignore[union-attr]
    rows, targets = list[Floats](), list[Any]()
    for c in usual.parts.training.configurations:
        own, reference = model.design_rows(c.atoms), model.reference(c.atoms)
        assert c.energy is not None
        assert c.forces is not None
        assert c.virial is not None
        n = len(c.atoms)
        one, none = np.array([[float(n)]]), np.zeros((3 * n, 1))
        weights = chosen.weights
        rows.append(weights.energy / n * np.hstack([one, own.energy[None, :]]))
        rows.append(weights.forces * np.hstack([none, own.forces.reshape(3 * n, -1)]))
        rows.append(weights.virial / n * np.hstack([none[:6] * 0, own.virial]))
        targets.append([weights.energy / n * (c.energy - reference.energies.sum())])
        targets.append(weights.forces * (c.forces - reference.forces).ravel())
        targets.append(weights.virial / n * c.virial)
    x, t = np.vstack(rows), np.concatenate(targets)
    penalty = chosen.strength * usual.problem.penalties(chosen.smoothness)
    used = [0, *(1 + usual.problem.used)]
    precision = (x.T @ x + np.diag([0.0, *penalty**2]))[np.ix_(used, used)]
    mean = np.linalg.solve(precision, x[:, used].T @ t)
    objective = np.sum((x[:, used] @ mean - t) ** 2) + np.sum((penalty[usual.problem.used] * mean[1:]) ** 2)
    covariance = np.linalg.inv(precision)[1:, 1:] * objective / (len(x) - 1)
    factor = read_posterior(model.path, model).factor[usual.problem.used]
    scale = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(
        factor @ factor.T / scale / scale[:, None], covariance / scale / scale[:, None], atol=1e-6
    )


def test_the_committee_is_compiled(usual: FitResult) -> None:
    """Eight members whose spread is, over many atoms, that of the exact posterior; forces by the design rows.

    Energies are computed in double precision, gradients in single.
    """
    model, found = usual.model, usual.uncertainty.committee
    assert found is not None
    assert model.n_members == found.members.shape[1] == 8
    posterior = read_posterior(model.path, model)
    ratios = []
    for seed in range(200, 240):
        atoms = cell(seed)
        own = model.committee(atoms)
        rows, members = model.design_rows(atoms), found.members
        forces = np.einsum("nxc,ck->knx", rows.forces, members[1:])
        energy = rows.energy @ members[1:] + len(atoms) * members[0]
        sizes = np.abs(rows.energy) @ np.abs(members[1:]) + len(atoms) * np.abs(members[0])  # they cancel
        terms = np.einsum("nxc,ck->knx", np.abs(rows.forces), np.abs(members[1:]))
        np.testing.assert_allclose(own.forces, forces, rtol=0, atol=1e-6 * terms.max())
        assert np.sqrt(np.mean((own.forces - forces) ** 2)) < 1e-5 * np.sqrt(np.mean(forces**2))
        assert (np.abs(own.energies.sum(axis=0) - energy) < 1e-9 * sizes).all()
        ratios.append(np.mean(own.forces**2) / np.mean(forces_uncertainty(model, posterior, atoms) ** 2))
        ratios.append(np.mean(energy**2) / energy_uncertainty(model, posterior, atoms) ** 2)
    assert 0.5 < np.mean(ratios[::2]) < 2
    assert 0.5 < np.mean(ratios[1::2]) < 2


def test_uncertainties_cover_the_errors(usual: FitResult) -> None:
    """Of held-out data nearly exactly, of test data of the same kinds about."""
    shares = {(own.part, own.quantity): own.shares for own in usual.reliability.coverages}
    assert set(shares) == {(part, q) for part in ("validation", "test") for q in ("energy", "forces")}
    assert shares["validation", "forces"] == pytest.approx(LEVELS, abs=0.01)
    assert shares["test", "forces"] == pytest.approx(LEVELS, abs=0.15)
    found = usual.uncertainty.committee
    assert found is not None
    inside = []
    for c in usual.parts.test.configurations:
        assert c.forces is not None
        deviations = usual.model.uncertainties(c.atoms).forces
        errors = np.abs(usual.model.compute(c.atoms).forces - c.forces)
        inside.append(errors <= found.forces.quantiles[1] * deviations)
    assert np.mean(inside) == pytest.approx(shares["test", "forces"][1], abs=0.01)


def test_grades_tell_what_is_far_from_the_data(usual: FitResult) -> None:
    """Training and test data are below the first threshold, atoms pressed together or without neighbours above it."""
    model = usual.model
    first, second = model.grade_thresholds
    assert model.grade_kind == "leverage"
    assert 1 <= first < second
    data = [*usual.parts.training.configurations, *usual.parts.test.configurations]
    largest = [model.grades(c.atoms).max() for c in data]
    assert np.mean(np.array(largest) > first) < 0.1
    training = np.concatenate([model.grades(c.atoms) for c in usual.parts.training.configurations])
    assert training.max() <= 1 + 1e-6
    pressed = cell(300)
    pressed.set_cell(0.75 * pressed.cell.array, scale_atoms=True)
    assert model.grades(pressed).min() > second
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = model.grades(Atoms("Cu"))
    assert alone[0] > first


def test_active_sets_are_written(optimal: FitResult) -> None:
    """Grades are max |b A⁻¹| with A the descriptors of the environments in the file, by NumPy."""
    model = optimal.model
    places = np.load(optimal.directory / "active_sets.npz")["Cu"]
    configurations = optimal.parts.training.configurations
    assert (places >= 0).all()
    used = optimal.problem.used
    active = np.array([model.descriptors(configurations[c].atoms)[atom, used] for c, atom in places])
    assert active.shape == (len(used), len(used))
    assert np.linalg.cond(active) < 1e6  # so that 1e-10 can be asked for
    for c in (*configurations[:5], *optimal.parts.test.configurations[:5]):
        expected = np.abs(np.linalg.solve(active.T, model.descriptors(c.atoms)[:, used].T)).max(axis=0)
        np.testing.assert_allclose(model.grades(c.atoms), expected, rtol=1e-10)
    training = np.concatenate([model.grades(c.atoms) for c in configurations])
    assert training.max() <= 1 + 2 * TOLERANCE
    assert model.grade_kind == "d-optimality"
    assert model.grade_thresholds[0] >= 1
    assert model.n_members == 0
    assert not hasattr(optimal.uncertainty.committee, "members")


def test_the_report_has_a_section(usual: FitResult, optimal: FitResult) -> None:
    text = (usual.directory / "report.md").read_text()
    document = json.loads((usual.directory / "report.json").read_text())["uncertainty"]
    assert "## When not to trust it" in text
    committee, grades = document["committee"], document["grades"]
    assert [row["configurations"] for row in committee["coverage"]] == [40, 40, 30, 30]
    assert committee["calibrated_by"] == "validation"
    for row in committee["coverage"]:
        counts = [f"{row[key]:,}" for key in ("configurations", "count")]
        cells = [row["part"], row["quantity"], *counts, *(f"{100 * s:.1f} %" for s in row["shares"])]
        assert "| " + " | ".join(cells) in text
    assert [row["part"] for row in grades["distribution"]] == ["training", "held out", "test"]
    assert [row["atoms"] for row in grades["distribution"]] == [160, 160, 120]
    assert grades["thresholds"] == list(usual.model.grade_thresholds)
    other = json.loads((optimal.directory / "report.json").read_text())["uncertainty"]
    assert other["committee"] is None
    assert other["grades"]["active_sets"]["Cu"]["unit_rows"] == 0


def test_the_picture(usual: FitResult, optimal: FitResult) -> None:
    """With and without a committee."""
    from acegen.fit.uncertainty.report import draw_reliability

    for result in (usual, optimal):
        figure = draw_reliability(result.reliability, result.uncertainty)
        assert figure is not None
        assert len(figure.axes[2].patches) >= 3  # histograms of three parts
        assert bool(figure.axes[0].lines) is (result is usual)


# Other settings


def test_nothing_asked_for(shared: Shared, tmp_path: Path) -> None:
    """No grades, no committee: only the posterior."""
    result = fit(shared.settings(tmp_path, uncertainty={"grade": "none", "members": 0}))
    assert not result.model.has_grades
    assert result.model.n_members == 0
    assert "validation" in result.comparisons
    assert "When not to trust it" not in (result.directory / "report.md").read_text()
    assert not (result.model.path / "uncertainty.npz").exists()
    assert (result.model.path / "posterior.npz").exists()


def test_grades_by_the_posterior_of_bayes(shared: Shared, tmp_path: Path) -> None:
    """They are the standard deviations of site energies, in units of the largest usual one."""
    settings = shared.settings(tmp_path, solver={"kind": "bayes"}, uncertainty={"grade": "posterior"})
    result = fit(settings)
    model = result.model
    from acegen.posterior import energies_uncertainty

    posterior = read_posterior(model.path, model)
    ratios = [model.grades(a) / energies_uncertainty(model, posterior, a) for a in (cell(1), cell(77), cell(300))]
    np.testing.assert_allclose(np.concatenate(ratios), ratios[0][0], rtol=1e-6)
    assert model.grade_kind == "posterior"
    assert result.uncertainty.committee is not None
    assert np.quantile(np.abs(result.uncertainty.grades.training), 0.999) == pytest.approx(1)  # type: ignore[union-attr]


def test_without_held_out_data(shared: Shared, tmp_path: Path) -> None:
    """Calibrated by residuals, with a warning; grades have folds of their own."""
    settings = shared.settings(tmp_path, data={"validation": 0.0})
    with pytest.warns(DataWarning, match="nothing was held out: standard deviations"):
        result = fit(settings)
    found, grades = result.uncertainty.committee, result.uncertainty.grades
    assert found is not None
    assert found.part == "training"
    assert found.inflation > 1
    assert grades is not None
    assert not np.isnan(grades.held_out).any()
    assert "since nothing was held out" in (result.directory / "report.md").read_text()
    assert any("nothing was held out" in finding.text for finding in result.findings)


@pytest.mark.filterwarnings("ignore::acegen.errors.DataWarning")
def test_perfect_crystals_do_not_calibrate_forces(tmp_path: Path) -> None:
    """All forces are zero by symmetry: that is said, and deviations of displaced atoms are those of the posterior.

    Rounding calibrated by rounding would give 1e6 eV/Å.
    """
    crystals = [with_emt(bulk("Cu", cubic=True, a=a), "fcc") for a in (3.4, 3.5, 3.6, 3.7, 3.8)]
    result = fit(fit_settings(tmp_path, crystals, SPEC, uncertainty={}))
    found, model = result.uncertainty.committee, result.model
    assert found is not None
    assert found.part == "validation"
    assert found.energy.count == 5
    assert found.forces.count == 0
    assert found.forces.floor == 0
    assert found.forces.scale == max(1.0, found.energy.scale) < LARGEST_SCALE
    assert sum("the forces are zero by symmetry: not calibrated" in finding.text for finding in result.findings) == 1
    text = (result.directory / "report.md").read_text()
    assert "Nothing calibrates forces." in text
    assert "nan" not in text
    atoms = cell(300)
    posterior = read_posterior(model.path, model)
    own = model.uncertainties(atoms).forces
    expected = found.forces.scale * forces_uncertainty(model, posterior, atoms)
    assert 0.3 < np.sqrt(np.mean(own**2) / np.mean(expected**2)) < 3
    assert np.sqrt(np.mean(own**2)) < 1e3


@pytest.mark.parametrize("atoms", [6, 9, 40])
def test_large_test_sets_are_thinned_consistently(
    usual: FitResult, monkeypatch: pytest.MonkeyPatch, atoms: int
) -> None:
    """The errors that deviations are compared with are those of the same configurations, however many are taken."""
    everything = {own.quantity: own for own in usual.reliability.coverages if own.part == "test"}
    fitted = Fitted(
        usual.model,
        FakeAssembler(usual.problem.columns),
        usual.fit.solution,
        (),
        usual.problem.used,
        0.0,
        None,  # type: ignore[arg-type]
    )
    monkeypatch.setattr("acegen.fit.uncertainty.stage._TEST_ATOMS", atoms)
    few = replace(usual.parts, test=Dataset(usual.parts.test.configurations[:4]))
    part = {**usual.comparisons, "test": usual.comparisons["test"][:4]}
    found = reliability(fitted, replace(usual.uncertainty, grades=None), few, part)
    own = {one.quantity: one for one in found.coverages if one.part == "test"}
    step = -(-16 // atoms)
    np.testing.assert_array_equal(own["energy"].errors, everything["energy"].errors[:4:step])
    np.testing.assert_allclose(own["energy"].deviations, everything["energy"].deviations[:4:step], rtol=1e-6)
    assert own["forces"].configurations == len(range(0, 4, step))


def test_spread_is_that_of_explicit_members(usual: FitResult) -> None:
    """Two ways to the same numbers, in blocks of one atom: predictions with each member added to the solution."""
    model, data, solution = usual.model, usual.parts.test, usual.fit.solution
    rng = np.random.default_rng(0)
    deviations = Solution(rng.normal(size=(len(solution.functions), 3)), rng.normal(size=(1, 3)))
    composition, energies, bytes_ = np.eye(1), np.array([-3.5]), 24 * len(solution.functions)
    comparisons, spreads = compare_with_spread(model, solution, deviations, composition, energies, data, bytes_)
    plain = compare_linear(model, solution, composition, energies, data, 2**24)
    only = spread(model, deviations, composition, data, 2**24)
    changed = [
        compare_linear(
            model,
            Solution(
                solution.functions + deviations.functions[:, k], solution.composition + deviations.composition[:, k]
            ),
            composition,
            energies,
            data,
            2**24,
        )
        for k in range(3)
    ]
    for i, (own, before) in enumerate(zip(comparisons, plain, strict=True)):
        assert own.energy == pytest.approx(before.energy, rel=1e-10)
        assert own.energy is not None
        assert own.forces is not None
        np.testing.assert_allclose(own.forces[1], before.forces[1], atol=1e-9)  # type: ignore[index]
        energy = np.mean([(other[i].energy[1] - own.energy[1]) ** 2 for other in changed])  # type: ignore[index]
        forces = np.mean([(other[i].forces[1] - own.forces[1]) ** 2 for other in changed], axis=0)  # type: ignore[index]
        for found in (spreads[i], only[i]):
            assert found.energy == pytest.approx(energy, rel=1e-6)
            np.testing.assert_allclose(found.forces, forces, rtol=1e-5, atol=1e-9 * forces.max())


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("grade", "gamma", ["uncertainty.grade = 'gamma'", '"leverage"', '"d-optimality"', '"none"']),
        ("rank", 2, ["uncertainty.rank = 2", "4 to 4096"]),
        ("rank", 64.5, ["uncertainty.rank = 64.5", "4 to 4096"]),
        ("members", -1, ["uncertainty.members = -1", "0 for no committee"]),
        ("members", True, ["uncertainty.members = True", "0 for no committee"]),
        ("seed", -4, ["uncertainty.seed = -4", "an integer from 0"]),
        ("grades", "leverage", ["uncertainty.grades: unknown key", "did you mean 'grade'?"]),
    ],
)
def test_wrong_settings(key: str, value: Any, parts: list[str]) -> None:
    with pytest.raises(FitError) as error:
        load_settings({"spec": SPEC, "data": {"train": "x.xyz"}, "uncertainty": {key: value}})
    for part in parts:
        assert part in str(error.value)


@pytest.mark.filterwarnings("ignore::acegen.errors.DataWarning")  # four functions describe some data badly
def test_a_sparse_model(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grades and committee see only the functions that were selected.

    A large posterior is not written unasked, and a finding says what needs it.
    """
    monkeypatch.setattr("acegen.fit.pipeline._LARGE", 0.0)
    result = fit(shared.settings(tmp_path, solver={"selection": {"functions": 4}}))
    assert result.selection is not None
    chosen = result.selection.functions
    beside = acegen.load(result.model.path)
    assert beside.has_grades
    assert beside.n_members == 8
    uncertainty = result.uncertainty.uncertainty
    assert uncertainty.grades is not None
    assert uncertainty.committee is not None
    for rows in (uncertainty.grades.rows, uncertainty.committee.rows):
        np.testing.assert_array_equal(np.flatnonzero(np.abs(rows[0]).max(axis=0)), chosen)
    assert uncertainty.grades.rows.shape[1] == 5
    n_left_out = beside.n_basis - len(chosen)
    text = (result.directory / "report.md").read_text()
    assert f"the {n_left_out} functions that were not selected" in text
    assert not (result.model.path / "posterior.npz").exists()
    (text,) = (str(finding) for finding in result.findings if "posterior" in finding.text)
    assert 'acegen select needs it, except for --method maxvol. solver.kind = "bayes" writes it' in text


@pytest.mark.slow
@pytest.mark.parametrize("grade", ["leverage", "d-optimality", "posterior"])
@pytest.mark.parametrize("kind", ["ridge", "bayes"])
def test_pairs_that_never_met_are_far_from_all(grade: str, kind: str, tmp_path: Path) -> None:
    """Gold occurs as an isolated atom only: neighbours of gold are beyond the second threshold, whatever they do."""
    train = [with_emt(cell(seed)) for seed in range(12)]
    alone = Atoms("Au", [[0, 0, 0]], cell=[12.0, 12.0, 12.0], pbc=True)
    train.append(with_emt(alone, "isolated"))
    spec = {**SPEC, "name": "mixed", "basis": {"elements": ["Cu", "Au"], "order": 2, "level": 4}}
    table = {"grade": grade, "members": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        settings = fit_settings(tmp_path, train, spec, uncertainty=table, solver={"kind": kind})
        model = fit(settings).model
    second, usual = model.grade_thresholds[1], cell(100)
    assert model.grades(usual).max() < second
    for atoms in (Atoms("Au2", [[0, 0, 0], [0, 0, 2.5]]), bulk("Au"), Atoms("CuAu", [[0, 0, 0], [0, 0, 2.6]])):
        assert model.grades(atoms).max() > 2 * second
        assert model.uncertainties(atoms).forces.max() > 0 or len(atoms) == 1
        assert model.uncertainties(atoms).energy / len(atoms) > 5 * model.uncertainties(usual).energy / len(usual)
