"""The `musegen` command: reads its arguments, calls the library, and prints what came of it.

Results go to standard output; progress, warnings, and the one line that says what is wrong, to
standard error. Exit codes: 0 done, 2 bad input or a file that can't be written, 130 stopped by
Ctrl-C, 143 stopped by SIGTERM.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from musegen.cli.signals import heard


def command() -> NoReturn:
    """Is the command, from the process's beginning to its end."""
    with heard():
        code = main()
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command with some arguments, by default the process's, and returns its exit code.

    Raises `SystemExit` after `--help` and `--version` (code 0), and for arguments that can't be
    read (code 2).
    """
    from musegen.cli.arguments import make_parser  # takes its time, in which Ctrl-C may come

    name = "musegen"
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            arguments = vars(make_parser().parse_args(argv))
            name = f"{name} {arguments.pop('command')}"
            arguments.pop("run")(**arguments)
        except KeyboardInterrupt as stop:  # in a program of the user's own
            print(" ".join(["musegen: stopped.", *filter(None, stop.args)]), file=sys.stderr)
            return 130
        except (ValueError, TypeError, OSError) as error:  # the library's own are ValueErrors
            print(f"{name}: {_one_line(error)}", file=sys.stderr)
            return 2
    return 0


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split()) or type(error).__name__


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"musegen: {' '.join(str(message).split())}", file=sys.stderr)
