"""Errors against the strength of regularization, in both bases, for particles on an interval.

Functions of N particles with parameter 5 are fitted in all symmetric polynomials up to a total degree, by ridge
regression and by truncated singular values, with strengths over sixteen decades, with and without noise, for
differently distributed data. How wide is the range of strengths over which the error stays within twice its best?

Strengths are relative to the largest singular value σ of the design matrix, in both bases: ridge minimizes
|A c - y|² + (strength·σ)² |c|²; truncation omits singular values below strength·σ. One singular value decomposition per
design matrix serves all strengths, functions and noise levels.

Regularization depends on how functions are scaled. They have norm 1 in the weight of their polynomials, or are taken as
compiled, without a scale. A wide range around a poor best is no merit, so the range within twice the best of both bases
is compared as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import product

import numpy as np
import scipy.linalg
from experiment import COLORS, EXPANSIONS, Cell, Claim, Findings, Setting, Verdict, main
from interval_fits import DISTRIBUTIONS, Basis, Floats, Polynomial, Runge, cube_points, sample
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

TITLE = "Robustness under regularization"
FUNCTIONS = (Runge(5.0, "distance"), Runge(5.0, "product"))
NOISES = (0.0, 1e-3, 1e-1)
"""Standard deviations of normal noise in the data, in units of that of the function's values."""

DATA_PER_FUNCTION = 4
TESTS = 2000
SMALL_TESTS = 500
STEPS = 8
"""Strengths per decade."""

STRENGTHS = 10.0 ** (np.arange(-16 * STEPS, 1) / STEPS)
WITHIN = 2.0
"""An error counts as unharmed up to this multiple of its best."""

ERRORS = {"rmse": "RMSE on test data", "largest": "largest error on the cube"}
POLYNOMIALS: tuple[Polynomial, ...] = ("chebyshev", "legendre")
SCALES = ("norm 1", "as compiled")

FILTERS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "ridge": lambda singular, threshold: singular / (singular**2 + threshold**2),
    "truncation": lambda singular, threshold: np.where(singular >= threshold, 1.0 / np.maximum(singular, 1e-300), 0.0),
}
"""What replaces the inverses of singular values, by method."""


@dataclass(frozen=True)
class Kind:
    """What is fitted to what, and how. Attributes are columns of the tables."""

    particles: int
    polynomials: str
    training: str
    scale: str
    function: str
    noise: float
    method: str


@dataclass(frozen=True)
class Curve:
    """Errors of one kind of fit in one basis, by strength."""

    kind: Kind
    basis: str
    condition: float
    errors: dict[str, Floats]

    def unharmed(self, error: str, best: float | None = None) -> tuple[int, int]:
        """The range of strengths around the best one with errors within twice the best: first index, and end.

        Args:
            best: the best error (default: that of this curve).
        """
        errors = self.errors[error]
        place = int(np.argmin(errors))
        limit = WITHIN * (errors[place] if best is None else best)
        if errors[place] > limit:
            return place, place
        harmed = np.flatnonzero(~(errors <= limit))
        before, after = harmed[harmed < place], harmed[harmed > place]
        return (int(before[-1]) + 1 if len(before) else 0), (int(after[0]) if len(after) else len(errors))

    def decades(self, error: str, best: float | None = None) -> float:
        """Width of that range; it ends where the strengths do, at 1e-16 and 1."""
        first, end = self.unharmed(error, best)
        return max(end - first - 1, 0) / STEPS


Pair = tuple[Curve, Curve]
"""The same kind of fit in the canonical and in the self-interacting basis."""


class Sets:
    """Training data, test data of the same distribution and points throughout the cube, with values."""

    def __init__(self, training: str, particles: int, functions: int, tests: int) -> None:
        self.training, self.particles, self.tests = training, particles, tests
        self.train = sample(training, DATA_PER_FUNCTION * functions, particles, seed=1)
        exact = np.stack([function(self.train) for function in FUNCTIONS], axis=1)
        noise = np.random.default_rng(4).standard_normal(exact.shape) * exact.std(axis=0)
        self.data = np.stack([exact + level * noise for level in NOISES], axis=2).reshape(len(exact), -1)
        """One column for each function and noise; noise varies fastest."""
        self.seen = np.concatenate([sample(training, tests, particles, seed=2), cube_points(particles, tests, seed=3)])
        self.values = np.stack([function(self.seen) for function in FUNCTIONS], axis=1)


