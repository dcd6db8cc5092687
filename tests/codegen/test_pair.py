"""The pair term: its functions and derivatives, its place in the basis, its kernels."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from example_models import random_coefficients, random_environment
from test_module import GENERIC, SANITIZED, c_example, sanitizers_work

import acegen
from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.basis.estimate import estimate_size
from acegen.cli.main import main
from acegen.lower import expand_products
from acegen.options import BuildOptions
from acegen.runtime.environments import Environments
from acegen.spec import load_spec
from acegen.verify import verify_module

Spec = dict[str, Any]

SHORT: Spec = {
    "name": "short_pair",
    "basis": {"elements": ["Si"], "order": 3, "level": 7},
    "radial": {"cutoff": 5.0},
    "pair": {"degree": 12, "cutoff": 3.5},
}
SPECS: dict[str, Spec] = {
    "short": SHORT,
    "equal": {**SHORT, "name": "equal", "pair": {"degree": 9}},
    "long": {
        "name": "long_pair",
        "basis": {"elements": ["Si", "O"], "order": 3, "level": [6, 6, 5]},
        "radial": {"cutoff": {"Si-Si": 4.5, "Si-O": 4.0, "O-O": 3.5}, "transform": "agnesi"},
        "pair": {"degree": 5, "cutoff": {"Si-Si": 6.5, "O-Si": 4.0, "O-O": 3.0}},
        "zbl": {"inner": 0.9, "outer": {"Si-Si": 2.2, "Si-O": 1.5, "O-O": 1.1}},
    },
    "usual": {
        "name": "usual_pair",
        "basis": {"expansion": "self-interacting", "elements": ["C", "H"], "order": 2, "level": 5},
        "radial": {
            "family": "envelope",
            "envelope": [0, 0, "1/2"],
            "polynomial": "legendre",
            "transform": "agnesi",
            "agnesi": {"r0": 1.4, "p": 2, "q": 3},
            "cutoff": 3.5,
        },
        "pair": {"degree": 4, "cutoff": 5.5},
    },
    "monomial": {
        "name": "monomial",
        "basis": {"elements": ["Cu"], "order": 2, "level": 4},
        "radial": {
            "family": "envelope",
            "envelope": [0, 0, 1],
            "polynomial": "monomial",
            "transform": "smootherstep",
            "cutoff": 4.0,
        },
        "pair": {"degree": 1, "cutoff": 5.0},
    },
}

Models = Callable[[str], acegen.Model]


def with_coefficients(spec: Spec, folder: Path, options: BuildOptions | None = None) -> acegen.Model:
    """The potential of a spec with random coefficients and atomic energies."""
    bare = acegen.compile(spec, folder, options=options)
    energies = {element: -1.25 - i for i, element in enumerate(bare.elements)}
    return acegen.compile(spec, folder, acegen.Coefficients(random_coefficients(bare), energies), options=options)


@pytest.fixture(scope="module")
def pair_models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Compiled potentials of `SPECS` by key."""
    folder, loaded = tmp_path_factory.mktemp("pair"), dict[str, acegen.Model]()

    def get(key: str) -> acegen.Model:
        if key not in loaded:
            loaded[key] = with_coefficients(SPECS[key], folder)
        return loaded[key]

    return get


keys = pytest.mark.parametrize("key", SPECS)


