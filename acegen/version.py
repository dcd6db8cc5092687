"""The version of acegen, in one place (also read by the packaging)."""

__version__ = "0.1.0"
