"""Cross-validation from triangles: against explicit loops over raw rows, and invariance to what must not matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from acegen.fit.bayes import fit_bayes, held_out_means
from acegen.fit.columns import Columns
from acegen.fit.factor import MOST_SINGLE, Factor, combined, triangle
from acegen.fit.folds import ALWAYS
from acegen.fit.merit import Predictions, floors, joined, merit, merit_by_fold, predict
from acegen.fit.problem import Cell, Problem, Solution, Weights
from acegen.fit.ridge import _STANDARD_ERRORS, fit_ridge, held_out_solutions
from acegen.fit.settings import QUANTITIES, SolverSettings, WeightSettings
from acegen.progress import Silent

Floats = np.ndarray[Any, np.dtype[np.float64]]
Seeds = st.integers(0, 10**6)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@dataclass(frozen=True)
class Item:
    """A configuration: rows [composition | functions | target] by quantity."""

    fold: int
    kind: str
    rows: dict[str, Floats]


def items(
    seed: int, count: int, folds: int, kinds: str = "ab", functions: int = 5, noise: float = 0.3, always: int = 0
) -> list[Item]:
    """Random configurations with one energy, some forces and a virial each, in folds by turns."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=1 + functions)
    found = []
    for number in range(count + always):
        kind = kinds[rng.integers(len(kinds))]
        rows = {}
        for quantity, size in (("energy", 1), ("forces", 3 * int(rng.integers(1, 4))), ("virial", 6)):
            columns = rng.normal(size=(size, 1 + functions))
            columns[:, 0] = 1.0 if quantity == "energy" else 0.0
            target = columns @ truth + noise * (1 + 2 * kinds.index(kind)) * rng.normal(size=size)
            rows[quantity] = np.column_stack([columns, target])
        found.append(Item(number % folds if number < count else ALWAYS, kind, rows))
    return found


def factors_of(own: Sequence[Item], seed: int | None = None) -> dict[str, Factor]:
    """Single energies, and triangles of the rest; combined from parts chosen by a seed."""
    result = {}
    for quantity in QUANTITIES:
        columns = own[0].rows[quantity].shape[1]
        if seed is None:
            parts = [own]
        else:
            rng = np.random.default_rng(seed)
            cuts = np.sort(rng.integers(0, len(own) + 1, size=3))
            order = [own[i] for i in rng.permutation(len(own))]
            parts = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(own)], strict=True)]
        factors = []
        for part in parts:
            rows = np.vstack([np.zeros((0, columns)), *(item.rows[quantity] for item in part)])
            single = quantity == "energy"
            factors.append(Factor(rows if single else triangle(np.array(rows, order="F")), len(rows), single))
        result[quantity] = combined(factors, columns)
    return result


def problem_of(own: Sequence[Item], seed: int | None = None) -> Problem:
    places = sorted({(item.fold, item.kind if item.fold != ALWAYS else "") for item in own})
    cells = [
        Cell(fold, kind, factors_of([i for i in own if i.fold == fold and kind in ("", i.kind)], seed))
        for fold, kind in places
    ]
    columns = own[0].rows["energy"].shape[1]
    return Problem(tuple(cells), Columns(1, columns - 2), np.linspace(1, 3, columns - 2))


def predicted(problem: Problem, solutions: Sequence[Floats]) -> Predictions:
    """Separate solutions for each fold, (columns, S)."""
    return joined([predict(problem.held_out(fold), own) for fold, own in enumerate(solutions)])


def explicit_errors(own: Sequence[Item], solutions: Sequence[Floats], quantity: str) -> list[tuple[int, str, Floats]]:
    """(fold, kind, errors (rows, S)) of what is held out."""
    found = []
    for item in own:
        if item.fold != ALWAYS:
            rows = item.rows[quantity]
            found.append((item.fold, item.kind, rows[:, :-1] @ solutions[item.fold] - rows[:, -1:]))
    return found


