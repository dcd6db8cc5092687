"""What each template of the lanes backend is told: one frozen class per template, one field per variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from acegen.codegen.lanes.bonds import BondCode
from acegen.codegen.lanes.committee_contexts import (
    CommitteeBackContext,
    CommitteeContext,
    CommitteePairContext,
    CommitteePairHeaderContext,
    CommitteeValuesContext,
    CommitteeValuesHeaderContext,
)
from acegen.codegen.lanes.contraction import ContractionCode
from acegen.codegen.lanes.core import CoreCode
from acegen.codegen.lanes.coupled import CoupledTables
from acegen.codegen.lanes.coupled_types import TypeCode
from acegen.codegen.lanes.directions import DirectionsCode
from acegen.codegen.lanes.embedding import EmbeddingCode
from acegen.codegen.lanes.functions import BasisFunctions
from acegen.codegen.lanes.grade_tables import InvariantTables
from acegen.codegen.lanes.harmonics import HarmonicsCode
from acegen.codegen.lanes.pair import PairCode, SeriesCode, Table, ZblCode
from acegen.codegen.lanes.polar import PolarCode
from acegen.codegen.lanes.pooling import ContractBlock, ContractShape, PoolCode
from acegen.codegen.lanes.products import CompactTables, FunctionCode
from acegen.codegen.lanes.radial import RadialCode
from acegen.codegen.lanes.slopes import Exchange
from acegen.codegen.lanes.space import SpaceCode
from acegen.codegen.tables import CouplingTables, OutputRow
from acegen.program.layout import Shell

Way = Literal["forward", "back"]
"""From factors to nodes, or from the derivatives by the nodes to those by the factors."""


@dataclass(frozen=True)
class ParticlesContext:
    """NAME_particles.h: lanes, one-particle functions, pooling."""

    template: ClassVar[str] = "lanes/particles.h.j2"

    name: str
    banner: str
    elements: tuple[str, ...]
    space: SpaceCode
    single: bool
    lanes: int
    tiles: tuple[int, ...]
    first_n: int
    n_radial: int
    l_max: int
    n_harmonics: int
    n_pooled: int
    pooled: str
    pairs: Table
    bonds: BondCode | None
    core: bool
    radial: RadialCode
    harmonics: HarmonicsCode
    directions: DirectionsCode
    pool: PoolCode


@dataclass(frozen=True)
class DerivativesContext:
    """NAME_derivatives.h: derivatives of the A's of one centre."""

    template: ClassVar[str] = "lanes/derivatives.h.j2"

    name: str
    banner: str
    elements: tuple[str, ...]
    space: SpaceCode
    most_columns: int
    n_rows: tuple[int, ...]
    scales: tuple[float, ...]
    shells: tuple[tuple[Shell, int], ...]
    shell_first: tuple[int, ...]
    pooled_first: tuple[int, ...]


@dataclass(frozen=True)
class BasisContext:
    """NAME_basis.c: the basis functions and the design matrix."""

    template: ClassVar[str] = "lanes/basis.c.j2"

    name: str
    banner: str
    space: SpaceCode
    canonical: bool
    pair: bool
    inner: bool
    n_basis: int
    n_pair: int
    n_purified: int
    n_coupled: int
    max_order: int
    lanes: int
    most_columns: int
    band: int
    functions: BasisFunctions
    products: bool
    n_slopes: int
    transposition: tuple[Exchange, ...]
    purify_first: tuple[int, ...]
    purify_rows: tuple[OutputRow, ...]


@dataclass(frozen=True)
class InnerContext:
    """NAME_inner.h: the inner switch."""

    template: ClassVar[str] = "lanes/inner.h.j2"

    name: str
    banner: str
    n_species: int
    inner: Table


@dataclass(frozen=True)
class PairHeaderContext:
    """NAME_pair.h: declarations of the pairwise parts."""

    template: ClassVar[str] = "lanes/pair.h.j2"

    name: str
    banner: str
    parts: str
    pair: bool
    inner: bool
    descriptors: bool
    potential: bool


@dataclass(frozen=True)
class PairContext:
    """NAME_pair.c: the pair term, the ZBL core, the inner switch of a potential."""

    template: ClassVar[str] = "lanes/pair.c.j2"

    name: str
    banner: str
    elements: tuple[str, ...]
    pair: PairCode | None
    series: SeriesCode | None
    zbl: ZblCode | None
    inner: bool
    core_reach: list[list[float]] | None
    descriptors: bool
    potential: bool


