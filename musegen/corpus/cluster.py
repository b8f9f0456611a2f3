"""Work that is given to the workers of a Dask cluster.

joblib's own Dask backend gives results only when all are there, so that what was done before a
scheduler is killed would be lost, and all of it is in memory at once. Here a result comes as soon
as it is there, and no more tasks are under way than keep the workers busy.

A worker that is killed loses its tasks, which Dask gives to others; a task that was under way on
four workers that ended (Dask's `allowed-failures` is 3) is given back. Where the scheduler ends,
nothing comes any more: that is an error which says so, and what was handed on before is kept.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from musegen import __version__
from musegen._checks import shown
from musegen.corpus.bundled import shown_progress
from musegen.corpus.corpus import CorpusError

T = TypeVar("T")

ANSWER_SECONDS = 10
"""How long a scheduler may take to answer."""

WORKER_SECONDS = 30
"""How long there may be no worker; one that was killed is started again."""

TASKS = 3
"""Tasks that are under way for each thread of the workers: one in work, the others at hand."""

ADDRESSES = "give the address of a Dask scheduler, such as tcp://10.0.0.1:8786"


class Cluster:
    """A Dask cluster.

    Args:
        cluster: The address of its scheduler, or a `distributed.Client`.

    Raises:
        ValueError: If it is neither.
    """

    def __init__(self, cluster: Any) -> None:
        is_address = isinstance(cluster, str) and re.fullmatch(r"(\w+://)?[^\s/]+:\d{1,5}", cluster)
        if not is_address and not hasattr(cluster, "scheduler_info"):
            raise ValueError(f"cluster={shown(cluster)}: {ADDRESSES}, or a Dask client.")
        self.given = cluster
        self.name = cluster if isinstance(cluster, str) else cluster.scheduler.address
        self._client: Any = None

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """A context in which the cluster can be given work."""
        try:
            from distributed import Client
        except ImportError:
            raise CorpusError(
                f"cluster={self.name}: Dask is not installed: pip install 'musegen[cluster]'."
            ) from None
        with contextlib.ExitStack() as stack:
            stack.enter_context(_silent())
            if isinstance(self.given, str):
                self._client = self._connect(Client)
                stack.callback(self._close)
            else:
                self._client = self.given
            self._check_workers()
            yield

    def _connect(self, client: Any) -> Any:
        """Connects in a thread: where a scheduler takes connections and is silent, Dask waits."""
        found: list[Any] = []

        def connect() -> None:
            try:
                made = client(self.given, timeout=ANSWER_SECONDS, set_as_default=False)
            except Exception as error:  # noqa: BLE001 - there are many, by how it is wrong
                found.append(error)
            else:
                found.append(made)

        thread = threading.Thread(target=connect, daemon=True)
        thread.start()
        thread.join(ANSWER_SECONDS + 1)
        answer = found[0] if found else "no word"
        if isinstance(answer, (str, Exception)):
            words = " ".join(str(answer).split())[:200] or type(answer).__name__
            raise CorpusError(
                f"cluster={self.name}: no scheduler answers there within {ANSWER_SECONDS} seconds "
                f"({words}). Check the address, or start one by `dask scheduler`."
            )
        return answer

    def results(
        self,
        function: Callable[[Any], T],
        items: Iterable[Any],
        what: str | None = None,
        load: Callable[[Any], Any] = lambda item: item,
    ) -> Iterator[tuple[Any, T | None]]:
        """Yields each item with what a function returns for it, in the order in which they end.

        Args:
            function: A function of a module, or a partial of one.
            items: What it is called for.
            load: Makes of an item what the function is called with, when its turn comes.
            what: What is shown beside the progress, on standard error; None shows nothing.

        Returns:
            Pairs; the second is None where workers ended while they had the item.

        Raises:
            CorpusError: If the scheduler is gone, or there is no worker any more.
        """
        items = list(items)
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        left = iter(items)
        pending: dict[str, Any] = {}

        def send() -> None:
            # One at least: workers that were killed are not back at once.
            room = TASKS * self._threads() - len(pending)
            for item in itertools.islice(left, max(room, 0 if pending else 1)):
                future = self._client.submit(function, load(item), pure=False)
                pending[future.key] = item
                future.add_done_callback(done.put)

        def ended() -> Iterator[tuple[Any, T | None]]:
            send()
            while pending:
                future = self._next(done)
                found = self._result_of(future)
                yield pending.pop(future.key), found
                send()

        yield from ended() if what is None else shown_progress(ended(), what, len(items))

    def _next(self, done: queue.SimpleQueue[Any]) -> Any:
        """Waits for the next task that has ended."""
        while True:
            try:
                return done.get(timeout=1)
            except queue.Empty:
                self._check_alive()

    def _result_of(self, future: Any) -> Any:
        from distributed.scheduler import KilledWorker

        while True:
            if future.status == "error":
                error = future.exception(timeout=ANSWER_SECONDS)
                if isinstance(error, KilledWorker):
                    return None
                raise error
            if future.status == "cancelled" or self._client.status != "running":
                raise self._gone()
            try:
                return future.result(timeout=ANSWER_SECONDS)
            except KilledWorker:
                return None
            except (TimeoutError, OSError):  # its worker ended before it gave the result
                self._check_alive()

    def _check_alive(self) -> None:
        """Raises an error if nothing can be expected any more."""
        begun = time.monotonic()
        while self._threads() == 0:
            if time.monotonic() > begun + WORKER_SECONDS:
                raise CorpusError(
                    f"cluster={self.name}: it has no workers any more. What was read is kept: "
                    f"start some with `dask worker {self.name}`, and run it again to go on."
                )
            time.sleep(1)

    def _check_workers(self) -> None:
        """Raises an error if there is no worker, or one has another musegen."""
        try:
            self._client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except (TimeoutError, OSError):
            raise CorpusError(
                f"cluster={self.name}: it has no workers. Start some with `dask worker "
                f"{self.name}`."
            ) from None
        try:
            versions = self._client.run(_version, on_error="return")
        except OSError:  # a worker ended meanwhile
            versions = {}
        try:  # what is to be done goes through the scheduler's hands, which unpacks it
            versions["scheduler"] = self._client.run_on_scheduler(_version)
        except Exception as error:  # noqa: BLE001 - whatever comes of a module that is not there
            versions["scheduler"] = error
        for where, version in versions.items():
            if version != __version__ and not isinstance(version, OSError):
                has = f"musegen {version}" if isinstance(version, str) else "no musegen"
                raise CorpusError(
                    f"cluster={self.name}: {where} has {has}, and here is {__version__}. Install "
                    "the same version on all machines."
                )

    def _threads(self) -> int:
        """How many tasks the workers do at once."""
        if self._client.status != "running":
            raise self._gone()
        try:
            threads = self._client.sync(
                self._client.scheduler.ncores, callback_timeout=ANSWER_SECONDS
            )
            return int(sum(threads.values()))
        except Exception as error:
            if isinstance(error, (KeyboardInterrupt, CorpusError)):
                raise
            raise self._gone() from None

    def _gone(self) -> CorpusError:
        return CorpusError(
            f"cluster={self.name}: the scheduler is gone. What was read is kept: start the cluster "
            "again, and run it again to go on."
        )

    def _close(self) -> None:
        with contextlib.suppress(Exception):
            self._client.close(timeout=2)
        self._client = None


def _version() -> str:
    return __version__


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Dask's loggers say nothing: what is wrong is said by an error, and what ended by a reason."""
    names: Sequence[str] = [
        name
        for name in logging.root.manager.loggerDict
        if name.startswith(("distributed", "tornado", "asyncio"))
    ]
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was
