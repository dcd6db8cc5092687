"""Solvers of a fit against explicit dense linear algebra on all rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from threadpoolctl import threadpool_limits

from acegen.errors import FitError
from acegen.fit.bayes import BayesFit, fit_bayes
from acegen.fit.columns import Columns
from acegen.fit.factor import Factor, RowBuffer, combined, stacked, triangle
from acegen.fit.folds import ALWAYS
from acegen.fit.merit import predict, rms
from acegen.fit.problem import Cell, Problem, Weights, reduce_problem
from acegen.fit.ridge import fit_ridge, held_out_solutions
from acegen.fit.selection import select
from acegen.fit.settings import QUANTITIES, AssemblySettings, SelectionSettings, SolverSettings, WeightSettings
from acegen.fit.solve import solve
from acegen.fit.unit import Factors
from acegen.fit.workers import Tree, merged
from acegen.progress import Silent

Floats = np.ndarray[Any, np.dtype[np.float64]]
Rows = dict[str, Floats]
Seeds = st.integers(0, 10**6)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small matrices are slower with several."""
    with threadpool_limits(1):
        yield


def factors_of(rows: Rows) -> Factors:
    return {q: Factor(triangle(rows[q].copy()), len(rows[q])) for q in QUANTITIES}


def problem_of(training: Rows, held_out: Rows, composition: int, levels: Floats) -> Problem:
    """A problem of some rows that are always fitted to, and one fold. Energies are single rows, as in an assembly."""
    parts = [(ALWAYS, training), (0, held_out)]
    cells: list[Cell] = []
    for fold, rows in parts:
        if any(map(len, rows.values())):
            energy = Factor(rows["energy"].copy(), len(rows["energy"]), single=True)
            cells.append(Cell(fold, "", factors_of(rows) | {"energy": energy}))
    return Problem(tuple(cells), Columns(composition, len(levels)), levels)


@dataclass(frozen=True)
class Case:
    """A problem, and the rows [composition | functions | target] it was made of."""

    training: Rows
    validation: Rows
    problem: Problem

    @property
    def n(self) -> int:
        return self.problem.columns.n_composition

    @property
    def everything(self) -> Rows:
        """Rows of both parts."""
        return {q: np.vstack([self.training[q], self.validation[q]]) for q in QUANTITIES}

    def stacked(self, weights: Weights, rows: Rows | None = None) -> tuple[Floats, Floats, Floats]:
        """Weighted composition, functions and targets of all quantities."""
        rows = rows or self.training
        whole = np.vstack([w * rows[q] for q, w in zip(QUANTITIES, weights, strict=True)])
        return whole[:, : self.n], whole[:, self.n : -1], whole[:, -1]

    def penalties(self, smoothness: float) -> Floats:
        """By definition: rms of force columns over all rows, times level^smoothness."""
        forces = np.vstack([self.training["forces"], self.validation["forces"]])[:, self.n : -1]
        return np.sqrt(np.mean(forces**2, axis=0)) * self.problem.levels**smoothness


def case(
    seed: int,
    composition: int = 1,
    functions: int = 6,
    counts: tuple[int, int, int] = (12, 30, 9),
    held_out: tuple[int, int, int] = (5, 12, 3),
    noise: float = 0.1,
    truth: Floats | None = None,
) -> Case:
    """Random rows; composition columns only in energies; targets from random coefficients with noise."""
    rng = np.random.default_rng(seed)
    c = np.concatenate([rng.normal(size=composition), rng.normal(size=functions) if truth is None else truth])
    scale = 10.0 ** rng.uniform(-1, 1, size=functions)

    def rows(sizes: tuple[int, int, int]) -> Rows:
        result = {}
        for quantity, size in zip(QUANTITIES, sizes, strict=True):
            columns = np.hstack([rng.uniform(1, 5, (size, composition)), rng.normal(size=(size, functions)) * scale])
            if quantity != "energy":
                columns[:, :composition] = 0
            target = columns @ c + noise * rng.normal(size=size)
            result[quantity] = np.column_stack([columns, target])
        return result

    training, validation = rows(counts), rows(held_out)
    levels = rng.uniform(1, 6, size=functions)
    return Case(training, validation, problem_of(training, validation, composition, levels))


def assert_close(actual: object, expected: object, tolerance: float = 1e-9) -> None:
    """Relative to the largest expected value."""
    a, b = np.asarray(actual), np.asarray(expected)
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1e-300, float(np.abs(b).max(initial=0))))


def augmented(a: Floats, x: Floats, t: Floats, penalties: Floats, strength: float) -> Floats:
    """Least squares with the prior as rows; of several solutions the shortest."""
    prior = np.hstack([np.zeros((x.shape[1], a.shape[1])), strength * np.diag(penalties)])
    whole = np.vstack([np.hstack([a, x]), prior])
    solution: Floats = np.linalg.lstsq(whole, np.concatenate([t, np.zeros(len(prior))]), rcond=1e-12)[0]
    return solution


