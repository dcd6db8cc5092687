"""Grades of a pool, given what was selected: against dense covariances of site energies and of descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from numpy.typing import NDArray

from acegen.fit.uncertainty.leverage import PRIOR
from acegen.select.criteria import Knowledge
from acegen.select.grading import ByLeverage, ByPosterior, Watch
from acegen.select.pool import Candidate
from acegen.store.posterior import Posterior
from acegen.store.uncertainty import Grades

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


def pool_of(names: Sequence[str]) -> list[Candidate]:
    return [Candidate(Atoms("CuAu", np.eye(3)[:2], info={"name": name}), name, "x") for name in names]


def grading(model: Any, knowledge: Knowledge) -> tuple[ByPosterior, list[Candidate]]:
    pool = pool_of(("small", "large", "other"))
    return ByPosterior(model, model.posterior, pool, knowledge), pool


def test_grades_fall_as_the_posterior_does(model: GradedModel) -> None:
    """For grades that are standard deviations: exactly the deviation of the posterior with further labels."""
    knowledge = Knowledge(5)
    own, pool = grading(model, knowledge)
    assert own.largest(1) == pytest.approx(model.grades(pool[1].atoms).max())
    rows = np.random.default_rng(2).normal(size=(4, 5))
    knowledge.add(rows)
    covariance = np.linalg.inv(np.eye(5) + rows.T @ rows)
    for number, candidate in enumerate(pool):
        expected = max(np.sqrt(row @ covariance @ row) for row in model.site_rows(candidate.atoms))
        assert own.largest(number) == pytest.approx(expected, rel=1e-9)


def test_all_are_below_once_the_last_is(model: GradedModel) -> None:
    """A threshold between the grades: above while the large one is left and unknown."""
    knowledge, threshold = Knowledge(5), 0.0
    own, pool = grading(model, knowledge)
    threshold = 0.5 * float(model.grades(pool[1].atoms).max())
    watch = Watch(own, threshold)
    assert not watch.all_below([0, 1, 2])
    knowledge.add(100 * model.site_rows(pool[1].atoms))
    assert watch.all_below([0, 2]) == (own.largest(2) <= threshold)
    knowledge.add(100 * model.site_rows(pool[2].atoms))
    assert watch.all_below([0, 1, 2])


def test_leverages_are_those_of_a_further_fit(model: GradedModel) -> None:
    """Before and after a configuration is taken: b̃ᵀ (Σ b̃ b̃ᵀ + prior)⁻¹ b̃ by a dense inverse, of functions in use."""
    rng = np.random.default_rng(3)
    names = [f"training {number}" for number in range(4)]
    model.table.update({name: rng.normal(size=(2, 3)) for name in names})
    training, pool = pool_of(names), pool_of(("small", "large"))
    rows = np.zeros((2, 4, 3))
    rows[:, :, :2] = 1.0  # of the third function nothing is known: it is not in use
    grades = Grades("leverage", rows, np.ones((2, 4)), (1.0, 5.0), 0.0)
    own = ByLeverage(model, grades, training, pool)  # type: ignore[arg-type]
    for known in (training, [*training, pool[1]]):
        for number, candidate in enumerate(pool):
            leverages = []
            for species in range(2):
                values = np.array([[*model.descriptors(c.atoms)[species, :2], 1.0] for c in known])
                moment = values.T @ values
                moment += np.diag(PRIOR * np.diag(moment) / len(values))
                b = np.array([*model.descriptors(candidate.atoms)[species, :2], 1.0])
                leverages.append(np.sqrt(b @ np.linalg.inv(moment) @ b))
            assert own.largest(number) == pytest.approx(max(leverages), rel=1e-9)
        own.take(1)
    assert own.largest(1) < 1
