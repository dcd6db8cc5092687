"""What is measured: model sizes, numbers of repetitions, ranges. One set for a full run, another for a quick one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CUTOFF = 5.5
"""Å"""


@dataclass(frozen=True)
class Size:
    """Size of a model, on which the time depends.

    Attributes:
        order: largest number of factors.
        level: largest Σ(n + angular_weight·l): one number, or one by order.
        elements: chemical symbols.
        angular_weight: weight of l in the level.
        title: what tables call it, if not by order and level.
    """

    order: int
    level: float | tuple[float, ...]
    elements: tuple[str, ...] = ("Si",)
    angular_weight: float = 1.5
    title: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Size:
        """The size whose fields were written as JSON."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document.items()}
        return cls(**fields)

    @property
    def levels(self) -> tuple[float, ...]:
        """Largest level by order, 1 .. order."""
        return self.level if isinstance(self.level, tuple) else (self.level,) * self.order

    @property
    def label(self) -> str:
        """Short name for tables."""
        several = f", {len(self.elements)} elements" if len(self.elements) > 1 else ""
        levels = ", ".join(f"{level:g}" for level in dict.fromkeys(self.levels))
        return (self.title or f"order {self.order}, level {levels}") + several

    def name(self, *marks: object) -> str:
        """Name of a compiled module; the marks tell variants apart."""
        sizes = [f"o{self.order}", "d" + "_".join(f"{level:g}" for level in dict.fromkeys(self.levels))]
        if self.angular_weight != Size.angular_weight:
            sizes.append(f"w{self.angular_weight:g}")
        return re.sub(r"\W", "_", "_".join([*sizes, *(e.lower() for e in self.elements), *map(str, marks)]))

    def spec(self, name: str, expansion: str = "canonical") -> dict[str, Any]:
        """Specification for `acegen.compile`."""
        return {
            "name": name,
            "basis": {
                "elements": list(self.elements),
                "order": self.order,
                "level": list(self.levels),
                "angular_weight": self.angular_weight,
                "expansion": expansion,
            },
            "radial": {"cutoff": CUTOFF},
        }


RECOMMENDED = Size(4, (12.5, 12.5, 11.5, 8.0), angular_weight=0.45, title="recommended, 1,046 functions")
"""The first kind of basis that `acegen fit` considers (many angular channels), at its default number of functions."""


Cells = tuple[int, int, int]
"""Cubic cells of silicon, of eight atoms each, along x, y and z."""


@dataclass(frozen=True)
class LammpsSettings:
    """Extent of the measurements with LAMMPS.

    Attributes:
        sizes: models; processes, ghosts and memory are measured with the first.
        cells: the crystal on which potentials are compared.
        seconds: duration of a run, which sets the number of steps.
        steps: least and most steps of a run.
        rounds: rounds in which contenders alternate.
        series: edges of cubic crystals on one process.
        strong: crystal that several processes share.
        weak: crystal of each process.
        memory: edges of the two crystals whose memory is compared.
        large: edge of the largest crystal, or 0.
    """

    sizes: tuple[Size, ...]
    cells: Cells
    seconds: float
    steps: tuple[int, int]
    rounds: int
    series: tuple[int, ...]
    strong: Cells
    weak: Cells
    memory: tuple[int, int]
    large: int


@dataclass(frozen=True)
class Settings:
    """Extent of a run.

    Attributes:
        sizes: models whose kernels are compared in detail, and with those of peers.
        optimizer_sizes: models whose product stage is compiled in every form.
        variant_sizes: models that are compiled with every option.
        repetitions: rounds of a timing in which contenders alternate.
        test_structures: number of structures made if no data are given.
        train_structures: the same for design rows.
        atoms: numbers of atoms.
        neighbours: mean numbers of neighbours within the cutoff.
        order_level: level at which the order is varied.
        orders: orders.
        level_order: order at which the level is varied.
        levels: levels.
        scaling_size: model for the scaling with atoms, neighbours and threads.
        compile_sizes: models whose compilation is measured; the second is of medium size.
        compile_limit: seconds after which a compilation is given up.
        fitting_size: model for design rows.
        peer_rounds: rounds in which peers alternate with acegen.
        peer_repetitions: repetitions of a peer in a round.
        lammps: simulations with LAMMPS.
    """

    quick: bool
    sizes: tuple[Size, ...]
    optimizer_sizes: tuple[Size, ...]
    variant_sizes: tuple[Size, ...]
    repetitions: int
    test_structures: int
    train_structures: int
    atoms: tuple[int, ...]
    neighbours: tuple[int, ...]
    order_level: int
    orders: tuple[int, ...]
    level_order: int
    levels: tuple[int, ...]
    scaling_size: Size
    compile_sizes: tuple[Size, ...]
    compile_limit: float
    fitting_size: Size
    peer_rounds: int
    peer_repetitions: int
    lammps: LammpsSettings


FULL = Settings(
    quick=False,
    sizes=(Size(3, 12), Size(3, 16), Size(4, 16), Size(4, 20), RECOMMENDED),
    optimizer_sizes=(Size(3, 12), Size(3, 16), Size(4, 16)),
    variant_sizes=(Size(3, 16), Size(4, 16)),
    repetitions=100,
    test_structures=25,
    train_structures=60,
    atoms=(100, 1_000, 10_000, 100_000, 1_000_000),
    neighbours=(10, 20, 35, 50, 75, 100, 125, 150),
    order_level=10,
    orders=(1, 2, 3, 4, 5),
    level_order=3,
    levels=(8, 10, 12, 14, 16, 18, 20),
    scaling_size=Size(3, 16),
    compile_sizes=(
        Size(3, 12),
        Size(4, 16),
        Size(4, 20),
        RECOMMENDED,
        Size(5, 14),
        Size(3, 12, ("Si", "Ge", "C", "O")),
    ),
    compile_limit=1800.0,
    fitting_size=Size(3, 16),
    peer_rounds=7,
    peer_repetitions=3,
    lammps=LammpsSettings(
        sizes=(Size(3, 12), Size(3, 16), Size(4, 16)),
        cells=(8, 8, 8),
        seconds=3.0,
        steps=(5, 400),
        rounds=7,
        series=(3, 5, 8, 13, 20),
        strong=(20, 20, 10),
        weak=(10, 10, 10),
        memory=(8, 16),
        large=50,
    ),
)

QUICK = Settings(
    quick=True,
    sizes=(Size(2, 8), Size(3, (8.0, 8.0, 7.5), angular_weight=0.75)),
    optimizer_sizes=(Size(2, 8), Size(3, 8)),
    variant_sizes=(Size(3, 8),),
    repetitions=20,
    test_structures=8,
    train_structures=6,
    atoms=(100, 1_000, 10_000),
    neighbours=(10, 35, 80),
    order_level=6,
    orders=(1, 2, 3),
    level_order=3,
    levels=(6, 8),
    scaling_size=Size(3, 8),
    compile_sizes=(Size(2, 6), Size(3, 8)),
    compile_limit=120.0,
    fitting_size=Size(3, 8),
    peer_rounds=2,
    peer_repetitions=1,
    lammps=LammpsSettings(
        sizes=(Size(3, 12),),
        cells=(3, 3, 3),
        seconds=0.1,
        steps=(2, 50),
        rounds=2,
        series=(3, 5),
        strong=(5, 5, 5),
        weak=(4, 4, 4),
        memory=(3, 6),
        large=0,
    ),
)
