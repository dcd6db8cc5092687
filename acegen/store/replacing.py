"""Files and folders that are complete or absent, and are not lost when their replacement fails."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from acegen.errors import AcegenError

_OLD = "-old"
"""Suffix under which an earlier result is set aside where two folders cannot be exchanged atomically."""

_WRITING = ".acegen-writing-"
"""Prefix of files being written."""

_A_DAY = 24 * 3600.0


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """The path of a file to write, next to `target`, that replaces it on success and is removed on failure.

    Several processes may do so at once: the last one wins. Files left by killed processes more than a day ago, perhaps
    on another machine, are removed.

    Raises:
        OSError: the file cannot be made or put there; `target` is unchanged.
    """
    for abandoned in target.parent.glob(f"{_WRITING}*"):
        with suppress(OSError):
            if time.time() - abandoned.stat().st_mtime > _A_DAY:
                abandoned.unlink()
    partial = target.with_name(f"{_WRITING}{uuid.uuid4().hex}{target.suffix}")
    partial.touch(exist_ok=False)
    try:
        yield partial
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def is_running(process: int) -> bool:
    """Whether a process with this number is running on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def staging_folder(target: Path, error: type[AcegenError]) -> Iterator[Path]:
    """An empty folder next to `target` that replaces it on success, and is removed on failure.

    Args:
        target: where the folder will be; anything there is replaced, so check it first.
        error: raised if the folder cannot be made or put there.
    """
    with temporary_folder(target, error) as staging:
        yield staging
        try:
            replace_folder(staging, target)
        except OSError as problem:
            raise error(f"cannot write {target}: {problem.strerror}. Choose another folder for the output.") from None


@contextmanager
def temporary_folder(target: Path, error: type[AcegenError]) -> Iterator[Path]:
    """An empty folder next to `target`, for `replace_folder` to put there; anything left of it is removed at the end.

    What killed processes left there is removed first, and results they had set aside are put back.

    Raises:
        AcegenError: of type `error`, the folder cannot be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        recover(target.parent)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-making-{os.getpid()}-"))
    except OSError as problem:
        raise error(
            f"cannot write to {target.parent}: {problem.strerror}. Choose another folder for the output."
        ) from None
    try:
        staging.chmod(0o755)
        yield staging
    finally:
        _remove(staging)


def replace_folder(staging: Path, target: Path) -> None:
    """Put a finished folder in place of `target`; `staging`, made by `temporary_folder`, then holds the old one, or
    is gone.

    Where kernel and file system can, folders are exchanged atomically, and a reader finds the old one or the new one.
    Elsewhere it may briefly find none; if the process is killed at that moment, `recover` puts the old one back. Other
    processes may do the same: the last one wins.

    Raises:
        OSError: the folder cannot be put there; the old one is in place.
    """
    staging.chmod(0o755)
    while True:
        try:
            staging.rename(target)  # succeeds if target is absent or an empty folder
            return
        except OSError as problem:
            if problem.errno not in (
                errno.ENOTEMPTY,
                errno.EEXIST,
                errno.ENOTDIR,
            ):  # the last if it is a link to a folder
                raise
        with suppress(FileNotFoundError):  # another process has just moved it
            if _exchange(staging, target):
                return
            _replace_in_two_steps(staging, target)
            return


def recover(folder: Path) -> None:
    """Remove what killed processes left in a folder, and put back earlier results they had set aside.

    A result is removed only if another has taken its place.
    """
    for left in sorted(folder.glob(".*-making-*")):
        parts = _LEFT.fullmatch(left.name)
        if not parts or is_running(int(parts["process"])):
            continue
        target = folder / parts["name"]
        if parts["old"]:
            with suppress(OSError):
                left.rename(target)
            if not target.exists():
                continue
        _remove(left)


_LEFT = re.compile(rf"\.(?P<name>.+)-making-(?P<process>\d+)-[^-]+(?P<old>{_OLD})?")


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _replace_in_two_steps(staging: Path, target: Path) -> None:
    old = staging.with_name(staging.name + _OLD)
    _remove(old)
    target.rename(old)
    try:
        staging.rename(target)
    except OSError as problem:
        if problem.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another process was faster: its result is replaced
            _remove(old)
            raise FileNotFoundError from None
        old.rename(target)
        raise
    except BaseException:
        old.rename(target)
        raise
    _remove(old)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders atomically. False if kernel, C library or file system cannot."""
    call = _renameat2()
    if call is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux
    if call(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM):
        return False
    raise OSError(number, os.strerror(number), str(other))


@cache
def _renameat2() -> Any:
    """The function of Linux's C library; None elsewhere."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    call.restype = ctypes.c_int
    return call
