"""What the command line prints: a console without markup, and tables that never truncate numbers."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from acegen.printing import visible
from acegen.store.documents import json_text

_LEAST = 12
"""Least width to which a name is shortened."""


def make_console(stderr: bool = False) -> Console:
    """A console that interprets no markup in texts, which come from users; styles are passed separately.

    Args:
        stderr: print to standard error, where standard output is for a document.
    """
    return Console(markup=False, emoji=False, highlight=False, stderr=stderr)


def print_document(document: Mapping[str, Any]) -> None:
    """Print a JSON document to standard output."""
    sys.stdout.write(json_text(document))


def print_stage(console: Console, name: str, seconds: float, text: object) -> None:
    """One line for a stage and its time; a terminal may wrap it, but it is never altered."""
    console.print(Text.assemble((f"{name:<8}", "bold"), f" {seconds:6.2f} s  {visible(text)}"), soft_wrap=True)


def shell_word(path: Path) -> str:
    """A path quoted for pasting into a shell."""
    text = str(path)
    if text.isprintable():
        return shlex.quote(text)
    codes = (
        f"\\{byte:03o}" if byte < 32 or byte > 126 or byte in b"'\\" else chr(byte)
        for byte in text.encode(errors="surrogateescape")
    )
    return f"$'{''.join(codes)}'"


def shortened(text: str, width: int) -> str:
    """A text shortened to at most `width` terminal columns, by omitting its middle."""
    if cell_len(text) <= width:
        return text
    room = width - 1
    head, tail = _start(text, room - room // 2), _start(text[::-1], room // 2)[::-1]
    return f"{head}…{tail}"


def _start(text: str, width: int) -> str:
    end = len(text)
    while cell_len(text[:end]) > width:
        end -= 1
    return text[:end]


@dataclass(frozen=True)
class Listing:
    """A table of names and numbers. On a narrow terminal names are shortened in the middle, numbers never.

    Attributes:
        title: of the table.
        headings: of its columns.
        rows: texts of its cells.
        names: columns of text, in the order in which they are shortened; all others contain numbers.
        styles: styles of rows that have one, by number.
        caption: below the table.
        padding: columns between cells.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: Sequence[int]
    styles: Mapping[int, str]
    caption: str | None = None
    padding: int = 1

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        rows = [[visible(cell) for cell in row] for row in self.rows]

        def width() -> int:
            return console.measure(self._table(rows), options=options.update(width=100_000)).maximum

        for column in self.names:
            excess = width() - options.max_width
            if excess > 0:
                widest = max((cell_len(row[column]) for row in rows), default=0)
                for row in rows:
                    row[column] = shortened(row[column], max(widest - excess, _LEAST))
        table = self._table(rows)
        table.width = max(width(), options.max_width) if width() > options.max_width else None
        yield table

    def _table(self, rows: Sequence[Sequence[str]]) -> Table:
        title = Text(visible(self.title), style="table.title")
        table = Table(title=title, caption=self.caption, box=box.SIMPLE_HEAD)
        table.padding = (0, self.padding, 0, 0)
        for i, heading in enumerate(self.headings):
            table.add_column(heading, justify="left" if i in self.names else "right", no_wrap=True)
        for number, row in enumerate(rows):
            table.add_row(*map(Text, row), style=self.styles.get(number))
        return table
