"""Size estimates against derived bases, and the refusal of specs too large to build."""

from __future__ import annotations

import re
import time
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.basis.estimate import MAX_FUNCTIONS, MAX_PRODUCTS, check_size, estimate_size
from acegen.errors import SpecError
from acegen.lower import ProductExpansion, expand_products
from acegen.spec import Spec, load_spec

SYMBOLS = ("Si", "O", "H", "C")


def spec_of(order: int, level: Any, elements: int = 1, weight: Any = 1.5) -> Spec:
    """A self-interacting spec (the same functions as the canonical one, derived faster)."""
    return load_spec(
        {
            "name": "t",
            "basis": {
                "expansion": "self-interacting",
                "elements": list(SYMBOLS[:elements]),
                "order": order,
                "level": level,
                "angular_weight": weight,
            },
            "radial": {"cutoff": 5.0},
        }
    )


def expansion_of(spec: Spec) -> ProductExpansion:
    return expand_products(derive_basis(build_algebra(spec)))


SIZES = [(1, 3, 9), (2, 3, 7), (2, 1, 10), (3, 1, 9), (3, 2, 6), (3, 3, 5), (4, 1, 8), (4, 2, 6), (5, 1, 8), (5, 2, 6)]
"""Order, number of elements and highest level of small specs."""

WEIGHTS = ["1/2", "2/3", "1", "1.1", "5/4", "3/2", "13/7", "3"]


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Small specs with one to three elements, several angular weights, and levels that fall with the order."""
    order, elements, highest = draw(st.sampled_from(SIZES))
    level = draw(st.fractions(Fraction(order), Fraction(highest), max_denominator=4))
    falls = draw(st.lists(st.sampled_from([0, 0, 1, "1/2"]), min_size=order, max_size=order))
    levels = [max(Fraction(order), level - sum(map(Fraction, falls[:nu]))) for nu in range(1, order + 1)]
    return spec_of(order, levels, elements, draw(st.sampled_from(WEIGHTS)))


@settings(deadline=None, max_examples=50)
@given(specs())
def test_function_counts_are_exact(spec: Spec) -> None:
    """Counting states by character gives the derived number of functions of every order."""
    assert estimate_size(spec).functions == derive_basis(build_algebra(spec)).count_by_order()


@pytest.mark.parametrize(("level", "weight"), [(9, "0.99"), ("8.02", "1.01"), (6, "1.017"), ("65/7", "13/11")])
def test_function_counts_are_exact_on_fine_grids(level: Any, weight: str) -> None:
    """The same where level and weight have a large common denominator, and functions lie at the level itself."""
    spec = spec_of(3, level, weight=weight)
    assert estimate_size(spec).functions == derive_basis(build_algebra(spec)).count_by_order()


@pytest.mark.parametrize(
    ("order", "level", "elements", "weight"),
    [
        (1, 100, 3, "3/2"),
        (3, 12, 1, "3/2"),
        (3, 16, 1, "3/2"),
        (3, 10, 1, "1/2"),
        (3, 12, 1, "1"),
        (3, 12, 2, "4"),
        (3, 7, 3, "1"),
        (4, 12, 1, "3/2"),
        (4, 8, 2, "3/2"),
        (4, 7, 3, "3/2"),
        (5, 10, 1, "3/2"),
        (5, 8, 1, "1/2"),
        (5, 8, 2, "3/2"),
    ],
)
def test_product_counts_are_close(order: int, level: int, elements: int, weight: str) -> None:
    """Within 30 % of the true number of distinct real products, once there are at least 200."""
    spec = spec_of(order, level, elements, weight)
    true = len(expansion_of(spec).products)
    assert true >= 200
    assert sum(estimate_size(spec).products) == pytest.approx(true, rel=0.3)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.integers(2, 10), st.sampled_from(WEIGHTS))
def test_product_counts_are_exact_up_to_order_two(elements: int, level: int, weight: str) -> None:
    """One and two A's couple in one way only, so their products can be counted without deriving them."""
    spec = spec_of(2, level, elements, weight)
    by_order = Counter(len(product) for product in expansion_of(spec).products)
    assert estimate_size(spec).products == (by_order[1], by_order[2])


def test_small_specs_pass() -> None:
    """Nothing is said about specs that fit."""
    check_size(spec_of(3, 16))
    check_size(spec_of(5, 10, 2))


