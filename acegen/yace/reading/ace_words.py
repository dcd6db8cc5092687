"""The text of an `.ace` file word by word, with line numbers for messages."""

from __future__ import annotations

import re

from acegen.errors import PotentialError
from acegen.printing import shown
from acegen.yace.reading.fields import Field

_WORD = re.compile(r"[()<>=:]|[^\s()<>=:]+")
"""Brackets, = and : are words of their own, so that it does not matter where there are spaces."""

_FORTRAN = re.compile(r"[+-]?\d*\.?\d*[dD][+-]?\d+")


class Words:
    """The words of a text, taken one after the other; line breaks do not matter.

    All methods raise `PotentialError` where the text is not what they take.
    """

    def __init__(self, text: str, start: int) -> None:
        """Begin at a position of the text."""
        self._text = text
        self._at = start
        self._line = text.count("\n", 0, start) + 1
        self._last = "the beginning"

    def label(self, label: str) -> None:
        """Take the words of a label, all of which must come."""
        for word in _WORD.findall(label):
            found, line = self._take()
            if found is None:
                raise PotentialError(f"line {line}: the file ends after {self._last}, before {shown(label)}. {_TORN}")
            if found != word:
                raise PotentialError(
                    f"line {line}: {shown(label)} must follow {self._last}, not {shown(found)}. Are the entries "
                    "complete and in order, and as many as the file says?"
                )
        self._last = label

    def begins(self, label: str) -> bool:
        """Whether the next word is the first of a label; nothing is taken."""
        found = _WORD.search(self._text, self._at)
        first = _WORD.match(label)
        return found is not None and first is not None and found[0] == first[0]

    def one(self, name: str) -> Field:
        """Take one word, the value of `name`."""
        word, line = self._take()
        if word is None:
            raise PotentialError(f"line {line}: the file ends where {name} is expected. {_TORN}")
        self._last = name
        field = Field(word, f"line {line}, {name}")
        if _FORTRAN.fullmatch(word):
            raise field.error(f"{shown(word)} is no number here; exponents are written with e, as in 1.0e-5.")
        return field

    def several(self, name: str, count: int) -> Field:
        """Take `count` words, the values of `name`, as a list; it is where the first of them is."""
        words = [self.one(name) for _ in range(count)]
        return Field([word.node for word in words], words[0].where if words else name)

    def named(self, label: str) -> Field:
        """Take a label and one word, its value."""
        self.label(label)
        return self.one(label.rstrip("=: "))

    def end(self) -> None:
        """Nothing must be left."""
        found, line = self._take()
        if found is not None:
            raise PotentialError(
                f"line {line}: {shown(found)} follows {self._last}, where the file should end. Are the numbers of "
                "functions right?"
            )

    def _take(self) -> tuple[str | None, int]:
        found = _WORD.search(self._text, self._at)
        end = found.start() if found else len(self._text)
        self._line += self._text.count("\n", self._at, end)
        if found is None:
            self._at = end
            return None, self._line
        self._at = found.end()
        return found[0], self._line


_TORN = "Is the file complete?"
