"""What is shipped: the built wheel in an empty environment and folder; one version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from example_models import ROOT

import acegen
from acegen.version import __version__

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = [
    pytest.param(version, marks=() if version == OWN else pytest.mark.by_hand) for version in ("3.11", "3.12", "3.13")
]
"""Each installs all requirements: by default only this Python; the others with `-m by_hand`, and by a job each."""

DATA = """
import numpy as np
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write
rng, frames = np.random.default_rng(0), []
for _ in range(15):
    atoms = bulk("Cu", a=3.6, cubic=True)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.03, size=(3, 3))), scale_atoms=True)
    atoms.rattle(0.1, rng=rng)
    atoms.calc = EMT()
    atoms.get_forces(), atoms.get_stress()
    frames.append(atoms)
write("train.xyz", frames)
"""

SPEC = """
name = "cu"
basis = { elements = ["Cu"], order = 2, level = 5 }
radial = { cutoff = 4.5 }
"""

PROGRAM = """
import acegen
from acegen.ase import Calculator
from ase.build import bulk
from ase.calculators.emt import EMT

def error(folder: str) -> float:
    # from the labels' own energy of the crystal, eV/atom
    model: acegen.Model = acegen.load(folder)
    atoms = bulk("Cu", a=3.6, cubic=True)
    atoms.calc = Calculator(model)
    total = float(model.compute(atoms).energies.sum())
    assert abs(total - atoms.get_potential_energy()) < 1e-9
    atoms.calc = EMT()
    return float(abs(total - atoms.get_potential_energy()) / len(atoms))

print(error("fits/cu"))
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "-o", str(folder), str(ROOT)]
    result = subprocess.run(command, env=alone(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def alone() -> dict[str, str]:
    """The environment without what would make the checkout importable."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}


def interpreter(version: str) -> str | None:
    """A Python of this version: this one, one on the path, or one of pyenv."""
    if sys.version.startswith(f"{version}."):
        return sys.executable
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, pyenv)):
        if candidate is not None:
            result = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
            if result.returncode == 0 and result.stdout.startswith(f"Python {version}."):
                return candidate
    return None


@pytest.mark.slow
def test_contents(packages: Path) -> None:
    """The wheel has the package, its types and its templates, and nothing else; the source has what tests need."""
    (wheel,) = packages.glob("acegen-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a checkout of git")
    files = [name for name in listed.stdout.split("\0") if name]
    code = {name for name in files if name.startswith("acegen/")}
    templates = {f"acegen/{name}" for name in files if name.startswith("templates/")}
    shipped = {name for name in names if ".dist-info/" not in name}
    assert shipped - {"acegen/templates/__init__.py"} == code | templates - {"acegen/templates/__init__.py"}
    assert "acegen/py.typed" in shipped
    (source,) = packages.glob("acegen-*.tar.gz")
    with tarfile.open(source) as archive:
        inside = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    wanted = {name for name in files if name.startswith(("acegen/", "templates/", "tests/", "docs/", "examples/"))}
    assert wanted - inside == set()
    assert {"README.md", "LICENSE", "Makefile", "conftest.py", "CHANGELOG.md", "pyproject.toml"} <= inside


@pytest.mark.slow
@pytest.mark.parametrize("version", PYTHONS)
def test_wheel_outside_the_checkout(packages: Path, tmp_path: Path, version: str) -> None:
    """In an empty environment and folder: doctor, compile, verify, fit, evaluate, export, and a typed program."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version}")
    (wheel,) = packages.glob("acegen-*.whl")
    environment = tmp_path / "environment"
    subprocess.run([python, "-m", "venv", str(environment)], check=True)
    inside = environment / "bin"
    install = [str(inside / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, f"{wheel}[fit]"], env=alone(), check=True)
    folder = tmp_path / "work"
    folder.mkdir()

    def run(*command: str) -> str:
        words = [str(inside / command[0]), *command[1:]] if (inside / command[0]).exists() else list(command)
        result = subprocess.run(words, cwd=folder, env=alone(), capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{words}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    (folder / "data.py").write_text(DATA)
    (folder / "spec.toml").write_text(SPEC)
    (folder / "fit.toml").write_text('spec = "spec.toml"\n[data]\ntrain = "train.xyz"\nfolds = 3\n')
    (folder / "program.py").write_text(PROGRAM)
    run("python", "data.py")
    where = run("python", "-P", "-c", "import acegen; print(acegen.__file__, acegen.__version__)")
    assert str(environment) in where
    assert __version__ in where
    assert run("acegen", "--version").startswith(f"acegen {__version__}\n")
    run("acegen", "fit", "fit.toml")
    run("acegen", "export", "fits/cu", "--to", "lammps")
    assert float(run("python", "program.py")) < 0.05
    if version == OWN:
        run("acegen", "doctor")
        run("acegen", "compile", "spec.toml")
        run("acegen", "verify", "generated/cu", "--environments", "2")
        run("acegen", "eval", "fits/cu", "train.xyz")
        run("acegen", "export", "fits/cu", "--to", "c")
        run("make", "-C", "exports/c/cu", "run")
        options = ["--strict", "--allow-untyped-calls", f"--python-executable={inside / 'python'}"]  # calls of ASE's
        command = [sys.executable, "-m", "mypy", *options, "program.py"]
        checked = subprocess.run(command, cwd=folder, env=alone(), capture_output=True, text=True, check=False)
        # Some versions of ASE have no types: what is said of its modules says nothing of acegen.
        own = [line for line in checked.stdout.splitlines() if "error:" in line and '"ase' not in line]
        assert own == [], checked.stdout


def test_one_version() -> None:
    """Where the version stands by hand, it is that of the package."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == __version__ == acegen.__version__
    recipe = yaml.safe_load((ROOT / "packaging" / "conda" / "recipe.yaml").read_text())
    assert recipe["context"]["version"] == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert __version__ in (ROOT / "CHANGELOG.md").read_text()


def test_conda_needs_what_pip_needs() -> None:
    """The recipe has the requirements of the package and of the extra fit, with the same bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {*project["dependencies"], *project["optional-dependencies"]["fit"]}
    recipe = yaml.safe_load((ROOT / "packaging" / "conda" / "recipe.yaml").read_text())
    run = {line.replace(" ", "").replace("matplotlib-base", "matplotlib") for line in recipe["requirements"]["run"]}
    assert {requirement.replace(" ", "") for requirement in wanted} == run - {"python>=3.11", "c-compiler", "make"}


def test_packages_are_listed() -> None:
    """Every folder with Python code is in the list of the build."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in (ROOT / "acegen").rglob("*.py")}
    assert {*listed} == folders | {"acegen.templates"}
