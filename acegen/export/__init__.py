"""Exports of compiled models for other codes: plain C, a LAMMPS plugin, a KIM portable model, a file for ML-PACE."""

from acegen.export.export import TARGETS, export_model

__all__ = ["TARGETS", "export_model"]
