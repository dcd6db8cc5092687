"""Bonds, contraction, densities and cores in the plain backend, against the interpreter and differences of energies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plain_kernels import Environment, PlainKernels, plain_kernels
from plain_programs import (
    EMBEDDINGS,
    REPULSIONS,
    SHAPES,
    SWITCHES,
    Choices,
    bond_program,
    coupled_bond_program,
    environment,
)
from program_cases import case

from acegen.program import KernelProgram, check_program
from acegen.program.bonds import Bonds
from acegen.program.core_interpreter import run_core
from acegen.program.embedding import FinnisSinclair, ShiftedFinnisSinclair
from acegen.program.interpreter import run_descriptors, run_potential
from acegen.program.kernel import Outputs


def environments(program: KernelProgram, seed: int) -> list[Environment]:
    """From none to many neighbours."""
    rng = np.random.default_rng(seed)
    return [environment(rng, program, count) for count in (0, 1, 2, 3, 5, 8, 12, 20)]


def check(program: KernelProgram, compiled: PlainKernels, where: list[Environment]) -> None:
    """Energies and gradients as the interpreter has them, to 1e-12 of the largest in an environment."""
    energies, gradients = compiled.potential(where)
    for energy, gradient, own in zip(energies, gradients, where, strict=True):
        expected, slopes = run_potential(program, *own)
        assert abs(energy - expected) < 1e-12 * max(1.0, abs(expected))
        assert np.abs(gradient - slopes).max(initial=0.0) < 1e-12 * max(1.0, np.abs(slopes).max(initial=0.0))


def check_derivatives(compiled: PlainKernels, where: list[Environment], seed: int) -> None:
    """Gradients along a direction against differences of the compiled energies, of fourth order.

    The step with the best agreement counts: how far powers of small densities are smooth differs.
    """
    rng = np.random.default_rng(seed)
    for center, species, x in where:
        direction = rng.normal(size=x.shape)
        slope = float(np.sum(compiled.potential([(center, species, x)])[1][0] * direction))
        steps = np.array([3e-4, 1e-4, 3e-5])
        moved = [(center, species, x + s * step * direction) for step in steps for s in (-2, -1, 1, 2)]
        energies = compiled.potential(moved)[0].reshape(-1, 4)
        differences = (energies @ [1, -8, 8, -1]) / (12 * steps)
        assert np.abs(slope - differences).min() < 1e-8 * max(1.0, abs(slope), np.abs(energies).max())


@pytest.mark.parametrize("shape", SHAPES)
def test_bonds(shape: str, tmp_path: Path) -> None:
    """Each shape by itself, with and without a closest distance, linear in the products."""
    program = bond_program(SHAPES.index(shape), Choices(shape, contraction=False, embedding="identity"))
    compiled = plain_kernels(None, program, tmp_path)
    where = environments(program, 1)
    check(program, compiled, where)
    check_derivatives(compiled, where, 2)
    assert f"static bond_values {shape}(" in compiled.sources["by_bonds_functions.c"]


@pytest.mark.parametrize("seed", range(4))
def test_contraction(seed: int, tmp_path: Path) -> None:
    """Of several elements with weights of every centre; the bonds are of different shapes."""
    program = bond_program(seed, Choices(embedding="identity"))
    compiled = plain_kernels(None, program, tmp_path)
    where = environments(program, seed)
    check(program, compiled, where)
    check_derivatives(compiled, where, seed)
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
    check_derivatives(compiled, where, seed)


@pytest.mark.parametrize("function", [FinnisSinclair, ShiftedFinnisSinclair])
def test_small_densities(function: type[FinnisSinclair | ShiftedFinnisSinclair], tmp_path: Path) -> None:
    """Those of neighbours far away, zero included: where the embedding has its special cases."""
    program = bond_program(5, Choices("exponential_cosine", embedding="finnis_sinclair"))
    rows = tuple(tuple(tuple((v, 1e-4 * w) for v, w in row) for row in rows) for rows in program.outputs.rows)
    embedding = tuple(function(own.terms) for own in program.embedding or () if isinstance(own, FinnisSinclair))
    program = replace(program, outputs=replace(program.outputs, rows=rows), embedding=embedding)
    compiled = plain_kernels(None, program, tmp_path)
    bonds = program.one_particle.coordinate
    assert isinstance(bonds, Bonds)
    cutoff = bonds.cutoffs[0][0]
    gaps = np.concatenate([[-0.1, 0.0], np.geomspace(1e-7, 1.5, 60)])
    where = [(0, np.array([0]), np.array([[0.6, 0.0, 0.8]]) * (cutoff - gap)) for gap in gaps]
    check(program, compiled, where)
    densities = replace(
        program, embedding=None, atomic_energies=(0.0,) * len(rows), outputs=replace(program.outputs, rows=rows[:1])
    )
    sizes = [abs(run_descriptors(densities, *own).values) for own in where]
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
    where = environments(program, 3)
    rng = np.random.default_rng(8)
    for distance in np.linspace(0.4, 1.9, 60):
        center, species, x = environment(rng, program, int(rng.integers(1, 6)), 2.0)
        x[0] *= distance / np.linalg.norm(x[0])
        where.append((center, species, x))
    check(program, compiled, where)
    check_derivatives(compiled, where, 4)
    bonds = program.one_particle.coordinate
    assert isinstance(bonds, Bonds)
    assert program.core is not None
    switches = [run_core(program.core, bonds.cutoffs, *own).switch for own in where]
    assert 0 in switches
    assert 1 in switches
    assert sum(0.01 < g < 0.99 for g in switches) > 5


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
    check_derivatives(compiled, where, 7)
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
