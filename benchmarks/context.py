"""What measurements have in common: settings, structures, compiled models, progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

import acegen
from acegen.basis.estimate import estimate_size
from acegen.build.toolchain import Toolchain, find_toolchain
from acegen.options import BuildOptions
from acegen.spec import load_atomic_spec
from benchmarks.batches import Batch
from benchmarks.native import PeakMeter
from benchmarks.section import Section
from benchmarks.settings import CUTOFF, Settings, Size
from benchmarks.structures import made_structures, read_structures


class Steps:
    """The progress bar of one measurement."""

    def __init__(self, bars: Progress, title: str, total: int) -> None:
        self._bars = bars
        self._title = title
        self._task = bars.add_task(title, total=total)

    def __call__(self, text: str) -> None:
        """Show what is being done."""
        self._bars.update(self._task, description=f"{self._title}: {text}"[:60])

    def advance(self) -> None:
        """One step is done."""
        self._bars.advance(self._task)


class Context:
    """Shared state of a run."""

    def __init__(
        self,
        settings: Settings,
        output: Path,
        console: Console,
        march: str = "native",
        data: Path | None = None,
        core: int | None = None,
        pace: Path | None = None,
        ace_jax: Path | None = None,
        lammps: Path | None = None,
        potentials: Sequence[Path] = (),
    ) -> None:
        self.settings = settings
        self.output = output
        self.console = console
        self.march = march
        self.core = core
        self.pace = pace
        self.ace_jax = ace_jax
        self.lammps = lammps
        self.potentials = tuple(potentials)
        self._data = data

    @property
    def modules(self) -> Path:
        """Folder of compiled models."""
        return self.output / "modules"

    @property
    def scratch(self) -> Path:
        """Folder of compiled helpers and of the inputs of peers."""
        folder = self.output / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @cached_property
    def test(self) -> list[Atoms]:
        """Structures whose environments are timed."""
        if self._data is None:
            return made_structures(self.settings.test_structures, seed=1)
        return read_structures(self._data / "Si_test.xyz")

    @cached_property
    def train(self) -> list[Atoms]:
        """Structures whose design rows are assembled."""
        if self._data is None:
            return made_structures(self.settings.train_structures, seed=2)
        structures = read_structures(self._data / "Si_train.xyz")
        return structures[:10] if self.settings.quick else structures

    @cached_property
    def batch(self) -> Batch:
        """Environments of the test structures."""
        return Batch.of(self.test, CUTOFF)

    @cached_property
    def peak(self) -> PeakMeter:
        """Measures the multiply-add peak."""
        return PeakMeter(self.scratch, self.toolchain)

    @cached_property
    def toolchain(self) -> Toolchain:
        """The C compiler, and the instruction set of the kernels.

        Raises:
            BuildError: there is no compiler, or it does not know the instruction set.
        """
        return find_toolchain(self.march)

    def options(self, **changes: Any) -> BuildOptions:
        """How models are compiled: for the instruction set of this run, unless the changes name another."""
        return BuildOptions(**{"march": self.march, **changes})

    def compile(self, size: Size, *marks: object, expansion: str = "canonical", **options: Any) -> acegen.Model:
        """A model with random coefficients; `marks` name the variant, `options` are those of the build."""
        spec = size.spec(size.name(*(["self"] if expansion == "self-interacting" else []), *marks), expansion)
        return acegen.compile(spec, self.modules, coefficients(size, expansion), options=self.options(**options))

    @contextmanager
    def steps(self, title: str, total: int) -> Iterator[Steps]:
        """Show a bar while a measurement runs, and a line when it is done."""
        bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        start = time.perf_counter()
        with bars:
            yield Steps(bars, title, total)
        self.console.print(f"{title}: {time.perf_counter() - start:.0f} s", highlight=False)


Measure = Callable[[Context], Section]
"""A measurement."""


def coefficients(size: Size, expansion: str = "canonical") -> dict[str, NDArray[np.float64]]:
    """Random coefficients that decrease with the order, as fitted ones do; the same in every run."""
    spec = load_atomic_spec(size.spec("counted", expansion))
    counts = estimate_size(spec).functions  # exact, without deriving the basis
    orders = np.repeat(np.arange(1, len(counts) + 1), counts)
    rng = np.random.default_rng(0)
    return {element: rng.normal(size=len(orders)) * 0.1**orders for element in size.elements}
