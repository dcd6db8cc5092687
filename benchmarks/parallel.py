"""Simulations with LAMMPS on several processes, ghosts, memory: the measurements that examples/scaling starts from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.context import Context, Steps
from benchmarks.crystal import ATOMS_A_CELL, BUILD_EVERY, LATTICE, REGULARLY, Potential, n_atoms, write_input
from benchmarks.lammps import SECTIONS, Run, finished
from benchmarks.potentials import Contenders
from benchmarks.section import Headline, Table
from benchmarks.settings import CUTOFF, Cells
from benchmarks.timing import Samples, pinned

_MEMORY_STEPS, _LARGE_STEPS = 2, BUILD_EVERY
_REST = 0.2
"""Seconds that a program stays alive when it is done, so that its memory can be read."""


def measure(context: Context, contenders: Contenders, skin: float, notes: list[str]) -> dict[str, Any]:
    """Everything except the comparison of potentials on one process; with the smallest model."""
    settings = context.settings.lammps
    sizes = list(contenders.own)
    potential = contenders.own[sizes[0]]
    numbers = _processes() if potential.lammps.mpiexec else [1]
    if len(numbers) == 1:
        notes.append("scaling over processes was skipped: there is one core, or no mpiexec of the package mpich")
    total = (len(settings.series) + 3 * len(numbers) - 1) * settings.rounds + 2 * (len(sizes) + 2) + 1
    data: dict[str, Any] = {
        "scaling_model": potential.name.removeprefix("acegen, "),
        "scaling_skin": skin,
        "reach": CUTOFF + skin,
        "density": ATOMS_A_CELL / LATTICE**3,
    }
    with context.steps("lammps, processes", total) as steps:
        folder = context.scratch / "lammps"
        series = _series(context, potential, skin, folder)
        scaling = _scaling(context, potential, skin, numbers, folder)
        found = _alternate(series | scaling, settings.rounds, steps)  # together: the first will predict the second
        data["series"] = [_series_record(found[name]) for name in series]
        data["processes"] = _scaling_records(context, {name: found[name] for name in scaling})
        data["memory"] = _memory(context, contenders, skin, folder, steps)
        data["large"] = _large(context, contenders, skin, folder, steps) if settings.large else []
    return data


def _processes() -> list[int]:
    """1, 2, 4, ... and all cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return sorted({min(2**k, cores) for k in range(cores.bit_length() + 1)})


def _number_of_steps(context: Context, potential: Potential, skin: float, folder: Path, cells: Cells) -> int:
    """Steps for a run of the wanted duration on one process; a multiple of the steps between two builds of lists."""
    settings = context.settings.lammps
    few = potential.run(folder, settings.weak, settings.steps[0], skin)
    expected = few.us() * 1e-6 * n_atoms(cells)
    return BUILD_EVERY * max(1, round(min(settings.seconds / expected, settings.steps[1]) / BUILD_EVERY))


def _alternate(tasks: Mapping[str, Callable[[], Run]], rounds: int, steps: Steps) -> dict[str, list[Run]]:
    """Run every task once per round; each round begins with a different one."""
    names, found = list(tasks), dict[str, list[Run]]()
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            steps(name)
            found.setdefault(name, []).append(tasks[name]())
            steps.advance()
    return {name: found[name] for name in names}


Tasks = dict[str, Callable[[], Run]]
"""Runs by name."""


def _series(context: Context, potential: Potential, skin: float, folder: Path) -> Tasks:
    """Cubic crystals of growing size on one process."""
    tasks: Tasks = {}
    for edge in context.settings.lammps.series:
        cells = (edge, edge, edge)
        number = _number_of_steps(context, potential, skin, folder, cells)
        tasks[f"{n_atoms(cells):,} atoms"] = partial(potential.run, folder, cells, number, skin, REGULARLY)
    return tasks


def _series_record(runs: list[Run]) -> dict[str, Any]:
    last = runs[-1]
    return {
        "atoms": last.atoms,
        "ghosts": last.ghosts,
        "builds": last.builds,
        "steps": last.steps,
        "us_per_atom_step": Samples.of([run.us() for run in runs]).record(),
        "pair_us_per_atom": Samples.of([run.us("Pair") for run in runs]).record(),
        "comm_us_per_ghost": Samples.of([run.us("Comm") * run.atoms / run.ghosts for run in runs]).record(),
        "seconds": {name: median(run.seconds[name] / run.steps for run in runs) for name in SECTIONS},
    }


