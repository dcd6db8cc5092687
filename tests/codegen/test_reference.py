"""The terms added to the basis functions: the ZBL core and atomic energies."""

from __future__ import annotations

import json
import re
from math import exp, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import acegen
from acegen.spec import load_spec

SPEC: dict[str, Any] = {
    "name": "core",
    "basis": {"elements": ["Si", "O"], "order": 2, "level": 3},
    "radial": {"cutoff": 4.0},
    "zbl": {"inner": {"Si-Si": 0.8, "O-Si": 0.7, "O-O": 0.6}, "outer": {"Si-Si": 2.0, "Si-O": 1.5, "O-O": 4.5}},
}
RANGES = {("Si", "Si"): (0.8, 2.0), ("Si", "O"): (0.7, 1.5), ("O", "Si"): (0.7, 1.5), ("O", "O"): (0.6, 4.5)}
NUMBERS = {"Si": 14, "O": 8}


def zbl(first: str, second: str, r: float) -> float:
    """The switched repulsion of a pair, eV."""
    inner, outer = RANGES[first, second]
    z1, z2 = NUMBERS[first], NUMBERS[second]
    x = r * (z1**0.23 + z2**0.23) / 0.46850
    screening = (
        0.18175 * exp(-3.1998 * x) + 0.50986 * exp(-0.94229 * x) + 0.28022 * exp(-0.4029 * x)
        + 0.02817 * exp(-0.20162 * x)
    )  # fmt: skip
    t = min(1.0, max(0.0, (r - inner) / (outer - inner)))
    return 14.399645 * z1 * z2 / r * screening * (1 - t**3 * (10 - 15 * t + 6 * t * t))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reference")


@pytest.fixture(scope="module")
def bare(folder: Path) -> acegen.Model:
    """The model without coefficients."""
    return acegen.compile({**SPEC, "name": "core_bare"}, folder)


def test_half_of_the_repulsion_at_each_site(bare: acegen.Model) -> None:
    """Against the formula, from deep inside to beyond the outer distance; there it is exactly zero."""
    assert not bare.has_potential
    np.testing.assert_array_equal(bare.cutoffs, [[4.0, 4.0], [4.0, 4.5]])
    for (first, second), (inner, outer) in RANGES.items():
        for r in np.concatenate([np.linspace(0.05, 1.2 * outer, 60), [inner, outer, outer - 1e-9]]):
            energy, gradient = bare.reference_gradient(first, [second], [[r * 0.6, 0.0, -r * 0.8]])
            expected = zbl(first, second, sqrt((r * 0.6) ** 2 + (r * 0.8) ** 2)) / 2
            assert energy == pytest.approx(expected, rel=1e-13, abs=1e-13 * zbl(first, second, inner))
            if r > outer:
                assert energy == 0.0
                assert not gradient.any()


def test_smooth_to_second_order_where_the_switch_begins_and_ends(bare: acegen.Model) -> None:
    """Energy, force and curvature have no jump at inner and outer; the force is the derivative of the energy."""

    def along(first: str, second: str, r: float) -> tuple[float, float]:
        energy, gradient = bare.reference_gradient(first, [second], [[0.0, 0.0, r]])
        return energy, float(gradient[0, 2])

    def jump(first: str, second: str, r: float, step: float) -> float:
        """Difference of the curvatures on both sides; of order `step` if the curvature has no jump."""
        below, here, above = (along(first, second, r + k * step)[1] for k in (-1, 0, 1))
        return abs(above - 2 * here + below) / step

    step = 1e-4
    for (first, second), (inner, outer) in RANGES.items():
        scale = 1 + zbl(first, second, inner) / inner**2
        for r in (0.5 * inner, inner, 0.5 * (inner + outer), outer):
            (below, _), (_, slope), (above, _) = (along(first, second, r + k * step) for k in (-1, 0, 1))
            assert (above - below) / (2 * step) == pytest.approx(slope, abs=1e-4 * scale)
            assert jump(first, second, r, step / 8) < jump(first, second, r, step) / 4 + 1e-8 * scale


