"""Potentials as from files, of the kinds that differ most; their modules have energies but no basis."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from random_yace import random_potential

from acegen.yace.potential import YacePotential


@cache
def file_potential(key: str) -> YacePotential:
    """A random potential by key: "file" of Si and O with invariant functions, others of several elements."""
    match key:
        case "file":
            potential = random_potential(
                np.random.default_rng(3),
                elements=2,
                inner_cutoff="distance",
                recursive=False,
                invariant=True,
                ranks=(1, 2, 3, 4),
                densities=2,
            )
            return replace(potential, elements=("Si", "O"))
        case "recursive":
            return random_potential(
                np.random.default_rng(5), elements=2, recursive=True, invariant=True, ranks=(1, 2, 3, 4)
            )
        case "zbl":
            return random_potential(
                np.random.default_rng(6), elements=3, inner_cutoff="zbl", recursive=False, ranks=(1, 2, 3)
            )
        case "not invariant":
            return random_potential(np.random.default_rng(7), elements=1, invariant=False, ranks=(1, 2, 3))
        case "odd":
            potential = random_potential(
                np.random.default_rng(8), elements=1, invariant=False, ranks=(2, 3), per_rank=9
            )
            odd = tuple(function for function in potential.functions[0] if sum(function.ls) % 2)
            assert odd
            return replace(potential, functions=(odd,))
    raise KeyError(key)
