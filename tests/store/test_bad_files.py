"""Damaged, odd or foreign files and folders: one message, no traceback, no hanging."""

from __future__ import annotations

import _ctypes
import io
import json
import os
import shlex
import shutil
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_models import toml_text
from fit_cases import COPPER

import acegen
from acegen.build.toolchain import Toolchain
from acegen.cli.main import main
from acegen.compiler import compile_model
from acegen.errors import AcegenError, ExportError, FitError
from acegen.export import export_model
from acegen.export.source import read_source
from acegen.fit.factor import Factor
from acegen.fit.settings import QUANTITIES, load_settings
from acegen.fit.unit import _read, _write
from acegen.posterior import read_posterior, write_posterior
from acegen.runtime import open_model
from acegen.spec import load_spec
from acegen.store.cache import is_built
from acegen.store.coefficients import read_coefficients
from acegen.store.manifest import Manifest, file_hash, read_manifest
from acegen.store.ownership import FitFolder

DEEP = 100_000
HUGE = 10**400
LONG = "0x" + "f" * 6000
"""More digits than Python prints."""


def nested(depth: int, inner: Any = 1) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


# Specs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "[" * DEEP, "not the spec: its lists or tables are nested more than 50 deep"),
        ("a = " + "[" * 300 + "]" * 300, "nested more than 50 deep"),
        (".".join("a" * 300) + " = 1", "nested more than 50 deep"),
        ("a = " + "{ a = " * 500 + "1" + " }" * 500, "nested more than 50 deep"),
        ("a = 1e99999999999999999999", "not valid TOML: the exponent of '1e99999999999999999999' has too many digits"),
        (f"name = [{LONG}]", "name = [a huge number] has the wrong type"),
        (f"name = 'x'\n[basis]\nlevel = [{LONG}]", "basis.level[0] = a huge number has too many digits"),
        (f"name = 'x'\n[radial]\nfamily = {LONG}", "radial.family = "),
    ],
    ids=lambda text: text[:30],
)
def test_odd_specs(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(text)
    with pytest.raises(acegen.SpecError) as caught:
        load_spec(path)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_odd_mappings(small_spec: dict[str, Any]) -> None:
    """What Python holds and TOML cannot: half a character, deep lists, numbers that are none."""
    for key, value, message in (
        ("elements", ["\ud800"], "lone surrogate"),
        (1, 2, "1 is not a key: keys are strings"),
        ("level", nested(5000), "level"),
        ("level", Decimal("sNaN"), "level = sNaN"),
        ("elements", [16**6000], "elements[0] = a huge number"),
    ):
        with pytest.raises(acegen.SpecError) as caught:
            load_spec({**small_spec, "basis": {**small_spec["basis"], key: value}})
        assert message in str(caught.value)


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000, "~/\0"])
def test_impossible_paths(tmp_path: Path, path: str, small_spec: dict[str, Any]) -> None:
    """Everything that takes a path."""
    readers: tuple[tuple[Callable[[str], object], type[AcegenError]], ...] = (
        (load_spec, acegen.SpecError),
        (read_coefficients, acegen.CoefficientError),
        (load_settings, FitError),
        (acegen.load, acegen.ModuleError),
        (acegen.load_particles, acegen.ModuleError),
        (open_model, acegen.ModuleError),
        (lambda name: read_source(Path(name)), acegen.ModuleError),
        (lambda name: acegen.compile(small_spec, tmp_path / name / "x"), acegen.BuildError),
        (lambda name: export_model(tmp_path, "c", tmp_path / name / "x"), ExportError),
    )
    for read, error in readers:
        with pytest.raises(error):
            read(path)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(acegen.ModuleError, match="no compiled module"):
        acegen.load(loop)


