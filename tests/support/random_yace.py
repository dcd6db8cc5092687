"""Random potentials of ML-PACE's kind, with all that its files can say, and random environments for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from math import factorial
from typing import TypeVar, get_args

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from acegen.yace.potential import (
    Bond,
    CTildeFunction,
    ElementEmbedding,
    EmbeddingName,
    EmbeddingTerm,
    InnerCutoff,
    PaceBond,
    PairPotential,
    RadialName,
    RecursionBasis,
    RecursionBond,
    RepulsiveCore,
    YacePotential,
)

Floats = NDArray[np.float64]
Random = np.random.Generator
Entry = TypeVar("Entry")

ELEMENTS = ("No", "Y", "Cu", "Si", "H", "O", "Ge", "U")
"""Some of which YAML takes for truth values."""

RADIAL: tuple[RadialName, ...] = get_args(RadialName)
INNER_CUTOFFS: tuple[InnerCutoff, ...] = get_args(InnerCutoff)

MARGIN = 1e-3
"""Distances of random environments are this far from those at which something jumps or begins, Å."""


def potentials() -> st.SearchStrategy[YacePotential]:
    """Any potential; all radial bases, embeddings, cores."""
    return st.integers(0, 10**9).map(lambda seed: random_potential(np.random.default_rng(seed)))


def random_potential(
    rng: Random,
    *,
    elements: int | None = None,
    inner_cutoff: InnerCutoff | None = None,
    radial: RadialName | None = None,
    recursive: bool | None = None,
    invariant: bool | None = None,
    ranks: tuple[int, ...] | None = None,
    densities: int | None = None,
    per_rank: int = 2,
) -> YacePotential:
    """A potential in which everything not asked for is drawn.

    Args:
        rng: draws it.
        elements: how many.
        inner_cutoff: what switches to the core.
        radial: basis of all bonds.
        recursive: whether the radial bases are those of ACE.jl.
        invariant: whether all functions are invariant under rotations; without it, about half of them.
        ranks: of the functions.
        densities: of all centres.
        per_rank: functions of each rank and centre.
    """
    count = elements or int(rng.integers(1, 5))
    recursive = bool(rng.random() < 0.25) if recursive is None else recursive
    kind = "density" if recursive else inner_cutoff or INNER_CUTOFFS[rng.integers(3)]
    n_base, n_max, l_max = int(rng.integers(1, 7)), int(rng.integers(1, 4)), int(rng.integers(0, 4))
    bonds: tuple[tuple[Bond, ...], ...]
    pair = None
    if recursive:
        n_max = n_base
        cutoff = float(rng.uniform(4, 6))
        bonds = _table(count, lambda: RecursionBond(_recursion(rng, n_base, cutoff)), rng)
        pair = _pair(rng, count, cutoff) if rng.random() < 0.7 else None
    else:
        bonds = _table(count, lambda: _bond(rng, radial or RADIAL[rng.integers(4)], kind, n_max, l_max, n_base), rng)
    embeddings = tuple(_embedding(rng, densities or int(rng.integers(1, 4))) for _ in range(count))
    if ranks is None:
        ranks = (1, 2, 3, 4)[: rng.integers(1, 5)] + ((int(rng.integers(5, 7)),) if rng.random() < 0.1 else ())
    bare = int(rng.integers(20))  # this centre, if there is one, has no functions
    functions = tuple(
        tuple(
            _function(rng, rank, count, n_base, n_max, l_max, len(embedded.terms), invariant)
            for rank in ranks
            for _ in range(per_rank)
            if center == 0 or center != bare
        )
        for center, embedded in enumerate(embeddings)
    )
    return YacePotential(
        elements=tuple(str(s) for s in rng.choice(ELEMENTS, count, replace=False)),
        energies=tuple(map(float, rng.normal(size=count))),
        spline_step=0.001,
        embeddings=embeddings,
        bonds=bonds,
        inner_cutoff=kind,
        pair=pair,
        functions=functions,
    )


def random_environment(
    rng: Random, potential: YacePotential, center: int, neighbours: int | None = None
) -> tuple[list[int], Floats]:
    """Elements of neighbours, and their displacements, shape (J, 3), Å.

    Some are closer than the inner cutoff, some near the cutoff, some beyond; none at a distance where something jumps.
    """
    count = int(rng.integers(0, 16)) if neighbours is None else neighbours
    species = [int(z) for z in rng.integers(len(potential.elements), size=count)]
    distances = [_distance(rng, potential, center, z) for z in species]
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return species, directions * np.array(distances).reshape(-1, 1)


def breakpoints(potential: YacePotential, center: int, species: int) -> list[float]:
    """Distances at which a function of the distance or one of its derivatives may jump, Å."""
    bond = potential.bonds[center][species]
    if isinstance(bond, PaceBond):
        inner = bond.inner_cutoff
        repulsion_ends = (50 / bond.rate) ** 0.5 if bond.rate else 0.0
        return [bond.cutoff, bond.cutoff - bond.width, inner, inner - bond.inner_width, repulsion_ends]
    bases, ends = [bond.basis], [bond.basis.cutoff]
    if potential.pair is not None:
        bases.append(potential.pair.basis)
        ends.append(potential.pair.cores[center][species].r_i)
    for basis in bases:
        ends += [(1 + basis.r0) / u ** (1 / basis.power) - 1 for u in (basis.left, basis.right)]
    return ends


def _distance(rng: Random, potential: YacePotential, center: int, species: int) -> float:
    ends = breakpoints(potential, center, species)
    cutoff = ends[0]
    while True:
        r = float(
            rng.choice(
                [
                    rng.uniform(0.8, 1.6),
                    rng.uniform(1.6, cutoff),
                    cutoff - rng.uniform(0, 0.2),
                    cutoff + rng.uniform(0, 0.5),
                ],
                p=[0.15, 0.6, 0.15, 0.1],
            )
        )
        if all(abs(r - end) > MARGIN for end in ends):
            return r


def _table(count: int, draw: Callable[[], Entry], rng: Random) -> tuple[tuple[Entry, ...], ...]:
    """Of pairs of elements; sometimes the same for (i, j) and (j, i), as most files have it."""
    table = [[draw() for _ in range(count)] for _ in range(count)]
    if rng.random() < 0.5:
        table = [[table[min(i, j)][max(i, j)] for j in range(count)] for i in range(count)]
    return tuple(map(tuple, table))


def _bond(rng: Random, radial: RadialName, kind: InnerCutoff, n_max: int, l_max: int, n_base: int) -> PaceBond:
    inner = float(rng.uniform(1.0, 1.8)) if kind == "zbl" or rng.random() < 0.6 else 0.0
    stepwise = kind != "zbl" and rng.random() < 0.2
    width = float(rng.uniform(0.5, 1.5)) if kind == "zbl" else float(rng.choice([0.0, 0.01, 0.7]))
    rate = rng.choice([-2.0, 1.0, 3.25, 5.5]) if radial == "ChebExpCos" else rng.choice([1.0, 2.0, 2.5, 3.0])
    coefficients = rng.normal(size=(n_max, l_max + 1, n_base)) / n_base**0.5
    return PaceBond(
        radial=radial,
        parameters=(float(rate),),
        n_base=n_base,
        coefficients=tuple(tuple(tuple(map(float, row)) for row in by_l) for by_l in coefficients),
        cutoff=float(rng.uniform(4.0, 6.0)),
        width=width,
        strength=float(rng.uniform(0.5, 1.5)) if kind == "zbl" else float(rng.choice([0.0, 20.0, 150.0])),
        rate=float(rng.uniform(0.5, 5.0)),
        inner_cutoff=inner,
        inner_width=float(rng.uniform(0.1, 0.6)) if inner and not stepwise else 0.0,
    )


def _recursion(rng: Random, size: int, cutoff: float) -> RecursionBasis:
    r0, power = float(rng.uniform(1, 3)), int(rng.integers(1, 3))
    left, right = (((1 + r0) / (1 + r)) ** power for r in (cutoff - rng.choice([0.0, 0.3]), rng.uniform(0.3, 1.2)))
    p_left, p_right = int(rng.choice([0, 1, 2, 3], p=[0.1, 0.1, 0.6, 0.2])), int(rng.choice([0, 2]))
    scale = 2 / (right - left)
    a = rng.uniform(0.5, 1.5, size=size) * scale
    a[0] = scale ** (p_left + p_right)
    steps = [(a_n, -a_n * (left + right) / 2 + rng.normal(scale=0.1), -rng.uniform(0, 1)) for a_n in a]
    return RecursionBasis(
        r0=r0,
        power=power,
        cutoff=cutoff,
        left=float(left),
        right=float(right),
        p_left=p_left,
        p_right=p_right,
        steps=tuple(tuple(map(float, step)) for step in steps),  # type: ignore[misc]
    )


def _pair(rng: Random, count: int, cutoff: float) -> PairPotential:
    size = int(rng.integers(1, 6))

    def core() -> RepulsiveCore:
        if rng.random() < 0.3:
            return RepulsiveCore(0.0, 0.0, 0.0, 0.0)
        return RepulsiveCore(*(float(rng.uniform(*b)) for b in ((0.9, 1.5), (-1, 1), (1, 4), (0.5, 3))))

    return PairPotential(
        basis=_recursion(rng, size, cutoff),
        coefficients=_table(count, lambda: tuple(map(float, rng.normal(size=size))), rng),
        cores=_table(count, core, rng),
    )


def _embedding(rng: Random, densities: int) -> ElementEmbedding:
    names: tuple[EmbeddingName, ...] = get_args(EmbeddingName)
    active = rng.random() < 0.5
    return ElementEmbedding(
        function=names[rng.integers(2)],
        terms=tuple(
            EmbeddingTerm(float(rng.normal()), float(rng.choice([1.0, 0.5, 2.0, 1.3]))) for _ in range(densities)
        ),
        core_cutoff=float(rng.uniform(2, 30)) if active else 100000.0,
        core_width=float(rng.uniform(1, 20)) if active else 250.0,
    )


def _function(
    rng: Random, rank: int, count: int, n_base: int, n_max: int, l_max: int, densities: int, invariant: bool | None
) -> CTildeFunction:
    elements = tuple(map(int, rng.integers(count, size=rank)))
    ns = tuple(map(int, rng.integers(1, (n_base if rank == 1 else n_max) + 1, size=rank)))
    bound = 0 if rank == 1 else min(l_max, 1) if rank > 4 else l_max
    invariant = bool(rng.random() < 0.5) if invariant is None else invariant
    while True:
        ls = tuple(map(int, rng.integers(bound + 1, size=rank)))
        if rank == 2 and rng.random() < 0.8:
            ls = (ls[0], ls[0])
        ms, basis = invariants(ls)
        if not invariant or (sum(ls) % 2 == 0 and len(basis)):
            break
    if invariant:
        coefficients = basis.T @ rng.normal(size=(len(basis), densities))
        ms, coefficients = _folded(ms, coefficients) if rng.random() < 0.5 else (ms, coefficients)
        kept = np.flatnonzero(np.abs(coefficients).max(axis=1) > 1e-12)
    else:
        kept = np.sort(rng.choice(len(ms), size=min(len(ms), int(rng.integers(1, 7))), replace=False))
        coefficients = rng.normal(size=(len(ms), densities))
    coefficients = coefficients[kept] / factorial(rank)
    return CTildeFunction(
        elements=elements,
        ns=ns,
        ls=ls,
        ms=tuple(ms[i] for i in kept),
        coefficients=tuple(tuple(map(float, row)) for row in coefficients),
    )


@cache
def invariants(ls: tuple[int, ...]) -> tuple[list[tuple[int, ...]], Floats]:
    """All m with sum zero, and an orthonormal basis of the invariant Σ_m c_m Π_t Y_{l_t m_t}, shape (count, ...).

    These are what J+ makes zero, sqrt(l (l+1) - m (m+1)) for each factor.
    """
    ranges = [range(-l, l + 1) for l in ls]
    ms = [m for m in product(*ranges) if sum(m) == 0]
    raised = {m: i for i, m in enumerate(m for m in product(*ranges) if sum(m) == 1)}
    raising = np.zeros((len(raised), len(ms)))
    for column, m in enumerate(ms):
        for t, (l, m_t) in enumerate(zip(ls, m, strict=True)):
            if m_t < l:
                raising[raised[(*m[:t], m_t + 1, *m[t + 1 :])], column] += (l * (l + 1) - m_t * (m_t + 1)) ** 0.5
    if not raised:
        return ms, np.eye(len(ms))
    _, singular, vectors = np.linalg.svd(raising)
    rank = int(np.sum(singular > 1e-9))
    return ms, vectors[rank:]


def _folded(ms: list[tuple[int, ...]], coefficients: Floats) -> tuple[list[tuple[int, ...]], Floats]:
    """The same real part with one of each m and -m, as pacemaker writes it: Re Π A_{l,-m} = Re Π A_{lm}."""
    rows = dict(zip(ms, coefficients, strict=True))
    half = [m for m in ms if m >= tuple(-x for x in m)]
    return half, np.array([rows[m] if not any(m) else rows[m] + rows[tuple(-x for x in m)] for m in half])
