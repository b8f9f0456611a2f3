"""Networks side by side: test nats per event after the same minutes of a processor's time.

Each network of musegen by its name, beside them "lstm" (that of the book without its attention) and
"book": the model of "Generative Deep Learning", chapter 7, which sees pitches as they are, copies
nothing, says pitch and duration independently, and whose heads see the attention's context alone.
All are trained alike (`runs.RECIPES`) on the sopranos of the chorales and on the fiddle tunes, as
`timed.py` says; absolute pitches are transposed at random, as `fit` does by default. The validation
split chooses the epoch and the order of the networks; the test split is what is printed. Every
event is charged, repeated notes and the end too. The n-gram and a uniform guess over all ids stand
below.

Of the first network on a corpus, each idea is then taken away alone, and the first two places are
trained with further seeds. What attention is worth is the difference of "lstm" to "attention-lstm".

Each run has a process of its own, and a result of its own in a file, so that a benchmark that was
killed goes on; what matters most comes first. KERAS_BACKEND chooses the engine to train with.
Sampling is measured with TensorFlow, which compiles its whole loop: notes written a second, one
piece and 64 at a time. All times are of the processor (`time.process_time`, all threads), so that
other work on the machine counts little; on one core they are those of the clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import measure
import numpy as np
import runs

BOOK = {
    "network": "attention-lstm",
    "head": "context",
    "pitch": "absolute",
    "copy": False,
    "duration_after_pitch": False,
    "candidates": False,
}

IDEAS: dict[str, dict[str, Any]] = {
    "relative pitch": {"pitch": "absolute"},
    "copying": {"copy": False},
    "duration after pitch": {"duration_after_pitch": False},
    "scores of candidates": {"candidates": False},
}
"""What is taken away from the best network, and by which settings."""

WITHOUT = " without "

PIECES, NOTES = 64, 256


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Trains and measures what is missing, prints the tables, and returns all results.

    Returns:
        By corpus and way, the results of its seeds.
    """
    parser = runs.arguments(__doc__, {"chorales": 5, "tunes": 20}, "benchmark-models", names())
    options = parser.parse_args(argv)
    runs.print_conditions(options)
    there = runs.Runs(options.out)
    given = runs.of_corpora(options)
    found: dict[str, dict[str, list[dict[str, Any]]]] = {corpus: {} for corpus in given}
    for stage in (floors, networks, ideas, more_seeds):
        for corpus, results in found.items():
            stage(results, there, given[corpus], options)
    speeds = {
        way: there.get(speed, way=way, corpus="sampling", quick=options.quick)
        for way in options.only or names()
    }
    for corpus, results in found.items():
        print_networks(corpus, results, speeds, options.markdown)
        print_ideas(corpus, results, options.markdown)
    return found


def names() -> list[str]:
    """Returns the names of all networks, and that of the book's way."""
    import plain_lstm  # noqa: F401 - enters the network "lstm"

    from musegen.networks import NETWORKS

    return [*NETWORKS, "book"]


def settings(way: str) -> dict[str, Any]:
    """Returns the settings of a way's model: of a network, or of one that lacks an idea."""
    if way == "book":
        return BOOK
    network, _, idea = way.partition(WITHOUT)
    return {"network": network, **(IDEAS[idea] if idea else {})}


def places(results: dict[str, list[dict[str, Any]]], ways: Sequence[str]) -> list[str]:
    """Returns ways in the order of their nats on the validation split, with the first seed."""
    return sorted(ways, key=lambda way: results[way][0]["validation"])


# === What is done on each corpus, one after the other ===


def floors(results: Any, there: runs.Runs, run: dict[str, Any], options: Any) -> None:
    """Measures what needs no training by the minute."""
    shared = {key: run[key] for key in ("corpus", "quick")}
    for floor, work in FLOORS.items():
        results[floor] = [there.get(work, way=floor, **shared)]


def networks(results: Any, there: runs.Runs, run: dict[str, Any], options: Any) -> None:
    """Trains each network with the first seed."""
    for way in options.only or names():
        results[way] = [there.get(train, way=way, seed=0, **run)]


def ideas(results: Any, there: runs.Runs, run: dict[str, Any], options: Any) -> None:
    """Takes each idea away from the best network."""
    if options.only is None:
        for idea in IDEAS:
            way = places(results, names())[0] + WITHOUT + idea
            results[way] = [there.get(train, way=way, seed=0, **run)]


def more_seeds(results: Any, there: runs.Runs, run: dict[str, Any], options: Any) -> None:
    """Trains the first two networks with the other seeds."""
    for way in places(results, options.only or names())[:2]:
        more = [there.get(train, way=way, seed=seed, **run) for seed in range(1, options.seeds)]
        results[way] += more


