"""Tall-skinny QR: any number of rows of a least-squares problem, kept as a triangle.

Of rows X with targets t only R of [X t] = QR is kept: it gives the same ‖Xc - t‖ for every c. Factors of parts are
combined by stacking and factorizing again, in any order, on any machine (Demmel et al., SIAM J. Sci. Comput. 34,
A206 (2012)). The stacked factors are triangular and only their nonzero parts are processed, with a fifth of the
operations of the QR of a full matrix of this shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

Floats = NDArray[np.float64]

MOST_SINGLE = 4096
"""Largest number of rows kept unreduced."""

_PANEL = 64
"""Columns factorized together; the others are then updated by matrix products."""


@dataclass(frozen=True)
class Factor:
    """R of some rows, or the rows themselves.

    Attributes:
        matrix: (k, columns): upper triangular with k at most `columns`, or the rows.
        n_rows: number of rows it stands for.
        single: whether these are the rows themselves, so that each row has its own residual.
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
    """R of rows (m, n): (min(m, n), n), in Fortran order. The rows are overwritten if they are in Fortran order."""
    size = min(rows.shape)
    if size == 0:
        return np.zeros((0, rows.shape[1]), order="F")
    packed = lapack.dgeqrt(min(_PANEL, size), rows, overwrite_a=True)[0]
    return _upper(packed[:size])


def stacked(first: Floats, second: Floats) -> Floats:
    """R of two triangles (k, n) and (l, n), one on top of the other: (min(k + l, n), n), in Fortran order."""
    above, below = (first, second) if len(first) >= len(second) else (second, first)
    columns = above.shape[1]
    if len(below) == 0:
        return np.asfortranarray(above)
    if len(above) + len(below) <= columns:
        return triangle(np.asfortranarray(np.vstack([above, below])))
    square = np.zeros((columns, columns), order="F")
    square[: len(above)] = above
    copy = np.array(below, order="F")
    panel = min(_PANEL, columns)
    result: Floats = lapack.dtpqrt(len(copy), panel, square, copy, overwrite_a=True, overwrite_b=True)[0]
    return result  # entries below the diagonal are not touched


def _upper(packed: Floats) -> Floats:
    """The upper triangle of a result of LAPACK, which stores reflectors below it."""
    result = np.zeros(packed.shape, order="F")
    for column in range(packed.shape[1]):
        result[: column + 1, column] = packed[: column + 1, column]
    return result


def combined(factors: Iterable[Factor], columns: int) -> Factor:
    """One factor for the rows of all. Single rows remain single while they are few."""
    several = [factor for factor in factors if factor.n_rows]
    if len(several) == 1:
        return several[0]
    n_rows = sum(factor.n_rows for factor in several)
    if several and n_rows <= MOST_SINGLE and all(factor.single for factor in several):
        return Factor(np.vstack([factor.matrix for factor in several]), n_rows, single=True)
    whole = np.zeros((0, columns), order="F")
    for factor in several:
        whole = stacked(whole, triangle(np.array(factor.matrix, order="F")) if factor.single else factor.matrix)
    return Factor(whole, n_rows)


class RowBuffer:
    """Takes any number of rows and keeps their factor, in memory of `capacity` rows (at least one for each column).

    A triangle needs further memory, and combining it with that of another `capacity` rows needs four.
    """

    def __init__(self, columns: int, capacity: int) -> None:
        self._rows = np.empty((max(capacity, columns), columns), order="F")
        self._filled = 0
        self._whole = Factor(np.zeros((0, columns), order="F"), 0)

    def add(self, blocks: Sequence[Floats], weight: float | Floats = 1.0) -> None:
        """Add rows multiplied by a weight, one for all or a column (m, 1).

        The rows are given as blocks (m, k) side by side, whose widths k add up to the number of columns.
        """
        count, done = len(blocks[0]), 0
        while done < count:
            taken = min(count - done, len(self._rows) - self._filled)
            column = 0
            for block in blocks:
                place = self._rows[self._filled : self._filled + taken, column : column + block.shape[1]]
                own = weight if isinstance(weight, float) else weight[done : done + taken]
                np.multiply(block[done : done + taken], own, out=place)
                column += block.shape[1]
            self._filled, done = self._filled + taken, done + taken
            if self._filled == len(self._rows):
                self._compress()

    def factor(self) -> Factor:
        """The factor of all rows added so far."""
        self._compress()
        return self._whole

    def _compress(self) -> None:
        full = self._filled == len(self._rows)
        rows = self._rows if full else np.asfortranarray(self._rows[: self._filled])
        self._whole = combined([self._whole, Factor(triangle(rows), self._filled)], self._rows.shape[1])
        self._filled = 0
