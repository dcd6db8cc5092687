"""Odd inputs for everything that reads files: success or one acegen error. `make fuzz-python` runs more of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.python.campaign import run
from fuzz.python.targets import TARGETS

INPUTS = {"fits": 400, "modules": 500, "file modules": 200, "commands": 5}


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_odd_inputs(tmp_path: Path, name: str) -> None:
    """Nothing but success or an `AcegenError` with a message, and no input takes long."""
    count = INPUTS.get(name, 600)
    outcome = run(name, tmp_path, first=0, count=count, seed=20)
    assert not outcome.faults, "\n".join(f"input {number}: {what}\n{t}" for what, (number, t) in outcome.faults.items())
    assert outcome.count == count
    assert outcome.refused.total() > 0
    assert outcome.accepted > 0 or count < 100