# === What a run does, in its process ===


def model_of(way: str, **more: Any) -> Any:
    import plain_lstm  # noqa: F401 - enters the network "lstm"

    from musegen.models import MelodyModel

    return MelodyModel(**settings(way), **more)


def train(run: dict[str, Any]) -> dict[str, Any]:
    """Trains one way on one corpus with one seed."""
    import keras

    keras.utils.set_random_seed(run["seed"])
    model = model_of(run["way"], dropout=runs.RECIPES[run["corpus"]]["dropout"])
    return runs.trained(model, run)


def speed(run: dict[str, Any]) -> dict[str, float]:
    """Measures how many notes a way writes a second; the weights are new ones."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    model, notes = model_of(run["way"]), 8 if run["quick"] else NOTES

    def write(count: int) -> float:
        pieces = model.sample(notes=notes, count=count, seed=0)
        return sum(piece.new_notes for piece in (pieces if count > 1 else [pieces]))

    ways = {"one": lambda: write(1), "many": lambda: write(PIECES)}
    seconds, rounds = (0, 1) if run["quick"] else (1, 5)
    return measure.alternate(ways, seconds, rounds, time.process_time)


def ngram(run: dict[str, Any]) -> dict[str, float]:
    """Fits and measures the n-gram."""
    import timed

    from musegen.encoding import PitchDurationEncoding
    from musegen.evaluation import MelodyNGram, likelihood

    splits = timed.melodies(runs.corpus_of(run))
    model = MelodyNGram(PitchDurationEncoding()).fit(splits["train"], splits["validation"])
    validation, test = (likelihood(model, splits[split]) for split in ("validation", "test"))
    return {"validation": validation.total, "pitch": test.pitch, "duration": test.duration}


def uniform(run: dict[str, Any]) -> dict[str, float]:
    """What a uniform guess over all ids costs."""
    from musegen.encoding import PitchDurationEncoding

    encoding = PitchDurationEncoding()
    pitch, duration = np.log([encoding.pitch_ids, encoding.duration_ids]).tolist()
    return {"validation": pitch + duration, "pitch": pitch, "duration": duration}


FLOORS = {"n-gram": ngram, "uniform guess": uniform}


# === The tables ===


def print_networks(
    corpus: str,
    results: dict[str, list[dict[str, Any]]],
    speeds: dict[str, dict[str, float]],
    markdown: bool,
) -> None:
    """Prints a row for each network, the best first, and the floors below."""
    ways = places(results, [way for way in results if way not in FLOORS and WITHOUT not in way])
    rows = []
    for way in (*ways, *FLOORS):
        of_seeds = results[way]
        row = [way, runs.nats([result["validation"] for result in of_seeds])]
        row += [runs.nats([result[name] for result in of_seeds]) for name in ("pitch", "duration")]
        row.append(runs.nats(runs.totals(of_seeds)))
        if way in speeds:
            first = of_seeds[0]
            rates = [first["notes_per_second"], speeds[way]["one"], speeds[way]["many"]]
            row += [f"{first['parameters']:,}", *map(measure.number, rates), str(first["epochs"])]
        rows.append(row + [""] * (10 - len(row)))
    header = ["network", "validation", "test: pitch", "duration", "both", "parameters"]
    header += ["notes/s: training", "sampling 1 piece", f"{PIECES} pieces", "epochs"]
    title = f"{corpus}: nats per event; of several seeds the mean (and the range)"
    runs.print_table(title, header, rows, markdown)


def print_ideas(corpus: str, results: dict[str, list[dict[str, Any]]], markdown: bool) -> None:
    """Prints what each idea is worth, in nats per event on test, with the first seed."""
    pairs = {way.partition(WITHOUT)[2]: way for way in results if WITHOUT in way}
    compared = {idea: (way.partition(WITHOUT)[0], way) for idea, way in pairs.items()}
    if {"lstm", "attention-lstm"} <= results.keys():
        compared["attention"] = "attention-lstm", "lstm"
    rows = []
    for idea, (whole, without) in compared.items():
        row: list[Any] = [idea, whole]
        for name in ("pitch", "duration"):
            row.append(results[without][0][name] - results[whole][0][name])
        row.append(row[2] + row[3])
        rows.append([*row[:2], *(f"{value:+.3f}" for value in row[2:])])
    if rows:
        header = ["idea", "network", "pitch", "duration", "both"]
        title = f"{corpus}: what a network loses without an idea, in test nats per event"
        runs.print_table(title, header, rows, markdown)


if __name__ == "__main__":
    main()
