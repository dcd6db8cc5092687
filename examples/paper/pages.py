"""Puts results into the documentation: claims as tables, and pictures.

    python examples/paper/pages.py [RESULTS] [-o DOCS]

RESULTS is a folder that run.py has written (default: results next to this file). For each experiment in it, writes
DOCS/experiments/made/NAME.md, a table of its claims with what they come from, made/NAME_numbers.md, a table chosen from
its results (page_tables.py), and DOCS/pictures/paper-NAME.png (default: docs of the repository). The pages in
docs/experiments include the tables and show the pictures. Claims about times are left out: they are those of a machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from page_tables import SELECTIONS, parameters
from PIL import Image

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
_WIDEST = 1200
"""Pixels; wider pictures are reduced by a whole number."""

_COLOURS = 128


def main() -> None:
    options = argparse.ArgumentParser(description="Put results of run.py into the documentation.")
    options.add_argument("results", nargs="?", type=Path, default=HERE / "results", metavar="RESULTS")
    options.add_argument("-o", "--output", type=Path, default=DOCS, metavar="DOCS")
    chosen = options.parse_args()
    files = sorted(chosen.results.glob("*.json"))
    if not files:
        sys.exit(f"{chosen.results} holds no results. Make some: python {HERE / 'run.py'}")
    (chosen.output / "experiments" / "made").mkdir(parents=True, exist_ok=True)
    (chosen.output / "pictures").mkdir(exist_ok=True)
    for file in files:
        document = json.loads(file.read_text(encoding="utf-8"))
        document.setdefault("made", date.fromtimestamp(file.stat().st_mtime).isoformat())
        name = document["experiment"]
        fragment = chosen.output / "experiments" / "made" / f"{name}.md"
        fragment.write_text(page(document), encoding="utf-8")
        if document.get("tables"):
            numbers = SELECTIONS[name](document["tables"])
            fragment.with_name(f"{name}_numbers.md").write_text(numbers, encoding="utf-8")
        copy_picture(file.with_suffix(".png"), chosen.output / "pictures" / f"paper-{name}.png")
        print(fragment)


def page(document: Mapping[str, Any]) -> str:
    """The claims of an experiment as a table in Markdown, and what they come from."""
    size = "small sizes, for a first look" if document["small"] else "full sizes"
    rows = [
        " | ".join(claim[key].replace("|", "\\|") for key in ("what", "paper", "seen", "verdict"))
        for claim in document["claims"]
        if not claim["what"].startswith("time")
    ]
    table = ["| claim | the paper | here | |", "|---|---|---|---|", *(f"| {row} |" for row in rows)] if rows else []
    source = f"Made by `examples/paper/{document['experiment']}.py`, {size}, in {document['seconds']:.0f} s"
    source += f" on {document['made']}" + (f" with acegen {document['version']}" if "version" in document else "")
    covered = parameters(document.get("tables", {}))
    source += f". What its tables cover: {covered}" if covered else ""
    return "\n".join([*table, "", f"*{source}.*", ""]).lstrip()


def copy_picture(source: Path, target: Path) -> None:
    """A picture, small enough for a page: fewer pixels by averaging, and a palette of colours."""
    if source.exists():
        with Image.open(source) as opened:
            picture = opened.convert("RGB")
        picture = picture.reduce(-(-picture.width // _WIDEST))
        picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
