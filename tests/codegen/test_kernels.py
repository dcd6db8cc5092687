"""Properties of compiled kernels over random environments (design: "what must hold")."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from example_models import SPECS, random_coefficients, random_environment
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

import acegen
from acegen.basis.definitions import read_definitions
from acegen.runtime.environments import Environments
from acegen.spec import load_spec
from acegen.verify.reference import Particle, Reference, reference_functions
from acegen.verify.reference_functions import AtomFunctions

Models = Callable[[str], acegen.Model]
keys = st.sampled_from(sorted(SPECS))
seeds = st.integers(0, 2**32 - 1)
many = settings(max_examples=60, deadline=None)


def by_order_error(model: acegen.Model, center: str, actual: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference relative to the largest expected value of the same order (at least 1)."""
    orders = np.array([label.order for label in model.labels(center)])
    worst = 0.0
    for order in np.unique(orders):
        scale = max(1.0, np.abs(expected[orders == order]).max(initial=0.0))
        worst = max(worst, np.abs(actual - expected)[orders == order].max(initial=0.0) / scale)
    return float(worst)


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


@pytest.mark.slow
@many
@given(key=keys, seed=seeds, count=st.integers(0, 60))
def test_rotation_inversion_permutation(models: Models, key: str, seed: int, count: int) -> None:
    """Values do not change under rotation, inversion and permutation; gradients turn along."""
    model, rng = models(key), np.random.default_rng(seed)
    center, numbers, vectors = random_environment(model, rng, count)
    order = rng.permutation(count)
    turn = random_rotation(rng) * rng.choice([-1.0, 1.0])
    values = model.basis(center, numbers, vectors)
    moved = model.basis(center, [numbers[i] for i in order], vectors[order] @ turn.T)
    assert by_order_error(model, center, moved, values) < 1e-10

    gradient = model.basis_gradient(center, numbers, vectors)
    turned = model.basis_gradient(center, [numbers[i] for i in order], vectors[order] @ turn.T) @ turn
    assert by_order_error(model, center, turned, gradient[:, order]) < 1e-10


@many
@given(key=keys, seed=seeds, count=st.integers(1, 60))
def test_gradient_is_the_difference_of_values(models: Models, key: str, seed: int, count: int) -> None:
    """Directional derivatives against an eighth-order central difference of the kernel's own values."""
    model, rng = models(key), np.random.default_rng(seed)
    center, numbers, vectors = random_environment(model, rng, count)
    # The transform has kinks in high derivatives at the cutoff; keep the stencil off it.
    radii = np.linalg.norm(vectors, axis=1)
    cutoffs = np.array([model.cutoffs[model.elements.index(center)][model.elements.index(e)] for e in numbers])
    vectors = vectors[np.abs(radii - cutoffs) > 0.1]
    numbers = [e for e, keep in zip(numbers, np.abs(radii - cutoffs) > 0.1, strict=True) if keep]
    direction = rng.normal(size=vectors.shape)
    direction /= max(1.0, np.abs(direction).max(initial=0.0))
    step = 2e-3
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    difference = (
        sum(
            w
            * (
                model.basis(center, numbers, vectors + k * step * direction)
                - model.basis(center, numbers, vectors - k * step * direction)
            )
            for k, w in weights.items()
        )
        / step
    )
    gradient = np.einsum("ijk,jk->i", model.basis_gradient(center, numbers, vectors), direction)
    assert by_order_error(model, center, gradient, np.asarray(difference)) < 1e-10


@settings(max_examples=25, deadline=None)
@given(key=keys, seed=seeds, extra=st.integers(0, 2))
def test_values_are_the_sum_over_distinct_tuples(models: Models, key: str, seed: int, extra: int) -> None:
    """Values and directional derivatives against brute force in 640-bit arithmetic."""
    model, rng = models(key), np.random.default_rng(seed)
    spec = load_spec(SPECS[key])
    center, numbers, vectors = random_environment(model, rng, min(spec.basis.order, 4) + extra)
    functions = reference_functions(model.description, model.elements)
    chosen = rng.choice(len(functions), 25, replace=False)
    particles = [
        Particle(model.elements.index(e), tuple(arb(float(x)) for x in v))
        for e, v in zip(numbers, vectors, strict=True)
    ]
    radial = model.description["radial_functions"]
    functions_of = AtomFunctions(spec, radial, read_definitions(model.description), model.elements.index(center))
    reference = Reference(functions_of, spec.basis.expansion == "canonical")
    expected = np.zeros(len(functions))
    expected[chosen] = [float(v) for v in reference.evaluate([functions[i] for i in chosen], particles)]
    actual = np.where(np.isin(np.arange(len(functions)), chosen), model.basis(center, numbers, vectors), 0.0)
    assert by_order_error(model, center, actual, expected) < 1e-12

    direction = rng.normal(size=vectors.shape)
    slopes = reference.directional_derivative(
        [functions[i] for i in chosen], particles, [tuple(arb(float(x)) for x in d) for d in direction]
    )
    gradient = np.einsum("ijk,jk->i", model.basis_gradient(center, numbers, vectors), direction)[chosen]
    scale = max(1.0, np.abs(gradient).max())
    assert np.abs(gradient - [float(s) for s in slopes]).max() / scale < 1e-10


@many
@given(key=st.sampled_from(["silicon", "oxide", "envelope", "fifth"]), seed=seeds, count=st.integers(0, 4))
def test_canonical_functions_vanish_with_few_neighbours(models: Models, key: str, seed: int, count: int) -> None:
    """A canonical function of order ν is zero with fewer than ν neighbours inside the cutoff."""
    model, rng = models(key), np.random.default_rng(seed)
    center, numbers, vectors = random_environment(model, rng, count)
    orders = np.array([label.order for label in model.labels(center)])
    values = np.abs(model.basis(center, numbers, vectors))
    # The self-interacting function of the same order is the size of the terms that cancel.
    crowd = np.abs(model.basis(*random_environment(model, np.random.default_rng(1), 12)))
    for order in np.unique(orders[orders > count]):
        assert values[orders == order].max() < 1e-12 * max(1.0, crowd[orders == order].max())


