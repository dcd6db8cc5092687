"""Specs and fits, as TOML files and as mappings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from fuzz.python import octets, values
from fuzz.python.target import LIMIT, Target

from acegen.fit.settings import load_settings
from acegen.spec import load_spec

ATOMS: tuple[dict[str, Any], ...] = (
    {"name": "si", "basis": {"elements": ["Si"], "order": 2, "level": 4}, "radial": {"cutoff": 5.0}},
    {
        "name": "oxide",
        "basis": {"elements": ["Si", "O"], "order": 3, "level": [8, 7, 6], "expansion": "self-interacting"},
        "radial": {
            "cutoff": {"Si-Si": 5.0, "O-Si": 4.0, "O-O": 3.5},
            "transform": "agnesi",
            "agnesi": {"r0": 1.5, "p": 2, "q": 4},
        },
        "pair": {"degree": 4, "cutoff": {"Si-Si": 5.0, "O-Si": 4.0, "O-O": 3.5}},
        "zbl": {"inner": 1.0, "outer": 2.2},
    },
    {
        "name": "carbon",
        "basis": {"elements": ["C"], "order": 4, "level": "15/2", "angular_weight": "1/2", "symmetry": "O3"},
        "radial": {
            "family": "envelope",
            "envelope": [0, 0, "1/2"],
            "polynomial": "jacobi",
            "alpha": 1,
            "beta": "3/2",
            "cutoff": 4.0,
        },
    },
)
PARTICLES: tuple[dict[str, Any], ...] = (
    {"name": "cheb", "basis": {"symmetry": "none", "order": 3, "level": 12, "constant": False}},
    {
        "name": "even",
        "basis": {"symmetry": "O1", "order": 2, "level": [6, 5]},
        "interval": {"polynomial": "jacobi", "alpha": "1/2", "beta": "1/2"},
    },
    {
        "name": "plane",
        "basis": {"symmetry": "SO2", "order": 2, "level": 4, "angular_weight": "3/2"},
        "radial": {"cutoff": 3.0, "transform": "smootherstep"},
    },
    {"name": "circle", "basis": {"symmetry": "O2", "order": 3, "level": 6}},
)
FITS: tuple[dict[str, Any], ...] = (
    {"spec": "spec.toml", "data": {"train": "train.xyz"}},
    {
        "spec": {"name": "cu", "elements": ["Cu"], "cutoff": 4.5, "functions": 300, "pair": {"degree": 4}},
        "output": "fits",
        "data": {
            "train": ["a.xyz", "b.xyz"],
            "test": "c.xyz",
            "validation": 0.1,
            "seed": 3,
            "keys": {"energy": "e", "forces": "f", "virial": "v", "stress": "s", "config_type": "kind"},
        },
        "weights": {
            "energy": [30, 100.0],
            "forces": 1,
            "virial": 30.0,
            "config_type": {"bulk": 2.0, "slab": 0},
            "atoms": 0.5,
        },
        "atomic_energies": {"Cu": -0.8},
        "solver": {
            "kind": "ridge",
            "strength": 1e-8,
            "smoothness": [1, 2.0],
            "factorization": "normal",
            "refit": False,
        },
        "assembly": {"processes": 2, "memory": "512 MiB", "cache": "cache", "dask": "tcp://host:8786"},
    },
    {
        "spec": ATOMS[1],
        "data": {"train": "a.xyz", "validation": ["b.xyz"]},
        "solver": {"kind": "bayes", "selection": {"functions": 10, "method": "ard"}},
    },
    {
        "spec": {
            "name": "alloy",
            "elements": ["Cu", "Au"],
            "cutoff": {"Cu-Cu": 4.0, "Cu-Au": 4.5, "Au-Au": 5.0},
            "expansion": "self-interacting",
            "zbl": {"inner": 0.7, "outer": 1.4},
            "inner_cutoff": {"inner": 0.8, "outer": 1.6},
        },
        "data": {"train": "a.xyz", "folds": 4},
    },
)


class Documents:
    """TOML files and mappings."""

    limit = LIMIT

    def __init__(self, folder: Path, seeds: tuple[dict[str, Any], ...], use: Callable[[Any], object]) -> None:
        self._seeds, self._use = seeds, use
        self._file = folder / "input.toml"
        (folder / "spec.toml").write_text(values.toml_text(ATOMS[0], inline=False), encoding="utf-8")

    def attempt(self, random: Random) -> None:
        document = random.choice(self._seeds)
        way = random.randrange(4)
        if way == 0:
            self._use(values.changed(document, random, as_text=False))
            return
        if way != 1:
            document = values.changed(document, random, as_text=True)
        content = values.toml_text(document, inline=random.random() < 0.3).encode("utf-8", "surrogatepass")
        self._file.write_bytes(octets.changed(content, random) if way != 2 else content)
        self._use(self._file)


def atoms(folder: Path) -> Target:
    return Documents(folder, ATOMS, _use_spec)


def particles(folder: Path) -> Target:
    return Documents(folder, PARTICLES, _use_spec)


def fits(folder: Path) -> Target:
    return Documents(folder, FITS, _use_fit)


def _use_spec(source: Any) -> None:
    spec = load_spec(source)
    json.dumps([spec.canonical(), spec.reach, spec.cutoffs, [str(level) for level in spec.levels]])


def _use_fit(source: Any) -> None:
    json.dumps(load_settings(source).model_dump(mode="json"))  # as the report holds it
