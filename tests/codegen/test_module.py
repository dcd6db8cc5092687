"""Results of a compile: cache, import, files, and the C program of the embedding README."""

from __future__ import annotations

import json
import os
import pickle
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_models import ROOT, SPECS, random_coefficients, random_environment, toml_text

import acegen
from acegen.cli.main import main
from acegen.codegen.environment import abi_header
from acegen.compiler import compile_model
from acegen.options import BuildOptions

Models = Callable[[str], acegen.Model]


class Recorder:
    """A `Progress` that records the stages."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.advanced: list[tuple[int, int]] = []
        self.reports: list[str] = []

    def stage(self, name: str) -> Any:
        from contextlib import nullcontext

        self.stages.append(name)
        return nullcontext()

    def advance(self, done: int, total: int) -> None:
        self.advanced.append((done, total))

    def report(self, text: str) -> None:
        self.reports.append(text)


def test_second_compile_is_a_cache_hit(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """Only the spec stage runs, no file changes; any change of the input rebuilds."""
    first, second, third = Recorder(), Recorder(), Recorder()
    path = compile_model(small_spec, tmp_path, progress=first)
    assert first.stages == ["spec", "load", "algebra", "basis", "lower", "codegen", "build"]
    assert all(0 <= done <= total for done, total in first.advanced)
    before = {file.name: file.stat().st_mtime_ns for file in path.iterdir()}
    assert compile_model(small_spec, tmp_path, progress=second) == path
    assert second.stages == ["spec"]
    assert "already compiled" in second.reports[-1]
    assert before == {file.name: file.stat().st_mtime_ns for file in path.iterdir()}
    small_spec["radial"]["cutoff"] = 5.25
    assert acegen.load(compile_model(small_spec, tmp_path, progress=third)).cutoff == 5.25
    assert "build" in third.stages


def test_recompiling_in_one_process_loads_the_new_module(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """A second module of the same name and place is not mistaken for the first; both stay usable."""
    one = acegen.compile(small_spec, tmp_path, {"Si": np.ones(8)})
    energy = one.energy("Si", ["Si"], [[0, 0, 2.0]])
    two = acegen.compile(small_spec, tmp_path, {"Si": 2 * np.ones(8)})
    assert two.energy("Si", ["Si"], [[0, 0, 2.0]]) == pytest.approx(2 * energy, rel=1e-14)
    assert one.energy("Si", ["Si"], [[0, 0, 2.0]]) == energy


def test_import_as_a_package(tmp_path: Path, small_spec: dict[str, Any]) -> None:
    """`import generated.NAME` works, with no more than NumPy and cffi, and without SymPy or pydantic."""
    path = compile_model(small_spec, tmp_path / "generated", {"Si": np.arange(8.0)})
    code = """
import sys, json
import acegen
assert "numpy" not in sys.modules
import generated.small as m
values = m.basis("Si", ["Si"], [[0.1, 0.2, 2.0]])
gradient = m.basis_gradient("Si", ["Si"], [[0.1, 0.2, 2.0]])
energy, forces = m.energy_gradient(14, [14], [[0.1, 0.2, 2.0]])
heavy = [name for name in ("sympy", "flint", "pydantic", "jinja2", "rich", "ase", "vesin") if name in sys.modules]
print(json.dumps([m.labels("Si")[7].n, values.tolist(), gradient.shape, energy, heavy]))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    n, values, shape, energy, heavy = json.loads(result.stdout)
    model = acegen.load(path)
    assert heavy == []
    assert tuple(n) == model.labels("Si")[7].n
    assert values == model.basis("Si", ["Si"], [[0.1, 0.2, 2.0]]).tolist()
    assert shape == [8, 1, 3]
    assert energy == model.energy("Si", ["Si"], [[0.1, 0.2, 2.0]])


def test_labels_describe_the_basis(models: Models) -> None:
    """One record a function, distinct, within the level, elements in the label; counts by order add up."""
    for key, spec in SPECS.items():
        model = models(key)
        labels = model.labels(model.elements[0])
        assert len(labels) == model.n_basis == len(set(labels))
        levels = spec["basis"]["level"]
        for label in labels:
            limit = levels[label.order - 1] if isinstance(levels, list) else levels
            assert len(label.n) == len(label.l) == len(label.elements) == label.order
            assert sum(label.n) + 1.5 * sum(label.l) <= limit
            assert sum(label.l) % 2 == 0
            assert min(label.n) >= 1
            assert set(label.elements) <= set(model.elements)


def test_coefficients_stay_with_the_module(models: Models) -> None:
    """The module holds the coefficients it was made from."""
    model = models("oxide")
    document = json.loads((model.path / "coefficients.json").read_text())
    assert document["basis"] == model.basis_hash
    for element, values in random_coefficients(model).items():
        assert document["coefficients"][element] == values.tolist()


