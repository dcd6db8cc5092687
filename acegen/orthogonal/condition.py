"""Condition numbers of Gram matrices of any size, to double precision.

With the diagonal S² of G = L D Lᵀ the scaled matrix is S⁻¹ G S⁻¹ = W Wᵀ, W = S⁻¹ L D^(1/2). Its condition number is
(|W| |W⁻¹|)² in spectral norms. W and W⁻¹ = D^(-1/2) L⁻¹ S are exact up to one rounding of each entry, and the spectral
norm of a matrix, unlike its smallest singular value, does not suffer from such errors.
"""

from __future__ import annotations

import numpy as np

from acegen.orthogonal.factorization import Factorization
from acegen.orthogonal.gram import GramMatrix
from acegen.orthogonal.rounding import rounded_root


def condition_number(gram: GramMatrix, factorization: Factorization | None = None) -> float:
    """Largest over smallest eigenvalue of the diagonally scaled Gram matrix G_ij / sqrt(G_ii G_jj).

    Args:
        gram: the matrix; an empty one has the condition number 1.
        factorization: of the same matrix, if already computed.

    Returns:
        The condition number, with a relative error of about 1e-14; infinite if functions are linearly dependent or zero
        (see `GramMatrix.part` for the matrix of the independent ones).
    """
    factorization = factorization or gram.factorize()
    if factorization.dependent:
        return np.inf
    if gram.is_diagonal:
        return 1.0
    size, diagonal, pivots = gram.size, gram.diagonal, factorization.pivots
    root, inverse = np.zeros((size, size)), np.zeros((size, size))
    for i, row in enumerate(factorization.lower):
        for j, value in row:
            root[i, j] = rounded_root(value * value * pivots[j] / diagonal[i], negative=value < 0)
    for i, row in enumerate(factorization.inverse):
        for j, value in row:
            inverse[i, j] = rounded_root(value * value * diagonal[j] / pivots[i], negative=value < 0)
    return float((np.linalg.norm(root, 2) * np.linalg.norm(inverse, 2)) ** 2)
