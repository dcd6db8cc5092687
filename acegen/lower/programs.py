"""From a basis to the kernel programs of its two kernels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import flint
from flint import fmpq

from acegen.algebra.field import Rational
from acegen.basis.definitions import resolve_definitions
from acegen.basis.derive import Basis
from acegen.lower.expansion import ProductExpansion, fold_coefficients
from acegen.lower.one_particle import one_particle_functions, radial_formula
from acegen.lower.rounding import WORKING_BITS, root, rounded
from acegen.lower.terms import inner_switch, pair_energies, pair_functions, zbl_core
from acegen.program.embedding import Embedding, FinnisSinclair, Identity, ShiftedFinnisSinclair
from acegen.program.kernel import KernelProgram, Notes, Outputs, Row


def descriptor_program(expansion: ProductExpansion) -> KernelProgram:
    """All functions of a basis.

    These are combinations of coupled functions (purification with scales), which are combinations of the products. Of
    an expansion with coupled invariants, the functions of a coupled label are replaced by its invariants.
    """
    basis = expansion.basis
    program = _without_outputs(expansion)
    pair = pair_functions(basis, resolve_definitions(basis.spec))
    coupling, place = _coupling(expansion)
    outputs = Outputs(_names(basis), coupling, (_purification(expansion, place),))
    return replace(program, outputs=outputs, pair=pair)


def _coupling(expansion: ProductExpansion) -> tuple[tuple[Row, ...], Mapping[int, int]]:
    """Coupled functions as combinations of products, or invariants in their place; and the numbers of the latter."""
    n_products = len(expansion.products)
    rows: list[Row] = []
    place: dict[int, int] = {}
    for function, row in zip(expansion.basis.functions, expansion.coupling, strict=True):
        label = expansion.labels.get(function.label)
        if label is None:
            rows.append(tuple((product, rounded(value)) for product, value in row))
            continue
        term = n_products + label.scalars[function.number]
        place[term] = len(rows)
        rows.append(((term, 1.0),))
    return tuple(rows), place


def _purification(expansion: ProductExpansion, place: Mapping[int, int]) -> tuple[Row, ...]:
    """Each B_i as a combination of coupled functions and invariants, rounded once."""
    basis, n_products = expansion.basis, len(expansion.products)
    norms = {place[n_products + scalar]: root(1 / square) for scalar, square in enumerate(expansion.squares)}
    one = root(fmpq(1))
    rows = []
    for purification, scale_squared in zip(basis.purification, basis.scales_squared, strict=True):
        total: defaultdict[int, Rational] = defaultdict(fmpq)
        for function, weight in purification:
            if basis.functions[function].label not in expansion.labels:
                total[function] += weight
                continue
            for term, value in expansion.coupling[function]:
                total[place[term]] += weight * value
        scale = root(scale_squared)
        with flint.ctx.workprec(WORKING_BITS):
            rows.append(
                tuple(
                    (column, float(scale * norms.get(column, one) * value))
                    for column, value in sorted(total.items())
                    if value
                )
            )
    return tuple(rows)


def potential_program(
    expansion: ProductExpansion,
    coefficients: Mapping[str, Sequence[float]],
    atomic_energies: Mapping[str, float] | None = None,
) -> KernelProgram:
    """The site energy for given coefficients: an output for each density, linear in the products and invariants.

    Args:
        expansion: the basis in products.
        coefficients: for each element, one number per basis function; with several densities those of the pair
            functions, then of all other functions for the first density, for the second, ...
        atomic_energies: by element, eV; zero if not given.

    Raises:
        CoefficientError: a sum of coefficients is too large for a double.
    """
    basis, species = expansion.basis, expansion.basis.spec.species
    pair = pair_energies(basis, resolve_definitions(basis.spec), basis.split(coefficients)[0])
    energies = tuple((atomic_energies or {}).get(symbol, 0.0) for symbol in species)
    folded = [fold_coefficients(expansion, own) for own in density_coefficients(basis, coefficients)]
    return replace(potential_of_products(expansion, folded), pair=pair, atomic_energies=energies)


def density_coefficients(basis: Basis, coefficients: Mapping[str, Sequence[float]]) -> list[dict[str, list[float]]]:
    """For each density, the coefficients of the functions B_i by element; arguments as for `potential_program`."""
    of_products, count = basis.split(coefficients)[1], basis.n_coupled
    return [
        {element: list(values[p * count : (p + 1) * count]) for element, values in of_products.items()}
        for p in range(basis.spec.n_densities)
    ]


def potential_of_products(
    expansion: ProductExpansion, folded: Sequence[Mapping[str, Sequence[float]]]
) -> KernelProgram:
    """The same for given coefficients of the products and invariants, by density and element, without a pair term."""
    program, embedding = _without_outputs(expansion), expansion.basis.spec.embedding
    rows = tuple(tuple(tuple(enumerate(map(float, own[symbol]))) for own in folded) for symbol in program.species)
    names = tuple(f"density {p}" for p in range(1, len(folded) + 1)) if embedding else ("many-body energy",)
    function: Embedding = Identity()
    if embedding is not None:
        kind = ShiftedFinnisSinclair if embedding.function == "finnis-sinclair-shifted" else FinnisSinclair
        function = kind(embedding.terms)
    return replace(program, outputs=Outputs(names, None, rows), embedding=(function,) * len(program.species))


def _without_outputs(expansion: ProductExpansion) -> KernelProgram:
    """What both programs of a basis have in common."""
    basis, layout, spec = expansion.basis, expansion.layout, expansion.basis.spec
    definitions = resolve_definitions(spec)
    zbl = zbl_core(spec, definitions)
    notes = Notes(
        title=spec.title,
        radial=radial_formula(basis, layout.n_radial),
        angular=basis.angular.formula,
        expansion=spec.basis.expansion,
        max_order=spec.basis.order,
    )
    return KernelProgram(
        name=spec.name,
        symmetry=spec.basis.symmetry,
        dimension=basis.angular.dimension,
        species=spec.species,
        one_particle=one_particle_functions(basis, layout, definitions),
        layout=layout,
        contraction=None,
        products=expansion.products,
        coupled=expansion.coupled,
        outputs=Outputs((), None, ((),)),
        embedding=None,
        pair=None,
        references=() if zbl is None else (zbl,),
        inner=inner_switch(spec),
        core=None,
        atomic_energies=(0.0,) * len(spec.species),
        notes=notes,
    )


def _names(basis: Basis) -> tuple[str, ...]:
    """B(channel, ...) of each B_i: species, n and l of every factor, and a number where a label has several."""
    species = basis.spec.species
    numbers = [function.number for function in basis.functions[: basis.n_coupled]]
    several = {f.label for f, number in zip(basis.functions, numbers, strict=False) if number}
    names = []
    for function in basis.functions[: basis.n_coupled]:
        channels = " ".join(f"{species[c.species]},{c.n},{c.l}" for c in function.label)
        names.append(f"B({channels})" + (f"[{function.number + 1}]" if function.label in several else ""))
    return tuple(names)
