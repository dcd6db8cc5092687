"""Results that replace earlier ones: whichever process is killed, and whenever, one of the two exists."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import acegen
from acegen.errors import BuildError
from acegen.export import export_model
from acegen.store import replacing
from acegen.store.replacing import recover, replace_folder, staging_folder, temporary_folder

REPLACE = """
import sys
from pathlib import Path
from acegen.store import replacing
from acegen.errors import BuildError
if sys.argv[2] == "steps":
    replacing._exchange = lambda one, other: False
print("ready", flush=True)
number = 0
while True:
    number += 1
    with replacing.staging_folder(Path(sys.argv[1]), BuildError) as folder:
        for name in ("a", "b"):
            (folder / name).write_text(str(number))
"""


def dead_process() -> int:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    return int(gone.stdout)


def whole(folder: Path) -> bool:
    return sorted(path.name for path in folder.iterdir()) == ["a", "b"] and (
        (folder / "a").read_text() == (folder / "b").read_text()
    )


def kill_replacements(target: Path, way: str, times: int) -> None:
    target.mkdir()
    for name in ("a", "b"):
        (target / name).write_text("0")
    chance = random.Random(1)
    for _ in range(times):
        process = subprocess.Popen([sys.executable, "-c", REPLACE, str(target), way], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.wait()
        process.stdout.close()
        if way == "exchange":  # there at any moment
            assert whole(target)
        recover(target.parent)  # what the next compile, of whatever model, does
        assert whole(target)
        assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("way", ["exchange", "steps"])
def test_killed_replacements_lose_nothing(tmp_path: Path, way: str) -> None:
    kill_replacements(tmp_path / "model", way, 6)


@pytest.mark.by_hand
@pytest.mark.slow
@pytest.mark.parametrize("way", ["exchange", "steps"])
def test_replacements_killed_two_hundred_times_lose_nothing(tmp_path: Path, way: str) -> None:
    kill_replacements(tmp_path / "model", way, 200)


def test_killed_between_the_two_steps(tmp_path: Path) -> None:
    """What had been set aside comes back with the next result in that folder, of another name too."""
    earlier, dead = tmp_path / f".first-making-{dead_process()}-x1_y-old", dead_process()
    earlier.mkdir()
    (earlier / "whole").write_text("first")
    (tmp_path / f".first-making-{dead}-abc").mkdir()
    running = tmp_path / f".first-making-{os.getpid()}-abc-old"
    running.mkdir()
    with temporary_folder(tmp_path / "second", BuildError) as folder:
        (folder / "whole").write_text("second")
        replace_folder(folder, tmp_path / "second")
    assert {path.name for path in tmp_path.iterdir()} == {"first", "second", running.name}
    assert (tmp_path / "first" / "whole").read_text() == "first"


def test_what_cannot_be_put_back_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = tmp_path / f".first-making-{dead_process()}-abc-old"
    earlier.mkdir()

    def refuse(*_: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    recover(tmp_path)
    assert earlier.is_dir()


@pytest.mark.parametrize("exchange", [True, False])
def test_replacement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool) -> None:
    """New, over an empty folder, over a full one, and over a link to one."""
    if not exchange:
        monkeypatch.setattr(replacing, "_exchange", lambda *_: False)
    target, elsewhere = tmp_path / "a" / "model", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()

    def put(content: str) -> None:
        with staging_folder(target, BuildError) as folder:
            (folder / "file").write_text(content)
        assert [path.name for path in target.parent.iterdir()] == ["model"]
        assert (target / "file").read_text() == content

    put("one")
    put("two")
    (target / "file").unlink()
    put("three")
    target.rename(tmp_path / "away")
    target.symlink_to(elsewhere)
    put("four")
    assert not target.is_symlink()
    assert (elsewhere / "kept").exists()


SPEC = {"name": "small", "basis": {"elements": ["Si"], "order": 1, "level": 3}, "radial": {"cutoff": 4.0}}

REMAKE = """
import sys
import acegen
from acegen.export import export_model
folder, what, number = sys.argv[1], sys.argv[2], float(sys.argv[3])
spec = {"name": "small", "basis": {"elements": ["Si"], "order": 1, "level": 3}, "radial": {"cutoff": 4.0}}
print("ready", flush=True)
if what == "compile":
    acegen.compile(spec, folder, {"Si": [number, 2.0, 3.0]})
else:
    export_model(folder + "/small", "c", folder + "/exports")
"""


def kill_makers(tmp_path: Path, what: str, times: int) -> None:
    acegen.compile(SPEC, tmp_path, {"Si": [1.0, 2.0, 3.0]})
    if what == "export":
        export_model(tmp_path / "small", "c", tmp_path / "exports")
    chance = random.Random(2)
    for number in range(times):
        process = subprocess.Popen(
            [sys.executable, "-c", REMAKE, str(tmp_path), what, str(number + 2.0)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 2.5))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() in (0, -signal.SIGKILL)
        process.stdout.close()
        acegen.load(tmp_path / "small")  # checks every file against its hash
        if what == "export":
            assert (tmp_path / "exports" / "c" / "small" / "export.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["compile", "export"])
def test_a_killed_process_loses_no_model(tmp_path: Path, what: str) -> None:
    kill_makers(tmp_path, what, 3)


@pytest.mark.by_hand
@pytest.mark.slow
@pytest.mark.parametrize("what", ["compile", "export"])
def test_processes_killed_two_hundred_times_lose_no_model(tmp_path: Path, what: str) -> None:
    kill_makers(tmp_path, what, 200)
