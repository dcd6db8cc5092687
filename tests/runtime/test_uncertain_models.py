"""Grades and committees of compiled models, against their definitions from descriptors and design matrix."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from structures import central_difference, quartz_like
from uncertain_models import (
    CALIBRATION,
    OXIDE,
    QUANTILES,
    THRESHOLDS,
    random_coefficients,
    random_uncertainty,
    uncertain_model,
)

import acegen
from acegen.cli.main import main
from acegen.options import BuildOptions
from acegen.runtime.environments import Batch, Neighbourhoods
from acegen.store.coefficients import coefficients_hash
from acegen.store.files import is_own
from acegen.store.manifest import read_manifest
from acegen.store.uncertainty import Committee, Grades, Uncertainty, bound_to, read_uncertainty, write_uncertainty

pytestmark = pytest.mark.filterwarnings("ignore::acegen.IsolatedAtomWarning")

PLAIN = BuildOptions(backend="plain")
COMPILED = [("plain", "leverage"), ("plain", "d-optimality"), ("lanes", "posterior"), ("lanes", "d-optimality")]

DOUBLE, SINGLE = 1e-12, 2e-6
"""Relative to the largest: the backend "lanes" evaluates gradients of members in single precision."""

Compiled = tuple[acegen.Model, Uncertainty]


@pytest.fixture(scope="module", params=COMPILED, ids="-".join)
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """A potential with grades and committee, by each backend, with grades of each kind."""
    backend, kind = request.param
    return uncertain_model(tmp_path_factory.mktemp("uncertain"), kind, BuildOptions(backend=backend))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """One of them."""
    return uncertain_model(tmp_path_factory.mktemp("plain"), options=PLAIN)


def rows_of(part: Grades | Committee, model: acegen.Model, atoms: Atoms) -> np.ndarray:
    """rows b + constants of every atom, (N, K), with NumPy from the basis kernel."""
    species = [model.elements.index(symbol) for symbol in atoms.symbols]
    rows = zip(species, model.descriptors(atoms), strict=True)
    return np.array([part.rows[z] @ values + part.constants[z] for z, values in rows])


def test_grades_are_norms_of_combinations(compiled: Compiled) -> None:
    """√Σ(rows b + constants)² or max |rows b|, by NumPy; of structures, and of environments one by one."""
    model, uncertainty = compiled
    assert uncertainty.grades is not None
    assert (model.has_grades, model.grade_kind, model.grade_thresholds) == (True, uncertainty.grades.kind, THRESHOLDS)
    for seed in range(4):
        atoms = quartz_like(seed)
        combined = rows_of(uncertainty.grades, model, atoms)
        expected = np.abs(combined).max(axis=1)
        if model.grade_kind != "d-optimality":
            expected = np.sqrt((combined**2).sum(axis=1))
        grades = model.grades(atoms)
        np.testing.assert_allclose(grades, expected, rtol=1e-11)
    environments, pairs = model.environments(atoms)
    np.testing.assert_array_equal(model.grades_of(environments), grades)
    own = slice(pairs.first[4], pairs.first[5])
    numbers = atoms.numbers[pairs.neighbour[own]]
    assert model.grade(atoms.numbers[4], numbers, pairs.displacement[own]) == pytest.approx(grades[4], rel=1e-12)


def test_members_are_their_coefficients_in_the_design_matrix(compiled: Compiled) -> None:
    """Energies, forces and virials of every member, linear in its coefficients."""
    model, uncertainty = compiled
    committee = uncertainty.committee
    assert committee is not None
    assert model.n_members == 8
    for seed in range(3):
        atoms = quartz_like(seed)
        members, rows = model.committee(atoms), model.design_rows(atoms)
        coefficients = committee.rows.transpose(0, 2, 1).reshape(-1, 8)
        energies = rows_of(committee, model, atoms)
        forces = (rows.forces @ coefficients).transpose(2, 0, 1)
        virials = (rows.virial @ coefficients).T
        made = members.virials[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        rounding = SINGLE if read_manifest(model.path).options["backend"] == "lanes" else DOUBLE
        compared = [(members.energies, energies, DOUBLE), (members.forces, forces, rounding), (made, virials, rounding)]
        for actual, expected, tolerance in compared:
            assert actual.shape == expected.shape
            np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_forces_of_members_are_derivatives_of_their_energies(plain: Compiled) -> None:
    """By a difference along a random direction, of all members at once."""
    model, _ = plain
    atoms = quartz_like(5)
    direction = np.random.default_rng(0).normal(size=(9, 3))

    def energies(step: float) -> np.ndarray:
        moved = atoms.copy()
        moved.positions += step * direction
        return model.committee(moved).energies.sum(axis=0)

    slopes = central_difference(energies, 1e-3)  # type: ignore[arg-type,type-var]
    expected = -np.einsum("kij,ij->k", model.committee(atoms).forces, direction)
    np.testing.assert_allclose(slopes, expected, rtol=1e-7)


@pytest.mark.slow
def test_small_members_of_large_coefficients(plain: Compiled, tmp_path: Path) -> None:
    """Samples of the posterior of a fit to a few structures: large coefficients that almost cancel in these."""
    model, uncertainty = plain
    structures = [quartz_like(seed) for seed in range(20)]
    values = np.concatenate([model.descriptors(atoms) for atoms in structures])
    species = np.concatenate([[model.elements.index(symbol) for symbol in atoms.symbols] for atoms in structures])
    rng, rows = np.random.default_rng(4), []
    for z in range(2):
        _, scales, directions = np.linalg.svd(values[species == z], full_matrices=False)
        used = scales > 1e-10 * scales[0]
        rows.append(rng.normal(size=(8, used.sum())) / scales[used] @ directions[used])
    assert uncertainty.committee is not None
    committee = replace(uncertainty.committee, rows=np.array(rows), constants=np.zeros((2, 8)))
    deviations = np.array([rows[z] @ own for z, own in zip(species, values, strict=True)])
    terms = np.array([np.abs(rows[z]) @ np.abs(own) for z, own in zip(species, values, strict=True)])
    assert np.mean(np.abs(deviations)) < 1e-3 * np.mean(terms)
    coefficients = random_coefficients(uncertainty)
    own = acegen.compile(OXIDE, tmp_path, coefficients, uncertainty=Uncertainty(model.basis_hash, None, committee))
    energies = np.concatenate([own.committee(atoms).energies for atoms in structures])
    np.testing.assert_allclose(energies, deviations, rtol=0, atol=1e-9 * np.abs(deviations).max())
    coefficients_of_members = committee.rows.transpose(0, 2, 1).reshape(-1, 8)
    for atoms in structures[::5]:
        expected = (model.design_rows(atoms).forces @ coefficients_of_members).transpose(2, 0, 1)
        terms = (np.abs(model.design_rows(atoms).forces) @ np.abs(coefficients_of_members)).max(axis=(0, 1))
        rms = np.sqrt(np.mean(expected**2, axis=(1, 2)))
        assert np.mean(rms) < 1e-2 * np.mean(terms)
        worst = np.abs(own.committee(atoms).forces - expected).max(axis=(1, 2))
        assert (worst <= 1e-5 * rms + 2**-24 * terms).all()


@pytest.mark.slow
def test_members_are_models_minus_the_model(plain: Compiled, tmp_path: Path) -> None:
    """The potential compiled with the coefficients of a member added to its own; nothing of the basis kernel."""
    model, uncertainty = plain
    committee, coefficients = uncertainty.committee, random_coefficients(uncertainty)
    assert committee is not None
    atoms = quartz_like(6)
    members, mean = model.committee(atoms), model.compute(atoms)
    member = 5
    values = {
        element: np.add(values, committee.rows[z, member])
        for z, (element, values) in enumerate(coefficients.values.items())
    }
    energies = {
        element: energy + float(committee.constants[z, member])
        for z, (element, energy) in enumerate(coefficients.atomic_energies.items())
    }
    own = acegen.Coefficients(values, energies, uncertainty.basis_hash)
    result = acegen.compile(OXIDE, tmp_path, own, options=PLAIN).compute(atoms)
    np.testing.assert_allclose(members.energies[:, member], result.energies - mean.energies, rtol=0, atol=1e-9)
    np.testing.assert_allclose(members.forces[member], result.forces - mean.forces, rtol=0, atol=1e-9)
    np.testing.assert_allclose(members.virials[member], result.virial - mean.virial, rtol=0, atol=1e-8)


def test_uncertainties_are_calibrated_spreads(plain: Compiled) -> None:
    """√(floor² + scale² v), written out; the floor of an energy grows with the number of atoms."""
    model, _ = plain
    floor, scale, force_floor, force_scale = CALIBRATION
    assert (model.committee_calibration, model.committee_quantiles) == (CALIBRATION, QUANTILES)
    atoms = quartz_like(7)
    members, found = model.committee(atoms), model.uncertainties(atoms)
    variance = sum(float(sum(members.energies[:, k])) ** 2 for k in range(8)) / 8
    assert found.energy == pytest.approx((9**2 * floor**2 + scale**2 * variance) ** 0.5, rel=1e-12)
    for i in range(9):
        variance = sum(members.energies[i, k] ** 2 for k in range(8)) / 8
        assert found.energies[i] == pytest.approx((floor**2 + scale**2 * variance) ** 0.5, rel=1e-12)
        for axis in range(3):
            variance = sum(members.forces[k, i, axis] ** 2 for k in range(8)) / 8
            expected = (force_floor**2 + force_scale**2 * variance) ** 0.5
            assert found.forces[i, axis] == pytest.approx(expected, rel=1e-12)
    assert list(found.intervals) == [0.5, 0.9, 0.95]
    wide = found.intervals[0.9]
    assert wide.energy == pytest.approx(QUANTILES[0][1] * found.energy)
    assert wide._fields == ("energy", "forces")  # site energies have no labels, so no intervals
    np.testing.assert_allclose(wide.forces, QUANTILES[1][1] * found.forces)


def test_committees_are_evaluated_in_batches(compiled: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a few centres, so that little memory is needed: the same sums, with atoms that have no neighbours as well."""
    model, uncertainty = compiled
    assert uncertainty.committee is not None
    atoms = quartz_like(8) * (2, 2, 1)
    atoms.pbc = False
    atoms.positions[[0, 7, 35]] += [[-50.0, 0, 0], [-90.0, 0, 0], [0, 0, 80.0]]
    environments, pairs = model.environments(atoms)
    energies, gradients = model.committee_of(environments)
    forces = np.array([pairs.forces(gradient) for gradient in gradients])
    virials = np.array([pairs.virial(gradient) for gradient in gradients])
    sizes: list[int] = []
    evaluate = model._evaluate_committee

    def noted(some: Neighbourhoods) -> tuple[np.ndarray, np.ndarray]:
        found = evaluate(some)
        sizes.append(found[1].shape[1])
        return found

    monkeypatch.setattr(model, "_evaluate_committee", noted)
    for entries, count in ((1, 36), (100, None), (10**6, 1)):
        monkeypatch.setattr("acegen.runtime.model._BATCH", 8 * entries)
        sizes.clear()
        members = model.committee(atoms)
        assert sum(sizes) == len(pairs.neighbour)
        assert max(sizes) <= max(entries, environments.most)
        assert count is None or len(sizes) == count
        np.testing.assert_array_equal(members.energies, energies)
        np.testing.assert_allclose(members.forces, forces, rtol=0, atol=1e-13 * np.abs(forces).max())
        np.testing.assert_allclose(members.virials, virials, rtol=0, atol=1e-13 * np.abs(virials).max())


