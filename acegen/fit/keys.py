"""The keys under which a file has its labels: keys that were named but are missing, and similar ones not named."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from acegen.errors import DataWarning, FitError
from acegen.fit.findings import listed
from acegen.fit.labels import find_label
from acegen.fit.settings import KeySettings

if TYPE_CHECKING:
    from ase import Atoms


class _Kind(NamedTuple):
    """A kind of label: the keys that may hold it, its usual names, and its shapes.

    Attributes:
        keys: entries of data.keys; one of them is enough.
        called: matches the letters of a name, in lower case.
        not_called: matches names of something else.
        fits: whether a value could be such a label for a number of atoms.
    """

    keys: tuple[str, ...]
    called: str
    not_called: str
    fits: Callable[[Any, int], bool]


def _one(value: Any, _n_atoms: int) -> bool:
    return np.size(value) == 1 and _numeric(value)


def _vectors(value: Any, n_atoms: int) -> bool:
    return np.shape(value) == (n_atoms, 3) and _numeric(value)


def _tensor(value: Any, _n_atoms: int) -> bool:
    if isinstance(value, str):
        return value.lstrip().startswith("[")
    return np.shape(value) in ((6,), (9,), (3, 3)) and _numeric(value)


def _factors(value: Any, n_atoms: int) -> bool:
    return (np.size(value) == 1 or np.shape(value) == (n_atoms,)) and _numeric(value)


def _name(value: Any, _n_atoms: int) -> bool:
    return isinstance(value, str | int)


def _numeric(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "iuf"


_KINDS = {
    "energy": _Kind(
        ("energy",),
        r"en(er|r|e)?g(y|ie)|^(.*_)?(e|u|etot|toten|e0)$",
        r"peratom|energies|weight|kinetic|cutoff|fermi|std|sigma|var$|err|thresh|max|min",
        _one,
    ),
    "forces": _Kind(("forces",), r"forc|frc|fores|^(.*_)?f$", r"weight|std|sigma|var$|err|max", _vectors),
    "virial": _Kind(("virial", "stress"), r"viri|vrial|stres", r"weight|std|sigma|var$|err|max", _tensor),
    "config_type": _Kind(("config_type",), r"conf(ig(uration)?)?[_-]?type$", r"^$", _name),
    "weight": _Kind(
        ("weight", "energy_weight", "forces_weight", "virial_weight", "stress_weight"),
        r"weights?$|^w_?(e|energy|f|forces|s|stress|v|virial)$",
        r"molec|molar|atomicw|mass",
        _factors,
    ),
}


def keys_of(atoms: Atoms) -> set[str]:
    """All keys of a configuration except those of its structure."""
    own = {"numbers", "positions"}
    results = atoms.calc.results if atoms.calc is not None else {}
    return set(atoms.info) | (set(atoms.arrays) - own) | set(results)


def check_labels(file: str, present: set[str], keys: KeySettings) -> None:
    """Each file must have energies or forces.

    Raises:
        FitError: it has neither.
    """
    if not present & {keys.energy, keys.forces}:
        raise FitError(
            f"{file}: no configuration has an energy or forces under {keys.energy!r} and {keys.forces!r}; "
            f"{_has(present)}. Name the right ones in data.keys."
        )


def check_chosen_keys(present: Mapping[str, set[str]], keys: KeySettings) -> None:
    """A key set by hand must occur in one of the files.

    Raises:
        FitError: it does not.
    """
    everything = set().union(*present.values())
    for name in sorted(keys.model_fields_set):
        key = getattr(keys, name)
        if key is not None and key not in everything:
            close = get_close_matches(key, everything, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise FitError(
                f"{', '.join(present)}: no configuration has '{key}' (data.keys.{name}){hint}; {_has(everything)}."
            )


def likely_keys(frames: Iterable[Atoms], chosen: KeySettings) -> dict[str, str]:
    """Names of labels that these configurations have under other names than those of `chosen`.

    Args:
        frames: the configurations.
        chosen: names that are known; a label that occurs under them is not looked for.

    Returns:
        By entry of `data.keys` the name that most configurations have; of a tie, the first by the alphabet.
    """
    found: dict[str, Counter[str]] = {name: Counter() for name in _KINDS if name != "weight"}
    used = {key for key in chosen.model_dump().values() if key is not None}
    for atoms in frames:
        present = keys_of(atoms)
        for name, names in found.items():
            kind = _KINDS[name]
            if present & {getattr(chosen, attribute) for attribute in kind.keys}:
                names.clear()
                names[""] += 1 << 30  # nothing to look for, whatever else there is
                continue
            others = (other for other in present - used if _is_called(name, other))
            names.update(other for other in others if kind.fits(find_label(atoms, other), len(atoms)))
    result = {}
    for name, names in found.items():
        best = min(names, key=lambda key: (-names[key], key), default="")
        if best:
            result["stress" if name == "virial" and "stres" in best.lower() else name] = best
    return result


class IdleWeights:
    """Weights above zero of missing labels: a label may have another name, or be missing by mistake."""

    def __init__(self, keys: KeySettings) -> None:
        self._pairs = {
            getattr(keys, weight): [key for key in (getattr(keys, label) for label in labels) if key is not None]
            for weight, labels in (
                ("energy_weight", ("energy",)),
                ("forces_weight", ("forces",)),
                ("virial_weight", ("virial", "stress")),
                ("stress_weight", ("virial", "stress")),
            )
        }
        self._places: dict[str, list[str]] = {}

    def look(self, where: str, atoms: Atoms) -> None:
        """Examine a configuration."""
        for weight, labels in self._pairs.items():
            value = find_label(atoms, weight)
            if value is not None and np.any(value) and all(find_label(atoms, label) is None for label in labels):
                self._places.setdefault(weight, []).append(where)

    def warn(self) -> None:
        """A warning for each weight, with some of the configurations."""
        for weight, places in self._places.items():
            labels = " or ".join(f"'{label}'" for label in self._pairs[weight]) or "such a label"
            warnings.warn(
                f"the weight '{weight}' is given without {labels}, and has no effect: {listed(places)}. Check the "
                "names in data.keys.",
                DataWarning,
                stacklevel=3,
            )


class Lookalikes:
    """Labels under names that only nearly match those of data.keys, and are therefore not read.

    Energies or forces that a file has only under such names stop the fit; if only some configurations have them so, and
    for virials, kinds and weights, there is a warning.
    """

    def __init__(self, keys: KeySettings) -> None:
        self._keys = keys
        fields = KeySettings.model_fields  # the default name of a label that is not wanted is ignored too
        self._used = {fields[name].default if key is None else key for name, key in keys.model_dump().items()}
        self._found: dict[str, dict[str, list[str]]] = {}
        self._refusal: FitError | None = None

    def look(self, file: str, frames: Mapping[str, Atoms]) -> None:
        """Examine the configurations of a file, given by their names in messages."""
        for name, kind in _KINDS.items():
            chosen = [key for key in (getattr(self._keys, attribute) for attribute in kind.keys) if key is not None]
            if not chosen:
                continue
            found: dict[str, list[str]] = {}
            absent = 0
            for where, atoms in frames.items():
                if name != "weight" and any(find_label(atoms, key) is not None for key in chosen):
                    continue
                absent += 1
                for other in self._similar(atoms, name):
                    found.setdefault(other, []).append(where)
            if found and absent == len(frames) and name in ("energy", "forces"):
                self._refusal = self._refusal or FitError(
                    f"{file}: no configuration has '{chosen[0]}', but {_quoted(found)} looks like it. To use it, set "
                    f'data.keys.{name} = "{next(iter(found))}"; to ignore it, data.keys.{name} = "".'
                )
            for other, places in found.items():
                self._found.setdefault(name, {}).setdefault(other, []).extend(places)

    def report(self) -> None:
        """A warning for each kind of label, with some of the configurations.

        Raises:
            FitError: a file has energies or forces under names that are not read, and none under those that are.
        """
        if self._refusal is not None:
            raise self._refusal
        for name, found in self._found.items():
            places = list(dict.fromkeys(place for own in found.values() for place in own))
            attributes = _KINDS[name].keys
            looked = " or ".join(f"'{getattr(self._keys, key)}'" for key in attributes if getattr(self._keys, key))
            if name == "weight":
                text = f"{_quoted(found)} looks like a weight and is not used; weights are {looked}"
            else:
                text = f"{_quoted(found)} looks like a label of {name} and is not read; {looked} is"
            warnings.warn(
                f"{text}: {listed(places)}. To use it, name it in data.keys ({', '.join(attributes)}).",
                DataWarning,
                stacklevel=3,
            )

    def _similar(self, atoms: Atoms, name: str) -> list[str]:
        kind = _KINDS[name]
        others = sorted(other for other in keys_of(atoms) - self._used if _is_called(name, other))
        return [other for other in others if kind.fits(find_label(atoms, other), len(atoms))]


@lru_cache(maxsize=4096)
def _is_called(name: str, other: str) -> bool:
    kind, text = _KINDS[name], other.lower()
    letters = re.sub(r"[^a-z]", "", text)
    called = any(re.search(kind.called, form) for form in (text, letters))
    return called and not any(re.search(kind.not_called, form) for form in (text, letters))


def _quoted(names: Mapping[str, object]) -> str:
    return " or ".join(f"'{name}'" for name in names)


def _has(keys: set[str]) -> str:
    return f"there are {', '.join(sorted(keys))}" if keys else "there are no labels at all"
