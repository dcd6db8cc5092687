"""Numbers of coupled products: Clebsch-Gordan coefficients by SymPy, orthogonality, and behaviour under rotations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from sympy import Integer, sqrt
from sympy.physics.wigner import clebsch_gordan

from acegen.lower.couplings import component_scales, rounded_coupling
from acegen.program.coupled import Channel, CoupledProducts, Node
from acegen.program.coupled_interpreter import coupled_components
from acegen.program.interpreter import run_descriptors
from acegen.program.kernel import (
    Distance,
    Harmonics,
    KernelProgram,
    Notes,
    OneParticle,
    Outputs,
    Recurrence,
    Smoothstep,
)
from acegen.program.layout import PooledLayout

THREES = [(l1, l2, l) for l1 in range(5) for l2 in range(5) for l in range(abs(l1 - l2), l1 + l2 + 1)] + [
    (7, 5, 4),
    (3, 8, 10),
    (10, 10, 7),
    (9, 1, 9),
]


def nearest(value: object) -> float:
    """The double nearest to an exact expression."""
    return float(value.evalf(60))  # type: ignore[attr-defined]


@pytest.mark.parametrize("l1", range(11))
def test_couplings_are_those_of_sympy(l1: int) -> None:
    """With â_m = √2 (-1)^m a_m, m > 0, of standard harmonics: weights are Clebsch-Gordan coefficients, to the last bit.

    The components of negative m follow from a_{-m} = (-1)^m conj(a_m).
    """

    def root(m: int) -> object:
        return sqrt(2) if m else Integer(1)

    def sign(m: int) -> int:
        return -1 if m % 2 else 1

    for own, l2, l in THREES:
        if own != l1:
            continue
        sums, differences = {}, {}
        for m1, m2 in product(range(l1 + 1), range(l2 + 1)):
            if m1 + m2 <= l:
                weight = clebsch_gordan(l1, l2, l, m1, m2, m1 + m2) * root(m1 + m2) / (root(m1) * root(m2))
                sums[m1, m2] = nearest(weight)
            m = m1 - m2
            if m1 and m2 and abs(m) <= l:
                if m >= 0:
                    weight = clebsch_gordan(l1, l2, l, m1, -m2, m) * sign(m2)
                else:
                    weight = clebsch_gordan(l1, l2, l, -m1, m2, -m) * sign(m1)
                weight *= (2 if m == 0 else 1) * root(abs(m)) / 2
                differences[m1, m2] = nearest(weight)
        coupling = rounded_coupling(l1, l2, l)
        assert {(m1, m2): w for m1, m2, w in coupling.sums} == {key: w for key, w in sums.items() if w}
        assert {(m1, m2): w for m1, m2, w in coupling.differences} == {key: w for key, w in differences.items() if w}
        assert (coupling.left, coupling.right, coupling.l) == (l1, l2, l)


def test_scales() -> None:
    """Roots of rationals, rounded once."""
    scales = component_scales(12)
    assert len(scales) == 13
    for l, row in enumerate(scales):
        assert row[0] == 1.0
        for m, scale in enumerate(row[1:], start=1):
            ratio = Integer(2)
            for k in range(l - m + 1, l + m + 1):
                ratio /= k
            assert scale == nearest(sqrt(ratio))


def real(components: np.ndarray) -> np.ndarray:
    """c_-l .. c_l from ĉ_0 .. ĉ_l."""
    return np.concatenate([components.imag[:0:-1], components.real])


def two_channels(l1: int, l2: int, degrees: list[int]) -> tuple[CoupledProducts, PooledLayout]:
    """Two channels, of a species each, coupled to all l."""
    components = tuple(tuple(range(-l, l + 1)) for l in range(max(l1, l2) + 1))
    counts = tuple(tuple(int(l == own) for l in range(max(l1, l2) + 1)) for own in (l1, l2))
    coupled = CoupledProducts(
        scales=component_scales(max(l1, l2)),
        couplings=tuple(rounded_coupling(l1, l2, l) for l in degrees),
        channels=(Channel(0, 1, l1), Channel(1, 1, l2)),
        nodes=tuple(Node(0, 1, l) for l in degrees),
        scalars=(),
    )
    return coupled, PooledLayout(counts, 1, components)


@pytest.mark.parametrize(("l1", "l2"), [(0, 0), (0, 3), (1, 1), (1, 2), (2, 2), (3, 5), (6, 4)])
def test_normalized_couplings_are_an_orthogonal_matrix(l1: int, l2: int) -> None:
    """From all products of components to all values of all l: scales are left out by the A's at unit components."""
    degrees = list(range(abs(l1 - l2), l1 + l2 + 1))
    coupled, layout = two_channels(l1, l2, degrees)
    columns = []
    for m1, m2 in product(range(-l1, l1 + 1), range(-l2, l2 + 1)):
        pooled = np.zeros(layout.size)
        pooled[layout.index(0, 1, l1, m1)] = 1 / coupled.scales[l1][abs(m1)]
        pooled[layout.index(1, 1, l2, m2)] = 1 / coupled.scales[l2][abs(m2)]
        values = coupled_components(coupled, layout, pooled)[2:]
        columns.append(np.concatenate([real(value[:, 0]) for value in values]))
    matrix = np.array(columns)
    assert matrix.shape == ((2 * l1 + 1) * (2 * l2 + 1),) * 2
    assert np.abs(matrix @ matrix.T - np.eye(len(matrix))).max() < 1e-14


# ---- rotations

