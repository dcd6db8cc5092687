"""Active sets: of many rows, as many as there are columns, of nearly the largest volume.

MaxVol (Goreinov, Oseledets, Savostyanov, Tyrtyshnikov, Zamarashkin, in: Matrix Methods: Theory, Algorithms,
Applications, 247 (2010)): where a row has a coefficient larger than one in the rows A chosen so far, exchanging it for
that row multiplies |det A| by this coefficient. At the end no coefficient exceeds 1 + ε: max |b A⁻¹| is then the
D-optimality grade of b (Podryabinkin, Shapeev, Comput. Mater. Sci. 140, 171 (2017)), at most 1 + ε for all candidates
unless the passes ran out before (`ActiveSet.complete`).

Rows come in blocks, so that memory depends on the size of a block; blocks are passed through until none has a row to
exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg.blas import dger, idamax

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

TOLERANCE = 1e-3
"""Excess over one of a coefficient, above which rows are exchanged."""

_UNIT = 1e-6
"""Length of the rows that stand for directions without candidates, in units of the size of each column."""

_PASSES = 60

_TOGETHER = 512
"""Candidates whose coefficients are updated after each exchange; few, so that they stay in the processor's caches."""


@dataclass(frozen=True)
class ActiveSet:
    """Rows of nearly the largest volume.

    Attributes:
        rows: (n, n) A.
        inverse: (n, n) A⁻¹: the coefficients of a row b are b A⁻¹.
        numbers: (n,) of the candidates, counted over all blocks; -1 - j for the unit row of column j.
        complete: whether no exchange of rows would improve it by more than the tolerance; else the passes ran out.
    """

    rows: Floats
    inverse: Floats
    numbers: Numbers
    complete: bool

    @property
    def n_units(self) -> int:
        """Number of unit rows: directions in which the candidates have no extent."""
        return int(np.sum(self.numbers < 0))

    def grades(self, candidates: Floats) -> Floats:
        """max |b A⁻¹| of each row (m, n), (m,)."""
        found: Floats = np.abs(candidates @ self.inverse).max(axis=1)
        return found


def active_set(blocks: Callable[[], Iterable[Floats]], n_columns: int, tolerance: float = TOLERANCE) -> ActiveSet:
    """Choose `n_columns` rows among candidates, or among candidates and unit rows where these do not determine all.

    A unit row is a small multiple of one column's size; it is chosen only for directions in which the candidates have
    less extent than that, so that the set is never singular, and leaves a grade that is large for any other row with
    such an extent.

    Args:
        blocks: gives all candidates, (m, n_columns) at a time, each time it is called.
        n_columns: number of columns; none of them vanishes for all candidates.
        tolerance: largest excess over one of a coefficient.
    """
    sizes = _sizes(blocks, n_columns)
    search = _Search(n_columns)
    units, none = _UNIT * np.eye(n_columns), -1 - np.arange(n_columns)
    search.start(units, none)
    for _ in range(_PASSES):
        exchanged, first = 0, 0
        for block in blocks():
            exchanged += search.improve(block / sizes, np.arange(first, first + len(block)), tolerance)
            first += len(block)
        exchanged += search.improve(units, none, tolerance)
        if not exchanged:
            break
    rows = search.rows * sizes
    return ActiveSet(rows, search.inverse / sizes[:, None], search.numbers, not exchanged)


def _sizes(blocks: Callable[[], Iterable[Floats]], n_columns: int) -> Floats:
    """(n,) root mean square of each column, rounded to a power of two, so that scaling by it changes no digits."""
    squares, count = np.zeros(n_columns), 0
    for block in blocks():
        squares += np.sum(block**2, axis=0)
        count += len(block)
    sizes = np.sqrt(squares / max(1, count))
    powers: Floats = np.exp2(np.round(np.log2(np.where(sizes > 0, sizes, 1.0))))
    return powers


class _Search:
    """The rows chosen so far, and their inverse."""

    def __init__(self, n_columns: int) -> None:
        self.rows: Floats = np.zeros((n_columns, n_columns))
        self.inverse: Floats = np.zeros((n_columns, n_columns))
        self.numbers: Numbers = np.zeros(n_columns, dtype=np.int64)
        self._started = False

    def start(self, rows: Floats, numbers: Numbers) -> None:
        """Begin with these rows, which must be independent."""
        self.rows, self.numbers = rows.copy(), numbers.copy()
        self.inverse = scipy.linalg.inv(self.rows, check_finite=False)

    def improve(self, block: Floats, numbers: Numbers, tolerance: float) -> int:
        """Exchange rows for those of a block until none has a coefficient above 1 + tolerance. Returns how often."""
        exchanged = 0 if self._started else self._pivot(block, numbers)
        self._started = True
        for first in range(0, len(block), _TOGETHER):
            part = slice(first, first + _TOGETHER)
            exchanged += self._exchange(block[part], numbers[part], tolerance)
        if exchanged:  # anew, so that rounding errors of exchanges do not add up
            self.inverse = scipy.linalg.inv(self.rows, check_finite=False)
        return exchanged

    def _exchange(self, block: Floats, numbers: Numbers, tolerance: float) -> int:
        """Exchange rows for those of a few candidates, whose coefficients are updated after each exchange."""
        coefficients = np.asfortranarray(block @ self.inverse)
        inverse = np.asfortranarray(self.inverse)
        exchanged = 0
        while True:
            place = int(idamax(coefficients.ravel(order="F")))
            column, row = divmod(place, len(block))
            pivot = coefficients[row, column]
            if abs(pivot) <= 1 + tolerance:
                break
            self.rows[column], self.numbers[column] = block[row], numbers[row]
            change = coefficients[row].copy()
            change[column] -= 1.0
            coefficients = dger(-1 / pivot, coefficients[:, column].copy(), change, a=coefficients, overwrite_a=True)
            inverse = dger(-1 / pivot, inverse[:, column].copy(), change, a=inverse, overwrite_a=True)
            exchanged += 1
        self.inverse = inverse
        return exchanged

    def _pivot(self, block: Floats, numbers: Numbers) -> int:
        """The rows that Gaussian elimination with partial pivoting chooses among the block and the present rows."""
        rows, names = np.vstack([block, self.rows]), np.concatenate([numbers, self.numbers])
        _, pivots = scipy.linalg.lu_factor(rows, check_finite=False)
        order = np.arange(len(rows))
        for place, pivot in enumerate(pivots):
            order[[place, pivot]] = order[[pivot, place]]
        chosen = order[: rows.shape[1]]
        self.start(rows[chosen], names[chosen])
        return int(np.sum(chosen < len(block)))
