"""Programs of grades and committees say what they were made from, run by the interpreter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from program_cases import case

import acegen
from acegen.forms import coupled_expansion
from acegen.lower import ProductExpansion, expand_products
from acegen.lower.uncertainty import committee_program, grade_program, member_coefficients, members_program
from acegen.program.checks import check_program
from acegen.program.interpreter import run_descriptors
from acegen.program.uncertainty_interpreter import run_grade, run_members
from acegen.store.uncertainty import Committee, GradeKind, Grades

FORMS = ["products", "coupled"]


def expansion_of(key: str, form: str) -> ProductExpansion:
    basis = case(key).expansion.basis
    found = coupled_expansion(basis) if form == "coupled" else expand_products(basis)
    assert found is not None
    return found


def parts(key: str, kind: GradeKind) -> tuple[Grades, Committee]:
    """At random, with zeros among the coefficients."""
    basis, rng = case(key).expansion.basis, np.random.default_rng(3)
    shape = (len(basis.spec.species), 4, basis.n_basis)
    rows = rng.normal(size=shape) * (rng.random(shape) > 0.3)
    constants = rng.normal(size=shape[:2])
    quantiles = ((1.0, 2.0, 3.0), (0.5, 1.5, 2.5))
    committee = Committee(rows, constants, (0.1, 2.0), (0.3, 4.0), quantiles)
    return Grades(kind, rows, 0 * constants if kind == "d-optimality" else constants, (1.0, 2.0), 0.0), committee


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("key", "kind"), [("silicon", "d-optimality"), ("alloy", "leverage"), ("alloy", "posterior")])
def test_grades_are_norms_of_rows_times_values(key: str, kind: GradeKind, form: str) -> None:
    """Values by the program of descriptors in products, whatever the form; the core has no part in them."""
    this, (grades, _) = case(key), parts(key, kind)
    program = grade_program(expansion_of(key, form), grades)
    check_program(program.descriptors)
    assert (program.kind, program.thresholds, program.descriptors.references) == (kind, (1.0, 2.0), ())
    rng = np.random.default_rng(1)
    for count in (0, 1, 3, 9):
        center, species, displacements = this.environment(rng, count)
        values = run_descriptors(this.descriptors, center, species, displacements).values
        combined = grades.rows[center] @ values + grades.constants[center]
        expected = abs(combined).max() if kind == "d-optimality" else (combined**2).sum() ** 0.5
        assert run_grade(program, center, species, displacements) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", ["silicon", "alloy", "agnesi"])
def test_members_are_coefficients_times_values(key: str, form: str) -> None:
    """Energies and gradients, with pair terms and the inner switch; atomic energies and core are left to the model."""
    this, (_, committee) = case(key), parts(key, "leverage")
    program = committee_program(members_program(expansion_of(key, form), committee), committee)
    check_program(program.members)
    assert (program.n_members, program.calibration) == (4, (0.1, 2.0, 0.3, 4.0))
    assert program.quantiles == committee.quantiles
    assert not any(program.members.atomic_energies)
    rng = np.random.default_rng(2)
    for count in (0, 1, 3, 9):
        center, species, displacements = this.environment(rng, count)
        values = run_descriptors(this.descriptors, center, species, displacements)
        energies, gradient = run_members(program.members, center, species, displacements)
        expected = committee.rows[center] @ values.values + committee.constants[center]
        np.testing.assert_allclose(energies, expected, rtol=0, atol=1e-10 * max(1.0, np.abs(expected).max()))
        slopes = np.einsum("kb,bjx->kjx", committee.rows[center], values.gradient)
        np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-9 * max(1.0, np.abs(slopes).max(initial=0)))


def test_coefficients_of_members_stand_by_element() -> None:
    """Those of each member as those of a potential."""
    basis, (_, committee) = case("alloy").expansion.basis, parts("alloy", "leverage")
    members = member_coefficients(basis, committee)
    assert [list(member) for member in members] == [["Si", "O"]] * 4
    assert members[2]["O"] == committee.rows[1, 2].tolist()


def test_coefficients_that_are_too_large_are_refused() -> None:
    """Sums that no double holds."""
    _, committee = parts("alloy", "leverage")
    with pytest.raises(acegen.CoefficientError, match="are too large: their sums overflow"):
        members_program(expansion_of("alloy", "products"), replace(committee, rows=np.full_like(committee.rows, 1e308)))