def radial(spec: Spec, n: int, r: np.ndarray, cutoff: float) -> np.ndarray:
    """R_n(y(r)) with norm one over y, from textbook formulas and numerical quadrature."""
    from numpy.polynomial import Legendre
    from scipy.special import eval_jacobi

    kind = spec["radial"].get("polynomial", "closed")

    def function(y: np.ndarray) -> np.ndarray:
        match kind:
            case "closed":
                return y * eval_jacobi(n - 1, 0, 2, 2 * y - 1)
            case "legendre":
                return y**2 / 2 * Legendre.basis(n - 1)(2 * y - 1)
            case _:
                return y**2 * y ** (n - 1)

    def transform(s: np.ndarray) -> np.ndarray:
        name = spec["radial"].get("transform", "smoothstep")
        if name == "smootherstep":
            return (1 - s) ** 3 * (1 + 3 * s + 6 * s**2)
        y = (1 - s) ** 2 * (1 + 2 * s)
        if name == "agnesi":
            given = {"r0": 0.45 * cutoff, "p": 2, "q": 4, **spec["radial"].get("agnesi", {})}
            p, q, x = given["p"], given["q"], s * cutoff / given["r0"]
            a = (-2 * q + p * (4 * q - 2)) / (p + p * p + q + q * q)
            y = y / (1 + a * x**q / (1 + x ** (q - p)))
        return y

    nodes, weights = np.polynomial.legendre.leggauss(60)
    norm = np.sqrt((weights / 2 * function((nodes + 1) / 2) ** 2).sum())
    return np.where(r < cutoff, function(transform(np.minimum(r / cutoff, 1.0))) / norm, 0.0)


@pytest.mark.slow
@keys
def test_pair_functions_are_sums_over_neighbours(pair_models: Models, key: str) -> None:
    """By neighbour species, then n, first in the basis, each with the pair term's cutoff."""
    model, rng, spec = pair_models(key), np.random.default_rng(1), load_spec(SPECS[key])
    degree, cutoffs = SPECS[key]["pair"]["degree"], spec.pair_cutoffs
    assert cutoffs is not None
    assert model.n_pair == degree * len(model.elements)
    labels = model.labels(model.elements[0])
    assert [(f.order, f.elements, f.n, f.l, f.index) for f in labels[: model.n_pair]] == [
        (1, (element,), (n,), (0,), 0) for element in model.elements for n in range(1, degree + 1)
    ]
    assert min(label.order for label in labels[model.n_pair :]) == 2
    for count in (0, 1, 7, 40, 150):
        center, numbers, vectors = random_environment(model, rng, count)
        r, own = np.linalg.norm(vectors, axis=1), model.elements.index(center)
        values = model.basis(center, numbers, vectors)[: model.n_pair]
        for label, value in zip(labels, values, strict=False):
            near = np.array([symbol == label.elements[0] for symbol in numbers], dtype=bool)
            cutoff = cutoffs[own][model.elements.index(label.elements[0])]
            terms = radial(SPECS[key], label.n[0], r[near], cutoff)
            assert abs(value - terms.sum()) < 1e-12 * max(1.0, np.abs(terms).sum())


@keys
def test_gradients_and_design_rows(pair_models: Models, key: str) -> None:
    """Basis gradients against differences; design rows against descriptors, gradients and the potential."""
    model, rng = pair_models(key), np.random.default_rng(2)
    center, numbers, vectors = random_environment(model, rng, 30)
    direction, step = rng.normal(size=vectors.shape), 1e-4
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    difference = sum(
        w / step * (model.basis(center, numbers, vectors + k * step * direction)
                    - model.basis(center, numbers, vectors - k * step * direction))
        for k, w in weights.items()
    )  # fmt: skip
    gradient = np.einsum("ijk,jk->i", model.basis_gradient(center, numbers, vectors), direction)
    scale = max(1.0, np.abs(gradient).max())
    assert np.abs(gradient - difference).max() < 1e-8 * scale

    atoms = bulk("Si", "diamond", a=4.2, cubic=True)
    atoms.symbols = rng.choice(model.elements, size=len(atoms))
    atoms.positions += rng.normal(scale=0.1, size=atoms.positions.shape)
    rows, result, reference = model.design_rows(atoms), model.compute(atoms), model.reference(atoms)
    c = np.concatenate([random_coefficients(model)[element] for element in model.elements])
    isolated = sum(model.atomic_energies[symbol] for symbol in atoms.get_chemical_symbols())
    size = np.abs(rows.energy) @ np.abs(c)
    assert abs(rows.energy @ c + isolated + reference.energy - result.energy) < 1e-12 * size
    size = (np.abs(rows.forces) @ np.abs(c)).max() + np.abs(reference.forces).max()
    assert np.abs(rows.forces @ c + reference.forces - result.forces).max() < 1e-12 * size
    virial = (result.virial - reference.virial)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    assert np.abs(rows.virial @ c - virial).max() < 1e-12 * (np.abs(rows.virial) @ np.abs(c)).max()
    symbols, values = np.array(atoms.get_chemical_symbols()), model.descriptors(atoms)
    columns = np.concatenate([values[symbols == element].sum(axis=0) for element in model.elements])
    np.testing.assert_allclose(rows.energy, columns, rtol=1e-12, atol=1e-11)
    per_atom = 3 * 8 * len(c)
    parts = list(acegen.design_blocks(model, [atoms], 3 * per_atom))
    for part in parts:
        for own, other in zip(part.reference(), reference, strict=True):
            np.testing.assert_array_equal(own, other)
    together = np.concatenate([part.rows.forces for part in parts])
    assert np.abs(together - rows.forces).max() < 1e-12 * np.abs(rows.forces).max()
    for name in ("energy", "virial"):
        total, whole = sum(getattr(part.rows, name) for part in parts), getattr(rows, name)
        assert np.abs(total - whole).max() < 1e-12 * max(1.0, np.abs(whole).max())


