"""The basis a fit uses when only elements and cutoff are given."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from acegen.basis.estimate import estimate_size
from acegen.errors import FitError
from acegen.spec import Spec, load_atomic_spec

LEVELS = (Fraction(25, 2), Fraction(25, 2), Fraction(23, 2), Fraction(8))
"""Levels by order for one element: 1,046 functions. Found with validation data of silicon and molybdenum: many angular
channels, and a few functions of order 4, bring more than the same number of radial ones."""

ANGULAR_WEIGHT = Fraction(9, 20)
MAX_FUNCTIONS = 1100
"""Functions of a centre; with several elements the levels are lowered until they are at most as many."""

_STEP = Fraction(1, 2)


def recommended_spec(short: Mapping[str, Any]) -> Spec:
    """The recommended model for a table of `name`, `elements` and `cutoff`, and `expansion`, `pair`, `zbl` if wanted.

    Raises:
        FitError: a key is missing or unknown.
        SpecError: a value is not allowed.
    """
    required, optional = ("name", "elements", "cutoff"), ("expansion", "pair", "zbl")
    missing = [key for key in required if key not in short]
    unknown = [key for key in short if key not in (*required, *optional)]
    if missing or unknown:
        what = [f"lacks {', '.join(missing)}"] if missing else []
        what += [f"has {', '.join(map(str, unknown))}"] if unknown else []
        raise FitError(
            f"the table spec {' and '.join(what)}. Give name, elements and cutoff (and expansion, pair, zbl if wanted) "
            "for the recommended basis, or a whole specification with tables basis and radial."
        )
    lowered = Fraction(0)
    while True:
        levels = [level - lowered for level in LEVELS]
        kept = [level for order, level in enumerate(levels, start=1) if level >= order + 1 or order <= 2]
        basis = {"elements": short["elements"], "order": len(kept), "level": [str(level) for level in kept]}
        basis["angular_weight"] = str(ANGULAR_WEIGHT)
        if "expansion" in short:
            basis["expansion"] = short["expansion"]
        document = {"name": short["name"], "basis": basis, "radial": {"cutoff": short["cutoff"]}}
        spec = load_atomic_spec(document | {key: short[key] for key in ("pair", "zbl") if key in short})
        if sum(estimate_size(spec).functions) <= MAX_FUNCTIONS or kept[-1] - _STEP < len(kept):
            return spec
        lowered += _STEP
