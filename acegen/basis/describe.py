"""The basis as a document: everything that defines the functions, exact, in JSON.

Rationals are strings ("-7/15"), coupling and purification are lists of non-zeros. The SHA-256 of the document
is the identity of the basis: coefficients belong to it, whatever the module is called.
"""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from typing import Any

from acegen.basis.definitions import resolve_definitions, unwritten_agnesi_constant
from acegen.basis.derive import Basis, CoupledFunction, SparseRow
from acegen.basis.pair import PairFunction

BASIS_FORMAT = "acegen-basis-1"


def describe_basis(basis: Basis) -> str:
    """JSON text of the basis description.

    Keys:
        format: `BASIS_FORMAT`.
        spec: the specification without its name, defaults filled in.
        definitions: further numbers that define the functions, see `acegen.basis.definitions`; omitted if there are
            none.
        radial_functions: R_1, R_2, ... as polynomials in y (on an interval R_0, R_1, ... in x), ascending
            coefficients.
        functions: the basis, in order: `order`, `elements` (species of particles), `n`, `l`, `index`, `scale_squared`,
            and `coupling`: pairs (m-tuple, C) in the functions S that kernels evaluate. Functions of the pair term have
            `pair`: true; only in these is y taken with the cutoff of `spec.pair`.
        auxiliary: further coupled products that purification refers to, without a scale.
        purification: for each function, pairs (position in functions + auxiliary, value).
    """
    spec = basis.spec.canonical()
    del spec["name"]
    elements = basis.spec.species
    last = max(channel.n for function in basis.functions for channel in function.label)
    last = max(last, *(function.n for function in basis.pair), 0)
    functions = [_describe_pair(function, elements) for function in basis.pair]
    for function, square in zip(basis.functions, basis.scales_squared, strict=False):
        functions.append({**_describe_function(function, elements), "scale_squared": str(square)})
    definitions = resolve_definitions(basis.spec).document()
    document: dict[str, Any] = {
        "format": BASIS_FORMAT,
        "spec": spec,
        **({"definitions": definitions} if definitions else {}),
        "radial_functions": [
            [str(c) for c in basis.radial.function(n).coeffs()] for n in range(basis.radial.first, last + 1)
        ],
        "functions": functions,
        "auxiliary": [_describe_function(function, elements) for function in basis.functions[basis.n_coupled :]],
        "purification": [[[i, "1"]] for i in range(basis.n_pair)]
        + [_describe_row(row, basis.n_pair) for row in basis.purification],
    }
    return _one_entry_a_line(document)


def basis_hash(description: str) -> str:
    """Identity of a basis: SHA-256 of its description, 64 hexadecimal digits."""
    return hashlib.sha256(description.encode()).hexdigest()


def former_hashes(description: str) -> tuple[str, ...]:
    """Identities that coefficients of this basis may carry from earlier versions of acegen, which wrote no definitions.

    These imply the original constant of the Agnesi transform; where the constant differs, none are accepted.
    """
    if '"definitions"' not in description:
        return ()
    document = json.loads(description)
    definitions = document.pop("definitions", None)
    if definitions is None or definitions.keys() != {"agnesi"}:
        return ()
    p, q = definitions["agnesi"]["p"], definitions["agnesi"]["q"]
    if Fraction(definitions["agnesi"]["a"]) != unwritten_agnesi_constant(p, q):
        return ()
    return (basis_hash(_one_entry_a_line(document)),)


def _describe_function(function: CoupledFunction, elements: tuple[str, ...]) -> dict[str, Any]:
    return {
        "order": function.order,
        "elements": [elements[channel.species] for channel in function.label],
        "n": [channel.n for channel in function.label],
        "l": [channel.l for channel in function.label],
        "index": function.number,
        "coupling": [[list(m_tuple), str(value)] for m_tuple, value in function.polynomial.items()],
    }


def _describe_pair(function: PairFunction, elements: tuple[str, ...]) -> dict[str, Any]:
    return {
        "order": 1,
        "elements": [elements[function.species]],
        "n": [function.n],
        "l": [0],
        "index": 0,
        "coupling": [[[0], "1"]],
        "pair": True,
        "scale_squared": str(function.scale_squared),
    }


def _describe_row(row: SparseRow, first: int) -> list[list[Any]]:
    """A row of 𝒫, whose columns come after `first` pair functions."""
    return [[first + column, str(value)] for column, value in row]


def _one_entry_a_line(document: dict[str, Any]) -> str:
    """JSON with one line per entry of the top-level lists, so that it can be read and diffed."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list) and value:
            entries = ",\n".join("  " + json.dumps(entry, separators=(",", ":")) for entry in value)
            parts.append(f"{json.dumps(key)}: [\n{entries}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
