"""Labelled configurations: read through ASE, checked, split and weighted."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from acegen.errors import DataWarning, FitError, StructureError
from acegen.fit.settings import FitSettings, KeySettings
from acegen.fit.virials import VirialLabels

if TYPE_CHECKING:
    from ase import Atoms

Floats = NDArray[np.float64]

UNNAMED = "unnamed"
"""Kind of configurations without a `config_type`."""

_CLOSEST = 0.55
"""Distances below this part of the sum of covalent radii do not occur below some hundred GPa."""

_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclass(frozen=True)
class Configuration:
    """A structure with its labels.

    Attributes:
        atoms: the structure, without calculator.
        where: file and number, for messages.
        config_type: kind of configuration.
        energy: total energy, eV, or None.
        forces: (N, 3), eV/Å, or None.
        virial: xx, yy, zz, yz, xz, xy, eV, or None.
        weight: factor of all its residuals.
    """

    atoms: Atoms
    where: str
    config_type: str
    energy: float | None
    forces: Floats | None
    virial: Floats | None
    weight: float = 1.0

    def counts(self, elements: Sequence[str]) -> Floats:
        """Number of atoms of each element, (elements,)."""
        symbols = self.atoms.get_chemical_symbols()
        return np.array([symbols.count(element) for element in elements], dtype=np.float64)

    @property
    def content(self) -> bytes:
        """Hash of everything that enters a fit."""
        digest = hashlib.sha256()
        parts = [self.atoms.numbers, self.atoms.positions, self.atoms.cell.array, self.atoms.pbc]
        for part in (*parts, self.energy, self.forces, self.virial, self.weight):
            digest.update(b"-" if part is None else np.ascontiguousarray(part).tobytes())
        return digest.digest()


@dataclass(frozen=True)
class Dataset:
    """Configurations of one part."""

    configurations: tuple[Configuration, ...]

    @property
    def missing(self) -> dict[str, int]:
        """Configurations without a usable label by quantity; "all": with neither energy nor forces."""
        labels = [(c.energy is None, c.forces is None, c.virial is None) for c in self.configurations]
        names = ("energy", "forces", "virial")
        counts = {name: sum(row[i] for row in labels) for i, name in enumerate(names)}
        return counts | {"all": sum(row[0] and row[1] for row in labels)}

    @property
    def n_atoms(self) -> int:
        return sum(len(c.atoms) for c in self.configurations)

    @property
    def n_labels(self) -> dict[str, int]:
        """Number of energies, force components and virial components."""
        return {
            "energy": sum(c.energy is not None for c in self.configurations),
            "forces": sum(c.forces.size for c in self.configurations if c.forces is not None),
            "virial": sum(c.virial.size for c in self.configurations if c.virial is not None),
        }


@dataclass(frozen=True)
class Parts:
    """Data of a fit. Training and validation data decide; test data are only reported on."""

    training: Dataset
    validation: Dataset
    test: Dataset


def read_parts(settings: FitSettings) -> Parts:
    """Read, split and weight the data of a fit.

    Raises:
        FitError: as `read_dataset`, `split` and `weighted`, or nothing is left to fit to.
    """
    data, elements = settings.data, settings.spec.basis.elements
    training = read_dataset(data.train, data.keys, elements)
    if isinstance(data.validation, tuple):
        validation = read_dataset(data.validation, data.keys, elements, chosen_occur=False)
    else:
        training, validation = split(training, data.validation, data.seed)
    test = read_dataset(data.test, data.keys, elements, chosen_occur=False) if data.test else Dataset(())
    kinds = {c.config_type for part in (training, validation) for c in part.configurations}
    by_kind = settings.weights.config_type
    training, validation = (weighted(part, by_kind, kinds) for part in (training, validation))
    if not any(training.n_labels[quantity] for quantity in ("energy", "forces")):
        raise FitError(
            f"the training data have no usable energy and no usable forces ({len(training.configurations)} "
            "configurations of weight above zero). Look at data.train, data.keys and weights.config_type."
        )
    return Parts(training, validation, test)


def read_dataset(
    files: Sequence[str], keys: KeySettings, elements: Sequence[str], chosen_occur: bool = True
) -> Dataset:
    """Read extended-XYZ files (or anything else ASE reads).

    Labels that are absent or not finite are left out and counted.

    Args:
        files: their paths.
        keys: names of the labels.
        elements: that may occur.
        chosen_occur: whether keys that were set by hand must occur in one of the files.

    Raises:
        FitError: a file cannot be read or is empty, it has neither energies nor forces, a key set by hand occurs
            nowhere, an element is not in the spec, a label has the wrong shape, or a structure cannot be evaluated.
            The message names file, configuration, and what to do.
    """
    configurations: list[Configuration] = []
    virials = VirialLabels()
    present: dict[str, set[str]] = {}
    for file in files:
        frames = list(_frames(file))
        if not frames:
            raise FitError(f"{file} holds no configuration. Give a file with at least one.")
        present[file] = set().union(*map(_keys_of, frames))
        _check_labels(file, present[file], keys)
        for number, atoms in enumerate(frames):
            where = f"{file}, configuration {number}"
            configurations.append(_configuration(atoms, where, keys, elements, virials))
    if chosen_occur:
        _check_chosen_keys(present, keys)
    virials.warn()
    _check_distances(configurations)
    return Dataset(tuple(configurations))


def split(dataset: Dataset, part: float, seed: int) -> tuple[Dataset, Dataset]:
    """Training and validation part, the latter the given part of each kind of configuration.

    Of a kind with one configuration nothing is taken; otherwise at least one, if `part` is above zero. The same seed
    gives the same split.

    Raises:
        FitError: nothing is left to validate with.
    """
    rng = np.random.default_rng(seed)
    kinds: dict[str, list[int]] = {}
    for number, configuration in enumerate(dataset.configurations):
        kinds.setdefault(configuration.config_type, []).append(number)
    chosen: set[int] = set()
    for kind in sorted(kinds):
        count = round(part * len(kinds[kind]))
        count = max(count, 1) if part > 0 and len(kinds[kind]) > 1 else 0
        chosen |= set(rng.permutation(kinds[kind])[:count].tolist())
    if part > 0 and not chosen:
        raise FitError(
            f"{len(dataset.configurations)} training configurations leave none for validation. Give more, give "
            "files for data.validation, or set data.validation = 0 and solver.strength and the weights by hand."
        )
    parts = [[c for i, c in enumerate(dataset.configurations) if (i in chosen) == wanted] for wanted in (False, True)]
    return replace(dataset, configurations=tuple(parts[0])), Dataset(tuple(parts[1]))


def weighted(dataset: Dataset, by_kind: dict[str, float], kinds: set[str]) -> Dataset:
    """The configurations with the factor of their kind; those of factor zero are left out.

    Raises:
        FitError: a factor is given for a kind that does not occur.
    """
    for kind in by_kind:
        if kind not in kinds:
            close = get_close_matches(kind, kinds, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise FitError(f"weights.config_type names '{kind}', which no configuration is{hint}; {_listed(kinds)}.")
    changed = [replace(c, weight=by_kind.get(c.config_type, 1.0)) for c in dataset.configurations]
    return replace(dataset, configurations=tuple(c for c in changed if c.weight > 0))


def _listed(names: set[str]) -> str:
    return f"there are {', '.join(sorted(names))}" if names else "there are none"


def _frames(file: str) -> Iterator[Atoms]:
    try:
        from ase.io import iread
    except ImportError:
        raise FitError('reading structures needs ASE. Install it with: pip install "acegen[fit]"') from None
    if not Path(file).is_file():
        raise FitError(f"cannot read {file}: no such file. Give the path of an extended-XYZ file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from iread(file, ":")
    except Exception as error:  # ASE's readers raise whatever the malformed text makes them raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FitError(
            f"cannot read {file}: {reason}. Give a file in extended XYZ, or another that ASE reads."
        ) from None


def _check_labels(file: str, present: set[str], keys: KeySettings) -> None:
    """Each file must have energies or forces."""
    if not present & {keys.energy, keys.forces}:
        raise FitError(
            f"{file}: no configuration has an energy or forces under {keys.energy!r} and {keys.forces!r}; "
            f"{_has(present)}. Name the right ones in data.keys."
        )


def _check_chosen_keys(present: dict[str, set[str]], keys: KeySettings) -> None:
    """A key set by hand must occur in one of the files."""
    everything = set().union(*present.values())
    for name in sorted(keys.model_fields_set):
        key = getattr(keys, name)
        if key is not None and key not in everything:
            close = get_close_matches(key, everything, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise FitError(
                f"{', '.join(present)}: no configuration has '{key}' (data.keys.{name}){hint}; {_has(everything)}."
            )


def _has(keys: set[str]) -> str:
    return f"there are {', '.join(sorted(keys))}" if keys else "there are no labels at all"


def _keys_of(atoms: Atoms) -> set[str]:
    own = {"numbers", "positions"}
    results = atoms.calc.results if atoms.calc is not None else {}
    return set(atoms.info) | (set(atoms.arrays) - own) | set(results)


def _label(atoms: Atoms, key: str | None) -> Any:
    """A label wherever ASE's readers put it."""
    if key is None:
        return None
    for place in (atoms.calc.results if atoms.calc is not None else {}, atoms.info, atoms.arrays):
        if key in place:
            return place[key]
    return None


