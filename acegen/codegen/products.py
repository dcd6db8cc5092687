"""The product stage of the potential kernel: a trie as straight-line C in functions of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acegen.graph.trie import Trie, TrieNode

MAX_NODES = 400
"""Nodes per C function; the compiler's time grows faster than linearly with a function's length."""


@dataclass(frozen=True)
class ProductFunction:
    """Body of one C function of the product stage."""

    title: str
    code: tuple[str, ...]


@dataclass(frozen=True)
class _Piece:
    """Part of a trie: some children (and maybe the own product) of the node at the end of a path."""

    path: tuple[int, ...]
    product: int | None
    children: tuple[TrieNode, ...]

    @property
    def size(self) -> int:
        return len(self.path) + sum(child.size for child in self.children)


def product_functions(trie: Trie) -> list[ProductFunction]:
    """Cut a trie into pieces of at most about `MAX_NODES` nodes and write each function's statements."""
    pieces = [piece for root in trie.roots for piece in _cut((), root)]
    functions = []
    batch: list[_Piece] = []
    for piece in pieces:
        if batch and sum(p.size for p in batch) + piece.size > MAX_NODES:
            functions.append(_function(batch))
            batch = []
        batch.append(piece)
    if batch:
        functions.append(_function(batch))
    return functions


def _cut(path: tuple[int, ...], node: TrieNode) -> list[_Piece]:
    here = (*path, node.variable)
    if node.size <= MAX_NODES:
        return [_Piece(here, node.product, node.children)]
    pieces = []
    small: list[TrieNode] = []
    product = node.product
    for child in node.children:
        if child.size > MAX_NODES:
            pieces.extend(_cut(here, child))
            continue
        if small and sum(c.size for c in small) + child.size > MAX_NODES:
            pieces.append(_Piece(here, product, tuple(small)))
            small, product = [], None
        small.append(child)
    if small or product is not None:
        pieces.append(_Piece(here, product, tuple(small)))
    return pieces


def _function(pieces: Sequence[_Piece]) -> ProductFunction:
    lines: list[str] = []
    for piece in pieces:
        _write_path(piece, 1, lines)
    first, last = pieces[0].path[0], pieces[-1].path[0]
    title = (
        f"Products with leading factor A[{first}]"
        if first == last
        else (f"Products with leading factors A[{first}] to A[{last}]")
    )
    return ProductFunction(f"{title}.", tuple(lines))


def _write_path(piece: _Piece, depth: int, lines: list[str]) -> None:
    """Open the factors of a piece's path, then write its own part."""
    if depth == len(piece.path):
        _write_node(TrieNode(piece.path[-1], piece.product, piece.children), depth, lines)
        return
    variable = piece.path[depth - 1]
    indent = "    " * (depth - 1)
    lines.append(f"{indent}{{")
    lines.append(f"{indent}    const lanes p{depth} = {_factor(variable, depth)};")
    lines.append(f"{indent}    lanes {_sum_name(depth)} = splat(0.0);")
    _write_path(piece, depth + 1, lines)
    lines.append(f"{indent}    {_pass_up(variable, depth)}")
    lines.append(f"{indent}}}")


def _write_node(node: TrieNode, depth: int, lines: list[str]) -> None:
    """One node: leaves in one line, inner nodes as a block."""
    indent = "    " * (depth - 1)
    v = node.variable
    if not node.children:
        c = f"c[{node.product}]"
        value, partial = _sum_name(depth - 1), f" * p{depth - 1}" if depth > 1 else ""
        lines.append(f"{indent}{value} += {c} * A[{v}]; D[{v}] += {c}{partial};")
        return
    lines.append(f"{indent}{{")
    lines.append(f"{indent}    const lanes p{depth} = {_factor(v, depth)};")
    start = "splat(0.0)" if node.product is None else f"splat(c[{node.product}])"
    lines.append(f"{indent}    lanes {_sum_name(depth)} = {start};")
    for child in node.children:
        _write_node(child, depth + 1, lines)
    lines.append(f"{indent}    {_pass_up(v, depth)}")
    lines.append(f"{indent}}}")


def _factor(variable: int, depth: int) -> str:
    return f"A[{variable}]" if depth == 1 else f"p{depth - 1} * A[{variable}]"


def _sum_name(depth: int) -> str:
    return f"g{depth}" if depth else "e"


def _pass_up(variable: int, depth: int) -> str:
    """Hand a node's value to its parent's sum and to the derivative by its factor."""
    own = _sum_name(depth)
    derivative = own if depth == 1 else f"p{depth - 1} * {own}"
    return f"{_sum_name(depth - 1)} += A[{variable}] * {own}; D[{variable}] += {derivative};"
