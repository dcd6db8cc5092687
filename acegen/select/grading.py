"""Grades of the environments of a pool, given what has been selected.

The grade of a model is measured against its training data. Where further configurations count as known, the posterior
standard deviation of a site energy falls, and its grade by the same factor: exact for the grade "posterior", which is
this deviation in other units, and an estimate for the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acegen.elements import ATOMIC_NUMBERS
from acegen.runtime import Model
from acegen.select.features import Knowledge
from acegen.select.pool import Candidate
from acegen.store.posterior import Posterior

Floats = NDArray[np.float64]


class Grading:
    """Largest grades of configurations.

    Args:
        model: with grades.
        posterior: of its coefficients.
        candidates: the pool.
    """

    def __init__(self, model: Model, posterior: Posterior, candidates: Sequence[Candidate]) -> None:
        self._model, self._posterior, self._candidates = model, posterior, candidates
        self._witness = 0

    def largest(self, number: int, knowledge: Knowledge) -> float:
        """The largest grade of the environments of a configuration, given what is known."""
        atoms = self._candidates[number].atoms
        grades, rows = self._model.grades(atoms), self._site_rows(number)
        before, after = np.linalg.norm(rows, axis=1), np.linalg.norm(rows @ knowledge.root, axis=1)
        ratio = np.divide(after, before, out=np.ones_like(before), where=before > 0)
        return float(np.max(grades * ratio))

    def all_below(self, threshold: float, left: Sequence[int], knowledge: Knowledge) -> bool:
        """Whether no environment of the configurations left has a grade above a threshold.

        Grades only fall, so that a configuration once found below is not looked at again.

        Args:
            threshold: of the grade.
            left: numbers of configurations that were not taken, ascending.
            knowledge: what is known.
        """
        for number in left:
            if number < self._witness:
                continue
            if self.largest(number, knowledge) > threshold:
                self._witness = number
                return False
        return True

    def _site_rows(self, number: int) -> Floats:
        """(N, K) a factor of the posterior covariance of site energies."""
        atoms, model = self._candidates[number].atoms, self._model
        descriptors, n_basis = model.descriptors(atoms), model.n_basis
        rows = np.zeros((len(atoms), self._posterior.factor.shape[1]))
        for species, element in enumerate(model.elements):
            own = atoms.numbers == ATOMIC_NUMBERS[element]
            factor = self._posterior.factor[species * n_basis : (species + 1) * n_basis]
            rows[own] = descriptors[own] @ factor + self._posterior.energies[species]
        return rows