def fits(spec: Spec) -> bool:
    try:
        check_size(spec)
    except SpecError:
        return False
    return True


@pytest.mark.parametrize(
    ("order", "level", "elements", "weight"),
    [
        (4, 22, 2, "3/2"),
        (4, [32, 32, 32, 8], 2, "3/2"),
        (4, "20.5", 2, "1.25"),
        (6, 28, 1, "2"),
    ],
)
def test_huge_specs_are_refused_with_advice_that_fits(order: int, level: Any, elements: int, weight: str) -> None:
    """Refused with the counts and the largest level (in steps of 1/2) and order that would fit."""
    spec = spec_of(order, level, elements, weight)
    with pytest.raises(SpecError) as refusal:
        check_size(spec)
    message = str(refusal.value)
    found = re.search(
        r"about ([\d,]+) functions from ([\d,]+) products .*at most ([\d,]+) .* and ([\d,]+) pro", message
    )
    assert found
    functions, products, *limits = (int(number.replace(",", "")) for number in found.groups())
    size = estimate_size(spec)
    assert (functions, products) == (sum(size.functions), sum(size.products))
    assert limits == [MAX_FUNCTIONS, MAX_PRODUCTS]
    assert functions > MAX_FUNCTIONS or products > MAX_PRODUCTS
    assert ("fewer elements" in message) == (elements > 1)

    advice = re.search(r"basis\.level to (\d+(?:\.\d+)?) or lower basis\.order to (\d+)", message)
    assert advice
    advised_level, advised_order = Fraction(advice[1]), int(advice[2])
    own = spec.basis.levels
    assert fits(spec_of(order, [min(advised_level, each) for each in own], elements, weight))
    assert not fits(spec_of(order, [min(advised_level + Fraction(1, 2), each) for each in own], elements, weight))
    assert fits(spec_of(advised_order, own[:advised_order], elements, weight))
    assert not fits(spec_of(advised_order + 1, own[: advised_order + 1], elements, weight))


@pytest.mark.parametrize(
    ("order", "level", "weight"), [(3, 60, "3/2"), (8, 1000, "3/2"), (1, 10**9, 1), (4, 20, "0.001"), (8, 12, "0.15")]
)
def test_specs_too_large_to_count_are_refused(order: int, level: int, weight: Any) -> None:
    """n or l out of range, or too much to count: refused with counts for a lower level, and advice that fits."""
    spec = spec_of(order, level, weight=weight)
    with pytest.raises(SpecError) as refusal:
        check_size(spec)
    with pytest.raises(SpecError, match="can be compiled"):
        estimate_size(spec)
    message = str(refusal.value)
    assert re.search(r"n up to [\d,]+, l up to [\d,]+", message)
    advice = re.search(r"basis\.level to (\d+(?:\.\d+)?)", message)
    if advice:
        assert re.search(r"more than [\d,]+ functions from [\d,]+ products", message)
        assert fits(spec_of(order, Fraction(advice[1]), weight=weight))
    else:
        assert "basis.angular_weight" in message


def test_derivation_starts_with_the_check() -> None:
    """derive_basis refuses a huge spec before it derives anything."""
    with pytest.raises(SpecError, match="can be compiled"):
        derive_basis(build_algebra(spec_of(4, 20, 2)))


@pytest.mark.parametrize(
    "basis",
    [
        {"elements": ["Si"], "order": 4, "level": 10**6},
        {"elements": ["Si"], "order": 8, "level": 10**9, "angular_weight": 1000.0},
        {"elements": "H He Li Be B C N O F Ne".split(), "order": 3, "level": [154097340, 71871, 42067]},
        {"elements": "H He Li Be B C N O F".split(), "order": 5, "level": 257},
    ],
)
def test_refusals_take_no_threads_and_no_time(basis: dict[str, object]) -> None:
    """Counting is by one thread: those of a BLAS would wait for each other at thousands of small products."""
    spec = load_spec({"name": "absurd", "basis": basis, "radial": {"cutoff": 5.0}})
    process, thread = time.process_time(), time.thread_time()
    with pytest.raises(SpecError, match="can be compiled"):
        check_size(spec)
    process, thread = time.process_time() - process, time.thread_time() - thread
    assert thread < 2.0
    assert process < 1.2 * thread + 0.05
