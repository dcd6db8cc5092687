"""Orthogonal functions for given data: Gram matrices that are means over samples of basis values.

Columns are divided by their root mean square, reduced to a triangle by Householder reflections, and then
orthogonalized in order (Gram-Schmidt, each step done twice), which detects functions that depend on those before
them. The Gram matrix itself is not used, as its condition number is the square of that of the values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acegen.errors import OrthogonalizationError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SampleOrthogonalization:
    """Functions orthogonalized on M samples.

    Attributes:
        transform: matrix T, shape (rank, n): T·B are orthonormal functions; values·Tᵀ has the identity as Gram matrix.
        gram: mean of B_i B_j over the samples, shape (n, n).
        independent: functions that do not depend on those before them, ascending.
        dependent: functions that do, excluding zero functions.
        zero: functions that are zero on all samples.
        condition_number: largest over smallest eigenvalue of the Gram matrix divided by the root mean squares, as far
            as doubles can tell (up to about 1e30); infinite with dependent or zero functions.
    """

    transform: Floats
    gram: Floats
    independent: tuple[int, ...]
    dependent: tuple[int, ...]
    zero: tuple[int, ...]
    condition_number: float

    @property
    def rank(self) -> int:
        """Number of linearly independent functions."""
        return len(self.independent)


def orthogonalize_samples(values: ArrayLike, tolerance: float = 1e-10, floor: float = 0.0) -> SampleOrthogonalization:
    """Orthogonalize functions, in their order, on samples.

    Args:
        values: values of the functions, shape (M, n): one row per sample, at least as many rows as columns.
        tolerance: a function depends on those before it if its remainder is smaller than this fraction of it.
        floor: a function is zero if its root mean square is at most this; rounding errors may make a vanishing function
            slightly non-zero.

    Raises:
        OrthogonalizationError: not a table of finite numbers, no functions, or fewer samples than functions.
    """
    table = _checked(values)
    samples, size = table.shape
    gram = table.T @ table / samples
    largest = np.abs(table).max(axis=0)
    largest[largest == 0] = 1.0
    sizes = largest * np.linalg.norm(table / largest, axis=0) / np.sqrt(samples)  # avoids overflow and underflow
    zero = sizes <= floor
    kept = np.flatnonzero(~zero)
    triangle = np.asarray(np.linalg.qr(table[:, kept] / sizes[kept] / np.sqrt(samples), mode="r"), dtype=np.float64)
    upper, chosen = _gram_schmidt(triangle, tolerance)
    independent = kept[chosen]
    transform = np.zeros((len(chosen), size))
    transform[:, independent] = np.linalg.inv(upper).T / sizes[independent]
    condition = np.inf
    if len(chosen) == size:
        singular = np.linalg.svd(triangle, compute_uv=False)
        condition = float((singular[0] / singular[-1]) ** 2)
    dependent = np.setdiff1d(kept, independent)
    return SampleOrthogonalization(
        transform, gram, _numbers(independent), _numbers(dependent), _numbers(np.flatnonzero(zero)), condition
    )


def _gram_schmidt(columns: Floats, tolerance: float) -> tuple[Floats, NDArray[np.int64]]:
    """Triangle R and the independent ones among columns of norm one: columns[:, chosen] = Q R with orthonormal Q."""
    directions, upper = np.zeros(columns.shape), np.zeros(columns.shape)
    chosen: list[int] = []
    for number in range(columns.shape[1]):
        rank = len(chosen)
        known, rest = directions[:, :rank], columns[:, number]
        weights = np.zeros(rank)
        for _ in range(2):  # the second pass removes what rounding errors left
            overlap = known.T @ rest
            weights += overlap
            rest = rest - known @ overlap
        length = float(np.linalg.norm(rest))
        if length > tolerance:
            upper[:rank, rank], upper[rank, rank] = weights, length
            directions[:, rank] = rest / length
            chosen.append(number)
    return upper[: len(chosen), : len(chosen)], np.array(chosen, dtype=np.int64)


def _numbers(indices: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(map(int, indices))


def _checked(values: ArrayLike) -> Floats:
    try:
        table = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise OrthogonalizationError(
            "the values of functions are not a table of numbers; give an array of shape (samples, functions)."
        ) from None
    if table.ndim != 2:
        raise OrthogonalizationError(
            f"the values of functions have the shape {table.shape}; give an array of shape (samples, functions)."
        )
    samples, size = table.shape
    if size == 0:
        raise OrthogonalizationError("there are no functions to orthogonalize; give at least one column.")
    if samples < size:
        raise OrthogonalizationError(
            f"{size:,} functions cannot be orthogonalized on {samples:,} samples: at most {samples:,} of them can be "
            "linearly independent there. Give more samples, or a smaller basis."
        )
    bad = np.flatnonzero(~np.isfinite(table).all(axis=0))
    if bad.size:
        row = int(np.flatnonzero(~np.isfinite(table[:, bad[0]]))[0])
        raise OrthogonalizationError(
            f"function {bad[0]} is not finite on sample {row}: {table[row, bad[0]]}. Remove the sample or the function."
        )
    return table
