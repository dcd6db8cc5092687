"""`acegen export`: what it refuses, and that it replaces its own folders only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from example_models import Spec, random_coefficients
from uncertain_models import random_coefficients as random_of
from uncertain_models import random_uncertainty

import acegen
from acegen.cli.main import main
from acegen.export import TARGETS


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> acegen.Model:
    """A potential that compiles fast."""
    folder = tmp_path_factory.mktemp("small")
    spec = {"name": "small", "basis": {"elements": ["Si"], "order": 2, "level": 4}, "radial": {"cutoff": 5.0}}
    return acegen.compile(spec, folder, random_coefficients(acegen.compile(spec, folder)))


@pytest.fixture
def export(small: acegen.Model, tmp_path: Path) -> Callable[..., int]:
    """Run `acegen export` for the small potential; returns the exit status."""

    def run(target: str = "c", model: Path = small.path) -> int:
        return main(["export", str(model), "--to", target, "-o", str(tmp_path / "out")])

    return run


def files(folder: Path) -> dict[str, bytes]:
    """Content of all files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_unknown_target(export: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists the targets there are."""
    assert export("fortress") == 1
    message = capsys.readouterr().err
    assert "'fortress'" in message
    assert all(target in message for target in TARGETS)
    assert not (tmp_path / "out").exists()


def test_module_without_coefficients(
    export: Callable[..., int], small_spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A basis cannot be exported."""
    bare = acegen.compile(small_spec, tmp_path / "bare")
    assert export(model=bare.path) == 1
    assert "without coefficients" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_missing_module(export: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No folder, and a folder without a module."""
    assert export(model=tmp_path / "nowhere") == 1
    assert "nowhere" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert export(model=tmp_path / "empty") == 1
    assert "empty" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_taken_name(
    export: Callable[..., int], small_spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model called math would install a header that hides C's."""
    spec = small_spec | {"name": "math"}
    model = acegen.compile(spec, tmp_path, random_coefficients(acegen.compile(spec, tmp_path)))
    assert export(model=model.path) == 1
    assert "named math, and so is a file of C" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert export("kim", model.path) == 0


def test_names_of_the_plugin(
    export: Callable[..., int], small_spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An object file of a model called fix_acegen would be that of the plugin's fix_acegen_grade.cpp."""
    spec = small_spec | {"name": "fix_acegen"}
    uncertainty = random_uncertainty(spec)
    options = acegen.BuildOptions(backend="plain")
    coefficients = random_of(uncertainty, spec)
    model = acegen.compile(spec, tmp_path, coefficients, options=options, uncertainty=uncertainty)
    assert export("lammps", model.path) == 1
    assert "named fix_acegen, and so is a file of the plugin" in capsys.readouterr().err
    assert export("kim", model.path) == 0


def test_replaces_its_own_export(export: Callable[..., int], tmp_path: Path) -> None:
    """Also one that has been built; the build products are removed with it."""
    assert export() == 0
    folder = tmp_path / "out" / "c" / "small"
    first = files(folder)
    assert {"README.md", "Makefile", "example.xyz", "kernel/acegen.h", "kernel/small.c", "export.json"} <= set(first)
    (folder / "build" / "kernel").mkdir(parents=True)
    (folder / "build" / "kernel" / "small.o").write_bytes(b"built")
    (folder / "README.md").write_text("edited\n")
    assert export() == 0
    assert files(folder) == first


def test_foreign_files(export: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with something of the user's is left as it is."""
    assert export() == 0
    folder = tmp_path / "out" / "c" / "small"
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    before = files(folder)
    capsys.readouterr()
    assert export() == 1
    assert "main.c" in capsys.readouterr().err
    assert files(folder) == before


def test_foreign_folder(export: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not an export, a file, and a link are not replaced."""
    folder = tmp_path / "out" / "c" / "small"
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("years of work\n")
    assert export() == 1
    assert "thesis.tex" in capsys.readouterr().err
    assert (folder / "thesis.tex").exists()
    (folder / "thesis.tex").unlink()
    folder.rmdir()
    folder.write_text("a file\n")
    assert export() == 1
    assert folder.read_text() == "a file\n"
    folder.unlink()
    folder.symlink_to(tmp_path)
    assert export() == 1
    assert folder.is_symlink()


def test_no_placeholder_is_left(export: Callable[..., int], tmp_path: Path) -> None:
    """File names and contents are those of the model."""
    for target in TARGETS:
        assert export(target) == 0
        folder = tmp_path / "out" / target / "small"
        for name, content in files(folder).items():
            assert "NAME" not in name
            assert not name.endswith(".j2")
            if not name.startswith("kernel/"):
                assert b"{{" not in content, name
                assert b"{%" not in content, name
