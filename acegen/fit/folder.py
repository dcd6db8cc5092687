"""The folder of a finished fit: complete or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def staging_folder(target: Path) -> Iterator[Path]:
    """An empty folder next to `target` that takes its place if all goes well, and vanishes if not.

    Raises:
        FitError: the folder cannot be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-fitting-"))
    except OSError as error:
        raise FitError(f"cannot write to {target.parent}: {error.strerror}. Choose another output.") from None
    try:
        staging.chmod(0o755)
        yield staging
        old = staging.with_name(staging.name + "-old")
        if target.exists():
            target.rename(old)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
