"""The forms in which a potential can be evaluated, each lowered and optimized, and the one that costs least.

form      products
--------  -----------------------------------------------------------------------------------------------
coupled   values coupled to definite angular momenta, chosen to be shared by many functions; loops over tables
straight  products of A's as straight-line code
compact   products of A's in tables

The first is one kernel program, the other two are another: which of them are made at all depends on their size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

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
from acegen.progress import Progress
from acegen.yace.description import functions_in_words
from acegen.yace.lowering.coupled import coupled_program_of
from acegen.yace.lowering.program import Expanded, expanded, product_program_of
from acegen.yace.potential import YacePotential
from acegen.yace.reading import read_potential

MOST_TERMS = 4000
"""With more terms in products of A's, these are not looked at unless asked for: coupled products cost much less."""


class Programs(Protocol):
    """A potential as kernel programs, each made when it is asked for."""

    @property
    def name(self) -> str:
        """Of the model."""
        ...

    @property
    def n_terms(self) -> int:
        """How many products of A's it has at most."""
        ...

    @property
    def coupling_needs(self) -> str:
        """Which potentials have coupled products, in words."""
        ...

    def coupled(self) -> KernelProgram | None:
        """In coupled products; None if none can be coupled.

        Raises:
            AcegenError: a number is too large for a double.
        """
        ...

    def products(self) -> KernelProgram:
        """In products of A's. Raises as `coupled`."""
        ...


@dataclass(frozen=True)
class Form:
    """A potential in one form.

    Attributes:
        name: the form; "products" if A's are multiplied, in the cheaper of both ways.
        potential: the kernel program.
        stage: its product stage.
    """

    name: str
    potential: KernelProgram
    stage: ProductStage


def possible_forms(programs: Programs, backend: Backend, form: ProductForm) -> tuple[Form, ...]:
    """The potential in each form that comes into question, the cheapest first.

    Args:
        programs: the potential.
        backend: optimizes it.
        form: the form to use, or "auto".

    Raises:
        BuildError: the backend does not support the program, or nothing can be coupled and this was asked for.
        AcegenError: a number of the potential is too large for a double.
    """
    return optimized(lowered(programs, form), backend, form)


def lowered(programs: Programs, form: ProductForm) -> Mapping[str, KernelProgram]:
    """The programs that come into question by the name of their form. Raises as `possible_forms`."""
    found = {}
    if form in ("auto", "coupled"):
        coupled = programs.coupled()
        if coupled is not None:
            found["coupled"] = coupled
    if form == "coupled" and not found:
        raise BuildError(
            f"products = 'coupled' is not possible for '{programs.name}': only {programs.coupling_needs} have coupled "
            "products; use auto."
        )
    if not found or (form == "auto" and programs.n_terms <= MOST_TERMS):
        found["products"] = programs.products()
    return found


def sizes_in_words(found: Mapping[str, KernelProgram]) -> str:
    """How many products and A's the programs of a potential have."""
    counts = {
        name: len(program.products) + (len(program.coupled.scalars) if program.coupled else 0)
        for name, program in found.items()
    }
    pooled = max(program.layout.size for program in found.values())
    return f"{', '.join(f'{count:,} {name}' for name, count in counts.items())}, of {pooled:,} pooled functions"


def optimized(found: Mapping[str, KernelProgram], backend: Backend, form: ProductForm) -> tuple[Form, ...]:
    """The programs with their product stages, the cheapest first. Raises as `possible_forms`."""
    forms = [
        Form(name, program, backend.optimize(program, "auto" if name == "coupled" else form))
        for name, program in found.items()
    ]
    return tuple(sorted(forms, key=lambda one: backend.seconds(one.stage.cost)))


Fold = Callable[[ProductExpansion], KernelProgram]
"""Makes the program of a potential for a basis in given products."""


