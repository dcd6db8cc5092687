"""Bonds with radial bases of ML-PACE from the `bonds` of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from acegen.yace.potential import Bond, InnerCutoff, PaceBond, PairPotential, RadialName
from acegen.yace.reading.fields import Field

L_MOST = 30
"""Largest l that is read."""

N_MOST = 500
"""Most radial functions that are read."""

RADIUS_LEAST, RADIUS_MOST = 0.01, 1000.0
"""Cutoffs that are read, Å."""

WIDTH_LEAST = 1e-6
"""Smallest widths that are read with a ZBL core, Å: it has their inverse cubes."""

RADIAL_NAMES: tuple[RadialName, ...] = ("ChebExpCos", "ChebPow", "ChebLinear", "SBessel")
INNER_CUTOFFS: tuple[InnerCutoff, ...] = ("density", "distance", "zbl")

_REQUIRED = (
    *("nradmax", "lmax", "nradbasemax", "radbasename", "radparameters", "radcoefficients"),
    *("prehc", "lambdahc", "rcut", "dcut"),
)
_OPTIONAL = ("rcut_in", "dcut_in", "inner_cutoff_type")

_RATE_MOST = 100.0
"""Largest parameter of a radial basis: of an exponential that is a double."""

MOST_COEFFICIENTS = 20_000_000
"""Of radial functions, of all bonds together once all have the same shape."""


@dataclass(frozen=True)
class BondsRead:
    """What a file says of pairs of elements, and the largest numbers that its functions may have."""

    bonds: tuple[tuple[Bond, ...], ...]
    inner_cutoff: InnerCutoff
    pair: PairPotential | None
    l_max: int
    n_max: int
    n_base: int


def read_pace_bonds(field: Field, count: int) -> BondsRead:
    """The bonds of a file with `count` elements; all of them get the same shape of coefficients."""
    rows, sizes = [], []
    kinds: dict[InnerCutoff, Field] = {}
    for pairs in field.by_pair(count):
        row = []
        for item in pairs:
            bond, kind, l_max = _bond(item)
            kinds.setdefault(kind, item)
            row.append(bond)
            sizes.append((len(bond.coefficients), l_max, bond.n_base))
        rows.append(row)
    if len(kinds) > 1:
        (first, at_first), (second, at_second) = list(kinds.items())[:2]
        raise at_second.error(
            f"inner_cutoff_type is '{second}', but '{first}' at {at_first.where}; it must be the same for all bonds."
        )
    n_max, l_max, n_base = largest_sizes(field, sizes)
    bonds = tuple(tuple(padded(bond, n_max, l_max, n_base) for bond in row) for row in rows)
    return BondsRead(bonds, next(iter(kinds)), None, l_max, n_max, n_base)


def largest_sizes(field: Field, sizes: Sequence[tuple[int, int, int]]) -> tuple[int, int, int]:
    """The largest nradmax, lmax and nradbasemax, which all bonds get.

    Args:
        field: the bonds, for a message.
        sizes: those of each bond.

    Raises:
        PotentialError: the bonds would have too many coefficients.
    """
    n_max, l_max, n_base = (max(size) for size in zip(*sizes, strict=True))
    if len(sizes) * n_max * (l_max + 1) * n_base > MOST_COEFFICIENTS:
        raise field.error(f"more than {MOST_COEFFICIENTS:,} coefficients of radial functions; this is too much.")
    return n_max, l_max, n_base


def padded(bond: PaceBond, n_max: int, l_max: int, n_base: int) -> PaceBond:
    """The same functions, and further ones that are zero, up to n_max, l_max and n_base, which are not smaller."""
    missing = (0.0,) * (n_base - bond.n_base)
    zero = (0.0,) * n_base
    by_n = [(*((*row, *missing) for row in by_l), *((zero,) * (l_max + 1 - len(by_l)))) for by_l in bond.coefficients]
    by_n += [(zero,) * (l_max + 1)] * (n_max - len(by_n))
    return replace(bond, n_base=n_base, coefficients=tuple(by_n))


def _bond(field: Field) -> tuple[PaceBond, InnerCutoff, int]:
    fields = field.mapping(_REQUIRED, _OPTIONAL)
    radial = fields["radbasename"].choice(RADIAL_NAMES)
    kind = fields["inner_cutoff_type"].choice(INNER_CUTOFFS) if "inner_cutoff_type" in fields else "density"
    n_base = fields["nradbasemax"].integer(1, N_MOST)
    n_max = fields["nradmax"].integer(0, N_MOST)
    l_max = fields["lmax"].integer(0, L_MOST)
    strength, rate = fields["prehc"].number(), fields["lambdahc"].number()
    if kind != "zbl":  # ML-PACE takes them so
        strength, rate = abs(strength), abs(rate)
    bond = PaceBond(
        radial=radial,
        parameters=radial_parameters(fields["radparameters"], radial),
        n_base=n_base,
        coefficients=tuple(
            tuple(row.numbers(n_base) for row in by_l.items(l_max + 1))
            for by_l in fields["radcoefficients"].items(n_max)
        ),
        cutoff=fields["rcut"].number(RADIUS_LEAST, RADIUS_MOST),
        width=fields["dcut"].number(low=0),
        strength=strength,
        rate=rate,
        inner_cutoff=fields["rcut_in"].number(0, RADIUS_MOST) if "rcut_in" in fields else 0.0,
        inner_width=fields["dcut_in"].number(0, RADIUS_MOST) if "dcut_in" in fields else 0.0,
    )
    if kind == "zbl":
        _check_zbl(field, bond)
    return bond, kind, l_max


def radial_parameters(field: Field, radial: RadialName) -> tuple[float, ...]:
    """The parameters of a radial basis, of which only the first is used."""
    values = field.numbers()
    if not values:
        raise field.error("is empty; the first entry is the parameter of the radial basis.")
    if radial == "ChebExpCos" and not 0 < abs(values[0]) <= _RATE_MOST:
        raise field.error(f"the parameter of ChebExpCos must not be 0, and at most {_RATE_MOST:g}.")
    if radial == "ChebPow" and not 0 < values[0] <= _RATE_MOST:
        raise field.error(f"the parameter of ChebPow must be greater than 0 and at most {_RATE_MOST:g}.")
    return values


def _check_zbl(field: Field, bond: PaceBond) -> None:
    """Without these, ML-PACE divides by zero, or overlooks neighbours."""
    if not WIDTH_LEAST <= bond.inner_width <= bond.inner_cutoff:
        raise field.error(
            f"with inner_cutoff_type 'zbl', dcut_in must be at least {WIDTH_LEAST:g} and at most rcut_in."
        )
    if not WIDTH_LEAST <= bond.width <= bond.cutoff:
        raise field.error(f"with inner_cutoff_type 'zbl', dcut must be at least {WIDTH_LEAST:g} and at most rcut.")
