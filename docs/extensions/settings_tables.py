"""Tables of keys from the JSON schemas of specs and fits: the directive `settings`.

    ```{settings} fit solver.selection
    ```

stands for one table of the file: a row for each key, with its meaning, type, and default. The first word is the kind of
file (`request` is the brief table `spec` of a fit), the second the table in it; without one it is the file itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from acegen.fit.request import ModelRequest
from acegen.fit.settings import FitSettings
from acegen.spec import ParticleSpec, Spec

Schema = Mapping[str, Any]

KINDS: Mapping[str, type[BaseModel]] = {
    "spec": Spec,
    "particles": ParticleSpec,
    "fit": FitSettings,
    "request": ModelRequest,
}

RATIONAL = "number or fraction"


@dataclass(frozen=True)
class Row:
    """One key of a table, as Markdown.

    Attributes:
        key: its name.
        meaning: what it says, with units.
        allowed: type and range, or the words that are allowed.
        default: what stands for it where it is left out.
    """

    key: str
    meaning: str
    allowed: str
    default: str


def rows(kind: str, path: str) -> list[Row]:
    """The keys of a table.

    Args:
        kind: of file, one of `KINDS`.
        path: keys that lead to the table, with dots between them; empty for the file itself.
    """
    document = KINDS[kind].model_json_schema()
    tables: list[Schema] = [document]
    for key in path.split(".") if path else []:
        tables = [inner for table in tables for inner in _tables(table["properties"].get(key, {}), document)]
    found: dict[str, Row] = {}
    for table in tables:
        for key, value in table["properties"].items():
            row = _row(key, value, key in table.get("required", ()), document)
            if key in found and row.meaning == found[key].meaning:  # one table of several that differ in a key
                row = Row(key, row.meaning, _either(found[key].allowed, row.allowed), found[key].default)
            elif len(tables) > 1 and key not in tables[0]["properties"]:
                row = Row(key, f"{row.meaning}; {_for(table)} only", row.allowed, row.default)
            found[key] = row
    return list(found.values())


def markdown(kind: str, path: str) -> str:
    """The table, with a target for links to it: `table-fit-solver-selection`."""
    target = "-".join(["table", kind, *(path.split(".") if path else [])])
    lines = [f"({target})=", "", "| key | meaning | type | default |", "|---|---|---|---|"]
    for row in rows(kind, path):
        cells = (f"`{row.key}`", row.meaning, row.allowed, row.default)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def _tables(value: Schema, document: Schema) -> Iterator[Schema]:
    """All tables that a value can be: more than one for the families of radial functions."""
    for branch in _branches(value, document):
        if "properties" in branch:
            yield branch


def _branches(value: Schema, document: Schema) -> Iterator[Schema]:
    """The alternatives of a value, references followed; null, which cannot be written, left out."""
    if "$ref" in value:
        yield from _branches(document["$defs"][value["$ref"].rsplit("/", 1)[-1]], document)
    elif "anyOf" in value or "oneOf" in value:
        for branch in value.get("anyOf", value.get("oneOf")):
            yield from _branches(branch, document)
    elif value.get("type") != "null":
        yield value


def _row(key: str, value: Schema, required: bool, document: Schema) -> Row:
    meaning, default = value.get("description", ""), value.get("default")
    stated = re.search(r" \(default: ([^()]*(?:\([^()]*\)[^()]*)*)\)$", meaning)
    if stated:
        meaning = meaning[: stated.start()]
    meaning = re.sub(r", (an integer|a positive number|a rational|one positive number)\b[^:]*$", "", meaning)
    if required:
        shown = "required"
    elif stated:
        shown = _text(stated[1])
    elif "default" not in value:
        shown = "its own"
    elif default in (None, [], ""):
        shown = "none"
    else:
        shown = ", ".join(_constant(entry) for entry in (default if isinstance(default, list) else [default]))
    return Row(key, _text(meaning), _type(value, document), shown)


def _type(value: Schema, document: Schema) -> str:
    """Type and range in words."""
    branches = list(_branches(value, document))
    rational = any("pattern" in branch for branch in branches)
    words: list[str] = []
    for branch in branches:
        word = RATIONAL if rational and _is_rational(branch) else _plain_type(branch, document)
        for several in ("list", "table"):
            if words and word == f"{several} of {_several(words[0])}":
                word = f"a {several} of such"
        if word not in words:
            words.append(word)
    return ", or ".join(words) if len(words) > 1 and "such" in words[-1] else " or ".join(words)


def _is_rational(branch: Schema) -> bool:
    return "pattern" in branch or branch.get("type") == "number"


def _plain_type(branch: Schema, document: Schema) -> str:
    constants = branch.get("enum", [branch["const"]] if "const" in branch else None)
    if constants is not None:
        return " or ".join(_constant(constant) for constant in constants)
    match branch.get("type"):
        case "integer":
            return f"integer{_range(branch)}"
        case "number":
            return f"number{_range(branch)}"
        case "boolean":
            return "`true` or `false`"
        case "array":
            return f"list of {_several(_type(branch['items'], document))}"
        case "object" if "properties" not in branch and isinstance(branch.get("additionalProperties"), Mapping):
            return f"table of {_several(_type(branch['additionalProperties'], document))}"
        case "object":
            return "table"
        case _:
            return "string"


def _several(word: str) -> str:
    """The plural of a type."""
    return re.sub(r"\b(number|fraction|integer|string)\b", r"\1s", word)


def _range(branch: Schema) -> str:
    """Smallest and largest number; limits of 64 bits are not worth telling."""
    low = branch.get("minimum", branch.get("exclusiveMinimum"))
    high = branch.get("maximum")
    if low is None:
        return ""
    if "exclusiveMinimum" in branch:
        return f" above {low:,}" + ("" if high is None else f", at most {high:,.0f}")
    return f" from {low:,}" + ("" if high is None else f" to {high:,.0f}")


def _either(first: str, second: str) -> str:
    return first if second in first else f"{first} or {second}"


def _for(table: Schema) -> str:
    """Of several tables, the family of radial functions that a key belongs to."""
    family = table["properties"]["family"]
    return f'for `family = "{family.get("const", family.get("default"))}"`'


def _constant(value: object) -> str:
    """A value as it is written in TOML."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str) and value.isdigit():  # a rational
        return f"`{value}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:g}`"


def _text(description: str) -> str:
    """A description as Markdown: values and keys in it as code, other signs as they are."""
    parts = re.split(r'("[^"]*"|\[[^\]]*\]|\b[a-z_]+(?:\.[a-z_0-9]+)+\b|\b\w+_(?:\w+|\{[^}]*\}))', description)
    return "".join(f"`{part}`" if k % 2 else re.sub(r"([\\`*_$<>\[\]])", r"\\\1", part) for k, part in enumerate(parts))


class SettingsDirective(SphinxDirective):
    """The directive `settings`."""

    required_arguments = 1
    optional_arguments = 1
    has_content: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # what it is made from is no file of the documentation
        text = markdown(*(*self.arguments, "")[:2])
        container = nodes.container(classes=["settings"])
        self.state.nested_parse(StringList(text.splitlines(), source=self.get_location()), 0, container)
        return list(container.children)


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known to Sphinx."""
    app.add_directive("settings", SettingsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
