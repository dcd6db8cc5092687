"""The coupled functions of the basis kernel: products of A's, and invariants of coupled values.

The derivative of an invariant P_t = Σ_M c_M c'_M by a component of c is that of c'. Where c couples a and b, either the
derivatives of c by the neighbours are computed first (`explicit` values), or the derivative goes on to a and b by
the matrices dc/da and dc/db, whichever takes fewer multiply-adds for all invariants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from acegen.codegen.coupled_terms import RealTerm, channel_components, real_terms
from acegen.codegen.lanes.invariants import (
    BOTH,
    LEFT,
    RIGHT,
    CopyEntry,
    CouplingEntry,
    Element,
    InvariantCode,
    NodeEntry,
    PullEntry,
    RowEntry,
    ScalarEntry,
    elements_of,
    explicit_values,
)
from acegen.codegen.lanes.slopes import Block, Place, SlopeLists, SlopeTables
from acegen.codegen.tables import CouplingTables, coupling_tables, invariants_of
from acegen.program.coupled import CoupledProducts
from acegen.program.kernel import KernelProgram


@dataclass(frozen=True)
class BasisFunctions:
    """All coupled functions of a program in the order of the kernel.

    Attributes:
        order: the functions; None for empty ones, which fill up pairs and lanes.
        coupling: those that are products of A's, empty where they are not.
        lists: by pair of functions and species.
        used: rows that lists refer to.
        n_slopes: number of derivatives.
        first_slope: place of the first derivative in X.
        n_rows: rows by species.
        monomials: number of the first pair of products of A's.
        coupled: tables of the invariants; None without any.
    """

    order: tuple[int | None, ...]
    coupling: CouplingTables
    lists: tuple[tuple[SlopeLists, ...], ...]
    used: tuple[int, ...]
    n_slopes: int
    first_slope: int
    n_rows: tuple[int, ...]
    monomials: int
    coupled: InvariantCode | None


def basis_functions(program: KernelProgram, lanes: int) -> BasisFunctions:
    """Order the functions of a program, and lay out their derivatives."""
    return _Builder(program, lanes).code()


class _Builder:
    def __init__(self, program: KernelProgram, lanes: int) -> None:
        self.program, self.layout, self.coupled = program, program.layout, program.coupled
        self.species = range(len(program.species))
        self.names = self.layout.names
        self.first_of = [min(k.offset for k in self.layout.shells if k.species == z) for z in self.species]
        self.n_rows = [sum(name[0] == z for name in self.names) for z in self.species]
        self.tables = SlopeTables()
        self.scalar_of = invariants_of(program)
        if self.coupled is not None:
            self.degrees = self.coupled.degrees
            self.n_channels = len(self.coupled.channels)
            self.explicit = explicit_values(self.coupled)
            self.blocks = self._value_blocks(self.coupled)
        ordered = self._ordered()
        invariants = [function for function in ordered if function in self.scalar_of]
        self.products = [function for function in ordered if function not in self.scalar_of]
        self.n_before = len(invariants) + len(invariants) % 2
        self.n_after = -(self.n_before + len(self.products)) % lanes
        empty = [None] * (self.n_before - len(invariants))
        self.order: list[int | None] = [*invariants, *empty, *self.products, *[None] * self.n_after]

    def code(self) -> BasisFunctions:
        rows = self._value_rows()
        lists, places = [], []
        for one, other in zip(self.order[::2], self.order[1::2], strict=True):
            of_pair, of_one, of_other = [], [], []
            for z in self.species:
                own = [[b for b in self._blocks_of(function) if b[0] == z] for function in (one, other)]
                found, *at = self.tables.add(*([block for _, block in blocks] for blocks in own))
                of_pair.append(found)
                of_one.append(at[0])
                of_other.append(at[1])
            lists.append(tuple(of_pair))
            places += [of_one, of_other]
        coupled, first_slope = None, 0
        if self.coupled is not None:
            coupled, first_slope = self._coupled_code(self.coupled, rows, places)
        return BasisFunctions(
            order=tuple(self.order),
            coupling=coupling_tables(self.program, self.products, self.n_before, self.n_after),
            lists=tuple(lists),
            used=tuple(self.tables.used),
            n_slopes=self.tables.count,
            first_slope=first_slope,
            n_rows=tuple(self.n_rows),
            monomials=self.n_before // 2,
            coupled=coupled,
        )

    # ---- functions and the blocks they depend on

    def _factors(self, function: int) -> set[int]:
        """The A's that a combination of products depends on."""
        assert self.program.outputs.coupling is not None
        row = self.program.outputs.coupling[function]
        return {v for product, _ in row for v in self.program.products[product]}

    def _blocks_of(self, function: int | None) -> list[tuple[int, Block]]:
        """Species and rows; an A is a block of its own if functions are products."""
        if function is None:
            return []
        if function not in self.scalar_of:
            return [(self.names[v][0], (v - self.first_of[self.names[v][0]],)) for v in sorted(self._factors(function))]
        bases = dict.fromkeys(base for base in self._bases(self.scalar_of[function]))
        return [block for base in bases for block in self.blocks[base].items()]

    def _bases(self, scalar: int) -> list[int]:
        """Channels and explicit values that an invariant depends on, the largest first."""
        assert self.coupled is not None
        found: list[int] = []
        waiting = list(self.coupled.scalars[scalar])
        while waiting:
            value = waiting.pop()
            if self._is_base(value):
                found.append(value)
            else:
                node = self.coupled.nodes[value - self.n_channels]
                waiting += [node.left, node.right]
        return sorted(set(found), key=lambda value: (-self.degrees[value], value))

    def _is_base(self, value: int) -> bool:
        return value < self.n_channels or value in self.explicit

    def _ordered(self) -> list[int]:
        """Invariants, then products: by species, then by the l and n of what they depend on, the largest l first.

        Functions of the same l's take the same numbers of steps, which processors learn to foresee.
        """

        def key(function: int) -> tuple[object, ...]:
            if function in self.scalar_of:
                bases = self._bases(self.scalar_of[function])
                species = sorted({z for base in bases for z in self.blocks[base]})
                return 0, species, [-self.degrees[base] for base in bases], bases, function
            channels = sorted((-l, z, n) for z, n, l in {self.names[v][:3] for v in self._factors(function)})
            return 1, sorted({z for _, z, _ in channels}), [l for l, _, _ in channels], channels, function

        return sorted(range(len(self.program.orders)), key=key)

    # ---- coupled values

    def _value_blocks(self, coupled: CoupledProducts) -> dict[int, dict[int, Block]]:
        """Rows of channels and explicit values by species; those of the latter follow the A's."""
        blocks: dict[int, dict[int, Block]] = {}
        for value, channel in enumerate(coupled.channels):
            z, n, l = channel
            rows = tuple(self.layout.index(z, n, l, m) - self.first_of[z] for m in range(-l, l + 1))
            blocks[value] = {z: rows}
        for value in self.explicit:
            node = coupled.nodes[value - self.n_channels]
            width = 2 * node.l + 1
            blocks[value] = {}
            for z in sorted({*blocks[node.left], *blocks[node.right]}):
                blocks[value][z] = tuple(range(self.n_rows[z], self.n_rows[z] + width))
                self.n_rows[z] += width
        return blocks

    def _value_rows(self) -> list[tuple[int, int, int, list[tuple[int, SlopeLists]]]]:
        """Of explicit values: value, species, first place of a derivative, and the lists for each two components."""
        rows = []
        for value in self.explicit if self.coupled is not None else ():
            assert self.coupled is not None
            node = self.coupled.nodes[value - self.n_channels]
            for z, own in self.blocks[value].items():
                factors = dict.fromkeys((node.left, node.right))
                blocks = [self.blocks[factor][z] for factor in factors if z in self.blocks[factor]]
                start, lists = self.tables.count, []
                for k in range(0, len(own), 2):
                    found, _, _ = self.tables.add(blocks, blocks if k + 1 < len(own) else ())
                    lists.append((own[k], found))
                rows.append((value, z, start, lists))
        return rows

    def _coupled_code(
        self,
        coupled: CoupledProducts,
        rows: Sequence[tuple[int, int, int, list[tuple[int, SlopeLists]]]],
        places: Sequence[Sequence[dict[Block, Place]]],
    ) -> tuple[InvariantCode, int]:
        width = [2 * l + 1 for l in self.degrees]
        offset = coupled.first_components
        n_values = offset[-1]
        next_place = n_values + 1
        copies: list[tuple[int, int | Place, int, int]] = []  # source, target, width, factor
        pulls: list[list[tuple[int, int | Place, int]]] = [[] for _ in coupled.nodes]  # source, target, side

        def push(function: int, value: int, source: int, factor: int) -> None:
            """The derivative of a function by a value stands at `source`, but for a factor."""
            nonlocal next_place
            if self._is_base(value):
                for z, block in self.blocks[value].items():
                    copies.append((source, places[function][z][block], width[value], factor))
                return
            if factor != 1:
                copies.append((source, next_place, width[value], factor))
                source, next_place = next_place, next_place + width[value]
            node = coupled.nodes[value - self.n_channels]
            sides = [(node.left, BOTH)] if node.left == node.right else [(node.left, LEFT), (node.right, RIGHT)]
            for part, side in sides:
                if self._is_base(part):
                    for z, block in self.blocks[part].items():
                        pulls[value - self.n_channels].append((source, places[function][z][block], side))
                else:
                    pulls[value - self.n_channels].append((source, next_place, side))
                    part_source, next_place = next_place, next_place + width[part]
                    push(function, part, part_source, 1)

        scalars = []
        for position, function in enumerate(self.order):
            if function is None or function not in self.scalar_of:
                break
            match coupled.scalars[self.scalar_of[function]]:
                case [value]:
                    scalars.append(ScalarEntry(offset[value], 0, 0))
                    push(position, value, n_values, 1)
                case [first, second]:
                    scalars.append(ScalarEntry(offset[first], offset[second], width[first]))
                    push(position, first, offset[second], 1 if first != second else 2)
                    if first != second:
                        push(position, second, offset[first], 1)
        first_slope = next_place
        touched: set[int] = set()

        def target(place: int | Place) -> tuple[int, int, int]:
            """Place, step, and whether something stands there already."""
            start, step = (place, 1) if isinstance(place, int) else (first_slope + place.first, place.step)
            add = start in touched
            touched.add(start)
            return start, step, int(add)

        copy_entries = []
        for source, place, size, factor in copies:
            start, step, add = target(place)
            copy_entries.append(CopyEntry(source, start, step, size, factor, add))
        numbers = {(c.left, c.right, c.l): number for number, c in enumerate(coupled.couplings)}
        nodes: list[NodeEntry] = []
        pull_entries: list[PullEntry] = []
        row_entries: list[RowEntry] = []
        elements: list[Element] = []

        @cache
        def first_element(coupling: int, right: bool, same: bool) -> int:
            start = len(elements)
            elements.extend(elements_of(coupled.couplings[coupling], right, same))
            return start

        for number, node in reversed(list(enumerate(coupled.nodes))):
            value = number + self.n_channels
            for source, place, side in pulls[number]:
                start, step, add = target(place)
                pull_entries.append(PullEntry(source, start, step, int(side == RIGHT), add))
            for own, z, start, _ in rows:
                if own == value:
                    sides = LEFT * (z in self.blocks[node.left]) | RIGHT * (z in self.blocks[node.right])
                    row_entries.append(RowEntry(first_slope + start, LEFT if node.left == node.right else sides))
            coupling = numbers[self.degrees[node.left], self.degrees[node.right], node.l]
            same = node.left == node.right
            first_elements = first_element(coupling, False, same), 0 if same else first_element(coupling, True, False)
            factors = offset[node.left], offset[node.right]
            nodes.append(
                NodeEntry(coupling, *factors, offset[value], first_elements, len(pull_entries), len(row_entries))
            )
        terms: list[RealTerm] = []
        couplings = []
        for table in coupled.couplings:
            terms += real_terms(table)
            couplings.append(CouplingEntry(2 * table.left + 1, 2 * table.right + 1, 2 * table.l + 1, len(terms)))
        scale_of = dict(enumerate(coupled.scales))
        harmonic_scales = [
            scale_of[l][abs(m)] if l in scale_of else 1.0
            for l in range(self.layout.l_max + 1)
            for m in self.layout.components[l]
        ]
        code = InvariantCode(
            components=channel_components(coupled, self.layout),
            n_values=n_values,
            terms=tuple(terms),
            couplings=tuple(couplings),
            nodes=tuple(reversed(nodes)),
            scalars=tuple(scalars),
            copies=tuple(copy_entries),
            pulls=tuple(pull_entries),
            rows=tuple(row_entries),
            row_lists=tuple(
                tuple(entry for _, own, _, lists in rows if own == z for entry in lists) for z in self.species
            ),
            elements=tuple(elements),
            largest_matrix=max((c.rows * max(c.left, c.right) for c in couplings), default=1),
            scales=tuple(harmonic_scales),
            inverse_scales=tuple(1 / harmonic_scales[self.layout.angular_index(l, m)] for _, _, l, m in self.names),
        )
        return code, first_slope
