"""What the command line says of this machine: doctor, version, completion."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import shtab

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


WITHOUT_PACKAGE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from acegen.cli.main import main
sys.exit(main(["doctor", *sys.argv[2:]]))
"""


def doctor_without(folder: Path, package: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The doctor in a Python that cannot import a package."""
    command = [sys.executable, "-c", WITHOUT_PACKAGE, package, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["numpy", "sympy", "jinja2"])
def test_doctor_without_a_package_that_compiling_needs(tmp_path: Path, package: str) -> None:
    """A damaged installation is what the doctor is for: a line, not a traceback."""
    result = doctor_without(tmp_path, package, "--json")
    found = {check["subject"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.returncode == 1
    assert found["a model"]["state"] == "broken"
    assert f"the package {package} is missing; pip install acegen" in found["a model"]["text"]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("package", ["rich", "packaging"])
def test_doctor_without_what_it_needs_itself(tmp_path: Path, package: str) -> None:
    result = doctor_without(tmp_path, package)
    assert result.returncode == 1
    assert result.stderr.strip() == f"acegen: the package {package} is missing; pip install acegen"


def test_doctor_reports_any_failure_of_a_trial() -> None:
    """An exception that acegen does not raise itself is reported like one of its own."""

    def fails() -> str:
        raise ValueError("something odd")

    check = doctor._attempt("compiler", "a model", "broken", fails)
    assert (check.state, check.text) == ("broken", "ValueError: something odd")


@pytest.mark.parametrize("threads", ["1", "2"])
def test_doctor_counts_threads_of_blas(tmp_path: Path, threads: str) -> None:
    """The number that the environment asked for, where NumPy brings OpenBLAS."""
    code = "from acegen.cli.doctor import _blas; print(_blas())"
    environment = os.environ | {"OPENBLAS_NUM_THREADS": threads}
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    if "openblas" not in said:
        pytest.skip("NumPy uses another BLAS")
    cores = len(os.sched_getaffinity(0))
    assert f"openblas, threads: {min(int(threads), cores)}" in said


def test_doctor_names_what_native_means() -> None:
    """The compiler proper is told the same name by GCC's driver."""
    gcc = shutil.which("gcc")
    if gcc is None or platform.machine() != "x86_64":
        pytest.skip("GCC for x86_64 names it")
    command = [gcc, "-###", "-march=native", "-E", "-x", "c", os.devnull]
    driver = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    name = re.search(r'"?-march=([\w.-]+)"?', driver.split("cc1")[-1])
    assert name is not None
    assert doctor._native((gcc,)) == f"-march=native is {name[1]}"


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
    if shell not in shtab.SUPPORTED_SHELLS:
        pytest.skip(f"this shtab does not know {shell}")
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert "acegen" in text
    program = shutil.which(shell)
    if program is not None:
        script = tmp_path / "script"
        script.write_text(text)
        subprocess.run([program, "-n", str(script)], check=True)


def test_completion_says_what_an_old_shtab_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shtab, "SUPPORTED_SHELLS", ["bash", "zsh", "tcsh"])
    assert main(["completion", "fish"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "makes no scripts for fish. A newer one may: pip install --upgrade shtab" in captured.err


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
