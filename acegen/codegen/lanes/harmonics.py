"""C statements for spherical harmonics and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acegen.codegen.literals import Literal


@dataclass(frozen=True)
class HarmonicsCode:
    """Statements for harmonics up to l_max, their values and two forms of their derivatives."""

    polynomial_code: tuple[str, ...]
    value_code: tuple[str, ...]
    gradient_code: tuple[str, ...]
    component_code: tuple[str, ...]


def harmonics_code(l_max: int, literal: Literal) -> HarmonicsCode:
    """Code for S_lm, l <= l_max, and for sums with their derivatives; x, y, z is the unit vector."""
    return HarmonicsCode(
        tuple(_angular_polynomials(l_max, literal)),
        tuple(_harmonic_values(l_max)),
        tuple(_contracted_gradient(l_max, literal)),
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


def _contracted_gradient(l_max: int, c: Literal) -> list[str]:
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
        lines.append(f"    gx += {c(m)} * (a * c[{m - 1}] + b * s[{m - 1}]);")
        lines.append(f"    gy += {c(m)} * (b * c[{m - 1}] - a * s[{m - 1}]);")
        if raised:
            lines.append(f"    gz += ({_sum('T', raised, m, 1)}) * c[{m}] + ({_sum('T', raised, -m, 1)}) * s[{m}];")
        lines.append(f"    along += ({_sum('U', value, m, 0)}) * c[{m}] + ({_sum('U', value, -m, 0)}) * s[{m}];")
        lines.append("}")
    return lines


def _sum(array: str, degrees: Sequence[int], m: int, raise_by: int) -> str:
    return " + ".join(f"{array}[{_at(l, m)}][k] * Q[{_at(l, abs(m) + raise_by)}]" for l in degrees)


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
