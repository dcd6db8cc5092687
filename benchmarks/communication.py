"""Time of a step on many processes, predicted from what one process takes and from a network that is stated.

A box is divided into equal sub-domains, as many along x, y and z as keep their surfaces smallest, as LAMMPS does. A
process owns the atoms of its sub-domain and holds ghosts, those of others within R = cutoff + skin. With `newton on`
nothing is computed twice: every step, positions of ghosts are received and forces on them are sent back. A step takes

    most atoms owned · (pair + rest)     pair style; integration and what else is done for each atom
    + owned · list                       neighbour lists, spread over the steps between two
    + ghosts · ghost                     copying into and out of messages, as on one process, which sends to itself
    + fixed                              of every step, whatever is simulated
    + messages · latency                 forward and reverse: along each divided direction two each, repeated where
                                         sub-domains are thinner than R and ghosts come from processes further away
    + bytes / bandwidth                  24 for each ghost's position, 24 for its force, and 64 when lists are built
    + reductions · ⌈log₂ P⌉ · latency    one a step: whether an atom has moved too far; thermodynamic output adds few

It is exact for one process up to how well these costs are constant. What it does not know: other work of the machine, a
topology of the network, uneven densities. Unevenness of a crystal is in it: a region of n atoms cut out of a crystal
holds n ± spread · n^(1/3), a law of surfaces, and the process that all wait for is the most loaded of P: by
spread · √(2 ln P) · n^(1/3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, log, log2, prod, sqrt
from statistics import mean, median
from typing import Any

Lengths = tuple[float, float, float]
POSITION_BYTES = FORCE_BYTES = 24
BORDER_BYTES = 64
"""Of a ghost that is chosen anew: position, type, id, mask; in doubles."""


@dataclass(frozen=True)
class Costs:
    """What one process takes: seconds a step.

    Attributes:
        pair: pair style, per owned atom.
        list: neighbour lists, per owned atom.
        ghost: communication with itself, per ghost.
        rest: integration and other work, per owned atom.
        fixed: of a step.
        builds: neighbour lists built a step.
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
    """A network, and how evenly atoms are spread.

    Attributes:
        latency: seconds of a message.
        bandwidth: bytes a second of a group of cores that share a link.
        group: cores of a group. All messages count as leaving it: pessimistic.
        reductions: all-to-all reductions a step.
        spread: of the atoms of a region, see above; 0 if all own the same number.
        busy: time of computations with all cores of a machine busy, relative to one alone.
    """

    latency: float = 1.5e-6
    bandwidth: float = 10e9
    group: int = 16
    reductions: float = 1.0
    spread: float = 0.5
    busy: float = 1.0


@dataclass(frozen=True)
class Prediction:
    """Seconds of a step by cause, and what they come from."""

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
    """Divisions along x, y and z with the smallest surface."""
    grids = ((i, j, processes // (i * j)) for i in _divisors(processes) for j in _divisors(processes // i))

    def surface(grid: tuple[int, int, int]) -> float:
        x, y, z = (length / number for length, number in zip(box, grid, strict=True))
        return x * y + y * z + z * x

    return min(grids, key=surface)


def _divisors(number: int) -> list[int]:
    small = [i for i in range(1, int(sqrt(number)) + 1) if number % i == 0]
    return sorted({*small, *(number // i for i in small)})


def ghost_slabs(sides: Sequence[float], reach: float) -> tuple[float, ...]:
    """Volume received along each direction: along y from neighbours that already hold ghosts along x, and so on."""
    volumes = []
    for axis in range(3):
        before = prod(side + 2 * reach for side in sides[:axis])
        volumes.append(before * 2 * reach * prod(sides[axis + 1 :]))
    return tuple(volumes)


def predict(
    costs: Costs, atoms: float, processes: int, network: Network | None = None, shape: Lengths = (1.0, 1.0, 1.0)
) -> Prediction:
    """Time of a step; the box has sides in the proportions of `shape`."""
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
    """Time of one process that holds all atoms, over that of all processes together."""
    alone = predict(costs, atoms, 1, network, shape).step
    return alone / processes / predict(costs, atoms, processes, network, shape).step


def fit_costs(series: Iterable[Mapping[str, Any]], reach: float, density: float) -> Costs:
    """Costs from runs of one process: atoms, ghosts, builds and steps, and seconds a step by section."""
    rows = list(series)
    atoms, ghosts = [row["atoms"] for row in rows], [row["ghosts"] for row in rows]
    by = {name: [row["seconds"][name] for row in rows] for name in ("Pair", "Neigh", "Comm", "Modify", "Other")}
    fixed, rest = _line(atoms, [modify + other for modify, other in zip(by["Modify"], by["Other"], strict=True)])
    fixed_ghost, ghost = _line(ghosts, by["Comm"])
    return Costs(
        pair=median(time / number for time, number in zip(by["Pair"], atoms, strict=True)),
        list=by["Neigh"][-1] / atoms[-1],  # few are built in a short run: the one with most atoms says it best
        ghost=ghost,
        rest=rest,
        fixed=fixed + fixed_ghost,
        builds=rows[-1]["builds"] / rows[-1]["steps"],
        reach=reach,
        density=density,
    )


def _line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Constant and slope, neither negative, of least relative deviation."""
    weights = [1 / value**2 if value else 0.0 for value in y]
    total = sum(weights)
    if not total:
        return 0.0, 0.0
    x0 = sum(w * value for w, value in zip(weights, x, strict=True)) / total
    y0 = sum(w * value for w, value in zip(weights, y, strict=True)) / total
    square = sum(w * (value - x0) ** 2 for w, value in zip(weights, x, strict=True))
    product = sum(w * (a - x0) * (b - y0) for w, a, b in zip(weights, x, y, strict=True))
    slope = product / square if square else 0.0
    constant = y0 - slope * x0
    if slope < 0:
        return y0, 0.0
    if constant < 0:
        return 0.0, mean(b / a for a, b in zip(x, y, strict=True))
    return constant, slope


def table_of(
    costs: Costs, systems: Sequence[float], processes: Sequence[int], network: Network | None = None
) -> dict[str, Any]:
    """Predictions for cubic systems on processes, for the results file."""
    network = network or Network()
    rows = []
    for atoms in systems:
        for number in processes:
            found = predict(costs, atoms, number, network)
            rows.append(
                {
                    "atoms": atoms,
                    "processes": number,
                    "owned": found.owned,
                    "ghosts": found.ghosts,
                    "messages": found.messages,
                    "seconds": found.step,
                    "by_cause": dict(found.seconds),
                    "efficiency": efficiency(costs, atoms, number, network),
                }
            )
    return {"costs": asdict(costs), "network": asdict(network), "rows": rows}