@dataclass(frozen=True)
class ProductsHeaderContext:
    """NAME_products.h: declarations of the product stage, and what each A is."""

    template: ClassVar[str] = "lanes/products.h.j2"

    name: str
    banner: str
    particles: str
    legend: tuple[str, ...]
    n_contracted: int
    densities: EmbeddingCode | None
    n_stored: int
    group: int
    functions: tuple[int, ...]
    n_coupled: int


@dataclass(frozen=True)
class ProductsContext:
    """NAME_products.c: coefficients, and tables or calls of the functions."""

    template: ClassVar[str] = "lanes/products.c.j2"

    name: str
    banner: str
    rows: tuple[str, ...]
    embedding: EmbeddingCode | None
    contracted: bool
    n_terms: int
    product_fmas: int
    coefficients: tuple[tuple[float, ...], ...]
    n_coefficients: int
    middle: int
    middle_coefficient: int
    tables: CompactTables | None
    n_stored: int
    two_sums: int
    functions: tuple[FunctionCode, ...]
    n_files: int
    coupled: bool


@dataclass(frozen=True)
class ProductsPartContext:
    """NAME_products_K.c: some functions of straight-line code."""

    template: ClassVar[str] = "lanes/products_part.c.j2"

    name: str
    banner: str
    middle: int
    middle_coefficient: int
    part: tuple[FunctionCode, ...]


@dataclass(frozen=True)
class CoupledHeaderContext:
    """NAME_coupled.h: declarations of the coupled products."""

    template: ClassVar[str] = "lanes/coupled.h.j2"

    name: str
    banner: str
    include: str
    position: str
    types: tuple[int, ...]
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class CoupledContext:
    """NAME_coupled.c: coefficients, matrices between values, and calls of the types."""

    template: ClassVar[str] = "lanes/coupled.c.j2"

    name: str
    banner: str
    rows: tuple[str, ...]
    densities: bool
    members: bool
    single: bool
    n_scalars: int
    shift: int
    stride: int
    tables: CoupledTables


@dataclass(frozen=True)
class CoupledTypesContext:
    """NAME_coupled_K.c: some types of pairs."""

    template: ClassVar[str] = "lanes/coupled_types.c.j2"

    name: str
    banner: str
    part: tuple[TypeCode, ...]
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class PotentialContext:
    """NAME_potential.c: site energies and their gradient."""

    template: ClassVar[str] = "lanes/potential.c.j2"

    name: str
    banner: str
    particles: str
    elements: tuple[str, ...]
    space: SpaceCode
    openmp: bool
    pairwise: bool
    embedded: bool
    contraction: ContractionCode | None
    core: CoreCode | None
    tiles: tuple[int, ...]
    polar: PolarCode | None
    contract_blocks: list[list[ContractBlock]]
    contract_shapes: tuple[ContractShape, ...]
    missing_harmonics: list[list[tuple[int, int]]]
    atomic_energies: tuple[float, ...]
    has_atomic_energies: bool


@dataclass(frozen=True)
class GradeContext:
    """NAME_grade.c: grades."""

    template: ClassVar[str] = "lanes/grade.c.j2"

    name: str
    banner: str
    kind: str
    elements: tuple[str, ...]
    openmp: bool
    tables: CoupledTables | None
    n_values: int
    invariants: InvariantTables
    products: CouplingTables | None
    pair: PairCode | None
    inner: bool
    maximum: bool
    n_columns: int
    height: int
    n_panels: int
    most_blocks: int
    band: int
    group: int
    constants: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class GradeRowsContext:
    """NAME_grade_rows_K.c: the matrix of a centre species."""

    template: ClassVar[str] = "lanes/grade_rows.c.j2"

    name: str
    banner: str
    element: str
    number: int
    height: int
    band: int
    n_panels: int
    n_columns: int
    lines: tuple[str, ...]


LanesContext = (
    ParticlesContext
    | DerivativesContext
    | BasisContext
    | InnerContext
    | PairHeaderContext
    | PairContext
    | ProductsHeaderContext
    | ProductsContext
    | ProductsPartContext
    | CoupledHeaderContext
    | CoupledContext
    | CoupledTypesContext
    | PotentialContext
    | CommitteeContext
    | CommitteeValuesHeaderContext
    | CommitteeValuesContext
    | CommitteeBackContext
    | CommitteePairHeaderContext
    | CommitteePairContext
    | GradeContext
    | GradeRowsContext
)
"""The context of any template of this backend."""
