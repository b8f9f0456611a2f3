"""What attacks on files share: a watched process that loads them."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))

from fuzz_checkpoints import Sample  # noqa: E402 - found by the line before

START, ANSWER = 120, 20  # seconds to wait, with other programs on the machine
MOST_SECONDS = 1.0
MOST_BYTES = {".npz": 200_000_000}
MOST_BYTES_OF_A_CHECKPOINT = 100_000_000


class Server:
    """The process."""

    def __init__(self):
        self.figures = {}  # by kind: files, most seconds, most bytes
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.good = {
            kind: Sample(bytes.fromhex(data), suffix)
            for kind, (data, suffix) in self._answer(START).items()
        }

    def _answer(self, seconds):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            self.close()
            pytest.fail(f"no answer for {seconds} s")
        line = self.process.stdout.readline()
        if not line:
            self.close()
            pytest.fail(f"the process ended ({self.process.returncode})")
        return json.loads(line)

    def load(self, kind, path, name):
        """Loads a path for the test of that name, and keeps account of the worst figures."""
        answer = self.ask(kind=kind, path=str(path))
        tried, seconds, taken = self.figures.get(kind, (0, (0.0, ""), (0, "")))
        seconds = max(seconds, (answer["seconds"], name))
        self.figures[kind] = tried + 1, seconds, max(taken, (answer["bytes"], name))
        return answer

    def ask(self, seconds=ANSWER, **request):
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return self._answer(seconds)

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="session")
def server():
    """The process; `pytest -s` shows what the worst of its files took."""
    with contextlib.closing(Server()) as server:
        yield server
        for kind, (tried, (seconds, slowest), (taken, largest)) in server.figures.items():
            print(f"\n{kind}: {tried:,} files; at most {seconds:.2f} s ({slowest}),", end=" ")
            print(f"{taken / 1e6:.1f} MB ({largest})", end="")


@pytest.fixture
def load(server, tmp_path, request):
    """Loads a path in the process, and says what came of it."""

    def ask(kind, path):
        before = sorted(tmp_path.rglob("*"))
        answer = server.load(kind, path, request.node.name)
        assert answer["events"] == []
        assert sorted(tmp_path.rglob("*")) == before, "a file was made"
        assert answer["seconds"] < MOST_SECONDS
        assert answer["bytes"] < MOST_BYTES.get(kind, MOST_BYTES_OF_A_CHECKPOINT)
        return answer

    return ask


@pytest.fixture
def refused(load, tmp_path):
    """Asserts that bytes, or a path, are a CheckpointError in one short line; gives the line."""

    def ask(kind, suffix, attack):
        path = attack
        if isinstance(attack, bytes):
            path = tmp_path / f"hostile{suffix}"
            path.write_bytes(attack)
        answer = load(kind, path)
        assert answer["error"] == "CheckpointError", answer
        message = answer["message"]
        assert str(path) in message and message.endswith(".")
        assert len(message) < len(str(path)) + 500
        assert message.isprintable()
        return message

    return ask
