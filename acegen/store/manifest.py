"""The manifest of a compiled module: what it was made from, and the hashes of its files."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from acegen.errors import BuildError, ModuleError
from acegen.options import BuildOptions
from acegen.printing import shown, visible
from acegen.store.documents import read_json

POTENTIAL_SUFFIXES = (".yace", ".ace", ".yaml", ".yml")
"""Of potential files, which are no specs, no modules and no settings of a fit."""

MANIFEST = "module.json"
MODULE_FORMAT = "acegen-module-2"
BASIS = "basis.json"
"""The description of the basis in a module, whose SHA-256 is the identity of the basis."""
POTENTIAL = "potential.yace"
"""In a module made from a potential file, which has no basis: the potential in the form of ML-PACE."""
DESCRIPTION = "potential.json"
"""There: what it contains, with the hash of the kernel program. Its SHA-256 is the identity of the potential."""
UNCERTAINTY = "uncertainty.npz"
"""In a module of a fit: what it knows of its own uncertainty."""


@dataclass(frozen=True)
class Manifest:
    """Content of `module.json`.

    Attributes:
        name: name of the model.
        generator: "acegen VERSION".
        key: hash of everything that went into the build: spec and coefficients, or the potential file; acegen itself,
            compiler and flags.
        basis_hash: identity of the basis; without one, of the potential: SHA-256 of the description.
        model_hash: identity of name, basis, coefficients, atomic energies and uncertainty; without a basis, of name and
            potential.
        extension: file name of the compiled extension.
        compiler: the command that compiled it.
        options: fields of the `BuildOptions` it was compiled with.
        files: SHA-256 by file name, for every other file of the module.
    """

    name: str
    generator: str
    key: str
    basis_hash: str
    model_hash: str
    extension: str
    compiler: str
    options: Mapping[str, Any]
    files: Mapping[str, str]

    @property
    def description(self) -> str:
        """The file that describes the basis, or the potential of a module without one."""
        return BASIS if BASIS in self.files else DESCRIPTION

    def write(self, directory: Path) -> None:
        document = {"format": MODULE_FORMAT, **asdict(self), "seal": self.seal()}
        (directory / MANIFEST).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def seal(self) -> str:
        """Hash of all fields, which reveals an edited manifest."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest of a module.

    Raises:
        ModuleError: there is no compiled module, or its manifest is damaged.
    """
    path = directory / MANIFEST
    if _is_file(directory):
        what = "a file. Give the folder that 'acegen compile' made."
        if directory.suffix in POTENTIAL_SUFFIXES:
            what = f"a potential file. Compile it first: acegen compile {visible(directory)}"
        raise ModuleError(f"no compiled module at {directory}: a module is a folder, and this is {what}")
    if not _is_folder(directory):
        raise ModuleError(f"no compiled module at {directory}: there is no such folder. Run 'acegen compile' first.")
    if not path.is_file():
        raise ModuleError(
            f"{directory} contains no compiled module ({MANIFEST} is missing). Run 'acegen compile' with its spec."
        )
    try:
        document = read_json(path)
    except (OSError, ValueError):
        document = None
    if not isinstance(document, dict) or "format" not in document:
        raise ModuleError(f"{path} is damaged. Compile the module again.")
    if document["format"] != MODULE_FORMAT:
        raise ModuleError(
            f"{path} has the format {shown(document['format'])}, but this acegen reads '{MODULE_FORMAT}'. "
            "Compile it again."
        )
    del document["format"]
    seal = document.pop("seal", None)
    for field, is_right in _FIELDS.items():
        if field not in document or not is_right(document[field]):
            raise ModuleError(f"{path} is damaged: {field} is missing or wrong. Compile the module again.")
    if document.keys() != _FIELDS.keys() or seal != Manifest(**document).seal():
        raise ModuleError(f"{path} was edited or damaged. Compile the module again.")
    manifest = Manifest(**document)
    if manifest.extension not in manifest.files or manifest.files.get(manifest.description) != manifest.basis_hash:
        raise ModuleError(
            f"{path} was edited: it lists files that are not those of a module. Compile the module again."
        )
    return manifest


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that is too long or forbidden
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _is_file_name(value: object) -> bool:
    """Name of a file of a module: no folder, and no character that a file system could refuse."""
    return isinstance(value, str) and re.fullmatch(r"\w[\w.-]{0,254}", value, re.ASCII) is not None


def _is_command(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(shlex.split(value))
    except ValueError:
        return False


def _are_options(value: object) -> bool:
    try:
        # Modules made before there was a choice of backend do not name it.
        return isinstance(value, dict) and {"backend": "lanes", **value} == asdict(BuildOptions(**value))
    except (TypeError, BuildError):
        return False


_FIELDS: Mapping[str, Callable[[object], bool]] = {
    "name": lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z]\w{0,62}", value, re.ASCII) is not None,
    "generator": lambda value: isinstance(value, str),
    "key": _is_hash,
    "basis_hash": _is_hash,
    "model_hash": _is_hash,
    "extension": _is_file_name,
    "compiler": _is_command,
    "options": _are_options,
    "files": lambda value: (
        isinstance(value, dict) and all(map(_is_file_name, value)) and all(map(_is_hash, value.values()))
    ),
}
"""The type of each field of a manifest."""


def resolved(path: str | Path) -> Path:
    """The folder of a module with all links resolved. Raises `ModuleError` if that is not possible."""
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError, TypeError, ValueError):  # circular links, a NUL, not a path at all
        raise ModuleError(f"no compiled module at {shown(path)}: this is not the path of a folder.") from None


def module_folder(folder: Path) -> Path:
    """The folder of a module: the one given, or the only module inside it, as in the folder of a fit."""
    if _is_folder(folder) and not (folder / MANIFEST).exists():
        inside = [path.parent for path in folder.glob(f"*/{MANIFEST}")]
        if len(inside) == 1:
            return inside[0]
    return folder


def check_files(directory: Path, manifest: Manifest) -> None:
    """Compare every file of a module with its recorded hash.

    Raises:
        ModuleError: a file is missing, truncated or edited.
    """
    for name, expected in manifest.files.items():
        try:
            actual = file_hash(directory / name) if (directory / name).is_file() else None
        except OSError:
            actual = None
        if actual is None:
            raise ModuleError(f"the module {directory} lacks the file {name}. Compile it again.")
        if actual != expected:
            raise ModuleError(
                f"the file {name} of the module {directory} is not the one that was compiled (truncated or edited). "
                "Compile it again."
            )


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
