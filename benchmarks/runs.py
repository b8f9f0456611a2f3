"""Runs of a benchmark: each in a process of its own, its result in a file as soon as it is done.

A benchmark of hours that is killed and started again with the same options goes on: it does only
the runs of which there is no file yet.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import measure
import music

from musegen.corpus import Corpus

CORPORA = {"chorales": music.sopranos, "tunes": music.fiddle_tunes, "voices": music.chorales}
"""By the name of its option: the corpus."""

RECIPES: dict[str, dict[str, Any]] = {
    "chorales": {"dropout": 0.3, "batch_size": 16, "learning_rate": 3e-3, "average": 0.95},
    "tunes": {"dropout": 0.2, "batch_size": 16, "learning_rate": 3e-3, "average": 0.95},
    "voices": {"dropout": 0.2, "batch_size": 8, "learning_rate": 3e-3, "average": 0.95},
}
"""How models of each corpus are trained, whatever the network."""

Work = Callable[[dict[str, Any]], dict[str, Any]]


class Runs:
    """The results of runs, in a folder.

    Args:
        folder: Where the files are; it is made if need be.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, work: Work, **run: Any) -> dict[str, Any]:
        """Returns the result of a run, which is done now if it was not done before.

        Args:
            work: A function of a module, that takes `run` and returns JSON values.
            **run: What defines the run, JSON values; `way`, `corpus` and `seed` name its file.

        Raises:
            SystemExit: If the file is of a run that differs in something else.
        """
        name = "-".join(str(run[key]) for key in ("corpus", "way", "seed") if key in run)
        path = self.folder / f"{name.replace(' ', '-')}.json"
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["run"] != run:
                raise SystemExit(
                    f"{path} is of the run {found['run']}, and not of {run}: give another --out, "
                    "or move it away."
                )
            return found["result"]
        begin = time.perf_counter()
        result, peak = measure.in_fresh_process(work, run)
        text = json.dumps({"run": run, "result": result, "peak_bytes": peak}, indent=1)
        beside = path.with_suffix(".part")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
        print(f"{path.name}: {(time.perf_counter() - begin) / 60:.1f} minutes", flush=True)
        return result


def arguments(
    description: str | None, minutes: Mapping[str, float], out: str, ways: Iterable[str]
) -> Any:
    """Returns a parser of the options that benchmarks of such runs share.

    Args:
        description: The module's docstring.
        minutes: By corpus, how long a model is trained by default.
        out: The default folder.
        ways: What can be trained.
    """
    parser = measure.documented(description)
    for corpus, default in minutes.items():
        parser.add_argument(
            f"--minutes-{corpus}",
            type=float,
            default=default,
            help=f"processor time for each model on the {corpus}, 0 to leave them out "
            f"(default {default})",
        )
    parser.add_argument("--out", default=out, help="folder of the results (default %(default)s)")
    ways = list(ways)
    names = ", ".join(ways)
    parser.add_argument(
        "--only", nargs="+", choices=ways, metavar="NAME", help=f"train these alone: {names}"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="seeds where there are several (default %(default)s)"
    )
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="made-up tunes: shows that the script runs, the figures say nothing",
    )
    return parser


def of_corpora(options: Any) -> dict[str, dict[str, Any]]:
    """Returns what defines all runs on each corpus that is not left out."""
    given = {corpus: getattr(options, f"minutes_{corpus}", 0) for corpus in CORPORA}
    return {
        corpus: {
            "corpus": corpus,
            "minutes": minutes,
            "quick": options.quick,
            "engine": os.environ.get("KERAS_BACKEND", "tensorflow"),
        }
        for corpus, minutes in given.items()
        if minutes > 0
    }


def print_conditions(options: Any) -> None:
    """Prints the machine, the versions, and how models are trained."""
    of_each = {}
    for corpus, run in of_corpora(options).items():
        recipe = ", ".join(f"{key} {value:g}" for key, value in RECIPES[corpus].items())
        of_each[corpus] = (
            f"{run['minutes']:g} minutes of processor time on {run['engine']}; {recipe}"
        )
    measure.print_conditions(0, **of_each)


def trained(model: Any, run: dict[str, Any]) -> dict[str, Any]:
    """Trains a model as a run says, and returns its figures: see `timed.train`."""
    import timed

    recipe = {key: value for key, value in RECIPES[run["corpus"]].items() if key != "dropout"}
    return timed.train(model, corpus_of(run), run["minutes"], seed=run["seed"], **recipe)


def corpus_of(run: dict[str, Any]) -> Corpus:
    """Returns the corpus of a run."""
    return CORPORA[run["corpus"]](run["quick"])


def totals(results: Sequence[dict[str, Any]]) -> list[float]:
    """Returns the test nats per event of each seed, pitch and duration together."""
    return [result["pitch"] + result["duration"] for result in results]


def nats(values: Sequence[float]) -> str:
    """Writes the mean, and of several values their range."""
    text = f"{statistics.mean(values):.3f}"
    return text if len(values) == 1 else f"{text} ({min(values):.3f} to {max(values):.3f})"


def print_table(title: str, header: Sequence[str], rows: Sequence[Any], markdown: bool) -> None:
    """Prints a table under its title."""
    print(f"\n{title}")
    if not markdown:
        measure.print_table(header, rows)
        return
    print()
    for row in (header, ["---"] + ["---:"] * (len(header) - 1), *rows):
        print(f"| {' | '.join(map(str, row))} |")
