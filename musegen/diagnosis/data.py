"""Is the data good? What was left out, duplicates, unlike splits, and pieces that stand out."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Annotated, Any

import numpy as np

from musegen._checks import counted
from musegen.corpus.corpus import SPLITS, Corpus
from musegen.corpus.duplicates import fingerprint, group
from musegen.diagnosis.checks import DATA, NotApplicable, check
from musegen.diagnosis.finding import Finding, Verdict
from musegen.diagnosis.pictures import Line, Panel, bars, curves
from musegen.diagnosis.subject import pieces_of
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.evaluation.ngram_models import MelodyNGram
from musegen.plots._figure import COLOURS, GREY
from musegen.settings import SEED

SPLIT_COLOURS = (GREY, COLOURS[4], COLOURS[0])

OUTLIER = 4.0
"""How many times the usual spread (1.48 median absolute deviations) an outlier is off."""
LEAST_PIECES = 16
"""An n-gram of fewer would find everything unlikely."""


@check(DATA, "How much music was left out?")
def what_was_left_out(model: Any, corpus: Corpus) -> Finding:
    """Counts how much of the music that was there is in the corpus.

    Returns:
        The finding: bad if more than half of the files were left out, unsure if more than a tenth;
        it names the commonest reason, and the setting that would let them in.
    """
    report = corpus.report
    total, reasons = len(report), report.reasons()
    share = 1 - report.kept / total if total else 0.0
    verdict: Verdict = "bad" if share > 0.5 else "unsure" if share > 0.1 else "good"
    sentence = f"Of {counted(total, 'piece')} {total - report.kept:,} were left out"
    if reasons:
        reason, count, row = reasons[0]
        sentence += f", {count:,} of them because: {reason}"
        if row.remedy and verdict != "good":
            sentence += f" (to keep {row.name}: {row.remedy})"
    names, counts = zip(("kept", report.kept), *[row[:2] for row in reasons[:12]])
    figures = {"pieces": total, "kept": report.kept, "left_out": {r: n for r, n, _ in reasons}}
    notes = [f"{count:,}" for count in counts]
    colours = [COLOURS[2], *[COLOURS[1]] * (len(names) - 1)]
    draw = partial(bars, names, {"": counts}, "pieces", notes, colours)
    return Finding("what_was_left_out", verdict, f"{sentence}.", figures, draw)


@check(DATA, "Does music stand in it twice?")
def duplicates(model: Any, corpus: Corpus) -> Finding:
    """Finds music that is in the corpus twice, and above all on both sides of a split.

    Which pieces are nearly the same is said in `musegen.corpus.duplicates`.

    Returns:
        The finding: bad if a group of such pieces is in more than one split, for then what is said
        of the test split is said of the training; unsure if more than a tenth of the pieces have
        another like them. It names pieces.
    """
    groups: dict[int, list[Any]] = {}
    numbers = group([fingerprint(piece.score) for piece in corpus.pieces])
    for piece, number in zip(corpus.pieces, numbers, strict=True):
        groups.setdefault(number, []).append(piece)
    alike = [pieces for pieces in groups.values() if len(pieces) > 1]
    across = [pieces for pieces in alike if len({piece.split for piece in pieces}) > 1]
    copies = [piece for pieces in alike for piece in pieces]
    learned = [p for ps in across if any(q.split == "train" for q in ps) for p in ps]
    in_training = [piece.name for piece in learned if piece.split == "test"]

    def counts(pieces: Any) -> list[int]:
        return [sum(piece.split == split for piece in pieces) for split in SPLITS]

    sentence = f"{len(copies):,} of {counted(len(corpus), 'piece')} are nearly the same as another"
    verdict: Verdict = "good" if len(copies) <= 0.1 * len(corpus) else "unsure"
    if across:
        verdict = "bad"
        first, second = _across(across)
        sentence += (
            f", and {len(in_training):,} of {len(corpus.test):,} test pieces have one in the "
            f"train split (such as {first.name} in {first.split} and {second.name} in "
            f"{second.split}): keep such pieces in one split, or say so beside every test figure"
        )
    elif verdict == "unsure":
        names = ", ".join(piece.name for piece in alike[0][:2])
        sentence += f" (such as {names}), all in one split each: they count twice in training"
    series: dict[str, Any] = {
        "pieces": counts(corpus.pieces),
        "nearly the same as another": counts(copies),
        "as one in the train split": [None, *counts(learned)[1:]],
    }
    figures = {
        "pieces": len(corpus),
        "nearly_the_same": len(copies),
        "groups_across_splits": [[piece.name for piece in pieces] for pieces in across],
        "test_pieces_in_training": in_training,
    }
    draw = partial(bars, SPLITS, series, "pieces", colours=(GREY, COLOURS[4], COLOURS[1]))
    return Finding("duplicates", verdict, f"{sentence}.", figures, draw)


@check(DATA, "Are the splits alike?")
def distributions(
    model: Any, corpus: Corpus, seed: Annotated[int, SEED, "Seed of the random splits"] = 0
) -> Finding:
    """Compares the splits by pitches, lengths of pieces and meters.

    Returns:
        The finding: unsure if the test split's histogram of pitches, lengths or meters is further
        from the train split's (total variation, half the sum of differences) than those of 99 in
        100 random splits of the same size; bad if it is so and above 0.3.
    """
    if not corpus.train or not corpus.test:
        raise NotApplicable(f"{corpus!r} has not both pieces to train and to test on.")
    pitches = np.array([_pitches(piece.score) for piece in corpus.pieces])
    used = np.flatnonzero(pitches.sum(axis=0))
    used = np.arange(used.min(), used.max() + 1) if len(used) else used
    tables: dict[str, tuple[Any, Any]] = {
        "pitch": (used, pitches[:, used]),
        "notes in a piece": _one_hot([_length(piece.score) for piece in corpus.pieces]),
        "meter": _one_hot([_meter(piece.score) for piece in corpus.pieces]),
    }
    split = np.array([piece.split for piece in corpus.pieces])
    random = np.random.default_rng(seed)
    found, limits, panels = {}, {}, []
    for name, (labels, table) in tables.items():
        found[name] = _variation(table, split)
        chance = [_variation(table, random.permutation(split)) for _ in range(400)]
        limits[name] = float(np.quantile(chance, 0.99))
        lines = [
            Line(one, _shares(table, split == one), style=".-", colour=colour)
            for one, colour in zip(SPLITS, SPLIT_COLOURS)
        ]
        label = f"{name}: {found[name]:.2f} (chance {limits[name]:.2f})"
        panels.append(Panel(label, "share", lines, ticks=[str(value) for value in labels]))
    far = {name: value for name, value in found.items() if value > limits[name]}
    verdict: Verdict = "bad" if max(far.values(), default=0) > 0.3 else "unsure" if far else "good"
    listed = ", ".join(f"{value:.2f} of {name}" for name, value in found.items())
    sentence = f"Between train and test the total variation is {listed}"
    sentence += (
        f": more than by chance for {' and '.join(far)}, so figures on test speak of other music "
        "than was trained on"
        if far
        else ", as by chance"
    )
    figures = {"total_variation": found, "by_chance": limits}
    return Finding("distributions", verdict, f"{sentence}.", figures, partial(curves, *panels))


@check(DATA, "Do pieces stand out as unlikely?")
def outliers(model: Any, corpus: Any) -> Finding:
    """Finds pieces that are unlikely: often they are damaged, or another kind of music.

    Each half of the pieces is measured by an n-gram of the other half, so that no piece is judged
    by what has learned it; a neural model that knows its training pieces by heart would pass all.
    The costs are those of `musegen.evaluation.likelihood`. Of the model only the encoding is used;
    where that has no melodies, the highest voice is taken.

    Returns:
        The finding: unsure if a piece's mean cost is more than four times the usual spread (1.48
        median absolute deviations) above the median of all; it names the worst.
    """
    pieces = pieces_of(corpus, "pieces")
    if len(pieces) < LEAST_PIECES:
        message = f"{corpus!r} has too few pieces to say what is usual: {LEAST_PIECES} do."
        raise NotApplicable(message)
    melodic = getattr(model, "writes", None) == "melodies"
    encoding = model.encoding if melodic else PitchDurationEncoding()
    melodies = [encoding.encode(piece.score) for piece in pieces]
    means = np.zeros(len(melodies))
    for half in (0, 1):
        others = melodies[1 - half :: 2]
        held_back = len(others) // 8 or 1
        ngram = MelodyNGram(encoding).fit(others[held_back:], others[:held_back])
        means[half::2] = [costs.sum(axis=1).mean() for costs in ngram.costs(melodies[half::2])]
    median = float(np.median(means))
    limit = median + OUTLIER * max(1.4826 * float(np.median(np.abs(means - median))), 1e-9)
    order = np.argsort(-means).tolist()
    odd = [(pieces[n].name, float(means[n])) for n in order if means[n] > limit]
    sentence = f"The median piece costs {median:.2f} nats per event"
    if odd:
        named = ", ".join(f"{name} ({cost:.2f})" for name, cost in odd[:3])
        sentence += (
            f", and {len(odd):,} of {len(means):,} more than {limit:.2f}: look at {named}; leave "
            "out what is damaged or not the music that you mean"
        )
    else:
        sentence += f" and no piece of {len(means):,} stands out"
    line = Line("a piece", means[order].tolist(), style=".", colour=GREY)
    level = (limit, "what is above stands out")
    panel = Panel("pieces, the unlikeliest first", "nats per event, mean of a piece", [line], level)
    listed = [f"{cost:6.2f}  {name[-48:]}" for name, cost in odd[:20]]
    draw = partial(curves, panel, beside=listed and ["  nats  piece", *listed])
    figures = {"median": median, "limit": limit, "outliers": odd[:100]}
    return Finding("outliers", "unsure" if odd else "good", f"{sentence}.", figures, draw)


def _across(groups: list[list[Any]]) -> tuple[Any, Any]:
    """Two pieces of a group in different splits, of test and train if there are such."""
    pairs = (("test", "train"), ("validation", "train"), ("test", "validation"))
    by_split = [{piece.split: piece for piece in reversed(pieces)} for pieces in groups]
    return next((g[one], g[two]) for one, two in pairs for g in by_split if {one, two} <= g.keys())


def _pitches(score: Any) -> np.ndarray:
    tracks = [track.notes.numpy()["pitch"] for track in score.tracks if not track.is_drum]
    return np.bincount(np.concatenate(tracks), minlength=128) if tracks else np.zeros(128, int)


def _length(score: Any) -> int:
    """The number of notes, rounded up to a power of two."""
    return 1 << max(score.note_num() - 1, 0).bit_length()


def _meter(score: Any) -> str:
    """The commonest meter; that of MIDI where there is no other."""
    counts = Counter(f"{one.numerator}/{one.denominator}" for one in score.time_signatures)
    return max(counts, key=counts.__getitem__, default="4/4")


def _one_hot(values: list[Any]) -> tuple[list[Any], np.ndarray]:
    """The different values in ascending order, and a table with a 1 at each piece's own."""
    different, places = np.unique(values, return_inverse=True)
    return different.tolist(), np.eye(len(different), dtype=int)[places.reshape(-1)]


def _shares(table: np.ndarray, rows: np.ndarray) -> Any:
    """The histogram of some rows as shares of their sum."""
    counts = table[rows].sum(axis=0)
    return counts / max(counts.sum(), 1)


def _variation(table: np.ndarray, split: np.ndarray) -> float:
    """The total variation between the histograms of the train and the test split."""
    train, test = (_shares(table, split == name) for name in ("train", "test"))
    return float(0.5 * np.abs(train - test).sum())
