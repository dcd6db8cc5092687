"""The fit that a selection extends: its potential, the posterior of its coefficients, and the noise of its labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acegen.errors import FitError, ModuleError, SelectError
from acegen.fit.training import TrainingRecord, read_record
from acegen.printing import visible
from acegen.runtime import Model, load
from acegen.store.manifest import module_folder
from acegen.store.posterior import Posterior, read_posterior


@dataclass(frozen=True)
class Fitted:
    """A fit.

    Attributes:
        folder: of the fit.
        model: its potential.
        record: what it keeps of its training data.
    """

    folder: Path
    model: Model
    record: TrainingRecord

    def posterior(self) -> Posterior:
        """The posterior of the coefficients.

        Raises:
            SelectError: there is none, or it is damaged or of another basis.
        """
        try:
            return read_posterior(self.model.path, self.model)
        except ModuleError as error:
            reason = str(error).split(". ")[0]
            raise SelectError(
                f"{visible(reason)}. Selecting by information needs the posterior of the fit: fit again with this "
                'acegen (with so many functions it is only written for solver.kind = "bayes"), or use --method maxvol.'
            ) from None


def open_fit(folder: str | Path) -> Fitted:
    """Open the folder of a fit.

    Raises:
        SelectError: it is no fit, lacks what a selection needs, or its record and its potential do not belong together.
        ModuleError: its potential cannot be loaded.
    """
    path = Path(folder)
    try:
        record = read_record(path)
    except FitError as error:
        text = str(error).replace(", without --continue", "")
        raise SelectError(text) from None
    model = load(module_folder(path))
    if model.basis_hash != record.basis_hash:
        raise SelectError(
            f"{visible(path)}: the potential has another basis than the fit of which it is the record. Fit again."
        )
    return Fitted(path, model, record)
