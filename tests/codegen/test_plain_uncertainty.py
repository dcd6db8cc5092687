"""Grades and committees in the plain backend, against the interpreter."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from committees import committee_of, grades_of, potentials_like
from plain_kernels import compiled
from program_cases import SPECS, case

from acegen.codegen.plain.backend import PlainBackend
from acegen.program.uncertainty_interpreter import run_grade, run_members

KEYS = sorted(SPECS)
cases = cache(case)


@pytest.mark.parametrize("key", KEYS)
def test_kernels_compute_what_the_interpreter_does(key: str, tmp_path: Path) -> None:
    """Of atoms and other particles, one and several elements, with and without a pair term and an inner switch."""
    own, rng = cases(key), np.random.default_rng(9)
    committee = committee_of(potentials_like(own.potential, rng, 3))
    grades = grades_of(own.descriptors, rng, 4, "euclidean" if own.descriptors.atoms else "maximum")
    backend = PlainBackend()
    sources = {**backend.generate_committee(committee), **backend.generate_grades(grades)}
    kernels = compiled(sources, own.spec.name, tmp_path)
    environments = [own.environment(rng, count) for count in (0, 4, 0, 9, 1)]
    energies, gradients = kernels.committee(environments, 3)
    found = kernels.grades(environments)
    for where, energy, gradient, grade in zip(environments, energies, gradients, found, strict=True):
        expected, slopes = run_members(committee.members, *where)
        assert energy == pytest.approx(expected, rel=1e-12, abs=1e-12 * np.abs(expected).max())
        assert gradient == pytest.approx(slopes, rel=1e-12, abs=1e-12 * max(1, np.abs(slopes).max(initial=0)))
        assert grade == pytest.approx(run_grade(grades, *where), rel=1e-12)
