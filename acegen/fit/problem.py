"""The least-squares problem of a fit as triangles: assembled, and reduced for given weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from acegen.fit.factor import triangle
from acegen.fit.unit import QUANTITIES, Factors
from acegen.fit.workers import merged

Floats = NDArray[np.float64]


class Weights(NamedTuple):
    """Weight of each quantity's rows."""

    energy: float
    forces: float
    virial: float


@dataclass(frozen=True)
class Solution:
    """Coefficients of the functions, and of the directions of composition (atomic energies)."""

    functions: Floats
    composition: Floats

    @property
    def columns(self) -> Floats:
        """In the order of the columns of a factor, without the target."""
        return np.concatenate([self.composition, self.functions])


@dataclass(frozen=True)
class Problem:
    """Factors of training and validation data, with what is known of the columns.

    Attributes:
        training: factors by quantity.
        validation: likewise; without rows if there are none.
        n_composition: number of leading columns that are directions of composition.
        levels: (C,) level Σ(n + angular_weight·l) of each function.
    """

    training: Factors
    validation: Factors
    n_composition: int
    levels: Floats

    @cached_property
    def everything(self) -> Factors:
        """Factors of training and validation data together."""
        return merged(self.training, self.validation)

    @cached_property
    def sizes(self) -> Floats:
        """(C,) root mean square of each function's forces over all data, or of energies if there are no forces.

        Both parts count, so that a model means the same before and after the last fit. Functions that are nowhere
        seen have size zero.
        """
        factors = self.everything
        seen = factors["forces"] if factors["forces"].n_rows else factors["energy"]
        columns = seen.matrix[:, self.n_composition : -1]
        sizes: Floats = np.sqrt(np.sum(columns**2, axis=0) / max(1, seen.n_rows))
        return sizes

    @cached_property
    def used(self) -> NDArray[np.int64]:
        """Functions the data see at all; the others get coefficient zero."""
        return np.flatnonzero(self.sizes > 1e-13 * self.sizes.max(initial=0.0))

    def penalties(self, smoothness: float) -> Floats:
        """(C,) what a coefficient is multiplied with in the prior: size times level^smoothness."""
        return self.sizes * self.levels**smoothness

    def residuals(self, factors: Factors, solution: Solution) -> dict[str, float]:
        """Root mean square residual of each quantity that has data, in the units of its rows."""
        vector = np.append(solution.columns, -1.0)
        return {
            quantity: float(np.linalg.norm(factors[quantity].matrix @ vector) / np.sqrt(factors[quantity].n_rows))
            for quantity in QUANTITIES
            if factors[quantity].n_rows
        }


@dataclass(frozen=True)
class Reduced:
    """Least squares for the functions alone, composition eliminated and columns divided by their penalties.

    minimize ‖matrix x - target‖² + strength² ‖x‖²; coefficients are x / penalties.

    Attributes:
        matrix: (k, M) upper triangular for the M functions in use.
        target: (k,).
        rest: squared norm of what no coefficients can fit.
        n_rows: number of rows of the whole problem, less those that composition takes.
    """

    problem: Problem
    functions: NDArray[np.int64]
    penalties: Floats
    matrix: Floats
    target: Floats
    rest: float
    n_rows: int
    composition: tuple[Floats, Floats, Floats]
    normal: bool

    @cached_property
    def svd(self) -> tuple[Floats, Floats, Floats]:
        """U, S, Vᵀ of the matrix."""
        if self.normal:
            values, vectors = np.linalg.eigh(self.matrix.T @ self.matrix)
            s = np.sqrt(np.maximum(values[::-1], 0.0))
            v = vectors[:, ::-1]
            u = self.matrix @ v / np.maximum(s, np.finfo(float).tiny)
            return u, s, v.T
        u, s, vt = scipy.linalg.svd(self.matrix, full_matrices=False, check_finite=False)
        return u, s, vt

    @cached_property
    def condition(self) -> float:
        """Condition number of the matrix."""
        s = self.svd[1]
        return float(s[0] / s[-1]) if len(s) and s[-1] > 0 else float("inf")

    def ridge(self, strength: float) -> Floats:
        """The solution x for one strength."""
        u, s, vt = self.svd
        solution: Floats = vt.T @ (s * (u.T @ self.target) / (s**2 + strength**2))
        return solution

    def coefficients(self, x: Floats) -> Solution:
        """Solution of all functions, and of composition, for a solution x."""
        functions = np.zeros(len(self.problem.levels))
        functions[self.functions] = x / self.penalties
        own, others, target = self.composition
        composition = scipy.linalg.lstsq(own, target - others @ functions[self.functions])[0] if len(own) else own[0:0]
        return Solution(functions, np.asarray(composition, dtype=np.float64).reshape(own.shape[1]))


def reduce_problem(
    problem: Problem,
    factors: Factors,
    weights: Weights,
    smoothness: float,
    functions: Sequence[int] | NDArray[np.int64] | None = None,
    normal: bool = False,
) -> Reduced:
    """Weight and stack the quantities, eliminate composition, scale the functions by their penalties.

    Args:
        problem: the problem.
        factors: of the part to fit to.
        weights: of the quantities.
        smoothness: power of the level in the prior.
        functions: numbers of the functions to use; None for all the data see.
        normal: work with normal equations instead of orthogonal factorizations from here on.
    """
    n = problem.n_composition
    chosen = problem.used if functions is None else np.intersect1d(functions, problem.used)
    columns = np.concatenate([np.arange(n), n + chosen, [len(problem.levels) + n]])
    parts = [factors[q].times(w).matrix[:, columns] for q, w in zip(QUANTITIES, weights, strict=True) if w > 0]
    n_rows = sum(factors[q].n_rows for q, w in zip(QUANTITIES, weights, strict=True) if w > 0)
    whole = triangle(np.asfortranarray(np.vstack(parts)))
    whole = np.vstack([whole, np.zeros((max(0, len(columns) - len(whole)), len(columns)))])
    penalties = problem.penalties(smoothness)[chosen]
    return Reduced(
        problem,
        chosen,
        penalties,
        whole[n:-1, n:-1] / penalties,
        whole[n:-1, -1],
        float(whole[-1, -1] ** 2),
        n_rows - n,
        (whole[:n, :n], whole[:n, n:-1], whole[:n, -1]),
        normal,
    )
