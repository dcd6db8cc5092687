"""Sixth stage: generated C and what goes with it, by one of the backends (`acegen.codegen.backend`)."""
