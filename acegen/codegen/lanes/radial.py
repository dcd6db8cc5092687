"""C statements for the coordinate y(r) and the radial functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acegen.codegen.literals import Literal
from acegen.codegen.titles import transform_formula
from acegen.program.bonds import Bonds
from acegen.program.kernel import Agnesi, Coordinate, Distance, Recurrence, Smootherstep

Steps = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class RadialCode:
    """Statements for y(r) with dy/dr, R_first and its derivative by y, constants for the rest; formulas for comments.

    The variables r, s = min(r/cutoff, 1) and `pair` are given; y and dy are pointers to the results. Of
    bonds, the variables y and e with derivatives dy and de by the distance are given, and derivatives are by it, too.
    """

    formula: str
    transform_formula: str
    agnesi: bool
    transform_code: tuple[str, ...]
    first: str
    first_derivative: str
    recurrence: Steps


def radial_code(coordinate: Coordinate, radial: Recurrence, formula: str, literal: Literal) -> RadialCode:
    """Code for the radial functions of a coordinate; for particles without a distance, `present` is also defined."""
    steps = radial.steps or ((0.0, 0.0, 0.0),)  # an array needs an entry
    slope = tuple(power * value for power, value in enumerate(radial.envelope))[1:]
    if isinstance(coordinate, Bonds):
        first, by_y = horner(radial.envelope, literal), horner(slope, literal)
        constant = radial.envelope == (1.0,)
        return RadialCode(
            formula=formula,
            transform_formula="",
            agnesi=False,
            transform_code=(),
            first="e" if constant else f"e * ({first})",
            first_derivative="de" if constant else f"de * ({first}) + e * dy * ({by_y})",
            recurrence=steps,
        )
    if not isinstance(coordinate, Distance):
        return RadialCode(formula, "", False, (), "present", f"splat({literal(0)})", steps)
    return RadialCode(
        formula=formula,
        transform_formula=transform_formula(coordinate),
        agnesi=isinstance(coordinate.transform, Agnesi),
        transform_code=_transform(coordinate, literal),
        first=horner(radial.envelope, literal),
        first_derivative=horner(slope, literal),
        recurrence=steps,
    )


def transform_constants(coordinate: Distance) -> list[list[list[float]]]:
    """Cutoff, 1/cutoff and, for the Agnesi transform, 1/r0, by centre and neighbour."""
    constants = [[[cutoff, 1 / cutoff] for cutoff in by_neighbour] for by_neighbour in coordinate.cutoffs]
    if isinstance(coordinate.transform, Agnesi):
        for row, scales in zip(constants, coordinate.transform.r0, strict=True):
            for entry, scale in zip(row, scales, strict=True):
                entry.append(1 / scale)
    return constants


def _transform(coordinate: Distance, c: Literal) -> tuple[str, ...]:
    match coordinate.transform:
        case Smootherstep():
            return (
                f"const lanes t = {c(1)} - s;",
                f"*y = t * t * t * ({c(1)} + {c(3)} * s + {c(6)} * s * s);",
                f"*dy = {c(-30)} * s * s * t * t * pair->inverse_cutoff; /* dy/dr */",
            )
        case Agnesi(a, p, q):
            k, slope = q - p, _power("x", q - 1, c)
            return (
                f"const lanes t = {c(1)} - s, x = r * pair->inverse_r0;",
                f"const lanes step = t * t * ({c(1)} + {c(2)} * s), dstep = {c(-6)} * s * t * pair->inverse_cutoff;",
                f"const lanes numerator = {c(1)} + {_power('x', k, c)}, "
                f"denominator = numerator + {c(a)} * {_power('x', q, c)};",
                "const lanes agnesi = numerator / denominator;",
                f"const lanes dagnesi = {c(a)} * {slope} * ({c(k)} * (numerator - {c(1)}) - {c(q)} * numerator)"
                " / (denominator * denominator) * pair->inverse_r0;",
                "*y = agnesi * step;",
                "*dy = dagnesi * step + agnesi * dstep; /* dy/dr */",
            )
    return (
        f"const lanes t = {c(1)} - s;",
        f"*y = t * t * ({c(1)} + {c(2)} * s);",
        f"*dy = {c(-6)} * s * t * pair->inverse_cutoff; /* dy/dr */",
    )


def _power(variable: str, exponent: int, literal: Literal) -> str:
    return "*".join([variable] * exponent) if exponent else f"splat({literal(1)})"


def horner(coefficients: Sequence[float], literal: Literal) -> str:
    """A polynomial in y by Horner's rule, as a vector expression."""
    text = ""
    for value in reversed(coefficients):
        if not text:
            text = "" if value == 0 else f"splat({literal(value)})"
        elif value == 0:
            text = f"{text} * y"
        else:
            text = f"({text} * y {'-' if value < 0 else '+'} {literal(abs(value))})"
    return text.replace(f"splat({literal(1)}) * ", "") or f"splat({literal(0)})"
