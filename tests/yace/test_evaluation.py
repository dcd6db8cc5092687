"""The plain evaluation of potentials: against ML-PACE's values, other formulas, and finite differences."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from math import cos, exp, pi
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_yace import INNER_CUTOFFS, RADIAL, random_environment, random_potential

from acegen.yace.evaluation.core import repulsion
from acegen.yace.evaluation.evaluator import Evaluator, embedding, evaluate, harmonic
from acegen.yace.evaluation.radial import pace_basis, recursion_basis
from acegen.yace.potential import (
    CTildeFunction,
    ElementEmbedding,
    EmbeddingName,
    EmbeddingTerm,
    PaceBond,
    RecursionBasis,
    YacePotential,
)
from acegen.yace.reading import read_potential

DATA = Path(__file__).parents[3] / "shared" / "data" / "pace"
Floats = NDArray[np.float64]

GE = {
    **{6: 0.8676908533326734, 7: -0.766087234252431, 8: 3.263684545721956, 9: -0.31112440465988567},
    **{13: 1.4764300179906111, 17: 0.496970476584361, 19: 0.45757891606642265, 21: 1.0587964247781454},
    **{22: -0.23711722837634236, 23: 2.477193042440502},
}
"""Energies of the environments of Ge in two_element.json by ML-PACE's ACECTildeEvaluator, eV."""


def reference(name: str) -> tuple[Evaluator, dict[int, tuple[int, list[int], Floats, float, Floats]]]:
    """A potential, and its environments with ML-PACE's energies and derivatives."""
    path = DATA / f"{name}.yace"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    potential = read_potential(path)
    environments = {}
    for i, e in enumerate(json.loads(path.with_suffix(".json").read_text())["environments"]):
        center, species = potential.elements.index(e["center"]), [potential.elements.index(s) for s in e["species"]]
        vectors = (np.array(e[key], dtype=float).reshape(-1, 3) for key in ("displacements", "pair_forces"))
        x, slopes = vectors
        environments[i] = (center, species, x, e["energy"], slopes)
    return Evaluator(potential), environments


@pytest.mark.parametrize(
    ("name", "centers"), [("cheb_linear_1el", {"Si"}), ("sbessel_fs_1el", {"Cu"}), ("two_element", {"Si"})]
)
def test_energies_and_derivatives_of_ml_pace(name: str, centers: set[str]) -> None:
    """The values of ML-PACE, whose tables limit the comparison; its pair_forces are dE/dr_j.

    With the step 0.001 Å of these files, the largest difference is 1.3e-10 of the energy or of 1 eV, and 9.2e-9 of the
    largest derivative; ML-PACE with the step 0.0001 Å differs by 9e-15 and 1.6e-11: the difference is that of cubic
    splines.

    The values for centres of Ge in two_element are not what the file says. They were computed by ML-PACE's
    ACERecursiveEvaluator (in its product form), which reads the coefficients of all centres as if they had as many
    densities as the element with most of them, so that Ge, with one density beside Si with two, gets coefficients of
    other functions. Its ACECTildeEvaluator does not: see the next test.
    """
    evaluator, environments = reference(name)
    for center, species, x, expected, slopes in environments.values():
        if evaluator.potential.elements[center] in centers:
            energy, gradient = evaluator.evaluate(center, species, x)
            energy -= evaluator.potential.energies[center]
            assert abs(energy - expected) < 1e-9 * max(1, abs(expected))
            assert np.abs(gradient - slopes).max(initial=0) < 2e-8 * np.abs(slopes).max(initial=1)


def test_centers_with_fewer_densities() -> None:
    """Those of Ge agree with ML-PACE's other evaluator, within 1.6e-13 (limit 1e-11); and not with the reference."""
    evaluator, environments = reference("two_element")
    for i, (center, species, x, other, _) in environments.items():
        if evaluator.potential.elements[center] == "Ge":
            energy, _ = evaluator.evaluate(center, species, x)
            assert abs(energy - GE[i]) < 1e-11
            assert abs(energy - other) > 0.1


