"""Numbers that affect what is computed but are not in the specification: resolved here, once.

They are part of the basis description, and so of the identity of a basis: the constant of the Agnesi transform always,
those of the ZBL core only if they differ from the published ones, which the description format implies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from acegen.spec import AnySpec
from acegen.spec.radial import AgnesiSpec


@dataclass(frozen=True)
class ZblNumbers:
    """Constants of the universal repulsion of Ziegler, Biersack and Littmark, as decimals.

    V = coulomb Z Z' / r · Σ_i w_i exp(-rate_i r / a), a = length / (Z^exponent + Z'^exponent).

    Attributes:
        coulomb: e² / (4 π ε_0) in eV Å, as in LAMMPS.
        length: Å.
        exponent: of the nuclear charges.
        screening: pairs (w, rate).
    """

    coulomb: str
    length: str
    exponent: str
    screening: tuple[tuple[str, str], ...]


PUBLISHED_ZBL = ZblNumbers(
    coulomb="14.399645",
    length="0.46850",
    exponent="0.23",
    screening=(("0.18175", "3.19980"), ("0.50986", "0.94229"), ("0.28022", "0.40290"), ("0.02817", "0.20162")),
)
"""What a description of format 1 implies if it does not mention ZBL; never to be changed."""

ZBL = PUBLISHED_ZBL
"""Used for new models."""


@dataclass(frozen=True)
class AgnesiNumbers:
    """Of y = (1-s)² (1+2s) / (1 + a x^q / (1 + x^(q-p))), x = r/r0; the r0 are in the specification, for every pair."""

    a: Fraction
    p: int
    q: int


@dataclass(frozen=True)
class Definitions:
    """The numbers of one model.

    Attributes:
        agnesi: of the Agnesi transform; None for another transform.
        zbl: of the ZBL core.
    """

    agnesi: AgnesiNumbers | None
    zbl: ZblNumbers

    def document(self) -> dict[str, Any]:
        """Plain JSON values of what a description does not imply; empty for most models."""
        found: dict[str, Any] = {}
        if self.agnesi is not None:
            found["agnesi"] = {"a": str(self.agnesi.a), "p": self.agnesi.p, "q": self.agnesi.q}
        if self.zbl != PUBLISHED_ZBL:
            found["zbl"] = asdict(self.zbl)
        return found


def resolve_definitions(spec: AnySpec) -> Definitions:
    """The numbers of a specification."""
    agnesi = None
    if spec.radial is not None and spec.radial.transform == "agnesi":
        given = spec.radial.agnesi or AgnesiSpec()
        agnesi = AgnesiNumbers(agnesi_constant(given.p, given.q), given.p, given.q)
    zbl = PUBLISHED_ZBL if spec.zbl is None else ZBL
    return Definitions(agnesi, zbl)


def read_definitions(description: Mapping[str, Any]) -> Definitions:
    """The numbers of a basis description, including those written by earlier versions of acegen."""
    document = description.get("definitions", {})
    zbl = document.get("zbl")
    numbers = PUBLISHED_ZBL
    if zbl is not None:
        screening = tuple((weight, rate) for weight, rate in zbl["screening"])
        numbers = ZblNumbers(zbl["coulomb"], zbl["length"], zbl["exponent"], screening)
    agnesi = document.get("agnesi")
    table = description["spec"].get("radial") or {}
    if agnesi is None and table.get("transform") == "agnesi":  # written by a version that did not record the constant
        p, q = table["agnesi"]["p"], table["agnesi"]["q"]
        return Definitions(AgnesiNumbers(unwritten_agnesi_constant(p, q), p, q), numbers)
    return Definitions(
        None if agnesi is None else AgnesiNumbers(Fraction(agnesi["a"]), agnesi["p"], agnesi["q"]), numbers
    )


def agnesi_constant(p: int, q: int) -> Fraction:
    """The constant a that makes 1 / (1 + a x^q / (1 + x^(q-p))) steepest at x = 1."""
    return Fraction(-2 * q + p * (4 * q - 2), p + p * p + q + q * q)


def unwritten_agnesi_constant(p: int, q: int) -> Fraction:
    """What a description without it implies; never to be changed."""
    return Fraction(-2 * q + p * (4 * q - 2), p + p * p + q + q * q)
