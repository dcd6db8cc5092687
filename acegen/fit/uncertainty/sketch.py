"""Fewer rows with the same norms: random orthogonal combinations of the rows of a factor.

For a factor W and random G with E[G Gᵀ] = 1, E‖Gᵀ W b‖² = ‖W b‖² for every b. Orthogonal combinations scatter less
than independent ones: the norm of K of n scatters by about sqrt((1/K - 1/n) / 2), the same for all b; leaving out small
singular values instead would be exact for most b and wrong by any amount for some.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mixing(size: int, count: int, generator: np.random.Generator) -> Floats:
    """Random G (size, count) with E[G Gᵀ] = 1: orthogonal columns, or with `count` ≥ `size` G Gᵀ = 1 exactly."""
    tall, _ = np.linalg.qr(generator.standard_normal((max(size, count), min(size, count))))
    return tall * np.sqrt(size / count) if size > count else tall.T if size < count else tall


def sketched(factor: Floats, rank: int, generator: np.random.Generator) -> Floats:
    """`rank` rows (rank, M) whose combinations with any b have, on average, the squared norm of factor · b.

    Args:
        factor: (n, M). With n ≤ `rank` it is returned as it is, and norms are exact.
        rank: number of rows.
        generator: of the random combinations.
    """
    if len(factor) <= rank:
        return factor
    return mixing(len(factor), rank, generator).T @ factor


def members(factor: Floats, count: int, generator: np.random.Generator) -> Floats:
    """Samples (n, count) of a Gaussian of covariance factor · factorᵀ, mutually orthogonal in its metric.

    For every b, Σ_k (b · sample_k)² / count is on average the variance of b, and exactly that if `count` is at least
    the number of columns of the factor.
    """
    samples: Floats = np.sqrt(count) * (factor @ mixing(factor.shape[1], count, generator))
    return samples
