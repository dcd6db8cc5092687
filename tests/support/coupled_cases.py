"""Choices of coupled invariants, at random or with small l, for tests without an optimizer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acegen.program.pairings import Choice

Chosen = tuple[int, ...]


def chosen_in_order(choice: Choice, order: Sequence[int]) -> Chosen:
    """Independent candidates, those first in `order`."""
    for least in (0.24, 0.05, 1e-3):
        chosen: list[int] = []
        basis = np.zeros((0, choice.dimension))
        for position in order:
            rest = np.array(choice.coordinates[position])
            for _ in range(2):
                rest -= basis.T @ (basis @ rest)
            size = np.linalg.norm(rest)
            if size > least:
                chosen.append(position)
                basis = np.vstack([basis, rest / size])
        if len(chosen) == choice.dimension:
            return tuple(chosen)
    raise AssertionError(f"the candidates of {choice.label} do not span its invariants")


def small_l_first(choices: Sequence[Choice]) -> list[Chosen]:
    """The first independent candidates of every label."""
    return [chosen_in_order(choice, range(len(choice.candidates))) for choice in choices]


def at_random(choices: Sequence[Choice], rng: np.random.Generator, coupled: float) -> list[Chosen | None]:
    """Any independent candidates; labels are coupled with the given probability."""
    return [
        chosen_in_order(choice, [int(p) for p in rng.permutation(len(choice.candidates))])
        if rng.random() < coupled
        else None
        for choice in choices
    ]