def test_failures_in_a_batch_name_the_atom(plain: Compiled) -> None:
    """By its number among all."""
    environments, _ = plain[0].environments(quartz_like(9))
    vectors = environments.displacement.copy()
    vectors[environments.first[5]] = np.nan
    with pytest.raises(acegen.AcegenError, match="returned status 4 at atom 5"):
        plain[0]._evaluate_committee(Batch(replace(environments, displacement=vectors), 3, 8))


def test_atoms_alone_and_no_atoms(plain: Compiled) -> None:
    """An atom without neighbours has its constants; an empty structure has nothing."""
    model, uncertainty = plain
    grades, committee = uncertainty.grades, uncertainty.committee
    assert grades is not None
    assert committee is not None
    alone = Atoms("O")
    assert model.grades(alone) == pytest.approx([np.linalg.norm(grades.constants[1])], rel=1e-12)
    np.testing.assert_allclose(model.committee(alone).energies, committee.constants[1:], rtol=1e-12)
    assert not model.committee(alone).forces.any()
    nothing = Atoms()
    assert model.grades(nothing).shape == (0,)
    members = model.committee(nothing)
    assert [array.shape for array in members] == [(0, 8), (8, 0, 3), (8, 3, 3)]
    assert model.uncertainties(nothing).energy == 0


