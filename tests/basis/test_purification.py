"""Labels, the purification operator, scales and the description of a basis, against sums over distinct particles."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement, permutations
from math import comb, factorial, prod
from typing import Any

import numpy as np
import pytest
from exact_harmonics import Vector, rodrigues, s_value, sphere_point, to_fmpq
from flint import fmpq, fmpq_poly
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sympy import symbols
from sympy.polys.domains import QQ
from sympy.polys.rings import xring

from acegen.algebra import build_algebra, harmonics
from acegen.algebra.line import LINE
from acegen.algebra.polynomials import ClassicalFamily, PolynomialAlgebra
from acegen.algebra.sphere import O3
from acegen.basis import Basis, Channel, CoupledFunction, Label, derive_basis
from acegen.basis.describe import basis_hash, describe_basis
from acegen.basis.invariants import symmetric_space
from acegen.basis.labels import LevelSet, channel_pattern
from acegen.basis.purification import purify_label
from acegen.basis.recursion import Recursion
from acegen.lower import expand_products
from acegen.spec import Spec, load_spec

SYMBOLS = ("Si", "O", "H")


def spec_of(order: int, level: Any, elements: int = 1, weight: Any = 1.5, expansion: str = "canonical", **radial: Any):
    """A spec from its essentials; `radial` overrides the closed family."""
    return load_spec(
        {
            "name": "t",
            "basis": {
                "expansion": expansion,
                "elements": list(SYMBOLS[:elements]),
                "order": order,
                "level": level,
                "angular_weight": weight,
            },
            "radial": {"cutoff": 5.0, **radial},
        }
    )


def basis_of(*args: Any, **kwargs: Any) -> Basis:
    return derive_basis(build_algebra(spec_of(*args, **kwargs)))


def level_set_of(spec: Spec) -> LevelSet:
    return LevelSet(len(spec.basis.elements), spec.basis.levels, spec.basis.angular_weight, O3)


ENVELOPES = st.sampled_from(
    [
        {"envelope": [0, 0, 1]},
        {"envelope": [0, 0, "1/2", "-1/3"], "alpha": "1/2", "beta": "-1/3"},
        {"envelope": [0, 1], "alpha": 1, "beta": 0},
    ]
)
SIZES: list[tuple[int, int, int, str]] = [
    (1, 3, 5, "3/2"),
    (2, 1, 9, "3/2"),
    (2, 3, 6, "2/3"),
    (3, 1, 8, "3/2"),
    (3, 1, 7, "1/2"),
    (3, 2, 6, "1"),
    (3, 3, 5, "1/2"),
    (4, 1, 8, "1/2"),
    (4, 1, 8, "1"),
    (4, 2, 6, "1/2"),
    (4, 3, 5, "1"),
    (5, 1, 8, "1"),
    (5, 1, 7, "1/2"),
    (5, 2, 6, "1"),
    (5, 3, 5, "2/3"),
]
"""Order, number of elements, level, angular weight: 15 to 330 functions, some with several functions a label."""


@st.composite
def specs(draw: st.DrawFn, max_order: int = 5) -> Spec:
    """Small specs: 1-3 elements, closed or envelope families, one level or levels that fall with the order."""
    order, elements, level, weight = draw(st.sampled_from([size for size in SIZES if size[0] <= max_order]))
    falls = draw(st.lists(st.sampled_from([0, 0, 0, 1, "1/2"]), min_size=order, max_size=order))
    levels = [max(Fraction(order), level - sum(map(Fraction, falls[:nu]))) for nu in range(1, order + 1)]
    radial = {"family": "envelope", **draw(ENVELOPES)} if draw(st.booleans()) else {}
    return spec_of(order, levels, elements, weight, **radial)


# One-particle functions from explicit formulas, at rational points.


@dataclass(frozen=True)
class Particle:
    species: int
    y: fmpq
    direction: Vector


def particles(count: int, species: int) -> st.SearchStrategy[list[Particle]]:
    """Distinct particles at rational places."""
    coordinate = st.fractions(-2, 2, max_denominator=5)
    one = st.builds(
        Particle,
        st.integers(0, species - 1),
        st.fractions(Fraction(1, 20), Fraction(19, 20), max_denominator=20).map(to_fmpq),
        st.builds(sphere_point, coordinate, coordinate),
    )
    return st.lists(one, min_size=count, max_size=count, unique=True)


def binomial(top: fmpq, k: int) -> fmpq:
    return prod(((top - i) / (i + 1) for i in range(k)), start=fmpq(1))


def radial_value(spec: Spec, n: int, y: fmpq) -> fmpq:
    """R_n(y) = e(y) P_{n-1}(2y-1), Jacobi polynomials as the explicit sum over powers of y-1 and y."""
    radial = spec.radial
    if radial.family == "closed":
        envelope, alpha, beta = y, fmpq(0), fmpq(2)
    else:
        assert radial.polynomial == "jacobi"
        envelope = sum((to_fmpq(c) * y**k for k, c in enumerate(radial.envelope)), fmpq(0))
        alpha, beta = to_fmpq(radial.alpha), to_fmpq(radial.beta)
    k = n - 1
    total = fmpq(0)
    for s in range(k + 1):
        total += binomial(k + alpha, k - s) * binomial(k + beta, s) * (y - 1) ** s * y ** (k - s)
    return envelope * total


class Environment:
    """One-particle functions φ of given particles, their pooled sums A, and both kinds of products."""

    def __init__(self, spec: Spec, members: Sequence[Particle]) -> None:
        self._spec = spec
        self._members = members
        self._columns: dict[tuple[Channel, int], list[fmpq]] = {}

    def column(self, channel: Channel, m: int) -> list[fmpq]:
        """φ of every particle."""
        found = self._columns.get((channel, m))
        if found is None:
            found = [
                radial_value(self._spec, channel.n, p.y) * s_value(channel.l, m, p.direction)
                if p.species == channel.species
                else fmpq(0)
                for p in self._members
            ]
            self._columns[channel, m] = found
        return found

    def self_interacting(self, function: CoupledFunction) -> fmpq:
        """Σ_m C_m Π_t A_t."""
        total = fmpq(0)
        for m_tuple, value in function.polynomial.items():
            slots = zip(function.label, m_tuple, strict=True)
            total += prod((sum(self.column(channel, m), fmpq(0)) for channel, m in slots), start=value)
        return total

    def canonical(self, function: CoupledFunction) -> fmpq:
        """Σ_m C_m Σ over ordered tuples of distinct particles of Π_t φ_t, by brute force."""
        total = fmpq(0)
        for m_tuple, value in function.polynomial.items():
            columns = [self.column(channel, m) for channel, m in zip(function.label, m_tuple, strict=True)]
            for chosen in permutations(range(len(self._members)), len(columns)):
                total += prod((column[j] for column, j in zip(columns, chosen, strict=True)), start=value)
        return total


def purified(basis: Basis, row: int, values: Sequence[fmpq]) -> fmpq:
    """Σ_j P_ij b_j."""
    return sum((entry * values[column] for column, entry in basis.purification[row]), fmpq(0))


# The operator on uncoupled products, in plain dictionaries.

Factor = tuple[Channel, int]
"""A complex one-particle function: channel and m."""

Monomials = Mapping[tuple[Factor, ...], fmpq]
"""A polynomial in the A's: sorted factors and coefficients."""


