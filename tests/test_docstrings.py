"""Docstrings of public names say what users need: arguments, shapes, units, errors, sources. This file counts.

Public is what a package exports, and what these export in turn: functions, classes, and the methods, properties and
attributes of classes. Modules, functions and classes that are not exported need a docstring as well, if their names do
not begin with an underscore.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import pytest
from example_models import ROOT

EXPORTING = (
    "acegen", "acegen.runtime", "acegen.ase", "acegen.fit", "acegen.select", "acegen.orthogonal", "acegen.posterior",
    "acegen.export", "acegen.verify",
)  # fmt: skip

ARRAYS = re.compile(r"NDArray|ArrayLike|\bFloats\b|\bNumbers\b|\bndarray\b")
AXIS = r"[A-Za-z0-9_]+(?: ?[×*+] ?[A-Za-z0-9_]+)*"
SHAPE = re.compile(rf"\({AXIS},(?: {AXIS},?)*\)|\bshape of\b")
UNIT = re.compile(r"\beV|Å|\bs\b|bytes?\b|µs|without unit|numbers?\b|rational")
QUANTITIES = re.compile(r"energ|force|virial|stress|cutoff|displacement|position|gradient|skin|distance")
HEADINGS = ("Args:", "Returns:", "Raises:", "Attributes:", "Yields:")


class Name(NamedTuple):
    """A public name: where it is found, what it is, and the class it belongs to."""

    path: str
    value: Any
    owner: type | None


def own_members(cls: type) -> Iterator[tuple[str, Any]]:
    """Public functions and properties that acegen defines in a class or those above it."""
    for name, member in inspect.getmembers(cls):
        if name.startswith("_") or not getattr(cls, "__module__", "").startswith("acegen"):
            continue
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if isinstance(member, property) or inspect.isfunction(function):
            home = getattr(function, "__module__", "") or ""
            if home.startswith("acegen"):
                yield name, member


def public_names() -> list[Name]:
    """All of them, each once."""
    found: dict[int, Name] = {}
    for module_name in EXPORTING:
        module = importlib.import_module(module_name)
        exported = getattr(module, "__all__", None) or [
            name for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module_name
        ]  # fmt: skip
        for name in exported:
            value = getattr(module, name)
            if not (inspect.isfunction(value) or inspect.isclass(value)):
                continue
            found.setdefault(id(value), Name(f"{module_name}.{name}", value, None))
            if inspect.isclass(value) and not issubclass(value, BaseException):
                constructor = vars(value).get("__init__")
                if isinstance(constructor, FunctionType) and constructor.__doc__:  # others are made by `open`
                    found[id(constructor)] = Name(f"{module_name}.{name}.__init__", constructor, value)
                for member, defined in own_members(value):
                    found.setdefault(id(defined), Name(f"{module_name}.{name}.{member}", defined, value))
    return list(found.values())


NAMES = public_names()


def function_of(name: Name) -> Any:
    """The function behind a property or a class method."""
    return name.value.fget if isinstance(name.value, property) else getattr(name.value, "__func__", name.value)


def kind_of(name: Name) -> type:
    """The class itself, or that of a function."""
    return name.value if isinstance(name.value, type) else type(name.value)


def text_of(name: Name) -> str:
    return inspect.getdoc(name.value if inspect.isclass(name.value) else function_of(name)) or ""


def section(text: str, heading: str) -> str:
    """The lines of a section of a docstring, or nothing."""
    match = re.search(rf"^{heading}\n((?:[ \t]+.*\n|\n)*)", text + "\n", re.MULTILINE)
    return match[1] if match else ""


def entries(text: str, heading: str) -> dict[str, str]:
    """Names and descriptions of a section; "a, b: ..." describes both."""
    result: dict[str, str] = {}
    block = textwrap.dedent(section(text, heading))
    for match in re.finditer(r"^([*\w][\w*, ]*?)(?: \([^)]*\))?: (.*(?:\n[ \t]+.*)*)", block, re.MULTILINE):
        for word in match[1].split(","):
            result[word.strip().lstrip("*")] = match[2]
    return result


def functions() -> list[Name]:
    return [name for name in NAMES if inspect.isroutine(name.value) and not inspect.isbuiltin(name.value)]


def parameters(name: Name) -> dict[str, inspect.Parameter]:
    function: Callable[..., Any] = getattr(name.value, "__func__", name.value)
    signature = inspect.signature(function)
    return {key: p for key, p in signature.parameters.items() if key not in ("self", "cls") and not key.startswith("_")}


def inherited(name: Name) -> dict[str, str]:
    """Arguments that a docstring leaves to that of another name: "Arguments as for `compile`"."""
    found: dict[str, str] = {}
    for target in re.findall(r"[Aa]rguments(?: and errors)?\s+as\s+for\s+`([\w.]+)`", text_of(name)):
        near = name.path.rsplit(".", 1)[0]
        homes = [other for other in NAMES if other.path.endswith(f".{target}")]
        home = min(homes, key=lambda other: not other.path.startswith(f"{near}."), default=None)
        assert home is not None, f"{name.path}: there is no `{target}`"
        assert home.path != name.path, f"{name.path} refers to itself"
        found |= entries(text_of(home), "Args:")
    return found


def described(name: Name) -> dict[str, str]:
    """What a docstring, or the one it refers to, says about each argument."""
    return inherited(name) | entries(text_of(name), "Args:")


def self_evident(key: str, name: Name) -> bool:
    """Arguments that the text names between backquotes, and a structure or the like that is the only argument."""
    text = text_of(name)
    words = {"atoms": r"\b(atoms|structure|configuration)\b"}.get(key, rf"\b{key}\b")
    return f"`{key}`" in text or (len(parameters(name)) == 1 and bool(re.search(words, text)))


def refers(text: str) -> bool:
    """Whether a docstring leaves units to that of another name: "as for `compile`", "as `Model.compute`"."""
    return bool(re.search(r"\b(as|like|see|of|for|by) (for |in |of )?`[\w.]+`", text))


def report(kind: str, offenders: list[str]) -> None:
    assert not offenders, f"{len(offenders)} of {len(NAMES)} public names {kind}:\n" + "\n".join(offenders)


def test_there_are_names() -> None:
    """The walk finds what users know."""
    paths = {name.path for name in NAMES}
    known = {
        "acegen.compile",
        "acegen.Model.compute",
        "acegen.ase.Calculator",
        "acegen.ase.Calculator.__init__",
        "acegen.fit.fit",
        "acegen.select.select",
    }
    assert known <= paths
    assert len(NAMES) > 170
    assert all(any(path.startswith(f"{module}.") for path in paths) for module in EXPORTING)


def test_names_are_in_the_reference() -> None:
    """Functions and classes that are exported have an entry in the pages of the reference."""
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/reference/python").glob("*.md"))
    shown = {path.rsplit(".", 1)[1] for path in re.findall(r"auto(?:function|class):: ([\w.]+)", text)}
    inside = {"CompiledModel", "open_model"}  # what models have in common, inherited by the two that are shown
    exported = [name for name in NAMES if name.owner is None and not issubclass(kind_of(name), BaseException)]
    report(
        "are not in docs/reference/python",
        [name.path for name in exported if name.path.rsplit(".", 1)[1] not in shown | inside],
    )


def test_everything_is_described() -> None:
    report("have no docstring", [name.path for name in NAMES if len(text_of(name)) < 15])


def test_arguments_are_described() -> None:
    """One by one, or by a function whose arguments they are; what is described is an argument."""
    offenders = []
    for name in functions():
        wanted, said = parameters(name), described(name)
        missing = [key for key in wanted if key not in said and not self_evident(key, name)]
        offenders += [f"{name.path}: {', '.join(missing)}"] if missing else []
        odd = [key for key in entries(text_of(name), "Args:") if key not in wanted]
        offenders += [f"{name.path}: {key} is no argument" for key in odd]
    report("leave arguments out", offenders)


def test_arrays_have_shapes() -> None:
    """Arrays that are taken, returned, or kept as attributes."""
    offenders = []
    for name in NAMES:
        text = text_of(name)
        if inspect.isclass(name.value):
            if dataclasses.is_dataclass(name.value):
                kept = entries(text, "Attributes:")
                for field in dataclasses.fields(name.value):
                    array = not field.name.startswith("_") and ARRAYS.search(str(field.type))
                    if array and not SHAPE.search(kept.get(field.name, "")):
                        offenders.append(f"{name.path}.{field.name}")
            continue
        function = function_of(name)
        annotations = {key: str(value) for key, value in getattr(function, "__annotations__", {}).items()}
        if ARRAYS.search(annotations.pop("return", "")) and not SHAPE.search(text):
            offenders.append(f"{name.path}: what it returns")
        said = {} if isinstance(name.value, property) else described(name)
        for key, annotation in annotations.items():
            if ARRAYS.search(annotation) and not SHAPE.search(said.get(key, text)):
                offenders.append(f"{name.path}: {key}")
    report("do not say shapes", offenders)


def test_quantities_have_units() -> None:
    """What is called an energy, a force, a distance or the like says in what."""
    offenders = []
    for name in NAMES:
        last = name.path.rsplit(".", 1)[1]
        text = text_of(name)
        returned = ""
        if not inspect.isclass(name.value):
            function = function_of(name)
            returned = str(getattr(function, "__annotations__", {}).get("return", ""))
        physical = QUANTITIES.search(last) and re.search(r"float|NDArray|Floats|Result|Uncertaint", returned)
        if physical and not UNIT.search(text) and not refers(text):
            offenders.append(name.path)
    report("do not say units", offenders)


def raised_in(function: Any, deep: bool = True) -> set[str]:
    """Errors of acegen that a function raises itself, or by functions of its module that it calls by name."""
    if not getattr(function, "__code__", None) or function.__code__.co_filename.startswith("<"):
        return set()  # made by dataclasses
    source = textwrap.dedent(inspect.getsource(function))
    found = set()
    for node in ast.walk(ast.parse(source)):
        if deep and isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            helper = function.__globals__.get(node.func.id)
            if inspect.isfunction(helper) and helper.__module__ == function.__module__:
                found |= raised_in(helper, deep=False)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            found.add(node.exc.func.id)
    return {error for error in found if error.endswith("Error")} - {"AttributeError", "NotImplementedError"}


def test_errors_are_named() -> None:
    """What a function raises in its own body is in its docstring; for a constructor, in that of the class."""
    offenders = []
    for name in NAMES:
        bodies: list[tuple[str, Any]] = []
        if inspect.isclass(name.value):
            for special in ("__init__", "__post_init__"):
                body = vars(name.value).get(special)
                if isinstance(body, FunctionType):
                    bodies.append((text_of(name) + (inspect.getdoc(body) or ""), body))
        else:
            function = function_of(name)
            bodies.append((text_of(name), function))
        for text, body in bodies:
            missing = {error for error in raised_in(body) if error not in text}
            if missing and not re.search(r"[Rr]aises? as|[Ee]rrors as", text):
                offenders.append(f"{name.path}: {', '.join(sorted(missing))}")
    report("do not say what they raise", offenders)


def test_sections_are_well_formed() -> None:
    """Headings that documentation tools know, none of them misspelt or empty."""
    offenders = []
    for name in NAMES:
        text = text_of(name)
        odd = [line for line in text.splitlines() if re.fullmatch(r"[A-Z]\w+:", line) and line not in HEADINGS]
        empty = [heading for heading in HEADINGS if f"{heading}\n" in text and not section(text, heading).strip()]
        typed = isinstance(name.value, property) and re.match(r"[^:`]*: ", text.split("\n")[0])  # to Napoleon, a type
        offenders += [f"{name.path}: {line}" for line in (*odd, *empty, *(["a colon"] if typed else []))]
    report("have odd sections", offenders)


SOURCES = sorted((ROOT / "acegen").rglob("*.py"))


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=lambda path: path.name)
def test_source_is_described(folder: Path) -> None:
    """Every module, and every class and function whose name is public, also inside the package."""
    offenders = []
    for file in folder.glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            offenders.append(str(file.relative_to(ROOT)))
        for node in tree.body:
            public = isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):  # type: ignore[arg-type]
                offenders.append(f"{file.relative_to(ROOT)}: {node.name}")  # type: ignore[union-attr]
    assert not offenders, f"{len(offenders)} without a docstring:\n" + "\n".join(offenders)


FORMULAS = {
    "algebra/harmonics.py": "Gaunt|Clebsch|Condon|dz|derivative",
    "algebra/polynomials.py": "recurrence",
    "algebra/circle.py": r"cos\(lθ\)",
    "basis/purification.py": "partition|Möbius",
    "basis/recursion.py": "recursion|paper",
    "basis/invariants.py": "invariant",
    "basis/derive.py": "𝒫",
    "orthogonal/gram.py": "E B_i B_j|expectation|Gram",
    "orthogonal/factorization.py": "L D Lᵀ",
    "orthogonal/condition.py": "condition number",
}
"""Modules that implement a formula, and what says which one."""


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_have_sources(name: str) -> None:
    """The docstring of the module, or of something in it, names the formula."""
    tree = ast.parse((ROOT / "acegen" / name).read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    assert any(re.search(FORMULAS[name], text) for text in texts)
