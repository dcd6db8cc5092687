"""Tables of the kernel of grades: how invariants are made of coupled values, and the matrix they are multiplied by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from acegen.codegen.lanes.target import Target
from acegen.codegen.literals import double_literal
from acegen.optimize.coupled import CoupledStage
from acegen.optimize.grades import FoldedRows


@dataclass(frozen=True)
class InvariantGroup:
    """Invariants of two values of degree l: where their table begins, and its number of first values."""

    l: int
    first: int
    count: int


@dataclass(frozen=True)
class InvariantTables:
    """How invariants are made of coupled values, in their order; positions are in bytes.

    Attributes:
        functions: numbers of the coupled functions, in this order.
        linear: values that are invariants by themselves; they come first.
        groups: the others.
        pairs: for each first value its position and its number of partners, then the positions of these.
    """

    functions: tuple[int, ...]
    linear: tuple[int, ...]
    groups: tuple[InvariantGroup, ...]
    pairs: tuple[int, ...]


def invariant_tables(scalar_of: Mapping[int, int], stage: CoupledStage | None, target: Target) -> InvariantTables:
    """By degree, those with a common value one after the other: it stays in registers."""
    if stage is None:
        return InvariantTables((), (), (), ())
    products, offsets = stage.products, stage.offsets
    linear: dict[int, int] = {}
    by_degree: dict[int, dict[int, tuple[int, int]]] = {}
    for function, number in scalar_of.items():
        match products.scalars[number]:
            case (value,):
                linear[function] = value
            case (left, right):
                by_degree.setdefault(products.degrees[left], {})[function] = left, right
    position = [offset * target.lanes_bytes for offset in offsets]
    functions = list(linear)
    groups: list[InvariantGroup] = []
    pairs: list[int] = []
    for l, own in sorted(by_degree.items()):
        begin, runs = len(pairs), list(_runs(own))
        for first, partners in runs:
            functions += partners
            pairs += [position[first], len(partners), *(position[value] for value in partners.values())]
        groups.append(InvariantGroup(l, begin, len(runs)))
    return InvariantTables(tuple(functions), tuple(position[v] for v in linear.values()), tuple(groups), tuple(pairs))


def _runs(pairs: Mapping[int, tuple[int, int]]) -> Iterator[tuple[int, dict[int, int]]]:
    """Values with partners: of each function of two values one of the values, and the other."""
    uses = Counter(value for pair in pairs.values() for value in set(pair))
    left = dict(pairs)
    while left:
        first = max(uses, key=lambda value: (uses[value], -value))
        own = {function: pair for function, pair in left.items() if first in pair}
        for function, pair in own.items():
            del left[function]
            uses.subtract(set(pair))
        yield first, {function: pair[1] if pair[0] == first else pair[0] for function, pair in own.items()}


def panels(folded: FoldedRows, order: Sequence[int], height: int, n_panels: int, band: int) -> tuple[str, ...]:
    """A matrix by bands of columns, panels of `height` rows and columns, as lines of C; missing rows are zero."""
    matrix = np.concatenate([folded.coupled[:, order], folded.pair], axis=1)
    full = np.zeros((n_panels * height, matrix.shape[1]))
    full[: len(matrix)] = matrix
    by_panel = full.reshape(n_panels, height, -1).transpose(0, 2, 1)
    bands = [by_panel[:, k : k + band].ravel() for k in range(0, matrix.shape[1], band)]
    flat = np.concatenate(bands).tolist()
    return tuple(", ".join(map(double_literal, flat[k : k + 4])) + "," for k in range(0, len(flat), 4))


def filled(constants: Sequence[float], count: int) -> tuple[float, ...]:
    """Constants of all rows of the panels."""
    return (*constants, *[0.0] * (count - len(constants)))
