"""Grades in the lanes backend, against the interpreter and NumPy."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from committees import grades_of
from coupled_cases import at_random
from lanes_kernels import compiled_lanes
from plain_kernels import Environment
from program_cases import Case, case

from acegen.codegen.lanes.backend import LanesBackend
from acegen.lower import coupled_products, descriptor_program, expand_products, pairing_choices
from acegen.options import BuildOptions
from acegen.program import KernelProgram
from acegen.program.interpreter import run_descriptors
from acegen.program.uncertainty import Norm
from acegen.spec import load_spec

WIDE = (64, 32)
ORDERS = {
    "order 4": {
        "name": "four",
        "basis": {"elements": ["Si"], "order": 4, "level": [7, 7, 6, 5], "angular_weight": "3/4"},
        "radial": {"cutoff": 5.0},
        "pair": {"degree": 4, "cutoff": 4.0},
    },
    "order 5": {
        "name": "five",
        "basis": {"elements": ["Si"], "order": 5, "level": [6, 6, 5, 5, 5], "angular_weight": "3/4"},
        "radial": {"cutoff": 5.0},
    },
}


@cache
def own(key: str) -> Case:
    return Case(load_spec(ORDERS[key])) if key in ORDERS else case(key)


def descriptors_of(key: str, coupled: float) -> KernelProgram:
    """With part of the labels in coupled products."""
    basis = own(key).expansion.basis
    if not coupled:
        return own(key).descriptors
    choices = pairing_choices(basis)
    return descriptor_program(
        expand_products(basis, coupled_products(choices, at_random(choices, np.random.default_rng(1), coupled)))
    )


def environments_of(key: str, count: int) -> list[Environment]:
    """Of all sizes, some of them empty; more than fill the lanes."""
    rng = np.random.default_rng(5)
    return [own(key).environment(rng, int(size)) for size in rng.integers(0, 14, size=count) * (rng.random(count) > 0.1)]


@pytest.mark.parametrize(
    ("key", "coupled", "count", "norm"),
    [
        ("silicon", 0.0, 3, "euclidean"),
        ("silicon", 1.0, 17, "maximum"),
        ("alloy", 0.0, 8, "maximum"),
        ("alloy", 0.7, 20, "euclidean"),
        ("alloy", 1.0, 300, "maximum"),
        ("agnesi", 1.0, 1, "euclidean"),
        ("envelope", 1.0, 9, "euclidean"),
        ("flat", 0.0, 2, "maximum"),
        ("order 4", 1.0, 64, "euclidean"),
        ("order 5", 1.0, 5, "euclidean"),
        ("even", 0.0, 4, "euclidean"),
        ("plane, O2", 0.0, 4, "maximum"),
    ],
)
def test_grades_are_norms_of_combinations(key: str, coupled: float, count: int, norm: Norm, tmp_path: Path) -> None:
    """One and several elements, products with and without a coupled form, pair functions, inner switch, other particles."""
    descriptors = descriptors_of(key, coupled)
    grades = grades_of(descriptors, np.random.default_rng(2), count, norm)
    backend = LanesBackend.of(BuildOptions(), *WIDE)
    kernels = compiled_lanes(backend.generate_grades(grades), descriptors.name, tmp_path)
    environments = environments_of(key, 45)
    found = kernels.grades(environments)
    for (center, species, x), grade in list(zip(environments, found, strict=True))[::3]:
        values = run_descriptors(descriptors, center, species, x).values
        combined = np.array(grades.rows[center]) @ values + np.array(grades.constants[center])
        wanted = np.sqrt((combined**2).sum()) if norm == "euclidean" else np.abs(combined).max()
        assert grade == pytest.approx(wanted, rel=1e-11)
