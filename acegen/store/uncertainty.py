"""What a fit knows of its own uncertainty: `uncertainty.npz` in a model's folder, compiled into the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from acegen.errors import ModuleError
from acegen.printing import shown
from acegen.store.archives import archive_bytes, read_arrays, text_of
from acegen.store.coefficients import Coefficients, coefficients_hash
from acegen.store.manifest import UNCERTAINTY, module_folder
from acegen.store.replacing import whole_file

Floats = NDArray[np.float64]

UNCERTAINTY_FORMAT = "acegen-uncertainty-1"

GradeKind: TypeAlias = Literal["leverage", "posterior", "d-optimality"]

LEVELS = (0.5, 0.9, 0.95)
"""Probabilities of the intervals."""

_CALIBRATED = ("energy", "forces")
"""Fields of a committee: what is calibrated, in the order of the quantiles."""


@dataclass(frozen=True)
class Grades:
    """Grades of environments: γ = ‖rows b + constants‖ for the basis functions b of a centre.

    Attributes:
        kind: "leverage", with the Euclidean norm: rows and constants are a factor of an inverse covariance of the
            training environments, such that γ is at most 1 for each of them.
            "posterior", with the Euclidean norm: a factor of the posterior covariance of the coefficients, and γ is
            the standard deviation of the site energy in units of about the largest of a training environment.
            "d-optimality", with the largest absolute value: rows are the inverse of the active set, transposed (rows b
            are the coefficients of b in the descriptors of the active set), and constants are zero.
        rows: (elements, K, n_basis), in the order of the labels.
        constants: (elements, K).
        thresholds: γ above which a configuration is worth labelling, and above which results are not to be trusted.
        error: relative error of γ that a smaller K than would be exact causes: 95 % of the training data are within;
            0 if it is exact.
    """

    kind: GradeKind
    rows: Floats
    constants: Floats
    thresholds: tuple[float, float]
    error: float


@dataclass(frozen=True)
class Committee:
    """Samples of the posterior, as deviations from the coefficients of the potential.

    Of a sum of site energies or their derivatives, with deviations x_k, the variance is v = Σ_k x_k² / K; the standard
    deviation of the error to be expected is sqrt(floor² + scale² v).

    Attributes:
        rows: (elements, K, n_basis), eV, in the order of the labels.
        constants: (elements, K), eV: those of the energies of single atoms.
        energy: floor (eV per atom; that of a structure is proportional to its size) and scale of energies.
        forces: floor (eV/Å) and scale of the components of forces.
        quantiles: (2, len(LEVELS)): of energies and forces, the half width of the intervals that hold a true value with
            these probabilities, in standard deviations of the error to be expected.
    """

    rows: Floats
    constants: Floats
    energy: tuple[float, float]
    forces: tuple[float, float]
    quantiles: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Uncertainty:
    """Grades and committee of a model, either of which may be missing.

    Attributes:
        basis_hash: the basis they belong to.
        grades, committee: what there is.
        coefficient_hash: the coefficients they belong to, by `coefficients_hash`: thresholds and members are of one
            fit. Empty if that is not known, of what was not made by a fit.
    """

    basis_hash: str
    grades: Grades | None
    committee: Committee | None
    coefficient_hash: str = ""


UncertaintySource: TypeAlias = "str | Path | Uncertainty"
"""What is known of a model's uncertainty, or the file that says it, or the folder of a model that has one."""


def write_uncertainty(path: str | Path, uncertainty: Uncertainty) -> Path:
    """Write it to a file, or to `uncertainty.npz` in a folder. Returns the file.

    A module that was compiled with another one has to be compiled again.

    Raises:
        ModuleError: arrays have wrong shapes or values that are not finite, or the file cannot be written.
    """
    file = Path(path) / UNCERTAINTY if Path(path).is_dir() else Path(path)
    content = uncertainty_document(uncertainty)
    try:
        with whole_file(file) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise ModuleError(f"cannot write the uncertainty {file}: {error.strerror}.") from None
    return file


