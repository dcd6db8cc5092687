"""Bonds, contraction, densities and cores in the lanes backend, against the interpreter and differences of energies."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bond_checks import (
    COUNTS,
    check,
    check_derivatives,
    core_environments,
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
from lanes_kernels import USUAL, lanes_kernels
from program_cases import case

from acegen.codegen.backend import Machine
from acegen.codegen.lanes.backend import LanesBackend
from acegen.errors import BuildError
from acegen.options import BuildOptions, Precision
from acegen.program import check_program
from acegen.program.bonds import Bond, Bonds, InversePower, Power
from acegen.program.core import Core, EnergySwitch, GaussianRepulsion
from acegen.program.embedding import FinnisSinclair, ShiftedFinnisSinclair
from acegen.program.interpreter import run_potential
from acegen.program.kernel import Harmonics, Outputs
from acegen.program.layout import PooledLayout

STRAIGHT, COMPACT = BuildOptions(products="straight"), BuildOptions(products="compact")


# ---- radial functions


@pytest.mark.parametrize("shape", SHAPES)
def test_bonds(shape: str, tmp_path: Path) -> None:
    """Each shape by itself, with and without a closest distance, linear in the products."""
    program = bond_program(SHAPES.index(shape), Choices(shape, contraction=False, embedding="identity"))
    compiled = lanes_kernels(program, tmp_path)
    where = environments(program, 1)
    check(program, compiled, where)
    check_derivatives(program, compiled, where, 2)


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0, 3.5, 8.0, 37.0, 0.5, 2.25])
def test_powers(exponent: float, tmp_path: Path) -> None:
    """Whole, half and other exponents; only the others call pow."""
    program = bond_program(1, Choices("linear", contraction=False, embedding="identity"))
    bonds = program.one_particle.coordinate
    assert isinstance(bonds, Bonds)
    powers = Bonds(tuple(tuple(replace(bond, shape=Power(exponent)) for bond in row) for row in bonds.pairs))
    program = replace(program, one_particle=replace(program.one_particle, coordinate=powers))
    compiled = lanes_kernels(program, tmp_path)
    assert ("pow(" in compiled.sources["by_bonds_particles.h"]) == (exponent in (0.5, 2.25))
    check(program, compiled, [own for own in environments(program, 3) if len(own[1]) < 9])


def test_nothing_beyond_the_ends(tmp_path: Path) -> None:
    """Entries at and beyond the cutoff, and up to the closest distance, contribute exactly zero."""
    rng = np.random.default_rng(4)
    for number, shape in enumerate(SHAPES):
        program = bond_program(number, Choices(shape, contraction=False, embedding="identity"))
        bonds = program.one_particle.coordinate
        assert isinstance(bonds, Bonds)
        pair = replace(bonds.pairs[0][0], closest=0.75, full=1.25)
        count = len(program.species)
        same = replace(program.one_particle, coordinate=Bonds(((pair,) * count,) * count))
        every = tuple((t, 1.0) for t in range(len(program.products)))
        outputs = replace(program.outputs, rows=((every,),) * count)
        folder = tmp_path / shape
        folder.mkdir()
        compiled = lanes_kernels(replace(program, one_particle=same, outputs=outputs), folder)
        distances = [pair.cutoff, pair.cutoff * (1 + 1e-15), 1e3, 0.75, 0.7, 1e-3]
        where = [(0, np.array([0]), np.array([[0.0, 0.0, r]])) for r in distances]
        energies, gradients = compiled.potential(where)
        assert (energies == program.atomic_energies[0]).all()
        assert not np.any(gradients)
        inside = [(0, np.array([0] * 3), rng.normal(size=(3, 3))) for _ in range(20)]
        assert any(np.any(gradient) for gradient in compiled.potential(inside)[1])


def test_degrees_without_functions(tmp_path: Path) -> None:
    """No pooled functions of some l, so that powers of z have no radial functions: nothing in the code is unused."""
    program = bond_program(3, Choices("linear", False, "identity"))
    count, components = len(program.species), tuple(tuple(range(-l, l + 1)) for l in range(4))
    layout = PooledLayout(((1, 0, 5, 0), (0, 4, 0, 2), (3, 0, 0, 5))[:count], 1, components)
    rng = np.random.default_rng(1)
    products = sorted({tuple(sorted(map(int, rng.integers(layout.size, size=1 + t % 3)))) for t in range(60)})
    rows = ((tuple((t, float(rng.normal())) for t in range(len(products))),),) * count
    program = replace(
        program,
        one_particle=replace(program.one_particle, angular=Harmonics(3)),
        layout=layout,
        products=tuple(products),
        outputs=replace(program.outputs, rows=rows),
    )
    check_program(program)
    compiled = lanes_kernels(program, tmp_path)
    where = environments(program, 9)
    check(program, compiled, where)
    check_derivatives(program, compiled, where, 9)


# ---- contraction and densities


@pytest.mark.parametrize("seed", range(4))
def test_contraction(seed: int, tmp_path: Path) -> None:
    """Of several elements with weights of every centre; the bonds are of different shapes."""
    program = bond_program(seed, Choices(embedding="identity"))
    compiled = lanes_kernels(program, tmp_path, COMPACT if seed % 2 else STRAIGHT)
    where = environments(program, seed)
    check(program, compiled, where)
    check_derivatives(program, compiled, where, seed)
    assert abs(run_potential(replace(program, contraction=None), *where[6])[0] - compiled.potential(where)[0][6]) > 1e-6


@pytest.mark.parametrize("options", [STRAIGHT, COMPACT], ids=["straight", "compact"])
@pytest.mark.parametrize("embedding", [*EMBEDDINGS[1:], "mixed"])
def test_densities(embedding: str, options: BuildOptions, tmp_path: Path) -> None:
    """One to three by centre, exponents below, at and above one."""
    for seed in (20, 21):
        folder = tmp_path / str(seed)
        folder.mkdir()
        program = bond_program(seed, Choices(embedding=embedding))
        compiled = lanes_kernels(program, folder, options)
        where = environments(program, seed)
        check(program, compiled, where)
        check_derivatives(program, compiled, where, seed)


@pytest.mark.parametrize("function", [FinnisSinclair, ShiftedFinnisSinclair])
def test_small_densities(function: type[FinnisSinclair | ShiftedFinnisSinclair], tmp_path: Path) -> None:
    """Those of neighbours far away, zero included: where the embedding has its special cases."""
    program = bond_program(5, Choices("exponential_cosine", embedding="finnis_sinclair"))
    program = with_small_densities(program, function)
    compiled = lanes_kernels(program, tmp_path)
    check(program, compiled, neighbours_near_the_cutoff(program, 1e-3))


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
    for options in (STRAIGHT, COMPACT):
        folder = tmp_path / options.products
        folder.mkdir()
        compiled = lanes_kernels(program, folder, options)
        where = environments(program, 6)
        check(program, compiled, where)
        check_derivatives(program, compiled, where, 7)
        assert "by_bonds_coupled(" in compiled.sources["by_bonds_products.c"]


def test_coupled_products_alone(tmp_path: Path) -> None:
    """Without any products of A's, and densities that need only some of the values."""
    program = coupled_bond_program(3, Choices("linear", True, "finnis_sinclair"))
    cut = len(program.products)
    rows = tuple(tuple(tuple(e for e in row if e[0] >= cut) for row in of) for of in program.outputs.rows)
    program = replace(program, outputs=replace(program.outputs, rows=rows))
    compiled = lanes_kernels(program, tmp_path)
    check(program, compiled, environments(program, 4))


