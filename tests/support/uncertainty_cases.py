"""Models for committees and grades, of all orders, and environments that fill more than the lanes."""

from __future__ import annotations

from functools import cache

import numpy as np
from plain_kernels import Environment
from program_cases import Case, case

from acegen.spec import load_spec

ORDERS = {
    "order 4": {
        "name": "four",
        "basis": {"elements": ["Si"], "order": 4, "level": [6, 6, 6, 5], "angular_weight": "3/4"},
        "radial": {"cutoff": 5.0},
        "pair": {"degree": 4, "cutoff": 4.0},
    },
    "order 5": {
        "name": "five",
        "basis": {"elements": ["Si"], "order": 5, "level": [6, 6, 5, 5, 5], "angular_weight": "3/4"},
        "radial": {"cutoff": 5.0},
    },
}


@cache
def model(key: str) -> Case:
    """One of these, or of `program_cases`."""
    return Case(load_spec(ORDERS[key])) if key in ORDERS else case(key)


def environments_of(key: str, count: int) -> list[Environment]:
    """Of all sizes, some of them empty."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(0, 14, size=count) * (rng.random(count) > 0.1)
    return [model(key).environment(rng, int(size)) for size in sizes]
