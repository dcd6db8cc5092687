"""What a selection has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from acegen.select.pool import Candidate

Method: TypeAlias = Literal["variance", "information", "maxvol"]


@dataclass(frozen=True)
class Chosen:
    """A configuration worth labelling.

    Attributes:
        index: its number in the pool, over all files.
        candidate: the configuration.
        gain: information about the coefficients that its labels add to the training data and those chosen before it,
            nats: half the logarithm of the determinant by which they reduce the covariance. By "maxvol" the number of
            its environments in the extended active set.
        share: by "variance", the share of the variance of all labels of the pool that its labels remove.
        grade: largest grade of its environments, given those chosen before it; None for models without grades.
    """

    index: int
    candidate: Candidate
    gain: float
    share: float | None
    grade: float | None


@dataclass(frozen=True)
class SelectionResult:
    """A selection.

    Attributes:
        method: by which it was made.
        chosen: in the order of choice.
        n_pool: number of configurations in the pool.
        reason: why it ended, a clause.
        typical: gain per atom of the training data, for comparison; None for "maxvol".
    """

    method: Method
    chosen: tuple[Chosen, ...]
    n_pool: int
    reason: str
    typical: float | None
