"""Programs of grades and committees: the interpreter against single potentials and NumPy, documents, text, checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from bond_programs import Choices, bond_program, coupled_bond_program
from committees import committee_of, grades_of, potentials_like
from hypothesis import given, settings
from hypothesis import strategies as st
from program_cases import Case, case

from acegen.program import (
    KernelProgram,
    ProgramError,
    check_program,
    program_document,
    program_hash,
    program_text,
    read_program,
)
from acegen.program.embedding import Identity, Members
from acegen.program.interpreter import run_descriptors, run_potential
from acegen.program.uncertainty import CommitteeProgram, GradeProgram, Norm
from acegen.program.uncertainty_checks import check_committee, check_grades
from acegen.program.uncertainty_interpreter import run_grade, run_members

cases: Callable[[str], Case] = cache(case)
keys = st.sampled_from(["silicon", "alloy", "agnesi", "even", "plane, O2", "bonds", "coupled"])


@cache
def like(key: str) -> KernelProgram:
    """A potential whose products, functions and switches members have."""
    if key == "bonds":
        return bond_program(3, Choices(embedding="identity", elements=1))
    return coupled_bond_program(2, Choices(embedding="identity")) if key == "coupled" else cases(key).potential


@cache
def committee(key: str) -> tuple[CommitteeProgram, list[KernelProgram]]:
    """Of three members, and these as potentials."""
    members = potentials_like(like(key), np.random.default_rng(len(key)), 3)
    return committee_of(members), members


def environment(key: str, rng: np.random.Generator, count: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Of the program of a key, from a case of as many species and coordinates."""
    return cases({"bonds": "silicon", "coupled": "alloy"}.get(key, key)).environment(rng, count)


# ---- interpreter


@settings(max_examples=30, deadline=None)
@given(key=keys, seed=st.integers(0, 2**32 - 1), count=st.integers(0, 6))
def test_members_are_the_potentials_they_were_made_of(key: str, seed: int, count: int) -> None:
    """Energies and gradients, with a pair term and an inner switch, of several elements, with no particles."""
    program, members = committee(key)
    where = environment(key, np.random.default_rng(seed), count)
    energies, gradients = run_members(program.members, *where)
    expected = [run_potential(member, *where) for member in members]
    for energy, gradient, (value, slope) in zip(energies, gradients, expected, strict=True):
        assert energy == pytest.approx(value, rel=1e-12, abs=1e-12)
        assert gradient == pytest.approx(slope, rel=1e-12, abs=1e-12 * max(1, np.abs(slope).max(initial=0)))


@pytest.mark.parametrize("key", ["alloy", "agnesi", "even", "coupled"])
def test_gradients_of_members(key: str) -> None:
    """Against differences of fourth order of the energies."""
    program, _ = committee(key)
    rng = np.random.default_rng(4)
    center, species, x = environment(key, rng, 5)
    x, direction, step = 0.9 * x, rng.normal(size=x.shape), 1e-3
    energy = {k: run_members(program.members, center, species, x + k * step * direction)[0] for k in (-2, -1, 1, 2)}
    difference = (8 * (energy[1] - energy[-1]) - (energy[2] - energy[-2])) / (12 * step)
    slopes = np.einsum("kja,ja->k", run_members(program.members, center, species, x)[1], direction)
    assert np.abs(slopes).min() > 0
    assert slopes == pytest.approx(difference, rel=1e-6, abs=1e-6 * np.abs(slopes).max())


@pytest.mark.parametrize("norm", ["euclidean", "maximum"])
@pytest.mark.parametrize("key", ["silicon", "alloy", "plane, O2"])
def test_grades_are_norms_of_combinations_of_the_descriptors(key: str, norm: Norm) -> None:
    """Of each combination by itself, of all elements."""
    own, rng = cases(key), np.random.default_rng(5)
    grades = grades_of(own.descriptors, rng, 3, norm)
    for count in (0, 2, 5):
        for center in range(len(own.spec.species)):
            _, species, x = own.environment(rng, count)
            values = run_descriptors(own.descriptors, center, species, x).values.tolist()
            parts = [
                constant + sum(weight * value for weight, value in zip(row, values, strict=True))
                for row, constant in zip(grades.rows[center], grades.constants[center], strict=True)
            ]
            expected = sum(part**2 for part in parts) ** 0.5 if norm == "euclidean" else max(map(abs, parts))
            assert run_grade(grades, center, species, x) == pytest.approx(expected, rel=1e-12)


def test_a_committee_is_no_potential_and_the_reverse() -> None:
    """Each interpreter says so."""
    program, members = committee("alloy")
    where = environment("alloy", np.random.default_rng(0), 2)
    with pytest.raises(ValueError, match="the program 'alloy' is a committee: its members have no common energy"):
        run_potential(program.members, *where)
    for other in (members[0], cases("alloy").descriptors):
        with pytest.raises(ValueError, match="the program 'alloy' is no committee"):
            run_members(other, *where)


# ---- documents and text


@pytest.mark.parametrize("key", ["silicon", "alloy", "even", "bonds", "coupled"])
def test_documents_read_back_to_the_same_committee(key: str) -> None:
    """Field by field, bit by bit; every member is part of the identity."""
    program = committee(key)[0].members
    text = program_document(program)
    assert read_program(text) == program
    members = potentials_like(like(key), np.random.default_rng(len(key)), 3)
    members[2] = replace(members[2], atomic_energies=tuple(2 * value for value in members[2].atomic_energies))
    assert program_hash(committee_of(members).members) != program_hash(program)


