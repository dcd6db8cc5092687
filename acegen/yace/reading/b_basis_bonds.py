"""The bonds of a B-basis file: what one of the two blocks of a pair does not say is taken from the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from acegen.errors import PotentialError
from acegen.yace.potential import InnerCutoff, PaceBond
from acegen.yace.reading.b_basis_blocks import Block, CorePart, RadialPart
from acegen.yace.reading.bonds import WIDTH_LEAST, largest_sizes, padded
from acegen.yace.reading.fields import Field


@dataclass(frozen=True)
class BondParts:
    """What a file says of a pair of elements.

    Attributes:
        block: of the centre and the neighbour.
    """

    block: Block
    radial: RadialPart
    core: CorePart


Pairs: TypeAlias = Mapping[tuple[str, str], BondParts]
"""By the symbols of the centre and of the neighbour."""


def complete_pairs(species: Field, blocks: Mapping[tuple[str, ...], Block], elements: Sequence[str]) -> Pairs:
    """All ordered pairs of elements.

    Args:
        species: the blocks in the file, for messages.
        blocks: by their elements.
        elements: symbols.

    Raises:
        PotentialError: a block is missing, or blocks contradict each other.
    """
    pairs = {}
    for center, neighbour in product(elements, repeat=2):
        block, other = _block(species, blocks, center, neighbour), _block(species, blocks, neighbour, center)
        pairs[center, neighbour] = BondParts(block, _radial(block, other), _core(block, other))
    return pairs


def pace_bonds(species: Field, pairs: Pairs, elements: Sequence[str]) -> tuple[tuple[PaceBond, ...], ...]:
    """The bonds by centre and neighbour.

    All get the largest nradmaxi, lmaxi and nradbaseij of the file; coefficients that they do not have are zero.

    Raises:
        PotentialError: they are too many, or cannot go with ZBL cores.
    """
    radials = [parts.radial for parts in pairs.values()]
    n_max, l_max, n_base = largest_sizes(species, [(own.n_max, own.l_max, own.n_base) for own in radials])
    return tuple(tuple(padded(_bond(pairs[a, b]), n_max, l_max, n_base) for b in elements) for a in elements)


def common_inner_cutoff(pairs: Pairs) -> InnerCutoff:
    """What switches to the core.

    Raises:
        PotentialError: bonds differ in it.
    """
    (kind, first), *others = {parts.core.inner_cutoff: parts.block for parts in pairs.values()}.items()
    for other_kind, block in others:
        raise block.field.error(
            f"inner_cutoff_type is '{other_kind}', but '{kind}' in {first.field.where}. It must be the same for all "
            "bonds; where it is not given, it is 'density'."
        )
    return kind


def _block(species: Field, blocks: Mapping[tuple[str, ...], Block], center: str, neighbour: str) -> Block:
    if center == neighbour:
        if (center,) in blocks:
            return blocks[center,]
        raise species.error(f"there is no block of {center} alone. It has the embedding of {center}, and its bond.")
    if (center, neighbour) in blocks:
        return blocks[center, neighbour]
    raise species.error(
        f"there is no block '{center} {neighbour}'. There must be one for each ordered pair of elements; if it has "
        f"only its name, its bond is that of '{neighbour} {center}'."
    )


def _radial(block: Block, other: Block) -> RadialPart:
    first, second = block.radial or other.radial, other.radial or block.radial
    if first is None:
        at = "" if other is block else f", and neither has {other.field.where}"
        raise block.field.error(f"has no radial functions (lmaxi, nradmaxi, radbase, ...){at}.")
    if first != second:
        raise _contradiction(block, other, "the radial functions")
    return first


def _core(block: Block, other: Block) -> CorePart:
    """The inner cutoff goes with the core repulsion."""
    core = next((b.core for b in (block, other) if b.says_core), None)
    for b in (block, other):
        if b.says_core or core is None:
            same = b.core == (core or block.core)
        else:
            same = not b.says_inner or _inner(b.core) == _inner(core)
        if not same:
            raise _contradiction(block, other, "core-repulsion, inner_cutoff_type, r_in and delta_in")
    return core or block.core


def _inner(core: CorePart) -> tuple[InnerCutoff, float, float]:
    return core.inner_cutoff, core.cutoff, core.width


def _contradiction(block: Block, other: Block, what: str) -> PotentialError:
    return block.field.error(
        f"{what} of the bond {' - '.join(block.elements)} differ from those in {other.field.where}. They must be the "
        "same; give them in one block only."
    )


def _bond(parts: BondParts) -> PaceBond:
    radial, core = parts.radial, parts.core
    zbl = core.inner_cutoff == "zbl"
    if zbl and not (WIDTH_LEAST <= core.width <= core.cutoff and WIDTH_LEAST <= radial.width <= radial.cutoff):
        raise parts.block.field.error(
            f"with inner_cutoff_type 'zbl', delta_in must be at least {WIDTH_LEAST:g} and at most r_in, "
            f"and dcutij at least {WIDTH_LEAST:g} and at most rcutij."
        )
    return PaceBond(
        radial=radial.name,
        parameters=radial.parameters,
        n_base=radial.n_base,
        coefficients=radial.coefficients,
        cutoff=radial.cutoff,
        width=radial.width,
        strength=core.strength if zbl else abs(core.strength),  # ML-PACE takes them so
        rate=core.rate if zbl else abs(core.rate),
        inner_cutoff=core.cutoff,
        inner_width=core.width,
    )
