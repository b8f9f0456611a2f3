"""Networks of four voices side by side, and what each part of the model of voices is worth.

Each network that `VoiceModel` takes, by its name, is trained for the same minutes of a processor's
time on the chorales in four voices (`timed.py`, `runs.RECIPES`; sizes are `SIZES`). Figures are
test nats per voice and step: every voice is charged at every step, the first too, told the steps
before and the voices above it at the step, and nothing is given. A cell *moves* where its voice
strikes a note or goes to rest; else it stays. Below stands the n-gram of `musegen evaluate`, which
is told the same; it merges repeated notes, which is easier.

Of the default network, each part is then taken away alone (`PARTS`):

    scores of candidates   all of them
    intervals              scores by the interval to each voice known at the step
    motion                 by the motion with them, both interval classes and directions
    degree                 by the degree in each key
    range                  by the pitch itself
    copying                copying from earlier in the piece
    anything given         training is free throughout: the encoder has nothing to read
    order from above       order="outer": soprano and bass before the inner voices

What a candidate's own interval from the voice's last note is worth can't be asked so: symbols are
such intervals, and the softmax over them is what is left. Scores that are taken away are held at
zero, where they begin. With `--pieces` so many are sampled without rules by the default network and
by those that lack a part, and their parallels counted. Further seeds of the default network say how
much of a difference is chance.

`--transposed MODEL` asks what EoRIDE (Theis and Bethge 2015) would gain here: what the test pieces
cost a trained model as they are, moved by semitones, and with the mean of its probabilities.

As in `models.py` each run has a process of its own and a result of its own in a file, so that a
benchmark that was killed goes on. KERAS_BACKEND chooses the engine to train with.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import measure
import numpy as np
import runs

SIZES = {"width": 128, "encoder": 32}
"""Of the model around each network; the network's own are its defaults."""

DEFAULT = "attention-lstm"

PARTS: dict[str, dict[str, Any]] = {
    "scores of candidates": {"candidates": False},
    "intervals": {},
    "motion": {},
    "degree": {},
    "range": {},
    "copying": {"copy": False},
    "anything given": {},
    "order from above": {"order": "outer"},
}
"""What is taken away, and the settings that do it; the others see `model_of` and `train`."""

WITHOUT = " without "

AT_ONCE, BARS, TEMPERATURE = 64, 8, 0.8

SEMITONES = (0, -2, -1, 1, 2)

