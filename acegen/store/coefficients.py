"""Coefficients of a linear model, as a small JSON file bound to the basis they were made for.

{"format": "acegen-coefficients-1", "basis": "<SHA-256 of the basis>", "coefficients": {"Si": [...], ...},
 "atomic_energies": {"Si": -0.8, ...}}

The last key may be missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from acegen.errors import CoefficientError
from acegen.printing import shown
from acegen.store.documents import read_json

if TYPE_CHECKING:
    import numpy as np

COEFFICIENT_FORMAT = "acegen-coefficients-1"


@dataclass(frozen=True)
class Coefficients:
    """What turns a basis into a potential.

    Attributes:
        values: by centre element, one number per basis function, in label order. Arrays are kept as lists.
        atomic_energies: eV, the energy of an atom without neighbours by element; empty if there are none.
        basis_hash: identity of the basis they were made for; None if it is not known.

    Raises:
        CoefficientError: a key is not a string, or a value is not a finite number.
    """

    values: Mapping[str, Sequence[float]]
    atomic_energies: Mapping[str, float] = field(default_factory=dict)
    basis_hash: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _numbers(self.values, "the coefficients"))
        object.__setattr__(self, "atomic_energies", _energies(self.atomic_energies, "the coefficients"))


CoefficientSource: TypeAlias = "str | Path | Coefficients | Mapping[str, Sequence[float] | np.ndarray[Any, Any]]"


def read_coefficients(source: CoefficientSource) -> Coefficients:
    """Coefficients from a file, from a mapping by centre element, or unchanged.

    Raises:
        CoefficientError: the file cannot be read or is not a coefficient file.
    """
    if isinstance(source, Coefficients):
        return source
    if isinstance(source, Mapping):
        return Coefficients(_numbers(source, "the coefficients"))
    if not isinstance(source, str | Path):
        raise CoefficientError(
            "coefficients must be a file, acegen.Coefficients, or a mapping from centre element to numbers, such as "
            "{'Si': [...]}."
        )
    path = Path(source)
    try:
        document = read_json(path)
    except OSError as error:
        raise CoefficientError(f"cannot read the coefficients {path}: {error.strerror}.") from None
    except ValueError as error:
        raise CoefficientError(f"{path} is not a coefficient file: not valid JSON ({error}).") from None
    keys = {"format", "basis", "coefficients"}
    if not isinstance(document, dict) or not keys <= document.keys() or document["format"] != COEFFICIENT_FORMAT:
        raise CoefficientError(
            f"{path} is not a coefficient file: expected an object with the keys {', '.join(sorted(keys))} "
            f"and the format '{COEFFICIENT_FORMAT}'."
        )
    unknown = next((key for key in document if key not in (*sorted(keys), "atomic_energies")), None)
    if unknown is not None:
        raise CoefficientError(
            f"{path}: unknown key {shown(unknown)}; allowed: {', '.join(sorted(keys))}, atomic_energies."
        )
    if not isinstance(document["basis"], str) or not isinstance(document["coefficients"], dict):
        raise CoefficientError(f"{path}: 'basis' must be a hash and 'coefficients' an object of lists by element.")
    values = _numbers(document["coefficients"], str(path))
    return Coefficients(values, _energies(document.get("atomic_energies", {}), str(path)), document["basis"])


def write_coefficients(
    path: str | Path,
    basis_hash: str,
    coefficients: Mapping[str, Sequence[float] | np.ndarray[Any, Any]],
    atomic_energies: Mapping[str, float] | None = None,
) -> None:
    """Write a coefficient file for the basis with the given hash (`Model.basis_hash`).

    Numbers are written to read back exactly.

    Args:
        path: of the file.
        basis_hash: identity of the basis.
        coefficients: by centre element, an array (n_basis,) in label order; eV for atoms.
        atomic_energies: energy of an atom without neighbours by element, eV; for all elements or for none.

    Raises:
        CoefficientError: a value is not a finite number.
    """
    values = _numbers(coefficients, "the coefficients")
    document = coefficient_document(Coefficients(values, atomic_energies or {}, basis_hash))
    Path(path).write_text(document, encoding="utf-8")


def coefficient_document(coefficients: Coefficients) -> str:
    """Text of the coefficient file for coefficients whose basis is known."""
    document: dict[str, Any] = {
        "format": COEFFICIENT_FORMAT,
        "basis": coefficients.basis_hash,
        "coefficients": coefficients.values,
    }
    if coefficients.atomic_energies:
        document["atomic_energies"] = coefficients.atomic_energies
    return json.dumps(document, indent=1) + "\n"


def model_hash(name: str, basis_hash: str, coefficients: Coefficients | None, uncertainty: bytes | None = None) -> str:
    """Identity of a model: SHA-256 of its name, basis, coefficients, atomic energies and uncertainty (a file)."""
    parts: list[Any] = [] if coefficients is None else [coefficients.values, coefficients.atomic_energies]
    if uncertainty is not None:
        parts.append(hashlib.sha256(uncertainty).hexdigest())
    return hashlib.sha256(json.dumps([name, basis_hash, *parts], sort_keys=True).encode()).hexdigest()


def coefficients_hash(coefficients: Coefficients) -> str:
    """Identity of coefficients and atomic energies: SHA-256, 64 hexadecimal digits."""
    text = json.dumps([coefficients.values, coefficients.atomic_energies], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def check_coefficients(
    coefficients: Coefficients,
    basis_hashes: Sequence[str],
    elements: Sequence[str],
    n_pair: int,
    n_coupled: int,
    n_densities: int = 1,
) -> None:
    """Refuse coefficients of another basis.

    Args:
        coefficients: the coefficients.
        basis_hashes: the identity of the basis, then those it had for earlier versions of acegen.
        elements: of the basis.
        n_pair: number of its pair functions.
        n_coupled: number of its other functions, which have coefficients for each density.
        n_densities: number of densities.

    Raises:
        CoefficientError: other basis hash, missing or extra elements, or a wrong number of values.
    """
    own_hash = coefficients.basis_hash
    if own_hash is not None and own_hash not in basis_hashes:
        raise CoefficientError(
            f"the coefficients belong to another basis: they were made for {own_hash[:12]}…, this spec gives "
            f"{basis_hashes[0][:12]}…. Use the spec they were fitted with (and the same version of acegen, whose "
            "defaults are part of a basis), or fit again."
        )
    if set(coefficients.values) != set(elements):
        raise CoefficientError(
            f"coefficients are given for {', '.join(coefficients.values) or 'no element'}; "
            f"this basis needs exactly {', '.join(elements)}."
        )
    if coefficients.atomic_energies and set(coefficients.atomic_energies) != set(elements):
        raise CoefficientError(
            f"atomic_energies are given for {', '.join(coefficients.atomic_energies)}; this basis needs them for "
            f"exactly {', '.join(elements)}, or not at all."
        )
    needed = f"this basis has {n_pair + n_coupled} functions"
    if n_densities > 1:
        pair = f"{n_pair} pair functions, then " if n_pair else ""
        total = n_pair + n_densities * n_coupled
        needed = f"this basis needs {total}: {pair}{n_coupled} for each of {n_densities} densities"
    for element, values in coefficients.values.items():
        if len(values) != n_pair + n_densities * n_coupled:
            raise CoefficientError(f"{len(values)} coefficients are given for {element}; {needed}.")


def _numbers(coefficients: object, where: str) -> dict[str, list[float]]:
    result = {}
    if not isinstance(coefficients, Mapping):
        raise CoefficientError(f"{where}: give a mapping from centre element to numbers, such as {{'Si': [...]}}.")
    for element, values in coefficients.items():
        if not isinstance(element, str):
            raise CoefficientError(f"{where}: give a list of numbers for each chemical symbol, not {shown(element)}.")
        try:
            numbers = [_number(value) for value in ([values] if isinstance(values, Mapping) else values)]
        except TypeError:
            raise CoefficientError(f"{where}: the coefficients of {element} are not a list of numbers.") from None
        bad = next((position for position, value in enumerate(numbers) if not isfinite(value)), None)
        if bad is not None:
            raise CoefficientError(f"{where}: coefficient {bad} of {element} is {numbers[bad]}; it must be finite.")
        result[element] = numbers
    return result


def _energies(energies: object, where: str) -> dict[str, float]:
    if not isinstance(energies, Mapping):
        raise CoefficientError(f"{where}: atomic_energies must give a number for each chemical symbol, in eV.")
    result = {}
    for element, value in energies.items():
        try:
            number = _number(value)
        except TypeError:
            number = nan
        if not isinstance(element, str) or not isfinite(number):
            raise CoefficientError(
                f"{where}: atomic_energies[{shown(element)}] = {shown(value)}; give a finite number in eV for each "
                "chemical symbol."
            )
        result[element] = number
    return result


def _number(value: Any) -> float:
    """A real number as a double, infinite if too large. Raises `TypeError` for anything else, including text."""
    if isinstance(value, bool | str | bytes):
        raise TypeError
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf
    except ValueError:
        raise TypeError from None
