"""Grades and committees, run as written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from acegen.program.embedding import Members
from acegen.program.interpreter import (
    Evaluation,
    Floats,
    coordinates,
    run_descriptors,
    run_outputs,
    run_pair,
    run_switch,
)
from acegen.program.kernel import KernelProgram
from acegen.program.uncertainty import GradeProgram


def run_members(
    program: KernelProgram, center: int, species: Sequence[int], particles: ArrayLike
) -> tuple[Floats, Floats]:
    """Energies of the members, shape (K,), and their derivatives, shape (K, J, dimension).

    Args:
        program: its embedding is `Members`.
        center: species of the centre.
        species: of the particles.
        particles: their displacements, shape (J, dimension).
    """
    members = program.embedding[center] if program.embedding is not None else None
    if not isinstance(members, Members):
        raise ValueError(f"the program '{program.name}' is no committee")
    x = coordinates(program, particles)
    parts = run_outputs(program, center, species, x)
    if program.pair is not None:
        first = program.row_first[center]
        pairs = [run_pair(program.pair, first + k, center, species, x) for k in range(len(members.constants))]
        values = parts.values + np.concatenate([pair.values for pair in pairs])
        parts = Evaluation(values, parts.gradient + np.concatenate([pair.gradient for pair in pairs]))
    fitted = run_switch(program, center, species, x, parts)
    return fitted.values + np.array(members.constants), fitted.gradient


def run_grade(grades: GradeProgram, center: int, species: Sequence[int], particles: ArrayLike) -> float:
    """The grade of a centre; arguments as for `run_members`."""
    values = run_descriptors(grades.descriptors, center, species, particles).values
    combinations = np.array(grades.rows[center]) @ values + np.array(grades.constants[center])
    return float(np.linalg.norm(combinations, 2 if grades.norm == "euclidean" else np.inf))
