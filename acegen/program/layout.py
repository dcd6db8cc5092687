"""Where the pooled functions A_znlm stand in memory: n fastest, then m, l and species."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


class Shell(NamedTuple):
    """The A's of one (species, l, m): `size` consecutive entries, starting with the first n, at `offset`."""

    species: int
    l: int
    m: int
    offset: int
    size: int


@dataclass(frozen=True)
class PooledLayout:
    """Memory layout of the A's.

    Attributes:
        counts: by species and l, the number of radial functions in use (0 if none): n = first, first + 1, ...
        first: the lowest n.
        components: by l, the m in the order of the angular algebra.
    """

    counts: tuple[tuple[int, ...], ...]
    first: int
    components: tuple[tuple[int, ...], ...]

    @cached_property
    def shells(self) -> tuple[Shell, ...]:
        shells = []
        offset = 0
        for species, by_l in enumerate(self.counts):
            for l, count in enumerate(by_l):
                for m in self.components[l]:
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
        return self._offsets[species, l, m] + n - self.first

    @cached_property
    def names(self) -> tuple[tuple[int, int, int, int], ...]:
        """(species, n, l, m) by position."""
        return tuple(
            (shell.species, self.first + k, shell.l, shell.m) for shell in self.shells for k in range(shell.size)
        )

    @cached_property
    def n_radial(self) -> int:
        """Number of radial functions in use."""
        return max(max(by_l) for by_l in self.counts)

    @cached_property
    def l_max(self) -> int:
        return len(self.counts[0]) - 1

    @cached_property
    def n_angular(self) -> int:
        """Number of angular functions up to `l_max`."""
        return sum(map(len, self.components))

    def angular_index(self, l: int, m: int) -> int:
        """Position of S_lm among the angular functions, ordered by l, then m."""
        return sum(map(len, self.components[:l])) + self.components[l].index(m)
