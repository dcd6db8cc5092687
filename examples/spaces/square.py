"""A custom particle space: particles in the plane under the symmetry group of a square.

    python examples/spaces/square.py [OUTPUT]

Adds the symmetry "C4v" (quarter turns and reflections: neighbours of an adsorbate on a (100) surface), compiles the
model in square.toml, checks it against its definition, and draws two of its functions of order 1. One of them
depends on the axes of the square, as no function with O(2) symmetry could. See README.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import comb
from pathlib import Path

import numpy as np
from flint import fmpq
from matplotlib.figure import Figure

import acegen
from acegen.algebra.angular import Matrix
from acegen.algebra.directions import PolynomialSpace
from acegen.algebra.field import Rational
from acegen.verify import verify_module

HERE = Path(__file__).parent
ONE, ZERO = fmpq(1), fmpq(0)


class Square(PolynomialSpace):
    """cos(lθ) and sin(lθ) under the symmetry group of a square."""

    symmetry = "C4v"
    dimension = 2

    def components(self, l: int) -> tuple[int, ...]:
        return (-l, l) if l else (0,)

    def polynomial(self, l: int, m: int) -> Mapping[tuple[int, ...], Rational]:
        """Re (m >= 0) or Im (m < 0) of (x+iy)^l: coefficients by the powers of x and y."""
        odd = int(m < 0)
        return {(l - k, k): fmpq((-1) ** (k // 2) * comb(l, k)) for k in range(odd, l + 1, 2)}

    @property
    def finite_elements(self) -> tuple[Matrix, ...]:
        """A quarter turn, and the reflection of y."""
        return ((ZERO, -ONE), (ONE, ZERO)), ((ONE, ZERO), (ZERO, -ONE))


def main() -> None:
    if len(sys.argv) > 2:
        sys.exit("usage: python examples/spaces/square.py [OUTPUT]")
    output = Path(sys.argv[1]) if len(sys.argv) == 2 else HERE / "generated"
    acegen.add_space(Square())
    model = acegen.compile_particles(HERE / "square.toml", output)
    print(f"{model.name}: {model.n_basis} functions")
    for result in verify_module(model):
        print(f"{result.name:<34} {result.error:8.1e}  {'holds' if result.passed else 'FAILS'}")
    by_l = {label.l[0]: i for i, label in enumerate(model.labels) if label.order == 1 and label.n == (2,)}
    draw(model, {f"l = {l}": by_l[l] for l in (0, 4)}, output / "square.png")
    print(f"pictures of two functions: {output / 'square.png'}")


def draw(model: acegen.ParticleModel, functions: Mapping[str, int], file: Path) -> None:
    """Functions of one particle over the plane."""
    axis = np.linspace(-model.cutoff, model.cutoff, 120)
    x, y = np.meshgrid(axis, axis)
    values = model.descriptors(np.stack([x, y], axis=-1).reshape(-1, 1, 2))
    figure = Figure(figsize=(4 * len(functions), 3.6), layout="constrained")
    for ax, (title, number) in zip(figure.subplots(1, len(functions)), functions.items(), strict=True):
        field = values[:, number].reshape(x.shape)
        most = np.abs(field).max()
        image = ax.pcolormesh(x, y, field, cmap="RdBu_r", vmin=-most, vmax=most)
        figure.colorbar(image, ax=ax)
        ax.set_aspect("equal")
        ax.set_title(f"order 1, n = 2, {title}")
        ax.set_xlabel("x")
        ax.set_ylabel("y")
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    try:
        main()
    except (acegen.AcegenError, OSError) as error:
        sys.exit(f"square.py: {error}")