def merge(radial: PolynomialAlgebra, first: Factor, second: Factor) -> Iterable[tuple[Factor, fmpq]]:
    """φ φ' on one particle as a sum of one-particle functions; different species have no common particle."""
    (one, m_one), (two, m_two) = first, second
    if one.species == two.species:
        for n, rho in radial.product([one.n, two.n]):
            for l, gamma in harmonics.product(((one.l, m_one), (two.l, m_two))):
                yield (Channel(l, one.species, n), m_one + m_two), rho * gamma


class UncoupledPurification:
    """A sum over distinct tuples of one uncoupled product, as a polynomial in the A's: the paper's recursion."""

    def __init__(self, radial: PolynomialAlgebra) -> None:
        self._radial = radial
        self._known: dict[tuple[Factor, ...], Monomials] = {}

    def expand(self, factors: tuple[Factor, ...]) -> Monomials:
        factors = tuple(sorted(factors))
        if len(factors) == 1:
            return {factors: fmpq(1)}
        if factors not in self._known:
            *others, last = factors
            total: defaultdict[tuple[Factor, ...], fmpq] = defaultdict(fmpq)
            for key, value in self.expand(tuple(others)).items():
                total[tuple(sorted((*key, last)))] += value
            for slot, other in enumerate(others):
                for factor, weight in merge(self._radial, other, last):
                    for key, value in self.expand((*others[:slot], factor, *others[slot + 1 :])).items():
                        total[key] -= weight * value
            self._known[factors] = {key: value for key, value in total.items() if value}
        return self._known[factors]


