"""Coefficients of a smooth symmetric function against their degree, in both bases.

The function is 1/(1 + 25 q), of N particles, with q = |x|² or q = (mean x)². It is fitted by least squares to data
from the arcsine distribution, in all symmetric polynomials up to a total degree.

For |x|² the theoretical rate is sharp for every number of factors, so slopes are compared with it there. For (mean x)²
coefficients of one factor decay three times as fast as those of three (N = 3). This shows best what self-interaction
does: a product of ν pooled functions also contains functions of fewer particles. Coefficients of fewer factors have to
remove these again, so that they decay no faster than the slowest of all.

Chebyshev coefficients from the cosine transform of values on a grid are the independent check.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.linalg
from experiment import COLORS, EXPANSIONS, Cell, Claim, Findings, Setting, main
from interval_fits import Basis, Floats, Runge, root_mean_square, sample
from matplotlib.figure import Figure
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

TITLE = "Decay of the coefficients of 1/(1 + 25 q)"
PARAMETER = 25.0
DATA_PER_FUNCTION = 4
GRID = 256
"""Points per side of the cosine transform: coefficients of degree k are exact up to those of degree 2 GRID - k."""
SMALL_GRID = 128

FITTED_PART = 0.75
"""Slopes are fitted up to this fraction of the largest degree: later coefficients also make up for higher degrees..."""

SEEN_FROM = 3.0
"""... and where the exact coefficient is more than this many times the largest error of a fitted one."""

ROUNDING = 1e-12
"""Exact coefficients are trusted down to this fraction of the largest."""


class Exact:
    """Chebyshev coefficients of a function of N particles, by the cosine transform on a tensor grid."""

    def __init__(self, function: Runge, particles: int, grid: int) -> None:
        line = np.cos(np.pi * (np.arange(grid) + 0.5) / grid)
        points = np.stack(np.broadcast_arrays(*np.ix_(*[line] * particles)), axis=-1)
        values = function(points)
        self.norm = root_mean_square(values)
        """Norm of the function in the arcsine weight (of mass 1)."""
        self._transform = scipy.fft.dctn(values, type=2) / (2 * grid) ** particles
        self._highest = grid // 2
        self._particles = particles

    def coefficients(self, labels: Sequence[tuple[int, ...]]) -> Floats:
        """Coefficients of the normalized canonical functions with these indices.

        The transform holds the mean of f times Π T_k. An orthonormal symmetric function is the sum of Π √2 T_k over the
        distinct arrangements of its indices, zeros included, divided by the root of their number.
        """
        result = np.empty(len(labels))
        for number, label in enumerate(labels):
            indices = label + (0,) * (self._particles - len(label))
            repeats = math.prod(math.factorial(times) for times in Counter(indices).values())
            arrangements = math.factorial(self._particles) / repeats
            result[number] = self._transform[indices] * math.sqrt(2.0 ** len(label) * arrangements)
        return result

    def final_slope(self, order: int) -> float:
        """Rate of the coefficients of Π T_k with this many factors, at the highest degrees above rounding.

        For functions of one pooled quantity: see `slope`.
        """
        block = np.abs(self._transform[(0,) * (self._particles - order) + (slice(1, self._highest),) * order])
        degrees = sum(np.ix_(*[np.arange(1, self._highest)] * order))
        largest = np.zeros(order * self._highest)
        np.maximum.at(largest, np.ravel(degrees), block.ravel())
        shells = np.arange(0, self._highest, 2)
        shells = shells[largest[shells] > ROUNDING * float(np.max(np.abs(self._transform)))]
        shells = shells[len(shells) // 2 :]
        return slope(shells.astype(float), largest[shells], self._particles)


@dataclass(frozen=True)
class Case:
    """One function of N particles in both bases.

    Attributes:
        basis: the canonical basis.
        coefficients: by expansion, fitted; and exact Chebyshev coefficients under "exact".
        final_slopes: rates of the exact coefficients at high degrees, by number of factors minus one.
        left_out: norm of the part of the function that polynomials of these degrees cannot represent.
        difference: largest difference of the two fitted functions, at points outside the data.
    """

    function: Runge
    particles: int
    level: int
    basis: Basis
    coefficients: dict[str, Floats]
    final_slopes: list[float]
    left_out: float
    difference: float

    @property
    def deviations(self) -> Floats:
        """Differences between fitted canonical coefficients and exact ones."""
        differences: Floats = self.coefficients["canonical"] - self.coefficients["exact"]
        return differences

    def shells(self, source: str, order: int) -> tuple[Floats, Floats]:
        """Even total degrees, and the largest coefficient of this many factors in each (odd degrees have none)."""
        chosen = self.basis.orders == order
        degrees = np.unique(self.basis.degrees[chosen])
        degrees = degrees[degrees % 2 == 0]
        sizes = np.abs(self.coefficients[source])
        return degrees.astype(float), np.array([np.max(sizes[chosen & (self.basis.degrees == K)]) for K in degrees])

    def seen(self, order: int) -> NDArray[np.bool_]:
        """Degrees over which slopes are fitted: low, and with coefficients large enough for a fit to data to see."""
        degrees, exact = self.shells("exact", order)
        threshold = SEEN_FROM * float(np.max(np.abs(self.deviations)))
        chosen: NDArray[np.bool_] = (exact > threshold) & (degrees <= FITTED_PART * self.level)
        return chosen

    def slopes(self, order: int) -> dict[str, float]:
        """Rates of each kind of coefficients with this many factors, all over the same degrees."""
        seen = self.seen(order)
        found = {source: self.shells(source, order) for source in self.coefficients}
        return {source: slope(degrees[seen], sizes[seen], self.particles) for source, (degrees, sizes) in found.items()}


def slope(degrees: Floats, sizes: Floats, particles: int) -> float:
    """The rate r of K^(-(N-1)/2) exp(-r K), fitted to logarithms.

    The power is that of a pole that the ellipses touch in one point. It is the same if a factor is missing: the mean
    over a particle weakens the pole as much as one more factor would. Without it slopes would be about (N-1)/(2K) too
    steep.
    """
    powers = (particles - 1) / 2 * np.log(degrees)
    return -float(np.polyfit(degrees, np.log(sizes) + powers, 1)[0])


def least_squares(design: Floats, values: Floats) -> Floats:
    """Solution by QR: with data from the arcsine distribution both designs are far from singular."""
    functions = design.shape[1]
    (triangle,) = scipy.linalg.qr(np.hstack([design, values]), mode="r", overwrite_a=True, check_finite=False)
    solution: Floats = scipy.linalg.solve_triangular(triangle[:functions, :functions], triangle[:functions, functions:])
    return solution


def solve(setting: Setting, particles: int, level: int) -> list[Case]:
    """Both functions of N particles, fitted in both bases."""
    functions = [Runge(PARAMETER, "distance"), Runge(PARAMETER, "mean")]
    with setting.step(f"{particles} particles, degree {level}: compile") as advance:
        bases = {}
        for number, expansion in enumerate(EXPANSIONS):
            bases[expansion] = Basis(setting, expansion, "chebyshev", particles, level)
            advance(number + 1, len(EXPANSIONS))
    basis = bases["canonical"]
    points = sample("arcsine", DATA_PER_FUNCTION * len(basis), particles, seed=1)
    others = sample("arcsine", 4000, particles, seed=2)
    values = np.stack([function(points) for function in functions], axis=1)
    found, fitted = {}, {}
    step = setting.step(f"{particles} particles: fit {len(basis)} functions to {len(points)} data")
    with step as advance, threadpool_limits(1):  # on a busy machine a second thread does not help
        for number, expansion in enumerate(EXPANSIONS):
            found[expansion] = least_squares(bases[expansion].design(points), values)
            fitted[expansion] = bases[expansion].design(others) @ found[expansion]
            advance(number + 1, len(EXPANSIONS))
    differences = np.max(np.abs(fitted["canonical"] - fitted["self-interacting"]), axis=0)
    cases = []
    with setting.step(f"{particles} particles: cosine transforms") as advance:
        for number, function in enumerate(functions):
            exact = Exact(function, particles, SMALL_GRID if setting.small else GRID)
            coefficients = {expansion: found[expansion][:, number] for expansion in EXPANSIONS}
            coefficients["exact"] = exact.coefficients(basis.labels)
            final_slopes = [exact.final_slope(order) for order in range(1, particles + 1)]
            left_out = math.sqrt(exact.norm**2 - float(np.sum(coefficients["exact"] ** 2)))
            case = Case(
                function, particles, level, basis, coefficients, final_slopes, left_out, float(differences[number])
            )
            cases.append(case)
            advance(number + 1, len(functions))
    return cases


def decay(setting: Setting) -> Findings:
    """Both functions, for two and three particles."""
    sizes = {2: 30, 3: 20} if setting.small else {2: 60, 3: 40}
    cases = [case for particles, level in sizes.items() for case in solve(setting, particles, level)]
    slopes = [row for case in cases for row in slope_rows(case)]
    coefficients = [row for case in cases for row in coefficient_rows(case)]
    fits: list[Sequence[Cell]] = [
        (
            case.function.of,
            case.particles,
            case.level,
            len(case.basis),
            case.left_out,
            root_mean_square(case.deviations) * math.sqrt(len(case.basis)),
            case.difference,
        )
        for case in cases
    ]
    return Findings(
        {
            "decay_slopes": (SLOPES, slopes),
            "decay_coefficients": (COEFFICIENTS, coefficients),
            "decay_fits": (FITS, fits),
        },
        claims(cases),
        draw([case for case in cases if case.particles == max(sizes)]),
    )


SLOPES = (
    "q",
    "particles",
    "factors",
    "from degree",
    "to degree",
    "theory",
    "exact at high degrees",
    "exact",
    "canonical",
    "self-interacting",
)
COEFFICIENTS = ("q", "particles", "factors", "degree", "exact", "canonical", "self-interacting")
FITS = ("q", "particles", "degree", "functions", "left out", "distance to exact coefficients", "difference of bases")


def slope_rows(case: Case) -> list[Sequence[Cell]]:
    """Slopes by number of factors."""
    rows: list[Sequence[Cell]] = []
    for order in range(1, case.particles + 1):
        degrees = case.shells("exact", order)[0][case.seen(order)]
        found = case.slopes(order)
        theory = case.function.rate(case.particles, order)
        head = (case.function.of, case.particles, order, int(degrees[0]), int(degrees[-1]))
        rates = (theory, case.final_slopes[order - 1], found["exact"], *(found[expansion] for expansion in EXPANSIONS))
        rows.append((*head, *(round(rate, 4) for rate in rates)))
    return rows


def coefficient_rows(case: Case) -> list[Sequence[Cell]]:
    """Largest coefficients by number of factors and degree."""
    rows: list[Sequence[Cell]] = []
    for order in range(1, case.particles + 1):
        sources = [case.shells(source, order) for source in ("exact", *EXPANSIONS)]
        for number, degree in enumerate(sources[0][0]):
            sizes = [float(f"{shell[number]:.4e}") for _, shell in sources]
            rows.append((case.function.of, case.particles, order, int(degree), *sizes))
    return rows


def claims(cases: list[Case]) -> list[Claim]:
    """What the paper says about the decay, and what is found."""
    every = [(case, order) for case in cases for order in range(1, case.particles + 1)]
    slopes = {(number, order): case.slopes(order) for number, case in enumerate(cases) for order in _orders(case)}
    followed = [abs(found["canonical"] / found["exact"] - 1) for found in slopes.values()]
    sharp = [(case, order) for case, order in every if case.function.of == "distance"]
    theory = [case.final_slopes[order - 1] / case.function.rate(case.particles, order) for case, order in sharp]
    lower = [found for (number, order), found in slopes.items() if order < cases[number].particles]
    worse = [found["self-interacting"] / found["canonical"] for found in lower]
    growing = sum(found["self-interacting"] <= 0 for found in lower)
    top = [found["self-interacting"] / found["canonical"] for found in slopes.values() if found not in lower]
    distances = [float(np.linalg.norm(case.deviations)) / case.left_out for case in cases]
    return [
        Claim(
            "Canonical coefficients decay at the rate of the orthogonal expansion",
            "they follow it",
            f"fitted slopes differ from those of the exact coefficients over the same degrees by at most "
            f"{max(followed):.1%} ({len(followed)} slopes: 2 functions, 2 and 3 particles, each number of factors)",
            "agrees" if max(followed) <= 0.1 else "trend agrees" if max(followed) <= 0.5 else "differs",
        ),
        Claim(
            "Self-interacting coefficients decay worse, or not at all",
            "worse or not at all",
            f"with fewer factors than particles: slopes {min(worse):.2f} to {max(worse):.2f} of the canonical ones, "
            f"{growing} of {len(worse)} without decay over the fitted degrees; with as many factors as particles the "
            f"coefficients are the same apart from the norms of the functions, slopes {min(top):.2f} to {max(top):.2f}",
            "agrees" if max(worse) < 0.8 else "trend agrees" if max(worse) < 1 else "differs",
        ),
        Claim(
            "The theoretical rate asinh(1/√(ν c)) of coefficients with ν factors, q = Σxⱼ²",
            "not stated",
            f"exact coefficients at high degrees: {min(theory):.3f} to {max(theory):.3f} of it",
            "not stated",
        ),
        Claim(
            "Fitted canonical coefficients are the Chebyshev coefficients (cosine transform on a grid)",
            "not stated",
            f"distance {min(distances):.2f} to {max(distances):.2f} of the norm of what the polynomials leave out",
            "not stated",
        ),
        Claim(
            "Both bases give the same fitted function",
            "not stated",
            f"they differ by at most {max(case.difference for case in cases):.1e}",
            "not stated",
        ),
    ]


def _orders(case: Case) -> range:
    return range(1, case.particles + 1)


def draw(cases: list[Case]) -> Figure:
    """Largest coefficients against the degree: a row for each function, a column for each number of factors."""
    particles = cases[0].particles
    figure = Figure(figsize=(3.6 * particles, 6.4), layout="constrained")
    panels = figure.subplots(len(cases), particles, sharex=True, squeeze=False)
    for row, case in zip(panels, cases, strict=True):
        for order, panel in enumerate(row, start=1):
            degrees, exact = case.shells("exact", order)
            visible = exact > ROUNDING
            rate = case.function.rate(particles, order)
            guide = degrees ** (-(particles - 1) / 2) * np.exp(-rate * degrees)
            first, last = np.flatnonzero(visible)[[0, -1]]  # the first coefficients of |x|² are 0
            scale = exact[last] / guide[last]
            panel.semilogy(degrees[first:], guide[first:] * scale, "k--", lw=0.8, label="theoretical rate")
            for expansion in reversed(EXPANSIONS):
                sizes = case.shells(expansion, order)[1]
                panel.semilogy(
                    degrees[first:], sizes[first:], "o-", ms=3.5, lw=1.2, color=COLORS[expansion], label=expansion
                )
            panel.semilogy(degrees[visible], exact[visible], "k+", ms=5, label="exact, cosine transform")
            panel.set_ylim(bottom=max(1e-10, 0.2 * exact[visible].min()))
            name = "|x|²" if case.function.of == "distance" else "(mean x)²"
            panel.set_title(f"q = {name}: {order} factor{'s' if order > 1 else ''}", fontsize=10)
            panel.grid(alpha=0.3)
            if order == 1:
                panel.set_ylabel("largest coefficient")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    for panel in panels[-1]:
        panel.set_xlabel("total degree")
    figure.suptitle(f"Coefficients of 1/(1 + {PARAMETER:g} q), {particles} particles, degree ≤ {cases[0].level}")
    return figure


if __name__ == "__main__":
    main("decay", TITLE, decay)
