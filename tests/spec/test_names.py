"""User strings are shown unchanged, whatever they contain; numbers are never truncated."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from example_models import ROOT, toml_text
from fit_cases import cell, save, with_emt
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

import acegen
from acegen.cli.fit import error_table
from acegen.cli.main import main
from acegen.cli.terminal import make_console, shell_word
from acegen.fit.evaluation import ErrorRow, QuantityError
from acegen.fit.findings import Finding
from acegen.fit.report import _finding_lines, _table
from acegen.printing import markdown, quoted, shown, visible, visible_lines

KINDS = (
    "twin[/111]",
    "surface[a-axis]",
    "a|b",
    "x" * 62,
    "[bold]",
    ":warning:",
    "\x1b[31mred",
    "two\nlines",
    "日本語" * 20,
    "$x$",
    "",
)

names = st.text(st.characters(), max_size=90)


def row(kind: str, value: float = 0.17123) -> ErrorRow:
    error = QuantityError(5, value, 0.254, 9.0)
    return ErrorRow("training", kind, 12345, 678901, error, error, error)


def printed(rows: list[ErrorRow], width: int) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, markup=False, emoji=False)
    console.print(error_table("model", rows), soft_wrap=True)
    return stream.getvalue().splitlines()


@given(kinds=st.lists(names, min_size=1, max_size=4), width=st.integers(20, 130))
@example(kinds=list(KINDS), width=80)
@settings(deadline=None, max_examples=60)
def test_tables_shorten_names_in_the_middle_and_numbers_never(kinds: list[str], width: int) -> None:
    """At any width every number is complete; a kind is shown whole, or with its beginning and end."""
    lines = printed([row(kind) for kind in kinds], width)
    found = [line for line in lines if "171.23  254.00  0.1712  0.2540  171.23  254.00" in line]
    assert len(found) == len(kinds)
    for line, kind in zip(found, kinds, strict=True):
        assert line.isprintable()
        assert "12,345 " in line
        assert cell_len(line.rstrip()) <= max(width, 80)
        text, name = line[line.index("training") + 8 : line.index("12,345")].strip(), visible(kind)
        if name.strip(" ") != text:
            assert cell_len(name) > (12 if width >= 80 else 11)
            assert any(
                name.lstrip(" ").startswith(text[:cut])
                and name.rstrip(" ").endswith(text[cut + 1 :])
                and 0 < cut < len(text) - 1
                for cut in (i for i, character in enumerate(text) if character == "…")
            )


def test_kinds_that_look_like_markup_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """By a default rich console and by that of the command line."""
    for console in (Console(width=140), make_console()):
        console.print(error_table("model", [row(kind) for kind in KINDS[:3]]))
        output = capsys.readouterr().out
        for kind in KINDS[:3]:
            assert kind in output or console.width < 100


def markdown_cells(text: str) -> list[list[str]]:
    """The displayed text of all table cells of a Markdown document."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    rows: list[list[str]] = []
    for i, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("td_open", "th_open"):
            children = tokens[i + 1].children or []
            assert {child.type for child in children} <= {"text", "text_special"}
            rows[-1].append("".join(child.content for child in children))
    return rows


@given(kind=names)
@example(kind="a|b\\|c`d*e*_f_<b>&amp;[x](y)~~z~~$w$")
@settings(deadline=None)
def test_markdown_shows_the_text(kind: str) -> None:
    """A table cell, read by another library, holds the text, no markup, and nothing of other cells."""
    table = "\n".join(_table(("kind", "n"), [[kind, "1"], ["after", "2"]]))
    assert markdown_cells(table) == [["kind", "n"], [visible(kind).strip(), "1"], ["after", "2"]]


def test_findings_name_configurations_as_they_are_called() -> None:
    """Files and kinds with text that Markdown takes for code, links and tags."""
    place = "a`b <i>*c*</i>.xyz, configuration 3 (twin[/111](x))"
    text = "\n".join(_finding_lines([Finding("kind *a* [b](c) is odd", (place,))]))
    shown_ = [child.content for token in MarkdownIt().parse(text) for child in token.children or [] if child.content]
    assert "".join(shown_) == f"To checkkind *a* [b](c) is odd:{place}"
    assert {child.type for token in MarkdownIt().parse(text) for child in token.children or []} == {"text"}


