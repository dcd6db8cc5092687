"""YAML as plain nodes: all scalars stay text, so that No is an element and 1e-5 a number; nothing is executed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TypeAlias

import yaml

from acegen.errors import PotentialError
from acegen.printing import shown, visible

Key: TypeAlias = str | tuple[str, ...]
"""Of a mapping: text, or the entries of a list of texts, as in `[0, 1]: ...`."""

Node: TypeAlias = "str | list[Node] | dict[Key, Node]"

_LARGEST = 200_000_000
"""Most bytes of a file."""

_MOST_NODES = 20_000_000
_DEEPEST = 12
"""Most levels of lists and mappings; potentials have at most six."""

_LOADER: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""That of libyaml, which is much faster, where PyYAML has it."""


def read_content(path: Path) -> bytes:
    """What is in a file.

    Raises:
        PotentialError: it cannot be read, or is too large.
    """
    try:
        if not path.is_file():
            raise PotentialError(
                "there is no such file. Give the path of a .yace or .ace file, or of a B-basis .yaml file."
            )
        size = path.stat().st_size
        if size > _LARGEST:
            raise PotentialError(f"the file has {size:,} bytes; at most {_LARGEST:,} are read.")
        return path.read_bytes()
    except (OSError, ValueError) as problem:
        raise PotentialError(f"the file cannot be read: {visible(problem)}.") from None


def read_document(content: bytes, known: Collection[str]) -> dict[Key, Node]:
    """A YAML document whose top level is a mapping.

    Args:
        content: of the file.
        known: keys that the top level may have.

    Raises:
        PotentialError: it is not YAML, is another kind of file, has keys twice, or has anchors, aliases or tags,
            which could stand for more than is written.
    """
    try:
        return _top(_checked(content), known)
    except yaml.MarkedYAMLError as problem:
        place = f"line {problem.problem_mark.line + 1}: " if problem.problem_mark else ""
        raise PotentialError(f"{place}not valid YAML: {visible(problem.problem)}. Is the file complete?") from None
    except (yaml.YAMLError, UnicodeError) as problem:
        reason = str(getattr(problem, "reason", problem)).splitlines()
        raise PotentialError(f"the file is not text in YAML: {visible(''.join(reason[:1]))}.") from None


def _checked(content: bytes) -> Iterator[yaml.Event]:
    """The events of a single document, without those around it."""
    documents = 0
    for count, event in enumerate(yaml.parse(content, Loader=_LOADER)):
        kind = type(event)
        if kind in _AROUND:
            documents += kind is yaml.DocumentStartEvent
            if documents > 1:
                raise PotentialError(f"{_line(event)}: a second YAML document begins; a potential is one.")
            continue
        if kind is yaml.AliasEvent or getattr(event, "anchor", None) is not None:
            raise PotentialError(
                f"{_line(event)}: anchors and aliases (& and *) are not allowed. Write out what is meant."
            )
        if (tag := getattr(event, "tag", None)) is not None:
            raise PotentialError(f"{_line(event)}: tags ({shown(tag)}) are not allowed. Write plain values.")
        if count > _MOST_NODES:
            raise PotentialError(f"{_line(event)}: more than {_MOST_NODES:,} values; this is no potential.")
        yield event


_AROUND = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


def _top(events: Iterator[yaml.Event], known: Collection[str]) -> dict[Key, Node]:
    first = next(events, None)
    if type(first) is not yaml.MappingStartEvent:
        raise PotentialError("the file is no potential: its top level is not a mapping with the key 'elements'.")
    top: dict[Key, Node] = {}
    open_nodes: list[list[Node] | dict[Key, Node]] = [top]
    keys: list[Key | None] = [None]  # of the value that follows, by open mapping
    for event in events:
        kind = type(event)
        if kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
            if len(open_nodes) == _DEEPEST:
                raise PotentialError(f"{_line(event)}: lists or mappings are nested more than {_DEEPEST} deep.")
            open_nodes.append([] if kind is yaml.SequenceStartEvent else {})
            keys.append(None)
            continue
        if isinstance(event, yaml.ScalarEvent):
            node: Node = event.value
        else:
            node = open_nodes.pop()
            keys.pop()
            if not open_nodes:
                break
        parent = open_nodes[-1]
        if type(parent) is list:
            parent.append(node)
            continue
        assert isinstance(parent, dict)
        key = keys[-1]
        if key is None:
            keys[-1] = _new_key(node, parent, event, known if len(open_nodes) == 1 else None)
        else:
            parent[key] = node
            keys[-1] = None
    for _ in events:  # what follows the document is checked as well
        pass
    return top


def _new_key(node: Node, parent: dict[Key, Node], event: yaml.Event, known: Collection[str] | None) -> Key:
    if isinstance(node, dict) or (isinstance(node, list) and not all(isinstance(item, str) for item in node)):
        raise PotentialError(f"{_line(event)}: a key must be text or a list of numbers.")
    key = node if isinstance(node, str) else tuple(str(item) for item in node)
    if key in parent:
        raise PotentialError(f"{_line(event)}: the key {key_text(key)} occurs twice.")
    if known is not None and key not in known:
        raise PotentialError(
            f"{_line(event)}: unknown key {key_text(key)} at the top level. A .yace file has 'elements', 'E0', "
            "'deltaSplineBins', 'embeddings', 'bonds' and 'functions', a B-basis file 'species'."
        )
    return key


def key_text(key: Key) -> str:
    """A key as a message shows it."""
    return shown(key) if isinstance(key, str) else shown(f"[{', '.join(key)}]")


def _line(event: yaml.Event) -> str:
    mark = event.start_mark
    return f"line {mark.line + 1}" if mark else "the file"
