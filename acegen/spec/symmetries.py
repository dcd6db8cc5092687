"""Names of the symmetries a specification may ask for, with the number of coordinates of a particle.

Further ones are entered here when a particle space is added (`acegen.algebra.spaces`).
"""

from __future__ import annotations

ATOMS = "O3"
"""The symmetry of atomic models, which have specifications of their own."""

SYMMETRIES: dict[str, int] = {"none": 1, "O1": 1, "SO2": 2, "O2": 2}
"""Symmetries of other particles."""
