"""The fit that a selection extends: its potential, the posterior of its coefficients, and the noise of its labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acegen.errors import FitError, ModuleError, SelectError
from acegen.fit.training import TrainingRecord, read_record
from acegen.printing import visible
from acegen.runtime import Model, load
from acegen.store.posterior import POSTERIOR, Posterior, read_posterior


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
        file = self.model.path / POSTERIOR
        if not file.exists():
            raise SelectError(
                f"{visible(file)} is missing, the posterior of the coefficients, by which configurations are selected. "
                'Use --method maxvol, or fit again with this acegen: solver.kind = "bayes" writes the posterior '
                "whatever its size, ridge up to 1 GB."
            )
        try:
            return read_posterior(file, self.model)
        except ModuleError as error:
            raise SelectError(f"{error} Or use --method maxvol.") from None


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
    model = load(path)
    if model.basis_hash != record.basis_hash:
        raise SelectError(
            f"{visible(path)}: the potential has another basis than the fit of which it is the record. Fit again."
        )
    return Fitted(path, model, record)
