"""Simulations with LAMMPS that watch grades and uncertainties: what these add to a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import acegen
from acegen.store.coefficients import read_coefficients
from acegen.store.files import COEFFICIENTS
from acegen.store.uncertainty import Committee, Grades, Uncertainty
from benchmarks.context import Context, Steps
from benchmarks.crystal import BUILD_EVERY, REGULARLY, Potential, n_atoms, silicon_model
from benchmarks.lammps import Run
from benchmarks.potentials import find_lammps, plugin
from benchmarks.section import Headline, Section, Table
from benchmarks.settings import RECOMMENDED, Size
from benchmarks.timing import Samples, pinned

RANK = 64
"""Rows of the grades, the default of `acegen fit`."""

MEMBERS = 8
"""Members of the committee, the default."""

EVERY = 20
"""Steps between evaluations of the fix."""

FAR = 1e30
"""Thresholds that nothing reaches: random rows have no meaning, only costs."""

WATCHES = {
    "without": "",
    f"fix, every {EVERY} steps": f"fix watch all acegen/grade {EVERY}",
    "compute grade, every step": "compute grade all acegen/grade/atom\ncompute largest all reduce max c_grade\n"
    "fix average all ave/time 1 100 100 c_largest",
    "compute uncertainty, every step": "compute error all acegen/uncertainty/atom\n"
    "compute largest all reduce max c_error[2]\nfix average all ave/time 1 100 100 c_largest",
}
"""Commands by name; the first is what others are compared with."""

TARGETS = dict(zip(list(WATCHES)[1:], (0.05, 1.0, 4.0), strict=True))
"""Goals: of what is added, over the pair style's time."""


def measure(context: Context) -> Section:
    """Runs without, with the fix, and with the computes, in turn."""
    settings, title = context.settings.lammps, "Grades in LAMMPS"
    sizes = [*settings.sizes] if context.settings.quick else [*settings.sizes, RECOMMENDED]
    try:
        lammps, _, python = find_lammps(context)
        with context.steps("grades, building", len(sizes)) as steps:
            potentials = {}
            for size in sizes:
                steps(size.label)
                model = graded_model(context, size)
                potentials[size] = plugin(context, lammps, python, size, model, moves=size != RECOMMENDED)
                steps.advance()
    except RuntimeError as error:
        return Section(title, {}, notes=[f"grades in LAMMPS were skipped: {error}"])
    folder = context.scratch / "lammps"
    watches = _write(folder)
    rows = []
    with context.steps("grades", len(sizes) * settings.rounds * len(WATCHES)) as steps, pinned(context.core):
        for size, potential in potentials.items():
            rows.append(_record(size, _runs(context, potential, watches, folder, steps)))
    data = {"atoms": n_atoms(settings.cells), "rank": RANK, "members": MEMBERS, "sizes": rows}
    return Section(title, data, _tables(data), _headlines(data))


def graded_model(context: Context, size: Size) -> acegen.Model:
    """A model of silicon (the recommended one: with random coefficients) with grades and a committee of random rows."""
    model = context.compile(size) if size == RECOMMENDED else silicon_model(context, size)
    rng = np.random.default_rng(0)
    shape = len(model.elements), RANK, model.n_basis
    grades = Grades("leverage", rng.normal(size=shape), rng.normal(size=shape[:2]), (FAR, 2 * FAR), 0.1)
    rows = rng.normal(size=(shape[0], MEMBERS, model.n_basis))
    quantiles = ((0.67, 1.64, 1.96), (0.67, 1.64, 1.96))
    committee = Committee(rows, np.zeros(rows.shape[:2]), (0.001, 1.0), (0.01, 1.0), quantiles)
    uncertainty = Uncertainty(model.basis_hash, grades, committee)
    spec = size.spec(size.name("watched"))
    values = read_coefficients(model.path / COEFFICIENTS)
    return acegen.compile(spec, context.modules, values, options=context.options(), uncertainty=uncertainty)


def _write(folder: Path) -> dict[str, Path]:
    """The commands, each in a file."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for number, (name, commands) in enumerate(WATCHES.items()):
        files[name] = (folder / f"in.watch{number}").resolve()
        files[name].write_text(commands + "\n", encoding="utf-8")
    return files


def _runs(
    context: Context, potential: Potential, watches: Mapping[str, Path], folder: Path, steps: Steps
) -> dict[str, list[Run]]:
    """All runs, in rounds that begin with another one each; lists are built as a liquid would need them."""
    settings = context.settings.lammps
    few = potential.run(folder, settings.cells, settings.steps[0])
    number = EVERY * max(1, round(min(settings.seconds / few.step, settings.steps[1]) / EVERY))
    names, found = list(watches), {name: list[Run]() for name in watches}
    for turn in range(settings.rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            steps(f"{potential.name}: {name}")
            found[name].append(potential.run(folder, settings.cells, number, lists=REGULARLY, watch=watches[name]))
            steps.advance()
    return found


def _record(size: Size, runs: Mapping[str, list[Run]]) -> dict[str, Any]:
    """Numbers of a model; ratios of totals are formed within a round, what is added over Pair within a run."""
    alone = runs["without"]
    total = Samples.of([run.us() for run in alone])
    rest = float(np.median([run.us("Modify") for run in alone]))
    watched = {}
    for name, several in runs.items():
        own = Samples.of([run.us() for run in several])
        added = Samples.of([(run.us("Modify") - rest) / run.us("Pair") for run in several])
        watched[name] = {
            "us_per_atom_step": own.record(),
            "over_without": own.over(total).record(),
            "added_over_pair": added.record(),
        }
    return {"model": size.label, "steps": alone[0].steps, "builds_every": BUILD_EVERY, "runs": watched}


def _tables(data: dict[str, Any]) -> list[Table]:
    rows = []
    for row in data["sizes"]:
        for name, run in row["runs"].items():
            added, ratio = run["added_over_pair"], run["over_without"]
            rows.append(
                (
                    f"{row['model']}: {name}",
                    f"{run['us_per_atom_step']['median']:.2f}",
                    f"{ratio['median']:.3f}",
                    "{:.3f}-{:.3f}".format(*ratio["quartiles"]),
                    f"{added['median']:.3f}",
                    "{:.3f}-{:.3f}".format(*added["quartiles"]),
                )
            )
    title = (
        f"µs per atom and step, one process, {data['atoms']:,} atoms; rank {data['rank']}, {data['members']} members"
    )
    return [Table(title, ("model", "total", "/ without", "quartiles", "added / Pair", "quartiles"), rows)]


def _headlines(data: dict[str, Any]) -> list[Headline]:
    last, lines = data["sizes"][-1], []
    for name, target in TARGETS.items():
        added = last["runs"][name]["added_over_pair"]
        met = "met" if added["median"] <= target else "missed"
        meaning = "{:.3f}-{:.3f} of the pair style's time, {}; target at most {:g}: {}"
        value = f"{added['median']:.3f} ×"
        lines.append(Headline(name, value, meaning.format(*added["quartiles"], last["model"], target, met)))
    return lines
