"""What a program costs: a model of the processor, fitted to measurements (benchmarks/README.md says how it fares).

Straight-line code is executed once per block of lanes, so it comes from the L2 cache, not from the buffer of
decoded instructions: its time is that of fetching its bytes, 16 a cycle on the x86 processors of the last decade.
Loops over tables are decoded once; their time is that of issuing their instructions, and of the jump out of each.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acegen.optimize.trie import TrieNode

FETCH_BYTES = 16
"""Bytes of code fetched in a cycle from the L1 or L2 cache."""

FAR_FETCH_BYTES = 12
"""The same where code does not fit the L2 cache, and is fetched once for several blocks of lanes."""

L2_BYTES = 512 * 1024
"""Code up to this size stays in the L2 cache, beside the data."""

MAX_CODE_BYTES = 4 * 1024 * 1024
"""Straight-line code is not made larger: compiling this much takes about five minutes on one core."""

CLOCK = 2.4e9
"""Cycles a second for times that are shown; choices do not depend on it."""

_NEAR, _REGISTER = 7, 6
"""Bytes of a vector instruction with a short offset, or between registers."""

_KEPT = 16
"""Derivatives that the C compiler keeps in registers from one use to the next."""

_COLUMN_CYCLES = (0.0, 4.6, 5.4, 6.6, 8.0, 9.7, 11.2, 12.7, 14.2)
"""Cycles of one step of a row block, by its number of rows: measured, AVX-512."""

TWO_SUMS = 3
"""With more rows than this, a block adds up the derivative of a column in two sums, so that it waits less."""

_BLOCK_CYCLES = 32.0
_ROW_CYCLES = 5.7
_NODE_CYCLES = 10.0


@dataclass(frozen=True)
class Cost:
    """Cost of a product stage for one block of lanes whose variables are one register wide.

    Attributes:
        multiply_adds: multiplications, additions and both in one.
        loads: vectors and coefficients read from memory.
        code_bytes: size of the machine code, or of the tables that take its place; without the coefficients.
        cycles: estimated time.
    """

    multiply_adds: int
    loads: int
    code_bytes: int
    cycles: float

    def seconds(self, lanes: int, vectors: int) -> float:
        """Estimated time per centre, for blocks of `lanes` centres and `vectors` registers a variable."""
        return self.cycles * vectors / lanes / CLOCK


def straight_cost(roots: Sequence[TrieNode]) -> Cost:
    """Cost of a trie written out as straight-line code."""
    adds = loads = size = 0
    held: OrderedDict[int, None] = OrderedDict()
    for node, depth in _depth_first(roots, 1):
        inner = bool(node.children)
        adds += 3 if inner else 2
        hit = node.variable in held
        held[node.variable] = None
        held.move_to_end(node.variable)
        if len(held) > _KEPT:
            held.popitem(last=False)
        loads += 1 + (node.term is not None) + (not hit)
        size += _NEAR + (_REGISTER if hit else 3 * _NEAR)  # value; derivative: one instruction, or load, add, store
        size += (_NEAR if depth > 1 else 0) + _REGISTER if inner else _NEAR  # partial product and sum, or coefficient
    rate = FETCH_BYTES if size < L2_BYTES else FAR_FETCH_BYTES
    return Cost(adds, loads, size, max(size / rate, adds / 2))


def block_cycles(rows: int, columns: int) -> float:
    """Estimated time of a row block."""
    return _BLOCK_CYCLES + rows * _ROW_CYCLES + columns * _COLUMN_CYCLES[rows]


def compact_cost(nodes: int, linear: int, shapes: Sequence[tuple[int, int]]) -> Cost:
    """Cost of a table-driven program.

    Args:
        nodes: stored products of A's.
        linear: terms of order one.
        shapes: rows (at most 8) and columns of each row block.

    A row takes four multiply-adds: its product, the energy, two derivatives.
    """
    rows = sum(r for r, _ in shapes)
    entries = sum(r * c for r, c in shapes)
    columns = sum(c for _, c in shapes)
    second_sums = sum(c for r, c in shapes if r > TWO_SUMS)
    tables = 4 * nodes + 2 * linear + 4 * rows + 2 * columns + 4 * len(shapes)
    return Cost(
        multiply_adds=2 * (entries + linear) + 4 * rows + 3 * nodes + second_sums,
        loads=entries + 3 * columns + 6 * rows + 6 * nodes + 3 * linear,
        code_bytes=tables,
        cycles=sum(block_cycles(r, c) for r, c in shapes) + _NODE_CYCLES * nodes + 2 * linear,
    )


def _depth_first(nodes: Sequence[TrieNode], depth: int) -> Iterator[tuple[TrieNode, int]]:
    for node in nodes:
        yield node, depth
        yield from _depth_first(node.children, depth + 1)
