"""Committees in the lanes backend, against the interpreter, potentials of each member, and finite differences."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from committees import committee_of, potentials_like
from lanes_kernels import LanesKernels, compiled_lanes
from plain_kernels import Environment
from program_cases import Case, case

from acegen.codegen.lanes.backend import LanesBackend
from acegen.codegen.lanes.committee import committee_sources, committee_stage
from acegen.errors import BuildError
from acegen.forms import coupled_expansion
from acegen.lower import potential_program
from acegen.options import BuildOptions, ProductForm
from acegen.program import KernelProgram
from acegen.program.uncertainty import CommitteeProgram
from acegen.program.uncertainty_interpreter import run_members
from acegen.spec import load_spec

WIDE = (64, 32)
SINGLE = 3e-5
"""Relative to the largest of an environment: rounding errors of single precision, times some sums."""

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


def potential_of(key: str, form: ProductForm) -> KernelProgram:
    """In coupled products, or in products of A's."""
    this = own(key)
    if form != "coupled":
        return this.potential
    expansion = coupled_expansion(this.expansion.basis)
    assert expansion is not None
    return potential_program(expansion, this.coefficients.values)


def committee(key: str, form: ProductForm, count: int) -> CommitteeProgram:
    return committee_of(potentials_like(potential_of(key, form), np.random.default_rng(9), count))


def kernels_of(program: CommitteeProgram, form: ProductForm, folder: Path, options: BuildOptions) -> LanesKernels:
    targets = LanesBackend.of(options, *WIDE).targets
    sources = committee_sources(program, targets, form)
    return compiled_lanes(sources, program.members.name, folder, options)


def environments_of(key: str, count: int) -> list[Environment]:
    """Of all sizes, some of them empty; more than fill the lanes."""
    rng = np.random.default_rng(5)
    return [own(key).environment(rng, int(size)) for size in rng.integers(0, 14, size=count) * (rng.random(count) > 0.1)]


def compare(program: KernelProgram, where: Environment, energy: np.ndarray, gradient: np.ndarray) -> None:
    expected, slopes = run_members(program, *where)
    assert energy == pytest.approx(expected, rel=SINGLE, abs=SINGLE * np.abs(expected).max())
    assert gradient == pytest.approx(slopes, rel=SINGLE, abs=SINGLE * max(1.0, np.abs(slopes).max(initial=0)))


@pytest.mark.parametrize(
    ("key", "form", "count"),
    [
        ("silicon", "straight", 3),
        ("silicon", "compact", 2),
        ("silicon", "coupled", 8),
        ("alloy", "straight", 8),
        ("alloy", "compact", 1),
        ("alloy", "coupled", 10),
        ("agnesi", "auto", 2),
        ("envelope", "coupled", 4),
        ("flat", "auto", 2),
        ("order 4", "coupled", 5),
        ("order 5", "coupled", 2),
    ],
)
def test_members_are_those_of_the_interpreter(key: str, form: ProductForm, count: int, tmp_path: Path) -> None:
    """One and several elements, all forms of products, pair terms, inner switch, empty environments, full blocks."""
    program = committee(key, form, count)
    kernels = kernels_of(program, "auto" if form == "coupled" else form, tmp_path, BuildOptions())
    environments = environments_of(key, 37)
    energies, gradients = kernels.committee(environments, count)
    for where, energy, gradient in list(zip(environments, energies, gradients, strict=True))[::3]:
        compare(program.members, where, energy, gradient)
