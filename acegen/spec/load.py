"""Reading a specification: TOML or a mapping in, a validated `Spec` or one clear `SpecError` out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from acegen.errors import SpecError
from acegen.printing import shown
from acegen.spec.basis import BasisSpec, ParticleBasisSpec
from acegen.spec.embedding import EmbeddingSpec
from acegen.spec.particle_spec import IntervalSpec, ParticleSpec
from acegen.spec.radial import AgnesiSpec, ClosedRadialSpec, EnvelopeRadialSpec
from acegen.spec.schema import InnerCutoffSpec, PairSpec, Spec, ZblSpec
from acegen.spec.symmetries import ATOMS
from acegen.store.documents import read_toml
from acegen.store.manifest import POTENTIAL_SUFFIXES

AnySpec: TypeAlias = "Spec | ParticleSpec"
SpecSource: TypeAlias = "str | Path | Mapping[str, Any] | Spec | ParticleSpec"


def load_atomic_spec(source: SpecSource) -> Spec:
    """Read and validate the specification of an atomic model; see `load_spec`.

    Raises:
        SpecError: also raised for a model of other particles.
    """
    spec = load_spec(source)
    if isinstance(spec, ParticleSpec):
        raise SpecError(
            f"the spec '{spec.name}' has basis.symmetry = '{spec.basis.symmetry}' and describes particles other than "
            f"atoms; here an atomic model (symmetry = '{ATOMS}') is needed. In Python, acegen.compile_particles "
            "compiles it."
        )
    return spec


def load_particle_spec(source: SpecSource) -> ParticleSpec:
    """Read and validate the specification of a model of particles other than atoms; see `load_spec`.

    Raises:
        SpecError: also raised for a model of atoms.
    """
    spec = load_spec(source)
    if isinstance(spec, Spec):
        raise SpecError(
            f"the spec '{spec.name}' describes atoms; here a model of other particles is needed, whose basis.symmetry "
            f"is not '{ATOMS}'. In Python, acegen.compile compiles it."
        )
    return spec


def load_spec(source: SpecSource) -> AnySpec:
    """Read and validate a specification.

    Args:
        source: path of a TOML file, a mapping of the same shape, or a specification (returned as it is).

    Raises:
        SpecError: the file cannot be read, is not TOML, or does not describe a model. The message names
            every wrong key, its value, what is allowed, and the nearest valid key.
    """
    if isinstance(source, Spec | ParticleSpec):
        return source
    if isinstance(source, Mapping):
        return _validate(source, "spec")
    path = Path(source)
    if path.suffix in POTENTIAL_SUFFIXES:
        raise SpecError(f"{path} is a potential file, not a spec. In Python, acegen.compile_potential compiles it.")
    return _validate(read_toml(path, "the spec", SpecError, parse_float=_decimal), str(path))


_TYPE_ERRORS = frozenset({"float_type", "dict_type", "tuple_type", "is_instance_of"})


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the exponent of {shown(text)} has too many digits") from None


def _validate(content: Mapping[str, Any], where: str) -> AnySpec:
    kind = _kind(content)
    try:
        return kind.model_validate(dict(content))
    except UnicodeError:
        raise SpecError(
            f"{where} is not a valid specification: it contains half a character (a lone surrogate)."
        ) from None
    except ValidationError as error:
        explained = [(_explain(detail, _SECTIONS[kind]), detail["type"]) for detail in error.errors()]
        # A value that fits no branch of a union is reported once per branch; a wrong type is the least informative.
        telling = {line.split(" ")[0].split("[")[0] for line, kind in explained if kind not in _TYPE_ERRORS}
        lines = dict.fromkeys(
            line for line, kind in explained if kind not in _TYPE_ERRORS or line.split(" ")[0] not in telling
        )
        raise SpecError(
            "\n".join([f"{where} is not a valid specification:", *(f"  {line}" for line in lines)])
        ) from None


def _kind(content: Mapping[str, Any]) -> type[Spec] | type[ParticleSpec]:
    """Which kind of specification it is: of atoms if it names elements, otherwise by `basis.symmetry`."""
    basis = content.get("basis")
    particles = isinstance(basis, Mapping) and "elements" not in basis and basis.get("symmetry", ATOMS) != ATOMS
    return ParticleSpec if particles else Spec


_RADIAL: dict[tuple[str, ...], type[BaseModel]] = {
    ("radial", "closed"): ClosedRadialSpec,
    ("radial", "envelope"): EnvelopeRadialSpec,
    ("radial", "closed", "agnesi"): AgnesiSpec,
    ("radial", "envelope", "agnesi"): AgnesiSpec,
}
_SECTIONS: dict[type[BaseModel], dict[tuple[str, ...], type[BaseModel]]] = {
    Spec: {
        (): Spec,
        ("basis",): BasisSpec,
        **_RADIAL,
        ("pair",): PairSpec,
        ("zbl",): ZblSpec,
        ("inner_cutoff",): InnerCutoffSpec,
        ("embedding",): EmbeddingSpec,
    },
    ParticleSpec: {(): ParticleSpec, ("basis",): ParticleBasisSpec, ("interval",): IntervalSpec, **_RADIAL},
}


def _explain(detail: ErrorDetails, sections: Mapping[tuple[str, ...], type[BaseModel]]) -> str:
    """One line for one pydantic error: key, value, what is wrong, what is allowed."""
    location = [str(part) for part in detail["loc"]]
    depth = max(d for d in range(len(location) + 1) if tuple(location[:d]) in sections)
    section = sections[tuple(location[:depth])]
    key = ".".join(part for i, part in enumerate(location[: depth + 1]) if not (i == 1 and location[0] == "radial"))
    field = section.model_fields.get(location[depth]) if depth < len(location) else None
    allowed = f"; allowed: {field.description}" if field is not None and field.description else ""
    match detail["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key{_nearest(location[depth], section.model_fields)}"
        case "missing":
            return f"{key}: missing{allowed}"
        case "string_unicode":
            return f"{shown(detail['input'])} contains half a character (a lone surrogate)"
        case "invalid_key":
            return f"{shown(detail['input'])} is not a key: keys are strings"
        case "union_tag_invalid":
            return f'radial.family = {shown(detail["input"].get("family"))}: allowed: "closed" or "envelope"'
        case "value_error" if field is None:
            return detail["msg"].removeprefix("Value error, ")
    value = shown(detail["input"])
    entry = _entry(location[depth + 1 :])
    match detail["type"]:
        case "value_error":
            return f"{key}{entry} = {value} {detail['msg'].removeprefix('Value error, ')}{allowed}"
        case "greater_than" | "greater_than_equal" | "less_than_equal" | "finite_number":
            return f"{key}{entry} = {value} is out of range{allowed}"
        case _:
            return f"{key}{entry} = {value} has the wrong type or value{allowed}"


def _entry(rest: Iterable[str]) -> str:
    """The element of a list or table an error refers to; pydantic's names of union branches are left out."""
    return "".join(f"[{part}]" for part in rest if part.isdigit() or ("-" in part and "[" not in part))


def _nearest(key: str, known: Iterable[str]) -> str:
    names = list(known)
    close = get_close_matches(key, names, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{hint} Allowed: {', '.join(names)}" if hint else f"; allowed: {', '.join(names)}"
