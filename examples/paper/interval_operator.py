"""The purification operator on the interval: the set it needs, how sparse it is, and how it grows.

    python interval_operator.py [--small] [-o DIR]

docs/experiments compares the results with arXiv 2401.01550.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from math import prod

from experiment import Cell, Claim, Findings, Setting, main
from interval import (
    POLYNOMIALS,
    Rows,
    hyperbolic_cross,
    indices_of,
    label_of,
    largest_index,
    operator,
    polynomials,
    total_degree,
)
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sympy.functions.combinatorial.numbers import stirling

from acegen.algebra import build_algebra
from acegen.algebra.line import LINE
from acegen.basis import derive_basis
from acegen.basis.recursion import Recursion
from acegen.spec import load_spec

TITLE = "Purification on the interval: the set K', sparsity, and growth"
STYLES = {"chebyshev": "-", "legendre": "--"}

Counts = Mapping[str, Mapping[tuple[int, int], tuple[int, int]]]
"""Numbers of rows and of non-zeros by polynomials and (order, Σk), for exactly this order and sum."""


def interval_operator(setting: Setting) -> Findings:
    """Derive 𝒫 for sets of indices on [-1, 1], exactly, and count its entries."""
    findings = Findings()
    pattern = _pattern(setting, findings)
    _sets(setting, findings)
    top, degree = (4, 12) if setting.small else (5, 30)
    rows = {}
    for kind in STYLES:
        with setting.step(f"𝒫, {kind}, orders 1-{top}, Σk ≤ {degree}") as advance:
            rows[kind] = operator(total_degree(top, degree), polynomials(kind), advance)
    _bounds(rows["chebyshev"], findings)
    counts = _growth(rows, findings)
    _recursion(setting, rows, findings)
    _time(setting, findings)
    findings.figure = _draw(pattern, rows["chebyshev"], counts)
    return findings


def _pattern(setting: Setting, findings: Findings) -> Rows:
    """The operator of order 3, Σk < 20, derived from a specification as for a compiled model."""
    spec = load_spec({"name": "interval", "basis": {"symmetry": "none", "order": 3, "level": 19}})
    with setting.step("𝒫, chebyshev, order 3, Σk < 20"):
        basis = derive_basis(build_algebra(spec), setting.progress)
    keys = [indices_of(function.label) for function in basis.functions]
    share = f"{100 * basis.n_nonzero / (basis.n_basis * len(keys)):.2f} %"
    seen = f"{share}: {basis.n_nonzero:,} non-zeros, {basis.n_basis} rows, {len(keys)} columns"
    what = "share of non-zeros of 𝒫; Chebyshev, order 3, Σk < 20"
    findings.claims.append(Claim(what, "1.48 %", seen, "agrees" if share == "1.48 %" else "differs"))
    entries: list[list[Cell]] = [[i, j, str(value)] for i, row in enumerate(basis.purification) for j, value in row]
    findings.tables["interval_pattern"] = ("row", "column", "value"), entries
    return {keys[i]: {keys[j]: value for j, value in row} for i, row in enumerate(basis.purification)}


def _sets(setting: Setting, findings: Findings) -> None:
    """Which sets K are closed, and the larger K' for the others."""
    degree = 6 if setting.small else 12
    sets = {
        f"Σk ≤ {degree}": total_degree(3, degree),
        f"Σk ≤ {degree}, k ≥ 1": total_degree(3, degree, first=1),
        f"largest k ≤ {degree // 2}": largest_index(3, degree // 2),
        f"Π(1+k) ≤ {degree + 1}": hyperbolic_cross(3, degree),
    }
    table: list[list[Cell]] = []
    with setting.step("K' of several sets") as advance:
        for done, (name, indices) in enumerate(sets.items()):
            advance(done, len(sets))
            for kind in POLYNOMIALS:
                rows = operator(indices, polynomials(kind))
                larger = {k for row in rows.values() for k in row}
                table.append([name, kind, len(indices), len(larger), "yes" if larger == set(indices) else "no"])
    findings.tables["interval_sets"] = ("set K", "polynomials", "size of K", "size of K'", "K' = K"), table
    chebyshev = [(name, size, larger) for name, kind, size, larger, _ in table if kind == "chebyshev"]
    closed = [name for name in sets if all(row[4] == "yes" for row in table if row[0] == name)]
    grown = [f"{name}: {size} → {larger}" for name, size, larger in chebyshev if name not in closed]
    seen = f"K' = K for {', '.join(closed)} (all families). Size of K → K', Chebyshev: {', '.join(grown)}"
    what = "𝒜 on K is 𝒫 A on some finite K' ⊃ K (Theorem 2.1); order 3"
    findings.claims.append(Claim(what, "K' exists", seen, "agrees"))


def bound_by_partitions(order: int) -> int:
    """Most non-zeros of a row for Chebyshev polynomials: Σ_π Π_b 2^(|b|-1), π over the set partitions of the slots.

    A product of s of them has at most 2^(s-1) terms, T_{k_1 ± k_2 ± ... ± k_s}.
    """
    return sum(int(stirling(order, blocks)) * 2 ** (order - blocks) for blocks in range(1, order + 1))


def bound_by_recursion(order: int) -> int:
    """The same from the recursion alone: row ν comes from one row of order ν-1, and 2 (ν-1) further ones."""
    return prod(2 * nu - 1 for nu in range(1, order + 1))


def _bounds(rows: Rows, findings: Findings) -> None:
    """Longest rows compared with two bounds."""
    longest: Counter[int] = Counter()
    for k, row in rows.items():
        longest[len(k)] = max(longest[len(k)], len(row))
    degree = max(map(sum, rows))
    table = []
    for order in sorted(longest):
        spread = tuple(3**t for t in range(order))  # all sums and differences of these are different
        (row,) = operator([spread], polynomials("chebyshev")).values()
        table.append((order, longest[order], len(row), bound_by_partitions(order), bound_by_recursion(order)))
    headings = (
        "order",
        f"longest row, Σk ≤ {degree}",
        "row of k = 1, 3, 9, ...",
        "bound, partitions",
        "bound, recursion",
    )
    findings.tables["interval_bounds"] = headings, [list(row) for row in table]

    def listed(column: int) -> str:
        return ", ".join(str(row[column]) for row in table)

    kept = all(max(row[1], row[2]) <= row[3] <= row[4] for row in table)
    seen = (
        f"orders 1-{len(table)}: at most {listed(3)} (partitions; recursion alone: {listed(4)}). "
        f"{'Not exceeded' if kept else 'EXCEEDED'}: longest row with Σk ≤ {degree}: {listed(1)}; "
        f"k = 1, 3, 9, ...: {listed(2)}"
    )
    findings.claims.append(Claim("non-zeros of a row, Chebyshev", "𝒫 is sparse", seen, "not stated"))


def _growth(rows: Mapping[str, Rows], findings: Findings) -> Counts:
    """Rows and non-zeros by order and degree."""
    counts: dict[str, dict[tuple[int, int], tuple[int, int]]] = {}
    for kind, operator_rows in rows.items():
        own = counts[kind] = {}
        for k, row in operator_rows.items():
            number, nonzero = own.get((len(k), sum(k)), (0, 0))
            own[len(k), sum(k)] = number + 1, nonzero + len(row)
    top, degree = max(key[0] for key in own), max(key[1] for key in own)
    table: list[list[Cell]] = []
    for kind in counts:
        for order in range(1, top + 1):
            for limit in range(degree + 1):
                size, nonzero = total(counts, kind, order, limit)
                table.append([kind, order, limit, size, nonzero, round(nonzero / size**2 * 100, 4)])
    findings.tables["interval_growth"] = ("polynomials", "order", "Σk up to", "rows", "non-zeros", "share in %"), table
    parts = []
    for kind in counts:
        size, nonzero = total(counts, kind, top, degree)
        parts.append(f"{kind}: {nonzero:,} ({nonzero / size:.0f} per row, {nonzero / size**2 * 100:.2f} %)")
    seen = f"orders 1-{top}, Σk ≤ {degree}, {size:,} rows. {'; '.join(parts)}"
    findings.claims.append(Claim("non-zeros of 𝒫 as order and degree grow", "𝒫 is sparse", seen, "not stated"))
    return counts


def total(counts: Counts, kind: str, order: int, degree: int) -> tuple[int, int]:
    """Rows and non-zeros of 𝒫 for orders 1 .. order and Σk <= degree."""
    chosen = [value for (nu, size), value in counts[kind].items() if nu <= order and size <= degree]
    return sum(number for number, _ in chosen), sum(nonzero for _, nonzero in chosen)


def _recursion(setting: Setting, rows: Mapping[str, Rows], findings: Findings) -> None:
    """Compare the closed formula over set partitions with the recursion of the paper, exactly."""
    checked = wrong = 0
    for kind, own in rows.items():
        chosen = [k for k in own if sum(k) <= {4: 20, 5: 16}.get(len(k), 30)]
        recursion = Recursion(polynomials(kind), LINE)
        with setting.step(f"recursion, {kind}") as advance:
            for done, k in enumerate(chosen):
                advance(done, len(chosen))
                (row,) = recursion.purify_label(label_of(k))
                wrong += {indices_of(label): value for (label, _), value in row.items()} != own[k]
                checked += 1
    seen = f"{checked:,} rows by both, over the rationals; {wrong} differ"
    findings.claims.append(
        Claim(
            "the recursion and the closed formula give the same 𝒫", "recursion", seen, "differs" if wrong else "agrees"
        )
    )
    findings.tables["interval_recursion"] = ("rows compared", "rows that differ"), [[checked, wrong]]


def _time(setting: Setting, findings: Findings) -> None:
    """Time of an exact operator from scratch."""
    degree = 15 if setting.small else 30
    start = time.perf_counter()
    rows = operator(total_degree(3, degree), polynomials("chebyshev"))
    seconds = time.perf_counter() - start
    findings.tables["interval_time"] = ("order", "degree", "rows", "seconds"), [[3, degree, len(rows), seconds]]
    seen = f"{seconds:.2f} s for {len(rows):,} rows, one core"
    findings.claims.append(Claim(f"time of the exact 𝒫, order 3, Σk ≤ {degree}", "not stated", seen, "not stated"))


def _draw(pattern: Rows, rows: Rows, counts: Counts) -> Figure:
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _draw_pattern(left, pattern)
    _draw_bounds(middle, rows)
    _draw_growth(right, counts)
    return figure


def _draw_pattern(axes: Axes, pattern: Rows) -> None:
    position = {k: number for number, k in enumerate(pattern)}
    points = [(position[column], position[k]) for k, row in pattern.items() for column in row]
    axes.plot(*zip(*points, strict=True), "s", color="#4477aa", ms=1.1, mew=0)
    ends = [sum(1 for k in pattern if len(k) <= order) for order in (1, 2, 3)]
    for end in ends[:-1]:
        axes.axhline(end - 0.5, color="0.7", lw=0.6)
        axes.axvline(end - 0.5, color="0.7", lw=0.6)
    middles = [(a + b) / 2 for a, b in zip([0, *ends], ends, strict=False)]
    names = ["1", "2", "3"]
    axes.set(xlim=(-4, len(pattern) + 3), ylim=(len(pattern) + 3, -4), aspect="equal")
    axes.set_xticks(middles, names)
    axes.set_yticks(middles, names)
    axes.tick_params(length=0)
    share = 100 * len(points) / len(pattern) ** 2
    axes.set(title=f"𝒫, Chebyshev, Σk < 20: {len(points):,} non-zeros, {share:.2f} %".replace("𝒫", r"$\mathcal{P}$"))
    axes.set(xlabel=r"order of the product of $A$", ylabel=r"order of $\mathcal{A}$")


def _draw_bounds(axes: Axes, rows: Rows) -> None:
    """The longest row by order and degree."""
    top, degree = max(map(len, rows)), max(map(sum, rows))
    for order in range(1, top + 1):
        color = _shade(order, top)
        own = [(sum(k), len(row)) for k, row in rows.items() if len(k) == order]
        longest = [max(size for total, size in own if total <= limit) for limit in range(degree + 1)]
        axes.semilogy(range(degree + 1), longest, color=color)
        axes.axhline(bound_by_partitions(order), color=color, ls=":", lw=1)
        axes.annotate(f" {order}", (degree, bound_by_partitions(order)), va="center", annotation_clip=False)
    axes.plot([], [], "k-", label=r"longest row of order $\nu$")
    axes.plot([], [], "k:", label=r"bound $\Sigma_\pi \Pi_{b \in \pi}\, 2^{|b|-1}$")
    axes.set(xlabel=r"largest $\Sigma k$", ylabel="non-zeros of a row", title="Longest row, Chebyshev")
    axes.set(xlim=(0, degree), ylim=(0.8, 12 * bound_by_partitions(top)))
    axes.annotate(r" $\nu$", (degree, 1.6 * bound_by_partitions(top)), annotation_clip=False)
    axes.legend(loc="upper left")


def _draw_growth(axes: Axes, counts: Counts) -> None:
    top, degree = (max(key[i] for key in counts["chebyshev"]) for i in (0, 1))
    limits = range(1, degree + 1)
    for order in range(1, top + 1):
        for kind, style in STYLES.items():
            values = [total(counts, kind, order, limit)[1] for limit in limits]
            axes.loglog(limits, values, style, color=_shade(order, top))
        axes.annotate(f" {order}", (degree, values[-1]), va="center", annotation_clip=False)
    for kind, style in STYLES.items():
        axes.plot([], [], style, color="k", label=kind.capitalize())
    axes.annotate(r" $\nu$", (degree, values[-1] * 2.2), annotation_clip=False)
    ticks = [tick for tick in (1, 2, 5, 10, 20, 30) if tick <= degree]
    axes.set_xticks(ticks, list(map(str, ticks)))
    axes.minorticks_off()
    axes.set(xlabel=r"largest $\Sigma k$", ylabel=r"non-zeros of $\mathcal{P}$", xlim=(1, degree))
    axes.set(title=r"Non-zeros, all orders up to $\nu$")
    axes.legend()


def _shade(order: int, top: int) -> str:
    return str(0.7 - 0.7 * (order - 1) / max(1, top - 1))


if __name__ == "__main__":
    main("interval_operator", TITLE, interval_operator)
