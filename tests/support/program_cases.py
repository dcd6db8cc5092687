"""Specs of every kind with their kernel programs, and how their compiled modules are called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from particle_specs import KINDS

import acegen
from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.compiler import compile_model
from acegen.lower import ProductExpansion, descriptor_program, expand_products, potential_program
from acegen.options import BuildOptions
from acegen.program import KernelProgram
from acegen.runtime import Model, open_model
from acegen.spec import AnySpec, load_spec

ATOMS: dict[str, dict[str, Any]] = {
    "silicon": {"basis": {"elements": ["Si"], "order": 3, "level": 6}, "radial": {"cutoff": 5.0}},
    "alloy": {
        "basis": {"elements": ["Si", "O"], "order": 3, "level": [5, 5, 4]},
        "radial": {"cutoff": {"Si-Si": 4.5, "Si-O": 4.0, "O-O": 3.5}, "transform": "smootherstep"},
        "pair": {"degree": 3, "cutoff": 5.0},
        "zbl": {"inner": 0.9, "outer": {"Si-Si": 2.3, "Si-O": 1.2, "O-O": 1.9}},
        "inner_cutoff": {"inner": 1.1, "outer": {"Si-Si": 2.1, "Si-O": 1.5, "O-O": 2.0}},
    },
    "agnesi": {
        "basis": {"elements": ["H", "O"], "order": 2, "level": [5, 4], "expansion": "self-interacting"},
        "radial": {"cutoff": 4.0, "transform": "agnesi", "agnesi": {"p": 2, "q": 3}},
        "pair": {"degree": 4, "cutoff": 4.5},
        "zbl": {"inner": 0.7, "outer": 1.4},
    },
    "envelope": {
        "basis": {"elements": ["C"], "order": 4, "level": 6},
        "radial": {
            "family": "envelope",
            "envelope": [0, 0, 1, "1/3"],
            "polynomial": "legendre",
            "transform": "agnesi",
            "agnesi": {"r0": 1.5, "p": 2, "q": 2},
            "cutoff": 4.0,
        },
    },
    "flat": {"basis": {"elements": ["Si"], "order": 1, "level": 4}, "radial": {"cutoff": 5.0}},
}
PARTICLES = {
    key: KINDS[key] for key in ("jacobi", "even", "circle, SO2", "plane, O2", "plane, envelope", "plane, usual")
}
SPECS = {key: {"name": "".join(filter(str.isalnum, key)), **spec} for key, spec in (ATOMS | PARTICLES).items()}
for key, spec in PARTICLES.items():
    SPECS[key] = {**spec, "name": "p_" + "".join(filter(str.isalnum, key))}


@dataclass(frozen=True)
class Case:
    """A spec with coefficients of order one, and everything derived from them."""

    spec: AnySpec

    @cached_property
    def expansion(self) -> ProductExpansion:
        return expand_products(derive_basis(build_algebra(self.spec)))

    @cached_property
    def coefficients(self) -> acegen.Coefficients:
        rng = np.random.default_rng(7)
        count = self.expansion.basis.n_basis
        values = {symbol: rng.normal(size=count).tolist() for symbol in self.spec.species}
        atoms = self.spec.basis.symmetry == "O3"
        return acegen.Coefficients(values, {s: -1.25 - i for i, s in enumerate(self.spec.species)} if atoms else {})

    @cached_property
    def descriptors(self) -> KernelProgram:
        return descriptor_program(self.expansion)

    @cached_property
    def potential(self) -> KernelProgram:
        return potential_program(self.expansion, self.coefficients.values, self.coefficients.atomic_energies)

    def compiled(self, folder: Path, options: BuildOptions) -> Any:
        """The module."""
        return open_model(compile_model(self.spec, folder, self.coefficients, options=options))

    def environment(self, rng: np.random.Generator, count: int) -> tuple[int, np.ndarray, np.ndarray]:
        """Centre, species, and particles (count, dimension), some beyond cutoffs and some within a core."""
        program = self.descriptors
        center = int(rng.integers(len(program.species)))
        species = rng.integers(len(program.species), size=count)
        if program.dimension == 1:
            return center, species, rng.uniform(-1, 1, size=(count, 1))
        vectors = rng.normal(size=(count, program.dimension))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        reach = np.array(program.reach)[center][species]
        farthest = np.where(np.isfinite(reach), reach, 2.0)
        return center, species, vectors * (rng.uniform(0.3, 1.1, size=count) * farthest)[:, None]


def case(key: str) -> Case:
    """A case by the key of its spec."""
    return Case(load_spec(SPECS[key]))


def called(model: Any, center: int, species: np.ndarray, particles: np.ndarray) -> dict[str, np.ndarray]:
    """What a compiled module says of an environment: values and derivatives of both kernels."""
    shape = particles.shape
    if isinstance(model, Model):
        elements = model.elements
        arguments = (elements[center], [elements[z] for z in species], particles)
        energy, gradient = model.energy_gradient(*arguments)
    else:
        arguments = (particles[:, 0] if model.dimension == 1 else particles,)
        energy, gradient = model.value_gradient(*arguments)
    values = model.basis(*arguments)
    return {
        "values": values,
        "gradient": model.basis_gradient(*arguments).reshape(len(values), *shape),
        "energy": np.array(energy),
        "forces": gradient.reshape(shape),
    }
