"""Potentials of ML-PACE's kind by the plain backend: against the interpreter and the evaluation of what a file says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plain_kernels import Environment, plain_kernels
from random_yace import random_environment, random_potential

from acegen.program.interpreter import run_potential
from acegen.yace.evaluation import evaluate
from acegen.yace.lowering.coupled import coupled_program
from acegen.yace.lowering.program import product_program


@pytest.mark.parametrize("form", ["products", "coupled"])
@pytest.mark.parametrize("seed", range(6))
def test_random_potentials(seed: int, form: str, tmp_path: Path) -> None:
    """One to four elements, all radial bases, embeddings and cores; in products, and coupled where possible."""
    potential = random_potential(np.random.default_rng(seed), ranks=(1, 2, 3, 4), invariant=form == "coupled")
    program = (product_program if form == "products" else coupled_program)(potential, "drawn")
    assert program is not None
    assert (program.coupled is not None) == (form == "coupled")
    compiled = plain_kernels(None, program, tmp_path)
    rng = np.random.default_rng(seed)
    where: list[Environment] = []
    for count in (0, 1, 2, 5, 9, 14):
        center = int(rng.integers(len(potential.elements)))
        species, x = random_environment(rng, potential, center, count)
        where.append((center, np.array(species, dtype=int), x))
    energies, gradients = compiled.potential(where)
    for energy, gradient, (center, species, x) in zip(energies, gradients, where, strict=True):
        for (expected, slopes), tolerance in [
            (run_potential(program, center, species, x), 1e-12),
            (evaluate(potential, center, species.tolist(), x), 1e-10),
        ]:
            scale = max(1.0, abs(expected), np.abs(slopes).max(initial=0.0))
            assert abs(energy - expected) < tolerance * scale
            assert np.abs(gradient - slopes).max(initial=0.0) < tolerance * scale