# Tall-skinny QR


@given(seed=Seeds, columns=st.integers(1, 7), sizes=st.lists(st.integers(0, 25), max_size=8), data=st.data())
@settings(deadline=None)
def test_any_partition_and_buffer_gives_the_same_least_squares(
    seed: int, columns: int, sizes: list[int], data: st.DataObject
) -> None:
    """R of parts, streamed through buffers of any capacity and stacked, has RᵀR = XᵀX of all rows."""
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(size, columns)) for size in sizes]
    factors = []
    for part in parts:
        buffer = RowBuffer(columns, data.draw(st.integers(0, 30)))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(part)), max_size=4)))
        for piece in np.split(part, cuts):
            buffer.add([piece])
        factors.append(buffer.factor())
    found = combined(factors, columns)
    rows = np.vstack([np.zeros((0, columns)), *parts])
    assert found.n_rows == len(rows)
    assert len(found.matrix) <= min(columns, len(rows))
    np.testing.assert_allclose(np.tril(found.matrix, -1), 0, atol=1e-14)
    assert_close(found.matrix.T @ found.matrix, rows.T @ rows, 1e-12)


@given(seed=Seeds, columns=st.integers(2, 6), rows=st.integers(7, 40), capacity=st.integers(0, 50))
@settings(deadline=None)
def test_triangle_has_the_solution_and_the_residual_of_all_rows(
    seed: int, columns: int, rows: int, capacity: int
) -> None:
    whole = np.random.default_rng(seed).normal(size=(rows, columns))
    buffer = RowBuffer(columns, capacity)
    buffer.add([whole])
    r = buffer.factor().matrix
    expected, residual, *_ = np.linalg.lstsq(whole[:, :-1], whole[:, -1])
    found = np.linalg.lstsq(r[:, :-1], r[:, -1])[0]
    assert_close(found, expected, 1e-8)
    assert_close(np.sum((r[:, :-1] @ found - r[:, -1]) ** 2), residual[0], 1e-8)


@given(seed=Seeds, columns=st.integers(1, 90), share=st.tuples(st.floats(0, 1), st.floats(0, 1)))
@settings(deadline=None)
def test_triangles_on_top_of_each_other(seed: int, columns: int, share: tuple[float, float]) -> None:
    """R of two triangles with any numbers of rows, wider and narrower than a panel; they stay what they are.

    Against NumPy's QR of all rows, with columns so dependent that normal equations would have no digits left.
    """
    rng = np.random.default_rng(seed)
    mixing = np.eye(columns) + np.triu(rng.normal(size=(columns, columns)), 1) / columns
    mixing[:, -1] = mixing[:, 0] + 1e-9 * mixing[:, -1]
    parts = [rng.normal(size=(round(part * columns), columns)) @ mixing for part in share]
    first, second = (triangle(np.asfortranarray(part)) for part in parts)
    before = first.copy(), second.copy()
    found = stacked(first, second)
    np.testing.assert_array_equal(first, before[0])
    np.testing.assert_array_equal(second, before[1])
    rows = np.vstack(parts)
    assert found.shape == (min(len(rows), columns), columns)
    np.testing.assert_array_equal(found, np.triu(found))
    expected: Floats = np.linalg.qr(rows)[1]
    signs = np.where(np.diag(found) * np.diag(expected) < 0, -1.0, 1.0)[:, None]
    if len(rows) > columns:  # else the last rows have no digits in either
        last = abs(expected[-1, -1])
        assert abs(abs(found[-1, -1]) - last) < 1e-4 * last + 1e-14
    assert_close((found * signs).T @ (found * signs), rows.T @ rows, 1e-12)


def test_adding_rows_does_not_change_them() -> None:
    rows = np.asfortranarray(np.random.default_rng(0).normal(size=(9, 3)))
    before = rows.copy()
    buffer = RowBuffer(3, 4)
    buffer.add([rows])
    buffer.factor()
    np.testing.assert_array_equal(rows, before)


@given(seed=Seeds, count=st.integers(1, 9), data=st.data())
@settings(deadline=None)
def test_tree_gives_the_same_bits_in_any_order(seed: int, count: int, data: st.DataObject) -> None:
    """And it equals the triangle of all rows."""
    rng = np.random.default_rng(seed)
    rows = [{q: rng.normal(size=(rng.integers(0, 9), 4)) for q in QUANTITIES} for _ in range(count)]
    units = [factors_of(row) for row in rows]
    totals = []
    for order in (range(count), data.draw(st.permutations(range(count)))):
        tree = Tree(count)
        for number in order:
            assert tree.total is None
            tree.add(number, units[number])
        assert tree.total is not None
        totals.append(tree.total)
    for quantity in QUANTITIES:
        first, second = (total[quantity] for total in totals)
        assert first.matrix.tobytes() == second.matrix.tobytes()
        whole = np.vstack([row[quantity] for row in rows])
        assert first.n_rows == second.n_rows == len(whole)
        np.testing.assert_allclose(first.matrix.T @ first.matrix, whole.T @ whole, atol=1e-11)


