"""Sixth stage: from generated code to an importable module."""

from acegen.build.module import build_key, build_module, is_built, staging_folder
from acegen.build.toolchain import Toolchain, find_toolchain

__all__ = ["Toolchain", "build_key", "build_module", "find_toolchain", "is_built", "staging_folder"]
