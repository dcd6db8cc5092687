"""The command `acegen`: its entry point and exit status."""

from __future__ import annotations

import io
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from acegen.cli.parser import make_parser
from acegen.errors import AcegenError
from acegen.printing import visible, visible_lines


def run() -> None:
    """Entry point of the console script."""
    # Treat termination as an interrupt, so that temporary folders are removed on exit.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status. Users' mistakes give one message on standard error."""
    options = make_parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Unicode shows '?' instead of failing
    warnings.showwarning = _show_warning
    try:
        status = int(options.command(options))
        sys.stdout.flush()
        return status
    except AcegenError as error:
        print(f"acegen: {visible_lines(error)}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stdout = None  # the reader closed the pipe; nothing is left to flush
        return 0
    except OSError as error:
        where = f": {visible(error.filename)}" if error.filename else ""
        print(f"acegen: {visible(error.strerror or error)}{where}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("acegen: interrupted; no result was changed.", file=sys.stderr)
        return 130


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show acegen's own warnings without the source line."""
    own = category.__module__.startswith("acegen")
    text = f"acegen: {message}" if own else warnings.formatwarning(message, category, filename, lineno, line).rstrip()
    print(visible_lines(text), file=file or sys.stderr)
