"""What is given odd inputs: everything of acegen that reads a file or a mapping of a user."""

from __future__ import annotations

import _ctypes
import io
import json
import math
import os
import pickle
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from file_potentials import file_potential
from fuzz.python import octets, values
from fuzz.python.commands import Commands
from fuzz.python.documents import ATOMS, atoms, fits, particles
from fuzz.python.target import LIMIT, Target

import acegen
from acegen.export.source import read_source
from acegen.fit.unit import _read
from acegen.posterior import read_posterior, write_posterior
from acegen.runtime import open_model
from acegen.store.coefficients import check_coefficients, coefficient_document, read_coefficients
from acegen.store.manifest import Manifest, file_hash
from acegen.store.ownership import FitFolder
from acegen.store.uncertainty import check_uncertainty, read_uncertainty, uncertainty_document, write_uncertainty
from acegen.yace.description import description_text, facts
from acegen.yace.lowering.program import product_program
from acegen.yace.potential import YacePotential
from acegen.yace.reading import read_potential
from acegen.yace.writing import potential_text


class Coefficients:
    """Coefficient files and mappings, used with a basis of three functions."""

    limit = LIMIT

    def __init__(self, folder: Path) -> None:
        self._file = folder / "coefficients.json"
        self._seeds = [
            {"format": "acegen-coefficients-1", "basis": "0" * 64, "coefficients": {"Si": [1.0, -2.5e-7, 3]}},
            {
                "format": "acegen-coefficients-1",
                "basis": "0" * 64,
                "coefficients": {"Si": [1.0, 2.0, 3], "O": [0, 0.0, 1e300]},
                "atomic_energies": {"Si": -0.8, "O": 0},
            },
        ]

    def attempt(self, random: Random) -> None:
        document = random.choice(self._seeds)
        way = random.randrange(4)
        source: Any
        if way == 0:
            source = values.changed(document["coefficients"], random, as_text=False)
        else:
            if way != 1:
                document = values.changed(document, random, as_text=True)
            content = values.json_text(document).encode("utf-8", "surrogatepass")
            self._file.write_bytes(octets.changed(content, random) if way != 2 else content)
            source = self._file
        coefficients = read_coefficients(source)
        check_coefficients(coefficients, ("0" * 64,), random.choice((["Si"], ["Si", "O"])), 1, 2)
        assert all(math.isfinite(number) for numbers in coefficients.values.values() for number in numbers)
        coefficient_document(coefficients)


