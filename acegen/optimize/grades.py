"""The pass that folds the purification into the combinations of a grade: then no basis function is computed.

A grade combines the values of descriptors, most of which combine coupled functions b. So

    Σ_j rows[k][j] values_j = s (Σ_i pair[k][i] pair functions_i + Σ_c folded[k][c] b_c),    folded = rows · outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acegen.errors import BuildError
from acegen.program.uncertainty import GradeProgram

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FoldedRows:
    """Combinations around a centre species.

    Attributes:
        pair: weights of the pair functions, shape (K, number of pair functions).
        coupled: weights of the coupled functions, shape (K, number of coupled functions).
    """

    pair: Floats
    coupled: Floats


def fold_rows(grades: GradeProgram) -> tuple[FoldedRows, ...]:
    """The combinations by centre species.

    Raises:
        BuildError: the values are not combinations of coupled functions.
    """
    program = grades.descriptors
    if program.outputs.coupling is None:
        raise BuildError(f"the descriptors of '{program.name}' must be combinations of coupled functions.")
    folded = []
    for center, rows in enumerate(grades.rows):
        outputs = program.outputs.of(center)
        purification = np.zeros((len(outputs), len(program.outputs.coupling)))
        for function, row in enumerate(outputs):
            for column, weight in row:
                purification[function, column] += weight
        matrix = np.array(rows, dtype=float).reshape(len(rows), program.n_pair + len(outputs))
        folded.append(FoldedRows(matrix[:, : program.n_pair], matrix[:, program.n_pair :] @ purification))
    return tuple(folded)
