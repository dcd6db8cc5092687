"""Kernels of all particle spaces: time by stage, per product and per one-particle function, on one core."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import acegen
from acegen.runtime import CompiledModel
from benchmarks.batches import Batch, PotentialCall
from benchmarks.context import Context
from benchmarks.counts import count_products, product_stage
from benchmarks.section import Headline, Section, Table
from benchmarks.stages import STAGES, StageTimer
from benchmarks.timing import Samples, alternate, pinned

PARTICLES = 32
"""In each set."""


@dataclass(frozen=True)
class Space:
    """A model of one particle space: the contents of its spec, and its number of one-particle functions."""

    label: str
    basis: dict[str, Any]
    tables: dict[str, Any]

    def compile(self, context: Context) -> CompiledModel:
        """The model with coefficients that decrease with the order, as fitted ones do."""
        name = "_".join(["space", *re.findall(r"\w+", self.label.lower())])
        spec = {"name": name, "basis": self.basis, **self.tables}
        if "elements" in self.basis:
            atoms = acegen.compile(spec, context.modules)
            own = {element: _coefficients(atoms) for element in atoms.elements}
            return acegen.compile(spec, context.modules, own, options=context.options())
        bare = acegen.compile_particles(spec, context.modules)
        return acegen.compile_particles(spec, context.modules, _coefficients(bare), options=context.options())


def _coefficients(model: CompiledModel) -> NDArray[np.float64]:
    orders = np.array([function["order"] for function in model.description["functions"]])
    values: NDArray[np.float64] = np.random.default_rng(0).normal(size=len(orders)) / 30.0**orders
    return values


def spaces(quick: bool) -> list[Space]:
    """Models of about 600 and of several thousand products in each space."""
    cutoff = {"radial": {"cutoff": 5.5}}

    def pair(label: str, basis: dict[str, Any], tables: dict[str, Any], small: Any, large: Any) -> list[Space]:
        return [
            Space(f"{label}, {size}", {**basis, "order": order, "level": level}, tables)
            for size, (order, level) in (("small", small), ("large", large))
        ]

    found = [
        *pair("atoms, O(3)", {"elements": ["Si"]}, cutoff, (3, 12), (4, 16)),
        *pair("interval", {"symmetry": "none"}, {}, (3, 22), (5, 28)),
        *pair("plane, O(2)", {"symmetry": "O2"}, cutoff, (3, 14), (4, 17)),
        *pair("circle, SO(2)", {"symmetry": "SO2"}, {}, (4, 15), (5, 20)),
    ]
    return found[::2] if quick else found


def measure(context: Context) -> Section:
    """All spaces in the same rounds."""
    chosen, rounds = spaces(context.settings.quick), context.settings.repetitions
    n_sets = 256 if context.settings.quick else 2048
    records: list[dict[str, Any]] = []
    with context.steps("spaces", len(chosen) + rounds) as steps:
        calls, timers = {}, {}
        for space in chosen:
            steps(f"compiling {space.label}")
            model = space.compile(context)
            batch = _batch(model, n_sets)
            calls[space.label] = PotentialCall(model, batch)
            timers[space.label] = StageTimer(model, batch, context.scratch)
            records.append(_sizes(space, model))
            steps.advance()
        steps(f"timing, {rounds} rounds")
        stages: dict[str, list[Any]] = {label: [] for label in timers}

        def by_stage() -> None:
            for label, timer in timers.items():
                stages[label].append(timer())
            steps.advance()

        with pinned(context.core):
            timed = alternate(calls, rounds, context.peak, by_stage)
    for record in records:
        label = record["label"]
        by_name = {name: Samples(np.array(stages[label])[:, k]) for k, name in enumerate(STAGES)}
        one = 1e9 / n_sets
        pairs = record["pooled"] * PARTICLES
        record |= {
            "us_per_set": (timed.seconds[label] * (1e6 / n_sets)).record(),
            "ns_by_stage": {name: (value * one).record() for name, value in by_name.items()},
            "ns_per_product": (by_name["products"] * (one / record["products"])).record(),
            "ps_per_function_and_particle": {
                name: (by_name[name] * (1e3 * one / pairs)).record() for name in ("pool", "forces")
            },
            "fraction_of_peak": Samples(
                record["multiply_adds"] * n_sets / by_name["products"].values / timed.peaks[label].values
            ).record(),
        }
    data = {"sets": n_sets, "particles": PARTICLES, "models": records}
    return Section("Kernels of all particle spaces, one core", data, [_table(data)], _headlines(data))


def _sizes(space: Space, model: CompiledModel) -> dict[str, Any]:
    functions = [*model.description["functions"], *model.description["auxiliary"]]
    pooled = {
        (n, l, m)
        for f in functions
        for m_tuple, _ in f["coupling"]
        for n, l, m in zip(f["n"], f["l"], m_tuple, strict=True)
    }
    return {
        "label": space.label,
        "order": space.basis["order"],
        "level": space.basis["level"],
        "functions": model.n_basis,
        "products": count_products(model),
        "pooled": len(pooled),
        "multiply_adds": product_stage(model),
    }


def _batch(model: CompiledModel, n_sets: int) -> Batch:
    """Sets of particles, all within the cutoff."""
    rng = np.random.default_rng(1)
    if model.dimension == 1:
        coordinates = rng.uniform(-1, 1, (n_sets * PARTICLES, 1))
    else:
        coordinates = rng.normal(size=(n_sets * PARTICLES, model.dimension))
        coordinates *= rng.uniform(2.0, 5.4, (len(coordinates), 1)) / np.linalg.norm(coordinates, axis=1, keepdims=True)
    first = np.arange(n_sets + 1, dtype=np.int64) * PARTICLES
    zeros = np.zeros(n_sets * PARTICLES, dtype=np.int32)
    return Batch(zeros[:n_sets].copy(), first, zeros, np.ascontiguousarray(coordinates))


def _table(data: dict[str, Any]) -> Table:
    rows = []
    for model in data["models"]:
        per_product, particle = model["ns_per_product"], model["ps_per_function_and_particle"]
        low, high = per_product["quartiles"]
        rows.append(
            (
                model["label"],
                f"{model['products']:,}",
                f"{model['pooled']}",
                f"{model['us_per_set']['median']:.2f}",
                f"{per_product['median']:.2f}",
                f"{low:.2f}-{high:.2f}",
                f"{model['multiply_adds'] / model['products']:.1f}",
                f"{100 * model['fraction_of_peak']['median']:.0f} %",
                f"{particle['pool']['median']:.0f}",
                f"{particle['forces']['median']:.0f}",
            )
        )
    headings = (
        "space", "products", "A's", "µs/set", "ns/product", "quartiles", "mult.-adds/product", "of peak",
        "pool, ps", "forces, ps",
    )  # fmt: skip
    title = f"Values and derivatives, sets of {data['particles']} particles; pool and forces per A and particle"
    return Table(title, headings, rows)


def _headlines(data: dict[str, Any]) -> list[Headline]:
    times = {model["label"]: model["ns_per_product"]["median"] for model in data["models"]}
    lines = []
    for label, time in times.items():
        kind, size = label.rsplit(", ", 1)
        if not kind.startswith("atoms"):
            ratio = time / times[f"atoms, O(3), {size}"]
            lines.append(Headline(label, f"{time:.2f} ns/product", f"{ratio:.2f} of the atomic kernel's"))
    return lines
