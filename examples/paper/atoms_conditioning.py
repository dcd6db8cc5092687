"""Condition numbers of both bases on independent particles, by order, level and number of particles.

    python examples/paper/atoms_conditioning.py [--small] [-o DIR]

Gram matrices G_ij = E[B_i B_j], diagonally scaled (D^-1/2 G D^-1/2), for N independent particles: y uniform on [0, 1],
directions uniform on the sphere. They are exact, over the rationals. Beside them are those of many random samples in
the compiled kernels, which share only the specification with the exact ones. Of the samples only R of B = QR is kept
(RᵀR is the Gram matrix), so that no digits are lost. Bases of lower order and level are parts of the largest.

Functions whose channels all have l > 0 are also treated separately: their one-particle functions are orthogonal and
have mean zero. Radial functions alone (l = 0) do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from math import inf, isfinite

import numpy as np
from experiment import COLORS, EXPANSIONS, Cell, Claim, Findings, Setting, main
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from particles import Floats, chunks, compile_both, levels, orders, specification
from threadpoolctl import threadpool_limits

import acegen
from acegen.fit.factor import triangle
from acegen.orthogonal import GramMatrix, basis_gram, condition_number

TITLE = "Condition numbers of both bases on independent particles"
PARTS = ("all", "l > 0")
"""All functions, and those without a channel of l = 0."""

ZERO = 1e-12
"""A sampled column smaller than this fraction of the largest one is only rounding error."""

NULL = 1e-11
"""A combination of functions vanishes if its singular value is below this fraction of the largest one."""


@dataclass(frozen=True)
class Sizes:
    """The sizes that are covered: the largest basis, and all with fewer orders, levels, particles."""

    order: int
    levels: tuple[int, ...]
    particles: tuple[int, ...]
    samples: int


FULL = Sizes(5, (8, 10, 12), (1, 2, 3, 4, 5, 8, 16, 32), 2**16)
SMALL = Sizes(3, (6, 8), (1, 2, 3, 8), 2**13)


@dataclass(frozen=True)
class Spectrum:
    """A diagonally scaled Gram matrix.

    Attributes:
        zero: functions that vanish.
        null: further functions that depend on others linearly: with them the matrix is singular.
        condition: largest by smallest eigenvalue without the zero functions and, if sampled, without the null
            combinations; one if nothing is left.
    """

    zero: int
    null: int
    condition: float


@dataclass(frozen=True)
class Condition:
    """One basis, or a part of it, on N particles: exact, and from samples."""

    expansion: str
    part: str
    order: int
    level: int
    particles: int
    functions: int
    exact: Spectrum
    sampled: Spectrum

    @property
    def case(self) -> tuple[str, int, int, int]:
        return self.part, self.order, self.level, self.particles

    @property
    def value(self) -> float:
        """The exact condition number; infinite for a singular matrix."""
        return self.exact.condition


def exact_spectrum(gram: GramMatrix) -> Spectrum:
    """Zero and dependent functions, and the condition number of the others, exactly (rounded at the end)."""
    zero = set(gram.zero)
    seen = gram.part([i for i in range(gram.size) if i not in zero])
    factorization = seen.factorize()
    null = len(factorization.dependent)
    return Spectrum(len(zero), null, inf if null else condition_number(seen, factorization))


def sampled_factor(model: acegen.Model, particles: int, samples: int) -> Floats:
    """R of the basis functions on random samples."""
    factor: Floats = np.zeros((0, model.n_basis))
    for part in chunks(particles, samples, particles):
        factor = triangle(np.asfortranarray(np.vstack([factor, model.basis_values(part.environments)])))
    return factor


def sampled_spectrum(factor: Floats, chosen: NDArray[np.int64]) -> Spectrum:
    """The same from samples, within rounding."""
    norms = np.linalg.norm(factor, axis=0)
    seen = chosen[norms[chosen] > ZERO * norms.max()]
    if not len(seen):
        return Spectrum(len(chosen), 0, 1.0)
    values = np.linalg.svd(factor[:, seen] / norms[seen], compute_uv=False)
    kept = values[values > NULL * values[0]]
    return Spectrum(len(chosen) - len(seen), len(seen) - len(kept), float((kept[0] / kept[-1]) ** 2))


def members(model: acegen.Model, part: str, order: int, level: int) -> NDArray[np.int64]:
    """Indices of the functions of a smaller basis, or of a part of it."""
    chosen = (orders(model) <= order) & (levels(model) <= level)
    if part == "l > 0":
        chosen &= np.array([min(label.l) > 0 for label in model.labels("Si")])
    return np.flatnonzero(chosen)


def measure(setting: Setting, sizes: Sizes) -> list[Condition]:
    """All condition numbers, exact and sampled."""
    found = []
    models = compile_both(setting, sizes.order, sizes.levels[-1])
    bases = {e: acegen.derive(specification(e, sizes.order, sizes.levels[-1])) for e in EXPANSIONS}
    with setting.step("Gram matrices") as advance, threadpool_limits(1):
        for done, (particles, expansion) in enumerate(product(sizes.particles, EXPANSIONS)):
            advance(done, len(EXPANSIONS) * len(sizes.particles))
            factor = sampled_factor(models[expansion], particles, sizes.samples)
            gram = basis_gram(bases[expansion], particles)
            for part, order, level in product(PARTS, range(1, sizes.order + 1), sizes.levels):
                chosen = members(models[expansion], part, order, level)
                if len(chosen) > 1:
                    exact = exact_spectrum(gram.part([int(i) for i in chosen]))
                    case = (expansion, part, order, level, particles, len(chosen))
                    found.append(Condition(*case, exact, sampled_spectrum(factor, chosen)))
        setting.progress.report(f"{len(found)} of up to {models[EXPANSIONS[0]].n_basis} functions")
    return found


def atoms_conditioning(setting: Setting) -> Findings:
    """Condition numbers of both bases by order, level and number of particles."""
    sizes = SMALL if setting.small else FULL
    conditions = measure(setting, sizes)
    findings = Findings()
    findings.tables["atoms_conditioning"] = (
        ("part", "order", "level", "particles", "expansion", "functions", "zero functions", "dependent functions",
         "condition", "condition of samples", "samples"),
        [
            (c.part, c.order, c.level, c.particles, c.expansion, c.functions, c.exact.zero, c.exact.null, cell(c.value),
             cell(c.sampled.condition), sizes.samples)
            for c in sorted(conditions, key=lambda c: (*c.case, c.expansion))
        ],
    )  # fmt: skip
    findings.claims = claims(conditions, sizes)
    findings.figure = draw(conditions, sizes)
    return findings


def cell(condition: float) -> Cell:
    """A condition number for a table."""
    return float(f"{condition:.4g}") if isfinite(condition) else "singular"


def paired(conditions: list[Condition]) -> list[tuple[Condition, Condition]]:
    """Both bases of each case, in the order of `EXPANSIONS`."""
    by_key = {(c.case, c.expansion): c for c in conditions}
    cases = dict.fromkeys(c.case for c in conditions)
    return [(by_key[case, EXPANSIONS[0]], by_key[case, EXPANSIONS[1]]) for case in cases]


def claims(conditions: list[Condition], sizes: Sizes) -> list[Claim]:
    """What the paper says about conditioning, and what is found."""
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
    vanish = all(a.exact.zero == b.exact.null and b.exact.zero == a.exact.null == 0 for a, b in fewer)
    many = max(sizes.particles)
    orthogonal, usual = (max(pair[i].value for pair in centred if isfinite(pair[1].value)) for i in (0, 1))
    finite = [c for c in conditions if isfinite(c.value)]
    off = max(max(c.value / c.sampled.condition, c.sampled.condition / c.value) for c in finite)
    same_rank = all((c.exact.zero, c.exact.null) == (c.sampled.zero, c.sampled.null) for c in conditions)
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
            f"in all {len(fewer)} such cases exactly these functions are zero, and as many self-interacting functions "
            f"depend on the others, whose matrix is singular: {vanish}",
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
            f"condition number at most {orthogonal:g} canonical, up to {usual:.3g} self-interacting (N = {many}: up to "
            f"{max(b.value for _, b in centred if b.particles == many):.3g})",
            "not stated",
        ),
        Claim(
            "samples against exact Gram matrices",
            "a check, no claim",
            f"{sizes.samples:,} samples in the compiled kernels: condition numbers within a factor {off:.2f}; the same "
            f"numbers of zero and of dependent functions in all {len(conditions)} cases: {same_rank}",
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
    axes[0].set(
        xlabel="order", ylabel="condition number of the scaled Gram matrix", title=f"all functions, level {level}"
    )
    axes[1].set(xlabel="order", title=f"functions of l > 0 only, level {level}")
    axes[2].set(xlabel="level", title=f"all functions, order {order}")
    axes[3].set(xlabel="particles N", title=f"all functions, level {level}")
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