def test_name_does_not_change_the_basis(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """Coefficients of a basis fit it under any module name."""
    one = acegen.compile(small_spec, tmp_path)
    acegen.write_coefficients(tmp_path / "c.json", one.basis_hash, {"Si": np.ones(8)})
    other = acegen.compile({**small_spec, "name": "renamed"}, tmp_path, tmp_path / "c.json")
    assert other.basis_hash == one.basis_hash
    assert other.has_potential


@pytest.mark.slow
def test_equal_specs_have_equal_hashes(tmp_path: Path, small_spec: dict[str, Any]) -> None:
    """However a spec is written: one level or a list, one cutoff or a table, defaults given or not."""
    basis, radial = small_spec["basis"], small_spec["radial"]
    two = {**basis, "elements": ["Si", "O"], "level": 3}
    envelope = {"family": "envelope", "envelope": [0, "1/2"], "cutoff": 5}
    for specs in (
        [small_spec, {**small_spec, "basis": {**basis, "level": ["4", 4.0], "angular_weight": "3/2"}}],
        [small_spec, {**small_spec, "radial": {"cutoff": {"Si-Si": 5}, "transform": "smoothstep"}}],
        [
            {"name": "two", "basis": two, "radial": {"cutoff": {"Si-Si": 5, "Si-O": 4, "O-O": 3}}},
            {"name": "two", "basis": two, "radial": {"cutoff": {"O-O": 3.0, "O-Si": 4.0, "Si-Si": 5.0}}},
        ],
        [
            {**small_spec, "radial": {**radial, "transform": "agnesi"}},
            {**small_spec, "radial": {**radial, "transform": "agnesi", "agnesi": {"p": 2}}},
        ],
        [
            {**small_spec, "radial": envelope},
            {**small_spec, "radial": {**envelope, "envelope": [0, 0.5, 0], "beta": 0}},
        ],
    ):
        recorder = Recorder()
        first = acegen.compile(specs[0], tmp_path)
        assert acegen.compile(specs[1], tmp_path, progress=recorder).basis_hash == first.basis_hash
        assert recorder.stages == ["spec"]


def test_models_survive_pickling(models: Models) -> None:
    """A model is pickled by its folder."""
    model = models("oxide")
    copy = pickle.loads(pickle.dumps(model))
    assert copy.energy("Si", ["O"], [[0, 0, 1.6]]) == model.energy("Si", ["O"], [[0, 0, 1.6]])


def test_replaced_module_does_not_lend_its_labels(tmp_path: Path, small_spec: dict[str, Any]) -> None:
    """Labels read after the folder holds another basis are refused, not mixed up."""
    one = acegen.compile(small_spec, tmp_path)
    small_spec["basis"]["level"] = 3
    acegen.compile(small_spec, tmp_path)
    with pytest.raises(acegen.ModuleError, match="replaced or removed"):
        one.labels("Si")


def test_generated_header_is_the_hand_written_one(models: Models) -> None:
    """The ABI header is the same, byte for byte, in every module."""
    header = (ROOT / "templates" / "module" / "acegen.h").read_text()
    assert header == abi_header()
    for key in ("silicon", "oxide", "usual"):
        assert (models(key).path / "acegen.h").read_text() == header


def test_golden_module_is_up_to_date(tmp_path: Path) -> None:
    """generated/golden_si is what acegen generates today, file by file."""
    golden = ROOT / "generated" / "golden_si"
    source = ROOT / "tests" / "golden" / "golden_si.toml"
    if platform.machine() != "x86_64":
        pytest.skip("the golden module is written for x86-64-v3")
    options = BuildOptions(march="x86-64-v3")
    path = compile_model(source, tmp_path, source.with_suffix(".coefficients.json"), options=options)
    made = {file.name for file in path.iterdir() if file.suffix != ".so" and file.name != "module.json"}
    tracked = subprocess.run(["git", "ls-files", "."], cwd=golden, capture_output=True, text=True, check=False)
    if tracked.returncode == 0:
        assert made == set(tracked.stdout.split())
    for name in sorted(made):
        assert (path / name).read_text() == (golden / name).read_text(), f"{name} changed; see {source}"


def c_example(model: acegen.Model) -> str:
    """The C program of a module's README."""
    return re.findall(r"```c\n(.*?)```", (model.path / "README.md").read_text(), re.DOTALL)[0]


GENERIC, AVX2, SANITIZED = ["-O1"], ["-O1", "-march=x86-64-v3"], ["-O1", "-fsanitize=address,undefined"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "flags"),
    [
        *((key, GENERIC) for key in ("silicon", "oxide", "usual", "envelope", "fifth", "file")),
        ("silicon", AVX2),
        ("oxide", AVX2),
        ("oxide", SANITIZED),
        ("envelope", SANITIZED),
        ("file", SANITIZED),
    ],
)
def test_readme_program_compiles_and_agrees(models: Models, tmp_path: Path, key: str, flags: list[str]) -> None:
    """The embedding example, without a warning, on generic and AVX2 builds and under sanitizers."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("the flags of this test are gcc's")
    if "-fsanitize=address,undefined" in flags and not sanitizers_work(compiler, tmp_path):
        pytest.skip("gcc has no sanitizer libraries here")
    if "-march=x86-64-v3" in flags and "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no AVX2")
    model = models(key)
    (tmp_path / "example.c").write_text(c_example(model))
    warnings = ["-std=c99", "-Wall", "-Wextra", "-Wno-psabi", "-Werror"]
    sources = ["example.c", *(str(path) for path in model.path.glob("*.c"))]
    subprocess.run(
        [compiler, *warnings, *flags, "-I", str(model.path), *sources, "-o", "example", "-lm"], cwd=tmp_path, check=True
    )
    run = subprocess.run(["./example"], cwd=tmp_path, capture_output=True, text=True, check=True)
    printed = float(re.search(r"energy (\S+) eV", run.stdout).group(1))  # type: ignore[union-attr]
    element = model.elements[0]
    expected = model.energy(element, [element, element], [[0, 0, 2.0], [1.5, 0.5, 1.0]])
    assert printed == pytest.approx(expected, rel=1e-12, abs=1e-12)


def sanitizers_work(compiler: str, folder: Path) -> bool:
    """Whether gcc can link its address and undefined-behaviour sanitizers."""
    (folder / "probe.c").write_text("int main(void) { return 0; }\n")
    command = [compiler, "-fsanitize=address,undefined", "probe.c", "-o", "probe"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_abi_status_codes(models: Models) -> None:
    """What a C program gets for bad arguments: a status, and the atom at fault."""
    model = models("oxide")
    ffi, handle = model._ffi, model._handle

    def call(center: list[int], first: list[int], species: list[int], vectors: list[float], size: int = 10**7) -> Any:
        arrays = (
            ffi.new("int32_t[]", center or [0]),
            ffi.new("int64_t[]", first),
            ffi.new("int32_t[]", species or [0]),
            ffi.new("double[]", vectors or [0.0]),
        )
        environments = ffi.new("acegen_environments *", (len(center), *arrays))
        out, gradient = ffi.new("double[]", 5000), ffi.new("double[]", 5000)
        workspace, failed = ffi.new("char[]", max(size, 1)), ffi.new("int64_t *", -7)
        return handle.potential(environments, out, gradient, 1, workspace, size, failed), failed[0]

    good = [0.0, 0.0, 2.0, 1.0, 1.0, 1.0]
    assert call([0, 1], [0, 1, 2], [1, 0], good) == (0, -1)
    assert call([], [0], [], []) == (0, -1)
    assert call([0, 2], [0, 1, 2], [1, 0], good) == (3, 1)
    assert call([0, -1], [0, 1, 2], [1, 0], good) == (3, 1)
    assert call([0, 1], [0, 1, 2], [1, 2], good) == (3, 1)
    assert call([0, 1], [0, 1, 2], [1, 0], [float("nan"), *good[1:]]) == (4, 0)
    assert call([0, 1], [0, 1, 2], [1, 0], [*good[:5], float("inf")]) == (4, 1)
    assert call([0, 1], [0, 1, 2], [1, 0], [0.0, 0.0, 1e-8, *good[3:]]) == (5, 0)
    assert call([0, 1], [0, 2, 1], [1, 0], good) == (1, 1)
    assert call([0, 1], [0, 1, 2], [1, 0], good, size=handle.potential_workspace(1, 1) - 1)[0] == 2
    assert call([0, 1], [0, 1, 2], [1, 0], good, size=handle.potential_workspace(1, 1))[0] == 0
    assert handle.potential(ffi.NULL, ffi.NULL, ffi.NULL, 1, ffi.NULL, 0, ffi.NULL) == 1
    one = ffi.new("acegen_environments *", (1, ffi.new("int32_t[1]"), ffi.new("int64_t[2]"), ffi.NULL, ffi.NULL))
    out = ffi.new("double[]", 5000)
    assert handle.potential(one, out, ffi.NULL, 1, ffi.NULL, 10**7, ffi.NULL) == 1
    workspace = ffi.new("char[]", 10**6)
    assert handle.potential(one, out, ffi.NULL, 0, workspace, 10**6, ffi.NULL) == 1  # no thread
    assert handle.basis(one, out, ffi.NULL, ffi.NULL, 10**7, ffi.NULL) == 1


def test_lists_may_begin_anywhere(models: Models) -> None:
    """first[0] > 0: a part of a larger list is evaluated in place."""
    model, rng = models("silicon"), np.random.default_rng(11)
    ffi, handle = model._ffi, model._handle
    _, _, vectors = random_environment(model, rng, 12)
    padded = np.concatenate([np.full((5, 3), 1.0), vectors])
    center, first = np.zeros(1, np.int32), np.array([5, 17], np.int64)
    species = np.zeros(17, np.int32)
    energy, gradient = np.zeros(1), np.zeros((12, 3))
    values, slopes = np.zeros(model.n_basis), np.zeros((model.n_basis, 12, 3))
    workspace = np.zeros(max(handle.potential_workspace(12, 1), handle.basis_workspace(12, 0)), np.uint8)

    def pointer(kind: str, array: np.ndarray) -> Any:
        return ffi.cast(kind, array.ctypes.data)

    environments = ffi.new(
        "acegen_environments *",
        (
            1,
            pointer("int32_t *", center),
            pointer("int64_t *", first),
            pointer("int32_t *", species),
            pointer("double *", padded),
        ),
    )
    scratch = (pointer("void *", workspace), workspace.size, ffi.NULL)
    assert handle.potential(environments, pointer("double *", energy), pointer("double *", gradient), 1, *scratch) == 0
    assert handle.basis(environments, pointer("double *", values), pointer("double *", slopes), *scratch) == 0
    expected = model.energy_gradient("Si", ["Si"] * 12, vectors)
    assert energy[0] == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    np.testing.assert_array_equal(values, model.basis("Si", ["Si"] * 12, vectors))
    np.testing.assert_array_equal(slopes, model.basis_gradient("Si", ["Si"] * 12, vectors))


def test_command_line(small_spec: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """compile, compile again, info of both, verify, schema."""
    spec = tmp_path / "spec.toml"
    spec.write_text(toml_text(small_spec))
    assert main(["compile", str(spec), "-o", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    for stage in ("spec", "load", "algebra", "basis", "lower", "codegen", "build", "total"):
        assert re.search(rf"^{stage} +[\d.]+ s", printed, re.MULTILINE)
    assert "4 + 4 = 8 functions" in printed
    assert main(["compile", str(spec), "-o", str(tmp_path / "out")]) == 0
    assert "already compiled" in capsys.readouterr().out
    for target in (spec, tmp_path / "out" / "small"):
        assert main(["info", str(target)]) == 0
        printed = capsys.readouterr().out
        for text in ("functions", "products", "non-zeros of 𝒫", "multiply-adds per atom"):
            assert text in printed
    assert main(["verify", str(tmp_path / "out" / "small")]) == 0
    assert "10 of 10 properties hold" in capsys.readouterr().out
    assert main(["schema", "--particles"]) == 0
    assert set(json.loads(capsys.readouterr().out)["required"]) == {"name", "basis"}
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["required"]) == {"name", "basis", "radial"}
    assert schema["additionalProperties"] is False


@pytest.mark.slow
def test_two_processes_compile_at_once(tmp_path: Path, small_spec: dict[str, Any]) -> None:
    """Both finish, and the result is complete."""
    spec = tmp_path / "spec.toml"
    spec.write_text(toml_text(small_spec))
    command = [sys.executable, "-m", "acegen", "compile", str(spec), "-o", str(tmp_path / "out")]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert acegen.load(tmp_path / "out" / "small").n_basis == 8
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["small"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_compile_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Interrupted while the C compiler runs: a short message, no traceback, nothing left behind or running."""
    spec = {
        "name": "large",
        "basis": {"elements": ["Si"], "order": 3, "level": 15},
        "radial": {"cutoff": 5.0},
    }
    file = tmp_path / "spec.toml"
    file.write_text(toml_text(spec))
    fake = tmp_path / "cc"
    fake.write_text('#!/bin/sh\ncase "$*" in *-dM*) echo "#define X 1";; *) sleep 60;; esac\n')
    fake.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "acegen", "compile", str(file), "-o", str(tmp_path / "out")],
        env={**os.environ, "CC": str(fake)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.time() + 60
    while not list((tmp_path / "out").glob(".large-making-*/*.c")):
        assert time.time() < deadline
        time.sleep(0.1)
    time.sleep(0.5)
    os.kill(process.pid, number)  # to acegen alone: it must stop its compilers, and start no more
    _, error = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Traceback" not in error
    assert not list((tmp_path / "out").iterdir())
