"""Potentials from files (.yace, .yaml): compiled, and ML-PACE's own evaluator of the same file, alternating."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import covalent_radii

import acegen
from acegen.elements import ATOMIC_NUMBERS
from acegen.runtime import CompiledModel, Model
from benchmarks.batches import Batch, PotentialCall
from benchmarks.context import Context
from benchmarks.pace import evaluator_microseconds, has_pace
from benchmarks.section import Headline, Section, Table
from benchmarks.timing import Samples, pinned, seconds, wall_clock
from benchmarks.yace import write_environments

_OWN_CALLS = 5
_CELLS = 6
_RATTLE = 0.1
"""Standard deviation of displacements, Å."""


def measure(context: Context) -> Section:
    """All files that were given; nothing without any."""
    data: dict[str, Any] = {"files": []}
    notes: list[str] = []
    if not context.potentials:
        notes.append("no potential files were given: name some with --potentials FILE,...")
        return Section("Potentials from files", data, notes=notes)
    binary = context.pace
    if binary is None or has_pace(binary):
        notes.append("ML-PACE was skipped: give a built evaluator as --pace PATH")
        binary = None
    rounds = context.settings.peer_rounds
    with context.steps("files", len(context.potentials) * (1 + rounds)) as steps, pinned(context.core):
        for number, path in enumerate(context.potentials):
            steps(f"compiling {path.name}")
            model = acegen.compile_potential(path, context.modules, f"file_{number}", options=context.options())
            batch = Batch.of([crystal(model.elements)], model.cutoff, model.elements)
            steps.advance()
            samples: dict[str, list[float]] = {}
            for turn in range(rounds):
                steps(f"{path.name}, round {turn + 1}")
                for name, value in _round(context, binary, path, model, batch, turn).items():
                    samples.setdefault(name, []).append(value)
                steps.advance()
            data["files"].append(_record(path, model, batch, samples))
    return Section("Potentials from files", data, [_table(data)], _headlines(data), notes)


def crystal(elements: tuple[str, ...], cells: int = _CELLS, seed: int = 1) -> Atoms:
    """A rattled face-centred cubic crystal of all elements in random places, at about the density of the elements."""
    rng = np.random.default_rng(seed)
    radius = float(np.mean([covalent_radii[ATOMIC_NUMBERS[element]] for element in elements]))
    atoms = bulk("Cu", "fcc", a=2 * radius * 2**0.5, cubic=True) * (cells, cells, cells)
    atoms.set_chemical_symbols(rng.choice(elements, size=len(atoms)).tolist())
    atoms.positions += rng.normal(size=(len(atoms), 3)) * _RATTLE
    return atoms


def _round(
    context: Context, binary: Path | None, path: Path, model: CompiledModel, batch: Batch, turn: int
) -> dict[str, float]:
    """µs per atom of both, beginning with another one each time."""
    call = PotentialCall(model, batch)
    call()
    environments = (context.scratch / f"{path.stem}.env").resolve()
    if turn == 0:
        write_environments(batch, environments)
    values: dict[str, float] = {}
    for name in ("acegen", "ML-PACE")[:: 1 if turn % 2 else -1]:
        if name == "acegen":
            values[name] = median(seconds(call, wall_clock) for _ in range(_OWN_CALLS)) * 1e6 / batch.n_atoms
        elif binary is not None:
            with suppress(RuntimeError):  # it does not read the file; B-basis files, for example
                values[name] = evaluator_microseconds(binary, path, environments, context.settings.peer_repetitions)
    return values


def _record(path: Path, model: Model, batch: Batch, samples: dict[str, list[float]]) -> dict[str, Any]:
    own = Samples.of(samples["acegen"])
    return {
        "file": path.name,
        "elements": list(model.elements),
        "neighbours": batch.mean_neighbours,
        "us_per_atom": {name: Samples.of(values).record() for name, values in samples.items()},
        "over_acegen": {
            name: Samples.of(values).over(own).record()
            for name, values in samples.items()
            if name != "acegen" and len(values) == len(own.values)
        },
    }


def _table(data: dict[str, Any]) -> Table:
    rows = []
    for one in data["files"]:
        own, peer, ratio = (
            one["us_per_atom"]["acegen"],
            one["us_per_atom"].get("ML-PACE"),
            one["over_acegen"].get("ML-PACE"),
        )
        rows.append(
            (
                one["file"],
                ", ".join(one["elements"]),
                f"{one['neighbours']:.0f}",
                f"{own['median']:.2f}",
                f"{peer['median']:.1f}" if peer else "",
                f"{ratio['median']:.1f}" if ratio else "",
                "{:.1f}-{:.1f}".format(*ratio["quartiles"]) if ratio else "",
            )
        )
    headings = ("file", "elements", "neighbours", "µs/atom", "ML-PACE", "time / acegen", "quartiles")
    return Table("Energies and forces of potential files on one core, without neighbour lists", headings, rows)


def _headlines(data: dict[str, Any]) -> list[Headline]:
    return [
        Headline(one["file"], f"{ratio['median']:.0f} ×", "ML-PACE: its time over that of the compiled file")
        for one in data["files"]
        for ratio in one["over_acegen"].values()
    ]
