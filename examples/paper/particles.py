"""Independent random particles around a centre, and both bases of the same functions on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from experiment import EXPANSIONS, Setting
from numpy.typing import NDArray

import acegen
from acegen.runtime import Environments

Floats = NDArray[np.float64]

CUTOFF = 5.0
"""Å. Nothing depends on it: radial functions depend on y only."""

_CHUNK = 8192
"""Environments evaluated at a time."""


@dataclass(frozen=True)
class Particles:
    """M sets of N particles.

    Attributes:
        y: (M, N), 1 at the centre, 0 at the cutoff.
        direction: (M, N, 3), unit vectors.
    """

    y: Floats
    direction: Floats

    @property
    def environments(self) -> Environments:
        """The same as neighbours of a centre."""
        samples, particles = self.y.shape
        displacement = distance(self.y)[:, :, None] * self.direction
        first = np.arange(samples + 1) * particles
        silicon = np.zeros(self.y.size, dtype=np.int32)
        return Environments(silicon[:samples], first, silicon, displacement.reshape(-1, 3))


def distance(y: Floats) -> Floats:
    """r with y = (1 - s)²(1 + 2s), s = r / CUTOFF: the smoothstep transform inverted (a cubic)."""
    result: Floats = CUTOFF * (0.5 - np.sin(np.arcsin(2 * y - 1) / 3))
    return result


def random_particles(rng: np.random.Generator, samples: int, particles: int) -> Particles:
    """Independent particles, y uniform on [0, 1], directions uniform on the sphere."""
    direction = rng.normal(size=(samples, particles, 3))
    direction /= np.linalg.norm(direction, axis=2, keepdims=True)
    return Particles(rng.uniform(size=(samples, particles)), direction)


def chunks(seed: int, samples: int, particles: int) -> Iterator[Particles]:
    """`samples` random sets, several thousand at a time; the same for the same seed."""
    rng = np.random.default_rng(seed)
    for start in range(0, samples, _CHUNK):
        yield random_particles(rng, min(_CHUNK, samples - start), particles)


def specification(expansion: str, order: int, level: int) -> dict[str, Any]:
    """The basis of the closed family, one element."""
    basis = {"elements": ["Si"], "order": order, "level": level, "expansion": expansion}
    return {"name": f"{expansion.replace('-', '_')}_{order}_{level}", "basis": basis, "radial": {"cutoff": CUTOFF}}


def compile_both(setting: Setting, order: int, level: int) -> dict[str, acegen.Model]:
    """Both bases as compiled kernels."""
    models = {}
    for expansion in EXPANSIONS:
        spec = specification(expansion, order, level)
        with setting.step(f"compile {spec['name']}"):
            models[expansion] = acegen.compile(spec, setting.output / "modules")
            setting.progress.report(f"{models[expansion].n_basis} functions")
    return models


def orders(model: acegen.Model) -> NDArray[np.int64]:
    """Order of each function."""
    return np.array([label.order for label in model.labels("Si")])


def levels(model: acegen.Model) -> Floats:
    """Level Σ(n + 1.5 l) of each function."""
    return np.array([sum(label.n) + 1.5 * sum(label.l) for label in model.labels("Si")])