def differences(evaluator: Evaluator, center: int, species: list[int], x: Floats) -> Floats:
    """dE/dr_j by central differences of fourth order."""
    gradient, step = np.zeros_like(x), 1e-4
    for index in np.ndindex(x.shape):
        energies = []
        for n in (-2, -1, 1, 2):
            moved = x.copy()
            moved[index] += n * step
            energies.append(evaluator.evaluate(center, species, moved)[0])
        gradient[index] = (energies[0] - 8 * energies[1] + 8 * energies[2] - energies[3]) / (12 * step)
    return gradient


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_derivatives_are_those_of_the_energy(seed: int) -> None:
    """Of all that a potential can be made of; 1e-8 relative to the largest derivative or energy."""
    rng = np.random.default_rng(seed)
    potential = random_potential(rng)
    evaluator = Evaluator(potential)
    center = int(rng.integers(len(potential.elements)))
    species, x = random_environment(rng, potential, center, neighbours=int(rng.integers(1, 6)))
    energy, gradient = evaluator.evaluate(center, species, x)
    scale = max(1, abs(energy), np.abs(gradient).max())
    assert np.abs(gradient - differences(evaluator, center, species, x)).max() < 1e-8 * scale


@pytest.mark.parametrize("l", range(5))
def test_harmonics_are_the_usual_ones(l: int) -> None:
    """sqrt(4π) times SciPy's."""
    directions = np.random.default_rng(l).normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    theta, phi = np.arccos(directions[:, 2]), np.arctan2(directions[:, 1], directions[:, 0])
    for m in range(-l, l + 1):
        if hasattr(scipy.special, "sph_harm_y"):
            expected = scipy.special.sph_harm_y(l, m, theta, phi)
        else:
            expected = scipy.special.sph_harm(m, l, phi, theta)
        assert np.allclose(harmonic(l, m, directions)[0], np.sqrt(4 * pi) * expected, rtol=0, atol=1e-13)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_densities_are_sums_over_all_tuples_of_neighbours(seed: int) -> None:
    """Σ_j1 ... Σ_jN c Re Π R Y, term by term, without pooling."""
    rng = np.random.default_rng(seed)
    potential = random_potential(rng, elements=2, inner_cutoff="density", recursive=False, ranks=(1, 2, 3), densities=1)
    linear = ElementEmbedding("FinnisSinclairShiftedScaled", (EmbeddingTerm(1.0, 1.0),), 1e5, 250.0)
    potential = replace(potential, embeddings=(linear, linear), bonds=without_cores(potential))
    species, x = random_environment(rng, potential, 0, neighbours=4)
    total = potential.energies[0]
    for f in potential.functions[0]:
        for js in product(range(4), repeat=f.rank):
            if any(species[j] != z for j, z in zip(js, f.elements, strict=True)):
                continue
            for ms, (c,) in zip(f.ms, f.coefficients, strict=True):
                term = complex(c)
                for j, n, l, m in zip(js, f.ns, f.ls, ms, strict=True):
                    term *= one_particle(potential, f.rank, species[j], x[j], (n, l, m))
                total += term.real
    assert abs(evaluate(potential, 0, species, x)[0] - total) < 1e-10 * max(1, abs(total))


def without_cores(potential: YacePotential) -> tuple[tuple[PaceBond, ...], ...]:
    """The bonds, without core repulsion."""
    return tuple(
        tuple(replace(bond, strength=0.0) for bond in row if isinstance(bond, PaceBond)) for row in potential.bonds
    )