class Modules:
    """Folders of a compiled model with files changed, missing, added, or of another kind."""

    limit = LIMIT

    def __init__(self, folder: Path) -> None:
        models = folder / "models"
        bare = acegen.compile(ATOMS[0], models)
        self._model = acegen.compile(ATOMS[0], models, {"Si": np.ones(bare.n_basis)})
        self._other = acegen.compile({**ATOMS[0], "name": "other"}, models)
        self._work = folder / "work" / "si"
        self._work.mkdir(parents=True)
        self._manifest = json.loads((self._model.path / "module.json").read_text(encoding="utf-8"))
        self._foreign = (Path(_ctypes.__file__), next(self._other.path.glob("*.so")), Path(__file__))

    def attempt(self, random: Random) -> None:
        self._restore()
        document = dict(self._manifest)
        sealed = random.random() < 0.6
        for _ in range(random.choice((1, 1, 2, 3))):
            random.choice((self._edit_manifest, self._edit_file, self._move_file, self._put_extension))(
                document, random
            )
        if sealed:
            self._seal(document)
        manifest = self._work / "module.json"
        if document != self._manifest and not manifest.is_symlink() and not manifest.is_dir():
            content = values.json_text(document).encode("utf-8", "surrogatepass")
            manifest.unlink(missing_ok=True)
            manifest.write_bytes(octets.changed(content, random) if random.random() < 0.2 else content)
        opener: Any = random.choice((acegen.load, acegen.load, open_model, acegen.load_particles))
        model = opener(self._work if random.random() < 0.9 else values.odd(random, as_text=False))
        self._use(model)
        read_source(self._work)

    def _use(self, model: Any) -> None:
        repr(model), model.options, model.compiler, model.description["functions"], model.labels("Si")

    def _restore(self) -> None:
        """The model's files as they were; links, so that a library is opened once only."""
        shutil.rmtree(self._work)
        self._work.mkdir()
        for file in self._model.path.iterdir():
            if file.is_file():
                os.link(file, self._work / file.name)

    def _edit_manifest(self, document: dict[str, Any], random: Random) -> None:
        new = values.changed(document, random, as_text=True)
        document.clear()
        document.update(new)

    def _edit_file(self, document: dict[str, Any], random: Random) -> None:
        """Bytes of a file; the library's in one that Python does not open, since that could do anything."""
        file = self._work / random.choice(sorted(self._manifest["files"]))
        if file.is_file():
            content = file.read_bytes()
            file.unlink()
            file.write_bytes(octets.changed(content, random))
            if file.suffix != ".so" and random.random() < 0.5:
                self._record(document, file)

    def _move_file(self, document: dict[str, Any], random: Random) -> None:
        file = self._work / random.choice([*sorted(self._manifest["files"]), "module.json", "extra"])
        if file.is_dir():
            return
        file.unlink(missing_ok=True)
        match random.randrange(6):
            case 0:
                file.mkdir()
            case 1:
                file.symlink_to(file)
            case 2:
                file.symlink_to(random.choice(("/dev/zero", "/nowhere", "/", "/dev/null")))
            case 3:
                os.mkfifo(file)
            case 4:
                file.write_bytes(b"")

    def _put_extension(self, document: dict[str, Any], random: Random) -> None:
        """Another library in place of the model's, under another name or the model's."""
        foreign = random.choice(self._foreign)
        name = random.choice((foreign.name, self._manifest["extension"], "_x.abi3.so"))
        file = self._work / name
        if not file.is_dir():
            file.unlink(missing_ok=True)
            shutil.copyfile(foreign, file)
            document["extension"] = name
            self._record(document, file)

    def _record(self, document: dict[str, Any], file: Path) -> None:
        if isinstance(document.get("files"), dict):
            document["files"] = {**document["files"], file.name: file_hash(file)}
            if file.name in ("basis.json", "potential.json"):
                document["basis_hash"] = document["files"][file.name]

    def _seal(self, document: dict[str, Any]) -> None:
        """The right hash of whatever the manifest holds, as far as it has one."""
        fields = {name: document.get(name) for name in self._manifest if name not in ("format", "seal")}
        try:
            document["seal"] = Manifest(**json.loads(values.json_text(fields))).seal()
        except (TypeError, ValueError, RecursionError):
            document["seal"] = "0" * 64


