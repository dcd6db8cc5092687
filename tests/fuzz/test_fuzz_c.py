"""The harnesses of the C fuzzers on a few thousand inputs drawn with a seed; `make fuzz` runs them under libFuzzer."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from example_models import ROOT
from export_cases import need, shell

import acegen
from acegen.elements import SYMBOLS
from acegen.rendering import code_environment

FUZZ = ROOT / "tests" / "fuzz" / "c"
GOLDEN = ROOT / "generated" / "golden_si"
EXPORT = ROOT / "templates" / "export"
SANITIZED = ["gcc", "-g", "-O1", "-w", "-fsanitize=undefined", "-fno-sanitize-recover=all"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["golden_si", "from_file"])
def test_interface(models: Callable[[str], acegen.Model], tmp_path: Path, name: str) -> None:
    """Lists whose differences overflow, workspaces beyond any memory: refused, without undefined behaviour.

    For a model with a basis, and one that was made from a potential file.
    """
    need("gcc")
    folder = GOLDEN if name == "golden_si" else models("file").path
    sources = [path for path in folder.glob("*.c") if not path.name.startswith("_")]
    program = tmp_path / "interface"
    function = f"-DMODEL_FUNCTION=acegen_model_{name}"
    harness = [FUZZ / "interface.c", FUZZ / "inputs.c"]
    shell([*SANITIZED, function, f"-I{folder}", *harness, *sources, "-lm", "-o", program], tmp_path)
    shell([program, 1500], tmp_path)


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """The reader of extended-XYZ files on files that are named, and on inputs drawn."""
    need("gcc")
    template = (EXPORT / "common" / "acegen_symbols.h.j2").read_text()
    (tmp_path / "acegen_symbols.h").write_text(code_environment().from_string(template).render(symbols=SYMBOLS))
    examples = EXPORT / "c" / "examples"
    sources = [FUZZ / "extxyz.c", FUZZ / "inputs.c", examples / "extxyz.c", examples / "elements.c"]
    shell([*SANITIZED, f"-I{tmp_path}", f"-I{examples}", *sources, "-lm", "-o", tmp_path / "reader"], tmp_path)
    return tmp_path / "reader"


def test_reader(reader: Path) -> None:
    seeds = sorted((FUZZ / "extxyz-seeds").iterdir())
    assert seeds
    ended = subprocess.run([reader, "2000", *seeds], capture_output=True, check=False)  # messages are of any bytes
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert ended.stderr


def test_reader_takes_no_room_for_atoms_that_are_not_there(reader: Path, tmp_path: Path) -> None:
    """A short file that claims 800 million atoms is refused at once, in less memory than they would take."""
    file = tmp_path / "claims.xyz"
    file.write_text("800000000\n\n" + "Si 0 0 0\n" * 300)
    started = time.monotonic()
    limited = ["sh", "-c", f"ulimit -v 200000; exec {reader} 0 {FUZZ}/extxyz-seeds/claims {file}"]
    _, _, messages = shell(limited, tmp_path)
    assert messages.count("the file ends within a frame") == 2
    assert time.monotonic() - started < 20
