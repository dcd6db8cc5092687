"""Where the pooled functions A_znlm stand in memory: n fastest, then m, l and species."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from acegen.basis.derive import CoupledFunction


class Shell(NamedTuple):
    """The A's of one (species, l, m): `size` consecutive entries, n = 1 .. size, from `offset` on."""

    species: int
    l: int
    m: int
    offset: int
    size: int


@dataclass(frozen=True)
class PooledLayout:
    """Memory layout of the A's. `n_max[species][l]` is the largest n in use (0 if none)."""

    n_max: tuple[tuple[int, ...], ...]

    @cached_property
    def shells(self) -> tuple[Shell, ...]:
        shells = []
        offset = 0
        for species, by_l in enumerate(self.n_max):
            for l, count in enumerate(by_l):
                for m in range(-l, l + 1):
                    if count:
                        shells.append(Shell(species, l, m, offset, count))
                        offset += count
        return tuple(shells)

    @cached_property
    def size(self) -> int:
        """Number of A's."""
        return sum(shell.size for shell in self.shells)

    @cached_property
    def _offsets(self) -> dict[tuple[int, int, int], int]:
        return {(shell.species, shell.l, shell.m): shell.offset for shell in self.shells}

    def index(self, species: int, n: int, l: int, m: int) -> int:
        """Position of A_znlm."""
        return self._offsets[species, l, m] + n - 1

    @cached_property
    def names(self) -> tuple[tuple[int, int, int, int], ...]:
        """(species, n, l, m) by position."""
        return tuple((shell.species, n, shell.l, shell.m) for shell in self.shells for n in range(1, shell.size + 1))

    @cached_property
    def n_radial(self) -> int:
        """Number of radial functions in use."""
        return max(max(by_l) for by_l in self.n_max)

    @cached_property
    def l_max(self) -> int:
        return len(self.n_max[0]) - 1


def pooled_layout(functions: Iterable[CoupledFunction], n_species: int) -> PooledLayout:
    """The smallest layout that holds every A the functions are made of."""
    channels = {channel for function in functions for channel in function.label}
    l_max = max(channel.l for channel in channels)
    n_max = [[0] * (l_max + 1) for _ in range(n_species)]
    for channel in channels:
        n_max[channel.species][channel.l] = max(n_max[channel.species][channel.l], channel.n)
    return PooledLayout(tuple(map(tuple, n_max)))
