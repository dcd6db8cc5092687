"""Grades and committees on one core: their kernels relative to the potential of the same model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

import acegen
from acegen.runtime import CompiledModel
from acegen.store.uncertainty import LEVELS, Committee, GradeKind, Grades, Uncertainty
from benchmarks.batches import Batch, KernelCall, PotentialCall
from benchmarks.context import Context, coefficients
from benchmarks.section import Headline, Section, Table
from benchmarks.settings import RECOMMENDED, Size
from benchmarks.timing import Timings, alternate, pinned

RANK, MEMBERS = 64, 8
"""Those of `acegen fit`."""

SIZES = (Size(3, 12), RECOMMENDED)
POTENTIAL, COMMITTEE, GRADE, ACTIVE_SET = "potential", f"committee of {MEMBERS}", f"grade, rank {RANK}", "d-optimality"


class GradeCall(KernelCall):
    """Grades of a batch."""

    def __init__(self, model: CompiledModel, batch: Batch) -> None:
        super().__init__(model, batch)
        self.grade = np.zeros(batch.n_atoms)
        self._keep = np.zeros(self._handle.grade_workspace(batch.most_neighbours, 1), dtype=np.uint8)
        self._arguments = (
            self._environments,
            self.pointer("double *", self.grade),
            1,
            self.pointer("void *", self._keep),
            self._keep.size,
            self._ffi.NULL,
        )

    def __call__(self) -> None:
        self.check(self._handle.grade(*self._arguments))


class CommitteeCall(KernelCall):
    """Energies and gradients of all members in a batch."""

    def __init__(self, model: CompiledModel, batch: Batch) -> None:
        super().__init__(model, batch)
        self.energy = np.zeros((batch.n_atoms, model.n_members))
        self.gradient = np.zeros((model.n_members, *batch.displacement.shape))
        self._keep = np.zeros(self._handle.committee_workspace(batch.most_neighbours, 1), dtype=np.uint8)
        self._arguments = (
            self._environments,
            self.pointer("double *", self.energy),
            self.pointer("double *", self.gradient),
            1,
            self.pointer("void *", self._keep),
            self._keep.size,
            self._ffi.NULL,
        )

    def __call__(self) -> None:
        self.check(self._handle.committee(*self._arguments))


def measure(context: Context) -> Section:
    """All kernels of a model in the same rounds; rows and members are random, which costs as much as any."""
    sizes, rounds = context.settings.sizes[:2] if context.settings.quick else SIZES, context.settings.repetitions
    models = []
    with context.steps("uncertainty", (1 + rounds) * len(sizes)) as steps:
        for size in sizes:
            steps(f"compiling {size.label}")
            contenders = _contenders(context, size)
            steps.advance()
            steps(f"timing {size.label}, {rounds} rounds")
            with pinned(context.core):
                timed = alternate(contenders, rounds, advance=steps.advance)
            models.append(_record(context, size, timed))
    data: dict[str, Any] = {
        "atoms": context.batch.n_atoms,
        "neighbours": context.batch.mean_neighbours,
        "models": models,
    }
    return Section("Grades and committees, one core", data, [_table(data)], _headlines(data))


def _contenders(context: Context, size: Size) -> dict[str, Callable[[], object]]:
    base, batch = context.compile(size), context.batch
    rng = np.random.default_rng(0)
    shape = (len(size.elements), MEMBERS, base.n_basis)
    committee = Committee(
        1e-4 * rng.normal(size=shape), np.zeros(shape[:2]), (0.0, 1.0), (0.0, 1.0), ((1.0,) * len(LEVELS),) * 2
    )
    of_rank = _with(context, size, base, _grades("leverage", RANK, base, rng), committee)
    of_active_set = _with(context, size, base, _grades("d-optimality", base.n_basis, base, rng), None)
    return {
        POTENTIAL: PotentialCall(of_rank, batch),
        COMMITTEE: CommitteeCall(of_rank, batch),
        GRADE: GradeCall(of_rank, batch),
        ACTIVE_SET: GradeCall(of_active_set, batch),
    }


def _grades(kind: GradeKind, count: int, base: acegen.Model, rng: np.random.Generator) -> Grades:
    rows = rng.normal(size=(len(base.elements), count, base.n_basis))
    return Grades(kind, rows, np.zeros(rows.shape[:2]), (1.0, 3.0), 0.0)


def _with(
    context: Context, size: Size, base: acegen.Model, grades: Grades, committee: Committee | None
) -> acegen.Model:
    """The model with grades, and with a committee."""
    spec = size.spec(size.name(grades.kind.split("-", maxsplit=1)[0]))
    uncertainty = Uncertainty(base.basis_hash, grades, committee)
    return acegen.compile(spec, context.modules, coefficients(size), options=context.options(), uncertainty=uncertainty)


def _record(context: Context, size: Size, timed: Timings) -> dict[str, Any]:
    potential = timed.seconds[POTENTIAL]
    return {
        "size": asdict(size),
        "label": size.label,
        "kernels": {
            name: {
                "us_per_atom": (own * (1e6 / context.batch.n_atoms)).record(),
                "over_potential": own.over(potential).record(),
            }
            for name, own in timed.seconds.items()
        },
    }


def _table(data: dict[str, Any]) -> Table:
    names = (POTENTIAL, COMMITTEE, GRADE, ACTIVE_SET)
    rows = []
    for model in data["models"]:
        kernels = model["kernels"]
        cells = [
            f"{kernels[name]['us_per_atom']['median']:.2f} ({kernels[name]['over_potential']['median']:.2f})"
            for name in names
        ]
        rows.append((model["label"], *cells))
    return Table("µs per atom, and relative to the potential", ("basis", *names), rows)


def _headlines(data: dict[str, Any]) -> list[Headline]:
    lines = []
    for model in data["models"]:
        ratio = {name: own["over_potential"]["median"] for name, own in model["kernels"].items()}
        text = f"× the potential; grades {ratio[GRADE]:.2f} ×, d-optimality {ratio[ACTIVE_SET]:.1f} ×"
        lines.append(Headline(f"committee, {model['label']}", f"{ratio[COMMITTEE]:.2f}", text))
    return lines
