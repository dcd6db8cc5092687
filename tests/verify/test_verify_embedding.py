"""`acegen verify` of specs with several densities, and the function F that it uses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import acegen
from acegen.options import BuildOptions
from acegen.spec.embedding import EmbeddingSpec
from acegen.verify import verify_module
from acegen.verify.embedding import embed

FUNCTIONS = ("finnis-sinclair", "finnis-sinclair-shifted")

SPEC: dict[str, Any] = {
    "basis": {"elements": ["Si", "O"], "order": 3, "level": 5},
    "radial": {"cutoff": 4.0},
    "pair": {"degree": 3, "cutoff": 5.0},
    "zbl": {"inner": 0.9, "outer": 1.6},
    "embedding": {"exponents": [1, 0.5, 1.7], "weights": [1.1, -0.75, 0.2]},
}

OPTIONS = {
    "plain": BuildOptions(backend="plain"),
    "products": BuildOptions(products="straight"),
    "compact": BuildOptions(products="compact"),
    "coupled": BuildOptions(products="coupled"),
    "single": BuildOptions(products="straight", precision="single"),
    "single coupled": BuildOptions(products="coupled", precision="single"),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("kind", OPTIONS)
def test_specs_with_several_densities_pass(kind: str, function: str, tmp_path: Path) -> None:
    """Two elements, pair term and ZBL, in every form of a potential; single precision has errors of its own."""
    spec = SPEC | {"name": "embedded", "embedding": SPEC["embedding"] | {"function": function}}
    basis = acegen.derive(spec)
    rng, count = np.random.default_rng(4), basis.n_pair + 3 * basis.n_coupled
    values = {element: rng.normal(size=count).tolist() for element in ("Si", "O")}
    coefficients = acegen.Coefficients(values, {"Si": -1.5, "O": -2.5})
    model = acegen.compile(spec, tmp_path, coefficients, options=OPTIONS[kind])
    results = {result.name: result for result in verify_module(model, n_environments=6)}
    assert [name for name, result in results.items() if not result.passed] == []
    energy = results["energy = F(c · basis) + ZBL + atomic"]
    assert (energy.error > 1e-10) == (OPTIONS[kind].precision == "single")
    readme = (model.path / "README.md").read_text()
    (row,) = (line for line in readme.splitlines() if line.startswith("| many-body energy |"))
    assert all(word in row for word in ("1.1 ", "-0.75 ", "ρ[3]", "0.5", "1.7", "other than those of the pair term"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def defined(function: str, rho: mpmath.mpf, m: mpmath.mpf) -> mpmath.mpf:
    """F as its publications give it (npj Comput. Mater. 7, 97 (2021), and ML-PACE for the smooth parts)."""
    size = abs(rho)
    if function == "finnis-sinclair-shifted":
        if m == 1:
            return rho
        n = 1 / m
        shift = n ** (n / (1 - n)) * mpmath.exp(-size)
        scale = n ** (1 / (1 - n)) * mpmath.exp(-size)
        return mpmath.sign(rho) * ((size + shift) ** m - scale)
    near = mpmath.mpf(10) ** -6
    g = mpmath.exp(-((size / near) ** 3))
    return mpmath.sign(rho) * ((1 - g) * size**m + near ** (m - 1) * g * size)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_of_the_reference(function: str) -> None:
    """Values and derivatives by mpmath, from far within the smooth part to large densities of both signs."""
    exponents = (0.25, 0.5, 1.0, 1.7, 3.0)
    spec = EmbeddingSpec(function=function, exponents=exponents, weights=(1.0, -2.0, 0.5, 3.0, 0.1))
    with mpmath.workdps(60):
        for rho in (-30.0, -0.7, -2e-6, -3e-7, 1e-8, 8e-7, 1.5e-6, 1e-3, 0.2, 1.0, 17.0):
            found = embed(spec, [rho] * len(exponents))
            energy = mpmath.mpf(0)
            derivatives = zip(spec.terms, found.slopes, found.curvatures, strict=True)
            for (weight, exponent), slope, curvature in derivatives:
                energy += weight * defined(function, mpmath.mpf(rho), mpmath.mpf(exponent))
                step = mpmath.mpf(10) ** -25
                ends = [defined(function, mpmath.mpf(rho) + side * step, mpmath.mpf(exponent)) for side in (1, -1, 0)]
                assert slope == pytest.approx(float(weight * (ends[0] - ends[1]) / (2 * step)), rel=1e-12)
                second = float(weight * (ends[0] + ends[1] - 2 * ends[2]) / step**2)
                assert curvature == pytest.approx(second, rel=1e-7, abs=1e-9)
            assert found.energy == pytest.approx(float(energy), rel=1e-12, abs=1e-18)
