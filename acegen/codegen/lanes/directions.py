"""C statements for angular functions other than spherical harmonics, and their derivatives by the unit vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acegen.codegen.literals import Literal
from acegen.program.kernel import AngularFunctions, Circle, DirectionPolynomials, Harmonics, NoAngles

_AXES = "xyz"


@dataclass(frozen=True)
class DirectionsCode:
    """Statements for the values S[h], and for the values with derivatives G[h][axis]."""

    value_code: tuple[str, ...]
    component_code: tuple[str, ...]


def directions_code(angular: AngularFunctions, dimension: int, literal: Literal) -> DirectionsCode:
    """Code for angular functions of a unit vector (x, y) or (x, y, z)."""
    match angular:
        case Circle(l_max):
            return _circle(l_max, literal)
        case DirectionPolynomials(functions):
            return _polynomials([dict(terms) for terms in functions], dimension, literal)
        case NoAngles() | Harmonics():  # harmonics have their own statements
            return DirectionsCode((f"S[0] = splat({literal(1)});",), ())


def _circle(l_max: int, c: Literal) -> DirectionsCode:
    """cos(lθ) and sin(lθ) by the addition theorem."""
    unused = "(void)x, (void)y;"
    zero, one = f"splat({c(0)})", f"splat({c(1)})"
    values = [f"S[0] = {one};"] if l_max else [unused, f"S[0] = {one};"]
    slopes = [f"G[0][0] = G[0][1] = {zero};"]
    for l in range(1, l_max + 1):
        sine, cosine = f"S[{2 * l - 1}]", f"S[{2 * l}]"
        if l == 1:
            values.append(f"{sine} = y; {cosine} = x;")
            slopes.append(f"G[1][0] = {zero}; G[1][1] = {one}; G[2][0] = {one}; G[2][1] = {zero};")
            continue
        below_s, below_c = f"S[{2 * l - 3}]", f"S[{2 * l - 2}]"
        values.append(f"{sine} = x * {below_s} + y * {below_c}; {cosine} = x * {below_c} - y * {below_s};")
        slopes.append(f"G[{2 * l - 1}][0] = {c(l)} * {below_s}; G[{2 * l - 1}][1] = {c(l)} * {below_c};")
        slopes.append(f"G[{2 * l}][0] = {c(l)} * {below_c}; G[{2 * l}][1] = {c(-l)} * {below_s};")
    return DirectionsCode(tuple(values), (*values, *slopes))


def _polynomials(polynomials: list[dict[tuple[int, ...], float]], dimension: int, literal: Literal) -> DirectionsCode:
    """The functions as polynomials, from powers of the components."""
    axes = _AXES[:dimension]
    highest = [max((p[axis] for terms in polynomials for p in terms), default=0) for axis in range(len(axes))]
    values = [f"(void){', (void)'.join(axes)};"]
    for axis, most in zip(axes, highest, strict=True):
        powers = [f"{axis}{k} = {axis}{k - 1 if k > 2 else ''} * {axis}" for k in range(2, most + 1)]
        if powers:
            values.append(f"const lanes {', '.join(powers)};")
    slopes = []
    for h, terms in enumerate(polynomials):
        values.append(f"S[{h}] = {_sum(terms, literal)};")
        slopes += [f"G[{h}][{axis}] = {_sum(_derivative(terms, axis), literal)};" for axis in range(len(axes))]
    return DirectionsCode(tuple(values), (*values, *slopes))


def _derivative(terms: Mapping[tuple[int, ...], float], axis: int) -> dict[tuple[int, ...], float]:
    return {
        (*powers[:axis], powers[axis] - 1, *powers[axis + 1 :]): value * powers[axis]
        for powers, value in terms.items()
        if powers[axis]
    }


def _sum(terms: Mapping[tuple[int, ...], float], literal: Literal) -> str:
    """A polynomial as a vector expression in x, x2, x3, ..., y, ..."""
    texts = []
    for powers, value in terms.items():
        factors = [f"{axis}{k if k > 1 else ''}" for axis, k in zip(_AXES, powers, strict=False) if k]
        number = literal(value)
        texts.append(" * ".join([number, *factors]) if factors else f"splat({number})")
    return " + ".join(texts) or f"splat({literal(0)})"