def curves(sets: Sets, basis: Basis, expansion: str, scale: str) -> list[Curve]:
    """All strengths, methods, functions and noises in one basis, from one singular value decomposition."""
    scales = np.ones(len(basis)) if scale == SCALES[0] else basis.norms
    design = basis.design(sets.train) * scales
    functions = design.shape[1]
    (triangle,) = scipy.linalg.qr(np.hstack([design, sets.data]), mode="r", overwrite_a=True, check_finite=False)
    left, singular, right = scipy.linalg.svd(triangle[:functions, :functions], check_finite=False)
    projected = left.T @ triangle[:functions, functions:]
    seen = (basis.design(sets.seen) * scales) @ right.T
    condition = float(singular[0] / singular[-1])
    result = []
    for method, inverses in FILTERS.items():
        filters = inverses(singular[:, None], STRENGTHS * singular[0])
        for column, values in enumerate(projected.T):
            number, noise = divmod(column, len(NOISES))
            misses = np.abs(seen @ (filters * values[:, None]) - sets.values[:, number, None])
            errors = {"rmse": np.sqrt(np.mean(misses[: sets.tests] ** 2, axis=0)), "largest": np.max(misses, axis=0)}
            kind = Kind(
                sets.particles,
                basis.polynomials,
                sets.training,
                scale,
                FUNCTIONS[number].of,
                NOISES[noise],
                method,
            )
            result.append(Curve(kind, expansion, condition, errors))
    return result


def regularization(setting: Setting) -> Findings:
    """Two and three particles, each distribution of data."""
    levels = {2: 12, 3: 12} if setting.small else {2: 30, 3: 30}
    found: list[Pair] = []
    for particles, level in levels.items():
        with setting.step(f"{particles} particles, degree {level}: compile"):
            bases = {
                polynomials: {name: Basis(setting, name, polynomials, particles, level) for name in EXPANSIONS}
                for polynomials in POLYNOMIALS
            }
        with setting.step(f"{particles} particles, degree {level}: fit") as advance, threadpool_limits(1):
            parts = list(product(DISTRIBUTIONS, POLYNOMIALS, SCALES))
            for number, (training, polynomials, scale) in enumerate(parts):
                pair = bases[polynomials]
                sets = Sets(training, particles, len(pair[EXPANSIONS[0]]), SMALL_TESTS if setting.small else TESTS)
                found += zip(*(curves(sets, basis, name, scale) for name, basis in pair.items()), strict=True)
                advance(number + 1, len(parts))
    shown = [curve for pair in found if is_shown(pair[0].kind, max(levels)) for curve in pair]
    kinds = [field.name for field in fields(Kind)]
    measures = [f"{error} {name}" for error in ERRORS for name in ("best", "from", "to", "decades", "common decades")]
    return Findings(
        {
            "regularization_ranges": (
                [*kinds, "basis", "condition", *measures],
                [range_row(curve, pair) for pair in found for curve in pair],
            ),
            "regularization_curves": (
                [*kinds, "basis", "strength", *ERRORS],
                [row for curve in shown for row in curve_rows(curve)],
            ),
        },
        claims(found),
        draw(shown, max(levels.items())),
    )


def is_shown(kind: Kind, particles: int) -> bool:
    """Whether a curve is in the picture, and point by point in a table."""
    chosen = (particles, POLYNOMIALS[0], SCALES[0], FUNCTIONS[0].of)
    this = (kind.particles, kind.polynomials, kind.scale, kind.function)
    return this == chosen and kind.noise in NOISES[:2]


def common_best(pair: Pair, error: str) -> float:
    """The best of both bases."""
    return min(float(curve.errors[error].min()) for curve in pair)


def range_row(curve: Curve, pair: Pair) -> Sequence[Cell]:
    """Best errors and ranges of strengths; "common" for a range within twice the best of both bases."""
    row: list[Cell] = [*astuple(curve.kind), curve.basis, curve.condition]
    for error, errors in curve.errors.items():
        first, end = curve.unharmed(error)
        row += [float(errors.min()), float(STRENGTHS[first]), float(STRENGTHS[end - 1])]
        row += [curve.decades(error), curve.decades(error, common_best(pair, error))]
    return cells(row)


def cells(values: Sequence[Cell]) -> Sequence[Cell]:
    """One row of a table."""
    return [float(f"{value:.4e}") if isinstance(value, float) else value for value in values]


def curve_rows(curve: Curve) -> list[Sequence[Cell]]:
    """A curve, point by point."""
    points = zip(STRENGTHS, *curve.errors.values(), strict=True)
    return [cells([*astuple(curve.kind), curve.basis, *(float(value) for value in point)]) for point in points]