@given(text=st.text(st.characters()))
def test_quoted_text_is_python(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    assert quoted(text).isprintable()
    assert visible(text).isprintable()
    assert len(visible_lines(text).split("\n")) == text.count("\n") + 1


@pytest.mark.slow
@given(
    value=st.recursive(
        st.integers() | st.text() | st.none() | st.floats(), lambda own: st.lists(own) | st.dictionaries(st.text(), own)
    )
)
def test_values_in_messages_are_short(value: Any) -> None:
    assert len(shown(value)) <= 60
    for deep in (value, [16**6000], {"a": -(10**5000)}):
        for _ in range(5000):
            deep = [deep]
        assert len(shown(deep)) <= 60


def test_plain_names_are_left_alone() -> None:
    """Markdown stays readable where nothing needs to be escaped."""
    for text in ("Surface_001_relaxed", "171.23", "5e-07", "liquid (2000 K)", "Å³/atom"):
        assert markdown(text) == text


def test_words_for_a_shell() -> None:
    """A shell returns the path."""
    paths = [
        "plain",
        "with space",
        "it's",
        "bra[ck]et",
        "$HOME `x`",
        "esc\x1b[31m",
        "new\nline",
        "back\\slash\x01'",
        os.fsdecode(b"\xff\xfe\x80a"),
    ]
    command = "printf '%s\\0' " + " ".join(shell_word(Path(path)) for path in paths)
    assert command.isprintable()
    result = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert [os.fsdecode(part) for part in result.stdout.split(b"\0")[:-1]] == paths


@pytest.mark.parametrize("folder", ["acegen", "benchmarks", "examples"])
def test_no_console_takes_strings_for_markup(folder: str) -> None:
    """Wherever a console of rich is made, and wherever a column of a bar shows texts."""
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Console" and node.keywords:
                options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert options.get("markup") == options.get("emoji") == "False", (file, ast.unparse(node))


@pytest.fixture(scope="module")
def copper_frames() -> list[Atoms]:
    return [with_emt(cell(seed), KINDS[seed % 5]) for seed in range(20)]


@pytest.mark.slow
def test_a_fit_in_an_odd_folder(
    copper_frames: list[Atoms], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brackets, an escape sequence and a byte that is no UTF-8 in the path; kinds that look like markup in the data."""
    monkeypatch.setenv("COLUMNS", "80")
    data, folder = tmp_path / os.fsdecode(b"data \xff"), tmp_path / "runs[/x] \x1b[31m"
    data.mkdir()
    save(data / "train[1].xyz", copper_frames)
    spec = {"name": "copper", "basis": {"elements": ["Cu"], "order": 2, "level": 4}, "radial": {"cutoff": 4.5}}
    (data / "spec.toml").write_text(toml_text(spec))
    fit = 'spec = "spec.toml"\n[data]\ntrain = "train[1].xyz"\n[assembly]\nprocesses = 1\n'
    (data / "fit.toml").write_text(fit)
    assert main(["fit", str(data / "fit.toml")]) == 1
    assert "has bytes that are not UTF-8. Give output another folder" in capsys.readouterr().err
    (data / "fit.toml").write_text(f"output = {quoted(folder / 'fits').replace('x1b', 'u001b')}\n{fit}")
    assert main(["fit", str(data / "fit.toml")]) == 0
    output = capsys.readouterr().out
    assert "\x1b" not in output
    (loaded,) = re.findall(r"acegen\.load\((.*)\)", output)
    model = acegen.load(ast.literal_eval(loaded))
    assert model.path == folder / "fits" / "copper" / "copper"
    assert f"{visible(folder / 'fits' / 'copper')}: report.md" in output
    for kind in ("twin[/111]", "a|b", "[bold]"):
        assert f" {kind} " in output
    document = json.loads((folder / "fits" / "copper" / "report.json").read_text(encoding="utf-8"))
    assert document["settings"]["data"]["train"] == [str(data / "train[1].xyz")]
    errors = [[e["part"], visible(e["config_type"]), f"{e['n_configurations']:,}"] for e in document["errors"]]
    cells = markdown_cells((folder / "fits" / "copper" / "report.md").read_text(encoding="utf-8"))
    assert [found[:3] for found in cells[1 : len(errors) + 1]] == errors
    for e, found in zip(document["errors"], cells[1:], strict=False):
        assert f"{e['forces']['mae']:.4f}" in found
        assert f"  {e['forces']['mae']:.4f}  {e['forces']['rmse']:.4f}" in output
    assert {e["config_type"] for e in document["errors"]} == {*KINDS[:5], "all"}
    assert (
        main(["eval", str(folder / "fits" / "copper"), str(data / "train[1].xyz"), "-o", str(folder / "out[/]")]) == 0
    )
    output = capsys.readouterr().out
    assert f"{visible(folder / 'out[/]')}: errors.json, parity.png, errors.png" in output
    assert main(["export", str(folder / "fits" / "copper"), "--to", "c", "-o", str(folder / "ex[/]")]) == 0
    assert f"make -C {shell_word(folder / 'ex[/]' / 'c' / 'copper')} run" in capsys.readouterr().out
    assert main(["info", str(folder / "fits" / "copper" / "copper")]) == 0
    assert "runs[/x] \\x1b[31m" in " ".join(capsys.readouterr().out.split())


def test_messages_and_warnings_hold_no_escape_sequences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], small_spec: dict[str, Any]
) -> None:
    """Of file names in errors, of files in warnings, of keys in specs."""
    odd = tmp_path / "od\x1b[31md"
    for command in ("info", "compile", "verify", "fit"):
        assert main([command, str(odd)]) == 1
        error = capsys.readouterr().err
        assert "od\\x1b[31md" in error
        assert "\x1b" not in error
    spec = tmp_path / "spec.toml"
    spec.write_text('name = "x"\n"ke\\u001b[31my" = 1\n')
    assert main(["info", str(spec)]) == 1
    assert "ke\\x1b[31my: unknown key" in capsys.readouterr().err
    atoms = Atoms("Si2", positions=[[0, 0, 0], [0, 0, 2.4]])
    atoms.info["energy"] = np.nan
    atoms.arrays["forces"] = np.zeros((2, 3))
    model = acegen.compile(small_spec, tmp_path, {"Si": np.ones(8)})
    data = save(tmp_path / "da\x1b[31mta.xyz", [atoms])
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["eval", str(model.path), data]) == 0
    error = capsys.readouterr().err
    assert "da\\x1b[31mta.xyz, configuration 0: 'energy' is not finite" in error
    assert "\x1b" not in error
