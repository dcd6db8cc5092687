"""Orthogonalization on samples: against the exact Gram matrix on quadrature points, and dependence found in data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orthogonal_cases import interval, on_interval, total_degree

from acegen.algebra.line import LINE
from acegen.algebra.measure import ARCSINE
from acegen.basis.purification import CoupledIndex, purify_label
from acegen.errors import OrthogonalizationError
from acegen.orthogonal import (
    canonical_gram,
    condition_number,
    orthogonalize_samples,
    self_interacting_gram,
)


def chebyshev_values(functions: Sequence[CoupledIndex], particles: np.ndarray) -> np.ndarray:
    """Self-interacting functions of samples of particles, shape (samples, particles) → (samples, functions)."""
    highest = max(channel.n for label, _ in functions for channel in label)
    pooled = np.cos(np.arccos(particles)[..., None] * np.arange(highest + 1)).sum(axis=1)
    return np.stack([pooled[:, [channel.n for channel in label]].prod(axis=1) for label, _ in functions], axis=1)


def canonical_values(functions: Sequence[CoupledIndex], particles: np.ndarray) -> np.ndarray:
    """Canonical functions: 𝒫 applied to self-interacting ones."""
    rows = [purify_label(label, interval("chebyshev"), LINE)[0] for label, _ in functions]
    larger = sorted({index for row in rows for index in row})
    operator = np.array([[float(row.get(index, 0)) for index in larger] for row in rows])
    return chebyshev_values(larger, particles) @ operator.T


NODES = np.cos(np.pi * (np.arange(12) + 0.5) / 12)
GRID = np.array(list(product(NODES, repeat=3)))
"""All triples of Chebyshev nodes: means over them are those of three independent particles up to degree 23."""

ENSEMBLE = on_interval(interval("chebyshev"), ARCSINE, 3)


@pytest.mark.parametrize(
    ("gram_of", "values_of"), [(canonical_gram, canonical_values), (self_interacting_gram, chebyshev_values)]
)
def test_samples_on_quadrature_points_have_the_exact_gram_matrix(gram_of, values_of) -> None:
    """Gram matrix, condition number and transformation are those of the exact derivation."""
    functions = total_degree(3, 7, first=1)
    gram = gram_of(functions, ENSEMBLE)
    found = orthogonalize_samples(values_of(functions, GRID))
    exact = np.array([[float(dict(row).get(j, 0)) for j in range(gram.size)] for row in gram.rows])
    np.testing.assert_allclose(found.gram, exact, rtol=1e-11, atol=1e-11 * exact.max())
    assert found.condition_number == pytest.approx(condition_number(gram), rel=1e-9)
    transform = gram.factorize().transform()
    np.testing.assert_allclose(found.transform, transform, rtol=1e-8, atol=1e-9 * np.abs(transform).max())
    assert found.rank == len(functions)
    assert found.dependent == found.zero == ()


def test_dependent_and_zero_functions_are_those_of_the_exact_derivation() -> None:
    """With the constant, and orders above the number of particles."""
    functions = total_degree(4, 5)
    factorization = canonical_gram(functions, ENSEMBLE).factorize()
    found = orthogonalize_samples(canonical_values(functions, GRID), floor=1e-10)
    assert found.independent == factorization.independent
    assert sorted(found.dependent + found.zero) == list(factorization.dependent)
    assert found.zero == canonical_gram(functions, ENSEMBLE).zero
    assert found.zero
    assert found.dependent
    assert found.condition_number == np.inf


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(0, 3))
def test_transform_makes_orthonormal(seed: int, independent: int, further: int) -> None:
    """Columns of very different size, some dependent, some zero: T·B has the identity as Gram matrix."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(40, independent))
    columns = [*base.T, *(base @ rng.normal(size=(independent, further))).T, np.zeros(40)]
    sizes = 10.0 ** rng.integers(-30, 30, size=len(columns))
    values = np.stack(columns, axis=1) * sizes
    found = orthogonalize_samples(values)
    assert found.independent == tuple(range(independent))
    assert found.dependent == tuple(range(independent, independent + further))
    assert found.zero == (independent + further,)
    new = values @ found.transform.T
    np.testing.assert_allclose(new.T @ new / 40, np.eye(independent), atol=1e-8)
    assert not found.transform[:, independent:].any()
    changed = orthogonalize_samples(values[:, :independent] * 8.0)
    np.testing.assert_allclose(changed.transform * 8.0, found.transform[:, :independent], rtol=1e-6, atol=0)


def test_ill_conditioned_columns_are_kept() -> None:
    """Condition number of the Gram matrix 1e14, which the Gram matrix in doubles would not show reliably."""
    rng = np.random.default_rng(3)
    base, _ = np.linalg.qr(rng.normal(size=(200, 2)))
    found = orthogonalize_samples(np.stack([base[:, 0], base[:, 0] + 2e-7 * base[:, 1]], axis=1))
    assert found.rank == 2
    assert found.condition_number == pytest.approx(1e14, rel=1e-6)  # (1 + c) / (1 - c), c = 1 - 2e-14
    strict = orthogonalize_samples(np.stack([base[:, 0], base[:, 0] + 2e-7 * base[:, 1]], axis=1), tolerance=1e-6)
    assert strict.dependent == (1,)


def test_random_samples_approach_the_exact_condition_number() -> None:
    """On independent Chebyshev-distributed particles, the more the closer."""
    functions = total_degree(2, 5, first=1)
    expected = condition_number(self_interacting_gram(functions, ENSEMBLE))
    rng = np.random.default_rng(11)
    errors = []
    for samples in (1_000, 100_000):
        particles = np.cos(np.pi * rng.uniform(size=(samples, 3)))
        found = orthogonalize_samples(chebyshev_values(functions, particles))
        errors.append(abs(found.condition_number / expected - 1))
    assert errors[1] < 0.05
    assert errors[1] < errors[0]


def test_only_zero_functions() -> None:
    """Nothing is left, and nothing fails."""
    found = orthogonalize_samples(np.zeros((5, 2)))
    assert (found.rank, found.zero, found.transform.shape) == (0, (0, 1), (0, 2))
    assert found.condition_number == np.inf


def test_functions_of_extreme_size() -> None:
    """Squares of values may be beyond the range of doubles."""
    values = np.random.default_rng(0).normal(size=(20, 3))
    usual = orthogonalize_samples(values)
    for size in (1e-200, 1e-170):
        found = orthogonalize_samples(values * [size, 1.0, 1.0])
        assert found.independent == (0, 1, 2)
        assert found.condition_number == pytest.approx(usual.condition_number, rel=1e-10)
        assert found.transform * [size, 1.0, 1.0] == pytest.approx(usual.transform, rel=1e-10)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((3, 4)), r"4 functions cannot be orthogonalized on 3 samples.*more samples, or a smaller basis"),
        (np.ones(4), r"have the shape \(4,\).*\(samples, functions\)"),
        (np.ones((4, 0)), "no functions to orthogonalize"),
        ([["a", "b"]], "not a table of numbers"),
        ([[1.0, 2.0], [1.0]], "not a table of numbers"),
        (np.array([[1.0, 1.0], [2.0, np.nan], [1.0, np.inf]]), r"function 1 is not finite on sample 1: nan"),
    ],
)
def test_values_that_cannot_be_used(values, message: str) -> None:
    with pytest.raises(OrthogonalizationError, match=message):
        orthogonalize_samples(values)
