"""The product stage of the potential kernel as C: straight-line functions, or tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acegen.optimize.functions import Piece, ProductFunction
from acegen.optimize.program import CompactProgram, StraightProgram
from acegen.optimize.trie import TrieNode

FUNCTIONS_PER_FILE = 12
"""Functions that share a C file: files are compiled in parallel."""


@dataclass(frozen=True)
class FunctionCode:
    """One C function of the straight-line form.

    Attributes:
        number: counts the functions from 1.
        title: which products it evaluates.
        first: position of its first coefficient.
        code: statements.
    """

    number: int
    title: str
    first: int
    code: tuple[str, ...]


def function_files(program: StraightProgram) -> list[list[FunctionCode]]:
    """The functions of a straight-line program, by file."""
    functions = []
    first = 0
    for number, function in enumerate(program.functions, start=1):
        functions.append(_function(number, first, function))
        first += len(function.coefficient_order())
    size = FUNCTIONS_PER_FILE
    return [functions[start : start + size] for start in range(0, len(functions), size)]


def _function(number: int, first: int, function: ProductFunction) -> FunctionCode:
    writer = _Writer()
    for piece in function.pieces:
        writer.piece(piece, 1)
    begin, end = function.pieces[0].path[0], function.pieces[-1].path[0]
    title = (
        f"Products with first factor A({begin})"
        if begin == end
        else f"Products with first factors A({begin}), ..., A({end})"
    )
    return FunctionCode(number, f"{title}.", first, tuple(writer.lines))


class _Writer:
    """Statements of a function; coefficients are numbered in order of use."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.coefficients = 0

    def piece(self, piece: Piece, depth: int) -> None:
        """Open the factors of a piece's path, then write its own part."""
        if depth == len(piece.path):
            self.node(TrieNode(piece.path[-1], piece.term, piece.children), depth)
            return
        self._open(piece.path[depth - 1], depth, "splat(0)")
        self.piece(piece, depth + 1)
        self._close(piece.path[depth - 1], depth)

    def node(self, node: TrieNode, depth: int) -> None:
        """One node: leaves in one line, inner nodes as a block."""
        v = node.variable
        if not node.children:
            c = self._coefficient()
            partial = f" * p{depth - 1}" if depth > 1 else ""
            self._line(depth, f"{_sum_name(depth - 1)} += {c} * A({v}); D({v}) += {c}{partial};")
            return
        self._open(v, depth, "splat(0)" if node.term is None else f"splat({self._coefficient()})")
        for child in node.children:
            self.node(child, depth + 1)
        self._close(v, depth)

    def _open(self, variable: int, depth: int, start: str) -> None:
        factor = f"A({variable})" if depth == 1 else f"p{depth - 1} * A({variable})"
        self._line(depth, f"{{ const lanes p{depth} = {factor}; lanes {_sum_name(depth)} = {start};")

    def _close(self, variable: int, depth: int) -> None:
        """Add a node's value to its parent's sum and to the derivative by its factor."""
        own = _sum_name(depth)
        derivative = own if depth == 1 else f"p{depth - 1} * {own}"
        self._line(depth, f"  {_sum_name(depth - 1)} += A({variable}) * {own}; D({variable}) += {derivative}; }}")

    def _coefficient(self) -> str:
        self.coefficients += 1
        return f"C({self.coefficients - 1})"

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("  " * (depth - 1) + text)


def _sum_name(depth: int) -> str:
    return f"g{depth}" if depth else "e"


@dataclass(frozen=True)
class CompactTables:
    """Arrays of the table-driven form, named as in the C code, in lower case."""

    nodes: list[str]
    linear: list[int]
    block_sizes: list[str]
    rows: list[str]
    columns: list[int]
    heights: list[int]


def compact_tables(program: CompactProgram) -> CompactTables:
    """Flatten a table-driven program."""
    return CompactTables(
        nodes=list(_pairs(program.nodes)),
        linear=list(program.linear),
        block_sizes=[f"{{ {len(block.rows)}, {len(block.columns)} }}" for block in program.blocks],
        rows=[pair for block in program.blocks for pair in _pairs(block.rows)],
        columns=[column for block in program.blocks for column in block.columns],
        heights=sorted({len(block.rows) for block in program.blocks}),
    )


def _pairs(rows: tuple[tuple[int, int], ...]) -> Iterator[str]:
    return (f"{{ {left}, {right} }}" for left, right in rows)
