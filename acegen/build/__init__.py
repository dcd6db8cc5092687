"""Seventh stage: from generated code to an importable module."""
