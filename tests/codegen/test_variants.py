"""Every way to build a kernel computes the same: instruction sets, lanes, tables, threads, single precision."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from example_models import SPECS, random_coefficients, random_environment, toml_text

import acegen
from acegen import BuildOptions
from acegen.cli.main import main
from acegen.errors import BuildError, ModuleError
from acegen.runtime.environments import Environments
from acegen.verify import verify_module

Models = Callable[[str], acegen.Model]

VARIANTS = {
    "compact": BuildOptions(products="compact"),
    "straight": BuildOptions(products="straight"),
    "x86-64-v3": BuildOptions(march="x86-64-v3"),
    "x86-64-v3 compact": BuildOptions(march="x86-64-v3", products="compact"),
    "generic": BuildOptions(march="generic"),
    "2 lanes": BuildOptions(lanes=2),
    "16 lanes": BuildOptions(lanes=16, products="compact"),
    "threads": BuildOptions(openmp=True),
    "single": BuildOptions(precision="single"),
    "single compact threads": BuildOptions(precision="single", products="compact", openmp=True),
    "single, 4 lanes, generic": BuildOptions(march="generic", lanes=4, precision="single"),
}


def lattice(model: acegen.Model, rng: np.random.Generator) -> Environments:
    """Environments of a rattled crystal with random elements: enough atoms for several blocks and ranges."""
    atoms = bulk("Si", "diamond", a=5.2, cubic=True) * (4, 3, 3)
    atoms.positions += rng.normal(scale=0.15, size=atoms.positions.shape)
    atoms.symbols = rng.choice(model.elements, size=len(atoms))
    environments: Environments = model._inputs.structure(atoms)[0]
    return environments


@pytest.mark.slow
@pytest.mark.parametrize("key", ["oxide", "envelope", "fifth"])
@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_variants_agree_and_pass_verify(models: Models, tmp_path: Path, key: str, variant: str) -> None:
    """Against `verify`, and atom by atom against the default build."""
    if "x86" in variant and platform.machine() != "x86_64":
        pytest.skip("an x86 instruction set")
    options = VARIANTS[variant]
    default = models(key)
    built = acegen.compile(SPECS[key], tmp_path, random_coefficients(default), options=options)
    model = acegen.load(built.path, threads=3 if options.openmp else 1)
    assert [result.name for result in verify_module(model, n_environments=8) if not result.passed] == []
    environments = lattice(default, np.random.default_rng(2))
    expected, actual = default._evaluate_potential(environments), model._evaluate_potential(environments)
    tolerance = 2e-6 if options.precision == "single" else 1e-13
    for wanted, got in zip(expected, actual, strict=True):
        assert np.abs(got - wanted).max() < tolerance * np.abs(wanted).max()
    assert model.precision == options.precision
    assert model.multithreaded == options.openmp


def test_results_do_not_depend_on_threads(models: Models, tmp_path: Path) -> None:
    """Bitwise the same results for any number of threads, even more than ranges of atoms, and for repeated calls."""
    default = models("oxide")
    path = acegen.compile(
        SPECS["oxide"], tmp_path, random_coefficients(default), options=BuildOptions(openmp=True)
    ).path
    environments = lattice(default, np.random.default_rng(3))
    energy, gradient = acegen.load(path)._evaluate_potential(environments)
    for threads in (1, 2, 3, 40):
        for _ in range(3):
            again = acegen.load(path, threads)._evaluate_potential(environments)
            np.testing.assert_array_equal(again[0], energy)
            np.testing.assert_array_equal(again[1], gradient)


def test_failures_in_threads_name_the_first_atom(models: Models, tmp_path: Path) -> None:
    """Of several bad atoms in different ranges, the one reported is that of the first range."""
    default = models("silicon")
    options = BuildOptions(openmp=True)
    model = acegen.load(
        acegen.compile(SPECS["silicon"], tmp_path, random_coefficients(default), options=options).path, 2
    )
    environments = lattice(default, np.random.default_rng(4))
    bad = np.array([40, 150, 280])
    displacement = environments.displacement.copy()
    displacement[environments.first[bad]] = np.nan
    environments = replace(environments, displacement=displacement)
    for _ in range(5):
        with pytest.raises(acegen.AcegenError, match="status 4 at atom 40"):
            model._evaluate_potential(environments)


def test_threads_need_openmp(models: Models) -> None:
    """Requesting threads that a module cannot use is an error that says how to get them."""
    with pytest.raises(ModuleError, match=r"threads = 2 needs OpenMP.*--openmp"):
        acegen.load(models("silicon").path, threads=2)
    with pytest.raises(ModuleError, match="threads = 0 is not possible; use a number from 1"):
        acegen.load(models("silicon").path, threads=0)


def test_options_are_part_of_the_build(small_spec: dict[str, Any], tmp_path: Path) -> None:
    """A module with other options is rebuilt in place of the old one; the basis stays the same."""
    first = acegen.compile(small_spec, tmp_path)
    second = acegen.compile(small_spec, tmp_path, options=BuildOptions(lanes=2))
    assert first.basis_hash == second.basis_hash
    assert "LANES = 2," in (second.path / "small_particles.h").read_text()
    rng = np.random.default_rng(1)
    environment = random_environment(first, rng, 9)
    np.testing.assert_allclose(second.basis(*environment), first.basis(*environment), rtol=1e-13)
    stamp = second.path.stat().st_mtime_ns
    acegen.compile(small_spec, tmp_path, options=BuildOptions(lanes=2))
    assert second.path.stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"march": "pentium-99"}, "does not know the instruction set 'pentium-99'.*native, generic"),
        ({"march": "native -O0"}, "is not an instruction set"),
        ({"march": ""}, "is not an instruction set"),
        ({"lanes": 3}, "lanes = 3 is not possible; use one of 2, 4, 8, 16"),
        ({"lanes": 0}, "lanes = 0"),
        ({"lanes": -8}, "lanes = -8"),
        ({"lanes": 8.0}, r"lanes = 8\.0 is not possible"),
        ({"openmp": "no"}, "openmp = 'no' is not possible; use True or False"),
        ({"precision": "half"}, "precision = 'half' is not known; use double, single"),
        ({"products": "fast"}, "products = 'fast' is not known; use auto, coupled, straight, compact"),
    ],
)
def test_bad_options(small_spec: dict[str, Any], tmp_path: Path, options: dict[str, Any], message: str) -> None:
    """One message that says what is allowed; nothing is left behind."""
    with pytest.raises(BuildError, match=message):
        acegen.compile(small_spec, tmp_path / "out", options=BuildOptions(**options))
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_bad_options_on_the_command_line(
    small_spec: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line gives the same messages, without a traceback."""
    spec = tmp_path / "spec.toml"
    spec.write_text(toml_text(small_spec))
    for wrong in (["--march", "z80"], ["--lanes", "7"], ["--precision", "quadruple"], ["--products", "magic"]):
        assert main(["compile", str(spec), "-o", str(tmp_path), *wrong]) == 1
        assert capsys.readouterr().err.startswith("acegen: ")
    assert main(["info", str(spec), "--march", "z80"]) == 1


