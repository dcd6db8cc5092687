"""What a fit needs: descriptors and rows of the design matrix, compared with the dense matrix products they replace.

For each atom with J neighbours the derivatives of all C basis functions are dB/dA [C × #A] times dA/dr [#A × 3J].
Design rows use the sparsity of dB/dA. The comparison multiplies full matrices of these shapes with NumPy (BLAS, one
thread), one product for each atom, and does nothing else: no dA/dr, no sums over atoms, no purification.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from numpy.typing import NDArray

import acegen
from acegen.runtime.neighbours import neighbour_list
from benchmarks.batches import DescriptorCall
from benchmarks.child import run_child
from benchmarks.context import Context, Steps
from benchmarks.counts import read_layout
from benchmarks.section import Headline, Section, Table
from benchmarks.settings import CUTOFF
from benchmarks.structures import bulk_silicon
from benchmarks.timing import Samples, alternate, pinned, process_clock, seconds

BLOCK_BYTES = 32 * 2**20
"""Limit on the rows held at once while memory is measured."""

_GROUPS = 20
_LARGE_ATOMS, _LARGE_ATOMS_QUICK = 20_000, 1_000


def measure(context: Context) -> Section:
    """Throughput of descriptors and design rows, and the memory of the latter."""
    size = context.settings.fitting_size
    notes: list[str] = []
    with context.steps("fitting", 3 + _GROUPS) as steps:
        steps(f"compiling {size.label}")
        model = context.compile(size)
        steps.advance()
        data: dict[str, Any] = {"model": size.label, "n_basis": model.n_basis, "pooled": read_layout(model).pooled(0)}
        steps("descriptors")
        with pinned(context.core):
            data["descriptors"] = _descriptors(context, model)
        steps.advance()
        data["design"] = _design(context, model, steps)
        steps("memory")
        try:
            data["memory"] = _memory(context, model)
        except RuntimeError as error:
            notes.append(f"the memory of design rows was not measured: {error}")
        steps.advance()
    return Section("Fitting", data, _tables(data), _headlines(data), notes)


def _descriptors(context: Context, model: acegen.Model) -> dict[str, Any]:
    """Descriptors per second: the kernel alone, and `Model.descriptors` with neighbour lists."""
    structures, n_atoms = context.test, context.batch.n_atoms

    def with_lists() -> None:
        for atoms in structures:
            model.descriptors(atoms)

    calls: dict[str, Callable[[], object]] = {"kernel": DescriptorCall(model, context.batch), "with lists": with_lists}
    timed = alternate(calls, max(5, context.settings.repetitions // 5))
    return {
        "atoms": n_atoms,
        "kernel_atoms_per_second": timed.seconds["kernel"].under(n_atoms).record(),
        "atoms_per_second": timed.seconds["with lists"].under(n_atoms).record(),
    }


class DenseProducts:
    """The dense products for the atoms of a structure: matrices of random numbers, one for each shape."""

    def __init__(self, n_basis: int, n_pooled: int) -> None:
        self._rng = np.random.default_rng(0)
        self._left = self._rng.normal(size=(n_basis, n_pooled))
        self._right: dict[int, NDArray[np.float64]] = {}
        self._out: dict[int, NDArray[np.float64]] = {}

    def prepare(self, counts: NDArray[np.int64]) -> list[int]:
        """Widths 3 J of the products of atoms with these numbers of neighbours."""
        widths = [3 * int(count) for count in counts]
        for width in set(widths) - set(self._right):
            self._right[width] = self._rng.normal(size=(self._left.shape[1], width))
            self._out[width] = np.empty((self._left.shape[0], width))
        return widths

    def run(self, widths: Sequence[int]) -> None:
        for width in widths:
            np.matmul(self._left, self._right[width], out=self._out[width])


def _design(context: Context, model: acegen.Model, steps: Steps) -> dict[str, Any]:
    """Rows of all training structures and the dense products of the same atoms, structure by structure."""
    structures = context.train
    dense = DenseProducts(model.n_basis, read_layout(model).pooled(0))
    widths = [dense.prepare(np.diff(neighbour_list(atoms, CUTOFF).first)) for atoms in structures]
    groups = [list(range(k, len(structures), _GROUPS)) for k in range(min(_GROUPS, len(structures)))]
    own, lists, other, rows = [], [], [], []
    model.design_rows(structures[0])
    dense.run(widths[0])
    with pinned(context.core):
        for group in groups:
            steps(f"design rows, {len(structures)} structures")
            own.append(0.0)
            lists.append(0.0)
            other.append(0.0)
            for number in group:
                atoms = structures[number]
                own[-1] += seconds(partial(model.design_rows, atoms), process_clock)
                lists[-1] += seconds(partial(model.environments, atoms), process_clock)
                other[-1] += seconds(partial(dense.run, widths[number]), process_clock)
            rows.append(sum(3 * len(structures[number]) + 7 for number in group))
            steps.advance()
    for _ in range(_GROUPS - len(groups)):
        steps.advance()
    multiply_adds = sum(sum(w) for w in widths) * model.n_basis * read_layout(model).pooled(0)
    return {
        "structures": len(structures),
        "atoms": sum(map(len, structures)),
        "rows": sum(rows),
        "seconds": sum(own),
        "list_seconds": sum(lists),
        "dense_seconds": sum(other),
        "dense_gigahertz": multiply_adds / sum(other) * 1e-9,
        "rows_per_second": Samples(np.array(rows) / np.array(own)).record(),
        "over_dense": Samples.of(own).over(Samples.of(other)).record(),
        "total_over_dense": sum(own) / sum(other),
    }


def _memory(context: Context, model: acegen.Model) -> dict[str, Any]:
    """Peak memory of processes that go through the training structures, and through one large structure."""
    large = bulk_silicon(_LARGE_ATOMS_QUICK if context.settings.quick else _LARGE_ATOMS)
    result = {}
    for name, structures in (("training", context.train), ("large", [large])):
        file = context.scratch / f"{name}.xyz"
        ase.io.write(file, [_bare(atoms) for atoms in structures])
        arguments = {"module": str(model.path), "structures": str(file.resolve()), "block_bytes": BLOCK_BYTES}
        result[name] = run_child("design", arguments, context.settings.compile_limit)
    return {"block_bytes": BLOCK_BYTES, **result}


def _bare(atoms: Atoms) -> Atoms:
    """A copy without properties, which the file does not need."""
    return Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def _tables(data: dict[str, Any]) -> list[Table]:
    kernel, whole, design = (
        data["descriptors"]["kernel_atoms_per_second"],
        data["descriptors"]["atoms_per_second"],
        data["design"],
    )
    rows = [
        (
            "descriptors, kernel alone",
            f"{kernel['median']:,.0f} atoms/s",
            "{:,.0f}-{:,.0f}".format(*kernel["quartiles"]),
        ),
        (
            "descriptors with neighbour lists",
            f"{whole['median']:,.0f} atoms/s",
            "{:,.0f}-{:,.0f}".format(*whole["quartiles"]),
        ),
        (
            f"design rows of {design['structures']} structures, {design['atoms']:,} atoms",
            f"{design['rows_per_second']['median']:,.0f} rows/s",
            "{:,.0f}-{:,.0f}".format(*design["rows_per_second"]["quartiles"]),
        ),
        (
            "all design rows, with neighbour lists",
            f"{design['seconds']:.2f} s",
            f"lists {design['list_seconds']:.2f} s",
        ),
        (
            "dense products of the same atoms",
            f"{design['dense_seconds']:.2f} s",
            f"{design['dense_gigahertz']:.1f}·10⁹/s",
        ),
        (
            "design rows / dense products",
            f"{design['total_over_dense']:.2f}",
            "{:.2f}-{:.2f}".format(*design["over_dense"]["quartiles"]),
        ),
    ]
    for name in ("training", "large"):
        if "memory" in data:
            memory = data["memory"][name]
            grown = (memory["after"] - memory["before"]) / 2**20
            what = "training structures" if name == "training" else f"one structure of {memory['atoms']:,} atoms"
            rows.append(
                (
                    f"memory that grows, {what}",
                    f"{grown:,.0f} MiB",
                    f"all rows {memory['all'] / 2**20:,.0f}, blocks of {BLOCK_BYTES / 2**20:.0f}",
                )
            )
    return [
        Table(
            f"{data['model']}, {data['n_basis']} functions, {data['pooled']} A's", ("what", "value", "quartiles"), rows
        )
    ]


def _headlines(data: dict[str, Any]) -> list[Headline]:
    design = data["design"]
    return [
        Headline("design rows", f"{design['total_over_dense']:.2f} × time", "of the dense matrix product alone"),
        Headline("design rows", f"{design['rows_per_second']['median']:,.0f} /s", f"{data['n_basis']} functions"),
        Headline(
            "descriptors", f"{data['descriptors']['kernel_atoms_per_second']['median']:,.0f} /s", "atoms, kernel alone"
        ),
    ]
