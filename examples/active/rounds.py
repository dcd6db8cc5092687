"""Rounds of active learning: fit, choose, label, and what they have come to, in a table and a picture."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from dynamics import Outcome, bare
from matplotlib.figure import Figure
from rich import box
from rich.table import Table

from acegen.errors import DataWarning
from acegen.fit import FitResult, all_error_rows, fit
from acegen.fit.evaluation import ALL
from acegen.select import select

Label = Callable[[Atoms], Atoms]
"""Gives a configuration its energy, forces and, if it can, stress."""

ENOUGH = 0.01
"""Configurations are chosen as long as they gain this share of what the training data have, per atom."""
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377")


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        number: from 0, the fit to the first configurations.
        configurations, atoms: of the training data.
        errors: by kind of test configuration, mean absolute errors of energy (eV/atom) and forces (eV/Å).
        thresholds: of the model's grades: above the first configurations are kept, above the second runs stop.
        outcomes: of the simulations; none where configurations come from a given pool.
        pool: number of configurations to choose from.
        chosen: how many of them were labelled.
    """

    number: int
    configurations: int
    atoms: int
    errors: Mapping[str, tuple[float, float]]
    thresholds: tuple[float, float]
    outcomes: tuple[Outcome, ...]
    pool: int
    chosen: int


@dataclass(frozen=True)
class Data:
    """Labelled configurations in a file, which grows.

    Attributes:
        train: the file to fit to.
        test: the file of the independent test set, on which nothing depends.
        label: gives labels to new configurations.
    """

    train: Path
    test: Path
    label: Label

    def start(self, configurations: Sequence[Atoms]) -> None:
        """Begin anew with some configurations, which are labelled."""
        self.train.unlink(missing_ok=True)
        self.add(configurations)

    def add(self, configurations: Sequence[Atoms]) -> None:
        """Label configurations, and append them."""
        ase.io.write(self.train, [self.label(atoms) for atoms in configurations], format="extxyz", append=True)

    def size(self) -> tuple[int, int]:
        """Number of configurations and of atoms to fit to."""
        known = ase.io.read(self.train, ":")
        return len(known), sum(map(len, known))


def refit(settings: Mapping[str, Any], data: Data, folder: Path, previous: Path | None) -> FitResult:
    """The first fit, or one that continues the previous: same model, only new configurations are assembled.

    As on the command line: `acegen fit fit.toml --continue PREVIOUS`.

    Args:
        settings: of the fit, without data and output.
        data: the data.
        folder: output of this round; the cache is next to it.
        previous: folder of the fit of the round before.
    """
    files: dict[str, str] = {"train": str(data.train), "test": str(data.test)}
    if previous is not None:
        files["continue"] = str(previous)
    cache = {"cache": str(folder.parent / "assembly")}
    with warnings.catch_warnings():
        # The first fits see few configurations, and are tested on many that they cannot know; reports say so as well.
        warnings.simplefilter("ignore", DataWarning)
        return fit({**settings, "data": files, "output": str(folder), "assembly": cache})


def choose(result: FitResult, outcomes: Sequence[Outcome], budget: int) -> list[Atoms]:
    """Of the configurations that simulations have kept those worth labelling, at most as many as the budget allows.

    As on the command line: `acegen select FIT FILE ... -n BUDGET --stop 0.1`.
    """
    files = [outcome.kept for outcome in outcomes if outcome.kept is not None]
    kinds = [outcome.simulation for outcome in outcomes for _ in range(outcome.count)]
    selection = select(result.directory, files, budget, stop=ENOUGH)
    return [bare(chosen.candidate.atoms, kinds[chosen.index]) for chosen in selection.chosen]


def test_errors(result: FitResult) -> dict[str, tuple[float, float]]:
    """Mean absolute errors of energies (eV/atom) and forces (eV/Å) by kind of test configuration."""
    found = {}
    for row in all_error_rows(result):
        if row.part == "test" and row.energy is not None and row.forces is not None:
            found[row.config_type] = (row.energy.mae, row.forces.mae)
    return found


def rounds_table(title: str, rounds: Sequence[Round]) -> Table:
    """A row for each round."""
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    names = [outcome.simulation for outcome in rounds[0].outcomes]
    kinds = [kind for kind in rounds[0].errors if kind != ALL]
    errors_of = [f"{kind}\nmeV  eV/Å" for kind in kinds]
    for heading in ["\nround", "\nlabels", *errors_of, *(f"{name}\nps   γ" for name in names), "new\nof"]:
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in rounds:
        errors = [error_cell(*entry.errors[kind]) for kind in kinds]
        runs = [
            f"{run.picoseconds:.1f}{' ' if run.finished else '×'} {run.grade:.{2 if run.grade < 10 else 3}g}"
            for run in entry.outcomes
        ]
        table.add_row(str(entry.number), str(entry.configurations), *errors, *runs, f"{entry.chosen} {entry.pool}")
    table.caption = "mean absolute errors on the test set, energies per atom"
    if names:
        low, high = rounds[-1].thresholds
        table.caption += f"\nγ: largest grade, × stopped by it; thresholds of the last model: {low:.3g}, {high:.3g}"
    return table


def error_cell(energy: float, forces: float) -> str:
    """Errors in meV and eV/Å, with the digits that matter."""
    return f"{1e3 * energy:.{0 if energy > 0.1 else 1}f} {forces:.{2 if forces > 1 else 3}f}"


def write_rounds(rounds: Sequence[Round], file: Path) -> None:
    """All of it as JSON."""
    file.write_text(json.dumps([asdict(entry) for entry in rounds], indent=1, default=str) + "\n")


def draw_rounds(rounds: Sequence[Round], simulations: Mapping[str, float], file: Path) -> None:
    """Errors on the test set, how far simulations came, and largest grades, over the number of labels.

    Args:
        rounds: all of them.
        simulations: full duration of each, ps.
        file: the picture.
    """
    figure = Figure(figsize=(7, 8), layout="constrained")
    energies, forces, times, grades = figure.subplots(4, 1, sharex=True)
    numbers = [entry.number for entry in rounds]
    for kind, colour in zip(rounds[0].errors, COLOURS, strict=False):
        energy, force = np.array([entry.errors[kind] for entry in rounds]).T
        energies.semilogy(numbers, 1e3 * energy, "o-", color=colour, label=kind)
        forces.semilogy(numbers, force, "o-", color=colour, label=kind)
    for place, (name, duration) in enumerate(simulations.items()):
        runs = [entry.outcomes[place] for entry in rounds]
        colour = COLOURS[(place + 1) % len(COLOURS)]
        times.plot(numbers, [run.picoseconds / duration for run in runs], "o-", color=colour, label=name)
        grades.semilogy(numbers, [run.grade for run in runs], "o-", color=colour, label=name)
    for threshold, style, name in zip(
        zip(*(e.thresholds for e in rounds), strict=True), ("--", "-"), ("kept", "stop"), strict=True
    ):
        grades.step(numbers, threshold, style, where="mid", color="#888888", lw=1, label=name)
    energies.set_ylabel("energy error,\nmeV/atom")
    forces.set_ylabel("force error,\neV/Å")
    times.set(ylabel="share of the\nsimulation", ylim=(0, 1.05))
    grades.set(ylabel="largest grade", xlabel="round (labelled configurations)")
    grades.set_xticks(numbers, [f"{entry.number}\n({entry.configurations})" for entry in rounds])
    for axes in (energies, times, grades):
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(file, dpi=150)
