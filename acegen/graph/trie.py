"""The evaluation trie: all products of A's, sharing their leading factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

Product = tuple[int, ...]
"""Positions of the factors A, ascending."""


@dataclass(frozen=True)
class TrieNode:
    """A factor. The path from the root is a partial product; `product` numbers it if it is one of the products.

    Numbers count products in the order of a depth-first walk, so that coefficients are read in sequence.
    """

    variable: int
    product: int | None
    children: tuple[TrieNode, ...]

    @cached_property
    def size(self) -> int:
        """Number of nodes in this subtree."""
        return 1 + sum(child.size for child in self.children)


@dataclass(frozen=True)
class Trie:
    """All products of a model.

    Attributes:
        roots: nodes of the first factors.
        order: product numbers (as in the list the trie was built from) in depth-first order.
    """

    roots: tuple[TrieNode, ...]
    order: tuple[int, ...]

    @cached_property
    def multiply_adds(self) -> int:
        """Multiply-adds for the value and its gradient: two for a leaf, three for an inner node."""

        def cost(node: TrieNode) -> int:
            return (3 if node.children else 2) + sum(map(cost, node.children))

        return sum(map(cost, self.roots))


def build_trie(products: Sequence[Product]) -> Trie:
    """Arrange products in a trie, each with its rarest factor first.

    Rarest first keeps the leaf lists short, so that no long chain of additions waits on one accumulator.
    """
    frequency = Counter(variable for product in products for variable in set(product))
    rank = {v: position for position, v in enumerate(sorted(frequency, key=lambda v: (frequency[v], v)))}
    paths = sorted((sorted((rank[v] for v in product)), number) for number, product in enumerate(products))
    variable_of = {position: v for v, position in rank.items()}
    order: list[int] = []

    def grow(entries: list[tuple[list[int], int]], depth: int) -> tuple[TrieNode, ...]:
        nodes = []
        for position, group in groupby(entries, key=lambda entry: entry[0][depth]):
            members = list(group)
            own = None
            if len(members[0][0]) == depth + 1:
                own = len(order)
                order.append(members.pop(0)[1])
            nodes.append(TrieNode(variable_of[position], own, grow(members, depth + 1)))
        return tuple(nodes)

    return Trie(grow(paths, 0), tuple(order))
