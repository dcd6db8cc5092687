"""The layout of a design matrix, by definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st
from structures import quartz_like

import acegen
from acegen.fit.columns import Columns, residuals
from acegen.fit.problem import Solution

Seeds = st.integers(0, 10**6)
LAYOUTS = st.builds(
    lambda composition, elements, functions: Columns(composition, elements * functions, elements),
    st.integers(0, 4),
    st.integers(1, 4),
    st.integers(0, 6),
)


def numbered(columns: Columns) -> list[str]:
    """A name for each column, in order."""
    size = columns.n_functions // columns.n_elements
    functions = [f"function {k} of element {e}" for e in range(columns.n_elements) for k in range(size)]
    return [*(f"direction {k}" for k in range(columns.n_composition)), *functions, "target"]


def some_of(columns: Columns, data: st.DataObject) -> np.ndarray:
    """Numbers of some functions, in ascending order."""
    n = columns.n_functions
    return np.flatnonzero(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))


@given(columns=LAYOUTS, data=st.data())
def test_slices_say_what_is_where(columns: Columns, data: st.DataObject) -> None:
    """Composition, functions and target are all columns, once, in this order; numbers of functions start at theirs."""
    names = np.array(numbered(columns), dtype=object)
    assert columns.count == len(names)
    assert columns.n_coefficients == len(names) - 1
    assert all(name.startswith("direction") for name in names[columns.composition])
    assert all(name.startswith("function") for name in names[columns.functions])
    assert names[columns.target] == "target"
    parts = [*names[columns.composition], *names[columns.functions], names[columns.target]]
    assert parts == list(names)
    chosen = np.flatnonzero(
        data.draw(st.lists(st.booleans(), min_size=columns.n_functions, max_size=columns.n_functions))
    )
    assert list(names[columns.of_functions(chosen)]) == list(names[columns.functions][chosen])
    kept = [n for i, n in enumerate(names) if not n.startswith("f") or i - columns.n_composition in chosen]
    assert list(names[columns.with_functions(chosen)]) == kept


@given(columns=LAYOUTS, seed=Seeds, k=st.integers(1, 3), data=st.data())
def test_coefficients_and_rows_agree(columns: Columns, seed: int, k: int, data: st.DataObject) -> None:
    """Residuals of whole coefficients are those of composition and chosen functions by themselves, less the target."""
    rng = np.random.default_rng(seed)
    chosen = np.flatnonzero(
        data.draw(st.lists(st.booleans(), min_size=columns.n_functions, max_size=columns.n_functions))
    )
    rows = rng.normal(size=(5, columns.count))
    composition, functions = rng.normal(size=(columns.n_composition, k)), rng.normal(size=(len(chosen), k))
    whole = columns.whole(composition, functions, chosen)
    assert whole.shape == (columns.n_coefficients, k)
    expected = rows[:, : columns.n_composition] @ composition - rows[:, -1:]
    for place, number in enumerate(chosen):
        expected = expected + np.outer(rows[:, columns.n_composition + number], functions[place])
    np.testing.assert_allclose(residuals(rows, whole), expected, atol=1e-12)
    directions = rng.normal(size=(columns.n_composition, min(1, columns.n_composition)))
    combined = columns.combined(rows, directions)
    fewer = Columns(directions.shape[1], columns.n_functions, columns.n_elements)
    np.testing.assert_allclose(combined[:, fewer.composition], rows[:, columns.composition] @ directions)
    np.testing.assert_array_equal(combined[:, fewer.functions], rows[:, columns.functions])
    np.testing.assert_array_equal(combined[:, fewer.target], rows[:, columns.target])


@given(columns=LAYOUTS, seed=Seeds)
def test_solutions_are_parts_of_coefficients(columns: Columns, seed: int) -> None:
    """A solution and a step of it, put together again, are the coefficients and their step."""
    rng = np.random.default_rng(seed)
    whole, root, z = (
        rng.normal(size=columns.n_coefficients),
        rng.normal(size=(columns.n_coefficients, 3)),
        rng.normal(size=3),
    )
    solution = Solution.of(columns, whole)
    assert len(solution.composition) == columns.n_composition
    np.testing.assert_array_equal(np.concatenate([solution.composition, solution.functions]), whole)
    moved = solution.moved(columns, root, z)
    np.testing.assert_allclose(np.concatenate([moved.composition, moved.functions]), whole + root @ z, atol=1e-12)
    by_element = columns.by_element(solution.functions)
    assert len(by_element) == columns.n_elements
    np.testing.assert_array_equal(np.concatenate(list(by_element)), solution.functions)
    np.testing.assert_array_equal(columns.in_order(by_element), solution.functions)


def test_design_rows_have_the_columns_of_their_model(models: Callable[[str], acegen.Model]) -> None:
    """Energies of design rows are sums of descriptors by element of the centre, in the order of `by_element`."""
    model, atoms = models("oxide"), quartz_like()
    assert isinstance(atoms, Atoms)
    columns = Columns.of_model(model, 1)
    assert (columns.count, columns.n_elements) == (2 + len(model.elements) * model.n_basis, len(model.elements))
    energy = columns.by_element(model.design_rows(atoms).energy)
    symbols, descriptors = np.array(atoms.get_chemical_symbols()), model.descriptors(atoms)
    for element, row in zip(model.elements, energy, strict=True):
        expected = descriptors[symbols == element].sum(axis=0)
        np.testing.assert_allclose(row, expected, atol=1e-9 * np.abs(descriptors).max())


@pytest.mark.parametrize("wrong", [(-1, 2, 1), (0, -2, 1), (1, 3, 2), (1, 0, 0)])
def test_columns_that_cannot_be(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="there are no such columns"):
        Columns(*wrong)
