"""Ctrl-C and SIGTERM end the command at once, at any moment, with one line.

Python calls its own signal handlers in the main thread, between two of its instructions: not while
TensorFlow is being imported, compiles, or runs a loop. So the number of the signal goes into a
pipe, which is done at once, and a thread reads it: it saves what is to be saved and removes what is
to be removed (`musegen._stopping`), and ends the process. A second signal ends it without that.

This module is imported first, and imports nothing that takes time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

from musegen import _stopping

ENDING = (signal.SIGINT, signal.SIGTERM)


def exit_code(number: int) -> int:
    """Returns what a shell calls the end by a signal: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + number


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Ends the process at the first of these signals that comes in the block, or soon after it."""
    if os.name != "posix":  # there, KeyboardInterrupt is all that there is
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # A copy of standard error, which is turned away while TensorFlow is imported.
    threading.Thread(target=_listen, args=(reader, os.dup(2)), daemon=True).start()
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    heeded = [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, lambda *_: None)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)  # what was printed is seen, however it ends
    try:
        yield
    finally:
        with _stopping.lock:  # waits where the end has begun
            for number in heeded:  # only Python's own end is left to be cut short
                signal.signal(number, signal.SIG_DFL)


def _listen(reader: int, screen: int) -> None:
    number = _next(reader)
    threading.Thread(target=_end, args=(number, screen), daemon=True).start()
    os._exit(exit_code(_next(reader)))


def _next(reader: int) -> int:
    """Waits for the next signal that ends the command; others may have a handler, too."""
    while (number := os.read(reader, 1)[0]) not in ENDING:
        pass
    return number


def _end(number: int, screen: int) -> None:
    try:
        line = " ".join(["musegen: stopped.", *_stopping.stop()])
        if os.isatty(screen):  # over a line of progress, which may have hidden the cursor
            line = f"\r\x1b[K\x1b[?25h{line}"
        os.write(screen, f"{line}\n".encode())
    finally:
        os._exit(exit_code(number))
