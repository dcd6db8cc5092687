"""The manifest of a compiled module: what it was made from, and the hashes of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from acegen.errors import ModuleError

MANIFEST = "module.json"
MODULE_FORMAT = "acegen-module-2"


@dataclass(frozen=True)
class Manifest:
    """Content of `module.json`.

    Attributes:
        name: name of the model.
        generator: "acegen VERSION".
        key: hash of all that went into the build: spec, coefficients, acegen itself, compiler and flags.
        basis_hash: identity of the basis.
        model_hash: identity of name, basis, coefficients and atomic energies.
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

    def write(self, directory: Path) -> None:
        document = {"format": MODULE_FORMAT, **asdict(self), "seal": self.seal()}
        (directory / MANIFEST).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def seal(self) -> str:
        """Hash of all fields, by which an edited manifest is known."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest of a module.

    Raises:
        ModuleError: there is no compiled module, or its manifest is damaged.
    """
    path = directory / MANIFEST
    if not directory.is_dir():
        raise ModuleError(f"no compiled module at {directory}: there is no such folder. Run 'acegen compile' first.")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        kind, seal = document.pop("format"), document.pop("seal")
        manifest = Manifest(**document)
    except (FileNotFoundError, NotADirectoryError):
        raise ModuleError(
            f"{directory} holds no compiled module ({MANIFEST} is missing). Run 'acegen compile' with its spec."
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise ModuleError(f"{path} is damaged. Compile the module again.") from None
    if kind != MODULE_FORMAT:
        raise ModuleError(f"{path} has the format '{kind}', this acegen reads '{MODULE_FORMAT}'. Compile it again.")
    if seal != manifest.seal():
        raise ModuleError(f"{path} was edited or damaged. Compile the module again.")
    return manifest


def module_folder(folder: Path) -> Path:
    """The folder of a module: the one given, or the only module in it, which is how fits hold theirs."""
    if not (folder / MANIFEST).exists():
        inside = [path.parent for path in folder.glob(f"*/{MANIFEST}")]
        if len(inside) == 1:
            return inside[0]
    return folder


def check_files(directory: Path, manifest: Manifest) -> None:
    """Compare every file of a module with the hash recorded for it.

    Raises:
        ModuleError: a file is missing, truncated or edited.
    """
    for name, expected in manifest.files.items():
        try:
            actual = file_hash(directory / name)
        except OSError:
            raise ModuleError(f"the module {directory} lacks the file {name}. Compile it again.") from None
        if actual != expected:
            raise ModuleError(
                f"the file {name} of the module {directory} is not the one that was compiled (truncated or edited). "
                "Compile it again."
            )


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
