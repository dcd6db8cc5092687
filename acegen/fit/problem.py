"""The least-squares problem of a fit as triangles: assembled, and reduced for given weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from acegen.errors import FitError
from acegen.fit.columns import Columns
from acegen.fit.factor import Factor, stacked, triangle
from acegen.fit.settings import QUANTITIES
from acegen.fit.unit import Factors
from acegen.fit.workers import merged

Floats = NDArray[np.float64]


_ROUNDING = 1e-10
"""Ratio of forces to energy (1/Å) of a function below which its forces are treated as rounding errors."""


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

    @classmethod
    def of(cls, columns: Columns, coefficients: Floats) -> Solution:
        """From coefficients (n,) in the order of the columns."""
        return cls(coefficients[columns.functions], coefficients[columns.composition])

    def moved(self, columns: Columns, root: Floats, z: Floats) -> Solution:
        """The solution plus root z, for a root (n, K) of a covariance in the order of the columns and z (K,)."""
        step = Solution(root[columns.functions] @ z, root[columns.composition] @ z)
        return Solution(self.functions + step.functions, self.composition + step.composition)


@dataclass(frozen=True)
class Inferred(Solution):
    """A solution with its posterior covariance, factor · factorᵀ: (n, K) in the order of the columns.

    Of a factor that was thinned this holds on average.
    """

    factor: Floats


Thinning = Callable[[Floats], Floats]
"""What to keep (n, k) of a factor (n, K)."""


def all_kept(factor: Floats) -> Floats:
    """The whole factor."""
    return factor


@dataclass(frozen=True)
class Cell:
    """Factors of the configurations of one kind in one fold (`folds.ALWAYS`: never held out)."""

    fold: int
    kind: str
    factors: Factors


@dataclass(frozen=True)
class Problem:
    """Factors of the data, cell by cell, with the properties of the columns.

    Attributes:
        cells: of all folds and kinds.
        columns: of the factors.
        levels: (C,) level Σ(n + angular_weight·l) of each function.
    """

    cells: tuple[Cell, ...]
    columns: Columns
    levels: Floats

    @property
    def n_folds(self) -> int:
        """Number of folds; 0 if nothing is held out."""
        return max((cell.fold for cell in self.cells), default=-1) + 1

    def held_out(self, fold: int) -> list[Cell]:
        """The cells of a fold."""
        return [cell for cell in self.cells if cell.fold == fold]

    @cached_property
    def everything(self) -> Factors:
        """Factors of all data together."""
        return self._all_but(None)

    def without(self, fold: int) -> Factors:
        """Factors of all data but those of a fold."""
        return self._without[fold]

    @cached_property
    def _without(self) -> tuple[Factors, ...]:
        return tuple(self._all_but(fold) for fold in range(self.n_folds))

    @cached_property
    def _of_folds(self) -> dict[int, Factors]:
        folds = sorted({cell.fold for cell in self.cells})
        return {fold: merged(*(cell.factors for cell in self.held_out(fold))) for fold in folds}

    def _all_but(self, left_out: int | None) -> Factors:
        own = [factors for fold, factors in self._of_folds.items() if fold != left_out]
        none = {q: Factor(np.zeros((0, self.columns.count)), 0) for q in QUANTITIES}
        return {q: factor.reduced() for q, factor in merged(none, *own).items()}

    @cached_property
    def sizes(self) -> Floats:
        """(C,) root mean square of each function's forces over all data; of its energies where it has no forces.

        All folds are used, so that the prior is the same before and after the final fit. Functions that vanish on the
        data have size zero.
        """
        forces, energy = (
            np.sqrt(np.sum(factor.matrix[:, self.columns.functions] ** 2, axis=0) / max(1, factor.n_rows))
            for factor in (self.everything["forces"], self.everything["energy"])
        )
        sizes: Floats = np.where(forces > _ROUNDING * energy, forces, energy)  # forces zero by symmetry are rounding
        return sizes

    @cached_property
    def used(self) -> NDArray[np.int64]:
        """Functions that do not vanish on the data; the others get coefficient zero."""
        return np.flatnonzero(self.sizes > 1e-13 * self.sizes.max(initial=0.0))

    @cached_property
    def unseen(self) -> NDArray[np.int64]:
        """The functions that vanish on the data, such as those of pairs of elements that never meet."""
        return np.setdiff1d(np.arange(self.columns.n_functions), self.used)

    def prior_of_unseen(self, deviation: float, smoothness: float) -> Floats:
        """(n, u) in the order of the columns: a factor of the prior's covariance of the functions that vanish.

        Args:
            deviation: of a coefficient with a penalty of one.
            smoothness: power of the level. Their sizes, which no data tell, are taken as the median of the others.
        """
        composition = np.zeros((self.columns.n_composition, len(self.unseen)))
        size = float(np.median(self.sizes[self.used])) if len(self.used) else 1.0
        own = np.diag(deviation / (size * self.levels[self.unseen] ** smoothness))
        return self.columns.whole(composition, own, self.unseen)

    def penalties(self, smoothness: float) -> Floats:
        """(C,) factors of the coefficients in the prior: size times level^smoothness."""
        return self.sizes * self.levels**smoothness


@dataclass(frozen=True)
class Reduced:
    """Least squares for the functions alone, with composition eliminated and columns divided by their penalties.

    minimize ‖matrix x - target‖² + strength² ‖x‖²; coefficients are x / penalties.

    Attributes:
        matrix: (k, M) upper triangular for the M functions in use.
        target: (k,).
        rest: squared norm of the residual that no coefficients can remove.
        n_rows: number of rows of the whole problem, minus the number of composition columns.
        composition: triangle of composition, and its rows of functions and target, which determine it once x is known.
        determined: (n_composition, r) the combinations of composition that these data determine.
        normal: use normal equations.
    """

    problem: Problem
    functions: NDArray[np.int64]
    penalties: Floats
    matrix: Floats
    target: Floats
    rest: float
    n_rows: int
    composition: tuple[Floats, Floats, Floats]
    determined: Floats
    normal: bool

    @cached_property
    def svd(self) -> tuple[Floats, Floats, Floats]:
        """U, S, Vᵀ of the matrix, without singular values that are rounding errors.

        These belong to combinations of functions that vanish on the data: divided by a small strength, rounding errors
        would become coefficients.
        """
        if self.matrix.size == 0:
            return np.zeros((len(self.matrix), 0)), np.zeros(0), np.zeros((0, self.matrix.shape[1]))
        rounding = self.matrix.shape[1] * np.finfo(float).eps
        if self.normal:
            values, vectors = np.linalg.eigh(self.matrix.T @ self.matrix)
            kept = values > rounding * values.max(initial=0.0)
            s, v = np.sqrt(values[kept])[::-1], vectors[:, kept][:, ::-1]
            return self.matrix @ v / s, s, v.T
        u, s, vt = scipy.linalg.svd(self.matrix, full_matrices=False, check_finite=False)
        kept = s > rounding * s[0]
        return u[:, kept], s[kept], vt[kept]

    @cached_property
    def condition(self) -> float:
        """Condition number of the matrix; infinite if some combination of functions vanishes on the data."""
        s = self.svd[1]
        return float(s[0] / s[-1]) if 0 < len(s) == self.matrix.shape[1] else float("inf")

    def ridge(self, strengths: Floats) -> Floats:
        """The solutions x (M, K) for strengths (K,)."""
        u, s, vt = self.svd
        shares = (s * (u.T @ self.target))[:, None] / (s[:, None] ** 2 + strengths[None, :] ** 2)
        solutions: Floats = vt.T @ shares
        return solutions

    def root(self, strength: float) -> Floats:
        """(n, K) in the order of the columns: the moves that the data price, root z at the cost of noise² ‖z‖².

        Combinations of functions that vanish on the data are left out, unlike in `posterior`: a solution must not move
        along them.
        """
        _, s, vt = self.svd
        zero = self.expanded(np.zeros((len(self.penalties), 1)))
        root: Floats = self.expanded(vt.T / np.sqrt(s**2 + strength**2)) - zero
        return root

    def posterior(self, strength: float) -> Floats:
        """(n, r + M) in the order of the columns: (XᵀX + strength² P²)⁻¹, with penalties P, is factor · factorᵀ.

        Times the noise it is a factor of the posterior covariance. Directions that the data do not determine have the
        variance of the prior; it comes from a triangle of the rows and the prior, since a singular value decomposition
        of the rows alone, above all by normal equations, has only noise for them. Functions that vanish on all data
        have no size and therefore no prior: they have no variance, as they have no coefficient.
        """
        own, others, _ = self.composition
        size = len(self.penalties)
        upper = stacked(self.matrix, strength * np.eye(size))
        functions = np.zeros((size, len(own) + size))
        functions[:, len(own) :] = scipy.linalg.solve_triangular(upper, np.eye(size)) / self.penalties[:, None]
        composition = np.zeros((self.problem.columns.n_composition, functions.shape[1]))
        if own.size:
            noise = np.eye(len(own), functions.shape[1])
            composition = self.determined @ scipy.linalg.solve_triangular(own, noise - others @ functions)
        return self.problem.columns.whole(composition, functions, self.functions)

    def objective(self, x: Floats, strength: float) -> float:
        """The objective that is minimized, for one x (M,)."""
        return float(np.sum((self.matrix @ x - self.target) ** 2) + self.rest + strength**2 * np.sum(x**2))

    def expanded(self, x: Floats) -> Floats:
        """Coefficients (n, K) in the order of the problem's columns, for solutions x (M, K)."""
        own, others, target = self.composition
        functions = x / self.penalties[:, None]
        composition = np.zeros((self.problem.columns.n_composition, x.shape[1]))
        if own.size:
            composition = self.determined @ scipy.linalg.solve_triangular(own, target[:, None] - others @ functions)
        return self.problem.columns.whole(composition, functions, self.functions)

    def coefficients(self, x: Floats) -> Solution:
        """The solution for one x (M,)."""
        return Solution.of(self.problem.columns, self.expanded(x[:, None])[:, 0])


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
        functions: numbers of the functions to use; None for all that do not vanish on the data.
        normal: use normal equations instead of orthogonal factorizations from here on.

    Raises:
        FitError: no rows have a weight above zero, or only held-out ones have.
    """
    chosen = problem.used if functions is None else np.intersect1d(functions, problem.used)
    kept = problem.columns.with_functions(chosen)
    parts = [factors[q].times(w).matrix[:, kept] for q, w in zip(QUANTITIES, weights, strict=True) if w > 0]
    n_rows = sum(factors[q].n_rows for q, w in zip(QUANTITIES, weights, strict=True) if w > 0)
    if n_rows == 0:
        elsewhere = any(problem.everything[q].n_rows for q, w in zip(QUANTITIES, weights, strict=True) if w > 0)
        raise all_held_out(weights) if elsewhere else nothing_left(weights)
    rows, columns = np.vstack(parts), Columns(problem.columns.n_composition, len(chosen))
    determined = determined_composition(rows[:, columns.composition])
    complete = determined.shape[1] == columns.n_composition and len(chosen) == problem.columns.n_functions
    if complete:  # the parts are already triangular
        whole = np.zeros((0, rows.shape[1]), order="F")
        for part in parts:
            whole = stacked(whole, triangle(part) if np.tril(part, -1).any() else part)
    else:
        whole = triangle(np.asfortranarray(columns.combined(rows, determined)))
    columns = Columns(determined.shape[1], len(chosen))
    free, own, target = columns.composition, columns.functions, columns.target
    whole = np.vstack([whole, np.zeros((max(0, whole.shape[1] - len(whole)), whole.shape[1]))])
    penalties = problem.penalties(smoothness)[chosen]
    return Reduced(
        problem,
        chosen,
        penalties,
        whole[own, own] / penalties,
        whole[own, target],
        float(whole[target, target] ** 2),
        n_rows - columns.n_composition,
        (whole[free, free], whole[free, own], whole[free, target]),
        determined,
        normal,
    )


def nothing_left(weights: Weights) -> FitError:
    """The error for weights above zero only for quantities that the data lack."""
    return FitError(
        f"weights of energy {weights.energy:g}, forces {weights.forces:g} and virial {weights.virial:g} leave nothing "
        "to fit to. Give a weight above zero to a quantity that the data have."
    )


def all_held_out(weights: Weights) -> FitError:
    """The error for weights above zero only for quantities that only held-out data have."""
    return FitError(
        f"weights of energy {weights.energy:g}, forces {weights.forces:g} and virial {weights.virial:g} leave nothing "
        "to fit to without the data held out for validation, which have all labels of these quantities. Add "
        "configurations with such labels to data.train, or give a weight above zero to a quantity that the others have."
    )


def determined_composition(rows: Floats) -> Floats:
    """Orthonormal combinations (n_composition, r) of the columns of composition (m, n_composition) that rows determine.

    A problem has columns for all that occur; without a fold there may be fewer. The others are left at zero.
    """
    if not rows.size:
        return np.zeros((rows.shape[1], 0))
    _, s, vt = scipy.linalg.svd(triangle(np.array(rows, order="F")), check_finite=False)
    rank = int(np.sum(s > 1e-10 * s[0]))
    if rank == rows.shape[1]:
        return np.eye(rank)
    combinations: Floats = vt[:rank].T
    return combinations
