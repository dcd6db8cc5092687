"""Committees in the lanes backend, against the interpreter, potentials of each member, and finite differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from committees import committee_of, potentials_like
from lanes_kernels import LanesKernels, compiled_lanes, lanes_kernels
from plain_kernels import Environment
from uncertainty_cases import environments_of, model

from acegen.codegen.lanes.backend import LanesBackend
from acegen.codegen.lanes.committee import committee_sources, committee_stage
from acegen.codegen.lanes.cost import VectorCost
from acegen.errors import BuildError
from acegen.forms import coupled_expansion
from acegen.lower import potential_program
from acegen.options import BuildOptions, ProductForm
from acegen.program import KernelProgram
from acegen.program.uncertainty import CommitteeProgram
from acegen.program.uncertainty_interpreter import run_members

WIDE = (64, 32)
ROUNDING = 1e-11
"""Of energies, relative to the largest of an environment."""

SINGLE = 2e-6
"""Of gradients, likewise: they are evaluated in single precision, from derivatives in double on."""


def potential_of(key: str, form: ProductForm) -> KernelProgram:
    """In coupled products, or in products of A's."""
    this = model(key)
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


def compare(program: KernelProgram, where: Environment, energy: np.ndarray, gradient: np.ndarray) -> None:
    expected, slopes = run_members(program, *where)
    assert energy == pytest.approx(expected, rel=ROUNDING, abs=ROUNDING * np.abs(expected).max())
    assert np.abs(gradient - slopes).max(initial=0) <= SINGLE * max(1.0, np.abs(slopes).max(initial=0))


@pytest.mark.parametrize(
    ("key", "form", "count"),
    [
        ("silicon", "coupled", 10),
        ("alloy", "compact", 1),
        ("agnesi", "auto", 2),
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


@pytest.fixture(scope="module")
def alloy(tmp_path_factory: pytest.TempPathFactory) -> LanesKernels:
    """The kernel of three members of an alloy, in coupled products."""
    return kernels_of(committee("alloy", "coupled", 3), "auto", tmp_path_factory.mktemp("alloy"), BuildOptions())


def test_alloy(alloy: LanesKernels) -> None:
    """Against the interpreter: two elements, pair term, inner switch."""
    environments = environments_of("alloy", 37)
    energies, gradients = alloy.committee(environments, 3)
    for where, energy, gradient in list(zip(environments, energies, gradients, strict=True))[::2]:
        compare(committee("alloy", "coupled", 3).members, where, energy, gradient)


def test_members_are_potentials(alloy: LanesKernels, tmp_path: Path) -> None:
    """Compiled as potentials are."""
    environments = environments_of("alloy", 20)
    energies, gradients = alloy.committee(environments, 3)
    potential = potentials_like(potential_of("alloy", "coupled"), np.random.default_rng(9), 3)[1]
    energy, gradient = lanes_kernels(potential, tmp_path).potential(environments)
    scale = np.abs(np.concatenate(gradient)).max()
    assert energies[:, 1] == pytest.approx(energy, rel=ROUNDING, abs=ROUNDING * np.abs(energy).max())
    assert np.concatenate(gradients, axis=1)[1] == pytest.approx(np.concatenate(gradient), abs=SINGLE * scale)


@pytest.mark.parametrize("form", ["straight", "coupled"])
def test_threads_and_groups_change_nothing(form: ProductForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are the same bit by bit for any number of threads; blocks that share a product stage do not mix."""
    monkeypatch.setattr(VectorCost, "group", lambda *_: 4)
    options = BuildOptions(openmp=True)
    kernels = kernels_of(committee("alloy", form, 2), "straight" if form == "straight" else "auto", tmp_path, options)
    environments = environments_of("alloy", 300)
    energies, gradients = kernels.committee(environments, 2)
    for threads in (2, 3):
        again = kernels.committee(environments, 2, threads)
        np.testing.assert_array_equal(again[0], energies)
        np.testing.assert_array_equal(np.concatenate(again[1], axis=1), np.concatenate(gradients, axis=1))
    for place in (0, 150, 299):
        program = committee("alloy", form, 2).members
        compare(program, environments[place], energies[place], gradients[place])


def test_gradients_are_slopes_of_energies(alloy: LanesKernels) -> None:
    """Central differences, with close neighbours, whose switch has a slope of its own."""
    center, species, x = model("alloy").environment(np.random.default_rng(8), 6)
    x[0] *= 1.5 / np.linalg.norm(x[0])
    step = 1e-5
    moved = []
    for j in range(len(x)):
        for axis in range(3):
            for sign in (1, -1):
                other = x.copy()
                other[j, axis] += sign * step
                moved.append((center, species, other))
    energies = alloy.committee(moved, 3)[0].reshape(len(x), 3, 2, 3)
    slopes = np.moveaxis((energies[:, :, 0] - energies[:, :, 1]) / (2 * step), 2, 0)
    (gradient,) = alloy.committee([(center, species, x)], 3)[1]
    assert gradient == pytest.approx(slopes, abs=1e-6 * np.abs(slopes).max())


@pytest.mark.parametrize("machine", [(32, 16)])
def test_other_registers(machine: tuple[int, int], tmp_path: Path) -> None:
    """Narrower ones, and fewer of them."""
    program = committee("alloy", "coupled", 3)
    sources = committee_sources(program, LanesBackend.of(BuildOptions(), *machine).targets)
    kernels = compiled_lanes(sources, program.members.name, tmp_path)
    environments = environments_of("alloy", 9)
    for where, energy, gradient in zip(environments, *kernels.committee(environments, 3), strict=True):
        compare(program.members, where, energy, gradient)


def test_members_go_back_one_by_one() -> None:
    """The same member several times: each costs as much as the next, the first more, as values are computed once."""
    targets = LanesBackend.of(BuildOptions(), *WIDE).targets
    (potential,) = potentials_like(potential_of("order 4", "coupled"), np.random.default_rng(9), 1)
    members = [committee_of([potential] * count).members for count in (1, 2, 4)]
    one, two, four = (committee_stage(own, targets, "auto").cost.cycles for own in members)
    assert four - two == pytest.approx(2 * (two - one))
    assert 0 < two - one < one
    assert committee_stage(committee("silicon", "auto", 2).members, targets, "auto").coupled is None


def test_committees_of_other_particles_are_refused() -> None:
    program = committee("even", "auto", 2)
    with pytest.raises(BuildError, match="writes no committee for 'p_even'"):
        committee_sources(program, LanesBackend.of(BuildOptions(), *WIDE).targets)


def test_a_committee_is_no_potential() -> None:
    backend = LanesBackend.of(BuildOptions(), *WIDE)
    members = committee("silicon", "auto", 2).members
    with pytest.raises(BuildError, match="no common energy"):
        backend.generate(None, members, backend.optimize(members, "auto"))