# Ridge


weight = st.floats(0.1, 30)


@given(
    seed=Seeds,
    composition=st.integers(0, 3),
    functions=st.integers(1, 8),
    counts=st.tuples(st.integers(0, 12), st.integers(1, 30), st.integers(0, 9)),
    weights=st.builds(Weights, weight, weight, weight),
    smoothness=st.floats(0, 3),
    strength=st.floats(1e-3, 10),
    normal=st.booleans(),
    kept=st.none() | st.sets(st.integers(0, 7), min_size=1),
)
@settings(deadline=None, max_examples=100)
def test_ridge_is_the_augmented_least_squares(
    seed: int,
    composition: int,
    functions: int,
    counts: tuple[int, int, int],
    weights: Weights,
    smoothness: float,
    strength: float,
    normal: bool,
    kept: set[int] | None,
) -> None:
    """Fewer rows than columns included, and some functions only; composition has no penalty, and is the shortest where
    it is not determined.
    """
    one = case(seed, composition, functions, counts)
    chosen = None if kept is None else sorted({number % functions for number in kept})
    reduced = reduce_problem(one.problem, one.problem.without(0), weights, smoothness, chosen, normal)
    solution = reduced.coefficients(reduced.ridge(np.array([strength * 0.1, strength]))[:, 1])
    a, x, t = one.stacked(weights)
    of = list(range(functions)) if chosen is None else chosen
    expected = np.zeros(composition + functions)
    expected[[*range(composition), *(composition + f for f in of)]] = augmented(
        a, x[:, of], t, one.penalties(smoothness)[of], strength
    )
    found = np.concatenate([solution.composition, solution.functions])
    predictions = np.hstack([a, x])
    assert_close(predictions @ found, predictions @ expected, 1e-7)
    assert_close(
        found[composition:] * one.penalties(smoothness), expected[composition:] * one.penalties(smoothness), 1e-6
    )
    predicted = predict(one.problem.held_out(0), found[:, None])
    for quantity, rows in one.validation.items():
        assert_close(rms(predicted[quantity])[0], np.sqrt(np.mean((rows[:, :-1] @ found - rows[:, -1]) ** 2)), 1e-7)


def test_a_quantity_of_weight_zero_is_ignored() -> None:
    """Also energies, which alone determine composition."""
    one = case(1, composition=2)
    reduced = reduce_problem(one.problem, one.problem.without(0), Weights(0.0, 2.0, 0.5), 1.0)
    solution = reduced.coefficients(reduced.ridge(np.array([0.3]))[:, 0])
    rows = np.vstack([2.0 * one.training["forces"], 0.5 * one.training["virial"]])[:, 2:]
    expected = augmented(np.zeros((len(rows), 0)), rows[:, :-1], rows[:, -1], one.penalties(1.0), 0.3)
    assert_close(solution.functions, expected)
    np.testing.assert_array_equal(solution.composition, 0)
    assert reduced.n_rows == len(rows)


def test_no_weight_at_all_is_refused() -> None:
    one = case(1)
    with pytest.raises(FitError, match="weights of energy 0, forces 0 and virial 0 leave nothing to fit to"):
        reduce_problem(one.problem, one.problem.without(0), Weights(0.0, 0.0, 0.0), 1.0)


def restricted(a: Floats) -> Floats:
    """Orthonormal basis of the complement of the composition columns."""
    return scipy.linalg.null_space(a.T) if a.shape[1] else np.eye(len(a))


@given(seed=Seeds, composition=st.integers(0, 2), smoothness=st.floats(0, 2), strength=st.floats(0.3, 10), w=weight)
@settings(deadline=None, max_examples=40)
def test_freedom_gcv_and_evidence_against_explicit_matrices(
    seed: int, composition: int, smoothness: float, strength: float, w: float
) -> None:
    """Hat matrix and marginal likelihood (scipy.stats) of all rows, those of folds too; flat prior of composition."""
    one = case(seed, composition)
    settings_ = SolverSettings(strength=strength, smoothness=(smoothness,))
    point = fit_ridge(one.problem, settings_, WeightSettings(energy=(w,), forces=1.5, virial=(0.7,)), Silent()).chosen
    a, x, t = one.stacked(Weights(w, 1.5, 0.7), one.everything)
    x = x / one.penalties(smoothness)
    q = restricted(a)
    hat_rows, target = q.T @ x, q.T @ t
    size, n = x.shape[1], len(target)
    hat = hat_rows @ np.linalg.solve(hat_rows.T @ hat_rows + strength**2 * np.eye(size), hat_rows.T)
    assert_close(point.freedom, np.trace(hat))
    misfit = np.sum((target - hat @ target) ** 2)
    assert_close(point.gcv, n * misfit / np.trace(np.eye(n) - hat) ** 2, 1e-8)

    shape = np.eye(n) + hat_rows @ hat_rows.T / strength**2
    variance = target @ np.linalg.solve(shape, target) / n
    evidence = multivariate_normal(cov=variance * shape).logpdf(target) - 0.5 * np.linalg.slogdet(a.T @ a)[1]
    jacobian = sum(len(one.everything[q]) * np.log(v) for q, v in zip(QUANTITIES, (w, 1.5, 0.7), strict=True))
    assert_close(point.evidence, evidence + jacobian, 1e-8)


