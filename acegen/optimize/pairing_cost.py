"""What the values and entries of a coupled product stage cost, in multiply-adds, forward and back."""

from __future__ import annotations

from functools import cache


@cache
def coupling_cost(left: int, right: int, same: bool, degrees: int) -> int:
    """Of coupling two values of degrees `left` <= `right` to several l.

    Args:
        left, right: degrees of the factors.
        same: whether the factors are one value.
        degrees: the l, as a sum of powers of two.
    """
    to = [l for l in range(left + right + 1) if degrees >> l & 1]
    if left == 0 or to == [0]:  # weights are one
        return (2 if same else 3) * (2 * right + 1) if to else 0
    natural = sum((left + right + l) % 2 == 0 for l in to)
    total = 0
    for m1 in range(left + 1):
        for m2 in range(m1 if same else 0, right + 1):
            reach = sum(l >= m1 + m2 for l in to)
            if m1 == 0 and m2 == 0:
                total += 3 + 2 * natural if natural else 0
            elif m1 == 0 or m2 == 0:
                total += 6 + 4 * reach if reach else 0
            elif m1 != m2:
                total += _both(reach, sum(l >= abs(m1 - m2) for l in to))
            elif same:
                total += _square(reach, natural)
            else:
                total += _equal(reach, natural, len(to) - natural)
    return total


def _both(sums: int, differences: int) -> int:
    """For complex a and b, X needed by some l and Y by others: products; weights; and the derivatives by a and b."""
    made = 12 * (sums > 0) + 12 * (differences > 0) - 4 * (sums > 0 and differences > 0)
    return made + 4 * (sums + differences)


def _equal(sums: int, real: int, imaginary: int) -> int:
    """The same for |m1| = |m2|, where some l need the real part of Y and some the imaginary one."""
    parts = (real > 0) + (imaginary > 0)
    made = 12 * (sums > 0) + 6 * parts - parts * (sums > 0)
    return made + 4 * sums + 2 * (real + imaginary)


def _square(sums: int, real: int) -> int:
    """The same for a = b."""
    return 7 * (sums > 0) + 4 * (real > 0) + 4 * sums + 2 * real


def entry_cost(l: int, square: bool) -> int:
    """Of an invariant of two values of degree l, or the square of one: the derivative by each component."""
    return (1 if square else 2) * (2 * l + 1)