def test_text_of_a_committee() -> None:
    """An energy of every member and element, with its parts, and coefficients of the pair term by member."""
    program = committee("alloy")[0].members
    text = program_text(program)
    assert text.startswith("alloy: committee of 3 members of Si, O (O3")
    for center, symbol in enumerate(program.species):
        constants = program.embedding[center].constants  # type: ignore[index, union-attr]
        for k, constant in enumerate(constants, start=1):
            assert f"E[{k}]({symbol}) = s (pair[{k}] + ρ[{k}]) + {constant!r}\n" in text
            for z, other in enumerate(program.species):
                series = program.pair.series[3 * center + k - 1][z]  # type: ignore[union-attr]
                assert f"c[{k}]({symbol}-{other}) = {', '.join(map(repr, series))}\n" in text
    assert "F(" not in text
    text = program_text(committee("silicon")[0].members)
    assert f"E[2](Si) = ρ[2] + {committee('silicon')[1][1].atomic_energies[0]!r}\n" in text


# ---- checks


def test_committees_that_contradict_themselves() -> None:
    """Each fault is named; those made of potentials have none."""
    for key in ("silicon", "alloy", "even", "bonds", "coupled"):
        check_committee(committee(key)[0])
    own, members = committee("alloy")[0], committee("alloy")[0].members
    assert members.embedding is not None
    assert members.pair is not None
    first, second = members.embedding
    core = bond_program(0, Choices(repulsion="gaussian")).core
    two = ((members.outputs.rows[0][:2]), (members.outputs.rows[1]))
    series = members.pair.series  # type: ignore[union-attr]
    for program, fault in [
        (replace(members, embedding=(first, Identity())), "a term for every output"),
        (replace(members, embedding=(first, Members((1.0, 2.0)))), "a term for every output"),
        (
            replace(members, outputs=replace(members.outputs, rows=two), embedding=(Members((1.0, 2.0)), second)),
            "members must be of all centres",
        ),
        (
            replace(
                members,
                outputs=replace(members.outputs, rows=(members.outputs.rows[0], members.outputs.rows[1][:1])),
                embedding=(first, Identity()),
            ),
            "members must be of all centres",
        ),
        (
            replace(members, outputs=replace(members.outputs, rows=((), ())), embedding=(Members(()),) * 2),
            "members must be of all centres",
        ),
        (replace(members, references=cases("alloy").potential.references), "no references, core or atomic energies"),
        (replace(members, core=core, pair=None, inner=None), "no references, core or atomic energies"),
        (replace(members, atomic_energies=(0.0, 1.0)), "no references, core or atomic energies"),
        (replace(members, pair=replace(members.pair, series=series[:-1])), "every output of a committee and species"),
        (
            replace(members, pair=replace(members.pair, series=(*series[:-1], series[0][:1]))),
            "every output of a committee and species",
        ),
        (
            replace(members, pair=replace(members.pair, series=(*series[:-1], (series[0][0][:1],) * 2))),
            "one coefficient more than there are nodes",
        ),
    ]:
        with pytest.raises(ProgramError, match=fault):
            check_program(program)
    for committee_program, fault in [
        (replace(own, members=committee("alloy")[1][0]), "embedding must be Members"),
        (replace(own, members=cases("alloy").descriptors), "embedding must be Members"),
        (replace(own, calibration=(0.0, -1.0, 0.0, 1.0)), "calibration must be finite and not negative"),
        (replace(own, calibration=(0.0, float("nan"), 0.0, 1.0)), "calibration must be finite and not negative"),
        (replace(own, quantiles=((1.0, 2.0, 3.0),)), "three of energies and three of forces"),
        (replace(own, quantiles=((1.0, 2.0, 3.0), (1.0, -2.0, 3.0))), "quantiles must be finite and not negative"),
    ]:
        with pytest.raises(ProgramError, match=fault):
            check_committee(committee_program)


def test_grades_that_contradict_themselves() -> None:
    """Each fault is named."""
    grades = grades_of(cases("alloy").descriptors, np.random.default_rng(0), 3, "maximum")
    check_grades(grades)
    rows, constants = grades.rows, grades.constants

    def with_row(row: tuple[float, ...]) -> GradeProgram:
        return replace(grades, rows=(rows[0], (row, *rows[1][1:])))

    for program, fault in [
        (replace(grades, descriptors=cases("alloy").potential), "a program without embedding"),
        (replace(grades, norm="minimum"), "norm must be"),
        (replace(grades, rows=rows[:1]), "combinations for every species"),
        (replace(grades, rows=(rows[0], ())), "combinations for every species"),
        (with_row(rows[1][0][1:]), f"each of the {len(rows[0][0])} values"),
        (with_row((float("inf"), *rows[1][0][1:])), "must be finite"),
        (replace(grades, constants=constants[:1]), "a number for every row"),
        (replace(grades, constants=(constants[0], constants[1][:1])), "a number for every row"),
        (replace(grades, constants=(constants[0], (float("nan"), *constants[1][1:]))), "must be finite"),
        (replace(grades, thresholds=(0.0, 1.0)), "positive and ascending"),
        (replace(grades, thresholds=(2.0, 1.0)), "positive and ascending"),
        (replace(grades, thresholds=(1.0, float("inf"))), "positive and ascending"),
        (replace(grades, descriptors=replace(grades.descriptors, dimension=2)), "atoms have three coordinates"),
    ]:
        with pytest.raises(ProgramError, match=fault):
            check_grades(program)
