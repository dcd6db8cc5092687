"""Names of models: prefixes of C symbols, and names of Python modules."""

from __future__ import annotations

import keyword
import re

_LONGEST = 63

_RESERVED = frozenset(keyword.kwlist) | frozenset(
    """
    auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    main acegen
    """.split()
)
"""Names reserved by C, Python or acegen's own header."""


def name_fault(name: str) -> str | None:
    """What is wrong with a name, to follow it in a message; None if it is a C identifier that is not reserved."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        return "is not a C identifier (a letter, then letters, digits and underscores)"
    if len(name) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    return "is a reserved word of C, Python or acegen" if name in _RESERVED else None


def name_of(text: str) -> str:
    """A text made a valid name: other characters become underscores, and a prefix is added where one is needed."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")[:_LONGEST]
    if name_fault(name) is None:
        return name
    return f"ace_{name}"[:_LONGEST].rstrip("_")
