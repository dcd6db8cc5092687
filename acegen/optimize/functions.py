"""The pass that cuts a trie into C functions of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acegen.optimize.trie import TrieNode

MAX_NODES = 300
"""Most nodes of a function; compile time grows faster than linearly with a function's length."""

MAX_TERMS = 250
"""Most terms of a function: this many coefficients are within reach of a short offset from one address."""


@dataclass(frozen=True)
class Piece:
    """Part of a trie: some children (and perhaps the term) of the node at the end of a path."""

    path: tuple[int, ...]
    term: int | None
    children: tuple[TrieNode, ...]

    @property
    def tree(self) -> TrieNode:
        """The piece as a separate trie, from the root."""
        node = TrieNode(self.path[-1], self.term, self.children)
        for variable in reversed(self.path[:-1]):
            node = TrieNode(variable, None, (node,))
        return node

    @property
    def size(self) -> int:
        return len(self.path) + sum(child.size for child in self.children)

    @property
    def terms(self) -> int:
        return (self.term is not None) + sum(child.terms for child in self.children)


@dataclass(frozen=True)
class ProductFunction:
    """Pieces of a trie that become one C function."""

    pieces: tuple[Piece, ...]

    def coefficient_order(self) -> list[int]:
        """Terms in the order the function uses them."""
        return [term for piece in self.pieces for term in _terms(piece)]


def split_functions(roots: Sequence[TrieNode]) -> tuple[ProductFunction, ...]:
    """Pack the pieces of a trie into functions within both bounds."""
    functions: list[ProductFunction] = []
    batch: list[Piece] = []
    for piece in (piece for root in roots for piece in _cut((), root)):
        if batch and not _fits(sum(p.size for p in batch) + piece.size, sum(p.terms for p in batch) + piece.terms):
            functions.append(ProductFunction(tuple(batch)))
            batch = []
        batch.append(piece)
    if batch:
        functions.append(ProductFunction(tuple(batch)))
    return tuple(functions)


def _fits(nodes: int, terms: int) -> bool:
    return nodes <= MAX_NODES and terms <= MAX_TERMS


def _cut(path: tuple[int, ...], node: TrieNode) -> Iterator[Piece]:
    here = (*path, node.variable)
    if _fits(len(here) - 1 + node.size, node.terms):
        yield Piece(here, node.term, node.children)
        return
    small: list[TrieNode] = []
    term = node.term
    for child in node.children:
        own = term is not None
        if not _fits(len(here) + child.size, own + child.terms):
            yield from _cut(here, child)
            continue
        if small and not _fits(
            len(here) + sum(c.size for c in small) + child.size, own + sum(c.terms for c in small) + child.terms
        ):
            yield Piece(here, term, tuple(small))
            small, term = [], None
        small.append(child)
    if small or term is not None:
        yield Piece(here, term, tuple(small))


def _terms(node: Piece | TrieNode) -> Iterator[int]:
    if node.term is not None:
        yield node.term
    for child in node.children:
        yield from _terms(child)
