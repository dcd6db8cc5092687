"""C statements for radial functions and spherical harmonics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq_poly

from acegen.algebra.polynomials import PolynomialAlgebra
from acegen.codegen.constants import constant, rounded
from acegen.spec.radial import AgnesiSpec, ClosedRadialSpec, EnvelopeRadialSpec


@dataclass(frozen=True)
class RadialCode:
    """Statements for y(r) with dy/dr, R_1 and dR_1/dy in terms of y, constants for the rest; formulas for comments."""

    formula: str
    transform_formula: str
    agnesi: bool
    transform_code: tuple[str, ...]
    first: str
    first_derivative: str
    recurrence: tuple[tuple[float, float, float], ...]


def particle_code(radial: PolynomialAlgebra, count: int) -> RadialCode:
    """Code for R_0 .. R_{count-1} of particles without a distance; the variables y and present are given."""
    return RadialCode(
        formula=f"p_n(x), p = {_family_name(radial)}" if count > 1 else "1",
        transform_formula="",
        agnesi=False,
        transform_code=(),
        first="present",
        first_derivative="splat(0.0)",
        recurrence=_recurrence(radial, count),
    )


def radial_code(table: ClosedRadialSpec | EnvelopeRadialSpec, radial: PolynomialAlgebra, count: int) -> RadialCode:
    """Code for R_1 .. R_count of a table `radial`; the variable s = min(r/cutoff, 1) is given."""
    agnesi = (table.agnesi or AgnesiSpec()) if table.transform == "agnesi" else None
    transform_formula, transform = _transform(table.transform, agnesi)
    variable = "y" if radial.family.kind == "monomial" else "2y-1"
    if isinstance(table, ClosedRadialSpec):
        envelope_text = "y"
    else:
        envelope_text = "(" + str(radial.envelope).replace("x", "y").replace("*", " ") + ")"
    return RadialCode(
        formula=f"{envelope_text} p_(n-1)({variable}), p = {_family_name(radial)}",
        transform_formula=transform_formula,
        agnesi=agnesi is not None,
        transform_code=transform,
        first=_horner(radial.envelope),
        first_derivative=_horner(radial.envelope.derivative()),
        recurrence=_recurrence(radial, count),
    )


def _family_name(radial: PolynomialAlgebra) -> str:
    family = radial.family
    return f"Jacobi({family.alpha},{family.beta})" if family.kind == "jacobi" else family.kind.capitalize()


def transform_constants(
    cutoffs: Sequence[Sequence[float]], r0: Sequence[Sequence[float]] | None
) -> list[list[list[float]]]:
    """Cutoff, 1/cutoff and, for the Agnesi transform, 1/r0, by centre and neighbour, as the arguments are."""
    constants = [[[cutoff, 1 / cutoff] for cutoff in by_neighbour] for by_neighbour in cutoffs]
    for row, scales in zip(constants, r0 or (), strict=False):
        for entry, scale in zip(row, scales, strict=True):
            entry.append(1 / scale)
    return constants


def agnesi_constant(agnesi: AgnesiSpec) -> Fraction:
    """The constant a that makes 1 / (1 + a x^q / (1 + x^(q-p))) steepest at x = 1."""
    p, q = agnesi.p, agnesi.q
    return Fraction(-2 * q + p * (4 * q - 2), p + p * p + q + q * q)


def _transform(kind: str, agnesi: AgnesiSpec | None) -> tuple[str, tuple[str, ...]]:
    if kind == "smootherstep":
        return "y = (1-s)^3 (1+3s+6s^2), s = r/cutoff", (
            "const lanes t = 1.0 - s;",
            "at->y = t * t * t * (1.0 + 3.0 * s + 6.0 * s * s);",
            "at->dy = -30.0 * s * s * t * t * pair->inverse_cutoff; /* dy/dr */",
        )
    if agnesi is None:
        return "y = (1-s)^2 (1+2s), s = r/cutoff", (
            "const lanes t = 1.0 - s;",
            "at->y = t * t * (1.0 + 2.0 * s);",
            "at->dy = -6.0 * s * t * pair->inverse_cutoff; /* dy/dr */",
        )
    q, k = agnesi.q, agnesi.q - agnesi.p
    a = agnesi_constant(agnesi)
    formula = f"y = (1-s)^2 (1+2s) / (1 + ({a}) x^{q} / (1 + x^{k})), s = r/cutoff, x = r/r0"
    a_text = constant(float(a))
    return formula, (
        "const lanes t = 1.0 - s, x = r * pair->inverse_r0;",
        "const lanes step = t * t * (1.0 + 2.0 * s), dstep = -6.0 * s * t * pair->inverse_cutoff;",
        f"const lanes numerator = 1.0 + {_power('x', k)}, denominator = numerator + {a_text} * {_power('x', q)};",
        "const lanes agnesi = numerator / denominator;",
        f"const lanes dagnesi = {a_text} * {_power('x', q - 1)} * ({k}.0 * (numerator - 1.0) - {q}.0 * numerator)"
        " / (denominator * denominator) * pair->inverse_r0;",
        "at->y = agnesi * step;",
        "at->dy = dagnesi * step + agnesi * dstep; /* dy/dr */",
    )


def _power(variable: str, exponent: int) -> str:
    return "*".join([variable] * exponent) if exponent else "splat(1.0)"


def _horner(polynomial: fmpq_poly) -> str:
    """A polynomial in y by Horner's rule, as a vector expression."""
    coefficients = [rounded(value) for value in polynomial.coeffs()]
    text = ""
    for value in reversed(coefficients):
        if not text:
            text = "" if value == 0 else f"splat({constant(value)})"
        else:
            text = f"{text} * y" if value == 0 else f"({text} * y{_plus(value)})"
    return text.replace("splat(1.0) * ", "") or "splat(0.0)"


