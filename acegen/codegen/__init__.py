"""Sixth stage: generated C and what goes with it."""

from acegen.codegen.render import GeneratedCode, abi_header, generate_code

__all__ = ["GeneratedCode", "abi_header", "generate_code"]
