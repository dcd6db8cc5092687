"""Grades of the environments of a pool, as they will be once what has been selected belongs to the training data.

By them a selection ends: when no environment left has a grade above the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acegen.fit.uncertainty.environments import Located, environment_blocks
from acegen.fit.uncertainty.leverage import Moments, with_one
from acegen.posterior import site_rows
from acegen.runtime import Model
from acegen.select.criteria import Knowledge
from acegen.select.pool import Candidate
from acegen.store.posterior import Posterior
from acegen.store.uncertainty import Grades

Floats = NDArray[np.float64]


class Grading(Protocol):
    """Grades of a pool, given what has been taken from it."""

    def largest(self, number: int) -> float:
        """The largest grade of the environments of a configuration."""
        ...

    def take(self, number: int) -> None:
        """Take a configuration as known."""
        ...


class ByPosterior:
    """The model's grades, times the factor by which the posterior standard deviation of the site energy has fallen.

    Exact for grades of kind "posterior", whose ratio this is, and an estimate for active sets.

    Args:
        model: with grades.
        posterior: of its coefficients.
        candidates: the pool.
        knowledge: what is known; configurations that are taken are added to it elsewhere.
    """

    def __init__(
        self, model: Model, posterior: Posterior, candidates: Sequence[Candidate], knowledge: Knowledge
    ) -> None:
        self._model, self._posterior, self._candidates, self._knowledge = model, posterior, candidates, knowledge

    def largest(self, number: int) -> float:
        """The largest grade of the environments of a configuration."""
        atoms = self._candidates[number].atoms
        grades, root, largest = self._model.grades(atoms), self._knowledge.root, 0.0
        for own, rows in site_rows(self._model, self._posterior, atoms):
            before, after = np.linalg.norm(rows, axis=1), np.linalg.norm(rows @ root, axis=1)
            ratio = np.divide(after, before, out=np.ones_like(before), where=before > 0)
            largest = max(largest, float(np.max(grades[own] * ratio)))
        return largest

    def take(self, number: int) -> None:
        """Nothing: it is in what is known."""


class ByLeverage:
    """Leverages, exactly as another fit would have them, by all training environments and those that were taken.

    The posterior would be a bad estimate of these: the forces of one liquid may determine every coefficient, and leave
    the environments of a surface as far from the training data as they were.

    Args:
        model: with grades of kind "leverage".
        grades: these.
        training: its training data.
        candidates: the pool.
    """

    def __init__(
        self, model: Model, grades: Grades, training: Sequence[Located], candidates: Sequence[Candidate]
    ) -> None:
        self._model, self._candidates = model, candidates
        self._moments = Moments([0] * max(1, len(training)), np.any(grades.rows != 0, axis=1))
        self._factors: dict[int, Floats] = {}
        self._add(training)

    def largest(self, number: int) -> float:
        """The largest grade of the environments of a configuration."""
        largest = 0.0
        for block in environment_blocks(self._model, [self._candidates[number]]):
            if block.species not in self._factors:
                self._factors[block.species] = self._moments.factor(block.species)
            combinations = with_one(block.values) @ self._factors[block.species].T
            largest = max(largest, float(np.linalg.norm(combinations, axis=1).max()))
        return largest

    def take(self, number: int) -> None:
        """Take the environments of a configuration as known."""
        self._add([self._candidates[number]])

    def _add(self, configurations: Sequence[Located]) -> None:
        self._moments.add(environment_blocks(self._model, configurations))
        self._factors.clear()


class Watch:
    """Whether any configuration is left whose grades are too large.

    Grades fall as others are taken, but for small changes of the prior of leverages, so that a configuration once found
    below is not looked at again.

    Args:
        grading: of the pool.
        threshold: of grades.
    """

    def __init__(self, grading: Grading, threshold: float) -> None:
        self._grading, self._threshold, self._witness = grading, threshold, 0

    def all_below(self, left: Sequence[int]) -> bool:
        """Whether no environment of the configurations left, by ascending number, has a grade above the threshold."""
        for number in left:
            if number >= self._witness and self._grading.largest(number) > self._threshold:
                self._witness = number
                return False
        return True
