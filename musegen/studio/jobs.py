"""One thread in which models write, so that the server answers meanwhile.

A model uses all cores for one piece, so two at once would take as long as one after the other. Each
tab has one job at most: a new one takes the place of the one before, and a tab that is closed frees
what it waited for. A job that is cancelled while it waits is never begun; one that is being done
ends with its step, for a step runs in compiled code that can't be left half-way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MOST = 24
"""Jobs that may wait or be done at a time, of all tabs."""

_log = logging.getLogger("musegen.studio")


class Busy(Exception):
    """There are `MOST` jobs already."""


class Cancelled(Exception):
    """Nobody waits for the job any more."""


class Job:
    """Something that is done in the thread, and says how far it is.

    Args:
        work: Does it. It is given the job, and returns the answer.
    """

    def __init__(self, work: Callable[[Job], dict[str, Any]]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.cancelled = False

    def say(self, text: str) -> None:
        """Tells the page what is being done; raises `Cancelled` if nobody listens any more."""
        if self.cancelled:
            raise Cancelled
        self._send({"says": text})

    def cancel(self) -> None:
        """Has the job end before its next step."""
        if not self.cancelled:
            self.cancelled = True
            self._lines.put_nowait({"error": "Stopped."})

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """Yields what the job says, and at last its answer, or the sentence that is its error."""
        try:
            while True:
                line = await self._lines.get()
                yield line
                if "says" not in line:
                    return
        finally:
            self.cancel()

    def run(self) -> None:
        """Does the work, in the thread."""
        try:
            if not self.cancelled:
                self._send(self._work(self))
        except Cancelled:
            pass
        except (ValueError, TypeError) as error:
            self._send({"error": " ".join(str(error).split())})
        except Exception as error:  # noqa: BLE001 - the page gets a sentence, whatever it was
            _log.error("%s: %s", type(error).__name__, error)
            text = (
                f"This went wrong inside musegen ({type(error).__name__}); the terminal has more."
            )
            self._send({"error": text})

    def _send(self, line: dict[str, Any]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)


class Worker:
    """The thread, and the job of each tab."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="musegen-studio")
        self._jobs: dict[str, Job] = {}
        self._waiting = 0

    def start(self, tab: str, work: Callable[[Job], dict[str, Any]]) -> Job:
        """Has something done for a tab, instead of what was being done for it.

        Raises:
            Busy: If there is too much to do already.
        """
        before = self._jobs.pop(tab, None)
        if before is not None:
            before.cancel()
        if self._waiting >= MOST:
            raise Busy
        job = Job(work)
        self._jobs[tab] = job
        self._waiting += 1
        done = asyncio.wrap_future(self._thread.submit(job.run))
        done.add_done_callback(lambda _: self._end(tab, job))
        return job

    def _end(self, tab: str, job: Job) -> None:
        self._waiting -= 1
        if self._jobs.get(tab) is job:
            del self._jobs[tab]
