"""Runs the examples of a page of the documentation, in order, in a folder of its own.

What a page's code blocks mean:

- `python` and `sh`: run, in the namespace and the folder of the page.
- `{code-block}` with a `:caption:`, or any block after a comment `<!--- file: NAME -->`: a file of that name, in
  the folder of the page.
- `{code-block} text` with `:class: output`: what the last `sh` printed. Words must be the same, numbers within a
  factor of two; those followed by a unit of time or memory, and lines of `...`, match anything.
- `picture("fits/cu/parity.png", "copper-parity.png")`, in Python that the reader does not see: the file exists, and so
  does `docs/pictures/copper-parity.png`, which is made from it where ACEGEN_RENEW_PICTURES is set.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from example_models import ROOT
from sybil import Document, Example, Region, Sybil
from sybil.parsers.abstract.lexers import LexerCollection
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, FencedCodeBlockLexer
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser
from sybil.parsers.myst.lexers import DirectiveInPercentCommentLexer, DirectiveLexer

PICTURES = ROOT / "docs" / "pictures"
NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:[eE][-+]?\d+)?")
FREE = {"s", "min", "ms", "µs", "MiB", "GiB", "kB", "MB"}
FACTOR = 2.0
"""What another machine may choose or measure."""


def picture(made: str, name: str) -> None:
    """A picture of the page, in docs/pictures, and the file it is made from."""
    assert Path(made).stat().st_size > 1000, f"{made} is not a picture"
    if os.environ.get("ACEGEN_RENEW_PICTURES"):
        shutil.copyfile(made, PICTURES / name)
    assert (PICTURES / name).exists(), f"docs/pictures/{name} is missing: run with ACEGEN_RENEW_PICTURES=1"


def has(name: str) -> bool:
    """Whether a program or a module is installed: for `skip: next if(not has("lmp"), reason=...)`."""
    return shutil.which(name) is not None or importlib.util.find_spec(name) is not None


def set_up(namespace: dict[str, Any]) -> None:
    """A folder for the page, which becomes the current one; `acegen` is the command of this Python."""
    mpl.use("Agg")
    folder = Path(tempfile.mkdtemp(prefix="page"))
    path = os.environ["PATH"]
    namespace |= {"page_home": Path.cwd(), "page_path": path, "page_folder": folder, "page_output": ""}
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{path}"
    namespace |= {"picture": picture, "has": has, "ROOT": ROOT}
    os.chdir(folder)


def tear_down(namespace: dict[str, Any]) -> None:
    """Back to where tests run."""
    os.chdir(namespace["page_home"])
    os.environ["PATH"] = namespace["page_path"]
    shutil.rmtree(namespace["page_folder"])


def run_commands(example: Example) -> None:
    """Run a block of the shell."""
    environment = os.environ | {"COLUMNS": "80"}
    command = ["bash", "-euo", "pipefail", "-c", str(example.parsed)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{example.parsed}\n{result.stdout}\n{result.stderr}"
    example.namespace["page_output"] = result.stdout


def write_file(example: Example) -> None:
    """A file of the page."""
    name, text = example.parsed
    path = Path(name)
    assert not path.is_absolute(), f"{name}: captions are names of files in the page's folder"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def compare_output(example: Example) -> None:
    """What the page says a command prints is what it printed."""
    printed = [line.split() for line in example.namespace["page_output"].splitlines()]
    start = 0
    for line in str(example.parsed).splitlines():
        words = line.split()
        if not words or words == ["..."]:
            continue
        found = next((k for k in range(start, len(printed)) if same_words(words, printed[k])), None)
        assert found is not None, f"not printed:\n{line}\nbut:\n{example.namespace['page_output']}"
        start = found + 1


def same_words(expected: list[str], printed: list[str]) -> bool:
    """Whether two lines agree: words exactly, numbers within a factor of two, times and sizes not at all."""
    if len(expected) != len(printed):
        return False
    for k, (left, right) in enumerate(zip(expected, printed, strict=True)):
        if NUMBER.sub("#", left) != NUMBER.sub("#", right):
            return False
        following = expected[k + 1].strip(",;:.)") if k + 1 < len(expected) else ""
        if following in FREE or NUMBER.sub("", left).strip(",;:.()") in FREE:
            continue
        for a, b in zip(NUMBER.findall(left), NUMBER.findall(right), strict=True):
            x, y = float(a.replace(",", "")), float(b.replace(",", ""))
            if x != y and not 1 / FACTOR <= x / (y or math.inf) <= FACTOR:
                return False
    return True


class DirectiveParser:
    """Blocks of the directive `code-block`: files, by their captions, and output, by their class."""

    def __init__(self) -> None:
        self.lexer = DirectiveLexer(directive="code-block", arguments=".*")

    def __call__(self, document: Document) -> Iterable[Region]:
        for region in self.lexer(document):
            options = region.lexemes["options"]
            source = str(region.lexemes["source"])
            if "caption" in options:
                region.parsed, region.evaluator = (options["caption"], source), write_file
                yield region
            elif options.get("class") == "output":
                region.parsed, region.evaluator = source, compare_output
                yield region


class FileParser:
    """Blocks after a comment that names a file: for pages that are read without Sphinx."""

    PATTERN = re.compile(r"^<!--- file: (?P<name>\S+) -->\n```\w*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

    def __call__(self, document: Document) -> Iterable[Region]:
        for match in self.PATTERN.finditer(document.text):
            yield Region(match.start(), match.end(), (match["name"], match["text"]), write_file)


class ShellParser:
    """Blocks fenced as `sh`, and `% invisible-code-block: sh`."""

    def __init__(self) -> None:
        fenced = FencedCodeBlockLexer(language="sh", mapping={"source": "source"})
        hidden = DirectiveInPercentCommentLexer("invisible-code-block", "sh")
        comment = DirectiveInHTMLCommentLexer("invisible-code-block", "sh")
        self.lexers = LexerCollection([fenced, hidden, comment])

    def __call__(self, document: Document) -> Iterable[Region]:
        for region in self.lexers(document):
            region.parsed, region.evaluator = region.lexemes["source"], run_commands
            yield region


def page_runner(*patterns: str) -> Sybil:
    """Collects the examples of pages whose paths match."""
    parsers = [PythonCodeBlockParser(), ShellParser(), DirectiveParser(), FileParser(), SkipParser()]
    return Sybil(parsers, path=str(ROOT), patterns=patterns, excludes=["*/README.md"], setup=set_up, teardown=tear_down)
