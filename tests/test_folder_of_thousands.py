"""A folder of thousands, one in twenty broken: the scan ends, and loses and repeats nothing.

The scans run in processes of their own, which are killed for real. What they read is written to a
log by a wrapper that every process of them puts around the reader when it starts
(`sitecustomize`); the same wrapper plants files that end the process which reads them.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections import Counter

import pytest

from musegen.corpus import reading, store

WRAPPER = """
import os, time
import musegen.corpus.reading as reading

read = reading.to_score

def logged(path, limits):
    with open(os.environ["READS"], "a") as log:
        log.write(f"{path}\\n")
    time.sleep(float(os.environ["SECONDS_A_FILE"]))
    for word in ("SIGSEGV", "SIGKILL"):
        if word in path:
            os.kill(os.getpid(), getattr(__import__("signal"), word))
    return read(path, limits)

reading.to_score = logged
"""

SCAN = """
import json, os, pathlib, sys, threading, time
from musegen.corpus import scan

most = {}

def watch():
    own = pathlib.Path("/proc/self/task").parent.resolve().name
    while True:
        children = pathlib.Path(f"/proc/{own}/task/{own}/children").read_text().split()
        for number in [own, *children]:
            try:
                lines = pathlib.Path(f"/proc/{number}/status").read_text().splitlines()
            except OSError:
                continue
            peak = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
            most[number == own] = max([most.get(number == own, 0), *peak])
        time.sleep(0.05)

if __name__ == "__main__":
    if "memory" in sys.argv:
        threading.Thread(target=watch, daemon=True).start()
    begun = time.perf_counter()
    report = scan(sys.argv[1], jobs=2, cluster=os.environ.get("CLUSTER"))
    seconds = time.perf_counter() - begun
    time.sleep(0.2)
    rows = [[row.name, row.reason, row.detail] for row in report]
    print(json.dumps({"rows": rows, "seconds": seconds, "own": most.get(True), "workers":
                      most.get(False), "text": str(report)}))
"""


def midi_file(generator, notes=20, form=1, division=480):
    """The bytes of a file with one track of quarter notes."""
    events = b"".join(
        bytes([0, 0x90, pitch, 64, 0x83, 0x60, 0x80, pitch, 0])  # 480 ticks after its begin
        for pitch in generator.choices(range(50, 80), k=notes)
    )
    events += b"\x00\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, form, 1, division)
    return header + struct.pack(">4sI", b"MTrk", len(events)) + events


BROKEN = {
    "empty": lambda generator: b"",
    "text": lambda generator: b"no music, but words",
    "cut": lambda generator: midi_file(generator)[:11],
    "songs": lambda generator: midi_file(generator, form=2),
    "timeless": lambda generator: midi_file(generator, division=0),
    "silent": lambda generator: midi_file(generator, notes=0),
    "short": lambda generator: midi_file(generator, notes=5),
}


def make_folder(root, count, seed=0):
    """Writes `count` files to folders of 1,000, one in twenty broken in one of seven ways."""
    generator = random.Random(seed)
    kinds = list(BROKEN)
    for number in range(count):
        place = root / f"{number // 1000:02}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        kind = kinds[number // 20 % len(kinds)] if number % 20 == 7 else "good"
        data = BROKEN[kind](generator) if kind in BROKEN else midi_file(generator)
        (place / f"{number:05}-{kind}.mid").write_bytes(data)


class Scans:
    """Starts scans of a folder, each in a process of its own, with a cache and a log."""

    def __init__(self, tmp_path):
        (tmp_path / "sitecustomize.py").write_text(WRAPPER)
        (tmp_path / "scan.py").write_text(SCAN)
        self.here, self.root, self.log = tmp_path, tmp_path / "music", tmp_path / "reads"
        self.log.write_text("")

    def environment(self, seconds_a_file=0.0):
        """In which whatever reads a file writes it to the log."""
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(self.here), os.environ["PYTHONPATH"]]),
            "READS": str(self.log),
            "SECONDS_A_FILE": str(seconds_a_file),
        }

    def start(self, *options, cache="cache", seconds_a_file=0.0, **more):
        environment = {**self.environment(seconds_a_file), **more}
        environment["MUSEGEN_CACHE"] = str(self.here / cache)
        return subprocess.Popen(
            [sys.executable, str(self.here / "scan.py"), str(self.root), *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *options, **settings):
        process = self.start(*options, **settings)
        try:
            output, errors = process.communicate(timeout=300)
        finally:
            kill(process)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        return json.loads(output)

    def reads(self):
        """The names of the files that were read since this was asked before."""
        names = [line.removeprefix(f"{self.root}/") for line in self.log.read_text().split()]
        self.log.write_text("")
        return names

    def batches(self, cache="cache"):
        return list((self.here / cache / "folders").glob("*/[!.]*.safetensors"))

    def finished(self, cache="cache"):
        """The names of the files whose results are written down."""
        shards = [store.open_shard(batch) for batch in self.batches(cache)]
        assert None not in shards, "a half file has a final name"
        return {row[0] for shard in shards for row in shard.document}


def kill(process):
    """Kills a process and those that it started, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stderr.close()