class FileModules(Modules):
    """The same for a model made from a potential file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._model = acegen.compile_potential(file_potential("file"), folder / "files", "si")
        self._manifest = json.loads((self._model.path / "module.json").read_text(encoding="utf-8"))
        self._restore()
        acegen.load(self._work)  # the system knows a library by its path: had another one been there first, only that

    def _use(self, model: Any) -> None:
        repr(model), model.options, model.compiler, model.description["functions"]


class Potentials:
    """Potential files with values and bytes changed; what is read is made a program and written again."""

    limit = LIMIT

    def __init__(self, folder: Path) -> None:
        self._file = folder / "potential.yace"
        self._seeds = [potential_text(file_potential(key)).encode() for key in ("file", "recursive", "zbl")]

    def attempt(self, random: Random) -> None:
        content = random.choice(self._seeds)
        way = random.randrange(3)
        if way:
            content = _other_number(content, random)
        self._file.write_bytes(octets.changed(content, random) if way != 1 else content)
        potential = read_potential(self._file)
        assert read_potential_again(potential, self._file) == potential
        description_text(potential, "potential.yace", "0" * 64), facts(potential, "potential.yace")
        product_program(potential, "odd")


def read_potential_again(potential: YacePotential, file: Path) -> YacePotential:
    """What is read from the text that a potential is written as."""
    file.write_text(potential_text(potential), encoding="utf-8")
    return read_potential(file)


def _other_number(content: bytes, random: Random) -> bytes:
    """One of the numbers, words or names replaced by another one."""
    words = list(re.finditer(rb"[-+.\w]+", content))
    word = random.choice(words)
    new = random.choice(
        (
            b"0",
            b"1",
            b"-1",
            b"1e-300",
            b"1e300",
            b"1e999",
            b"nan",
            b".inf",
            b"7",
            b"100000000",
            b"0.5",
            b"",
            b"null",
            b"{}",
        )
        + (random.choice(words)[0],) * 4
    )
    return content[: word.start()] + new + content[word.end() :]


class Posteriors:
    """Archives: bytes changed, arrays of other shapes and kinds, headers that claim too much."""

    limit = LIMIT

    def __init__(self, folder: Path) -> None:
        self._model = acegen.compile(ATOMS[0], folder / "models")
        self._file = folder / "posterior.npz"
        self._rows = self._model.n_basis
        write_posterior(self._file, np.ones((self._rows, 3)), self._model.basis_hash, np.zeros((1, 3)))
        self._content = self._file.read_bytes()

    def attempt(self, random: Random) -> None:
        match random.randrange(3):
            case 0:
                content = octets.changed(self._content, random)
            case 1:
                content = self._arrays(random)
            case _:
                content = self._members(random)
        self._file.write_bytes(content)
        self._use()

    def _use(self) -> None:
        posterior = read_posterior(self._file, self._model)
        assert posterior.factor.shape[0] == self._rows
        assert posterior.energies.shape == (1, posterior.factor.shape[1])

    def _good(self) -> dict[str, Any]:
        return {
            "format": np.array("acegen-posterior-1"),
            "basis_hash": np.array(self._model.basis_hash),
            "factor": np.ones((self._rows, 2)),
            "energies": np.ones((1, 2)),
        }

    def _arrays(self, random: Random) -> bytes:
        arrays = self._good()
        for _ in range(random.choice((1, 1, 2))):
            name = random.choice((*arrays, "other"))
            shape = tuple(random.choice((0, 1, 2, self._rows)) for _ in range(random.randrange(4)))
            kind = random.choice(
                ("f8", "f4", "f2", "c16", "i8", "?", "U3", "S3", "M8[s]", "V8", "f8,i4", "(2,)f8", ">f8", "O")
            )
            arrays[name] = random.choice(
                (np.zeros(shape, kind), np.full(shape, np.nan), np.array("ß\0x"), np.array([None, {}]))
            )
            if random.random() < 0.2:
                arrays.pop(random.choice(list(arrays)))
        stream = io.BytesIO()
        random.choice((np.savez, np.savez, np.savez_compressed))(stream, allow_pickle=True, **arrays)
        return stream.getvalue()

    def _members(self, random: Random) -> bytes:
        """Files of arrays changed inside a sound archive, or headers that promise what is not there."""
        stream = io.BytesIO()
        kind = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
        with zipfile.ZipFile(stream, "w", kind) as archive:
            for name, array in self._good().items():
                member = io.BytesIO()
                np.save(member, array)
                content = member.getvalue()
                if random.random() < 0.5:
                    content = random.choice(
                        (octets.changed(content, random), _claiming(random, content), pickle.dumps([1]))
                    )
                archive.writestr(
                    random.choice((f"{name}.npy", f"{name}.npy", f"{name}.npy", name, "../x.npy")), content
                )
        return stream.getvalue()


class Uncertainties(Posteriors):
    """The same for what a fit knows of its own uncertainty; what is taken is written again, and fits a basis or not."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._file = folder / "uncertainty.npz"
        np.savez(self._file, **self._good())
        self._content = self._file.read_bytes()

    def _use(self) -> None:
        uncertainty = read_uncertainty(self._file)
        again = read_uncertainty(write_uncertainty(self._file, uncertainty))
        assert uncertainty_document(again) == uncertainty_document(uncertainty)
        check_uncertainty(uncertainty, [self._model.basis_hash], ("Si",), self._rows)

    def _good(self) -> dict[str, Any]:
        return {
            "format": np.array("acegen-uncertainty-1"),
            "basis_hash": np.array(self._model.basis_hash),
            "coefficient_hash": np.array(""),
            "grade_kind": np.array("leverage"),
            "grade_rows": np.ones((1, 3, self._rows)),
            "grade_constants": np.ones((1, 3)),
            "grade_thresholds": np.array([1.0, 2.0]),
            "grade_error": np.array(0.0),
            "committee_rows": np.ones((1, 2, self._rows)),
            "committee_constants": np.ones((1, 2)),
            "committee_energy": np.array([0.0, 1.0]),
            "committee_forces": np.array([0.0, 1.0]),
            "committee_quantiles": np.array([[0.5, 1.0, 2.0]] * 2),
        }