def test_module_holds_what_it_was_made_from(plain: Compiled, tmp_path: Path) -> None:
    """The file is one of the module's own: found again, checked when loaded, and part of what makes it up to date."""
    model, uncertainty = plain
    again = acegen.load(model.path).uncertainty_data
    assert uncertainty.grades is not None
    assert again.grades is not None
    np.testing.assert_array_equal(again.grades.rows, uncertainty.grades.rows)
    assert all(is_own(file.name, model.name) for file in model.path.iterdir())
    assert "8 members" in (model.path / "README.md").read_text()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).grades(quartz_like()), model.grades(quartz_like()))

    coefficients = random_coefficients(uncertainty)
    first = acegen.compile(OXIDE, tmp_path, coefficients, options=PLAIN, uncertainty=uncertainty).path / "module.json"
    before = first.stat().st_mtime_ns
    path = write_uncertainty(tmp_path / "same.npz", uncertainty)
    for source in (path, str(path), model.path):
        acegen.compile(OXIDE, tmp_path, coefficients, options=PLAIN, uncertainty=source)
        assert first.stat().st_mtime_ns == before
    only_grades = replace(uncertainty, committee=None)
    other = acegen.compile(OXIDE, tmp_path, coefficients, options=PLAIN, uncertainty=only_grades)
    assert (other.has_grades, other.n_members) == (True, 0)
    assert read_uncertainty(other.path).committee is None
    own_hash = coefficients_hash(coefficients)
    assert (read_uncertainty(other.path).coefficient_hash, read_uncertainty(model.path).coefficient_hash) == (
        own_hash,
    ) * 2
    bare = acegen.compile(OXIDE, tmp_path, coefficients, options=PLAIN)
    assert len({own._manifest.model_hash for own in (model, other, bare)}) == 3  # the same coefficients
    assert (bare.has_grades, bare.n_members, (bare.path / "uncertainty.npz").exists()) == (False, 0, False)
    for attempt, what in (
        (lambda: bare.grades(quartz_like()), "grades"),
        (lambda: bare.grade_thresholds, "grades"),
        (lambda: bare.committee(quartz_like()), "committee"),
        (lambda: bare.uncertainties(quartz_like()), "committee"),
        (lambda: bare.uncertainty_data, "data on its own uncertainty"),
    ):
        with pytest.raises(acegen.ModuleError, match=rf"oxide_small has no {what}.*uncertainty=\.\.\."):
            attempt()


