"""The purification operator of atomic environments: sizes, sparsity, growth, and the functions it needs.

    python examples/paper/atoms_operator.py [--small] [-o DIR]

O(3)-invariant functions of one element, orders 1 to 5. Everything is exact; nothing is compiled. Each operator is
derived in a separate process, so that times are those of a first derivation.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import log
from time import perf_counter
from typing import Any

import numpy as np
from experiment import COLORS, Claim, Findings, Setting, main
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import acegen
from acegen.basis import Basis
from acegen.lower import expand_products

LEVELS = {1: (8, 12, 16, 20, 24), 2: (8, 12, 16, 20, 24), 3: (8, 10, 12, 14, 16, 20, 24)}
LEVELS |= {4: (8, 10, 12, 14, 16, 18, 20), 5: (8, 10, 12, 14, 16)}
SMALL_LEVELS = {1: (8, 10), 2: (8, 10), 3: (8, 10), 4: (8,)}
FAMILIES: dict[str, dict[str, Any]] = {
    "closed, y·Jacobi(0,2)": {"family": "closed"},
    "envelope y, Chebyshev": {"family": "envelope", "envelope": [0, 1], "polynomial": "chebyshev"},
    "envelope y², Legendre": {"family": "envelope", "envelope": [0, 0, 1], "polynomial": "legendre"},
    "envelope y³, Jacobi(1,2)": {
        "family": "envelope",
        "envelope": [0, 0, 0, 1],
        "polynomial": "jacobi",
        "alpha": 1,
        "beta": 2,
    },
}
CLOSED = next(iter(FAMILIES))
FAMILY_CASES = ((2, 12), (3, 8), (3, 12), (3, 16), (4, 8), (4, 10), (4, 12))
SMALL_FAMILY_CASES = ((3, 8),)
PATTERN = (4, 12)
SMALL_PATTERN = (3, 8)
TITLE = "The purification operator of atomic environments"


@dataclass(frozen=True)
class Operator:
    """Properties of one operator.

    Attributes:
        order: largest order.
        level: largest level.
        family: key of `FAMILIES`.
        functions: number of rows: functions of K.
        auxiliary: further columns: functions of K' that are not in K.
        products: distinct products of pooled functions that the canonical basis needs.
        usual_products: products that the self-interacting basis of the same functions needs.
        nonzeros: non-zeros of the operator.
        digits: decimal digits of the largest numerator or denominator.
        unit_triangular: whether the diagonal is one and, in the columns of K, nothing is right of it.
        lowering: whether everything off the diagonal is of lower order than the row.
        seconds: time to derive it.
    """

    order: int
    level: int
    family: str
    functions: int
    auxiliary: int
    products: int
    usual_products: int
    nonzeros: int
    digits: int
    unit_triangular: bool
    lowering: bool
    seconds: float

    @property
    def density(self) -> float:
        return self.nonzeros / (self.functions * (self.functions + self.auxiliary))


def derive(order: int, level: int, family: str, expansion: str = "canonical") -> Basis:
    """The basis of one element."""
    basis = {"expansion": expansion, "elements": ["Si"], "order": order, "level": level}
    return acegen.derive({"name": "operator", "basis": basis, "radial": {"cutoff": 5.0, **FAMILIES[family]}})


def describe(order: int, level: int, family: str) -> Operator:
    """Derive an operator and examine every entry."""
    start = perf_counter()
    basis = derive(order, level, family)
    seconds = perf_counter() - start
    unit_triangular = lowering = True
    digits = 1
    for number, row in enumerate(basis.purification):
        own = [(column, value) for column, value in row if column < basis.n_coupled]
        last, diagonal = own[-1]
        unit_triangular &= last == number and diagonal == 1
        lowering &= all(basis.functions[c].order < basis.functions[number].order for c, _ in row if c != number)
        digits = max(digits, *(len(str(part).lstrip("-")) for _, value in row for part in (value.p, value.q)))
    usual = derive(order, level, family, "self-interacting")
    return Operator(
        order,
        level,
        family,
        basis.n_coupled,
        basis.n_auxiliary,
        len(expand_products(basis).products),
        len(expand_products(usual).products),
        basis.n_nonzero,
        digits,
        unit_triangular,
        lowering,
        seconds,
    )


def describe_all(setting: Setting, name: str, cases: Sequence[tuple[int, int, str]]) -> list[Operator]:
    """One process after the other, so that a derivation does not profit from what an earlier one has cached."""
    found = []
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["acegen.lower", "acegen.spec", "experiment", "matplotlib.figure"])
    with setting.step(name) as advance, ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        for operator in pool.map(describe, *zip(*cases, strict=True)):
            found.append(operator)
            advance(len(found), len(cases))
        setting.progress.report(f"{len(found)} operators, largest {max(o.functions for o in found):,} functions")
    return found


def atoms_operator(setting: Setting) -> Findings:
    """Sizes of 𝒫 over orders and levels, and of K' over radial families."""
    levels = SMALL_LEVELS if setting.small else LEVELS
    family_cases = SMALL_FAMILY_CASES if setting.small else FAMILY_CASES
    sizes = describe_all(setting, "operators", [(o, d, CLOSED) for o, own in levels.items() for d in own])
    families = describe_all(setting, "families", [(o, d, f) for o, d in family_cases for f in FAMILIES])
    findings = Findings()
    findings.tables["atoms_operator"] = (
        ("order", "level", "functions", "products", "products, self-interacting", "non-zeros", "density, %",
         "non-zeros a row", "digits", "square", "unit lower triangular", "seconds"),
        [
            (o.order, o.level, o.functions, o.products, o.usual_products, o.nonzeros, round(100 * o.density, 3),
             round(o.nonzeros / o.functions, 1), o.digits, str(o.auxiliary == 0), str(o.unit_triangular),
             round(o.seconds, 2))
            for o in sizes
        ],
    )  # fmt: skip
    findings.tables["atoms_operator_families"] = (
        ("family", "order", "level", "functions K", "functions K'", "K' / K", "products", "products, self-interacting",
         "non-zeros", "unit lower triangular in K"),
        [
            (o.family, o.order, o.level, o.functions, o.functions + o.auxiliary,
             round(1 + o.auxiliary / o.functions, 3), o.products, o.usual_products, o.nonzeros,
             str(o.unit_triangular))
            for o in families
        ],
    )  # fmt: skip
    findings.claims = claims(sizes, families)
    with setting.step("picture"):
        findings.figure = draw(sizes, families, derive(*(SMALL_PATTERN if setting.small else PATTERN), CLOSED))
    return findings


