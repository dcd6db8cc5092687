"""Potential files → `YacePotential`: `.yace` and `.ace` of ML-PACE, and B-basis files of pacemaker."""

from acegen.yace.reading.files import read_potential

__all__ = ["read_potential"]