def monomials(label: Label, number: int) -> Monomials:
    """A coupled product as a polynomial in the complex A's."""
    polynomial = symmetric_space(O3, *channel_pattern(label)).polynomials[number]
    return {tuple(sorted(zip(label, m_tuple, strict=True))): value for m_tuple, value in polynomial.items()}


def add(total: defaultdict[tuple[Factor, ...], fmpq], weight: fmpq, terms: Monomials) -> None:
    for key, value in terms.items():
        total[key] += weight * value


def without_zeros(total: Mapping[Any, fmpq]) -> dict[Any, fmpq]:
    return {key: value for key, value in total.items() if value}


# Labels.


def character_dimension(label: Sequence[Channel]) -> int:
    """Multisets of (channel, m) with Σm = 0 less those with Σm = 1; none for odd Σl."""
    if sum(channel.l for channel in label) % 2:
        return 0
    sums = [0]
    for channel, count in Counter(label).items():
        own = [sum(ms) for ms in combinations_with_replacement(range(-channel.l, channel.l + 1), count)]
        sums = [a + b for a in sums for b in own]
    return sums.count(0) - sums.count(1)


def brute_force_labels(level_set: LevelSet, order: int) -> list[Label]:
    """All multisets of channels within the level, kept if they carry an invariant."""
    limit, weight = level_set.levels[order - 1], level_set.angular_weight
    channels = [
        Channel(l, species, n)
        for l in range(int(limit / weight) + 1 if level_set.angular == O3 else 1)
        for species in range(level_set.n_species)
        for n in range(level_set.first, int(limit) + 1)
        if n + weight * l + level_set.first * (order - 1) <= limit
    ]
    return [
        tuple(sorted(label))
        for label in combinations_with_replacement(channels, order)
        if sum(c.n + weight * c.l for c in label) <= limit and character_dimension(label)
    ]


@st.composite
def level_sets(draw: st.DrawFn) -> tuple[LevelSet, int]:
    """A small level set and an order."""
    order = draw(st.integers(1, 4))
    first = draw(st.integers(0, 1))
    species = draw(st.integers(1, 2))
    extra = {1: 6, 2: 5, 3: 3, 4: 2}[order]
    level = draw(st.fractions(Fraction(first * order), Fraction(first * order + extra), max_denominator=4))
    weight = draw(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(3, 2), Fraction(4, 5)]))
    levels = (level + 1,) * (order - 1) + (level,)
    return LevelSet(species, levels, weight, draw(st.sampled_from([O3, LINE])), first), order


@settings(deadline=None, max_examples=40)
@given(level_sets())
def test_labels_are_all_multisets_with_invariants(case: tuple[LevelSet, int]) -> None:
    """Exactly the multisets of channels within the level that carry an invariant, once each, sorted."""
    level_set, order = case
    labels = list(level_set.labels(order))
    assert sorted(labels) == sorted(brute_force_labels(level_set, order))
    assert labels == sorted(labels, key=lambda label: ([channel.l for channel in label], label))


# Counts.


@pytest.mark.parametrize(("level", "functions", "products"), [(12, 211, 596), (16, 668, 3507)])
def test_counts_agree_with_independent_implementations(level: int, functions: int, products: int) -> None:
    """One element, order 3, angular weight 3/2: functions and distinct products as other codes count them."""
    basis = basis_of(3, level)
    assert basis.n_basis == functions
    assert basis.n_auxiliary == 0
    assert len(expand_products(basis).products) == products


@pytest.mark.slow
def test_count_of_order_four() -> None:
    """Order 4, level 16 has 1,445 functions and leaves nothing to auxiliary ones."""
    basis = basis_of(4, 16)
    assert basis.n_basis == 1445 == sum(basis.count_by_order())
    assert basis.n_auxiliary == 0


