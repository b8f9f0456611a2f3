"""What an n-gram gets by counting alone, in nats: the floor that a neural model must beat.

    python benchmarks/ngram.py chorales-file Jsb16thSeparated.json
    python benchmarks/ngram.py chorales
    python benchmarks/ngram.py fiddle-tunes
    python benchmarks/ngram.py essen

`chorales-file` is the published file of Bach's chorales in sixteenths, four voices, in its own
split (github.com/czhuang/JSB-Chorales-dataset): nats a voice and sixteenth, every voice of every
step charged, the first step too. The others are melodies: nats per event, notes, rests, ties and
ends charged, beside the model that ships for them, on the same events of the same split. `chorales`
are the sopranos, `essen` the Essen folk songs that music21 carries, tunes of one title in one
split; reading them for the first time takes five minutes or more.

The contexts were chosen, and their weights are fitted, on the validation split. The test split is
what is printed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measure
import music
import numpy as np

from musegen.corpus import Corpus, ScanRow
from musegen.corpus.duplicates import fingerprint, group
from musegen.encoding import PitchDurationEncoding
from musegen.evaluation.likelihood import likelihood
from musegen.evaluation.ngram_models import MelodyNGram, VoicesNGram

SHIPPED = {"chorales": "bach-chorale-melody", "fiddle-tunes": "fiddle-tune", "essen": None}


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Fits the n-gram, prints the figures, and returns the test nats of each model."""
    parser = measure.documented(__doc__)
    parser.add_argument("music", choices=("chorales-file", *SHIPPED), help="what to measure on")
    parser.add_argument("path", nargs="?", help="the published file, with chorales-file")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="made-up tunes: shows that the script runs, the figures say nothing",
    )
    options = parser.parse_args(argv)
    if options.music == "chorales-file":
        if options.path is None:
            parser.error("chorales-file: give the path of the published file")
        return voices(options.path)
    if options.quick or options.music == "chorales":
        corpus = music.sopranos(options.quick)
    else:
        corpus = essen() if options.music == "essen" else music.fiddle_tunes(False)
    return melodies(corpus, None if options.quick else SHIPPED[options.music])


def voices(path: str) -> dict[str, float]:
    """Measures the four voices of the published file."""
    with open(path, encoding="utf-8") as file:
        splits = {
            name: [np.array(piece) for piece in pieces] for name, pieces in json.load(file).items()
        }
    begin = time.perf_counter()
    ngram = VoicesNGram().fit(splits["train"], splits["valid"])
    pieces = ngram.costs(splits["test"])
    seconds = time.perf_counter() - begin
    costs = np.concatenate(pieces)
    measure.print_table(
        ["nats a sixteenth", "soprano", "alto", "tenor", "bass", "A VOICE", "pieces' mean"],
        [
            [
                "n-gram",
                *(f"{voice:.3f}" for voice in costs.mean(axis=0)),
                f"{costs.mean():.3f}",
                f"{np.mean([piece.mean() for piece in pieces]):.3f}",
            ]
        ],
    )
    print(
        f"\n{costs.size:,} tokens of {len(pieces)} test pieces; {seconds:.1f} s to fit and measure"
    )
    return {"n-gram": float(costs.mean())}


def melodies(corpus: Corpus, shipped: str | None) -> dict[str, float]:
    """Measures melodies, and the model that ships for them on the same ones."""
    encoding = PitchDurationEncoding()
    train, validation, test = (
        [encoding.encode(piece.score) for piece in split]
        for split in (corpus.train, corpus.validation, corpus.test)
    )
    begin = time.perf_counter()
    models: dict[str, Any] = {"n-gram": MelodyNGram(encoding).fit(train, validation)}
    seconds = time.perf_counter() - begin
    if shipped is not None:
        import musegen

        models[shipped] = musegen.load(shipped)
    notes = sum(melody.report.notes for melody in test)
    groups = group([fingerprint(piece.score) for piece in (*corpus.train, *corpus.test)])
    learned, of_test = set(groups[: len(train)]), groups[len(train) :]
    near = [melody for melody, one in zip(test, of_test, strict=True) if one in learned]
    others = [melody for melody, one in zip(test, of_test, strict=True) if one not in learned]
    rows, found = [], {}
    for name, model in models.items():
        result = likelihood(model, test)
        found[name] = result.total
        figures = (
            *(result.pitch, result.duration, result.total, result.standard_error),
            *(likelihood(model, part).total if part else np.nan for part in (near, others)),
            *(result.piece_mean, result.moving_pitch, result.moving_total),
            *(np.array([result.pitch, result.duration, result.total]) * result.events / notes),
        )
        rows.append([name, *(f"{figure:.3f}" for figure in figures)])
    means = ["pitch", "duration", "TEST", "+-", "near", "others", "pieces' mean"]
    of_notes = ["moving: pitch", "both", "a note: pitch", "duration", "both"]
    measure.print_table(["nats an event", *means, *of_notes], rows)
    print(
        f"\n{corpus!r}\n{result.events:,} events of {result.pieces} test pieces, {notes:,} of them "
        f"notes; {result.moves:,} notes move; {seconds:.1f} s to fit the n-gram\n"
        f"near: the {len(near)} test pieces that are nearly the same as one of the training split, "
        f"others: the {len(others)} others\n"
        "+-: standard error over pieces; pieces' mean: the mean of each piece's mean; moving: notes"
        "\nof another pitch than the note before; a note: all nats of the test over its notes alone"
    )
    return found


def essen() -> Corpus:
    """The Essen folk songs of music21's corpus."""
    from musegen.corpus.bundled import read_bundled

    return read_bundled("essen", ["essenFolksong"], parse_essen, split_by_title)


def parse_essen(path: Path) -> list[Any]:
    """Reads one ABC file, giving for each tune its row and, if kept, its score."""
    from music21 import converter, stream

    from musegen.interop import from_music21

    if path.suffix != ".abc":
        return [(ScanRow(path.name, "no music"), None)]
    whole: Any = converter.parse(path, forceSource=True)
    parsed: list[Any] = []
    for tune in whole.scores if isinstance(whole, stream.Opus) else [whole]:
        title = " ".join((tune.metadata.title or "untitled").split())
        name = f"{path.stem} {tune.metadata.number}: {title}"
        score = from_music21(tune)
        if score.note_num() < 2:
            parsed.append((ScanRow(name, "fewer than 2 notes"), None))
        else:
            parsed.append((ScanRow(name), score))
    return parsed


def split_by_title(scores: list[tuple[str, Any]]) -> Sequence[Any]:
    """Returns the split of each tune: 80, 10 and 10 %, those of one title standing on one side."""
    from musegen.corpus.duplicates import split_by_group

    first: dict[str, int] = {}
    titles = [name.partition(": ")[2].casefold() for name, _ in scores]
    groups = [first.setdefault(title, index) for index, title in enumerate(titles)]
    return split_by_group([name for name, _ in scores], groups)


if __name__ == "__main__":
    main()
