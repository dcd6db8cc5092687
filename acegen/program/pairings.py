"""Ways to factor the invariants of a label: what a front end offers, and an optimizer chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from acegen.program.coupled import Channel


class Coupled(NamedTuple):
    """A value coupled from two others; `left` does not come after `right` (see `sort_key`)."""

    left: Value
    right: Value
    l: int


Value: TypeAlias = Channel | Coupled
"""A value of `acegen.program.coupled`, by what it is made of instead of by position."""

Invariant: TypeAlias = tuple[Value, ...]
"""One value with l = 0, or two values of one l, in the order of `sort_key`."""


@dataclass(frozen=True)
class Choice:
    """The invariants of a label.

    Attributes:
        label: its channels, ascending by (l, species, n).
        alternatives: sets of invariants; those of each set are a basis of the same space.
    """

    label: tuple[Channel, ...]
    alternatives: tuple[tuple[Invariant, ...], ...]


def order_of(value: Value) -> int:
    """Number of A's in a value."""
    return 1 if isinstance(value, Channel) else order_of(value.left) + order_of(value.right)


def sort_key(value: Value) -> tuple[object, ...]:
    """Values ascend by order, l, and then what they are made of."""
    if isinstance(value, Channel):
        return 1, value.l, value.species, value.n
    return order_of(value), value.l, sort_key(value.left), sort_key(value.right)
