"""Potentials exported to C, and how tests build and run the content of an export."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from example_models import Spec, random_coefficients

import acegen
from acegen.export import export_model
from acegen.options import BuildOptions

MODELS: dict[str, tuple[Spec, BuildOptions]] = {
    "one": (
        {"name": "one", "basis": {"elements": ["Si"], "order": 3, "level": 6}, "radial": {"cutoff": 5.0}},
        BuildOptions(march="generic"),  # which valgrind understands
    ),
    "two": (
        {
            "name": "two",
            "basis": {"elements": ["Si", "O"], "order": 3, "level": 5},
            "radial": {"cutoff": {"Si-Si": 5.0, "O-Si": 4.0, "O-O": 3.5}},
            "zbl": {"inner": 1.2, "outer": 2.5},
        },
        BuildOptions(),
    ),
}
EXAMPLES = {"example": ("gcc", "all"), "example_cxx": ("g++", "cxx"), "example_fortran": ("gfortran", "fortran")}
"""Programs of an export, with the compiler that has to be there and make's target."""

Export = tuple[acegen.Model, Path]


def shell(command: Sequence[object], folder: Path, expect: int | None = 0, **environment: str) -> tuple[int, str, str]:
    """Exit status, output and messages of a command; the status has to be the one expected, if any is."""
    variables = {name: value for name, value in os.environ.items() if name not in ("CC", "CFLAGS", "MAKEFLAGS")}
    result = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=variables | environment,
    )
    if expect is not None:
        assert result.returncode == expect, f"{command}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    return result.returncode, result.stdout, result.stderr


def need(*programs: str) -> None:
    """Skip the test where a program is missing."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"there is no {program}")


def available() -> list[str]:
    """The examples there is a compiler for."""
    return [example for example, (compiler, _) in EXAMPLES.items() if shutil.which(compiler)]


def build(folder: Path, example: str) -> Path:
    """The example program of an export, built; the test is skipped where there is no compiler."""
    compiler, target = EXAMPLES[example]
    need("make", compiler)
    shell(["make", target, f"{'CC' if target == 'all' else 'CXX' if target == 'cxx' else 'FC'}={compiler}"], folder)
    return folder / "build" / example


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Export]:
    """Models of `MODELS`, with random coefficients, and their exports."""
    folder = tmp_path_factory.mktemp("exports")
    done: dict[str, Export] = {}

    def get(key: str) -> Export:
        if key not in done:
            spec, options = MODELS[key]
            bare = acegen.compile(spec, folder, options=options)
            model = acegen.compile(spec, folder, random_coefficients(bare), options=options)
            done[key] = model, export_model(model.path, "c", folder / "out")
        return done[key]

    return get


@pytest.fixture
def copy(exports: Callable[[str], Export], tmp_path: Path) -> Callable[..., Path]:
    """A copy of an export, to be changed; on request with everything built: make rebuilds what has changed."""

    def get(key: str, built: bool = False) -> Path:
        source = exports(key)[1]
        if built:
            for example in available():
                build(source, example)
        target = tmp_path / "copy" / key
        shutil.copytree(source, target, ignore=None if built else shutil.ignore_patterns("build"))
        return target

    return get