FIGURES, PARALLELS = ("test", "moving", "still"), ("fifths", "octaves")


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Trains and measures what is missing, prints the tables, and returns all results.

    Returns:
        By way, the results of its seeds.
    """
    parser = runs.arguments(__doc__, {"voices": 4}, "benchmark-voices", ways())
    parser.add_argument("--speeds", action="store_true", help="measure sampling, too")
    parser.add_argument(
        "--pieces", type=int, default=0, help="pieces to count parallels in (default %(default)s)"
    )
    parser.add_argument("--transposed", metavar="MODEL", help="measure this model and end")
    options = parser.parse_args(argv)
    if options.transposed:
        return print_transposed(options.transposed, options.quick)
    runs.print_conditions(options)
    there, run = runs.Runs(options.out), runs.of_corpora(options)["voices"]
    chosen = options.only or ways()
    found = {"n-gram": [there.get(ngram, way="n-gram", corpus="voices", quick=options.quick)]}
    sampled = {**run, "pieces": options.pieces}
    for way in chosen:
        of_default = way.partition(WITHOUT)[0] == DEFAULT
        found[way] = [there.get(train, way=way, seed=0, **(sampled if of_default else run))]
    if DEFAULT in chosen:
        found[DEFAULT] += [
            there.get(train, way=DEFAULT, seed=seed, **sampled) for seed in range(1, options.seeds)
        ]
    speeds = {}
    if options.speeds:
        whole = [way for way in chosen if WITHOUT not in way]
        speeds = {
            way: there.get(speed, way=way, corpus="sampling", quick=options.quick) for way in whole
        }
    print_networks(found, speeds, options.markdown)
    print_parts(found, options.markdown)
    return found


def ways() -> list[str]:
    """Returns all that can be trained, the networks first."""
    from musegen.networks import GRID_NETWORKS, NETWORKS

    networks = [name for name, kind in NETWORKS.items() if not kind.reads]
    return [*networks, *GRID_NETWORKS, *(DEFAULT + WITHOUT + part for part in PARTS)]


# === What a run does, in its process ===


def model_of(way: str, **more: Any) -> Any:
    """Returns a new model of a network, or of the default one that lacks a part."""
    from musegen.models import VoiceModel

    network, _, part = way.partition(WITHOUT)
    model = VoiceModel(network=network, **SIZES, **PARTS.get(part, {}), **more)
    if part in ("motion", "range"):
        getattr(model.judge, part).trainable = False
    if part in ("intervals", "degree"):
        leave_out(model.judge, part)
    return model


def leave_out(judge: Any, part: str) -> None:
    """Holds the scores by interval, or by degree, at zero."""
    kept, score = np.ones(judge.size, np.float32), judge.call
    first = 12 * judge.voices
    kept[slice(first) if part == "intervals" else slice(first, None)] = 0
    judge.call = lambda scores, *facts: score(scores * kept, *facts)


def train(run: dict[str, Any]) -> dict[str, Any]:
    """Trains one way with one seed, measures it, and samples from it."""
    import keras
    import timed

    from musegen.evaluation.voice_leading import voice_leading

    keras.utils.set_random_seed(run["seed"])
    recipe = dict(runs.RECIPES["voices"])
    model = model_of(run["way"], dropout=recipe.pop("dropout"))
    splits = voices_of(run, model.encoding)
    free = run["way"].endswith("anything given")
    options = {**recipe, "seed": run["seed"], **({"given": 0.0} if free else {})}
    found = timed.fit(model, splits, run["minutes"], **options)
    found["steps_per_second"] = sum(map(len, splits["train"])) / found.pop("seconds")
    found |= nats(model.costs(splits["test"]), splits["test"])
    if count := run.get("pieces"):
        settings = {"temperature": TEMPERATURE, "avoid": (), "tries": 1, "seed": run["seed"]}
        written = model.sample(bars=BARS, count=count, **settings)
        leading = voice_leading([piece.music.pitches for piece in written])
        found |= {"fifths": leading.parallel_fifths, "octaves": leading.parallel_octaves}
    return found


def voices_of(run: dict[str, Any], encoding: Any) -> dict[str, list[Any]]:
    """Returns the pieces of each split."""
    corpus = runs.corpus_of(run)
    return {
        split: [encoding.encode(piece.score) for piece in getattr(corpus, split)]
        for split in ("train", "validation", "test")
    }


def nats(costs: list[Any], pieces: list[Any]) -> dict[str, Any]:
    """Returns the mean cost of a voice and step: of all, those that move, and those that stay."""
    moves = []
    for piece in pieces:
        before = np.full((1, piece.pitches.shape[1]), -2)
        changes = np.diff(piece.pitches.astype(int), axis=0, prepend=before) != 0
        moves.append((changes | piece.struck).ravel())
    moving, flat = np.concatenate(moves), np.concatenate([one.ravel() for one in costs])
    values = flat.mean(), flat[moving].mean(), flat[~moving].mean()
    return {
        **{name: float(value) for name, value in zip(FIGURES, values)},
        "by_voice": np.concatenate(costs).mean(axis=0).tolist(),
    }


def ngram(run: dict[str, Any]) -> dict[str, Any]:
    """Fits and measures the n-gram."""
    from musegen.encoding import VoicesEncoding
    from musegen.evaluation.ngram_models import VoicesNGram

    splits = voices_of(run, VoicesEncoding())
    lines = {split: [one.pitches for one in pieces] for split, pieces in splits.items()}
    model = VoicesNGram().fit(lines["train"], lines["validation"])
    validation = np.concatenate([one.ravel() for one in model.costs(lines["validation"])])
    test = nats(model.costs(lines["test"]), splits["test"])
    return {"validation": float(validation.mean()), **test}


def speed(run: dict[str, Any]) -> dict[str, float]:
    """Measures how many steps a network writes a second; the weights are new ones."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    model, bars = model_of(run["way"]), 1 if run["quick"] else BARS

    def write(count: int) -> float:
        pieces = model.sample(bars=bars, count=count, seed=0, tries=1)
        return sum(len(piece.music) for piece in (pieces if count > 1 else [pieces]))

    both = {"one": lambda: write(1), "many": lambda: write(2 if run["quick"] else AT_ONCE)}
    seconds, rounds = (0, 1) if run["quick"] else (1, 3)
    return measure.alternate(both, seconds, rounds, time.process_time)


