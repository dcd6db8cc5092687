"""Third stage: the coupled basis over the rationals."""

from acegen.basis.derive import Basis, CoupledFunction, SparseRow, derive_basis
from acegen.basis.labels import Channel, Label
from acegen.basis.pair import PairFunction

__all__ = ["Basis", "Channel", "CoupledFunction", "Label", "PairFunction", "SparseRow", "derive_basis"]
