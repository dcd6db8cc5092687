"""Time of a step on many processes, predicted from the costs of one process and the properties of a network.

The box is divided into equal sub-domains; the numbers along x, y and z keep their surfaces smallest, as in LAMMPS. A
process owns the atoms of its sub-domain and holds ghosts: copies of the atoms of others within R = cutoff + skin. With
`newton on` nothing is computed twice: in every step, positions of ghosts are received and forces on them are sent back.
A step takes

    most atoms owned · (pair + rest)     pair style; integration and other work for each atom
    + owned · list                       neighbour lists, averaged over all steps
    + ghosts · ghost                     copying into and out of messages; one process sends them to itself
    + fixed                              the same in every step, whatever is simulated
    + messages · latency                 positions and forces: two messages each along every divided direction, and more
                                         where sub-domains are thinner than R and ghosts come from further away
    + bytes / bandwidth                  per ghost: 24 for its position, 24 for its force, 64 when lists are built
    + reductions · ⌈log₂ P⌉ · latency    one per step, to see whether an atom has moved too far; output adds few

For one process this is exact if the costs are constant. The model ignores other work on the machine, the topology of
the network, and uneven densities. It does know that a crystal is uneven: a region of n atoms cut out of it holds
n ± spread · n^(1/3), a law of surfaces. All processes wait for the fullest of P, which holds
spread · √(2 ln P) · n^(1/3) atoms more than the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log, log2, prod, sqrt

Lengths = tuple[float, float, float]
POSITION_BYTES = FORCE_BYTES = 24
BORDER_BYTES = 64
"""For each ghost when ghosts are chosen again: position, type, id, mask; in doubles."""


@dataclass(frozen=True)
class Costs:
    """Costs of one process, in seconds per step unless stated otherwise.

    Attributes:
        pair: pair style, per owned atom.
        list: neighbour lists, per owned atom.
        ghost: communication with itself, per ghost.
        rest: integration and other work, per owned atom.
        fixed: per step.
        builds: builds of the neighbour lists per step, a number.
        reach: cutoff + skin, Å.
        density: atoms per Å³.
    """

    pair: float
    list: float
    ghost: float
    rest: float
    fixed: float
    builds: float
    reach: float
    density: float


@dataclass(frozen=True)
class Network:
    """A network, and how evenly atoms are distributed.

    Attributes:
        latency: of a message, seconds.
        bandwidth: of the link that a group of cores shares, bytes per second.
        group: cores that share a link. All messages are assumed to leave the group, which is pessimistic.
        reductions: all-to-all reductions per step.
        spread: variation of the number of atoms in a region, see above; 0 if all processes own the same number.
        busy: time of a computation when all cores of a machine are busy, relative to one busy core.
    """

    latency: float = 1.5e-6
    bandwidth: float = 10e9
    group: int = 16
    reductions: float = 1.0
    spread: float = 0.5
    busy: float = 1.0


@dataclass(frozen=True)
class Prediction:
    """Seconds of a step by cause, and the numbers behind them."""

    processes: int
    atoms: float
    grid: tuple[int, int, int]
    owned: float
    ghosts: float
    messages: int
    seconds: Mapping[str, float]

    @property
    def step(self) -> float:
        return sum(self.seconds.values())


def process_grid(processes: int, box: Lengths) -> tuple[int, int, int]:
    """Numbers of sub-domains along x, y and z that give the smallest surface."""
    grids = ((i, j, processes // (i * j)) for i in _divisors(processes) for j in _divisors(processes // i))

    def surface(grid: tuple[int, int, int]) -> float:
        x, y, z = (length / number for length, number in zip(box, grid, strict=True))
        return x * y + y * z + z * x

    return min(grids, key=surface)


def _divisors(number: int) -> list[int]:
    small = [i for i in range(1, int(sqrt(number)) + 1) if number % i == 0]
    return sorted({*small, *(number // i for i in small)})


def ghost_slabs(sides: Sequence[float], reach: float) -> tuple[float, ...]:
    """Volume received along each direction; neighbours along y already hold ghosts along x, and so on."""
    volumes = []
    for axis in range(3):
        before = prod(side + 2 * reach for side in sides[:axis])
        volumes.append(before * 2 * reach * prod(sides[axis + 1 :]))
    return tuple(volumes)


def predict(
    costs: Costs, atoms: float, processes: int, network: Network | None = None, shape: Lengths = (1.0, 1.0, 1.0)
) -> Prediction:
    """Time of a step in a box whose sides have the proportions of `shape`."""
    network = network or Network()
    scale = (atoms / costs.density / prod(shape)) ** (1 / 3)
    box = (shape[0] * scale, shape[1] * scale, shape[2] * scale)
    grid = process_grid(processes, box)
    sides = [length / number for length, number in zip(box, grid, strict=True)]
    owned = atoms / processes
    most = owned + network.spread * sqrt(2 * log(processes)) * owned ** (1 / 3)
    slabs = [volume * costs.density for volume in ghost_slabs(sides, costs.reach)]
    ghosts = sum(slabs)
    divided = [axis for axis in range(3) if grid[axis] > 1]
    hops = sum(ceil(costs.reach / sides[axis]) for axis in divided)
    messages = 2 * 2 * hops
    each = POSITION_BYTES + FORCE_BYTES + costs.builds * BORDER_BYTES
    link = network.bandwidth / min(processes, network.group)
    seconds = {
        "computation": owned * (costs.pair + costs.rest) * network.busy,
        "imbalance": (most - owned) * (costs.pair + costs.rest) * network.busy,
        "lists": owned * costs.list * network.busy,
        "ghosts": ghosts * costs.ghost * network.busy,
        "fixed": costs.fixed,
        "latency": messages * (1 + costs.builds) * network.latency,
        "bandwidth": each * sum(slabs[axis] for axis in divided) / link,
        "reductions": network.reductions * ceil(log2(processes)) * network.latency,
    }
    return Prediction(processes, atoms, grid, owned, ghosts, messages, seconds)


def efficiency(
    costs: Costs, atoms: float, processes: int, network: Network | None = None, shape: Lengths = (1.0, 1.0, 1.0)
) -> float:
    """Time on one process that holds all atoms, divided by the sum of the times of all processes."""
    alone = predict(costs, atoms, 1, network, shape).step
    return alone / processes / predict(costs, atoms, processes, network, shape).step