@pytest.mark.parametrize(("order", "level", "elements"), [(3, 6, 2), (3, 5, 3), (5, 7, 1), (5, 6, 2)])
def test_several_elements_and_high_order(order: int, level: int, elements: int) -> None:
    """Counts by order equal the sum of the character dimensions of all multisets of channels."""
    basis = basis_of(order, level, elements)
    level_set = level_set_of(basis.spec)
    expected = [sum(map(character_dimension, brute_force_labels(level_set, nu))) for nu in range(1, order + 1)]
    assert list(basis.count_by_order()) == expected


# The operator.


@settings(deadline=None, max_examples=20)
@given(specs())
def test_partition_formula_equals_recursion(spec: Spec) -> None:
    """The closed formula over set partitions and the paper's recursion give the same rationals."""
    radial = build_algebra(spec).radial
    recursion = Recursion(radial, O3)
    for order in range(1, spec.basis.order + 1):
        for label in level_set_of(spec).labels(order):
            assert purify_label(label, radial, O3) == recursion.purify_label(label)


@settings(deadline=None, max_examples=12)
@given(specs(max_order=4))
def test_purification_commutes_with_coupling(spec: Spec) -> None:
    """Coupled then purified equals purified then coupled, as polynomials in the complex A's.

    Left: 𝒫 applied to coupled products. Right: coupling applied to uncoupled products, each purified on its
    own, which knows nothing of invariant tensors.
    """
    basis = derive_basis(build_algebra(spec))
    uncoupled = UncoupledPurification(basis.radial)
    products = [monomials(function.label, function.number) for function in basis.functions]
    for own, row in zip(products, basis.purification, strict=False):
        left: defaultdict[tuple[Factor, ...], fmpq] = defaultdict(fmpq)
        right: defaultdict[tuple[Factor, ...], fmpq] = defaultdict(fmpq)
        for column, entry in row:
            add(left, entry, products[column])
        for factors, value in own.items():
            add(right, value, uncoupled.expand(factors))
        assert without_zeros(left) == without_zeros(right)


ANGULAR = [
    (0, 1, 1, 1, 1),
    (1, 1, 1, 1, 2),
    (0, 1, 1, 2, 2),
    (0, 0, 1, 1, 2),
    (1, 1, 1, 1),
    (1, 1, 2, 2),
    (2, 2, 2),
    (0, 1, 1),
]
"""Degrees whose channels, merged, need not stand in order any more: (0,1,1,1,1) gives (1,1,1,1), which has three
invariants that a permutation of the channels mixes."""


@st.composite
def labels(draw: st.DrawFn) -> Label:
    """Any label with two species and n up to 3, whatever its level."""
    degrees = draw(st.sampled_from(ANGULAR))
    label = [Channel(l, draw(st.integers(0, 1)), draw(st.integers(1, 3))) for l in degrees]
    return tuple(sorted(label))


@settings(deadline=None, max_examples=25)
@given(labels().filter(character_dimension), st.booleans())
@example((Channel(0, 0, 1), Channel(1, 0, 1), Channel(1, 0, 1), Channel(1, 0, 2), Channel(1, 0, 2)), True)
def test_purification_of_single_labels(label: Label, closed: bool) -> None:
    """The same identity for single labels of high order, in the closed family or with the envelope y²."""
    family = ClassicalFamily("jacobi", fmpq(0), fmpq(2)) if closed else ClassicalFamily("legendre")
    radial = PolynomialAlgebra(family, fmpq_poly([0, 1] if closed else [0, 0, 1]), first=1)
    uncoupled = UncoupledPurification(radial)
    rows = purify_label(label, radial, O3)
    assert len(rows) == character_dimension(label)
    for number, row in enumerate(rows):
        left: defaultdict[tuple[Factor, ...], fmpq] = defaultdict(fmpq)
        right: defaultdict[tuple[Factor, ...], fmpq] = defaultdict(fmpq)
        for index, entry in row.items():
            add(left, entry, monomials(*index))
        for factors, value in monomials(label, number).items():
            add(right, value, uncoupled.expand(factors))
        assert without_zeros(left) == without_zeros(right)


