"""TOML and JSON files that users write, or that may be damaged: any fault gives a single message."""

from __future__ import annotations

import errno
import json
import tomllib
from collections.abc import Callable, Iterable
from math import isfinite
from pathlib import Path
from typing import Any

from acegen.errors import AcegenError
from acegen.printing import shown

_DEEPEST = 50
"""Most levels of tables and lists in a TOML file; acegen's have at most six."""


def read_toml(
    path: Path, what: str, error: type[AcegenError], parse_float: Callable[[str], Any] = float
) -> dict[str, Any]:
    """The content of a TOML file.

    Args:
        path: of the file.
        what: its name in messages.
        error: raised if it cannot be read or is not TOML.
        parse_float: converts a decimal as written to a number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as problem:
        raise error(f"cannot read {what} {path}: {unreadable(problem)}. Give the path of a TOML file.") from None
    try:
        content = tomllib.loads(text, parse_float=parse_float)
    except ValueError as problem:
        raise error(f"{path} is not valid TOML: {problem}.") from None
    except RecursionError:
        content = None
    if content is None or _is_deep(content):
        raise error(f"{path} is not {what}: its lists or tables are nested more than {_DEEPEST} deep.")
    return content


def json_text(document: Any) -> str:
    """A document in JSON, with a newline at its end.

    JSON has no infinity and no NaN: null. A file name that is not UTF-8 has lone surrogates in Python, which are
    written as JSON's escapes.
    """
    text = json.dumps(_finite(document), indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        OSError: it cannot be read, or is not text.
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except ValueError as problem:
        raise OSError(errno.EINVAL, unreadable(problem), str(path)) from None
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def check_path(path: Path, key: str, error: type[AcegenError]) -> None:
    """Raise `error` for an impossible path. Whether anything exists there is checked only on reading or writing.

    Args:
        path: to be checked.
        key: the setting it came from, for the message.
        error: type to raise.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, ValueError) as problem:
        raise error(f"{key} = {shown(str(path))}: {unreadable(problem)}. Give another path.") from None


def unreadable(problem: OSError | ValueError) -> str:
    """Why a text file could not be read, or a path not followed."""
    if isinstance(problem, OSError):
        return problem.strerror or str(problem)
    if isinstance(problem, UnicodeDecodeError):
        return "not UTF-8 text"
    return "not a possible path"  # a NUL, or an invalid character


def _is_deep(content: Any) -> bool:
    level: Iterable[Any] = [content]
    for _ in range(_DEEPEST):
        entries = [e.values() if isinstance(e, dict) else e for e in level if isinstance(e, dict | list)]
        level = [entry for own in entries for entry in own]
        if not level:
            return False
    return True
