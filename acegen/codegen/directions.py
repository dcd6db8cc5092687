"""C statements for angular functions other than spherical harmonics, and their derivatives by the unit vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acegen.algebra.angular import AngularAlgebra, GeneratedAngularAlgebra
from acegen.algebra.circle import RotationsOfPlane
from acegen.algebra.field import Rational
from acegen.codegen.constants import constant, rounded
from acegen.graph.layout import PooledLayout

_AXES = "xyz"


@dataclass(frozen=True)
class DirectionsCode:
    """Statements for values S[h]; and for the same with derivatives G[h][axis]."""

    value_code: tuple[str, ...]
    component_code: tuple[str, ...]


def directions_code(angular: AngularAlgebra, layout: PooledLayout) -> DirectionsCode:
    """Code for the angular functions of a layout, of a unit vector (x, y) or (x, y, z)."""
    if isinstance(angular, RotationsOfPlane):
        return _circle(layout.l_max)
    if isinstance(angular, GeneratedAngularAlgebra):
        return _polynomials(angular, layout)
    return DirectionsCode(("S[0] = splat(1.0);",), ())


def _circle(l_max: int) -> DirectionsCode:
    """cos(lθ) and sin(lθ) by the addition theorem."""
    unused = "(void)x, (void)y;"
    values = ["S[0] = splat(1.0);"] if l_max else [unused, "S[0] = splat(1.0);"]
    slopes = ["G[0][0] = G[0][1] = splat(0.0);"]
    for l in range(1, l_max + 1):
        s, c = f"S[{2 * l - 1}]", f"S[{2 * l}]"
        if l == 1:
            values.append(f"{s} = y; {c} = x;")
            slopes.append("G[1][0] = splat(0.0); G[1][1] = splat(1.0); G[2][0] = splat(1.0); G[2][1] = splat(0.0);")
            continue
        below_s, below_c = f"S[{2 * l - 3}]", f"S[{2 * l - 2}]"
        values.append(f"{s} = x * {below_s} + y * {below_c}; {c} = x * {below_c} - y * {below_s};")
        slopes.append(f"G[{2 * l - 1}][0] = {l}.0 * {below_s}; G[{2 * l - 1}][1] = {l}.0 * {below_c};")
        slopes.append(f"G[{2 * l}][0] = {l}.0 * {below_c}; G[{2 * l}][1] = -{l}.0 * {below_s};")
    return DirectionsCode(tuple(values), (*values, *slopes))


def _polynomials(angular: GeneratedAngularAlgebra, layout: PooledLayout) -> DirectionsCode:
    """The functions as the polynomials they are, from powers of the components."""
    axes = _AXES[: angular.dimension]
    polynomials = [
        (layout.angular_index(l, m), angular.polynomial(l, m))
        for l in range(layout.l_max + 1)
        for m in angular.components(l)
    ]
    highest = [max((p[axis] for _, terms in polynomials for p in terms), default=0) for axis in range(len(axes))]
    values = [f"(void){', (void)'.join(axes)};"]
    for axis, most in zip(axes, highest, strict=True):
        powers = [f"{axis}{k} = {axis}{k - 1 if k > 2 else ''} * {axis}" for k in range(2, most + 1)]
        if powers:
            values.append(f"const lanes {', '.join(powers)};")
    slopes = []
    for h, terms in polynomials:
        values.append(f"S[{h}] = {_sum(terms)};")
        slopes += [f"G[{h}][{axis}] = {_sum(_derivative(terms, axis))};" for axis in range(len(axes))]
    return DirectionsCode(tuple(values), (*values, *slopes))


def _derivative(terms: Mapping[tuple[int, ...], Rational], axis: int) -> dict[tuple[int, ...], Rational]:
    return {
        (*powers[:axis], powers[axis] - 1, *powers[axis + 1 :]): value * powers[axis]
        for powers, value in terms.items()
        if powers[axis]
    }


def _sum(terms: Mapping[tuple[int, ...], Rational]) -> str:
    """A polynomial as a vector expression in x, x2, x3, ..., y, ..."""
    texts = []
    for powers, value in terms.items():
        factors = [f"{axis}{k if k > 1 else ''}" for axis, k in zip(_AXES, powers, strict=False) if k]
        number = constant(rounded(value))
        texts.append(" * ".join([number, *factors]) if factors else f"splat({number})")
    return " + ".join(texts) or "splat(0.0)"
