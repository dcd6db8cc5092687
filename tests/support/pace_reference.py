"""Reference values of ML-PACE in ../shared/data/pace, and what its evaluator does differently from its formulas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from example_models import DATA
from numpy.typing import NDArray

from acegen.yace.evaluation import evaluator as evaluation
from acegen.yace.potential import CTildeFunction, YacePotential
from acegen.yace.reading import read_potential

Floats = NDArray[np.float64]

NAMES = ("cheb_linear_1el", "sbessel_fs_1el", "two_element")


@dataclass(frozen=True)
class Environment:
    """A centre, its neighbours, and ML-PACE's energy with E0 and derivatives dE/dr_j, shape (J, 3)."""

    center: int
    species: tuple[int, ...]
    displacements: Floats
    energy: float
    gradient: Floats


def reference_potential(name: str) -> YacePotential:
    """A potential as its file says it; skips the test where the data are absent."""
    path = DATA / "pace" / f"{name}.yace"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return read_potential(path)


def reference(name: str) -> tuple[YacePotential, list[Environment]]:
    """A potential as ML-PACE's evaluator takes it, and what that gives; skips the test where the data are absent."""
    potential = reference_potential(name)
    environments = []
    for entry in json.loads((DATA / "pace" / f"{name}.json").read_text())["environments"]:
        center = potential.elements.index(entry["center"])
        environments.append(
            Environment(
                center=center,
                species=tuple(map(potential.elements.index, entry["species"])),
                displacements=np.array(entry["displacements"], dtype=float).reshape(-1, 3),
                energy=entry["energy"] + potential.energies[center],
                gradient=np.array(entry["pair_forces"], dtype=float).reshape(-1, 3),
            )
        )
    return as_taken(potential), environments


def as_taken(potential: YacePotential) -> YacePotential:
    """The potential that the product evaluator of ML-PACE (2025-12) evaluates.

    Where centres have different numbers of densities, its constructor takes the largest number for the coefficients
    of all centres, and the evaluation the centre's own; so with fewer than most, coefficients of rank 2 and more go to
    the wrong products. Those of rank 1 do not.
    """
    most = max(len(embedding.terms) for embedding in potential.embeddings)
    taken = []
    for functions, embedding in zip(potential.functions, potential.embeddings, strict=True):
        own = len(embedding.terms)
        products = [function for function in functions if function.rank > 1]
        memory = [value for function in products for row in function.coefficients for value in row] + [0.0] * most
        starts = np.cumsum([0, *(own * len(function.ms) for function in products)])
        copied = [
            memory[start + most * k + p]
            for start, function in zip(starts, products, strict=False)
            for k in range(len(function.ms))
            for p in range(most)
            if start + most * k + p < len(memory)
        ]
        sums = [function for function in functions if function.rank == 1]
        mixed = [_with(f, copied[start:], own) for start, f in zip(starts, products, strict=False)]
        taken.append((*sums, *mixed) if own < most else functions)
    return replace(potential, functions=tuple(taken))


def _with(function: CTildeFunction, values: list[float], width: int) -> CTildeFunction:
    rows = tuple(tuple(values[width * k : width * (k + 1)]) for k in range(len(function.ms)))
    return replace(function, coefficients=rows)


def with_tables(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    """Make `acegen.yace.evaluation` interpolate radial functions as ML-PACE does: cubic, from values and slopes."""
    basis, repulsion = evaluation.pace_basis, evaluation.repulsion
    monkeypatch.setattr(
        evaluation, "pace_basis", lambda bond, kind, r: _between(lambda x: basis(bond, kind, x), r, bond.cutoff, step)
    )
    monkeypatch.setattr(
        evaluation,
        "repulsion",
        lambda potential, center, z, r: _between(
            lambda x: repulsion(potential, center, z, x), r, potential.bonds[center][z].cutoff, step
        ),
    )


def _between(
    function: Callable[[Floats], tuple[Floats, Floats]], r: Floats, cutoff: float, step: float
) -> tuple[Floats, Floats]:
    """Values and slopes by interpolation; at the cutoff both are zero."""
    count = int(cutoff / step)
    h = cutoff / count
    k = np.floor(r / h).astype(int)
    t = r / h - k
    (f, df), (g, dg) = function(k * h), function((k + 1) * h)
    last = k + 1 == count
    g, df, dg = np.where(last, 0.0, g), df * h, np.where(last, 0.0, dg) * h
    c2, c3 = 3 * (g - f) - dg - 2 * df, 2 * (f - g) + dg + df
    return f + df * t + c2 * t**2 + c3 * t**3, (df + 2 * c2 * t + 3 * c3 * t**2) / h


def deviations(environment: Environment, energy: float, gradient: Floats) -> Iterator[float]:
    """Of the energy and of all derivatives, relative to the largest, or to one if all are smaller."""
    yield abs(energy - environment.energy) / max(1.0, abs(environment.energy))
    largest = max(1.0, np.abs(environment.gradient).max(initial=0.0))
    yield float(np.abs(gradient - environment.gradient).max(initial=0.0) / largest)