def explicit_merit(
    own: Sequence[Item], candidates: Sequence[Sequence[Floats]], only: int | None = None
) -> list[Floats]:
    """By its definition, (S,) for each candidate, loop by loop; of one fold alone with the floors of all."""
    medians, smallest = [], []
    for solutions in candidates:
        energies = np.vstack([e for _, _, e in explicit_errors(own, solutions, "energy")])
        forces = np.vstack([e for _, _, e in explicit_errors(own, solutions, "forces")])
        for s in range(energies.shape[1]):
            medians.append(np.sqrt(np.median(energies[:, s] ** 2)))
            smallest.append(np.sqrt(np.mean(forces[:, s] ** 2)))
    energy_floor, forces_floor = min(medians), 0.1 * min(smallest)
    found = []
    for solutions in candidates:
        scores = []
        for s in range(solutions[0].shape[1]):
            logs = [
                0.5 * np.log(e[0, s] ** 2 + energy_floor**2)
                for fold, _, e in explicit_errors(own, solutions, "energy")
                if only in (None, fold)
            ]
            squares: dict[str, list[float]] = {}
            for fold, kind, e in explicit_errors(own, solutions, "forces"):
                if only in (None, fold):
                    squares.setdefault(kind, []).extend(e[:, s] ** 2)
            total = sum(map(len, squares.values()))
            by_kind = [len(v) / total * 0.5 * np.log(np.mean(v) + forces_floor**2) for v in squares.values()]
            scores.append((np.mean(logs) + np.sum(by_kind)) / 2)
        found.append(np.array(scores))
    return found


def random_solutions(rng: np.random.Generator, own: Sequence[Item], folds: int, count: int) -> list[Floats]:
    return [rng.normal(size=(own[0].rows["energy"].shape[1] - 1, count)) for _ in range(folds)]


@given(seed=Seeds, count=st.integers(4, 14), folds=st.integers(1, 4), kinds=st.sampled_from(["a", "ab", "abc"]))
@settings(deadline=None, max_examples=40)
def test_merit_is_its_definition(seed: int, count: int, folds: int, kinds: str) -> None:
    """Of several candidates with floors in common, also of each fold alone."""
    own = items(seed, count, folds, kinds, always=2)
    rng = np.random.default_rng(seed + 1)
    problem = problem_of(own)
    candidates = [random_solutions(rng, own, folds, 3) for _ in range(2)]
    found = [predicted(problem, solutions) for solutions in candidates]
    floor = floors(found)
    for predictions, expected in zip(found, explicit_merit(own, candidates), strict=True):
        np.testing.assert_allclose(merit(predictions, floor), expected, rtol=0, atol=1e-10)
    for fold in range(folds):
        expected = explicit_merit(own, candidates, only=fold)[1]
        np.testing.assert_allclose(merit_by_fold(found[1], floor)[fold], expected, rtol=0, atol=1e-10)


