"""C-tilde functions from the `functions` of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acegen.yace.potential import CTildeFunction
from acegen.yace.reading.bonds import BondsRead
from acegen.yace.reading.fields import Field

RANK_MOST = 6
"""Largest rank that is read."""

COMBINATIONS_MOST = 1_000_000

_FIELDS = ("mu0", "rank", "ndensity", "num_ms_combs", "mus", "ns", "ls", "ms_combs", "ctildes")


def read_functions(field: Field, densities: Sequence[int], bonds: BondsRead) -> tuple[tuple[CTildeFunction, ...], ...]:
    """The functions by element of the centre.

    Args:
        field: the `functions` of the file.
        densities: how many there are, by element of the centre.
        bonds: give the largest n and l.
    """
    count = len(densities)
    return tuple(
        tuple(read_function(item.mapping(_FIELDS), center, count, densities[center], bonds) for item in entry.items())
        for center, entry in enumerate(field.by_element(count))
    )


def read_function(
    fields: Mapping[str, Field], center: int, elements: int, densities: int, bonds: BondsRead
) -> CTildeFunction:
    """A function from its fields.

    Args:
        fields: mu0, rank, ndensity, num_ms_combs, mus, ns, ls, ms_combs and ctildes.
        center: its element.
        elements: how many there are.
        densities: of the centre.
        bonds: give the largest n and l.
    """
    if fields["mu0"].index(elements) != center:
        raise fields["mu0"].error(f"must be {center}, the element of this list of functions.")
    rank = fields["rank"].integer(1, RANK_MOST)
    if fields["ndensity"].integer(1, densities) != densities:
        raise fields["ndensity"].error(f"must be {densities}, as in embeddings[{center}].")
    combinations = fields["num_ms_combs"].integer(1, COMBINATIONS_MOST)
    mus = fields["mus"].integers(rank, 0, elements - 1)
    ns = fields["ns"].integers(rank, 1, bonds.n_base if rank == 1 else bonds.n_max)
    ls = fields["ls"].integers(rank, 0, 0 if rank == 1 else bonds.l_max)
    flat_ms = fields["ms_combs"].integers(rank * combinations, -bonds.l_max, bonds.l_max)
    flat = fields["ctildes"].numbers(densities * combinations)
    ms = tuple(flat_ms[i : i + rank] for i in range(0, len(flat_ms), rank))
    for i, combination in enumerate(ms):
        if sum(combination):
            raise fields["ms_combs"].error(f"combination {i}, {list(combination)}, does not add up to 0.")
        if any(abs(m) > l for l, m in zip(ls, combination, strict=True)):
            raise fields["ms_combs"].error(f"combination {i}, {list(combination)}, has |m| > l; ls is {list(ls)}.")
    if rank == 1 and combinations > 1:
        raise fields["num_ms_combs"].error("must be 1 for rank 1.")
    return CTildeFunction(
        elements=mus,
        ns=ns,
        ls=ls,
        ms=ms,
        coefficients=tuple(flat[i : i + densities] for i in range(0, len(flat), densities)),
    )
