"""Imports of packages that not every installation has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from acegen.errors import DependencyError


@contextmanager
def needs_packages(what: str, extra: str) -> Iterator[None]:
    """Surrounds imports that need more packages than a compile does.

    Args:
        what: what they are for, the subject of a message: "fitting".
        extra: of acegen, which brings them.

    Raises:
        DependencyError: one is missing; says how to install them all.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "acegen":
            raise
        raise DependencyError(
            f'{what} needs the package {error.name}. Install all of them: pip install "acegen[{extra}]"'
        ) from None
