"""The folder of a finished fit."""

from __future__ import annotations

from pathlib import Path

from acegen.documents import read_json
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
        made_here = read_json(target / REPORT).get("format") == REPORT_FORMAT
    except (OSError, ValueError, AttributeError):
        made_here = False
    if not made_here:
        raise FitError(
            f"{target} exists and is no earlier fit (no {REPORT} of one in it), so it is not replaced. Move it away, "
            "or choose another output or name."
        )