def wider(chosen: list[Pair], error: str, common: bool = False) -> tuple[str, Verdict]:
    """By how many decades the range of the canonical basis is wider, and the verdict on the claim."""
    widths = [[curve.decades(error, common_best(pair, error) if common else None) for curve in pair] for pair in chosen]
    more = [canonical - other for canonical, other in widths]
    middle = np.median(widths, axis=0)
    wide, narrow = sum(value > 0 for value in more), sum(value < 0 for value in more)
    text = (
        f"median {middle[0]:.1f} decades canonical, {middle[1]:.1f} self-interacting; canonical wider in {wide} of "
        f"{len(more)} fits, narrower in {narrow}; difference {min(more):.1f} to {max(more):.1f}, "
        f"median {np.median(more):.1f}"
    )
    return text, "agrees" if wide >= 0.9 * len(more) else "trend agrees" if wide > 1.5 * narrow else "differs"


def claims(found: list[Pair]) -> list[Claim]:
    """What the paper says about robustness, and what is found."""
    paper = "the canonical basis is more robust under regularization"
    scaled = [pair for pair in found if pair[0].kind.scale == SCALES[0]]
    spread = {"arcsine data": ["arcsine"], "other data (uniform, normal, beta)": ["uniform", "normal", "beta"]}
    result = []
    for method in FILTERS:
        for where, names in spread.items():
            rows = [pair for pair in scaled if pair[0].kind.method == method and pair[0].kind.training in names]
            for error, text in ERRORS.items():
                for common, whose in ((False, "its best"), (True, "the best of both bases")):
                    what = f"{method}, {where}: strengths with {text} within {WITHIN:g} times {whose}"
                    result.append(Claim(what, paper, *wider(rows, error, common)))
    for method in FILTERS:
        rows = [pair for pair in found if (pair[0].kind.training, pair[0].kind.method) == ("arcsine", method)]
        rows = [pair for pair in rows if pair[0].kind.scale == SCALES[1]]
        what = (
            f"{method}, arcsine data, functions without scale: strengths with {ERRORS['rmse']} within 2 times its best"
        )
        result.append(Claim(what, paper, *wider(rows, "rmse")))
    for error, text in ERRORS.items():
        ratios = {
            training: [best_ratio(pair, error) for pair in scaled if pair[0].kind.training == training]
            for training in DISTRIBUTIONS
        }
        seen = "; ".join(f"{name} {min(some):.2f} to {max(some):.2f}" for name, some in ratios.items())
        what = f"Best {text} over all strengths: self-interacting as a multiple of canonical, by training data"
        result.append(Claim(what, "not stated", seen, "not stated"))
    return result


def best_ratio(pair: Pair, error: str) -> float:
    """Best error of the self-interacting basis as a multiple of that of the canonical one."""
    canonical, other = (float(curve.errors[error].min()) for curve in pair)
    return other / canonical


def draw(shown: list[Curve], size: tuple[int, int]) -> Figure:
    """A column for each distribution of the data, a row for each noise and error."""
    figure = Figure(figsize=(12.5, 10.5), layout="constrained")
    rows = [(error, noise) for error in ERRORS for noise in NOISES[:2]]
    panels = figure.subplots(len(rows), len(DISTRIBUTIONS), sharex=True, sharey="row", squeeze=False)
    for line, (error, noise) in enumerate(rows):
        for panel, training in zip(panels[line], DISTRIBUTIONS, strict=True):
            for curve in shown:
                if (curve.kind.training, curve.kind.noise) == (training, noise):
                    plot(panel, curve, error)
            panel.grid(alpha=0.3)
        panels[line][0].set_ylabel(f"{ERRORS[error]}\n{f'noise {noise:g}' if noise else 'no noise'}")
        best = min(float(curve.errors[error].min()) for curve in shown if curve.kind.noise == noise)
        panels[line][0].set_ylim(best / 3, best * 1e6 if error == "largest" else best * 1e5)
    for column, training in enumerate(DISTRIBUTIONS):
        panels[0][column].set_title(f"training data: {training}")
        panels[-1][column].set_xlabel("strength / largest singular value")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle(
        f"Chebyshev polynomials, {FUNCTIONS[0].formula} of {size[0]} particles, degree ≤ {size[1]}, "
        f"{DATA_PER_FUNCTION} data per function. Thick: within {WITHIN:g} times the best of the curve"
    )
    return figure


def plot(panel: Axes, curve: Curve, error: str) -> None:
    """One curve; the part within twice its best is thick."""
    errors = curve.errors[error]
    first, end = curve.unharmed(error)
    style = "-" if curve.kind.method == "ridge" else ":"
    color = COLORS[curve.basis]
    panel.loglog(STRENGTHS, errors, style, color=color, lw=1.0, label=f"{curve.basis}, {curve.kind.method}")
    panel.loglog(STRENGTHS[first:end], errors[first:end], style, color=color, lw=3.0)


if __name__ == "__main__":
    main("regularization", TITLE, regularization)
