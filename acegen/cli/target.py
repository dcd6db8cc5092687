"""What a path on the command line is: a spec, a potential file, or a compiled module."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from acegen.errors import AcegenError
from acegen.store.manifest import POTENTIAL_SUFFIXES

_LOOKED_AT = 65536
"""Bytes from the beginning of a file in which the fields of a potential are looked for."""

_FIELDS = re.compile(
    rb"^((elements|E0|deltaSplineBins|embeddings|bonds|functions|global|species|metadata) *:|\s*nelements *=)", re.M
)


def is_potential(path: Path) -> bool:
    """Whether a file is a potential rather than a spec: by its suffix; without a usual one, by what is in it.

    Raises:
        AcegenError: it is neither.
    """
    if path.suffix in POTENTIAL_SUFFIXES:
        return True
    if path.suffix == ".toml" or not path.is_file():
        return False
    with path.open("rb") as stream:
        start = stream.read(_LOOKED_AT)
        if _FIELDS.search(start):
            return True
        whole = start + stream.read()
    try:
        tomllib.loads(whole.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise AcegenError(
            f"{path} is neither a spec (a TOML file) nor a potential (a .yace or .ace file of ML-PACE, or a B-basis "
            ".yaml file of pacemaker)."
        ) from None
    return False
