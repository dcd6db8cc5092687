"""Exact Gram matrices on the interval: against brute force, where they are diagonal, what they say about dependence."""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement
from math import factorial, perm, prod
from typing import Any

import pytest
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from orthogonal_cases import MEASURES, BruteForce, dense, interval, label_of, on_interval, partitions_of, total_degree

from acegen.algebra.line import LINE
from acegen.algebra.measure import ARCSINE, natural_measure
from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.basis import Channel, Label
from acegen.basis.purification import purify_label
from acegen.errors import OrthogonalizationError
from acegen.orthogonal import Ensemble, canonical_gram, self_interacting_gram

KINDS = ["chebyshev", "legendre", "jacobi", "monomial"]
OWN = ["chebyshev", "legendre", "jacobi"]


@st.composite
def ensembles(draw: st.DrawFn, most: int = 4) -> Ensemble:
    """A family with its own or another measure, and up to four particles of one or two species."""
    counts = draw(st.sampled_from([c for n in range(most + 1) for c in [(n,), *((i, n - i) for i in range(n + 1))]]))
    measure = MEASURES[draw(st.sampled_from(sorted(MEASURES)))]
    return on_interval(interval(draw(st.sampled_from(KINDS))), measure, *counts)


@st.composite
def labels(draw: st.DrawFn, species: int, most: int = 3) -> Label:
    """A label of order 1 to 3."""
    channel = st.builds(Channel, st.just(0), st.integers(0, species - 1), st.integers(0, 3))
    return tuple(sorted(draw(st.lists(channel, min_size=1, max_size=most))))


@settings(deadline=None, max_examples=40)
@given(ensembles(), st.data())
def test_gram_matrices_equal_brute_force(ensemble: Ensemble, data: st.DataObject) -> None:
    """E B_i B_j from the polynomial in all coordinates, for both bases, with equal indices and two species."""
    own = data.draw(st.lists(labels(len(ensemble.counts)), min_size=2, max_size=4))
    brute = BruteForce(ensemble.radial, ensemble.measure, ensemble.counts)
    for gram_of, function in (
        (canonical_gram, brute.canonical),
        (self_interacting_gram, brute.self_interacting),
    ):
        gram = dense(gram_of([(label, 0) for label in own], ensemble).rows)
        values = [function(label) for label in own]
        for i, first in enumerate(values):
            for j, second in enumerate(values):
                assert gram[i, j] == brute.mean(first * second)


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("particles", [3, 7])
def test_canonical_functions_are_orthogonal_under_the_own_measure(kind: str, particles: int) -> None:
    """Without the constant, k >= 1: G is diagonal, N (N-1) ... · Π (equal indices)! · Π E p_k²."""
    radial = interval(kind)
    measure = natural_measure(radial)
    functions = total_degree(3, 9, first=1)
    gram = canonical_gram(functions, on_interval(radial, measure, particles))
    assert gram.is_diagonal
    for (label, _), value in zip(functions, gram.diagonal, strict=True):
        repeats = prod(factorial(count) for count in Counter(label).values())
        norms = [measure.inner(radial.function(c.n), radial.function(c.n)) for c in label]
        assert value == perm(particles, len(label)) * repeats * prod(norms, start=fmpq(1))
    assert not self_interacting_gram(functions, on_interval(radial, measure, particles)).is_diagonal
    other = MEASURES["skew"]
    assert not canonical_gram(functions, on_interval(radial, other, particles)).is_diagonal


@settings(deadline=None, max_examples=15)
@given(ensembles(), st.data())
def test_both_gram_matrices_are_joined_by_purification(ensemble: Ensemble, data: st.DataObject) -> None:
    """𝒫 G_A 𝒫ᵀ = G_𝒜 for any set K of functions, with G_A on the set K' that 𝒫 leads to."""
    own = sorted(set(data.draw(st.lists(labels(len(ensemble.counts)), min_size=1, max_size=5))))
    rows = [purify_label(label, ensemble.radial, LINE)[0] for label in own]
    larger = sorted({index for row in rows for index in row})
    operator = fmpq_mat([[row.get(index, fmpq(0)) for index in larger] for row in rows])
    plain = dense(self_interacting_gram(larger, ensemble).rows)
    canonical = dense(canonical_gram([(label, 0) for label in own], ensemble).rows)
    assert operator * plain * operator.transpose() == canonical


def constants_dropped(label: Label, particles: int) -> tuple[Label, int]:
    """A canonical function with slots k = 0, as that of the other slots, and a factor."""
    left = tuple(channel for channel in label if channel.n)
    return left, perm(particles - len(left), len(label) - len(left))


