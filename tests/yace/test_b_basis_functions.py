"""B-basis functions as C-tilde functions: the same values, rounded correctly, merged and sorted."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from b_basis_cases import all_lint, numbers, total
from hypothesis import given, settings
from hypothesis import strategies as st

from acegen.yace.reading.b_basis_functions import BFunction, c_tilde_functions

L_MOST = 2


@st.composite
def b_functions(draw: st.DrawFn) -> BFunction:
    """Of one or two elements, n up to 2, two densities; factors are often equal."""
    rank = draw(st.integers(1, 4))
    ls = [draw(st.integers(0, L_MOST)) for _ in range(rank)]
    if rank == 1 or sum(ls) % 2 or not all_lint(ls):
        ls = [0] * rank
    return BFunction(
        elements=tuple(draw(st.integers(0, 1)) for _ in ls),
        ns=tuple(draw(st.integers(1, 2)) for _ in ls),
        ls=tuple(ls),
        lint=draw(st.sampled_from(all_lint(ls))),
        coefficients=(draw(st.floats(-1, 1)), draw(st.floats(-1, 1))),
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(b_functions(), max_size=8), st.integers(0, 2**32 - 1))
def test_densities_are_the_same(functions: list[BFunction], seed: int) -> None:
    """With random A's: the coupled sum over all m's, and the real part of the C-tilde sum over those that are kept."""
    rng = np.random.default_rng(seed)
    pooled: dict[tuple[int, int, int], dict[int, complex]] = {}
    for z, n, l in np.ndindex(2, 3, L_MOST + 1):
        row = pooled[z, n, l] = {}
        for m in range(l + 1):
            value = complex(rng.normal(), rng.normal() if m else 0.0)
            row |= {m: value, -m: (-1) ** m * value.conjugate()}
    expected = np.zeros(2)
    for f in functions:
        value = total(numbers(f.ls, f.lint), [pooled[key] for key in zip(f.elements, f.ns, f.ls, strict=True)])
        assert abs(value.imag) < 1e-12 * (1 + abs(value))
        expected += value.real * np.array(f.coefficients)
    found = np.zeros(2)
    for c in c_tilde_functions(functions):
        factors = [pooled[key] for key in zip(c.elements, c.ns, c.ls, strict=True)]
        for p in range(2):
            terms = {ms: values[p] for ms, values in zip(c.ms, c.coefficients, strict=True)}
            found[p] += total(terms, factors).real
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-11)


@settings(deadline=None, max_examples=30)
@given(st.floats(-1e300, 1e300).filter(lambda c: abs(c) > 1e-300), st.integers(1, 9))
def test_coefficients_are_rounded_once(c: float, l: int) -> None:
    """Those of a pair, ±c and ±2c over sqrt(2l+1), are the doubles nearest to what 60 decimals give."""
    (function,) = c_tilde_functions([BFunction((0, 0), (1, 2), (l, l), (), (c,))])
    with localcontext() as context:
        context.prec = 60
        size = Decimal(c) / Decimal(2 * l + 1).sqrt()
        expected = {}
        for m in range(-l, l + 1):
            sign = -1 if (l + m) % 2 else 1
            expected[m, -m] = float(sign * (2 if m else 1) * size)
    assert len(function.ms) == l + 1
    assert all(values == (expected[ms],) for ms, values in zip(function.ms, function.coefficients, strict=True))


def test_functions_with_the_same_factors_become_one() -> None:
    """In whatever order the factors are, and however they are coupled; ranks come first, then elements, n and l."""
    functions = [
        BFunction((1, 0, 0, 1), (1, 1, 1, 1), (1, 1, 1, 1), (2, 2), (1.0,)),
        BFunction((0, 0, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), (0, 0), (0.5,)),
        BFunction((1, 0), (1, 2), (2, 2), (), (1.0,)),
        BFunction((1,), (3,), (0,), (), (1.0,)),
        BFunction((0, 0), (2, 1), (1, 1), (), (1.0,)),
    ]
    found = c_tilde_functions(functions)
    assert [(f.elements, f.ns, f.ls) for f in found] == [
        ((1,), (3,), (0,)),
        ((0, 0), (1, 2), (1, 1)),
        ((0, 1), (2, 1), (2, 2)),
        ((0, 0, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1)),
    ]
    assert all(len(set(f.ms)) == len(f.ms) for f in found)


def test_what_cancels_is_left_out() -> None:
    """Opposite coefficients, coefficients zero in all densities, and functions that vanish by symmetry."""
    pair = BFunction((0, 0), (1, 2), (1, 1), (), (0.1, 0.7))
    swapped = BFunction((0, 0), (2, 1), (1, 1), (), (-0.1, -0.7))
    zero = BFunction((0,), (1,), (0,), (), (0.0, 0.0))
    curl = BFunction((0,) * 4, (1,) * 4, (1,) * 4, (1, 1), (1.0, 1.0))
    assert c_tilde_functions([pair, swapped, zero, curl]) == ()
    one_density = BFunction((0,), (1,), (0,), (), (0.0, 1.0))
    assert [f.coefficients for f in c_tilde_functions([one_density])] == [((0.0, 1.0),)]
