"""Active learning from a pool: which of the published silicon configurations are worth their labels?

    python examples/active/silicon.py FOLDER [OUTPUT] [--seeds N] [--small]

FOLDER contains Si_train.xyz, the pool, and Si_test.xyz (Zuo et al. 2020). From ten configurations drawn at random,
each round fits, selects ten more from the pool without looking at their labels, and adds them. Next to it the same with
random ones in place of those selected, from the same start. Draws silicon.png, writes silicon.json (default: silicon/
next to this file).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.table import Table
from rounds import COLOURS, Data, refit, test_errors

import acegen
from acegen.fit import FitResult
from acegen.fit.evaluation import ALL
from acegen.select import select

HERE = Path(__file__).parent
METHODS = ("selected", "random")
console = Console(markup=False, emoji=False, highlight=False)


@dataclass(frozen=True)
class Plan:
    """Sizes: configurations at the start and added in each round, number of rounds, settings of the fit."""

    start: int
    budget: int
    rounds: int
    settings: Mapping[str, Any]


FULL = Plan(10, 10, 8, {"spec": str(HERE.parent / "silicon" / "si_o3d12.toml")})
SMALL_SPEC = {"name": "si", "basis": {"elements": ["Si"], "order": 2, "level": 8}, "radial": {"cutoff": 4.5}}
SMALL = Plan(5, 5, 2, {"spec": SMALL_SPEC, "uncertainty": {"members": 0}})


@dataclass(frozen=True)
class Step:
    """A fit on the way.

    Attributes:
        method: of `METHODS`.
        seed: of the start, and of random choices.
        labels: configurations fitted to.
        energy, forces: mean absolute errors on the test set, eV/atom and eV/Å.
        grade: largest grade of the configurations left in the pool.
        above: share of these configurations above the first threshold.
    """

    method: str
    seed: int
    labels: int
    energy: float
    forces: float
    grade: float
    above: float


def learn(plan: Plan, method: str, seed: int, pool: Sequence[Atoms], test: Path, output: Path) -> list[Step]:
    """All rounds by a method.

    Args:
        plan: sizes.
        method: of `METHODS`.
        seed: the same for both methods: the same start.
        pool: labelled configurations; labels are used once a configuration is chosen.
        test: file of the test set.
        output: a new folder.
    """
    output.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    left = [int(number) for number in rng.permutation(len(pool))]
    data = Data(output / "train.xyz", test, lambda atoms: atoms)
    chosen = [left.pop() for _ in range(plan.start)]
    steps: list[Step] = []
    previous = None
    for number in range(plan.rounds + 1):
        data.add([pool[place] for place in chosen])
        result = refit(plan.settings, data, output / f"round_{number}", previous)
        previous = result.directory
        energy, forces = test_errors(result)[ALL]
        grades = np.array([result.model.grades(pool[place]).max() for place in left])
        above = float(np.mean(grades > result.model.grade_thresholds[0]))
        steps.append(Step(method, seed, data.size()[0], energy, forces, float(grades.max()), above))
        show(steps[-1])
        if method == "selected":
            chosen = [left[index] for index in best(result, [pool[place] for place in left], plan.budget, output)]
        else:
            chosen = left[-plan.budget :]
        left = [place for place in left if place not in chosen]
    return steps


def best(result: FitResult, pool: Sequence[Atoms], budget: int, folder: Path) -> list[int]:
    """Numbers of the configurations that `acegen select` finds worth labelling; it sees no labels."""
    file = folder / "pool.xyz"
    ase.io.write(file, [Atoms(a.symbols, a.positions, cell=a.cell, pbc=a.pbc) for a in pool], format="extxyz")
    return [chosen.index for chosen in select(result.directory, [file], budget).chosen]


def show(step: Step) -> None:
    console.print(
        f"{step.method:8} seed {step.seed} {step.labels:4} labels: {1e3 * step.energy:.2f} meV/atom, "
        f"{step.forces:.4f} eV/Å; grades in the pool to {step.grade:.3g}, {100 * step.above:.0f} % above the threshold",
        soft_wrap=True,
    )


def table(steps: Sequence[Step]) -> Table:
    """Medians over seeds by method and number of labels."""
    found = Table(title="silicon: test errors, medians over seeds", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    headings = ["labels", *(f"{method}\n{what}" for what in ("meV/atom", "eV/Å", "grade") for method in METHODS)]
    for heading in headings:
        found.add_column(heading, justify="right")
    for labels in sorted({step.labels for step in steps}):
        cells = []
        for what, scale, form in (("energy", 1e3, ".2f"), ("forces", 1.0, ".4f"), ("grade", 1.0, ".3g")):
            for method in METHODS:
                values = [getattr(s, what) for s in steps if s.method == method and s.labels == labels]
                cells.append(format(scale * float(np.median(values)), form) if values else "")
        found.add_row(str(labels), *cells)
    return found


def draw(steps: Sequence[Step], file: Path) -> None:
    """Errors and grades over the number of labels: a thin line for each seed, medians thick."""
    figure = Figure(figsize=(6, 7), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    quantities = (("energy", 1e3, "energy, MAE,\nmeV/atom"), ("forces", 1.0, "forces, MAE,\neV/Å"))
    for axes, (what, scale, title) in zip(
        panels, (*quantities, ("grade", 1.0, "largest grade\nin the pool")), strict=True
    ):
        for method, colour in zip(METHODS, COLOURS, strict=False):
            own = [step for step in steps if step.method == method]
            curves = []
            for seed in sorted({step.seed for step in own}):
                curve = [(s.labels, scale * getattr(s, what)) for s in own if s.seed == seed]
                axes.semilogy(*zip(*curve, strict=True), color=colour, lw=0.5)
                curves.append([value for _, value in curve])
            labels = [step.labels for step in own if step.seed == own[0].seed]
            axes.semilogy(labels, np.median(curves, axis=0), "o-", color=colour, lw=2, label=method)
        axes.set_ylabel(title)
    panels[0].legend(frameon=False)
    panels[-1].set_xlabel("labelled configurations")
    figure.savefig(file, dpi=150)


def run(plan: Plan, data: Path, output: Path, seeds: int) -> list[Step]:
    """Both methods from the same starts, with a table, a picture and a file."""
    pool: list[Atoms] = ase.io.read(data / "Si_train.xyz", ":")
    steps: list[Step] = []
    for seed in range(seeds):
        for method in METHODS:
            steps += learn(plan, method, seed, pool, data / "Si_test.xyz", output / f"{method}_{seed}")
    console.print(table(steps))
    draw(steps, output / "silicon.png")
    (output / "silicon.json").write_text(json.dumps([asdict(step) for step in steps], indent=1) + "\n")
    console.print(f"{output}: silicon.json, silicon.png, and each round's fit", soft_wrap=True)
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of Si_train.xyz and Si_test.xyz")
    parser.add_argument("output", nargs="?", type=Path, metavar="OUTPUT", help="a new folder (default: silicon/ here)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="starts, each for both methods (default: 3)")
    parser.add_argument("--small", action="store_true", help="a minute, to see whether everything works")
    options = parser.parse_args()
    output = options.output or HERE / "silicon"
    if output.exists():
        sys.exit(f"silicon.py: {output} exists already. Remove it, or give another folder.")
    run(SMALL if options.small else FULL, options.folder, output, max(1, options.seeds))


if __name__ == "__main__":
    try:
        main()
    except (acegen.AcegenError, OSError) as error:
        sys.exit(f"silicon.py: {error}")
