"""Settings of a fit written for given data: what is in them, and every other setting with its default, as comments."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from acegen.errors import FitError
from acegen.fit.consistency import check_content
from acegen.fit.curves import nearest_distances
from acegen.fit.data import read_parts
from acegen.fit.dataset import Dataset
from acegen.fit.findings import warn_of
from acegen.fit.keys import likely_keys
from acegen.fit.reading import read_frames
from acegen.fit.request import CUTOFFS, ModelRequest, model_request
from acegen.fit.settings import (
    QUANTITIES,
    AssemblySettings,
    DataSettings,
    FitSettings,
    KeySettings,
    SolverSettings,
    UncertaintySettings,
    WeightSettings,
)
from acegen.printing import visible
from acegen.store.names import name_of
from acegen.store.replacing import whole_file

_WIDTH = 110
_EXAMPLES = {
    "cutoff": "5.0",
    "functions": "300",
    "validation": "0.2",
    "test": '"test.xyz"',
    "continue": '"fits/NAME"',
    "memory": '"1 GiB"',
    "cache": '"FOLDER"',
    "dask": '"tcp://host:8786"',
}
"""Values of keys whose defaults are decided elsewhere, or read better in other units."""

_LISTED = 12
"""Kinds of configuration that are named."""


@dataclass(frozen=True)
class Draft:
    """Settings for given data.

    Attributes:
        name: of the model.
        elements: chemical symbols, by atomic number.
        training: the configurations to fit to.
        test: those to report on.
        keys: names of labels that are not the usual ones, by entry of `data.keys`.
        nearest: smallest distance of each pair of elements, Å.
        text: of the file.
    """

    name: str
    elements: tuple[str, ...]
    training: Dataset
    test: Dataset
    keys: Mapping[str, str]
    nearest: Mapping[tuple[str, str], float]
    text: str


def write_draft(train: Sequence[str], test: Sequence[str], output: Path, name: str | None = None) -> Draft:
    """Look at labelled data and write the settings of a fit to them, with comments.

    The file can be used as it stands: it asks for the recommended model of the elements that occur.

    Args:
        train: files to fit to, of any format that `acegen fit` reads.
        test: files to report on.
        output: the file to write; it must not exist.
        name: of the model; by default its elements.

    Raises:
        FitError: the output exists or cannot be written, the data cannot be read or have no energies and forces, or
            `acegen fit` would refuse them; there is then no file.
        SpecError: the name is not allowed.
    """
    _check_output(output)
    draft = make_draft(train, test, output.parent, name)
    _write(draft.text, output)
    return draft


def write_template(elements: Sequence[str], output: Path, name: str | None = None) -> Draft:
    """Write the settings of a fit before there are data: their paths are still to be given.

    Args:
        elements: chemical symbols of the model.
        output, name: as for `write_draft`.

    Raises:
        FitError: the output exists or cannot be written.
        SpecError: an element or the name is not allowed.
    """
    _check_output(output)
    request = _request(name, elements)
    about = (
        "No data were looked at. Give yours as data.train. In extended XYZ each configuration has its energy (eV) and, "
        "if there is one, its virial (eV) or stress (eV/Å³) in the comment line, and forces (eV/Å) as three columns."
    )
    text = _text(_comment(about), request, {"train": "train.xyz"}, {}, Dataset(()))
    _write(text, output)
    return Draft(request.name, tuple(elements), Dataset(()), Dataset(()), {}, {}, text)


def make_draft(train: Sequence[str], test: Sequence[str], folder: Path, name: str | None = None) -> Draft:
    """The settings that `write_draft` writes, for a file in `folder`. Arguments and errors as there."""
    frames = [atoms for file in train for atoms in read_frames(file)]
    numbers = {int(number) for atoms in frames for number in atoms.numbers}
    from ase.data import chemical_symbols

    elements = tuple(chemical_symbols[number] for number in sorted(numbers))
    keys = likely_keys(frames, KeySettings())
    request = _request(name, elements)
    data = {"train": list(train), "test": list(test), "keys": keys}
    settings = FitSettings.model_validate({"spec": request, "data": data})
    parts = read_parts(settings)
    warn_of(check_content(parts, settings))
    training, tested = parts.training, parts.test
    nearest = nearest_distances(training, elements, CUTOFFS[0])
    given: dict[str, Any] = {"train": _paths(train, folder)}
    if test:
        given["test"] = _paths(test, folder)
    about = [
        *_about(train, training, "data.train"),
        *(_about(test, tested, "data.test") if test else []),
        *_comment(f"Smallest distances, Å: {_distances(nearest)}."),
    ]
    text = _text(about, request, given, keys, training)
    return Draft(request.name, elements, training, tested, keys, nearest, text)


def _check_output(output: Path) -> None:
    if output.exists() or output.is_symlink():
        raise FitError(f"{visible(output)} exists. Remove it, or choose another name with -o.")
    if not output.parent.is_dir():
        raise FitError(f"{visible(output.parent)} is not a folder. Make it, or choose another place with -o.")


def _write(text: str, output: Path) -> None:
    try:
        with whole_file(output) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FitError(f"cannot write {visible(output)}: {error.strerror}. Choose another place with -o.") from None


def _request(name: str | None, elements: Sequence[str]) -> ModelRequest:
    """The recommended model of these elements, which are its name unless one is given."""
    name = name_of("".join(elements).lower()) if name is None else name
    return model_request({"name": name, "elements": list(elements)})


def _text(
    about: Sequence[str],
    request: ModelRequest,
    given: Mapping[str, Any],
    keys: Mapping[str, str],
    training: Dataset,
) -> str:
    """The whole file: what is known of the data, what is given of the table data, and everything else as comments."""
    lines = [
        *about,
        *_comment("Lines that begin with # and a key are defaults: remove the # to change one."),
        *_comment("acegen fit FILE --dry-run says what a fit with this file will do, and how long it will take."),
        "",
        *_keys(FitSettings, {}, ("output",)),
        "",
        *_comment("The recommended model of these elements: what is left out is decided from the data."),
        *_section(
            "spec",
            ModelRequest,
            {"name": request.name, "elements": list(request.elements)},
            ("pair", "zbl", "inner_cutoff"),
        ),
        *_section("data", DataSettings, given, ("keys", "search")),
        *_comment("Names of the labels in the files."),
        *_section("data.keys", KeySettings, keys),
        *_section("weights", WeightSettings, {}, ("config_type",)),
        *_kinds(training),
        *_comment("Energies of isolated atoms, eV, in place of fitted ones: give all elements."),
        "#[atomic_energies]",
        *(f"#{element} = 0.0" for element in request.elements),
        "",
        *_section("solver", SolverSettings, {}, ("selection", "refit")),
        *_section("uncertainty", UncertaintySettings, {}),
        *_section("assembly", AssemblySettings, {}),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _paths(files: Sequence[str], folder: Path) -> str | list[str]:
    """Paths relative to the folder of the settings."""
    paths = [_path(Path(file), folder) for file in files]
    for path in paths:
        try:
            path.encode("utf-8")
        except UnicodeEncodeError:
            raise FitError(f"the name {visible(path)} is not text, and cannot be written to TOML. Rename it.") from None
    return paths if len(paths) > 1 else paths[0]


def _path(file: Path, folder: Path) -> str:
    # Folders that are links are followed: ".." leads out of where they point to. A file that is one keeps its name.
    path = os.path.relpath(file.parent.resolve() / file.name, folder.resolve())
    return f"./{path}" if path.startswith("~") else path  # "~" would be somebody's home


def _about(files: Sequence[str], data: Dataset, key: str) -> Iterator[str]:
    """What the files of a part hold."""
    kinds = Counter(c.config_type for c in data.configurations)
    named = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common(_LISTED))
    more = f" and {len(kinds) - _LISTED:,} other kinds" if len(kinds) > _LISTED else ""
    missing = data.missing
    count = len(data.configurations)
    labels = [f"{count - missing[q]:,} with {q}" for q in QUANTITIES]
    whole = f"{count:,} configurations ({named}{more}), {data.n_atoms:,} atoms"
    yield from _comment(f"{key}: {', '.join(files)}: {whole}; {', '.join(labels)}.")


def _distances(nearest: Mapping[tuple[str, str], float]) -> str:
    return ", ".join(f"{a}-{b} {distance:.2f}" for (a, b), distance in nearest.items()) or "none within the cutoff"


def _section(name: str, model: type[BaseModel], given: Mapping[str, Any], left_out: Sequence[str] = ()) -> list[str]:
    """A table: the keys that are given, and all others with their defaults as comments."""
    others = [key for key in model.model_fields if key not in left_out]
    return [f"[{name}]", *_keys(model, given, others), ""]


def _keys(model: type[BaseModel], given: Mapping[str, Any], keys: Sequence[str]) -> Iterator[str]:
    """Lines of the keys, those that are given first, each with its description behind it or, if that is long, above."""
    for key in sorted(keys, key=lambda key: key not in given):
        field = model.model_fields[key]
        written = field.alias or key
        line = f"{written} = {_value(given[key])}" if key in given else f"#{written} = {_default(written, field)}"
        description = visible(field.description or "")
        if len(line) + len(description) + 4 <= _WIDTH:
            yield f"{line}  # {description}"
        else:
            yield from _comment(description)
            yield line


def _default(key: str, field: FieldInfo) -> str:
    """The default of a key in TOML; an example where it has none, or is decided elsewhere."""
    value = field.get_default(call_default_factory=True)
    if key in _EXAMPLES:
        return _EXAMPLES[key]
    return _value(value[0] if isinstance(value, tuple) and len(value) == 1 else value)


def _value(value: Any) -> str:
    """A value in TOML, on one line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return tomli_w.dumps({"key": value}).removeprefix("key = ").strip()


def _kinds(data: Dataset) -> list[str]:
    """A commented table of factors by kind."""
    kinds = list(dict.fromkeys(c.config_type for c in data.configurations))[:_LISTED]
    description = WeightSettings.model_fields["config_type"].description or ""
    table = tomli_w.dumps(dict.fromkeys(kinds, 1.0)).strip()
    entries = [f"#{line}" for line in table.split("\n") if line]  # TOML knows no other ends of lines
    return [*_comment(description), "#[weights.config_type]", *entries, ""]


def _comment(text: str) -> list[str]:
    """Lines of a comment; what users call their files and kinds cannot end it."""
    return textwrap.wrap(visible(text), _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