def test_the_best_is_chosen_and_refitted() -> None:
    """Of all candidates and strengths the smallest score of the held-out rows; then a fit to all data with it.

    The score by its definition: mean of ½ log(e² + f²) over energies, f the least median error on the path, and
    ½ log(s² + f²) of forces, s their root mean square error and f a tenth of the least on the path.
    """
    one = case(3, functions=9, counts=(9, 12, 3), held_out=(9, 12, 3), noise=15.0)
    settings_ = SolverSettings(smoothness=(0.0, 1.0, 2.0))
    weights = WeightSettings(energy=(1.0, 10.0), virial=(0.1, 1.0))
    found = fit_ridge(one.problem, settings_, weights, Silent())
    errors: dict[str, list[Floats]] = {quantity: [] for quantity in QUANTITIES}
    for point in found.path:
        a, x, t = one.stacked(point.weights)
        c = augmented(a, x, t, one.penalties(point.smoothness), point.strength)
        for quantity, rows in one.validation.items():
            errors[quantity].append(rows[:, :-1] @ c - rows[:, -1])
        expected = [np.mean(errors[quantity][-1] ** 2) ** 0.5 for quantity in QUANTITIES]
        assert_close([point.validation[quantity] for quantity in QUANTITIES], expected, 1e-6)
    median = min(np.median(np.abs(e)) for e in errors["energy"])
    least = min(np.mean(e**2) for e in errors["forces"]) ** 0.5
    scores = [
        (np.mean(np.log(e**2 + median**2)) + np.log(np.mean(f**2) + (0.1 * least) ** 2)) / 4
        for e, f in zip(errors["energy"], errors["forces"], strict=True)
    ]
    np.testing.assert_allclose([point.score for point in found.path], scores, atol=1e-6)
    assert all(point.uncertainty == 0 for point in found.path)  # one fold has no spread
    assert found.chosen == found.path[int(np.argmin(scores))]
    looked_at = {(p.weights, p.smoothness) for p in found.path}
    assert {w for w, power in looked_at if power == 1.0} == {Weights(e, 1.0, v) for e in (1, 10) for v in (0.1, 1)}
    assert {power for w, power in looked_at if w == found.chosen.weights} == {0.0, 1.0, 2.0}

    a, x, t = one.stacked(found.chosen.weights, one.everything)
    expected = augmented(a, x, t, one.penalties(found.chosen.smoothness), found.chosen.strength)
    assert_close(np.concatenate([found.solution.composition, found.solution.functions]), expected, 1e-7)
    a, x, t = one.stacked(found.chosen.weights)
    expected = augmented(a, x, t, one.penalties(found.chosen.smoothness), found.chosen.strength)
    (held_out,) = held_out_solutions(one.problem, found, settings_)
    assert_close(np.concatenate([held_out.composition, held_out.functions]), expected, 1e-7)
    unrefitted = fit_ridge(one.problem, settings_.model_copy(update={"refit": False}), weights, Silent())
    assert_close(unrefitted.solution.functions, held_out.functions, 1e-12)


@pytest.mark.parametrize("criterion", ["evidence", "gcv"])
def test_strength_by_evidence_or_gcv(criterion: str) -> None:
    one = case(4, noise=1.0)
    only = WeightSettings(energy=(1.0,), virial=(1.0,))
    found = fit_ridge(one.problem, SolverSettings(strength=criterion, smoothness=(1.0,)), only, Silent())
    values = [-p.evidence if criterion == "evidence" else p.gcv for p in found.path]
    assert len(values) > 10
    assert found.chosen == found.path[int(np.argmin(values))]


