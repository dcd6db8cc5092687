"""Other evaluators of the same (n, l) on the same environments, in rounds that alternate with acegen.

ML-PACE: an evaluator, called as `PATH MODEL.yace ENVIRONMENTS REPETITIONS` (files written by `benchmarks.yace`), that
prints `us/atom: median X`, in a line that begins with `recursive` if it prints several; or a LAMMPS with the pair style
pace. ace-jax: through `benchmarks.ace_jax_child` in this Python, or in the one given. All on one core.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

import numpy as np

import acegen
from acegen.runtime import FunctionLabel
from benchmarks import pace
from benchmarks.batches import PotentialCall
from benchmarks.context import Context
from benchmarks.images import neighbour_arrays
from benchmarks.section import Headline, Section, Table
from benchmarks.settings import CUTOFF, Size
from benchmarks.timing import Samples, pinned, seconds, wall_clock
from benchmarks.yace import write_environments, write_yace

HERE = Path(__file__).parent
_OWN_CALLS = 5

Timer = Callable[[], dict[str, float]]
"""A measurement made now: µs per atom by name."""


def measure(context: Context) -> Section:
    """All peers that are available."""
    sizes, rounds = context.settings.sizes, context.settings.peer_rounds
    data: dict[str, Any] = {"models": []}
    notes: list[str] = []
    ace_jax = _ace_jax_python(context)
    if context.pace is None:
        notes.append("ML-PACE was skipped: give a built evaluator or a LAMMPS with ML-PACE as --pace PATH")
    if ace_jax is None:
        notes.append(
            "ace-jax was skipped: it is not installed; give the Python of an environment that has it as --ace-jax"
        )
    if context.pace is None and ace_jax is None:
        return Section("Peers", data, notes=notes)
    with context.steps("peers", len(sizes) * (1 + rounds)) as steps, pinned(context.core):
        for size in sizes:
            steps(f"setting up {size.label}")
            model = context.compile(size)
            with ExitStack() as stack:
                timers = _timers(context, size, model, ace_jax, stack, notes)
                steps.advance()
                samples: dict[str, list[float]] = {}
                for number in range(rounds):
                    steps(f"{size.label}, round {number + 1}")
                    for name, value in _round(timers, number, notes).items():
                        samples.setdefault(name, []).append(value)
                    steps.advance()
            data["models"].append(_record(size, samples))
    return Section("Peers", data, _tables(data), _headlines(data), notes)


def _round(timers: list[Timer], number: int, notes: list[str]) -> dict[str, float]:
    """One measurement of each, beginning with a different one each time. Those that fail are dropped from then on."""
    start = number % len(timers)
    values: dict[str, float] = {}
    for timer in timers[start:] + timers[:start]:
        try:
            values |= timer()
        except (RuntimeError, OSError) as error:
            notes.append(f"a peer failed in round {number + 1}: {error}")
            timers.remove(timer)
    return values


def _timers(
    context: Context, size: Size, model: acegen.Model, python: Path | None, stack: ExitStack, notes: list[str]
) -> list[Timer]:
    call, n_atoms = PotentialCall(model, context.batch), context.batch.n_atoms
    call()

    def own() -> dict[str, float]:
        return {"acegen": median(seconds(call, wall_clock) for _ in range(_OWN_CALLS)) * 1e6 / n_atoms}

    timers: list[Timer] = [own]
    labels = model.labels("Si")
    if context.pace:
        try:
            timers.append(_pace(context, size, labels))
        except (RuntimeError, OSError, ValueError) as error:
            notes.append(f"ML-PACE, {size.label}, was skipped: {error}")
    if python:
        try:
            expected = sorted(sorted(map(list, zip(x.n, x.l, strict=True))) for x in labels)
            child = stack.enter_context(AceJax(context, size, expected, python))
            if child.labels != expected:
                notes.append(f"ace-jax, {size.label}: its (n, l) differ from those of acegen")
            timers.append(lambda: {f"ace-jax, {k}": s * 1e6 / n_atoms for k, s in child.time().items()})
        except (RuntimeError, OSError) as error:
            notes.append(f"ace-jax, {size.label}, was skipped: {error}")
    return timers


def _pace(context: Context, size: Size, labels: tuple[FunctionLabel, ...]) -> Timer:
    """A timer for ML-PACE; measures once to see whether it works."""
    assert context.pace is not None
    binary, repetitions = context.pace.resolve(), context.settings.peer_repetitions
    potential = (context.scratch / f"{size.name()}.yace").resolve()
    write_yace(labels, CUTOFF, potential)
    n_atoms = context.batch.n_atoms
    if pace.has_pace(binary):
        pair = pace.pace_lines(potential)
        script = pace.write_input(context.test, pair, repetitions, context.scratch / f"lammps_{size.name()}")

        def timer() -> dict[str, float]:
            return {"ML-PACE": pace.pair_seconds(binary, script, repetitions) * 1e6 / n_atoms}

    else:
        environments = (context.scratch / "environments.bin").resolve()
        write_environments(context.batch, environments)

        def timer() -> dict[str, float]:
            return {"ML-PACE": pace.evaluator_microseconds(binary, potential, environments, repetitions)}

    timer()
    return timer


def _ace_jax_python(context: Context) -> Path | None:
    if context.ace_jax:
        return context.ace_jax
    return Path(sys.executable) if importlib.util.find_spec("ace_jax") else None


class AceJax:
    """A process that evaluates ace-jax on request."""

    def __init__(self, context: Context, size: Size, labels: list[list[list[int]]], python: Path) -> None:
        arrays = (context.scratch / "ace_jax.npz").resolve()
        np.savez(arrays, **neighbour_arrays(context.test, CUTOFF))  # type: ignore[arg-type]
        config = context.scratch / f"ace_jax_{size.name()}.json"
        content = {
            "data": str(arrays),
            "cache": str(context.scratch.resolve()),
            "elements": size.elements,
            "order": size.order,
            "levels": size.levels,
            "angular_weight": size.angular_weight,
            "cutoff": CUTOFF,
            "labels": labels,
            "march": context.march,
        }
        config.write_text(json.dumps(content), encoding="utf-8")
        self._log = (context.scratch / "ace_jax.log").open("w+", encoding="utf-8")
        command = [str(python), str(HERE / "ace_jax_child.py"), str(config.resolve())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        try:
            self.labels: list[list[list[int]]] = self._answer()["labels"]
        except BaseException:
            self.close()
            raise

    def time(self) -> dict[str, float]:
        """Seconds of one evaluation of all structures by path."""
        assert self._process.stdin
        with suppress(BrokenPipeError):  # there is no answer then
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        status = self._process.wait()
        self._log.seek(0)
        raise RuntimeError((self._log.read().strip().splitlines() or [f"it ended with status {status}"])[-1])

    def close(self) -> None:
        with suppress(BrokenPipeError):
            self._process.kill()
            self._process.communicate()
        self._log.close()

    def __enter__(self) -> AceJax:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _record(size: Size, samples: dict[str, list[float]]) -> dict[str, Any]:
    own = Samples.of(samples["acegen"])
    return {
        "size": asdict(size),
        "label": size.label,
        "us_per_atom": {name: Samples.of(values).record() for name, values in samples.items()},
        "over_acegen": {
            name: Samples.of(values).over(Samples(own.values[: len(values)])).record()
            for name, values in samples.items()
            if name != "acegen"
        },
    }


def _tables(data: dict[str, Any]) -> list[Table]:
    rows = []
    for model in data["models"]:
        for name, time in model["us_per_atom"].items():
            ratio = model["over_acegen"].get(name)
            rows.append(
                (
                    model["label"],
                    name,
                    f"{ratio['median']:.1f}" if ratio else "1",
                    "{:.1f}-{:.1f}".format(*ratio["quartiles"]) if ratio else "",
                    f"{time['median']:.2f}",
                    "{:.2f}-{:.2f}".format(*time["quartiles"]),
                )
            )
    headings = ("basis", "evaluator", "time / acegen", "quartiles", "µs/atom", "quartiles")
    return [Table("Energies and forces on one core, without neighbour lists", headings, rows)] if rows else []


def _headlines(data: dict[str, Any]) -> list[Headline]:
    lines = []
    for model in data["models"]:
        for name, ratio in model["over_acegen"].items():
            low, high = ratio["quartiles"]
            meaning = f"{name}: its time over acegen's (quartiles {low:.0f}-{high:.0f})"
            lines.append(Headline(model["label"], f"{ratio['median']:.0f} ×", meaning))
    return lines