def read_uncertainty(path: str | Path) -> Uncertainty:
    """Read it from a model's folder, or a fit's with one model, or from a file.

    Raises:
        ModuleError: there is none, or it is damaged.
    """
    folder = module_folder(Path(path))
    file = folder / UNCERTAINTY if folder.is_dir() else folder
    if not file.exists():
        raise ModuleError(f"there are no grades or uncertainties: {file} is missing. A fit makes it.")
    try:
        arrays = read_arrays(file)
        names = ("format", "basis_hash", "coefficient_hash")
        kind, basis_hash, coefficient_hash = (text_of(arrays.pop(name)) for name in names)
    except (OSError, ValueError, KeyError):
        raise ModuleError(f"{file} is damaged or not the uncertainty of a model. Fit again.") from None
    if kind != UNCERTAINTY_FORMAT:
        raise ModuleError(
            f"{file} has the format {shown(kind)}, but this acegen reads '{UNCERTAINTY_FORMAT}'. Fit again."
        )
    try:
        grades, committee = _grades_of(arrays), _committee_of(arrays)
        if arrays:
            raise ValueError(f"{shown(next(iter(arrays)))} is unknown")
    except KeyError as error:
        raise ModuleError(f"{file} is not the uncertainty of a model: it lacks {error}. Fit again.") from None
    except ValueError as error:
        raise ModuleError(f"{file} is not the uncertainty of a model: {error}. Fit again.") from None
    uncertainty = Uncertainty(basis_hash, grades, committee, coefficient_hash)
    _check(uncertainty, str(file))
    return uncertainty


def uncertainty_of(source: UncertaintySource) -> Uncertainty:
    """The uncertainty from a file or folder, or the one given, checked.

    Raises:
        ModuleError: there is none, it is damaged, or contradicts itself.
    """
    if isinstance(source, Uncertainty):
        _check(source, "the uncertainty")
        return source
    if not isinstance(source, str | Path):
        raise ModuleError(
            f"uncertainty = {shown(source)} is not possible; give the file that a fit made, or its folder."
        )
    return read_uncertainty(source)


def check_uncertainty(
    uncertainty: Uncertainty, basis_hashes: Sequence[str], elements: Sequence[str], n_basis: int
) -> None:
    """Refuse what belongs to another basis.

    Args:
        uncertainty: the uncertainty.
        basis_hashes: the identity of the basis, then those it had for earlier versions of acegen.
        elements: of the basis.
        n_basis: number of its functions.

    Raises:
        ModuleError: other basis hash, elements or number of functions.
    """
    own_hash = uncertainty.basis_hash
    if own_hash not in basis_hashes:
        raise ModuleError(
            f"the uncertainty belongs to another basis: it was made for {own_hash[:12] or 'none'}…, this spec gives "
            f"{basis_hashes[0][:12]}…. Use that of the fit that made the coefficients."
        )
    for name, part in (("grades", uncertainty.grades), ("committee", uncertainty.committee)):
        if part is not None and (len(part.rows), part.rows.shape[2]) != (len(elements), n_basis):
            raise ModuleError(
                f"the {name} are for {len(part.rows)} elements with {part.rows.shape[2]} functions each; this basis "
                f"has {len(elements)} ({', '.join(elements)}) with {n_basis}. Use those of the fit that made the "
                "coefficients."
            )


def bound_to(coefficients: Coefficients, uncertainty: Uncertainty) -> Uncertainty:
    """The uncertainty of a potential with these coefficients, which it says from now on.

    Raises:
        ModuleError: it belongs to other coefficients.
    """
    own_hash, given = uncertainty.coefficient_hash, coefficients_hash(coefficients)
    if own_hash not in ("", given):
        raise ModuleError(
            f"the uncertainty belongs to other coefficients or atomic energies: those of its fit have the hash "
            f"{own_hash[:12]}…, these have {given[:12]}…. Take both from the same fit, or leave the uncertainty out."
        )
    return replace(uncertainty, coefficient_hash=given)


def uncertainty_document(uncertainty: Uncertainty) -> bytes:
    """Content of the file; the same for the same uncertainty. Raises as `write_uncertainty`."""
    _check(uncertainty, "the uncertainty to be written")
    arrays: dict[str, Any] = {
        "format": np.array(UNCERTAINTY_FORMAT),
        "basis_hash": np.array(uncertainty.basis_hash),
        "coefficient_hash": np.array(uncertainty.coefficient_hash),
    }
    for prefix, part in (("grade", uncertainty.grades), ("committee", uncertainty.committee)):
        for field in () if part is None else fields(part):
            value = getattr(part, field.name)
            arrays[f"{prefix}_{field.name}"] = np.array(value) if field.name == "kind" else np.array(value, np.float64)
    return archive_bytes(arrays)


