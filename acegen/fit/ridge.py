"""Ridge regression with a smoothness prior: strength, weights and smoothness by what has not been fitted.

Minimizes Σ_q w_q² ‖X_q c - t_q‖² + strength² Σ_k (s_k level_k^p c_k)², with s_k the size of function k in the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, log

import numpy as np
from numpy.typing import NDArray

from acegen.errors import FitError
from acegen.fit.problem import Problem, Reduced, Solution, Weights, reduce_problem
from acegen.fit.settings import SolverSettings, WeightSettings
from acegen.progress import Progress

Floats = NDArray[np.float64]

_STRENGTHS = 10.0 ** np.arange(-9.0, 0.01, 0.25)
"""Strengths tried, in units of the largest singular value."""

_INDISTINGUISHABLE = 0.05
"""Relative difference of validation errors that means nothing."""


@dataclass(frozen=True)
class PathPoint:
    """What was found for one setting of the hyperparameters.

    Attributes:
        weights: of the quantities.
        smoothness: power of the level.
        strength: of the prior.
        freedom: effective number of parameters.
        validation: root mean square residual by quantity, in the units of its rows; empty without validation data.
        evidence: logarithm of the marginal likelihood, for noise of the same strength in all weighted rows.
        gcv: generalized cross-validation, mean square.
    """

    weights: Weights
    smoothness: float
    strength: float
    freedom: float
    validation: dict[str, float]
    evidence: float
    gcv: float

    @property
    def score(self) -> float:
        """Smaller is better: logarithm of the geometric mean of the validation errors, else minus the evidence."""
        if self.validation:
            return sum(log(max(error, 1e-300)) for error in self.validation.values()) / len(self.validation)
        return -self.evidence


@dataclass(frozen=True)
class RidgeFit:
    """A solution, the hyperparameters that were chosen, and all that were tried.

    `condition` is the condition number of the scaled problem.
    """

    solution: Solution
    chosen: PathPoint
    path: tuple[PathPoint, ...]
    condition: float


def fit_ridge(
    problem: Problem,
    settings: SolverSettings,
    weights: WeightSettings,
    progress: Progress,
    functions: Sequence[int] | NDArray[np.int64] | None = None,
) -> RidgeFit:
    """Decide the hyperparameters and solve.

    The strength is decided as `settings.strength` says, weights and smoothness by the validation data, or by the
    evidence if there are none.

    Raises:
        FitError: `settings.strength` is "validation" but there are no validation data.
    """
    if settings.strength == "validation" and not problem.has_validation:
        raise FitError(
            'solver.strength = "validation" needs validation data; set data.validation above 0, or use "evidence", '
            '"gcv" or a number.'
        )
    path: list[PathPoint] = []
    best: list[PathPoint] = []
    candidates = list(product(weight_candidates(weights), settings.smoothness))
    for done, (weight, smoothness) in enumerate(candidates):
        progress.advance(done, len(candidates))
        reduced = _reduced(problem, weight, smoothness, settings, functions)
        points = _points(problem, reduced, weight, smoothness, _strengths(settings, reduced))
        path += points
        best.append(min(points, key=_criterion(settings)))
    chosen = _most_parsimonious(path if settings.strength == "validation" else best)
    final = _reduced(problem, chosen.weights, chosen.smoothness, settings, functions, everything=settings.refit)
    solution = final.coefficients(final.ridge(np.array([chosen.strength]))[:, 0])
    return RidgeFit(solution, chosen, tuple(path), final.condition)


def _most_parsimonious(points: Sequence[PathPoint]) -> PathPoint:
    """The point of fewest effective parameters whose score is as good as the best.

    A validation error is known to some per cent only, and often flat over decades of the strength; of fits that it
    cannot tell apart the stiffest goes on best outside the data (the one-standard-error rule of Breiman et al.,
    Classification and Regression Trees, 1984).
    """
    least = min(point.score for point in points)
    margin = log(1 + _INDISTINGUISHABLE) if points[0].validation else 0.0
    return min((p for p in points if p.score <= least + margin), key=lambda p: (p.freedom, p.score))


def held_out_solution(
    problem: Problem,
    fit: RidgeFit,
    settings: SolverSettings,
    functions: Sequence[int] | NDArray[np.int64] | None = None,
) -> Solution:
    """The solution with the chosen hyperparameters that has not seen the validation data."""
    reduced = _reduced(problem, fit.chosen.weights, fit.chosen.smoothness, settings, functions)
    return reduced.coefficients(reduced.ridge(np.array([fit.chosen.strength]))[:, 0])


def weight_candidates(weights: WeightSettings) -> list[Weights]:
    """All combinations of candidate weights."""
    return [Weights(e, weights.forces, v) for e, v in product(weights.energy, weights.virial)]


def _reduced(
    problem: Problem,
    weights: Weights,
    smoothness: float,
    settings: SolverSettings,
    functions: Sequence[int] | NDArray[np.int64] | None,
    everything: bool = False,
) -> Reduced:
    factors = problem.everything if everything else problem.training
    return reduce_problem(problem, factors, weights, smoothness, functions, settings.factorization == "normal")


def _strengths(settings: SolverSettings, reduced: Reduced) -> Floats:
    if isinstance(settings.strength, float):
        return np.array([settings.strength])
    scale = float(reduced.svd[1][0]) if len(reduced.svd[1]) else 1.0
    strengths: Floats = scale * _STRENGTHS
    return strengths


def _criterion(settings: SolverSettings) -> Callable[[PathPoint], float]:
    if settings.strength == "evidence":
        return lambda point: -point.evidence
    if settings.strength == "gcv":
        return lambda point: point.gcv
    return lambda point: point.score


def _points(
    problem: Problem, reduced: Reduced, weights: Weights, smoothness: float, strengths: Floats
) -> list[PathPoint]:
    """Everything strengths are judged by, for all of them at once from the singular value decomposition."""
    u, s, _ = reduced.svd
    projected = u.T @ reduced.target
    outside = reduced.rest + max(0.0, float(reduced.target @ reduced.target - projected @ projected))
    squares = strengths[None, :] ** 2
    shrunk = squares / (s[:, None] ** 2 + squares)
    misfit = outside + np.sum((shrunk * projected[:, None]) ** 2, axis=0)
    freedom = np.sum(1 - shrunk, axis=0)
    n = max(reduced.n_rows, 1)
    with np.errstate(divide="ignore"):
        gcv = np.where(n > freedom, n * misfit / (n - freedom) ** 2, inf)
    penalty = np.sum(shrunk * (1 - shrunk) * projected[:, None] ** 2, axis=0)
    # The noise is at its best value for this strength: variance (misfit + penalty) / n.
    variance = np.maximum((misfit + penalty) / n, np.finfo(float).tiny)
    evidence = -0.5 * n * (np.log(2 * np.pi * variance) + 1) + 0.5 * np.sum(np.log(shrunk), axis=0)
    factors = problem.training
    rows = (factors["energy"].n_rows, factors["forces"].n_rows, factors["virial"].n_rows)
    evidence -= float(np.sum(np.log(np.abs(np.diag(reduced.composition[0])))))
    evidence += sum(count * log(weight) for count, weight in zip(rows, weights, strict=True) if weight > 0)
    validation: dict[str, Floats] = {}
    if problem.has_validation:
        columns = reduced.columns(reduced.ridge(strengths))
        residuals = problem.residuals(problem.validation, columns)
        validation = {q: values for q, values in residuals.items() if getattr(weights, q) > 0}
    return [
        PathPoint(
            weights,
            smoothness,
            float(strength),
            float(freedom[k]),
            {q: float(values[k]) for q, values in validation.items()},
            float(evidence[k]),
            float(gcv[k]),
        )
        for k, strength in enumerate(strengths)
    ]
