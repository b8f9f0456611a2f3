"""Measuring two or more ways of doing one thing in one run, and saying under which conditions.

The ways take turns (A B A B ...), so that whatever else the machine does in between meets all of
them; a way's figure is the median of its turns. Before the first turn every way runs once, which
leaves compilation and first use out. Figures are rates (things a second of wall time), and what
counts is their ratio.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

PACKAGES = ("tensorflow", "keras", "numpy", "symusic", "music21")


@dataclasses.dataclass
class Found:
    """What came of inputs that were tried.

    Attributes:
        tried: How many inputs.
        worst_seconds: The longest that one of them took.
        worst_bytes: The most memory above the start that one of them took; 0 where the system does
            not tell.
        failures: One entry for each input of which something came that should not.
    """

    tried: int = 0
    worst_seconds: float = 0.0
    worst_bytes: int = 0
    failures: list[Any] = dataclasses.field(default_factory=list)


def documented(description: str | None) -> argparse.ArgumentParser:
    """Returns a parser without options, whose help shows the module's docstring as it stands."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def arguments(description: str | None, seconds: float) -> argparse.ArgumentParser:
    """Returns a parser of the options that all benchmarks of speed share.

    Args:
        description: The module's docstring.
        seconds: The default length of a turn.
    """
    parser = plain_arguments(description)
    parser.add_argument(
        "--seconds", type=float, default=seconds, help="length of each turn (default %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="turns of each way (default %(default)s)"
    )
    return parser


def plain_arguments(description: str | None) -> argparse.ArgumentParser:
    """Returns a parser of the options that all benchmarks share."""
    parser = documented(description)
    parser.add_argument("--seed", type=int, default=0, help="seed (default %(default)s)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny models and made-up tunes: shows that the script runs, the figures say nothing",
    )
    return parser


def alternate(
    ways: Mapping[str, Callable[[], float]],
    seconds: float,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Lets the ways take turns.

    Args:
        ways: By name, a function that does a piece of the work and returns how much it was.
        seconds: How long a turn takes at least; a way is called again until it is over.
        rounds: Turns of each way.
        clock: What tells the time in seconds.

    Returns:
        By name, the median rate of its turns, in work a second.
    """
    for way in ways.values():
        way()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            done, start = 0.0, clock()
            while (passed := clock() - start) < seconds or not done:
                done += way()
            rates[name].append(done / passed)
    return {name: statistics.median(turns) for name, turns in rates.items()}


def in_fresh_process(work: Callable[..., Any], *arguments: Any) -> tuple[Any, int]:
    """Does a piece of work in a process of its own, which starts empty.

    Args:
        work: A function of a module, not one made inside another; likewise what it returns.
        arguments: What it is called with.

    Returns:
        What it returns, and the most memory that the process held, in bytes: all of it, Python
        and the libraries too.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_with_peak_memory, work, *arguments).result()


def print_conditions(seed: int, **more: object) -> None:
    """Prints the machine, the versions, the seed, and whatever else is given."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    lines = {
        "machine": f"{_processor()}, {len(cores())} cores, CPU only; load before: {load}",
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
        "seed": seed,
        **more,
    }
    for name, value in lines.items():
        print(f"{name + ':':<10} {value}")


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a table, the first column to the left and the others to the right."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    print()
    for row in cells:
        first, *others = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())


def number(value: float) -> str:
    """Writes a figure with three digits, or all that stand before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def use_one_core() -> None:
    """Keeps this process to one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores()[:1])


def memory(field: str) -> int:
    """Returns the bytes that this process has now (`VmRSS`) or had at most (`VmHWM`).

    Other systems than Linux don't tell: 0.
    """
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return 1024 * int(text.split(f"{field}:")[1].split()[0])


def forget_peak() -> None:
    """Lets `memory("VmHWM")` begin anew, where the system can."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def _with_peak_memory(work: Callable[..., Any], *arguments: Any) -> tuple[Any, int]:
    found = work(*arguments)
    if peak := memory("VmHWM"):  # on Linux getrusage would count the process that started this one
        return found, peak
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found, peak if platform.system() == "Darwin" else 1024 * peak


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if "model name" in line]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()