def _copies(potential: Potential, folder: Path, cells: Cells, number: int, skin: float, copies: int) -> Run:
    """Independent runs at the same time. Returns the one that took longest."""
    script, variables = write_input(folder), potential.variables(cells, number, skin, REGULARLY)
    started = [potential.lammps.start(script, variables) for _ in range(copies)]
    return max((finished(process)[-1] for process in started), key=lambda run: run.loop)


def _scaling(context: Context, potential: Potential, skin: float, numbers: list[int], folder: Path) -> Tasks:
    """A crystal that processes share, one that grows with them, and as many independent programs.

    The last show what the machine loses without any messages when all cores are busy: shared caches, memory, clocks.
    """
    settings = context.settings.lammps
    x, y, z = settings.weak
    strong = _number_of_steps(context, potential, skin, folder, settings.strong)
    weak = _number_of_steps(context, potential, skin, folder, settings.weak)
    tasks: Tasks = {}
    for n in numbers:
        tasks[f"strong {n}"] = partial(potential.run, folder, settings.strong, strong, skin, REGULARLY, n)
        tasks[f"weak {n}"] = partial(potential.run, folder, (x, y, z * n), weak, skin, REGULARLY, n)
        if n > 1:
            tasks[f"copies {n}"] = partial(_copies, potential, folder, settings.weak, weak, skin, n)
    return tasks


def _scaling_records(context: Context, found: Mapping[str, list[Run]]) -> list[dict[str, Any]]:
    settings = context.settings.lammps
    times = {name: Samples.of([run.step for run in runs]) for name, runs in found.items()}
    rows = []
    for name, runs in found.items():
        kind, text = name.split()
        last, n = runs[-1], int(text)
        x, y, z = settings.strong if kind == "strong" else settings.weak
        base = times["strong 1" if kind == "strong" else "weak 1"]
        rows.append(
            {
                "kind": kind,
                "processes": n,
                "cells": (x, y, z * n if kind == "weak" else z),
                "atoms": last.atoms * (n if kind == "copies" else 1),
                "ghosts": last.ghosts,
                "most_owned_over_mean": last.owned[1] / last.owned[0] if last.owned[0] else 1.0,
                "ms_per_step": (times[name] * 1e3).record(),
                "efficiency": (base.over(times[name]) * (1 / n if kind == "strong" else 1.0)).record(),
                "comm_share": Samples.of([run.seconds["Comm"] / run.loop for run in runs]).record(),
                "pair_longest_over_mean": Samples.of(
                    [run.longest["Pair"] / run.seconds["Pair"] for run in runs]
                ).record(),
            }
        )
    return rows


def _memory(context: Context, contenders: Contenders, skin: float, folder: Path, steps: Steps) -> list[dict[str, Any]]:
    """Resident memory for two sizes, and the slope between them."""
    own = list(contenders.own.values())
    compared = [*own, *(other for other in contenders.others if other.name in ("Tersoff", "SNAP"))]
    rows = []
    for potential in compared:
        values = {}
        for edge in context.settings.lammps.memory:
            cells = (edge, edge, edge)
            steps(f"memory, {potential.name}, {n_atoms(cells):,} atoms")
            variables = potential.variables(cells, _MEMORY_STEPS, skin, rest=_REST)
            values[n_atoms(cells)] = potential.lammps.run_with_memory(write_input(folder), variables)[1]
            steps.advance()
        (fewer, least), (more, most) = values.items()
        rows.append(
            {
                "name": potential.name,
                "bytes": {str(atoms): value for atoms, value in values.items()},
                "bytes_per_atom": (most - least) / (more - fewer),
            }
        )
    return rows


