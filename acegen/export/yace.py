"""The target `yace`: a potential file for ML-PACE, LAMMPS' pair styles pace and pace/kk.

The potential is written from the exact basis and the coefficients (`acegen.yace.conversion`), read back from the file,
and compared with the compiled model. What differs by more than the tolerance is not exported. A model that was made
from a potential file is written as it was read, but for as many densities of every element: so a `.yaml` of pacemaker
or an `.ace` becomes a `.yace`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

from acegen.errors import ExportError
from acegen.export.example import write_example
from acegen.export.read_back import Agreement, compare
from acegen.export.source import PotentialSource
from acegen.progress import Progress
from acegen.runtime import Model
from acegen.store.coefficients import read_coefficients
from acegen.store.files import COEFFICIENTS
from acegen.store.manifest import POTENTIAL
from acegen.yace.conversion.basis import ExportedBond, ExportedPotential
from acegen.yace.conversion.module import exported_module, with_equal_densities
from acegen.yace.conversion.radial import MOST_FUNCTIONS
from acegen.yace.reading import read_potential
from acegen.yace.writing import potential_text

TOLERANCE = {"double": 1e-8, "single": 1e-4}
"""Largest difference of an export from its model by default, by precision of the model."""

APPROXIMATE = 1e-3
"""The same where the format can only approximate the model."""


@dataclass(frozen=True)
class YaceContext:
    """What the templates of the target are told.

    Attributes:
        name, elements, cutoff: of the model.
        version: of acegen.
        model_hash: identity of the model.
        size: of the potential file, bytes.
        n_functions: number of its functions, of all centres.
        n_products: number of their combinations of m.
        bonds: by centre and neighbour; none if the model was made from a potential file.
        agreement: with the model.
        core: what replaces the fitted part at short distances, "free atoms" or "ZBL"; "" without a core.
        n_densities: number of densities of every element.
        approximated: what the format can only approximate, and why.
        example_energy: of the example, eV.
    """

    name: str
    elements: tuple[str, ...]
    cutoff: float
    version: str
    model_hash: str
    size: int
    n_functions: int
    n_products: int
    bonds: tuple[ExportedBond, ...]
    agreement: Agreement
    core: str
    n_densities: int
    approximated: tuple[str, ...]
    example_energy: float
    uncertain: bool

    def values(self) -> dict[str, Any]:
        """By name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def write_potential(source: PotentialSource, folder: Path, tolerance: float | None, progress: Progress) -> YaceContext:
    """Write NAME.yace and an example.

    Raises:
        ExportError: the format cannot say what the model computes, or only with an error above the tolerance.
    """
    model = source.model
    with progress.stage("expand"):
        exported = _exported(model)
        functions = [function for of_center in exported.potential.functions for function in of_center]
        n_products = sum(len(function.ms) for function in functions)
        progress.report(f"{len(functions):,} functions, {n_products:,} products")
    path = folder / f"{model.name}.yace"
    with progress.stage("write"):
        text = potential_text(exported.potential)
        path.write_text(text, encoding="utf-8")
        progress.report(f"{len(text.encode()):,} bytes")
    with progress.stage("compare"):
        agreement = compare(model, exported, read_potential(path))
        progress.report(
            f"read back, {agreement.environments} environments: energies within {agreement.energy:.1e}, forces within "
            f"{agreement.forces:.1e}, relative"
        )
    if tolerance is None:
        tolerance = APPROXIMATE if exported.approximated else TOLERANCE[model.precision]
    _check(source, exported, agreement, tolerance)
    return YaceContext(
        name=model.name,
        elements=model.elements,
        cutoff=model.cutoff,
        version=source.context()["version"],
        model_hash=source.manifest.model_hash,
        size=len(text.encode()),
        n_functions=len(functions),
        n_products=n_products,
        bonds=exported.bonds,
        agreement=agreement,
        core=exported.core,
        n_densities=len(exported.potential.embeddings[0].terms),
        approximated=tuple(_REASONS[reason] for reason in exported.approximated),
        example_energy=write_example(model, folder).energy,
        uncertain=model.has_grades or model.n_members > 0,
    )


def _exported(model: Model) -> ExportedPotential:
    """The potential of a model."""
    if not model.has_basis:
        potential = with_equal_densities(read_potential(model.path / POTENTIAL))
        return ExportedPotential(potential, bonds=(), core="", approximated=())
    coefficients = read_coefficients(model.path / COEFFICIENTS)
    return exported_module(model.name, model.basis_hash, model.description, coefficients)


def _check(source: PotentialSource, exported: ExportedPotential, agreement: Agreement, tolerance: float) -> None:
    """Refuse an export that differs too much."""
    if agreement.worst <= tolerance:
        return
    if not isfinite(agreement.worst):
        raise ExportError(f"the coefficients of {source.model.name} are too large: its energies overflow.")
    raise ExportError(
        f"the export of {source.model.name} differs from the model by {agreement.energy:.1e} in energies and "
        f"{agreement.forces:.1e} in forces (relative), more than the tolerance {tolerance:g}. {_advice(exported)} To "
        "export it all the same, raise the tolerance (--tolerance)."
    )


def _advice(exported: ExportedPotential) -> str:
    """What makes the largest error, and how to avoid it."""
    if not exported.approximated:
        return "The radial functions of the model are exact, so this is the precision of its arithmetic."
    worst = max(exported.bonds, key=lambda bond: bond.error + bond.pair_error)
    return (
        " ".join(_REASONS[reason] for reason in exported.approximated)
        + f" The error is {worst.error:.1e} of the largest value in radial functions and {worst.pair_error:.1e} eV in "
        f"those of order 1 of {worst.center}-{worst.neighbour}."
    )


_REASONS = {
    "cutoffs": "ML-PACE has one cutoff for pair term and other functions; those that end before it are approximated. A "
    "model without pair.cutoff is exact.",
    "ZBL": "ML-PACE has no ZBL core that is added to the fitted part; it is approximated. A model with [inner_cutoff] "
    "below the smallest distance of the data, and zbl.outer at most inner_cutoff.outer, is exact where no atoms are "
    "closer.",
    "length": f"Series of radial functions are cut after {MOST_FUNCTIONS} functions g_k; a lower pair.degree, or a "
    "larger r0, needs fewer.",
}
"""Why something is approximated, and how to avoid it."""
