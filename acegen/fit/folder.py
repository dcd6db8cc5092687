"""The folder of a finished fit: complete or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acegen.build.cache import is_running
from acegen.errors import FitError

REPORT = "report.json"
REPORT_FORMAT = "acegen-fit-1"


def check_target(target: Path) -> None:
    """Refuse to replace a folder that no fit has made.

    Raises:
        FitError: `target` holds something else.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        made_here = json.loads((target / REPORT).read_text(encoding="utf-8")).get("format") == REPORT_FORMAT
    except (OSError, ValueError, AttributeError):
        made_here = False
    if not made_here:
        raise FitError(
            f"{target} exists and is no earlier fit (no {REPORT} of one in it), so it is not replaced. Move it away, "
            "or choose another output or name."
        )


def _clear_up(target: Path) -> None:
    """Remove what fits that were killed have left; an earlier result that one had just set aside is put back."""
    prefix = f".{target.name}-fitting-"
    for folder in target.parent.glob(f"{prefix}*"):
        process = folder.name.removeprefix(prefix).split("-")[0]
        if process.isdigit() and not is_running(int(process)):
            if folder.name.endswith("-old") and not target.exists():
                folder.rename(target)
            else:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def staging_folder(target: Path) -> Iterator[Path]:
    """An empty folder next to `target` that takes its place if all goes well, and vanishes if not.

    Raises:
        FitError: the folder cannot be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_up(target)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-fitting-{os.getpid()}-"))
    except OSError as error:
        raise FitError(f"cannot write to {target.parent}: {error.strerror}. Choose another output.") from None
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