def _large(context: Context, contenders: Contenders, skin: float, folder: Path, steps: Steps) -> list[dict[str, Any]]:
    """The largest crystal with the smallest model, a few steps."""
    potential, edge = next(iter(contenders.own.values())), context.settings.lammps.large
    cells = (edge, edge, edge)
    steps(f"{n_atoms(cells):,} atoms")
    with pinned(context.core):
        variables = potential.variables(cells, _LARGE_STEPS, skin, REGULARLY, rest=_REST)
        runs, memory = potential.lammps.run_with_memory(write_input(folder), variables)
    steps.advance()
    return [
        {
            "name": potential.name,
            "atoms": runs[-1].atoms,
            "us_per_atom_step": runs[-1].us(),
            "us_by_section": {name: runs[-1].us(name) for name in SECTIONS},
            "bytes": memory,
            "bytes_per_atom": memory / runs[-1].atoms,
        }
    ]


def tables(data: Mapping[str, Any]) -> list[Table]:
    """Tables of everything measured here."""
    model = data["scaling_model"]
    return [
        Table(
            f"Atoms on one process ({model}, skin {data['scaling_skin']:.0f} Å)",
            ("atoms", "ghosts", "ghosts / atom", "µs per atom and step", "Pair, µs per atom", "Comm, ns per ghost"),
            [
                (
                    f"{row['atoms']:,}",
                    f"{row['ghosts']:,.0f}",
                    f"{row['ghosts'] / row['atoms']:.2f}",
                    f"{row['us_per_atom_step']['median']:.2f}",
                    f"{row['pair_us_per_atom']['median']:.2f}",
                    f"{1e3 * row['comm_us_per_ghost']['median']:.1f}",
                )
                for row in data["series"]
            ],
        ),
        Table(
            f"Processes ({model})",
            (
                "",
                "processes",
                "atoms",
                "ms per step",
                "quartiles",
                "efficiency",
                "quartiles",
                "Comm",
                "Pair, most / mean",
            ),
            [
                (
                    row["kind"],
                    f"{row['processes']}",
                    f"{row['atoms']:,}",
                    f"{row['ms_per_step']['median']:.1f}",
                    "{:.1f}-{:.1f}".format(*row["ms_per_step"]["quartiles"]),
                    f"{row['efficiency']['median']:.2f}",
                    "{:.2f}-{:.2f}".format(*row["efficiency"]["quartiles"]),
                    f"{100 * row['comm_share']['median']:.1f} %",
                    f"{row['pair_longest_over_mean']['median']:.3f}",
                )
                for row in sorted(data["processes"], key=lambda row: (row["kind"] == "copies", row["kind"] == "weak"))
            ],
        ),
        Table(
            "Resident memory of one process",
            ("potential", *(f"{int(n):,} atoms" for n in data["memory"][0]["bytes"]), "bytes per atom between them"),
            [
                (
                    row["name"],
                    *(f"{value / 2**20:.0f} MiB" for value in row["bytes"].values()),
                    f"{row['bytes_per_atom']:.0f}",
                )
                for row in data["memory"]
            ],
        ),
        *(
            Table(
                f"{row['atoms']:,} atoms, one process, {row['name']}",
                ("µs per atom and step", *SECTIONS, "memory", "bytes per atom"),
                [
                    (
                        f"{row['us_per_atom_step']:.2f}",
                        *(f"{row['us_by_section'][name]:.3f}" for name in SECTIONS),
                        f"{row['bytes'] / 2**20:.0f} MiB",
                        f"{row['bytes_per_atom']:.0f}",
                    )
                ],
            )
            for row in data["large"]
        ),
    ]


def headlines(data: Mapping[str, Any]) -> list[Headline]:
    """Efficiency with all cores, and memory."""
    lines = []
    most = max(row["processes"] for row in data["processes"])
    for row in data["processes"]:
        if row["processes"] == most > 1:
            words = {"strong": "shared crystal", "weak": "as much each", "copies": "separate programs"}[row["kind"]]
            meaning = f"{row['atoms']:,} atoms, {words}; Comm {100 * row['comm_share']['median']:.0f} % of the time"
            lines.append(Headline(f"{most} processes", f"{100 * row['efficiency']['median']:.0f} %", meaning))
    memory = data["memory"][0]
    lines.append(Headline("memory in LAMMPS", f"{memory['bytes_per_atom']:.0f} bytes/atom", memory["name"]))
    return lines
