"""Coupled products in compiled kernels, by both backends, against the interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coupled_cases import at_random, small_l_first
from program_cases import Case, called

from acegen.basis.describe import describe_basis
from acegen.build.module import build_module
from acegen.build.toolchain import find_toolchain
from acegen.codegen.backend import Machine, choose_backend
from acegen.codegen.module import generate_code
from acegen.lower import (
    ProductExpansion,
    coupled_products,
    descriptor_program,
    expand_products,
    pairing_choices,
    potential_program,
)
from acegen.options import BuildOptions
from acegen.program import KernelProgram
from acegen.program.interpreter import run_descriptors, run_potential
from acegen.progress import Silent
from acegen.runtime import open_model
from acegen.spec import load_spec
from acegen.stages import documents_of

KINDS: dict[str, dict[str, Any]] = {
    "three": {"basis": {"elements": ["Si"], "order": 3, "level": 8, "angular_weight": "3/4"}},
    "four": {"basis": {"elements": ["Si"], "order": 4, "level": 9, "angular_weight": "3/5"}},
    "alloy": {
        "basis": {"elements": ["Si", "O"], "order": 4, "level": [6, 6, 6, 5], "angular_weight": "3/4"},
        "radial": {"cutoff": {"Si-Si": 4.5, "Si-O": 4.0, "O-O": 3.5}},
        "pair": {"degree": 3, "cutoff": 5.0},
        "zbl": {"inner": 0.9, "outer": {"Si-Si": 2.3, "Si-O": 1.2, "O-O": 1.9}},
        "inner_cutoff": {"inner": 1.1, "outer": {"Si-Si": 2.1, "Si-O": 1.5, "O-O": 2.0}},
    },
    "five": {"basis": {"elements": ["Si"], "order": 5, "level": 7, "angular_weight": "1/2"}},
}


@cache
def model(key: str) -> Case:
    return Case(load_spec({"name": f"coupled_{key}", "radial": {"cutoff": 5.0}, **KINDS[key]}))


@cache
def expansion(key: str, part: float = 1.0, seed: int = 0) -> ProductExpansion:
    """A basis with its labels coupled, or part of them, by candidates with small l or any."""
    own = model(key)
    choices = pairing_choices(own.expansion.basis)
    chosen = at_random(choices, np.random.default_rng(seed), part) if seed else small_l_first(choices)
    return expand_products(own.expansion.basis, coupled_products(choices, chosen))


@cache
def program(key: str, part: float = 1.0, seed: int = 0) -> KernelProgram:
    """Its potential."""
    coefficients = model(key).coefficients
    return potential_program(expansion(key, part, seed), coefficients.values, coefficients.atomic_energies)


def compiled(
    key: str,
    potential: KernelProgram,
    folder: Path,
    options: BuildOptions,
    number: int = 0,
    descriptors: KernelProgram | None = None,
) -> Any:
    """The module of a potential."""
    own = model(key)
    toolchain = find_toolchain(options.march, options.openmp)
    backend = choose_backend(options, Machine(toolchain.vector_bytes, toolchain.registers))
    stage = backend.optimize(potential, options.products)
    documents = documents_of(own.spec.name, describe_basis(own.expansion.basis), own.coefficients)
    code = generate_code(descriptors or own.descriptors, potential, stage, backend, documents)
    target = folder / own.spec.name
    target.mkdir()
    build_module(code, f"{number:04x}" + "ab" * 30, options, toolchain, target, target, Silent())
    return open_model(target)


def assert_right(key: str, potential: KernelProgram, module: Any, tolerance: float, seeds: Sequence[int]) -> None:
    """Energies and forces of the interpreter for the same program, which knows nothing of the C code."""
    for seed in seeds:
        center, species, x = model(key).environment(np.random.default_rng(seed), 3 + 5 * seed)
        energy, gradient = run_potential(potential, center, species, x)
        found = called(module, center, species, x)
        assert abs(found["energy"] - energy) <= tolerance * (1 + abs(energy)), seed
        assert np.abs(found["forces"] - gradient).max() <= tolerance * (1 + np.abs(gradient).max()), seed


NATIVE, PLAIN = BuildOptions(), BuildOptions(backend="plain")
MIXED = [("four", 1.0, 1), ("alloy", 0.5, 2), ("five", 0.7, 3)]


@pytest.mark.parametrize(
    ("options", "key", "part", "seed"),
    [(NATIVE, key, 1.0, 0) for key in KINDS]
    + [(options, *mixed) for options in (NATIVE, BuildOptions("x86-64-v3"), PLAIN) for mixed in MIXED],
)
def test_kernels_compute_the_program(tmp_path: Path, options: BuildOptions, key: str, part: float, seed: int) -> None:
    """One element and two, all labels and some beside products of A's, nodes in nodes; wide and narrow registers."""
    potential = program(key, part, seed)
    assert potential.coupled is not None
    assert bool(potential.products) == (part < 1)
    descriptors = descriptor_program(expansion(key, part, seed))
    module = compiled(key, potential, tmp_path, options, hash((key, part, seed, options)) % 65536, descriptors)
    assert_right(key, potential, module, 1e-12, range(4))
    for rng in map(np.random.default_rng, range(4)):
        center, species, x = model(key).environment(rng, int(rng.integers(1, 40)))
        wanted, found = run_descriptors(descriptors, center, species, x), called(module, center, species, x)
        assert np.abs(found["values"] - wanted.values).max() <= 1e-12 * (1 + np.abs(wanted.values).max())
        assert np.abs(found["gradient"] - wanted.gradient).max() <= 1e-12 * (1 + np.abs(wanted.gradient).max())


