"""Tall-skinny QR: rows of a least-squares problem, however many, kept as a triangle.

Of rows X with targets t only R of [X t] = QR is kept: it gives the same ‖Xc - t‖ for every c. Factors of parts are
combined by stacking and factorizing again, in any order, on any machine (Demmel et al., SIAM J. Sci. Comput. 34,
A206 (2012)).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_SINGLE = 4096
"""Rows that are kept as they are; more are reduced."""


@dataclass(frozen=True)
class Factor:
    """R of some rows, or the rows themselves.

    Attributes:
        matrix: (k, columns): upper triangular with k at most `columns`, or the rows.
        n_rows: number of rows it stands for.
        single: whether these are the rows themselves, so that each has a residual of its own.
    """

    matrix: Floats
    n_rows: int
    single: bool = False

    def times(self, weight: float) -> Factor:
        """The factor of all rows times a weight."""
        return Factor(self.matrix * weight, self.n_rows, self.single)

    def reduced(self) -> Factor:
        """The factor with no more rows than columns."""
        if len(self.matrix) <= self.matrix.shape[1]:
            return self
        return Factor(triangle(np.array(self.matrix, order="F")), self.n_rows)


def triangle(rows: Floats) -> Floats:
    """R of rows (m, n): (min(m, n), n). The rows are overwritten if they are in Fortran order."""
    if len(rows) == 0:
        return np.zeros((0, rows.shape[1]))
    result: Floats = scipy.linalg.qr(rows, mode="r", overwrite_a=True, check_finite=False)[0]
    return np.ascontiguousarray(result[: min(rows.shape)])


def combined(factors: Iterable[Factor], columns: int) -> Factor:
    """One factor for the rows of all. Single rows stay so while they are few."""
    several = [factor for factor in factors if factor.n_rows]
    if not several:
        return Factor(np.zeros((0, columns)), 0)
    if len(several) == 1:
        return several[0]
    n_rows = sum(factor.n_rows for factor in several)
    stacked = np.vstack([factor.matrix for factor in several])
    if n_rows <= MOST_SINGLE and all(factor.single for factor in several):
        return Factor(stacked, n_rows, single=True)
    return Factor(triangle(np.asfortranarray(stacked)), n_rows)


class RowBuffer:
    """Takes rows in any number and keeps their factor, in memory of `capacity` rows."""

    def __init__(self, columns: int, capacity: int) -> None:
        self._rows = np.empty((max(capacity, columns + 1), columns), order="F")
        self._filled = 0
        self._n_rows = 0

    def add(self, rows: Floats) -> None:
        """Add rows (m, columns)."""
        self._n_rows += len(rows)
        while len(rows):
            space = len(self._rows) - self._filled
            taken, rows = rows[:space], rows[space:]
            self._rows[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            if self._filled == len(self._rows):
                self._compress()

    def factor(self) -> Factor:
        """The factor of all rows added so far."""
        self._compress()
        return Factor(np.ascontiguousarray(self._rows[: self._filled]), self._n_rows)

    def _compress(self) -> None:
        small = triangle(np.asfortranarray(self._rows[: self._filled]))
        self._rows[: len(small)] = small
        self._filled = len(small)
