"""Bayesian linear regression: noise of each quantity and width of the prior by the evidence, with posterior covariance.

Rows of quantity q have noise σ_q over their weight; c_k has the prior N(0, 1/(a (s_k level_k^p)²)); atomic energies
have a flat one. The evidence is increased by MacKay's fixed point, Neural Computation 4, 415 (1992), §4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from acegen.errors import FitError
from acegen.fit.factor import triangle
from acegen.fit.problem import Problem, Solution, determined_composition
from acegen.fit.settings import SolverSettings
from acegen.fit.unit import QUANTITIES, Factors
from acegen.progress import Progress

Floats = NDArray[np.float64]

_MAX_ITERATIONS = 200
_MAX_PRECISION = 1e12
"""Largest precision of the prior by that of the data; for data that are nothing but noise the best is infinite."""

_TOLERANCE = 1e-4
"""Relative change of noise and prior at which they are called converged."""


@dataclass(frozen=True)
class BayesFit:
    """Posterior of the coefficients, and what the evidence decided.

    Attributes:
        solution: posterior mean.
        factor: (n_composition + C, K): the posterior covariance is factor · factorᵀ.
        noise: standard deviation by quantity, in the units of its rows.
        precision: a of the prior.
        smoothness: power of the level.
        evidence: its logarithm.
        freedom: effective number of parameters.
        condition: condition number of the scaled problem, the prior included.
        iterations: of the fixed point.
        path: evidence by smoothness tried.
    """

    solution: Solution
    factor: Floats
    noise: dict[str, float]
    precision: float
    smoothness: float
    evidence: float
    freedom: float
    condition: float
    iterations: int
    path: dict[float, float]


def fit_bayes(
    problem: Problem,
    factors: Factors,
    settings: SolverSettings,
    progress: Progress,
    functions: Sequence[int] | NDArray[np.int64] | None = None,
) -> BayesFit:
    """Maximize the evidence of the given factors over noise and prior, for each smoothness; take the best.

    Raises:
        FitError: the iteration finds no finite noise, as for data without rows.
    """
    fits = []
    for done, smoothness in enumerate(settings.smoothness):
        progress.advance(done, len(settings.smoothness))
        fits.append(_maximize(problem, factors, smoothness, functions))
    best = max(fits, key=lambda fit: fit.evidence)
    path = {fit.smoothness: fit.evidence for fit in fits}
    return BayesFit(**{**vars(best), "path": path})


def _maximize(
    problem: Problem, factors: Factors, smoothness: float, functions: Sequence[int] | NDArray[np.int64] | None
) -> BayesFit:
    n = problem.n_composition
    chosen = problem.used if functions is None else np.intersect1d(functions, problem.used)
    scale = problem.penalties(smoothness)[chosen]
    quantities = [q for q in QUANTITIES if factors[q].n_rows]
    if not quantities:
        raise FitError("there is nothing to fit to: no energies and no forces. Look at data.keys.")
    determined = determined_composition(np.vstack([factors[q].matrix[:, :n] for q in quantities]))
    n_free = determined.shape[1]
    matrices = {
        q: np.hstack([factors[q].matrix[:, :n] @ determined, factors[q].matrix[:, n + chosen] / scale])
        for q in quantities
    }
    targets = {q: factors[q].matrix[:, -1] for q in quantities}
    counts = {q: factors[q].n_rows for q in quantities}
    noise = {q: max(_deviation(targets[q], counts[q]), 1e-12) * 0.1 for q in quantities}
    floor = {q: 1e-8 * max(_deviation(targets[q], counts[q]), 1e-12) for q in quantities}
    precision = 1.0
    shift = 1.0
    iteration = 0
    while True:
        iteration += 1
        mean, root = _posterior(matrices, targets, noise, precision, n_free, n_free + len(chosen))
        misfit = {q: float(np.sum((targets[q] - matrices[q] @ mean) ** 2)) for q in quantities}
        freedom = {q: float(np.sum((matrices[q] @ root) ** 2)) / noise[q] ** 2 for q in quantities}
        size = float(np.sum(mean[n_free:] ** 2))
        if shift < _TOLERANCE or iteration == _MAX_ITERATIONS:
            break
        well = max(len(chosen) - precision * float(np.sum(root[n_free:] ** 2)), 1e-10)
        new_noise = {
            q: max((misfit[q] / max(counts[q] - freedom[q], 1e-3 * counts[q])) ** 0.5, floor[q]) for q in quantities
        }
        most = _MAX_PRECISION * sum(float(np.sum(matrices[q] ** 2)) / noise[q] ** 2 for q in quantities)
        new_precision = min(well / max(size, 1e-300), max(most, 1.0))
        changes = [abs(log(new_noise[q] / noise[q])) for q in quantities] + [abs(log(new_precision / precision))]
        shift = max(changes)
        noise, precision = new_noise, new_precision
        if not np.isfinite(shift):
            raise FitError("the evidence has no maximum for these data. Use solver.kind = 'ridge'.")
    diagonal = np.abs(np.diag(root))
    evidence = -0.5 * sum(misfit[q] / noise[q] ** 2 + counts[q] * log(2 * np.pi * noise[q] ** 2) for q in quantities)
    evidence += -0.5 * precision * size + 0.5 * len(chosen) * log(precision) + float(np.sum(np.log(diagonal)))
    evidence += 0.5 * n_free * log(2 * np.pi)
    functions_of = np.zeros(len(problem.levels))
    functions_of[chosen] = mean[n_free:] / scale
    full = np.zeros((n + len(problem.levels), len(root)))
    full[:n] = determined @ root[:n_free]
    full[n + chosen] = root[n_free:] / scale[:, None]
    values = scipy.linalg.svdvals(root, check_finite=False)
    return BayesFit(
        solution=Solution(functions_of, determined @ mean[:n_free]),
        factor=full,
        noise=noise,
        precision=precision,
        smoothness=smoothness,
        evidence=evidence,
        freedom=sum(freedom.values()),
        condition=float(values[0] / values[-1]),
        iterations=iteration,
        path={},
    )


def _posterior(
    matrices: dict[str, Floats],
    targets: dict[str, Floats],
    noise: dict[str, float],
    precision: float,
    n_free: int,
    size: int,
) -> tuple[Floats, Floats]:
    """Posterior mean, and a root T of the covariance T Tᵀ, by orthogonal factorization of rows and prior."""
    prior = np.zeros((size - n_free, size))
    prior[:, n_free:] = np.sqrt(precision) * np.eye(size - n_free)
    rows = [np.column_stack([matrices[q], targets[q]]) / noise[q] for q in matrices]
    whole = triangle(np.asfortranarray(np.vstack([*rows, np.column_stack([prior, np.zeros(size - n_free)])])))
    upper, right = whole[:size, :size], whole[:size, size]
    mean: Floats = scipy.linalg.solve_triangular(upper, right, check_finite=False)
    root: Floats = scipy.linalg.solve_triangular(upper, np.eye(size), check_finite=False)
    return mean, root


def _deviation(target: Floats, count: int) -> float:
    return float(np.linalg.norm(target) / max(count, 1) ** 0.5)
