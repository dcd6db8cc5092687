"""The command line with odd files, in processes of its own: an exit status, one message, no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from file_potentials import file_potential
from fuzz.python import octets, values
from fuzz.python.documents import ATOMS, FITS, PARTICLES

import acegen
from acegen.errors import AcegenError
from acegen.yace.writing import potential_text


class Commands:
    """One command per input. Specs get a compiler that does not work: valid ones would take minutes to compile."""

    limit = 60.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        model = acegen.compile(ATOMS[0], folder / "models")
        acegen.write_coefficients(folder / "good.json", model.basis_hash, {"Si": np.ones(model.n_basis)})
        acegen.compile(ATOMS[0], folder / "models", folder / "good.json")
        (folder / "good.yace").write_text(potential_text(file_potential("file")), encoding="utf-8")
        (folder / "spec.toml").write_text(values.toml_text(ATOMS[0], inline=False), encoding="utf-8")
        (folder / "train.xyz").write_text(_DATA, encoding="utf-8")

    def attempt(self, random: Random) -> None:
        make = random.choice(
            (
                self._spec,
                self._coefficients,
                self._fit,
                self._module,
                self._data,
                self._potential,
                self._about_potential,
            )
        )
        environment = os.environ | {"CC": "false"} if make in (self._spec, self._potential) else dict(os.environ)
        result = subprocess.run(
            [sys.executable, "-m", "acegen", *map(str, make(random))],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        said = result.stderr.decode(errors="replace")
        assert "Traceback" not in said, said
        assert "\x1b" not in said + result.stdout.decode(errors="replace")
        if result.returncode:
            assert result.returncode == 1, (result.returncode, said)
            assert any(line.startswith("acegen: ") for line in said.splitlines()), said
            raise AcegenError(said)

    def _write(self, name: str, content: bytes) -> Path:
        (self._folder / name).write_bytes(content)
        return self._folder / name

    def _toml(self, seeds: tuple[dict[str, Any], ...], random: Random) -> bytes:
        text = values.toml_text(values.changed(random.choice(seeds), random, as_text=True), inline=False)
        content = text.encode("utf-8", "surrogatepass")
        return octets.changed(content, random) if random.random() < 0.5 else content

    def _spec(self, random: Random) -> list[Any]:
        return ["compile", self._write("odd.toml", self._toml(ATOMS + PARTICLES, random)), "-o", "out"]

    def _odd_potential(self, random: Random) -> Path:
        content = octets.changed((self._folder / "good.yace").read_bytes(), random)
        return self._write(
            random.choice(("odd.yace", "odd.yaml", "potential", "[od]d\x1b[31m.yace", "-.yace")), content
        )

    def _potential(self, random: Random) -> list[Any]:
        file = self._odd_potential(random)
        name = random.choice(([], [], ["--name", random.choice(("a b", "x" * 70, "\x1b[31m", "int", "", "ok"))]))
        return ["compile", file, *name, "-o", "out"]

    def _about_potential(self, random: Random) -> list[Any]:
        return ["info", self._odd_potential(random), *random.choice(([], ["--program"]))]

    def _coefficients(self, random: Random) -> list[Any]:
        content = octets.changed((self._folder / "good.json").read_bytes(), random)
        return ["compile", "spec.toml", "--coefficients", self._write("odd.json", content), "-o", "out"]

    def _fit(self, random: Random) -> list[Any]:
        settings = {**FITS[0], "data": {"train": "missing.xyz"}}  # what is valid ends there
        return ["fit", self._write("fit.toml", self._toml((settings, *FITS[1:]), random))]

    def _module(self, random: Random) -> list[Any]:
        folder = self._folder / random.choice(("odd", "od[bold]d", "o\x1b[31md"))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._folder / "models" / "si", folder)
        file = folder / random.choice(sorted(path.name for path in folder.iterdir() if path.is_file()))
        file.write_bytes(octets.changed(file.read_bytes(), random))
        return random.choice(
            (["info", folder], ["verify", folder, "--environments", 1], ["export", folder, "--to", "c"])
        )

    def _data(self, random: Random) -> list[Any]:
        kind = random.choice(("twin[/111]", "a|b", "\x1b[31mred", "x" * 80, "日本" * 30, ":cat:", "[bold]", "\\"))
        content = _DATA.replace("bulk", kind).encode()
        return [
            "eval",
            "models/si",
            self._write("odd [data].xyz", content),
            "-o",
            f"errors {random.choice(('[/]', 'x'))}",
        ]


_DATA = """2
Properties=species:S:1:pos:R:3:forces:R:3 config_type="bulk" energy=-1.0 pbc="F F F"
Si 0.0 0.0 0.0 0.0 0.0 0.1
Si 0.0 0.0 2.4 0.0 0.0 -0.1
2
Properties=species:S:1:pos:R:3:forces:R:3 config_type="dimer" energy=-0.5 pbc="F F F"
Si 0.0 0.0 0.0 0.0 0.0 0.1
Si 0.0 0.0 2.9 0.0 0.0 -0.1
"""
