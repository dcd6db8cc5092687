"""Folders that are complete or not there at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acegen.errors import AcegenError


def is_running(process: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def staging_folder(target: Path, error: type[AcegenError]) -> Iterator[Path]:
    """An empty folder next to `target` that takes its place if all goes well, and vanishes if not.

    Args:
        target: where the folder will be; what is there is replaced, so check it first.
        error: raised if the folder cannot be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_up(target)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{_prefix(target)}{os.getpid()}-"))
    except OSError as problem:
        raise error(f"cannot write to {target.parent}: {problem.strerror}. Choose another output.") from None
    try:
        staging.chmod(0o755)
        yield staging
        old = staging.with_name(staging.name + "-old")
        if target.exists():
            target.rename(old)
        try:
            staging.rename(target)
        except BaseException:
            if old.exists():
                old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _prefix(target: Path) -> str:
    return f".{target.name}-making-"


def _clear_up(target: Path) -> None:
    """Remove what processes that were killed have left; an earlier result that one had just set aside is put back."""
    prefix = _prefix(target)
    for folder in target.parent.glob(f"{prefix}*"):
        process = folder.name.removeprefix(prefix).split("-")[0]
        if process.isdigit() and not is_running(int(process)):
            if folder.name.endswith("-old") and not target.exists():
                folder.rename(target)
            else:
                shutil.rmtree(folder, ignore_errors=True)