L_MAX = 4
LAYOUT = PooledLayout(((1,) * (L_MAX + 1),) * 3, 1, tuple(tuple(range(-l, l + 1)) for l in range(L_MAX + 1)))
POOLED = KernelProgram(
    name="pooled",
    symmetry="O3",
    dimension=3,
    species=("A", "B", "C"),
    one_particle=OneParticle(
        Distance(((5.0,) * 3,) * 3, Smoothstep()), Recurrence(1, (0.0, 1.0), ()), Harmonics(L_MAX)
    ),
    layout=LAYOUT,
    contraction=None,
    products=tuple((v,) for v in range(LAYOUT.size)),
    coupled=None,
    outputs=Outputs(tuple(map(str, range(LAYOUT.size))), None, (tuple(((v, 1.0),) for v in range(LAYOUT.size)),)),
    embedding=None,
    pair=None,
    references=(),
    inner=None,
    core=None,
    atomic_energies=(0.0,) * 3,
    notes=Notes("All A's.", "y", "S_lm", "self-interacting", 1),
)
"""A program whose values are the A's."""

SPECIES = [0, 1, 2, 0, 1, 2, 0, 1, 2]


def values_of_three() -> tuple[CoupledProducts, list[Channel | Node]]:
    """All couplings of two channels, and of these with a third one, up to L_MAX."""
    channels = [Channel(z, 1, l) for z, l in ((0, 1), (1, 2), (2, 2))]
    nodes: list[Node] = []

    def couple(left: int, right: int) -> Iterator[Node]:
        degrees = [*(channel.l for channel in channels), *(node.l for node in nodes)]
        l1, l2 = degrees[left], degrees[right]
        yield from (Node(left, right, l) for l in range(abs(l1 - l2), min(l1 + l2, L_MAX) + 1))

    nodes += couple(0, 1)
    for position in range(len(nodes)):
        nodes += couple(2, 3 + position)
    values: list[Channel | Node] = [*channels, *nodes]
    threes = sorted({(values[node.left].l, values[node.right].l, node.l) for node in nodes})
    return (
        CoupledProducts(
            scales=component_scales(L_MAX),
            couplings=tuple(rounded_coupling(*three) for three in threes),
            channels=tuple(channels),
            nodes=tuple(nodes),
            scalars=(),
        ),
        values,
    )


def components_at(coupled: CoupledProducts, x: np.ndarray) -> list[np.ndarray]:
    """Components c_-l .. c_l of all values."""
    pooled = run_descriptors(POOLED, 0, SPECIES, x).values
    return [real(value[:, 0]) for value in coupled_components(coupled, LAYOUT, pooled)]


@pytest.mark.parametrize("seed", range(3))
def test_values_turn_like_harmonics(seed: int) -> None:
    """Under a rotation, c' = D^l c with the matrix of harmonics, for every value, whatever its parity; norms are kept.

    D^l is found from the harmonics of many directions.
    """
    rng = np.random.default_rng(seed)
    rotation = Rotation.random(rng=rng).as_matrix()
    coupled, values = values_of_three()
    x = rng.normal(size=(len(SPECIES), 3))
    before, after = components_at(coupled, x), components_at(coupled, x @ rotation.T)
    alone = CoupledProducts(coupled.scales, (), tuple(Channel(0, 1, l) for l in range(L_MAX + 1)), (), ())
    directions = [rng.normal(size=(len(SPECIES), 3)) for _ in range(4 * L_MAX)]
    harmonics = [components_at(alone, d) for d in directions]
    turned = [components_at(alone, d @ rotation.T) for d in directions]
    matrices = []
    for l in range(L_MAX + 1):
        solution = np.linalg.lstsq(np.array([h[l] for h in harmonics]), np.array([h[l] for h in turned]))[0]
        matrices.append(solution.T)
        assert np.abs(solution @ solution.T - np.eye(2 * l + 1)).max() < 1e-11
    parities = set()
    for value, c, turned_c in zip(values, before, after, strict=True):
        assert np.linalg.norm(c) > 1e-4
        assert np.abs(turned_c - matrices[value.l] @ c).max() < 1e-11 * np.linalg.norm(c)
        assert np.linalg.norm(turned_c) == pytest.approx(np.linalg.norm(c), rel=1e-12)
    mirrored = components_at(coupled, -x)
    for value, c, image in zip(values, before, mirrored, strict=True):
        parity = round(float(image @ c) / float(c @ c))
        assert np.abs(image - parity * c).max() < 1e-12 * np.linalg.norm(c)
        parities.add((parity * (-1) ** value.l, isinstance(value, Node)))
    assert parities == {(1, False), (1, True), (-1, True)}  # vectors and the like, and pseudovectors


def test_the_imaginary_part_at_zero_would_not_turn() -> None:
    """The components with M = 0: real parts for even sums, after a factor -i for odd ones."""
    coupled, layout = two_channels(1, 1, [0, 1, 2])
    pooled = np.arange(1.0, layout.size + 1)
    (y1, z1, x1), (y2, z2, x2) = ([pooled[layout.index(species, 1, 1, m)] for m in (-1, 0, 1)] for species in (0, 1))
    dot, cross, second = (value[0, 0] for value in coupled_components(coupled, layout, pooled)[2:])
    assert dot == pytest.approx(-(x1 * x2 + y1 * y2 + z1 * z2) / 3**0.5)
    assert abs(cross) == pytest.approx(abs(x1 * y2 - y1 * x2) / 2**0.5)
    assert second == pytest.approx((2 * z1 * z2 - x1 * x2 - y1 * y2) / 6**0.5)
