"""Ridge regression for many strengths at once, from one singular value decomposition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acegen.fit.problem import Reduced

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shrinkage:
    """Solutions for strengths (K,) in terms of singular vectors (r,).

    Attributes:
        strengths: (K,).
        projected: (r,) the target along each singular vector.
        shrunk: (r, K) fraction of it that is left unexplained.
        misfit: (K,) sum of squared residuals.
        freedom: (K,) effective number of parameters.
        n_rows: rows of the problem.
    """

    strengths: Floats
    projected: Floats
    shrunk: Floats
    misfit: Floats
    freedom: Floats
    n_rows: int

    @property
    def gcv(self) -> Floats:
        """(K,) generalized cross-validation, mean square; infinite where no degrees of freedom are left.

        Golub, Heath, Wahba, Technometrics 21, 215 (1979).
        """
        n = max(self.n_rows, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(n > self.freedom, n * self.misfit / (n - self.freedom) ** 2, np.inf)


def shrink(reduced: Reduced, strengths: Floats, target: Floats | None = None, rest: float | None = None) -> Shrinkage:
    """Shrinkage for strengths (K,) of a problem, or of one with the same matrix and another target (k,) and rest."""
    target = reduced.target if target is None else target
    u, s, _ = reduced.svd
    projected = u.T @ target
    outside = reduced.rest if rest is None else rest
    outside += max(0.0, float(target @ target - projected @ projected))
    squares = strengths[None, :] ** 2
    shrunk = squares / (s[:, None] ** 2 + squares)
    misfit = outside + np.sum((shrunk * projected[:, None]) ** 2, axis=0)
    return Shrinkage(strengths, projected, shrunk, misfit, np.sum(1 - shrunk, axis=0), reduced.n_rows)