@pytest.mark.parametrize("suffix", ["yace", "yaml", "ace"])
def test_a_potential_file_is_no_module(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands for modules say that it is to be compiled first; `fit` says what it takes."""
    file = tmp_path / f"x.{suffix}"
    file.write_text("elements: [Si]\n")
    for command in (["verify", str(file)], ["eval", str(file), "data.xyz"], ["export", str(file), "--to", "c"]):
        assert main(command) == 1
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        assert f"Compile it first: acegen compile {file}" in message
    assert main(["fit", str(file)]) == 1
    assert "is a potential file; 'acegen fit' takes a TOML file" in capsys.readouterr().err
    (tmp_path / "notes.txt").touch()
    assert main(["verify", str(tmp_path / "notes.txt")]) == 1
    assert "this is a file. Give the folder that 'acegen compile' made." in capsys.readouterr().err


# Coefficients


def coefficient_text(**changes: str) -> str:
    fields = {"format": '"acegen-coefficients-1"', "basis": '"0"', "coefficients": '{"Si": [1, 2.5]}'} | changes
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (coefficient_text(coefficients=f'{{"Si": [1, {HUGE}]}}'), "coefficient 1 of Si is inf; it must be finite"),
        (coefficient_text(coefficients=f'{{"Si": [{-HUGE}]}}'), "coefficient 0 of Si is -inf"),
        (coefficient_text(coefficients=f'{{"Si": [{"9" * 5000}]}}'), "not valid JSON"),
        (coefficient_text(coefficients='{"Si": ["1"]}'), "the coefficients of Si are not a list of numbers"),
        (coefficient_text(coefficients='{"Si": [true]}'), "the coefficients of Si are not a list of numbers"),
        (coefficient_text(coefficients='{"Si": {"1": 2}}'), "the coefficients of Si are not a list of numbers"),
        (coefficient_text(coefficients='{"Si": ' + "[" * 900 + "]" * 900 + "}"), "not a list of numbers"),
        (coefficient_text(atomic_energies=f'{{"Si": {HUGE}}}'), "atomic_energies['Si'] = a huge number; give a finite"),
        (coefficient_text(atomic_energies='{"Si": ' + "[" * 900 + "]" * 900 + "}"), "atomic_energies['Si'] = [[["),
        (
            coefficient_text(atomic_energy='{"Si": -0.8}'),
            "unknown key 'atomic_energy'; allowed: basis, coefficients, format",
        ),
        ("[" * DEEP, "not valid JSON (nested too deeply)"),
        ('{"a":' * DEEP, "not valid JSON (nested too deeply)"),
    ],
    ids=lambda text: text[:60],
)
def test_odd_coefficient_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str, small_spec: dict[str, Any]
) -> None:
    """From Python and at the command line."""
    path, spec = tmp_path / "c.json", tmp_path / "spec.toml"
    path.write_text(text)
    with pytest.raises(acegen.CoefficientError) as caught:
        read_coefficients(path)
    assert message in str(caught.value)
    spec.write_text(toml_text(small_spec))
    assert main(["compile", str(spec), "--coefficients", str(path), "-o", str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err


# Fits


PATHS = ("data.train", "data.test", "data.validation", "output", "assembly.cache", "spec")
WHOLE_NUMBERS = ("data.seed", "assembly.memory", "solver.selection.functions")
BAD_FITS = [
    *((key, f'"a{name}b"') for key in PATHS for name in ("\\u0000", "x" * 300)),
    *((key, '"~nobody-has-this-name/x"') for key in ("data.train", "output", "assembly.cache")),
    *((key, value) for key in (*WHOLE_NUMBERS, "data.train", "spec") for value in (LONG, f"[{LONG}]")),
    *((key, "[" * 60 + "]" * 60) for key in ("data.train", "spec", "weights")),
    ("data.seed", "1979-05-27"),
    ("weights.energy", "[nan, inf]"),
]


@pytest.mark.parametrize(("key", "value"), BAD_FITS, ids=lambda text: text[:30])
def test_odd_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: str) -> None:
    """A wrong value of each kind, named with its key."""
    spec = ", ".join(f"{k} = {v}" for k, v in (("name", '"cu"'), ("elements", '["Cu"]'), ("cutoff", "4.5")))
    lines = {"spec": f"{{ {spec} }}", "data.train": '"a.xyz"'} | {key: value}
    path = tmp_path / "fit.toml"
    path.write_text("".join(f"{name} = {text}\n" for name, text in lines.items()))
    with pytest.raises(AcegenError) as caught:
        load_settings(path)
    assert key in str(caught.value) or "nested more than 50 deep" in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert main(["fit", str(path)]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_odd_fit_mappings() -> None:
    for document in (
        {"spec": COPPER, "data": {"train": "a\ud800.xyz"}},
        {"spec": COPPER, "data": {"train": nested(5000)}},
        {"spec": {"name": "cu", 1: 2}, "data": {"train": "a"}},
        {"spec": COPPER, 3: 4},
        {"spec": COPPER, "data": {"train": "a"}, "\ud800": 1},
    ):
        with pytest.raises(AcegenError):
            load_settings(document)


def test_deep_records_of_earlier_results(tmp_path: Path, small_spec: dict[str, Any]) -> None:
    """Folders whose record is not valid are not replaced, whatever it holds."""
    (tmp_path / "report.json").write_text("[" * DEEP)
    with pytest.raises(FitError, match="is not an earlier fit"):
        FitFolder().check(tmp_path)
    model = acegen.compile(small_spec, tmp_path / "models", {"Si": np.ones(8)})
    folder = export_model(model.path, "c", tmp_path / "exports")
    (folder / "export.json").write_text("[" * DEEP)
    with pytest.raises(ExportError, match="acegen did not put there"):
        export_model(model.path, "c", tmp_path / "exports")


# Modules


@pytest.fixture(scope="module")
def potential(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = {"name": "small", "basis": {"elements": ["Si"], "order": 2, "level": 4}, "radial": {"cutoff": 5.0}}
    return compile_model(spec, tmp_path_factory.mktemp("modules"), {"Si": [1.0] * 8})


@pytest.fixture
def module(potential: Path, tmp_path: Path) -> Path:
    """A copy of a compiled potential."""
    shutil.copytree(potential, tmp_path / "small")
    return tmp_path / "small"


def edit_manifest(folder: Path, **changes: Any) -> None:
    """Change fields of a manifest, and seal it as acegen does."""
    document = json.loads((folder / "module.json").read_text())
    document |= changes
    fields = {name: value for name, value in document.items() if name in Manifest.__dataclass_fields__}
    document["seal"] = Manifest(**fields).seal()
    (folder / "module.json").write_text(json.dumps(document))


ANYTHING = (None, 0, 2.5, True, "", "\ud800", "a\0b", "../x", "x" * 5000, [], {}, {"a": 1}, [["a"]], {"\0": "\ud800"})


@pytest.mark.parametrize(
    "field", ["name", "key", "basis_hash", "model_hash", "extension", "compiler", "options", "files"]
)
def test_wrong_fields_of_manifests(module: Path, field: str) -> None:
    """Of a manifest with the right seal: refused by name, also by export."""
    for value in ANYTHING:
        if field == "compiler" and isinstance(value, str) and value:
            continue  # a command may be anything
        edit_manifest(module, **{field: value})
        for read in (acegen.load, open_model, read_source):
            with pytest.raises(
                acegen.ModuleError, match=rf"damaged: {field} is missing or wrong.*[Cc]ompile|was edited"
            ):
                read(module)
    assert not is_built(module, "0" * 64)  # the next compile makes it again


def test_other_damages_of_manifests(module: Path) -> None:
    manifest = module / "module.json"
    whole = json.loads(manifest.read_text())
    for content in ("[" * DEEP, "[]", "3", '"text"', "null", "{}", "\ufeff", '{"format": [[]]}', "\x00", b"\xff\xfe{}"):
        manifest.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(acegen.ModuleError, match=r"[Cc]ompile"):
            acegen.load(module)
    for name in whole:
        manifest.write_text(json.dumps({key: value for key, value in whole.items() if key != name}))
        with pytest.raises(acegen.ModuleError, match=r"[Cc]ompile"):
            acegen.load(module)
    manifest.write_text(json.dumps({"format": "acegen-module-9", "fields": "of its own"}))
    with pytest.raises(acegen.ModuleError, match="has the format 'acegen-module-9', but this acegen reads"):
        acegen.load(module)
    manifest.write_text(json.dumps(whole))
    for options in ({"lanes": 3}, {**whole["options"], "march": 1}, {**whole["options"], "more": 1}, {"precision": []}):
        edit_manifest(module, options=options)
        with pytest.raises(acegen.ModuleError, match=r"damaged|edited"):
            acegen.load(module)


def test_files_of_a_manifest(module: Path) -> None:
    """Names that lead elsewhere, and lists that lack files of every module."""
    files = read_manifest(module).files
    for name in ("../../etc/passwd", "/etc/passwd", "a\0b", "", ".", "x" * 300, "a/b"):
        edit_manifest(module, files={**files, name: "0" * 64})
        with pytest.raises(acegen.ModuleError, match="files is missing or wrong"):
            acegen.load(module)
    for left_out in ("basis.json", read_manifest_extension(module)):
        edit_manifest(module, files={name: value for name, value in files.items() if name != left_out})
        with pytest.raises(acegen.ModuleError, match="lists files that are not those of a module"):
            acegen.load(module)
    (module / "basis.json").write_text("{}")
    edit_manifest(module, files={**files, "basis.json": file_hash(module / "basis.json")})
    with pytest.raises(acegen.ModuleError, match="lists files that are not those of a module"):
        acegen.load(module)


def read_manifest_extension(folder: Path) -> str:
    name: str = json.loads((folder / "module.json").read_text())["extension"]
    return name


@pytest.mark.parametrize("name", ["basis.json", "module.json", "small.c", "extension"])
def test_things_that_are_no_files(module: Path, name: str) -> None:
    """Folders, circular links, devices and pipes in place of a file; a pipe does not block."""
    path = module / (read_manifest_extension(module) if name == "extension" else name)
    path.unlink()
    makers: tuple[Callable[[], None], ...] = (
        path.mkdir,
        lambda: path.symlink_to(path),
        lambda: path.symlink_to("/dev/zero"),
        lambda: os.mkfifo(path),
        lambda: path.symlink_to("/nowhere"),
    )
    for make in makers:
        make()
        with pytest.raises(acegen.ModuleError, match=r"lacks the file|contains no compiled module"):
            acegen.load(module)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_foreign_libraries(module: Path, tmp_path: Path, small_spec: dict[str, Any]) -> None:
    """In place of the model's own, under its name or theirs, with a manifest that claims they are right."""
    other = compile_model({**small_spec, "name": "other"}, tmp_path)
    text = tmp_path / "text"
    text.write_text("no library")
    own = read_manifest_extension(module)
    renamed = f"{own.split('.')[0]}x.abi3.so"
    for foreign, name, message in (
        (Path(_ctypes.__file__), Path(_ctypes.__file__).name, "is an extension, but not of a model small"),
        (Path(_ctypes.__file__), renamed, "does not load"),
        (next(other.glob("*.so")), next(other.glob("*.so")).name, "is an extension, but not of a model small"),
        (next(other.glob("*.so")), renamed, "does not load"),
        (text, renamed, "does not load"),
        (Path(os.devnull), renamed, "does not load"),
    ):
        (module / name).unlink(missing_ok=True)  # what is open must not change
        (module / name).write_bytes(foreign.read_bytes())
        files = {**read_manifest(module).files, name: file_hash(module / name)}
        edit_manifest(module, extension=name, files=files)
        for read in (acegen.load, open_model):
            with pytest.raises(acegen.ModuleError, match=message):
                read(module)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_truncated_libraries_are_not_opened(module: Path, part: float) -> None:
    """By their hash, so that no code of them runs."""
    library = module / read_manifest_extension(module)
    content = library.read_bytes()
    library.unlink()
    library.write_bytes(content[: int(part * len(content))])
    with pytest.raises(acegen.ModuleError, match="is not the one that was compiled"):
        acegen.load(module)


def test_commands_of_compilers_are_shell_words() -> None:
    """A compiler in a folder with a blank or a quote: the command in the manifest is the one that was run."""
    toolchain = Toolchain(("/opt/it's a compiler/gcc",), ("-march=native",), (), 64, 32, "0")
    words = shlex.split(toolchain.describe())
    assert words[0] == toolchain.command[0]
    assert words[-1] == "-march=native"


# Archives of arrays


def member(header: str, content: bytes = b"\0" * 64) -> bytes:
    encoded = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(encoded).to_bytes(2, "little") + encoded + content


def archive(members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return stream.getvalue()


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


HEADERS = (
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000), }",
    f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**30},), }}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 8), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (8, 1), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (8, 1), ",
    "{'descr': None, 'fortran_order': False, 'shape': (8, 1), }",
    "(" * 500,
    "{'descr': '<U1000000000', 'fortran_order': False, 'shape': (), }",
)  # fmt: skip


