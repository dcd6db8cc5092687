"""What a configuration is worth, given what is known: information about the coefficients, or certainty about a pool."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Criterion(Protocol):
    """Worth of configurations by their rows Y (m, K); see `acegen.select.features`."""

    def gain(self, rows: Floats) -> float:
        """What these labels are worth, given those taken before."""
        ...

    def add(self, rows: Floats) -> None:
        """Take these labels as known."""
        ...


class Knowledge:
    """What is known after some configurations have been labelled: the covariance is L R Rᵀ Lᵀ.

    As a criterion, information about the coefficients (D-optimal design).

    Attributes:
        root: R (K, K).
    """

    def __init__(self, size: int) -> None:
        self.root: Floats = np.eye(size)

    def gain(self, rows: Floats) -> float:
        """½ log det(I + Y R Rᵀ Yᵀ) of rows Y (m, K), nats."""
        own = rows @ self.root
        gram = own @ own.T if len(own) <= own.shape[1] else own.T @ own
        return 0.5 * float(np.linalg.slogdet(np.eye(len(gram)) + gram)[1])

    def add(self, rows: Floats) -> None:
        """Take the labels with rows Y (m, K) as known."""
        _, s, vt = np.linalg.svd(rows @ self.root, full_matrices=False)
        shrinkage = 1 / np.sqrt(1 + s**2) - 1  # R ← R (I + Tᵀ T)^(-1/2), T = Y R = U s Vᵀ
        self.root = self.root + ((self.root @ vt.T) * shrinkage) @ vt


class PoolVariance:
    """Certainty about a pool: the share of the variance of all its labels that those of a configuration remove.

    With G = Σ YᵀY over the pool and T = Y R the variance tr(G R Rᵀ) falls by tr((I + T Tᵀ)⁻¹ T RᵀG R Tᵀ) (Cohn,
    Ghahramani, Jordan, J. Artif. Intell. Res. 4, 129 (1996)). Unlike information it does not favour what is unlike all
    else in the pool.

    Attributes:
        knowledge: what is known.
    """

    def __init__(self, gram: Floats) -> None:
        self.knowledge = Knowledge(len(gram))
        self._gram = self._left = gram
        self._total = float(np.trace(gram))

    @property
    def left(self) -> float:
        """The share of the pool's variance that is left."""
        return float(np.trace(self._left)) / self._total if self._total else 0.0

    def gain(self, rows: Floats) -> float:
        """The share of the pool's variance that the labels with rows Y (m, K) remove."""
        own = rows @ self.knowledge.root
        removed = np.trace(np.linalg.solve(np.eye(len(own)) + own @ own.T, own @ self._left @ own.T))
        return float(removed) / self._total if self._total else 0.0

    def add(self, rows: Floats) -> None:
        """Take the labels with rows Y (m, K) as known."""
        self.knowledge.add(rows)
        root = self.knowledge.root
        self._left = root.T @ self._gram @ root
