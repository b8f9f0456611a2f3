"""How many pieces a second a service writes: `examples/server/app.py`, asked by clients at once.

Uvicorn serves it in a process of its own on this machine, and clients, each a thread of this one,
ask for a piece, wait for the MIDI file, and ask for the next, each time with another seed and
length. What comes while a batch is written is written in the next. Before a figure is taken the
clients have asked for a while, so that loops are compiled; `first` is the very first answer, with
the model loaded. The ratio is to one client, who always waits alone.
"""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import measure

EXAMPLE = Path(__file__).parents[1] / "examples/server"
CLIENTS = (1, 8, 64)
ASKED: dict[str, list[dict[str, Any]]] = {
    "bach-chorale-melody": [{"bars": bars} for bars in (4, 6, 8)],
    "bach-chorale": [{"bars": bars, "tries": 1} for bars in (2, 3, 4)],
    "bach-quartet": [{"bars": bars} for bars in (4, 8, 16)],
}


def main(argv: Sequence[str] | None = None) -> dict[str, dict[int, float]]:
    """Measures, prints, and returns pieces a second by model and number of clients."""
    parser = measure.plain_arguments(__doc__)
    text = "length of each measurement (default %(default)s)"
    parser.add_argument("--seconds", type=float, default=20, help=text)
    options = parser.parse_args(argv)
    measure.print_conditions(options.seed)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLE), "app:app"]
    server = subprocess.Popen(  # noqa: S603 - this Python
        [*words, "--port", str(port), "--log-level", "error"]
    )
    rows, rates = [], {}
    try:
        for model in ["bach-quartet"] if options.quick else ASKED:
            first = _first(port, model, options.seed)
            rates[model] = {}
            for clients in CLIENTS:
                _asked(port, model, clients, options.seconds / 4, options.seed)
                waits = _asked(port, model, clients, options.seconds, options.seed)
                rate = rates[model][clients] = len(waits) / options.seconds
                ratio = rate / rates[model][1]
                median, long = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
                waited = f"{median:.2f}", f"{long:.2f}"
                rows.append(
                    [model, f"{first:.1f}", clients, measure.number(rate), f"{ratio:.1f}", *waited]
                )
    finally:
        server.terminate()
        server.wait()
    header = ["model", "first (s)", "clients", "pieces/s", "ratio", "median (s)", "95 % (s)"]
    measure.print_table(header, rows)
    return rates


def _first(port: int, model: str, seed: int) -> float:
    """The seconds that the first answer took, from when the server listened."""
    for _ in range(300):
        try:
            http.client.HTTPConnection("127.0.0.1", port).connect()
            break
        except OSError:
            time.sleep(0.1)
    start = time.perf_counter()
    _ask(http.client.HTTPConnection("127.0.0.1", port), model, {**ASKED[model][0], "seed": seed})
    return time.perf_counter() - start


def _asked(port: int, model: str, clients: int, seconds: float, seed: int) -> list[float]:
    """The seconds that each answer took, of those that came in so many."""
    end = time.perf_counter() + seconds

    def client(number: int) -> list[float]:
        waits = []
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        while (start := time.perf_counter()) < end:
            asked = ASKED[model][len(waits) % len(ASKED[model])]
            _ask(connection, model, {**asked, "seed": seed + 1000 * number + len(waits)})
            if (now := time.perf_counter()) < end or not waits:
                waits.append(now - start)
        return waits

    with ThreadPoolExecutor(clients) as pool:
        return [wait for waits in pool.map(client, range(clients)) for wait in waits]


def _ask(connection: http.client.HTTPConnection, model: str, asked: dict[str, Any]) -> None:
    connection.request("POST", f"/{model}", json.dumps(asked))
    answer = connection.getresponse()
    body = answer.read()
    if not body.startswith(b"MThd"):
        sys.exit(f"The server answered {answer.status}: {body[:200]!r}")


if __name__ == "__main__":
    main()
