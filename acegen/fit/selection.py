"""Sparse models: which functions to keep."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acegen.errors import FitError
from acegen.fit.merit import predict, rms
from acegen.fit.problem import Problem, Reduced
from acegen.fit.settings import SelectionSettings

_PATH_POINTS = 12


@dataclass(frozen=True)
class Selection:
    """Functions kept, in ascending order, and how the validation error fell with their number.

    `path`: (number of functions, root mean square error of fold 0 by quantity) for some numbers; greedy only.
    """

    functions: NDArray[np.int64]
    path: tuple[tuple[int, dict[str, float]], ...]


def select(problem: Problem, reduced: Reduced, strength: float, settings: SelectionSettings) -> Selection:
    """Choose `settings.functions` functions.

    Args:
        problem: the problem, for the validation path.
        reduced: the problem to select on, with weights and penalties.
        strength: of the ridge penalty; it keeps nearly dependent functions from being selected together.
        settings: how many, and by which method.

    Raises:
        FitError: more functions are requested than the data determine, or nothing is left for functions to explain.
    """
    available = len(reduced.functions)
    if settings.functions > available:
        raise FitError(
            f"solver.selection.functions = {settings.functions} is more than the {available} functions of the basis "
            "that the data see. Lower it, or raise basis.level."
        )
    if not reduced.target.any():
        raise FitError(
            "solver.selection cannot rank functions: atomic energies alone explain all labels of weight "
            "above zero. Give more labels, or a weight above zero to others, or leave solver.selection out."
        )
    if settings.method == "greedy":
        return _greedy(problem, reduced, strength, settings.functions)
    return _ard(reduced, settings.functions)


def _greedy(problem: Problem, reduced: Reduced, strength: float, count: int) -> Selection:
    """Orthogonal matching pursuit (scikit-learn) on the problem with its prior as further rows."""
    from sklearn.linear_model import orthogonal_mp

    size = reduced.matrix.shape[1]
    matrix = np.vstack([reduced.matrix, strength * np.eye(size)])
    target = np.concatenate([reduced.target, np.zeros(size)])
    norms = np.linalg.norm(matrix, axis=0)
    scale = float(np.linalg.norm(target)) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing is left to explain before `count` are selected
        path = orthogonal_mp(matrix / norms, target / scale, n_nonzero_coefs=count, return_path=True)
    path = path.reshape(size, -1) * scale
    share = np.where(path[:, -1] != 0, np.inf, np.abs(reduced.ridge(np.array([strength]))[:, 0]) * norms)
    chosen = np.sort(np.argsort(-share, kind="stable")[:count])
    points = []
    if problem.n_folds:
        for number in np.unique(np.geomspace(1, path.shape[1], _PATH_POINTS).astype(int)):
            found = predict(problem.held_out(0), reduced.expanded(path[:, [number - 1]] / norms[:, None]))
            points.append((int(number), {q: float(rms(own)[0]) for q, own in found.items() if own}))
    return Selection(reduced.functions[chosen], tuple(points))


def _ard(reduced: Reduced, count: int) -> Selection:
    """Automatic relevance determination (scikit-learn): functions with the largest share in the prediction.

    The triangle stands for `n_rows` rows. The prior of the noise, Gamma(alpha_1, ·), accounts for the number of rows
    missing, and one extra row, without functions, for their misfit: the iteration is then that of all rows.
    """
    from sklearn.linear_model import ARDRegression

    rows, size = reduced.matrix.shape
    matrix = np.vstack([reduced.matrix, np.zeros((1, size))])
    target = np.append(reduced.target, np.sqrt(reduced.rest))
    regression = ARDRegression(
        alpha_1=max(1e-6, (reduced.n_rows - rows - 1) / 2), fit_intercept=False, threshold_lambda=1e12
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged after 300 steps: only the ranking is needed
        regression.fit(matrix, target)
    share = np.abs(regression.coef_) * np.linalg.norm(reduced.matrix, axis=0)
    chosen = np.sort(np.argsort(-share)[:count])
    return Selection(reduced.functions[chosen], ())
