"""The meaning of virial and stress labels, and whether they can be right.

The virial W = Σ r⊗f is minus the derivative of the energy with respect to strain, eV, including periodic images. The
periodic directions determine which of its components a label has to agree with:

pbc                 stress (eV/Å³)                virial (eV)
------------------  ----------------------------  -----------------------------------------------------------------
in all directions   W = -volume · stress          as given; a stress beside it must agree
in some             left out: it has no volume    components along directions that are not periodic are Σ r⊗f of the
                                                  atoms, exactly
in none             left out: it has no volume    all components are Σ r⊗f of the atoms, exactly

The rank of the cell is not used: many clusters come with the box they were calculated in. A label that is exactly zero
in all components is treated as missing: only an isolated atom has such a virial, and there it carries no information.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from acegen.fit.findings import Finding, configurations, warn_of
from acegen.fit.voigt import from_voigt

if TYPE_CHECKING:
    from ase import Atoms

Floats = NDArray[np.float64]

_EQUAL = 0.05
"""Relative difference of two labels that agree: different cutoffs and rounding in their source."""

_NOISE = 0.01
"""Insignificant difference of virials, eV/atom: forces that do not quite add up to zero, rounding."""

_ALONE = 500.0
"""Volume (Å³) of a periodic cell above which a single atom is taken to have no neighbours."""

_LIKE = 0.3
"""Logarithm of a ratio below which a factor is identified with a known one."""

STRESS_IS = (
    "acegen takes stresses in eV/Å³, negative under compression, as ASE does, and virials = -volume × stress in eV"
)


class VirialLabels:
    """Decides on the virial of one configuration after another, and warns at the end of what was left out."""

    def __init__(self) -> None:
        self._remarks: dict[str, list[str]] = {}

    def choose(
        self, atoms: Atoms, where: str, virial: Floats | None, stress: Floats | None, forces: Floats | None
    ) -> Floats | None:
        """The virial to fit to.

        Args:
            atoms: the structure.
            where: file and number.
            virial: xx, yy, zz, yz, xz, xy, eV, or None.
            stress: likewise, eV/Å³, or None.
            forces: (N, 3), eV/Å, or None.

        Returns:
            xx, yy, zz, yz, xz, xy, eV, or None: there is no label that could be right.
        """
        from_stress = None
        if stress is not None and not atoms.pbc.all():
            if stress.any() or not _alone(atoms):
                self._note(
                    "not periodic in three directions, so the stress has no volume to refer to; it is left out. "
                    "Set pbc if they are periodic, or give the virial",
                    where,
                )
        elif stress is not None and atoms.cell.rank == 3:
            from_stress = self._unless_missing(-atoms.get_volume() * stress, "stress", atoms, where)
        if virial is not None:
            virial = self._unless_missing(virial, "virial", atoms, where)
        if virial is not None and not atoms.pbc.all() and forces is not None:
            virial = self._unless_contradicted(virial, atoms, where, forces)
        if virial is None or from_stress is None:
            return from_stress if virial is None else virial
        by_stress, given = from_voigt(from_stress), from_voigt(virial)
        if not _agree(given, by_stress, _NOISE * len(atoms)):
            self._note(
                "given a stress and a virial that contradict each other"
                f"{_suspicion(by_stress, given, 'the stress')}; the virial is used. Leave out the wrong one "
                f"({STRESS_IS})",
                where,
            )
        return virial

    def warn(self) -> None:
        """One warning for each kind of remark."""
        warn_of(
            Finding(f"{configurations(len(places))} {remark}", tuple(places))
            for remark, places in self._remarks.items()
        )

    def _note(self, remark: str, where: str) -> None:
        self._remarks.setdefault(remark, []).append(where)

    def _unless_missing(self, label: Floats, name: str, atoms: Atoms, where: str) -> Floats | None:
        if label.any():
            return label
        if not _alone(atoms):
            self._note(f"labelled with a {name} that is exactly zero, as if it were missing; it is left out", where)
        return None

    def _unless_contradicted(self, label: Floats, atoms: Atoms, where: str, forces: Floats) -> Floats | None:
        flat = finite_directions(atoms)
        arms = (atoms.positions - atoms.positions.mean(axis=0)) @ flat
        lengths, sizes = np.linalg.norm(arms, axis=1), np.linalg.norm(forces, axis=1)
        # Calculated forces add up to zero only up to noise; by so much the sum depends on the origin.
        shift = float(np.linalg.norm(forces.sum(axis=0)) * lengths.max())
        noise = _NOISE * len(atoms) + _EQUAL * float(lengths @ sizes) + shift
        exact, given = arms.T @ forces, flat @ from_voigt(label)
        if _agree(given, exact, noise):
            return label
        self._note(
            "not periodic in some directions, where the virial is Σ r⊗f exactly, and labelled with another"
            f"{_suspicion(given, exact, 'it')}; it is left out ({STRESS_IS})",
            where,
        )
        return None


def finite_directions(atoms: Atoms) -> Floats:
    """Projector (3, 3) on the directions perpendicular to all periodic ones."""
    periodic = atoms.cell.array[atoms.pbc]
    projector: Floats = np.eye(3) - np.linalg.pinv(periodic) @ periodic if len(periodic) else np.eye(3)
    return projector


def likely_mistake(factor: float) -> str | None:
    """The mistake behind a stress or virial that is `factor` times too large; None for an unknown factor."""
    if factor == 0 or not np.isfinite(factor):
        return None
    units = _units()
    nearest = min(units, key=lambda known: abs(log(abs(factor) / known)))
    if abs(log(abs(factor) / nearest)) > _LIKE:
        return None
    return " and ".join(filter(None, (units[nearest], "of the opposite sign" if factor < 0 else ""))) or None


def known_factors() -> list[float]:
    """The factors for which `likely_mistake` has a name."""
    return [sign * factor for factor in _units() for sign in (1.0, -1.0) if sign * factor != 1]


def _units() -> dict[float, str]:
    """Names of units by their number in 1 eV/Å³, or 1 eV."""
    from ase import units

    return {
        1.0: "",
        1 / units.GPa: "in GPa",
        10 / units.GPa: "in kbar",
        1e4 / units.GPa: "in bar",
        1e9 / units.GPa: "in Pa",
        units.Bohr**3 / units.Hartree: "in Hartree/Bohr³",
        units.Bohr**3 / units.Rydberg: "in Rydberg/Bohr³",
        1 / units.Hartree: "in Hartree",
        units.mol / units.kcal: "in kcal/mol",
        units.mol / units.kJ: "in kJ/mol",
    }


def _alone(atoms: Atoms) -> bool:
    """Whether it is an isolated atom."""
    return len(atoms) == 1 and (not atoms.pbc.all() or atoms.cell.volume > _ALONE)


def _agree(one: Floats, other: Floats, noise: float) -> bool:
    """Whether two matrices are the same, by a norm that does not depend on the axes."""
    size = max(float(np.linalg.norm(one)), float(np.linalg.norm(other)))
    return float(np.linalg.norm(one - other)) <= _EQUAL * size + noise


def _suspicion(label: Floats, reference: Floats, what: str) -> str:
    """A likely reason why a label differs from the reference: they are parallel, and the factor is a known one."""
    product, size = float(np.vdot(label, reference)), float(np.linalg.norm(label) * np.linalg.norm(reference))
    if size == 0 or abs(product) < exp(-_LIKE / 2) * size:
        return ""
    mistake = likely_mistake(product / float(np.vdot(reference, reference)))
    return f" ({what} is probably {mistake})" if mistake else ""
