"""What each template of the plain backend is told: one frozen class per template, one field per variable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from acegen.codegen.plain.coupled import CoupledTables
from acegen.codegen.plain.potentials import BondsCode, ContractionCode, EmbeddingCode
from acegen.codegen.tables import CouplingTables, OutputRow
from acegen.program.by_pair import ByPair, Ranges
from acegen.program.kernel import Agnesi, PairEnergies, Recurrence
from acegen.program.uncertainty import Norm


@dataclass(frozen=True)
class CoordinateCode:
    """A coordinate y(r): its cutoffs, and its transform; a smoothstep if neither of the two is set."""

    cutoffs: ByPair
    smootherstep: bool
    agnesi: Agnesi | None


@dataclass(frozen=True)
class PooledEntry:
    """Which radial and which angular function an A is made of, and its name."""

    radial: int
    angular: int
    meaning: str


Table: TypeAlias = Sequence[Sequence[Sequence[float]]]
"""Several numbers by centre and neighbour species."""


@dataclass(frozen=True)
class ReferenceCode:
    """A reference term: its kind, its constants by pair, and its screening."""

    kind: str
    table: Table
    screening: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class FunctionsHeaderContext:
    """NAME_functions.h: declarations shared by both kernels."""

    template: ClassVar[str] = "plain/functions.h.j2"

    name: str
    banner: str
    dimension: int
    elements: tuple[str, ...]
    bonds: bool
    pi: bool
    n_pooled: int
    n_contracted: int


@dataclass(frozen=True)
class FunctionsContext:
    """NAME_functions.c: one-particle functions and pooling."""

    template: ClassVar[str] = "plain/functions.c.j2"

    name: str
    banner: str
    dimension: int
    elements: tuple[str, ...]
    coordinate: CoordinateCode | None
    bonds: BondsCode | None
    radial: Recurrence
    radial_formula: str
    transform_formula: str
    angular_formula: str
    angular: str
    angular_terms: tuple[tuple[tuple[int, ...], float], ...]
    angular_first: tuple[int, ...]
    l_max: int
    n_angular: int
    pooled_first: tuple[int, ...]
    pooled: tuple[PooledEntry, ...]
    contraction: ContractionCode | None


@dataclass(frozen=True)
class PairHeaderContext:
    """NAME_pair.h: declarations of the pairwise parts."""

    template: ClassVar[str] = "plain/pair.h.j2"

    name: str
    banner: str
    parts: str
    pair: bool
    n_pair: int
    series: bool
    inner: bool
    reference: bool


@dataclass(frozen=True)
class PairContext:
    """NAME_pair.c: pair term, inner switch, reference terms."""

    template: ClassVar[str] = "plain/pair.c.j2"

    name: str
    banner: str
    parts: str
    elements: tuple[str, ...]
    pair: bool
    coordinate: CoordinateCode | None
    radial: Recurrence | None
    scales: tuple[float, ...]
    series: PairEnergies | None
    inner: Ranges | None
    references: tuple[ReferenceCode, ...]


@dataclass(frozen=True)
class BasisContext:
    """NAME_basis.c: the basis functions and the design matrix."""

    template: ClassVar[str] = "plain/basis.c.j2"

    name: str
    banner: str
    atoms: bool
    canonical: bool
    contraction: bool
    pairwise: bool
    inner: bool
    n_basis: int
    n_pair: int
    n_coupled: int
    coupling: CouplingTables
    coupled: CoupledTables | None
    invariants: tuple[int, ...]
    row_first: tuple[int, ...]
    outputs: tuple[OutputRow, ...]


@dataclass(frozen=True)
class PotentialContext:
    """NAME_potential.c: site energies and their gradient."""

    template: ClassVar[str] = "plain/potential.c.j2"

    name: str
    banner: str
    parts: str
    elements: tuple[str, ...]
    pairwise: bool
    pair: bool
    inner: bool
    reference: bool
    core: bool
    contraction: bool
    n_products: int
    max_order: int
    first: tuple[int, ...]
    factors: tuple[int, ...]
    densities: tuple[str, ...]
    coefficients: tuple[tuple[float, ...], ...]
    coupled: CoupledTables | None
    scalar_weights: tuple[tuple[float, ...], ...]
    embedding: EmbeddingCode | None
    atomic_energies: tuple[float, ...]


@dataclass(frozen=True)
class CommitteeContext:
    """NAME_committee.c: site energies of members and their gradients; sums are by centre, then member."""

    template: ClassVar[str] = "plain/committee.c.j2"

    name: str
    banner: str
    parts: str
    elements: tuple[str, ...]
    pairwise: bool
    pair: bool
    inner: bool
    contraction: bool
    n_products: int
    max_order: int
    first: tuple[int, ...]
    factors: tuple[int, ...]
    densities: tuple[str, ...]
    coefficients: tuple[tuple[float, ...], ...]
    coupled: CoupledTables | None
    scalar_weights: tuple[tuple[float, ...], ...]
    n_members: int
    constants: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class GradeContext:
    """NAME_grade.c: combinations of the basis functions, and their norm.

    Attributes:
        combination_first: number of the first combination of each centre, and of all.
        constants: by combination.
        rows: by combination, a number for every basis function.
    """

    template: ClassVar[str] = "plain/grade.c.j2"

    name: str
    banner: str
    contraction: bool
    pairwise: bool
    inner: bool
    n_basis: int
    n_pair: int
    n_coupled: int
    coupling: CouplingTables
    coupled: CoupledTables | None
    invariants: tuple[int, ...]
    row_first: tuple[int, ...]
    outputs: tuple[OutputRow, ...]
    norm: Norm
    combination_first: tuple[int, ...]
    constants: tuple[float, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class CoreHeaderContext:
    """NAME_core.h: declarations of the core."""

    template: ClassVar[str] = "plain/core.h.j2"

    name: str
    banner: str


@dataclass(frozen=True)
class CoreContext:
    """NAME_core.c: a repulsion, and the switches that go with it.

    Attributes:
        kind: of the repulsion, as `RepulsionCode.kind`.
        table: its constants by pair.
        screening, shape, steps, coefficients: what else it has; empty in the others.
        cutoffs: of the expansion, by pair.
        by_energy: whether V switches, or the nearest neighbour.
        switch: its ranges by centre, or by pair.
    """

    template: ClassVar[str] = "plain/core.c.j2"

    name: str
    banner: str
    elements: tuple[str, ...]
    kind: str
    table: Table
    screening: tuple[tuple[float, float], ...]
    shape: tuple[float, ...]
    steps: tuple[tuple[float, float, float], ...]
    coefficients: Table
    cutoffs: ByPair
    by_energy: bool
    switch: tuple[tuple[float, float], ...] | Ranges


PlainContext = (
    FunctionsHeaderContext
    | FunctionsContext
    | PairHeaderContext
    | PairContext
    | BasisContext
    | PotentialContext
    | CommitteeContext
    | GradeContext
    | CoreHeaderContext
    | CoreContext
)
"""The context of any template of this backend."""
