"""Bayesian linear regression: noise of each quantity and width of the prior by the evidence, with posterior covariance.

Rows of quantity q have noise σ_q divided by their weight; c_k has the prior N(0, 1/(a (s_k level_k^p)²)); atomic
energies have a flat one. A few steps of MacKay's fixed-point iteration (Neural Computation 4, 415 (1992), §4) lead near
the maximum of the evidence; L-BFGS with its gradient then converges to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, log

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray

from acegen.errors import FitError
from acegen.fit.columns import Columns
from acegen.fit.factor import triangle
from acegen.fit.problem import Inferred, Problem, Solution, Thinning, all_kept, determined_composition
from acegen.fit.repulsion import Demands, Held, held, nearest_that_obeys
from acegen.fit.settings import QUANTITIES, SolverSettings
from acegen.fit.unit import Factors
from acegen.progress import Progress

Floats = NDArray[np.float64]

_STARTS = (1e-3, 1e-1)
"""Initial noise, in units of the data."""

_NEAR = 0.3
"""Change of the logarithms of noise and prior per step below which L-BFGS takes over."""

_MAX_PRECISION = 1e12
"""Largest ratio of the prior's precision to that of the data; for pure noise the optimum is infinite."""

_MAX_STEPS = 30
_MAX_ITERATIONS = 100
_GRADIENT = 1e-4
"""Largest derivative of the logarithm of the evidence at the maximum."""


