"""What the templates of the committee kernel are told, as in `contexts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from acegen.codegen.lanes.coupled import CoupledTables
from acegen.codegen.lanes.pair import PairCode
from acegen.codegen.lanes.polar import PolarCode
from acegen.codegen.lanes.space import SpaceCode


@dataclass(frozen=True)
class CommitteeContext:
    """NAME_committee.c: energies and gradients of the members."""

    template: ClassVar[str] = "lanes/committee.c.j2"

    name: str
    banner: str
    elements: tuple[str, ...]
    space: SpaceCode
    openmp: bool
    pairwise: bool
    core: bool
    polar: PolarCode
    complete: bool
    n_members: int
    group: int
    plain: bool
    coupled: int
    constants: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class CommitteeValuesHeaderContext:
    """NAME_committee_values.h: declaration of what is in double precision."""

    template: ClassVar[str] = "lanes/committee_values.h.j2"

    name: str
    banner: str
    plain: bool
    coupled: bool


@dataclass(frozen=True)
class CommitteeValuesContext:
    """NAME_committee_values.c: values, energies and derivatives by them, in double precision."""

    template: ClassVar[str] = "lanes/committee_values.c.j2"

    name: str
    banner: str
    group: int
    plain: bool
    coupled: int
    factors: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class CommitteeBackContext:
    """NAME_committee_single_coupled.c: from derivatives by coupled values to those by the A's, in single precision."""

    template: ClassVar[str] = "lanes/committee_back.c.j2"

    name: str
    banner: str
    plain: bool
    tables: CoupledTables


@dataclass(frozen=True)
class CommitteePairHeaderContext:
    """NAME_committee_pair.h: declaration of their pairwise parts."""

    template: ClassVar[str] = "lanes/committee_pair.h.j2"

    name: str
    banner: str
    parts: str
    inner: bool


@dataclass(frozen=True)
class CommitteePairContext:
    """NAME_committee_pair.c: pair terms and inner switch of the members."""

    template: ClassVar[str] = "lanes/committee_pair.c.j2"

    name: str
    banner: str
    elements: tuple[str, ...]
    pair: PairCode | None
    inner: bool
    n_members: int
    together: int
    n_series: int
    nodes: tuple[float, ...]
    series: tuple[tuple[tuple[tuple[float, ...], ...], ...], ...]