@keys
def test_models_with_a_pair_term_pass_every_check(pair_models: Models, key: str) -> None:
    """The brute-force checks of `acegen verify`."""
    for result in verify_module(pair_models(key), 12):
        assert result.passed, result


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(precision="single"),
        BuildOptions(openmp=True, lanes=4),
        BuildOptions(lanes=2),
        BuildOptions(lanes=16, march="generic"),
        BuildOptions(precision="single", lanes=16, products="compact"),
    ],
    ids=str,
)
def test_build_options(tmp_path: Path, pair_models: Models, options: BuildOptions) -> None:
    """Lanes, precision and threads change only rounding; results are bitwise the same for any number of threads."""
    expected, model = pair_models("long"), with_coefficients(SPECS["long"], tmp_path, options)
    rng = np.random.default_rng(4)
    environments = [random_environment(model, rng, int(rng.integers(0, 90))) for _ in range(300)]
    index = {symbol: i for i, symbol in enumerate(model.elements)}
    batch = Environments(
        np.array([index[center] for center, _, _ in environments]),
        np.concatenate([[0], np.cumsum([len(v) for _, _, v in environments])]),
        np.array([index[s] for _, symbols, _ in environments for s in symbols]),
        np.concatenate([v for _, _, v in environments]),
    )
    tolerance = 1e-5 if options.precision == "single" else 1e-12
    (energy, gradient), (wanted, slopes) = model._evaluate_potential(batch), expected._evaluate_potential(batch)
    assert np.abs(energy - wanted).max() < tolerance * np.abs(wanted).max()
    assert np.abs(gradient - slopes).max() < tolerance * np.abs(slopes).max()
    if options.openmp:
        energies, gradients = acegen.load(model.path, threads=2)._evaluate_potential(batch)
        np.testing.assert_array_equal(energies, energy)
        np.testing.assert_array_equal(gradients, gradient)


def test_pair_energy_stays_exact_in_single_precision(tmp_path: Path) -> None:
    """Without many-body coefficients nothing is computed in floats."""
    bare = acegen.compile(SHORT, tmp_path)
    c = random_coefficients(bare)["Si"] * (np.arange(bare.n_basis) < bare.n_pair)
    model = acegen.compile(SHORT, tmp_path, {"Si": c}, options=BuildOptions(precision="single"))
    center, numbers, vectors = random_environment(model, np.random.default_rng(5), 20)
    terms = c * bare.basis(center, numbers, vectors)
    assert model.energy(center, numbers, vectors) == pytest.approx(terms.sum(), abs=1e-13 * np.abs(terms).sum())


