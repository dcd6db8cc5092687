"""The C interface, from its header: the directive `header`.

    ```{header} acegen_model
    ```

stands for one declaration of `acegen.h`, a struct or an enum: its members in their order, with the comments on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

HEADER = Path(__file__).resolve().parents[2] / "templates" / "module" / "acegen.h"

_PARTS = {
    "struct": re.compile(r"/\*(?P<comment>.*?)\*/|(?P<code>[^\s/][^/;]*;)", re.DOTALL),
    "enum": re.compile(r"/\*(?P<comment>.*?)\*/|(?P<code>[^\s/,][^/,]*,?)", re.DOTALL),
}
_PARAMETER = re.compile(r"^ {2}(\w+) +(\S.*)$")

_CODE = re.compile(
    r"(`[^`]*`|\b\w+\(\)|\b\w+\[[^\[\]]*\]|(?:\[(?:[^\[\]]|\[[^\]]*\])*\])+|\b[a-z]+_[a-z0-9_]+|\bACEGEN_\w+|"
    r"\b(?:NULL|SIZE_MAX)\b|\"[^\"]*\")"
)


@dataclass
class Member:
    """A member of a struct or an enum.

    Attributes:
        declaration: in C, on one line.
        above: the comment before it, which may be about those that follow too.
        beside: the comment behind it.
    """

    declaration: str
    above: str
    beside: str

    @property
    def name(self) -> str:
        """Its name."""
        function = re.search(r"\(\*(\w+)\)", self.declaration)
        return function[1] if function else re.findall(r"\w+", self.declaration.split("=")[0])[-1]


@dataclass
class Type:
    """A struct or an enum.

    Attributes:
        kind: `struct` or `enum`.
        name: of the type.
        comment: the one before it.
        members: in their order.
    """

    kind: str
    name: str
    comment: str
    members: list[Member]


def types(header: str) -> dict[str, Type]:
    """The structs and enums in a header that are declared by `typedef`, by name."""
    pattern = r"(?:/\*((?:[^*]|\*(?!/))*)\*/\s*)?typedef (struct|enum) \{\n(.*?)\n\} (\w+);"
    found = re.finditer(pattern, header, re.DOTALL)
    return {
        name: Type(kind, name, _plain(comment or ""), _members(kind, body))
        for comment, kind, body, name in (match.groups() for match in found)
    }


def _members(kind: str, body: str) -> list[Member]:
    """The declarations of a body with their comments: behind them on the line, or before them on lines of their own."""
    members: list[Member] = []
    above, end = "", -1
    for match in _PARTS[kind].finditer(body):
        if match["comment"] is None:
            members.append(Member(" ".join(match["code"].rstrip(";,").split()), above, ""))
            above = ""
        elif members and "\n" not in body[end : match.start()]:
            members[-1].beside = _plain(match["comment"])
        else:
            above = _plain(match["comment"])
        end = match.end()
    return members


def _plain(comment: str) -> str:
    """A comment without its stars and their indentation; columns of parameters keep theirs."""
    first, *others = comment.strip().splitlines() or [""]
    starred = [re.fullmatch(r"\s*\* ?(.*)", line) for line in others]
    return "\n".join(
        [first, *(match[1] if match else line.strip() for match, line in zip(starred, others, strict=True))]
    )


def markdown(of: Type) -> str:
    """A type as directives of Sphinx's C domain."""
    member_kind = "enumerator" if of.kind == "enum" else "member"
    lines = [f"::::{{c:{of.kind}}} {of.name}", "", *_text(of.comment), ""]
    for member in of.members:
        text = list(_text(member.above))
        if "(*" not in member.declaration:  # what is before a function is about it, else about several members
            lines += [*text, ""]
            text = []
        lines += [f":::{{c:{member_kind}}} {member.declaration}", "", *text, *_text(member.beside), "", ":::", ""]
    return "\n".join([*lines, "::::"])


def _text(comment: str) -> Iterator[str]:
    """A comment as Markdown, its parameters as a list."""
    listed = False
    for line in comment.splitlines():
        parameter = _PARAMETER.match(line)
        if parameter:
            yield from ([] if listed else [""])
            yield f"- `{parameter[1]}`: {_escaped(parameter[2])}"
            listed = True
        elif listed and line.startswith("   "):
            yield f"  {_escaped(line.strip())}"
        else:
            yield from ([""] if listed else [])
            yield _escaped(line.strip())
            listed = False


def _escaped(text: str) -> str:
    """Text of a comment as Markdown: what is written in C is code."""
    parts = _CODE.split(text)
    return "".join(
        f"`{part.strip('`')}`" if k % 2 else re.sub(r"([\\`*_$<>\[\]|{}])", r"\\\1", part)
        for k, part in enumerate(parts)
    )


class HeaderDirective(SphinxDirective):
    """The directive `header`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(HEADER))
        lines = markdown(types(HEADER.read_text(encoding="utf-8"))[self.arguments[0]]).splitlines()
        place = nodes.container()
        self.state.nested_parse(StringList(lines, source=self.get_location()), 0, place)
        return list(place.children)


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known to Sphinx."""
    app.add_directive("header", HeaderDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
