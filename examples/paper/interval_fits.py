"""Fits to symmetric functions of particles on [-1, 1]: test functions, both bases, data, and errors.

What experiments that fit functions in one dimension have in common. A set of N particles is a row of an array (M, N).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Literal

import numpy as np
from experiment import Setting
from numpy.typing import NDArray
from scipy.special import roots_chebyt, roots_legendre
from scipy.stats import truncnorm

import acegen

Floats = NDArray[np.float64]
Polynomial = Literal["chebyshev", "legendre"]
CHUNK = 8192
"""Rows of a design matrix held in memory at once, if only sums over rows are needed."""


@dataclass(frozen=True)
class Runge:
    """Smooth on the cube, with poles outside it: 1/(1 + c·q), or a product of such functions of one particle.

    q is |x|² ("distance") or (mean x)² ("mean"); both are functions of one pooled quantity. The product ("product"), of
    1/(1 + c·x_j²) over the particles, is not.
    """

    c: float
    of: Literal["distance", "mean", "product"] = "distance"

    def __call__(self, particles: Floats) -> Floats:
        """Values of sets, shape (M, N) to (M,)."""
        values: Floats
        if self.of == "product":
            values = np.prod(1.0 / (1.0 + self.c * particles**2), axis=-1)
            return values
        q = np.sum(particles**2, axis=-1) if self.of == "distance" else np.mean(particles, axis=-1) ** 2
        values = 1.0 / (1.0 + self.c * q)
        return values

    def rate(self, particles: int, order: int) -> float:
        """r such that Chebyshev coefficients with `order` factors and total degree K decay as exp(-r K).

        The function is analytic in each product of Bernstein ellipses that contains no pole. With b_j the semi-minor
        axis of the j-th, (ρ_j - 1/ρ_j)/2, the imaginary part of z_j is at most b_j, reached at real part 0. So the
        first poles are met at Σ b_j² = 1/c ("distance"), Σ b_j = N/√c ("mean"), or b_j = 1/√c for one j ("product").
        For each choice of b below that, the coefficient of T_k1 ... T_kν is bounded by C Π ρ_j^-k_j, ρ_j = exp(asinh
        b_j). Only the ellipses of the ν factors count; the others may be flat. The best choice for k_1 = ... = k_ν =
        K/ν has equal b_j and gives K asinh b_1. The best exponent is a maximum of functions linear in k, hence convex,
        and symmetric in k: coefficients with equal k_j decay slowest.

        The rate is sharp, except that coefficients of "mean" with fewer than N factors may decay faster.
        """
        semi_axes = {"distance": 1.0 / math.sqrt(order), "mean": particles / order, "product": 1.0}
        return math.asinh(semi_axes[self.of] / math.sqrt(self.c))

    @property
    def formula(self) -> str:
        """The function as text, for titles of pictures."""
        return {
            "distance": f"1/(1 + {self.c:g} Σxⱼ²)",
            "mean": f"1/(1 + {self.c:g}(mean x)²)",
            "product": f"Π 1/(1 + {self.c:g} xⱼ²)",
        }[self.of]


class Basis:
    """All symmetric polynomials of N particles up to a total degree, compiled by acegen.

    Functions of the orders 1 to N without constant factors, and the constant function: column 0. Each function is
    divided by its norm in the weight for which the polynomials are orthogonal (particles independent, weight of total
    mass 1). So canonical functions are orthonormal in that weight, and in both bases a coefficient of size 1 means a
    function of size 1.
    """

    def __init__(self, setting: Setting, expansion: str, polynomial: Polynomial, particles: int, level: int) -> None:
        name = f"{polynomial}_{expansion.replace('-', '_')}_{particles}_{level}"
        shape = {
            "symmetry": "none",
            "expansion": expansion,
            "order": particles,
            "level": level,
            "constant": False,
        }
        spec = {"name": name, "basis": shape, "interval": {"polynomial": polynomial}}
        self.polynomials = polynomial
        self._model = acegen.compile_particles(spec, setting.output / "modules")
        self.labels: tuple[tuple[int, ...], ...] = ((), *(label.n for label in self._model.labels))
        """Indices of the factors of each function; none for the constant."""
        self.degrees = np.array([sum(label) for label in self.labels])
        self.orders = np.array([len(label) for label in self.labels])
        self.norms = np.ones(len(self.labels))
        self.norms = self._quadrature_norms(polynomial, particles, level)

    def __len__(self) -> int:
        return len(self.labels)

    def design(self, particles: Floats, degree: int | None = None) -> Floats:
        """Values of the functions up to a total degree, shape (M, number of functions); without one, of all."""
        values = np.hstack([np.ones((len(particles), 1)), self._model.descriptors(particles)]) / self.norms
        return values if degree is None else values[:, self.degrees <= degree]

    def count(self, degree: int) -> int:
        """Number of functions up to a total degree."""
        return int(np.sum(self.degrees <= degree))

    def _quadrature_norms(self, polynomial: Polynomial, particles: int, level: int) -> Floats:
        """Norms of the functions, from a Gauss rule that is exact for their squares."""
        nodes, weights = {"chebyshev": roots_chebyt, "legendre": roots_legendre}[polynomial](level + 1)
        weights = weights / np.sum(weights)
        squares = np.zeros(len(self))
        for chunk, multiplicity in sorted_sets(level + 1, particles):
            squares += (multiplicity * np.prod(weights[chunk], axis=1)) @ self.design(nodes[chunk]) ** 2
        return np.sqrt(squares)


def sorted_sets(points: int, particles: int) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """All sets of particles on a grid up to permutation, in chunks: indices of points, and numbers of arrangements."""
    flat = np.fromiter(
        (index for chosen in combinations_with_replacement(range(points), particles) for index in chosen), np.int64
    )
    indices = flat.reshape(-1, particles)
    for first in range(0, len(indices), CHUNK):
        chunk = indices[first : first + CHUNK]
        repeats = np.ones(len(chunk))
        run = np.ones(len(chunk))
        for left, right in zip(chunk.T[:-1], chunk.T[1:], strict=True):
            run = np.where(left == right, run + 1, 1)
            repeats *= run
        yield chunk, math.factorial(particles) / repeats


def cube_points(particles: int, sets: int, seed: int) -> Floats:
    """Points throughout the cube, for the largest error: a grid with corners and centre, and as many random ones.

    The grid has an odd number of Chebyshev-Lobatto points per side, in all about `sets` points up to permutation.
    """
    side = 3
    while math.comb(side + 1 + particles, particles) <= sets:
        side += 2
    line = np.cos(np.pi * np.arange(side) / (side - 1))
    grid = np.concatenate([line[chunk] for chunk, _ in sorted_sets(side, particles)])
    return np.concatenate([grid, np.random.default_rng(seed).uniform(-1.0, 1.0, grid.shape)])


Sampler = Callable[[np.random.Generator, tuple[int, int]], Floats]

DISTRIBUTIONS: dict[str, Sampler] = {
    "arcsine": lambda rng, shape: np.cos(np.pi * rng.random(shape)),
    "uniform": lambda rng, shape: rng.uniform(-1.0, 1.0, shape),
    "normal": lambda rng, shape: truncnorm.rvs(-2.5, 2.5, scale=0.4, size=shape, random_state=rng),
    "beta": lambda rng, shape: 2.0 * rng.beta(5.0, 5.0, shape) - 1.0,
}
"""Distributions of independent particles: the Chebyshev weight; uniform; normal with standard deviation 0.4, truncated
at the ends; and Beta(5, 5), concentrated in the middle (its density vanishes at the ends as the fourth power)."""


def sample(distribution: str, sets: int, particles: int, seed: int) -> Floats:
    """Sets of independent particles, shape (M, N)."""
    return DISTRIBUTIONS[distribution](np.random.default_rng(seed), (sets, particles))


def root_mean_square(errors: Floats) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(errors**2)))
