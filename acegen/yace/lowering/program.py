"""A potential as a kernel program: the densities as polynomials in A's, the embedding, the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from acegen.errors import CoefficientError
from acegen.lower.rounding import nearest_double
from acegen.program.checks import check_program
from acegen.program.coupled import CoupledProducts
from acegen.program.kernel import ATOMS, KernelProgram, Notes, Outputs, Product, Row
from acegen.program.layout import PooledLayout
from acegen.yace.lowering.core import core_of
from acegen.yace.lowering.densities import density_weights, embedding_function
from acegen.yace.lowering.one_particle import Pooling, numbering, pooling
from acegen.yace.lowering.products import Polynomials, Slot, expand_functions
from acegen.yace.potential import PaceBond, YacePotential

_ANGULAR = "S_lm = Q_l^|m|(z) Re or Im (x+iy)^|m|, Q_l^m = d^m P_l / dz^m (Re for m >= 0, Im for m < 0)"


@dataclass(frozen=True)
class Expanded:
    """A potential whose densities are polynomials in A's.

    Attributes:
        potential: the potential.
        pooling: the A's.
        polynomials: the densities.
    """

    potential: YacePotential
    pooling: Pooling
    polynomials: Polynomials


@dataclass(frozen=True)
class Densities:
    """The densities in products of A's and, after these, in invariants.

    Attributes:
        products: ascending positions of A's.
        coupled: the invariants; None without any.
        rows: weights by centre and density; nothing for a density that is zero.
    """

    products: tuple[Product, ...]
    coupled: CoupledProducts | None
    rows: Mapping[Slot, Row]


def expanded(potential: YacePotential) -> Expanded:
    """The densities of a potential in A's, exactly."""
    numbers = numbering(potential)
    expansion = expand_functions(potential, numbers)
    return Expanded(potential, pooling(potential, numbers, expansion.sums), expansion.polynomials)


def product_program(potential: YacePotential, name: str) -> KernelProgram:
    """The potential in products of A's.

    Args:
        potential: the potential.
        name: of the model, prefix of symbols.

    Raises:
        CoefficientError: a sum of coefficients is too large for a double.
        ProgramError: numbers of the potential do not make a program, such as a rate that is zero.
    """
    return product_program_of(expanded(potential), name)


def product_program_of(own: Expanded, name: str) -> KernelProgram:
    """The same of a potential that is expanded already."""
    return assembled(own, name, in_products(own.polynomials, own.pooling.layout))


def in_products(polynomials: Polynomials, layout: PooledLayout) -> Densities:
    """Densities in products, by order and position of their factors; each weight rounded once."""
    terms: dict[Product, list[tuple[Slot, float]]] = {}
    for label, polynomial in polynomials.items():
        for ms, coefficients in polynomial.items():
            positions = (layout.index(*channel, m) for channel, m in zip(label, ms, strict=True))
            weights = [(slot, nearest_double(value)) for slot, value in coefficients.items()]
            if any(weight for _, weight in weights):
                terms[tuple(sorted(positions))] = [(slot, weight) for slot, weight in weights if weight]
    products = tuple(sorted(terms, key=lambda product: (len(product), product)))
    rows: dict[Slot, list[tuple[int, float]]] = {}
    for position, product in enumerate(products):
        for slot, weight in terms[product]:
            rows.setdefault(slot, []).append((position, weight))
    return Densities(products, None, {slot: tuple(row) for slot, row in rows.items()})


def assembled(own: Expanded, name: str, densities: Densities) -> KernelProgram:
    """The program with these densities, checked."""
    potential = own.potential
    counts = [len(density_weights(embedding)) for embedding in potential.embeddings]
    rows = tuple(
        tuple(densities.rows.get((center, density), ()) for density in range(count))
        for center, count in enumerate(counts)
    )
    weights = [weight for by_density in rows for row in by_density for _, weight in row]
    weights += [
        value for by_z in own.pooling.contraction.weights for by_l in by_z for ns in by_l for row in ns for value in row
    ]
    if not all(map(isfinite, weights)):
        raise CoefficientError(f"the coefficients of '{name}' are too large: their sums overflow.")
    program = KernelProgram(
        name=name,
        symmetry=ATOMS,
        dimension=3,
        species=potential.elements,
        one_particle=own.pooling.one_particle,
        layout=own.pooling.layout,
        contraction=own.pooling.contraction,
        products=densities.products,
        coupled=densities.coupled,
        outputs=Outputs(tuple(f"density {density + 1}" for density in range(max(counts))), None, rows),
        embedding=tuple(map(embedding_function, potential.embeddings)),
        pair=None,
        references=(),
        inner=None,
        core=core_of(potential),
        atomic_energies=potential.energies,
        notes=_notes(potential),
    )
    check_program(program)
    return program


def _notes(potential: YacePotential) -> Notes:
    names = {bond.radial if isinstance(bond, PaceBond) else "ACE.jl" for row in potential.bonds for bond in row}
    order = max((function.rank for functions in potential.functions for function in functions), default=0)
    return Notes(
        title=f"ACE potential of {', '.join(potential.elements)} in the C-tilde form of ML-PACE.",
        radial=f"e(r) T_n(y(r)) with Chebyshev polynomials T_n; e and y by pair, {' and '.join(sorted(names))}",
        angular=_ANGULAR,
        expansion="self-interacting",
        max_order=order,
    )