@settings(deadline=None, max_examples=20)
@given(specs(), st.data())
def test_purification_equals_sums_over_distinct_particles(spec: Spec, data: st.DataObject) -> None:
    """𝒫 b(A) is the sum over ordered tuples of distinct particles, on rational particles, exactly."""
    basis = derive_basis(build_algebra(spec))
    count = min(5, spec.basis.order + 1)
    environment = Environment(spec, data.draw(particles(count, len(spec.basis.elements))))
    values = [environment.self_interacting(function) for function in basis.functions]
    high = [row for row in range(basis.n_basis) if basis.functions[row].order == spec.basis.order]
    for row in {*data.draw(st.lists(st.integers(0, basis.n_basis - 1), max_size=6)), *high[-2:], *high[:1]}:
        assert purified(basis, row, values) == environment.canonical(basis.functions[row])


@settings(deadline=None, max_examples=15)
@given(specs(), st.data())
def test_canonical_functions_vanish_for_too_few_particles(spec: Spec, data: st.DataObject) -> None:
    """A canonical function of order ν is exactly zero in any environment of fewer than ν particles."""
    basis = derive_basis(build_algebra(spec))
    count = data.draw(st.integers(0, spec.basis.order - 1))
    environment = Environment(spec, data.draw(particles(count, len(spec.basis.elements))))
    values = [environment.self_interacting(function) for function in basis.functions]
    for row in range(basis.n_basis):
        if basis.functions[row].order > count:
            assert purified(basis, row, values) == 0


@settings(deadline=None, max_examples=15)
@given(specs())
def test_operator_is_unit_triangular(spec: Spec) -> None:
    """1 on the diagonal, otherwise lower order only; the closed family needs no auxiliary function."""
    basis = derive_basis(build_algebra(spec))
    assert len(basis.scales_squared) == basis.n_basis
    assert len({(function.label, function.number) for function in basis.functions}) == len(basis.functions)
    orders = [function.order for function in basis.functions]
    assert orders[: basis.n_basis] == sorted(orders[: basis.n_basis])
    for i, row in enumerate(basis.purification):
        assert dict(row)[i] == 1
        assert [column for column, _ in row] == sorted({column for column, _ in row})
        assert all(value != 0 and (column == i or orders[column] < orders[i]) for column, value in row)
    used = {column for row in basis.purification for column, _ in row}
    assert used == set(range(len(basis.functions)))
    if spec.radial.family == "closed":
        assert basis.n_auxiliary == 0


def test_wider_envelope_brings_auxiliary_functions() -> None:
    """With e = y² products leave the level: K' is larger than K, and holds labels beyond the level only."""
    basis = basis_of(3, 6, 2, family="envelope", envelope=[0, 0, 1])
    assert basis.n_auxiliary > 0
    for function in basis.functions[basis.n_basis :]:
        assert sum(c.n + Fraction(3, 2) * c.l for c in function.label) > 6
        assert function.order < 3


@pytest.mark.parametrize("radial", [{}, {"family": "envelope", "envelope": [0, 0, 1]}])
def test_self_interacting_operator_is_the_identity(radial: dict[str, Any]) -> None:
    """The self-interacting basis has the canonical one's functions, 𝒫 = 1 and no auxiliary functions."""
    plain = basis_of(3, 7, 2, expansion="self-interacting", **radial)
    canonical = basis_of(3, 7, 2, **radial)
    assert plain.purification == tuple(((i, fmpq(1)),) for i in range(plain.n_basis))
    assert plain.functions == canonical.functions[: canonical.n_basis]
    assert plain.scales_squared == canonical.scales_squared
    assert canonical.n_nonzero > canonical.n_basis


def test_different_species_never_merge() -> None:
    """A particle has one species: a pair of species is untouched, and no term loses a species of the label."""
    basis = basis_of(3, 6, 3)
    mixed_pairs = 0
    for i, row in enumerate(basis.purification):
        label = basis.functions[i].label
        species = Counter(channel.species for channel in label)
        if len(label) == len(species):
            mixed_pairs += len(label) > 1
            assert row == ((i, fmpq(1)),)
        for column, _ in row:
            term = Counter(channel.species for channel in basis.functions[column].label)
            assert set(term) == set(species)
            assert all(term[key] <= species[key] for key in species)
    assert mixed_pairs > 0


# The interval: the toy problem of the paper.

INTERVAL = PolynomialAlgebra(
    ClassicalFamily("chebyshev", scale=fmpq(1), shift=fmpq(0)), fmpq_poly([1]), first=0
)  # T_k(x), k >= 0


