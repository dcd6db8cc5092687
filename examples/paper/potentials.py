"""Interatomic potentials in both bases: test errors, and the curves of dimers and crystals beyond the data.

    python examples/paper/potentials.py --data DIR [--small] [-o DIR]

DIR holds Si_train.xyz, Si_test.xyz, Mo_train.xyz and Mo_test.xyz (Zuo et al., J. Phys. Chem. A 124, 731 (2020)), or
those of one of the two; without them nothing is done. Both bases span the same space (the closed radial family). So
without a prior they give the same potential, and differ in what a prior does to it. Everything else is the same: data,
weights, solver, and how the strength of the prior is chosen (cross-validation on the training data).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from experiment import COLORS, EXPANSIONS, Cell, Claim, Findings, Setting, Verdict, main
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from potential_curves import Crystal, Dimer, covered_volumes, crystals, dimer, nearest_distance
from potential_fits import MATERIALS, SMOOTHNESS, STRENGTHS, Data, Material, Potential, Sizes, Task, fit_all, read_data

TITLE = "Interatomic potentials in both bases"
FRACTIONS = (1.0, 0.5, 0.25, 0.125)
FULL: Sizes = {(3, 12): FRACTIONS, (3, 16): FRACTIONS, (4, 12): FRACTIONS}
SMALL: Sizes = {(3, 8): (0.125,)}
COMPRESSED, EXPANDED = (0.5, 0.85), (1.15, 2.0)
"""Relative volumes over which crystals are compared with their equation of state."""

Pair = tuple[Potential, Potential]
"""Both bases of a case, in the order of `EXPANSIONS`."""

Curves = dict[Task, tuple[Dimer, Crystal]]


def potentials(setting: Setting) -> Findings:
    """Fits of silicon and molybdenum in both bases, and their curves."""
    data: dict[Material, Data] = {}
    if setting.data is not None:
        for material in MATERIALS:
            found = read_data(setting.data, material)
            if found is not None:
                data[material] = found
    if not data:
        where = "no --data was given" if setting.data is None else f"{setting.data} does not contain them"
        setting.console.print(f"potentials: skipped, they need Si_train.xyz and Si_test.xyz (or Mo_...): {where}.")
        return Findings()
    fits = fit_all(setting, data, SMALL if setting.small else FULL)
    pairs = paired(fits)
    curves: Curves = {}
    with setting.step("curves"):
        for material, own_data in data.items():
            own_fits = [fit for fit in fits if fit.task.material == material]
            nearest = nearest_distance(own_data, material)
            dimers = [dimer(fit, nearest) for fit in own_fits]
            for fit, pair, crystal in zip(own_fits, dimers, crystals(own_fits), strict=True):
                curves[fit.task] = pair, crystal
        setting.progress.report(f"{len(fits)} dimers and crystals")
    return Findings(tables(pairs, curves), claims(pairs, curves), draw(pairs, curves, data))


def paired(fits: list[Potential]) -> list[Pair]:
    """Both bases of each case."""
    by_key = {(fit.task.case, fit.task.expansion): fit for fit in fits}
    return [
        (by_key[case, EXPANSIONS[0]], by_key[case, EXPANSIONS[1]]) for case in dict.fromkeys(f.task.case for f in fits)
    ]


def tables(pairs: list[Pair], curves: Curves) -> dict[str, tuple[Sequence[str], list[Sequence[Cell]]]]:
    """Errors, sweeps over the strength, and properties of the curves."""
    case = ("smoothness", "element", "order", "level", "configurations", "expansion")
    return {
        "potentials_errors": (
            (*case, "functions", "condition", "strength", "energy RMSE, meV/atom", "energy MAE, meV/atom",
             "force RMSE, eV/Å", "force MAE, eV/Å", "best strength", "energy RMSE at it", "force RMSE at it",
             "decades within 10 %"),
            [error_row(fit) for pair in pairs for fit in pair],
        ),
        "potentials_sweep": (
            (*case, "strength", "energy RMSE, meV/atom", "force RMSE, eV/Å"),
            [
                (*identity(fit), float(f"{strength:.3g}"), float(f"{1e3 * energy:.4g}"), float(f"{forces:.4g}"))
                for pair in pairs
                for fit in pair
                for strength, (energy, forces) in zip(STRENGTHS, fit.sweep, strict=True)
            ],
        ),
        "potentials_curves": (
            (*case, "dimer: turns", "dimer: detour, eV", "dimer: orders above 1, eV", "crystal: minima",
             "crystal: inflections", "crystal: hole, eV/atom", "crystal: compressed, eV/atom",
             "crystal: expanded, eV/atom"),
            [curve_row(fit, *curves[fit.task]) for pair in pairs for fit in pair],
        ),
    }  # fmt: skip


def identity(fit: Potential) -> tuple[Cell, ...]:
    """Cells that identify a fit."""
    task = fit.task
    return task.smoothness, task.material.element, task.order, task.level, fit.configurations, task.expansion


def error_row(fit: Potential) -> tuple[Cell, ...]:
    """A row of the table of errors."""
    best = fit.sweep[fit.best]
    condition: Cell = float(f"{fit.condition:.2g}") if isfinite(fit.condition) else "singular"
    return (
        *identity(fit), fit.model.n_basis, condition, float(f"{fit.strength:.2g}"),
        round(1e3 * fit.energy.rmse, 2), round(1e3 * fit.energy.mae, 2), round(fit.forces.rmse, 4),
        round(fit.forces.mae, 4), float(f"{STRENGTHS[fit.best]:.2g}"), round(1e3 * float(best[0]), 2),
        round(float(best[1]), 4), fit.decades,
    )  # fmt: skip


def curve_row(fit: Potential, pair: Dimer, crystal: Crystal) -> tuple[Cell, ...]:
    """A row of the table of curves."""
    return (
        *identity(fit), pair.turns, round(pair.detour, 3), float(f"{np.abs(pair.many_body).max():.2g}"),
        crystal.minima, crystal.inflections, round(crystal.hole, 2), round(crystal.deviation(*COMPRESSED), 3),
        round(crystal.deviation(*EXPANDED), 3),
    )  # fmt: skip


def claims(pairs: list[Pair], curves: Curves) -> list[Claim]:
    """What the paper says about potentials, and what is found."""
    many_body = [[float(np.abs(curves[fit.task][0].many_body).max()) for fit in pair] for pair in pairs]
    pure, usual = max(a for a, _ in many_body), min(b for _, b in many_body)
    priors = {"smooth prior": SMOOTHNESS[0], "plain ridge": SMOOTHNESS[1]}
    groups = {name: [pair for pair in pairs if pair[0].task.smoothness == power] for name, power in priors.items()}
    return [
        Claim(
            "what a dimer is",
            "canonical functions of order above 1 vanish on a dimer",
            f"their largest contribution is {pure:.1e} eV canonical, {usual:.2g} eV and more self-interacting",
            "agrees" if pure < 1e-8 < usual else "differs",
        ),
        *(claim for name, own in groups.items() for claim in claims_of_errors(name, own)),
        *(claim for name, own in groups.items() for claim in claims_of_curves(name, own, curves)),
    ]


def claims_of_errors(prior: str, pairs: list[Pair]) -> list[Claim]:
    """Test errors and conditioning with a prior."""
    energy = [a.energy.rmse / b.energy.rmse for a, b in pairs]
    forces = [a.forces.rmse / b.forces.rmse for a, b in pairs]
    ideal = [float(np.sqrt(a.sweep[a.best].prod() / b.sweep[b.best].prod())) for a, b in pairs]
    stiff = [a.sweep[k] / b.sweep[k] for a, b in pairs for k in [min(max(a.best, b.best) + 2, len(STRENGTHS) - 1)]]
    condition = [a.condition / b.condition for a, b in pairs if isfinite(a.condition) and isfinite(b.condition)]
    singular = len(pairs) - len(condition)
    better = bool(condition) and sum(x < 1 for x in condition) > len(condition) / 2
    return [
        Claim(
            f"test errors, {prior}",
            "no numbers for these data",
            f"canonical by self-interacting, median and range of {len(pairs)} cases: energy RMSE {spread(energy)}, "
            f"force RMSE {spread(forces)}; both together at the best strength {spread(ideal)}; with a prior ten times "
            f"stronger energy RMSE {spread([x[0] for x in stiff])}, force RMSE {spread([x[1] for x in stiff])}",
            "not stated",
        ),
        Claim(
            f"condition number of the fit, {prior}",
            "smaller for the canonical basis (trend)",
            f"canonical by self-interacting {spread(condition)}"
            + (f"; {singular} cases are singular in one basis" if singular else ""),
            "trend agrees" if better else "differs",
        ),
        Claim(
            f"tolerated strengths, {prior}",
            "the canonical basis is more robust (trend)",
            *counted_claim({"decades within 10 %": counted([(-a.decades, -b.decades) for a, b in pairs])}),
        ),
    ]


def claims_of_curves(prior: str, pairs: list[Pair], curves: Curves) -> list[Claim]:
    """Curves with a prior."""
    dimers = [(curves[a.task][0], curves[b.task][0]) for a, b in pairs]
    both = [(curves[a.task][1], curves[b.task][1]) for a, b in pairs]
    dimer_counts = {
        "further turns": counted([(a.turns - 1, b.turns - 1) for a, b in dimers]),
        "detour": counted([(a.detour, b.detour) for a, b in dimers]),
    }
    crystal_counts = {
        "further minima": counted([(abs(a.minima - 1), abs(b.minima - 1)) for a, b in both]),
        "further inflections": counted([(abs(a.inflections - 1), abs(b.inflections - 1)) for a, b in both]),
        "hole": counted([(a.hole, b.hole) for a, b in both]),
        "deviation, compressed": counted([(a.deviation(*COMPRESSED), b.deviation(*COMPRESSED)) for a, b in both]),
        "deviation, expanded": counted([(a.deviation(*EXPANDED), b.deviation(*EXPANDED)) for a, b in both]),
    }
    better = "better beyond the data for the canonical basis (trend)"
    return [
        Claim(f"dimer curves, {prior}", better, *counted_claim(dimer_counts)),
        Claim(f"energy against volume, {prior}", better, *counted_claim(crystal_counts)),
    ]


def counted(values: list[tuple[float, float]]) -> tuple[int, int]:
    """In how many cases the canonical value is smaller, and in how many larger, by more than 1 %."""
    smaller = sum(a < b and abs(a - b) > 0.01 * abs(b) for a, b in values)
    return smaller, sum(a > b and abs(a - b) > 0.01 * abs(b) for a, b in values)


def counted_claim(counts: dict[str, tuple[int, int]]) -> tuple[str, Verdict]:
    """The result, and whether the canonical basis is never worse in more cases and better by at least one measure."""
    text = "canonical better : worse, cases: " + "; ".join(f"{name} {a} : {b}" for name, (a, b) in counts.items())
    good = all(a >= b for a, b in counts.values()) and any(a > b for a, b in counts.values())
    return text, "trend agrees" if good else "differs"


def spread(values: list[float]) -> str:
    """Median and range."""
    if not values:
        return "none"
    return f"{np.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def draw(pairs: list[Pair], curves: Curves, data: dict[Material, Data]) -> Figure:
    """For one size, most and fewest data: errors over the strength, dimers, crystals."""
    pairs = [pair for pair in pairs if pair[0].task.smoothness == SMOOTHNESS[0]]
    sizes = [(a.task.order, a.task.level) for a, _ in pairs]
    size = (3, 16) if (3, 16) in sizes else sizes[0]
    columns = []
    for material in data:
        own = [pair for pair in pairs if (pair[0].task.order, pair[0].task.level) == size]
        own = [pair for pair in own if pair[0].task.material == material]
        columns += own[:1] + own[1:][-1:]
    figure = Figure(figsize=(3.6 * max(len(columns), 2), 10), layout="constrained")
    axes = figure.subplots(4, len(columns), squeeze=False, sharey="row")
    figure.suptitle(
        f"order {size[0]}, level {size[1]}, smooth prior; dotted: strength chosen, nearest distance in the data"
    )
    for column, pair in zip(axes.T, columns, strict=True):
        material = pair[0].task.material
        column[0].set_title(f"{material.element}, {pair[0].configurations} configurations", fontsize=10)
        for fit in pair:
            color = COLORS[fit.task.expansion]
            for ax, values, factor in zip(column, fit.sweep.T, (1e3, 1.0), strict=False):
                ax.loglog(STRENGTHS, factor * values, color=color, label=fit.task.expansion)
                ax.axvline(fit.strength, color=color, ls=":", lw=1)
        draw_dimers(column[2], [curves[fit.task][0] for fit in pair])
        draw_crystals(column[3], [curves[fit.task][1] for fit in pair], covered_volumes(data[material]))
        for ax in column[:2]:
            ax.set_xlabel("strength of the prior")
    labels = ("test RMSE, meV/atom", "test RMSE, eV/Å", "energy of a dimer, eV", "energy less minimum, eV/atom")
    for ax, label in zip(axes[:, 0], labels, strict=True):
        ax.set_ylabel(label)
    for ax in (axes[0, 0], axes[2, 0], axes[3, 0]):
        ax.legend(fontsize=7)
    return figure


def draw_dimers(ax: Axes, dimers: list[Dimer]) -> None:
    """Dimer curves and what orders above 1 contribute."""
    for curve, expansion in zip(dimers, EXPANSIONS, strict=True):
        color = COLORS[expansion]
        ax.plot(curve.distance, curve.energy, color=color, label=expansion)
        ax.plot(curve.distance, curve.many_body, "--", color=color, lw=1, label=f"{expansion}, orders above 1")
    ax.axvline(dimers[0].nearest, color="#999999", lw=1, ls=":")
    ax.set_ylim(-8, 12)
    ax.set_xlabel("distance, Å")


def draw_crystals(ax: Axes, both: list[Crystal], covered: tuple[float, float]) -> None:
    """Energy against volume with the equation of state, and the volumes of the data."""
    ax.axvspan(*covered, color="#eeeeee", label="volumes of the data")
    for curve, expansion in zip(both, EXPANSIONS, strict=True):
        lowest = curve.reference.min()
        ax.plot(curve.volume, curve.energy - lowest, color=COLORS[expansion], label=expansion)
    ax.plot(curve.volume, curve.reference - lowest, "--", color="#555555", lw=1, label="equation of state")
    ax.set_ylim(-1, 6)
    ax.set_xlabel("volume, Å³/atom")


if __name__ == "__main__":
    main("potentials", TITLE, potentials)
