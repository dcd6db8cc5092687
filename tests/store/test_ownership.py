"""Folders and files that replace earlier ones: only those that acegen made."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from acegen.store.archives import read_arrays, write_arrays
from acegen.store.ownership import ExportFolder, FitFolder, FolderKind, ModuleFolder
from acegen.store.replacing import whole_file

KINDS: dict[str, tuple[FolderKind, dict[str, str]]] = {
    "module": (ModuleFolder("model"), {"model.c": "", "module.json": "{}"}),
    "export": (
        ExportFolder(),
        {"export.json": json.dumps({"format": "acegen-export-1", "files": ["a.c", "export.json"]}), "a.c": ""},
    ),
    "fit": (FitFolder(), {"report.json": json.dumps({"format": "acegen-fit-1"}), "notes.txt": ""}),
}


def put(kind: FolderKind, target: Path, files: dict[str, str]) -> None:
    with kind.making(target) as folder:
        for name, text in files.items():
            (folder / name).write_text(text)


def write_half(path: Path) -> None:
    path.write_text("half")
    raise ZeroDivisionError


@pytest.mark.parametrize(("kind", "files"), KINDS.values(), ids=KINDS)
def test_own_folders_are_replaced(tmp_path: Path, kind: FolderKind, files: dict[str, str]) -> None:
    target = tmp_path / "results" / "model"
    kind.check(target)
    for folder in (target, target, target):
        put(kind, folder, files)
    assert {path.name for path in target.iterdir()} == set(files)
    assert [path.name for path in target.parent.iterdir()] == ["model"]


@pytest.mark.parametrize(("kind", "files"), KINDS.values(), ids=KINDS)
def test_nothing_else_is_replaced(tmp_path: Path, kind: FolderKind, files: dict[str, str]) -> None:
    """Neither a folder with a foreign file, nor a file, nor a link, wherever it leads."""
    target, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    put(kind, elsewhere, files)

    def refused() -> None:
        for attempt in (lambda: kind.check(target), lambda: put(kind, target, files)):
            with pytest.raises(kind.error, match="move it away"):
                attempt()
        assert {path.name for path in tmp_path.iterdir()} == {"model", "elsewhere"}

    target.mkdir()
    (target / "thesis.tex").write_text("years of work")
    refused()
    assert (target / "thesis.tex").read_text() == "years of work"
    (target / "thesis.tex").unlink()
    target.rmdir()
    target.write_text("a file")
    refused()
    for place in (elsewhere, tmp_path / "nowhere"):
        target.unlink()
        target.symlink_to(place)
        refused()
        assert target.readlink() == place


@pytest.mark.parametrize(("kind", "files"), KINDS.values(), ids=KINDS)
def test_what_fails_leaves_the_earlier_folder(tmp_path: Path, kind: FolderKind, files: dict[str, str]) -> None:
    target = tmp_path / "model"
    put(kind, target, files)
    with pytest.raises(ZeroDivisionError), kind.making(target) as folder:
        write_half(folder / "half")
    assert {path.name for path in target.iterdir()} == set(files)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_cannot_be_put_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with one message, not the system's error."""

    def refuse(*_: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    kind, files = KINDS["fit"]
    with pytest.raises(kind.error, match=r"cannot write .*model: Permission denied"):
        put(kind, tmp_path / "model", files)
    assert list(tmp_path.iterdir()) == []


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    for text in ("one", "two"):
        with whole_file(target) as partial:
            partial.write_text(text)
            assert partial.suffix == ".txt"
        assert target.read_text() == text
    with pytest.raises(ZeroDivisionError), whole_file(target) as partial:
        write_half(partial)
    assert target.read_text() == "two"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(OSError, match="No such file"), whole_file(tmp_path / "no" / "file.txt"):
        pass


def test_files_have_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    write_arrays(tmp_path / "arrays.npz", {"a": np.arange(3)})
    assert (tmp_path / "arrays.npz").stat().st_mode == usual.stat().st_mode
    assert read_arrays(tmp_path / "arrays.npz")["a"].tolist() == [0, 1, 2]


def test_abandoned_files_are_removed_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / ".acegen-writing-old", tmp_path / ".acegen-writing-new"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    with whole_file(tmp_path / "file"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"file", new.name}
