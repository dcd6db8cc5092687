"""The section of the report on grades and uncertainty, and its picture."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from acegen.fit.uncertainty.grades import STOP
from acegen.fit.uncertainty.reliability import Coverage, GradeRow, Reliability
from acegen.fit.uncertainty.stage import CommitteeFit, UncertaintyFit
from acegen.store.uncertainty import LEVELS

Table = tuple[tuple[str, ...], list[list[str]]]

CAPTION = (
    "Left: sizes of errors by the standard deviation that was predicted; the line is the median to be expected, the "
    "band holds 90 %. Middle: share of values within intervals against their probability. Right: grades of atoms, with "
    "both thresholds."
)

_COLORS = {"training": "#4477aa", "validation": "#ccbb44", "held out": "#ccbb44", "test": "#ee6677"}
_MOST = 4000
"""Points of a cloud."""


def coverage_table(measured: Reliability) -> Table:
    """Coverage of intervals, and rank correlation of standard deviations with errors."""
    rows = [
        [
            own.part,
            own.quantity,
            f"{own.configurations:,}",
            f"{len(own.errors):,}",
            *(f"{100 * share:.1f} %" for share in own.shares),
            _number(own.correlation),
        ]
        for own in measured.coverages
    ]
    levels = (f"in {100 * level:g} %" for level in LEVELS)
    return ("part", "quantity", "configurations", "values", *levels, "rank correlation"), rows


def grade_table(measured: Reliability) -> Table:
    """Distribution of grades by part."""
    rows = [
        [
            own.part,
            f"{len(own.grades):,}",
            *(f"{q:.3g}" for q in own.quantiles),
            *(f"{100 * share:.2g} %" for share in own.above),
            _number(own.correlation),
        ]
        for own in measured.grades
    ]
    headings = ("part", "atoms", "median", "90 %", "99 %", "largest", "above first", "above second")
    return (*headings, "rank correlation"), rows


def committee_text(found: UncertaintyFit) -> str:
    """What the standard deviations are, in a paragraph; empty without a committee."""
    own = found.committee
    if own is None:
        return ""
    by = (
        "errors of held-out data"
        if own.part == "validation"
        else f"residuals of the training data, times {own.inflation:.3g}, since nothing was held out"
    )
    return (
        f"A committee of {own.members.shape[1]} samples of the posterior. Standard deviations of errors to be expected "
        f"are sqrt(floor² + scale² v), v the variance of the committee, calibrated by {by}: floor "
        f"{1e3 * own.energy.floor:.3g} meV/atom and scale {own.energy.scale:.3g} for energies, {own.forces.floor:.3g} "
        f"eV/Å and {own.forces.scale:.3g} for forces. Intervals of 50, 90 and 95 % are "
        f"{', '.join(f'{q:.2f}' for q in own.energy.quantiles)} (energies) and "
        f"{', '.join(f'{q:.2f}' for q in own.forces.quantiles)} (forces) of them. They are about right on average "
        "over data of the same kinds, not for each kind by itself, and the less so the fewer configurations calibrate "
        f"them.{_uncalibrated(own)}{_left_out(own)} Force errors are compared by atom."
    )


def _uncalibrated(own: CommitteeFit) -> str:
    pairs = (("energies", own.energy), ("forces", own.forces))
    missing = [name for name, calibration in pairs if not calibration.count]
    return "".join(f" Nothing calibrates {name}." for name in missing)


def _left_out(own: CommitteeFit) -> str:
    count = int(np.sum(~own.committee.rows.any(axis=1)))
    return (
        f" Functions that vanish on all training data, or were not selected, {count:,} of them, have no coefficient, "
        "and neither standard deviations nor grades see them."
        if count
        else ""
    )


def grade_text(found: UncertaintyFit) -> str:
    """What the grades are, in a paragraph; empty without."""
    own = found.grades
    if own is None:
        return ""
    first, second = own.grades.thresholds
    sketch = (
        f" Of a grade 95 % are within {100 * own.grades.error:.0f} % of the exact one."
        if own.grades.error
        else " It is exact."
    )
    active = "".join(
        f" The active set of {element} has {len(one.rows):,} environments"
        f"{f', of them {one.n_units:,} unit rows' if one.n_units else ''}."
        for element, one in own.active.items()
    )
    # Active sets take time: only fold 0 is left out of them.
    folds = "; only the atoms of one fold are, since active sets take time" if own.grades.kind == "d-optimality" else ""
    return (
        f"Grades of atoms, {own.grades.kind}, {own.grades.rows.shape[1]:,} rows; 1 is about the largest in the "
        f"training data.{sketch}{active} Thresholds: above {first:.3g} a configuration is worth labelling, above "
        f"{second:.3g} results are not to be trusted. The first is the largest grade in 95 % of "
        "held-out configurations, but at least 1, and at most twice the median of a kind; the second "
        f"{STOP:g} times that. Held-out atoms are graded by the data without their fold{folds}."
    )


def draw_reliability(measured: Reliability, found: UncertaintyFit) -> Figure | None:
    """Errors against predicted deviations, coverage, and grades; None if there is neither committee nor grades."""
    forces = [own for own in measured.coverages if own.quantity == "forces"] or list(measured.coverages)
    if not forces and not measured.grades:
        return None
    figure = Figure(figsize=(11, 3.4))
    left, middle, right = figure.subplots(1, 3)
    for own in forces:
        _cloud(left, own)
    if forces and found.committee is not None:
        quantiles = getattr(found.committee, forces[0].quantity).quantiles
        low, high = left.get_xlim()
        ends = np.array([low, high])
        left.plot(ends, quantiles[0] * ends, "-", color="#333333", lw=0.8)
        left.fill_between(ends, 1e-12, quantiles[1] * ends, color="#999999", alpha=0.15, lw=0)
        left.set_xlim(low, high)
        left.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    first = {own.quantity: own for own in reversed(measured.coverages)}  # the calibrating part is listed first
    for own in measured.coverages:
        _curve(middle, own, first[own.quantity])
    middle.plot([0, 1], [0, 1], "-", lw=0.7, color="#555555", zorder=0)
    middle.set(xlabel="probability of the interval", ylabel="share within it", xlim=(0, 1), ylim=(0, 1))
    _histograms(right, measured.grades, found)
    for axes in (left, middle, right):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=7)
    return figure


def _cloud(axes: Axes, own: Coverage) -> None:
    step = -(-len(own.errors) // _MOST)
    x, y = own.deviations[::step], np.abs(own.errors[::step])
    shown = (x > 0) & (y > 0)
    if not shown.any():
        return
    axes.loglog(x[shown], y[shown], ".", ms=1.5, alpha=0.5, color=_COLORS[own.part], label=own.part, rasterized=True)
    floor = float(np.quantile(y[shown], 0.002))
    axes.set_ylim(floor, 2 * float(y.max()))
    axes.xaxis.set_minor_formatter(NullFormatter())  # in a narrow range Matplotlib labels every tick, too close
    unit = "energy, eV/atom" if own.quantity == "energy" else "force component, eV/Å"
    axes.set(xlabel=f"predicted standard deviation: {unit}", ylabel="size of the error")


def _curve(axes: Axes, own: Coverage, calibrating: Coverage) -> None:
    """Shares within intervals of any probability: half widths are quantiles of the data that calibrate them."""
    levels = np.linspace(0, 1, 51)
    ratios, others = (np.abs(one.errors) / np.maximum(one.deviations, 1e-300) for one in (own, calibrating))
    shares = np.searchsorted(np.sort(ratios), np.quantile(others, levels), side="right") / len(ratios)
    style = "-" if own.quantity == "forces" else "--"
    axes.plot(levels, shares, style, color=_COLORS[own.part], label=f"{own.quantity}, {own.part}")


def _histograms(axes: Axes, rows: tuple[GradeRow, ...], found: UncertaintyFit) -> None:
    if not rows or found.grades is None:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no grades", ha="center", transform=axes.transAxes)
        return
    thresholds = found.grades.grades.thresholds
    positive = np.concatenate([row.grades[row.grades > 0] for row in rows])
    low = float(np.quantile(positive, 0.001)) if len(positive) else 0.1
    bins = np.geomspace(low, 1.1 * max(float(positive.max(initial=1.0)), thresholds[1]), 60)
    for row in rows:
        weights = np.full(len(row.grades), 1 / len(row.grades))
        kept = np.clip(row.grades, bins[0], None)
        axes.hist(kept, bins.tolist(), weights=weights, histtype="step", color=_COLORS[row.part], label=row.part)
    for threshold in thresholds:
        axes.axvline(threshold, color="#333333", ls=":", lw=0.9)
    axes.set(xscale="log", yscale="log", xlabel=f"grade ({found.grades.grades.kind})", ylabel="share of atoms")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
