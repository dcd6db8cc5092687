"""Invariant tensors, their symmetrization and contraction, against ladder operators, characters and rotations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations_with_replacement, permutations
from itertools import product as cartesian
from math import factorial, prod

import pytest
from exact_harmonics import Tensor, Vector, lowering, raising, rodrigues, sphere_point, to_fmpq, z_value
from flint import fmpq, fmpq_poly
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.polys.domains import QQ_I

from acegen.algebra.sphere import O3
from acegen.basis.contraction import contractions
from acegen.basis.invariants import SymmetricSpace, invariant_space, symmetric_space, symmetrization

MAX_ENTRIES = 1500
"""Largest number of m-tuples of the spaces drawn here."""


def norm_squared(l: int, m: int) -> fmpq:
    """Mean of |Z_lm|² over the sphere, by exact integration over z."""
    antiderivative = (rodrigues(l, abs(m)) ** 2 * fmpq_poly([1, 0, -1]) ** abs(m)).integral()
    return (antiderivative(fmpq(1)) - antiderivative(fmpq(-1))) / 2


COORDINATES = st.fractions(-2, 2, max_denominator=5)
POINTS = st.builds(sphere_point, COORDINATES, COORDINATES)
WEIGHTS = st.fractions(-2, 2, max_denominator=5).map(to_fmpq)


def few_entries(l: Sequence[int]) -> bool:
    return prod(2 * degree + 1 for degree in l) <= MAX_ENTRIES


L_TUPLES = st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(few_entries).map(lambda l: tuple(sorted(l)))
INVARIANT_L_TUPLES = L_TUPLES.filter(lambda l: invariant_space(O3, l).dimension > 0)


@st.composite
def patterns(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """An ascending l-tuple and ascending ranks, equal ranks only where l is equal."""
    channels = st.tuples(st.integers(0, 3), st.integers(0, 1))
    chosen = sorted(draw(st.lists(channels, min_size=1, max_size=5).filter(lambda c: few_entries([l for l, _ in c]))))
    distinct = sorted(set(chosen))
    return tuple(l for l, _ in chosen), tuple(distinct.index(channel) for channel in chosen)


INVARIANT_PATTERNS = patterns().filter(lambda pattern: symmetric_space(O3, *pattern).dimension > 0)


@st.composite
def rotations(draw: st.DrawFn) -> tuple[Vector, Vector, Vector]:
    """A rational rotation matrix, from a quaternion of small integers."""
    a, b, c, d = draw(st.tuples(*[st.integers(-4, 4)] * 4).filter(any))
    size = a * a + b * b + c * c + d * d
    rows = (
        (a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)),
        (2 * (b * c + a * d), a * a - b * b + c * c - d * d, 2 * (c * d - a * b)),
        (2 * (b * d - a * c), 2 * (c * d + a * b), a * a - b * b - c * c + d * d),
    )
    return tuple(tuple(fmpq(entry, size) for entry in row) for row in rows)


def rotate(rotation: Sequence[Vector], point: Vector) -> Vector:
    return tuple(sum((r * p for r, p in zip(row, point, strict=True)), fmpq(0)) for row in rotation)


def pooled(ranks: Sequence[int], l: Sequence[int], points: Sequence[Vector], weights: Sequence[Sequence[fmpq]]):
    """A_{rank,m} = Σ_j weight_{rank,j} Z_{l m}(point_j), by (rank, m)."""
    values = {}
    for rank, degree in set(zip(ranks, l, strict=True)):
        for m in range(-degree, degree + 1):
            terms = (z_value(degree, m, point) * w for point, w in zip(points, weights[rank], strict=True))
            values[rank, m] = sum(terms, QQ_I(0))
    return values


def evaluate(tensor: Tensor, factors: Sequence[int], values):
    """Σ_m T_m Π_t A_{factor_t, m_t}."""
    total = QQ_I(0)
    for key, value in tensor.items():
        total += prod((values[f, m] for f, m in zip(factors, key, strict=True)), start=QQ_I(value))
    return total


def ladder_image(ladder, step: int, l: Sequence[int], tensor: Tensor) -> Tensor:
    """A ladder operator (step ±1) applied to a tensor."""
    image: defaultdict[tuple[int, ...], fmpq] = defaultdict(fmpq)
    for key, value in tensor.items():
        for slot, (degree, m) in enumerate(zip(l, key, strict=True)):
            factor = ladder(degree, m)
            if factor:
                image[(*key[:slot], m + step, *key[slot + 1 :])] += value * factor
    return {key: value for key, value in image.items() if value}


def symmetric_tensor(polynomial: Tensor, ranks: Sequence[int]) -> Tensor:
    """The tensor on all ordered m-tuples that is symmetric in equal channels and sums to the polynomial."""
    slots = range(len(ranks))
    group = [p for p in permutations(slots) if all(ranks[p[slot]] == ranks[slot] for slot in slots)]
    tensor: defaultdict[tuple[int, ...], fmpq] = defaultdict(fmpq)
    for key, value in polynomial.items():
        for p in group:
            tensor[tuple(key[slot] for slot in p)] += value / len(group)
    return tensor


def inner_product(first: Tensor, second: Tensor, l: Sequence[int]) -> fmpq:
    """Mean over independent uniform directions of Σ T Π Z times the conjugate of Σ T' Π Z."""
    total = fmpq(0)
    for key, value in first.items():
        if key in second:
            weight = prod((norm_squared(degree, m) for degree, m in zip(l, key, strict=True)), start=fmpq(1))
            total += value * second[key] * weight
    return total