def _claiming(random: Random, content: bytes) -> bytes:
    """An array file whose header says something else."""
    shape = random.choice(
        (
            "(10**3,)",
            "(1000000000000,)",
            f"({10**30},)",
            "(3, 1000000000)",
            "(-1, 2)",
            "(True, 2)",
            "(2.0,)",
            "[2, 2]",
            "()",
            "(" * 400,
        )
    )
    kind = random.choice(
        ("'<f8'", "'|O'", "'|V0'", "[('a', '<f8')]", "'<U1000000000'", "'<f99'", "None", "1", "'<f8,' * 3", "(" * 300)
    )
    header = (
        f"{{'descr': {kind}, 'fortran_order': {random.choice(('False', 'True', '1'))}, 'shape': {shape}, }}\n".encode()
    )
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content[-32:]


class Records:
    """What acegen finds in folders it wrote to before: reports of fits, units of a design matrix."""

    limit = LIMIT

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "fit"
        self._folder.mkdir()
        self._unit = folder / "unit.npz"
        self._arrays: dict[str, Any] = {q: np.eye(3) for q in ("energy", "forces", "virial")}
        self._arrays |= {f"{q}_rows": np.array(3) for q in ("energy", "forces", "virial")}

    def attempt(self, random: Random) -> None:
        if random.random() < 0.5:
            report = {"format": "acegen-fit-1", "name": "si", "errors": [{"part": "test"}]}
            content = values.json_text(values.changed(report, random, as_text=True)).encode("utf-8", "surrogatepass")
            (self._folder / "report.json").write_bytes(
                octets.changed(content, random) if random.random() < 0.5 else content
            )
            FitFolder().check(self._folder)
        else:
            stream = io.BytesIO()
            arrays = dict(self._arrays)
            if random.random() < 0.5:
                arrays[random.choice(list(arrays))] = random.choice(
                    (np.zeros(3), np.eye(4), np.array("x"), np.ones((5, 3)), np.array(2.5))
                )
            np.savez(stream, **arrays)
            self._unit.write_bytes(
                octets.changed(stream.getvalue(), random) if random.random() < 0.7 else stream.getvalue()
            )
            factors = _read(self._unit)
            assert factors is None or {factor.matrix.shape[1] for factor in factors.values()} == {3}


TARGETS: dict[str, Callable[[Path], Target]] = {
    "atoms": atoms,
    "particles": particles,
    "coefficients": Coefficients,
    "fits": fits,
    "modules": Modules,
    "file modules": FileModules,
    "potentials": Potentials,
    "posteriors": Posteriors,
    "uncertainties": Uncertainties,
    "records": Records,
    "commands": Commands,
}
"""Makers of targets, each given a separate folder."""

if sys.flags.optimize:
    raise RuntimeError("assertions are part of the fuzzer: run it without -O")