def test_one_density_is_linear() -> None:
    """A linear potential has no densities, whatever its coordinate; two equal ones cost at most twice as much."""
    program = coupled_bond_program(4, Choices(embedding="identity"))
    backend = LanesBackend.of(USUAL, 64, 32)
    stage = backend.optimize(program, "auto")
    assert not any("density" in text for text in backend.generate(None, program, stage).values())
    terms = ((1.0, 0.5), (1.0, 1.5))
    twice = replace(
        program,
        outputs=Outputs(("a", "b"), None, tuple(rows * 2 for rows in program.outputs.rows)),
        embedding=(FinnisSinclair(terms),) * len(program.species),
    )
    check_program(twice)
    doubled = backend.optimize(twice, "auto")
    assert stage.cost.cycles < doubled.cost.cycles < 2 * stage.cost.cycles
    assert stage.coupled is not None
    assert doubled.coupled is not None
    assert doubled.coupled.cost.cycles < 1.8 * stage.coupled.cost.cycles


# ---- cores


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("repulsion", REPULSIONS)
def test_cores(repulsion: str, switch: str, tmp_path: Path) -> None:
    """Each repulsion with each switch: where the expansion is on, off, and in between."""
    program = bond_program(
        30 + REPULSIONS.index(repulsion), Choices(embedding="shifted", repulsion=repulsion, switch=switch)
    )
    compiled = lanes_kernels(program, tmp_path)
    where = core_environments(program)
    check(program, compiled, where)
    check_derivatives(program, compiled, where, 4)


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize(("cutoff", "width"), [(0.4, 1.0), (0.0, 0.0)])
def test_core_without_neighbours(cutoff: float, width: float, precision: Precision, tmp_path: Path) -> None:
    """A switch that is not one at V = 0, and strengths of zero; at a cutoff of zero, V = 0 leaves nothing."""
    program = bond_program(7, Choices("linear", False, "shifted"))
    count = len(program.species)
    zero = ((0.0,) * count,) * count
    repulsion = GaussianRepulsion(
        zero, ((1.0,) * count,) * count, ((4.0,) * count,) * count, (((0.0, 0.0),) * count,) * count
    )
    program = replace(program, core=Core(repulsion, EnergySwitch(((cutoff, width),) * count)))
    compiled = lanes_kernels(program, tmp_path, BuildOptions(precision=precision))
    where = environments(program, 2)
    check(program, compiled, where, 1e-12 if precision == "double" else 2e-5)
    energies, gradients = compiled.potential(where)
    without = replace(program, core=None)
    assert abs(run_potential(without, *where[6])[0] - energies[6]) > 1e-6
    if cutoff == 0:
        assert energies.tolist() == [program.atomic_energies[center] for center, _, _ in where]
        assert not any(np.any(gradient) for gradient in gradients)


