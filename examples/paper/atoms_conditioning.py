"""Condition numbers of both bases on independent particles, by order, level and number of particles.

    python examples/paper/atoms_conditioning.py [--small] [-o DIR]

Gram matrices G_ij = E[B_i B_j], diagonally scaled (D^-1/2 G D^-1/2), for N independent particles: y uniform on [0, 1],
directions uniform on the sphere. The expectation is that of many samples, evaluated with the compiled kernels. Of the
samples only R of B = QR is kept (RᵀR is the Gram matrix), so that no digits are lost. Bases of lower order and level
are parts of the largest one. How good the expectation is one sees by halving the samples, and by the exact Gram matrix
(`acegen.orthogonal`), which is derived over the rationals for orders that take no more than a minute.

Functions whose channels all have l > 0 are looked at by themselves: their one-particle functions are orthogonal and
have mean zero. Radial functions alone (l = 0) have not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from experiment import COLORS, EXPANSIONS, Claim, Findings, Setting, main
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from particles import Floats, chunks, compile_both, levels, orders
from threadpoolctl import threadpool_limits

import acegen
from acegen.fit.factor import triangle
from acegen.orthogonal import basis_gram, condition_number

TITLE = "Condition numbers of both bases on independent particles"
PARTS = ("all", "l > 0")
"""All functions, and those without a channel of l = 0."""

ZERO = 1e-12
"""Part of the largest column below which a column is nothing but rounding errors."""

NULL = 1e-11
"""Part of the largest singular value of scaled columns below which a combination of functions vanishes."""


@dataclass(frozen=True)
class Sizes:
    """What is looked at: the largest basis, and all with fewer orders, levels, particles.

    Attributes:
        order: largest.
        levels: ascending.
        particles: numbers N, ascending.
        samples: a number whose half is a multiple of those evaluated at a time.
        exact_order: largest with an exact Gram matrix.
    """

    order: int
    levels: tuple[int, ...]
    particles: tuple[int, ...]
    samples: int
    exact_order: int


FULL = Sizes(5, (8, 10, 12), (1, 2, 3, 4, 5, 8, 16, 32), 2**18, 4)
SMALL = Sizes(3, (6, 8), (1, 2, 3, 8), 2**14, 3)


@dataclass(frozen=True)
class Condition:
    """The scaled Gram matrix of one basis, or of a part of it, on N particles.

    Attributes:
        part: one of `PARTS`.
        zero: functions that vanish on every sample.
        null: further combinations that vanish on every sample: the matrix is singular.
        value: largest by smallest eigenvalue, zero functions and null combinations left out.
        half: the same with half of the samples.
    """

    expansion: str
    part: str
    order: int
    level: int
    particles: int
    functions: int
    zero: int
    null: int
    value: float
    half: float

    @property
    def case(self) -> tuple[str, int, int, int]:
        return self.part, self.order, self.level, self.particles

    @property
    def change(self) -> float:
        """Change of the logarithm of the condition number by doubling the samples, in decades."""
        return float(abs(np.log10(self.value / self.half)))


def sampled_factors(model: acegen.Model, particles: int, samples: int) -> tuple[Floats, Floats]:
    """R of the basis functions on half of the samples, and on all; scaled as means."""
    whole: Floats = np.zeros((0, model.n_basis))
    half, done = whole, 0
    for part in chunks(particles, samples, particles):
        rows = model.basis_values(part.environments)
        whole = triangle(np.asfortranarray(np.vstack([whole, rows])))
        done += len(rows)
        if 2 * done == samples:
            half = whole / done**0.5
    return half, whole / done**0.5


def spectrum(factor: Floats, chosen: NDArray[np.int64]) -> tuple[int, int, float]:
    """Zero columns, null combinations, and the condition number (1 of nothing) of what is left of D^-1/2 G D^-1/2."""
    norms = np.linalg.norm(factor, axis=0)
    seen = chosen[norms[chosen] > ZERO * norms.max()]
    if not len(seen):
        return len(chosen), 0, 1.0
    values = np.linalg.svd(factor[:, seen] / norms[seen], compute_uv=False)
    kept = values[values > NULL * values[0]]
    return len(chosen) - len(seen), len(seen) - len(kept), float((kept[0] / kept[-1]) ** 2)


def members(model: acegen.Model, part: str, order: int, level: int) -> NDArray[np.int64]:
    """Numbers of the functions of a smaller basis, or of a part of it."""
    chosen = (orders(model) <= order) & (levels(model) <= level)
    if part == "l > 0":
        chosen &= np.array([min(label.l) > 0 for label in model.labels("Si")])
    return np.flatnonzero(chosen)


def measure(setting: Setting, sizes: Sizes, models: Mapping[str, acegen.Model]) -> list[Condition]:
    """All condition numbers, of sampled Gram matrices."""
    found = []
    with setting.step("samples") as advance, threadpool_limits(1):
        for number, particles in enumerate(sizes.particles):
            for expansion, model in models.items():
                advance(2 * number + EXPANSIONS.index(expansion), 2 * len(sizes.particles))
                half, whole = sampled_factors(model, particles, sizes.samples)
                for part, order, level in product(PARTS, range(1, sizes.order + 1), sizes.levels):
                    chosen = members(model, part, order, level)
                    if len(chosen) > 1:
                        zero, null, value = spectrum(whole, chosen)
                        before = spectrum(half, chosen)[2]
                        case = (expansion, part, order, level, particles)
                        found.append(Condition(*case, len(chosen), zero, null, value, before))
        setting.progress.report(f"{sizes.samples:,} samples of {len(sizes.particles)} numbers of particles")
    return found


def exact(setting: Setting, sizes: Sizes, models: Mapping[str, acegen.Model]) -> dict[tuple[str, int, int], float]:
    """Condition numbers of exact Gram matrices at the largest level, by expansion, order and number of particles."""
    found = {}
    level, top = sizes.levels[-1], sizes.exact_order
    numbers = [n for n in sizes.particles if n >= top]
    with setting.step("exact") as advance:
        for number, (expansion, particles) in enumerate(product(EXPANSIONS, numbers)):
            advance(number, len(EXPANSIONS) * len(numbers))
            model = models[expansion]
            spec = {"name": model.name, **model.description["spec"]}
            spec["basis"] = spec["basis"] | {"order": top, "level": level}
            gram = basis_gram(acegen.derive(spec), particles)
            for order in range(2, top + 1):
                found[expansion, order, particles] = condition_number(gram.part(members(model, "all", order, level)))
        setting.progress.report(f"orders 2 to {top}, level {level}, N = {', '.join(map(str, numbers))}")
    return found


def atoms_conditioning(setting: Setting) -> Findings:
    """Condition numbers of both bases by order, level and number of particles."""
    sizes = SMALL if setting.small else FULL
    models = compile_both(setting, sizes.order, sizes.levels[-1])
    conditions = measure(setting, sizes, models)
    exact_ones = exact(setting, sizes, models)
    findings = Findings()
    findings.tables["atoms_conditioning"] = (
        ("part", "order", "level", "particles", "expansion", "functions", "zero functions", "null combinations",
         "condition", "condition of half the samples", "samples"),
        [
            (c.part, c.order, c.level, c.particles, c.expansion, c.functions, c.zero, c.null, float(f"{c.value:.3g}"),
             float(f"{c.half:.3g}"), sizes.samples)
            for c in sorted(conditions, key=lambda c: (*c.case, c.expansion))
        ],
    )  # fmt: skip
    sampled = {
        (c.expansion, c.order, c.particles): c for c in conditions if c.part == "all" and c.level == sizes.levels[-1]
    }
    findings.tables["atoms_conditioning_exact"] = (
        ("level", "expansion", "order", "particles", "condition, exact", "condition, samples"),
        [
            (sizes.levels[-1], *case, float(f"{value:.6g}"), float(f"{sampled[case].value:.6g}"))
            for case, value in exact_ones.items()
        ],
    )
    worst = max(abs(np.log(sampled[case].value / value)) for case, value in exact_ones.items())
    findings.claims = [
        *claims(conditions, sizes),
        Claim(
            "exact Gram matrices",
            "no statement",
            f"over the rationals, orders 2 to {sizes.exact_order}, level {sizes.levels[-1]}: sampled condition numbers "
            f"are within {100 * (np.exp(worst) - 1):.1f} % of them",
            "not stated",
        ),
    ]
    findings.figure = draw(conditions, sizes)
    return findings


def paired(conditions: list[Condition]) -> list[tuple[Condition, Condition]]:
    """Both bases of each case, in the order of `EXPANSIONS`."""
    by_key = {(c.case, c.expansion): c for c in conditions}
    cases = dict.fromkeys(c.case for c in conditions)
    return [(by_key[case, EXPANSIONS[0]], by_key[case, EXPANSIONS[1]]) for case in cases]


def claims(conditions: list[Condition], sizes: Sizes) -> list[Claim]:
    """What the paper says of conditioning, and what is seen."""
    pairs = [(a, b) for a, b in paired(conditions) if a.order > 1 and a.part == "all"]
    centred = [(a, b) for a, b in paired(conditions) if a.part == "l > 0"]
    enough = [(a, b) for a, b in pairs if a.particles >= a.order]
    fewer = [(a, b) for a, b in pairs if a.particles < a.order]
    better = sum(a.value < b.value for a, b in enough)
    level = sizes.levels[-1]
    factors = {
        particles: [b.value / a.value for a, b in enough if (a.level, a.particles) == (level, particles)]
        for particles in sizes.particles
        if particles >= sizes.order
    }
    growing = {n: all(x < y for x, y in pairwise(own)) for n, own in factors.items()}
    dilution = [own[-1] for own in factors.values()]
    vanish = all(a.zero == b.null and b.zero == 0 and a.null == 0 for a, b in fewer)
    change = max(c.change for c in conditions)
    many = max(sizes.particles)
    orthogonal, usual = (max(pair[i].value for pair in centred) for i in (0, 1))
    return [
        Claim(
            "conditioning of the canonical basis",
            "far better than that of the self-interacting one (trend)",
            f"smaller condition number in {better} of {len(enough)} cases with at least as many particles as the "
            f"order; smaller by {min(b.value / a.value for a, b in enough):.2g} to "
            f"{max(b.value / a.value for a, b in enough):.2g} times",
            "trend agrees" if better == len(enough) else "differs",
        ),
        Claim(
            "with growing order",
            "the more so (trend)",
            f"self-interacting by canonical at level {level}, orders 2 to {sizes.order}: "
            + "; ".join(f"N = {n}: " + ", ".join(f"{x:.3g}" for x in own) for n, own in factors.items()),
            "trend agrees" if all(growing.values()) else "differs",
        ),
        Claim(
            "fewer particles than the order",
            "canonical functions of order ν vanish for N < ν",
            f"in all {len(fewer)} such cases just these functions are zero, and as many combinations of "
            f"self-interacting functions vanish, whose matrix is singular: {vanish}",
            "agrees" if vanish else "differs",
        ),
        Claim(
            "with growing number of particles",
            "no statement for this basis",
            f"the advantage at order {sizes.order}, level {level} goes from {dilution[0]:.3g} (N = {min(factors)}) to "
            f"{dilution[-1]:.3g} (N = {max(factors)})",
            "not stated",
        ),
        Claim(
            "one-particle functions of mean zero (all l > 0)",
            "no statement for this basis",
            f"condition numbers up to {orthogonal:.2f} canonical, one but for the samples, and up to {usual:.2g} "
            f"self-interacting; at N = {many} up to {max(a.value for a, _ in centred if a.particles == many):.2f} and "
            f"{max(b.value for _, b in centred if b.particles == many):.2g}",
            "not stated",
        ),
        Claim(
            "do the samples suffice",
            "",
            f"doubling them to {sizes.samples:,} changes no condition number by more than {10**change:.2f} times",
            "not stated",
        ),
    ]


def draw(conditions: list[Condition], sizes: Sizes) -> Figure:
    """Condition numbers by order, by level and by number of particles."""
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    axes = figure.subplots(1, 4, sharey=True)
    level, order, most = sizes.levels[-1], sizes.order, sizes.particles[-1]
    fewest = next(n for n in sizes.particles if n >= order)
    for expansion in EXPANSIONS:
        own = [c for c in conditions if c.expansion == expansion and c.particles >= c.order]
        for n, style in ((fewest, "o-"), (most, "s--")):
            label = f"{expansion}, N = {n}"
            for ax, part in zip(axes, PARTS, strict=False):
                chosen = [c for c in own if (c.part, c.level, c.particles) == (part, level, n)]
                plot(ax, [c.order for c in chosen], chosen, style, label)
            chosen = [c for c in own if (c.part, c.order, c.particles) == ("all", order, n)]
            plot(axes[2], [c.level for c in chosen], chosen, style, label)
        for lower, style in ((2, "v:"), (order, "o-")):
            chosen = [c for c in own if c.case[:3] == ("all", lower, level)]
            plot(axes[3], [c.particles for c in chosen], chosen, style, f"{expansion}, order {lower}")
    axes[0].set(xlabel="order", ylabel="condition number of the scaled Gram matrix", title=f"level {level}")
    axes[1].set(xlabel="order", title=f"level {level}, functions of l > 0 only")
    axes[2].set(xlabel="level", title=f"order {order}")
    axes[3].set(xlabel="particles N", title=f"level {level}")
    for ax in axes[:2]:
        ax.set_xticks(range(1, order + 1))
    axes[2].set_xticks(sizes.levels)
    axes[3].set_xscale("log")
    axes[3].set_xticks(sizes.particles, [str(n) for n in sizes.particles])
    for ax in axes:
        ax.grid(alpha=0.3)
        ax.minorticks_off()
    for ax in (axes[0], axes[3]):
        ax.legend(fontsize=7.5)
    return figure


def plot(ax: Axes, places: list[int], conditions: list[Condition], style: str, label: str) -> None:
    """A line of condition numbers of one basis."""
    color = COLORS[conditions[0].expansion]
    ax.semilogy(places, [c.value for c in conditions], style, color=color, ms=5, label=label)


if __name__ == "__main__":
    main("atoms_conditioning", TITLE, atoms_conditioning)
