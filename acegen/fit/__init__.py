"""Fitting: from labelled configurations to a compiled potential (`acegen.fit.pipeline` is the map of the stages)."""

from acegen.fit.data import read_dataset
from acegen.fit.dataset import Configuration, Dataset
from acegen.fit.evaluation import Comparison, ErrorRow, QuantityError, compare, error_rows
from acegen.fit.pipeline import fit
from acegen.fit.report import all_error_rows
from acegen.fit.result import FitResult
from acegen.fit.settings import FitSettings, KeySettings, load_settings

__all__ = [
    "Comparison",
    "Configuration",
    "Dataset",
    "ErrorRow",
    "FitResult",
    "FitSettings",
    "KeySettings",
    "QuantityError",
    "all_error_rows",
    "compare",
    "error_rows",
    "fit",
    "load_settings",
    "read_dataset",
]
