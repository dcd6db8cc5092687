"""What the command line says of this machine: doctor, version, completion."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from acegen.cli import doctor
from acegen.cli.completion import completion_script
from acegen.cli.main import main
from acegen.cli.parser import SHELLS, make_parser
from acegen.version import __version__


def states(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    document = json.loads(capsys.readouterr().out)
    return {check["subject"]: check["state"] for check in document["checks"]}


@pytest.mark.slow
def test_doctor_here(capsys: pytest.CaptureFixture[str]) -> None:
    """Where tests run, compiling works, and packages have the versions that they have."""
    assert main(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    found = {check["subject"]: check for check in document["checks"]}
    assert document["works"] is True
    assert found["numpy"]["text"] == metadata.version("numpy")
    assert found["a model"]["state"] == found["C compiler"]["state"] == "ok"
    assert main(["doctor"]) == 0
    assert f"numpy: {metadata.version('numpy')}" in capsys.readouterr().out


@pytest.mark.parametrize("compiler", ["false", "no-such-compiler"])
def test_doctor_without_compiler(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], compiler: str
) -> None:
    """A compiler that does not run, or does not exist, is broken, and the exit status says so."""
    monkeypatch.setenv("CC", compiler)
    assert main(["doctor", "--json"]) == 1
    assert states(capsys)["C compiler"] == "broken"


@pytest.mark.slow
def test_doctor_finds_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A package that is gone or too old, a wrong result, programs that are not on the path."""
    versions = metadata.version

    def version(name: str) -> str:
        if name == "scipy":
            raise metadata.PackageNotFoundError(name)
        return "0.1" if name == "ase" else versions(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    monkeypatch.setattr(doctor, "_ENERGY_TOLERANCE", -1.0)
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("CC", compiler)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: compiler if name == compiler else None)
    monkeypatch.setattr(doctor.sys, "executable", str(tmp_path / "bin" / "python"))
    assert main(["doctor", "--json"]) == 1
    found = states(capsys)
    assert found["scipy"] == found["ase"] == found["make"] == found["lmp"] == "missing"
    assert found["a model"] == "broken"
    assert found["numpy"] == "ok"


def test_version(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line is what programs expect; then compiler and features."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    first, compiler, features = capsys.readouterr().out.splitlines()
    assert first == f"acegen {__version__}"
    assert re.fullmatch(r"compiler: .* \(vectors of (128|256|512) bits\)", compiler)
    assert features.startswith("features: atoms, fit")
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(SystemExit):
        main(["--version"])
    assert "compiler: none: no C compiler" in capsys.readouterr().out


def complete(folder: Path, words: list[str]) -> set[str]:
    """What bash offers after these words."""
    script = folder / "acegen.bash"
    script.write_text(completion_script("bash"))
    quoted = " ".join(f"'{word}'" for word in words)
    commands = (
        f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMP_TYPE=9; "
        '_shtab_acegen 2>/dev/null; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    result = subprocess.run(["bash", "-c", commands], cwd=folder, capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_bash_completes(tmp_path: Path) -> None:
    """Commands, options of a command, and files."""
    (tmp_path / "spec.toml").touch()
    assert complete(tmp_path, ["acegen", ""]) >= {"compile", "fit", "init", "doctor", "completion"}
    assert complete(tmp_path, ["acegen", "compi"]) == {"compile"}
    assert complete(tmp_path, ["acegen", "fit", "--dr"]) == {"--dry-run"}
    assert "spec.toml" in complete(tmp_path, ["acegen", "compile", "sp"])


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Every shell has a script, which the shell understands where it is installed."""
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert "acegen" in text
    program = shutil.which(shell)
    if program is not None:
        script = tmp_path / "script"
        script.write_text(text)
        subprocess.run([program, "-n", str(script)], check=True)


def test_help_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns no line of any help is longer, and every command has a description."""
    monkeypatch.setenv("COLUMNS", "80")
    parser = make_parser()
    (commands,) = (
        action for action in parser._actions if hasattr(action, "choices") and isinstance(action.choices, dict)
    )
    assert commands.choices is not None
    for command in (parser, *commands.choices.values()):
        text = command.format_help()
        assert command.description
        assert [line for line in text.splitlines() if len(line) > 80] == []


def test_light(tmp_path: Path) -> None:
    """--version and --help load nothing heavy."""
    code = "import sys\nfrom acegen.cli.main import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
    code += "print([m for m in ('sympy', 'flint', 'numpy', 'ase', 'scipy') if m in sys.modules], file=sys.stderr)"
    for option in ("--version", "--help"):
        command = [sys.executable, "-c", code, option]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert result.stderr.strip() == "[]"
