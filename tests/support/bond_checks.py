"""What kernels of programs with bonds must do, by any backend: agree with the interpreter and with themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from bond_programs import environment
from plain_kernels import Environment, PlainKernels

from acegen.program import KernelProgram
from acegen.program.bonds import Bonds
from acegen.program.core_interpreter import run_core
from acegen.program.embedding import FinnisSinclair, ShiftedFinnisSinclair
from acegen.program.interpreter import run_descriptors, run_potential

COUNTS = (0, 1, 2, 3, 5, 8, 12, 20, 1, 4, 0, 30, 7)

SMALL = 0.05
"""Densities below are small: powers of them change much in a step of a difference."""


def environments(program: KernelProgram, seed: int) -> list[Environment]:
    """From none to many neighbours, of more centres than lanes."""
    rng = np.random.default_rng(seed)
    return [environment(rng, program, count) for count in COUNTS]


def terms_summed(program: KernelProgram, own: Environment) -> float:
    """The sum of the sizes of a centre's terms: of what errors are a part."""
    rows = tuple(tuple(tuple((t, abs(w)) for t, w in row) for row in rows) for rows in program.outputs.rows)
    return abs(run_potential(replace(program, outputs=replace(program.outputs, rows=rows)), *own)[0])


def check(
    program: KernelProgram, compiled: PlainKernels, where: Sequence[Environment], tolerance: float = 1e-12
) -> None:
    """Energies and gradients as the interpreter has them, relative to the terms summed."""
    energies, gradients = compiled.potential(where)
    for energy, gradient, own in zip(energies, gradients, where, strict=True):
        expected, slopes = run_potential(program, *own)
        scale = max(1.0, abs(expected), terms_summed(program, own))
        assert abs(energy - expected) < tolerance * scale
        assert np.abs(gradient - slopes).max(initial=0.0) < tolerance * max(1.0, np.abs(slopes).max(initial=0.0), scale)


def densities(program: KernelProgram, own: Environment) -> np.ndarray:
    """Those of a centre, before they are embedded."""
    rows = (program.outputs.rows[own[0]],)
    alone = replace(program, embedding=None, core=None, outputs=replace(program.outputs, rows=rows))
    return run_descriptors(alone, *own).values


def check_derivatives(program: KernelProgram, compiled: PlainKernels, where: Sequence[Environment], seed: int) -> None:
    """Gradients along a direction against differences of the compiled energies, of fourth order.

    Of several steps the best counts where a density is small: how far powers of it are smooth differs.
    """
    rng = np.random.default_rng(seed)
    for center, species, x in where:
        small = np.abs(densities(program, (center, species, x))).min(initial=np.inf) < SMALL
        steps = np.array([3e-4, 1e-4, 3e-5] if small else [1e-4])
        direction = rng.normal(size=x.shape)
        slope = float(np.sum(compiled.potential([(center, species, x)])[1][0] * direction))
        moved = [(center, species, x + s * step * direction) for step in steps for s in (-2, -1, 1, 2)]
        energies = compiled.potential(moved)[0].reshape(-1, 4)
        differences = (energies @ [1, -8, 8, -1]) / (12 * steps)
        assert np.abs(slope - differences).min() < 1e-8 * max(1.0, abs(slope), np.abs(energies).max())


def core_environments(program: KernelProgram) -> list[Environment]:
    """Those of `environments`, and some with a close neighbour, whose core is on, off, and in between."""
    where = environments(program, 3)
    rng = np.random.default_rng(8)
    for distance in np.linspace(0.4, 1.9, 60):
        center, species, x = environment(rng, program, int(rng.integers(1, 6)), 2.0)
        x[0] *= distance / np.linalg.norm(x[0])
        where.append((center, species, x))
    bonds = program.one_particle.coordinate
    assert isinstance(bonds, Bonds)
    assert program.core is not None
    switches = [run_core(program.core, bonds.cutoffs, *own).switch for own in where]
    assert 0 in switches
    assert 1 in switches
    assert sum(0.01 < g < 0.99 for g in switches) > 5
    return where


def with_small_densities(
    program: KernelProgram, function: type[FinnisSinclair | ShiftedFinnisSinclair]
) -> KernelProgram:
    """The same with densities of a ten-thousandth, in another embedding function."""
    rows = tuple(tuple(tuple((v, 1e-4 * w) for v, w in row) for row in rows) for rows in program.outputs.rows)
    embedding = tuple(function(own.terms) for own in program.embedding or () if isinstance(own, FinnisSinclair))
    return replace(program, outputs=replace(program.outputs, rows=rows), embedding=embedding)


def neighbours_near_the_cutoff(program: KernelProgram, least: float) -> list[Environment]:
    """One neighbour beyond, at, and up to 1.5 Å within the cutoff, from `least` on."""
    bonds = program.one_particle.coordinate
    assert isinstance(bonds, Bonds)
    gaps = np.concatenate([[-0.1, 0.0], np.geomspace(least, 1.5, 60)])
    return [(0, np.array([0]), np.array([[0.6, 0.0, 0.8]]) * (bonds.cutoffs[0][0] - gap)) for gap in gaps]
