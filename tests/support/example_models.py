"""Models that many tests share: specifications, coefficients, environments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import acegen

Spec = dict[str, Any]

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"

SPECS: dict[str, Spec] = {
    "silicon": {
        "name": "silicon",
        "basis": {"elements": ["Si"], "order": 3, "level": 10},
        "radial": {"cutoff": 5.5},
    },
    "oxide": {
        "name": "oxide",
        "basis": {"elements": ["Si", "O"], "order": 3, "level": [8, 7, 6]},
        "radial": {"cutoff": {"Si-Si": 5.0, "O-Si": 4.0, "O-O": 3.5}, "transform": "smootherstep"},
    },
    "envelope": {
        "name": "envelope",
        "basis": {"elements": ["C"], "order": 4, "level": 7},
        "radial": {
            "family": "envelope",
            "envelope": [0, 0, 1],
            "polynomial": "legendre",
            "transform": "agnesi",
            "agnesi": {"r0": 1.5},
            "cutoff": 4.0,
        },
    },
    "usual": {
        "name": "usual",
        "basis": {"expansion": "self-interacting", "elements": ["Si"], "order": 3, "level": 10},
        "radial": {"cutoff": 5.5},
    },
    "fifth": {
        "name": "fifth",
        "basis": {"elements": ["Cu"], "order": 5, "level": 8},
        "radial": {"cutoff": 4.5},
    },
}


def random_coefficients(model: acegen.Model, seed: int = 7) -> dict[str, np.ndarray]:
    """Coefficients of order one for every centre element."""
    rng = np.random.default_rng(seed)
    return {element: rng.normal(size=model.n_basis) for element in model.elements}


def random_environment(model: acegen.Model, rng: np.random.Generator, count: int) -> tuple[str, list[str], np.ndarray]:
    """Centre, neighbour symbols and displacements, some of them beyond the cutoff."""
    center = int(rng.integers(len(model.elements)))
    species = rng.integers(len(model.elements), size=count)
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) if count else 1.0
    radii = rng.uniform(0.25, 1.1, size=count) * model.cutoffs[center][species]
    symbols = [model.elements[i] for i in species]
    return model.elements[center], symbols, directions * radii[:, None]


def toml_text(spec: Mapping[str, Any]) -> str:
    """A spec of plain values as TOML."""

    def value(item: Any) -> str:
        if isinstance(item, str):
            return f'"{item}"'
        if isinstance(item, dict):
            return "{ " + ", ".join(f'"{key}" = {value(entry)}' for key, entry in item.items()) + " }"
        if isinstance(item, list):
            return "[" + ", ".join(map(value, item)) + "]"
        return str(item)

    lines = [f"{key} = {value(item)}" for key, item in spec.items() if not isinstance(item, dict)]
    for section, content in spec.items():
        if isinstance(content, dict):
            lines += [f"[{section}]", *(f"{key} = {value(item)}" for key, item in content.items())]
    return "\n".join(lines) + "\n"


TWO: Spec = {
    "name": "inner_two",
    "basis": {"elements": ["Si", "O"], "order": 3, "level": [4, 4, 3]},
    "radial": {"cutoff": 4.0},
    "pair": {"degree": 3, "cutoff": 4.5},
    "zbl": {"inner": 0.9, "outer": {"Si-Si": 2.3, "Si-O": 1.2, "O-O": 1.9}},
    "inner_cutoff": {
        "inner": {"Si-Si": 1.6, "O-Si": 1.1, "O-O": 1.3},
        "outer": {"Si-Si": 2.1, "Si-O": 1.5, "O-O": 2.0},
    },
}