def claims(sizes: list[Operator], families: list[Operator]) -> list[Claim]:
    """What the paper says about the operator, and what is found."""
    everything = sizes + families
    closed = [o for o in everything if o.family == CLOSED]
    wide = [o for o in families if o.auxiliary]
    largest = max(sizes, key=lambda o: o.functions)
    triangular = all(o.unit_triangular and o.lowering for o in everything)
    square = all(o.auxiliary == 0 for o in closed)
    same_cost = all(o.products == o.usual_products for o in closed)
    sparse = growing_sparser(sizes)
    return [
        Claim(
            "𝒫 is unit lower triangular, block by block in the order",
            "𝒜 = 𝒫 A with 𝒫 triangular, each function being its product less terms of lower order",
            f"in all {len(everything)} operators: {triangular}",
            "agrees" if triangular else "differs",
        ),
        Claim(
            "𝒫 is sparse",
            "𝒫 is sparse (numbers are stated for particles on an interval only)",
            f"at most {max(o.nonzeros / o.functions for o in sizes):.0f} non-zeros per row; "
            f"{100 * largest.density:.2f} % at order {largest.order}, level {largest.level} ({largest.functions:,} "
            f"functions); density falls with the level at every order above 1: {sparse}; {exponents(sizes)}",
            "trend agrees" if sparse else "differs",
        ),
        Claim(
            "functions beyond K",
            "products leave K in general, and a larger K' holds them (Theorem 2.1)",
            f"closed family: K' = K and 𝒫 square in all {len(closed)} cases: {square}; "
            + "; ".join(widest(wide, family) for family in dict.fromkeys(o.family for o in wide)),
            "agrees" if square and wide else "differs",
        ),
        Claim(
            "cost of the canonical basis",
            "that of the self-interacting one",
            f"closed family: both need the same products in all {len(closed)} cases: {same_cost}; with an envelope up "
            f"to {max(o.products / o.usual_products for o in everything):.2f} times as many",
            "agrees" if same_cost else "differs",
        ),
        Claim(
            "time to derive 𝒫 exactly",
            "no number for this basis",
            f"{largest.seconds:.1f} s for {largest.functions:,} functions, entries of up to {largest.digits} digits",
            "not stated",
        ),
    ]  # fmt: skip