@settings(deadline=None, max_examples=60)
@given(INVARIANT_L_TUPLES)
def test_invariant_tensors_are_annihilated_by_ladder_operators(l: tuple[int, ...]) -> None:
    """L+ and L- map every invariant tensor to exactly zero; entries have Σm = 0 and range."""
    for tensor in invariant_space(O3, l).tensors:
        assert tensor
        assert all(sum(key) == 0 for key in tensor)
        assert all(abs(m) <= degree for key in tensor for m, degree in zip(key, l, strict=True))
        assert ladder_image(raising, 1, l, tensor) == {}
        assert ladder_image(lowering, -1, l, tensor) == {}


@settings(deadline=None, max_examples=60)
@given(L_TUPLES)
def test_invariant_dimension_is_that_of_the_characters(l: tuple[int, ...]) -> None:
    """For even Σl as many tensors as m-tuples with sum 0 less those with sum 1; for odd Σl (inversion) none."""
    sums = [sum(key) for key in cartesian(*(range(-degree, degree + 1) for degree in l))]
    expected = 0 if sum(l) % 2 else sums.count(0) - sums.count(1)
    assert invariant_space(O3, l).dimension == expected


@settings(deadline=None, max_examples=60)
@given(INVARIANT_L_TUPLES)
def test_invariant_tensors_are_in_reduced_echelon_form(l: tuple[int, ...]) -> None:
    """Entry 1 at a tensor's own pivot and 0 at all others, which also makes them independent."""
    space = invariant_space(O3, l)
    assert len(set(space.pivots)) == len(space.pivots) == space.dimension
    for i, tensor in enumerate(space.tensors):
        assert [tensor.get(pivot, 0) for pivot in space.pivots] == [int(i == j) for j in range(space.dimension)]


@settings(deadline=None, max_examples=60)
@given(patterns())
def test_symmetric_dimension_is_that_of_the_characters(pattern) -> None:
    """As many polynomials as multisets of (channel, m) with Σm = 0 less those with Σm = 1, none for odd Σl."""
    l, ranks = pattern
    sums = [0]
    for rank in set(ranks):
        degree = l[ranks.index(rank)]
        multisets = combinations_with_replacement(range(-degree, degree + 1), ranks.count(rank))
        own = [sum(multiset) for multiset in multisets]
        sums = [a + b for a in sums for b in own]
    expected = 0 if sum(l) % 2 else sums.count(0) - sums.count(1)
    assert symmetric_space(O3, l, ranks).dimension == expected


