"""Is the data good? What was left out, what stands in it twice, how alike the splits are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen._checks import checked_int
from musegen.corpus.corpus import SPLITS, Corpus
from musegen.corpus.duplicates import fingerprint, group
from musegen.diagnosis.finding import Finding, Verdict
from musegen.diagnosis.subject import NotAsked, check_corpus
from musegen.plots._figure import COLOURS, GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPLIT_COLOURS = dict(zip(SPLITS, (GREY, COLOURS[4], COLOURS[0]), strict=True))


def what_was_left_out(model: Any, corpus: Corpus) -> Finding:
    """Asks how much of the music that was there is in the corpus.

    Args:
        model: Not looked at; all checks take both.
        corpus: The corpus.

    Returns:
        The finding: bad if more than half of the files were left out, unsure if more than a tenth;
        it names the commonest reason, and the setting that would let them in.

    Raises:
        ValueError: If `corpus` is no corpus.
    """
    check_corpus(corpus)
    report = corpus.report
    total, reasons = len(report), report.reasons()
    share = 1 - report.kept / total if total else 0.0
    verdict: Verdict = "bad" if share > 0.5 else "unsure" if share > 0.1 else "good"
    sentence = f"Of {total:,} pieces {total - report.kept:,} were left out"
    if reasons:
        reason, count, row = reasons[0]
        sentence += f", {count:,} of them because: {reason}"
        if row.remedy and verdict != "good":
            sentence += f" (to keep {row.name}: {row.remedy})"

    def draw() -> Figure:
        rows = [("kept", report.kept), *[(reason, count) for reason, count, _ in reasons[:12]]]
        height = 0.28 * len(rows)
        figure = new_figure(8, height + 0.7)
        axes = figure.add_axes((0.45, 0.5 / (height + 0.7), 0.47, height / (height + 0.7)))
        for place, (name, count) in enumerate(rows[::-1]):
            axes.barh(place, count, color=COLOURS[2] if name == "kept" else COLOURS[1])
            axes.text(count, place, f" {count:,}", va="center", fontsize=8)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows[::-1]], fontsize=8)
        axes.set_xlabel("pieces")
        return figure

    figures = {"pieces": total, "kept": report.kept, "left_out": {r: n for r, n, _ in reasons}}
    return Finding("what_was_left_out", verdict, f"{sentence}.", figures, draw)


def duplicates(model: Any, corpus: Corpus) -> Finding:
    """Asks whether the same music stands in the corpus twice, and whether on both sides of a split.

    Nearly the same are pieces that share a fifth of their melodic turns; see
    `musegen.corpus.duplicates`.

    Args:
        model: Not looked at; all checks take both.
        corpus: The corpus.

    Returns:
        The finding: bad if a group of such pieces is in more than one split, for then what is said
        of the test split is said of the training; unsure if more than a tenth of the pieces have
        another like them. It names pieces.

    Raises:
        ValueError: If `corpus` is no corpus.
    """
    check_corpus(corpus)
    groups: dict[int, list[Any]] = {}
    numbers = group([fingerprint(piece.score) for piece in corpus.pieces])
    for piece, number in zip(corpus.pieces, numbers, strict=True):
        groups.setdefault(number, []).append(piece)
    alike = [pieces for pieces in groups.values() if len(pieces) > 1]
    across = [pieces for pieces in alike if len({piece.split for piece in pieces}) > 1]
    copies = sum(len(pieces) for pieces in alike)
    held_back = {
        split: [
            p
            for ps in across
            if any(q.split == "train" for q in ps)
            for p in ps
            if p.split == split
        ]
        for split in ("validation", "test")
    }
    sizes = {split: len(getattr(corpus, split)) for split in SPLITS}
    sentence = f"{copies:,} of {len(corpus):,} pieces are nearly the same as another"
    verdict: Verdict = "good" if copies <= 0.1 * len(corpus) else "unsure"
    if across:
        verdict = "bad"
        pair = _across(across)
        sentence += (
            f", and {len(held_back['test']):,} of {sizes['test']:,} test pieces have one in the "
            f"train split (such as {pair[0].name} in {pair[0].split} and {pair[1].name} in "
            f"{pair[1].split}): keep such pieces in one split, or say so beside every test figure"
        )
    elif verdict == "unsure":
        names = ", ".join(piece.name for piece in alike[0][:2])
        sentence += f" (such as {names}), all in one split each: they count twice in training"

    def draw() -> Figure:
        figure = new_figure(7, 2.4)
        axes = figure.add_axes((0.14, 0.24, 0.82, 0.58))
        for place, split in enumerate(SPLITS[::-1]):
            axes.barh(place, sizes[split], color=GREY, label="pieces" if not place else None)
            twice = len({p.name for ps in alike for p in ps if p.split == split})
            axes.barh(
                place,
                twice,
                0.5,
                color=COLOURS[4],
                label="nearly the same as another" if not place else None,
            )
            if split in held_back:
                axes.barh(
                    place,
                    len(held_back[split]),
                    0.25,
                    color=COLOURS[1],
                    label="as one in the train split" if not place else None,
                )
        axes.set_yticks(range(3), SPLITS[::-1])
        axes.set_xlabel("pieces")
        figure.legend(loc="upper center", ncols=3, frameon=False, fontsize=8)
        return figure

    figures = {
        "pieces": len(corpus),
        "nearly_the_same": copies,
        "groups_across_splits": [[piece.name for piece in pieces] for pieces in across],
        "test_pieces_in_training": [piece.name for piece in held_back["test"]],
    }
    return Finding("duplicates", verdict, f"{sentence}.", figures, draw)


def distributions(model: Any, corpus: Corpus, seed: int = 0) -> Finding:
    """Asks whether the splits are alike in pitches, lengths of pieces and meters.

    Args:
        model: Not looked at; all checks take both.
        corpus: The corpus.
        seed: Seed of the random splits, 0 to 2^32 - 1.

    Returns:
        The finding: unsure if the test split's histogram of pitches, lengths or meters is further
        from the train split's (total variation, half the sum of differences) than those of 99 in
        100 random splits of the same size; bad if it is so and above 0.3.

    Raises:
        ValueError: If an argument is something else, or the corpus has no train or test split.
    """
    check_corpus(corpus)
    checked_int("seed", seed, 0, 2**32 - 1)
    if not corpus.train or not corpus.test:
        raise NotAsked(f"{corpus!r} has not both pieces to train and to test on.")
    tables = {
        "pitch": np.array([_pitches(piece.score) for piece in corpus.pieces]),
        "notes in a piece": _one_hot([_length(piece.score) for piece in corpus.pieces]),
        "meter": _one_hot([_meter(piece.score) for piece in corpus.pieces]),
    }
    labels: dict[str, list[Any]] = {
        "pitch": list(range(128)),
        "notes in a piece": sorted({_length(piece.score) for piece in corpus.pieces}),
        "meter": sorted({_meter(piece.score) for piece in corpus.pieces}),
    }
    split = np.array([piece.split for piece in corpus.pieces])
    random = np.random.default_rng(seed)
    found, limits, far = {}, {}, []
    for name, table in tables.items():
        found[name] = _variation(table, split)
        chance = [_variation(table, random.permutation(split)) for _ in range(400)]
        limits[name] = float(np.quantile(chance, 0.99))
        if found[name] > limits[name]:
            far.append(name)
    worst = max((found[name] for name in far), default=0.0)
    verdict: Verdict = "bad" if worst > 0.3 else "unsure" if far else "good"
    sentence = "Between train and test the total variation is " + ", ".join(
        f"{value:.2f} of {name}" for name, value in found.items()
    )
    sentence += (
        f": more than by chance for {' and '.join(far)}, so figures on test speak of other music "
        "than was trained on"
        if far
        else ", as by chance"
    )

    def draw() -> Figure:
        figure = new_figure(9, 3)
        for place, (name, table) in enumerate(tables.items()):
            axes = figure.add_axes((0.06 + 0.32 * place, 0.2, 0.27, 0.6))
            used = np.flatnonzero(table.sum(axis=0))
            used = np.arange(used.min(), used.max() + 1) if name == "pitch" else used
            for number, one in enumerate(SPLITS):
                counts = table[split == one].sum(axis=0)
                shares = counts[used] / max(counts.sum(), 1)
                places = np.arange(len(used)) + 0.27 * (number - 1)
                axes.bar(
                    places, shares, 0.27, color=SPLIT_COLOURS[one], label=one if not place else None
                )
            every = max(1, -(-len(used) // 8))
            shown = [str(labels[name][index]) for index in used]
            axes.set_xticks(range(0, len(used), every), shown[::every], fontsize=7, rotation=45)
            axes.set_title(f"{name}: {found[name]:.2f} (chance {limits[name]:.2f})", fontsize=9)
        figure.legend(loc="upper center", ncols=3, frameon=False, fontsize=8)
        return figure

    figures = {"total_variation": found, "by_chance": limits}
    return Finding("distributions", verdict, f"{sentence}.", figures, draw)


def _across(groups: list[list[Any]]) -> tuple[Any, Any]:
    """Two pieces of a group in different splits, of test and train if there are such."""
    pairs = [
        (
            next(p for p in pieces if p.split == held_back),
            next(p for p in pieces if p.split == other),
        )
        for held_back, other in (("test", "train"), ("validation", "train"), ("test", "validation"))
        for pieces in groups
        if {held_back, other} <= {p.split for p in pieces}
    ]
    return pairs[0]


def _pitches(score: Any) -> np.ndarray:
    tracks = [track.notes.numpy()["pitch"] for track in score.tracks if not track.is_drum]
    return np.bincount(np.concatenate(tracks), minlength=128) if tracks else np.zeros(128, int)


def _length(score: Any) -> int:
    """The number of notes, rounded up to a power of two."""
    return 1 << max(score.note_num() - 1, 0).bit_length()


def _meter(score: Any) -> str:
    meters = score.time_signatures
    if not len(meters):
        return "4/4"
    counts = Counter(f"{meter.numerator}/{meter.denominator}" for meter in meters)
    return counts.most_common(1)[0][0]


def _one_hot(values: list[Any]) -> np.ndarray:
    _, places = np.unique(values, return_inverse=True)
    return np.eye(places.max() + 1, dtype=int)[places.reshape(-1)]


def _variation(table: np.ndarray, split: np.ndarray) -> float:
    """The total variation between the histograms of the train and the test split."""
    train, test = (table[split == name].sum(axis=0) for name in ("train", "test"))
    return float(0.5 * np.abs(train / max(train.sum(), 1) - test / max(test.sum(), 1)).sum())
