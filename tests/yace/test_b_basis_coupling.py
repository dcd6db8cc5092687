"""Coupled products of the B-basis, against SymPy's coefficients, generators of rotations and rotated points."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import product
from math import sqrt

import numpy as np
import pytest
from b_basis_cases import TREES, all_lint, numbers, total
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scipy.special import eval_legendre, sph_harm_y
from sympy.physics.wigner import clebsch_gordan

from acegen.yace.reading.b_basis_coupling import coupled_product, coupling_tree, inner_l, leaf_factor, symmetric_product

LABELS = [
    ((0,), ()),
    ((3, 3), ()),
    ((1, 2, 3), (3,)),
    ((2, 2, 2), (2,)),
    ((1, 1, 1, 1), (2, 2)),
    ((1, 2, 1, 2), (3, 3)),
    ((2, 1, 1, 3, 1), (2, 3, 1)),
    ((1, 1, 1, 1, 2), (1, 2, 2)),
    ((1, 1, 1, 2, 2, 1), (1, 2, 1, 1)),
]


@cache
def coefficient(*labels: int) -> float:
    """<l1 m1 l2 m2|l m> of (l1, l2, l, m1, m2, m)."""
    return float(clebsch_gordan(*labels))


def by_sympy(ls: tuple[int, ...], lint: tuple[int, ...]) -> dict[tuple[int, ...], float]:
    """The product of Clebsch-Gordan coefficients at the nodes, for all m's."""
    result = {}
    for ms in product(*(range(-l, l + 1) for l in ls)):
        degrees, components, value = list(ls), list(ms), 1.0
        for (left, right), l in zip(TREES[len(ls)], inner_l(len(ls), lint), strict=True):
            m = components[left] + components[right]
            if abs(m) > l:
                break
            value *= coefficient(degrees[left], degrees[right], l, components[left], components[right], m)
            degrees.append(l)
            components.append(m)
        else:
            if value and sum(ms) == 0:
                result[ms] = value
    return result


@pytest.mark.parametrize("rank", TREES)
def test_the_tree_is_that_of_the_format(rank: int) -> None:
    """What is coupled with what, for all ranks."""
    assert list(coupling_tree(rank)) == TREES[rank]


@pytest.mark.parametrize(("ls", "lint"), LABELS)
def test_coefficients_are_products_of_clebsch_gordan_coefficients(ls: tuple[int, ...], lint: tuple[int, ...]) -> None:
    """The same m's and, with their signs, the same numbers as SymPy's coefficients multiplied along the tree."""
    found, expected = numbers(ls, lint), by_sympy(ls, lint)
    assert found.keys() == expected.keys()
    assert [found[ms] for ms in expected] == pytest.approx(list(expected.values()), rel=1e-14)


@pytest.mark.parametrize("ls", [(2, 2), (1, 1, 2), (1, 2, 1, 2), (1, 1, 2, 1, 1), (1, 1, 1, 1, 1, 1)])
def test_trees_span_the_null_space_of_rotations(ls: tuple[int, ...]) -> None:
    """All lint together are orthonormal, annihilated by the raising operator, and as many as its null vectors."""
    space = [ms for ms in product(*(range(-l, l + 1) for l in ls)) if sum(ms) == 0]
    raised = {ms: i for i, ms in enumerate(m for m in product(*(range(-l, l + 1) for l in ls)) if sum(m) == 1)}
    raising = np.zeros((len(raised), len(space)))
    for column, ms in enumerate(space):
        for t, (l, m) in enumerate(zip(ls, ms, strict=True)):
            if m < l:
                raising[raised[*ms[:t], m + 1, *ms[t + 1 :]], column] += sqrt(l * (l + 1) - m * (m + 1))
    tensors = np.array([[numbers(ls, lint).get(ms, 0.0) for ms in space] for lint in all_lint(ls)])
    assert np.abs(raising @ tensors.T).max() < 1e-14
    assert np.abs(tensors @ tensors.T - np.eye(len(tensors))).max() < 1e-14
    assert len(tensors) == len(space) - np.linalg.matrix_rank(raising)


def harmonics(l: int, direction: np.ndarray) -> dict[int, complex]:
    """Y_lm at a unit vector, with Y_00 = 1."""
    x, y, z = direction
    polar, azimuth = np.arccos(z), np.arctan2(y, x)
    return {m: sqrt(4 * np.pi) * complex(sph_harm_y(l, m, polar, azimuth)) for m in range(-l, l + 1)}


