"""`export_model`: a folder for another code, from a compiled potential and the templates of that code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import chain
from pathlib import Path
from typing import Any

from acegen.dependencies import needs_packages
from acegen.errors import ExportError
from acegen.export.source import PotentialSource, read_source
from acegen.progress import Progress, Silent
from acegen.rendering import code_environment
from acegen.store.documents import check_path
from acegen.store.ownership import RECORD, RECORD_FORMAT, ExportFolder
from acegen.version import __version__

TARGETS = ("c", "lammps", "kim", "yace")
"""What to export to: C (and C++, Fortran), LAMMPS, simulators with the KIM API, ML-PACE's potential files."""

_TAKEN = {
    "c": frozenset(
        """
        assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
        stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
        c m dl gcc gfortran gomp pthread quadmath rt util
        """.split()
    ),
    "lammps": frozenset(("acegenplugin",)),
}
"""Names whose header or library would, once installed, hide a standard C one, and the name of the plugin."""

COMMON = "common"
"""Templates of every target that compiles the model's C."""

YACE = "yace"
"""The target that does not."""


def export_model(
    folder: str | Path,
    target: str,
    output: str | Path = "exports",
    tolerance: float | None = None,
    progress: Progress | None = None,
) -> Path:
    """Export a compiled potential for another code.

    The folders `templates/export/common` and `templates/export/TARGET` are rendered, with the model's sources in
    `kernel/` and a small structure for trying it. No template knows a particular model: they rely on the ABI header,
    and are given names and compiler flags. For ML-PACE there is a potential file instead of sources
    (`acegen.export.yace`).

    Args:
        folder: a compiled module with a potential, or a fit.
        target: one of `TARGETS`.
        output: where to put TARGET/NAME/; an earlier export there is replaced.
        tolerance: for ML-PACE, largest difference from the model, as in `Agreement`; None for the default.
        progress: told what is done; silent by default.

    Returns:
        the folder of the export.

    Raises:
        ExportError: unknown target, the model's name is taken there, the target cannot say what the model computes, or
            the folder cannot be written or contains something else.
        ModuleError: there is no such model, it is damaged, or was compiled without coefficients.
        DependencyError: ASE is missing.
    """
    if target not in TARGETS:
        raise ExportError(f"unknown target '{target}'; choose one of {', '.join(TARGETS)}.")
    if tolerance is not None and target != YACE:
        raise ExportError(f"a tolerance is for the target '{YACE}'; an export to '{target}' is exact.")
    check_path(Path(output), "output", ExportError)
    source = read_source(Path(folder))
    if _taken(source, target):
        raise ExportError(
            f"the model is named {source.model.name}, and so is a file of {'C' if target == 'c' else 'the plugin'}: "
            "one would be mistaken for the other. Compile the model under another name."
        )
    result = Path(output) / target / source.model.name
    with ExportFolder().making(result) as staging:
        try:
            if target == YACE:
                context = _potential_file(source, staging, tolerance, progress or Silent())
            else:
                context = _sources(source, staging)
            _write_templates((target,) if target == YACE else (COMMON, target), source, context, staging)
            _write_record(source, target, staging)
        except OSError as error:
            raise ExportError(f"cannot write the export {result}: {error.strerror}.") from None
    return result


def _taken(source: PotentialSource, target: str) -> bool:
    """Whether a file of the model would have the name of another."""
    if source.model.name in _TAKEN.get(target, ()):
        return True
    others = {Path(name).stem for name, _ in _templates(files("acegen.templates") / "export" / target)}
    return target == "lammps" and not others.isdisjoint(file.stem for file in source.kernel if file.suffix == ".c")


def _sources(source: PotentialSource, staging: Path) -> dict[str, Any]:
    """Copy the C of a model and write an example. Returns what templates are told."""
    kernel = staging / "kernel"
    kernel.mkdir()
    for file in source.kernel:
        (kernel / file.name).write_bytes(file.read_bytes())
    with needs_packages("exporting", "atoms"):
        from acegen.export.example import write_example

        return source.context() | write_example(source.model, staging).values()


def _potential_file(
    source: PotentialSource, staging: Path, tolerance: float | None, progress: Progress
) -> dict[str, Any]:
    """Write the file for ML-PACE and an example. Returns what templates are told."""
    with needs_packages("exporting", "atoms"):
        from acegen.export.yace import write_potential

        return write_potential(source, staging, tolerance, progress).values()


def _write_templates(names: Sequence[str], source: PotentialSource, context: dict[str, Any], staging: Path) -> None:
    environment = code_environment()
    folders = files("acegen.templates") / "export"
    for name, content in chain.from_iterable(_templates(folders / folder) for folder in names):
        path = staging / name.removesuffix(".j2").replace("NAME", source.model.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = environment.from_string(content).render(context) if name.endswith(".j2") else content
        path.write_text(text, encoding="utf-8")


def _write_record(source: PotentialSource, target: str, staging: Path) -> None:
    names = sorted(path.relative_to(staging).as_posix() for path in staging.rglob("*") if path.is_file())
    record = {
        "format": RECORD_FORMAT,
        "target": target,
        "name": source.model.name,
        "generator": f"acegen {__version__}",
        ("basis_hash" if source.model.has_basis else "potential_hash"): source.manifest.basis_hash,
        "model_hash": source.manifest.model_hash,
        "files": [*names, RECORD],
    }
    (staging / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _templates(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Path and content of every file of a target; files ending in .j2 are templates, others are copied.

    An installer compiles the Python among them: what it leaves is not of the target.
    """
    for entry in folder.iterdir():
        if entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _templates(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_text(encoding="utf-8")
