"""The pages of the reference name every key, option and member, and the schemas say what is read."""

from __future__ import annotations

import argparse
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import cffi
import pytest
from example_models import ROOT
from pydantic import BaseModel

from acegen.cli.parser import make_parser
from acegen.fit.request import ModelRequest
from acegen.fit.settings import FitSettings, load_settings
from acegen.spec import ParticleSpec, Spec

nodes = pytest.importorskip("docutils.nodes")
addnodes = pytest.importorskip("sphinx.addnodes")
pytest.importorskip("furo")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The doctrees of the reference, by the names of its pages."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "docs").mkdir()
    for name in ("reference", "extensions", "static"):
        shutil.copytree(ROOT / "docs" / name, folder / "docs" / name)
    shutil.copy(ROOT / "docs" / "conf.py", folder / "docs")
    (folder / "docs" / "reference" / "python.md").unlink()
    shutil.copytree(ROOT / "templates" / "module", folder / "templates" / "module")
    (folder / "docs" / "index.md").write_text("# Reference\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "dummy", "-d", "trees", "docs", "out"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    trees = (folder / "trees" / "reference").glob("*.doctree")
    return {tree.stem: pickle.loads(tree.read_bytes()) for tree in trees}


def keys(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every key of a model and of the models in it, with the tables that lead there."""
    for name, field in model.model_fields.items():
        yield path, field.alias or name
        for inner in models_in(field.annotation):
            yield from keys(inner, (*path, field.alias or name))


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


KINDS = {"spec": (Spec, "spec"), "particles": (ParticleSpec, "spec"), "fit": (FitSettings, "fit")}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_key_is_in_its_table(pages: dict[str, Any], kind: str) -> None:
    """With a meaning, a type and a default."""
    model, page = KINDS[kind]
    expected: dict[str, set[str]] = {}
    for path, key in keys(model):
        if (kind, path[:1]) != ("fit", ("spec",)):  # specs have a page of their own
            expected.setdefault(target(kind, path), set()).add(key)
    if kind == "fit":
        expected["table-request"] = set(ModelRequest.model_fields)
    tables = {name: table for table in pages[page].findall(nodes.table) for name in table["names"]}
    for name, own in expected.items():
        rows = [[entry.astext() for entry in row.children] for row in tables[name].findall(nodes.row)][1:]
        assert {row[0] for row in rows} == own, name
        assert all(len(cell) > 2 or cell.isdigit() for row in rows for cell in row[1:]), name


def target(kind: str, path: tuple[str, ...]) -> str:
    """The name of a table on its page; that of the Agnesi transform is the same for atoms and other particles."""
    return "-".join(["table", "spec" if path == ("radial", "agnesi") else kind, *path])


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers(inner)


def test_every_option_is_in_the_section_of_its_command(pages: dict[str, Any]) -> None:
    """So are the arguments, and what the help has at its end."""
    sections = {section.children[0].astext(): section for section in pages["cli"].findall(nodes.section)}
    for parser in parsers(make_parser()):
        section = sections[parser.prog]
        terms = " ".join(term.astext() for term in section.findall(nodes.term))
        for action in parser._actions:
            if action.help != argparse.SUPPRESS and "-h" not in action.option_strings:
                for option in action.option_strings:
                    assert re.search(rf"(^| ){option}\b", terms), f"{parser.prog} {option}"
                if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
                    assert str(action.metavar or action.dest) in terms, f"{parser.prog} {action.dest}"
        if parser.epilog:
            literal = [block.astext().rstrip() for block in section.findall(nodes.literal_block)]
            assert parser.epilog.rstrip() in literal, parser.prog


def test_every_member_of_the_interface_is_there(pages: dict[str, Any]) -> None:
    """As cffi reads the header."""
    header = (ROOT / "templates" / "module" / "acegen.h").read_text()
    ffi = cffi.FFI()
    ffi.cdef(header.split("begin declarations")[1].split("*/", 1)[1].split("/* acegen: end")[0])
    found: dict[str, list[str]] = {}
    for description in pages["abi"].findall(addnodes.desc):
        if description["objtype"] in ("struct", "enum"):
            inner = [d for d in description.findall(addnodes.desc) if d is not description]
            found[name_of(description)] = [name_of(d) for d in inner]
    for name in ("acegen_model", "acegen_environments"):
        assert found[name] == [field for field, _ in ffi.typeof(name).fields]
    assert found["acegen_status"] == [ffi.typeof("acegen_status").elements[k] for k in range(7)]


def name_of(description: Any) -> str:
    return str(next(description.children[0].findall(addnodes.desc_name)).astext())


KEYWORDS = set(
    "$defs $ref additionalProperties anyOf const default description discriminator enum exclusiveMaximum "
    "exclusiveMinimum items mapping maxItems maximum minItems minimum oneOf pattern properties propertyName required "
    "title type".split()
)


@pytest.mark.parametrize("model", [Spec, ParticleSpec, FitSettings])
def test_schemas_have_only_keywords_that_editors_know(model: type[BaseModel]) -> None:
    def check(schema: object, names: bool = False) -> None:
        if isinstance(schema, dict):
            assert names or set(schema) <= KEYWORDS, set(schema) - KEYWORDS
            for key, value in schema.items():
                if key not in ("default", "const", "enum", "mapping", "required"):
                    check(value, not names and key in ("properties", "$defs"))
        elif isinstance(schema, list):
            for value in schema:
                check(value)

    check(model.model_json_schema())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.train", "a.xyz"),
        ("data.train", ["a.xyz", "b.xyz"]),
        ("data.validation", ["a.xyz"]),
        ("data.validation", "a.xyz"),
        ("data.validation", 0.2),
        ("weights.energy", 30),
        ("weights.virial", [30, 100]),
        ("solver.smoothness", 2),
        ("assembly.memory", "512 MiB"),
        ("assembly.memory", 2**21),
        ("spec", "spec.toml"),
    ],
)
def test_the_schema_of_fits_allows_every_form_that_is_read(path: str, value: object, tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(
        'name = "si"\nbasis = {elements = ["Si"], order = 2, level = 5}\nradial = {cutoff = 4}\n'
    )
    document: dict[str, Any] = {"spec": {"name": "si", "elements": ["Si"]}, "data": {"train": "a.xyz"}}
    *tables, key = path.split(".")
    own = document
    for table in tables:
        own = own.setdefault(table, {})
    own[key] = str(tmp_path / "spec.toml") if path == "spec" else value
    load_settings(document)
    schema = FitSettings.model_json_schema()
    found = schema
    for table in tables:
        found = schema["$defs"][found["properties"][table]["$ref"].split("/")[-1]]
    found = found["properties"][key]
    kind = {str: "string", list: "array", int: "number", float: "number"}[type(value)]
    types = {branch.get("type", "").replace("integer", "number") for branch in found.get("anyOf", [found])}
    assert kind in types
