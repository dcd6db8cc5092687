"""Spherical harmonics at rational points of the sphere, by Rodrigues' formula: what the exact tests compare with."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import factorial
from typing import Any

from flint import fmpq, fmpq_poly
from sympy.polys.domains import QQ_I

Vector = tuple[fmpq, fmpq, fmpq]
Tensor = dict[tuple[int, ...], fmpq]


def to_fmpq(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def sphere_point(u: Fraction, v: Fraction) -> Vector:
    """Stereographic projection: a rational point of the unit sphere."""
    size = 1 + u * u + v * v
    return tuple(to_fmpq(c) for c in (2 * u / size, 2 * v / size, (1 - u * u - v * v) / size))


@cache
def rodrigues(l: int, k: int) -> fmpq_poly:
    """Q_l^k = d^{l+k} (z²-1)^l / dz^{l+k} / (2^l l!)."""
    polynomial = fmpq_poly([-1, 0, 1]) ** l
    for _ in range(l + k):
        polynomial = polynomial.derivative()
    return polynomial * fmpq(1, 2**l * factorial(l))


def z_value(l: int, m: int, point: Vector) -> Any:
    """Z_lm at a rational point, a Gaussian rational."""
    x, y, z = point
    return QQ_I(x, y if m >= 0 else -y) ** abs(m) * rodrigues(l, abs(m))(z)


def s_value(l: int, m: int, point: Vector) -> fmpq:
    """S_lm at a rational point."""
    value = z_value(l, abs(m), point)
    return value.x if m >= 0 else value.y


def raising(l: int, m: int) -> fmpq:
    """c in L+ Z_lm = c Z_{l,m+1}.

    The differential operator L+ = -w ∂_z + 2z ∂_w̄, w = x+iy, applied to Q(z) w^m or Q(z) w̄^|m|; on the
    sphere w w̄ = 1 - z².
    """
    if m == l:
        return fmpq(0)
    z, q = fmpq_poly([0, 1]), rodrigues(l, abs(m))
    image = -q.derivative() if m >= 0 else -2 * m * z * q - (1 - z * z) * q.derivative()
    target = rodrigues(l, abs(m + 1))
    factor = image[image.degree()] / target[target.degree()]
    assert image == factor * target
    return factor


def lowering(l: int, m: int) -> fmpq:
    """c in L- Z_lm = c Z_{l,m-1}: L- is minus the complex conjugate of L+."""
    return -raising(l, -m)