def test_reference_of_structures(bare: acegen.Model, folder: Path) -> None:
    """Total energy from pairs, forces and virial from differences; a potential with zero coefficients is the same."""
    rng = np.random.default_rng(3)
    atoms = bulk("Si", "diamond", a=4.0, cubic=True)
    atoms.symbols = rng.choice(["Si", "O"], size=len(atoms))
    atoms.positions += rng.normal(scale=0.1, size=atoms.positions.shape)
    result = bare.reference(atoms)
    from ase.neighborlist import neighbor_list

    i, j, r = neighbor_list("ijd", atoms, 4.5)
    symbols = atoms.get_chemical_symbols()
    terms = np.array([zbl(symbols[a], symbols[b], d) / 2 for a, b, d in zip(i, j, r, strict=True)])
    np.testing.assert_allclose(result.energies, np.bincount(i, terms, minlength=len(atoms)), rtol=1e-12)
    step = 1e-5
    for atom, axis in ((0, 1), (5, 2)):
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * step
            ends.append(bare.reference(moved).energy)
        assert -(ends[0] - ends[1]) / (2 * step) == pytest.approx(result.forces[atom, axis], rel=1e-6, abs=1e-6)
    ends = []
    for sign in (1, -1):
        strained = atoms.copy()
        strained.set_cell(atoms.cell.array @ (np.eye(3) + sign * step * np.diag([1, 0, 0])), scale_atoms=True)
        ends.append(bare.reference(strained).energy)
    assert -(ends[0] - ends[1]) / (2 * step) == pytest.approx(result.virial[0, 0], rel=1e-6)

    zeros = {element: np.zeros(bare.n_basis) for element in bare.elements}
    model = acegen.compile({**SPEC, "name": "core_zero"}, folder, zeros)
    for other in (model.compute(atoms), model.reference(atoms)):
        for name in ("energies", "forces", "virial"):
            np.testing.assert_allclose(getattr(other, name), getattr(result, name), rtol=1e-14, atol=1e-14)


