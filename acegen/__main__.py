"""`python -m acegen`: the command line."""

from acegen.cli.main import run

run()