def test_without_folds_the_evidence_decides() -> None:
    """Choice of strength, weights and smoothness by the evidence: nothing is held out."""
    one = case(5, held_out=(0, 0, 0), noise=1.0)
    weights = WeightSettings(energy=(1.0, 10.0), virial=(1.0,))
    found = fit_ridge(one.problem, SolverSettings(smoothness=(0.0, 2.0)), weights, Silent())
    assert one.problem.n_folds == 0
    assert len(found.path) > 100
    assert all(point.score == -point.evidence and point.validation == {} for point in found.path)
    assert found.chosen == max(found.path, key=lambda point: point.evidence)
    again = fit_ridge(one.problem, SolverSettings(strength="evidence", smoothness=(0.0, 2.0)), weights, Silent())
    assert again.chosen == found.chosen
    assert held_out_solutions(one.problem, found, SolverSettings()) == ()


@pytest.mark.parametrize("smoothness", [0.0, 1.0])
def test_normal_equations_agree_where_well_conditioned(smoothness: float) -> None:
    one = case(6, functions=12)
    only = WeightSettings(energy=(1.0,), virial=(1.0,))
    fits = [
        fit_ridge(one.problem, SolverSettings(factorization=kind, smoothness=(smoothness,)), only, Silent())
        for kind in ("qr", "normal")
    ]
    assert fits[0].condition < 100
    assert_close(fits[1].solution.functions, fits[0].solution.functions, 1e-9)
    assert_close([p.evidence for p in fits[1].path], [p.evidence for p in fits[0].path], 1e-9)
    assert_close(fits[1].condition, fits[0].condition, 1e-9)


# Rank-deficient designs


def duplicated(seed: int) -> Case:
    """Two equal columns and one that is zero everywhere."""
    one = case(seed, functions=7)
    for rows in (one.training, one.validation):
        for row in rows.values():
            row[:, one.n + 3] = row[:, one.n + 1]
            row[:, one.n + 5] = 0
    levels = one.problem.levels.copy()
    levels[3] = levels[1]
    return Case(one.training, one.validation, problem_of(one.training, one.validation, 1, levels))


@pytest.mark.parametrize("factorization", ["qr", "normal"])
@pytest.mark.parametrize("strength", ["validation", "evidence", "gcv"])
def test_equal_columns_share_and_unseen_ones_get_nothing(factorization: str, strength: str) -> None:
    one = duplicated(8)
    only = WeightSettings(energy=(1.0,), virial=(1.0,))
    settings_ = SolverSettings(strength=strength, factorization=factorization, smoothness=(1.0,))
    found = fit_ridge(one.problem, settings_, only, Silent())
    assert all(np.isfinite([p.evidence, p.gcv, p.score]).all() for p in found.path)
    a, x, t = one.stacked(found.chosen.weights, one.everything)
    expected = augmented(a, x, t, one.penalties(1.0), found.chosen.strength)
    assert found.solution.functions[5] == 0
    tolerance = 1e-6 if factorization == "qr" else 1e-4
    assert_close(np.hstack([a, x]) @ np.concatenate([found.solution.composition, found.solution.functions]),
                 np.hstack([a, x]) @ expected, tolerance)  # fmt: skip
    assert_close(found.solution.functions[1], found.solution.functions[3], tolerance)
    bayes = fit_bayes(one.problem, one.problem.without(0), SolverSettings(kind="bayes", smoothness=(1.0,)), Silent())
    assert_close(bayes.solution.functions[1], bayes.solution.functions[3], 1e-6)
    assert bayes.solution.functions[5] == 0
    np.testing.assert_array_equal(bayes.factor[one.n + 5], 0)


def test_functions_that_no_force_sees_are_fitted_to_energies() -> None:
    """An element may occur in configurations with energies alone."""
    one = case(9, functions=5, noise=0.0)
    for rows in (one.training, one.validation):
        rows["forces"][:, one.n + 2] = rows["virial"][:, one.n + 2] = 0
        for quantity in ("forces", "virial"):  # targets still belong to the same coefficients
            rows[quantity][:, -1] = rows[quantity][:, :-1] @ np.concatenate([[0.0], _truth(9, 5)])
    problem = problem_of(one.training, one.validation, one.n, one.problem.levels)
    solution = fit_ridge(problem, SolverSettings(), WeightSettings(), Silent()).solution
    assert_close(solution.functions, _truth(9, 5), 1e-4)


def _truth(seed: int, functions: int) -> Floats:
    """Coefficients that `case` draws, with one column of composition."""
    rng = np.random.default_rng(seed)
    rng.normal(size=1)
    return rng.normal(size=functions)


