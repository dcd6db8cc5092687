"""Properties of the data that determine a model: distances by pair, neighbours, amount of information."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acegen.fit.curves import nearest_distances
from acegen.fit.dataset import Configuration, Dataset
from acegen.fit.folds import is_cluster
from acegen.runtime.neighbours import neighbour_list
from acegen.spec.fields import element_pairs

_MOST_ATOMS = 4000
"""Atoms examined for typical distances; with more data every k-th configuration. Atoms and dimers do not count."""

_REACH = 7.0
"""Å; neighbours further away are ignored."""

_CLOSE = 3.5
"""Å; shorter distances are searched in all configurations."""


@dataclass(frozen=True)
class Survey:
    """Distances in the data, and the amount of data.

    Attributes:
        nearest: by pair, smallest distance, Å, but at most 3.5; only pairs that occur within 7 Å.
        typical: by pair, median over atoms of the distance to the nearest such neighbour, Å; likewise.
        neighbours: (distance, mean number of neighbours up to it) at distances of 0.1 Å steps.
        n_components: number of energies and force components.
    """

    nearest: dict[str, float]
    typical: dict[str, float]
    neighbours: tuple[tuple[float, float], ...]
    n_components: int

    def distance_of(self, count: float) -> float | None:
        """Smallest distance, Å, up to which atoms have that many neighbours on average; None if not within 7 Å."""
        return next((distance for distance, mean in self.neighbours if mean >= count), None)


def survey(configurations: Sequence[Configuration], elements: Sequence[str]) -> Survey:
    """Survey the data. Isolated atoms and dimers enter only the smallest distances, not the typical ones."""
    pairs = element_pairs(elements)
    place = {element: i for i, element in enumerate(elements)}
    name = {}
    for pair in pairs:
        a, b = (place[e] for e in pair.split("-"))
        name[a, b] = name[b, a] = pair
    close = nearest_distances(Dataset(tuple(configurations)), tuple(elements), _CLOSE)
    nearest = {f"{first}-{second}": distance for (first, second), distance in close.items()}
    shells: dict[str, list[np.ndarray]] = {}
    steps = np.round(np.arange(0.1, _REACH + 0.05, 0.1), 1)
    counts, n_counted = np.zeros(len(steps)), 0
    total = sum(len(c.atoms) for c in configurations)
    stride, n_seen = max(1, -(-total // _MOST_ATOMS)), 0
    for configuration in configurations:
        atoms = configuration.atoms
        alone = is_cluster(atoms)
        if not alone:
            n_seen += 1
            if (n_seen - 1) % stride:
                continue
        kinds = np.array([place[s] for s in atoms.get_chemical_symbols()])
        found = neighbour_list(atoms, _REACH)
        distance = np.linalg.norm(found.displacement, axis=1)
        if not alone:
            n_counted += len(atoms)
            counts += np.searchsorted(np.sort(distance), steps)
        for (a, b), pair in name.items():
            own = (kinds[found.center] == a) & (kinds[found.neighbour] == b)
            if not own.any():
                continue
            first = np.full(len(atoms), np.inf)
            np.minimum.at(first, found.center[own], distance[own])
            nearest.setdefault(pair, _CLOSE)
            if not alone:
                shells.setdefault(pair, []).append(first[np.isfinite(first)])
    typical = {pair: float(np.median(np.concatenate(values))) for pair, values in shells.items()}
    means = counts / max(1, n_counted)
    components = sum((c.energy is not None) + (0 if c.forces is None else int(c.forces.size)) for c in configurations)
    return Survey(
        {pair: nearest[pair] for pair in pairs if pair in nearest},
        {pair: typical[pair] for pair in pairs if pair in typical},
        tuple(zip(map(float, steps), map(float, means), strict=True)),
        components,
    )
