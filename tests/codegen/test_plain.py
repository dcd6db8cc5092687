"""The plain backend as a program uses it: status codes, embedding, design matrices, exports, added spaces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_module
from added_spaces import Axial
from example_models import SPECS, TWO, random_coefficients
from export_cases import need, shell
from program_cases import SPECS as CASES
from program_cases import case

import acegen
from acegen.algebra import spaces
from acegen.export import export_model
from acegen.options import BuildOptions
from acegen.spec import symmetries
from acegen.verify import verify_module

PLAIN = BuildOptions(backend="plain")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], acegen.Model]:
    """Models of the tests of kernels, and of what is pairwise, by the plain backend."""
    folder = tmp_path_factory.mktemp("plain")
    loaded: dict[str, acegen.Model] = {}

    def get(key: str) -> acegen.Model:
        if key not in loaded:
            spec = (SPECS | {"two": TWO})[key]
            count = acegen.compile(spec, folder / "bare", options=PLAIN)
            loaded[key] = acegen.compile(spec, folder, random_coefficients(count), options=PLAIN)
        return loaded[key]

    return get


def test_status_codes(plain: Callable[[str], acegen.Model]) -> None:
    """The same as from the other backend, for the same mistakes."""
    test_module.test_abi_status_codes(plain)


@pytest.mark.parametrize("flags", [test_module.GENERIC, test_module.SANITIZED], ids=["generic", "sanitized"])
@pytest.mark.parametrize("key", ["oxide", "two"])
def test_embedding(plain: Callable[[str], acegen.Model], tmp_path: Path, key: str, flags: list[str]) -> None:
    """The program of a module's README."""
    test_module.test_readme_program_compiles_and_agrees(plain, tmp_path, key, flags)


def test_design_rows(plain: Callable[[str], acegen.Model], tmp_path: Path) -> None:
    """Those of the other backend, with a pair term, an inner switch and a ZBL core; for all atoms and for some."""
    from ase import Atoms

    rng = np.random.default_rng(4)
    lattice = np.array([[3 * i, 3 * j, 3 * k] for i in range(2) for j in range(2) for k in range(2)], dtype=float)
    atoms = Atoms(rng.permutation(["Si", "O"] * 4), lattice + rng.uniform(-0.9, 0.9, (8, 3)), cell=[6, 6, 6], pbc=True)
    first, second = plain("two"), acegen.compile(TWO, tmp_path)
    ours, theirs = (model.design_rows(atoms) for model in (first, second))
    for name in ("energy", "forces", "virial"):
        mine, yours = np.asarray(getattr(ours, name)), np.asarray(getattr(theirs, name))
        assert np.abs(yours).max() > 0
        assert mine == pytest.approx(yours, rel=1e-11, abs=1e-11 * np.abs(yours).max())


def test_export_to_c(plain: Callable[[str], acegen.Model], tmp_path: Path) -> None:
    """A potential of this backend is exported like any other, and its own check holds."""
    need("make", "cc")
    folder = export_model(plain("two").path, "c", tmp_path)
    assert "largest deviation" in shell(["make", "-s", "check"], folder)[1]


def test_added_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Functions given as polynomials in three components."""
    monkeypatch.setitem(spaces._SPACES, "Dooh", Axial())
    monkeypatch.setitem(symmetries.SYMMETRIES, "Dooh", 3)
    spec = {
        "name": "axial",
        "basis": {"symmetry": "Dooh", "order": 2, "level": 5},
        "radial": {"cutoff": 3.0, "transform": "smootherstep"},
    }
    count = acegen.compile_particles(spec, tmp_path, options=PLAIN).n_basis
    coefficients = {"particle": np.random.default_rng(0).normal(size=count)}
    model = acegen.compile_particles(spec, tmp_path, coefficients, options=PLAIN)
    assert [result.name for result in verify_module(model, n_environments=8) if not result.passed] == []


@pytest.mark.parametrize("key", ["flat", "even"])
def test_potential_of_nothing(key: str, tmp_path: Path) -> None:
    """All coefficients zero: no product is left, and the value is that without particles."""
    own = case(key)
    zero = {symbol: [0.0] * own.expansion.basis.n_basis for symbol in own.spec.species}
    compiled: Any = acegen.compile if own.descriptors.atoms else acegen.compile_particles
    model = compiled(CASES[key], tmp_path, zero, options=PLAIN)
    if own.descriptors.atoms:
        energy, gradient = model.energy_gradient("Si", ["Si"], [[0.0, 0.0, 2.0]])
    else:
        energy, gradient = model.value_gradient([0.5])
    assert energy == 0
    assert not np.any(gradient)