def interval_rows(level: int) -> dict[tuple[int, ...], dict[tuple[int, ...], fmpq]]:
    """𝒫 for orders 1-3 and Σk <= level, by indices k."""
    level_set = LevelSet(1, (Fraction(level),) * 3, Fraction(1), LINE, first=0)
    rows = {}
    for order in (1, 2, 3):
        for label in level_set.labels(order):
            (row,) = purify_label(label, INTERVAL, LINE)
            assert all(number == 0 for _, number in row)
            indices = {tuple(c.n for c in target): value for (target, _), value in row.items()}
            rows[tuple(channel.n for channel in label)] = indices
    return rows


def test_interval_operator_is_that_of_the_paper() -> None:
    """Chebyshev, order <= 3, Σk < 20: 444 rows, square, sparsity 1.48 %."""
    rows = interval_rows(19)
    multisets = [k for nu in (1, 2, 3) for k in combinations_with_replacement(range(20), nu) if sum(k) < 20]
    assert list(rows) == multisets
    assert len(rows) == 444
    assert {column for row in rows.values() for column in row} == set(rows)
    assert round(100 * sum(map(len, rows.values())) / 444**2, 2) == 1.48


@settings(deadline=None, max_examples=3)
@given(st.lists(st.fractions(-1, 1, max_denominator=7).map(to_fmpq), min_size=3, max_size=4))
def test_interval_operator_equals_sums_over_distinct_particles(xs: list[fmpq]) -> None:
    """All rows at rational points (which may coincide), with T_k from its recurrence, exactly."""
    chebyshev = [[fmpq(1)] * len(xs), xs]
    while len(chebyshev) < 20:
        chebyshev.append([2 * x * b - a for x, a, b in zip(xs, *chebyshev[-2:], strict=True)])
    pooled = [sum(column, fmpq(0)) for column in chebyshev]
    for k, row in interval_rows(19).items():
        direct = fmpq(0)
        for chosen in permutations(range(len(xs)), len(k)):
            direct += prod((chebyshev[i][j] for i, j in zip(k, chosen, strict=True)), start=fmpq(1))
        assert sum((v * prod((pooled[i] for i in c), start=fmpq(1)) for c, v in row.items()), fmpq(0)) == direct


