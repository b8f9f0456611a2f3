"""What is to be put right where the process is about to end at once.

A person who presses Ctrl-C waits for nothing, and native code may hold the main thread for long. So
the command ends from a thread of its own (`musegen.cli.signals`), whatever the others are doing:
nothing is unwound, and no `finally` runs. Whoever would leave something behind, or has something to
save, says here what is to be done about it. In a program of the user's own, KeyboardInterrupt goes
its usual way.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

Task = Callable[[], str | None]
"""Puts something right, in any thread, and may say something of it to the user."""

PARENT_SECONDS = 0.2
"""How often a process of ours looks whether the one that started it is still there."""

WARNINGS = "PYTHONWARNINGS"
"""The variable that says which warnings a process of Python's shows."""

lock = threading.RLock()
"""Held while what a task is to know of is made, and for good once the tasks are being done."""
_tasks: list[Task] = []


@contextlib.contextmanager
def at_stop(task: Task) -> Iterator[None]:
    """Has a task done if the process is stopped in the block, which then never ends."""
    with lock:
        _tasks.append(task)
    try:
        yield
    finally:
        with lock:
            _tasks.remove(task)


def stop() -> list[str]:
    """Does all tasks, the first first, and returns what they say; the process must end after it."""
    lock.acquire()
    said = []
    for task in list(_tasks):
        try:
            said.append(task())
        except Exception as error:  # noqa: BLE001 - the others are still to be done
            said.append(str(error))
    # It may be in the midst of being imported, and then it has nothing yet.
    workers = getattr(sys.modules.get("multiprocessing"), "active_children", list)
    for worker in workers():
        worker.terminate()
    return [text for text in said if text]


def _begin_worker(parent: int) -> None:
    def end(*_: Any) -> None:
        stop()
        os._exit(1)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        end()

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the parent
    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def starting_workers() -> Iterator[dict[str, Any]]:
    """For the start of joblib's processes, or an executor's, which then end with this one.

    Provides what these are given. A Ctrl-C in the block does not reach the processes, which would
    say so each. Nor do those that clear up after a sudden end speak of it.
    """
    options = {"initializer": _begin_worker, "initargs": (os.getpid(),)}
    with lock:  # none is started any more once the others are being ended
        pass
    if not hasattr(signal, "pthread_sigmask"):
        yield options
    else:
        with _unheard():
            yield options


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    from multiprocessing import resource_tracker

    asked = os.environ.get(WARNINGS)
    os.environ[WARNINGS] = ",".join([*filter(None, [asked]), "ignore:resource_tracker"])
    resource_tracker.ensure_running()  # which would undo what follows
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        if asked is None:
            os.environ.pop(WARNINGS, None)
        else:
            os.environ[WARNINGS] = asked