def one_particle(potential: YacePotential, rank: int, z: int, x: Floats, label: tuple[int, int, int]) -> complex:
    """g_k, or R_nl Y_lm, of one neighbour of element 0."""
    bond = potential.bonds[0][z]
    assert isinstance(bond, PaceBond)
    n, l, m = label
    r = float(np.linalg.norm(x))
    if r >= bond.cutoff:
        return 0
    g = pace_basis(bond, "density", np.array([r]))[0][:, 0]
    if rank == 1:
        return complex(g[n - 1])
    radial = sum(c * g_k for c, g_k in zip(bond.coefficients[n - 1][l], g, strict=True))
    return complex(radial * harmonic(l, m, (x / r)[None])[0][0])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_invariant_functions_give_invariant_energies(seed: int) -> None:
    """The energy does not change with a rotation or a reflection, and the derivatives turn along."""
    rng = np.random.default_rng(seed)
    potential = random_potential(rng, invariant=True)
    center = int(rng.integers(len(potential.elements)))
    species, x = random_environment(rng, potential, center)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    energy, gradient = evaluate(potential, center, species, x)
    turned, turned_gradient = evaluate(potential, center, species, x @ q.T)
    scale = max(1, abs(energy), np.abs(gradient).max(initial=0))
    assert abs(energy - turned) < 1e-10 * scale
    assert np.abs(gradient @ q.T - turned_gradient).max(initial=0) < 1e-9 * scale


def bond_with(radial: str, **changes: object) -> PaceBond:
    """A bond with four functions."""
    coefficients = (((0.5, -1.0, 2.0, 0.25),),)
    bond = PaceBond("ChebPow", (2.5,), 4, coefficients, 4.5, 0.5, 0.0, 1.0, 0.0, 0.0)
    return replace(bond, radial=radial, **changes)  # type: ignore[arg-type]