@dataclass(frozen=True)
class LinearPrograms:
    """The potential of a basis and coefficients; see `Programs`.

    Attributes:
        basis: the basis.
        coefficients: of its functions by density and element, to leave out what none of them needs; None if all are
            needed.
        fold: makes the program, with these coefficients.
        whole: the coupled expansion of all labels, if it is there already.
    """

    basis: Basis
    coefficients: Sequence[Coefficients] | None
    fold: Fold
    whole: ProductExpansion | None = None

    @property
    def name(self) -> str:
        return self.basis.spec.name

    @property
    def n_terms(self) -> int:
        return sum(len(function.polynomial) for function in self.basis.functions)

    @property
    def coupling_needs(self) -> str:
        return (
            f"models of atoms, with functions of order {LARGEST_ORDER} or less that have coefficients other than zero,"
        )

    def coupled(self) -> KernelProgram | None:
        expansion, labels = self.whole, self._labels
        if expansion is None or (
            labels is not None and set(labels) < {function.label for function in self.basis.functions}
        ):
            expansion = coupled_expansion(self.basis, labels)
        return None if expansion is None else self.fold(expansion)

    def products(self) -> KernelProgram:
        return self.fold(expand_products(self.basis, None, self._labels))

    @cached_property
    def _labels(self) -> Sequence[Label] | None:
        if self.coefficients is None:
            return None
        own = {f"{element} {p}": row for p, of in enumerate(self.coefficients) for element, row in of.items()}
        return needed_labels(self.basis, own)


def coupled_expansion(basis: Basis, labels: Sequence[Label] | None = None) -> ProductExpansion | None:
    """A basis in coupled products, by the cheapest choice for some labels, or all; None if none can be coupled."""
    choices = pairing_choices(basis, labels)
    coupled = coupled_products(choices, choose_invariants(choices))
    return None if coupled is None else expand_products(basis, coupled, labels)


@dataclass(frozen=True)
class FilePrograms:
    """A potential from a file; see `Programs`.

    Attributes:
        potential: the potential.
        name: of the model.
    """

    potential: YacePotential
    name: str

    @property
    def n_terms(self) -> int:
        """With Π (a_t + i b_t) multiplied out: a factor of m = 0 is real, and only the real part is needed."""
        functions = (function for own in self.potential.functions for function in own)
        factors = (sum(m != 0 for m in ms) for function in functions for ms in function.ms)
        return sum(2 ** max(0, count - 1) for count in factors)

    @property
    def coupling_needs(self) -> str:
        return (
            f"potentials with functions of rank {LARGEST_ORDER} or less, whose combinations of m are invariant under "
            "rotations,"
        )

    def coupled(self) -> KernelProgram | None:
        return coupled_program_of(self._expanded, self.name)

    def products(self) -> KernelProgram:
        return product_program_of(self._expanded, self.name)

    @cached_property
    def _expanded(self) -> Expanded:
        """What both programs are made of."""
        return expanded(self.potential)


def file_forms(
    source: str | Path | YacePotential,
    name: str,
    backend: Backend,
    form: ProductForm,
    progress: Progress,
) -> tuple[YacePotential, tuple[Form, ...]]:
    """Read, lower and optimize a potential file: the potential, and its forms, the cheapest first.

    Args:
        source: the file, or what was read from one.
        name: of the model.
        backend: writes the kernels.
        form: the form that is asked for.
        progress: told about each stage.

    Raises:
        PotentialError, BuildError: with one clear message.
    """
    with progress.stage("read"):
        potential = source if isinstance(source, YacePotential) else read_potential(source)
        progress.report(functions_in_words(potential))
    with progress.stage("lower"):
        programs = lowered(FilePrograms(potential, name), form)
        progress.report(sizes_in_words(programs))
    with progress.stage("optimize"):
        forms = optimized(programs, backend, form)
        progress.report(cost_in_words(forms[0]))
    return potential, forms


def cost_in_words(form: Form) -> str:
    """What the product stage of a form came to."""
    return f"{form.stage.reports[-1].result}, {form.stage.cost.multiply_adds:,} multiply-adds a centre"
