"""Bonds with radial bases of ACE.jl, and its pair potential, from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from acegen.errors import PotentialError
from acegen.printing import shown
from acegen.yace.potential import PairPotential, RecursionBasis, RecursionBond, RepulsiveCore
from acegen.yace.reading.bonds import L_MOST, N_MOST, RADIUS_LEAST, RADIUS_MOST, BondsRead
from acegen.yace.reading.fields import Field

_BASIS = ("p", "r0", "rcut", "xl", "xr", "pl", "pr", "maxn", "recursion_coefficients")
_POWER_MOST = 50

_NAMES = ("ACE.jl.base", "ACE.jl.Basic")
"""What writers call these bases. ML-PACE takes all names that begin with ACE.jl for them."""

CORE_FIELDS = ("ri", "e0", "A", "B")


def is_recursion(bond: Field, name: Field) -> bool:
    """Whether the radial basis of a bond is a polynomial one of ACE.jl.

    Args:
        bond: the fields of the bond.
        name: its radbasename.

    Raises:
        PotentialError: it is another one of ACE.jl.
    """
    if not name.text().startswith("ACE.jl"):
        return False
    if name.text() not in _NAMES and bond.peek("recursion_coefficients") is None:
        raise name.error(
            f"{shown(name.text())} without 'recursion_coefficients': this is how newer versions of ACE1 write spline "
            f"tables, which acegen does not read. Of ACE.jl it reads the polynomial bases {', '.join(_NAMES)}."
        )
    return True


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
    if len({len(basis.steps) for row in rows for basis in row}) > 1:
        raise fields["bonds"].error("maxn must be the same for all bonds.")
    if "reppot" in fields and "polypairpot" not in fields:
        raise fields["reppot"].error("has no meaning without 'polypairpot'.")
    pair = _pair_potential(fields, count) if "polypairpot" in fields else None
    return recursion_bonds(rows, pair, l_max)


def recursion_bonds(rows: Sequence[Sequence[RecursionBasis]], pair: PairPotential | None, l_max: int) -> BondsRead:
    """Bonds with these bases, all of one length, and a pair potential; all of them get the largest cutoff."""
    cutoff = max(basis.cutoff for row in rows for basis in row)
    if pair is not None:
        cutoff = max(cutoff, pair.basis.cutoff)
        pair = replace(pair, basis=replace(pair.basis, cutoff=cutoff))
    bonds = tuple(tuple(RecursionBond(replace(basis, cutoff=cutoff)) for basis in row) for row in rows)
    n_max = len(rows[0][0].steps)
    return BondsRead(bonds, "density", pair, l_max, n_max, n_max)


def _basis(field: Field, others: tuple[str, ...]) -> RecursionBasis:
    fields = field.mapping((*_BASIS, *others))
    size = fields["maxn"].integer(1, N_MOST)
    recursion = fields["recursion_coefficients"].mapping(("A", "B", "C"))
    return read_recursion(fields, tuple(zip(*(recursion[name].numbers(size) for name in "ABC"), strict=True)))


def read_recursion(fields: Mapping[str, Field], steps: tuple[tuple[float, float, float], ...]) -> RecursionBasis:
    """A basis from its fields.

    Args:
        fields: p, r0, rcut, xl, xr, pl and pr.
        steps: of the recursion.
    """
    basis = RecursionBasis(
        r0=fields["r0"].number(0, RADIUS_MOST),
        power=fields["p"].integer(1, _POWER_MOST),
        cutoff=fields["rcut"].number(RADIUS_LEAST, RADIUS_MOST),
        left=fields["xl"].number(),
        right=fields["xr"].number(),
        p_left=fields["pl"].integer(0, _POWER_MOST),
        p_right=fields["pr"].integer(0, _POWER_MOST),
        steps=steps,
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
            cores[i][j] = read_core(item.mapping(CORE_FIELDS))
    return PairPotential(
        basis=basis,
        coefficients=tuple(tuple(item.numbers(len(basis.steps)) for item in row) for row in own),
        cores=tuple(map(tuple, cores)),
    )


def read_core(fields: Mapping[str, Field]) -> RepulsiveCore:
    """The core of a pair potential, from the fields CORE_FIELDS."""
    r_i = fields["ri"].number(0, RADIUS_MOST)
    return RepulsiveCore(r_i, fields["e0"].number(), fields["A"].number(), fields["B"].number())
