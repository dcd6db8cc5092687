"""The evaluation trie: all terms of a polynomial, sharing their leading factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from acegen.program.kernel import Product


@dataclass(frozen=True)
class TrieNode:
    """A factor. The path from the root is a partial product; `term` is its number if it is one of the terms."""

    variable: int
    term: int | None
    children: tuple[TrieNode, ...]

    @cached_property
    def size(self) -> int:
        """Number of nodes in this subtree."""
        return 1 + sum(child.size for child in self.children)

    @cached_property
    def terms(self) -> int:
        """Number of terms in this subtree."""
        return (self.term is not None) + sum(child.terms for child in self.children)


def build_trie(terms: Sequence[Product], order: Sequence[int]) -> tuple[TrieNode, ...]:
    """Roots of the trie of some distinct terms.

    Args:
        terms: positions of the factors of each term.
        order: the variables; factors of a term, and siblings, come in this order.
    """
    rank = {variable: position for position, variable in enumerate(order)}
    paths = sorted((sorted(rank[v] for v in term), number) for number, term in enumerate(terms))

    def grow(entries: list[tuple[list[int], int]], depth: int) -> tuple[TrieNode, ...]:
        nodes = []
        for position, group in groupby(entries, key=lambda entry: entry[0][depth]):
            members = list(group)
            own = members.pop(0)[1] if len(members[0][0]) == depth + 1 else None
            nodes.append(TrieNode(order[position], own, grow(members, depth + 1)))
        return tuple(nodes)

    return grow(paths, 0)