@pytest.mark.parametrize("kind", ["ridge", "bayes"])
@pytest.mark.parametrize("counts", [(0, 30, 0), (12, 0, 0), (0, 30, 9), (12, 0, 9), (3, 6, 0)])
def test_some_quantities_or_few_rows(kind: str, counts: tuple[int, int, int]) -> None:
    """Forces only, energies only, fewer rows than columns: finite, and the residual of the explicit solution."""
    composition = 1 if counts[0] else 0
    one = case(10, composition, 12, counts, counts)
    settings_ = FakeSettings(SolverSettings(kind=kind), WeightSettings())
    found, _, (held_out,) = solve(one.problem, settings_, Silent())  # type: ignore[arg-type]
    for solution in (found.solution, held_out):
        assert np.isfinite(solution.functions).all()
        assert solution.composition.shape == (composition,)
        assert np.isfinite(solution.composition).all()
    rows = np.vstack([one.training[q] for q in QUANTITIES])
    c = np.concatenate([held_out.composition, held_out.functions])
    assert np.linalg.norm(rows[:, :-1] @ c - rows[:, -1]) < 0.9 * np.linalg.norm(rows[:, -1])


@pytest.mark.parametrize("kind", ["ridge", "bayes"])
def test_composition_that_training_data_do_not_determine(kind: str) -> None:
    """Training data of one composition, validation data of others: the fit before the final one stays sane."""
    one = case(11, composition=2, functions=4)
    one.training["energy"][:, 1] = one.training["energy"][:, 0]
    problem = problem_of(one.training, one.validation, 2, one.problem.levels)
    one = Case(one.training, one.validation, problem)
    if kind == "ridge":
        only = WeightSettings(energy=(3.0,), virial=(1.0,))
        found = fit_ridge(problem, SolverSettings(smoothness=(1.0,), refit=False), only, Silent())
        a, x, t = one.stacked(found.chosen.weights)
        expected = augmented(a, x, t, one.penalties(1.0), found.chosen.strength)
        assert_close(np.concatenate([found.solution.composition, found.solution.functions]), expected, 1e-8)
    else:
        bayes = fit_bayes(problem, problem.without(0), SolverSettings(kind="bayes", smoothness=(1.0,)), Silent())
        assert_close(bayes.solution.composition[0], bayes.solution.composition[1], 1e-9)
        assert np.isfinite(bayes.factor).all()
        assert np.linalg.norm(bayes.factor[0] - bayes.factor[1]) < 1e-9 * np.linalg.norm(bayes.factor[0])


# Bayes


def log_marginal(one: Case, fit: BayesFit, logarithms: Floats) -> float:
    """Explicit log marginal likelihood by the logarithms of noise by quantity, and of the precision."""
    noise, precision = np.exp(logarithms[:3]), np.exp(logarithms[3])
    a, x, t = one.stacked(Weights(1.0, 1.0, 1.0))
    sigma = np.concatenate([np.full(len(one.training[q]), s) for q, s in zip(QUANTITIES, noise, strict=True)])
    x = x / one.penalties(fit.smoothness) / sigma[:, None]
    a, t = a / sigma[:, None], t / sigma
    q = restricted(a)
    hat_rows = q.T @ x
    cov = np.eye(q.shape[1]) + hat_rows @ hat_rows.T / precision
    return float(
        multivariate_normal(cov=cov).logpdf(q.T @ t) - np.sum(np.log(sigma)) - 0.5 * np.linalg.slogdet(a.T @ a)[1]
    )


@given(
    seed=Seeds, composition=st.integers(0, 2), functions=st.integers(2, 8), smoothness=st.sampled_from([0.0, 1.0, 2.0])
)
@settings(deadline=None, max_examples=12)
def test_bayes_is_the_posterior_at_a_maximum_of_the_evidence(
    seed: int, composition: int, functions: int, smoothness: float
) -> None:
    """Mean and covariance by explicit formulas; the explicit marginal likelihood is stationary."""
    truth = np.random.default_rng(seed).choice([-3.0, -2.0, 2.0, 3.0], size=functions)
    one = case(seed, composition, functions, (12, 30, 9), noise=0.2, truth=truth)
    settings_ = SolverSettings(kind="bayes", smoothness=(smoothness,))
    fit = fit_bayes(one.problem, one.problem.without(0), settings_, Silent())
    a, x, t = one.stacked(Weights(*(1 / fit.noise[q] for q in QUANTITIES)))
    whole = np.hstack([a, x])
    prior = np.concatenate([np.zeros(composition), fit.precision * one.penalties(smoothness) ** 2])
    covariance = np.linalg.inv(whole.T @ whole + np.diag(prior))
    assert_close(fit.factor @ fit.factor.T, covariance, 1e-8)
    assert_close(np.concatenate([fit.solution.composition, fit.solution.functions]), covariance @ whole.T @ t, 1e-8)
    assert_close(fit.freedom, np.trace(whole @ covariance @ whole.T), 1e-8)

    at = np.log([*(fit.noise[q] for q in QUANTITIES), fit.precision])
    assert abs(fit.evidence - log_marginal(one, fit, at)) < 1e-9 * (12 + 30 + 9)  # a sum over rows
    for i, count in enumerate((12, 30, 9, functions)):
        step = 1e-4 * np.eye(4)[i]
        slope = (log_marginal(one, fit, at + step) - log_marginal(one, fit, at - step)) / 2e-4
        assert abs(slope) < 1e-3 * count
        assert log_marginal(one, fit, at + 2000 * step) < fit.evidence
        assert log_marginal(one, fit, at - 2000 * step) < fit.evidence


