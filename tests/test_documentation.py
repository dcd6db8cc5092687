"""The pages of the documentation: what of them is run, and what they may hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from example_models import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = {
    "",
    "text",
    "toml",
    "c",
    "cpp",
    "cmake",
    "fortran",
    "make",
    "json",
    "yaml",
    "mermaid",
    "bibtex",
    "python",
    "sh",
}
"""Languages of plain fenced blocks. Python and sh are run; the others are only shown."""


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_page(page: Path) -> None:
    """Blocks are in languages that are run or knowingly shown; skips say why; pictures exist and are described."""
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"^\s*```+(.*)$", text, re.MULTILINE)
    opened = [fence.strip() for fence in fences[::2]]
    assert len(fences) % 2 == 0, "a fence is not closed"
    for language in opened:
        assert language.startswith("{") or language in SHOWN, f"{language!r} is neither run nor known as shown"
    for skipped in re.findall(r"^.*\bskip: *(?:next|start)(.*)$", text, re.MULTILINE):
        assert "reason=" in skipped, f"no reason for: skip{skipped}"
    for words, target in re.findall(r"!\[(.*?)\]\((.*?)\)", text):
        assert (page.parent / target).exists(), target
        assert len(words) > 15, f"{target} is not described"
    assert "being written" not in text


def test_readme_is_short() -> None:
    """What it is, one picture, two commands, an example each of compile, fit and LAMMPS, links."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    assert text.count("![") == 1


def test_links_of_readme() -> None:
    """Pages and sections that the README, which Sphinx does not see, links to."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)]*)\)", text)
    local = [link for link in links if not link.startswith("http")]
    assert len(local) > 25
    assert [link for link in local if not (ROOT / link.split("#")[0]).is_file()] == []
