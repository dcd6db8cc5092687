"""Curves that show the behaviour of a potential away from the data: dimers, and energy against volume."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from acegen.errors import IsolatedAtomWarning
from acegen.fit.dataset import Dataset
from acegen.runtime import Model
from acegen.runtime.neighbours import neighbour_list
from acegen.store.coefficients import Coefficients

Floats = NDArray[np.float64]

_NEAREST = 0.15
"""Where dimer curves begin, in units of the cutoff."""

_CLOSE = 3.5
"""Å; most pairs of elements are closer than this somewhere in the data."""

_SMALL = 256
"""Largest number of atoms of a structure that is quickly evaluated at many volumes."""

_VOLUMES, _FEW_VOLUMES = 41, 9
"""Number of volumes of a curve, and the minimum for structures of many atoms."""


@dataclass(frozen=True)
class DimerCurve:
    """Energy of a dimer relative to isolated atoms, and the part of it that is neither pair term nor reference.

    Attributes:
        distance: Å.
        energy: eV.
        many_body: eV; zero for a canonical basis.
    """

    distance: Floats
    energy: Floats
    many_body: Floats


def dimer_curve(
    model: Model, coefficients: Coefficients, first: str, second: str, distances: Floats | None = None
) -> DimerCurve:
    """Energies of dimers of two elements.

    Args:
        model: a compiled potential.
        coefficients: those it was compiled with.
        first: an element.
        second: the other, or the same.
        distances: Å; by default 200 up to the cutoff.
    """
    from ase import Atoms

    if distances is None:
        distances = np.linspace(_NEAREST * model.cutoff, model.cutoff, 200)
    energies, pair_parts = np.empty(len(distances)), np.empty(len(distances))
    lowest = {e: np.array([label.order == 1 for label in model.labels(e)]) for e in (first, second)}
    values = {e: np.array(coefficients.values[e]) for e in (first, second)}
    isolated = sum(model.atomic_energies[e] for e in (first, second))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsolatedAtomWarning)
        for i, distance in enumerate(distances):
            atoms = Atoms([first, second], [[0, 0, 0], [0, 0, distance]])
            energies[i] = model.compute(atoms).energies.sum() - isolated
            functions = model.descriptors(atoms)
            pair_parts[i] = model.reference(atoms).energies.sum() + sum(
                values[e][lowest[e]] @ row[lowest[e]] for e, row in zip((first, second), functions, strict=True)
            )
    return DimerCurve(distances, energies, energies - pair_parts)


@dataclass(frozen=True)
class VolumeCurve:
    """Energy per atom (eV) of a scaled structure against its volume per atom (Å³), with data for comparison."""

    formula: str
    volume: Floats
    energy: Floats
    data_volume: Floats
    data_energy: Floats


def volume_curve(model: Model, data: Dataset, reach: float = 0.25) -> VolumeCurve | None:
    """A small periodic structure of low energy per atom, scaled by up to `reach` in volume either way.

    Of the structures within 0.05 eV/atom of the lowest energy, or else within 0.5 eV/atom, it is one of up to 256
    atoms; if all have more, it is the smallest, and fewer volumes are evaluated. None if no periodic structure has an
    energy.
    """
    periodic = [c for c in data.configurations if c.energy is not None and c.atoms.pbc.all() and c.atoms.cell.rank == 3]
    if not periodic:
        return None
    energies = np.array([(c.energy or 0.0) / len(c.atoms) for c in periodic])
    near = [[periodic[i].atoms for i in np.flatnonzero(energies < energies.min() + window)] for window in (0.05, 0.5)]
    small = [[atoms for atoms in chosen if len(atoms) <= _SMALL] for chosen in near]
    # A slab's volume is mostly vacuum, so take the densest structure.
    atoms = min(
        small[0] or small[1] or [min(near[0], key=len)], key=lambda atoms: (atoms.get_volume() / len(atoms), len(atoms))
    )
    volume = atoms.get_volume() / len(atoms)
    scales = np.linspace(1 - reach, 1 + reach, min(_VOLUMES, max(_FEW_VOLUMES, _SMALL * _VOLUMES // len(atoms))))
    curve = []
    for scale in scales:
        scaled = atoms.copy()
        scaled.set_cell(atoms.cell.array * scale ** (1 / 3), scale_atoms=True)
        curve.append(model.compute(scaled).energies.mean())
    volumes = np.array([c.atoms.get_volume() / len(c.atoms) for c in periodic])
    formula = atoms.get_chemical_formula(empirical=True)
    return VolumeCurve(formula, scales * volume, np.array(curve), volumes, energies)


def nearest_distances(data: Dataset, elements: tuple[str, ...], cutoff: float) -> dict[tuple[str, str], float]:
    """The smallest distance (Å) of each pair of elements within the cutoff, by pair in the order of elements.

    Long neighbour lists are computed only for pairs that are nowhere close.
    """
    pairs = list(combinations_with_replacement(elements, 2))
    nearest = _smallest(data, elements, pairs, min(_CLOSE, cutoff))
    if cutoff > _CLOSE:
        nearest |= _smallest(data, elements, [pair for pair in pairs if pair not in nearest], cutoff)
    return {pair: nearest[pair] for pair in pairs if pair in nearest}


def _smallest(
    data: Dataset, elements: tuple[str, ...], pairs: Sequence[tuple[str, str]], cutoff: float
) -> dict[tuple[str, str], float]:
    """Smallest distances of the given pairs of elements that occur within the cutoff."""
    nearest: dict[tuple[str, str], float] = {}
    position = {element: i for i, element in enumerate(elements)}
    for configuration in data.configurations:
        symbols = configuration.atoms.get_chemical_symbols()
        own = [pair for pair in pairs if pair[0] in symbols and pair[1] in symbols]
        if not own:
            continue
        numbers = np.array([position[symbol] for symbol in symbols])
        near = neighbour_list(configuration.atoms, cutoff)
        distance = np.linalg.norm(near.displacement, axis=1)
        a, b = numbers[near.center], numbers[near.neighbour]
        for first, second in own:
            found = distance[(a == position[first]) & (b == position[second])]
            if found.size:
                nearest[first, second] = min(nearest.get((first, second), np.inf), float(found.min()))
    return nearest