@given(seed=Seeds, folds=st.integers(1, 3), first=Seeds, second=Seeds)
@settings(deadline=None, max_examples=30)
def test_merit_does_not_depend_on_units(seed: int, folds: int, first: int, second: int) -> None:
    """Nor on the order of configurations, nor on cells being split in two."""
    own = items(seed, 12, folds)
    solutions = random_solutions(np.random.default_rng(seed + 1), own, folds, 4)
    problems = [problem_of(own, first), problem_of(own, second)]
    pieces = [Cell(i.fold, i.kind, factors_of([i])) for i in own]
    problems.append(Problem(tuple(pieces), problems[0].columns, problems[0].levels))
    scores = []
    for problem in problems:
        found = predicted(problem, solutions)
        scores.append(merit(found, floors([found])))
    np.testing.assert_allclose(scores[1], scores[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(scores[2], scores[0], rtol=0, atol=1e-10)


@given(seed=Seeds, folds=st.integers(2, 4), data=st.data())
@settings(deadline=None, max_examples=30)
def test_labels_may_be_missing_anywhere(seed: int, folds: int, data: st.DataObject) -> None:
    """Scores are numbers, and so are the standard errors over folds, whatever each configuration lacks."""
    own = []
    for item in items(seed, 8, folds):
        kept = data.draw(st.sets(st.sampled_from(QUANTITIES), min_size=1))
        own.append(Item(item.fold, item.kind, {q: r if q in kept else r[:0] for q, r in item.rows.items()}))
    labelled = [q for q in QUANTITIES if any(len(item.rows[q]) for item in own)]
    fit = fit_ridge(problem_of(own), SolverSettings(), WeightSettings(), Silent())
    assert all(np.isfinite([p.score, p.uncertainty]).all() for p in fit.path)
    assert set(fit.chosen.validation) == set(labelled)


def test_very_many_energies_count_by_kind() -> None:
    """Their rows are not kept: they are scored like forces."""
    rng = np.random.default_rng(0)
    rows = {kind: rng.normal(size=(MOST_SINGLE, 3)) for kind in "ab"}
    none = Factor(np.zeros((0, 3)), 0)
    cells = []
    for kind, own in rows.items():
        halves = [Factor(half, len(half), single=True) for half in (own[:3000], 3 * own[:3000])]
        cells.append(Cell(0, kind, {"energy": combined(halves, 3), "forces": none, "virial": none}))
    assert not any(cell.factors["energy"].single for cell in cells)
    solutions = rng.normal(size=(2, 4))
    found = predict(cells, solutions)
    errors = {
        kind: np.vstack([own[:3000], 3 * own[:3000]]) @ np.vstack([solutions, -np.ones(4)])
        for kind, own in rows.items()
    }
    floor = 0.1 * np.sqrt(np.mean(np.vstack(list(errors.values())) ** 2, axis=0)).min()
    expected = np.mean([0.5 * np.log(np.mean(e**2, axis=0) + floor**2) for e in errors.values()], axis=0)
    np.testing.assert_allclose(merit(found, floors([found])), expected, rtol=0, atol=1e-10)


# What may not decide


def along(energies: Floats, forces: Floats) -> Predictions:
    """Predictions with given errors of energies (configurations, S) and of force components (rows, S)."""
    width = energies.shape[1] + 1
    rows = {"energy": energies, "forces": forces}
    factors = {q: Factor(np.column_stack([e, np.zeros(len(e))]), len(e), q == "energy") for q, e in rows.items()}
    cell = Cell(0, "", {**factors, "virial": Factor(np.zeros((0, width)), 0)})
    return predict([cell], np.eye(width - 1))  # column s of the matrix is the error of solution s


@given(seed=Seeds, size=st.floats(10, 1e6), where=st.integers(0, 19))
@settings(deadline=None, max_examples=30)
def test_one_absurd_label_does_not_decide(seed: int, size: float, where: int) -> None:
    """Its error is about the same for all; the better of two candidates remains the better."""
    rng = np.random.default_rng(seed)
    energies, forces = rng.normal(size=(20, 1)), rng.normal(size=(60, 1))
    both = np.hstack([energies, 1.5 * energies]), np.hstack([forces, 1.5 * forces])
    plain = along(*both)
    assert np.argmin(merit(plain, floors([plain]))) == 0
    for quantity in (0, 1):
        changed = [errors.copy() for errors in both]
        changed[quantity][where] += size
        found = along(*changed)
        assert np.argmin(merit(found, floors([found]))) == 0


@given(seed=Seeds, factor=st.floats(2, 1000), where=st.integers(0, 34))
@settings(deadline=None, max_examples=30)
def test_one_configuration_that_is_predicted_badly_does_not_decide(seed: int, factor: float, where: int) -> None:
    """One of 35 energies is up to 1000 times worse: the root mean square prefers one candidate, the rest another."""
    rng = np.random.default_rng(seed)
    energies, forces = rng.normal(size=(35, 1)), rng.normal(size=(60, 1))
    better = 0.5 * energies
    better[where] = factor * 2 * np.sign(energies[where])
    found = along(np.hstack([energies, better]), np.hstack([forces, forces]))
    assert np.argmin(merit(found, floors([found]))) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_an_error_that_crosses_zero_does_not_win(count: int) -> None:
    """Along a path the error of each energy crosses zero by accident, that of the first where forces are bad."""
    path = np.linspace(-10, 10, 81)
    assert -8.0 in path
    zero = np.array([-8.0, 1.3, -1.1, 0.4, 2.2, -0.7, 0.2, -2.3, 1.7])[:count]
    energies = 0.1 * (path[None, :] - zero[:, None])
    noise = np.random.default_rng(0).normal(size=(30, 1))
    forces = path[None, :] + noise - noise.mean()
    found = along(energies, forces)
    best = path[np.argmin(merit(found, floors([found])))]
    assert abs(best) < 2.0


def test_forces_that_symmetry_makes_zero_do_not_decide() -> None:
    """Crystals at several volumes: errors of forces are rounding, or exactly zero."""
    energies = np.array([[0.3, 0.1, -0.2], [0.2, 0.1, 0.3], [-0.4, -0.1, 0.2]])
    for forces in (np.zeros((12, 3)), np.full((12, 3), [1e-15, 1e-13, 1e-17])):
        found = along(energies, forces)
        scores = merit(found, floors([found]))
        assert np.isfinite(scores).all()
        assert np.argmin(scores) == 1


def test_a_single_energy_decides_where_there_is_nothing_else() -> None:
    found = along(np.array([[3.0, 0.5, -1.0]]), np.zeros((0, 3)))
    assert np.argmin(merit(found, floors([found]))) == 1


# From triangles to the choice


def explicit_ridge(own: Sequence[Item], problem: Problem, weights: Weights, power: float, strength: float) -> Floats:
    """Least squares on raw rows with the prior as rows; sizes are those of all data."""
    rows = np.vstack([w * item.rows[q] for q, w in zip(QUANTITIES, weights, strict=True) for item in own])
    prior = np.zeros((len(problem.levels), rows.shape[1]))
    prior[:, 1:-1] = strength * np.diag(problem.sizes * problem.levels**power)
    whole = np.vstack([rows, prior])
    solution: Floats = np.linalg.lstsq(whole[:, :-1], whole[:, -1], rcond=1e-13)[0]
    return solution


def vector(solution: Solution) -> Floats:
    return np.concatenate([solution.composition, solution.functions])


@given(seed=Seeds, folds=st.integers(2, 4), always=st.integers(0, 3), threads=st.integers(1, 2))
@settings(deadline=None, max_examples=8)
def test_cross_validation_from_raw_rows(seed: int, folds: int, always: int, threads: int) -> None:
    """Scores, their uncertainties, errors, the choice and the solutions without a fold, candidate by candidate."""
    own = items(seed, 12, folds, noise=3.0, always=always)
    problem = problem_of(own, seed)
    forces = np.vstack([item.rows["forces"] for item in own])[:, 1:-1]
    np.testing.assert_allclose(problem.sizes, np.sqrt(np.mean(forces**2, axis=0)), rtol=1e-12)
    solver = SolverSettings(smoothness=(0.0, 2.0))
    weights = WeightSettings(energy=(1.0, 10.0), virial=(0.5,))
    fit = fit_ridge(problem, solver, weights, Silent(), threads=threads)
    without = [[item for item in own if item.fold != fold] for fold in range(folds)]
    solutions = [
        np.stack([explicit_ridge(part, problem, p.weights, p.smoothness, p.strength) for p in fit.path], axis=1)
        for part in without
    ]
    (scores,) = explicit_merit(own, [solutions])
    np.testing.assert_allclose([p.score for p in fit.path], scores, rtol=0, atol=1e-6)
    for quantity in QUANTITIES:
        errors = np.vstack([e for _, _, e in explicit_errors(own, solutions, quantity)])
        found = [p.validation[quantity] for p in fit.path]
        np.testing.assert_allclose(found, np.sqrt(np.mean(errors**2, axis=0)), rtol=1e-6)
    by_fold = np.array([explicit_merit(own, [solutions], only=fold)[0] for fold in range(folds)])
    best = int(np.argmin([p.score for p in fit.path]))
    difference = by_fold - by_fold[:, [best]]
    expected = np.std(difference, axis=0, ddof=1) / np.sqrt(folds)
    np.testing.assert_allclose([p.uncertainty for p in fit.path], expected, rtol=0, atol=1e-6)

    near = [p for p in fit.path if p.score <= fit.path[best].score + _STANDARD_ERRORS * p.uncertainty]
    assert fit.chosen in near
    assert fit.chosen.evidence == max(p.evidence for p in near)
    chosen = fit.chosen
    held_out = held_out_solutions(problem, fit, solver)
    assert len(held_out) == folds
    for part, solution in zip([*without, own], [*held_out, fit.solution], strict=True):
        expected = explicit_ridge(part, problem, chosen.weights, chosen.smoothness, chosen.strength)
        np.testing.assert_allclose(vector(solution), expected, rtol=0, atol=1e-7 * np.abs(expected).max())


def test_means_without_a_fold_from_raw_rows() -> None:
    """Bayesian: the posterior mean of the other rows, with the noise and prior of the fit to all."""
    own = items(5, 15, 3, noise=0.2, always=2)
    problem = problem_of(own)
    fit = fit_bayes(problem, problem.everything, SolverSettings(kind="bayes", smoothness=(1.0,)), Silent())
    weights = Weights(*(1 / fit.noise[q] for q in QUANTITIES))
    means = held_out_means(problem, fit)
    for fold, solution in enumerate(means):
        part = [item for item in own if item.fold != fold]
        expected = explicit_ridge(part, problem, weights, 1.0, np.sqrt(fit.precision))
        np.testing.assert_allclose(vector(solution), expected, rtol=0, atol=1e-8)
    assert len({vector(solution).tobytes() for solution in means}) == 3
