"""The C compiler: found, identified, and run."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acegen.errors import BuildError

OPTIMIZATION = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-ffp-contract=fast")
"""Flags of the kernels: IEEE results apart from fused multiply-adds and the sign of zero."""

_POLL_SECONDS = 0.01
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Toolchain:
    """A C compiler with the flags for this machine.

    Attributes:
        command: the compiler and its own options.
        march: options that select the instruction set.
        openmp: options that turn OpenMP on, or nothing.
        vector_bytes: width of its vector registers.
        registers: number of its vector registers.
        identity: hash of the compiler's predefined macros: its version, target and instruction sets.
    """

    command: tuple[str, ...]
    march: tuple[str, ...]
    openmp: tuple[str, ...]
    vector_bytes: int
    registers: int
    identity: str

    def describe(self) -> str:
        """The command line of a kernel, without files."""
        return shlex.join((*self.command, *OPTIMIZATION, *self.march, *self.openmp))

    def compile(
        self,
        sources: Sequence[tuple[Path, Path, Sequence[str]]],
        done: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Compile files to objects in the order given, in parallel on all cores.

        Whatever ends the wait (a failure, Ctrl-C, an exception from a signal) kills compilers that are still running.

        Args:
            sources: source, object, and specific options of each file.
            done: called with the number of files compiled so far.

        Raises:
            BuildError: with the compiler's messages.
        """
        flags = ["-std=c99", "-Wall", "-Wextra", *OPTIMIZATION, *self.march, *self.openmp, "-fPIC"]
        waiting = list(reversed(sources))
        running: list[_Command] = []
        try:
            while waiting or running:
                while waiting and len(running) < (os.cpu_count() or 1):
                    source, target, extra = waiting.pop()
                    arguments = [*self.command, *flags, *extra, "-c", source.name, "-o", target.name]
                    running.append(_Command(arguments, source.parent))
                for command in [c for c in running if c.finished()]:
                    command.check()
                    running.remove(command)
                    done(len(sources) - len(waiting) - len(running))
                time.sleep(_POLL_SECONDS)
        finally:
            for command in running:
                command.kill()

    def link(self, objects: Sequence[Path], target: Path) -> None:
        """Link objects to a Python extension. Raises `BuildError` with the linker's messages."""
        shared = shlex.split(sysconfig.get_config_var("LDSHARED") or "cc -shared")[1:]
        inputs = [o.name for o in objects]
        command = _Command([*self.command, *shared, *self.openmp, *inputs, "-o", target.name, "-lm"], target.parent)
        try:
            command.check()
        finally:
            command.kill()


class _Command:
    """A running compiler or linker. Its messages go to a file: an unread pipe would block it."""

    def __init__(self, arguments: list[str], directory: Path) -> None:
        self._arguments = arguments
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115, closed by kill()
        self._process = subprocess.Popen(
            arguments,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._messages,
            process_group=0,  # the driver and the programs it starts are stopped together
        )

    def finished(self) -> bool:
        return self._process.poll() is not None

    def check(self) -> None:
        """Wait for it to finish. Raises `BuildError` with its messages if it failed."""
        if self._process.wait():
            self._messages.seek(0)
            said = self._messages.read().decode(errors="replace").strip()
            lines = said.splitlines() or [f"exit status {self._process.returncode}"]
            said = "\n".join([*lines[:20], "..."] if len(lines) > 20 else lines)
            raise BuildError(f"the C compiler failed: {shlex.join(self._arguments)}\n{said}")
        self.kill()

    def kill(self) -> None:
        """Stop it if it is still running, and release its resources."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)  # the driver removes its temporary files
            try:
                self._process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._messages.close()


def find_toolchain(march: str = "native", openmp: bool = False) -> Toolchain:
    """The compiler named by the environment variable CC, else Python's own, else cc, gcc or clang.

    Args:
        march: instruction set to compile for, as in `BuildOptions`.
        openmp: whether kernels should use several threads.

    Raises:
        BuildError: there is no C compiler, or no Python headers; says what to install. Or the compiler does not
            know the instruction set, or OpenMP.
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
    if march == "native":
        attempts: tuple[tuple[str, ...], ...] = (("-march=native",), ("-mcpu=native",), ())
    else:
        attempts = ((),) if march == "generic" else ((f"-march={march}",), (f"-mcpu={march}",))
    for flags in attempts:
        macros = _predefined_macros((*command, *flags))
        if macros:
            # By default GCC splits 512-bit loops in halves, which stalls where whole lanes are loaded afterwards.
            wide = ("-mprefer-vector-width=512",) if "__AVX512F__" in macros else ()
            identity = hashlib.sha256(macros.encode()).hexdigest()
            threads = _openmp_flags(command) if openmp else ()
            return Toolchain(tuple(command), flags + wide, threads, *_vector_registers(macros), identity)
    if _predefined_macros(command):
        raise BuildError(
            f"the C compiler '{shlex.join(command)}' does not know the instruction set '{march}'. "
            "Use native, generic, or one it lists for -march (x86-64-v2, x86-64-v3, x86-64-v4, ...)."
        )
    raise BuildError(f"the C compiler '{shlex.join(command)}' does not run. Install a working GCC or Clang.")


def _openmp_flags(command: Sequence[str]) -> tuple[str, ...]:
    source = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
    with tempfile.TemporaryDirectory() as folder:
        flags = ["-fopenmp", "-x", "c", "-", "-o", str(Path(folder, "probe"))]
        result = subprocess.run([*command, *flags], input=source, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(
            f"the C compiler '{shlex.join(command)}' cannot build for several threads: OpenMP is missing. "
            "Install it (Debian, Ubuntu: apt install libgomp1, for clang libomp-dev) or leave --openmp out."
        )
    return ("-fopenmp",)


def _vector_registers(macros: str) -> tuple[int, int]:
    """Width in bytes and number of the vector registers of an instruction set."""
    if "__AVX512F__" in macros:
        return 64, 32
    if "__AVX__" in macros:
        return 32, 16
    return 16, 32 if "__aarch64__" in macros else 16


def _predefined_macros(command: Sequence[str]) -> str | None:
    try:
        result = subprocess.run(
            [*command, "-dM", "-E", "-x", "c", os.devnull], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return result.stdout if result.returncode == 0 else None