def test_interval_gram_matrix_is_diagonal() -> None:
    """On three i.i.d. Chebyshev-distributed particles the canonical functions of order 3 are orthogonal, exactly.

    The Gram matrix of 𝒫 b(A), integrated monomial by monomial, is diagonal with 3!·Π(multiplicity)·Π<T_k²>; that
    of the self-interacting products is not diagonal.
    """
    _, variables = xring(symbols("x:3"), QQ)
    one = variables[0] ** 0
    chebyshev = [[one, x] for x in variables]
    for column, x in zip(chebyshev, variables, strict=True):
        while len(column) < 6:
            column.append(2 * x * column[-1] - column[-2])
    pooled = [sum(column[k] for column in chebyshev) for k in range(6)]

    def mean(polynomial: Any) -> fmpq:
        """E x^p = C(p, p/2) / 2^p for even p."""
        total = fmpq(0)
        for powers, value in polynomial.terms():
            if all(p % 2 == 0 for p in powers):
                total += value * prod((fmpq(comb(p, p // 2), 2**p) for p in powers), start=fmpq(1))
        return total

    rows = {k: row for k, row in interval_rows(5).items() if len(k) == 3}
    functions = {}
    for k, row in rows.items():
        functions[k] = sum(prod((pooled[i] for i in c), start=one) * v for c, v in row.items())
    for first in rows:
        for second in rows:
            value = mean(functions[first] * functions[second])
            if first == second:
                repeats = prod(factorial(count) for count in Counter(first).values())
                assert value == factorial(3) * repeats * prod((fmpq(1, 2 if i else 1) for i in first), start=fmpq(1))
            else:
                assert value == 0
    plain = [prod((pooled[i] for i in k), start=one) for k in ((0, 0, 1), (0, 1, 2))]
    assert mean(plain[0] * plain[1]) != 0


# Scales.


def mean_square(basis: Basis, function: CoupledFunction) -> float:
    """Mean square of a canonical function on as many particles as its order, by Gauss quadrature.

    y is uniform on [0,1], directions are uniform on the sphere; by rotation invariance the first particle lies
    on the z axis and the second in the xz plane.
    """
    order = function.order
    nodes, weights = np.polynomial.legendre.leggauss(6)
    y_nodes, y_weights = (nodes + 1) / 2, weights / 2
    phi = 2 * np.pi * np.arange(10) / 10
    axes = (
        [(y_nodes, y_weights)] * order + [(nodes, weights / 2)] * (order - 1) + [(phi, np.full(10, 0.1))] * (order > 2)
    )
    grid = np.meshgrid(*(axis for axis, _ in axes), indexing="ij", sparse=True)
    weight = prod(np.meshgrid(*(own for _, own in axes), indexing="ij", sparse=True), start=1.0)

    def one_particle(particle: int, channel: Channel, m: int) -> Any:
        z = grid[order + particle - 1] if particle else np.array(1.0)
        azimuth = grid[-1] if particle == 2 else 0.0
        coefficients = [float(c) for c in rodrigues(channel.l, abs(m)).coeffs()]
        phase = np.cos(m * azimuth) if m >= 0 else np.sin(-m * azimuth)
        angular = np.polynomial.polynomial.polyval(z, coefficients) * np.sqrt(1 - z * z) ** abs(m) * phase
        radial = [float(c) for c in basis.radial.function(channel.n).coeffs()]
        return np.polynomial.polynomial.polyval(grid[particle], radial) * angular

    total: Any = 0.0
    for m_tuple, value in function.polynomial.items():
        slots = list(zip(function.label, m_tuple, strict=True))
        for arrangement in permutations(range(order)):
            total = total + float(value) * prod(
                one_particle(particle, channel, m) for particle, (channel, m) in zip(arrangement, slots, strict=True)
            )
    return float(np.sum(total**2 * weight))


@pytest.mark.parametrize("label", [[(0, 1)], [(0, 4)], [(0, 1), (0, 1)], [(0, 1), (0, 3)], [(1, 2), (1, 2)]])
def test_scales_of_low_order(label: list[tuple[int, int]]) -> None:
    """s_i² times the integral of the squared canonical function over sets of ν particles, mean/ν!, is one."""
    basis = basis_of(2, 10)
    wanted = tuple(Channel(l, 0, n) for l, n in label)
    (row,) = (i for i, function in enumerate(basis.functions) if function.label == wanted)
    integral = mean_square(basis, basis.functions[row]) / factorial(len(label))
    assert float(basis.scales_squared[row]) * integral == pytest.approx(1, rel=1e-12)


def test_scales_of_every_label_within_a_level() -> None:
    """The same for all functions of order 1-3 up to level 6 with weight 1/2, equal channels included."""
    basis = basis_of(3, 6, weight="1/2")
    patterns = {channel_pattern(function.label) for function in basis.functions}
    assert {len(set(ranks)) for l, ranks in patterns if len(l) == 3} == {1, 2, 3}
    seen = set()
    for function, square in zip(basis.functions, basis.scales_squared, strict=True):
        pattern = (*channel_pattern(function.label), function.number)
        if pattern in seen or max(c.l for c in function.label) > 2:
            continue
        seen.add(pattern)
        integral = mean_square(basis, function) / factorial(function.order)
        assert float(square) * integral == pytest.approx(1, rel=1e-10)
    assert len(seen) > 10


@settings(deadline=None, max_examples=15)
@given(specs())
def test_scales_are_the_inverse_norms(spec: Spec) -> None:
    """1/s_i² = Π ∫R_n² dy · (equal channels)! · Σ_m |T_m|² Π <|Z|²> with the symmetric tensor T, exactly."""
    basis = derive_basis(build_algebra(spec))
    for function, square in zip(basis.functions, basis.scales_squared, strict=False):
        repeats = prod(factorial(count) for count in Counter(function.label).values())
        norm = fmpq(0)
        for factors, value in monomials(function.label, function.number).items():
            arrangements = fmpq(repeats, prod(factorial(count) for count in Counter(factors).values()))
            angular = prod(
                (fmpq(factorial(c.l + abs(m)), factorial(c.l - abs(m)) * (2 * c.l + 1)) for c, m in factors),
                start=fmpq(1),
            )
            norm += value * value / arrangements * angular
        for channel in function.label:
            squared = basis.radial.function(channel.n) ** 2
            norm *= sum((c / (k + 1) for k, c in enumerate(squared.coeffs())), fmpq(0))
        assert square * norm * repeats == 1


# The description.


def parse(text: str) -> fmpq:
    return to_fmpq(Fraction(text))


@settings(deadline=None, max_examples=15)
@given(specs(max_order=4))
def test_description_holds_the_whole_basis_exactly(spec: Spec) -> None:
    """The JSON text parses, and every rational in it is that of the basis."""
    basis = derive_basis(build_algebra(spec))
    document = json.loads(describe_basis(basis))
    position = {symbol: i for i, symbol in enumerate(spec.basis.elements)}
    described = document["functions"] + document["auxiliary"]
    assert len(document["functions"]) == basis.n_basis
    for entry, function in zip(described, basis.functions, strict=True):
        channels = zip(entry["l"], (position[symbol] for symbol in entry["elements"]), entry["n"], strict=True)
        assert tuple(Channel(*channel) for channel in channels) == function.label
        assert (entry["order"], entry["index"]) == (function.order, function.number)
        assert {tuple(m): parse(value) for m, value in entry["coupling"]} == function.polynomial
    assert tuple(parse(entry["scale_squared"]) for entry in document["functions"]) == basis.scales_squared
    assert not any("scale_squared" in entry for entry in document["auxiliary"])
    rows = tuple(tuple((column, parse(value)) for column, value in row) for row in document["purification"])
    assert rows == basis.purification
    highest = max(channel.n for function in basis.functions for channel in function.label)
    assert len(document["radial_functions"]) == highest
    for n, coefficients in enumerate(document["radial_functions"], start=1):
        y = fmpq(3, 7)
        value = sum((parse(c) * y**k for k, c in enumerate(coefficients)), fmpq(0))
        assert value == radial_value(spec, n, y)
    assert "name" not in document["spec"]
    assert load_spec({**document["spec"], "name": spec.name}).canonical() == spec.canonical()


PLAIN: dict[str, Any] = {
    "name": "plain",
    "basis": {"elements": ["Si", "O"], "order": 2, "level": 4},
    "radial": {"cutoff": 5.0},
}


def identity(changes: Mapping[str, Mapping[str, Any]], name: str = "plain") -> str:
    """Hash of the plain basis with sections changed."""
    content = {"name": name, **{key: {**PLAIN[key], **changes.get(key, {})} for key in ("basis", "radial")}}
    return basis_hash(describe_basis(derive_basis(build_algebra(load_spec(content)))))


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": {"level": 5}},
        {"basis": {"level": [4, 3]}},
        {"basis": {"order": 3}},
        {"basis": {"elements": ["O", "Si"]}},
        {"basis": {"elements": ["Si", "C"]}},
        {"basis": {"angular_weight": 1}},
        {"basis": {"expansion": "self-interacting"}},
        {"radial": {"cutoff": 5.25}},
        {"radial": {"cutoff": {"Si-Si": 5.0, "Si-O": 5.0, "O-O": 4.0}}},
        {"radial": {"transform": "smootherstep"}},
        {"radial": {"transform": "agnesi"}},
        {"radial": {"transform": "agnesi", "agnesi": {"r0": 2.0}}},
        {"radial": {"transform": "agnesi", "agnesi": {"r0": {"Si-Si": 2.25, "O-O": 2.25, "O-Si": 2.0}}}},
        {"radial": {"family": "envelope", "envelope": [0, 0, 1]}},
    ],
)
def test_hash_changes_with_the_spec(changes: dict[str, dict[str, Any]]) -> None:
    """Whatever changes the functions changes the identity of the basis."""
    assert identity(changes) != identity({})


def test_hash_does_not_depend_on_name_or_spelling() -> None:
    """Neither the name nor writing a default out, or a rational differently, makes another basis."""
    plain = identity({})
    assert len(plain) == 64
    assert identity({}, name="another") == plain
    assert identity({"basis": {"angular_weight": "3/2", "expansion": "canonical"}}) == plain
    assert identity({"radial": {"cutoff": 5, "family": "closed", "transform": "smoothstep"}}) == plain
