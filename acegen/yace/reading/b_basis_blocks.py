"""The blocks of a B-basis file: what each says, without what it inherits."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TypeAlias, get_args

import numpy as np

from acegen.elements import ATOMIC_NUMBERS
from acegen.printing import shown
from acegen.yace.potential import ElementEmbedding, EmbeddingName, InnerCutoff, RadialName
from acegen.yace.reading.b_basis_coupling import coupling_tree, inner_l
from acegen.yace.reading.bonds import (
    INNER_CUTOFFS,
    L_MOST,
    N_MOST,
    RADIAL_NAMES,
    RADIUS_LEAST,
    RADIUS_MOST,
    radial_parameters,
)
from acegen.yace.reading.centers import MOST_DENSITIES, embedding_terms
from acegen.yace.reading.fields import Field
from acegen.yace.reading.functions import RANK_MOST

_MOST_PRODUCTS = 200_000
"""Most products of A's in one function, about."""

_RADIAL = ("lmaxi", "nradmaxi", "nradbaseij", "radbase", "radparameters", "radcoefficients", "rcutij", "dcutij")
_INNER = ("inner_cutoff_type", "r_in", "delta_in")
_EMBEDDING = ("ndensityi", "npoti", "parameters")
_OTHER = ("rho_core_cut", "drho_core_cut", "NameOfCutoffFunctionij", "core-repulsion", "nbody")

Coefficients: TypeAlias = tuple[tuple[tuple[float, ...], ...], ...]
"""c_nlk by n, l and k."""


@dataclass(frozen=True)
class RadialPart:
    """The radial functions of a bond: see `acegen.yace.potential.PaceBond`."""

    name: RadialName
    parameters: tuple[float, ...]
    n_base: int
    n_max: int
    l_max: int
    coefficients: Coefficients
    cutoff: float
    width: float


@dataclass(frozen=True)
class CorePart:
    """The core and the inner cutoff of a bond: see `acegen.yace.potential.PaceBond`."""

    strength: float = 0.0
    rate: float = 0.0
    inner_cutoff: InnerCutoff = "density"
    cutoff: float = 0.0
    width: float = 0.0


@dataclass(frozen=True)
class FunctionEntry:
    """A line of `nbody`, with its place for messages.

    Attributes:
        elements: symbols of the factors.
    """

    field: Field
    elements: tuple[str, ...]
    ns: tuple[int, ...]
    ls: tuple[int, ...]
    lint: tuple[int, ...]
    coefficients: tuple[float, ...]

    @property
    def n_products(self) -> int:
        """At most so many products of A's."""
        return _n_products(self.ls)


@dataclass(frozen=True)
class Block:
    """A block of `species`.

    Attributes:
        field: the block, for messages.
        elements: symbols of the centre and of the others.
        embedding: of a block with one element; None in others.
        radial: None if the block does not say it.
        core: with the defaults, if the block does not say it.
        says_core: whether it has a core repulsion; the inner cutoff goes with it.
        says_inner: whether it says something about the inner cutoff.
        functions: without those to be skipped.
    """

    field: Field
    elements: tuple[str, ...]
    embedding: ElementEmbedding | None
    radial: RadialPart | None
    core: CorePart
    says_core: bool
    says_inner: bool
    functions: tuple[FunctionEntry, ...]


def read_block(block: Field) -> Block:
    """A block, checked as far as it can be alone."""
    fields = block.mapping(("speciesblock",), (*_EMBEDDING, *_RADIAL, *_INNER, *_OTHER))
    elements = _elements(fields["speciesblock"])
    embedding = _embedding(block, fields) if len(elements) == 1 else None
    radial = None
    if given := [name for name in _RADIAL if name in fields]:
        if missing := [name for name in _RADIAL if name not in fields]:
            raise block.error(f"it has {', '.join(given)}, but not {', '.join(missing)}. Give all of them, or none.")
        radial = _radial(fields)
    nbody = fields.get("nbody")
    entries = [] if nbody is None or nbody.node == "" else [_function(entry, elements) for entry in nbody.items()]
    return Block(
        field=block,
        elements=elements,
        embedding=embedding,
        radial=radial,
        core=_core(fields),
        says_core="core-repulsion" in fields,
        says_inner=any(name in fields for name in _INNER),
        functions=tuple(entry for entry in entries if entry is not None),
    )


def _elements(field: Field) -> tuple[str, ...]:
    names = field.text().split()
    for name in names:
        if name not in ATOMIC_NUMBERS:
            raise field.error(f"{shown(name)} is no chemical element.")
    elements = tuple(dict.fromkeys(names))
    if not names or len(elements) < len(names) != 2:
        raise field.error(f"{shown(field.node)} must be different elements, that of the centre first.")
    return elements


def _embedding(block: Field, fields: dict[str, Field]) -> ElementEmbedding:
    if missing := [name for name in _EMBEDDING if name not in fields]:
        raise block.error(f"it is of one element, but has no {', '.join(missing)}.")
    function: EmbeddingName = fields["npoti"].choice(get_args(EmbeddingName))
    count = fields["ndensityi"].integer(1, MOST_DENSITIES)
    numbers = fields["parameters"].numbers(2 * count)
    return ElementEmbedding(
        function=function,
        terms=embedding_terms(fields["parameters"], numbers),
        core_cutoff=fields["rho_core_cut"].number() if "rho_core_cut" in fields else 100_000.0,
        core_width=fields["drho_core_cut"].number(low=0) if "drho_core_cut" in fields else 250.0,
    )