def test_models_without_a_core_have_a_zero_reference(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """Of the right shape; structures are still checked; no warning of isolated atoms."""
    model = acegen.compile(small_spec, tmp_path)
    result = model.reference(Atoms("Si2", positions=[[0, 0, 0], [0, 0, 50]]))
    assert result.forces.shape == (2, 3)
    assert not result.energies.any()
    assert not result.forces.any()
    assert not result.virial.any()
    assert model.atomic_energies == {"Si": 0.0}
    assert model.n_pair == 0
    with pytest.raises(acegen.StructureError, match="does not know the element 'O'"):
        model.reference(Atoms("O"))


def test_reference_names_bad_entries(bare: acegen.Model) -> None:
    """The same checks as elsewhere."""
    with pytest.raises(acegen.StructureError, match="same place"):
        bare.reference_gradient("Si", ["Si"], [[0, 0, 0]])
    ffi, handle = bare._ffi, bare._handle
    species, first = ffi.new("int32_t[]", [0, 5]), ffi.new("int64_t[]", [0, 1, 2])
    vectors = ffi.new("double[]", [1.0, 0, 0, 0, 1.0, 0])
    environments = ffi.new("acegen_environments *", (2, ffi.new("int32_t[2]"), first, species, vectors))
    energy, gradient, failed = ffi.new("double[2]"), ffi.new("double[6]"), ffi.new("int64_t *")
    assert handle.reference(environments, energy, gradient, failed) == 3
    assert failed[0] == 1
    assert handle.reference(environments, ffi.NULL, gradient, ffi.NULL) == 1
    assert handle.reference(environments, energy, ffi.NULL, ffi.NULL) == 1


@pytest.mark.slow
def test_atomic_energies(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """Added to each site, kept with the module, part of its identity, read back from files."""
    model = acegen.compile(small_spec, tmp_path)
    c = {"Si": np.arange(1.0, 9.0)}
    plain = acegen.compile({**small_spec, "name": "plain"}, tmp_path, c)
    file = tmp_path / "c.json"
    acegen.write_coefficients(file, model.basis_hash, c, {"Si": -0.8125})
    one = acegen.compile(small_spec, tmp_path, file)
    assert one.atomic_energies == {"Si": -0.8125}
    assert json.loads((one.path / "coefficients.json").read_text())["atomic_energies"] == {"Si": -0.8125}
    vectors = [[0, 0, 2.2], [2.0, 0.4, 0.1]]
    energy, gradient = one.energy_gradient("Si", ["Si"] * 2, vectors)
    expected, slope = plain.energy_gradient("Si", ["Si"] * 2, vectors)
    assert energy == expected - 0.8125
    np.testing.assert_array_equal(gradient, slope)
    assert one.energy("Si", [], []) == -0.8125
    with pytest.warns(acegen.IsolatedAtomWarning, match="atomic energy"):
        assert one.compute(Atoms("Si")).energy == -0.8125
    first_hash = one._manifest.model_hash
    two = acegen.compile(small_spec, tmp_path, acegen.Coefficients(c, {"Si": -1.5}, model.basis_hash))
    assert two.energy("Si", [], []) == -1.5
    assert two._manifest.model_hash != first_hash
    again = acegen.compile(small_spec, tmp_path, acegen.Coefficients(c))
    assert "atomic_energies" not in json.loads((again.path / "coefficients.json").read_text())
    assert again.energy("Si", [], []) == 0.0


@pytest.mark.parametrize(
    ("energies", "message"),
    [
        ({"O": 1.0}, "atomic_energies are given for O; this basis needs them for exactly Si"),
        ({"Si": 1.0, "O": 1.0}, "exactly Si, or not at all"),
        ({"Si": float("nan")}, "atomic_energies['Si'] = nan; give a finite number"),
        ({"Si": float("inf")}, "atomic_energies['Si'] = inf"),
        ({"Si": "low"}, "atomic_energies['Si'] = 'low'"),
        ({"Si": None}, "atomic_energies['Si'] = None"),
        ({14: 1.0}, "atomic_energies[14] = 1.0"),
        ([1.0], "atomic_energies must give a number for each chemical symbol"),
    ],
)
def test_bad_atomic_energies(small_spec: dict[str, Any], tmp_path: Path, energies: Any, message: str) -> None:
    """Named, from Python and from files."""
    values = {"Si": [1.0] * 8}
    with pytest.raises(acegen.CoefficientError, match=re.escape(message)):
        acegen.compile(small_spec, tmp_path, acegen.Coefficients(values, energies))
    file = tmp_path / "c.json"
    content = {"format": "acegen-coefficients-1", "basis": "0" * 64, "coefficients": values}
    file.write_text(json.dumps({**content, "atomic_energies": energies}))
    if all(isinstance(key, str) for key in energies):
        with pytest.raises(acegen.CoefficientError, match=r"atomic_energies|another basis"):
            acegen.compile(small_spec, tmp_path, file)


BAD_TABLES: list[tuple[dict[str, Any], list[str]]] = [
    ({"pair": {"degre": 5}}, ["pair.degre: unknown key", "did you mean 'degree'"]),
    ({"pair": {}}, ["pair.degree: missing", "1 to 100"]),
    ({"pair": 5}, ["pair = 5"]),
    ({"pair": {"degree": 0}}, ["pair.degree = 0", "an integer from 1 to 100"]),
    ({"pair": {"degree": 101}}, ["pair.degree = 101", "an integer from 1 to 100"]),
    ({"pair": {"degree": 2.5}}, ["pair.degree = 2.5", "an integer"]),
    ({"pair": {"degree": 3, "cutoff": -1}}, ["pair.cutoff = -1"]),
    ({"pair": {"degree": 3, "cutoff": float("nan")}}, ["pair.cutoff = nan"]),
    ({"pair": {"degree": 3, "cutoff": {"Si-O": 3.0}}}, ["pair.cutoff has the key 'Si-O'", "Si-Si"]),
    ({"pair": {"degree": 3, "cutoff": {}}}, ["pair.cutoff lacks Si-Si"]),
    ({"pair": {"degree": 3}, "basis": {"elements": ["Si"], "order": 1, "level": 5}}, ["use order 2 or more"]),
    ({"zbl": {"inner": 1.0}}, ["zbl.outer: missing"]),
    ({"zbl": {"inner": 2.0, "outer": 1.5}}, ["zbl.inner = 2 is not below zbl.outer = 1.5", "Si-Si"]),
    ({"zbl": {"inner": 1.5, "outer": {"Si-Si": 1.5}}}, ["zbl.inner = 1.5 is not below"]),
    ({"zbl": {"inner": 0, "outer": 2.0}}, ["zbl.inner = 0", "out of range"]),
    ({"zbl": {"inner": 1.0, "outer": {"O-O": 2.0}}}, ["zbl.outer has the key 'O-O'"]),
    ({"zbl": {"iner": 1.0, "outer": 2.0}}, ["did you mean 'inner'"]),
    ({"zlb": {"inner": 1.0, "outer": 2.0}}, ["zlb: unknown key", "did you mean 'zbl'"]),
]


@pytest.mark.parametrize(("changes", "expected"), BAD_TABLES, ids=lambda value: str(value)[:50])
def test_bad_tables(small_spec: dict[str, Any], changes: dict[str, Any], expected: list[str]) -> None:
    """Each names the key, the value and what is allowed."""
    with pytest.raises(acegen.SpecError) as caught:
        load_spec({**small_spec, **changes})
    for text in expected:
        assert text in str(caught.value)
