"""The examples of README.md and of every page in docs/ are tests: tests/support/pages.py says how they run."""

from __future__ import annotations

import pytest
from pages import page_runner
from sybil.integration.pytest import SybilItem

pytest_collect_file = page_runner("README.md", "docs/*.md", "docs/*/*.md").pytest()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pages take their time."""
    for item in items:
        if isinstance(item, SybilItem):
            item.add_marker("slow")
