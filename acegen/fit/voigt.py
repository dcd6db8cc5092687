"""The one form of virials and stresses in a fit: xx, yy, zz, yz, xz, xy, as in a design matrix.

Files and compiled models have 3 × 3 matrices; they are converted where they come in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIZE = 6
"""Components of a symmetric matrix."""

_PLACES = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def voigt(matrix: Floats) -> Floats:
    """The symmetric part of a 3 × 3 matrix as xx, yy, zz, yz, xz, xy."""
    symmetric = (matrix + matrix.T) / 2
    return np.array([symmetric[i, j] for i, j in _PLACES])


def from_voigt(six: Floats) -> Floats:
    """The symmetric matrix (3, 3) of six numbers xx, yy, zz, yz, xz, xy."""
    matrix = np.empty((3, 3))
    for number, (i, j) in zip(six, _PLACES, strict=True):
        matrix[i, j] = matrix[j, i] = number
    return matrix