@pytest.mark.parametrize("key", ["short", "equal", "long"])
def test_canonical_dimer_is_the_pair_term(pair_models: Models, key: str) -> None:
    """One neighbour: pair functions, atomic energy and half of the repulsion, and nothing else."""
    model, rng = pair_models(key), np.random.default_rng(6)
    for _ in range(30):
        center, numbers, vectors = random_environment(model, rng, 1)
        c = random_coefficients(model)[center]
        values = model.basis(center, numbers, vectors)
        pair = (c * values)[: model.n_pair].sum()
        expected = pair + model.atomic_energies[center] + model.reference_gradient(center, numbers, vectors)[0]
        assert model.energy(center, numbers, vectors) == pytest.approx(expected, rel=1e-12, abs=1e-11)
        assert np.abs(values[model.n_pair :]).max() < 1e-12


def test_many_body_functions_are_those_without_a_pair_term(pair_models: Models, tmp_path: Path) -> None:
    """Replacing the functions of order 1 leaves the others unchanged, with their own cutoff."""
    model, plain = pair_models("long"), {k: v for k, v in SPECS["long"].items() if k not in ("pair", "zbl")}
    other, rng = acegen.compile({**plain, "name": "plain"}, tmp_path), np.random.default_rng(7)
    first = sum(label.order == 1 for label in other.labels("Si"))
    for count in (5, 30):
        environment = random_environment(model, rng, count)
        np.testing.assert_allclose(
            model.basis(*environment)[model.n_pair :], other.basis(*environment)[first:], rtol=1e-12, atol=1e-12
        )
    assert model.labels("Si")[model.n_pair :] == other.labels("Si")[first:]
    np.testing.assert_array_equal(model.cutoffs, [[6.5, 4.0], [4.0, 3.5]])


def test_neighbours_between_the_cutoffs(pair_models: Models) -> None:
    """Where only one of the two cutoffs reaches, only its functions change, to the last bit."""
    for key, near, far in (("short", 3.6, 4.9), ("long", 4.6, 6.4)):
        model, rng = pair_models(key), np.random.default_rng(8)
        pair = np.arange(model.n_basis) < model.n_pair
        touched = pair if key == "long" else ~pair
        _, _, vectors = random_environment(model, rng, 9)
        more = rng.normal(size=(4, 3))
        more *= (rng.uniform(near, far, 4) / np.linalg.norm(more, axis=1))[:, None]
        before = model.basis("Si", ["Si"] * 9, vectors)
        after = model.basis("Si", ["Si"] * 13, np.concatenate([vectors, more]))
        np.testing.assert_array_equal(after[~touched], before[~touched])
        assert (after[touched] != before[touched]).any()


def test_counts_and_estimates() -> None:
    """Functions and products by order: derived, estimated before, and in the description."""
    for spec in map(load_spec, SPECS.values()):
        basis, estimate = derive_basis(build_algebra(spec)), estimate_size(spec)
        assert spec.pair is not None
        counts = basis.count_by_order()
        assert counts[0] == basis.n_pair == spec.pair.degree * len(spec.basis.elements)
        assert estimate.functions == counts
        assert sum(counts) == basis.n_basis == basis.n_pair + basis.n_coupled
        products = [len(product) for product in expand_products(basis).products]
        assert estimate.products[0] >= products.count(1)
        if spec.radial.family == "closed":
            assert estimate.products[0] == products.count(1)
        assert estimate.products[1] == products.count(2)
        if spec.basis.expansion == "self-interacting":
            assert basis.n_auxiliary == 0


def test_first_level_is_not_used(tmp_path: Path) -> None:
    """No function of order 1 is left for it: it changes neither the basis nor its hash, nor is it too large."""
    one, two = ({**SHORT, "basis": {**SHORT["basis"], "level": level}} for level in ([7, 7, 7], [500, 7, 7]))
    assert acegen.compile(one, tmp_path).basis_hash == acegen.compile(two, tmp_path).basis_hash