def _configuration(
    atoms: Atoms, where: str, keys: KeySettings, elements: Sequence[str], virials: VirialLabels
) -> Configuration:
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(elements))
    if unknown:
        raise FitError(
            f"{where} holds {', '.join(unknown)}; the spec has {', '.join(elements)}. Add the element to "
            "basis.elements, or leave the configuration out."
        )
    if len(atoms) == 0:
        raise FitError(f"{where} holds no atoms. Leave it out.")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise FitError(f"{where} has positions or a cell that are not finite. Mend it or leave it out.")
    energy = _numbers(_label(atoms, keys.energy), (), where, keys.energy)
    forces = _numbers(_label(atoms, keys.forces), (len(atoms), 3), where, keys.forces)
    virial = _virial(_label(atoms, keys.virial), where, keys.virial)
    stress = _virial(_label(atoms, keys.stress), where, keys.stress)
    virial = virials.choose(atoms, where, virial, stress, forces)
    plain = atoms.copy()
    plain.calc = None
    plain.info, plain.constraints = {}, []
    kind = str(atoms.info.get(keys.config_type, UNNAMED))
    six = None if virial is None else voigt(virial)
    return Configuration(plain, where, kind, None if energy is None else float(energy), forces, six)


def _numbers(value: Any, shape: tuple[int, ...], where: str, key: str | None) -> Floats | None:
    """A label as an array of the given shape; None if absent or not finite."""
    if value is None:
        return None
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise FitError(f"{where}: '{key}' is no number: {str(value)[:40]!r}. Mend it or name another key.") from None
    if array.shape != shape and not (shape == () and array.size == 1):
        wanted = " × ".join(map(str, shape)) or "one number"
        raise FitError(
            f"{where}: '{key}' has the shape {' × '.join(map(str, array.shape)) or 'of one number'}; it must have "
            f"{wanted}. Mend it or name another key in data.keys."
        )
    if not np.isfinite(array).all():
        warnings.warn(f"{where}: '{key}' is not finite; it is left out.", DataWarning, stacklevel=2)
        return None
    return array.reshape(shape)


