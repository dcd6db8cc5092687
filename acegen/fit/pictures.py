"""Pictures of a fit, to look at before trusting it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from acegen.fit.curves import dimer_curve, volume_curve
from acegen.fit.evaluation import Comparison, total_row
from acegen.fit.result import FitResult
from acegen.fit.uncertainty.report import CAPTION, draw_reliability

_STYLE: Any = {
    "font.size": 9, "axes.grid": True, "grid.alpha": 0.25, "axes.spines.top": False, "axes.spines.right": False,
    "figure.constrained_layout.use": True, "savefig.dpi": 150, "legend.frameon": False,
}  # fmt: skip
_COLORS = {"training": "#4477aa", "validation": "#ccbb44", "test": "#ee6677"}


def draw_pictures(result: FitResult, folder: Path) -> dict[str, str]:
    """Draw all pictures that the data allow into `folder`. Returns the caption by file name."""
    captions = draw_comparisons(result.comparisons, folder)
    drawings: list[tuple[str, str, Callable[[FitResult], Figure | None]]] = [
        (
            "dimer.png",
            "Energy of dimers without the isolated atoms: all of it, and its many-body part (zero in a canonical "
            "basis). Grey: distances that occur in the training data.",
            _dimers,
        ),
        ("coefficients.png", "Coefficients, times the size of their functions in the data, by level.", _coefficients),
        ("reliability.png", CAPTION, lambda result: draw_reliability(result.reliability, result.uncertainty)),
        (
            "energy_volume.png",
            "Energy of a small training structure of low energy per atom, scaled, against its volume; dots: training "
            "data of similar density.",
            _energy_volume,
        ),
        (
            "compression.png",
            "Energy per atom of the training structure of lowest energy, scaled, against its smallest distance; grey: "
            "all pairs are at distances that occur in the training data. It should rise to the left.",
            _compression,
        ),
    ]
    with mpl.rc_context(_STYLE):
        for file, caption, draw in drawings:
            figure = draw(result)
            if figure is not None:
                figure.savefig(folder / file)
                captions[file] = caption
    return captions


def draw_comparisons(comparisons: Mapping[str, Sequence[Comparison]], folder: Path) -> dict[str, str]:
    """Parity plots and error histograms. Returns the caption by file name."""
    with mpl.rc_context(_STYLE):
        parity, errors = Figure(figsize=(8, 3.8)), Figure(figsize=(8, 3.2))
        for figure, draw in ((parity, _parity), (errors, _histogram)):
            left, right = figure.subplots(1, 2)
            draw(left, comparisons, "energy", "energy, eV/atom")
            draw(right, comparisons, "forces", "force component, eV/Å")
        parity.savefig(folder / "parity.png")
        errors.savefig(folder / "errors.png")
    return {"parity.png": "Predictions against labels.", "errors.png": "Distribution of errors."}


def _pairs(comparisons: Sequence[Comparison], quantity: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = [getattr(c, quantity) for c in comparisons if getattr(c, quantity) is not None]
    labels, predictions = ([np.ravel(pair[i]) for pair in known] for i in (0, 1))
    nothing = [np.zeros(0)]
    return np.concatenate(labels or nothing), np.concatenate(predictions or nothing)


def _parity(axes: Axes, comparisons: Mapping[str, Sequence[Comparison]], quantity: str, what: str) -> None:
    for part, own in comparisons.items():
        labels, predictions = _pairs(own, quantity)
        if len(labels):
            row = getattr(total_row(part, own), quantity)
            mae = f"{row.mae * 1e3:.2f} meV/atom" if quantity == "energy" else f"{row.mae:.4f} eV/Å"
            color = _COLORS.get(part)
            axes.plot(labels, predictions, ".", ms=3, color=color, label=f"{part}, MAE {mae}", rasterized=True)
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], "-", lw=0.7, color="#555555", zorder=0)
    axes.set(xlabel=f"label: {what}", ylabel=f"model: {what}", xlim=(low, high))
    axes.locator_params(axis="x", nbins=5)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", fontsize=8)


def _histogram(axes: Axes, comparisons: Mapping[str, Sequence[Comparison]], quantity: str, what: str) -> None:
    factor = 1e3 if quantity == "energy" else 1.0
    unit = "meV/atom" if quantity == "energy" else "eV/Å"
    errors = {}
    for part, own in comparisons.items():
        labels, predictions = _pairs(own, quantity)
        if len(labels):
            errors[part] = (predictions - labels) * factor
    if errors:
        reach = max(error_reach(np.abs(e)) for e in errors.values()) or 1.0
        bins = np.linspace(-reach, reach, 61)
        for part, error in errors.items():
            weights = np.full(len(error), 1 / len(error))
            kept = np.clip(error, -reach, reach)
            color = _COLORS.get(part)
            axes.hist(kept, bins.tolist(), weights=weights, histtype="step", color=color, label=part)
        axes.legend(fontsize=8)
    axes.set(xlabel=f"error of {what.split(',')[0]}, {unit}", ylabel="share")


def error_reach(sizes: NDArray[np.float64]) -> float:
    """Range of a histogram of errors of these sizes; errors beyond it are counted in the outermost bins.

    As far as 99.5 % of them, unless that is ten times the median: of few errors the largest is among the 99.5 %.
    """
    usual, median = float(np.quantile(sizes, 0.995)), float(np.median(sizes))
    return min(usual, 10 * median) if median else usual


def _dimers(result: FitResult) -> Figure:
    model = result.model
    pairs = list(combinations_with_replacement(model.elements, 2))
    found = result.repulsion.nearest
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.2 * rows))
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    for axes, (first, second) in zip(grid.ravel(), pairs, strict=False):
        nearest = found.get((first, second))
        axes.set(xlabel=f"{first}-{second} distance, Å", ylabel="energy, eV")
        if nearest is None:  # nothing was learned, and a zero curve would look like a result
            axes.set(xticks=[], yticks=[])
            axes.text(0.5, 0.5, "no data within the cutoff", ha="center", transform=axes.transAxes)
            continue
        curve = dimer_curve(model, result.coefficients, first, second)
        axes.plot(curve.distance, curve.energy, color="#4477aa", label="dimer")
        axes.plot(curve.distance, curve.many_body, color="#ee6677", ls="--", label="many-body part")
        axes.axvspan(nearest, curve.distance[-1], color="#999999", alpha=0.12, lw=0)
        axes.set_xlim(curve.distance[0], None)
        axes.set_ylim(*well_range(curve.energy[curve.distance >= nearest]))
        axes.legend(fontsize=8)
    for axes in grid.ravel()[len(pairs) :]:
        axes.set_visible(False)
    return figure


def well_range(energies: NDArray[np.float64]) -> tuple[float, float]:
    """Lower and upper limits of a plot of dimer energies (eV) that show their well, however high they rise.

    Without a well it is the lowest quarter of the repulsion.
    """
    low, high = min(float(energies.min()), 0.0), max(float(energies.max()), 0.0)
    depth = -low if -low > 0.02 else 0.25 * (high - low) or 0.1
    return low - 0.2 * depth, min(high, depth) + 0.1 * depth


def _coefficients(result: FitResult) -> Figure:
    figure = Figure(figsize=(5.5, 3.6))
    axes = figure.subplots()
    model, values = result.model, result.coefficients.values
    orders = np.array([label.order for element in model.elements for label in model.labels(element)])
    numbers = np.array([value for element in model.elements for value in values[element]])
    shares = np.abs(numbers) * result.problem.sizes
    colors = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377", "#66ccee", "#999999", "#000000")
    for order in np.unique(orders):
        own = (orders == order) & (shares > 0)
        shift = 0.12 * (order - 1)  # orders of one level stand side by side
        color = colors[order - 1]
        axes.semilogy(result.problem.levels[own] + shift, shares[own], ".", ms=3, color=color, label=f"order {order}")
    axes.set(xlabel="level", ylabel="|coefficient| × size of the function, eV/Å")
    axes.legend(fontsize=8, markerscale=2)
    return figure


def _energy_volume(result: FitResult) -> Figure | None:
    curve = volume_curve(result.model, result.parts.training)
    if curve is None:
        return None
    figure = Figure(figsize=(5, 3.6))
    axes = figure.subplots()
    axes.plot(curve.data_volume, curve.data_energy, ".", ms=4, color="#bbbbbb", label="training data")
    axes.plot(curve.volume, curve.energy, color="#4477aa", label=f"{curve.formula}, scaled")
    low, high = float(curve.energy.min()), float(curve.energy.max())
    axes.set(xlabel="volume, Å³/atom", ylabel="energy, eV/atom", xlim=(curve.volume[0], curve.volume[-1]))
    margin = max(0.1 * (high - low), 1e-3)  # a model of atomic energies alone is flat
    axes.set_ylim(low - margin, high + margin)
    axes.legend(fontsize=8)
    return figure


def _compression(result: FitResult) -> Figure | None:
    curve = result.repulsion.compression
    if curve is None:
        return None
    figure = Figure(figsize=(5, 3.6))
    axes = figure.subplots()
    axes.plot(curve.distance, curve.energy, color="#4477aa", label=f"{curve.name}, rises to {curve.rises_to:.2f} Å")
    axes.axvspan(curve.data, curve.distance[0], color="#999999", alpha=0.12, lw=0)
    axes.set_yscale("symlog", linthresh=10.0)
    axes.set(xlabel="smallest distance, Å", ylabel="energy, eV/atom", xlim=(curve.distance[-1], curve.distance[0]))
    axes.legend(fontsize=8)
    return figure
