"""Grades of a pool, given what was selected: against the posterior of site energies with dense covariances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from numpy.typing import NDArray

from acegen.select.criteria import Knowledge
from acegen.select.grading import Grading
from acegen.select.pool import Candidate
from acegen.store.posterior import Posterior

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GradedModel:
    """Descriptors that are given, and the posterior standard deviation of site energies as grades."""

    table: dict[str, Floats]
    posterior: Posterior
    elements: tuple[str, ...] = ("Cu", "Au")
    n_basis: int = 3

    def descriptors(self, atoms: Atoms) -> Floats:
        return self.table[str(atoms.info["name"])]

    def site_rows(self, atoms: Atoms) -> Floats:
        rows = []
        for symbol, b in zip(atoms.get_chemical_symbols(), self.descriptors(atoms), strict=True):
            place = self.elements.index(symbol)
            rows.append(b @ self.posterior.factor[3 * place : 3 * place + 3] + self.posterior.energies[place])
        return np.array(rows)

    def grades(self, atoms: Atoms) -> Floats:
        return np.array([np.linalg.norm(row) for row in self.site_rows(atoms)])


@pytest.fixture
def model() -> GradedModel:
    rng = np.random.default_rng(1)
    table = {name: size * rng.normal(size=(2, 3)) for name, size in (("small", 0.1), ("large", 3.0), ("other", 1.0))}
    return GradedModel(table, Posterior(rng.normal(size=(6, 5)), 0.01 * rng.normal(size=(2, 5)), "x"))


def grading(model: Any) -> tuple[Grading, list[Candidate]]:
    pool = [
        Candidate(Atoms("CuAu", np.eye(3)[:2], info={"name": name}), name, "x") for name in ("small", "large", "other")
    ]
    return Grading(model, model.posterior, pool), pool


def test_grades_fall_as_the_posterior_does(model: GradedModel) -> None:
    """For grades that are standard deviations: exactly the deviation of the posterior with further labels."""
    own, pool = grading(model)
    knowledge = Knowledge(5)
    assert own.largest(1, knowledge) == pytest.approx(model.grades(pool[1].atoms).max())
    rows = np.random.default_rng(2).normal(size=(4, 5))
    knowledge.add(rows)
    covariance = np.linalg.inv(np.eye(5) + rows.T @ rows)
    for number, candidate in enumerate(pool):
        expected = max(np.sqrt(row @ covariance @ row) for row in model.site_rows(candidate.atoms))
        assert own.largest(number, knowledge) == pytest.approx(expected, rel=1e-9)


def test_all_are_below_once_the_last_is(model: GradedModel) -> None:
    """A threshold between the grades: above while the large one is left and unknown."""
    own, pool = grading(model)
    knowledge, threshold = Knowledge(5), 0.5 * float(model.grades(pool[1].atoms).max())
    assert not own.all_below(threshold, [0, 1, 2], knowledge)
    knowledge.add(100 * model.site_rows(pool[1].atoms))
    assert own.all_below(threshold, [0, 2], knowledge) == (own.largest(2, knowledge) <= threshold)
    knowledge.add(100 * model.site_rows(pool[2].atoms))
    assert own.all_below(threshold, [0, 1, 2], knowledge)