def test_bayes_finds_the_noise_of_each_quantity_and_the_best_smoothness() -> None:
    rng = np.random.default_rng(2)
    one = case(12, 1, 6, (400, 900, 300), noise=0.0)
    for quantity, sigma in zip(QUANTITIES, (0.02, 0.3, 1.0), strict=True):
        one.training[quantity][:, -1] += sigma * rng.normal(size=len(one.training[quantity]))
    problem = problem_of(one.training, one.validation, 1, one.problem.levels)
    found = fit_bayes(problem, problem.without(0), SolverSettings(kind="bayes", smoothness=(0.0, 1.0, 4.0)), Silent())
    np.testing.assert_allclose([found.noise[q] for q in QUANTITIES], (0.02, 0.3, 1.0), rtol=0.1)
    assert found.path[found.smoothness] == found.evidence == max(found.path.values())
    assert len(found.path) == 3


def test_bayes_of_raw_totals_is_that_of_energies_of_formation() -> None:
    """Half a million eV/atom in the totals changes the energy of the isolated atom, not the noise."""
    one = case(11, 1, 5, (60, 90, 30), noise=1e-3, truth=np.array([2.0, -3.0, 2.0, 3.0, -2.0]))
    raw = {quantity: rows.copy() for quantity, rows in one.training.items()}
    raw["energy"][:, -1] -= 5e5 * raw["energy"][:, 0]
    fits = []
    for rows in (one.training, raw):
        problem = problem_of(rows, one.validation, 1, one.problem.levels)
        fits.append(fit_bayes(problem, problem.without(0), SolverSettings(kind="bayes", smoothness=(1.0,)), Silent()))
    near, far = fits
    for quantity in QUANTITIES:
        np.testing.assert_allclose(far.noise[quantity], near.noise[quantity], rtol=1e-2)
    np.testing.assert_allclose(far.solution.functions, near.solution.functions, rtol=1e-4)
    np.testing.assert_allclose(far.solution.composition, near.solution.composition - 5e5, rtol=1e-8)


def test_bayes_on_pure_noise_says_so() -> None:
    """The evidence has its supremum at an infinitely narrow prior: the result is finite, and nearly zero."""
    rng = np.random.default_rng(5)
    one = case(17, 0, 3)
    for rows in one.training.values():
        rows[:, -1] = rng.normal(size=len(rows))
    problem = problem_of(one.training, one.validation, 0, one.problem.levels)
    fits = [
        fit_bayes(problem, problem.without(0), SolverSettings(kind="bayes", smoothness=(power,)), Silent())
        for power in (0.0, 1.0, 2.0)
    ]
    assert all(np.isfinite([fit.evidence, fit.precision, fit.condition]).all() for fit in fits)
    for fit in fits:
        for quantity in QUANTITIES:
            np.testing.assert_allclose(fit.noise[quantity], np.std(one.training[quantity][:, -1]), rtol=0.3)
    seen = np.vstack([one.training[q][:, :-1] for q in QUANTITIES]) @ fits[0].solution.functions
    assert np.std(seen) < 0.5


# Selection


@dataclass(frozen=True)
class FakeSettings:
    solver: SolverSettings
    weights: WeightSettings
    assembly: AssemblySettings = field(default_factory=lambda: AssemblySettings(processes=1))


def test_bayes_without_a_last_fit_has_not_seen_what_was_held_out() -> None:
    one = case(11, 1, 5, noise=0.1)
    solver = SolverSettings(kind="bayes", smoothness=(1.0,), refit=False)
    found, _, held_out = solve(one.problem, FakeSettings(solver, WeightSettings()), Silent())  # type: ignore[arg-type]
    expected = fit_bayes(one.problem, one.problem.without(0), solver, Silent())
    assert_close(found.solution.functions, expected.solution.functions)
    assert_close(held_out[0].functions, expected.solution.functions)


def planted(seed: int, functions: int = 20, kept: int = 4) -> tuple[Case, set[int]]:
    rng = np.random.default_rng(seed)
    support = rng.choice(functions, size=kept, replace=False)
    truth = np.zeros(functions)
    truth[support] = rng.choice([-1, 1], size=kept) * rng.uniform(1, 2, size=kept)
    return case(seed, 1, functions, (40, 120, 18), noise=0.01, truth=truth), set(support.tolist())


