"""Errors that users see. Each message says what is wrong, where, what is allowed and what to do."""

from __future__ import annotations


class AcegenError(Exception):
    """Base of every error acegen raises on purpose; the command line prints it without a traceback."""


class SpecError(AcegenError):
    """A model specification that cannot be read, is invalid, or asks for a model too large to build."""


class CoefficientError(AcegenError):
    """Coefficients that are malformed or belong to another basis."""


class BuildError(AcegenError):
    """Compiling or writing a module failed: no compiler, no headers, an unwritable directory."""


class ModuleError(AcegenError):
    """A compiled module that is missing, damaged, or made for another machine or Python."""


class StructureError(AcegenError):
    """Atoms the model cannot evaluate: unknown elements, coincident atoms, or values that are not finite."""


class ExtrapolationError(AcegenError):
    """An environment further from those a model was fitted to than the user allows."""


class DependencyError(AcegenError):
    """A library that acegen needs is missing, or configured in a way it cannot use."""


class IsolatedAtomWarning(UserWarning):
    """An atom has no neighbour within the cutoff; its site energy is its atomic energy (zero if none was given)."""


class FitError(AcegenError):
    """A fit that cannot be done: wrong settings, data without usable labels, workers that died."""


class SelectError(AcegenError):
    """A selection that cannot be made: a fit without what it needs, a pool without configurations, wrong numbers."""


class ExportError(AcegenError):
    """An export that cannot be made: unknown target, or a folder that cannot be written or must not be replaced."""


class PotentialError(AcegenError):
    """A potential file that cannot be read, or says what acegen cannot evaluate."""


class OrthogonalizationError(AcegenError):
    """A measure, an ensemble of particles, or samples for which functions cannot be orthogonalized."""


class DataWarning(UserWarning):
    """Data that can be used but look wrong: atoms too close, labels not finite or contradictory."""
