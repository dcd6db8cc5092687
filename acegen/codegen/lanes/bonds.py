"""Constants of bonds: radial functions with y(r) and e(r) by pair, whose formulas are in bonds.h."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp

from acegen.codegen.lanes.elementary import PI, ElementaryCode, elementary_code
from acegen.codegen.lanes.target import Target
from acegen.errors import BuildError
from acegen.program.bonds import Bessel, Bond, Bonds, ExponentialCosine, InversePower, Linear, Power
from acegen.program.core import Core, GaussianRepulsion, PolynomialRepulsion, Repulsion, ScreenedRepulsion


@dataclass(frozen=True)
class BondConstants:
    """Constants of a pair of species.

    Attributes:
        cutoff: where its neighbours end, Å.
        closest, begin, inverse_width: e is zero up to `closest`; it is multiplied by f of
            begin + inverse_width (r - closest), which is one everywhere if there is no such factor.
        shape: number of the shape.
        values: its constants.
    """

    cutoff: float
    closest: float
    begin: float
    inverse_width: float
    shape: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class BondCode:
    """Bonds as generated code sees them.

    Attributes:
        shapes: names of the C functions for those that occur.
        legends: by shape, what its constants are.
        inner: whether e is zero at small distances for some pair.
        half: whether a shape "power" has half-integer exponents.
        n_values: most constants of a shape.
        pairs: constants by centre and neighbour species.
        elementary: constants of elementary functions.
        functions: which of these the bonds and the core call.
    """

    shapes: tuple[str, ...]
    legends: tuple[str, ...]
    inner: bool
    half: bool
    n_values: int
    pairs: tuple[tuple[BondConstants, ...], ...]
    elementary: ElementaryCode
    functions: tuple[str, ...]


_LEGENDS = {
    "exponential_cosine": "-rate; y = c[1] - c[2] exp(-rate s), c[3] = c[2] rate/cutoff; begin of the window, 1/width",
    "power": "exponent; its integer part minus one, and whether a half is left",
    "any_power": "exponent",
    "linear": "none",
    "bessel": "cutoff/π",
    "inverse_power": "1 + r0, power, left, right, 1/(right - left), p_left, p_right, least and largest u",
}
"""Names of shapes in the order of their numbers, and their constants."""


_FUNCTIONS = {
    "exponential_cosine": ("quarter_sine", "exponential"),
    "power": ("whole_power",),
    "bessel": ("quarter_sine",),
    "inverse_power": ("whole_power",),
}
"""Elementary functions of shapes."""

_CORE_FUNCTIONS: dict[type[Repulsion], tuple[str, ...]] = {
    GaussianRepulsion: ("quarter_sine", "exponential"),
    ScreenedRepulsion: ("exponential",),
    PolynomialRepulsion: ("whole_power", "exponential"),
}
"""Elementary functions of repulsions."""


def bond_code(bonds: Bonds, core: Core | None, target: Target) -> BondCode:
    """Code for the bonds of a program, and the elementary functions of its core.

    Raises:
        BuildError: a shape has a negative power.
    """
    there = {_shape(bond) for row in bonds.pairs for bond in row}
    shapes = tuple(name for name in _LEGENDS if name in there)
    pairs = tuple(tuple(_constants(bond, shapes) for bond in row) for row in bonds.pairs)
    everything = [bond for row in bonds.pairs for bond in row]
    return BondCode(
        shapes=shapes,
        legends=tuple(_LEGENDS[name] for name in shapes),
        inner=any(bond.closest > 0 or bond.full > bond.closest for bond in everything),
        half=any(isinstance(b.shape, Power) and b.shape.exponent % 1 == 0.5 for b in everything),
        n_values=max(len(pair.values) for row in pairs for pair in row) or 1,
        pairs=pairs,
        elementary=elementary_code(target.precision),
        functions=_functions(shapes, core),
    )


def _functions(shapes: tuple[str, ...], core: Core | None) -> tuple[str, ...]:
    names = [name for shape in shapes for name in _FUNCTIONS.get(shape, ())]
    if core is not None:
        names += _CORE_FUNCTIONS[type(core.repulsion)]
    return tuple(dict.fromkeys(names))


def _shape(bond: Bond) -> str:
    match bond.shape:
        case ExponentialCosine():
            return "exponential_cosine"
        case Power(exponent):
            return "power" if exponent >= 1 and (2 * exponent) % 1 == 0 and exponent < 1024 else "any_power"
        case Linear():
            return "linear"
        case Bessel():
            return "bessel"
        case InversePower():
            return "inverse_power"


def _constants(bond: Bond, shapes: tuple[str, ...]) -> BondConstants:
    window = bond.full > bond.closest
    return BondConstants(
        cutoff=bond.cutoff,
        closest=bond.closest,
        begin=0.0 if window else 1.0,
        inverse_width=1 / (bond.full - bond.closest) if window else 0.0,
        shape=shapes.index(_shape(bond)),
        values=tuple(_values(bond)),
    )


def _values(bond: Bond) -> Iterator[float]:
    match bond.shape:
        case ExponentialCosine(rate, width):
            last = exp(-rate)
            yield from (-rate, 1 + 2 * last / (1 - last), 2 / (1 - last), 2 * rate / bond.cutoff / (1 - last))
            yield from (bond.cutoff - width, 1 / width)
        case Power(exponent):
            yield exponent
            if _shape(bond) == "power":
                yield from (exponent // 1 - 1, float(exponent % 1 > 0))
        case Bessel():
            yield bond.cutoff / float(PI)
        case InversePower(power, r0, left, right, p_left, p_right):
            if power < 0:
                raise BuildError(
                    f"a bond has the power {power} of an inverse distance, which the backend 'lanes' does not support; "
                    "use the backend 'plain'."
                )
            yield from (1 + r0, power, left, right, 1 / (right - left), p_left, p_right)
            yield from (left if p_left else -1.0, right if p_right else 1e38)
