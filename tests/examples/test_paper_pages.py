"""Pages of the experiments: what the program puts there, and that every page shows it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from example_models import ROOT

PAGES = ROOT / "docs" / "experiments"
PROGRAM = ROOT / "examples" / "paper" / "pages.py"


def names() -> list[str]:
    """The experiments that run.py knows."""
    return re.findall(r"^    \"(\w+)\": \(", (PROGRAM.parent / "run.py").read_text(), re.MULTILINE)


def test_results_become_pages(tmp_path: Path) -> None:
    """A table of claims whose bars are escaped, where it comes from, and a picture of bounded width."""
    results, docs = tmp_path / "results", tmp_path / "docs"
    results.mkdir()
    docs.mkdir()
    claim = {"what": "|x|² decays", "paper": "yes", "seen": "1.5", "verdict": "agrees"}
    document = {"experiment": "decay", "title": "Decay", "small": True, "seconds": 3.4, "claims": [claim]}
    (results / "decay.json").write_text(json.dumps(document))
    plt.imsave(results / "decay.png", np.zeros((90, 3000, 3)))
    subprocess.run([sys.executable, str(PROGRAM), str(results), "-o", str(docs)], check=True, capture_output=True)
    page = (docs / "experiments" / "made" / "decay.md").read_text()
    assert "| \\|x\\|² decays | yes | 1.5 | agrees |" in page
    assert "`examples/paper/decay.py`, small sizes" in page
    assert plt.imread(docs / "pictures" / "paper-decay.png").shape[1] == 1000


def test_no_results(tmp_path: Path) -> None:
    """A message, and nothing is made."""
    result = subprocess.run([sys.executable, str(PROGRAM), str(tmp_path)], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "holds no results" in result.stderr


@pytest.mark.parametrize("name", names())
def test_every_experiment_is_shown(name: str) -> None:
    """Its claims, made by its program at full size, its picture, and how to run it."""
    made = (PAGES / "made" / f"{name}.md").read_text()
    assert re.search(rf"Made by `examples/paper/{name}.py`, full sizes, in \d+ s", made)
    for line in made.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 5, line
    pages = [page.read_text() for page in PAGES.glob("*.md")]
    (shown,) = (page for page in pages if f"{{include}} made/{name}.md" in page)
    assert f"../pictures/paper-{name}.png" in shown
    assert f"examples/paper/{name}.py" in shown
