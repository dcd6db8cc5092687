"""The visible layout: stages import one way, files stay moderately long, the import is light."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from example_models import ROOT

MAY_IMPORT = {
    "store": set(),
    "spec": {"store"},
    "algebra": {"spec"},
    "basis": {"spec", "algebra"},
    "program": set(),
    "lower": {"spec", "algebra", "basis", "program", "store"},
    "optimize": {"program"},
    "codegen": {"program", "optimize", "store"},
    "build": {"codegen", "store"},
    "runtime": {"store"},
    "verify": {"spec", "algebra", "basis", "runtime", "store", "yace"},
    "orthogonal": {"spec", "algebra", "basis"},
    "fit": {"spec", "basis", "build", "runtime", "store"},
    "select": {"runtime", "store", "fit"},
    "export": {"runtime", "store", "yace"},
    "yace": {"spec", "algebra", "basis", "program", "lower", "optimize", "store"},
}
"""Packages that each package may import, besides itself and the modules beside the packages."""


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
    """A stage knows the one before it; a program knows none, and nothing after it knows its origin."""
    packages = {path.parent.name for path in (ROOT / "acegen").glob("*/__init__.py")}
    for file in (ROOT / "acegen" / package).rglob("*.py"):
        others = imported(file) & packages - {package}
        assert others <= MAY_IMPORT[package], f"{file.name} imports {others - MAY_IMPORT[package]}"


def libraries(file: Path) -> set[str]:
    """Top-level names of all that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[0] for name in names}
    return found


@pytest.mark.parametrize("package", ["store", "program", "optimize", "codegen", "runtime", "export"])
def test_exact_arithmetic_ends_at_the_program(package: str) -> None:
    """What comes after it computes with doubles alone, and reads no specification."""
    for file in (ROOT / "acegen" / package).rglob("*.py"):
        assert not libraries(file) & {"flint", "sympy", "pydantic"}, file


def test_a_program_stands_on_nothing() -> None:
    """Its data are built-in types; NumPy is for the interpreter, an error's base class for documents."""
    for file in (ROOT / "acegen" / "program").glob("*.py"):
        others = libraries(file) - set(sys.stdlib_module_names) - {"acegen"}
        assert others <= ({"numpy"} if file.name.endswith("interpreter.py") else set()), file
        modules = re.findall(r"^from (acegen[.\w]*) import", file.read_text(), re.MULTILINE)
        assert all(name.startswith("acegen.program") or name == "acegen.errors" for name in modules), file


def test_backends_do_not_know_each_other() -> None:
    """Code that two of them need is beside them."""
    folders = [path.parent for path in (ROOT / "acegen" / "codegen").glob("*/__init__.py")]
    assert {folder.name for folder in folders} == {"lanes", "plain"}
    for folder in folders:
        others = {other.name for other in folders} - {folder.name}
        for file in folder.glob("*.py"):
            text = file.read_text()
            assert not any(f"acegen.codegen.{other}" in text for other in others), file
            assert "acegen.codegen.backend" not in text, file


SPACES = {"spec/basis.py", "spec/particle_spec.py", "spec/symmetries.py", "program/kernel.py"} | {
    f"algebra/{name}.py" for name in ("line", "circle", "sphere")
}
"""Files that may name the symmetry of a space: those that define it, for specifications, programs and algebra."""


def test_no_stage_asks_of_what_kind_a_specification_is() -> None:
    """It asks for what it needs, which may be None; and no stage knows a space by its name."""
    for file in (ROOT / "acegen").rglob("*.py"):
        path = file.relative_to(ROOT / "acegen").as_posix()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass", "type"):
                tested = re.findall(r"\w*Spec\b", " ".join(map(ast.unparse, node.args[1:])))
                assert not tested or path.startswith("spec/"), f"{path}:{node.lineno} tests for {tested}"
            if isinstance(node, ast.MatchClass):
                assert not ast.unparse(node.cls).endswith("Spec"), f"{path}:{node.lineno}"
            if isinstance(node, ast.Constant) and node.value in ("O1", "SO2", "O2", "O3"):
                assert path in SPACES, f"{path}:{node.lineno} names the symmetry {node.value}"


def test_page_of_the_architecture_is_up_to_date() -> None:
    """docs/maintainers/architecture.md matches the text generated from the actual imports."""
    made = runpy.run_path(str(ROOT / "docs" / "maintainers" / "architecture.py"))
    assert made["PAGE"].read_text() == made["page"](), "run: make docs"
    assert set(made["PATH"]) < set(MAY_IMPORT)


def modules_imported(file: Path, package: str) -> set[str]:
    """Modules of its own package that a file imports anywhere, for types as well."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"acegen.{package}."):
            found.add(node.module.removeprefix(f"acegen.{package}."))
    return found


@pytest.mark.parametrize("package", ["fit", "runtime", "select"])
def test_modules_import_without_cycles(package: str) -> None:
    """Each module of a package can be read after those it imports, including imports for types only."""
    folder = ROOT / "acegen" / package
    names = {file: ".".join(file.relative_to(folder).with_suffix("").parts) for file in folder.rglob("*.py")}
    imports = {name: modules_imported(file, package) for file, name in names.items()}
    assert len(list(TopologicalSorter(imports).static_order())) == len(imports)


def test_files_are_of_moderate_length() -> None:
    """No file of the package or its templates outgrows one subject."""
    sources = [file for folder in ("acegen", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    for file in [*sources, *(ROOT / "templates").rglob("*.j2")]:
        assert len(file.read_text().splitlines()) <= 400, file


def test_pages_are_rendered() -> None:
    """No page in Markdown outside the templates has braces of one left."""
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a checkout of git")
    pages = [name for name in listed.stdout.split("\0") if name and not name.startswith("templates/")]
    assert "README.md" in pages
    assert [name for name in pages if "{{" in (ROOT / name).read_text()] == []


def test_import_is_light() -> None:
    """`import acegen` loads neither SymPy nor NumPy nor the compiler."""
    code = "import sys, acegen; print([m for m in ('sympy', 'flint', 'numpy', 'pydantic', 'cffi') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.slow
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


def test_tests_stand_where_the_package_does() -> None:
    """tests/PACKAGE for each package, plus shared code and tests that belong to no package."""
    packages = {path.parent.name for path in (ROOT / "acegen").glob("*/__init__.py")}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert packages - folders <= {"build", "cli"}, "tested through all others"
    assert folders - packages == {"benchmarks", "examples", "fuzz"}
    subjects = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert subjects <= {"architecture", "documentation", "docstrings", "packages"}, "of the whole, not of a package"
