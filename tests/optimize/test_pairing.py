"""The choice of invariants: that it is one, what it costs, and that it is cheap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.lower import coupled_products, pairing_choices
from acegen.lower.couplings import rounded_coupling
from acegen.optimize import choose_invariants
from acegen.optimize.coupled import PairType, pair_multiply_adds
from acegen.optimize.pairing_cost import coupling_cost, entry_cost
from acegen.program.coupled import Channel
from acegen.program.pairings import Choice, Coupled, Invariant, Value
from acegen.spec import load_spec

Chosen = Sequence[Sequence[int]]

SPECS = {
    "order 3": {"order": 3, "level": 9},
    "order 4": {"order": 4, "level": 9},
    "order 5": {"order": 5, "level": 8},
    "small angular weight": {"order": 3, "level": 6, "angular_weight": 0.5},
    "two elements": {"order": 4, "level": 7, "elements": ["Si", "O"]},
}


def choices_of(key: str) -> tuple[Choice, ...]:
    spec = load_spec({"name": "chosen", "basis": {"elements": ["Si"], **SPECS[key]}, "radial": {"cutoff": 5.0}})
    return pairing_choices(derive_basis(build_algebra(spec)))


def nodes_of(value: Value) -> Iterator[Coupled]:
    if isinstance(value, Coupled):
        yield value
        yield from nodes_of(value.left)
        yield from nodes_of(value.right)


def total_cost(invariants: Sequence[Invariant]) -> int:
    """Multiply-adds of everything, added up from the list of invariants alone."""
    degrees: defaultdict[tuple[Value, Value], int] = defaultdict(int)
    for node in {node for one in invariants for value in one for node in nodes_of(value)}:
        degrees[node.left, node.right] |= 1 << node.l
    couplings = sum(
        coupling_cost(*sorted((left.l, right.l)), left == right, to) for (left, right), to in degrees.items()
    )
    entries = sum(entry_cost(one[0].l, one[0] == one[1]) if len(one) == 2 else 2 for one in invariants)
    return couplings + entries


def cost_of(choices: Sequence[Choice], chosen: Chosen) -> int:
    return total_cost([choice.candidates[k] for choice, picks in zip(choices, chosen, strict=True) for k in picks])


def small_l(choice: Choice) -> tuple[int, ...]:
    """The obvious choice: candidates in the order in which they are offered, as long as they are independent."""
    picks: list[int] = []
    for k in range(len(choice.candidates)):
        rows = np.array([choice.coordinates[p] for p in (*picks, k)])
        if len(picks) < choice.dimension and np.linalg.svd(rows, compute_uv=False)[-1] > 0.1:
            picks.append(k)
    return tuple(picks)


@pytest.mark.parametrize("key", SPECS)
def test_chosen_invariants_are_well_conditioned_bases(key: str) -> None:
    choices = choices_of(key)
    for choice, picks in zip(choices, choose_invariants(choices), strict=True):
        assert len(set(picks)) == len(picks) == choice.dimension
        rows = np.array([choice.coordinates[k] for k in picks])
        assert np.linalg.svd(rows, compute_uv=False)[-1] > 0.15


@pytest.mark.parametrize("key", SPECS)
def test_the_choice_is_cheaper_than_the_obvious_one(key: str) -> None:
    choices = choices_of(key)
    obvious = cost_of(choices, [small_l(choice) for choice in choices])
    assert cost_of(choices, choose_invariants(choices)) < 0.95 * obvious


def test_order_4_level_16_costs_no_more_than_published() -> None:
    """A search of another program, without values of their own for l = 0, came to 10,795 multiply-adds."""
    spec = load_spec({"name": "a", "basis": {"elements": ["Si"], "order": 4, "level": 16}, "radial": {"cutoff": 5.5}})
    choices = pairing_choices(derive_basis(build_algebra(spec)))
    chosen = choose_invariants(choices)
    assert cost_of(choices, chosen) < 9_000
    products = coupled_products(choices, chosen)
    assert products is not None
    assert len(products.scalars) == 1445


def channel(number: int) -> Channel:
    return Channel(0, 1 + number % 3, number // 3)


@st.composite
def problems(draw: st.DrawFn) -> list[Choice]:
    """A few labels of four channels, with some of their pairings and random coordinates."""
    choices = []
    for _ in range(draw(st.integers(1, 3))):
        label = tuple(sorted({channel(draw(st.integers(0, 5))) for _ in range(4)}, key=lambda c: (c.l, c.n)))
        candidates: dict[Invariant, None] = {}
        for a, b in combinations(label, 2):
            for c, d in combinations(label, 2):
                for l in range(max(b.l - a.l, d.l - c.l), min(a.l + b.l, c.l + d.l) + 1):
                    candidates[Coupled(a, b, l), Coupled(c, d, l)] = None
        if not candidates:
            candidates[label[0], label[0]] = None
        kept = draw(st.lists(st.sampled_from(list(candidates)), min_size=1, max_size=5, unique=True))
        dimension = draw(st.integers(1, min(2, len(kept))))
        angles = draw(st.lists(st.floats(0, 3), min_size=len(kept), max_size=len(kept)))
        rows = [(1.0,) if dimension == 1 else (float(np.cos(t)), float(np.sin(t))) for t in angles]
        if dimension == 2:
            rows[:2] = [(1.0, 0.0), (0.0, 1.0)]
        choices.append(Choice(label, tuple(kept), tuple(rows)))
    return choices


@given(problems())
@settings(max_examples=60)
def test_small_problems_are_solved_nearly_as_well_as_by_trying_everything(choices: list[Choice]) -> None:
    def bases(choice: Choice) -> list[tuple[int, ...]]:
        found = []
        for picks in combinations(range(len(choice.candidates)), choice.dimension):
            rows = np.array([choice.coordinates[k] for k in picks])
            if np.linalg.svd(rows, compute_uv=False)[-1] >= 0.2:
                found.append(picks)
        return found

    best = min(cost_of(choices, chosen) for chosen in product(*map(bases, choices)))
    found = cost_of(choices, choose_invariants(choices))
    assert best <= found <= 1.2 * best


@given(problems())
@settings(max_examples=30)
def test_a_single_label_gets_what_is_cheapest_for_it(choices: list[Choice]) -> None:
    choice = choices[0]
    if choice.dimension == 1:
        (picks,) = choose_invariants([choice])
        assert cost_of([choice], [picks]) == min(cost_of([choice], [(k,)]) for k in range(len(choice.candidates)))


def test_cheap_candidates_that_leave_no_room_for_others() -> None:
    """Two that are nearly parallel, though independent enough, and three orthogonal ones: the cheap two do not do."""
    u, h, t = np.ones(3) / np.sqrt(3), np.radians(8.33), np.radians(15)
    w = np.cos(t) * np.array([1, -1, 0]) / np.sqrt(2) + np.sin(t) * np.array([1, 1, -2]) / np.sqrt(6)
    rows = [np.cos(h) * u + np.sin(h) * w, np.cos(h) * u - np.sin(h) * w, *np.eye(3)]
    candidates = tuple((Channel(0, 1, l), Channel(0, 2, l)) for l in range(5))
    choice = Choice((Channel(0, 1, 0),), candidates, tuple(tuple(map(float, row)) for row in rows))
    (picks,) = choose_invariants([choice])
    assert len(picks) == 3
    assert np.linalg.svd(np.array(rows)[list(picks)], compute_uv=False)[-1] > 0.15


def test_nothing_to_choose() -> None:
    assert choose_invariants([]) == ()


@given(st.integers(1, 4), st.integers(1, 4), st.booleans(), st.data())
def test_coupling_cost(one: int, other: int, same: bool, data: st.DataObject) -> None:
    """It grows with every l, by less the more there are; l = 0 alone is a scalar product with two derivatives."""
    left, right = sorted((one, other))
    if same:
        left = right
    degrees = st.sets(st.integers(max(1, right - left), left + right))
    first, second = data.draw(degrees), data.draw(degrees)

    def cost(to: set[int]) -> int:
        return coupling_cost(left, right, same, sum(1 << l for l in to))

    assert cost(set()) == 0
    assert cost(first) <= cost(first | second) <= cost(first) + cost(second)
    if left == right:
        assert cost({0}) == (2 if same else 3) * (2 * right + 1)


@given(st.integers(0, 5), st.integers(0, 5), st.booleans(), st.data())
def test_coupling_cost_is_about_that_of_the_code(one: int, other: int, same: bool, data: st.DataObject) -> None:
    """The search does not look at coefficients that vanish, of which there are more the smaller the degrees."""
    left, right = sorted((one, other))
    same = same and left == right
    possible = [l for l in range(right - left, left + right + 1) if not (same and l % 2)]
    to = data.draw(st.sets(st.sampled_from(possible), min_size=1))
    couplings = {(left, right, l): rounded_coupling(left, right, l) for l in to}
    written = pair_multiply_adds(PairType(left, right, same, tuple(sorted(to))), couplings)
    assert 0.95 * written <= coupling_cost(left, right, same, sum(1 << l for l in to)) <= 1.25 * written
