"""The forms of a potential: which there are, what is left out, and that all of them compute the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from acegen.algebra import build_algebra
from acegen.basis import Basis, derive_basis
from acegen.codegen.backend import Machine, choose_backend
from acegen.errors import BuildError
from acegen.forms import Form, LinearPrograms, possible_forms
from acegen.lower import needed_labels, potential_program
from acegen.options import BuildOptions, ProductForm
from acegen.program.interpreter import run_potential
from acegen.spec import load_spec

BACKEND = choose_backend(BuildOptions(), Machine(32, 16))


def basis_of(**basis: Any) -> Basis:
    spec = {"name": "forms", "basis": {"elements": ["Si", "O"], **basis}, "radial": {"cutoff": 5.0}}
    if "symmetry" in basis:
        spec = {"name": "forms", "basis": basis}
    return derive_basis(build_algebra(load_spec(spec)))


def forms_of(basis: Basis, coefficients: Mapping[str, Sequence[float]], form: ProductForm = "auto") -> tuple[Form, ...]:
    fold = partial(potential_program, coefficients=coefficients)
    return possible_forms(LinearPrograms(basis, None if coefficients is None else [coefficients], fold), BACKEND, form)


def random_coefficients(basis: Basis, kept: float = 1.0) -> dict[str, list[float]]:
    rng = np.random.default_rng(2)
    shape = len(basis.spec.species), basis.n_basis
    values = rng.normal(size=shape) * (rng.random(shape) < kept)
    return dict(zip(basis.spec.species, values.tolist(), strict=True))


def energies(form: Form, basis: Basis) -> np.ndarray:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(7, 3)) * 1.7
    species = rng.integers(0, len(basis.spec.species), 7).tolist()
    return np.array([run_potential(form.potential, center, species, x)[0] for center in range(len(basis.spec.species))])


@pytest.mark.parametrize("kept", [1.0, 0.1, 0.02])
def test_all_forms_are_the_same_potential(kept: float) -> None:
    """With different coefficients that are zero for each element."""
    basis = basis_of(order=4, level=6)
    coefficients = random_coefficients(basis, kept)
    found = [*forms_of(basis, coefficients), *forms_of(basis, coefficients, "straight")]
    assert {form.name for form in found} == {"coupled", "products"}
    expected = energies(found[-1], basis)
    for form in found:
        np.testing.assert_allclose(energies(form, basis), expected, rtol=1e-12)


def test_what_no_coefficient_needs_is_left_out() -> None:
    """One function of order 3: its label, and what purification adds; products and invariants of no other label."""
    basis = basis_of(order=3, level=7)
    values = [0.0] * basis.n_basis
    values[-1] = 1.0
    coefficients = {"Si": values, "O": [0.0] * basis.n_basis}
    labels = needed_labels(basis, coefficients)
    assert basis.functions[basis.n_coupled - 1].label in labels
    assert len(labels) < 0.2 * len({function.label for function in basis.functions})
    forms = {form.name: form for form in forms_of(basis, coefficients)}
    coupled, products = forms["coupled"].potential, forms["products"].potential
    assert coupled.coupled is not None
    assert len(coupled.products) + len(coupled.coupled.scalars) == len(labels)
    assert forms["products"].stage.n_terms == len(products.products)


def test_large_models_are_coupled_without_looking_at_products(monkeypatch: pytest.MonkeyPatch) -> None:
    basis = basis_of(order=3, level=6)
    coefficients = random_coefficients(basis)
    assert len(forms_of(basis, coefficients)) == 2
    monkeypatch.setattr("acegen.forms.MOST_TERMS", 10)
    assert [form.name for form in forms_of(basis, coefficients)] == ["coupled"]


def test_all_zero() -> None:
    basis = basis_of(order=2, level=5)
    (form,) = forms_of(basis, {"Si": [0.0] * basis.n_basis, "O": [0.0] * basis.n_basis})
    assert form.name == "products"
    assert form.stage.n_terms == 0


def test_what_cannot_be_coupled() -> None:
    """Products of A's in any case, and a clear message if coupled ones are asked for."""
    basis = basis_of(symmetry="none", order=2, level=4)
    coefficients = random_coefficients(basis)
    assert [form.name for form in forms_of(basis, coefficients)] == ["products"]
    with pytest.raises(BuildError, match="products = 'coupled' is not possible for 'forms': only models of atoms"):
        forms_of(basis, coefficients, "coupled")


def test_labels_of_large_order_stay_products() -> None:
    """Order 6: both kinds in one program."""
    basis = basis_of(order=6, level=6)
    coefficients = random_coefficients(basis)
    coupled, straight = forms_of(basis, coefficients, "coupled")[0], forms_of(basis, coefficients, "straight")[0]
    assert coupled.potential.coupled is not None
    assert {len(product) for product in coupled.potential.products} == {6}
    np.testing.assert_allclose(energies(coupled, basis), energies(straight, basis), rtol=1e-11)
