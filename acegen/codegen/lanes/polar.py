"""The force stage in space: for each n and ±m, the derivatives of an energy by the A's as a polynomial in z = cos θ.

At a neighbour, derivatives D_nlm stand before R_n Q_l^|m|(z) times cos or sin of mφ. The sum over l is a polynomial in
z, the same for all neighbours of a species: E(v) + z O(v) with v = 2z² - 1. Its coefficients are computed once for a
centre; then its value and its derivative take two multiply-adds a coefficient, sums over n included, and no Q_l^m is
needed. Powers of v keep coefficients small: those of z grow like (1+√2)^l, these like its square root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, product

from acegen.codegen.lanes.harmonics import polar_coefficients
from acegen.codegen.lanes.pooling import SpeciesAlike, species_alike
from acegen.codegen.literals import Literal
from acegen.program.layout import PooledLayout


@dataclass(frozen=True)
class PolarRun:
    """Polynomials of one degree: `count` consecutive n from number `first` on, and statements that evaluate them."""

    degree: int
    first: int
    count: int
    body: tuple[str, ...]


@dataclass(frozen=True)
class PolarOrder:
    """The polynomials of ±m: their coefficients from `offset` on, those of successive n `stride` apart."""

    m: int
    offset: int
    stride: int
    runs: tuple[PolarRun, ...]
    statements: tuple[str, ...]

    @property
    def degree(self) -> int:
        """The highest of the polynomials."""
        return self.runs[0].degree

    @property
    def signs(self) -> int:
        """How many of m, -m there are."""
        return 2 if self.m else 1

    @property
    def name(self) -> str:
        """m, for comments."""
        return f"±{self.m}" if self.m else "0"


@dataclass(frozen=True)
class PolarShape:
    """The polynomials of neighbour species whose A's are laid out alike.

    Attributes:
        alike: the species.
        n_coefficients: number of coefficients.
        orders: the polynomials by m = 0, 1, ...
    """

    alike: SpeciesAlike
    n_coefficients: int
    orders: tuple[PolarOrder, ...]


@dataclass(frozen=True)
class PolarCode:
    """The force stage in space: neighbours taken together, and the distinct shapes."""

    tile: int
    tiles: int
    shapes: tuple[PolarShape, ...]

    @property
    def n_coefficients(self) -> int:
        """The most coefficients of one neighbour species."""
        return max(shape.n_coefficients for shape in self.shapes)


def polar_code(layout: PooledLayout, species: Sequence[str], tile: int, literal: Literal) -> PolarCode:
    """Code of the force stage for spherical harmonics."""
    shapes = []
    for alike in species_alike(layout, species):
        number, start = alike.offsets[0]
        orders = _orders(layout, number, start, tile, literal)
        last = orders[-1]
        shapes.append(
            PolarShape(
                alike=alike,
                n_coefficients=last.offset + last.stride * sum(run.count for run in last.runs),
                orders=orders,
            )
        )
    return PolarCode(tile, 4 // tile, tuple(shapes))


def _orders(layout: PooledLayout, species: int, start: int, tile: int, literal: Literal) -> tuple[PolarOrder, ...]:
    """The polynomials of one neighbour species, whose A's begin at `start`."""
    counts = layout.counts[species]
    l_max = max(l for l, count in enumerate(counts) if count)
    orders, offset = [], 0
    for m in range(l_max + 1):
        signs = (m, -m) if m else (0,)
        stride = (l_max - m + 1) * len(signs)
        degrees = [max(l for l in range(m, l_max + 1) if counts[l] > n) - m for n in range(max(counts[m:]))]
        runs, statements = [], []
        for degree, run in groupby(range(len(degrees)), key=degrees.__getitem__):
            numbers = list(run)
            runs.append(PolarRun(degree, numbers[0], len(numbers), tuple(_evaluation(degree, len(signs), tile))))
            for n, k, sign in product(numbers, range(degree + 1), range(len(signs))):
                terms = []
                for l in range(m + k, l_max + 1, 2):
                    if counts[l] > n:
                        at = layout.index(species, layout.first + n, l, signs[sign]) - start
                        terms.append(f"{literal(float(polar_coefficients(l, m)[k]))} * D[{at}]")
                total = " + ".join(terms).replace("+ -", "- ") or f"splat({literal(0)})"
                statements.append(f"C[{n * stride + k * len(signs) + sign}] = {total};")
        orders.append(PolarOrder(m, offset, stride, tuple(runs), tuple(statements)))
        offset += len(degrees) * stride
    return tuple(orders)


def _evaluation(degree: int, signs: int, tile: int) -> list[str]:
    """Horner's rule with derivatives for E and O at the neighbours k of a tile; `a` is for m, `b` for -m."""
    radials = [f"r{k} = load(&at->R[{k}][n]), dr{k} = load(&at->dR[{k}][n])" for k in range(tile)]
    lines = [f"const lanes {', '.join(radials)};"]
    for sign in range(signs):
        coefficients = [f"C[{power * signs + sign}]" for power in range(degree + 1)]
        names = [f"c{power} = {f'load(&{c})' if tile > 1 else c}" for power, c in enumerate(coefficients)]
        lines += ["{", f"    const lanes {', '.join(names)};"]
        for k in range(tile):
            lines += ["    {", *(f"        {line}" for line in _horner(degree, k, f"{k}{'ab'[sign]}")), "    }"]
        lines.append("}")
    return lines


def _horner(degree: int, k: int, which: str) -> list[str]:
    """P = E + z O and dP/dz = O + w (dE/dv + z dO/dv), w = dv/dz = 4 z; its part of the sums."""
    z, v = f"z{k}", f"v{k}"
    lines = []
    for name, first in (("E", 0), ("O", 1)):
        powers = [f"c{power}" for power in range(first, degree + 1, 2)][::-1]
        if len(powers) == 1:
            lines.append(f"const lanes {name} = {powers[0]};")
        elif len(powers) == 2:
            lines.append(f"const lanes d{name} = {powers[0]}, {name} = d{name} * {v} + {powers[1]};")
        elif powers:
            lines.append(f"lanes {name} = {powers[0]} * {v} + {powers[1]}, d{name} = {powers[0]} * {v} + {name};")
            lines.append(f"{name} = {name} * {v} + {powers[2]};")
            lines += [f"d{name} = d{name} * {v} + {name}; {name} = {name} * {v} + {c};" for c in powers[3:]]
    lines.append(f"const lanes P = {f'E + {z} * O' if degree else 'E'};")
    lines.append(f"value{which} += r{k} * P; slope{which} += dr{k} * P;")
    if degree:
        slope = {1: "", 2: "dE"}.get(degree, f"(dE + {z} * dO)")
        lines.append(f"polar{which} += r{k} * {f'(O + w{k} * {slope})' if slope else 'O'};")
    return lines
