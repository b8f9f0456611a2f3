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
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

Task = Callable[[], str | None]
"""Puts something right, in any thread, and may say something of it to the user."""

PARENT_SECONDS = 0.2
"""How often a process of ours looks whether the one that started it is still there."""

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
    return [text for text in said if text]


def worker_options() -> dict[str, Any]:
    """Returns what joblib and its executors are given, so that workers end with this process."""
    return {"initializer": _begin_worker, "initargs": (os.getpid(),)}


def _begin_worker(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        stop()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the parent
    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Keeps Ctrl-C from processes that are started in the block, until they can ignore it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
