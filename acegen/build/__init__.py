"""Seventh stage: from generated code to an importable module, with a cache in front."""
