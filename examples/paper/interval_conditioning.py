"""Condition numbers of both bases on the interval, exact and from random data.

    python interval_conditioning.py [--small] [-o DIR]

docs/experiments compares the results with arXiv 2401.01550.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
from experiment import COLORS, EXPANSIONS, Cell, Claim, Findings, Setting, main
from flint import fmpq
from interval import Indices, label_of, operator, polynomials, total_degree
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import NDArray

from acegen.algebra.line import LINE
from acegen.algebra.measure import ARCSINE, UNIFORM, Measure, natural_measure
from acegen.orthogonal import (
    Ensemble,
    GramMatrix,
    canonical_gram,
    condition_number,
    orthogonalize_samples,
    self_interacting_gram,
)

TITLE = "Condition numbers on the interval, canonical and self-interacting"
STYLES = {"chebyshev": "-", "legendre": "--"}
MANY = (10, 100, 10_000)
"""Numbers of particles, in addition to the order."""

SEEDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Exact:
    """The exact condition number of a basis of orders 1 .. order."""

    kind: str
    order: int
    particles: int
    expansion: str
    functions: int
    condition: float


@dataclass(frozen=True)
class Sampled:
    """Condition numbers of a basis on M samples, one for each seed, and the exact one."""

    expansion: str
    functions: int
    samples: int
    conditions: tuple[float, ...]
    exact: float

    @property
    def median(self) -> float:
        return float(np.median(self.conditions))


def interval_conditioning(setting: Setting) -> Findings:
    """Gram matrices over the rationals, and of random data, with the diagonal scaled to one."""
    findings = Findings()
    top, degree = (3, 8) if setting.small else (5, 14)
    exact = _by_order(setting, findings, top, degree)
    _constant(setting, findings, min(top, 4), degree)
    _other_measure(setting, findings, top, degree)
    samples = _samples(setting, findings, exact, degree)
    findings.figure = _draw(exact, samples, degree)
    return findings


def gram_matrix(indices: Sequence[Indices], kind: str, measure: Measure, particles: int, expansion: str) -> GramMatrix:
    """The exact Gram matrix of functions with indices k, on independent particles."""
    ensemble = Ensemble(polynomials(kind), LINE, measure, (particles,))
    gram_of = canonical_gram if expansion == "canonical" else self_interacting_gram
    return gram_of([(label_of(k), 0) for k in indices], ensemble)


def gaussian_gram(indices: Sequence[Indices]) -> GramMatrix:
    """Gram matrix of the products Π A_k of independent standard normal A_k: the limit of many particles, k >= 1."""
    powers = [Counter(k) for k in indices]

    def mean(first: Counter[int], second: Counter[int]) -> fmpq:
        """Π over the k of E A^p = (p-1)!! for even p, 0 for odd p."""
        together = (first + second).values()
        return fmpq(0 if any(p % 2 for p in together) else prod(prod(range(1, p, 2)) for p in together))

    rows = ([(j, mean(first, second)) for j, second in enumerate(powers)] for first in powers)
    return GramMatrix(tuple(tuple((j, value) for j, value in row if value) for row in rows))


def _by_order(setting: Setting, findings: Findings, top: int, degree: int) -> list[Exact]:
    """Without the constant, k >= 1, each family under its own measure."""
    cases = [(kind, order, n) for kind in STYLES for order in range(1, top + 1) for n in (order, *MANY)]
    exact = []
    with setting.step(f"exact, orders 1-{top}, Σk ≤ {degree}") as advance:
        for done, (kind, order, particles) in enumerate(cases):
            advance(done, len(cases))
            indices = total_degree(order, degree, first=1)
            measure = natural_measure(polynomials(kind))
            for expansion in EXPANSIONS:
                gram = gram_matrix(indices, kind, measure, particles, expansion)
                exact.append(Exact(kind, order, particles, expansion, gram.size, condition_number(gram)))
        gaussian = condition_number(gaussian_gram(indices))
    findings.tables["interval_conditioning"] = (
        ("polynomials", "order", "particles", "expansion", "functions", "condition number"),
        [[e.kind, e.order, e.particles, e.expansion, e.functions, e.condition] for e in exact],
    )
    usual = {(e.kind, e.order, e.particles): e.condition for e in exact if e.expansion == "self-interacting"}
    series = {kind: [usual[kind, order, order] for order in range(1, top + 1)] for kind in STYLES}
    grows = all(a < b for own in series.values() for a, b in pairwise(own))
    seen = "; ".join(f"{kind} {listed(map(brief, own))}" for kind, own in series.items())
    what = f"condition number of the self-interacting basis, orders up to 1, ..., {top}; Σk ≤ {degree}, k ≥ 1, N = ν"
    findings.claims.append(Claim(what, "grows with the order", seen, "trend agrees" if grows else "differs"))
    canonical = [e.condition for e in exact if e.expansion == "canonical"]
    ones = sum(value == 1.0 for value in canonical)
    seen = f"1 exactly in {ones} of {len(canonical)} cases: two families, all orders, N = ν, {listed(MANY)}"
    findings.claims.append(Claim("the same of the canonical basis", "not stated", seen, "not stated"))
    parts = [f"{kind} {listed(brief(usual[kind, top, n]) for n in (top, *MANY))}" for kind in STYLES]
    seen = f"orders up to {top}, N = {listed((top, *MANY))}: {'; '.join(parts)}. With Gaussian A: {brief(gaussian)}"
    findings.claims.append(Claim("the self-interacting basis for many particles", "not stated", seen, "not stated"))
    return exact


def _constant(setting: Setting, findings: Findings, order: int, degree: int) -> None:
    """With the constant k = 0 as a factor at every order: dependent functions."""
    indices = total_degree(order, degree)
    cases = [(kind, particles) for kind in STYLES for particles in (order - 1, order, 2 * order)]
    table: list[list[Cell]] = []
    with setting.step(f"with the constant, orders 1-{order}") as advance:
        for done, (kind, particles) in enumerate(cases):
            advance(done, len(cases))
            for expansion in EXPANSIONS:
                gram = gram_matrix(indices, kind, natural_measure(polynomials(kind)), particles, expansion)
                factorization = gram.factorize()
                left = condition_number(gram.part(factorization.independent))
                row: list[Cell] = [kind, order, particles, expansion, gram.size, factorization.rank, len(gram.zero)]
                whole = condition_number(gram, factorization)
                table.append([*row, "infinite" if np.isinf(whole) else whole, left])
    headings = ["polynomials", "order", "particles", "expansion", "functions", "rank", "zero functions"]
    headings += ["condition number", "condition number of independent functions"]
    findings.tables["interval_conditioning_constant"] = headings, table
    own = [row for row in table if row[2] == order]
    rank, condition = (listed({row[column]: None for row in own}) for column in (5, 7))
    left_by = {name: listed(brief(row[8]) for row in own if row[3] == name) for name in EXPANSIONS}
    seen = (
        f"orders up to {order}: {len(indices)} functions of rank {rank} (k ≥ 1 and one constant are "
        f"{1 + len(total_degree(order, degree, first=1))}), condition number {condition}. Without those that depend on "
        f"others, {listed(STYLES)}: canonical {left_by['canonical']}; self-interacting {left_by['self-interacting']}"
    )
    findings.claims.append(Claim("with the constant k = 0 as a factor, N = ν", "not stated", seen, "not stated"))


def _other_measure(setting: Setting, findings: Findings, top: int, degree: int) -> None:
    """Each family under the measure of the other."""
    cases = [
        (kind, m, order) for kind, m in (("chebyshev", UNIFORM), ("legendre", ARCSINE)) for order in range(1, top + 1)
    ]
    table: list[list[Cell]] = []
    with setting.step(f"other measures, orders 1-{top}") as advance:
        for done, (kind, measure, order) in enumerate(cases):
            advance(done, len(cases))
            indices = total_degree(order, degree, first=1)
            grams = [gram_matrix(indices, kind, measure, order, expansion) for expansion in EXPANSIONS]
            table.append([kind, str(measure), order, order, *map(condition_number, grams)])
    headings = ("polynomials", "measure", "order", "particles", *EXPANSIONS)
    findings.tables["interval_conditioning_measure"] = headings, table
    parts = []
    for kind, measure in dict.fromkeys((row[0], row[1]) for row in table):
        both = [listed(brief(row[column]) for row in table if row[0] == kind) for column in (4, 5)]
        parts.append(f"{kind}, {measure}: canonical {both[0]}; self-interacting {both[1]}")
    what = f"under the measure of the other family, orders up to 1, ..., {top}; N = ν"
    findings.claims.append(Claim(what, "not stated", ". ".join(parts), "not stated"))


def _samples(setting: Setting, findings: Findings, exact: Sequence[Exact], degree: int) -> list[Sampled]:
    """Chebyshev functions up to order 3 on three random particles."""
    order = particles = 3
    ratios = (1, 1.5, 3, 10, 100) if setting.small else (1, 1.25, 2, 5, 20, 100, 500)
    indices = total_degree(order, degree, first=1)
    expected = {e.expansion: e.condition for e in exact if (e.kind, e.order, e.particles) == ("chebyshev", 3, 3)}
    samples = []
    with setting.step(f"random data, orders 1-{order}") as advance:
        for done, ratio in enumerate(ratios):
            count = int(np.ceil(ratio * len(indices)))
            found: dict[str, list[float]] = {expansion: [] for expansion in EXPANSIONS}
            for seed in range(SEEDS):
                advance(done * SEEDS + seed, len(ratios) * SEEDS)
                rng = np.random.default_rng([seed, count])
                values = chebyshev_values(indices, np.cos(np.pi * rng.uniform(size=(count, particles))))
                for expansion in EXPANSIONS:
                    found[expansion].append(orthogonalize_samples(values[expansion]).condition_number)
            samples += [Sampled(name, len(indices), count, tuple(own), expected[name]) for name, own in found.items()]
    findings.tables["interval_conditioning_samples"] = (
        ("expansion", "functions", "samples", *(f"seed {seed}" for seed in range(SEEDS)), "median", "exact"),
        [[s.expansion, s.functions, s.samples, *s.conditions, s.median, s.exact] for s in samples],
    )
    parts = []
    for expansion in EXPANSIONS:
        own = [s for s in samples if s.expansion == expansion]
        medians = [f"{brief(s.median)} (M = {s.samples:,})" for s in (own[0], own[-2], own[-1])]
        parts.append(f"{expansion} {listed(medians)}, exact {brief(own[-1].exact)}")
    seen = f"Chebyshev, orders up to {order}, N = {particles}, {len(indices)} functions. {'. '.join(parts)}"
    findings.claims.append(Claim(f"from M random samples, median of {SEEDS}", "not stated", seen, "not stated"))
    return samples


def chebyshev_values(indices: Sequence[Indices], particles: Floats) -> dict[str, Floats]:
    """Values of both bases on samples of particles, shape (M, N) → (M, functions) by expansion."""
    rows = operator(indices, polynomials("chebyshev"))
    larger = sorted({k for row in rows.values() for k in row})
    column = {k: number for number, k in enumerate(larger)}
    pooled = chebvander(particles, max(max(k) for k in larger)).sum(axis=1)
    products = np.stack([pooled[:, list(k)].prod(axis=1) for k in larger], axis=1)
    matrix = np.zeros((len(indices), len(larger)))
    for i, row in enumerate(rows.values()):
        for k, value in row.items():
            matrix[i, column[k]] = float(value)
    return {"canonical": products @ matrix.T, "self-interacting": products[:, [column[k] for k in indices]]}


def brief(value: Cell) -> str:
    """A condition number with about three digits."""
    return f"{value:,.0f}" if isinstance(value, float) and 1000 <= value < 1e6 else f"{value:.3g}"


def listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _draw(exact: Sequence[Exact], samples: Sequence[Sampled], degree: int) -> Figure:
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _draw_orders(left, exact, degree)
    _draw_particles(middle, exact, degree)
    _draw_samples(right, samples)
    return figure


def _draw_orders(axes: Axes, exact: Sequence[Exact], degree: int) -> None:
    for expansion in EXPANSIONS:
        for kind, style in STYLES.items():
            own = [e for e in exact if (e.kind, e.expansion, e.particles) == (kind, expansion, e.order)]
            orders, conditions = [e.order for e in own], [e.condition for e in own]
            label = f"{expansion}, {kind.capitalize()}"
            axes.semilogy(orders, conditions, style, marker="o", ms=5, label=label, color=COLORS[expansion])
    axes.set_xticks(sorted({e.order for e in exact}))
    axes.set(xlabel=r"largest order $\nu$", ylabel="condition number", ylim=(0.6, None))
    axes.set(title=rf"Exact, $N = \nu$ particles, $\Sigma k \leq {degree}$")
    axes.legend(loc="upper left")


def _draw_particles(axes: Axes, exact: Sequence[Exact], degree: int) -> None:
    """By the number of particles, with the Gaussian limit."""
    top = max(e.order for e in exact)
    color = COLORS["self-interacting"]
    for order in range(2, top + 1):
        for kind, style in STYLES.items():
            own = [e for e in exact if (e.kind, e.order, e.expansion) == (kind, order, "self-interacting")]
            own.sort(key=lambda e: e.particles)
            axes.loglog([e.particles for e in own], [e.condition for e in own], style, marker="o", ms=4, color=color)
        limit = condition_number(gaussian_gram(total_degree(order, degree, first=1)))
        axes.axhline(limit, color="0.6", ls=":", lw=1)
        axes.annotate(rf" $\nu={order}$", (max(MANY), limit), va="center", annotation_clip=False)
    axes.axhline(1.0, color=COLORS["canonical"])
    axes.annotate("canonical", (max(MANY), 1.15), ha="right", color=COLORS["canonical"])
    axes.plot([], [], ":", color="0.6", label="Gaussian limit")
    axes.set(xlabel=r"particles $N$", ylabel="condition number", xlim=(1.7, max(MANY)), ylim=(0.6, None))
    axes.set(title=r"Exact, self-interacting, orders up to $\nu$")
    axes.legend()


def _draw_samples(axes: Axes, samples: Sequence[Sampled]) -> None:
    for expansion in EXPANSIONS:
        own = [s for s in samples if s.expansion == expansion]
        counts, color = [s.samples for s in own], COLORS[expansion]
        low, high = [min(s.conditions) for s in own], [max(s.conditions) for s in own]
        axes.fill_between(counts, low, high, color=color, alpha=0.25, lw=0)
        axes.loglog(counts, [s.median for s in own], "o-", ms=4, color=color, label=f"{expansion}, samples")
        axes.axhline(own[0].exact, color=color, ls=":", label=f"{expansion}, exact")
    axes.set(xlabel="samples", ylabel="condition number", ylim=(0.6, None))
    axes.set(title=f"Random data, order 3, $N = 3$, {own[0].functions} functions")
    axes.legend()


if __name__ == "__main__":
    main("interval_conditioning", TITLE, interval_conditioning)
