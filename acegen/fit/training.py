"""What a fit keeps of its training data, so that another can continue it: `training.json` in its folder.

Hashes of configurations, not the configurations: with the same data at hand, a continued fit finds the folds they were
in and the units they were assembled in, which are in the cache. Next to them, the hyperparameters, and what selecting
further configurations needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acegen.errors import FitError
from acegen.printing import visible
from acegen.store.documents import read_json

TRAINING = "training.json"
TRAINING_FORMAT = "acegen-training-1"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class KnownUnit(_Entry):
    """A unit of the assembly: the fold and kind of its cell, and the hashes of its configurations, in order."""

    fold: int = Field(ge=-1)
    kind: str
    contents: tuple[str, ...] = Field(min_length=1)


class Hyperparameters(_Entry):
    """What a search has decided.

    Attributes:
        smoothness: power of the level in the prior.
        weights: of quantities; ridge only.
        strength: of the prior; ridge only.
        precision: of the prior; bayes only.
        noise: standard deviation by quantity, in the units of its rows (eV/atom, eV/Å); only of quantities with labels.
        functions: the functions kept, for a sparse model.
        n_atoms: atoms of the data by which all this was decided.
    """

    smoothness: float
    weights: dict[str, float] | None
    strength: float | None
    precision: float | None
    noise: dict[str, float]
    functions: tuple[int, ...] | None
    n_atoms: int = Field(ge=1)


class TrainingRecord(_Entry):
    """Everything in training.json.

    Attributes:
        format: `TRAINING_FORMAT`.
        basis_hash: the basis.
        request: the table spec of FIT.toml, for a recommended model.
        choices: settings that have to stay as they were, by key.
        files: absolute paths of the training data.
        keys: data.keys of FIT.toml.
        kinds: weights.config_type of FIT.toml.
        n_folds: number of folds; 0 if nothing was held out.
        n_atoms: atoms of the training data.
        composition: directions of composition, by element.
        hyperparameters: what was decided.
        freedom: effective number of parameters.
        grade: kind of grade, as in the settings.
        units: of the assembly.
    """

    format: str
    basis_hash: str
    request: dict[str, Any] | None
    choices: dict[str, Any]
    files: tuple[str, ...]
    keys: dict[str, str | None]
    kinds: dict[str, float]
    n_folds: int = Field(ge=0)
    n_atoms: int = Field(ge=1)
    composition: tuple[tuple[float, ...], ...]
    hyperparameters: Hyperparameters
    freedom: float = Field(ge=0)
    grade: str
    units: tuple[KnownUnit, ...]


def write_record(record: TrainingRecord, folder: Path) -> None:
    """Write the record of a fit into its folder."""
    text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False)
    (folder / TRAINING).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def read_record(folder: Path) -> TrainingRecord:
    """Read the record of the fit in a folder.

    Raises:
        FitError: there is no such fit, it has no record, or the record is damaged.
    """
    file, again = folder / TRAINING, "Fit again from the beginning, without --continue"
    if not folder.is_dir():
        raise FitError(f"{visible(folder)} is not the folder of a fit: there is no such folder. Give OUTPUT/NAME.")
    if not file.exists():
        raise FitError(
            f"{visible(folder)} has no {TRAINING}: it is not the folder of a fit, or one made by an older acegen. "
            f"{again}."
        )
    try:
        document = read_json(file)
        kind = document.get("format") if isinstance(document, Mapping) else None
        if isinstance(kind, str) and kind != TRAINING_FORMAT:
            raise FitError(f"{visible(file)} was made by another version of acegen. {again}.")
        return TrainingRecord.model_validate_json(json.dumps(document))
    except (OSError, ValueError, ValidationError):
        raise FitError(f"{visible(file)} is damaged. {again}.") from None