def test_damage_is_found_when_a_model_is_loaded(tmp_path: Path) -> None:
    """As of any other file of a module."""
    model, _ = uncertain_model(tmp_path, options=PLAIN)
    file = model.path / "uncertainty.npz"
    content = file.read_bytes()
    file.write_bytes(content[:-100] + bytes(100))
    with pytest.raises(acegen.ModuleError, match=r"uncertainty\.npz of the module .* is not the one that was compiled"):
        acegen.load(model.path)
    with pytest.raises(acegen.ModuleError, match=r"uncertainty\.npz of the module .* is not the one that was compiled"):
        _ = model.uncertainty_data
    file.unlink()
    with pytest.raises(acegen.ModuleError, match=r"lacks the file uncertainty\.npz"):
        acegen.load(model.path)


def test_errors_of_a_compile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What does not belong to the basis is refused before anything is compiled."""
    uncertainty = random_uncertainty()
    coefficients = random_coefficients(uncertainty)
    assert uncertainty.grades is not None

    def refused(error: type[acegen.AcegenError], message: str, **changes: object) -> None:
        arguments = {"spec": OXIDE, "coefficients": coefficients, "uncertainty": uncertainty} | changes
        with pytest.raises(error, match=message):
            acegen.compile(directory=tmp_path, **arguments)  # type: ignore[arg-type]

    refused(acegen.CoefficientError, "belong to a potential: give its coefficients", coefficients=None)
    other = replace(uncertainty, basis_hash="f" * 64)
    refused(acegen.ModuleError, "belongs to another basis: it was made for ffffffffffff…, this", uncertainty=other)
    bound = bound_to(coefficients, uncertainty)
    for changed in (
        replace(coefficients, values=coefficients.values | {"O": [*coefficients.values["O"][:-1], 1.0]}),
        replace(coefficients, atomic_energies=coefficients.atomic_energies | {"O": 1.0}),
    ):
        message = (
            "belongs to other coefficients or atomic energies: those of its fit have .*Take both from the same fit"
        )
        refused(acegen.ModuleError, message, coefficients=changed, uncertainty=bound)
    grades = replace(uncertainty.grades, rows=uncertainty.grades.rows[:, :, :-1])
    short = replace(uncertainty, grades=grades, committee=None)
    refused(acegen.ModuleError, "for 2 elements with 29 functions each; this basis has 2", uncertainty=short)
    refused(acegen.ModuleError, "are of different bases", uncertainty=replace(uncertainty, grades=grades))
    refused(acegen.ModuleError, r"missing\.npz is missing", uncertainty=tmp_path / "missing.npz")
    refused(acegen.ModuleError, "uncertainty = 3 is not possible", uncertainty=3)
    embedded = {name: OXIDE[name] for name in ("name", "basis", "radial")} | {
        "embedding": {"function": "finnis-sinclair", "exponents": [1.0, 0.5]}
    }
    refused(acegen.SpecError, r"linear in their coefficients, which those of a spec with \[embedding\]", spec=embedded)
    assert not list(tmp_path.iterdir())
    (tmp_path / "Cu.yace").write_text("elements: [Cu]")
    assert main(["compile", str(tmp_path / "Cu.yace"), "--uncertainty", "u.npz"]) == 1
    assert "leave --uncertainty out" in " ".join(capsys.readouterr().err.split())