@dataclass(frozen=True)
class BayesFit:
    """Posterior of the coefficients, and the hyperparameters chosen by the evidence.

    Attributes:
        solution: posterior mean.
        factor: (n, K) in the order of the problem's columns: the posterior covariance is factor · factorᵀ.
        noise: standard deviation by quantity, in the units of its rows.
        precision: a of the prior.
        smoothness: power of the level.
        evidence: its logarithm.
        freedom: effective number of parameters.
        condition: condition number of the scaled problem, the prior included.
        iterations: evaluations of the evidence.
        path: evidence by smoothness tried.
        held: how the mean was made repulsive.
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
    held: Held | None = None


def fit_bayes(
    problem: Problem,
    factors: Factors,
    settings: SolverSettings,
    progress: Progress,
    functions: Sequence[int] | NDArray[np.int64] | None = None,
    demands: Demands | None = None,
) -> BayesFit:
    """Maximize the evidence of the given factors over noise and prior, for each smoothness; take the best.

    The mean is then moved to the nearest point, in the metric of the posterior, that satisfies the demands.

    Raises:
        FitError: there are no data, or the evidence has no finite maximum.
    """
    path: dict[float, float] = {}
    best: BayesFit | None = None
    # There may be one maximum where energies count as noise and one where they do not: the first smoothness tries both.
    starts = [(settings.smoothness[0], start) for start in _STARTS] + [
        (power, 0.0) for power in settings.smoothness[1:]
    ]
    for done, (smoothness, start) in enumerate(starts):
        progress.advance(done, len(starts))
        evidence = _Evidence(problem, factors, smoothness, functions)
        fit = _maximize(evidence, evidence.start(start) if best is None or start else evidence.start_at(best.noise))
        path[smoothness] = max(fit.evidence, path.get(smoothness, -inf))
        if best is None or fit.evidence > best.evidence:
            best = fit
    assert best is not None  # settings hold at least one smoothness
    return _held(problem.columns, replace(best, path=path), evidence, demands)


def bayes_with(
    problem: Problem,
    factors: Factors,
    noise: Mapping[str, float],
    precision: float,
    smoothness: float,
    functions: Sequence[int] | NDArray[np.int64] | None = None,
    demands: Demands | None = None,
) -> BayesFit:
    """The fit with given hyperparameters; there must be a noise for each quantity that has labels.

    Raises:
        FitError: there are no data.
    """
    evidence = _Evidence(problem, factors, smoothness, functions)
    place = np.log([*(noise[q] for q in evidence.quantities), precision])
    found = _result(evidence, place)
    return _held(problem.columns, replace(found, path={smoothness: found.evidence}), evidence, demands)


def _held(columns: Columns, fit: BayesFit, evidence: _Evidence, demands: Demands | None) -> BayesFit:
    """The fit with its mean moved to satisfy the demands."""
    if demands is None:
        return fit
    solution, z = _obeying(columns, fit.solution, fit.factor, demands)
    own = held(demands, fit.solution, solution, float(z @ z) / max(1.0, float(evidence.counts.sum())))
    return replace(fit, solution=solution, held=own)


def _obeying(columns: Columns, mean: Solution, factor: Floats, demands: Demands) -> tuple[Solution, Floats]:
    """The mean moved to satisfy the demands, and the move in units of the posterior."""
    z = nearest_that_obeys(mean.functions, factor[columns.functions], demands, 1.0)
    return mean.moved(columns, factor, z), z


def held_out_means(
    problem: Problem,
    fit: BayesFit,
    functions: Sequence[int] | NDArray[np.int64] | None = None,
    demands: Demands | None = None,
    thinned: Thinning = all_kept,
) -> tuple[Inferred, ...]:
    """For each fold the posterior, with the noise, prior and demands of the fit, that has not seen it.

    Of its factor only what `thinned` keeps is in memory for more than one fold.
    """
    found = []
    for fold in range(problem.n_folds):
        evidence = _Evidence(problem, problem.without(fold), fit.smoothness, functions)
        place = np.log([*(fit.noise[q] for q in evidence.quantities), fit.precision])
        state = evidence.at(place)
        mean, factor = evidence.solution(state), evidence.factor(state)
        if demands is not None:
            mean = _obeying(problem.columns, mean, factor, demands)[0]
        found.append(Inferred(mean.functions, mean.composition, thinned(factor)))
    return tuple(found)


@dataclass(frozen=True)
class _State:
    """The posterior for given noise and prior.

    Attributes:
        mean: of the scaled coefficients, composition first.
        root: T of their covariance T Tᵀ.
        misfit: sum of squared residuals by quantity.
        freedom: effective number of parameters that each quantity determines.
        size: squared norm of the mean of the functions.
        spread: trace of the covariance of the functions.
        evidence: its logarithm.
        gradient: of the evidence by the logarithms of noises and precision.
    """

    mean: Floats
    root: Floats
    misfit: Floats
    freedom: Floats
    size: float
    spread: float
    evidence: float
    gradient: Floats


class _Evidence:
    """Marginal likelihood of the data as a function of the logarithms of the noises and of the prior's precision."""

    def __init__(
        self,
        problem: Problem,
        factors: Factors,
        smoothness: float,
        functions: Sequence[int] | NDArray[np.int64] | None,
    ) -> None:
        columns = problem.columns
        self.problem, self.smoothness = problem, smoothness
        self.chosen = problem.used if functions is None else np.intersect1d(functions, problem.used)
        self.scale = problem.penalties(smoothness)[self.chosen]
        self.quantities = [q for q in QUANTITIES if factors[q].n_rows]
        if not self.quantities:
            raise FitError("there is nothing to fit to: no energies and no forces. Check data.keys.")
        used = [factors[q].matrix for q in self.quantities]
        self.directions = determined_composition(np.vstack([matrix[:, columns.composition] for matrix in used]))
        self.columns = Columns(self.directions.shape[1], len(self.chosen))
        functions = columns.of_functions(self.chosen)
        self._matrices = [
            np.hstack([m[:, columns.composition] @ self.directions, m[:, functions] / self.scale]) for m in used
        ]
        self._targets = [matrix[:, columns.target] for matrix in used]
        self.counts = np.array([factors[q].n_rows for q in self.quantities], dtype=float)
        self.evaluations = 0

    def solution(self, state: _State) -> Solution:
        """The mean as coefficients."""
        return Solution.of(self.problem.columns, self._expanded(state.mean[:, None])[:, 0])

    def factor(self, state: _State) -> Floats:
        """(n, K) in the order of the problem's columns: the posterior covariance is factor · factorᵀ."""
        return self._expanded(state.root)

    def _expanded(self, scaled: Floats) -> Floats:
        """Coefficients (n, K) in the order of the problem's columns, for scaled ones."""
        own = self.columns
        composition, functions = self.directions @ scaled[own.composition], scaled[own.functions]
        return self.problem.columns.whole(composition, functions / self.scale[:, None], self.chosen)

    def start(self, part: float) -> Floats:
        """Noise as a fraction of the data, prior of width one."""
        return np.append(np.log(part) + self.sizes, 0.0)

    def start_at(self, noise: dict[str, float]) -> Floats:
        """Given noise, prior of width one."""
        return np.append(np.log([noise[q] for q in self.quantities]), 0.0)

    @property
    def sizes(self) -> Floats:
        """Logarithm of the root mean square of the data by quantity, without the part that compositions explain.

        All-electron total energies can be half a million eV/atom; the part to be learned is much smaller.
        """
        sizes = []
        for matrix, target, count in zip(self._matrices, self._targets, self.counts, strict=True):
            composition = matrix[:, self.columns.composition]
            explained = composition @ scipy.linalg.lstsq(composition, target)[0] if self.columns.n_composition else 0.0
            sizes.append(np.linalg.norm(target - explained) / count**0.5)
        return np.log(np.maximum(sizes, 1e-12))

    def most(self, place: Floats) -> float:
        """Logarithm of the largest precision considered."""
        data = sum(float(np.sum(m**2)) / noise**2 for m, noise in zip(self._matrices, np.exp(place[:-1]), strict=True))
        return log(max(_MAX_PRECISION * data, 1.0))

    def at(self, place: Floats) -> _State:
        """Posterior, evidence and its gradient, by orthogonal factorization of rows and prior."""
        self.evaluations += 1
        noise, precision = np.exp(place[:-1]), float(np.exp(place[-1]))
        columns = self.columns
        free, size = columns.n_composition, columns.n_coefficients
        rows = [
            np.column_stack([matrix, target]) / sigma
            for matrix, target, sigma in zip(self._matrices, self._targets, noise, strict=True)
        ]
        prior = np.zeros((columns.n_functions, columns.count))
        prior[:, columns.functions] = np.sqrt(precision) * np.eye(columns.n_functions)
        whole = triangle(np.asfortranarray(np.vstack([*rows, prior])))
        upper = whole[:size, :size]
        mean = scipy.linalg.solve_triangular(upper, whole[:size, columns.target], check_finite=False)
        root = scipy.linalg.solve_triangular(upper, np.eye(size), check_finite=False)
        misfit = np.array(
            [
                np.sum((target - matrix @ mean) ** 2)
                for matrix, target in zip(self._matrices, self._targets, strict=True)
            ]
        )
        freedom = np.array([np.sum((matrix @ root) ** 2) for matrix in self._matrices]) / noise**2
        length, spread = float(np.sum(mean[columns.functions] ** 2)), float(np.sum(root[columns.functions] ** 2))
        evidence = -0.5 * float(np.sum(misfit / noise**2 + self.counts * np.log(2 * np.pi * noise**2)))
        evidence += -0.5 * precision * length + 0.5 * len(self.chosen) * log(precision)
        evidence += float(np.sum(np.log(np.abs(np.diag(root))))) + 0.5 * free * log(2 * np.pi)
        by_noise = misfit / noise**2 - self.counts + freedom
        by_precision = 0.5 * (len(self.chosen) - precision * (length + spread))
        return _State(mean, root, misfit, freedom, length, spread, evidence, np.append(by_noise, by_precision))


