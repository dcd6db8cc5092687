"""Information of labels: against determinants of dense matrices; greedy choice against all sets, eager and lazy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import acegen
from acegen.errors import SelectError
from acegen.progress import Silent
from acegen.select.criteria import Knowledge, PoolVariance
from acegen.select.features import TOLERANCE, Labels
from acegen.select.greedy import Greedy, KeptRows, first_gains
from acegen.select.pool import Candidate
from acegen.store.posterior import Posterior

Floats = NDArray[np.float64]


def half_log_det(matrix: Floats) -> float:
    return 0.5 * float(np.linalg.slogdet(matrix)[1])


class ArrayRows:
    """Rows of a pool that are given."""

    def __init__(self, several: list[Floats]) -> None:
        self._several = several

    def __len__(self) -> int:
        return len(self._several)

    def rows(self, number: int) -> Floats:
        return self._several[number]


def drawn(seed: int, count: int, size: int = 6) -> list[Floats]:
    rng = np.random.default_rng(seed)
    scales = 10.0 ** rng.uniform(-1.5, 1, count)
    return [
        scale * rng.normal(size=(int(rng.integers(1, 10)), size)) @ np.diag(rng.exponential(size=size))
        for scale in scales
    ]


def chosen(several: list[Floats], number: int) -> list[tuple[int, float]]:
    source, knowledge = ArrayRows(several), Knowledge(several[0].shape[1])
    choice = Greedy(source, knowledge, first_gains(source, knowledge, Silent()))
    found: list[tuple[int, float]] = []
    while len(found) < number and (best := choice.best()) is not None:
        found.append(best)
        choice.take()
    return found


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_gains_add_up_to_the_determinant_of_all(seed: int) -> None:
    """Each gain is a difference of ½ log det of the dense information matrix of what is known."""
    several = drawn(seed, 5)
    knowledge, information = Knowledge(6), np.eye(6)
    for rows in several:
        more = information + rows.T @ rows
        assert knowledge.gain(rows) == pytest.approx(
            half_log_det(more) - half_log_det(information), rel=1e-9, abs=1e-12
        )
        knowledge.add(rows)
        information = more
    assert np.allclose(knowledge.root @ knowledge.root.T, np.linalg.inv(information), rtol=1e-8, atol=1e-10)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_greedy_choice_is_that_of_brute_force(seed: int) -> None:
    """The first is the best of all; the pair is the best with this first, and near the best of all pairs."""
    several = drawn(seed, 7)
    value = {
        own: half_log_det(np.eye(6) + sum(several[i].T @ several[i] for i in own))
        for size in (1, 2)
        for own in combinations(range(7), size)
    }
    (first, gain), (second, further) = chosen(several, 2)
    assert gain == pytest.approx(max(value[(i,)] for i in range(7)), rel=1e-9)
    assert gain == pytest.approx(value[(first,)], rel=1e-9)
    with_first = {own: found for own, found in value.items() if len(own) == 2 and first in own}
    assert gain + further == pytest.approx(max(with_first.values()), rel=1e-9)
    assert value[(min(first, second), max(first, second))] == pytest.approx(gain + further, rel=1e-9)
    assert gain + further >= (1 - 1 / np.e) * max(value.values())


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_lazy_choice_is_the_eager_one(seed: int) -> None:
    """Evaluating all that is left in each step gives the same order and gains, which fall."""
    several = drawn(seed, 8)
    knowledge, left, eager = Knowledge(6), set(range(8)), []
    while left:
        gains = {i: knowledge.gain(several[i]) for i in sorted(left)}
        best = max(gains, key=lambda i: gains[i])
        eager.append((best, gains[best]))
        knowledge.add(several[best])
        left.discard(best)
    lazy = chosen(several, 8)
    assert [i for i, _ in lazy] == [i for i, _ in eager]
    assert [gain for _, gain in lazy] == pytest.approx([gain for _, gain in eager], rel=1e-9)
    assert all(later <= before * (1 + 1e-9) for (_, before), (_, later) in pairwise(lazy))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_variance_of_a_pool(seed: int) -> None:
    """Gains are differences of tr(G Σ) with the dense covariance Σ of what is known."""
    several = drawn(seed, 5)
    gram = sum((rows.T @ rows for rows in several), np.zeros((6, 6)))
    criterion, information = PoolVariance(gram), np.eye(6)
    for rows in several:
        more = information + rows.T @ rows
        expected = np.trace(gram @ (np.linalg.inv(information) - np.linalg.inv(more))) / np.trace(gram)
        assert criterion.gain(rows) == pytest.approx(expected, rel=1e-8, abs=1e-12)
        criterion.add(rows)
        information = more
        assert criterion.left == pytest.approx(np.trace(gram @ np.linalg.inv(more)) / np.trace(gram), rel=1e-8)


def test_few_configurations_are_evaluated_again() -> None:
    """A lazy choice of 5 among 200 evaluates a fraction of them again; rows without room are computed again."""
    several = drawn(3, 200)
    evaluated: list[int] = []

    def compute(number: int) -> Floats:
        evaluated.append(number)
        return several[number]

    source, knowledge = KeptRows(compute, 200, 0), Knowledge(6)
    choice = Greedy(source, knowledge, first_gains(source, knowledge, Silent()))
    assert evaluated == list(range(200))
    for _ in range(5):
        assert choice.best() is not None
        choice.take()
    assert 5 <= len(evaluated) - 200 < 400  # eager: 199 + 198 + 197 + 196, and 5 that are taken
    assert len(choice.left) == 195
    kept = KeptRows(compute, 200, 10**9)
    before = len(evaluated)
    assert all(kept.rows(7) is several[7] for _ in range(3))
    assert len(evaluated) == before + 1


def test_rows_without_room_in_memory_are_kept_on_disk() -> None:
    """Each is computed once, and the same to single precision, in any order; what does not fit is computed again."""
    several = drawn(4, 30)
    computed: list[int] = []

    def compute(number: int) -> Floats:
        computed.append(number)
        return several[number]

    source = KeptRows(compute, 30, sum(rows.nbytes for rows in several[:5]), 10**6)
    for number in [*range(30), *range(29, -1, -1), 7, 20, 3]:
        np.testing.assert_allclose(source.rows(number), several[number], rtol=1e-6)
    assert computed == list(range(30))
    assert source.rows(29).dtype == np.float64
    small = KeptRows(compute, 30, 0, sum(rows.nbytes // 2 for rows in several[:5]))
    for number in [*range(5), 29, *range(5), 29]:
        small.rows(number)
    assert computed[30:] == [*range(5), 29, 29]


def test_a_full_disk_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    several = drawn(4, 3)

    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    source = KeptRows(lambda number: several[number], 3, 0, 10**6)
    assert all(source.rows(number) is several[number] for number in (0, 1, 2, 0))


@pytest.fixture(scope="module")
def labels(models: Callable[[str], acegen.Model]) -> Labels:
    """Labels of the oxide model with a random posterior."""
    model = models("oxide")
    rng, columns = np.random.default_rng(0), len(model.elements) * model.n_basis
    posterior = Posterior(rng.normal(size=(columns, 30)), rng.normal(size=(len(model.elements), 30)), model.basis_hash)
    return Labels(model, posterior, {"energy": 0.3, "forces": 2.0}, 0.5)


def structure(model: acegen.Model, seed: int, count: int = 4) -> Candidate:
    rng = np.random.default_rng(seed)
    symbols = [model.elements[int(i)] for i in rng.integers(len(model.elements), size=count)]
    grid = 2.2 * np.array(np.unravel_index(np.arange(count), (4, 4, 4))).T
    atoms = Atoms(symbols, grid + rng.normal(scale=0.15, size=(count, 3)), cell=[9, 9, 9], pbc=True)
    return Candidate(atoms, f"structure {seed}", "x")


def test_rows_are_standard_deviations_of_labels_in_units_of_noise(labels: Labels) -> None:
    """YᵀY against a sum over labels of outer products, from the design rows of the model."""
    candidate = structure(labels.model, 1)
    rows = labels.rows(candidate)
    design = labels.model.design_rows(candidate.atoms)
    symbols = candidate.atoms.get_chemical_symbols()
    energy = design.energy @ labels.posterior.factor
    energy += sum(labels.posterior.energies[labels.model.elements.index(symbol)] for symbol in symbols)
    expected = np.outer(energy, energy) / (0.3**2 * len(symbols))
    for component in design.forces.reshape(-1, len(labels.posterior.factor)):
        force = component @ labels.posterior.factor / 2.0
        expected += np.outer(force, force)
    assert np.allclose(rows.T @ rows, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_quantities_without_noise_do_not_count(labels: Labels) -> None:
    candidate = structure(labels.model, 2)
    only = Labels(labels.model, labels.posterior, {"forces": 2.0}, 0.5)
    assert len(only.rows(candidate)) == len(labels.rows(candidate)) - 1 == 12


def test_many_labels_are_kept_as_a_triangle(labels: Labels) -> None:
    """Rows of a large structure are no more than twice the directions, and have the same gain."""
    candidate = structure(labels.model, 3, 40)
    rows = labels.rows(candidate)
    assert len(rows) <= 61
    design = labels.model.design_rows(candidate.atoms).forces.reshape(-1, len(labels.posterior.factor))
    forces = design @ labels.posterior.factor / 2.0
    only = Labels(labels.model, labels.posterior, {"forces": 2.0}, 0.5)
    expected = half_log_det(np.eye(30) + forces.T @ forces)
    assert Knowledge(30).gain(only.rows(candidate)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e-2, 1e-4])
def test_reduced_rows_have_nearly_the_same_gain(labels: Labels, scale: float) -> None:
    """Within the tolerance, before and after others are known, and never more."""
    posterior = Posterior(
        scale * labels.posterior.factor @ np.diag(0.5 ** np.arange(30)), scale * labels.posterior.energies, "x"
    )
    own = Labels(labels.model, posterior, labels.noise, 1.0)
    candidate, knowledge = structure(labels.model, 4, 12), Knowledge(30)
    whole, reduced = own.rows(candidate), own.reduced(candidate)
    assert len(reduced) < len(whole)
    alone = knowledge.gain(whole)
    assert alone * (1 - TOLERANCE) <= knowledge.gain(reduced) <= alone * (1 + 1e-9)
    knowledge.add(own.rows(structure(labels.model, 5, 12)))
    assert abs(knowledge.gain(reduced) - knowledge.gain(whole)) <= TOLERANCE * alone


@pytest.mark.parametrize("count", [9, 10, 40])
def test_reduced_rows_are_the_largest_directions(labels: Labels, count: int) -> None:
    """Their singular values are the largest of all labels; with more and with fewer labels than the 30 directions."""
    candidate = structure(labels.model, 6, count)
    whole, reduced = (np.vstack([*labels._blocks(candidate)]), labels.reduced(candidate))
    values = np.linalg.svd(whole, compute_uv=False)
    found = np.linalg.svd(reduced, compute_uv=False)
    assert len(found) <= min(len(whole), 30)
    np.testing.assert_allclose(found, values[: len(found)], rtol=1e-7)
    left_out = whole.T @ whole - reduced.T @ reduced
    assert np.linalg.eigvalsh(left_out).max() <= (values[len(found)] ** 2 if len(found) < len(values) else 0) + (
        1e-10 * values[0] ** 2
    )


def test_a_structure_that_cannot_be_evaluated_is_named(labels: Labels) -> None:
    element = labels.model.elements[0]
    candidate = Candidate(Atoms([element, element], [[0, 0, 0], [0, 0, 0]]), "pool.xyz, configuration 3", "x")
    with pytest.raises(SelectError, match=r"pool\.xyz, configuration 3: "):
        labels.rows(candidate)
