"""Reading and encoding in a Dask cluster: the same as here, whatever of it is killed.

The cluster of the slow tests is a scheduler and two workers in processes of their own, which are
killed for real; what they read stands in the log of `test_folder_of_thousands`.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter

import pytest
from distributed import Client, LocalCluster
from scores import line
from test_corpus import random_line
from test_folder_of_thousands import Scans, check_rows, kill, make_folder, midi_file

from musegen.corpus import CorpusError, cluster, folder, reading, scan
from musegen.corpus.encoded import encoded
from musegen.encoding import PitchDurationEncoding
from musegen.midi import write_midi


def free_port():
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


class Processes:
    """A scheduler and two workers."""

    def __init__(self, scans, seconds_a_file=0.0):
        self.scans, self.port = scans, free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.environment = {
            **scans.environment(seconds_a_file),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
            "DASK_TEMPORARY_DIRECTORY": str(scans.here),
        }
        self.started = []
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", str(self.port))
        self.workers = self.start("worker", self.address, "--nworkers", "2", "--nthreads", "1")
        with Client(self.address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)

    def start(self, *words):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words, "--no-dashboard"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def pids(self):
        """The processes that the workers' tasks run in."""
        with Client(self.address, timeout=60, set_as_default=False) as client:
            return list(client.run(os.getpid).values())

    def stop(self):
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def processes(tmp_path):
    scans, started = Scans(tmp_path), []

    def start(**options):
        started.append(Processes(scans, **options))
        return started[-1]

    yield scans, start
    for one in started:
        one.stop()


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_a_cluster_gives_what_one_machine_gives_and_reads_each_file_once(processes):
    scans, start = processes
    make_folder(scans.root, 600)
    here = scans.run(cache="here")
    check_rows(here["rows"], 600)
    scans.reads()
    there = scans.run(CLUSTER=start().address)
    assert there["rows"] == here["rows"]
    assert sorted(scans.reads()) == [name for name, _, _ in here["rows"]]


@pytest.mark.slow
def test_workers_that_are_killed_cost_a_batch_each(processes):
    scans, start = processes
    make_folder(scans.root, 900)
    used = start(seconds_a_file=0.01)
    process = scans.start(CLUSTER=used.address)
    for finished in (2, 6):
        wait_for(lambda count=finished: len(scans.batches()) >= count)
        os.kill(random.Random(finished).choice(used.pids()), signal.SIGKILL)
    _, errors = process.communicate(timeout=300)
    kill(process)
    assert process.returncode == 0, errors
    read = Counter(scans.reads())
    assert scans.run()["rows"] == scans.run(cache="here")["rows"]
    assert len(read) == 900
    # Killed once each, a task in work and those at hand there are given to another.
    assert read.total() <= 900 + 2 * reading.BATCH


@pytest.mark.slow
def test_a_scheduler_that_is_killed_loses_nothing_that_was_finished(processes):
    scans, start = processes
    make_folder(scans.root, 900)
    used = start(seconds_a_file=0.01)
    process = scans.start(CLUSTER=used.address)
    wait_for(lambda: len(scans.batches()) >= 3)
    os.killpg(used.scheduler.pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    kill(process)
    assert process.returncode == 1
    message = errors.strip().splitlines()[-1]
    assert message.endswith(
        "the scheduler is gone. What was read is kept: start the cluster again, and run it again "
        "to go on."
    )
    used.stop()
    finished = scans.finished()
    assert len(finished) >= 3 * reading.BATCH
    scans.reads()
    again = scans.run(CLUSTER=start().address)
    check_rows(again["rows"], 900)
    assert sorted(scans.reads()) == sorted({row[0] for row in again["rows"]} - finished)


@pytest.mark.slow
def test_a_file_that_ends_its_worker_is_counted_and_the_others_are_read(processes):
    scans, start = processes
    make_folder(scans.root, 200)
    (scans.root / "00" / "00050-SIGKILL.mid").write_bytes(midi_file(random.Random(0)))
    here = scans.run(cache="here")
    there = scans.run(CLUSTER=start().address)
    assert there["rows"] == here["rows"]
    assert f"1  {reading.FATAL} (00/00050-SIGKILL.mid" in there["text"]


# === In this process ===


@pytest.fixture
def client():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False}
    with LocalCluster(dashboard_address=None, **options) as local, Client(local) as one:
        yield one


@pytest.fixture
def music(tmp_path):
    for number in range(30):
        write_midi(random_line(number), tmp_path / "music" / f"{number:02}.mid")
    (tmp_path / "music" / "empty.mid").write_bytes(b"")
    write_midi(line([60]), tmp_path / "music" / "short.mid")
    return tmp_path / "music"


def test_a_client_that_is_given_reads_and_encodes(music, client, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 8)
    monkeypatch.setenv("MUSEGEN_CACHE", str(music.parent / "here"))
    here, encoding = folder(music, jobs=1), PitchDurationEncoding()
    monkeypatch.setenv("MUSEGEN_CACHE", str(music.parent / "there"))
    there = folder(music, cluster=client)
    assert there == here
    assert list(encoded(there.train, encoding)) == list(encoded(here.train, encoding))
    assert client.status == "running"  # it is the caller's to close


def test_a_cluster_that_does_not_answer_is_a_message(music, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.5)
    with socket.socket() as opened:  # it takes connections, and says nothing
        opened.bind(("127.0.0.1", 0))
        opened.listen()
        for port in (opened.getsockname()[1], free_port()):
            address = f"tcp://127.0.0.1:{port}"
            with pytest.raises(CorpusError) as caught:
                scan(music, cluster=address)
            message = str(caught.value)
            assert message.startswith(f"cluster={address}: no scheduler answers there within 0.5")
            assert "\n" not in message


@pytest.mark.parametrize("value", ["", "nowhere", "tcp://", "a b:1", 3, [], object()])
def test_what_is_no_cluster_is_refused(music, value):
    with pytest.raises(ValueError, match=r"cluster=.*: give the address of a Dask scheduler"):
        scan(music, cluster=value)


def test_dask_that_is_not_installed_is_a_message(music, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CorpusError, match=r"Dask is not installed: pip install 'musegen\[cluster"):
        scan(music, cluster="tcp://127.0.0.1:8786")


def test_a_cluster_without_workers_is_a_message(music, monkeypatch):
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 1)
    options = {"n_workers": 0, "processes": False, "dashboard_address": None}
    with LocalCluster(**options) as local, pytest.raises(CorpusError, match="has no workers"):
        scan(music, cluster=local.get_client())
