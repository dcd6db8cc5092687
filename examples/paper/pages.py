"""Puts results into the documentation: claims as tables, and pictures.

    python examples/paper/pages.py [RESULTS] [-o DOCS]

RESULTS is a folder that run.py has written (default: results next to this file). For each experiment in it, writes
DOCS/experiments/made/NAME.md, a table of its claims that the pages in docs/experiments include, and
DOCS/pictures/paper-NAME.png (default: docs of the repository).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.image import imread, imsave

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
_WIDEST = 1200
"""Pixels; wider pictures are thinned out by a whole number."""


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
        name = document["experiment"]
        fragment = chosen.output / "experiments" / "made" / f"{name}.md"
        fragment.write_text(page(document), encoding="utf-8")
        copy_picture(file.with_suffix(".png"), chosen.output / "pictures" / f"paper-{name}.png")
        print(fragment)


def page(document: Mapping[str, Any]) -> str:
    """The claims of an experiment as a table in Markdown, and what they come from."""
    size = "small sizes, for a first look" if document["small"] else "full sizes"
    rows = [
        " | ".join(claim[key].replace("|", "\\|") for key in ("what", "paper", "seen", "verdict"))
        for claim in document["claims"]
    ]
    table = ["| claim | the paper | here | |", "|---|---|---|---|", *(f"| {row} |" for row in rows)] if rows else []
    source = f"*Made by `examples/paper/{document['experiment']}.py`, {size}, in {document['seconds']:.0f} s.*"
    return "\n".join([*table, "", source, ""]).lstrip()


def copy_picture(source: Path, target: Path) -> None:
    """A picture, small enough for a page."""
    if source.exists():
        pixels = imread(source)
        step = -(-pixels.shape[1] // _WIDEST)
        imsave(target, pixels[::step, ::step] if step > 1 else pixels)


if __name__ == "__main__":
    main()
