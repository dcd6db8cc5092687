"""The compiled extension of a module, opened and checked."""

from __future__ import annotations

import importlib.util
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from acegen.errors import ModuleError
from acegen.store.manifest import Manifest, check_files

ABI_VERSION = 5


def open_library(directory: Path, manifest: Manifest) -> tuple[Any, Any]:
    """The cffi `ffi` object and the `acegen_model *` of a compiled module.

    Raises:
        ModuleError: files are damaged, or the extension was built for another Python, machine or ABI.
    """
    check_files(directory, manifest)
    suffix = next((s for s in EXTENSION_SUFFIXES if manifest.extension.endswith(s)), None)
    if suffix is None:
        raise ModuleError(
            f"the module {directory} was compiled for another Python or system ({manifest.extension}; "
            f"here extensions end in {', '.join(EXTENSION_SUFFIXES)}). Compile it again."
        )
    module_name = manifest.extension.removesuffix(suffix)
    specification = importlib.util.spec_from_file_location(module_name, directory / manifest.extension)
    if specification is None or specification.loader is None:
        raise ModuleError(f"{directory / manifest.extension} is not a Python extension. Compile the module again.")
    try:
        extension = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(extension)
    except (ImportError, SystemError) as error:
        raise ModuleError(f"the extension of {directory} does not load: {error}. Compile the module again.") from None
    try:
        ffi, entry = extension.ffi, getattr(extension.lib, f"acegen_model_{manifest.name}")
    except AttributeError:
        raise ModuleError(
            f"{directory / manifest.extension} is an extension, but not of a model {manifest.name}. Compile the "
            "module again."
        ) from None
    model = entry()
    if model == ffi.NULL:
        raise ModuleError(
            f"the module {directory} was compiled for a processor with other instructions. Compile it again here."
        )
    if model.abi_version != ABI_VERSION:
        raise ModuleError(
            f"the module {directory} has ABI version {model.abi_version}, but this acegen needs {ABI_VERSION}. "
            "Compile it again."
        )
    for recorded, compiled in ((manifest.model_hash, model.model_hash), (manifest.basis_hash, model.basis_hash)):
        if ffi.string(compiled).decode() != recorded:
            raise ModuleError(f"the manifest of {directory} does not match its extension. Compile the module again.")
    return ffi, model
