"""Bonds, contraction, densities and cores in the plain backend, against the interpreter and differences of energies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bond_checks import (
    check,
    check_derivatives,
    core_environments,
    densities,
    environments,
    neighbours_near_the_cutoff,
    with_small_densities,
)
from bond_programs import (
    EMBEDDINGS,
    REPULSIONS,
    SHAPES,
    SWITCHES,
    Choices,
    bond_program,
    coupled_bond_program,
)
from plain_kernels import plain_kernels
from program_cases import case

from acegen.program import check_program
from acegen.program.embedding import FinnisSinclair, ShiftedFinnisSinclair
from acegen.program.interpreter import run_descriptors, run_potential
from acegen.program.kernel import Outputs


@pytest.mark.parametrize("shape", SHAPES)
def test_bonds(shape: str, tmp_path: Path) -> None:
    """Each shape by itself, with and without a closest distance, linear in the products."""
    program = bond_program(SHAPES.index(shape), Choices(shape, contraction=False, embedding="identity"))
    compiled = plain_kernels(None, program, tmp_path)
    where = environments(program, 1)
    check(program, compiled, where)
    check_derivatives(program, compiled, where, 2)
    assert f"static bond_values {shape}(" in compiled.sources["by_bonds_functions.c"]


@pytest.mark.parametrize("seed", range(4))
def test_contraction(seed: int, tmp_path: Path) -> None:
    """Of several elements with weights of every centre; the bonds are of different shapes."""
    program = bond_program(seed, Choices(embedding="identity"))
    compiled = plain_kernels(None, program, tmp_path)
    where = environments(program, seed)
    check(program, compiled, where)
    check_derivatives(program, compiled, where, seed)
    without = replace(program, contraction=None)
    assert run_potential(without, *where[4])[0] != pytest.approx(run_potential(program, *where[4])[0])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("embedding", [*EMBEDDINGS[1:], "mixed"])
def test_densities(embedding: str, seed: int, tmp_path: Path) -> None:
    """Different numbers of them by centre, exponents below, at and above one."""
    program = bond_program(20 + seed, Choices(embedding=embedding))
    compiled = plain_kernels(None, program, tmp_path)
    where = environments(program, seed)
    check(program, compiled, where)
    check_derivatives(program, compiled, where, seed)


@pytest.mark.parametrize("function", [FinnisSinclair, ShiftedFinnisSinclair])
def test_small_densities(function: type[FinnisSinclair | ShiftedFinnisSinclair], tmp_path: Path) -> None:
    """Those of neighbours far away, zero included: where the embedding has its special cases."""
    program = bond_program(5, Choices("exponential_cosine", embedding="finnis_sinclair"))
    program = with_small_densities(program, function)
    compiled = plain_kernels(None, program, tmp_path)
    where = neighbours_near_the_cutoff(program, 1e-7)
    check(program, compiled, where)
    sizes = [abs(densities(program, own)) for own in where]
    assert min(size.min() for size in sizes) == 0
    assert any(((size > 1e-7) & (size < 3e-6)).any() for size in sizes)
    assert any(((size > 0) & (size < 1e-10)).any() for size in sizes)


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("repulsion", REPULSIONS)
def test_cores(repulsion: str, switch: str, tmp_path: Path) -> None:
    """Each repulsion with each switch: where the expansion is on, off, and in between."""
    program = bond_program(
        30 + REPULSIONS.index(repulsion), Choices(embedding="shifted", repulsion=repulsion, switch=switch)
    )
    compiled = plain_kernels(None, program, tmp_path)
    where = core_environments(program)
    check(program, compiled, where)
    check_derivatives(program, compiled, where, 4)


@pytest.mark.parametrize(
    "choices",
    [
        Choices(embedding="identity"),
        Choices("bessel", False, "shifted"),
        Choices("power_law", True, "mixed", "screened", "nearest"),
    ],
)
def test_coupled_products(choices: Choices, tmp_path: Path) -> None:
    """Invariants of coupled values and products side by side, in all densities."""
    program = coupled_bond_program(2, choices)
    compiled = plain_kernels(None, program, tmp_path)
    where = environments(program, 6)
    check(program, compiled, where)
    check_derivatives(program, compiled, where, 7)
    assert "coupled_products(" in compiled.sources["by_bonds_potential.c"]


def test_descriptors(tmp_path: Path) -> None:
    """Both kernels of a program with bonds and contraction: values and derivatives by the neighbours."""
    potential = bond_program(4, Choices(embedding="identity"))
    rng = np.random.default_rng(1)
    coupling = tuple(((t, float(rng.normal())),) for t in range(len(potential.products)))
    rows = tuple(tuple((int(t), float(rng.normal())) for t in rng.integers(len(coupling), size=3)) for _ in range(6))
    outputs = Outputs(tuple(f"B{i}" for i in range(6)), coupling, (rows,))
    descriptors = replace(potential, outputs=outputs, embedding=None)
    check_program(descriptors)
    compiled = plain_kernels(descriptors, potential, tmp_path)
    where = environments(potential, 2)
    check(potential, compiled, where)
    for own in where:
        values, gradient = compiled.basis(own, 6)
        expected = run_descriptors(descriptors, *own)
        assert values == pytest.approx(expected.values, rel=1e-12, abs=1e-12 * max(1.0, np.abs(expected.values).max()))
        scale = max(1.0, np.abs(expected.gradient).max(initial=0.0))
        assert np.abs(gradient - expected.gradient).max(initial=0.0) < 1e-12 * scale


@pytest.mark.parametrize("key", ["silicon", "alloy", "agnesi"])
def test_potentials_alone(key: str, tmp_path: Path) -> None:
    """Without descriptors, those of specs as well: with a pair term, an inner switch and a ZBL core."""
    own = case(key)
    compiled = plain_kernels(None, own.potential, tmp_path)
    rng = np.random.default_rng(3)
    where = [own.environment(rng, count) for count in (0, 1, 2, 4, 9, 15)]
    check(own.potential, compiled, where)
    assert f"{own.potential.name}_basis.c" not in compiled.sources


@pytest.mark.parametrize("coupled", [False, True])
def test_potential_of_nothing(coupled: bool, tmp_path: Path) -> None:
    """Densities without products: the energy is that of the core."""
    choices = Choices(embedding="shifted", repulsion="gaussian")
    program = coupled_bond_program(1, choices) if coupled else bond_program(33, choices)
    rows = tuple(tuple(() for _ in own) for own in program.outputs.rows)
    program = replace(program, outputs=replace(program.outputs, rows=rows))
    compiled = plain_kernels(None, program, tmp_path)
    where = environments(program, 9)
    check(program, compiled, where)
    assert np.ptp(compiled.potential(where)[0]) > 1
