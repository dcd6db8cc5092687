"""The layout of a design matrix: the meaning of each column, and the coefficient that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acegen.runtime import Model

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """Directions of composition, then functions by element of the centre, then the target.

    Coefficients have the same order, without the target. Only this class knows the order.

    Attributes:
        n_composition: directions of composition.
        n_functions: functions of all centres.
        n_elements: elements of centres; each has as many functions.

    Raises:
        ValueError: the number of functions is not a multiple of that of elements, or a number is out of range.
    """

    n_composition: int
    n_functions: int
    n_elements: int = 1

    def __post_init__(self) -> None:
        if min(self.n_composition, self.n_functions) < 0 or self.n_elements < 1 or self.n_functions % self.n_elements:
            raise ValueError(f"there are no such columns: {self}")

    @classmethod
    def of_model(cls, model: Model, n_composition: int) -> Columns:
        """The columns of the design rows of a compiled basis."""
        n_elements = len(model.elements)
        return cls(n_composition, n_elements * model.n_basis, n_elements)

    @property
    def count(self) -> int:
        """Number of columns."""
        return self.n_coefficients + 1

    @property
    def n_coefficients(self) -> int:
        """Number of columns without the target."""
        return self.n_composition + self.n_functions

    @property
    def composition(self) -> slice:
        """Columns, or coefficients, of the directions of composition."""
        return slice(0, self.n_composition)

    @property
    def functions(self) -> slice:
        """Columns, or coefficients, of all functions."""
        return slice(self.n_composition, self.n_coefficients)

    @property
    def target(self) -> int:
        """The column of the target."""
        return self.n_coefficients

    def of_functions(self, numbers: Sequence[int] | Numbers) -> Numbers:
        """Columns, or coefficients, of functions by their numbers."""
        columns: Numbers = self.n_composition + np.asarray(numbers, dtype=np.int64)
        return columns

    def with_functions(self, numbers: Sequence[int] | Numbers) -> Numbers:
        """All columns except those of the other functions, in order."""
        ends = np.arange(self.n_composition), self.of_functions(numbers), [self.target]
        return np.concatenate(ends).astype(np.int64)

    def by_element(self, functions: Floats) -> Floats:
        """A number for each function (n_functions,) as (elements, functions of a centre)."""
        return functions.reshape(self.n_elements, self.n_functions // self.n_elements)

    def in_order(self, by_element: Floats) -> Floats:
        """The inverse of `by_element`."""
        return by_element.reshape(self.n_functions)

    def combined(self, rows: Floats, directions: Floats) -> Floats:
        """Rows (m, count) with the columns of composition replaced by r combinations (n_composition, r) of them."""
        return np.hstack([rows[:, self.composition] @ directions, rows[:, self.n_composition :]])

    def whole(self, composition: Floats, functions: Floats, numbers: Sequence[int] | Numbers) -> Floats:
        """Coefficients (n_coefficients, K) of the directions (n_composition, K) and of some functions; others zero."""
        whole = np.zeros((self.n_coefficients, functions.shape[1]))
        whole[self.composition] = composition
        whole[self.of_functions(numbers)] = functions
        return whole


def residuals(rows: Floats, coefficients: Floats) -> Floats:
    """Predictions minus targets (m, K) of rows (m, n + 1), or of their triangle, for coefficients (n, K)."""
    solutions = np.vstack([coefficients, np.full((1, coefficients.shape[1]), -1.0)])
    found: Floats = rows @ solutions
    return found
