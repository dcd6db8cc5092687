"""Kernels of random potential files, of all cores and ranks, against the plain evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lanes_kernels import lanes_kernels
from plain_kernels import plain_kernels
from random_yace import random_environment, random_potential

from acegen.yace.evaluation import evaluate
from acegen.yace.lowering.coupled import coupled_program
from acegen.yace.lowering.program import product_program


@pytest.mark.parametrize(
    ("core", "elements", "ranks"),
    [
        ("density", 1, (1, 2, 3, 4, 5)),
        ("density", 3, (1, 6)),
        ("distance", 4, (1, 2, 3)),
        ("zbl", 2, (2, 4, 5)),
        ("recursive", 4, (1, 2, 3)),
        ("recursive", 2, (3, 6)),
    ],
)
def test_random_potentials(core: str, elements: int, ranks: tuple[int, ...], tmp_path: Path) -> None:
    """By both backends, in products and in coupled ones, with close and far neighbours and with none."""
    rng = np.random.default_rng(10 * elements + max(ranks))
    kind = {"recursive": core == "recursive"} | ({} if core == "recursive" else {"inner_cutoff": core})
    potential = random_potential(rng, elements=elements, invariant=True, ranks=ranks, **kind)  # type: ignore[arg-type]
    assert all({function.rank for function in own} == set(ranks) for own in potential.functions if own)
    product, coupled = product_program(potential, "drawn"), coupled_program(potential, "drawn")
    assert coupled is not None
    where = []
    for count in (0, 1, 2, 3, 6, 12, 20):
        for center in range(elements):
            species, x = random_environment(rng, potential, center, count)
            where.append((center, np.array(species, dtype=np.int32), x))
    expected = [evaluate(potential, center, species.tolist(), x) for center, species, x in where]
    for name, program in (("product", product), ("coupled", coupled)):
        for backend in ("plain", "lanes"):
            folder = tmp_path / f"{name}_{backend}"
            folder.mkdir()
            if backend == "plain":
                energies, gradients = plain_kernels(None, program, folder).potential(where)
            else:
                energies, gradients = lanes_kernels(program, folder).potential(where)
            for energy, gradient, (value, slopes) in zip(energies, gradients, expected, strict=True):
                assert energy == pytest.approx(value, rel=1e-10, abs=1e-10)
                scale = 1 + np.abs(slopes).max(initial=0)
                np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-10 * scale)