def test_compiler_without_openmp(monkeypatch: pytest.MonkeyPatch, small_spec: dict[str, Any], tmp_path: Path) -> None:
    """A compiler that refuses -fopenmp is named, with what to install."""
    compiler = tmp_path / "plain-cc"
    compiler.write_text(f'#!/bin/sh\ncase "$*" in *-fopenmp*) exit 1;; esac\nexec {shutil.which("cc")} "$@"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    with pytest.raises(BuildError, match="OpenMP is missing"):
        acegen.compile(small_spec, tmp_path / "out", options=BuildOptions(openmp=True))
    acegen.compile(small_spec, tmp_path / "out")


def test_info_shows_every_pass(small_spec: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`acegen info` lists the passes of the optimizer in order, with the costs after each."""
    spec = tmp_path / "spec.toml"
    spec.write_text(toml_text(small_spec))
    assert main(["info", str(spec), "--lanes", "4"]) == 0
    printed = capsys.readouterr().out
    printed = printed[printed.index("after pass") :]
    passes = ["terms", "variable order", "functions", "sub-products", "row blocks", "form"]
    positions = [printed.index(f" {name} ") for name in passes]
    assert positions == sorted(positions)
    assert "est. µs" in printed


def test_generated_code_names_its_stages(models: Models) -> None:
    """A reader of the potential's code finds gather, pool, products and forces by name, and readable lines."""
    folder = models("oxide").path
    particles = (folder / "oxide_particles.h").read_text()
    potential = (folder / "oxide_potential.c").read_text()
    assert "gather(" in particles
    assert "pool(" in particles
    assert "oxide_products(" in potential
    assert "forces(" in potential
    for file in folder.glob("*.[ch]"):
        if "products" not in file.name and "basis" not in file.name:
            assert max(map(len, file.read_text().splitlines())) < 400, file.name


def test_more_threads_than_work(models: Models, tmp_path: Path) -> None:
    """Threads beyond the ranges of atoms are not started, however many are allowed."""
    default = models("silicon")
    options = BuildOptions(openmp=True)
    path = acegen.compile(SPECS["silicon"], tmp_path, random_coefficients(default), options=options).path
    environment = random_environment(default, np.random.default_rng(6), 20)
    assert acegen.load(path, 1000).energy(*environment) == acegen.load(path).energy(*environment)
    for wrong in (1025, 2.5, "2", None):
        with pytest.raises(ModuleError, match="use a number from 1 to 1024"):
            acegen.load(path, wrong)  # type: ignore[arg-type]


def test_forked_children_do_not_hang(models: Models, tmp_path: Path) -> None:
    """A model that has used several threads still evaluates after fork, as multiprocessing does."""
    default = models("silicon")
    options = BuildOptions(openmp=True)
    path = acegen.compile(SPECS["silicon"], tmp_path, random_coefficients(default), options=options).path
    code = f"""
import os, signal, numpy as np, acegen
from ase.build import bulk
atoms = bulk("Si", cubic=True) * (5, 5, 5)
atoms.rattle(0.1, seed=1)
model = acegen.load({str(path)!r}, threads=2)
energy = model.compute(atoms).energy
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(0 if model.compute(atoms).energy == energy else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize("products", ["straight", "compact"])
def test_smallest_models_compile_without_warnings(tmp_path: Path, products: str) -> None:
    """One order, no angular momentum, and coefficients that are all zero."""
    spec = {"name": "one", "basis": {"elements": ["Si"], "order": 1, "level": 2}, "radial": {"cutoff": 4.0}}
    for coefficients in ([1.0, -2.0], [0.0, 0.0]):
        options = BuildOptions(products=products)  # type: ignore[arg-type]
        model = acegen.compile(spec, tmp_path, {"Si": coefficients}, options=options)
        sources = [str(file) for file in model.path.glob("*.c")]
        command = ["cc", "-std=c99", "-O1", "-march=native", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *sources]
        subprocess.run(command, check=True)
        energy = model.energy("Si", ["Si"], [[0.0, 0.0, 2.0]])
        assert energy == pytest.approx(np.dot(coefficients, model.basis("Si", ["Si"], [[0.0, 0.0, 2.0]])), abs=1e-13)
