"""What a module is compiled from and how, and whether that has been done already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acegen.build.toolchain import Toolchain, find_toolchain
from acegen.options import BuildOptions
from acegen.store.cache import build_key, is_built


@dataclass(frozen=True)
class Job:
    """The compilation of a module.

    Attributes:
        options: how to compile.
        toolchain: the C compiler.
        key: cache key to record in the module.
        target: the module's folder.
        done: whether it is there already, and nothing it was made from has changed.
    """

    options: BuildOptions
    toolchain: Toolchain
    key: str
    target: Path
    done: bool


def find_job(source: Sequence[object], target: Path, options: BuildOptions | None) -> Job:
    """The job of compiling a model.

    Args:
        source: what says which model it is, as plain data.
        target: where its folder will be.
        options: how to compile; by default as for `BuildOptions`.

    Raises:
        BuildError: as `find_toolchain`.
    """
    options = options or BuildOptions()
    toolchain = find_toolchain(options.march, options.openmp)
    key = build_key(source, options, (toolchain.describe(), toolchain.identity))
    return Job(options, toolchain, key, target, is_built(target, key))
