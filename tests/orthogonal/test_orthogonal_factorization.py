"""LDLᵀ over the rationals, orthonormal bases, correctly rounded roots and condition numbers of any size."""

from __future__ import annotations

from fractions import Fraction
from math import inf, nextafter

import mpmath
import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from orthogonal_cases import MEASURES, dense, interval, on_interval, to_fraction, total_degree

from acegen.basis import SparseRow
from acegen.orthogonal import (
    GramMatrix,
    canonical_gram,
    condition_number,
    factorize,
    self_interacting_gram,
)
from acegen.orthogonal.rounding import rounded_root

ENTRIES = st.sampled_from([0, 0, 0, 1, -1, 2, Fraction(-3, 2), Fraction(5, 7)])


def sparse(matrix: fmpq_mat) -> tuple[SparseRow, ...]:
    return tuple(tuple((j, matrix[i, j]) for j in range(matrix.ncols()) if matrix[i, j]) for i in range(matrix.nrows()))


@st.composite
def semidefinite(draw: st.DrawFn) -> fmpq_mat:
    """X Xᵀ with a sparse n × m matrix X, singular for m < n and by chance."""
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    entries = draw(
        st.lists(st.lists(ENTRIES, min_size=columns, max_size=columns), min_size=rows, max_size=rows),
    )
    matrix = fmpq_mat([[fmpq(Fraction(v).numerator, Fraction(v).denominator) for v in row] for row in entries])
    return matrix * matrix.transpose()


def diagonal(values: tuple[fmpq, ...]) -> fmpq_mat:
    return fmpq_mat([[v if i == j else fmpq(0) for j in range(len(values))] for i, v in enumerate(values)])


@settings(deadline=None, max_examples=100)
@given(semidefinite())
def test_factorization_is_exact(matrix: fmpq_mat) -> None:
    """L D Lᵀ = G with L unit lower triangular; rank and dependent rows are those of elimination."""
    size = matrix.nrows()
    result = factorize(sparse(matrix))
    lower = dense(result.lower)
    assert lower * diagonal(result.pivots) * lower.transpose() == matrix
    assert all(lower[i, i] == 1 and not any(lower[i, j] for j in range(i + 1, size)) for i in range(size))
    assert dense(result.inverse) * lower == diagonal((fmpq(1),) * size)
    assert result.rank == matrix.rank()
    leading = [fmpq_mat([[matrix[i, j] for j in range(size)] for i in range(k)]).rank() for k in range(1, size + 1)]
    grown = [rank > before for rank, before in zip(leading, [0, *leading], strict=False)]
    assert result.independent == tuple(i for i in range(size) if grown[i])
    assert result.dependent == tuple(i for i in range(size) if not grown[i])
    for i in result.dependent:
        relation = fmpq_mat([[dict(result.inverse[i]).get(j, fmpq(0)) for j in range(size)]])
        assert (relation * matrix) == fmpq_mat(1, size)


@settings(deadline=None, max_examples=50)
@given(semidefinite(), st.data())
def test_transform_makes_orthonormal(matrix: fmpq_mat, data: st.DataObject) -> None:
    """T G Tᵀ = 1, also for functions with scales, and with dependent functions left out."""
    size = matrix.nrows()
    result = factorize(sparse(matrix))
    scales = [fmpq(v) for v in data.draw(st.lists(st.sampled_from([1, 4, 7]), min_size=size, max_size=size))]
    plain = np.array([[float(to_fraction(matrix[i, j])) for j in range(size)] for i in range(size)])
    scaled = plain * np.sqrt(np.outer(*(2 * [[float(s) for s in scales]])))
    for transform, gram in ((result.transform(), plain), (result.transform(scales), scaled)):
        assert transform.shape == (result.rank, size)
        bound = 1e-13 * (np.abs(transform) @ np.abs(gram) @ np.abs(transform).T).max(initial=1.0)
        assert np.abs(transform @ gram @ transform.T - np.eye(result.rank)).max(initial=0.0) < bound
    assert not result.transform()[:, list(result.dependent)].any()


