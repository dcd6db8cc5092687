"""The basis as a document: everything that defines the functions, exact, in JSON.

Rationals are strings ("-7/15"), coupling and purification are lists of non-zeros. The SHA-256 of the document
is the identity of the basis: coefficients belong to it, whatever the module is called.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from acegen.basis.derive import Basis, CoupledFunction, SparseRow

BASIS_FORMAT = "acegen-basis-1"


def describe_basis(basis: Basis) -> str:
    """JSON text of the basis description.

    Keys:
        format: `BASIS_FORMAT`.
        spec: the specification without its name, defaults filled in.
        radial_functions: R_1, R_2, ... as polynomials in y, ascending coefficients.
        functions: the basis, in order: `order`, `elements`, `n`, `l`, `index`, `scale_squared`, and `coupling`:
            pairs (m-tuple, C) in the real harmonics S.
        auxiliary: further coupled products that purification refers to, without a scale.
        purification: for each function, pairs (position in functions + auxiliary, value).
    """
    spec = basis.spec.canonical()
    del spec["name"]
    elements = basis.spec.basis.elements
    n_radial = max(channel.n for function in basis.functions for channel in function.label)
    functions = []
    for function, square in zip(basis.functions, basis.scales_squared, strict=False):
        functions.append({**_describe_function(function, elements), "scale_squared": str(square)})
    document = {
        "format": BASIS_FORMAT,
        "spec": spec,
        "radial_functions": [[str(c) for c in basis.radial.function(n).coeffs()] for n in range(1, n_radial + 1)],
        "functions": functions,
        "auxiliary": [_describe_function(function, elements) for function in basis.functions[basis.n_basis :]],
        "purification": [_describe_row(row) for row in basis.purification],
    }
    return _one_entry_a_line(document)


def basis_hash(description: str) -> str:
    """Identity of a basis: SHA-256 of its description, 64 hexadecimal digits."""
    return hashlib.sha256(description.encode()).hexdigest()


def _describe_function(function: CoupledFunction, elements: tuple[str, ...]) -> dict[str, Any]:
    return {
        "order": function.order,
        "elements": [elements[channel.species] for channel in function.label],
        "n": [channel.n for channel in function.label],
        "l": [channel.l for channel in function.label],
        "index": function.number,
        "coupling": [[list(m_tuple), str(value)] for m_tuple, value in function.polynomial.items()],
    }


def _describe_row(row: SparseRow) -> list[list[Any]]:
    return [[column, str(value)] for column, value in row]


def _one_entry_a_line(document: dict[str, Any]) -> str:
    """JSON with a line for each entry of the top-level lists, so that it can be read and compared."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list) and value:
            entries = ",\n".join("  " + json.dumps(entry, separators=(",", ":")) for entry in value)
            parts.append(f"{json.dumps(key)}: [\n{entries}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
