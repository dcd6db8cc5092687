"""How the time grows: with atoms, neighbours, order, level and threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import acegen
from benchmarks.batches import Batch, PotentialCall
from benchmarks.context import Context, Steps
from benchmarks.counts import count, read_layout
from benchmarks.section import Headline, Section, Table
from benchmarks.settings import CUTOFF, Size
from benchmarks.structures import bulk_silicon, lattice_for
from benchmarks.timing import Samples, alternate, pinned, seconds, wall_clock

_ATOMS_A_MEASUREMENT = 1_000_000
"""Least number of atoms evaluated, by repeated calls, for one number of the scaling with atoms."""

_REFERENCE_ATOMS, _REFERENCE_CALLS = 1_000, 10
"""The small piece that all sizes are compared with, and how often it is evaluated in a round."""

_SCALING_ATOMS = 2_000
"""Atoms of the structures with different numbers of neighbours."""

_THREAD_ATOMS = 20_000


def measure(context: Context) -> Section:
    """All five, one after the other."""
    settings = context.settings
    total = len(settings.atoms) + len(settings.neighbours) + len(settings.orders) + len(settings.levels) + 1
    with context.steps("scaling", total) as steps:
        data = {
            "model": settings.scaling_size.label,
            "atoms": _atoms(context, steps),
            "neighbours": _neighbours(context, steps),
            "order": _sizes(context, steps, [Size(order, settings.order_level) for order in settings.orders]),
            "level": _sizes(context, steps, [Size(settings.level_order, level) for level in settings.levels]),
            "threads": _threads(context, steps),
        }
    return Section("Scaling", data, _tables(data), _headlines(data))


def _atoms(context: Context, steps: Steps) -> list[dict[str, Any]]:
    """Bulk silicon of growing size: kernel alone, neighbour list alone, `Model.compute`.

    A small piece is evaluated in the same rounds, so that ratios do not depend on when each size was measured.
    """
    model = context.compile(context.settings.scaling_size)
    small = Batch.of([bulk_silicon(_REFERENCE_ATOMS)], CUTOFF)
    reference = PotentialCall(model, small)
    rows = []
    for target in context.settings.atoms:
        atoms = bulk_silicon(target)
        steps(f"{len(atoms):,} atoms")
        rounds = max(3, min(50, _ATOMS_A_MEASUREMENT // len(atoms)))
        with pinned(context.core):
            lists = Samples.of([seconds(partial(Batch.of, [atoms], CUTOFF)) for _ in range(3)])
            whole = Samples.of([seconds(partial(model.compute, atoms)) for _ in range(3)])
            batch = Batch.of([atoms], CUTOFF)
            call = PotentialCall(model, batch)
            timed = alternate({"kernel": call, "reference": partial(_repeat, reference, _REFERENCE_CALLS)}, rounds)
        kernel = timed.seconds["kernel"] * (1e6 / len(atoms))
        other = timed.seconds["reference"] * (1e6 / small.n_atoms / _REFERENCE_CALLS)
        rows.append(
            {
                "atoms": len(atoms),
                "neighbours": batch.mean_neighbours,
                "kernel_us_per_atom": kernel.record(),
                "over_reference": kernel.over(other).record(),
                "list_us_per_atom": (lists * (1e6 / len(atoms))).record(),
                "compute_us_per_atom": (whole * (1e6 / len(atoms))).record(),
            }
        )
        steps.advance()
    return rows


def _repeat(call: Callable[[], object], times: int) -> None:
    for _ in range(times):
        call()


def _neighbours(context: Context, steps: Steps) -> list[dict[str, Any]]:
    """Bulk silicon of different density, in the same rounds."""
    model = context.compile(context.settings.scaling_size)
    calls, batches = {}, {}
    for wanted in context.settings.neighbours:
        lattice = lattice_for(wanted, CUTOFF)
        batch = Batch.of([bulk_silicon(_SCALING_ATOMS, lattice, rattle=0.05 * lattice)], CUTOFF)
        batches[str(wanted)] = batch
        calls[str(wanted)] = PotentialCall(model, batch)
        steps(f"{batch.mean_neighbours:.0f} neighbours")
        steps.advance()
    with pinned(context.core):
        timed = alternate(calls, context.settings.repetitions)
    return [
        {
            "neighbours": batch.mean_neighbours,
            "us_per_atom": (timed.seconds[name] * (1e6 / batch.n_atoms)).record(),
        }
        for name, batch in batches.items()
    ]


def _sizes(context: Context, steps: Steps, sizes: list[Size]) -> list[dict[str, Any]]:
    """Models of different size, in the same rounds."""
    calls, layouts, n_basis = {}, {}, {}
    for size in sizes:
        steps(f"compiling {size.label}")
        model = context.compile(size)
        calls[size.label] = PotentialCall(model, context.batch)
        layouts[size.label] = read_layout(model)
        n_basis[size.label] = model.n_basis
        steps.advance()
    with pinned(context.core):
        timed = alternate(calls, context.settings.repetitions, context.peak)
    rows = []
    for size in sizes:
        adds = count(layouts[size.label], context.batch.mean_neighbours).total
        time, peak = timed.seconds[size.label], timed.peaks[size.label]
        rows.append(
            {
                "order": size.order,
                "level": size.level,
                "functions": n_basis[size.label],
                "products": layouts[size.label].products,
                "multiply_adds": adds,
                "us_per_atom": (time * (1e6 / context.batch.n_atoms)).record(),
                "fraction_of_peak": Samples(adds * context.batch.n_atoms / time.values / peak.values).record(),
            }
        )
    return rows


def _threads(context: Context, steps: Steps) -> list[dict[str, Any]]:
    """One structure with more and more threads, by wall clock."""
    steps("threads")
    try:
        model = context.compile(context.settings.scaling_size, "openmp", openmp=True)
    except acegen.BuildError:
        steps.advance()
        return []
    batch = Batch.of([bulk_silicon(_THREAD_ATOMS)], CUTOFF)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    numbers = sorted({min(2**k, cores) for k in range(cores.bit_length() + 1)})
    calls = {str(n): PotentialCall(model, batch, n) for n in numbers}
    timed = alternate(calls, max(10, context.settings.repetitions // 2), clock=wall_clock)
    steps.advance()
    return [
        {
            "threads": n,
            "us_per_atom": (timed.seconds[str(n)] * (1e6 / batch.n_atoms)).record(),
            "speedup": timed.seconds["1"].over(timed.seconds[str(n)]).record(),
        }
        for n in numbers
    ]


def _tables(data: dict[str, Any]) -> list[Table]:
    tables = [
        Table(
            f"Atoms ({data['model']}), µs per atom",
            ("atoms", "kernel", "quartiles", "over that of 1,000", "neighbour list", "compute(), everything"),
            [
                (
                    f"{row['atoms']:,}",
                    f"{row['kernel_us_per_atom']['median']:.2f}",
                    "{:.2f}-{:.2f}".format(*row["kernel_us_per_atom"]["quartiles"]),
                    f"{row['over_reference']['median']:.2f}",
                    f"{row['list_us_per_atom']['median']:.1f}",
                    f"{row['compute_us_per_atom']['median']:.1f}",
                )
                for row in data["atoms"]
            ],
        ),
        Table(
            f"Neighbours ({data['model']})",
            ("neighbours", "µs/atom", "quartiles", "ns per neighbour"),
            [
                (
                    f"{row['neighbours']:.1f}",
                    f"{row['us_per_atom']['median']:.2f}",
                    "{:.2f}-{:.2f}".format(*row["us_per_atom"]["quartiles"]),
                    f"{1e3 * row['us_per_atom']['median'] / row['neighbours']:.0f}",
                )
                for row in data["neighbours"]
            ],
        ),
    ]
    for key in ("order", "level"):
        rows = [
            (
                f"{row['order']}, {row['level']}",
                f"{row['functions']:,}",
                f"{row['products']:,}",
                f"{row['multiply_adds']:,.0f}",
                f"{row['us_per_atom']['median']:.2f}",
                "{:.2f}-{:.2f}".format(*row["us_per_atom"]["quartiles"]),
                f"{100 * row['fraction_of_peak']['median']:.0f} %",
            )
            for row in data[key]
        ]
        headings = ("order, level", "functions", "products", "multiply-adds", "µs/atom", "quartiles", "of peak")
        tables.append(Table(key.capitalize(), headings, rows))
    speed = [
        (
            f"{row['threads']}",
            f"{row['us_per_atom']['median']:.2f}",
            "{:.2f}-{:.2f}".format(*row["us_per_atom"]["quartiles"]),
            f"{row['speedup']['median']:.2f}",
        )
        for row in data["threads"]
    ]
    tables.append(Table(f"Threads ({data['model']})", ("threads", "µs/atom", "quartiles", "speed-up"), speed))
    return tables


def _headlines(data: dict[str, Any]) -> list[Headline]:
    last = data["atoms"][-1]
    growth = last["over_reference"]["median"]
    meaning = f"kernel time per atom, {last['atoms']:,} against {_REFERENCE_ATOMS:,} atoms, same rounds"
    lines = [Headline("scaling with atoms", f"{growth:.2f} ×", meaning)]
    for row in data["threads"]:
        if row["threads"] > 1:
            lines.append(Headline(f"{row['threads']} threads", f"{row['speedup']['median']:.2f} × as fast", "as one"))
    return lines
