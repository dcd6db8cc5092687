"""A kernel program as JSON, which reads back to the same program, and its hash, the identity of the computation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from acegen.program.checks import ProgramError, check_program
from acegen.program.kernel import KernelProgram

PROGRAM_FORMAT = "acegen-program-2"

_NAMES = ("name", "notes")
"""Fields of a program that do not affect what is computed; nor do the names of outputs."""

T = TypeVar("T")


def program_document(program: KernelProgram) -> str:
    """JSON text of a program: an object with its fields; `kind` tells alternatives apart. Doubles are exact."""
    return json.dumps({"format": PROGRAM_FORMAT, **_encoded(program)}, indent=1, allow_nan=False) + "\n"


def program_hash(program: KernelProgram) -> str:
    """SHA-256 of everything that affects what is computed, so without names and notes."""
    document = _encoded(program)
    for name in _NAMES:
        del document[name]
    del document["outputs"]["names"]
    text = json.dumps([PROGRAM_FORMAT, document], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_program(text: str) -> KernelProgram:
    """The program of a document.

    Raises:
        ProgramError: it is not JSON or has another format, a field is missing, unknown, or of the wrong type, or the
            program contradicts itself.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ProgramError(f"the kernel program is not valid JSON ({error}).") from None
    if not isinstance(document, dict) or document.pop("format", None) != PROGRAM_FORMAT:
        raise ProgramError(f"the kernel program is not of the format '{PROGRAM_FORMAT}'.")
    program: KernelProgram = _decoded(KernelProgram, document, "program")
    check_program(program)
    return program


def _encoded(value: Any) -> Any:
    if is_dataclass(value):
        return {"kind": type(value).__name__} | {f.name: _encoded(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_encoded(entry) for entry in value]
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("a kernel program must contain only finite numbers")
    return value


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _decoded(kind: Any, value: Any, where: str) -> Any:
    """`value` decoded as the type `kind`: a dataclass, a tuple, a union of these, or a plain type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _of_union(arguments, value, where)
    if is_dataclass(kind):
        return _of_dataclass(kind, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ProgramError(f"{where} must be a list.")
        return _of_list(arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments, value, where)
    if issubclass(kind, tuple):  # a NamedTuple, in JSON a list of its fields
        return kind(*_of_list(tuple(_hints(kind).values()), value, where))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind or (kind is float and not isfinite(value)):
        raise ProgramError(f"{where} must be of the type {kind.__name__}.")
    return value


def _of_list(kinds: Sequence[Any], value: Any, where: str) -> tuple[Any, ...]:
    """The entries of a list, decoded as a type each."""
    if not isinstance(value, list) or len(value) != len(kinds):
        raise ProgramError(f"{where} must be a list of {len(kinds)} entries.")
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_decoded(kind, entry, f"{where}[{position}]") for position, (kind, entry) in pairs)


def _of_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not NoneType)
    if len(kinds) == 1:
        return _decoded(kinds[0], value, where)
    name = value.get("kind") if isinstance(value, dict) else None
    named = [kind for kind in kinds if kind.__name__ == name]
    if not named:
        raise ProgramError(f"{where} must have a kind, one of {', '.join(kind.__name__ for kind in kinds)}.")
    return _decoded(named[0], value, where)


def _of_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict) or value.get("kind") != kind.__name__:
        raise ProgramError(f"{where} must be an object of the kind {kind.__name__}.")
    names = {field.name for field in fields(kind) if field.default is MISSING}
    wrong = sorted(names.symmetric_difference(value.keys() - {"kind"}))
    if wrong:
        raise ProgramError(f"{where} lacks the field {wrong[0]}, or must not have it.")
    hints = _hints(kind)
    return kind(**{name: _decoded(hints[name], value[name], f"{where}.{name}") for name in names})
