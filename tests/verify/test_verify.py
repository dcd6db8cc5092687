"""`acegen verify` passes what is right, and fails what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_models import SPECS, toml_text

import acegen
from acegen.build import module as build_module
from acegen.cli.main import main
from acegen.codegen.module import GeneratedCode
from acegen.verify import verify_module
from acegen.verify.atoms import AtomVerifier
from acegen.verify.environments import Environment

Models = Callable[[str], acegen.Model]

CHECKS = {
    "𝒫: partition formula = recursion",
    "𝒫 unit lower triangular",
    "values = sum over distinct tuples",
    "gradient = 640-bit difference",
    "order ν zero with < ν neighbours",
    "invariant under permutation",
    "invariant under rotation",
    "invariant under inversion",
    "gradient turns with environment",
    "neighbours beyond cutoff add zero",
    "energy = coefficients · basis",
    "energy gradient likewise",
    "dimer energy = order-1 part",
}


@pytest.mark.parametrize("key", sorted(SPECS))
def test_good_modules_pass(models: Models, key: str) -> None:
    """Every property, for one and two elements, closed and envelope families, orders up to five."""
    results = list(verify_module(models(key), n_environments=15))
    assert [result.name for result in results if not result.passed] == []
    if key != "usual":
        assert {result.name for result in results} == CHECKS


SABOTAGE = {
    # mutations: (file, pattern, replacement, a check that must notice)
    "radial function": ("particles.h", r"\{ 3\.75, ", "{ 3.76, ", "values = sum over distinct tuples"),
    "radial slope": ("particles.h", r"dy = -6\.0 \* s", "dy = -6.01 * s", "gradient = 640-bit difference"),
    "harmonic": ("particles.h", r"1\.0\); (/\* l = 1, m = 1 \*/)", r"1.001); \1", "invariant under rotation"),
    "parity": ("particles.h", r"lanes value = z,", "lanes value = z + 0.01,", "invariant under inversion"),
    "purification": (
        "basis.c",
        r"(static const double PURIFY\[\] = \{[^}]*)-",
        r"\1",
        "order ν zero with < ν neighbours",
    ),
    "coefficient": ("products.c", r"(/\* Si \*/\s+)", r"\g<1>1.0 + ", "energy = coefficients · basis"),
    "force": ("potential.c", r"gy\[0\] \+= 1\.0", "gy[0] += 1.01", "energy gradient likewise"),
    "cutoff": (
        "particles.h",
        r"squared_cutoff = pair->cutoff",
        "squared_cutoff = 1.2 * pair->cutoff",
        "neighbours beyond cutoff add zero",
    ),
    "angular slope": (
        "particles.h",
        r"G\[2\]\[2\] = Q\[3\]",
        "G[2][2] = 1.01 * Q[3]",
        "gradient turns with environment",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", sorted(SABOTAGE))
def test_broken_kernels_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
    """Generated code is changed in one place before it is built; verify names a property that fails."""
    ending, pattern, replacement, check = SABOTAGE[what]
    spec = {
        "name": "broken",
        "basis": {"elements": ["Si"], "order": 3, "level": 7},
        "radial": {"cutoff": 5.0},
    }
    bare = acegen.compile({**spec, "name": "whole"}, tmp_path)
    compile_whole = build_module._compile

    def compile_broken(code: GeneratedCode, key: str, toolchain: Any, staging: Path, progress: Any) -> str:
        file = staging / f"broken_{ending}"
        text, count = re.subn(pattern, replacement, file.read_text(), count=1)
        assert count == 1, "the sabotage does not fit the generated code any more"
        if what == "cutoff":  # the clamp hides a wrong comparison; remove it as well
            text = text.replace("s = (lanes)((inside", "s = 1 ? s : (lanes)((inside")
        file.write_text(text)
        return compile_whole(code, key, toolchain, staging, progress)

    monkeypatch.setattr(build_module, "_compile", compile_broken)
    coefficients = {"Si": [1.0 / (1 + i) for i in range(bare.n_basis)]}
    model = acegen.compile(spec, tmp_path, coefficients)
    failed = {result.name for result in verify_module(model, n_environments=12) if not result.passed}
    assert check in failed


@pytest.mark.parametrize(
    ("edit", "check"),
    [
        (lambda row: [row[0][0], "2/3"], "𝒫: partition formula = recursion"),
        (lambda row: [row[-1][0] + 1, row[0][1]], "𝒫 unit lower triangular"),
    ],
)
def test_wrong_operator_fails(
    models: Models, monkeypatch: pytest.MonkeyPatch, edit: Callable[[Any], Any], check: str
) -> None:
    """A purification operator with one wrong rational, or an entry on the wrong side, is found exactly."""
    model = models("silicon")
    description = json.loads((model.path / "basis.json").read_text())
    row = description["purification"][20]
    row[0] = edit(row)
    monkeypatch.setitem(model.__dict__, "description", description)
    failed = {result.name for result in verify_module(model, n_environments=3) if not result.passed}
    assert check in failed


def test_command_exits_with_one_on_failure(
    monkeypatch: pytest.MonkeyPatch, small_spec: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status and the message name what failed."""
    whole = build_module._compile

    def broken(code: GeneratedCode, key: str, toolchain: Any, staging: Path, progress: Any) -> str:
        file = staging / "small_particles.h"
        assignment = "of->T[0] = of->c[0] = "
        file.write_text(file.read_text().replace(assignment, f"{assignment}1.001 * "))
        return whole(code, key, toolchain, staging, progress)

    monkeypatch.setattr(build_module, "_compile", broken)
    spec = tmp_path / "spec.toml"
    spec.write_text(toml_text(small_spec))
    assert main(["compile", str(spec), "-o", str(tmp_path)]) == 0
    assert main(["verify", str(tmp_path / "small")]) == 1
    assert "values = sum over distinct tuples" in capsys.readouterr().err


@pytest.mark.slow
def test_what_vanishes_but_for_rounding(tmp_path: Path) -> None:
    """One neighbour between the cutoffs of a pair term and of the rest: all terms of the energy are rounding."""
    spec = {
        "name": "between",
        "basis": {"elements": ["Si"], "order": 3, "level": 6},
        "radial": {"cutoff": 5.0},
        "pair": {"degree": 4, "cutoff": 3.0},
    }
    size = acegen.compile(spec, tmp_path).n_basis
    model = acegen.compile(spec, tmp_path, {"Si": [(-1.0) ** k * (1 + k / 7) for k in range(size)]})
    for seed in range(12):
        verifier = AtomVerifier(model, n_environments=4, seed=seed)
        verifier.environments = [
            Environment(0, np.zeros(1, dtype=np.int64), np.array([[radius, 0.3, -0.2]]))
            for radius in np.random.default_rng(seed).uniform(3.0, 4.9, size=8)
        ]
        results = [verifier.potential_energy(), verifier.potential_gradient(), verifier.one_particle()]
        assert [result for result in results if not result.passed] == []


@pytest.mark.slow
def test_coefficients_of_zero(tmp_path: Path) -> None:
    """There is nothing to compare errors with, and none."""
    spec = {"name": "zero", "basis": {"elements": ["Si"], "order": 2, "level": 4}, "radial": {"cutoff": 5.0}}
    size = acegen.compile(spec, tmp_path).n_basis
    model = acegen.compile(spec, tmp_path, {"Si": [0.0] * size})
    results = list(verify_module(model, n_environments=4))
    assert [result for result in results if not result.passed] == []
