"""The paper's regression experiments on the interval, at small size: their results, checked by other means."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_models import ROOT
from numpy.polynomial import chebyshev, legendre
from rich.console import Console
from scipy.stats import arcsine, beta, kstest, truncnorm, uniform
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

PAPER = ROOT / "examples" / "paper"
sys.path.insert(0, str(PAPER))

import decay  # noqa: E402
import distributions  # noqa: E402
import regularization  # noqa: E402
from experiment import EXPANSIONS, Findings, Setting, perform  # noqa: E402
from interval_fits import DISTRIBUTIONS, Basis, Runge, cube_points, root_mean_square, sample, sorted_sets  # noqa: E402

from acegen.cli.progress import TerminalProgress  # noqa: E402

Row = dict[str, Any]
LEVEL = 12
MODULES = {"decay": decay, "distributions": distributions, "regularization": regularization}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Matrices are small here; on a busy machine a second thread makes them many times slower."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    console = Console(quiet=True)
    return Setting(tmp_path_factory.mktemp("paper"), True, None, console, TerminalProgress(console))


@pytest.fixture(scope="module")
def findings(setting: Setting) -> Iterator[Any]:
    """Each experiment is run once, when it is first asked for."""
    done: dict[str, Findings] = {}

    def get(name: str) -> Findings:
        if name not in done:
            done[name] = perform(name, MODULES[name].TITLE, getattr(MODULES[name], name), setting)
        return done[name]

    return get


def table(found: Findings, name: str) -> list[Row]:
    headings, rows = found.tables[name]
    return [dict(zip(headings, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def bases(setting: Setting) -> dict[tuple[str, str], Basis]:
    """Of three particles, up to the degree that the small experiments compile as well."""
    kinds = product(EXPANSIONS, ("chebyshev", "legendre"))
    return {(expansion, family): Basis(setting, expansion, family, 3, LEVEL) for expansion, family in kinds}


def quadrature(family: str, points: int, particles: int) -> tuple[np.ndarray, np.ndarray]:
    """A full tensor Gauss rule of total weight 1."""
    rule = {"chebyshev": chebyshev.chebgauss, "legendre": legendre.leggauss}[family]
    nodes, weights = rule(points)
    grids = np.stack(np.meshgrid(*[nodes] * particles, indexing="ij"), axis=-1).reshape(-1, particles)
    return grids, np.prod(np.stack(np.meshgrid(*[weights / weights.sum()] * particles)), axis=0).ravel()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODULES))
def test_files_are_written(name: str, findings: Any, setting: Setting) -> None:
    found = findings(name)
    document = json.loads((setting.output / f"{name}.json").read_text(encoding="utf-8"))
    assert document["small"] is True
    assert len(document["claims"]) == len(found.claims) > 2
    assert (setting.output / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for file, (headings, rows) in found.tables.items():
        with (setting.output / f"{file}.csv").open(newline="") as stream:
            lines = list(csv.reader(stream))
        assert lines[0] == list(headings)
        assert len(lines) == len(rows) + 1 > 4


@pytest.mark.slow
def test_script_runs_alone(findings: Any, setting: Setting, tmp_path: Path) -> None:
    findings("decay")
    (tmp_path / "modules").symlink_to(setting.output / "modules")  # compiled above
    command = [sys.executable, str(PAPER / "decay.py"), "--small", "-o", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cosine transforms" in done.stdout
    assert {file.name for file in tmp_path.iterdir()} >= {"decay.json", "decay.png", "decay_slopes.csv", "modules"}


@pytest.mark.parametrize("family", ["chebyshev", "legendre"])
def test_canonical_functions_are_orthonormal_sums_over_arrangements(
    family: str, bases: dict[tuple[str, str], Basis]
) -> None:
    basis = bases["canonical", family]
    points, weights = quadrature(family, LEVEL + 1, 3)
    design = basis.design(points)
    np.testing.assert_allclose(design.T @ (weights[:, None] * design), np.eye(len(basis)), atol=1e-12)
    vandermonde = {"chebyshev": chebyshev.chebvander, "legendre": legendre.legvander}[family]
    values = vandermonde(points[:50], LEVEL)
    for number, label in enumerate(basis.labels):
        arrangements = set(permutations(label + (0,) * (3 - len(label))))
        sums = sum(np.prod([values[:, j, k] for j, k in enumerate(chosen)], axis=0) for chosen in arrangements)
        squares = [2 * k + 1 if family == "legendre" else 2 if k else 1 for k in label]
        expected = sums * math.sqrt(math.prod(squares) / len(arrangements))
        np.testing.assert_allclose(design[:50, number], expected, atol=1e-12)


@pytest.mark.parametrize("family", ["chebyshev", "legendre"])
def test_both_bases_span_the_same_space(family: str, bases: dict[tuple[str, str], Basis]) -> None:
    points = sample("uniform", 800, 3, seed=1)
    designs = [bases[expansion, family].design(points) for expansion in EXPANSIONS]
    for design, other in (designs, designs[::-1]):
        assert np.linalg.matrix_rank(design) == design.shape[1]
        coefficients, *_ = np.linalg.lstsq(design, other, rcond=None)
        assert np.max(np.abs(design @ coefficients - other)) < 1e-9
    squares = quadrature(family, LEVEL + 1, 3)
    other = bases["self-interacting", family].design(squares[0])
    np.testing.assert_allclose(squares[1] @ other**2, 1.0)


def test_designs_by_degree_are_nested(bases: dict[tuple[str, str], Basis]) -> None:
    basis = bases["canonical", "chebyshev"]
    points = sample("beta", 5, 3, seed=1)
    assert [basis.count(degree) for degree in range(4)] == [1, 2, 4, 7]  # partitions into at most three parts
    np.testing.assert_array_equal(basis.design(points, 3), basis.design(points)[:, basis.degrees <= 3])


def test_sorted_sets_stand_for_the_whole_grid() -> None:
    line = np.array([-0.3, 0.1, 0.5, 0.9])
    chunks = [(line[chunk], times) for chunk, times in sorted_sets(4, 3)]
    full = np.array(list(product(line, repeat=3)))
    assert sum(times.sum() for _, times in chunks) == len(full)
    value = sum(float(np.sum(times * np.exp(points).prod(axis=1))) for points, times in chunks)
    assert value == pytest.approx(np.sum(np.exp(full).prod(axis=1)))


def test_points_on_the_cube_hold_corners_and_centre() -> None:
    points = cube_points(3, 1000, seed=1)
    assert len(points) > 1000
    assert np.max(np.abs(points)) == 1.0
    for special in ([1, 1, 1], [-1, -1, -1], [0, 0, 0]):
        assert np.min(np.max(np.abs(np.sort(points, axis=1) - special), axis=1)) < 1e-15


@pytest.mark.parametrize("name", sorted(DISTRIBUTIONS))
def test_samples_follow_their_distribution(name: str) -> None:
    laws = {
        "arcsine": arcsine(-1, 2),
        "uniform": uniform(-1, 2),
        "normal": truncnorm(-2.5, 2.5, scale=0.4),
        "beta": beta(5, 5, loc=-1, scale=2),
    }
    particles = sample(name, 3000, 2, seed=1)
    assert kstest(particles.ravel(), laws[name].cdf).pvalue > 0.01
    assert abs(np.corrcoef(particles.T)[0, 1]) < 0.05
    others = [law for other, law in laws.items() if other != name]
    assert max(kstest(particles.ravel(), law.cdf).pvalue for law in others) < 1e-6


def test_rate_in_one_dimension_is_the_known_one() -> None:
    """Chebyshev coefficients of 1/(1 + 25 x²) decay as ρ^-k with ρ = (1 + √26)/5: a textbook example."""
    for of in ("distance", "mean", "product"):
        assert math.exp(Runge(25.0, of).rate(1, 1)) == pytest.approx((1 + math.sqrt(26)) / 5)


@pytest.mark.parametrize("of", ["distance", "mean", "product"])
def test_exact_coefficients_are_those_of_gauss_quadrature(of: str, setting: Setting) -> None:
    function, basis = Runge(5.0, of), Basis(setting, "canonical", "chebyshev", 2, LEVEL)
    points, weights = quadrature("chebyshev", 150, 2)
    expected = basis.design(points).T @ (weights * function(points))
    exact = decay.Exact(function, 2, decay.SMALL_GRID)
    np.testing.assert_allclose(exact.coefficients(basis.labels), expected, atol=1e-13)
    assert exact.norm**2 == pytest.approx(weights @ function(points) ** 2)
    if of != "product":  # it has no power of the degree beside the exponential
        assert exact.final_slope(2) == pytest.approx(function.rate(2, 2), rel=0.01)


def test_decay_follows_theory_in_the_canonical_basis_only(findings: Any) -> None:
    rows = table(findings("decay"), "decay_slopes")
    assert {(row["q"], row["particles"], row["factors"]) for row in rows} == {
        (q, particles, factors)
        for q in ("distance", "mean")
        for particles in (2, 3)
        for factors in range(1, particles + 1)
    }
    for row in rows:
        if row["q"] == "distance":
            assert row["exact at high degrees"] == pytest.approx(row["theory"], rel=0.01)
        assert row["canonical"] == pytest.approx(row["exact"], abs=0.03)
        if row["factors"] < row["particles"]:
            assert row["self-interacting"] < 0.5 * row["canonical"]


def test_fitted_canonical_coefficients_are_exact_ones_up_to_what_is_left_out(findings: Any) -> None:
    for row in table(findings("decay"), "decay_fits"):
        assert row["distance to exact coefficients"] < 2 * row["left out"] < 0.1
        assert row["difference of bases"] < 1e-12


def test_coefficients_of_all_factors_are_the_same_in_both_bases(setting: Setting) -> None:
    """𝒫 is unit triangular by order, so the functions with most factors differ by functions with fewer ones."""
    for case in decay.solve(setting, 3, LEVEL):
        other = Basis(setting, "self-interacting", "chebyshev", 3, LEVEL)
        assert other.labels == case.basis.labels
        top, lower = case.basis.orders == 3, case.basis.orders == 1
        canonical = case.coefficients["canonical"] / case.basis.norms
        products = case.coefficients["self-interacting"] / other.norms
        np.testing.assert_allclose(canonical[top], products[top], atol=1e-12)
        assert np.max(np.abs(canonical[lower] - products[lower])) > 1e-3


def test_well_conditioned_fits_are_the_same_in_both_bases_and_by_both_solvers(findings: Any) -> None:
    rows = table(findings("distributions"), "distributions_degrees")
    fits: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        fits.setdefault(tuple(row[key] for key in ("function", "particles", "training", "degree")), []).append(row)
    compared = 0
    for group in fits.values():
        conditions = [row["condition"] for row in group if row["solver"] == "svd"]
        assert len(group) == 2 * len(conditions) == 8  # bases, solvers, polynomials
        if max(conditions) < 1e8:
            compared += 1
            for error in ("rmse", "largest"):
                assert max(row[error] for row in group) == pytest.approx(min(row[error] for row in group), rel=1e-3)
    assert compared > 0.9 * len(fits)


def test_canonical_designs_are_the_better_conditioned_ones(findings: Any) -> None:
    rows = [row for row in table(findings("distributions"), "distributions_degrees") if row["solver"] == "svd"]
    canonical, other = ([row["condition"] for row in rows if row["basis"] == basis] for basis in EXPANSIONS)
    assert np.mean(np.array(other) >= np.array(canonical)) > 0.95
    assert max(np.array(other) / np.array(canonical)) > 5


def test_arcsine_data_serve_best(findings: Any) -> None:
    rows = table(findings("distributions"), "distributions_degrees")
    last = [row for row in rows if row["degree"] == max(row["degree"] for row in rows if row["particles"] == 3)]
    errors = {
        row["training"]: row["largest"] for row in last if row["particles"] == 3 and row["function"] == "distance"
    }
    assert min(errors, key=errors.__getitem__) == "arcsine"
    assert errors["arcsine"] < 0.1 * errors["uniform"] < 0.1 * errors["beta"]


def test_more_functions_than_data(findings: Any, bases: dict[tuple[str, str], Basis]) -> None:
    """One solver reports that it cannot; the other takes the shortest of all functions through the data."""
    few = table(findings("distributions"), "distributions_data")
    assert min(row["data"] / row["functions"] for row in few if row["solver"] == "svd") < 0.3
    assert all(row["data"] >= row["functions"] for row in few if row["solver"] == "qr")
    said = {claim.what: claim.seen for claim in findings("distributions").claims}
    assert said["More functions than data, QR"].startswith("no result in 24 fits, refused: 102 functions and 25 data")
    points = sample("uniform", 10, 3, seed=1)
    values = Runge(5.0)(points)[:, None]
    for expansion in EXPANSIONS:
        design = bases[expansion, "chebyshev"].design(points)
        with pytest.raises(distributions.TooFewDataError, match=f"{design.shape[1]} functions and 10 data"):
            distributions.solve(design, values, "qr")
        solution = distributions.solve(design, values, "svd")
        assert solution.rank == 10
        np.testing.assert_allclose(design @ solution.coefficients, values, atol=1e-12)
        np.testing.assert_allclose(solution.coefficients, np.linalg.pinv(design) @ values, atol=1e-10)


@pytest.mark.parametrize("expansion", EXPANSIONS)
def test_regularized_errors_are_those_of_other_solvers(expansion: str, bases: dict[tuple[str, str], Basis]) -> None:
    basis = bases[expansion, "chebyshev"]
    sets = regularization.Sets("uniform", 3, len(basis), 200)
    curves = regularization.curves(sets, basis, expansion, regularization.SCALES[1])
    design = basis.design(sets.train) * basis.norms  # as compiled
    seen = basis.design(sets.seen) * basis.norms
    largest = np.linalg.norm(design, 2)
    assert len(curves) == 2 * len(regularization.FUNCTIONS) * len(regularization.NOISES)
    for curve in curves:
        number = [function.of for function in regularization.FUNCTIONS].index(curve.kind.function)
        column = number * len(regularization.NOISES) + regularization.NOISES.index(curve.kind.noise)
        for place in (16, 90, 110, 124):
            strength = float(regularization.STRENGTHS[place])
            if curve.kind.method == "ridge":
                ridge = Ridge(alpha=(strength * largest) ** 2, fit_intercept=False, solver="svd")
                coefficients = ridge.fit(design, sets.data[:, column]).coef_
            else:
                coefficients = np.linalg.pinv(design, rcond=strength) @ sets.data[:, column]
            misses = seen @ coefficients - sets.values[:, number]
            assert curve.errors["rmse"][place] == pytest.approx(root_mean_square(misses[:200]), rel=1e-6)
            assert curve.errors["largest"][place] == pytest.approx(np.max(np.abs(misses)), rel=1e-6)


def test_range_of_strengths_around_the_best() -> None:
    errors = np.array([2.2, 9.0, 5.0, 3.0, 2.0, 2.5, 3.9, 4.1, 2.1])
    kind = regularization.Kind(2, "chebyshev", "uniform", "norm 1", "distance", 0.0, "ridge")
    curve = regularization.Curve(kind, "canonical", 1.0, {"rmse": errors})
    assert curve.unharmed("rmse") == (3, 7)
    assert curve.decades("rmse") == 3 / regularization.STEPS
    assert curve.unharmed("rmse", 1.1) == (4, 5)
    assert curve.decades("rmse", 0.5) == 0
    flat = regularization.Curve(kind, "canonical", 1.0, {"rmse": np.ones(9)})
    assert flat.unharmed("rmse") == (0, 9)


def test_canonical_basis_is_the_more_robust_one_with_arcsine_data(findings: Any) -> None:
    """With other data it is not, in these fits: see what the claims say."""
    rows = [row for row in table(findings("regularization"), "regularization_ranges") if row["training"] == "arcsine"]
    canonical, other = ([row for row in rows if row["basis"] == basis] for basis in EXPANSIONS)
    assert len(canonical) == len(other) == 96
    for measure in ("rmse decades", "rmse common decades"):
        more = [left[measure] - right[measure] for left, right in zip(canonical, other, strict=True)]
        assert np.mean(np.array(more) > 0) > 0.9
        assert np.median(more) > 0.2
    stronger = [left["rmse to"] > right["rmse to"] for left, right in zip(canonical, other, strict=True)]
    assert np.mean(stronger) > 0.9
