"""The export to KIM: grades watched by parameters, warnings and errors in the log of KIM."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from ase.io import read
from kim_tools import Item, build, require
from uncertain_models import uncertain_model

import acegen
from acegen.options import BuildOptions

pytestmark = [pytest.mark.simulator]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[acegen.Model, Item]:
    """A model with grades, thresholds 40 and 60, and its item."""
    require("kim", "lammps")
    folder = tmp_path_factory.mktemp("graded")
    model, _ = uncertain_model(folder, options=BuildOptions(backend="plain"))
    return model, build(model, folder / "item")


@pytest.fixture
def run(graded: tuple[acegen.Model, Item]) -> Callable[[str], tuple[int, list[str], str]]:
    """Runs commands on the example's structure: exit status, warnings and errors in the log of KIM, output."""
    _, item = graded
    start = f"""kim init oxide_small metal
read_data {item.export}/example.data
kim interactions Si O
neighbor 1.0 bin
fix 1 all nve
timestep 1e-7
thermo_style custom step pe
thermo 1
"""

    def get(commands: str) -> tuple[int, list[str], str]:
        done = item.lammps(start + commands)
        log = (item.folder / "kim.log").read_text()
        lines = re.findall(r" \* (warning|error) \* .*?oxide_small: (.*)", log)
        return done.returncode, [f"{kind}: {text}" for kind, text in lines], done.stdout

    return get


Run = Callable[[str], tuple[int, list[str], str]]


def test_off_by_default(run: Run) -> None:
    """Nothing is said, and nothing fails, of a structure far above the thresholds."""
    status, said, output = run(
        'kim param get grade_every 1 every grade_stop 1 stop\nprint "got ${every} ${stop}"\nrun 3\n'
    )
    assert status == 0
    assert said == []
    assert "got 0 60" in output


def test_warnings(graded: tuple[acegen.Model, Item], run: Run) -> None:
    """At the first call and at every second one after it, with Python's grade; without a limit the run goes on."""
    model, item = graded
    expected = model.grades(read(item.export / "example.xyz")).max()
    assert expected > 60.0
    status, said, _ = run("kim param set grade_every 1 2 grade_stop 1 0\nrun 5\n")
    assert status == 0
    assert len(said) == 3  # of six calls
    for line in said:
        found = re.fullmatch(
            r"warning: particle \d+ \(counted from 0\) has grade (\S+), above 40: .* fitting to\.", line
        )
        assert found
        assert float(found[1]) == pytest.approx(expected, rel=1e-5)


def test_stop(run: Run) -> None:
    """Above grade_stop, at first the model's threshold, compute fails and says why."""
    for setting, limit in (("", "60"), (" grade_stop 1 100", "100")):
        status, said, output = run(f"kim param set grade_every 1 1{setting}\nrun 5\n")
        assert status != 0
        assert "KIM Compute returned error" in output
        assert len(said) == 1
        assert f", above grade_stop, {limit}: its environment is far from those the model was fitted to" in said[0]
        assert said[0].startswith("error: particle ")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("grade_every 1 -1", "error: grade_every must be 0 (never) or a number of calls."),
        ("grade_stop 1 -0.5", "error: grade_stop must be 0 (none) or a grade above zero."),
    ],
)
def test_parameters_are_checked(run: Run, setting: str, expected: str) -> None:
    """What cannot be is refused when the parameter is set."""
    status, said, _ = run(f"kim param set {setting}\nrun 0\n")
    assert status != 0
    assert expected in said