def test_core_of_a_species_without_sums(tmp_path: Path) -> None:
    """Neighbours that no product has anything to do with are in the core all the same."""
    program = bond_program(9, Choices("linear", False, "identity", "gaussian"))
    layout, last = program.layout, len(program.species) - 1
    assert last > 0
    start = min(shell.offset for shell in layout.shells if shell.species == last)
    kept = [t for t, factors in enumerate(program.products) if all(v < start for v in factors)]
    number = {t: new for new, t in enumerate(kept)}
    rows = tuple(
        tuple(tuple((number[t], w) for t, w in row if t in number) for row in of) for of in program.outputs.rows
    )
    program = replace(
        program,
        layout=replace(layout, counts=(*layout.counts[:-1], (0,) * len(layout.counts[-1]))),
        products=tuple(program.products[t] for t in kept),
        outputs=replace(program.outputs, rows=rows),
    )
    compiled = lanes_kernels(program, tmp_path)
    where = [own for own in environments(program, 2) if last in own[1]]
    check(program, compiled, where)
    alone = [(center, species[species == last], x[species == last]) for center, species, x in where]
    check(program, compiled, alone)
    assert any(np.any(gradient) for gradient in compiled.potential(alone)[1])


# ---- targets


@pytest.mark.parametrize("choices", [Choices(), Choices("bessel", True, "mixed", "gaussian")])
def test_single_precision(choices: Choices, tmp_path: Path) -> None:
    """All stages in floats."""
    for seed in (40, 41):
        folder = tmp_path / str(seed)
        folder.mkdir()
        program = bond_program(seed, choices)
        compiled = lanes_kernels(program, folder, BuildOptions(precision="single"))
        check(program, compiled, environments(program, seed), 2e-5)
    program = coupled_bond_program(5, choices)
    check(program, lanes_kernels(program, tmp_path, BuildOptions(precision="single")), environments(program, 5), 2e-5)


@pytest.mark.parametrize("lanes", [2, 4, 16])
def test_lanes(lanes: int, tmp_path: Path) -> None:
    """Other numbers of lanes than fill a register, also for a processor with few and narrow ones."""
    program = coupled_bond_program(6, Choices(embedding="mixed", repulsion="polynomial"))
    machine = Machine(vector_bytes=16, registers=16) if lanes == 2 else None
    compiled = lanes_kernels(program, tmp_path, BuildOptions(lanes=lanes), machine=machine)
    check(program, compiled, environments(program, 6))


def test_threads(tmp_path: Path) -> None:
    """The same results, bit by bit, with OpenMP."""
    program = bond_program(50, Choices(repulsion="screened", switch="nearest"))
    compiled = lanes_kernels(program, tmp_path, BuildOptions(openmp=True))
    where = environments(program, 7) * 10
    check(program, compiled, where[: len(COUNTS)])
    one, two = compiled.potential(where, 1), compiled.potential(where, 2)
    assert (one[0] == two[0]).all()
    assert all((a == b).all() for a, b in zip(one[1], two[1], strict=True))


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed")
def test_clang(tmp_path: Path) -> None:
    """Another compiler, all shapes in one program."""
    program = coupled_bond_program(8, Choices(repulsion="gaussian"))
    compiled = lanes_kernels(program, tmp_path, command=["clang"])
    check(program, compiled, environments(program, 8))


@pytest.mark.parametrize("key", ["silicon", "alloy", "agnesi"])
def test_potentials_alone(key: str, tmp_path: Path) -> None:
    """Without descriptors, those of specs as well: with a pair term, an inner switch and a ZBL core."""
    own = case(key)
    compiled = lanes_kernels(own.potential, tmp_path)
    rng = np.random.default_rng(3)
    check(own.potential, compiled, [own.environment(rng, count) for count in (0, 1, 2, 4, 9, 15)])
    assert f"{own.potential.name}_basis.c" not in compiled.sources
    assert f"{own.potential.name}_derivatives.h" not in compiled.sources


def test_what_is_refused() -> None:
    """Descriptors with bonds or a contraction, and negative powers of an inverse distance, by name."""
    backend = LanesBackend.of(USUAL, 64, 32)
    potential = bond_program(3, Choices("linear", False, "identity"))
    coupling = tuple(((t, 1.0),) for t in range(len(potential.products)))
    outputs = Outputs(("b",), coupling, ((((0, 1.0),),),))
    descriptors = replace(potential, outputs=outputs, embedding=None)
    with pytest.raises(BuildError, match="descriptors of 'by_bonds' have radial functions by pair of species"):
        backend.generate(descriptors, None, None)
    count = len(potential.species)
    bonds = Bonds(((Bond(InversePower(-1, 2.0, 0.1, 2.0, 2, 2), 4.0, 0.0, 0.0),) * count,) * count)
    odd = replace(potential, one_particle=replace(potential.one_particle, coordinate=bonds))
    with pytest.raises(BuildError, match="the power -1 of an inverse distance"):
        backend.generate(None, odd, backend.optimize(odd, "auto"))
