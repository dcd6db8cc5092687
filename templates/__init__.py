"""Jinja templates of a generated module, one per generated file and named after it, and the ABI header."""