@pytest.mark.parametrize("entries", [[[-1]], [[1, 2], [2, 1]], [[0, 1], [1, 0]], [[1, 1, 0], [1, 1, 1], [0, 1, 1]]])
def test_matrices_that_are_no_gram_matrices(entries: list[list[int]]) -> None:
    with pytest.raises(ArithmeticError, match="not positive semidefinite"):
        factorize(sparse(fmpq_mat([[fmpq(v) for v in row] for row in entries])))


@settings(deadline=None, max_examples=200)
@given(st.fractions(Fraction(1, 10**6), 10**9, max_denominator=10**6), st.booleans())
def test_roots_are_rounded_to_nearest(square: Fraction, negative: bool) -> None:
    """The square lies between those of the midpoints to the next doubles."""
    root = rounded_root(fmpq(square.numerator, square.denominator), negative)
    assert (root < 0) == negative
    value = Fraction(abs(root))
    below, above = Fraction(nextafter(abs(root), 0)), Fraction(nextafter(abs(root), inf))
    assert ((below + value) / 2) ** 2 <= square <= ((above + value) / 2) ** 2


def reference_condition(matrix: fmpq_mat) -> float:
    """Condition number of the scaled matrix by mpmath, with 120 digits."""
    with mpmath.workdps(120):
        size = matrix.nrows()
        entry = [[mpmath.mpf(int(matrix[i, j].p)) / int(matrix[i, j].q) for j in range(size)] for i in range(size)]
        scaled = mpmath.matrix(size, size)
        for i in range(size):
            for j in range(size):
                scaled[i, j] = entry[i][j] / mpmath.sqrt(entry[i][i] * entry[j][j])
        values = mpmath.eigsy(scaled, eigvals_only=True)
        return float(max(values) / min(values))


@pytest.mark.parametrize("size", [1, 2, 8, 20, 40])
def test_condition_numbers_of_hilbert_matrices(size: int) -> None:
    """Up to 1e59, far beyond what doubles can tell of the matrix itself."""
    matrix = fmpq_mat([[fmpq(1, i + j + 1) for j in range(size)] for i in range(size)])
    expected = reference_condition(matrix)
    assert condition_number(GramMatrix(sparse(matrix))) == pytest.approx(expected, rel=1e-12)
    if size == 40:
        assert expected > 1e50


@pytest.mark.parametrize("gram_of", [canonical_gram, self_interacting_gram])
def test_condition_numbers_of_gram_matrices(gram_of) -> None:
    """The same for Gram matrices of monomials; a factorization that is there is used."""
    gram = gram_of(total_degree(2, 6, first=1), on_interval(interval("monomial"), MEASURES["uniform"], 4))
    expected = reference_condition(dense(gram.rows))
    assert condition_number(gram) == pytest.approx(expected, rel=1e-12)
    assert condition_number(gram, gram.factorize()) == pytest.approx(expected, rel=1e-12)


def test_condition_number_of_dependent_orthogonal_and_no_functions() -> None:
    """Infinite for dependent or zero functions, exactly one for orthogonal ones and for none at all."""
    radial = interval("chebyshev")
    ensemble = on_interval(radial, MEASURES["arcsine"], 3)
    assert condition_number(canonical_gram(total_degree(2, 4), ensemble)) == inf
    assert condition_number(canonical_gram(total_degree(4, 4, first=1), ensemble)) == inf
    assert condition_number(canonical_gram(total_degree(3, 7, first=1), ensemble)) == 1.0
    assert condition_number(GramMatrix(())) == 1.0


def test_orthonormal_functions_have_the_identity_as_gram_matrix() -> None:
    """L⁻¹ G L⁻ᵀ = D exactly, for both bases."""
    ensemble = on_interval(interval("legendre"), MEASURES["jacobi"], 3)
    for gram_of in (canonical_gram, self_interacting_gram):
        gram = gram_of(total_degree(3, 6), ensemble)
        result = gram.factorize()
        inverse = dense(result.inverse)
        assert inverse * dense(gram.rows) * inverse.transpose() == diagonal(result.pivots)
        assert 0 < result.rank < gram.size
