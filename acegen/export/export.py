"""`export_model`: a folder for another code, from a compiled potential and the templates of that code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import chain
from pathlib import Path

from acegen.errors import DependencyError, ExportError
from acegen.export.source import PotentialSource, read_source
from acegen.rendering import code_environment
from acegen.store.documents import check_path
from acegen.store.ownership import RECORD, RECORD_FORMAT, ExportFolder
from acegen.version import __version__

TARGETS = ("c", "lammps", "kim")
"""Codes to export to: C (and C++, Fortran), LAMMPS, simulators with the KIM API."""

_TAKEN = {
    "c": frozenset(
        """
        assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
        stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
        c m dl gcc gfortran gomp pthread quadmath rt util
        """.split()
    ),
    "lammps": frozenset(("acegenplugin", "acegen_plugin", "acegen_loader", "pair_acegen")),
    "kim": frozenset[str](),
}
"""Names whose header or library would, once installed, hide a standard C one, and names of the plugin's own files."""

COMMON = "common"
"""Templates of every target."""


def export_model(folder: str | Path, target: str, output: str | Path = "exports") -> Path:
    """Export a compiled potential for another code.

    The folders `templates/export/common` and `templates/export/TARGET` are rendered, with the model's sources in
    `kernel/` and a small structure for trying it. No template knows a particular model: they rely on the ABI header,
    and are given names and compiler flags.

    Args:
        folder: a compiled module with a potential, or a fit.
        target: one of `TARGETS`.
        output: where to put TARGET/NAME/; an earlier export there is replaced.

    Returns:
        the folder of the export.

    Raises:
        ExportError: unknown target, the model's name is taken there, or the folder cannot be written or contains
            something else.
        ModuleError: there is no such model, it is damaged, or was compiled without coefficients.
        DependencyError: ASE is missing.
    """
    if target not in TARGETS:
        raise ExportError(f"unknown target '{target}'; choose one of {', '.join(TARGETS)}.")
    check_path(Path(output), "output", ExportError)
    source = read_source(Path(folder))
    if source.model.name in _TAKEN[target]:
        raise ExportError(
            f"the model is named {source.model.name}, and so is a file of {'C' if target == 'c' else 'the plugin'}: "
            "one would be mistaken for the other. Compile the model under another name."
        )
    result = Path(output) / target / source.model.name
    with ExportFolder().making(result) as staging:
        try:
            _write_export(source, target, staging)
        except OSError as error:
            raise ExportError(f"cannot write the export {result}: {error.strerror}.") from None
    return result


def _write_export(source: PotentialSource, target: str, staging: Path) -> None:
    try:
        from acegen.export.example import write_example
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "acegen":
            raise
        raise DependencyError(
            f'exporting needs the package {error.name}. Install all of them: pip install "acegen[atoms]"'
        ) from None
    kernel = staging / "kernel"
    kernel.mkdir()
    for file in source.kernel:
        (kernel / file.name).write_bytes(file.read_bytes())
    energy = write_example(source.model, staging)
    context = source.context() | {"example_energy": energy}
    environment = code_environment()
    folders = files("acegen.templates") / "export"
    for name, content in chain(_templates(folders / COMMON), _templates(folders / target)):
        path = staging / name.removesuffix(".j2").replace("NAME", source.model.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = environment.from_string(content).render(context) if name.endswith(".j2") else content
        path.write_text(text, encoding="utf-8")
    names = sorted(path.relative_to(staging).as_posix() for path in staging.rglob("*") if path.is_file())
    record = {
        "format": RECORD_FORMAT,
        "target": target,
        "name": source.model.name,
        "generator": f"acegen {__version__}",
        "basis_hash": source.manifest.basis_hash,
        "model_hash": source.manifest.model_hash,
        "files": [*names, RECORD],
    }
    (staging / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _templates(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Path and content of every file of a target; files ending in .j2 are templates, others are copied."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_text(encoding="utf-8")