def test_self_interacting_functions_do_not_vanish(models: Models) -> None:
    """Only the canonical basis has the property above: the usual basis sees one neighbour many times."""
    model = models("usual")
    orders = np.array([label.order for label in model.labels("Si")])
    values = np.abs(model.basis("Si", ["Si"], [[0.3, 1.9, 1.2]]))
    assert all(values[orders == order].max() > 0.1 for order in (1, 2, 3))


@many
@given(key=keys, seed=seeds, count=st.integers(0, 60))
def test_neighbours_beyond_the_cutoff_change_no_bit(models: Models, key: str, seed: int, count: int) -> None:
    """Neighbours at or beyond their pair's cutoff leave values and gradients as they are, and get gradient 0."""
    model, rng = models(key), np.random.default_rng(seed)
    center, numbers, vectors = random_environment(model, rng, count)
    far_species = rng.integers(len(model.elements), size=5)
    far = rng.normal(size=(5, 3))
    cutoffs = model.cutoffs[model.elements.index(center)][far_species]
    far *= (cutoffs * rng.choice([1.0 + 1e-15, 1.001, 1.7], size=5) / np.linalg.norm(far, axis=1))[:, None]
    far = far[np.linalg.norm(far, axis=1) >= cutoffs]
    names = [model.elements[i] for i in far_species[: len(far)]]
    alone = model.basis(center, numbers, vectors)
    both = model.basis(center, [*numbers, *names], np.concatenate([vectors, far]))
    np.testing.assert_array_equal(both, alone)
    _, gradient = model.energy_gradient(center, [*numbers, *names], np.concatenate([vectors, far]))
    assert not gradient[len(numbers) :].any()


@many
@given(key=keys, seed=seeds, count=st.integers(0, 60))
def test_potential_is_coefficients_times_basis(models: Models, key: str, seed: int, count: int) -> None:
    """Energy and gradient of the potential kernel against the basis kernel."""
    model, rng = models(key), np.random.default_rng(seed)
    center, numbers, vectors = random_environment(model, rng, count)
    c = random_coefficients(model)[center]
    terms = c * model.basis(center, numbers, vectors)
    slopes = c[:, None, None] * model.basis_gradient(center, numbers, vectors)
    energy, gradient = model.energy_gradient(center, numbers, vectors)
    assert energy == model.energy(center, numbers, vectors)
    assert abs(energy - terms.sum()) <= 1e-12 * max(1.0, np.abs(terms).sum())
    assert np.abs(gradient - slopes.sum(axis=0)).max(initial=0.0) <= 1e-12 * max(
        1.0, np.abs(slopes).sum(axis=0).max(initial=0.0)
    )


@pytest.mark.parametrize("key", ["silicon", "oxide", "envelope", "fifth"])
def test_dimer_energy_is_the_order_one_term(models: Models, key: str) -> None:
    """With one neighbour only the order-1 functions contribute."""
    model, rng = models(key), np.random.default_rng(3)
    coefficients = random_coefficients(model)
    for _ in range(20):
        center, numbers, vectors = random_environment(model, rng, 1)
        orders = np.array([label.order for label in model.labels(center)])
        terms = coefficients[center] * model.basis(center, numbers, vectors)
        energy = model.energy(center, numbers, vectors)
        assert abs(energy - terms[orders == 1].sum()) < 1e-12 * np.abs(coefficients[center]).sum()


def test_no_neighbours_give_exactly_zero(models: Models) -> None:
    """The empty environment."""
    for key in SPECS:
        model = models(key)
        center = model.elements[0]
        assert not model.basis(center, [], []).any()
        assert model.basis_gradient(center, [], np.zeros((0, 3))).shape == (model.n_basis, 0, 3)
        assert model.energy(center, [], []) == 0.0


def test_batches_equal_single_environments(models: Models) -> None:
    """Lanes do not mix: any number of atoms, of any species, in one call gives what each gives alone."""
    model, rng = models("oxide"), np.random.default_rng(5)
    for n_atoms in (1, 7, 8, 9, 23):
        environments = [random_environment(model, rng, int(rng.integers(0, 30))) for _ in range(n_atoms)]
        index = {symbol: i for i, symbol in enumerate(model.elements)}
        batch = Environments(
            np.array([index[center] for center, _, _ in environments]),
            np.concatenate([[0], np.cumsum([len(v) for _, _, v in environments])]),
            np.array([index[s] for _, symbols, _ in environments for s in symbols]),
            np.concatenate([v for _, _, v in environments]),
        )
        energies, gradients = model._evaluate_potential(batch)
        values, derivatives = model._evaluate_basis(batch, gradient=True)
        np.testing.assert_array_equal(model.basis_values(batch), values)
        for i, (center, symbols, vectors) in enumerate(environments):
            begin, end = batch.first[i : i + 2]
            energy, gradient = model.energy_gradient(center, symbols, vectors)
            assert energies[i] == pytest.approx(energy, rel=1e-13, abs=1e-13)
            np.testing.assert_allclose(gradients[begin:end], gradient, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(values[i], model.basis(center, symbols, vectors), rtol=1e-12, atol=1e-12)
            block = derivatives[3 * model.n_basis * begin : 3 * model.n_basis * end].reshape(model.n_basis, -1, 3)
            np.testing.assert_allclose(block, model.basis_gradient(center, symbols, vectors), rtol=1e-11, atol=1e-11)