def test_bessel_functions_are_orthonormal() -> None:
    """∫ r² g_n g_m dr = δ_nm, as they are made."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    r, w = (nodes + 1) * 4.5 / 2, weights * 4.5 / 2
    g, _ = pace_basis(bond_with("SBessel"), "density", r)
    assert np.abs((g * w * r**2) @ g.T - np.eye(4)).max() < 1e-13


def test_chebyshev_bases_as_published() -> None:
    """The formulas with T_k(y) = cos(k arccos y)."""
    for r in np.linspace(0.3, 4.4, 30):
        s, rate = r / 4.5, 2.5
        y_power, y_linear = 1 - 2 * (1 - s) ** rate, 1 - s
        y = 1 - 2 * (exp(-rate * s) - exp(-rate)) / (1 - exp(-rate))
        window = (1 + cos(pi * s)) / 2 * ((1 + cos(pi * (r - 4) / 0.5)) / 2 if r > 4 else 1)
        for radial, expected in (
            ("ChebPow", [(1 - cos(k * np.arccos(y_power))) / 2 for k in (1, 2, 3, 4)]),
            ("ChebLinear", [(1 - cos(k * np.arccos(y_linear))) / 2 for k in (1, 2, 3, 4)]),
            ("ChebExpCos", [window, *(window * (1 - cos(k * np.arccos(y))) / 2 for k in (1, 2, 3))]),
        ):
            g, _ = pace_basis(bond_with(radial), "density", np.array([r]))
            assert np.allclose(g[:, 0], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("radial", RADIAL)
def test_inner_cutoffs_of_radial_functions(radial: str) -> None:
    """None with zbl; a jump to zero with density; with distance a smooth step between the same distances."""
    bond = bond_with(radial, inner_cutoff=1.5, inner_width=0.5)
    r = np.array([0.9, 0.999, 1.001, 1.25, 1.499, 1.501, 3.0])
    bare, _ = pace_basis(bond, "zbl", r)
    assert np.array_equal(bare, pace_basis(bond_with(radial), "zbl", r)[0])
    assert np.array_equal(pace_basis(bond, "density", r)[0], bare * (r > 1))
    stepped, _ = pace_basis(bond, "distance", r)
    assert np.array_equal(stepped[:, [0, 1, 5, 6]], bare[:, [0, 1, 5, 6]] * [0, 0, 1, 1])
    assert np.allclose(stepped[:, 3], bare[:, 3] / 2, rtol=1e-14)


def test_recursion_of_ace_jl() -> None:
    """With the recursion of T_n and an envelope, the functions are a e T_n; outside of it they are zero."""
    scale = 2 / (1.5 - 0.5)
    steps = ((3.0, 0.0, 0.0), (scale, -2.0, 0.0), *((2 * scale, -4.0, -1.0),) * 3)
    basis = RecursionBasis(2.0, 2, 6.0, 0.5, 1.5, 2, 1, steps)
    r = np.linspace(0.4, 5.0, 50)
    u = (3 / (1 + r)) ** 2
    e = np.where((u >= 0.5) & (u <= 1.5), (u - 0.5) ** 2 * (u - 1.5), 0)
    y = np.clip((2 * u - 2) / 1.0, -1, 1)
    values, _ = recursion_basis(basis, r)
    for n in range(5):
        assert np.allclose(values[n], 3 * e * np.cos(n * np.arccos(y)), rtol=0, atol=1e-13)


def zbl_potential() -> YacePotential:
    """Two elements with ZBL cores, and an expansion that is a constant number of neighbours."""
    rng = np.random.default_rng(3)
    potential = random_potential(rng, elements=2, inner_cutoff="zbl", recursive=False, ranks=(1,), densities=1)
    bonds = tuple(
        tuple(bond_with("ChebPow", width=1.5, strength=1.0, inner_cutoff=1.6, inner_width=0.4) for _ in range(2))
        for _ in range(2)
    )
    linear = ElementEmbedding("FinnisSinclair", (EmbeddingTerm(1.0, 1.0),), 1e5, 250.0)
    function = CTildeFunction((0,), (1,), (0,), ((0,),), ((-1.0,),))
    return replace(
        potential,
        elements=("Cu", "O"),
        energies=(0.5, -0.5),
        bonds=bonds,
        embeddings=(linear, linear),
        functions=((function,), (function,)),
    )


def test_zbl_core_is_that_of_ziegler_biersack_and_littmark() -> None:
    """Half of it up to a constant where it is not being ended, and a smooth end at the cutoff."""

    def published(r: float) -> float:
        x = r * (29**0.23 + 8**0.23) / 0.4685
        phi = 0.18175 * exp(-3.1998 * x) + 0.50986 * exp(-0.94229 * x) + 0.28022 * exp(-0.4029 * x)
        return 14.399645351950543 * 29 * 8 / r * (phi + 0.02817 * exp(-0.20162 * x))

    potential = zbl_potential()
    (far, near), slopes = repulsion(potential, 0, 1, np.array([1.5, 0.7]))
    assert abs(near - far - (published(0.7) - published(1.5)) / 2) < 1e-12 * near
    assert slopes[0] < 0
    values, slopes = repulsion(potential, 0, 1, np.array([4.5 - 1e-4]))
    assert abs(values[0]) < 1e-12
    assert abs(slopes[0]) < 1e-8


def test_energy_with_zbl_core() -> None:
    """V alone if the nearest neighbour is close, F alone if it is far, and half of each between."""
    potential = zbl_potential()
    for r, g in ((1.1, 0.0), (1.4, 0.5), (1.7, 1.0)):
        x = np.array([[0.0, 0.0, 2.0], [r, 0.0, 0.0]])
        v = repulsion(potential, 0, 1, np.array([2.0, r]))[0].sum()
        f = -sum((1 - d / 4.5) ** 2.5 for d in (2.0, r))
        energy, _ = evaluate(potential, 0, [1, 1], x)
        assert abs(energy - (0.5 + (1 - g) * v)) < 1e-12 * max(1, v)
        energy, _ = evaluate(potential, 1, [0, 0], x)
        v = repulsion(potential, 1, 0, np.array([2.0, r]))[0].sum()
        assert abs(energy - (-0.5 + g * f + (1 - g) * v)) < 1e-12 * max(1, v)


@pytest.mark.parametrize("kind", ["density", "distance"])
def test_energy_with_gaussian_core(kind: str) -> None:
    """V switches the expansion off between core_cutoff - core_width and core_cutoff, and is added."""
    potential = replace(zbl_potential(), inner_cutoff=kind)
    bond = bond_with("ChebPow", strength=30.0, rate=0.5, inner_cutoff=2.5, inner_width=0.5)
    potential = replace(potential, bonds=((bond,) * 2,) * 2)
    x = np.array([[1.8, 0.0, 0.0]])
    v = 30 * exp(-0.5 * 1.8**2) / 1.8 * (1 + cos(pi * 1.8 / 4.5)) / 2
    f = -float(pace_basis(bond, kind, np.array([1.8]))[0][0, 0])  # type: ignore[arg-type]
    for cutoff, g in ((v + 1, 1.0), (v + 0.5, 0.5), (v, 0.0)):
        embedded = replace(potential.embeddings[1], core_cutoff=cutoff, core_width=1.0)
        energy, _ = evaluate(replace(potential, embeddings=(embedded, embedded)), 1, [0], x)
        assert abs(energy - (-0.5 + g * f + v)) < 1e-12
    far, _ = evaluate(potential, 1, [0], np.array([[2.6, 0.0, 0.0]]))
    v = far + 0.5 + float(pace_basis(bond, kind, np.array([2.6]))[0][0, 0])  # type: ignore[arg-type]
    assert abs(v) < 1e-12 if kind == "distance" else v > 0.01


def test_core_is_gone_where_it_is_tiny() -> None:
    """From rate r² = 50 on."""
    potential = replace(zbl_potential(), inner_cutoff="density")
    potential = replace(potential, bonds=((bond_with("ChebPow", strength=1e30, rate=10.0),) * 2,) * 2)
    values, _ = repulsion(potential, 0, 0, np.array([2.23, 2.24]))
    assert values[0] > 0
    assert values[1] == 0


@pytest.mark.parametrize("m", [0.5, 1.0, 2.0])
def test_embeddings_are_odd_and_have_their_derivatives(m: float) -> None:
    """F(-ρ) = -F(ρ), F(0) = 0; |ρ|^m far from zero; the slope is that of differences, also where it is linear."""
    for name in get_args(EmbeddingName):
        embedded = ElementEmbedding(name, (EmbeddingTerm(1.5, m), EmbeddingTerm(-2.0, 1.0)), 1.0, 1.0)
        assert embedding(embedded, np.zeros(2))[0] == 0
        assert abs(embedding(embedded, np.array([40.0, 1.0]))[0] - (1.5 * 40**m - 2)) < 1e-10
        # the shifted function is a difference that has no digits at small densities
        small = (1e-11, 3e-7, 1e-6) if name == "FinnisSinclair" else ()
        for rho in (*small, 0.03, 2.0):
            value, slopes = embedding(embedded, np.array([rho, 0.0]))
            assert embedding(embedded, np.array([-rho, 0.0]))[0] == -value
            step = rho * 1e-4
            up, down = (embedding(embedded, np.array([rho + sign * step, 0.0]))[0] for sign in (1, -1))
            assert abs((up - down) / (2 * step) / slopes[0] - 1) < 1e-6
            assert slopes[1] == -2


@pytest.mark.parametrize("kind", INNER_CUTOFFS)
def test_neighbours_beyond_the_cutoff_do_not_count(kind: str) -> None:
    """An atom alone has E0."""
    potential = random_potential(np.random.default_rng(1), elements=2, inner_cutoff=kind, recursive=False)  # type: ignore[arg-type]
    energy, gradient = evaluate(potential, 1, [0, 1], np.array([[0.0, 0.0, 7.0], [0.0, 6.5, 0.0]]))
    assert energy == potential.energies[1]
    assert not gradient.any()
    energy, gradient = evaluate(potential, 1, [], np.zeros((0, 3)))
    assert energy == potential.energies[1]
    assert gradient.shape == (0, 3)


def test_bonds_of_different_shapes() -> None:
    """Functions that a bond has no coefficients for are zero."""
    potential = random_potential(np.random.default_rng(2), elements=1, recursive=False, ranks=(1,), densities=1)
    bond = bond_with("ChebPow")
    function = CTildeFunction((0, 0), (2, 2), (1, 1), ((0, 0),), ((1.0,),))
    potential = replace(potential, inner_cutoff="density", bonds=((bond,),), functions=((function,),))
    energy, gradient = evaluate(potential, 0, [0], np.array([[2.0, 0.0, 0.0]]))
    assert energy == potential.energies[0]
    assert not gradient.any()
