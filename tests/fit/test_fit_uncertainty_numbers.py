"""The numerical parts of grades and committees, by dense formulas and brute force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from acegen.fit.bayes import fit_bayes, held_out_means
from acegen.fit.columns import Columns
from acegen.fit.factor import Factor, triangle
from acegen.fit.folds import ALWAYS
from acegen.fit.problem import Cell, Problem, reduce_problem
from acegen.fit.ridge import fit_ridge, held_out_solutions
from acegen.fit.selection import select
from acegen.fit.settings import SelectionSettings, SolverSettings, UncertaintySettings, WeightSettings
from acegen.fit.uncertainty.calibration import LARGEST_SCALE, NORMAL, Errors, calibrate, covered, vanishing
from acegen.fit.uncertainty.environments import EnvironmentBlock
from acegen.fit.uncertainty.grades import STOP, ByLeverage, first_threshold, largest_by_configuration
from acegen.fit.uncertainty.leverage import PRIOR, Moments, with_one
from acegen.fit.uncertainty.maxvol import TOLERANCE, active_set
from acegen.fit.uncertainty.sketch import members, mixing, sketched
from acegen.fit.uncertainty.stage import thinning
from acegen.progress import Silent
from acegen.store.uncertainty import LEVELS

Floats = np.ndarray[Any, np.dtype[np.float64]]
Seeds = st.integers(0, 10**6)


# Fewer rows


@given(seed=Seeds, size=st.integers(1, 9), more=st.integers(0, 5))
def test_enough_combinations_are_exact(seed: int, size: int, more: int) -> None:
    """Norms of all vectors are kept by as many combinations as there are rows, or more."""
    rng = np.random.default_rng(seed)
    mixed = mixing(size, size + more, rng)
    np.testing.assert_allclose(mixed @ mixed.T, np.eye(size), atol=1e-12)
    factor = rng.normal(size=(7, size))
    own = members(factor, size + more, rng)
    np.testing.assert_allclose(own @ own.T / (size + more), factor @ factor.T, atol=1e-10)
    assert sketched(factor, 7, rng) is factor


def test_few_combinations_are_right_on_average() -> None:
    """The mean over 2,000 sketches is the exact square; each differs by about sqrt(2 (1/K - 1/n))."""
    rng = np.random.default_rng(1)
    factor, b = rng.normal(size=(30, 12)) * 10.0 ** rng.uniform(-2, 1, size=12), rng.normal(size=12)
    exact = float(np.sum((factor @ b) ** 2))
    squares = np.array([np.sum((sketched(factor, 6, rng) @ b) ** 2) for _ in range(2000)]) / exact
    error = squares.std() / sqrt(len(squares))
    assert abs(squares.mean() - 1) < 4 * error < 0.1
    assert squares.std() == pytest.approx(sqrt(2 * (1 / 6 - 1 / 30)), rel=0.1)
    variances = np.array([np.mean((factor @ b @ np.eye(30) @ members(np.eye(30), 6, rng)) ** 2) for _ in range(2000)])
    assert abs(variances.mean() / exact - 1) < 4 * error


def test_the_seed_decides_the_members() -> None:
    factor = np.random.default_rng(0).normal(size=(5, 20))
    first, again, other = (members(factor, 4, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


# Active sets


def blocks_of(rows: Floats, size: int) -> Callable[[], Iterator[Floats]]:
    return lambda: (rows[first : first + size] for first in range(0, len(rows), size))


@settings(deadline=None)
@given(seed=Seeds, n=st.integers(1, 4), more=st.integers(0, 6), size=st.integers(1, 10))
def test_no_exchange_improves_an_active_set(seed: int, n: int, more: int, size: int) -> None:
    """By brute force: every exchange of one row gives at most 1 + ε times the volume, whatever the blocks.

    The volume is at least the largest of all sets divided by n^(n/2) (Goreinov, Tyrtyshnikov).
    """
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n + more, n)) * 10.0 ** rng.uniform(-3, 3, size=n)
    found = active_set(blocks_of(rows, size), n)
    assert found.complete
    assert found.n_units == 0
    np.testing.assert_array_equal(rows[found.numbers], found.rows)
    volume = abs(np.linalg.det(found.rows))
    for place in range(n):
        for candidate in rows:
            changed = found.rows.copy()
            changed[place] = candidate
            assert abs(np.linalg.det(changed)) <= (1 + 1.01 * TOLERANCE) * volume
    best = max(abs(np.linalg.det(rows[list(chosen)])) for chosen in combinations(range(len(rows)), n))
    assert volume >= best / (1 + TOLERANCE) ** n / n ** (n / 2)
    assert found.grades(rows).max() <= 1 + 1.01 * TOLERANCE
    expected = np.abs(np.linalg.solve(found.rows.T, rows.T)).max(axis=0)
    np.testing.assert_allclose(found.grades(rows), expected, rtol=1e-8)


def test_scaling_a_function_changes_no_grade() -> None:
    rng = np.random.default_rng(5)
    rows, scale, new = rng.normal(size=(40, 6)), 10.0 ** rng.uniform(-6, 6, size=6), rng.normal(size=(9, 6))
    plain, scaled = active_set(blocks_of(rows, 40), 6), active_set(blocks_of(rows * scale, 40), 6)
    assert set(plain.numbers) == set(scaled.numbers)
    np.testing.assert_allclose(scaled.grades(new * scale), plain.grades(new), rtol=1e-8)


@pytest.mark.parametrize(("count", "rank"), [(3, 3), (20, 4), (1, 1)])
def test_missing_directions_get_unit_rows(count: int, rank: int) -> None:
    """Candidates that span less than all functions have grades of at most one; others have enormous ones."""
    rng = np.random.default_rng(count)
    rows = rng.normal(size=(count, rank)) @ rng.normal(size=(rank, 7))
    found = active_set(blocks_of(rows, 5), 7)
    assert found.n_units == 7 - rank
    assert np.sum(found.numbers >= 0) == rank
    assert found.grades(rows).max() < 1.01
    assert found.grades(rng.normal(size=(5, 7))).min() > 1e3


# Leverage


def environments(rng: np.random.Generator, count: int, n: int, configurations: int) -> EnvironmentBlock:
    values = rng.normal(size=(count, n)) * 10.0 ** rng.uniform(-2, 2, size=n) + 0.3
    return EnvironmentBlock(0, values, np.arange(count) % configurations, np.zeros(count, dtype=int))


@settings(deadline=None)
@given(seed=Seeds, count=st.integers(6, 40), n=st.integers(1, 12))
def test_leverage_is_the_dense_formula(seed: int, count: int, n: int) -> None:
    """Also with fewer environments than functions, and for the data without a fold."""
    rng = np.random.default_rng(seed)
    block, folds = environments(rng, count, n, 6), [0, 1, 2, 0, 1, ALWAYS]
    moments = Moments(folds, np.ones((1, n), dtype=bool))
    moments.add([block])
    new = with_one(rng.normal(size=(5, n)) * np.abs(block.values).max(axis=0))
    for left_out in (None, 0):
        kept = with_one(block.values)[[left_out is None or folds[c] != left_out for c in block.configurations]]
        sums = kept.T @ kept
        whole = sums + PRIOR / len(kept) * np.diag(np.diag(sums))
        scale = 1 / np.sqrt(np.diag(sums))  # only for the accuracy of the inverse
        inverse = scale[:, None] * np.linalg.inv(whole * scale * scale[:, None]) * scale
        expected = np.sqrt(np.einsum("ij,jk,ik->i", new, inverse, new))
        found = np.linalg.norm(new @ moments.factor(0, left_out).T, axis=1)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert np.linalg.norm(kept @ moments.factor(0, left_out).T, axis=1).max() <= 1 + 1e-6


def test_an_environment_alone_in_its_direction_has_leverage_one() -> None:
    rng = np.random.default_rng(2)
    values = np.hstack([rng.normal(size=(500, 3)), np.zeros((500, 1))])
    values[17, 3] = 5.0
    moments = Moments([0] * 500, np.ones((1, 4), dtype=bool))
    moments.add([EnvironmentBlock(0, values, np.arange(500), np.zeros(500, dtype=int))])
    grades = np.linalg.norm(with_one(values) @ moments.factor(0).T, axis=1)
    assert grades[17] == pytest.approx(1.0, abs=0.01)
    assert np.delete(grades, 17).max() < 0.3
    no_neighbours = moments.factor(0)[:, -1]
    assert np.linalg.norm(no_neighbours) < 1  # the mean of these is near zero


def test_functions_without_coefficients_do_not_count() -> None:
    rng = np.random.default_rng(4)
    block = environments(rng, 30, 5, 6)
    part = EnvironmentBlock(0, block.values[:, [0, 3]], block.configurations, block.atoms)
    used = np.array([[True, False, False, True, False]])
    whole, some = Moments([0] * 6, used), Moments([0] * 6, np.ones((1, 2), dtype=bool))
    whole.add([block])
    some.add([part])
    expected = np.linalg.norm(with_one(part.values) @ some.factor(0).T, axis=1)
    np.testing.assert_allclose(np.linalg.norm(with_one(block.values) @ whole.factor(0).T, axis=1), expected, rtol=1e-9)


def test_a_fold_that_is_not_fitted_to_does_not_count() -> None:
    """With `solver.refit` false the grades are those of the data that were fitted to."""
    moments = Moments([0, 1, 2, 0, 1, 2], np.ones((1, 3), dtype=bool))
    moments.add([environments(np.random.default_rng(6), 40, 3, 6)])
    rater = ByLeverage(moments, 3, unseen=1)
    np.testing.assert_array_equal(rater.matrix(0, None), moments.factor(0, 1))
    np.testing.assert_array_equal(rater.matrix(0, 2), moments.factor(0, 2))
    assert np.abs(rater.matrix(0, None) - moments.factor(0)).max() > 1e-3


# Thresholds


def test_thresholds_are_where_held_out_configurations_end() -> None:
    """95 % of the configurations are at or below the first; held-out grades below one leave it at one.

    Where few configurations are far out, twice the largest median of a kind is the first; kinds of few have none.
    """
    configurations = np.repeat(np.arange(100), 3)
    grades = np.array([[0.1, n / 10, np.nan] for n in range(100)]).ravel()
    largest = largest_by_configuration(grades, configurations)
    assert largest == {n: max(n / 10, 0.1) for n in range(100)}
    kinds = ["one"] * 50 + ["other"] * 50
    first, notes = first_threshold(grades, configurations, kinds)
    assert first == pytest.approx(9.5, abs=0.11)
    assert not notes
    assert first_threshold(grades / 100, configurations, kinds) == (1.0, ())
    outlier = grades.copy()
    outlier[-2] = 1e6
    assert first_threshold(outlier, configurations, kinds)[0] == pytest.approx(first)
    few = np.array([2.0, 3.0, 4.0, 100.0, 900.0])
    assert first_threshold(few, np.arange(5), ["one"] * 5)[0] == pytest.approx(8.0)
    assert first_threshold(few, np.arange(5), ["one"] * 3 + ["other"] * 2)[0] == pytest.approx(8.0)
    two = np.concatenate([few, 10 * few])
    assert first_threshold(two, np.arange(10), ["one"] * 5 + ["other"] * 5)[0] == pytest.approx(80.0)
    assert first_threshold(two, np.arange(10), ["one"] * 6 + ["other"] * 4)[0] == pytest.approx(24.0)
    unknown, notes = first_threshold(np.full(300, np.nan), configurations, kinds)
    assert unknown > 1
    assert "nothing was held out" in notes[0]
    assert STOP > 1


# Posterior


def linear_problem(seed: int) -> tuple[Problem, dict[str, Floats]]:
    """Random rows of energies and forces, by fold, with one direction of composition."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=7)
    rows: dict[str, list[Floats]] = {"energy": [], "forces": []}
    cells = []
    for fold in range(3):
        factors = {"virial": Factor(np.zeros((0, 8)), 0)}
        for quantity, count in (("energy", 14), ("forces", 50)):
            x = rng.normal(size=(count, 7)) * [1, 3, 1, 0.2, 1, 1, 0.5]
            x[:, 0] = 1.0 if quantity == "energy" else 0.0
            whole = np.column_stack([x, x @ truth + 0.1 * rng.normal(size=count)])
            rows[quantity].append(whole)
            single = quantity == "energy"
            factors[quantity] = Factor(whole if single else triangle(whole.copy(order="F")), count, single)
        cells.append(Cell(fold, "", factors))
    return Problem(tuple(cells), Columns(1, 6), np.array([1.0, 2, 2, 3, 3, 4])), {
        q: np.stack(own) for q, own in rows.items()
    }


