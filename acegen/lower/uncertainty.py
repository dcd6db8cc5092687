"""From a basis, and what a fit knows of its own uncertainty, to the kernel programs of grades and committee."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acegen.basis.definitions import resolve_definitions
from acegen.basis.derive import Basis
from acegen.lower.expansion import ProductExpansion, fold_coefficients
from acegen.lower.programs import descriptor_program, potential_of_products
from acegen.lower.terms import pair_energies
from acegen.program.embedding import Members
from acegen.program.kernel import KernelProgram, Outputs, PairEnergies
from acegen.program.uncertainty import CommitteeProgram, GradeProgram, Norm
from acegen.store.uncertainty import Committee, GradeKind, Grades

NORMS: dict[GradeKind, Norm] = {"leverage": "euclidean", "posterior": "euclidean", "d-optimality": "maximum"}


def grade_program(expansion: ProductExpansion, grades: Grades) -> GradeProgram:
    """Grades of environments, of the functions of a basis in given products.

    Raises:
        ProgramError: as `descriptor_program`.
    """
    return GradeProgram(
        kind=grades.kind,
        descriptors=replace(descriptor_program(expansion), references=()),
        norm=NORMS[grades.kind],
        rows=tuple(tuple(tuple(map(float, row)) for row in own) for own in grades.rows),
        constants=tuple(tuple(map(float, own)) for own in grades.constants),
        thresholds=grades.thresholds,
    )


def committee_program(members: KernelProgram, committee: Committee) -> CommitteeProgram:
    """A committee of given members, which `members_program` makes."""
    return CommitteeProgram(members, (*committee.energy, *committee.forces), committee.quantiles)


def members_program(expansion: ProductExpansion, committee: Committee) -> KernelProgram:
    """The site energies of the members, each linear in the products and invariants.

    Raises:
        CoefficientError: a sum of coefficients is too large for a double.
    """
    basis, species = expansion.basis, expansion.basis.spec.species
    members = member_coefficients(basis, committee)
    folded = [fold_coefficients(expansion, basis.split(own)[1]) for own in members]
    program = potential_of_products(expansion, folded)
    names = tuple(f"member {k}" for k in range(1, len(members) + 1))
    return replace(
        program,
        outputs=Outputs(names, None, program.outputs.rows),
        embedding=tuple(Members(tuple(map(float, constants))) for constants in committee.constants),
        pair=_pair_energies(basis, members),
        references=(),
        atomic_energies=(0.0,) * len(species),
    )


def member_coefficients(basis: Basis, committee: Committee) -> list[dict[str, list[float]]]:
    """The coefficients of every member by centre element, one per function of the basis."""
    n_members = committee.rows.shape[1]
    return [
        {element: committee.rows[z, k].tolist() for z, element in enumerate(basis.spec.species)}
        for k in range(n_members)
    ]


def _pair_energies(basis: Basis, members: Sequence[dict[str, list[float]]]) -> PairEnergies | None:
    """The pair terms of all members; their series by centre, then member, then neighbour."""
    definitions = resolve_definitions(basis.spec)
    terms = [pair_energies(basis, definitions, basis.split(own)[0]) for own in members]
    if any(term is None for term in terms):
        return None
    series = tuple(of_member.series[z] for z in range(len(basis.spec.species)) for of_member in terms if of_member)
    return replace(terms[0], series=series) if terms[0] else None
