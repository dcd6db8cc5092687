"""Checking a compiled module against its definition, by independent means."""

from acegen.verify.checks import CheckResult, verify_module

__all__ = ["CheckResult", "verify_module"]