@pytest.mark.parametrize("method", ["greedy", "ard"])
@given(seed=Seeds)
@settings(deadline=None, max_examples=10)
def test_planted_functions_are_selected(method: str, seed: int) -> None:
    one, support = planted(seed)
    solver = SolverSettings(selection=SelectionSettings(functions=4, method=method))
    found, selection, (held_out,) = solve(one.problem, FakeSettings(solver, WeightSettings()), Silent())  # type: ignore[arg-type]
    assert selection is not None
    assert set(selection.functions.tolist()) == support
    assert set(np.flatnonzero(found.solution.functions)) == support
    assert set(np.flatnonzero(held_out.functions)) == support


@pytest.mark.parametrize("kind", ["ridge", "bayes"])
@pytest.mark.parametrize("method", ["greedy", "ard"])
@pytest.mark.parametrize("count", [1, 4, 7, 20])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_exactly_the_requested_number(kind: str, method: str, count: int, noise: float) -> None:
    """Also when fewer explain everything (no noise), and when all are kept."""
    truth = np.zeros(20)
    truth[:3] = 1.0
    one = case(13, 1, 20, (30, 60, 9), noise=noise, truth=truth)
    solver = SolverSettings(kind=kind, selection=SelectionSettings(functions=count, method=method))
    found, selection, _ = solve(one.problem, FakeSettings(solver, WeightSettings()), Silent())  # type: ignore[arg-type]
    assert selection is not None
    assert len(selection.functions) == len(set(selection.functions.tolist())) == count
    assert np.all(np.diff(selection.functions) > 0)
    assert set(np.flatnonzero(found.solution.functions)) <= set(selection.functions.tolist())
    if count >= 3:
        assert {0, 1, 2} <= set(selection.functions.tolist())
    if noise:
        assert np.count_nonzero(found.solution.functions) == count


def test_more_functions_than_the_data_see_is_refused() -> None:
    one = duplicated(14)
    solver = SolverSettings(selection=SelectionSettings(functions=7))
    with pytest.raises(FitError, match="functions = 7 is more than the 6 functions"):
        solve(one.problem, FakeSettings(solver, WeightSettings()), Silent())  # type: ignore[arg-type]


def test_selection_path_is_the_validation_error_of_least_squares() -> None:
    """Point k of the path: ridge on the first k functions, evaluated on the validation rows."""
    one, _ = planted(15)
    reduced = reduce_problem(one.problem, one.problem.without(0), Weights(1.0, 1.0, 1.0), 1.0)
    strength = 1e-3
    selection = select(one.problem, reduced, strength, SelectionSettings(functions=6))
    for count, errors in selection.path:
        first = select(one.problem, reduced, strength, SelectionSettings(functions=count)).functions
        a, x, t = one.stacked(Weights(1.0, 1.0, 1.0))
        c = np.zeros(1 + x.shape[1])
        c[np.concatenate([[0], 1 + first])] = augmented(a, x[:, first], t, one.penalties(1.0)[first], strength)
        for quantity, error in errors.items():
            rows = one.validation[quantity]
            assert_close(error, np.sqrt(np.mean((rows[:, :-1] @ c - rows[:, -1]) ** 2)), 1e-7)
    assert [count for count, _ in selection.path][-1] == 6


@given(seed=Seeds, kept=st.integers(2, 8))
@settings(deadline=None, max_examples=25)
def test_ard_on_the_triangle_is_ard_on_all_rows(seed: int, kept: int) -> None:
    """scikit-learn on all rows, without composition, chooses the same functions."""
    from sklearn.linear_model import ARDRegression

    rng = np.random.default_rng(seed)
    one = case(seed, 0, 15, (15, 30, 6), noise=4.0, truth=rng.normal(size=15))
    reduced = reduce_problem(one.problem, one.problem.without(0), Weights(2.0, 1.0, 0.5), 1.0)
    found = select(one.problem, reduced, 1e-3, SelectionSettings(functions=kept, method="ard"))
    _, x, t = one.stacked(Weights(2.0, 1.0, 0.5))
    x = x / one.penalties(1.0)
    regression = ARDRegression(fit_intercept=False, threshold_lambda=1e12).fit(x, t)
    share = np.abs(regression.coef_) * np.linalg.norm(x, axis=0)
    ranked = np.sort(share)[::-1]
    if ranked[kept] < 0.99 * ranked[kept - 1]:  # no tie at the border
        assert set(found.functions.tolist()) == set(np.argsort(-share)[:kept].tolist())


def test_factors_of_parts_merge() -> None:
    one = case(16)
    both = merged(one.problem.without(0), one.problem.held_out(0)[0].factors)
    for quantity in QUANTITIES:
        rows = np.vstack([one.training[quantity], one.validation[quantity]])
        assert_close(both[quantity].matrix.T @ both[quantity].matrix, rows.T @ rows, 1e-12)
        assert both[quantity].n_rows == len(rows)
