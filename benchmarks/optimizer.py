"""The optimizer's cost model: estimated against measured time of the product stage, for each of its forms."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from acegen.algebra import build_algebra
from acegen.basis import derive_basis
from acegen.codegen.backend import Machine, choose_backend
from acegen.forms import LinearPrograms, possible_forms
from acegen.lower import ProductExpansion, potential_of_products
from acegen.options import ProductForm
from acegen.program.kernel import KernelProgram
from acegen.spec import load_spec
from benchmarks.context import Context
from benchmarks.section import Headline, Section, Table
from benchmarks.settings import Size
from benchmarks.stages import STAGES, StageTimer
from benchmarks.timing import Samples, pinned

FORMS: tuple[ProductForm, ...] = ("coupled", "straight", "compact")


def measure(context: Context) -> Section:
    """All forms of every size, in the same rounds."""
    sizes, rounds = context.settings.optimizer_sizes, context.settings.repetitions
    records: dict[tuple[Size, str], dict[str, Any]] = {}
    timers: dict[tuple[Size, str], StageTimer] = {}
    with context.steps("optimizer", len(FORMS) * len(sizes) + rounds) as steps:
        for size in sizes:
            estimates = _estimates(context, size)
            for form in FORMS:
                steps(f"compiling {size.label}, {form}")
                model = context.compile(size, form, products=form)
                timers[size, form] = StageTimer(model, context.batch, context.scratch)
                records[size, form] = {"size": asdict(size), "label": size.label, "form": form, **estimates[form]}
                steps.advance()
        steps(f"timing, {rounds} rounds")
        seconds: dict[tuple[Size, str], list[float]] = {key: [] for key in timers}
        with pinned(context.core):
            for _ in range(rounds):
                for key, timer in timers.items():
                    seconds[key].append(float(timer()[STAGES.index("products")]))
                steps.advance()
    samples = {key: Samples(np.array(values)) * (1e6 / context.batch.n_atoms) for key, values in seconds.items()}
    for key, record in records.items():
        record["us_per_atom"] = samples[key].record()
    for size in sizes:
        for form in FORMS:
            records[size, form]["over_straight"] = samples[size, form].over(samples[size, "straight"]).record()
    data = {"models": list(records.values())}
    return Section("The optimizer's estimates of the product stage", data, _tables(data), _headlines(data))


def _estimates(context: Context, size: Size) -> dict[str, dict[str, Any]]:
    """Estimated cost by form, and which of them is chosen."""
    basis = derive_basis(build_algebra(load_spec(size.spec("estimated"))))
    toolchain, options = context.toolchain, context.options()
    backend = choose_backend(options, Machine(toolchain.vector_bytes, toolchain.registers))

    def ones(expansion: ProductExpansion) -> KernelProgram:
        return potential_of_products(expansion, [{element: [1.0] * expansion.size for element in size.elements}])

    programs = LinearPrograms(basis, None, ones)
    stages = {form: possible_forms(programs, backend, form)[0].stage for form in (*FORMS, options.products)}
    chosen = stages[options.products]
    return {
        form: {
            "estimated_us_per_atom": 1e6 * backend.seconds(stage.cost),
            "multiply_adds": stage.cost.multiply_adds,
            "loads": stage.cost.loads,
            "code_bytes": stage.cost.code_bytes,
            "chosen": type(stage.products) is type(chosen.products)
            and (stage.coupled is None) == (chosen.coupled is None),
        }
        for form in FORMS
        for stage in (stages[form],)
    }


def _tables(data: dict[str, Any]) -> list[Table]:
    rows = [
        (
            model["label"],
            model["form"] + (" (chosen)" if model["chosen"] else ""),
            f"{model['multiply_adds']:,}",
            f"{model['loads']:,}",
            f"{model['code_bytes'] / 1024:,.0f}",
            f"{model['estimated_us_per_atom']:.2f}",
            f"{model['us_per_atom']['median']:.2f}",
            f"{model['us_per_atom']['median'] / model['estimated_us_per_atom']:.2f}",
        )
        for model in data["models"]
    ]
    headings = ("basis", "form", "multiply-adds", "loads", "kB", "est. µs", "µs/atom", "measured / est.")
    return [Table("Product stage", headings, rows)]


def _headlines(data: dict[str, Any]) -> list[Headline]:
    models = data["models"]
    ratios = [model["us_per_atom"]["median"] / model["estimated_us_per_atom"] for model in models]
    faster: dict[str, dict[str, Any]] = {}
    for model in models:
        best = faster.get(model["label"])
        if best is None or model["us_per_atom"]["median"] < best["us_per_atom"]["median"]:
            faster[model["label"]] = model
    right = sum(model["chosen"] for model in faster.values())
    return [
        Headline(
            "product stage", f"{min(ratios):.2f}-{max(ratios):.2f} ×", "measured time over the optimizer's estimate"
        ),
        Headline("product stage", f"{right} of {len(faster)}", "models for which it chose the faster form"),
    ]
