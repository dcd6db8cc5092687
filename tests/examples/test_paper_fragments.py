"""Fragments of the pages of the experiments: those committed are of the kind that the program makes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from example_models import ROOT

PAPER = ROOT / "examples" / "paper"
DOCS = ROOT / "docs"
NAMES = re.findall(r"^    \"(\w+)\": \(", (PAPER / "run.py").read_text(), re.MULTILINE)
FAST = ("interval_operator", "interval_conditioning")


def tables(text: str) -> list[list[list[str]]]:
    """Cells of the tables of a page in Markdown, rule lines left out; bars within cells are escaped."""
    found: list[list[list[str]]] = []
    within = False
    for line in text.splitlines():
        if line.startswith("|"):
            if not within:
                found.append([])
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if set("".join(cells)) != {"-"}:
                found[-1].append(cells)
        within = line.startswith("|")
    return found


def check_table(rows: Sequence[Sequence[str]]) -> None:
    """At least one line below the headings, all as wide as these, and no cell that says nothing was found."""
    assert len(rows) >= 2
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if re.search(r"\b(nan|None|inf)\b", cell)]


def source(text: str) -> str:
    """The last line of the claims, which says where they come from; with a pattern for its form."""
    line = text.rstrip().splitlines()[-1]
    pattern = r"\*Made by `examples/paper/\w+\.py`, (full|small) sizes.*, in \d+ s on [-\d]{10} with acegen \d+\.\d"
    assert re.match(pattern, line), line
    return line


@pytest.mark.parametrize("name", NAMES)
def test_committed_fragments(name: str) -> None:
    """They parse, and say by what they were made, when, with which version and which parameters."""
    claims, numbers = ((DOCS / "experiments" / "made" / f"{name}{part}.md").read_text() for part in ("", "_numbers"))
    (table,) = tables(claims)
    check_table(table)
    assert {row[3] for row in table[1:]} <= {"agrees", "differs", "trend agrees", "not stated"}
    assert not [row[0] for row in table[1:] if row[0].startswith("time")]
    assert f"examples/paper/{name}.py" in source(claims)
    assert re.search(r"What its tables cover: \w+ .+;.+\.\*$", source(claims))
    (shown,) = tables(numbers)
    check_table(shown)
    pages = [page.read_text() for page in (DOCS / "experiments").glob("*.md")]
    assert sum(f"made/{name}_numbers.md" in page for page in pages) == 1
    assert (DOCS / "pictures" / f"paper-{name}.png").stat().st_size < 200_000


@pytest.mark.slow
def test_fragments_are_what_the_program_makes(tmp_path: Path) -> None:
    """Small runs: the same columns, and as many claims, as in the fragments committed."""
    results = tmp_path / "results"
    run = [sys.executable, str(PAPER / "run.py"), "--small", "--only", ",".join(FAST), "-o", str(results)]
    subprocess.run(run, check=True, capture_output=True)
    make = [sys.executable, str(PAPER / "pages.py"), str(results), "-o", str(tmp_path / "docs")]
    subprocess.run(make, check=True, capture_output=True)
    for name in FAST:
        for part in ("", "_numbers"):
            committed, made = (
                (docs / "experiments" / "made" / f"{name}{part}.md").read_text() for docs in (DOCS, tmp_path / "docs")
            )
            (own,), (theirs,) = tables(made), tables(committed)
            assert own[0] == theirs[0]
            if not part:
                assert "small sizes" in source(made)
                assert len(own) == len(theirs)
        assert (tmp_path / "docs" / "pictures" / f"paper-{name}.png").stat().st_size > 10_000