def _grades_of(arrays: dict[str, NDArray[Any]]) -> Grades | None:
    """Take what belongs to grades out of the arrays. Raises `KeyError`, or `ValueError` with what is wrong."""
    if "grade_kind" not in arrays:
        return None
    try:
        kind = text_of(arrays.pop("grade_kind"))
    except ValueError:
        kind = ""
    if kind not in get_args(GradeKind):
        raise ValueError(f"grade_kind = {shown(kind)} is none of {', '.join(get_args(GradeKind))}")
    rows, constants = _doubles(arrays, "grade_rows", 3), _doubles(arrays, "grade_constants", 2)
    select, stop = _numbers(arrays, "grade_thresholds", 2)
    return Grades(kind, rows, constants, (select, stop), float(_doubles(arrays, "grade_error", 0)))  # type: ignore[arg-type]


def _committee_of(arrays: dict[str, NDArray[Any]]) -> Committee | None:
    """The same for a committee."""
    if "committee_rows" not in arrays:
        return None
    rows, constants = _doubles(arrays, "committee_rows", 3), _doubles(arrays, "committee_constants", 2)
    (floor, scale), (of_forces, scale_of_forces) = (_numbers(arrays, f"committee_{name}", 2) for name in _CALIBRATED)
    quantiles = _doubles(arrays, "committee_quantiles", 2).tolist()
    return Committee(rows, constants, (floor, scale), (of_forces, scale_of_forces), tuple(map(tuple, quantiles)))


def _doubles(arrays: dict[str, NDArray[Any]], name: str, n_axes: int) -> Floats:
    array = arrays.pop(name)
    if array.ndim != n_axes or array.dtype != np.float64:
        raise ValueError(f"{name} has the shape {array.shape} and type {array.dtype}, not {n_axes} axes of float64")
    return array


def _numbers(arrays: dict[str, NDArray[Any]], name: str, count: int) -> list[float]:
    array = _doubles(arrays, name, 1)
    if len(array) != count:
        raise ValueError(f"{name} has {len(array)} numbers, not {count}")
    return [float(value) for value in array]


def _check(uncertainty: Uncertainty, where: str) -> None:
    """Refuse what contradicts itself."""
    for fault in _faults(uncertainty):
        raise ModuleError(f"{where} cannot be used: {fault}. Fit again.")


def _faults(uncertainty: Uncertainty) -> Iterator[str]:
    parts = [part for part in (uncertainty.grades, uncertainty.committee) if part is not None]
    for name, part in zip(("grades", "committee"), (uncertainty.grades, uncertainty.committee), strict=True):
        if part is None:
            continue
        rows, constants = part.rows, part.constants
        if rows.ndim != 3 or not rows.size or constants.shape != rows.shape[:2]:
            yield (
                f"the {name} have rows of shape {rows.shape} and constants of shape {constants.shape}; expected "
                "(elements, K, functions) and (elements, K)"
            )
        elif not np.isfinite(rows).all() or not np.isfinite(constants).all():
            yield f"the {name} have values that are not finite"
    if len({(len(part.rows), part.rows.shape[-1]) for part in parts}) > 1:
        yield "grades and committee are of different bases"
    if uncertainty.grades is not None:
        yield from _grade_faults(uncertainty.grades)
    if uncertainty.committee is not None:
        yield from _committee_faults(uncertainty.committee)


def _grade_faults(grades: Grades) -> Iterator[str]:
    if grades.kind not in get_args(GradeKind):
        yield f"grades of kind {shown(grades.kind)} are not known, only {', '.join(get_args(GradeKind))}"
    if grades.kind == "d-optimality" and grades.constants.any():
        yield "grades of kind d-optimality have constants"
    select, stop = grades.thresholds
    if not 0 < select <= stop < inf:
        yield f"the thresholds of grades are {select:g} and {stop:g}; expected 0 < first ≤ second"
    if not 0 <= grades.error < inf:
        yield f"the relative error of grades is {grades.error:g}; expected a number of at least 0"


def _committee_faults(committee: Committee) -> Iterator[str]:
    for name in _CALIBRATED:
        floor, scale = getattr(committee, name)
        if not (0 <= floor < inf and 0 <= scale < inf):
            yield f"floor and scale of {name} are {floor:g} and {scale:g}; expected numbers of at least 0"
    if len(committee.quantiles) != len(_CALIBRATED) or any(len(row) != len(LEVELS) for row in committee.quantiles):
        yield f"quantiles are expected for {' and '.join(_CALIBRATED)} and {len(LEVELS)} levels"
    for row in committee.quantiles:
        if any(not low <= high for low, high in pairwise((0.0, *row))) or not all(map(isfinite, row)):
            yield "quantiles are not finite numbers of at least 0 that ascend"
