"""Ridge regression of smooth functions of N particles in three dimensions with both bases, over ridge strengths.

    python examples/paper/atoms_regularization.py [--small] [-o DIR]

y is uniform on [0, 1], û on the sphere. Two functions, invariant under rotations and permutations, zero without
particles, not in the span of the bases:

    density   s / (4 + s) + √(1 + ρ/N) - 1  with s = |Σ_j g(y_j) û_j|² / N, g(y) = 2y / (1 + y), ρ = Σ_j y_j²: a
              function of sums over particles, of every order
    clusters  Σ_{i<j} y_i y_j / (1 + d_ij) + Σ_{i<j<k} y_i y_j y_k / (1 + d_ij + d_ik + d_jk) with d_ij the square of
              |y_i û_i - y_j û_j|: sums over pairs and triples of distinct particles

Both bases span the same space. So without a ridge, and with more samples than functions, they give the same result.
They differ in what a ridge does to it. The strength is t in

    minimize ‖A x - f‖² + (t σ)² ‖x‖²,  σ the largest singular value of A,

with the columns of A as the model makes them (norm one as integrals over sets of particles), or scaled to unit length.
Robustness is measured by the decades of t over which an error is at most 1.1 or 2 times the smallest one: the smallest
of that basis, or of both bases. A basis that is never good can only be robust by the first measure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
from experiment import COLORS, EXPANSIONS, Cell, Claim, Findings, Setting, main
from matplotlib.figure import Figure
from particles import Floats, Particles, compile_both, random_particles
from threadpoolctl import threadpool_limits

import acegen

TITLE = "Ridge regression in both bases"
STEP = 0.25
STRENGTHS = 10.0 ** np.arange(-12.0, 1.0 + STEP / 2, STEP)
SCALINGS = ("as made", "unit length")
NOISE = 0.05
"""Standard deviation of the noise of noisy labels, in units of that of the function."""


@dataclass(frozen=True)
class Sizes:
    """Order and level of the bases, numbers of particles, training samples by function of the basis, test samples."""

    order: int
    level: int
    particles: tuple[int, ...]
    samples: tuple[float, ...]
    test: int


FULL = Sizes(4, 12, (4, 8, 16), (0.5, 1.5, 6.0), 10_000)
SMALL = Sizes(3, 8, (4,), (0.5, 4.0), 2_000)


class Case(NamedTuple):
    """What is fitted: a function of N particles, training samples, with or without noise, and the scale of columns."""

    function: str
    particles: int
    samples: int
    noisy: bool
    scaling: str


@dataclass(frozen=True)
class Path:
    """Test errors of one basis over `STRENGTHS`, in units of the standard deviation of the function.

    Attributes:
        functions: of the basis.
        sigma: largest singular value over the square root of the number of samples.
        rmse: by strength.
        largest: largest error, by strength.
        weakest: predictions with the smallest strength.
    """

    case: Case
    expansion: str
    functions: int
    sigma: float
    rmse: Floats
    largest: Floats
    weakest: Floats


Pair = tuple[Path, Path]
"""Both bases of a case, in the order of `EXPANSIONS`."""


def decades(errors: Floats, factor: float, best: float | None = None) -> float:
    """Decades of the strength over which errors are at most `factor` times the smallest, or a given one."""
    return STEP * int(np.sum(errors <= factor * (errors.min() if best is None else best)))


def strongest(errors: Floats, factor: float) -> float:
    """The largest strength with an error of at most `factor` times the smallest."""
    return float(STRENGTHS[np.flatnonzero(errors <= factor * errors.min())[-1]])


def density(particles: Particles) -> Floats:
    """The function "density" of each set of particles."""
    y, count = particles.y, particles.y.shape[1]
    vector = np.einsum("mn,mnk->mk", 2 * y / (1 + y), particles.direction)
    s = np.sum(vector**2, axis=1) / count
    result: Floats = s / (4 + s) + np.sqrt(1 + np.sum(y**2, axis=1) / count) - 1
    return result


def clusters(particles: Particles) -> Floats:
    """The function "clusters" of each set of particles."""
    y, count = particles.y, particles.y.shape[1]
    place = y[:, :, None] * particles.direction
    d = {(i, j): np.sum((place[:, i] - place[:, j]) ** 2, axis=1) for i, j in combinations(range(count), 2)}
    result: Floats = np.zeros(len(y))
    for i, j in d:
        result += y[:, i] * y[:, j] / (1 + d[i, j])
    for i, j, k in combinations(range(count), 3):
        result += y[:, i] * y[:, j] * y[:, k] / (1 + d[i, j] + d[i, k] + d[j, k])
    return result


FUNCTIONS: dict[str, Callable[[Particles], Floats]] = {"density": density, "clusters": clusters}


def ridge_path(rows: Floats, labels: Floats, test: Floats, scaling: str) -> tuple[float, Floats]:
    """Largest singular value, and predictions (M, strengths) for test rows of the ridge solutions of all strengths."""
    scales = np.ones(rows.shape[1]) if scaling == "as made" else np.linalg.norm(rows, axis=0)
    scales = np.where(scales > 0, scales, 1.0)
    u, s, vt = np.linalg.svd(rows / scales, full_matrices=False)
    filtered = s[:, None] / (s[:, None] ** 2 + (STRENGTHS[None, :] * s[0]) ** 2)
    solutions = vt.T @ (filtered * (u.T @ labels)[:, None])
    return float(s[0]), (test / scales) @ solutions


def measure(setting: Setting, sizes: Sizes, models: dict[str, acegen.Model]) -> list[Pair]:
    """Paths of both bases for all functions, particles, samples, labels with and without noise, and scales."""
    pairs = []
    n_functions = models[EXPANSIONS[0]].n_basis
    cases = list(product(sizes.particles, sizes.samples))
    with setting.step("ridge") as advance, threadpool_limits(1):
        for done, (particles, share) in enumerate(cases):
            advance(done, len(cases))
            rng = np.random.default_rng(particles)
            samples = round(share * n_functions)
            training, test = (random_particles(rng, m, particles) for m in (samples, sizes.test))
            rows = {e: [model.basis_values(p.environments) for p in (training, test)] for e, model in models.items()}
            noise = NOISE * rng.normal(size=samples)
            for name, noisy, scaling in product(FUNCTIONS, (False, True), SCALINGS):
                labels, truth = (FUNCTIONS[name](p) for p in (training, test))
                case, spread = Case(name, particles, samples, noisy, scaling), float(truth.std())
                paths = []
                for expansion in EXPANSIONS:
                    own, others = rows[expansion]
                    sigma, predictions = ridge_path(own, labels / spread + noisy * noise, others, scaling)
                    errors = predictions - (truth / spread)[:, None]
                    rmse, largest = np.sqrt(np.mean(errors**2, axis=0)), np.abs(errors).max(axis=0)
                    scaled = sigma / samples**0.5
                    paths.append(Path(case, expansion, n_functions, scaled, rmse, largest, predictions[:, 0]))
                pairs.append((paths[0], paths[1]))
        setting.progress.report(f"{len(pairs)} cases, {len(STRENGTHS)} strengths")
    return sorted(pairs, key=lambda pair: pair[0].case)


def atoms_regularization(setting: Setting) -> Findings:
    """Test errors of ridge regression in both bases."""
    sizes = SMALL if setting.small else FULL
    pairs = measure(setting, sizes, compile_both(setting, sizes.order, sizes.level))
    findings = Findings()
    findings.tables["atoms_regularization"] = (
        ("function", "particles", "samples", "labels", "columns", "expansion", "functions", "best RMSE", "at strength",
         "RMSE without ridge", "decades within 1.1", "decades within 2", "decades within 2 of the best of both",
         "strongest within 2", "times sigma", "best max error", "max error: decades within 1.1",
         "max error: decades within 2"),
        [summary(path, pair) for pair in pairs for path in pair],
    )  # fmt: skip
    findings.tables["atoms_regularization_paths"] = (
        ("function", "particles", "samples", "labels", "columns", "expansion", "strength", "RMSE", "max error"),
        [
            (*identity(p), *(float(f"{value:.4g}") for value in values))
            for pair in pairs
            for p in pair
            for values in zip(STRENGTHS, p.rmse, p.largest, strict=True)
        ],
    )
    findings.claims = claims(pairs)
    findings.figure = draw(pairs, sizes)
    return findings


def identity(path: Path) -> tuple[Cell, ...]:
    """Cells that identify a path."""
    case = path.case
    labels = "noisy" if case.noisy else "exact"
    return case.function, case.particles, case.samples, labels, case.scaling, path.expansion


def summary(path: Path, pair: Pair) -> tuple[Cell, ...]:
    """A row of the table."""

    def rounded(value: float) -> float:
        return float(f"{value:.3g}")

    errors, largest = path.rmse, path.largest
    tolerated = strongest(errors, 2.0)
    return (
        *identity(path),
        path.functions,
        rounded(errors.min()),
        rounded(STRENGTHS[errors.argmin()]),
        rounded(errors[0]),
        decades(errors, 1.1),
        decades(errors, 2.0),
        decades(errors, 2.0, best_of(pair)),
        rounded(tolerated),
        rounded(tolerated * path.sigma),
        rounded(largest.min()),
        decades(largest, 1.1),
        decades(largest, 2.0),
    )


def best_of(pair: Pair) -> float:
    """The smallest error of both bases."""
    return float(min(path.rmse.min() for path in pair))


def claims(pairs: list[Pair]) -> list[Claim]:
    """What the paper says about regularization, and what is found."""
    many = [pair for pair in pairs if pair[0].case.samples > pair[0].functions]
    few = [pair for pair in pairs if pair[0].case.samples <= pair[0].functions]
    apart = max(float(np.abs(a.weakest - b.weakest).max()) for a, b in many if not a.case.noisy)
    groups = {"more samples than functions": many, "fewer samples": few}
    reach = {name: [strongest(a.rmse, 2) / strongest(b.rmse, 2) for a, b in own] for name, own in groups.items()}
    absolute = [strongest(a.rmse, 2) * a.sigma / (strongest(b.rmse, 2) * b.sigma) for a, b in many]
    best = {name: [a.rmse.min() / b.rmse.min() for a, b in own] for name, own in groups.items()}
    return [
        Claim(
            "without a ridge",
            "both bases span the same space",
            f"predictions of both, with more samples than functions and exact labels, differ by at most {apart:.1e} "
            "standard deviations of the function",
            "agrees" if apart < 1e-5 else "differs",
        ),
        *(robustness(name, own) for name, own in groups.items()),
        Claim(
            "strongest ridge with at most twice the best error",
            "no number for this basis",
            "canonical by self-interacting, median and range: "
            + "; ".join(f"{name} {spread(own)}" for name, own in reach.items())
            + f"; not in units of each basis' σ but the same for both (more samples) {spread(absolute)}",
            "not stated",
        ),
        Claim(
            "error at the best strength",
            "no number for this basis",
            "canonical by self-interacting, median and range: "
            + "; ".join(f"{name} {spread(own)}" for name, own in best.items()),
            "not stated",
        ),
    ]


def robustness(group: str, pairs: list[Pair]) -> Claim:
    """Which basis tolerates more strengths, for some of the cases."""
    counts = {
        "within 1.1 of its own best": compared(pairs, 1.1, False),
        "within 2 of its own best": compared(pairs, 2.0, False),
        "within 2 of the best of both": compared(pairs, 2.0, True),
    }
    robust = all(wider > narrower for wider, narrower in counts.values())
    return Claim(
        f"robustness under regularization, {group}",
        "the canonical basis is more robust (trend)",
        f"of {len(pairs)} cases, those with more decades of strength in the canonical basis : those with fewer: "
        + "; ".join(f"{name} {wider} : {narrower}" for name, (wider, narrower) in counts.items()),
        "trend agrees" if robust else "differs",
    )


def compared(pairs: list[Pair], factor: float, common: bool) -> tuple[int, int]:
    """In how many cases the canonical basis has more decades of strength than the other, and in how many fewer."""
    difference = []
    for pair in pairs:
        a, b = (decades(path.rmse, factor, best_of(pair) if common else None) for path in pair)
        difference.append(a - b)
    return sum(d > 0 for d in difference), sum(d < 0 for d in difference)


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{np.median(values):.2g} ({min(values):.2g} to {max(values):.2g})"


def draw(pairs: list[Pair], sizes: Sizes) -> Figure:
    """Test errors over strengths for the middle number of particles: columns as made, labels exact and noisy."""
    particles = sizes.particles[len(sizes.particles) // 2]
    samples = sorted({a.case.samples for a, _ in pairs})
    figure = Figure(figsize=(4.2 * len(samples), 6.6), layout="constrained")
    axes = figure.subplots(len(FUNCTIONS), len(samples), sharex=True, sharey="row", squeeze=False)
    for pair in pairs:
        case = pair[0].case
        if case.particles != particles or case.scaling != "as made":
            continue
        ax = axes[list(FUNCTIONS).index(case.function), samples.index(case.samples)]
        for path in pair:
            label = f"{path.expansion}, {'noisy' if case.noisy else 'exact'} labels"
            ax.loglog(STRENGTHS, path.rmse, "--" if case.noisy else "-", color=COLORS[path.expansion], label=label)
    functions = pairs[0][0].functions
    for row, name in enumerate(FUNCTIONS):
        axes[row, 0].set_ylabel(f"{name}: test RMSE by standard deviation")
        for column, count in enumerate(samples):
            axes[row, column].set_title(f"N = {particles}, {count:,} samples for {functions} functions", fontsize=10)
            axes[row, column].grid(alpha=0.3)
            axes[row, column].set_ylim(None, 5)
            axes[-1, column].set_xlabel("ridge strength t")
    axes[0, -1].legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main("atoms_regularization", TITLE, atoms_regularization)
