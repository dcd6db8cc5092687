"""Conditions on programs of grades and committees."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import isfinite

from acegen.program.checks import ProgramError, check_program
from acegen.program.embedding import Members
from acegen.program.uncertainty import CommitteeProgram, GradeProgram


def check_grades(grades: GradeProgram) -> None:
    """Check the descriptors, and that the combinations fit to them.

    Raises:
        ProgramError: naming the first fault.
    """
    check_program(grades.descriptors)
    _refuse("grades", grades.descriptors.name, _grade_faults(grades))


def check_committee(committee: CommitteeProgram) -> None:
    """Check that there are members, and the calibration with its intervals.

    Raises:
        ProgramError: naming the first fault.
    """
    check_program(committee.members)
    _refuse("committee", committee.members.name, _committee_faults(committee))


def _refuse(what: str, name: str, faults: Iterator[str]) -> None:
    for fault in faults:
        raise ProgramError(f"the program of the {what} of '{name}' contradicts itself: {fault}.")


def _grade_faults(grades: GradeProgram) -> Iterator[str]:
    program, count = grades.descriptors, len(grades.descriptors.species)
    if program.embedding is not None:
        yield "descriptors must be a program without embedding"
    if grades.norm not in ("euclidean", "maximum"):
        yield "norm must be 'euclidean' or 'maximum'"
    if len(grades.rows) != count or not all(grades.rows):
        yield "rows must have one or more combinations for every species"
    width = program.n_pair + len(program.outputs.names)
    if any(len(row) != width for own in grades.rows for row in own):
        yield f"every row must have a number for each of the {width} values"
    if tuple(map(len, grades.constants)) != tuple(map(len, grades.rows)):
        yield "constants must have a number for every row"
    numbers = [*(value for own in grades.rows for row in own for value in row), *chain(*grades.constants)]
    if not all(map(isfinite, numbers)):
        yield "rows and constants must be finite"
    first, second = grades.thresholds
    if not (0 < first <= second and isfinite(second)):
        yield "thresholds must be positive and ascending"


def _committee_faults(committee: CommitteeProgram) -> Iterator[str]:
    if not all(isinstance(own, Members) for own in committee.members.embedding or (None,)):
        yield "the embedding must be Members"
    if not all(isfinite(value) and value >= 0 for value in committee.calibration):
        yield "calibration must be finite and not negative"
    if [len(row) for row in committee.quantiles] != [3, 3]:
        yield "quantiles must be three of energies and three of forces"
    if not all(isfinite(value) and value >= 0 for row in committee.quantiles for value in row):
        yield "quantiles must be finite and not negative"
