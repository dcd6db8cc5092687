"""What experiments have in common: the command line, claims with what is found here, and the files they write."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

import acegen
from acegen.cli.progress import TerminalProgress

HERE = Path(__file__).parent
COLORS = {"canonical": "#4477aa", "self-interacting": "#ee6677"}
EXPANSIONS = ("canonical", "self-interacting")

Verdict = Literal["agrees", "differs", "trend agrees", "not stated"]
"""How the result compares with the paper; "not stated" where the paper gives neither number nor trend."""

Cell = str | int | float


@dataclass(frozen=True)
class Claim:
    """One statement of the paper, and what is found here."""

    what: str
    paper: str
    seen: str
    verdict: Verdict


@dataclass
class Findings:
    """What an experiment finds: tables (written as CSV), claims, and a picture.

    Attributes:
        tables: headings and rows, by file name without its ending.
        claims: what the paper says, and what is found.
        figure: the picture.
    """

    tables: dict[str, tuple[Sequence[str], list[Sequence[Cell]]]] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    figure: Figure | None = None


@dataclass(frozen=True)
class Setting:
    """How an experiment is run.

    Attributes:
        output: folder for what it writes.
        small: sizes that take seconds instead of those of the paper, for a first look and for tests.
        data: folder of Si_train.xyz, Si_test.xyz and those of Mo (Zuo et al. 2020), or None without data.
        console: where results are printed.
        progress: is told about each step.
    """

    output: Path
    small: bool
    data: Path | None
    console: Console
    progress: TerminalProgress

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """A part that takes some time; call what it yields with (done, total)."""
        with self.progress.stage(name):
            yield self.progress.advance


Experiment = Callable[[Setting], Findings]


def perform(name: str, title: str, experiment: Experiment, setting: Setting) -> Findings:
    """Run an experiment, write NAME.json, NAME.png and a CSV file for each table, and print its claims."""
    setting.output.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    findings = experiment(setting)
    seconds = time.perf_counter() - start
    for file, (headings, rows) in findings.tables.items():
        with (setting.output / f"{file}.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(headings)
            writer.writerows(rows)
    document: dict[str, Any] = {
        "experiment": name,
        "title": title,
        "small": setting.small,
        "made": date.today().isoformat(),
        "version": acegen.__version__,
        "seconds": round(seconds, 1),
        "claims": [asdict(claim) for claim in findings.claims],
        "tables": {
            file: [dict(zip(headings, row, strict=True)) for row in rows]
            for file, (headings, rows) in findings.tables.items()
        },
    }
    (setting.output / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if findings.figure is not None:
        findings.figure.savefig(setting.output / f"{name}.png", dpi=150)
    if findings.claims:
        setting.console.print(claims_table(title, findings.claims))
    return findings


def claims_table(title: str, claims: Sequence[Claim]) -> Table:
    """The claims as a table for a terminal."""
    table = Table(title=title, show_lines=True)
    for heading in ("claim", "paper", "here", ""):
        table.add_column(heading, overflow="fold")
    for claim in claims:
        table.add_row(claim.what, claim.paper, claim.seen, claim.verdict)
    return table


def parser(description: str) -> argparse.ArgumentParser:
    """Options that every experiment takes."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--small", action="store_true", help="small sizes that take seconds instead of the paper's")
    result.add_argument(
        "-o",
        "--output",
        type=Path,
        default=HERE / "results",
        metavar="DIR",
        help="where files go (default: %(default)s)",
    )
    result.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of Si_train.xyz, Mo_test.xyz and so on (Zuo et al.)"
    )
    return result


def setting_of(options: argparse.Namespace) -> Setting:
    """The setting the command line asks for."""
    console = Console(markup=False, emoji=False)
    return Setting(options.output, options.small, options.data, console, TerminalProgress(console))


def main(name: str, title: str, experiment: Experiment) -> None:
    """The command line of one experiment."""
    options = parser(title).parse_args()
    try:
        perform(name, title, experiment, setting_of(options))
    except (acegen.AcegenError, OSError) as error:
        sys.exit(f"{name}.py: {error}")
