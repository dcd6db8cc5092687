"""`acegen verify` of modules made from potential files: passes what is right, and fails what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from file_potentials import file_potential

import acegen
from acegen.build import module as build_module
from acegen.cli.main import main
from acegen.codegen.module import GeneratedCode
from acegen.options import BuildOptions
from acegen.verify import verify_module

CHECKS = {
    "energy = plain evaluation",
    "gradient = plain evaluation",
    "gradient = central difference",
    "single atom has E0",
    "invariant under permutation",
    "invariant under rotation",
    "invariant under inversion",
    "neighbours beyond cutoff add zero",
}
PLAIN = BuildOptions(backend="plain")


def test_good_module_passes(models: Callable[[str], acegen.Model], capsys: pytest.CaptureFixture[str]) -> None:
    """Every property, by the command."""
    model = models("file")
    assert {result.name for result in verify_module(model, 3)} == CHECKS
    assert main(["verify", str(model.path), "--environments", "12"]) == 0
    shown = capsys.readouterr().out
    assert f"{len(CHECKS)} of {len(CHECKS)} properties hold" in shown
    assert "potential from a file of Si, O" in shown


@pytest.mark.parametrize("key", ["recursive", "zbl", "not invariant"])
def test_other_kinds(tmp_path: Path, key: str) -> None:
    """Radial bases of ACE.jl, ZBL cores; where functions are not invariant that is said, and is no failure."""
    options = PLAIN if key == "recursive" else BuildOptions(openmp=True)
    model = acegen.compile_potential(file_potential(key), tmp_path, "drawn", options=options)
    results = list(verify_module(model, 10, seed=1))
    assert [result.name for result in results if not result.passed] == []
    names = {result.name for result in results}
    assert ("same with three threads" in names) == model.multithreaded
    assert ("plain evaluation after rotation" in names) == (key == "not invariant")


def test_single_precision(tmp_path: Path) -> None:
    """Errors of single precision are allowed, and are there."""
    options = BuildOptions(precision="single")
    model = acegen.compile_potential(file_potential("file"), tmp_path, "single", options=options)
    results = {result.name: result for result in verify_module(model, 10)}
    assert all(result.passed for result in results.values())
    assert results["energy = plain evaluation"].error > 1e-10


SABOTAGE = {
    # what: (file, pattern, replacement, checks that must notice)
    "contraction": (
        "functions.c",
        r"(CONTRACTION\w*\[[^=]*= \{[^0-9]*)(-?\d)",
        r"\g<1>1 + \2",
        {"energy = plain evaluation", "gradient = plain evaluation"},
    ),
    "coefficient": (
        "potential.c",
        r"(C\w*\[[^=\n]*\] = \{\s*(?:/\*.*?\*/)?\s*(?:\{\s*)?)(-?\d\.\d)",
        r"\g<1>0.01 + \2",
        {"energy = plain evaluation"},
    ),
    "E0": ("potential.c", r"(ENERG\w*\[[^=]*= \{\s*)(-?\d)", r"\g<1>0.001 + \2", {"single atom has E0"}),
}


@pytest.mark.parametrize("what", sorted(SABOTAGE))
def test_broken_kernels_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
    """Generated code is changed in one place before it is built; verify names a property that fails."""
    ending, pattern, replacement, checks = SABOTAGE[what]
    whole = build_module._compile

    def broken(code: GeneratedCode, key: str, toolchain: Any, staging: Path, progress: Any) -> str:
        file = staging / f"broken_{ending}"
        text, count = re.subn(pattern, replacement, file.read_text(), count=1)
        assert count == 1, "the sabotage does not fit the generated code any more"
        file.write_text(text)
        return whole(code, key, toolchain, staging, progress)

    monkeypatch.setattr(build_module, "_compile", broken)
    model = acegen.compile_potential(file_potential("file"), tmp_path, "broken", options=PLAIN)
    assert checks <= {result.name for result in verify_module(model, 8) if not result.passed}
    assert main(["verify", str(model.path), "--environments", "4"]) == 1