def _plus(value: float) -> str:
    """A constant as a further term of a sum."""
    return f" {'-' if value < 0 else '+'} {constant(abs(value))}"


def _recurrence(radial: PolynomialAlgebra, count: int) -> tuple[tuple[float, float, float], ...]:
    """Constants (a, b, c) of R_{n+1} = (a y + b) R_n - c R_{n-1} for n = 1 .. count - 1; none is left empty."""
    constants = radial.recurrence(count)
    rows = zip(constants.a, constants.b, constants.c, strict=True)
    return tuple((rounded(a), rounded(b), rounded(c)) for a, b, c in rows) or ((0.0, 0.0, 0.0),)


@dataclass(frozen=True)
class HarmonicsCode:
    """Statements for harmonics up to l_max, their values and two forms of their derivatives."""

    polynomial_code: tuple[str, ...]
    value_code: tuple[str, ...]
    gradient_code: tuple[str, ...]
    component_code: tuple[str, ...]


def harmonics_code(l_max: int) -> HarmonicsCode:
    """Code for S_lm, l <= l_max, and for sums with their derivatives; x, y, z is the unit vector."""
    return HarmonicsCode(
        tuple(_angular_polynomials(l_max)),
        tuple(_harmonic_values(l_max)),
        tuple(_contracted_gradient(l_max)),
        tuple(_gradient_components(l_max)),
    )


def _at(l: int, m: int) -> int:
    return l * l + l + m


def _angular_polynomials(l_max: int) -> list[str]:
    lines = ["(void)x, (void)y, (void)z;"] if l_max == 0 else []
    lines.append("c[0] = splat(1.0); s[0] = splat(0.0);")
    for m in range(1, l_max + 1):
        if m == 1:
            lines.append("c[1] = x; s[1] = y;")
        else:
            lines.append(f"c[{m}] = x * c[{m - 1}] - y * s[{m - 1}]; s[{m}] = x * s[{m - 1}] + y * c[{m - 1}];")
    double_factorial = 1
    for m in range(l_max + 1):
        double_factorial *= max(1, 2 * m - 1)
        lines.append(f"Q[{_at(m, m)}] = splat({double_factorial}.0);")
        for l in range(m + 1, l_max + 1):
            first = rounded_fraction(2 * l - 1, l - m)
            line = f"Q[{_at(l, m)}] = {first} * z * Q[{_at(l - 1, m)}]"
            if l > m + 1:
                line += f" - {rounded_fraction(l + m - 1, l - m)} * Q[{_at(l - 2, m)}]"
            lines.append(line + ";")
    return lines


def rounded_fraction(numerator: int, denominator: int) -> str:
    """A rational constant as C text."""
    return constant(float(Fraction(numerator, denominator)))


def _harmonic_values(l_max: int) -> list[str]:
    lines = []
    for l in range(l_max + 1):
        lines.append(f"S[{_at(l, 0)}] = Q[{_at(l, 0)}];")
        for m in range(1, l + 1):
            q = f"Q[{_at(l, m)}]"
            lines.append(f"S[{_at(l, m)}] = {q} * c[{m}]; S[{_at(l, -m)}] = {q} * s[{m}];")
    return lines


def _contracted_gradient(l_max: int) -> list[str]:
    """Statements for g += Σ_lm T_lm dS_lm/du and along += Σ_lm U_lm S_lm, collected by m."""
    lines = []
    for m in range(l_max + 1):
        value = range(m, l_max + 1)
        raised = range(m + 1, l_max + 1)
        if m == 0:
            lines.append(f"along += {_sum('U', value, 0, 0)};")
            if raised:
                lines.append(f"gz += {_sum('T', raised, 0, 1)};")
            continue
        lines.append(f"{{ /* m = ±{m} */")
        lines.append(f"    const lanes a = {_sum('T', value, m, 0)}, b = {_sum('T', value, -m, 0)};")
        lines.append(f"    gx += {m}.0 * (a * c[{m - 1}] + b * s[{m - 1}]);")
        lines.append(f"    gy += {m}.0 * (b * c[{m - 1}] - a * s[{m - 1}]);")
        if raised:
            lines.append(f"    gz += ({_sum('T', raised, m, 1)}) * c[{m}] + ({_sum('T', raised, -m, 1)}) * s[{m}];")
        lines.append(f"    along += ({_sum('U', value, m, 0)}) * c[{m}] + ({_sum('U', value, -m, 0)}) * s[{m}];")
        lines.append("}")
    return lines


def _sum(array: str, degrees: Sequence[int], m: int, raise_by: int) -> str:
    return " + ".join(f"{array}[{_at(l, m)}][k] * Q[{_at(l, abs(m) + raise_by)}]" for l in degrees)


def _gradient_components(l_max: int) -> list[str]:
    """Statements G[h][axis] = dS_h/du_axis."""
    lines = []
    for l in range(l_max + 1):
        for m in range(-l, l + 1):
            k, h = abs(m), _at(l, m)
            q = f"Q[{_at(l, k)}]"
            raised = f"Q[{_at(l, k + 1)}] * {'c' if m >= 0 else 's'}[{k}]" if k < l else "splat(0.0)"
            if m == 0:
                along_x = along_y = "splat(0.0)"
            elif m > 0:
                along_x, along_y = f"{k}.0 * {q} * c[{k - 1}]", f"-{k}.0 * {q} * s[{k - 1}]"
            else:
                along_x, along_y = f"{k}.0 * {q} * s[{k - 1}]", f"{k}.0 * {q} * c[{k - 1}]"
            lines.append(f"G[{h}][0] = {along_x}; G[{h}][1] = {along_y}; G[{h}][2] = {raised};")
    return lines
