"""Labelled configurations: read, checked, weighted, and assigned to folds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from acegen.errors import DataWarning, FitError, StructureError
from acegen.fit.continued import continued_parts
from acegen.fit.dataset import UNNAMED, Configuration, Dataset, Parts
from acegen.fit.folds import ALWAYS, assign_folds, hold_out
from acegen.fit.keys import IdleWeights, Lookalikes, check_chosen_keys, check_labels, keys_of
from acegen.fit.labels import LabelWeights, find_label, read_numbers, read_voigt, read_weights
from acegen.fit.reading import read_frames
from acegen.fit.settings import FitSettings, KeySettings
from acegen.fit.training import TrainingRecord
from acegen.fit.virials import VirialLabels

if TYPE_CHECKING:
    from ase import Atoms

Floats = NDArray[np.float64]

_CLOSEST = 0.55
"""Distances below this fraction of the sum of covalent radii do not occur below some hundred GPa."""


def read_parts(settings: FitSettings, previous: TrainingRecord | None = None) -> Parts:
    """Read and weight the data of a fit, and assign them to folds.

    Args:
        settings: of the fit.
        previous: the fit that is continued: what it knows remains in its folds and units.

    Raises:
        FitError: as `read_dataset`, `hold_out` and `weighted`, or there is nothing to fit to.
    """
    data, elements = settings.data, settings.elements
    training = read_dataset(data.train, data.keys, elements)
    apart = Dataset(())
    if isinstance(data.validation, tuple):
        apart = read_dataset(data.validation, data.keys, elements, chosen_occur=False)
    test = read_dataset(data.test, data.keys, elements, chosen_occur=False) if data.test else Dataset(())
    kinds = {c.config_type for part in (training, apart) for c in part.configurations}
    training, apart = (weighted(part, settings.weights.config_type, kinds) for part in (training, apart))
    if not any(training.n_labels[quantity] for quantity in ("energy", "forces")):
        raise FitError(
            f"the training data have no usable energy and no usable forces ({len(training.configurations)} "
            "configurations of weight above zero). Check data.train, data.keys and weights.config_type."
        )
    if isinstance(data.validation, tuple) and not apart.configurations:
        raise FitError(
            "data.validation holds no configuration of weight above zero. Check weights.config_type, or leave "
            "data.validation out to cross-validate by folds."
        )
    if previous is not None:
        return continued_parts(settings, previous, training, apart, test)
    if data.validation is None:
        folds = assign_folds(training.configurations, data.folds, data.seed, settings.decisive)
    elif isinstance(data.validation, float):
        folds = hold_out(training.configurations, data.validation, data.seed, settings.decisive)
    else:
        folds = (ALWAYS,) * len(training.configurations) + (0,) * len(apart.configurations)
    everything = (*training.configurations, *apart.configurations)
    return Parts(Dataset(everything, training.n_excluded + apart.n_excluded), folds, test)


def describe_missing(dataset: Dataset) -> str:
    """What the configurations of a part lack, such as ", 2 without forces", or nothing."""
    missing = {quantity: n for quantity, n in dataset.missing.items() if n and quantity != "all"}
    excluded = f", {dataset.n_excluded:,} of weight 0 left out" if dataset.n_excluded else ""
    return "".join(f", {n:,} without {quantity}" for quantity, n in missing.items()) + excluded


def read_dataset(
    files: Sequence[str], keys: KeySettings, elements: Sequence[str], chosen_occur: bool = True
) -> Dataset:
    """Read extended-XYZ files, or other formats known to `acegen.fit.reading`.

    Labels that are absent, not finite or of weight zero are left out and counted.

    Args:
        files: their paths.
        keys: names of the labels.
        elements: the elements that may occur.
        chosen_occur: whether keys that were set by hand must occur in one of the files.

    Raises:
        FitError: a file cannot be read or is empty, it has neither energies nor forces, or one of them only under a
            name that is not read; a key set by hand occurs nowhere, an element is not in the spec, a label or a weight
            is wrong, or a structure cannot be evaluated. The message names file, configuration, and what to do.
    """
    configurations: list[Configuration] = []
    lookalikes, idle, virials = Lookalikes(keys), IdleWeights(keys), VirialLabels()
    present: dict[str, set[str]] = {}
    n_excluded = 0
    for file in files:
        frames = {f"{file}, configuration {number}": atoms for number, atoms in enumerate(read_frames(file))}
        present[file] = set().union(*map(keys_of, frames.values()))
        check_labels(file, present[file], keys)
        lookalikes.look(file, frames)
        for where, atoms in frames.items():
            weight, weights = read_weights(atoms, where, keys)
            if weight == 0:
                n_excluded += 1
                continue
            configurations.append(_configuration(atoms, where, keys, elements, virials, weight, weights))
            idle.look(where, atoms)
    if chosen_occur:
        check_chosen_keys(present, keys)
    lookalikes.report()
    idle.warn()
    virials.warn()
    if not configurations and n_excluded:
        raise FitError(
            f"{', '.join(files)}: all {n_excluded:,} configurations have the weight 0 ('{keys.weight}'), which leaves "
            'them out. Correct it, or set data.keys.weight = "" to ignore it.'
        )
    _check_distances(configurations)
    return Dataset(tuple(configurations), n_excluded)


def weighted(dataset: Dataset, by_kind: dict[str, float], kinds: set[str]) -> Dataset:
    """The configurations, weighted by the factor of their kind as well; those of factor zero are left out.

    Raises:
        FitError: a factor is given for a kind that does not occur.
    """
    for kind in by_kind:
        if kind not in kinds:
            close = get_close_matches(kind, kinds, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise FitError(f"weights.config_type names '{kind}', a kind that does not occur{hint}; {_listed(kinds)}.")
    changed = [replace(c, weight=c.weight * by_kind.get(c.config_type, 1.0)) for c in dataset.configurations]
    return replace(dataset, configurations=tuple(c for c in changed if c.weight > 0))


def _listed(names: set[str]) -> str:
    return f"there are {', '.join(sorted(names))}" if names else "there are none"


def _configuration(
    atoms: Atoms,
    where: str,
    keys: KeySettings,
    elements: Sequence[str],
    virials: VirialLabels,
    weight: float,
    weights: LabelWeights,
) -> Configuration:
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(elements))
    if unknown:
        raise FitError(
            f"{where} contains {', '.join(unknown)}; the model has {', '.join(elements)}. Leave the configuration out, "
            "or add the element to basis.elements of the spec."
        )
    if len(atoms) == 0:
        raise FitError(f"{where} has no atoms. Leave it out.")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise FitError(f"{where} has positions or a cell that are not finite. Correct it or leave it out.")
    energy = read_numbers(find_label(atoms, keys.energy), (), where, keys.energy)
    forces = read_numbers(find_label(atoms, keys.forces), (len(atoms), 3), where, keys.forces)
    virial = read_voigt(find_label(atoms, keys.virial), where, keys.virial)
    stress = read_voigt(find_label(atoms, keys.stress), where, keys.stress)
    virial = virials.choose(atoms, where, virial, stress, forces)
    plain = atoms.copy()
    plain.calc = None
    plain.info, plain.constraints = {}, []
    kind = str(atoms.info.get(keys.config_type, UNNAMED))
    whole = Configuration(plain, where, kind, None if energy is None else float(energy), forces, virial, weight)
    return _with_weights(whole, weights)


def _with_weights(configuration: Configuration, weights: LabelWeights) -> Configuration:
    """With the weights of its labels; those of weight zero are left out."""
    one, forces = LabelWeights(), configuration.forces if np.any(weights.forces) else None
    return replace(
        configuration,
        energy=configuration.energy if weights.energy else None,
        forces=forces,
        virial=configuration.virial if weights.virial else None,
        weights=LabelWeights(
            weights.energy or one.energy, one.forces if forces is None else weights.forces, weights.virial or one.virial
        ),
    )


def _check_distances(configurations: Sequence[Configuration]) -> None:
    """Warn of atoms closer than physics allows; fitting to them is seldom wanted.

    Raises:
        FitError: atoms coincide, or the cell is not valid.
    """
    from ase.data import covalent_radii

    from acegen.runtime.environments import check_vectors
    from acegen.runtime.neighbours import neighbour_list

    for configuration in configurations:
        numbers = configuration.atoms.numbers
        radii = covalent_radii[numbers]
        try:
            pairs = neighbour_list(configuration.atoms, 2 * _CLOSEST * float(radii.max()))
            check_vectors(pairs.displacement, pairs.first, pairs.neighbour)
        except StructureError as error:
            raise FitError(f"{configuration.where}: {error} Correct it or leave it out.") from None
        if not len(pairs.neighbour):
            continue
        distance = np.linalg.norm(pairs.displacement, axis=1)
        ratio = distance / (radii[pairs.center] + radii[pairs.neighbour])
        worst = int(ratio.argmin())
        if ratio[worst] < _CLOSEST:
            i, j = int(pairs.center[worst]), int(pairs.neighbour[worst])
            warnings.warn(
                f"{configuration.where}: atoms {i} and {j} are {distance[worst]:.3f} Å apart, closer than physics "
                "allows. Check it; if it is intended, give it its own weight.",
                DataWarning,
                stacklevel=2,
            )
