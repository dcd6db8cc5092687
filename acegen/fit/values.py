"""Kinds of values in the settings of a fit, with what may be written in place of them, also in the JSON schema."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

LARGEST_WEIGHT = 1e6

_UNITS = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def _listed(value: object) -> object:
    """A single entry is read as a list of one."""
    return (value,) if isinstance(value, str | int | float) and not isinstance(value, bool) else value


def _none(value: object) -> object:
    """TOML has no null: an empty name stands for it."""
    return None if value == "" else value


def _bytes(value: object) -> object:
    """A size such as "512 MiB", or a number of bytes."""
    if not isinstance(value, str):
        return value
    number, _, unit = value.strip().partition(" ")
    try:
        return int(float(number) * _UNITS[unit.strip().lower()])
    except (KeyError, ValueError, OverflowError):
        raise ValueError('is not a size such as "512 MiB" or "2 GB"') from None


Key: TypeAlias = Annotated[str | None, BeforeValidator(_none)]
Paths: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])]
Weight: TypeAlias = Annotated[float, Field(ge=0, le=LARGEST_WEIGHT, allow_inf_nan=False)]
Candidates: TypeAlias = Annotated[
    tuple[Weight, ...],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=Weight | tuple[Weight, ...]),
]
Power: TypeAlias = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Powers: TypeAlias = Annotated[
    tuple[Power, ...], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=Power | tuple[Power, ...])
]
Bytes: TypeAlias = Annotated[
    int,
    BeforeValidator(_bytes),
    Field(ge=2**20, lt=2**63),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 2**20}, {"type": "string"}]}),
]