@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(openmp=True),
        BuildOptions("generic"),
        BuildOptions(lanes=16),
        BuildOptions(precision="single"),
        BuildOptions("x86-64-v3", precision="single", lanes=16),
    ],
)
def test_other_options(tmp_path: Path, options: BuildOptions) -> None:
    """Threads, other instruction sets and widths, and single precision."""
    potential = program("alloy", 0.5, 2)
    module = compiled("alloy", potential, tmp_path, options, hash(options) % 65536)
    assert_right("alloy", potential, module, 1e-12 if options.precision == "double" else 2e-4, range(4))


@pytest.mark.parametrize("backend", ["lanes", "plain"])
def test_nothing_left(tmp_path: Path, backend: str) -> None:
    """All weights of coupled products are zero, or only those of values by themselves are not."""
    potential = program("three")
    assert potential.coupled is not None
    alone = [position for position, scalar in enumerate(potential.coupled.scalars) if len(scalar) == 1]
    assert alone
    for number, keep in enumerate(([], alone)):
        rows = tuple((tuple((t, float(w) if t in keep else 0.0) for t, w in row),) for (row,) in potential.outputs.rows)
        none = replace(potential, outputs=replace(potential.outputs, rows=rows))
        folder = tmp_path / str(number)
        folder.mkdir()
        options = BuildOptions(backend=backend)  # type: ignore[arg-type]
        assert_right("three", none, compiled("three", none, folder, options, 7 + number), 1e-12, range(3))


def test_positions_reach_all_pooled_functions() -> None:
    """Few coupled products beside so many A's that these do not fit 16-bit offsets."""
    basis = {"elements": ["Si"], "order": 2, "level": 37, "angular_weight": 2}
    own = Case(load_spec({"name": "t", "basis": basis, "radial": {"cutoff": 5.0}}))
    choices = pairing_choices(own.expansion.basis)
    chosen = [picks if k < 5 else None for k, picks in enumerate(small_l_first(choices))]
    expansion = expand_products(own.expansion.basis, coupled_products(choices, chosen))
    potential = potential_program(expansion, own.coefficients.values, own.coefficients.atomic_energies)
    for machine, kind in ((Machine(16, 16), "uint16_t"), (Machine(64, 32), "uint32_t")):
        backend = choose_backend(BuildOptions(), machine)
        stage = backend.optimize(potential, "compact")
        assert stage.coupled is not None
        assert stage.coupled.size * machine.vector_bytes < 1 << 16
        assert (potential.layout.size * machine.vector_bytes < 1 << 16) == (kind == "uint16_t")
        code = backend.generate(own.descriptors, potential, stage)
        assert f"typedef {kind} position;" in code["t_coupled.h"]