def growing_sparser(sizes: list[Operator]) -> bool:
    """Whether the density falls from each level to the next at every order above 1 (at order 1 𝒫 is the identity)."""
    series = [[o.density for o in sizes if o.order == order] for order in {o.order for o in sizes} - {1}]
    return all(a > b for own in series for a, b in pairwise(own))


def exponents(sizes: list[Operator]) -> str:
    """Growth of the non-zeros with the number of functions between the two highest levels of each order."""
    parts = []
    for order in sorted({o.order for o in sizes}):
        own = [o for o in sizes if o.order == order][-2:]
        if len(own) == 2:
            a, b = own
            parts.append(f"{log(b.nonzeros / a.nonzeros) / log(b.functions / a.functions):.2f} (order {order})")
    return "non-zeros grow as (functions)^p with p = " + ", ".join(parts)


def widest(wide: list[Operator], family: str) -> str:
    """The largest K' of a family."""
    most = max((o for o in wide if o.family == family), key=lambda o: o.auxiliary / o.functions)
    return (
        f"{family}: K' up to {1 + most.auxiliary / most.functions:.2f} times K ({most.functions + most.auxiliary} for "
        f"{most.functions}, order {most.order}, level {most.level})"
    )


def draw(sizes: list[Operator], families: list[Operator], pattern: Basis) -> Figure:
    """One operator, growth, and K' by family."""
    figure = Figure(figsize=(13, 4.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_pattern(left, pattern)
    orders = sorted({o.order for o in sizes})
    for order in orders:
        own = [o for o in sizes if o.order == order]
        shade = 0.25 + 0.75 * order / max(orders)
        middle.loglog(
            [o.functions for o in own],
            [o.nonzeros for o in own],
            "o-",
            color=COLORS["canonical"],
            alpha=shade,
            ms=4,
            label=f"order {order}",
        )
    reach = np.array([min(o.functions for o in sizes), max(o.functions for o in sizes)])
    middle.loglog(reach, reach**2, "--", color="#777777", lw=1, label="full matrix")
    middle.loglog(reach, reach, ":", color="#777777", lw=1, label="identity")
    middle.set(xlabel="functions", ylabel="non-zeros of the operator", title="growth with the level, by order")
    middle.legend(fontsize=8)
    cases = list(dict.fromkeys((o.order, o.level) for o in families))
    width = 0.8 / len(FAMILIES)
    for number, family in enumerate(FAMILIES):
        heights = [1 + o.auxiliary / o.functions for o in families if o.family == family]
        places = np.arange(len(cases)) + (number - (len(FAMILIES) - 1) / 2) * width
        color = ("#4477aa", "#66ccee", "#ccbb44", "#aa3377")[number]
        right.bar(places, heights, width, color=color, label=family)
    right.set_xticks(range(len(cases)), [f"{order}\n{level}" for order, level in cases])
    right.set(xlabel="order, level", ylabel="functions of K' per function of K", title="how large K' is")
    right.set_ylim(0.9, None)
    right.legend(fontsize=8)
    return figure


def draw_pattern(ax: Axes, basis: Basis) -> None:
    """Where 𝒫 is not zero; lines separate the orders."""
    entries = np.array([(column, row) for row, own in enumerate(basis.purification) for column, _ in own])
    ax.plot(*entries.T, "s", color=COLORS["canonical"], ms=300 / len(basis.purification), mew=0)
    ends = np.cumsum(basis.count_by_order())
    for end in ends[:-1]:
        ax.axhline(end - 0.5, color="#bbbbbb", lw=0.7)
        ax.axvline(end - 0.5, color="#bbbbbb", lw=0.7)
    ax.set_xlim(-1, ends[-1])
    ax.set_ylim(ends[-1], -1)
    ax.set_aspect("equal")
    middles = (ends + np.concatenate([[0], ends[:-1]])) / 2
    names = [str(order + 1) for order in range(len(ends))]
    ax.set_xticks(middles, names)
    ax.set_yticks(middles, names)
    spec = basis.spec.basis
    share = 100 * basis.n_nonzero / ends[-1] ** 2
    ax.set(
        xlabel="order of the self-interacting function",
        ylabel="order of the canonical function",
        title=f"order {spec.order}, level {basis.spec.levels[-1]}: {basis.n_nonzero:,} of {ends[-1]}² ({share:.1f} %)",
    )


if __name__ == "__main__":
    main("atoms_operator", TITLE, atoms_operator)
