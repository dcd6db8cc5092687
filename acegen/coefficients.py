"""Coefficients of a linear model, as a small JSON file bound to the basis they were made for.

{"format": "acegen-coefficients-1", "basis": "<SHA-256 of the basis>", "coefficients": {"Si": [...], ...}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from acegen.errors import CoefficientError

if TYPE_CHECKING:
    import numpy as np

COEFFICIENT_FORMAT = "acegen-coefficients-1"

CoefficientSource: TypeAlias = "str | Path | Mapping[str, Sequence[float] | np.ndarray[Any, Any]]"


def read_coefficients(source: CoefficientSource) -> tuple[str | None, dict[str, list[float]]]:
    """Coefficients by centre element, and the hash of the basis they belong to (None for a mapping).

    Raises:
        CoefficientError: the file cannot be read or is not a coefficient file.
    """
    if isinstance(source, Mapping):
        return None, _numbers(source, "the coefficients")
    if not isinstance(source, str | Path):
        raise CoefficientError(
            "coefficients must be a file or a mapping from centre element to numbers, such as {'Si': [...]}."
        )
    path = Path(source)
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
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
    if not isinstance(document["basis"], str) or not isinstance(document["coefficients"], dict):
        raise CoefficientError(f"{path}: 'basis' must be a hash and 'coefficients' an object of lists by element.")
    return document["basis"], _numbers(document["coefficients"], str(path))


def write_coefficients(
    path: str | Path, basis_hash: str, coefficients: Mapping[str, Sequence[float] | np.ndarray[Any, Any]]
) -> None:
    """Write a coefficient file for the basis with the given hash (`Model.basis_hash`).

    Numbers are written so that they read back exactly.

    Raises:
        CoefficientError: a value is not a finite number.
    """
    Path(path).write_text(coefficient_document(basis_hash, coefficients), encoding="utf-8")


def coefficient_document(basis_hash: str, coefficients: Mapping[str, Sequence[float] | np.ndarray[Any, Any]]) -> str:
    """Text of a coefficient file. Raises as `write_coefficients`."""
    document = {
        "format": COEFFICIENT_FORMAT,
        "basis": basis_hash,
        "coefficients": _numbers(coefficients, "the coefficients"),
    }
    return json.dumps(document, indent=1) + "\n"


def check_coefficients(
    coefficients: Mapping[str, Sequence[float]],
    own_hash: str | None,
    basis_hash: str,
    elements: Sequence[str],
    n_basis: int,
) -> None:
    """Refuse coefficients of another basis.

    Raises:
        CoefficientError: other basis hash, missing or extra elements, or a wrong number of values.
    """
    if own_hash is not None and own_hash != basis_hash:
        raise CoefficientError(
            f"the coefficients belong to another basis: they were made for {own_hash[:12]}…, this spec gives "
            f"{basis_hash[:12]}…. Use the spec they were fitted with, or fit again."
        )
    if set(coefficients) != set(elements):
        raise CoefficientError(
            f"coefficients are given for {', '.join(coefficients) or 'no element'}; "
            f"this basis needs exactly {', '.join(elements)}."
        )
    for element, values in coefficients.items():
        if len(values) != n_basis:
            raise CoefficientError(
                f"{len(values)} coefficients are given for {element}; this basis has {n_basis} functions."
            )


def _numbers(coefficients: Mapping[str, Any], where: str) -> dict[str, list[float]]:
    result = {}
    for element, values in coefficients.items():
        if not isinstance(element, str) or isinstance(values, str):
            raise CoefficientError(f"{where}: give a list of numbers for each chemical symbol, not {element!r}.")
        try:
            numbers = [float(value) for value in values]
        except (TypeError, ValueError):
            raise CoefficientError(f"{where}: the coefficients of {element} are not a list of numbers.") from None
        bad = next((position for position, value in enumerate(numbers) if not isfinite(value)), None)
        if bad is not None:
            raise CoefficientError(f"{where}: coefficient {bad} of {element} is {numbers[bad]}; it must be finite.")
        result[element] = numbers
    return result
