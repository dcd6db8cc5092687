"""A brief request for a model: its elements, and optional further choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acegen.errors import FitError
from acegen.printing import shown
from acegen.spec import load_atomic_spec
from acegen.spec.fields import PairLengths

_KEYS = "name and elements, and cutoff, functions, expansion, pair, zbl, inner_cutoff if wanted,"


CUTOFFS = (4.5, 6.0)
"""Å, the smallest and largest cutoff where none is given; larger ones only where few atoms are within 7 Å."""


class ModelRequest(BaseModel):
    """A request for the recommended model. Everything left out is decided from the data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="name of the module and prefix of its C symbols, a C identifier such as ta")
    elements: tuple[str, ...] = Field(min_length=1, description='chemical symbols, each once, such as ["Ta"]')
    cutoff: PairLengths | None = Field(
        None,
        description="cutoff radius in Å; one number, or a table by pair (default: from the numbers of neighbours)",
    )
    functions: int | None = Field(
        None, ge=1, le=20_000, strict=True,
        description="maximum functions per centre, which determine the time per atom (default: from the data)",
    )  # fmt: skip
    expansion: str = Field("canonical", description='expansion of the spec, "canonical" or "self-interacting"')
    pair: dict[str, Any] | None = Field(None, description="table pair of the spec (default: degree 14)")
    zbl: dict[str, Any] | None = Field(None, description="table zbl of the spec (default: from the data)")
    inner_cutoff: dict[str, Any] | None = Field(
        None, description="table inner_cutoff of the spec (default: from the data)"
    )


def model_request(table: Mapping[str, Any]) -> ModelRequest:
    """The request in a table of FIT.toml.

    Raises:
        FitError: a key is missing or unknown, or a value has the wrong type.
        SpecError: a value is not allowed in specs.
    """
    required, known = ("name", "elements"), tuple(ModelRequest.model_fields)
    missing = [key for key in required if key not in table]
    unknown = [key for key in table if key not in known]
    if missing or unknown:
        what = [f"lacks {', '.join(missing)}"] if missing else []
        what += [f"has {', '.join(map(str, unknown))}"] if unknown else []
        raise FitError(
            f"the table spec {' and '.join(what)}. Give {_KEYS} for the recommended model, or a whole specification "
            "with tables basis and radial."
        )
    trial: dict[str, Any] = {
        "name": table["name"],
        "basis": {
            "elements": table["elements"],
            "order": 2,
            "level": 4,
            "expansion": table.get("expansion", "canonical"),
        },
        "radial": {"cutoff": table.get("cutoff", 5.0)},
    }
    load_atomic_spec(trial | {key: table[key] for key in ("pair", "zbl", "inner_cutoff") if table.get(key) is not None})
    try:
        return ModelRequest.model_validate(dict(table))
    except ValidationError as error:
        detail = error.errors()[0]
        key = str(detail["loc"][0])
        allowed = ModelRequest.model_fields[key].description
        raise FitError(
            f"spec.{key} = {shown(detail['input'])} has the wrong type or value; allowed: {allowed}."
        ) from None