def check_rows(rows, count):
    """Every file has a row, in order; every kind of broken file has a reason of its own."""
    assert len(rows) == count
    assert [name for name, _, _ in rows] == sorted(name for name, _, _ in rows)
    reasons = {kind: Counter() for kind in ("good", *BROKEN)}
    for name, reason, _ in rows:
        reasons[name.split("-")[1].removesuffix(".mid")][reason] += 1
    assert list(reasons["good"]) == [None]
    assert reasons["good"][None] == count - count // 20
    assert all(len(counts) == 1 for counts in reasons.values()), reasons
    assert None not in {reason for kind in BROKEN for reason in reasons[kind]}


def check_killed(scans, count, kills, seed, seconds_a_file):
    """Kills scans when a random part of the files is done, until one ends; gives its result."""
    generator = random.Random(seed)
    batches = -(-count // reading.BATCH)
    moments = sorted(generator.randrange(batches - 3) for _ in range(kills))
    read = Counter()
    for moment in moments:
        finished = scans.finished()
        process = scans.start(seconds_a_file=seconds_a_file)
        deadline = time.monotonic() + 60
        while len(scans.batches()) <= moment and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(generator.uniform(0, 20 * seconds_a_file))
        assert process.poll() is None, "it ended before it could be killed"
        kill(process)
        again = scans.reads()
        assert not finished & set(again)
        read.update(again)
    finished = scans.finished()
    assert 0 < len(finished) < count
    result = scans.run()
    again = scans.reads()
    assert set(again) == {name for name, _, _ in result["rows"]} - finished
    read.update(again)
    assert len(read) == count
    most = 2 * reading.BATCH * kills  # two processes, a batch each, at every kill
    assert count <= read.total() <= count + most
    return result


@pytest.mark.slow
def test_every_file_of_six_hundred_is_counted_whatever_is_killed(tmp_path):
    scans = Scans(tmp_path)
    make_folder(scans.root, 600)
    whole = scans.run(cache="whole")
    check_rows(whole["rows"], 600)
    assert whole["text"].splitlines()[0] == "600 pieces: 570 kept, 30 left out"
    assert sorted(scans.reads()) == [name for name, _, _ in whole["rows"]]
    killed = check_killed(scans, 600, kills=1, seed=1, seconds_a_file=0.002)
    assert killed["rows"] == whole["rows"]


@pytest.mark.slow
def test_a_file_that_ends_its_process_is_counted_and_the_others_are_read(tmp_path):
    scans = Scans(tmp_path)
    make_folder(scans.root, 200)
    expected = {name: reason for name, reason, _ in scans.run(cache="whole")["rows"]}
    for name in ("00/00050-SIGSEGV.mid", "00/00150-SIGKILL.mid"):
        (scans.root / name).write_bytes(midi_file(random.Random(0)))
        expected[name] = reading.FATAL
    result = scans.run()
    assert {name: reason for name, reason, _ in result["rows"]} == expected
    assert f"2  {reading.FATAL} (00/00050-SIGSEGV.mid" in result["text"]
    scans.reads()
    assert scans.run()["rows"] == result["rows"]
    assert scans.reads() == []


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_every_file_of_twenty_thousand_is_counted_in_flat_memory(tmp_path):
    scans = Scans(tmp_path)
    make_folder(scans.root, 5_000)
    few = scans.run("memory", cache="few")
    make_folder(scans.root / "more", 15_000, seed=1)
    many = scans.run("memory", cache="whole")
    again = scans.run("memory", cache="whole")
    for result in (few, many, again):
        check_rows(result["rows"], 5_000 if result is few else 20_000)
        print({name: result[name] for name in ("seconds", "own", "workers")})
    assert again["rows"] == many["rows"]
    for result in (many, again):
        assert result["own"] < few["own"] + 30_000  # kB: a row a file, and nothing of its music
    assert many["workers"] < few["workers"] + 10_000
    scans.reads()
    killed = check_killed(scans, 20_000, kills=5, seed=2, seconds_a_file=0.0)
    assert killed["rows"] == many["rows"]