def transposed(model: Any, pieces: list[Any]) -> dict[str, float]:
    """Measures pieces in keys nearby, and the mean of the probabilities in all of them."""
    costs = {
        f"{by:+d} semitones": np.concatenate(model.costs([one.transpose(by) for one in pieces]))
        for by in SEMITONES
    }
    found = {name: float(cost.mean()) for name, cost in costs.items()}
    mean = np.exp(-np.stack([*costs.values()])).mean(axis=0)
    return {**found, "mean of all": float(-np.log(mean).mean())}


# === The tables ===


def print_transposed(name: str, quick: bool) -> dict[str, Any]:
    """Measures a model in keys nearby, and prints and returns what its test pieces cost."""
    import musegen

    model = musegen.load(name)
    splits = voices_of({"corpus": "voices", "quick": quick}, model.encoding)
    found = transposed(model, splits["test"])
    rows = [[key, f"{value:.4f}"] for key, value in found.items()]
    runs.print_table("test nats per voice and step", ["transposed by", name], rows, False)
    return found


def print_networks(found: Any, speeds: dict[str, dict[str, float]], markdown: bool) -> None:
    """Prints a row for each network, the best first, and the n-gram below."""
    names = [way for way in found if WITHOUT not in way and way != "n-gram"]
    names.sort(key=lambda way: found[way][0]["validation"])
    rows = []
    for way in (*names, "n-gram"):
        of_seeds = found[way]
        first, voices = of_seeds[0], len(of_seeds[0]["by_voice"])
        row = [way]
        for name in ("validation", *FIGURES):
            row.append(runs.nats([result[name] for result in of_seeds]))
        row.insert(3, runs.nats([voices * result["test"] for result in of_seeds]))
        if "epochs" in first:
            row += [f"{first['parameters']:,}", measure.number(first["steps_per_second"])]
            rates = speeds.get(way, {})
            row += [measure.number(rates[key]) if rates else "" for key in ("one", "many")]
            row.append(str(first["epochs"]))
        rows.append(row + [""] * (11 - len(row)))
    header = ["network", "validation", "test", "test, a step", "test: moving", "still"]
    header += ["parameters", "steps/s: training", "sampling 1 piece", f"{AT_ONCE} pieces", "epochs"]
    title = "nats per voice and step; of several seeds the mean (and the range)"
    runs.print_table(title, header, rows, markdown)


def print_parts(found: Any, markdown: bool) -> None:
    """Prints what the default network loses without each part, with the first seed."""
    if DEFAULT not in found or not any(WITHOUT in way for way in found):
        return
    whole, rows = found[DEFAULT], []
    for way, of_seeds in found.items():
        part = way.partition(WITHOUT)[2]
        if part or way == DEFAULT:
            first = of_seeds[0]
            losses = [first[name] - whole[0][name] for name in FIGURES]
            row = [part or "nothing", runs.nats([one["test"] for one in of_seeds])]
            row += [f"{loss:+.3f}" if part else "" for loss in losses]
            for name in PARALLELS:
                values = [one[name] for one in of_seeds if name in one]
                span = f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""
                row.append(f"{np.mean(values):.1f}{span}" if values else "")
            rows.append([*row, str(first["epochs"])])
    header = ["without", "test", "loss", "moving", "still", *PARALLELS, "epochs"]
    title = f"{DEFAULT}: test nats per voice and step, and parallels per thousand that are sampled"
    runs.print_table(title, header, rows, markdown)


if __name__ == "__main__":
    main()
