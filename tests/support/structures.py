"""Structures shared by many tests, and forces by differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms


def quartz_like(seed: int = 0) -> Atoms:
    """A small, skewed, rattled periodic cell with two elements."""
    rng = np.random.default_rng(seed)
    cell = np.array([[4.9, 0.0, 0.0], [1.3, 4.6, 0.2], [-0.4, 0.9, 5.4]])
    return Atoms("Si3O6", scaled_positions=rng.uniform(size=(9, 3)), cell=cell, pbc=True)


def central_difference(function: Callable[[float], float], step: float = 1e-3) -> float:
    """Sixth-order central difference at zero."""
    weights = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}
    return sum(w * (function(k * step) - function(-k * step)) for k, w in weights.items()) / step
