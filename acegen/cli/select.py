"""`acegen select`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from acegen.cli.progress import TerminalProgress
from acegen.cli.terminal import Listing
from acegen.dependencies import needs_packages

with needs_packages("selecting", "fit"):
    from acegen.select import SelectionResult, select
from acegen.printing import visible


def run_select(
    fit: Path,
    pool: Sequence[str],
    number: int,
    output: Path,
    method: str,
    stop: float | None,
    types: Sequence[str] | None,
    console: Console,
) -> SelectionResult:
    """Choose configurations from a pool and print them.

    Args:
        fit: folder of the fit.
        pool, number, output, stop, types: as for `acegen.select.select`.
        method: likewise, as given by the user.
        console: where to print.
    """
    result = select(fit, pool, number, output, method, stop, types, TerminalProgress(console))
    if not result.chosen:
        console.print(f"nothing was chosen: {result.reason}. {visible(output)} was not written.", soft_wrap=True)
        return result
    console.print(selection_table(result), soft_wrap=True)
    console.print(f"{visible(output)}: {len(result.chosen):,} configurations to be labelled", soft_wrap=True)
    return result


def selection_document(result: SelectionResult, output: Path) -> dict[str, Any]:
    """A selection as plain values: gains in nats, or environments by maxvol."""
    chosen = [
        {
            "index": chosen.index,
            "where": chosen.candidate.where,
            "kind": chosen.candidate.kind,
            "atoms": len(chosen.candidate.atoms),
            "gain": chosen.gain,
            "share": chosen.share,
            "grade": chosen.grade,
        }
        for chosen in result.chosen
    ]
    return {
        "output": str(output) if chosen else None,
        "method": result.method,
        "pool": result.n_pool,
        "reason": result.reason,
        "chosen": chosen,
    }


def selection_table(result: SelectionResult) -> Listing:
    """The chosen configurations in the order of choice."""
    graded = any(chosen.grade is not None for chosen in result.chosen)
    unit = "env." if result.method == "maxvol" else "nats"
    shared = any(chosen.share is not None for chosen in result.chosen)
    further = [*(["of variance"] if shared else []), *(["grade before"] if graded else [])]
    headings = ["kind", "number", "in the pool", "atoms", f"gain, {unit}", *further]
    rows = [
        [
            chosen.candidate.kind,
            f"{place:,}",
            f"{chosen.index:,}",
            f"{len(chosen.candidate.atoms):,}",
            f"{chosen.gain:,.0f}" if result.method == "maxvol" else f"{chosen.gain:.3g}",
            *([] if chosen.share is None else [f"{100 * chosen.share:.2g} %"]),
            *([] if chosen.grade is None else [f"{chosen.grade:.3g}"]),
        ]
        for place, chosen in enumerate(result.chosen, start=1)
    ]
    title = f"{len(result.chosen):,} of {result.n_pool:,} configurations, by {result.method}"
    caption = f"{len(result.chosen):,} were chosen: {result.reason}"
    return Listing(title, headings, rows, (0,), {}, caption)