def _radial(fields: dict[str, Field]) -> RadialPart:
    name: RadialName = fields["radbase"].choice(RADIAL_NAMES)
    l_max, n_max = fields["lmaxi"].integer(0, L_MOST), fields["nradmaxi"].integer(0, N_MOST)
    n_base = fields["nradbaseij"].integer(1, N_MOST)
    return RadialPart(
        name=name,
        parameters=radial_parameters(fields["radparameters"], name),
        n_base=n_base,
        n_max=n_max,
        l_max=l_max,
        coefficients=_radial_coefficients(fields["radcoefficients"], n_max, l_max, n_base),
        cutoff=fields["rcutij"].number(RADIUS_LEAST, RADIUS_MOST),
        width=fields["dcutij"].number(low=0.0),
    )


def _radial_coefficients(field: Field, n_max: int, l_max: int, n_base: int) -> Coefficients:
    """By n, l and k; in old files a flat list, in the order of k, n and l. What is beyond the maxima is not used."""
    entries = field.items()
    if entries and isinstance(entries[0].node, str):
        flat = np.array(field.numbers(n_base * n_max * (l_max + 1))).reshape(n_base, n_max, l_max + 1)
        return tuple(tuple(map(tuple, by_l)) for by_l in flat.transpose(1, 2, 0).tolist())
    by_n = [_first(part, l_max + 1, "lmaxi + 1") for part in _first(field, n_max, "nradmaxi")]
    return tuple(tuple(_numbers(part, n_base) for part in by_l) for by_l in by_n)


def _first(field: Field, count: int, name: str) -> list[Field]:
    entries = field.items()
    if len(entries) < count:
        raise field.error(f"has {len(entries)} entries; there must be {name} = {count}.")
    return entries[:count]


def _numbers(field: Field, n_base: int) -> tuple[float, ...]:
    _first(field, n_base, "nradbaseij")
    return field.numbers()[:n_base]


def _core(fields: dict[str, Field]) -> CorePart:
    strength, rate = fields["core-repulsion"].numbers(2) if "core-repulsion" in fields else (0.0, 0.0)
    kind: InnerCutoff = "density"
    if "inner_cutoff_type" in fields:
        kind = fields["inner_cutoff_type"].choice(INNER_CUTOFFS)
    cutoff, width = (fields[name].number(0, RADIUS_MOST) if name in fields else 0.0 for name in ("r_in", "delta_in"))
    return CorePart(strength, rate, kind, cutoff, width)


def _function(entry: Field, block: tuple[str, ...]) -> FunctionEntry | None:
    """None if the function is to be skipped."""
    fields = entry.mapping(("type", "nr", "nl", "c"), ("lint", "skip"))
    center, *others = fields["type"].text().split() or [""]
    if center != block[0]:
        raise fields["type"].error(f"the first element must be that of the block, {block[0]}, not {shown(center)}.")
    if strange := [name for name in others if name not in block]:
        raise fields["type"].error(f"{shown(strange[0])} is no element of the block, which has {', '.join(block)}.")
    rank = len(others)
    if not 1 <= rank <= RANK_MOST:
        raise fields["type"].error(f"has {rank} neighbours; there may be 1 to {RANK_MOST}.")
    ns, ls = fields["nr"].integers(rank, 1, N_MOST), fields["nl"].integers(rank, 0, L_MOST)
    inner = fields.get("lint", Field([], f"{entry.where}.lint"))
    lint = inner.integers(max(rank - 2, 0), 0, 2 * L_MOST)
    _check_coupling(entry, ls, lint)
    c = fields["c"]
    coefficients = (c.number(),) if isinstance(c.node, str) else c.numbers()
    if "skip" in fields and fields["skip"].choice(("true", "false")) == "true":
        return None
    return FunctionEntry(entry, tuple(others), ns, ls, lint, coefficients)


def _check_coupling(entry: Field, ls: tuple[int, ...], lint: tuple[int, ...]) -> None:
    if sum(ls) % 2:
        raise entry.error(f"the sum of nl = {list(ls)} is odd; such a function changes its sign under inversion.")
    if len(ls) == 1 and ls[0]:
        raise entry.error(f"nl of a function of one neighbour must be [0], not {list(ls)}.")
    degrees = list(ls)
    for (left, right), l in zip(coupling_tree(len(ls)), inner_l(len(ls), lint), strict=True):
        l1, l2 = degrees[left], degrees[right]
        if not abs(l1 - l2) <= l <= l1 + l2:
            tree = f"nl = {list(ls)} and lint = {list(lint)}" if lint else f"nl = {list(ls)}"
            raise entry.error(f"{tree} cannot be coupled: l = {l1} and l = {l2} do not give {l}.")
        degrees.append(l)
    if _n_products(ls) > _MOST_PRODUCTS:
        raise entry.error(f"nl = {list(ls)} gives more than {_MOST_PRODUCTS:,} products of A's.")


def _n_products(ls: tuple[int, ...]) -> int:
    return prod(2 * l + 1 for l in ls) // (2 * max(ls) + 1)
