"""Output of a run: a summary on the terminal, results.json, report.md."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from acegen.version import __version__
from benchmarks.context import Context
from benchmarks.section import Section, Table

FORMAT = "acegen-benchmarks-1"


def machine(context: Context) -> dict[str, Any]:
    """The machine on which it was measured, and what kernels were compiled for."""
    toolchain = context.toolchain
    return {
        "processor": _processor(),
        "system": platform.system(),
        "python": platform.python_version(),
        "compiler": toolchain.describe(),
        "march": context.march,
        "vector_bits": 8 * toolchain.vector_bytes,
        "acegen": __version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def write_results(context: Context, command: str, sections: Mapping[str, Section]) -> None:
    """results.json: every number, the settings and the machine."""
    document = {
        "format": FORMAT,
        "command": command,
        "machine": machine(context),
        "settings": asdict(context.settings),
        "measurements": {name: {"notes": s.notes, **s.data} for name, s in sections.items()},
    }
    text = json.dumps(document, indent=1) + "\n"
    (context.output / "results.json").write_text(text, encoding="utf-8")


def write_report(context: Context, command: str, sections: Mapping[str, Section], plots: list[Path]) -> Path:
    """report.md: summary, tables, plots."""
    where = machine(context)
    parts = [
        "# Benchmarks",
        f"`{command}` on {where['processor']}, one core unless said otherwise.",
        f"Instruction set: {where['march']}, vectors of {where['vector_bits']} bits, for the kernels and the peak. "
        f"Compiler: `{where['compiler']}`. What is counted and how it is timed: benchmarks/README.md.",
        _markdown(Table("Summary", ("what", "value", ""), _summary(sections)), level=2),
    ]
    for name, section in sections.items():
        parts.append(f"## {section.title}")
        parts += [_markdown(table, level=3) for table in section.tables]
        parts += [f"![{plot.stem}]({plot.name})" for plot in plots if plot.stem.startswith(name)]
        parts += [f"- {note}" for note in section.notes]
    path = context.output / "report.md"
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def show_summary(console: Console, sections: Mapping[str, Section]) -> None:
    """Headlines of all measurements, and what was skipped."""
    table = RichTable(box=box.SIMPLE, title="Ratios and fractions of this run")
    table.add_column("what", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("meaning")
    for what, value, meaning in _summary(sections):
        table.add_row(what, value, meaning)
    console.print(table)
    for section in sections.values():
        for note in section.notes:
            console.print(f"note: {note}", highlight=False)


def _summary(sections: Mapping[str, Section]) -> list[tuple[str, ...]]:
    return [(line.what, line.value, line.meaning) for section in sections.values() for line in section.headlines]


def _markdown(table: Table, level: int) -> str:
    rules = ["---", *["---:"] * (len(table.headings) - 1)]
    rows = [table.headings, rules, *table.rows]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return f"{'#' * level} {table.title}\n\n" + "\n".join(lines)
