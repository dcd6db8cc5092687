"""Benchmarks of acegen: `python -m benchmarks --help`."""
