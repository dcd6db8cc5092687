"""Typed access to the nodes of a potential file: a value of the right kind, or a message that says where and what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import TypeVar

from acegen.errors import PotentialError
from acegen.printing import shown, visible
from acegen.yace.reading.document import Key, Node, key_text

Name = TypeVar("Name", bound=str)

_LONGEST_INTEGER = 15
"""Most digits."""


@dataclass(frozen=True, slots=True)
class Field:
    """A node and where it is, such as `bonds[0,1].rcut`; empty for the whole file.

    All methods raise `PotentialError` where the node is not what they return.
    """

    node: Node
    where: str = ""

    def error(self, problem: str) -> PotentialError:
        """An error to raise: where, and what is wrong."""
        return PotentialError(f"{self.where}: {problem}" if self.where else problem)

    def mapping(self, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Field]:
        """The fields of a mapping that has all required keys, and no others than these and the optional ones."""
        required, optional = tuple(required), tuple(optional)
        known = ", ".join((*required, *optional))
        fields = {}
        for key, node in self._mapping(f"a mapping with the fields {known}").items():
            if not isinstance(key, str) or (key not in required and key not in optional):
                raise self.error(f"unknown field {key_text(key)}; the fields are {known}.")
            fields[key] = Field(node, f"{self.where}.{key}" if self.where else key)
        for key in required:
            if key not in fields:
                raise self.error(f"the field '{key}' is missing; the fields are {known}.")
        return fields

    def peek(self, key: str) -> Field | None:
        """The field of a mapping if it has it; nothing else of the mapping is checked."""
        node = self._mapping("a mapping").get(key)
        return None if node is None else Field(node, f"{self.where}.{key}" if self.where else key)

    def by_element(self, count: int) -> tuple[Field, ...]:
        """The values of a mapping with the keys 0, ..., count - 1, in this order."""
        what = f"a mapping with one key for each element, 0 to {count - 1}"
        found: dict[int, Field] = {}
        for key, node in self._mapping(what).items():
            where = Field(key if isinstance(key, str) else "", f"{self.where}[{visible(_key_path(key))}]")
            index = where.index(count)
            if index in found:
                raise self.error(f"the key {index} occurs twice.")
            found[index] = Field(node, f"{self.where}[{index}]")
        for index in range(count):
            if index not in found:
                raise self.error(f"the key {index} is missing; there must be one for each element, 0 to {count - 1}.")
        return tuple(found[index] for index in range(count))

    def by_pair(self, count: int) -> tuple[tuple[Field, ...], ...]:
        """The values of a mapping with the keys [i, j], i and j from 0 to count - 1, by i and j."""
        found = self.some_pairs(count)
        for i in range(count):
            for j in range(count):
                if (i, j) not in found:
                    raise self.error(
                        f"the key [{i}, {j}] is missing; there must be one for each element of the centre and of the "
                        f"neighbour, [0, 0] to [{count - 1}, {count - 1}]."
                    )
        return tuple(tuple(found[i, j] for j in range(count)) for i in range(count))

    def some_pairs(self, count: int) -> dict[tuple[int, int], Field]:
        """The values of a mapping with keys [i, j], i and j from 0 to count - 1, not necessarily all."""
        found: dict[tuple[int, int], Field] = {}
        for key, node in self._mapping("a mapping with keys such as [0, 0]").items():
            path = f"{self.where}[{visible(_key_path(key))}]"
            if not isinstance(key, tuple) or len(key) != 2:
                raise self.error(f"the key {key_text(key)} is not a pair of elements such as [0, 0].")
            i, j = (Field(part, path).index(count) for part in key)
            if (i, j) in found:
                raise self.error(f"the key [{i}, {j}] occurs twice.")
            found[i, j] = Field(node, f"{self.where}[{i},{j}]")
        return found

    def items(self, count: int | None = None) -> list[Field]:
        """The entries of a list, of a certain length if one is given."""
        return [Field(node, f"{self.where}[{i}]") for i, node in enumerate(self._list("a list", count))]

    def text(self) -> str:
        """Text, such as a name; numbers are text as well."""
        if not isinstance(self.node, str):
            raise self.error(f"must be a single value, not {shown(self.node)}.")
        return self.node

    def choice(self, allowed: Iterable[Name]) -> Name:
        """One of the allowed names."""
        name, allowed = self.text(), tuple(allowed)
        for choice in allowed:
            if name == choice:
                return choice
        raise self.error(f"{shown(name)} is unknown; allowed: {', '.join(allowed)}.")

    def number(self, low: float | None = None, high: float | None = None) -> float:
        """A finite number, between bounds if they are given."""
        value = _numbers([self.node])
        if value is None:
            raise self.error(f"must be a finite number, not {shown(self.node)}.")
        if (low is not None and value[0] < low) or (high is not None and value[0] > high):
            raise self.error(f"must be {_range(low, high)}, not {shown(self.node)}.")
        return value[0]

    def positive(self, high: float | None = None) -> float:
        """A finite number greater than zero."""
        value = self.number(high=high)
        if value <= 0:
            raise self.error(f"must be greater than 0, not {shown(self.node)}.")
        return value

    def numbers(self, count: int | None = None) -> tuple[float, ...]:
        """A list of finite numbers, of a certain length if one is given."""
        nodes = self._list("a list of numbers", count)
        values = _numbers(nodes)
        if values is None:
            return tuple(Field(node, f"{self.where}[{i}]").number() for i, node in enumerate(nodes))
        return values

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high."""
        value = _integers([self.node])
        if value is None:
            raise self.error(f"must be an integer, not {shown(self.node)}.")
        if not low <= value[0] <= high:
            raise self.error(f"must be {_range(low, high)}, not {shown(self.node)}.")
        return value[0]

    def index(self, count: int) -> int:
        """The number of an element, from 0 to count - 1."""
        value = _integers([self.node])
        if value is None or not 0 <= value[0] < count:
            what = "0" if count == 1 else f"an integer from 0 to {count - 1}"
            raise self.error(f"{shown(self.node)} is no element: with {count} of them it must be {what}.")
        return value[0]

    def integers(self, count: int, low: int, high: int) -> tuple[int, ...]:
        """A list of integers from low to high, of a certain length."""
        nodes = self._list("a list of integers", count)
        values = _integers(nodes)
        if values is None or not all(low <= value <= high for value in values):
            return tuple(Field(node, f"{self.where}[{i}]").integer(low, high) for i, node in enumerate(nodes))
        return values

    def _mapping(self, what: str) -> dict[Key, Node]:
        if not isinstance(self.node, dict):
            raise self.error(f"must be {what}, not {shown(self.node)}.")
        return self.node

    def _list(self, what: str, count: int | None) -> list[Node]:
        if not isinstance(self.node, list):
            raise self.error(f"must be {what}, not {shown(self.node)}.")
        if count is not None and len(self.node) != count:
            raise self.error(f"has {len(self.node)} entries instead of {count}.")
        return self.node


def _key_path(key: Key) -> str:
    text = key if isinstance(key, str) else ",".join(key)
    return text if len(text) <= 20 else f"{text[:17]}..."


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    if low == high:
        return f"{low}"
    return f"at least {low}" if high is None else f"from {low} to {high}"


def _numbers(nodes: list[Node]) -> tuple[float, ...] | None:
    """The nodes as finite numbers; None if one is no such number."""
    try:
        text = "".join(nodes)  # type: ignore[arg-type] # a list among them raises
        values = tuple(map(float, nodes))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    # Python reads digits of all scripts, and underscores between them; YAML does not.
    return values if text.isascii() and "_" not in text and all(map(isfinite, values)) else None


def _integers(nodes: list[Node]) -> tuple[int, ...] | None:
    """The nodes as integers; None if one is none."""
    try:
        text = "".join(nodes)  # type: ignore[arg-type]
        if not text.isascii() or "_" in text or max(map(len, nodes), default=0) > _LONGEST_INTEGER:
            return None
        return tuple(map(int, nodes))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