DIRECTIONS = Rotation.random(6, rng=1).apply([0.0, 0.0, 1.0])


@pytest.mark.parametrize("l", range(7))
def test_a_pair_is_a_legendre_polynomial(l: int) -> None:
    """Σ C Y Y = (-1)^l sqrt(2l+1) P_l(cos γ), by the addition theorem."""
    a, b = DIRECTIONS[:2]
    value = total(numbers((l, l), ()), [harmonics(l, a), harmonics(l, b)])
    assert value == pytest.approx((-1) ** l * sqrt(2 * l + 1) * eval_legendre(l, a @ b), rel=1e-12)


@pytest.mark.parametrize(("ls", "lint"), LABELS)
def test_rotations_change_nothing(ls: tuple[int, ...], lint: tuple[int, ...]) -> None:
    """Σ C Π Y at random directions and at the same directions rotated."""
    terms = numbers(ls, lint)
    rotated = Rotation.from_rotvec([0.4, -1.1, 0.7]).apply(DIRECTIONS)
    before, after = (
        total(terms, [harmonics(l, d) for l, d in zip(ls, directions[: len(ls)], strict=True)])
        for directions in (DIRECTIONS, rotated)
    )
    assert abs(before) > 1e-3
    assert after == pytest.approx(before, rel=1e-12)


@st.composite
def products_with_equal_factors(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """l's, lint and channels: factors in one channel have the same l."""
    rank = draw(st.integers(1, 5))
    of_channel = draw(st.lists(st.integers(0, 2), min_size=3, max_size=3)) if rank > 1 else [0, 0, 0]
    channels = tuple(draw(st.lists(st.integers(0, 2), min_size=rank, max_size=rank)))
    ls = tuple(of_channel[channel] for channel in channels)
    possible = all_lint(ls)
    return (ls, draw(st.sampled_from(possible)), channels) if possible else ((1, 1), (), (0, 0))


@settings(deadline=None, max_examples=60)
@given(products_with_equal_factors(), st.integers(0, 2**32 - 1))
def test_permuted_and_negated_terms_are_added(
    label: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], seed: int
) -> None:
    """With random A's the shorter sum has the real part of the full one, if l's add up to an even number; its m's are
    ascending in each channel, and those of opposite sign are absent."""
    ls, lint, channels = label
    rng = np.random.default_rng(seed)
    pooled: defaultdict[int, dict[int, complex]] = defaultdict(dict)
    for l, channel in zip(ls, channels, strict=True):
        for m in range(l + 1) if channel not in pooled else ():
            value = complex(rng.normal(), rng.normal() if m else 0.0)
            pooled[channel] |= {m: value, -m: (-1) ** m * value.conjugate()}
    full = total(numbers(ls, lint), [pooled[channel] for channel in channels])
    found = symmetric_product(ls, lint, channels)
    order = sorted(range(len(ls)), key=lambda t: channels[t])
    arranged = [ls[t] for t in order]
    terms = {}
    for ms, value in found.terms.items():
        sign, square = leaf_factor(arranged, ms)
        terms[ms] = sign * float(value) * sqrt(float(square * found.square))
        pairs = [(channels[t], m) for t, m in zip(order, ms, strict=True)]
        assert pairs == sorted(pairs)
    shorter = total(terms, [pooled[channels[t]] for t in order])
    if sum(ls) % 2 == 0:
        assert shorter.real == pytest.approx(full.real, abs=1e-12 * (1 + sum(map(abs, terms.values()))))
    for ms in terms:
        opposite = tuple(m for _, m in sorted((channels[t], -m) for t, m in zip(order, ms, strict=True)))
        assert opposite == ms or opposite not in terms


def test_products_that_vanish_by_symmetry_have_no_terms() -> None:
    """Equal vectors coupled to l = 1 are a vector product of each with itself."""
    assert coupled_product((1, 1, 1, 1), (1, 1)).terms
    assert not symmetric_product((1, 1, 1, 1), (1, 1), (0, 0, 0, 0)).terms
    assert symmetric_product((1, 1, 1, 1), (1, 1), (0, 1, 0, 1)).terms


def test_impossible_couplings_have_no_terms() -> None:
    """l1 = 1 and l2 = 1 do not give 3."""
    assert not coupled_product((1, 1, 3), (3,)).terms
