"""Folders that acegen makes and replaces by newer ones, never losing anything else in their place.

Each kind of result recognizes its own folders by what it left in them. Nothing else is replaced, nor any link.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from acegen.errors import AcegenError, BuildError, ExportError, FitError
from acegen.store.documents import read_json
from acegen.store.files import is_own
from acegen.store.replacing import staging_folder

RECORD = "export.json"
"""In the folder of an export: the record of what was put there."""
RECORD_FORMAT = "acegen-export-1"
BUILD = "build"
"""Where the Makefile of an export builds; everything else in the folder is written by `export_model`."""
LOGS = {"log.lammps", "kim.log"}
"""Files that simulators leave where they are started."""

REPORT = "report.json"
"""In the folder of a fit: its report."""
REPORT_FORMAT = "acegen-fit-1"


class FolderKind(ABC):
    """A kind of result that is a folder.

    Attributes:
        error: raised if a folder cannot be made or must not be replaced.
        remedy: what the user can do about it.
    """

    error: ClassVar[type[AcegenError]]
    remedy: ClassVar[str] = "move it away or choose another folder with -o"

    @abstractmethod
    def objection(self, folder: Path) -> str | None:
        """What is wrong with an existing folder, unless it is one of this kind with nothing added."""

    def check(self, target: Path) -> None:
        """Refuse to replace anything but a folder of this kind.

        Raises:
            AcegenError: of type `error`; something else is there.
        """
        if not target.exists() and not target.is_symlink():
            return
        if target.is_symlink() or not target.is_dir():
            raise self.error(f"{target} exists and is not a folder; {self.remedy}.")
        objection = self.objection(target)
        if objection is not None:
            raise self.error(f"{target} {objection}; {self.remedy}.")

    @contextmanager
    def making(self, target: Path) -> Iterator[Path]:
        """An empty folder next to `target` that replaces it on success, and is removed on failure.

        Raises:
            AcegenError: of type `error`; the folder cannot be made or put there, or something else is there.
        """
        with staging_folder(target, self.error) as staging:
            self.check(target)
            yield staging


class ModuleFolder(FolderKind):
    """The module of a model of a given name: contains only files named like its own."""

    error = BuildError

    def __init__(self, name: str) -> None:
        self._name = name

    def objection(self, folder: Path) -> str | None:
        foreign = [entry.name for entry in folder.iterdir() if not is_own(entry.name, self._name)]
        return (
            f"contains something acegen did not make ({min(foreign)}), which a compile would delete"
            if foreign
            else None
        )


class ExportFolder(FolderKind):
    """An export: contains only what its record lists, its Makefile built, or simulators left."""

    error = ExportError

    def objection(self, folder: Path) -> str | None:
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        try:
            record = read_json(folder / RECORD)
            own = set(record["files"]) if record["format"] == RECORD_FORMAT else set()
        except (OSError, ValueError, TypeError, KeyError):
            own = set()
        foreign = [name for name in found - own - LOGS if not name.startswith(f"{BUILD}/")]
        if not foreign:
            return None
        return f"contains something acegen did not put there ({min(foreign)}), which an export would delete"


class FitFolder(FolderKind):
    """A fit: recognized by its report, whatever else is there."""

    error = FitError
    remedy = "move it away, or choose another output or name"

    def objection(self, folder: Path) -> str | None:
        try:
            if not any(folder.iterdir()) or read_json(folder / REPORT)["format"] == REPORT_FORMAT:
                return None
        except (OSError, ValueError, TypeError, KeyError):
            pass
        return f"exists and is not an earlier fit (it has no {REPORT} of one), so it is not replaced"
