"""Specs with several densities: the program, coefficients, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from acegen.algebra import build_algebra
from acegen.basis import Basis, derive_basis
from acegen.errors import CoefficientError, FitError, SpecError
from acegen.fit.settings import load_settings
from acegen.forms import coupled_expansion
from acegen.lower import descriptor_program, expand_products, potential_program
from acegen.program import check_program
from acegen.program.interpreter import run_descriptors, run_potential
from acegen.spec import load_atomic_spec
from acegen.store.coefficients import Coefficients, check_coefficients

DOCUMENT: dict[str, Any] = {
    "name": "embedded",
    "basis": {"elements": ["Si", "O"], "order": 3, "level": 5},
    "radial": {"cutoff": 4.0},
    "pair": {"degree": 3, "cutoff": 5.0},
    "embedding": {"exponents": [1, 0.5], "weights": [1.0, -0.75]},
}


def basis_of(**changes: Any) -> Basis:
    return derive_basis(build_algebra(load_atomic_spec(DOCUMENT | changes)))


def expected_embedding(function: str, rho: np.ndarray[Any, Any], weights: list[float], m: list[float]) -> float:
    """Away from zero, where both functions are powers of sums."""
    size = np.abs(rho)
    total = 0.0
    for value, sign, weight, exponent in zip(size, np.sign(rho), weights, m, strict=True):
        shift = subtracted = 0.0
        if function == "finnis-sinclair-shifted" and exponent != 1:
            n = 1 / exponent
            shift, subtracted = n ** (n / (1 - n)) * np.exp(-value), n ** (1 / (1 - n)) * np.exp(-value)
        total += weight * sign * ((value + shift) ** exponent - subtracted)
    return float(total)


@pytest.mark.parametrize("function", ["finnis-sinclair", "finnis-sinclair-shifted"])
@pytest.mark.parametrize("coupled", [False, True])
def test_energy_is_the_function_of_the_densities(function: str, coupled: bool) -> None:
    """The potential program against the descriptor program and F; the pair term is outside of F."""
    embedding = {**DOCUMENT["embedding"], "function": function}
    basis = basis_of(embedding=embedding)
    rng = np.random.default_rng(2)
    count = basis.n_pair + 2 * basis.n_coupled
    values = {element: rng.normal(size=count).tolist() for element in ("Si", "O")}
    expansion = coupled_expansion(basis) if coupled else expand_products(basis)
    assert expansion is not None
    potential = potential_program(expansion, values, {"Si": -1.5, "O": -2.5})
    check_program(potential)
    descriptors = descriptor_program(expansion)
    for center, element in enumerate(("Si", "O")):
        x = rng.normal(size=(6, 3)) * 1.6
        species = rng.integers(2, size=6).tolist()
        energy, _ = run_potential(potential, center, species, x)
        b = run_descriptors(descriptors, center, species, x).values
        c = np.array(values[element])
        rho = c[basis.n_pair :].reshape(2, -1) @ b[basis.n_pair :]
        pair = c[: basis.n_pair] @ b[: basis.n_pair]
        own = expected_embedding(function, rho, [1.0, -0.75], [1, 0.5])
        assert energy == pytest.approx(pair + own + (-1.5, -2.5)[center], rel=1e-11)


def test_an_exponent_of_one_is_a_linear_model() -> None:
    """With one density, the same energies as without the table."""
    linear, embedded = basis_of(embedding=None), basis_of(embedding={"exponents": [1]})
    values = {element: np.random.default_rng(3).normal(size=linear.n_basis).tolist() for element in ("Si", "O")}
    x = np.random.default_rng(4).normal(size=(5, 3)) * 1.5
    energies = [
        run_potential(potential_program(expand_products(own), values), 0, [0, 1, 0, 1, 1], x)[0]
        for own in (linear, embedded)
    ]
    assert energies[0] == energies[1]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"exponents": []}, "embedding.exponents"),
        ({"exponents": [0.5, -1]}, "out of range"),
        ({"exponents": [0.5, 1], "weights": [1]}, "1 numbers for 2 exponents"),
        ({"exponents": [0.5], "function": "sqrt"}, "finnis-sinclair"),
        ({"exponents": [float("nan")]}, "embedding.exponents"),
        ({"exponent": [0.5]}, "did you mean 'exponents'"),
    ],
)
def test_tables_that_are_wrong(table: dict[str, Any], message: str) -> None:
    """Each is refused with what is allowed."""
    with pytest.raises(SpecError, match=message):
        load_atomic_spec(DOCUMENT | {"embedding": table})


def test_what_does_not_go_together() -> None:
    """A switch of the fitted part, a fit, a wrong number of coefficients."""
    with pytest.raises(SpecError, match="cannot be combined"):
        load_atomic_spec(DOCUMENT | {"inner_cutoff": {"inner": 1.0, "outer": 1.5}})
    with pytest.raises(FitError, match="acegen fits linear models"):
        load_settings({"spec": DOCUMENT, "data": {"train": "a.xyz"}})
    basis = basis_of()
    short = Coefficients({"Si": [0.0] * basis.n_basis, "O": [0.0] * basis.n_basis})
    with pytest.raises(CoefficientError, match=f"{basis.n_coupled} for each of 2 densities"):
        check_coefficients(short, ["0" * 64], ("Si", "O"), basis.n_pair, basis.n_coupled, 2)
