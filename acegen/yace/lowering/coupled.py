"""A potential in coupled products, where its coefficients allow it."""

from __future__ import annotations

from dataclasses import dataclass

import flint
from flint import arb

from acegen.algebra.sphere import O3
from acegen.basis.labels import Channel as BasisChannel
from acegen.lower.coupled import coupled_labels, coupled_products
from acegen.lower.pairings import choices_of
from acegen.lower.rounding import WORKING_BITS, nearest_double
from acegen.optimize.pairing import choose_invariants
from acegen.program.coupled import CoupledProducts
from acegen.program.kernel import KernelProgram
from acegen.yace.lowering.invariants import InvariantLabel, in_invariants, with_known_invariants
from acegen.yace.lowering.products import Label
from acegen.yace.lowering.program import Densities, Expanded, assembled, expanded, in_products
from acegen.yace.potential import YacePotential


@dataclass(frozen=True)
class CoupledPart:
    """What can be coupled of a potential.

    Attributes:
        expanded: the potential.
        labels: those whose coefficients are invariants.
    """

    expanded: Expanded
    labels: dict[Label, InvariantLabel]

    @property
    def residual(self) -> float:
        """Largest deviation of a coefficient from the invariants, relative to the largest one of its label."""
        return max((label.residual for label in self.labels.values()), default=0.0)


def coupled_part(potential: YacePotential) -> CoupledPart:
    """The labels of a potential that can be coupled: of order five or less and not too large l, with invariants for
    coefficients.

    A label is coupled for all centres and densities, or for none.
    """
    return coupled_part_of(expanded(potential))


def coupled_part_of(own: Expanded) -> CoupledPart:
    """The same of a potential that is expanded already."""
    labels = {}
    known = with_known_invariants(own.polynomials)
    for label, polynomial in own.polynomials.items():
        found = in_invariants(label, polynomial) if label in known else None
        if found is not None:
            labels[label] = found
    return CoupledPart(own, labels)


def coupled_program(potential: YacePotential, name: str) -> KernelProgram | None:
    """The potential in coupled products where possible, and products of A's elsewhere; None if nothing can be coupled.

    Raises:
        CoefficientError: a sum of coefficients is too large for a double.
        ProgramError: numbers of the potential do not make a program, such as a rate that is zero.
    """
    return coupled_program_of(expanded(potential), name)


def coupled_program_of(own: Expanded, name: str) -> KernelProgram | None:
    """The same of a potential that is expanded already."""
    part = coupled_part_of(own)
    choices = choices_of(part.labels)
    coupled = coupled_products(choices, choose_invariants(choices))
    if coupled is None:
        return None
    return assembled(part.expanded, name, _densities(part, coupled))


def _densities(part: CoupledPart, coupled: CoupledProducts) -> Densities:
    others = {label: polynomial for label, polynomial in part.expanded.polynomials.items() if label not in part.labels}
    densities = in_products(others, part.expanded.pooling.layout)
    rows = {slot: list(row) for slot, row in densities.rows.items()}
    first = len(densities.products)
    changes = coupled_labels(O3, coupled)
    with flint.ctx.workprec(WORKING_BITS):
        for label, own in part.labels.items():
            change = changes[tuple(BasisChannel(channel.l, channel.species, channel.n) for channel in label)]
            for k, (scalar, square) in enumerate(zip(change.scalars, change.squares, strict=True)):
                root = arb(square).sqrt()
                for slot, coordinates in own.coordinates.items():
                    total = sum((x * change.matrix[j][k] for j, x in enumerate(coordinates)), arb(0))
                    weight = nearest_double(total / root)
                    if weight:
                        rows.setdefault(slot, []).append((first + scalar, weight))
    return Densities(densities.products, coupled, {slot: tuple(sorted(row)) for slot, row in rows.items()})