def test_equal_ways_to_write_a_pair_cutoff(tmp_path: Path) -> None:
    """The default is radial.cutoff; a table or one number is the same."""
    hashes = {
        acegen.compile({**SHORT, "pair": pair}, tmp_path).basis_hash
        for pair in ({"degree": 3}, {"degree": 3, "cutoff": 5.0}, {"degree": 3, "cutoff": {"Si-Si": 5}})
    }
    assert len(hashes) == 1


def test_description(pair_models: Models) -> None:
    """Pair functions come first and are marked; their rows of 𝒫 are those of the identity."""
    model = pair_models("short")
    document = json.loads((model.path / "basis.json").read_text())
    assert [f.get("pair", False) for f in document["functions"]] == [i < 12 for i in range(model.n_basis)]
    assert document["purification"][:12] == [[[i, "1"]] for i in range(12)]
    assert all(row[0][0] >= 12 for row in document["purification"][12:])
    assert document["functions"][3]["coupling"] == [[[0], "1"]]
    assert len(document["radial_functions"]) == 12
    assert {tuple(f["l"]) for f in document["auxiliary"]} == {(0,)}


def test_info_shows_the_pair_term(pair_models: Models, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts by order, and what a neighbour costs."""
    assert main(["info", str(pair_models("long").path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for text in ("cutoff of the pair term │ 3, 4, 6.5 Å", "ZBL core", "0.9 Å to 1.1, 1.5, 2.2 Å", "O -2.25 eV"):
        assert text in shown


@pytest.mark.slow
def test_high_degrees(tmp_path: Path) -> None:
    """Degree 100, the most that is allowed, keeps its digits."""
    model = with_coefficients({**SHORT, "name": "high", "pair": {"degree": 100}}, tmp_path)
    environment = random_environment(model, np.random.default_rng(9), 25)
    c = random_coefficients(model)["Si"]
    terms = c * model.basis(*environment)
    assert model.energy(*environment) - model.atomic_energies["Si"] == pytest.approx(
        terms.sum(), abs=1e-12 * np.abs(terms).sum()
    )
    slopes = c[:, None, None] * model.basis_gradient(*environment)
    error = np.abs(model.energy_gradient(*environment)[1] - slopes.sum(axis=0)).max()
    assert error < 1e-11 * np.abs(slopes).sum(axis=0).max()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "flags"), [*((key, GENERIC) for key in SPECS), ("short", SANITIZED), ("long", SANITIZED)]
)
def test_c_sources_have_no_warnings(pair_models: Models, tmp_path: Path, key: str, flags: list[str]) -> None:
    """The embedding example, with and without coefficients, generic and under sanitizers."""
    compiler = shutil.which("gcc")
    if compiler is None or (flags == SANITIZED and not sanitizers_work(compiler, tmp_path)):
        pytest.skip("needs gcc, and its sanitizers")
    model = pair_models(key)
    for number, module in enumerate((model, acegen.compile(SPECS[key], tmp_path))):
        (tmp_path / "example.c").write_text(c_example(module))
        warnings = ["-std=c99", "-Wall", "-Wextra", "-Wno-psabi", "-Werror"]
        sources = ["example.c", *(str(path) for path in module.path.glob("*.c"))]
        command = [compiler, *warnings, *flags, "-I", str(module.path), *sources, "-o", f"example{number}", "-lm"]
        subprocess.run(command, cwd=tmp_path, check=True)
        run = subprocess.run([f"./example{number}"], cwd=tmp_path, capture_output=True, text=True, check=True)
        element, vectors = model.elements[0], [[0, 0, 2.0], [1.5, 0.5, 1.0]]
        energy, value = (method(element, [element] * 2, vectors) for method in (model.energy, model.basis))
        printed = float(re.search(r"(energy|function) (\S+)", run.stdout).group(2))  # type: ignore[union-attr]
        assert printed == pytest.approx((energy, value[0])[number], rel=1e-12, abs=1e-12)
