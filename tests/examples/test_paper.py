"""The one command for all experiments of the paper; each of them has its own test file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from example_models import ROOT

PAPER = ROOT / "examples" / "paper"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PAPER / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def experiments() -> set[str]:
    """Scripts of experiments: they end with a call of main() with their own name."""
    return {
        file.stem
        for file in PAPER.glob("*.py")
        if re.search(rf'^    main\("{file.stem}"', file.read_text(), re.MULTILINE)
    }


def test_run_knows_every_experiment() -> None:
    """What `--only` may name are the scripts of the folder, and the page tells how to run each."""
    listed = re.findall(r"^    \"(\w+)\": \(", (PAPER / "run.py").read_text(), re.MULTILINE)
    assert set(listed) == experiments()
    page = (PAPER / "README.md").read_text()
    assert [name for name in listed if f"examples/paper/{name}.py" not in page] == []


@pytest.mark.slow
def test_some_experiments_by_one_command(tmp_path: Path) -> None:
    """Numbers, tables and a picture of each, and a page with all claims."""
    names = ["interval_operator", "interval_conditioning"]
    result = run("--small", "--only", ",".join(names), "-o", str(tmp_path))
    assert result.returncode == 0, result.stderr
    for name in names:
        findings = json.loads((tmp_path / f"{name}.json").read_text())
        assert findings["small"] is True
        assert all(claim["verdict"] for claim in findings["claims"])
        assert all((tmp_path / f"{table}.csv").exists() for table in findings["tables"])
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    page = (tmp_path / "claims.md").read_text()
    assert "1.48 %" in page
    assert page.count("\n## ") == 2


@pytest.mark.slow
def test_unknown_experiment(tmp_path: Path) -> None:
    result = run("--only", "nothing", "-o", str(tmp_path / "none"))
    assert result.returncode == 2
    assert "'nothing' is not one of interval_operator" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "none").exists()