def _maximize(evidence: _Evidence, place: Floats) -> BayesFit:
    floor = evidence.sizes - log(1e8)  # for quantities that the model fits exactly, or nearly
    for _ in range(_MAX_STEPS):
        state = evidence.at(place)
        precision = float(np.exp(place[-1]))
        rows = np.maximum(evidence.counts - state.freedom, 1e-3 * evidence.counts)
        noise = np.maximum(0.5 * np.log(np.maximum(state.misfit / rows, 1e-300)), floor)
        determined = max(len(evidence.chosen) - precision * state.spread, 1e-10)
        new = np.append(noise, min(log(determined / max(state.size, 1e-300)), evidence.most(place)))
        shift = float(np.abs(new - place).max())
        place = new
        if not np.isfinite(shift):
            raise FitError("the evidence has no maximum for these data. Use solver.kind = 'ridge'.")
        if shift < _NEAR:
            break

    def negative(at: Floats) -> tuple[float, Floats]:
        state = evidence.at(at)
        return -state.evidence, -state.gradient

    bounds = [(low, place_q + 10) for low, place_q in zip(floor, place[:-1], strict=True)]
    bounds.append((place[-1] - 30, evidence.most(place)))
    found = scipy.optimize.minimize(
        negative,
        place,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"gtol": _GRADIENT, "ftol": 1e-15, "maxiter": _MAX_ITERATIONS},
    )
    return _result(evidence, np.asarray(found.x, dtype=np.float64))


def _result(evidence: _Evidence, place: Floats) -> BayesFit:
    state = evidence.at(place)
    values = scipy.linalg.svdvals(state.root, check_finite=False)
    return BayesFit(
        solution=evidence.solution(state),
        factor=evidence.factor(state),
        noise={q: float(value) for q, value in zip(evidence.quantities, np.exp(place[:-1]), strict=True)},
        precision=float(np.exp(place[-1])),
        smoothness=evidence.smoothness,
        evidence=state.evidence,
        freedom=float(state.freedom.sum()),
        condition=float(values[0] / values[-1]),
        iterations=evidence.evaluations,
        path={},
    )
