"""The layout one can see: stages import one way, files stay of moderate length, the import is light."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

STAGES = ["spec", "algebra", "basis", "graph", "optimize", "codegen", "build"]
MAY_IMPORT = {
    **{stage: set(STAGES[: i + 1]) for i, stage in enumerate(STAGES)},
    "runtime": set(),
    "verify": {"spec", "algebra", "basis", "codegen", "runtime"},
    "orthogonal": {"spec", "algebra", "basis"},
    "fit": {"spec", "basis", "build", "runtime"},
    "export": {"runtime"},
}


def imported(file: Path) -> set[str]:
    """Packages of acegen that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in names if name and name.startswith("acegen.")}
    return found


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_run_one_way(package: str) -> None:
    """A stage knows earlier stages only; the runtime knows none; verify knows neither graph nor build."""
    packages = {path.parent.name for path in (ROOT / "acegen").glob("*/__init__.py")}
    for file in (ROOT / "acegen" / package).glob("*.py"):
        others = imported(file) & packages - {package}
        assert others <= MAY_IMPORT[package], f"{file.name} imports {others - MAY_IMPORT[package]}"


def modules_imported(file: Path, package: str) -> set[str]:
    """Modules of its own package that a file imports anywhere, for types as well."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"acegen.{package}."):
            found.add(node.module.split(".")[2])
    return found


@pytest.mark.parametrize("package", ["fit", "runtime"])
def test_modules_import_without_cycles(package: str) -> None:
    """Each module of a package can be read after those that it imports, those it needs for types only included."""
    files = (ROOT / "acegen" / package).glob("*.py")
    imports = {file.stem: modules_imported(file, package) for file in files}
    assert len(list(TopologicalSorter(imports).static_order())) == len(imports)


def test_files_are_of_moderate_length() -> None:
    """No file of the package or its templates outgrows one subject."""
    sources = [file for folder in ("acegen", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    for file in [*sources, *(ROOT / "templates").glob("*.j2")]:
        assert len(file.read_text().splitlines()) <= 400, file


def test_wheel_holds_templates(tmp_path: Path) -> None:
    """An installed acegen generates code without the repository."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("acegen-*.whl"))).namelist())
    templates = (path for path in (ROOT / "templates").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    shipped = {f"acegen/templates/{path.relative_to(ROOT / 'templates').as_posix()}" for path in templates}
    assert shipped <= names
    assert {"acegen/py.typed", "acegen/cli/main.py"} <= names
    assert {f"acegen/{path.parent.name}/__init__.py" for path in (ROOT / "acegen").glob("*/__init__.py")} <= names
    assert not any(name.startswith(("tests/", "generated/", "templates/", "benchmarks/")) for name in names)


def test_import_is_light() -> None:
    """`import acegen` loads neither SymPy nor NumPy nor the compiler."""
    code = "import sys, acegen; print([m for m in ('sympy', 'flint', 'numpy', 'pydantic', 'cffi') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_cache_hit_loads_no_computer_algebra(tmp_path: Path) -> None:
    """A second compile answers without importing SymPy, Jinja2 or NumPy."""
    spec = ROOT / "tests" / "golden" / "golden_si.toml"
    code = f"""
import sys
import zipfile
from acegen.cli.main import main
main(["compile", {str(spec)!r}, "-o", {str(tmp_path)!r}])
print([m for m in ('sympy', 'flint', 'numpy', 'jinja2', 'cffi') if m in sys.modules], file=sys.stderr)
"""
    for expected in (None, "[]"):
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        if expected is not None:
            assert result.stderr.strip() == expected
