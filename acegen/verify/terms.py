"""Size of the terms that add up to a basis function, against which rounding errors are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acegen.verify.environments import Environment, particles
from acegen.verify.reference import Reference

Floats = NDArray[np.float64]


class TermSizes:
    """Σ_j s_i |𝒫_ij| Σ_m |C_jm Π A| for every basis function i of a description, times their common switch."""

    def __init__(
        self, reference: Callable[[Environment], Reference], description: Mapping[str, Any], species: Sequence[str]
    ) -> None:
        self._reference = reference
        functions = description["functions"]
        position = {name: i for i, name in enumerate(species)}
        self._coupled = [
            (
                f.get("pair", False),
                [(position[e], n, l) for e, n, l in zip(f["elements"], f["n"], f["l"], strict=True)],
                [(tuple(m), abs(float(Fraction(value)))) for m, value in f["coupling"]],
            )
            for f in [*functions, *description["auxiliary"]]
        ]
        self._purification = [
            (
                np.array([column for column, _ in row]),
                np.array([abs(float(Fraction(value))) for _, value in row])
                * float(Fraction(function["scale_squared"])) ** 0.5,
            )
            for row, function in zip(description["purification"], functions, strict=True)
        ]

    def of(self, environment: Environment) -> Floats:
        """Sizes in an environment, shape (n_basis,)."""
        reference = self._reference(environment)
        pooled = {pair: reference.pooled(particles(environment), pair) for pair in (False, True)}
        sizes = np.array(
            [
                sum(
                    weight * abs(prod(pooled[pair](*channel, m) for channel, m in zip(channels, m_tuple, strict=True)))
                    for m_tuple, weight in coupling
                )
                for pair, channels, coupling in self._coupled
            ]
        )
        factor = reference.factor(particles(environment))
        return np.array([factor * float(weights @ sizes[columns]) for columns, weights in self._purification])
