"""Users' strings made safe to show: on a terminal, in a message, in Markdown.

The name of a file or a kind of configuration may contain anything: terminal escape sequences, newlines, or brackets
and bars that are markup where they are shown.
"""

from __future__ import annotations

import re
from decimal import Decimal
from reprlib import Repr

_LONGEST = 60


def visible(text: object) -> str:
    """The text on one line; unprintable characters (controls, reversals, lone surrogates) are escaped as in Python."""
    shown = str(text)
    return shown if shown.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in shown)


def visible_lines(text: object) -> str:
    """The same line by line, for messages."""
    return "\n".join(map(visible, str(text).split("\n")))


def quoted(text: object) -> str:
    """The text as a string in Python's syntax, between double quotes."""
    return '"' + "".join(f"\\{c}" if c in '"\\' else visible(c) for c in str(text)) + '"'


def markdown(text: object) -> str:
    """The text escaped for Markdown, including table cells."""
    return re.sub(r"[\\`*\[\]<>|&$~]|(?<![^\W_])_+|_+(?![^\W_])", _backslashed, visible(text))


def shown(value: object) -> str:
    """A value of any kind, depth or length, shown in at most 60 characters for a message."""
    text = _SHORT.repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _backslashed(match: re.Match[str]) -> str:
    return "".join(f"\\{c}" for c in match[0])


class _Short(Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 4, _LONGEST, _LONGEST
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxarray = 20

    def repr_int(self, x: int, level: int) -> str:
        """Python does not print integers of thousands of digits."""
        return "a huge number" if abs(x) > 10**50 else repr(x)

    def repr_Decimal(self, x: Decimal, level: int) -> str:
        """A number of a TOML file as it was written."""
        return str(x)


_SHORT = _Short()
