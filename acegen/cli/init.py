"""`acegen init`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from acegen.cli.progress import TerminalProgress
from acegen.cli.terminal import Listing, shell_word
from acegen.dependencies import needs_packages

with needs_packages("looking at data", "fit"):
    from acegen.fit.dataset import Dataset
    from acegen.fit.draft import Draft, write_draft, write_template
    from acegen.fit.settings import QUANTITIES
from acegen.printing import quoted, visible


def run_init(data: Sequence[str], test: Sequence[str], output: Path, name: str | None, console: Console) -> Draft:
    """Write the settings of a fit, and print what was found in the data.

    Args:
        data, test, output, name: as for `acegen.fit.draft.write_draft`.
        console: where to print.
    """
    progress = TerminalProgress(console)
    with progress.stage("data"):
        draft = write_draft(data, test, output, name)
        progress.report(f"{len(draft.training.configurations):,} configurations of {', '.join(draft.elements)}")
    console.print(content_table(draft), soft_wrap=True)
    for entry, key in draft.keys.items():
        console.print(f"data.keys.{entry} = {quoted(key)}: found in the files; check that it is what you want")
    console.print(f"{visible(output)}: the settings, with comments. Next:", soft_wrap=True)
    _print_next(output, console)
    return draft


def run_template(elements: Sequence[str], output: Path, name: str | None, console: Console) -> Draft:
    """Write the settings of a fit without data.

    Args:
        elements, output, name: as for `acegen.fit.draft.write_template`.
        console: where to print.
    """
    draft = write_template(elements, output, name)
    console.print(f"{visible(output)}: the settings, with comments. Give your data in it, then:", soft_wrap=True)
    _print_next(output, console)
    return draft


def _print_next(output: Path, console: Console) -> None:
    file = shell_word(output)
    console.print(f"  acegen fit {file} --dry-run   what it will do, and how long it will take", soft_wrap=True)
    console.print(f"  acegen fit {file}", soft_wrap=True)


def content_table(draft: Draft) -> Listing:
    """Kinds of configuration and their labels."""
    rows = [*_rows("training", draft.training), *_rows("test", draft.test)]
    nearest = ", ".join(f"{a}-{b} {distance:.2f}" for (a, b), distance in draft.nearest.items())
    headings = ("part", "kind", "conf.", "atoms", *(f"with {quantity}" for quantity in QUANTITIES))
    caption = f"smallest distances, Å: {nearest}" if nearest else None
    return Listing(f"{draft.name}: {', '.join(draft.elements)}", headings, rows, (1, 0), {}, caption)


def init_document(draft: Draft, output: Path) -> dict[str, Any]:
    """What was found in the data, as plain values: lengths Å."""
    parts = {"training": draft.training, "test": draft.test}
    return {
        "settings": str(output),
        "name": draft.name,
        "elements": list(draft.elements),
        "keys": dict(draft.keys),
        "data": {
            part: {
                "configurations": len(data.configurations),
                "atoms": data.n_atoms,
                "kinds": dict(Counter(c.config_type for c in data.configurations)),
                "labels": data.n_labels,
                "missing": data.missing,
            }
            for part, data in parts.items()
        },
        "nearest": {f"{a}-{b}": distance for (a, b), distance in draft.nearest.items()},
    }


def _rows(part: str, data: Dataset) -> list[list[str]]:
    kinds: dict[str, list[int]] = {}
    for c in data.configurations:
        counts = kinds.setdefault(c.config_type, [0] * (2 + len(QUANTITIES)))
        labels = (int(getattr(c, quantity) is not None) for quantity in QUANTITIES)
        kinds[c.config_type] = [a + b for a, b in zip(counts, (1, len(c.atoms), *labels), strict=True)]
    return [[part, kind, *(f"{count:,}" for count in counts)] for kind, counts in kinds.items()]