@settings(deadline=None, max_examples=60)
@given(INVARIANT_PATTERNS)
def test_symmetric_polynomials_are_orthogonal(pattern) -> None:
    """Their Gram matrix is diagonal and positive (so they are independent), and norms_squared are its entries."""
    space = symmetric_space(O3, *pattern)
    tensors = [symmetric_tensor(polynomial, space.ranks) for polynomial in space.polynomials]
    for i, first in enumerate(tensors):
        for j, second in enumerate(tensors):
            value = inner_product(first, second, space.l)
            if i != j:
                assert value == 0
            else:
                repeats = prod(factorial(space.ranks.count(rank)) for rank in set(space.ranks))
                assert value > 0
                assert space.norms_squared[i] == value * repeats


@settings(deadline=None, max_examples=60)
@given(INVARIANT_PATTERNS, rotations(), st.data())
def test_symmetric_polynomials_are_invariant(pattern, rotation, data: st.DataObject) -> None:
    """Values do not change, exactly, when all particles are rotated by a rational rotation, or inverted."""
    space = symmetric_space(O3, *pattern)
    points = data.draw(st.lists(POINTS, min_size=2, max_size=3))
    weights = [[data.draw(WEIGHTS) for _ in points] for _ in set(space.ranks)]
    turned = [rotate(rotation, point) for point in points]
    inverted = [tuple(-c for c in point) for point in points]
    for polynomial in space.polynomials:
        value, after, opposite = (
            evaluate(polynomial, space.ranks, pooled(space.ranks, space.l, where, weights))
            for where in (points, turned, inverted)
        )
        assert value == after == opposite
        assert value.y == 0


@settings(deadline=None, max_examples=40)
@given(INVARIANT_PATTERNS)
def test_symmetric_polynomials_have_sorted_keys(pattern) -> None:
    """Keys of both forms are sorted within equal channels, so that no product appears twice."""
    space = symmetric_space(O3, *pattern)
    for polynomial in (*space.polynomials, *space.real_polynomials):
        for key, value in polynomial.items():
            assert value != 0
            slots = list(zip(space.ranks, key, strict=True))
            assert slots == sorted(slots)


@settings(deadline=None, max_examples=60)
@given(INVARIANT_PATTERNS, st.data())
def test_real_polynomials_equal_the_complex_ones(pattern, data: st.DataObject) -> None:
    """With A_{l,±m} = a_{l,m} ± i a_{l,-m} for arbitrary rational a, both forms have the same value."""
    space = symmetric_space(O3, *pattern)
    real, complex_values = {}, {}
    for rank, degree in set(zip(space.ranks, space.l, strict=True)):
        for m in range(-degree, degree + 1):
            real[rank, m] = QQ_I(data.draw(WEIGHTS))
        complex_values[rank, 0] = real[rank, 0]
        for m in range(1, degree + 1):
            complex_values[rank, m] = QQ_I(real[rank, m].x, real[rank, -m].x)
            complex_values[rank, -m] = QQ_I(real[rank, m].x, -real[rank, -m].x)
    for in_z, in_s in zip(space.polynomials, space.real_polynomials, strict=True):
        assert evaluate(in_s, space.ranks, real) == evaluate(in_z, space.ranks, complex_values)


def combine(weights: Sequence[fmpq], values):
    return sum((v * w for w, v in zip(weights, values, strict=True)), QQ_I(0))


@settings(deadline=None, max_examples=60)
@given(INVARIANT_PATTERNS, st.data())
def test_coordinates_and_symmetrization(pattern, data: st.DataObject) -> None:
    """Both maps between tensors and polynomials keep values on A's, whatever slots of equal l the ranks are in."""
    space = symmetric_space(O3, *pattern)
    general = invariant_space(O3, space.l)
    points = data.draw(st.lists(POINTS, min_size=2, max_size=3))
    weights = [[data.draw(WEIGHTS) for _ in points] for _ in set(space.ranks)]
    values = pooled(space.ranks, space.l, points, weights)
    of_polynomials = [evaluate(polynomial, space.ranks, values) for polynomial in space.polynomials]
    of_tensors = [evaluate(tensor, space.ranks, values) for tensor in general.tensors]
    for row, expected in zip(space.coordinates, of_polynomials, strict=True):
        assert combine(row, of_tensors) == expected

    by_degree = {degree: [r for r, k in zip(space.ranks, space.l, strict=True) if k == degree] for degree in space.l}
    shuffled = {degree: data.draw(st.permutations(ranks)) for degree, ranks in by_degree.items()}
    arrangement = tuple(rank for degree in sorted(by_degree) for rank in shuffled[degree])
    for tensor, row in zip(general.tensors, symmetrization(O3, space.l, arrangement), strict=True):
        assert combine(row, of_polynomials) == evaluate(tensor, arrangement, values)


