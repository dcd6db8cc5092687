"""Names of the symmetries a specification may ask for, with the number of coordinates of a particle.

Further ones are added here when a particle space is registered (`acegen.algebra.spaces`).
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

ATOMS = "O3"
"""The symmetry of atomic models, which have a different kind of specification."""

SYMMETRIES: dict[str, int] = {"none": 1, "O1": 1, "SO2": 2, "O2": 2}
"""Symmetries of other particles."""


def is_known(symmetry: str) -> bool:
    """Whether a symmetry of other particles is known; if not, installed packages that add some are looked for first."""
    if symmetry not in SYMMETRIES:
        _load_entry_points()
    return symmetry in SYMMETRIES


@cache
def _load_entry_points() -> None:
    """Import what packages have registered under "acegen.spaces"; the import calls `acegen.add_space`."""
    for entry in entry_points(group="acegen.spaces"):
        entry.load()
