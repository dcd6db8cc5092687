"""Random potentials with bonds, contraction, embeddings and cores: kernel programs that no basis is behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from coupled_cases import at_random
from program_cases import case

from acegen.lower import coupled_products, expand_products, pairing_choices, potential_program
from acegen.program import KernelProgram, check_program
from acegen.program.bonds import Bessel, Bond, Bonds, BondShape, ExponentialCosine, InversePower, Linear, Power
from acegen.program.core import (
    Core,
    EnergySwitch,
    GaussianRepulsion,
    NearestSwitch,
    PolynomialRepulsion,
    Repulsion,
    ScreenedRepulsion,
)
from acegen.program.embedding import Embedding, FinnisSinclair, Identity, ShiftedFinnisSinclair
from acegen.program.kernel import Contraction, Harmonics, Notes, OneParticle, Outputs, Recurrence, Row
from acegen.program.layout import PooledLayout

Rng = np.random.Generator

SHAPES = ("exponential_cosine", "power_law", "linear", "bessel", "inverse_power")
REPULSIONS = ("gaussian", "screened", "polynomial")
SWITCHES = ("energy", "nearest")
EMBEDDINGS = ("identity", "finnis_sinclair", "shifted")


@dataclass(frozen=True)
class Choices:
    """What a random program is made of; names as above, `shape` "mixed" for a different one of every pair.

    Without a number of elements there are one to three.
    """

    shape: str = "mixed"
    contraction: bool = True
    embedding: str = "finnis_sinclair"
    repulsion: str | None = None
    switch: str = "energy"
    elements: int | None = None


def bond_program(seed: int, choices: Choices = Choices()) -> KernelProgram:
    """A potential of one to three elements, with gaps in its layout and products that are no invariants."""
    rng = np.random.default_rng(seed)
    drawn_elements = int(rng.integers(1, 4))
    species = ("Al", "Ni", "Zr")[: choices.elements or drawn_elements]
    l_max = int(rng.integers(4))
    components = tuple(tuple(range(-l, l + 1)) for l in range(l_max + 1))
    counts = tuple((int(rng.integers(1, 4)), *map(int, rng.integers(4, size=l_max))) for _ in species)
    layout = PooledLayout(counts, 1, components)
    drawn = (rng.integers(layout.size, size=order) for order in (1, 2, 3, 4) for _ in range(9))
    products = tuple(sorted({tuple(sorted(map(int, product))) for product in drawn}))
    program = KernelProgram(
        name="by_bonds",
        symmetry="O3",
        dimension=3,
        species=species,
        one_particle=OneParticle(_bonds(rng, choices.shape, len(species)), _chebyshev(6), Harmonics(l_max)),
        layout=layout,
        contraction=None,
        products=products,
        coupled=None,
        outputs=Outputs(("ρ",), None, (((),),) * len(species)),
        embedding=(Identity(),) * len(species),
        pair=None,
        references=(),
        inner=None,
        core=None,
        atomic_energies=tuple(map(float, rng.normal(size=len(species)))),
        notes=Notes("A program written by hand.", "e(r) T_n(y)", "S_lm", "self-interacting", 4),
    )
    return _completed(rng, program, len(products), choices)


def coupled_bond_program(seed: int, choices: Choices = Choices()) -> KernelProgram:
    """The same of two elements with coupled invariants and some products."""
    rng = np.random.default_rng(seed)
    program = replace(
        _coupled(),
        name="by_bonds",
        one_particle=OneParticle(_bonds(rng, choices.shape, 2), _chebyshev(9), _coupled().one_particle.angular),
        pair=None,
        references=(),
        inner=None,
    )
    assert program.coupled is not None
    assert program.products
    return _completed(rng, program, len(program.products) + len(program.coupled.scalars), choices)


@cache
def _coupled() -> KernelProgram:
    """Of most labels invariants are coupled, those of others are products."""
    own = case("alloy")
    choices = pairing_choices(own.expansion.basis)
    coupled = coupled_products(choices, at_random(choices, np.random.default_rng(1), 0.6))
    assert coupled is not None
    expansion = expand_products(own.expansion.basis, coupled)
    return potential_program(expansion, own.coefficients.values, own.coefficients.atomic_energies)


def _completed(rng: Rng, program: KernelProgram, n_terms: int, choices: Choices) -> KernelProgram:
    """With contraction, densities of different number by centre, embeddings and core."""
    count = len(program.species)
    if choices.contraction:
        program = _contracted(rng, program)
    embeddings = tuple(_embedding(rng, choices.embedding, center) for center in range(count))
    rows = tuple(tuple(_row(rng, n_terms) for _ in range(_terms(embedding))) for embedding in embeddings)
    names = tuple(f"ρ[{p}]" for p in range(1, max(map(len, rows)) + 1))
    core = None if choices.repulsion is None else Core(_repulsion(rng, choices, count), _switch(rng, choices, count))
    program = replace(program, outputs=Outputs(names, None, rows), embedding=embeddings, core=core)
    check_program(program)
    return program


def environment(rng: Rng, program: KernelProgram, count: int, least: float = 0.7) -> tuple[int, np.ndarray, np.ndarray]:
    """Centre, species and displacements, some of them beyond the cutoff."""
    center = int(rng.integers(len(program.species)))
    species = rng.integers(len(program.species), size=count)
    vectors = rng.normal(size=(count, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    reach = np.array(program.reach)[center][species]
    return center, species, vectors * rng.uniform(least, 1.1 * reach, size=count)[:, None]


def bond_shape(rng: Rng, kind: str) -> BondShape:
    """A shape of a kind, with usual parameters."""
    match kind:
        case "exponential_cosine":
            return ExponentialCosine(float(rng.uniform(1, 6)), float(rng.uniform(0.05, 0.8)))
        case "power_law":
            return Power(float(rng.uniform(1.5, 4)))
        case "linear":
            return Linear()
        case "bessel":
            return Bessel()
        case _:
            p_left, p_right = map(int, rng.integers((2, 0), 4))
            return InversePower(int(rng.integers(1, 4)), float(rng.uniform(1.5, 2.5)), 0.1, 2.0, p_left, p_right)


def _bonds(rng: Rng, shape: str, count: int) -> Bonds:
    """Closest distances of all three kinds: none, a jump, a switch."""

    def bond() -> Bond:
        own = bond_shape(rng, str(rng.choice(SHAPES)) if shape == "mixed" else shape)
        closest, full = ((0.0, 0.0), (0.5, 0.5), (0.6, 1.4))[int(rng.integers(3))]
        return Bond(own, float(rng.uniform(3.5, 5.0)), closest, full)

    return Bonds(tuple(tuple(bond() for _ in range(count)) for _ in range(count)))


def _chebyshev(count: int) -> Recurrence:
    """T_1 to T_count of y, whose first is called n = 1; every A is one of them times e."""
    return Recurrence(1, (1.0,), ((1.0, 0.0, 0.0), *((2.0, 0.0, 1.0) for _ in range(count - 2))))


def _contracted(rng: Rng, program: KernelProgram) -> KernelProgram:
    layout = program.layout
    widths = tuple(tuple(int(rng.integers(1, 6)) if n else int(rng.integers(2)) for n in row) for row in layout.counts)
    pooled = PooledLayout(widths, layout.first, layout.components)
    weights = tuple(
        tuple(
            tuple(tuple(_numbers(rng, k) for _ in range(n)) for n, k in zip(ns, ks, strict=True))
            for ns, ks in zip(layout.counts, widths, strict=True)
        )
        for _ in program.species
    )
    return replace(program, contraction=Contraction(pooled, weights))


def _numbers(rng: Rng, count: int) -> tuple[float, ...]:
    return tuple(map(float, rng.normal(size=count)))


def _row(rng: Rng, n_terms: int) -> Row:
    """Half of the products, others in every row."""
    chosen = np.flatnonzero(rng.random(n_terms) < 0.5)
    return tuple((int(t), float(rng.normal())) for t in chosen)


def _terms(embedding: Embedding) -> int:
    return 1 if isinstance(embedding, Identity) else len(embedding.terms)


def _embedding(rng: Rng, kind: str, center: int) -> Embedding:
    """With 2, 3 or no densities; exponents below, at and above one."""
    terms = tuple((float(rng.normal()), float(rng.choice([0.5, 1.0, 1.3]))) for _ in range((2, 3, 0)[center]))
    if kind == "mixed":
        kind = EMBEDDINGS[center % 3]
    match kind:
        case "identity":
            return Identity()
        case "finnis_sinclair":
            return FinnisSinclair(terms)
        case _:
            return ShiftedFinnisSinclair(terms)


def _repulsion(rng: Rng, choices: Choices, count: int) -> Repulsion:
    def table(low: float, high: float) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(map(float, row)) for row in rng.uniform(low, high, size=(count, count)))

    inner, outer = table(0.8, 1.2), table(1.6, 2.6)
    ranges = tuple(tuple(zip(*rows, strict=True)) for rows in zip(inner, outer, strict=True))
    match choices.repulsion:
        case "gaussian":
            mixed = tuple(tuple(r if rng.random() < 0.7 else (0.0, 0.0) for r in row) for row in ranges)
            return GaussianRepulsion(table(20, 80), table(0.8, 1.5), table(3.5, 5.5), mixed)
        case "screened":
            screening = ((0.2, 3.2), (0.5, 0.95), (0.3, 0.4))
            return ScreenedRepulsion(ranges, table(50, 300), table(3, 6), screening)
        case _:
            shape = InversePower(2, 2.0, 0.2, 1.8, 2, int(rng.integers(2)))
            steps = tuple((float(rng.uniform(0.5, 1.5)), *_numbers(rng, 2)) for _ in range(4))
            coefficients = tuple(tuple(_numbers(rng, 4) for _ in range(count)) for _ in range(count))
            cores = tuple(tuple((1.1, float(rng.normal()), 2.0, 3.0) for _ in range(count)) for _ in range(count))
            return PolynomialRepulsion(shape, steps, coefficients, cores, table(3.5, 4.5))  # type: ignore[arg-type]


def _switch(rng: Rng, choices: Choices, count: int) -> EnergySwitch | NearestSwitch:
    if choices.switch == "energy":
        return EnergySwitch(tuple((float(rng.uniform(8, 14)), float(rng.uniform(5, 8))) for _ in range(count)))
    return NearestSwitch(
        tuple(
            tuple((float(rng.uniform(0.7, 1.0)), float(rng.uniform(1.2, 2.0))) for _ in range(count))
            for _ in range(count)
        )
    )
