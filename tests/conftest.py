"""Models shared by the tests, compiled once a session."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from example_models import ROOT, SPECS, Spec, random_coefficients
from file_potentials import file_potential
from lammps_tools import Lammps, make

import acegen
from acegen.export import export_model


def pytest_configure() -> None:
    """Where tests run in the background SIGINT is ignored, and what they start, to interrupt it, would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], acegen.Model]:
    """Compiled potentials of `SPECS` by key, with random coefficients; "file" was made from a potential file."""
    folder = tmp_path_factory.mktemp("models")
    loaded: dict[str, acegen.Model] = {}

    def get(key: str) -> acegen.Model:
        if key == "file" and key not in loaded:
            loaded[key] = acegen.compile_potential(file_potential(key), folder, "from_file")
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

    "silicon" describes silicon; "oxide" has random coefficients, as "file" and "portable", which valgrind understands.
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
        "file": lambda: request.getfixturevalue("models")("file"),
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
