"""Faulty documents: valid ones, changed in a few places."""

from __future__ import annotations

import copy
import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any


class Raw(str):
    """A piece of TOML or JSON in place of a value."""


def nested(depth: int) -> Any:
    """An empty list in a list in a list."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


STRINGS = (
    "",
    " ",
    "Si",
    "O",
    "Si-Si",
    "O-Si",
    "x" * 300,
    "x" * 70_000,
    "\0",
    "a\0b",
    "\x1b[31mred",
    "line\nline",
    "\ud800",
    "\udcff",
    "日本語",
    "\u202eabc",
    "1/0",
    "-1/3",
    "1e5000",
    "9" * 5000,
    "nan",
    "../../..",
    "~nobody-of-this-name/x",
    "~",
    "/dev/null",
    "/",
    "spec.toml",
    "twin[/111]",
    "%s {0} {",
    "canonical",
    "SO2",
    "none",
    "512 MiB",
    "1e999 GB",
    "nan KiB",
    "-1 B",
)
NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    7,
    255,
    2**31,
    2**63,
    2**64,
    10**25,
    10**400,
    -(10**400),
    16**6000,
    0.0,
    -0.0,
    0.1,
    2.5,
    1e-320,
    1e308,
    -1e308,
    float("nan"),
    float("inf"),
    -float("inf"),
    True,
    False,
)
VALUES = (
    None,
    [],
    {},
    [[]],
    [{}],
    {"": ""},
    {"a": {"b": {"c": 1}}},
    nested(60),
    nested(3000),
    ["Si"],
    ["Si", "O"],
    [1, "a", None],
    [0] * 5000,
    datetime.date(1979, 5, 27),
    datetime.time(7, 32),
    datetime.datetime(1979, 5, 27, 7, 32),
)
ODDITIES = (
    b"bytes",
    1j,
    object(),
    {1: 2},
    {None: 1},
    {("a",): 1},
    Decimal("1e999999"),
    Decimal("NaN"),
    Decimal("sNaN"),
    range(3),
)
"""What only a mapping given from Python can hold."""
TEXTS = (
    "[" * 100_000,
    "[" * 100_000 + "]" * 100_000,
    '{"a":' * 2000 + "1" + "}" * 2000,
    "[" * 700 + "]" * 700,
    "1" * 5000,
    "-" + "9" * 400,
    "0x" + "f" * 6000,
    "1e999999999",
    "1e-999999999",
    "0." + "0" * 5000 + "1",
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "-inf",
    "1979-05-27T07:32:00Z",
    "07:32:00",
    "null",
    "true",
    '"\\ud800"',
    '"\\u0000"',
    "'''\n'''",
    "{ a.b.c.d = 1 }",
    "",
    "\0",
)
"""What only a file can hold."""


def changed(document: Any, random: Random, as_text: bool) -> Any:
    """A copy of a document with one to four changes."""
    document = _copied(document, 0)
    for _ in range(min(1 + int(random.expovariate(1.0)), 4)):
        place = random.choice(_places(document, 0))
        random.choice(_CHANGES)(*place, random, as_text)
    return document


def _copied(value: Any, depth: int) -> Any:
    """A copy as deep as changes go; anything nested deeper by an earlier change is shared."""
    if depth > 8 or not isinstance(value, dict | list):
        return value
    if isinstance(value, dict):
        return {key: _copied(entry, depth + 1) for key, entry in value.items()}
    return [_copied(entry, depth + 1) for entry in value]


def _places(container: Any, depth: int) -> list[tuple[Any, Any]]:
    """Containers and the keys of what is in them."""
    keys = list(container) if isinstance(container, dict) else list(range(min(len(container), 20)))
    places = [(container, key) for key in keys]
    for key in keys:
        if isinstance(container[key], dict | list) and depth < 5:
            places += _places(container[key], depth + 1)
    return places or [(container, None)]


def odd(random: Random, as_text: bool) -> Any:
    """Some value that a document may hold where another belongs."""
    kind = random.choice((STRINGS, NUMBERS, VALUES, TEXTS if as_text else ODDITIES))
    value = random.choice(kind)
    if kind is TEXTS:
        return Raw(value)
    return copy.copy(value) if isinstance(value, dict | list) else value


def _replace(container: Any, key: Any, random: Random, as_text: bool) -> None:
    if key is not None:
        container[key] = odd(random, as_text)


def _remove(container: Any, key: Any, _random: Random, _as_text: bool) -> None:
    if key is not None and (isinstance(container, dict) or key < len(container)):
        del container[key]


def _insert(container: Any, _key: Any, random: Random, as_text: bool) -> None:
    value = odd(random, as_text)
    if isinstance(container, dict):
        keys = [*STRINGS, *container]
        container[random.choice(keys) if as_text or random.random() < 0.8 else random.choice((None, 1, ("a",)))] = value
    else:
        container.insert(random.randint(0, len(container)), value)


def _rename(container: Any, key: Any, random: Random, _as_text: bool) -> None:
    if isinstance(container, dict) and isinstance(key, str):
        at = random.randint(0, len(key))
        container[key[:at] + random.choice(("", "_", "e", "ß", "\0", "x" * 100)) + key[at + 1 :]] = container.pop(key)


def _wrap(container: Any, key: Any, random: Random, as_text: bool) -> None:
    if key is not None:
        value = container[key]
        bare = Raw(value) if as_text and isinstance(value, str) else value
        container[key] = random.choice(([value], {"a": value}, [value, value], [value] * 5, str(type(value)), bare))


def _swap(container: Any, key: Any, random: Random, _as_text: bool) -> None:
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    if key is not None and keys:
        other = random.choice(keys)
        container[key], container[other] = container[other], container[key]


def _nudge(container: Any, key: Any, random: Random, _as_text: bool) -> None:
    if key is None:
        return
    value = container[key]
    if isinstance(value, str):
        at = random.randint(0, len(value))
        container[key] = (
            value[:at]
            + random.choice(("a", "0", "-", " ", "\0", "\x1b", "/", "ß"))
            + value[at + random.randint(0, 1) :]
        )
    elif isinstance(value, int | float) and not isinstance(value, bool):
        small = abs(value) < 1e300
        other = (float(value), str(value)) if small else ()
        container[key] = random.choice((-value, value + 1, value - 1, [value], *other))


_CHANGES: tuple[Callable[[Any, Any, Random, bool], None], ...] = (
    _replace,
    _replace,
    _replace,
    _remove,
    _insert,
    _rename,
    _wrap,
    _swap,
    _nudge,
    _nudge,
)


def json_text(value: Any, depth: int = 0) -> str:
    """JSON, or text like it, with pieces of text unchanged."""
    if depth > _DEEPEST:
        return _DEEP
    if isinstance(value, dict):
        entries = (f"{json.dumps(str(key))}: {json_text(entry, depth + 1)}" for key, entry in value.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json_text(entry, depth + 1) for entry in value) + "]"
    return _scalar(value, json.dumps, "null")


def toml_text(document: dict[str, Any], inline: bool) -> str:
    """TOML, or what looks like it; tables in braces or under headings."""
    plain = {key: value for key, value in document.items() if inline or not isinstance(value, dict)}
    lines = [f"{_key(key)} = {_toml(value, 0)}" for key, value in plain.items()]
    for key, value in document.items():
        if key not in plain:
            lines += [f"[{_key(key)}]", *(f"{_key(name)} = {_toml(entry, 0)}" for name, entry in value.items())]
    return "\n".join(lines) + "\n"


_DEEPEST = 100
_DEEP = "[" * 3000 + "]" * 3000
"""How more deeply nested lists and tables are written."""


def _key(key: Any) -> str:
    text = str(key)
    return text if text.replace("_", "a").isalnum() and text.isascii() else json.dumps(text, ensure_ascii=False)


def _toml(value: Any, depth: int) -> str:
    if depth > _DEEPEST:
        return _DEEP
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(entry, depth + 1)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(entry, depth + 1) for entry in value) + "]"
    return _scalar(value, lambda text: json.dumps(text, ensure_ascii=False), '""')


def _scalar(value: Any, quote: Callable[[str], str], nothing: str) -> str:
    if isinstance(value, Raw):
        return str(value)
    if value is None:
        return nothing
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > 10**4000:
        return hex(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return quote(value) if isinstance(value, str) else str(value)