@st.composite
def partitions(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """An l-tuple that has invariants and a partition of its slots."""
    l = draw(INVARIANT_L_TUPLES)
    block_of = [draw(st.integers(0, max(1, len(l) - 2))) for _ in l]
    blocks = (tuple(slot for slot, own in enumerate(block_of) if own == block) for block in set(block_of))
    return l, tuple(sorted(blocks))


@settings(deadline=None, max_examples=80)
@given(partitions(), st.data())
def test_contraction_merges_slots_exactly(case, data: st.DataObject) -> None:
    """A tensor with the slots of each block at one point is the sum of its contractions at the blocks' points."""
    l, partition = case
    points = [data.draw(POINTS) for _ in partition]
    block_of = {slot: number for number, block in enumerate(partition) for slot in block}
    source = {(slot, m): z_value(l[slot], m, points[block_of[slot]]) for slot in block_of for m in range(-4, 5)}
    totals = [QQ_I(0)] * invariant_space(O3, l).dimension
    seen = set()
    for contraction in contractions(O3, l, partition):
        degrees = contraction.l
        assert list(degrees) == sorted(degrees)
        assert sorted(contraction.block_order) == list(range(len(partition)))
        assert (degrees, contraction.block_order) not in seen
        seen.add((degrees, contraction.block_order))
        at_blocks = {
            (slot, m): z_value(degree, m, points[block])
            for slot, (degree, block) in enumerate(zip(degrees, contraction.block_order, strict=True))
            for m in range(-degree, degree + 1)
        }
        images = [evaluate(tensor, range(len(degrees)), at_blocks) for tensor in invariant_space(O3, degrees).tensors]
        for i, row in enumerate(contraction.matrix):
            totals[i] += combine(row, images)
    direct = [evaluate(tensor, range(len(l)), source) for tensor in invariant_space(O3, l).tensors]
    assert totals == direct


@settings(deadline=None, max_examples=40)
@given(INVARIANT_L_TUPLES)
def test_trivial_contraction_is_the_identity(l: tuple[int, ...]) -> None:
    """When every block is a single slot nothing changes."""
    (only,) = contractions(O3, l, tuple((slot,) for slot in range(len(l))))
    dimension = invariant_space(O3, l).dimension
    assert only.l == l
    assert only.block_order == tuple(range(len(l)))
    assert only.matrix == tuple(tuple(fmpq(int(i == j)) for j in range(dimension)) for i in range(dimension))


@pytest.mark.parametrize(
    ("l", "ranks", "dimension"),
    [
        ((0,), (0,), 1),
        ((1,), (0,), 0),
        ((3, 3), (0, 0), 1),
        ((1, 1, 1), (0, 1, 2), 0),
        ((1, 1, 1, 1), (0, 1, 2, 3), 3),
        ((1, 1, 1, 1), (0, 0, 0, 0), 1),
        ((2, 2, 2, 2), (0, 0, 0, 0), 1),
        ((1, 1, 1, 1, 2), (0, 0, 0, 0, 1), 1),
        ((2, 2, 2, 2, 2), (0, 0, 0, 0, 0), 1),
    ],
)
def test_known_dimensions(l: tuple[int, ...], ranks: tuple[int, ...], dimension: int) -> None:
    """Numbers from classical invariant theory: |v|² alone of one vector, I2 and I3 of one quadrupole, ..."""
    space: SymmetricSpace = symmetric_space(O3, l, ranks)
    assert space.dimension == dimension


def test_zero_dimensional_space_is_consistent() -> None:
    """A label without invariants has no polynomials, coordinates or scales, and raises nothing."""
    space = symmetric_space(O3, (1, 1, 1), (0, 0, 0))
    assert (space.dimension, space.polynomials, space.coordinates, space.norms_squared) == (0, (), (), ())
    assert space.real_polynomials == ()
