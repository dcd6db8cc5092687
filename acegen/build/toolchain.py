"""The C compiler: found, identified, and run."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acegen.errors import BuildError

OPTIMIZATION = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-ffp-contract=fast")
"""Flags of the kernels: IEEE results apart from fused multiply-adds and the sign of zero."""


@dataclass(frozen=True)
class Toolchain:
    """A C compiler with the flags for this machine.

    Attributes:
        command: the compiler and its own options.
        march: option that selects this processor, or nothing.
        identity: hash of the compiler's predefined macros: its version, target and instruction sets.
    """

    command: tuple[str, ...]
    march: tuple[str, ...]
    identity: str

    def describe(self) -> str:
        """The command line of a kernel, without files."""
        return " ".join((*self.command, *OPTIMIZATION, *self.march))

    def compile(self, source: Path, target: Path, extra: Sequence[str] = ()) -> None:
        """Compile one file to an object. Raises `BuildError` with what the compiler said."""
        flags = ["-std=c99", "-Wall", "-Wextra", *OPTIMIZATION, *self.march, "-fPIC", *extra]
        self._run([*self.command, *flags, "-c", source.name, "-o", target.name], source.parent)

    def link(self, objects: Sequence[Path], target: Path) -> None:
        """Link objects to a Python extension. Raises `BuildError` with what the linker said."""
        shared = shlex.split(sysconfig.get_config_var("LDSHARED") or "cc -shared")[1:]
        self._run([*self.command, *shared, *(o.name for o in objects), "-o", target.name, "-lm"], target.parent)

    def _run(self, arguments: list[str], directory: Path) -> None:
        result = subprocess.run(arguments, cwd=directory, capture_output=True, text=True, check=False)
        if result.returncode:
            lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
            said = "\n".join([*lines[:20], "..."] if len(lines) > 20 else lines)
            raise BuildError(f"the C compiler failed: {shlex.join(arguments)}\n{said}")


def find_toolchain() -> Toolchain:
    """The compiler named by the environment variable CC, else Python's own, else cc, gcc or clang.

    Raises:
        BuildError: there is no C compiler, or no Python headers; says what to install.
    """
    named = os.environ.get("CC", "").strip()
    candidates = [named] if named else [sysconfig.get_config_var("CC"), "cc", "gcc", "clang"]
    try:
        command = next((c for c in map(shlex.split, filter(None, candidates)) if shutil.which(c[0])), None)
    except ValueError:
        raise BuildError(f"the environment variable CC is not a command: {named}") from None
    if command is None:
        what = f"CC names '{named}', which is not on the PATH" if named else "none of cc, gcc, clang is on the PATH"
        raise BuildError(
            f"no C compiler: {what}. Install one (Debian, Ubuntu: apt install gcc libc6-dev; "
            "macOS: xcode-select --install) or set CC."
        )
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        raise BuildError(
            f"no Python headers in {sysconfig.get_path('include')}. "
            "Install them (Debian, Ubuntu: apt install python3-dev)."
        )
    for march in (("-march=native",), ("-mcpu=native",), ()):
        macros = _predefined_macros((*command, *march))
        if macros:
            # GCC halves 512-bit loops by default, which stalls where lanes are loaded whole afterwards.
            wide = ("-mprefer-vector-width=512",) if "__AVX512F__" in macros else ()
            return Toolchain(tuple(command), march + wide, hashlib.sha256(macros.encode()).hexdigest())
    raise BuildError(f"the C compiler '{shlex.join(command)}' does not run. Install a working GCC or Clang.")


def _predefined_macros(command: Sequence[str]) -> str | None:
    try:
        result = subprocess.run(
            [*command, "-dM", "-E", "-x", "c", os.devnull], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return result.stdout if result.returncode == 0 else None
