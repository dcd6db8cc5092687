"""How templates of code are rendered."""

from __future__ import annotations

from jinja2 import BaseLoader, Environment, StrictUndefined


def code_environment(loader: BaseLoader | None = None) -> Environment:
    """Jinja for source code: nothing is escaped, lines of statements leave no trace, an unknown name is an error."""
    return Environment(
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
