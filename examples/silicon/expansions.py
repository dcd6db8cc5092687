"""Canonical against self-interacting: the same functions, the same solver, over prior strengths and amounts of data.

    python examples/silicon/expansions.py FOLDER [OUTPUT]

FOLDER holds Si_train.xyz and Si_test.xyz (Zuo et al. 2020). Both bases span the same space (the closed radial family),
so that without a prior they give the same potential; what differs is what a prior does to it. Writes expansions.csv,
expansions.md, expansions.png and dimers.png to OUTPUT (default: fits/expansions next to this file). Some minutes.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

import acegen
from acegen.cli.progress import TerminalProgress
from acegen.fit.assembly import assemble, make_assembler
from acegen.fit.data import Parts, read_parts
from acegen.fit.problem import Problem, Solution, Weights, reduce_problem
from acegen.fit.settings import FitSettings, load_settings
from acegen.fit.unit import Factors

HERE = Path(__file__).parent
EXPANSIONS = ("canonical", "self-interacting")
FRACTIONS = (1.0, 0.5, 0.25, 0.125)
STRENGTHS = 10.0 ** np.arange(-10.0, 0.1, 0.5)  # in units of the largest singular value
WEIGHTS = Weights(100.0, 1.0, 0.0)
SMOOTHNESS = 2.0
COLORS = {"canonical": "#4477aa", "self-interacting": "#ee6677"}
console = Console()


@dataclass(frozen=True)
class Point:
    """Test errors (RMSE; meV/atom, eV/Å) for one expansion, part of the data and strength."""

    expansion: str
    fraction: float
    configurations: int
    strength: float
    condition: float
    energy: float
    forces: float
    solution: Solution

    @property
    def score(self) -> float:
        return self.energy * self.forces


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python examples/silicon/expansions.py FOLDER [OUTPUT]")
    data, output = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else HERE / "fits" / "expansions"
    output.mkdir(parents=True, exist_ok=True)
    points: list[Point] = []
    models = {}
    for expansion in EXPANSIONS:
        settings = load_settings(study_settings(expansion, data, output))
        models[expansion] = acegen.compile(settings.spec, settings.assembly.cache or ".")
        points += study(settings, models[expansion])
    write_numbers(points, output)
    draw_errors(points, output / "expansions.png")
    draw_dimers(points, models, output / "dimers.png")
    console.print(summary_table(points))
    console.print(f"{output}: expansions.csv, expansions.md, expansions.png, dimers.png", highlight=False)


def study_settings(expansion: str, data: Path, output: Path) -> dict[str, Any]:
    basis = {"expansion": expansion, "elements": ["Si"], "order": 3, "level": 16}
    name = f"si_{expansion.replace('-', '_')}"
    return {
        "spec": {"name": name, "basis": basis, "radial": {"cutoff": 5.5}},
        "output": str(output),
        "data": {"train": str(data / "Si_train.xyz"), "validation": str(data / "Si_test.xyz")},
    }


def study(settings: FitSettings, model: acegen.Model) -> Iterator[Point]:
    """All points of one expansion. The test data stand where validation data would: they decide nothing here."""
    parts = read_parts(settings)
    order = np.random.default_rng(0).permutation(len(parts.training.configurations))
    assembler = make_assembler(settings, model, parts, settings.assembly.cache or ".")
    progress = TerminalProgress(console)
    problem: Problem | None = None
    for fraction in FRACTIONS:
        count = round(fraction * len(order))
        chosen = tuple(parts.training.configurations[i] for i in sorted(order[:count]))
        fewer = Parts(replace(parts.training, configurations=chosen), parts.validation, parts.test)
        with progress.stage("assembly"):
            part, *_ = assemble(settings, assembler, fewer, progress)
            progress.report(f"{settings.spec.name}, {count} configurations")
        problem = part if problem is None else replace(problem, training=part.training)
        yield from strengths(problem, problem.training, settings.spec.basis.expansion, fraction, count)


def strengths(problem: Problem, factors: Factors, expansion: str, fraction: float, count: int) -> Iterator[Point]:
    reduced = reduce_problem(problem, factors, WEIGHTS, SMOOTHNESS)
    values = STRENGTHS * reduced.svd[1][0]
    x = reduced.ridge(values)
    errors = problem.residuals(problem.validation, reduced.columns(x))
    for k, strength in enumerate(values):
        yield Point(
            expansion,
            fraction,
            count,
            float(strength),
            reduced.condition,
            1e3 * float(errors["energy"][k]),
            float(errors["forces"][k]),
            reduced.coefficients(x[:, k]),
        )


def best(points: list[Point], expansion: str, fraction: float) -> Point:
    """The point of smallest test errors (product of the two): what a perfect choice of the strength would give."""
    return min((p for p in points if p.expansion == expansion and p.fraction == fraction), key=lambda p: p.score)


def spread(points: list[Point], expansion: str, fraction: float) -> float:
    """Decades of the strength over which both errors together are within 10 % of the best."""
    limit = 1.1 * best(points, expansion, fraction).score
    near = [p for p in points if p.expansion == expansion and p.fraction == fraction and p.score <= limit]
    return 0.5 * len(near)


def rows(points: list[Point]) -> Iterator[list[str]]:
    for fraction in FRACTIONS:
        for expansion in EXPANSIONS:
            p = best(points, expansion, fraction)
            yield [
                str(p.configurations), expansion, f"{p.condition:.1e}", f"{p.strength:.0e}", f"{p.energy:.2f}",
                f"{p.forces:.4f}", f"{spread(points, expansion, fraction):.1f}",
            ]  # fmt: skip


HEADINGS = ("conf.", "expansion", "condition", "strength", "E RMSE", "F RMSE", "decades")


def summary_table(points: list[Point]) -> Table:
    table = Table(
        title="test errors at the best strength", caption="E: meV/atom, F: eV/Å; decades of strength within 10 %"
    )
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "expansion" else "right", no_wrap=True)
    for row in rows(points):
        table.add_row(*row)
    return table


def write_numbers(points: list[Point], output: Path) -> None:
    with (output / "expansions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["expansion", "fraction", "configurations", "strength", "condition", "energy", "forces"])
        for p in points:
            writer.writerow([p.expansion, p.fraction, p.configurations, p.strength, p.condition, p.energy, p.forces])
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(points)]
    (output / "expansions.md").write_text("\n".join(lines) + "\n")


def draw_errors(points: list[Point], file: Path) -> None:
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots(2, len(FRACTIONS), sharex=True, sharey="row")
    for column, fraction in enumerate(FRACTIONS):
        for expansion in EXPANSIONS:
            own = [p for p in points if p.expansion == expansion and p.fraction == fraction]
            for row, (name, label) in enumerate((("energy", "energy, meV/atom"), ("forces", "forces, eV/Å"))):
                ax = axes[row, column]
                ax.loglog(
                    [p.strength for p in own], [getattr(p, name) for p in own], color=COLORS[expansion], label=expansion
                )
                if column == 0:
                    ax.set_ylabel(f"test RMSE of {label}")
        axes[0, column].set_title(f"{own[0].configurations} configurations", fontsize=9)
        axes[1, column].set_xlabel("strength of the prior")
    axes[0, 0].set_ylim(1, 300)
    axes[1, 0].set_ylim(0.05, 2)
    axes[0, 0].legend(fontsize=8)
    figure.savefig(file, dpi=150)


def draw_dimers(points: list[Point], models: dict[str, acegen.Model], file: Path) -> None:
    """Dimer curves at the best strength, and their many-body part: what orders above 1 contribute."""
    distances = np.linspace(1.8, 5.49, 150)
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.subplots(len(EXPANSIONS), len(FRACTIONS), sharex=True, sharey=True)
    for row, expansion in enumerate(EXPANSIONS):
        model = models[expansion]
        dimers = [Atoms("Si2", [[0, 0, 0], [0, 0, d]]) for d in distances]
        functions = np.array([model.descriptors(dimer).sum(axis=0) for dimer in dimers])
        higher = np.array([label.order > 1 for label in model.labels("Si")])
        for column, fraction in enumerate(FRACTIONS):
            p = best(points, expansion, fraction)
            ax = axes[row, column]
            ax.plot(distances, functions @ p.solution.functions, color=COLORS[expansion], label="dimer")
            many = functions[:, higher] @ p.solution.functions[higher]
            ax.plot(distances, many, "--", color="#555555", lw=1, label="orders above 1")
            ax.set_title(f"{expansion}, {p.configurations} conf.", fontsize=9)
            ax.set_ylim(-6, 6)
            if column == 0:
                ax.set_ylabel("energy, eV")
            if row == len(EXPANSIONS) - 1:
                ax.set_xlabel("distance, Å")
    axes[0, 0].legend(fontsize=8)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    try:
        main()
    except (acegen.AcegenError, OSError) as error:
        sys.exit(f"expansions.py: {error}")
