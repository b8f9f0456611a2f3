"""Three ways to write the lower voices to a soprano: MuseGAN, a model of voices, an n-gram.

    python benchmarks/accompaniment.py

The sopranos are those of phrases of four bars of the chorales' test split; beside what is written
stands what Bach wrote. None is looked over or picked.

    bach-quartet   draws all voices from noise, told the soprano
    bach-chorale   draws note after note, told all of the soprano; by default without parallels
                   where there is another way (`avoid`), and once more without that rule
    n-gram         draws pitch after pitch, each told the steps before and the voices above; it
                   merges repeated notes. It is that of `musegen evaluate`, but for what it counts
                   in the piece itself

*Fit* is how well written voices go with the soprano they were written to, and with that of another
phrase, both in C: the share of consonant pairs, and the tonal distance of the soprano from the
three together (Harte et al. 2006, little is near). That of Bach's own says how much of it is the
chorales' common key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import measure
import music
import numpy as np
import runs
from numpy.typing import NDArray

import musegen
from musegen.encoding import PianorollEncoding
from musegen.encoding.history import MIDDLE_C
from musegen.encoding.roll import HELD, ONSET
from musegen.encoding.roll_phrases import in_c
from musegen.evaluation.material import _of_lines
from musegen.evaluation.ngram import NGram
from musegen.evaluation.ngram_models import VOICE_CONTEXTS, VoicesNGram
from musegen.evaluation.pianoroll import (
    consonance,
    mean_leap,
    notes_per_bar,
    pitch_lines,
    tonal_distance,
)
from musegen.evaluation.voice_leading import voice_leading
from musegen.training.roll_windows import RollWindows

Rolls = NDArray[np.uint8]

PHRASES, BARS = 256, 4
REST = -1


def main(argv: Sequence[str] | None = None) -> dict[str, list[float]]:
    """Writes to all sopranos in all ways, prints the table, and returns its rows by way."""
    parser = measure.documented(__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--phrases", type=int, default=PHRASES, help="(default %(default)s)")
    parser.add_argument("--model", default="bach-quartet", help="(default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="made-up pieces: shows that it runs")
    options = parser.parse_args(argv)
    gan = musegen.load(options.model)
    encoding = gan.encoding
    corpus = music.chorales(options.quick)
    real = phrases_of(corpus.test, encoding, options.phrases, options.seed)
    tunes = [encoding.decode(np.where(np.arange(4) == 0, roll, 0)) for roll in real]
    measure.print_conditions(options.seed, phrases=f"{len(real)} of {BARS} bars")

    def of_gan() -> Rolls:
        requests = [{"given": {"soprano": tune}, "seed": i} for i, tune in enumerate(tunes)]
        return np.stack([piece.roll for piece in gan.sample_many(requests)])

    def of_voices(**settings: Any) -> Rolls:
        model = musegen.load("bach-chorale")
        requests = []
        for number, tune in enumerate(tunes):
            given = model.encoding.encode(tune)
            keep = np.zeros(given.pitches.shape, bool)
            keep[:, 0] = True
            requests.append({"given": given, "keep": keep, "seed": number, **settings})
        scores = [piece.score for piece in model.sample_many(requests)]
        return np.stack([in_bars(encoding.encode(score).array) for score in scores])

    ways: dict[str, Callable[[], Rolls]] = {
        gan.name: of_gan,
        "bach-chorale": of_voices,
        "bach-chorale, no rule": lambda: of_voices(avoid=()),
        "n-gram": lambda: by_ngram(corpus, real, encoding, options.seed),
        "Bach": lambda: real,
    }
    found = {name: row(write(), real, encoding) for name, write in ways.items()}
    rows = [
        [name, *(f"{value:.{digits}f}" for value, digits in zip(values, DIGITS, strict=True))]
        for name, values in found.items()
    ]
    runs.print_table("what is written to sopranos", ["", *HEADER], rows, True)
    return found


HEADER = (
    *("fifths", "octaves", "leap: alto", "tenor", "bass", "notes a bar: alto", "tenor", "bass"),
    *("fit: consonant (%)", "to another", "fit: tonal distance", "to another", "soprano kept (%)"),
)
DIGITS = (1, 1, 2, 2, 2, 2, 2, 2, 1, 1, 2, 2, 1)


def phrases_of(pieces: Sequence[Any], encoding: Any, count: int, seed: int) -> Rolls:
    """Returns phrases of some pieces, drawn without looking at them."""
    windows = RollWindows([piece.score for piece in pieces], encoding, BARS)
    drawn = np.random.default_rng(seed).permutation(windows.phrases)[:count]
    return np.stack([windows.phrase(number) for number in drawn])


def in_bars(roll: Rolls) -> Rolls:
    """Cuts what was written to the bars of a phrase, or fills it up with silence."""
    return np.pad(roll, ((0, max(BARS - len(roll), 0)), *[(0, 0)] * 3))[:BARS]


def row(rolls: Rolls, real: Rolls, encoding: PianorollEncoding) -> list[float]:
    """Measures written phrases, whose sopranos are those of the real ones."""
    leading = voice_leading(pitch_lines(rolls, encoding.lowest))
    first = np.arange(4) == 0
    own, _ = in_c(rolls, encoding)
    others = np.roll(own, len(own) // 2, axis=0)
    fits = []
    for sopranos in (own, others):
        both = np.where(first, sopranos, own)
        # Each written voice with the soprano alone: pairs of two written voices say nothing of it.
        pairs = [both[..., [0, voice]] for voice in (1, 2, 3)]
        consonant = np.mean([consonance(pair, encoding.lowest) for pair in pairs])
        together = np.stack([both[..., 0], both[..., 1:].max(axis=-1)], axis=-1)
        distance = tonal_distance(together, encoding.lowest)
        fits.append((100 * consonant, distance))
    (consonant, distance), (of_others, far) = fits
    kept = 100 * np.mean((rolls[..., 0] == real[..., 0]).all(axis=(1, 2, 3)))
    return [
        leading.parallel_fifths,
        leading.parallel_octaves,
        *mean_leap(rolls)[1:].tolist(),
        *notes_per_bar(rolls)[1:].tolist(),
        *(float(x) for x in (consonant, of_others, distance, far, kept)),
    ]


# === The n-gram ===


def by_ngram(corpus: Any, real: Rolls, encoding: PianorollEncoding, seed: int) -> Rolls:
    """Writes the lower voices by counting, step after step, the higher voice first."""
    train, validation = (
        _of_lines([piece.score for piece in pieces], encoding).lines
        for pieces in (corpus.train, corpus.validation)
    )
    features = VoicesNGram()
    ngram = NGram([one for one in VOICE_CONTEXTS if "piece" not in one.split()], symbols=129)
    ngram.fit(*features._rows("train", train), *features._rows("validation", validation))
    random = np.random.default_rng(seed)
    written = pitch_lines(real, encoding.lowest).astype(np.int64)
    written[..., 1:] = REST
    symbols = np.arange(129)
    for step in range(written.shape[1]):
        for voice in range(1, written.shape[2]):
            known = [features._features(line[: step + 1]) for line in written]
            cells = {
                name: np.array([one[name][step, voice] for one in known])
                for name in known[0]
                if name != "symbol"
            }
            rows = {name: np.repeat(cell, len(symbols)) for name, cell in cells.items()}
            costs = ngram.costs(rows, np.tile(symbols, len(written)))
            shares = np.exp(-costs.reshape(len(written), len(symbols)))
            last = written[:, step - 1, voice] if step else np.full(len(written), REST)
            pitches = np.where(last >= 0, last, MIDDLE_C)[:, None] + symbols - 1
            pitches = np.where(symbols > 0, pitches % 128, REST)
            inside = (pitches >= encoding.lowest) & (pitches < encoding.lowest + encoding.pitches)
            shares = shares * (inside | (symbols == 0))
            limits = np.cumsum(shares, axis=1)
            drawn = (random.random((len(written), 1)) * limits[:, -1:] >= limits).sum(axis=1)
            written[:, step, voice] = np.take_along_axis(pitches, drawn[:, None], 1)[:, 0]
    rolls = np.zeros_like(real).reshape(len(real), -1, *real.shape[3:])
    phrase, step, voice = np.nonzero(written >= 0)
    before = np.pad(written, ((0, 0), (1, 0), (0, 0)), constant_values=REST)[:, :-1]
    cells = np.where(written != before, ONSET, HELD)
    pitch = written[phrase, step, voice] - encoding.lowest
    rolls[phrase, step, pitch, voice] = cells[phrase, step, voice]
    rolls[..., 0] = real[..., 0].reshape(rolls.shape[:-1])
    return rolls.reshape(real.shape)


if __name__ == "__main__":
    main()
