"""What a product stage costs on processors with vector registers: a model fitted to measurements.

Straight-line code is executed once per block of lanes, so it comes from the L2 cache, not from the buffer of
decoded instructions: its time is that of fetching its bytes, 16 per cycle on x86 processors of the last decade.
Loops over tables are decoded once; their time is that of issuing their instructions, and of the jump out of each loop.
(benchmarks/README.md compares the estimates with measurements.)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acegen.codegen.lanes.coupled_cost import WIDE, CoupledCost
from acegen.optimize import CompactProgram, Cost, StraightProgram
from acegen.optimize.trie import TrieNode

_NEAR, _REGISTER = 7, 6
"""Bytes of a vector instruction, with a short offset or between registers."""

_WIDE_CODE = 1.4
"""Size of instructions for the widest registers (AVX-512), relative to others, as their time tells."""

_COLUMN_CYCLES = (0.0, 4.6, 5.4, 6.6, 8.0, 9.7, 11.2, 12.7, 14.2)
"""Cycles of one step of a row block, by its number of rows; measured with AVX-512."""

TWO_SUMS = 3
"""With more rows than this, a block accumulates the derivative of a column in two sums, to stall less."""

_BLOCK_CYCLES = 32.0
_ROW_CYCLES = 5.7
_NODE_CYCLES = 10.0


@dataclass(frozen=True)
class VectorCost:
    """The cost model of a target with vector registers.

    Attributes:
        most_rows: most rows of a block (at most 8).
        fetch_bytes: bytes of code fetched in a cycle from the L1 or L2 cache.
        far_fetch_bytes: the same for code that exceeds the L2 cache and is fetched once for several blocks of lanes.
        l2_bytes: code up to this size stays in the L2 cache, beside the data.
        max_code_bytes: limit on straight-line code; compiling this much takes about five minutes on one core.
        variables: registers for variables of type `lanes`.
        vector_bytes: width of a register.
        kept: derivatives that the C compiler keeps in registers from one use to the next.
    """

    most_rows: int = 8
    fetch_bytes: float = 16
    far_fetch_bytes: float = 12
    l2_bytes: int = 512 * 1024
    max_code_bytes: int = 4 * 1024 * 1024
    kept: int = 16
    variables: int = 32
    vector_bytes: int = 32

    @property
    def coupled(self) -> CoupledCost:
        """Of coupled products."""
        return CoupledCost(self.variables, self.vector_bytes)

    def group(self, program: StraightProgram | CompactProgram) -> int:
        """Blocks of lanes evaluated together: several if straight-line code does not fit the L2 cache."""
        return 8 if isinstance(program, StraightProgram) and program.cost.code_bytes > self.l2_bytes else 1

    def straight(self, roots: Sequence[TrieNode]) -> Cost:
        """Cost of a trie written out as straight-line code."""
        adds = loads = size = 0
        held: OrderedDict[int, None] = OrderedDict()
        for node, depth in _depth_first(roots, 1):
            inner = bool(node.children)
            adds += 3 if inner else 2
            hit = node.variable in held
            held[node.variable] = None
            held.move_to_end(node.variable)
            if len(held) > self.kept:
                held.popitem(last=False)
            loads += 1 + (node.term is not None) + (not hit)
            size += _NEAR + (_REGISTER if hit else 3 * _NEAR)  # value; derivative: at once, or load, add, store
            size += (_NEAR if depth > 1 else 0) + _REGISTER if inner else _NEAR  # partial product, sum; coefficient
        if self.vector_bytes >= WIDE:
            size = round(_WIDE_CODE * size)
        rate = self.fetch_bytes if size < self.l2_bytes else self.far_fetch_bytes
        return Cost(adds, loads, size, max(size / rate, adds / 2))

    def block_cycles(self, rows: int, columns: int) -> float:
        """Estimated time of a row block."""
        return _BLOCK_CYCLES + rows * _ROW_CYCLES + columns * _COLUMN_CYCLES[rows]

    def compact(self, nodes: int, linear: int, shapes: Sequence[tuple[int, int]]) -> Cost:
        """Cost of a table-driven program; a row takes four multiply-adds: its product, the energy, two derivatives."""
        rows = sum(r for r, _ in shapes)
        entries = sum(r * c for r, c in shapes)
        columns = sum(c for _, c in shapes)
        second_sums = sum(c for r, c in shapes if r > TWO_SUMS)
        tables = 4 * nodes + 2 * linear + 4 * rows + 2 * columns + 4 * len(shapes)
        return Cost(
            multiply_adds=2 * (entries + linear) + 4 * rows + 3 * nodes + second_sums,
            loads=entries + 3 * columns + 6 * rows + 6 * nodes + 3 * linear,
            code_bytes=tables,
            cycles=sum(self.block_cycles(r, c) for r, c in shapes) + _NODE_CYCLES * nodes + 2 * linear,
        )


def _depth_first(nodes: Sequence[TrieNode], depth: int) -> Iterator[tuple[TrieNode, int]]:
    for node in nodes:
        yield node, depth
        yield from _depth_first(node.children, depth + 1)