@pytest.mark.parametrize("sparse", [False, True], ids=["all functions", "selected"])
def test_the_posterior_of_ridge_is_the_dense_one(sparse: bool) -> None:
    """(XᵀX + λ²P²)⁻¹ σ² with σ² the objective per row; of all data and of those without each fold.

    Of energies of atoms too.
    """
    problem, rows = linear_problem(1)
    solver, weights = SolverSettings(strength=0.5, smoothness=(1.0,)), WeightSettings(energy=(3.0,), virial=(0.0,))
    chosen = np.array([0, 2, 3]) if sparse else np.arange(6)
    fit = fit_ridge(problem, solver, weights, Silent(), chosen)
    forces = rows["forces"].reshape(-1, 8)[:, 1:7]
    penalties = (np.sqrt(np.mean(forces**2, axis=0)) * problem.levels)[chosen]
    kept = [0, *(1 + chosen)]
    held_out = held_out_solutions(problem, fit, solver, chosen)
    cases = [(fit.solution, [0, 1, 2]), (held_out[0], [1, 2]), (held_out[1], [0, 2]), (held_out[2], [0, 1])]
    for solution, folds in cases:
        whole = np.vstack([3.0 * rows["energy"][folds].reshape(-1, 8), rows["forces"][folds].reshape(-1, 8)])
        x, t = whole[:, kept], whole[:, 7]
        precision = x.T @ x + np.diag([0.0, *(0.5 * penalties) ** 2])
        mean = np.linalg.solve(precision, x.T @ t)
        objective = np.sum((x @ mean - t) ** 2) + np.sum((0.5 * penalties * mean[1:]) ** 2)
        covariance = np.zeros((7, 7))
        covariance[np.ix_(kept, kept)] = np.linalg.inv(precision) * objective / (len(x) - 1)
        np.testing.assert_allclose(solution.factor @ solution.factor.T, covariance, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(solution.functions[chosen], mean[1:], rtol=1e-8)


@pytest.mark.parametrize("factorization", ["qr", "normal"])
@pytest.mark.parametrize("n_elements", [1, 2])
def test_what_the_data_do_not_determine_has_the_variance_of_the_prior(factorization: Any, n_elements: int) -> None:
    """Fifteen rows, twenty functions: the whole covariance is (XᵀX + λ²P²)⁻¹ σ², most of it from the prior."""
    rng = np.random.default_rng(11)
    sizes = {"energy": 5, "forces": 10}
    factors, weighted = {"virial": Factor(np.zeros((0, 21 + n_elements)), 0)}, []
    for (quantity, count), weight in zip(sizes.items(), (3.0, 1.0), strict=True):
        x = rng.normal(size=(count, n_elements + 21))
        x[:, :n_elements] = rng.dirichlet(np.ones(n_elements), size=count) if quantity == "energy" else 0.0
        factors[quantity] = Factor(x, count, single=True)
        weighted.append(weight * x)
    problem = Problem((Cell(ALWAYS, "", factors),), Columns(n_elements, 20), rng.uniform(1, 4, size=20))
    strength = 1e-2
    solver = SolverSettings(strength=strength, smoothness=(1.0,), factorization=factorization)
    fit = fit_ridge(problem, solver, WeightSettings(energy=(3.0,), virial=(0.0,)), Silent())
    x, t = np.vstack(weighted)[:, :-1], np.vstack(weighted)[:, -1]
    penalties = np.sqrt(np.mean(factors["forces"].matrix[:, n_elements:-1] ** 2, axis=0)) * problem.levels
    precision = x.T @ x + np.diag(np.concatenate([np.zeros(n_elements), (strength * penalties) ** 2]))
    mean = np.linalg.solve(precision, x.T @ t)
    objective = np.sum((x @ mean - t) ** 2) + np.sum((strength * penalties * mean[n_elements:]) ** 2)
    covariance = np.linalg.inv(precision) * objective / (15 - n_elements)
    own = fit.solution.factor @ fit.solution.factor.T
    np.testing.assert_allclose(own, covariance, rtol=0, atol=1e-8 * np.abs(covariance).max())
    np.testing.assert_allclose(np.diag(own), np.diag(covariance), rtol=1e-8)
    determined = reduce_problem(problem, problem.everything, fit.chosen.weights, 1.0).root(strength)
    assert np.trace(own) > 30 * np.sum(determined**2) * objective / (15 - n_elements)


def test_the_held_out_posterior_of_bayes_is_the_dense_one() -> None:
    problem, rows = linear_problem(2)
    fit = fit_bayes(problem, problem.everything, SolverSettings(kind="bayes", smoothness=(1.0,)), Silent())
    forces = rows["forces"].reshape(-1, 8)[:, 1:7]
    prior = fit.precision * (np.sqrt(np.mean(forces**2, axis=0)) * problem.levels) ** 2
    for fold, solution in enumerate(held_out_means(problem, fit)):
        folds = [f for f in range(3) if f != fold]
        whole = np.vstack([rows[q][folds].reshape(-1, 8) / fit.noise[q] for q in ("energy", "forces")])
        precision = whole[:, :7].T @ whole[:, :7] + np.diag([0.0, *prior])
        np.testing.assert_allclose(solution.factor @ solution.factor.T, np.linalg.inv(precision), rtol=1e-7, atol=1e-12)


def test_the_posteriors_of_folds_are_thinned() -> None:
    """Three columns are kept for three members; their squares, and those of members drawn from them, are right."""
    problem, _ = linear_problem(4)
    solver = SolverSettings(strength=0.5, smoothness=(1.0,))
    fit = fit_ridge(problem, solver, WeightSettings(), Silent())
    (exact, *_) = held_out_solutions(problem, fit, solver)
    covariance, sums = exact.factor @ exact.factor.T, np.zeros((2, 7, 7))
    few = thinning(UncertaintySettings(members=3))
    for draw in range(1000):
        factor = few(exact.factor)
        assert factor.shape == (7, 3)
        own = members(factor, 3, np.random.default_rng(draw))
        sums += [factor @ factor.T, own @ own.T / 3]
    scale = np.sqrt(np.diag(covariance))
    for mean in sums / 1000:
        np.testing.assert_allclose(mean / scale / scale[:, None], covariance / scale / scale[:, None], atol=0.1)
    (thin, *_) = held_out_solutions(problem, fit, solver, thinned=thinning(UncertaintySettings(members=0)))
    assert thin.factor.shape == (7, 0)
    np.testing.assert_array_equal(thin.functions, exact.functions)
    kept = held_out_solutions(problem, fit, solver, thinned=thinning(UncertaintySettings(grade="posterior")))
    np.testing.assert_array_equal(kept[0].factor, exact.factor)


def test_selected_functions_have_the_only_variance() -> None:
    """A member of a sparse model has deviations only for its functions."""
    problem, _ = linear_problem(3)
    solver = SolverSettings(strength=0.5, smoothness=(1.0,), selection=SelectionSettings(functions=2))
    fit = fit_ridge(problem, solver, WeightSettings(), Silent())
    reduced = reduce_problem(problem, problem.everything, fit.chosen.weights, 1.0)
    assert solver.selection is not None
    chosen = select(problem, reduced, 0.5, solver.selection).functions
    sparse = fit_ridge(problem, solver, WeightSettings(), Silent(), chosen).solution
    own = members(sparse.factor, 8, np.random.default_rng(0))[problem.columns.functions]
    np.testing.assert_array_equal(np.flatnonzero(np.abs(own).max(axis=1)), chosen)


# Calibration


def synthetic(seed: int, count: int, floor: float, scale: float) -> tuple[Floats, Floats]:
    """Errors of known standard deviation, and the variances predicted for them."""
    rng = np.random.default_rng(seed)
    variances = 10.0 ** rng.uniform(-4, 0, size=count)
    return rng.normal(size=count) * np.sqrt(floor**2 + scale**2 * variances), variances


@pytest.mark.parametrize(("floor", "scale"), [(0.05, 6.0), (1e-4, 2.0), (2.0, 0.3)])
def test_floor_and_scale_are_found(floor: float, scale: float) -> None:
    """Of synthetic errors; where one of them is too small to matter, the whole standard deviation is right."""
    errors, variances = synthetic(1, 20_000, floor, scale)
    found = calibrate(errors, variances)
    expected = np.sqrt(floor**2 + scale**2 * variances)
    np.testing.assert_allclose(found.deviations(variances), expected, rtol=0.05)
    assert found.quantiles == pytest.approx([norm.ppf((1 + level) / 2) for level in LEVELS], rel=0.05)
    assert found.count == 20_000


def test_the_likelihood_is_largest() -> None:
    """Against a grid of floors and scales, for errors with heavy tails."""
    rng = np.random.default_rng(3)
    variances = 10.0 ** rng.uniform(-3, 0, size=3000)
    errors = rng.standard_t(4, size=3000) * np.sqrt(0.1**2 + 3**2 * variances)
    found = calibrate(errors, variances)

    def negative(floor: float, scale: float) -> float:
        whole = floor**2 + scale**2 * variances
        return float(np.mean(errors**2 / whole + np.log(whole)))

    best = min(negative(f, s) for f in np.geomspace(1e-3, 3, 40) for s in np.geomspace(0.1, 30, 80))
    assert negative(found.floor, found.scale) <= best + 1e-6


@pytest.mark.parametrize("freedom", [3, 300])
def test_intervals_cover_what_they_claim(freedom: int) -> None:
    """Of fresh data with the same tails, heavy or not."""

    def drawn(seed: int) -> tuple[Floats, Floats]:
        rng = np.random.default_rng(seed)
        variances = 10.0 ** rng.uniform(-3, 0, size=20_000)
        return rng.standard_t(freedom, size=20_000) * np.sqrt(0.02**2 + 5**2 * variances), variances

    calibration = calibrate(*drawn(1))
    assert covered(*drawn(2), calibration) == pytest.approx(LEVELS, abs=0.01)
    assert calibration.quantiles == tuple(sorted(calibration.quantiles))


def test_forces_that_are_zero_by_symmetry_calibrate_nothing() -> None:
    """Half of the data are perfect crystals: nothing changes."""
    errors, variances = synthetic(2, 4000, 0.05, 6.0)
    rounding = np.random.default_rng(0).normal(size=4000) * 1e-14
    mixed = calibrate(np.concatenate([errors, rounding]), np.concatenate([variances, rounding**2]))
    plain = calibrate(errors, variances)
    assert mixed == plain
    assert plain.floor > 0.01


def test_forces_that_are_all_zero_by_symmetry_are_left_out() -> None:
    """By predictions, and labels or deviations, below 1e-6 eV/Å; a force that is small by chance is kept."""
    labels = np.array([0.0, 1e-9, 4e-5, 0.2, 4e-7, 0.3, 1e-3])
    predictions = np.array([1e-15, 3e-16, 2e-15, 0.21, 0.1, 2e-7, 2e-3])
    variances = np.array([1e-32, 1e-31, 1e-30, 1e-4, 1e-4, 1e-4, 1e-16])
    zero = vanishing(labels, predictions, variances)
    np.testing.assert_array_equal(zero, [True, True, True, False, False, False, False])
    own = Errors(predictions - labels, variances, np.arange(7), zero)
    assert calibrate(own.only(zero).informative.errors, own.only(zero).informative.variances) == NORMAL
    np.testing.assert_array_equal(own.informative.configurations, [3, 4, 5])  # the last one has too small a variance


@pytest.mark.parametrize("size", [1e-12, 1e-30, 1e-60])
def test_an_absurd_scale_is_bounded(size: float) -> None:
    """Where the posterior has hardly any variance, the floor describes the errors."""
    errors, variances = synthetic(4, 2000, 0.1, 0.0)
    found = calibrate(errors, size * variances)
    assert found.scale <= 1.001 * LARGEST_SCALE
    assert found.floor == pytest.approx(0.1, rel=0.05)
    proportional = calibrate(np.sqrt(variances) * errors, size * variances)
    assert proportional.scale <= 1.001 * LARGEST_SCALE
    assert covered(np.sqrt(variances) * errors, size * variances, proportional) == pytest.approx(LEVELS, abs=0.01)


def test_few_or_no_values() -> None:
    """The interval of few values is that of the largest error; nothing at all leaves the posterior as it is."""
    assert calibrate(np.zeros(0), np.zeros(0)) == NORMAL
    assert calibrate(np.zeros(3), np.zeros(3)) == NORMAL
    one = calibrate(np.array([0.3]), np.array([0.01]))
    assert one.quantiles[2] * one.deviations(np.array([0.01]))[0] == pytest.approx(0.3)
    errors, variances = synthetic(1, 10, 0.1, 1.0)
    few = calibrate(errors, variances)
    assert few.quantiles[1] == few.quantiles[2] == pytest.approx(np.max(np.abs(errors) / few.deviations(variances)))
    exact = calibrate(np.zeros(50), np.full(50, 1.0))
    assert np.isfinite([exact.floor, exact.scale, *exact.quantiles]).all()
