"""Jinja for code templates, and how a template meets its typed context."""

from __future__ import annotations

from dataclasses import fields
from importlib.resources import files as resource_files
from typing import Any, ClassVar, Protocol

from jinja2 import Environment, PackageLoader

from acegen.codegen.lines import fold_lines
from acegen.codegen.literals import Literal, double_literal, initializer
from acegen.rendering import code_environment
from acegen.store.files import ABI_HEADER

TEMPLATES = "acegen.templates"


class Context(Protocol):
    """A frozen dataclass whose fields are the variables of one template, all of them and no others."""

    template: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


def template_environment(literal: Literal = double_literal) -> Environment:
    """Templates of one precision: the filter `real` prints constants of that type, `constant` prints doubles."""
    environment = code_environment(PackageLoader(TEMPLATES, ""))
    environment.filters["constant"] = double_literal
    environment.filters["real"] = literal
    environment.globals["initializer"] = initializer
    return environment


def render(environment: Environment, context: Context) -> str:
    """The text of a template rendered in its context, with long lines of C broken."""
    values = {field.name: getattr(context, field.name) for field in fields(context)}
    text = environment.get_template(context.template).render(values)
    return fold_lines(text) if context.template.endswith((".c.j2", ".h.j2")) else text


def abi_header() -> str:
    """The hand-written ABI header, the same for every model."""
    return (resource_files(TEMPLATES) / "module" / ABI_HEADER).read_text(encoding="utf-8")
