"""Stub."""

from __future__ import annotations


class PlainBackend:
    pass