@pytest.mark.parametrize("particles", [3, 5])
def test_orthogonalizing_the_usual_chebyshev_basis_inverts_purification(particles: int) -> None:
    """With the constant among the functions, L of the self-interacting basis is 𝒫⁻¹ (slots k = 0 being numbers)."""
    radial = interval("chebyshev")
    everything = total_degree(3, 6)
    column = {index: number for number, index in enumerate(everything)}
    operator = fmpq_mat(len(everything), len(everything))
    for i, (label, _) in enumerate(everything):
        for index, value in purify_label(label, radial, LINE)[0].items():
            operator[i, column[index]] = value
    inverse = operator.inv()
    functions = [(label_of(0), 0), *total_degree(3, 6, first=1)]
    lower = self_interacting_gram(functions, on_interval(radial, ARCSINE, particles)).factorize().lower
    for (label, number), row in zip(functions, lower, strict=True):
        expected: Counter[Label] = Counter()
        for j, (other, _) in enumerate(everything):
            left, factor = constants_dropped(other, particles)
            expected[left or label_of(0)] += inverse[column[label, number], j] * factor / (1 if left else particles)
        found = {functions[j][0]: value for j, value in row}
        assert found == {key: value for key, value in expected.items() if value}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("order", "particles"), [(3, 5), (3, 3), (3, 2), (3, 1), (2, 0)])
@pytest.mark.parametrize("gram_of", [canonical_gram, self_interacting_gram])
def test_rank_with_the_constant_at_every_order(kind: str, order: int, particles: int, gram_of) -> None:
    """With k >= 0 functions depend on each other: what is left are the sets of k >= 1 for at most N particles."""
    radial = interval(kind)
    functions = total_degree(order, 6)
    gram = gram_of(functions, on_interval(radial, natural_measure(radial), particles))
    independent = sum(partitions_of(6, nu) for nu in range(min(order, particles) + 1)) if particles else 0
    factorization = gram.factorize()
    assert factorization.rank == independent == dense(gram.rows).rank()
    assert len(factorization.dependent) == len(functions) - independent > 0
    assert gram.part(factorization.independent).factorize().rank == independent


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_particles_than_the_order(kind: str) -> None:
    """Canonical functions of an order above N are zero: rows and columns of zeros, reported."""
    radial = interval(kind)
    functions = total_degree(4, 6, first=1)
    gram = canonical_gram(functions, on_interval(radial, ARCSINE, 2))
    high = [i for i, (label, _) in enumerate(functions) if len(label) > 2]
    assert list(gram.zero) == high
    assert all(gram.rows[i] == () for i in high)
    assert set(gram.factorize().dependent) == set(high)
    assert not self_interacting_gram(functions, on_interval(radial, ARCSINE, 2)).zero


def test_species_keep_apart() -> None:
    """A function of one species knows only the number of its particles."""
    radial: PolynomialAlgebra = interval("legendre")
    measure = MEASURES["skew"]
    plain = [label_of(*k) for nu in (1, 2) for k in combinations_with_replacement(range(4), nu)]
    second = [tuple(Channel(0, 1, channel.n) for channel in label) for label in plain]
    alone = canonical_gram([(label, 0) for label in plain], on_interval(radial, measure, 4))
    mixed = canonical_gram([(label, 0) for label in second], on_interval(radial, measure, 3, 4))
    assert alone == mixed


def test_part_and_scaled_matrix() -> None:
    """`part` picks rows and columns in the order given; the scaled matrix has ones on its diagonal."""
    gram = self_interacting_gram(total_degree(2, 4), on_interval(interval("legendre"), ARCSINE, 3))
    chosen = [5, 0, 7]
    full, part = dense(gram.rows), dense(gram.part(chosen).rows)
    assert all(part[i, j] == full[a, b] for i, a in enumerate(chosen) for j, b in enumerate(chosen))
    scaled = gram.scaled()
    assert (scaled.diagonal() == 1).all()
    assert (scaled == scaled.T).all()
    for i, j in ((0, 1), (2, 3), (6, 1)):
        assert scaled[i, j] == pytest.approx(float(full[i, j]) / (float(full[i, i]) * float(full[j, j])) ** 0.5)
    assert gram.n_nonzero == sum(bool(full[i, j]) for i in range(gram.size) for j in range(gram.size))


@pytest.mark.parametrize("counts", [(), (-1,), (3, -2), (2.5,), ("3",), (True,)])
def test_impossible_numbers_of_particles(counts: tuple[Any, ...]) -> None:
    with pytest.raises(OrthogonalizationError, match="numbers of particles of each species; give one number"):
        on_interval(interval("chebyshev"), ARCSINE, *counts)
