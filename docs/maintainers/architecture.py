"""Makes architecture.md, beside this file, from the imports that there are: run it, or `make docs`."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from acegen.rendering import code_environment

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "acegen"
PAGE = Path(__file__).with_suffix(".md")

PATH = ["spec", "algebra", "basis", "program", "lower", "optimize", "codegen", "build"]
"""The stages of the compiler, in their order, and the program in the middle of them; they come first on the page."""


@dataclass(frozen=True)
class Package:
    """A package below acegen, or below one of those.

    Attributes:
        name: with a slash, if it is inside another one.
        summary: first sentence of its docstring.
        imports: the packages that its files import.
        arrows: those of them that are not imported by another one of them; and the packages inside it.
    """

    name: str
    summary: str
    imports: list[str]
    arrows: list[str]


def summary(file: Path) -> str:
    """First paragraph of a module's docstring."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def imported(folder: Path, known: list[str]) -> set[str]:
    """Packages that the files of a folder import."""
    found = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                package, *parts = module.split(".")
                matches = [name for name in ("/".join(parts[:2]), "/".join(parts[:1])) if name in known]
                found.update(matches[:1] if package == "acegen" else [])
    return found


def packages() -> list[Package]:
    """All of them: the stages first."""
    folders = [path.parent for path in PACKAGE.glob("**/__init__.py") if path.parent != PACKAGE]
    names = sorted(folder.relative_to(PACKAGE).as_posix() for folder in folders)
    rank = {name: number for number, name in enumerate(PATH)}
    names.sort(key=lambda name: (rank.get(name.split("/")[0], len(rank)), name))
    others = {}
    for name in names:
        family = {other for other in names if other.split("/")[0] == name.split("/")[0]}
        found = imported(PACKAGE / name, names) - family
        others[name] = [other for other in names if other in found]
    result = []
    for name in names:
        reached = {far for near in others[name] for far in others[near]}
        arrows = [other for other in others[name] if other not in reached]
        arrows += [other for other in names if other.startswith(f"{name}/")]
        result.append(Package(name, summary(PACKAGE / name / "__init__.py"), others[name], arrows))
    return result


def page() -> str:
    """The text of the page."""
    template = code_environment().from_string(PAGE.with_suffix(".md.j2").read_text(encoding="utf-8"))
    files = [file for file in sorted(PACKAGE.glob("*.py")) if not file.name.startswith("__")]
    return template.render(packages=packages(), modules=[(file.name, summary(file)) for file in files])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
