"""Rendering of code templates."""

from __future__ import annotations

from jinja2 import BaseLoader, Environment, StrictUndefined


def code_environment(loader: BaseLoader | None = None) -> Environment:
    """Jinja for source code: no escaping, no blank lines from statement lines, and unknown names are errors."""
    return Environment(
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
