"""Energies and forces on one core: time by stage against the multiply-add peak, canonical against self-interacting."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.batches import PotentialCall
from benchmarks.context import Context
from benchmarks.counts import Counts, Layout, count, read_layout
from benchmarks.section import Headline, Section, Table
from benchmarks.settings import Size
from benchmarks.stages import STAGES, StageTimer
from benchmarks.timing import Samples, Timings, alternate, pinned

EXPANSIONS = ("canonical", "self-interacting")


def measure(context: Context) -> Section:
    """All sizes and both expansions in the same rounds."""
    sizes, rounds, batch = context.settings.sizes, context.settings.repetitions, context.batch
    calls: dict[tuple[Size, str], PotentialCall] = {}
    layouts: dict[Size, Layout] = {}
    timers: dict[Size, StageTimer] = {}
    with context.steps("kernels", 2 * len(sizes) + rounds) as steps:
        for size in sizes:
            for expansion in EXPANSIONS:
                steps(f"compiling {size.label}")
                model = context.compile(size, expansion=expansion)
                calls[size, expansion] = PotentialCall(model, batch)
                if expansion == "canonical":
                    layouts[size] = read_layout(model)
                    timers[size] = StageTimer(model, batch, context.scratch)
                steps.advance()
        steps(f"timing, {rounds} rounds")
        stages: dict[Size, list[Any]] = {size: [] for size in sizes}

        def by_stage() -> None:
            for size, timer in timers.items():
                stages[size].append(timer())
            steps.advance()

        with pinned(context.core):
            contenders = {f"{size.name()} {expansion}": call for (size, expansion), call in calls.items()}
            timed = alternate(contenders, rounds, context.peak, by_stage)
    lanes = context.toolchain.vector_bytes // 8
    data: dict[str, Any] = {
        "atoms": batch.n_atoms,
        "neighbours": batch.mean_neighbours,
        "lanes": lanes,
        "padding": batch.padding(lanes),
        "models": [_record(context, size, layouts[size], timed, np.array(stages[size])) for size in sizes],
    }
    return Section("Energies and forces, one core", data, _tables(data), _headlines(data))


def _record(context: Context, size: Size, layout: Layout, timed: Timings, stages: Any) -> dict[str, Any]:
    n_atoms = context.batch.n_atoms
    canonical, other = (f"{size.name()} {expansion}" for expansion in EXPANSIONS)
    counts = count(layout, context.batch.mean_neighbours)
    time, peak = timed.seconds[canonical], timed.peaks[canonical]
    by_stage = {name: Samples(stages[:, k]) for k, name in enumerate(STAGES)}
    return {
        "size": asdict(size),
        "label": size.label,
        "pooled": layout.pooled(0),
        "products": layout.products,
        "us_per_atom": (time * (1e6 / n_atoms)).record(),
        "us_per_atom_self_interacting": (timed.seconds[other] * (1e6 / n_atoms)).record(),
        "canonical_over_self_interacting": time.over(timed.seconds[other]).record(),
        "us_by_stage": {name: (value * (1e6 / n_atoms)).record() for name, value in by_stage.items()},
        "multiply_adds": {**asdict(counts), "total": counts.total},
        "peak_gigahertz": (peak * 1e-9).record(),
        "fraction_of_peak": {
            **{name: _fraction(counts, name, n_atoms, value, peak).record() for name, value in by_stage.items()},
            "total": _fraction(counts, "total", n_atoms, time, peak).record(),
        },
    }


def _fraction(counts: Counts, stage: str, n_atoms: int, time: Samples, peak: Samples) -> Samples:
    """Multiply-adds done per second over those possible, round by round."""
    return Samples(getattr(counts, stage) * n_atoms / time.values / peak.values)


def _tables(data: dict[str, Any]) -> list[Table]:
    times, counts = [], []
    for model in data["models"]:
        own, other = model["us_per_atom"], model["us_per_atom_self_interacting"]
        stage, fraction, adds = model["us_by_stage"], model["fraction_of_peak"], model["multiply_adds"]
        low, high = own["quartiles"]
        ratio = model["canonical_over_self_interacting"]
        times.append(
            (
                model["label"],
                f"{own['median']:.2f}",
                f"{low:.2f}-{high:.2f}",
                *(f"{stage[name]['median']:.2f}" for name in STAGES),
                f"{own['median'] - sum(stage[name]['median'] for name in STAGES):.2f}",
                f"{other['median']:.2f}",
                f"{ratio['median']:.3f}",
            )
        )
        counts.append(
            (
                model["label"],
                *(f"{adds[name]:,.0f} ({100 * fraction[name]['median']:.0f} %)" for name in (*STAGES, "total")),
                f"{model['peak_gigahertz']['median']:.1f}",
            )
        )
    return [
        Table(
            "µs per atom",
            ("basis", "total", "quartiles", *STAGES, "rest", "self-int.", "canonical / self-int."),
            times,
        ),
        Table(
            "Multiply-adds per atom, and the part of the peak reached",
            ("basis", *STAGES, "total", "peak, 10⁹/s"),
            counts,
        ),
    ]


def _headlines(data: dict[str, Any]) -> list[Headline]:
    lines = []
    for model in data["models"]:
        fraction, ratio = model["fraction_of_peak"]["total"]["median"], model["canonical_over_self_interacting"]
        lines.append(
            Headline(
                model["label"],
                f"{100 * fraction:.0f} % of peak",
                f"{model['us_per_atom']['median']:.2f} µs/atom; canonical / self-interacting {ratio['median']:.3f}",
            )
        )
    return lines
