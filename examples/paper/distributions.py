"""Errors of least squares under differently distributed training data, in both bases.

Functions of N particles with parameter 5, fitted in all symmetric polynomials up to a total degree, for degrees up to
30: with data from the arcsine distribution, uniform data, and data concentrated in the middle (truncated normal, Beta);
with Chebyshev and Legendre polynomials; and by two solvers that are the same for both bases.

Two functions: 1/(1 + 5|x|²) depends on a single pooled quantity, which favours products of pooled functions; the
product of 1/(1 + 5 x_j²) does not.

Both bases span the same space. So in exact arithmetic least squares gives the same function, as long as there are more
data than functions. Differences can only come from rounding, from what a solver cuts off, and, with more functions than
data, from the choice among many solutions. The last is also studied separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import scipy.linalg
from experiment import COLORS, EXPANSIONS, Cell, Claim, Findings, Setting, Verdict, main
from interval_fits import DISTRIBUTIONS, Basis, Floats, Polynomial, Runge, cube_points, root_mean_square, sample
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

TITLE = "Errors under differently distributed training data"
PARAMETER = 5.0
FUNCTIONS = (Runge(PARAMETER, "distance"), Runge(PARAMETER, "product"))
DATA_PER_FUNCTION = 4
FEW = (0.25, 0.5, 0.75, 1.0, 1.25, 2.0, 4.0)
"""Data per function, down to fewer data than functions."""

TESTS = 4000
"""Test sets, distributed as the training data; the largest error is sought on about as many points."""

SOLVERS = ("svd", "qr")
ERRORS = {"rmse": "RMSE on test data", "largest": "largest error on the cube"}
"""Test data have the distribution of the training data."""
SAME = 0.01
"""Errors that differ by less than this fraction count as equal."""

ROUNDING = 1e12
"""Condition number above which errors show rounding."""


class TooFewDataError(ValueError):
    """There are fewer data than functions, and the solver cannot handle that."""


@dataclass(frozen=True)
class Solution:
    """Coefficients, a column for each fitted function; the numerical rank; the condition number, if known."""

    coefficients: Floats
    rank: int
    condition: float


def solve(design: Floats, values: Floats, solver: str) -> Solution:
    """Least squares.

    Args:
        solver: "svd": singular values below machine precision times the largest one are cut off (LAPACK's default), and
            the shortest of the remaining solutions is taken. "qr": QR without pivots and without a cut-off.

    Raises:
        TooFewDataError: there are fewer data than functions and the solver is "qr".
    """
    data, functions = design.shape
    if solver == "svd":
        coefficients, _, rank, singular = scipy.linalg.lstsq(design, values, lapack_driver="gelsd", check_finite=False)
        return Solution(coefficients, int(rank), float(singular[0] / singular[-1]))
    if data < functions:
        raise TooFewDataError(f"{functions} functions and {data} data have no unique least squares solution")
    (triangle,) = scipy.linalg.qr(np.hstack([design, values]), mode="r", overwrite_a=True, check_finite=False)
    triangle = triangle[:functions]
    return Solution(
        scipy.linalg.solve_triangular(triangle[:, :functions], triangle[:, functions:]), functions, float("nan")
    )


@dataclass(frozen=True)
class Row:
    """Errors of one fit. Attributes are the columns of the tables."""

    function: str
    particles: int
    polynomials: str
    training: str
    basis: str
    solver: str
    degree: int
    functions: int
    data: int
    rank: int
    condition: float
    rmse: float
    largest: float


class Problem:
    """Training data, test data and points throughout the cube for one distribution, in both bases."""

    def __init__(self, bases: dict[str, Basis], polynomials: Polynomial, training: str, particles: int) -> None:
        self.bases, self.polynomials, self.training, self.particles = bases, polynomials, training, particles
        count = len(bases[EXPANSIONS[0]])
        points = [
            sample(training, int(max(FEW) * count), particles, seed=1),
            sample(training, TESTS, particles, seed=2),
            cube_points(particles, TESTS, seed=3),
        ]
        self.values = [np.stack([function(sets) for function in FUNCTIONS], axis=1) for sets in points]
        self.designs = {expansion: [basis.design(sets) for sets in points] for expansion, basis in bases.items()}

    def fit(self, expansion: str, solver: str, degree: int, data: int) -> list[Row]:
        """Fit the functions in one basis up to a degree, to the first `data` data. Raises what `solve` raises."""
        chosen = self.bases[expansion].degrees <= degree
        train, test, cube = self.designs[expansion]
        solution = solve(train[:data, chosen], self.values[0][:data], solver)
        on_test = test[:, chosen] @ solution.coefficients - self.values[1]
        on_cube = cube[:, chosen] @ solution.coefficients - self.values[2]
        return [
            Row(
                function.of,
                self.particles,
                self.polynomials,
                self.training,
                expansion,
                solver,
                degree,
                int(np.sum(chosen)),
                data,
                solution.rank,
                solution.condition,
                root_mean_square(on_test[:, number]),
                float(np.max(np.abs(on_cube[:, number]))),
            )
            for number, function in enumerate(FUNCTIONS)
        ]


def distributions(setting: Setting) -> Findings:
    """Curves by degree for two, three and five particles, and by number of data for three."""
    levels = {2: 12, 3: 12} if setting.small else {2: 30, 3: 30, 5: 20}
    curves: list[Row] = []
    few: list[Row] = []
    refused: list[str] = []
    for particles, level in levels.items():
        for polynomials in ("chebyshev", "legendre") if particles < 5 else ("chebyshev",):
            with setting.step(f"{particles} particles, {polynomials}, degree {level}: compile"):
                bases = {name: Basis(setting, name, polynomials, particles, level) for name in EXPANSIONS}
            # Most factorizations are small: a second thread does not help, least of all on a busy machine.
            step = setting.step(f"{particles} particles, {polynomials}, degree {level}: fit")
            with step as advance, threadpool_limits(1):
                for number, training in enumerate(DISTRIBUTIONS):
                    problem = Problem(bases, polynomials, training, particles)
                    for degree in range(2, level + 1, 2):
                        data = DATA_PER_FUNCTION * bases[EXPANSIONS[0]].count(degree)
                        for expansion in EXPANSIONS:
                            for solver in SOLVERS:
                                curves += problem.fit(expansion, solver, degree, data)
                    if particles == 3 and polynomials == "chebyshev":
                        few += few_data(problem, level, refused)
                    advance(number + 1, len(DISTRIBUTIONS))
    headings = [field.name for field in fields(Row)]
    return Findings(
        {
            "distributions_degrees": (headings, [cells(row) for row in curves]),
            "distributions_data": (headings, [cells(row) for row in few]),
        },
        claims(curves, few, refused),
        draw(curves, few),
    )


def few_data(problem: Problem, degree: int, refused: list[str]) -> list[Row]:
    """Fits to more and more data. Refusals of a solver are noted, once for each basis and number of data."""
    functions = problem.bases[EXPANSIONS[0]].count(degree)
    rows = []
    for part in FEW:
        for expansion in EXPANSIONS:
            for solver in SOLVERS:
                try:
                    rows += problem.fit(expansion, solver, degree, int(part * functions))
                except TooFewDataError as error:
                    refused.append(str(error))
    return rows


def cells(row: Row) -> Sequence[Cell]:
    """One row of a table."""
    return [float(f"{value:.4e}") if isinstance(value, float) else value for value in asdict(row).values()]


Pair = tuple[Row, Row]


def pairs(rows: list[Row]) -> list[Pair]:
    """The same fit in the canonical and in the self-interacting basis."""
    canonical, other = ([row for row in rows if row.basis == expansion] for expansion in EXPANSIONS)
    for left, right in zip(canonical, other, strict=True):
        assert replace(left, basis="", rank=0, condition=0, rmse=0, largest=0) == replace(
            right, basis="", rank=0, condition=0, rmse=0, largest=0
        )
    return list(zip(canonical, other, strict=True))


def factors(chosen: list[Pair], error: str) -> str:
    """Errors of the self-interacting basis, as multiples of those of the canonical one."""
    ratios = [getattr(right, error) / getattr(left, error) for left, right in chosen]
    return f"median {np.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}"


def better(chosen: list[Pair], error: str) -> Verdict:
    """Whether the error in the canonical basis is smaller: in nearly all cases, in most, or not."""
    share = float(np.mean([getattr(left, error) < getattr(right, error) for left, right in chosen]))
    return "agrees" if share >= 0.9 else "trend agrees" if share > 0.6 else "differs"


def claims(curves: list[Row], few: list[Row], refused: list[str]) -> list[Claim]:
    """What the paper says about robustness, and what is found."""
    enough = pairs([row for row in curves if row.solver == "svd"])
    clean = [pair for pair in enough if max(row.condition for row in pair) < ROUNDING]
    rounded = [pair for pair in enough if pair not in clean]
    conditions = [right.condition / left.condition for left, right in clean]
    apart = max(abs(getattr(right, error) / getattr(left, error) - 1) for left, right in clean for error in ERRORS)
    fewer = [pair for pair in pairs([row for row in few if row.solver == "svd"]) if pair[0].data < pair[0].functions]
    robust = "a more robust approximation than by the self-interacting expansion (its abstract, of regression tasks)"
    multiples = "errors of the self-interacting basis as multiples of those of the canonical one"
    found = [
        Claim(
            "Conditioning of the design matrices",
            "improved by the canonical expansion (its abstract)",
            f"condition numbers of the self-interacting basis are {min(conditions):.1f} to {max(conditions):.0f} times "
            f"those of the canonical one ({len(clean)} fits with both below {ROUNDING:.0e})",
            "agrees" if np.mean(np.array(conditions) > 1) >= 0.9 else "differs",
        ),
        Claim(
            f"Errors with {DATA_PER_FUNCTION} data per function and condition numbers below {ROUNDING:.0e}",
            robust,
            f"they differ by at most {apart:.1e} of the error ({len(clean)} fits): the space is the same",
            "differs" if apart < SAME else better(clean, "rmse"),
        ),
    ]
    if rounded:
        kinds = [name for name in DISTRIBUTIONS if any(left.training == name for left, _ in rounded)]
        least = min(row.rmse for pair in rounded for row in pair)
        found.append(
            Claim(
                f"Errors with {DATA_PER_FUNCTION} data per function and a condition number above that",
                robust,
                f"{multiples}: on test data {factors(rounded, 'rmse')}; largest {factors(rounded, 'largest')} "
                f"({len(rounded)} fits with {' and '.join(kinds)} data; RMSE {least:.1e} at best)",
                better(rounded, "rmse"),
            )
        )
    for names, where in (
        (("arcsine", "uniform"), "spread out"),
        (("normal", "beta"), "concentrated in the middle"),
    ):
        chosen = [pair for pair in fewer if pair[0].training in names]
        for error, text in ERRORS.items():
            found.append(
                Claim(
                    f"More functions than data, shortest solution, data {where} ({', '.join(names)}): {text}",
                    robust,
                    f"{multiples}: {factors(chosen, error)} ({len(chosen)} fits)",
                    better(chosen, error),
                )
            )
    return [*found, training_claim(curves), refused_claim(refused)]


def training_claim(curves: list[Row]) -> Claim:
    """Which training data are best."""
    last = {
        row.training: row
        for row in curves
        if (row.function, row.particles, row.polynomials) == ("distance", 3, "chebyshev")
        and (row.basis, row.solver) == (EXPANSIONS[0], "svd")
    }
    errors = "; ".join(f"{name} {row.rmse:.1e} and {row.largest:.1e}" for name, row in last.items())
    degree = next(iter(last.values())).degree
    return Claim(
        f"Training data: error on similar test data and largest error on the cube, {FUNCTIONS[0].formula}, "
        f"3 particles, degree {degree}, canonical",
        "not stated",
        errors,
        "not stated",
    )


def refused_claim(refused: list[str]) -> Claim:
    """What the solver without a cut-off does with more functions than data."""
    return Claim(
        "More functions than data, QR",
        "not stated",
        f"no result in {len(refused)} fits, refused: {refused[0]}; the shortest solution by singular values is taken",
        "not stated",
    )


def draw(curves: list[Row], few: list[Row]) -> Figure:
    """Errors against the degree and against the number of data; a column for each distribution."""
    function = FUNCTIONS[0]
    figure = Figure(figsize=(12.5, 10.5), layout="constrained")
    panels = figure.subplots(4, len(DISTRIBUTIONS), sharey="row", squeeze=False)
    for column, training in enumerate(DISTRIBUTIONS):
        here = [row for row in curves if (row.function, row.particles, row.training) == (function.of, 3, training)]
        less = [row for row in few if (row.function, row.training) == (function.of, training)]
        for line, error in enumerate(ERRORS):
            by_degree, by_data = panels[line][column], panels[line + 2][column]
            for expansion in EXPANSIONS:
                style = "-" if expansion == "canonical" else (0, (3, 2))
                look = {"color": COLORS[expansion], "ls": style, "lw": 2.0, "label": expansion}
                for polynomials in ("chebyshev", "legendre"):
                    chosen = [
                        row
                        for row in here
                        if (row.basis, row.polynomials, row.solver) == (expansion, polynomials, "svd")
                    ]
                    mark = {"marker": "x", "ms": 5.0, "ls": "none", "label": f"{expansion}, Legendre"}
                    plot(by_degree, chosen, "degree", error, look if polynomials == "chebyshev" else look | mark)
                fits = [row for row in less if (row.basis, row.solver) == (expansion, "svd")]
                plot(by_data, fits, "part", error, look | {"marker": "o", "ms": 4.0})
            by_data.axvline(1.0, color="k", lw=0.8, ls=":")
            by_data.set_xscale("log", base=2)
            by_data.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            by_data.set_xlabel("data per function")
            by_degree.set_xlabel("total degree")
        panels[0][column].set_title(f"training data: {training}")
    for line, text in enumerate([*ERRORS.values()] * 2):
        panels[line][0].set_ylabel(text)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle(
        f"{function.formula} of 3 particles by least squares (singular values). Above: {DATA_PER_FUNCTION} data per "
        f"function; below: degree {max(row.degree for row in few)}, more and more data, Chebyshev"
    )
    return figure


def plot(panel: Axes, rows: list[Row], over: str, error: str, look: dict[str, Any]) -> None:
    """One line."""
    across = [row.degree if over == "degree" else row.data / row.functions for row in rows]
    panel.semilogy(across, [getattr(row, error) for row in rows], **look)
    panel.grid(alpha=0.3)


if __name__ == "__main__":
    main("distributions", TITLE, distributions)
