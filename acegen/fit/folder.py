"""The folder of a finished fit."""

from __future__ import annotations

import json
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
