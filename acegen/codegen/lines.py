"""Lines of generated C, broken to the page width; only white space and the position of comments change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap

WIDTH = 130

_TRAILING = re.compile(r"(?P<code>\s*\S.*?)\s*(?P<comment>/\*(?:(?!\*/).)*\*/)$")

_STRUCTURE = re.compile(r"[;}()\[\]\"]")
"""Characters without which a line is broken after the last comma that fits."""


def fold_lines(text: str) -> str:
    """The same code with long lines broken."""
    lines: list[str] = []
    macro = False
    for line in text.split("\n"):
        macro = line.startswith("#") or (macro and lines[-1].endswith("\\"))
        if len(line) <= WIDTH:
            lines.append(line)
        elif macro:  # continues on the next line only with a backslash
            *parts, last = _folded(line, WIDTH - 2)
            lines += [*(f"{part} \\" for part in parts), last]
        else:
            lines += _folded(line, WIDTH)
    return "\n".join(lines)


def _folded(line: str, width: int) -> Iterator[str]:
    indent = line[: len(line) - len(line.lstrip())]
    bare = line.lstrip()
    if bare.startswith(("* ", "/*")) and (bare.endswith("*/") or "*/" not in bare):
        yield from _comment(indent, bare)
        return
    trailing = _TRAILING.match(line)
    if trailing:
        yield from _comment(indent, trailing["comment"])
        line = trailing["code"]
    deeper = indent
    while len(line) > width:
        at, statement = _break(line, width)
        yield line[:at].rstrip()
        deeper = indent if statement else indent + "    "
        line = deeper + line[at:].lstrip()
    yield line


def _comment(indent: str, text: str) -> Iterator[str]:
    """A comment, or a line of one; continuation lines begin with a star below the first one."""
    star = " * " if text.startswith("/*") else "* "
    yield from wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + star,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _break(line: str, width: int) -> tuple[int, bool]:
    """Where to break: after the last statement that fits, else after a comma, else before an operator."""
    start = len(line) - len(line.lstrip()) + 1
    if not _STRUCTURE.search(line, 0, width):  # an array, which may be long
        comma = line.rfind(", ", start, width + 1)
        if comma >= 0:
            return comma + 1, False
    statement = comma = operator = 0
    depth, quoted = 0, False
    for at, character in enumerate(line[:width]):
        if character == '"':
            quoted = not quoted
        if quoted:
            continue
        depth += (character in "([") - (character in ")]")
        if at < start or line[at + 1 : at + 2] != " ":
            continue
        if character in ";}" and depth == 0:
            statement = at + 1
        elif character == ",":
            comma = at + 1
        elif line[at + 1 : at + 4] in (" + ", " - ", " * ", " = ", " & ", " | ") or line[at + 1 : at + 5] == " && ":
            operator = at + 1
    return (statement, True) if statement else (comma or operator or len(line), False)
