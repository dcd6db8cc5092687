"""Bonds with radial bases of ACE.jl, and its pair potential, from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from acegen.errors import PotentialError
from acegen.yace.fields import Field
from acegen.yace.potential import PairPotential, RecursionBasis, RecursionBond, RepulsiveCore
from acegen.yace.reading_bonds import L_MOST, N_MOST, RADIUS_LEAST, RADIUS_MOST, BondsRead

_BASIS = ("p", "r0", "rcut", "xl", "xr", "pl", "pr", "maxn", "recursion_coefficients")
_POWER_MOST = 50


def read_recursion_bonds(fields: Mapping[str, Field], count: int) -> BondsRead:
    """The bonds and the pair potential of a file with `count` elements; all of them get the largest cutoff.

    Args:
        fields: of the file.
        count: number of elements.
    """
    if "lmax" not in fields:
        raise PotentialError("the field 'lmax' is missing; files with radial bases of ACE.jl have it.")
    l_max = fields["lmax"].integer(0, L_MOST)
    rows = [[_basis(item, ("radbasename",)) for item in row] for row in fields["bonds"].by_pair(count)]
    lengths = {len(basis.steps) for row in rows for basis in row}
    if len(lengths) > 1:
        raise fields["bonds"].error("maxn must be the same for all bonds.")
    if "reppot" in fields and "polypairpot" not in fields:
        raise fields["reppot"].error("has no meaning without 'polypairpot'.")
    pair = _pair_potential(fields, count) if "polypairpot" in fields else None
    cutoff = max(basis.cutoff for row in rows for basis in row)
    if pair is not None:
        cutoff = max(cutoff, pair.basis.cutoff)
        pair = replace(pair, basis=replace(pair.basis, cutoff=cutoff))
    bonds = tuple(tuple(RecursionBond(replace(basis, cutoff=cutoff)) for basis in row) for row in rows)
    n_max = lengths.pop()
    return BondsRead(bonds, "density", pair, l_max, n_max, n_max)


def _basis(field: Field, others: tuple[str, ...]) -> RecursionBasis:
    fields = field.mapping((*_BASIS, *others))
    size = fields["maxn"].integer(1, N_MOST)
    recursion = fields["recursion_coefficients"].mapping(("A", "B", "C"))
    basis = RecursionBasis(
        r0=fields["r0"].number(0, RADIUS_MOST),
        power=fields["p"].integer(1, _POWER_MOST),
        cutoff=fields["rcut"].number(RADIUS_LEAST, RADIUS_MOST),
        left=fields["xl"].number(),
        right=fields["xr"].number(),
        p_left=fields["pl"].integer(0, _POWER_MOST),
        p_right=fields["pr"].integer(0, _POWER_MOST),
        steps=tuple(zip(*(recursion[name].numbers(size) for name in "ABC"), strict=True)),
    )
    if basis.left >= basis.right:
        raise fields["xl"].error("must be less than xr.")
    return basis


def _pair_potential(fields: Mapping[str, Field], count: int) -> PairPotential:
    field = fields["polypairpot"]
    basis = _basis(field, ("coefficients",))
    own = field.mapping((*_BASIS, "coefficients"))["coefficients"].by_pair(count)
    no_core = RepulsiveCore(0.0, 0.0, 0.0, 0.0)
    cores = [[no_core] * count for _ in range(count)]
    if "reppot" in fields:
        for (i, j), item in fields["reppot"].mapping(("coefficients",))["coefficients"].some_pairs(count).items():
            core = item.mapping(("ri", "e0", "A", "B"))
            cores[i][j] = RepulsiveCore(
                core["ri"].number(0, RADIUS_MOST), core["e0"].number(), core["A"].number(), core["B"].number()
            )
    return PairPotential(
        basis=basis,
        coefficients=tuple(tuple(item.numbers(len(basis.steps)) for item in row) for row in own),
        cores=tuple(map(tuple, cores)),
    )
