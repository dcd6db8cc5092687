"""Derivatives in the basis kernel of the lanes backend: the tables that its code runs through."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from coupled_cases import at_random
from program_cases import Case

from acegen.codegen.coupled_terms import real_terms
from acegen.codegen.lanes.functions import BasisFunctions, basis_functions
from acegen.codegen.lanes.slopes import SlopeTables, transposition
from acegen.lower import coupled_products, descriptor_program, expand_products, pairing_choices
from acegen.program import KernelProgram
from acegen.program.coupled import CoupledProducts
from acegen.program.coupled_interpreter import coupled_components
from acegen.program.interpreter import Floats
from acegen.spec import load_spec

SPECS = {
    "three": {"basis": {"elements": ["Si"], "order": 3, "level": 9, "angular_weight": "3/4"}},
    "alloy": {"basis": {"elements": ["Si", "O"], "order": 4, "level": [6, 6, 6, 5], "angular_weight": "3/4"}},
    "five": {"basis": {"elements": ["Si"], "order": 5, "level": 7, "angular_weight": "1/2"}},
}


def program(key: str, part: float) -> KernelProgram:
    """Descriptors with part of the labels coupled, by any candidates."""
    basis = Case(load_spec({"name": key, "radial": {"cutoff": 5.0}, **SPECS[key]})).expansion.basis
    choices = pairing_choices(basis)
    chosen = at_random(choices, np.random.default_rng(1), part)
    return descriptor_program(expand_products(basis, coupled_products(choices, chosen)))


def components(coupled: CoupledProducts, own: KernelProgram, pooled: Floats) -> list[Floats]:
    """c_-l .. c_l of every value, by the interpreter in complex numbers."""
    found = []
    for value in coupled_components(coupled, own.layout, pooled):
        positive = value[:, 0]
        found.append(np.concatenate([positive[:0:-1].imag, positive.real]))
    return found


@pytest.mark.parametrize("lanes", [2, 4, 8, 16])
def test_transposition(lanes: int) -> None:
    """The exchanges, done on numbers, transpose any square."""
    rows = np.random.default_rng(0).normal(size=(lanes, lanes))
    moved = rows.copy()
    for step in transposition(lanes):
        both = np.concatenate([moved[step.low], moved[step.high]])
        moved[step.low], moved[step.high] = both[list(step.first)], both[list(step.second)]
    np.testing.assert_array_equal(moved, rows.T)


@pytest.mark.parametrize("key", SPECS)
def test_real_terms_couple_as_complex_ones(key: str) -> None:
    """All nodes, of either parity, from the real components of their factors."""
    own = program(key, 1.0)
    coupled = own.coupled
    assert coupled is not None
    values = components(coupled, own, np.random.default_rng(2).normal(size=own.layout.size))
    for node, wanted in zip(coupled.nodes, values[len(coupled.channels) :], strict=True):
        left, right = values[node.left], values[node.right]
        found = np.zeros(2 * node.l + 1)
        for row, m1, m2, weight in real_terms(
            coupled.by_degrees[coupled.degrees[node.left], coupled.degrees[node.right], node.l]
        ):
            found[row] += weight * left[m1] * right[m2]
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_lists_of_two_functions() -> None:
    """What both depend on comes first, with the derivatives of both beside each other."""
    tables = SlopeTables()
    tables.add([(7,)], [])
    a, b, c = (0, 1, 2), (3,), (5, 6)
    lists, first, second = tables.add([a, b], [a, c])
    assert tables.used[lists.used :] == [0, 1, 2, 3, 5, 6]
    assert (lists.slope, lists.common, lists.first, lists.second) == (1, 3, 1, 2)
    assert (first[a], second[a]) == ((1, 2), (2, 2))
    assert (first[b], second[c]) == ((7, 1), (8, 1))
    assert tables.count == 1 + 2 * 3 + 1 + 2


def written(functions: BasisFunctions) -> Counter[int]:
    """How often each derivative of an invariant, or of a value by its factors, is written first."""
    code = functions.coupled
    assert code is not None
    found: Counter[int] = Counter()
    width = {False: "left", True: "right"}
    for copy in code.copies:
        found.update({copy.target + copy.step * k: 1 for k in range(copy.width) if not copy.add})
    pull = 0
    for node in reversed(code.nodes):
        coupling = code.couplings[node.coupling]
        for entry in code.pulls[pull : node.pulls]:
            size = getattr(coupling, width[bool(entry.right)])
            found.update({entry.target + entry.step * k: 1 for k in range(size) if not entry.add})
        pull = node.pulls
    return found


@pytest.mark.parametrize(("key", "part"), [("three", 1.0), ("alloy", 0.6), ("alloy", 1.0), ("five", 0.8)])
def test_every_derivative_is_computed_once(key: str, part: float) -> None:
    """No derivative is left out or overwritten, whichever way it is reached; those of products stand after them."""
    own = program(key, part)
    functions = basis_functions(own, 8)
    code = functions.coupled
    assert code is not None
    times = written(functions)
    assert set(times.values()) == {1}
    place, missing = functions.first_slope, set()
    for lists in functions.lists[: functions.monomials]:
        for one in lists:
            size = 2 * one.common + one.first + one.second
            missing |= {k for k in range(place + one.slope, place + one.slope + size) if k not in times}
    assert not missing
    assert len(functions.order) % 8 == 0
    assert sorted(f for f in functions.order if f is not None) == list(range(len(own.orders)))
