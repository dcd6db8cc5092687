"""Models shared by the tests, compiled once a session."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lammps_tools import Lammps, make

import acegen
from acegen.export import export_model

Spec = dict[str, Any]


def pytest_configure() -> None:
    """Where tests run in the background SIGINT is ignored, and what they start, to interrupt it, would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


ROOT = Path(__file__).parent.parent
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


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], acegen.Model]:
    """Compiled potentials of `SPECS` by key, with random coefficients."""
    folder = tmp_path_factory.mktemp("models")
    loaded: dict[str, acegen.Model] = {}

    def get(key: str) -> acegen.Model:
        if key not in loaded:
            bare = acegen.compile(SPECS[key], folder)
            loaded[key] = acegen.compile(SPECS[key], folder, random_coefficients(bare))
        return loaded[key]

    return get


@pytest.fixture(scope="session")
def fitted_silicon(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    """The silicon potential of the examples, which describes silicon."""
    example = ROOT / "examples" / "silicon"
    coefficients = example / "si_o3d12.coefficients.json"
    return acegen.compile(example / "si_o3d12.toml", tmp_path_factory.mktemp("fitted"), coefficients)


@pytest.fixture(scope="session")
def lammps(tmp_path_factory: pytest.TempPathFactory, models: Callable[[str], acegen.Model]) -> Lammps:
    """LAMMPS with the plugin, built from the export of a model; it is the same for all."""
    folder = tmp_path_factory.mktemp("lammps")
    export = export_model(models("silicon").path, "lammps", folder)
    make(export, "all")
    return Lammps(export / "build" / "acegenplugin.so", folder)


@pytest.fixture(scope="session")
def kim_items(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Potentials as KIM items by key.

    "silicon" describes silicon; "oxide" has random coefficients, as "portable", which valgrind understands.
    """
    import kim_fixtures
    import kim_tools

    kim_tools.require("kim")

    def portable() -> acegen.Model:
        spec = {
            "name": "portable",
            "basis": {"elements": ["Si", "O"], "order": 2, "level": 4},
            "radial": {"cutoff": 4.0},
        }
        folder = tmp_path_factory.mktemp("portable")
        options = acegen.BuildOptions(march="x86-64-v3")
        return acegen.compile(spec, folder, random_coefficients(acegen.compile(spec, folder)), options=options)

    makers = {
        "silicon": lambda: request.getfixturevalue("fitted_silicon"),
        "oxide": lambda: request.getfixturevalue("models")("oxide"),
        "portable": portable,
    }
    return kim_fixtures.Items(makers, tmp_path_factory.mktemp("kim items"))


@pytest.fixture
def small_spec() -> Spec:
    """A spec that compiles in about a second; tests may change their copy."""
    return {
        "name": "small",
        "basis": {"elements": ["Si"], "order": 2, "level": 4},
        "radial": {"cutoff": 5.0},
    }


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