def posterior_of(model: acegen.Model) -> dict[str, bytes]:
    """Members of a valid posterior."""
    return {
        "format": saved("acegen-posterior-1"),
        "basis_hash": saved(model.basis_hash),
        "factor": saved(np.ones((8, 1))),
    }


@pytest.mark.parametrize("header", HEADERS, ids=lambda text: text[:60])
@pytest.mark.parametrize("name", ["factor", "format"])
def test_posteriors_that_promise_too_much(potential: Path, tmp_path: Path, name: str, header: str) -> None:
    """Sizes, types and headers that do not match the file."""
    model = acegen.load(potential)
    good = posterior_of(model)
    path = tmp_path / "posterior.npz"
    path.write_bytes(archive(good))
    assert read_posterior(path, model).factor.shape == (8, 1)
    path.write_bytes(archive(good | {name: member(header)}))
    with pytest.raises(acegen.ModuleError, match="is damaged or not a posterior"):
        read_posterior(path, model)


def test_odd_posteriors(potential: Path, tmp_path: Path) -> None:
    """Pickled objects, invalid texts, compressed archives, pipes, and every truncation."""
    model = acegen.load(potential)
    good = posterior_of(model)
    path = tmp_path / "posterior.npz"
    characters = np.array(model.basis_hash).reshape(1).view(np.uint32).copy()
    characters[0] = 0x7FFFFFFF
    for content in (
        archive(good | {"factor": saved(np.array([None, {}], dtype=object))}),
        archive(good | {"basis_hash": saved(characters.view("U64").reshape(()))}),
        archive(good | {"format": saved(np.array(["a"] * 10_000))}),
        archive(good | {"format": saved(np.array(b"acegen-posterior-1"))}),
        archive(good | {"factor": saved(np.zeros((8, 10_000)))}, zipfile.ZIP_DEFLATED),
        saved(np.ones((8, 1))),
        b"PK\x05\x06" + b"\0" * 18,
    ):
        path.write_bytes(content)
        with pytest.raises(acegen.ModuleError, match="is damaged or not a posterior"):
            read_posterior(path, model)
    write_posterior(path, np.ones((8, 3)), model.basis_hash, np.zeros((1, 3)))
    content = path.read_bytes()
    for end in range(0, len(content), 97):
        path.write_bytes(content[:end])
        with pytest.raises(acegen.ModuleError, match="is damaged or not a posterior"):
            read_posterior(path, model)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(acegen.ModuleError, match="is damaged or not a posterior"):
        read_posterior(path, model)


def test_units_of_other_shapes_are_made_again(tmp_path: Path) -> None:
    """Cache archives that are intact, but do not hold the factors of one problem."""
    path = tmp_path / "unit.npz"
    factors = {q: Factor(np.eye(3), 7) for q in QUANTITIES} | {"energy": Factor(np.ones((7, 3)), 7, single=True)}
    for name, array in (
        ("forces", np.eye(4)),
        ("forces", np.zeros(3)),
        ("energy", np.ones((5, 3))),
        ("forces", np.ones((5, 3))),
        ("virial", np.eye(3, dtype=np.float32)),
        ("virial", np.full((3, 3), np.nan)),
        ("energy_rows", np.array([7, 7])),
        ("energy_rows", np.array(7.5)),
        ("energy_rows", np.array("7")),
    ):
        _write(path, factors)
        with np.load(path) as file:
            arrays = dict(file)
        np.savez(path, **(arrays | {name: array}))
        assert _read(path) is None
        assert not path.exists()
    _write(path, factors)
    found = _read(path)
    assert found is not None
    assert [found[q].single for q in QUANTITIES] == [True, False, False]
