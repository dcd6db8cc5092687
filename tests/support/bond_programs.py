"""Kernel programs with bonds, contraction, several densities and cores, drawn at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acegen.program.bonds import Bessel, Bond, Bonds, BondShape, ExponentialCosine, InversePower, Linear, Power
from acegen.program.by_pair import ByPair, Ranges
from acegen.program.core import (
    Core,
    EnergySwitch,
    GaussianRepulsion,
    NearestSwitch,
    PolynomialRepulsion,
    ScreenedRepulsion,
)
from acegen.program.embedding import Embedding, FinnisSinclair, Identity, ShiftedFinnisSinclair
from acegen.program.kernel import (
    Contraction,
    Harmonics,
    KernelProgram,
    Notes,
    OneParticle,
    Outputs,
    Recurrence,
)
from acegen.program.layout import PooledLayout

Floats = NDArray[np.float64]

L_MAX = 2
N_POOLED = 4
SYMBOLS = ("Si", "O", "Al")
CORES = ("none", "gaussian", "distance", "zbl", "polynomial")
EMBEDDINGS = ("identity", "finnis sinclair", "shifted")


def random_program(
    rng: np.random.Generator, n_species: int = 2, core: str = "gaussian", embedding: str = "shifted"
) -> KernelProgram:
    """A potential with products of one to four factors; every pair has another shape of bond."""
    components = tuple(tuple(range(-l, l + 1)) for l in range(L_MAX + 1))
    pooled = PooledLayout(((N_POOLED,) * (L_MAX + 1),) * n_species, 0, components)
    layout = PooledLayout(tuple((3, 2, 1 + z % 2) for z in range(n_species)), 1, components)
    weights = tuple(
        tuple(
            tuple(tuple(tuple(map(float, rng.normal(size=N_POOLED))) for _ in range(count)) for count in counts)
            for counts in layout.counts
        )
        for _ in range(n_species)
    )
    orders = rng.integers(1, 5, size=40)
    products = tuple(sorted({tuple(sorted(map(int, rng.integers(layout.size, size=order)))) for order in orders}))
    outputs, embeddings = _outputs(rng, n_species, len(products), embedding)
    return KernelProgram(
        name="by_hand",
        symmetry="O3",
        dimension=3,
        species=SYMBOLS[:n_species],
        one_particle=OneParticle(Bonds(_bonds(rng, n_species, core)), _chebyshev(N_POOLED), Harmonics(L_MAX)),
        layout=layout,
        contraction=Contraction(pooled, weights),
        products=products,
        coupled=None,
        outputs=outputs,
        embedding=embeddings,
        pair=None,
        references=(),
        inner=None,
        core=_core(rng, n_species, core),
        atomic_energies=tuple(map(float, rng.normal(size=n_species))),
        notes=Notes("A program drawn at random.", "e T_k(y)", "S_lm", "self-interacting", 4),
    )


def random_environment(rng: np.random.Generator, program: KernelProgram, count: int) -> tuple[int, list[int], Floats]:
    """Centre, species and displacements; some neighbours are close, some beyond the cutoff."""
    n_species = len(program.species)
    center, species = int(rng.integers(n_species)), rng.integers(n_species, size=count)
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    radii = rng.uniform(0.15, 1.1, size=count) * np.array(program.reach)[center][species]
    return center, list(map(int, species)), directions * radii[:, None]


def _chebyshev(count: int) -> Recurrence:
    steps = ((1.0, 0.0, 0.0), *((2.0, 0.0, 1.0) for _ in range(count - 2)))
    return Recurrence(0, (1.0,), steps)


def _bonds(rng: np.random.Generator, n_species: int, core: str) -> tuple[tuple[Bond, ...], ...]:
    shapes: list[BondShape] = [
        ExponentialCosine(5.25, 0.4),
        Power(2.0),
        Bessel(),
        InversePower(2, 2.5, 0.25, 1.6, 2, 2),
        Power(2.5),
        ExponentialCosine(1.5, 4.0),
        Linear(),
        InversePower(1, 2.0, 0.3, 4.0, 2, 0),
        Power(1.0),
    ]
    first, rows = int(rng.integers(len(shapes))), []
    for center in range(n_species):
        row = []
        for z in range(n_species):
            shape, cutoff = shapes[(first + n_species * center + z) % len(shapes)], float(rng.uniform(3.5, 5.0))
            closest, full = (1.0, 1.6) if core == "distance" else (0.0, 0.0)
            row.append(Bond(shape, cutoff, closest, full))
        rows.append(tuple(row))
    return tuple(rows)


def _outputs(
    rng: np.random.Generator, n_species: int, n_products: int, embedding: str
) -> tuple[Outputs, tuple[Embedding, ...]]:
    rows, embeddings = [], []
    for center in range(n_species):
        count = 1 if embedding == "identity" else 2 - center % 2
        chosen = [rng.normal(size=n_products) * (rng.random(n_products) < 0.8) for _ in range(count)]
        rows.append(tuple(tuple((t, float(w)) for t, w in enumerate(own) if w) for own in chosen))
        terms = ((1.0, 1.0), (-0.7, 0.5))[:count] if center % 2 == 0 else ((0.8, 0.75),)
        embeddings.append(_embedding(embedding, terms))
    names = tuple(f"density {p}" for p in range(1, max(map(len, rows)) + 1))
    return Outputs(names, None, tuple(rows)), tuple(embeddings)


def _embedding(name: str, terms: tuple[tuple[float, float], ...]) -> Embedding:
    match name:
        case "finnis sinclair":
            return FinnisSinclair(terms)
        case "shifted":
            return ShiftedFinnisSinclair(terms)
    return Identity()


def _core(rng: np.random.Generator, n_species: int, name: str) -> Core | None:
    def by_pair(low: float, high: float) -> ByPair:
        return tuple(tuple(map(float, row)) for row in rng.uniform(low, high, size=(n_species, n_species)))

    def ranges(inner: float, outer: float) -> Ranges:
        return (((inner, outer),) * n_species,) * n_species

    energies = EnergySwitch(tuple((4.0 + z, 3.5) for z in range(n_species)))
    match name:
        case "gaussian":
            return Core(GaussianRepulsion(by_pair(5, 20), by_pair(0.3, 1), by_pair(3, 5), ranges(0.0, 0.0)), energies)
        case "distance":
            return Core(GaussianRepulsion(by_pair(5, 20), by_pair(0.3, 1), by_pair(3, 5), ranges(1.0, 1.6)), energies)
        case "zbl":
            screening = ((0.18175, 3.1998), (0.50986, 0.94229), (0.28022, 0.4029), (0.02817, 0.20162))
            outer = tuple(tuple((3.0, 3.4) for _ in range(n_species)) for _ in range(n_species))
            return Core(
                ScreenedRepulsion(outer, by_pair(100, 900), by_pair(5, 8), screening), NearestSwitch(ranges(1.0, 1.7))
            )
        case "polynomial":
            shape = InversePower(1, 2.0, 0.5, 4.0, 2, 0)
            steps = ((1.5, 0.0, 0.0), (2.0, -0.5, 0.0), (1.5, 0.25, -0.75))
            coefficients = tuple(
                tuple(tuple(map(float, rng.normal(size=3))) for _ in range(n_species)) for _ in range(n_species)
            )
            cores = (((1.2, 0.5, 3.0, 2.0),) * n_species,) * n_species
            return Core(
                PolynomialRepulsion(shape, steps, coefficients, cores, ((4.0,) * n_species,) * n_species), energies
            )
    return None
