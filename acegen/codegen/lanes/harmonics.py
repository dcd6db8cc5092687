"""Spherical harmonics: C statements for them and their derivatives; Q_l^m in other polynomials."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from acegen.codegen.literals import Literal


@dataclass(frozen=True)
class HarmonicsCode:
    """Statements for harmonics up to l_max, their values and derivatives."""

    polynomial_code: tuple[str, ...]
    value_code: tuple[str, ...]
    component_code: tuple[str, ...]


def harmonics_code(l_max: int, literal: Literal) -> HarmonicsCode:
    """Code for S_lm, l <= l_max; x, y, z is the unit vector."""
    return HarmonicsCode(
        tuple(_angular_polynomials(l_max, literal)),
        tuple(_harmonic_values(l_max)),
        tuple(_gradient_components(l_max, literal)),
    )


def _at(l: int, m: int) -> int:
    return l * l + l + m


def _angular_polynomials(l_max: int, c: Literal) -> list[str]:
    lines = ["(void)x, (void)y, (void)z;"] if l_max == 0 else []
    lines.append(f"c[0] = splat({c(1)}); s[0] = splat({c(0)});")
    for m in range(1, l_max + 1):
        if m == 1:
            lines.append("c[1] = x; s[1] = y;")
        else:
            lines.append(f"c[{m}] = x * c[{m - 1}] - y * s[{m - 1}]; s[{m}] = x * s[{m - 1}] + y * c[{m - 1}];")
    double_factorial = 1
    for m in range(l_max + 1):
        double_factorial *= max(1, 2 * m - 1)
        lines.append(f"Q[{_at(m, m)}] = splat({c(double_factorial)});")
        for l in range(m + 1, l_max + 1):
            first = c((2 * l - 1) / (l - m))
            line = f"Q[{_at(l, m)}] = {first} * z * Q[{_at(l - 1, m)}]"
            if l > m + 1:
                line += f" - {c((l + m - 1) / (l - m))} * Q[{_at(l - 2, m)}]"
            lines.append(line + ";")
    return lines


def _harmonic_values(l_max: int) -> list[str]:
    lines = []
    for l in range(l_max + 1):
        lines.append(f"S[{_at(l, 0)}] = Q[{_at(l, 0)}];")
        for m in range(1, l + 1):
            q = f"Q[{_at(l, m)}]"
            lines.append(f"S[{_at(l, m)}] = {q} * c[{m}]; S[{_at(l, -m)}] = {q} * s[{m}];")
    return lines


def _gradient_components(l_max: int, c: Literal) -> list[str]:
    """Statements G[h][axis] = dS_h/du_axis."""
    lines, zero = [], f"splat({c(0)})"
    for l in range(l_max + 1):
        for m in range(-l, l + 1):
            k, h = abs(m), _at(l, m)
            q = f"Q[{_at(l, k)}]"
            raised = f"Q[{_at(l, k + 1)}] * {'c' if m >= 0 else 's'}[{k}]" if k < l else zero
            if m == 0:
                along_x = along_y = zero
            elif m > 0:
                along_x, along_y = f"{c(k)} * {q} * c[{k - 1}]", f"{c(-k)} * {q} * s[{k - 1}]"
            else:
                along_x, along_y = f"{c(k)} * {q} * s[{k - 1}]", f"{c(k)} * {q} * c[{k - 1}]"
            lines.append(f"G[{h}][0] = {along_x}; G[{h}][1] = {along_y}; G[{h}][2] = {raised};")
    return lines


@cache
def chebyshev_coefficients(l: int, m: int) -> tuple[Fraction, ...]:
    """Q_l^m = d^m P_l/dz^m as Σ_k q_k T_k(z), with Chebyshev polynomials T_k."""
    powers = legendre_powers(l, m)
    result: list[Fraction] = []
    for value in reversed(powers):  # Horner's rule: z T_0 = T_1, z T_k = (T_{k-1} + T_{k+1})/2
        raised = [Fraction(0)] * (len(result) + 1)
        for k, q in enumerate(result):
            raised[abs(k - 1)] += q / 2
            raised[k + 1] += q / 2
        result = raised or [Fraction(0)]
        result[0] += value
    return tuple(result[: l - m + 1])


@cache
def legendre_powers(l: int, m: int) -> tuple[Fraction, ...]:
    """Coefficients of the powers of z in d^m P_l/dz^m."""
    before, powers = [Fraction(0)], [Fraction(1)]
    for degree in range(1, l + 1):
        raised = [Fraction(0), *(Fraction(2 * degree - 1, degree) * value for value in powers)]
        for power, value in enumerate(before if degree > 1 else []):
            raised[power] -= Fraction(degree - 1, degree) * value
        before, powers = powers, raised
    for _ in range(m):
        powers = [power * value for power, value in enumerate(powers)][1:]
    return tuple(powers)


@cache
def polar_coefficients(l: int, m: int) -> tuple[Fraction, ...]:
    """Q_l^m = d^m P_l/dz^m as Σ_k q_k f_k, with f_2i = v^i, f_{2i+1} = z v^i and v = 2z² - 1."""
    powers = legendre_powers(l, m)
    result = [Fraction(0)] * len(powers)
    for parity in (0, 1):
        shifted: list[Fraction] = []  # Horner's rule in z² = (1 + v)/2
        for value in reversed(powers[parity::2]):
            below, above = [*shifted, Fraction(0)], [Fraction(0), *shifted]
            shifted = [(a + b) / 2 for a, b in zip(below, above, strict=True)] or [Fraction(0)]
            shifted[0] += value
        for power, value in enumerate(shifted[: len(powers[parity::2])]):
            result[2 * power + parity] = value
    return tuple(result)
