"""Specs of particle models for the tests, small and of every kind."""

from __future__ import annotations

from typing import Any

PLANE = {"cutoff": 3.0}
ENVELOPE = {
    "family": "envelope",
    "envelope": [0, 0, 1],
    "polynomial": "legendre",
    "transform": "agnesi",
    "agnesi": {"r0": 1.0},
    "cutoff": 2.5,
}


def particle_spec(symmetry: str, order: int, level: Any, **more: Any) -> dict[str, Any]:
    """A spec; `interval` and `radial` are tables, everything else goes to `basis`."""
    tables = {name: more.pop(name) for name in ("interval", "radial") if name in more}
    return {"name": "t", "basis": {"symmetry": symmetry, "order": order, "level": level, **more}, **tables}


KINDS: dict[str, dict[str, Any]] = {
    "chebyshev": particle_spec("none", 3, 8),
    "legendre": particle_spec("none", 4, 6, interval={"polynomial": "legendre"}),
    "jacobi": particle_spec("none", 3, [8, 7, 5], interval={"polynomial": "jacobi", "alpha": "1/2", "beta": "-1/3"}),
    "monomial": particle_spec("none", 2, 7, interval={"polynomial": "monomial"}),
    "no constant": particle_spec("none", 3, 8, constant=False),
    "even": particle_spec("O1", 4, 7),
    "usual": particle_spec("none", 3, 8, expansion="self-interacting"),
    "circle, SO2": particle_spec("SO2", 4, 7),
    "circle, O2": particle_spec("O2", 4, 8, constant=False),
    "plane, SO2": particle_spec("SO2", 3, 7, radial=PLANE),
    "plane, O2": particle_spec("O2", 4, 7, radial=PLANE),
    "plane, envelope": particle_spec("O2", 3, 6, radial=ENVELOPE),
    "plane, usual": particle_spec("SO2", 3, 6, radial=PLANE, expansion="self-interacting"),
}
