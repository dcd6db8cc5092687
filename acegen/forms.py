"""The forms in which a potential can be evaluated, each lowered and optimized, and the one that costs least.

form      products
--------  -----------------------------------------------------------------------------------------------
coupled   values coupled to definite angular momenta, chosen to be shared by many functions; loops over tables
straight  products of A's as straight-line code
compact   products of A's in tables
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from acegen.basis.derive import Basis
from acegen.basis.labels import Label
from acegen.codegen.backend import Backend
from acegen.errors import BuildError
from acegen.lower import (
    Coefficients,
    ProductExpansion,
    coupled_products,
    expand_products,
    needed_labels,
    pairing_choices,
)
from acegen.lower.pairings import LARGEST_ORDER
from acegen.optimize import ProductStage, choose_invariants
from acegen.options import ProductForm
from acegen.program.kernel import KernelProgram

MOST_TERMS = 4000
"""With more terms in products of A's, these are not looked at unless asked for: coupled products cost much less."""


@dataclass(frozen=True)
class Form:
    """A potential in one form.

    Attributes:
        name: the form; "products" if A's are multiplied, in the cheaper of both ways.
        expansion: the basis in these products.
        potential: the kernel program.
        stage: its product stage.
    """

    name: str
    expansion: ProductExpansion
    potential: KernelProgram
    stage: ProductStage


Fold = Callable[[ProductExpansion], KernelProgram]
"""Makes the program of a potential for a basis in given products."""


def coupled_expansion(basis: Basis, labels: Sequence[Label] | None = None) -> ProductExpansion | None:
    """A basis in coupled products, by the cheapest choice for some labels, or all; None if none can be coupled."""
    choices = pairing_choices(basis, labels)
    coupled = coupled_products(choices, choose_invariants(choices))
    return None if coupled is None else expand_products(basis, coupled, labels)


def possible_forms(
    basis: Basis,
    coefficients: Coefficients | None,
    fold: Fold,
    backend: Backend,
    form: ProductForm,
    whole: ProductExpansion | None = None,
) -> tuple[Form, ...]:
    """The potential in each form that comes into question, the cheapest first.

    Args:
        basis: the basis.
        coefficients: of its functions by element, to leave out what none of them needs; None if all are needed.
        fold: makes the program, with these coefficients.
        backend: optimizes it.
        form: the form to use, or "auto".
        whole: the coupled expansion of all labels, if it is there already.

    Raises:
        BuildError: the backend does not support the program, or nothing can be coupled and this was asked for.
        CoefficientError: a sum of coefficients is too large for a double.
    """
    forms = []
    labels = None if coefficients is None else needed_labels(basis, coefficients)
    if form in ("auto", "coupled"):
        if whole is None or (labels is not None and set(labels) < {function.label for function in basis.functions}):
            whole = coupled_expansion(basis, labels)
        if whole is not None:
            forms.append(_form("coupled", whole, fold, backend, "auto"))
    if form == "coupled" and not forms:
        raise BuildError(
            f"products = 'coupled' is not possible for '{basis.spec.name}': only models of atoms, with functions of "
            f"order {LARGEST_ORDER} or less that have coefficients other than zero, have coupled products; use auto."
        )
    terms = sum(len(function.polynomial) for function in basis.functions)
    if not forms or (form == "auto" and terms <= MOST_TERMS):
        forms.append(_form("products", expand_products(basis, None, labels), fold, backend, form))
    return tuple(sorted(forms, key=lambda one: backend.seconds(one.stage.cost)))


def _form(name: str, expansion: ProductExpansion, fold: Fold, backend: Backend, form: ProductForm) -> Form:
    potential = fold(expansion)
    return Form(name, expansion, potential, backend.optimize(potential, form))
