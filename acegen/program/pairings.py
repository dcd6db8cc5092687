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
    """The invariants of a label: more candidates than needed, of which any independent `dimension` will do.

    Attributes:
        label: its channels, ascending by (l, species, n).
        candidates: invariants that span those of the label, by all pairings of its channels and all l.
        coordinates: of each candidate, divided by its norm, in an orthonormal basis of the label's invariants: they
            tell which candidates are independent, and how well. All labels of one pattern share the same object.
    """

    label: tuple[Channel, ...]
    candidates: tuple[Invariant, ...]
    coordinates: tuple[tuple[float, ...], ...]

    @property
    def dimension(self) -> int:
        """Number of independent invariants."""
        return len(self.coordinates[0])


def order_of(value: Value) -> int:
    """Number of A's in a value."""
    return 1 if isinstance(value, Channel) else order_of(value.left) + order_of(value.right)


def sort_key(value: Value) -> tuple[object, ...]:
    """Values ascend by order, l, and then what they are made of."""
    if isinstance(value, Channel):
        return 1, value.l, value.species, value.n
    return order_of(value), value.l, sort_key(value.left), sort_key(value.right)
