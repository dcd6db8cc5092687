"""Compiling: time of derivation and of the C compiler, peak memory, and how fast the result is."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import acegen
from benchmarks.batches import Batch, PotentialCall
from benchmarks.child import run_child
from benchmarks.code import product_stage_size
from benchmarks.context import Context
from benchmarks.counts import read_layout
from benchmarks.section import Headline, Section, Table
from benchmarks.settings import CUTOFF, Size
from benchmarks.stages import STAGES, StageTimer
from benchmarks.structures import with_elements
from benchmarks.timing import Samples, alternate, pinned

DERIVATION = ("spec", "load", "algebra", "basis", "lower")
"""Stages before code is generated; the rest is code generation and the C compiler."""


def measure(context: Context) -> Section:
    """Compile each model from scratch in a separate process, then time all of them in the same rounds."""
    sizes, rounds = context.settings.compile_sizes, max(10, context.settings.repetitions // 3)
    notes: list[str] = []
    records: dict[Size, dict[str, Any]] = {}
    folder = Path(tempfile.mkdtemp(prefix="compile-", dir=context.scratch))
    try:
        with context.steps("compile", 2 * len(sizes) + rounds) as steps:
            for size in sizes:
                steps(size.label)
                try:
                    records[size] = _compile(size, context.march, folder, context.settings.compile_limit)
                except RuntimeError as error:
                    notes.append(f"{size.label} was not compiled: {error}")
                steps.advance()
            calls, timers, seconds = {}, {}, {}
            for size in records:
                steps(f"{size.label}, stages")
                model = acegen.load(folder / size.name("compiled"))
                structures = context.test if len(size.elements) == 1 else with_elements(context.test, size.elements)
                batch = Batch.of(structures, CUTOFF, size.elements)
                layout = read_layout(model)
                records[size] |= {"products": layout.products, "product_multiply_adds": layout.product_stage}
                try:
                    records[size]["product_stage"] = asdict(product_stage_size(model, folder))
                except RuntimeError as error:
                    if (note := f"the size of code was not measured: {error}") not in notes:
                        notes.append(note)
                calls[size.label] = PotentialCall(model, batch)
                timers[size] = StageTimer(model, batch, folder)
                seconds[size] = [timers[size]()]
                steps.advance()
            steps("timing")

            def by_stage() -> None:
                for size, timer in timers.items():
                    seconds[size].append(timer())
                steps.advance()

            with pinned(context.core):
                timed = alternate(calls, rounds, advance=by_stage) if calls else None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    n_atoms = context.batch.n_atoms
    middle = sizes[1]
    for size, record in records.items():
        assert timed is not None
        products = Samples.of([row[STAGES.index("products")] for row in seconds[size][1:]])
        record["us_per_atom"] = (timed.seconds[size.label] * (1e6 / n_atoms)).record()
        record["ns_per_product"] = (products * (1e9 / n_atoms / record["products"])).record()
        if middle in records:
            other = Samples.of([row[STAGES.index("products")] for row in seconds[middle][1:]])
            ratio = products * (records[middle]["products"] / record["products"])
            record["per_product_over_middle"] = ratio.over(other).record()
    data = {"middle": middle.label, "models": list(records.values())}
    return Section("Compiling", data, _tables(data), _headlines(data), notes)


def _compile(size: Size, march: str, folder: Path, limit: float) -> dict[str, Any]:
    arguments = {"size": asdict(size), "march": march, "directory": str(folder.resolve())}
    answer = run_child("compile", arguments, limit)
    by_stage = answer["by_stage"]
    derivation = sum(by_stage.get(stage, 0.0) for stage in DERIVATION)
    build = by_stage.get("build", 0.0)
    return {
        "size": asdict(size),
        "label": size.label,
        **answer,
        "derivation": derivation,
        "build": build,
        "code": answer["seconds"] - derivation - build,
    }


def _tables(data: dict[str, Any]) -> list[Table]:
    costs, speeds = [], []
    for model in data["models"]:
        costs.append(
            (
                model["label"],
                f"{model['n_basis']:,}",
                f"{model['products']:,}",
                *(f"{model[key]:.1f}" for key in ("derivation", "code", "build", "seconds")),
                f"{model['memory'] / 2**30:.2f}",
                f"{model['module_bytes'] / 2**20:.1f}",
            )
        )
        ratio, stage = model.get("per_product_over_middle"), model.get("product_stage")
        speeds.append(
            (
                model["label"],
                f"{model['us_per_atom']['median']:.2f}",
                "{:.2f}-{:.2f}".format(*model["us_per_atom"]["quartiles"]),
                f"{model['product_multiply_adds'] / model['products']:.2f}",
                f"{model['ns_per_product']['median']:.3f}",
                f"{ratio['median']:.2f}" if ratio else "",
                *((f"{stage[key] / 1000:.0f}" for key in ("code", "tables")) if stage else ("", "")),
            )
        )
    return [
        Table(
            "Compile, seconds; memory of all processes together",
            ("basis", "functions", "products", "derive", "code", "C", "all", "memory, GiB", "module, MiB"),
            costs,
        ),
        Table(
            "The compiled kernels",
            (
                "basis",
                "µs/atom",
                "quartiles",
                "mult.-adds / product",
                "ns / product",
                f"over that of {data['middle']}",
                "code of products, kB",
                "tables, kB",
            ),
            speeds,
        ),
    ]


def _headlines(data: dict[str, Any]) -> list[Headline]:
    models = data["models"]
    if not models:
        return []
    slowest, largest = max(models, key=lambda m: m["seconds"]), max(models, key=lambda m: m["memory"])
    lines = [
        Headline("longest compile", f"{slowest['seconds']:.0f} s", slowest["label"]),
        Headline("largest compile", f"{largest['memory'] / 2**30:.2f} GiB", largest["label"]),
    ]
    middle = next((model for model in models if model["label"] == data["middle"]), None)
    compared = [model for model in models if middle and model["products"] > middle["products"]]
    if compared:
        worst = max(compared, key=lambda m: m["per_product_over_middle"]["median"])
        ratio = worst["per_product_over_middle"]["median"]
        lines.append(
            Headline("time per product", f"{ratio:.2f} ×", f"at most: {worst['label']} against {data['middle']}")
        )
    return lines
