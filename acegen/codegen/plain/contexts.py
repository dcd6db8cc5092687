"""What each template of the plain backend is told: one frozen class per template, one field per variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from acegen.codegen.plain.coupled import CoupledTables
from acegen.codegen.tables import CouplingTables, OutputRow
from acegen.program.by_pair import ByPair, Ranges
from acegen.program.kernel import Agnesi, PairEnergies, Recurrence


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


@dataclass(frozen=True)
class ReferenceCode:
    """A reference term: its kind, its constants by pair, and its screening."""

    kind: str
    table: list[list[list[float]]]
    screening: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class FunctionsHeaderContext:
    """NAME_functions.h: declarations shared by both kernels."""

    template: ClassVar[str] = "plain/functions.h.j2"

    name: str
    banner: str
    dimension: int
    elements: tuple[str, ...]
    n_pooled: int


@dataclass(frozen=True)
class FunctionsContext:
    """NAME_functions.c: one-particle functions and pooling."""

    template: ClassVar[str] = "plain/functions.c.j2"

    name: str
    banner: str
    dimension: int
    elements: tuple[str, ...]
    coordinate: CoordinateCode | None
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
    n_terms: int
    n_products: int
    max_order: int
    first: tuple[int, ...]
    factors: tuple[int, ...]
    coefficients: tuple[tuple[float, ...], ...]
    coupled: CoupledTables | None
    scalar_weights: tuple[tuple[float, ...], ...]
    atomic_energies: tuple[float, ...]


PlainContext = (
    FunctionsHeaderContext | FunctionsContext | PairHeaderContext | PairContext | BasisContext | PotentialContext
)
"""The context of any template of this backend."""