def _virial(value: Any, where: str, key: str | None) -> Floats | None:
    """A virial or stress as a 3 × 3 matrix."""
    if value is None:
        return None
    size = np.size(value)
    if size == 6:
        six = _numbers(np.ravel(value), (6,), where, key)
        if six is None:
            return None
        matrix = np.empty((3, 3))
        for number, (i, j) in zip(six, _VOIGT, strict=True):
            matrix[i, j] = matrix[j, i] = number
        return matrix
    return _numbers(np.reshape(value, (3, 3)) if size == 9 else value, (3, 3), where, key)


def voigt(matrix: Floats) -> Floats:
    """The symmetric part of a 3 × 3 matrix as xx, yy, zz, yz, xz, xy."""
    symmetric = (matrix + matrix.T) / 2
    return np.array([symmetric[i, j] for i, j in _VOIGT])


def _check_distances(configurations: Sequence[Configuration]) -> None:
    """Warn of atoms closer than physics allows; a fit to them is seldom wanted.

    Raises:
        FitError: atoms coincide, or the cell is none.
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
            raise FitError(f"{configuration.where}: {error} Mend it or leave it out.") from None
        if not len(pairs.neighbour):
            continue
        distance = np.linalg.norm(pairs.displacement, axis=1)
        ratio = distance / (radii[pairs.center] + radii[pairs.neighbour])
        worst = int(ratio.argmin())
        if ratio[worst] < _CLOSEST:
            i, j = int(pairs.center[worst]), int(pairs.neighbour[worst])
            warnings.warn(
                f"{configuration.where}: atoms {i} and {j} are {distance[worst]:.3f} Å apart, closer than physics "
                "allows. Check it; if it is meant, give it a weight of its own.",
                DataWarning,
                stacklevel=2,
            )
