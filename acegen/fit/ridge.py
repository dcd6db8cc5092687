"""Ridge regression with a smoothness prior: strength, weights and smoothness chosen by predictive error.

Minimizes Σ_q w_q² ‖X_q c - t_q‖² + strength² Σ_k (s_k level_k^p c_k)², with s_k the size of function k in the data.

Candidates are judged by a cross-validation over the folds of the data (`acegen.fit.merit`): each fold is predicted by
the fit to all others, with the same strength. Among those that differ from the best by no more than half the standard
error of that difference, the one of largest evidence is taken: with many data the folds decide; with few, whose errors
are a matter of chance, the evidence. Tested in nested cross-validation of 9 to 50 frames of silicon, copper and water,
20 draws each: errors of the evidence alone were up to 2.8 times those of GCV (nine frames of copper), those of GCV up
to 2.0 times those of the evidence (nine of silicon), those of the stiffest within a quarter of a standard error up to
1.8 times; those of this rule up to 1.4 times the better of the two. With all data of silicon, molybdenum, water and
acetylacetone they agree within a few per cent; for tantalum, whose kinds have few members, the evidence gives better
energies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from math import log

import numpy as np
from numpy.typing import NDArray

from acegen.fit.merit import Predictions, floors, joined, merit, merit_by_fold, predict, rms
from acegen.fit.problem import Inferred, Problem, Reduced, Thinning, Weights, all_kept, reduce_problem
from acegen.fit.repulsion import Demands, Held, held, nearest_that_obeys
from acegen.fit.settings import QUANTITIES, SolverSettings, WeightSettings
from acegen.fit.shrinkage import shrink
from acegen.fit.unit import Factors
from acegen.progress import Progress

Floats = NDArray[np.float64]

_STRENGTHS = 10.0 ** np.arange(-9.0, 0.01, 0.25)
"""Strengths tried, in units of the largest singular value."""

_STANDARD_ERRORS = 0.5
"""How much worse than the best, in standard errors, a candidate may be and still be chosen for its evidence."""


@dataclass(frozen=True)
class PathPoint:
    """Results for one setting of the hyperparameters.

    Attributes:
        weights: of the quantities.
        smoothness: power of the level.
        strength: of the prior.
        freedom: effective number of parameters, of all data.
        validation: root mean square error of held-out data by quantity, in the units of its rows; empty without folds.
        evidence: logarithm of the marginal likelihood of all data, for noise of the same strength in all weighted rows.
        gcv: generalized cross-validation, mean square.
        score: by which candidates are compared, smaller is better: the figure of merit of held-out data, or without
            folds minus the evidence.
        uncertainty: standard error, over folds, of the difference to the score of the best; zero without folds.
    """

    weights: Weights
    smoothness: float
    strength: float
    freedom: float
    validation: dict[str, float]
    evidence: float
    gcv: float
    score: float
    uncertainty: float


@dataclass(frozen=True)
class RidgeFit:
    """A solution with its posterior, the hyperparameters that were chosen, and all that were tried.

    `condition` is the condition number of the scaled problem, `noise` the standard deviation by quantity in the units
    of its rows, `prior` that of a coefficient with a penalty of one, zero without a prior, `held` how the solution was
    made repulsive.
    """

    solution: Inferred
    chosen: PathPoint
    path: tuple[PathPoint, ...]
    condition: float
    noise: dict[str, float]
    prior: float
    held: Held | None = None


def fit_ridge(
    problem: Problem,
    settings: SolverSettings,
    weights: WeightSettings,
    progress: Progress,
    functions: Sequence[int] | NDArray[np.int64] | None = None,
    threads: int = 1,
    demands: Demands | None = None,
) -> RidgeFit:
    """Choose the hyperparameters and solve.

    The strength is chosen as `settings.strength` says, weights and smoothness by the folds, or all by the evidence if
    nothing is held out. Weights are compared at one smoothness, then smoothnesses at the best weights.

    Args:
        problem: the problem.
        settings: of the solver.
        weights: candidates.
        progress: receives the number of candidates done.
        functions: numbers of the functions to use; None for all.
        threads: folds solved at a time.
        demands: inequalities the solution has to satisfy; the hyperparameters are chosen without them.
    """
    search = _Search(problem, settings, functions, threads)
    pairs, powers = weight_candidates(weights), settings.smoothness
    middle = powers[len(powers) // 2]
    others = [power for power in powers if power != middle]
    total = len(pairs) + len(others)
    for done, weight in enumerate(pairs):
        progress.advance(done, total)
        search.look(weight, middle)
    best = search.best()
    for done, power in enumerate(others, start=len(pairs)):
        progress.advance(done, total)
        search.look(best.weights, power)
    path = search.path()
    chosen = search.best()
    factors = problem.everything if settings.refit else problem.without(0)
    final = _reduced(problem, factors, chosen.weights, chosen.smoothness, settings, functions)
    solution, held, own = _solved(final, chosen.strength, demands)
    noise = {q: own / weight for q, weight in zip(QUANTITIES, chosen.weights, strict=True) if weight > 0}
    prior = own / chosen.strength if chosen.strength else 0.0
    return RidgeFit(solution, chosen, tuple(path), final.condition, noise, prior, held)


def _solved(reduced: Reduced, strength: float, demands: Demands | None) -> tuple[Inferred, Held | None, float]:
    """The solution for a strength, or the nearest to it that satisfies the demands, with the posterior covariance.

    The last is the noise of all weighted rows for which the evidence is largest: its variance is objective / rows.
    """
    x = reduced.ridge(np.array([strength]))[:, 0]
    solution, objective = reduced.coefficients(x), reduced.objective(x, strength)
    noise = float(np.sqrt(objective / max(1, reduced.n_rows)))
    factor = noise * reduced.posterior(strength)
    if demands is None:
        return Inferred(solution.functions, solution.composition, factor), None, noise
    columns, root = reduced.problem.columns, reduced.root(strength)
    z = nearest_that_obeys(solution.functions, root[columns.functions], demands, noise)
    moved = solution.moved(columns, root, z)
    obeying = Inferred(moved.functions, moved.composition, factor)
    return obeying, held(demands, solution, obeying, float(z @ z) / objective if objective else 0.0), noise


def cross_validate(problem: Problem, settings: SolverSettings, weights: WeightSettings, threads: int) -> Predictions:
    """Predictions of the folds by all strengths, with the middle one of the candidate weights and smoothnesses."""
    pairs, powers = weight_candidates(weights), settings.smoothness
    search = _Search(problem, settings, None, threads)
    return search.predictions(pairs[len(pairs) // 2], powers[len(powers) // 2])


@dataclass(frozen=True)
class _Candidate:
    """One pair of weights and smoothness: points for all strengths, and their predictions of the folds."""

    points: tuple[PathPoint, ...]
    predictions: Predictions | None


class _Search:
    """Candidates evaluated so far."""

    def __init__(
        self,
        problem: Problem,
        settings: SolverSettings,
        functions: Sequence[int] | NDArray[np.int64] | None,
        threads: int,
    ) -> None:
        self._problem, self._settings, self._functions, self._threads = problem, settings, functions, threads
        self._candidates: dict[tuple[Weights, float], _Candidate] = {}

    def look(self, weights: Weights, smoothness: float) -> None:
        """Evaluate a candidate, if it has not been evaluated."""
        if (weights, smoothness) in self._candidates:
            return
        problem = self._problem
        whole = _reduced(problem, problem.everything, weights, smoothness, self._settings, self._functions)
        strengths = _strengths(self._settings, whole)
        predictions = self._held_out(weights, smoothness, strengths) if problem.n_folds else None
        if predictions is not None and not any(predictions.values()):
            predictions = None
        points = _points(problem, whole, weights, smoothness, strengths)
        if predictions is not None:
            errors = {q: rms(own) for q, own in predictions.items() if own and getattr(weights, q) > 0}
            points = [
                replace(p, validation={q: float(values[k]) for q, values in errors.items()})
                for k, p in enumerate(points)
            ]
        self._candidates[weights, smoothness] = _Candidate(tuple(points), predictions)

    def predictions(self, weights: Weights, smoothness: float) -> Predictions:
        """Predictions of the folds by a candidate; there must be folds."""
        self.look(weights, smoothness)
        found = self._candidates[weights, smoothness].predictions
        assert found is not None
        return found

    def _held_out(self, weights: Weights, smoothness: float, strengths: Floats) -> Predictions:
        problem, settings, functions = self._problem, self._settings, self._functions
        others = [problem.without(fold) for fold in range(problem.n_folds)]  # computed once, not in each thread

        def predicted(fold: int) -> Predictions:
            reduced = _reduced(problem, others[fold], weights, smoothness, settings, functions)
            return predict(problem.held_out(fold), reduced.expanded(reduced.ridge(strengths)))

        with ThreadPoolExecutor(min(self._threads, problem.n_folds)) as pool:
            return joined(list(pool.map(predicted, range(problem.n_folds))))

    def path(self) -> list[PathPoint]:
        """All points with their scores, which share floors taken from all candidates."""
        known = [c.predictions for c in self._candidates.values() if c.predictions is not None]
        if not known:
            return [point for c in self._candidates.values() for point in c.points]
        floor = floors(known)
        scores = np.concatenate([merit(p, floor) for p in known])
        by_fold = np.concatenate([merit_by_fold(p, floor) for p in known], axis=1)
        difference = by_fold - by_fold[:, [int(scores.argmin())]]
        n = len(difference)
        errors = difference.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(len(scores))
        points = [point for c in self._candidates.values() for point in c.points]
        return [
            replace(p, score=float(s), uncertainty=float(e)) for p, s, e in zip(points, scores, errors, strict=True)
        ]

    def best(self) -> PathPoint:
        """The point of largest evidence among those indistinguishable from the best.

        With strengths by evidence or GCV only the best strength of each candidate is compared.
        """
        path = self.path()
        criterion = _criterion(self._settings)
        if criterion is not None:
            groups: dict[tuple[Weights, float], list[PathPoint]] = {}
            for point in path:
                groups.setdefault((point.weights, point.smoothness), []).append(point)
            path = [min(points, key=criterion) for points in groups.values()]
        least = min(path, key=lambda p: p.score)
        near = [p for p in path if p.score <= least.score + _STANDARD_ERRORS * p.uncertainty]
        return max(near, key=lambda p: p.evidence) if least.validation else least


def held_out_solutions(
    problem: Problem,
    fit: RidgeFit,
    settings: SolverSettings,
    functions: Sequence[int] | NDArray[np.int64] | None = None,
    demands: Demands | None = None,
    thinned: Thinning = all_kept,
) -> tuple[Inferred, ...]:
    """For each fold the solution, with the chosen hyperparameters and demands, that has not seen it.

    Of the factors of posteriors only what `thinned` keeps is in memory for more than one fold.
    """
    found = []
    for fold in range(problem.n_folds):
        factors, chosen = problem.without(fold), fit.chosen
        reduced = _reduced(problem, factors, chosen.weights, chosen.smoothness, settings, functions)
        own = _solved(reduced, chosen.strength, demands)[0]
        found.append(replace(own, factor=thinned(own.factor)))
    return tuple(found)


def weight_candidates(weights: WeightSettings) -> list[Weights]:
    """All combinations of candidate weights."""
    return [Weights(e, weights.forces, v) for e, v in product(weights.energy, weights.virial)]


def _reduced(
    problem: Problem,
    factors: Factors,
    weights: Weights,
    smoothness: float,
    settings: SolverSettings,
    functions: Sequence[int] | NDArray[np.int64] | None,
) -> Reduced:
    return reduce_problem(problem, factors, weights, smoothness, functions, settings.factorization == "normal")


def _strengths(settings: SolverSettings, reduced: Reduced) -> Floats:
    if isinstance(settings.strength, float):
        return np.array([settings.strength])
    scale = float(reduced.svd[1][0]) if len(reduced.svd[1]) else 1.0
    strengths: Floats = scale * _STRENGTHS
    return strengths


def _criterion(settings: SolverSettings) -> Callable[[PathPoint], float] | None:
    """The criterion that decides the strength within a candidate."""
    if settings.strength == "evidence":
        return lambda point: -point.evidence
    if settings.strength == "gcv":
        return lambda point: point.gcv
    return None


def _points(
    problem: Problem, reduced: Reduced, weights: Weights, smoothness: float, strengths: Floats
) -> list[PathPoint]:
    """Points of all strengths from all data together, by one singular value decomposition."""
    found, n = shrink(reduced, strengths), max(reduced.n_rows, 1)
    shrunk, gcv = found.shrunk, found.gcv
    penalty = np.sum(shrunk * (1 - shrunk) * found.projected[:, None] ** 2, axis=0)
    # The noise takes its optimal value for this strength: variance (misfit + penalty) / n.
    variance = np.maximum((found.misfit + penalty) / n, np.finfo(float).tiny)
    evidence = -0.5 * n * (np.log(2 * np.pi * variance) + 1) + 0.5 * np.sum(np.log(shrunk), axis=0)
    rows = tuple(problem.everything[q].n_rows for q in QUANTITIES)
    evidence -= float(np.sum(np.log(np.abs(np.diag(reduced.composition[0])))))
    evidence += sum(count * log(weight) for count, weight in zip(rows, weights, strict=True) if weight > 0)
    return [
        PathPoint(
            weights,
            smoothness,
            float(strength),
            float(found.freedom[k]),
            {},
            float(evidence[k]),
            float(gcv[k]),
            -float(evidence[k]),
            0.0,
        )
        for k, strength in enumerate(strengths)
    ]
