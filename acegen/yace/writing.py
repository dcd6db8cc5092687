"""`YacePotential` → the text of a `.yace` file that ML-PACE reads; all numbers read back as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import TypeAlias

from acegen.errors import PotentialError
from acegen.yace.potential import (
    CTildeFunction,
    ElementEmbedding,
    PaceBond,
    PairPotential,
    RecursionBasis,
    RecursionBond,
    RepulsiveCore,
    YacePotential,
)

Value: TypeAlias = "int | float | str | Sequence[Value] | dict[str, Value]"


def potential_text(potential: YacePotential) -> str:
    """A potential as a file of ML-PACE: blocks at the outside, one line for each bond and function.

    Raises:
        PotentialError: a number is not finite.
    """
    return "".join(f"{line}\n" for line in _lines(potential))


def _lines(potential: YacePotential) -> Iterator[str]:
    yield f"elements: {_flow([_symbol(symbol) for symbol in potential.elements])}"
    yield f"E0: {_flow(potential.energies)}"
    yield f"deltaSplineBins: {_flow(potential.spline_step)}"
    if any(isinstance(bond, RecursionBond) for row in potential.bonds for bond in row):
        yield f"lmax: {max((l for functions in potential.functions for f in functions for l in f.ls), default=0)}"
    yield "embeddings:"
    yield from (f"  {i}: {_flow(_embedding(embedded))}" for i, embedded in enumerate(potential.embeddings))
    yield "bonds:"
    for i, row in enumerate(potential.bonds):
        for j, bond in enumerate(row):
            fields = _pace(bond, potential) if isinstance(bond, PaceBond) else _recursion(bond.basis)
            yield f"  [{i}, {j}]: {_flow(fields)}"
    if potential.pair is not None:
        yield from _pair(potential.pair)
    yield "functions:"
    for center, functions in enumerate(potential.functions):
        yield f"  {center}:{'' if functions else ' []'}"
        yield from (f"    - {_flow(_function(center, f))}" for f in functions)


def _embedding(embedded: ElementEmbedding) -> dict[str, Value]:
    return {
        "ndensity": len(embedded.terms),
        "FS_parameters": [x for term in embedded.terms for x in (term.weight, term.exponent)],
        "npoti": embedded.function,
        "rho_core_cutoff": embedded.core_cutoff,
        "drho_core_cutoff": embedded.core_width,
    }


def _pace(bond: PaceBond, potential: YacePotential) -> dict[str, Value]:
    return {
        "nradmax": len(bond.coefficients),
        "lmax": len(bond.coefficients[0]) - 1 if bond.coefficients else 0,
        "nradbasemax": bond.n_base,
        "radbasename": bond.radial,
        "radparameters": bond.parameters,
        "radcoefficients": bond.coefficients,
        "prehc": bond.strength,
        "lambdahc": bond.rate,
        "rcut": bond.cutoff,
        "dcut": bond.width,
        "rcut_in": bond.inner_cutoff,
        "dcut_in": bond.inner_width,
        "inner_cutoff_type": potential.inner_cutoff,
    }


def _recursion(basis: RecursionBasis) -> dict[str, Value]:
    return {"radbasename": "ACE.jl.base", **_basis(basis)}


def _basis(basis: RecursionBasis) -> dict[str, Value]:
    return {
        "p": basis.power,
        "r0": basis.r0,
        "rcut": basis.cutoff,
        "xl": basis.left,
        "xr": basis.right,
        "pl": basis.p_left,
        "pr": basis.p_right,
        "maxn": len(basis.steps),
        "recursion_coefficients": dict(zip("ABC", map(list, zip(*basis.steps, strict=True)), strict=True)),
    }


def _pair(pair: PairPotential) -> Iterator[str]:
    yield "polypairpot:"
    yield from (f"  {name}: {_flow(value)}" for name, value in _basis(pair.basis).items())
    yield "  coefficients:"
    yield from (f"    [{i}, {j}]: {_flow(c)}" for i, row in enumerate(pair.coefficients) for j, c in enumerate(row))
    yield "reppot:"
    yield "  coefficients:"
    for i, row in enumerate(pair.cores):
        for j, core in enumerate(row):
            yield f"    [{i}, {j}]: {_flow(_core(core))}"


def _core(core: RepulsiveCore) -> dict[str, Value]:
    return {"ri": core.r_i, "e0": core.e_0, "A": core.a, "B": core.b}


def _function(center: int, f: CTildeFunction) -> dict[str, Value]:
    return {
        "mu0": center,
        "rank": f.rank,
        "ndensity": len(f.coefficients[0]),
        "num_ms_combs": len(f.ms),
        "mus": f.elements,
        "ns": f.ns,
        "ls": f.ls,
        "ms_combs": [m for ms in f.ms for m in ms],
        "ctildes": [c for row in f.coefficients for c in row],
    }


def _flow(value: Value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _number(value)


def _number(value: float) -> str:
    """The shortest text that is read back as the same number, as a number of YAML 1.1."""
    if isinstance(value, int):
        return str(int(value))
    if not isfinite(value):
        raise PotentialError(f"a potential with the number {value} cannot be written; all numbers must be finite.")
    text = float.__repr__(float(value))
    return text if "." in text else text.replace("e", ".0e")


def _symbol(symbol: str) -> str:
    """Quoted where other readers of YAML take it for a truth value."""
    return f'"{symbol}"' if symbol in ("No", "Y", "N") else symbol
