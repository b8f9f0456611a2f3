"""The parts of an evaluation: each measures the three columns by one group of metrics.

Every function takes `Material`, or notes, and gives figures; where the music has not the form that
a part is for, it gives none. What the figures mean stands in the metrics' own modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.encoding.roll import VOICES
from musegen.evaluation.copying import (
    copied_note_shares,
    copied_shares,
    distinct_phrases,
    longest_copied_notes,
    longest_copy,
)
from musegen.evaluation.distances import (
    jensen_shannon,
    overlapped_area,
    total_variation,
    wasserstein,
)
from musegen.evaluation.drums import drum_pattern
from musegen.evaluation.general import METRICS
from musegen.evaluation.histograms import HISTOGRAMS
from musegen.evaluation.likelihood import Likelihood, likelihood
from musegen.evaluation.lines import melody_notes
from musegen.evaluation.material import Material, Music
from musegen.evaluation.ngram_models import MelodyNGram, VoicesNGram
from musegen.evaluation.notes import Notes
from musegen.evaluation.pianoroll import (
    consonance,
    empty_bar_share,
    mean_leap,
    notes_per_bar,
    pitch_classes_per_bar,
    qualified_note_share,
    tonal_distance,
)
from musegen.evaluation.result import Figure
from musegen.evaluation.voice_leading import SATB, voice_leading

STEPS = (8, 16, 32, 64)
"""Lengths of the windows of lines that are looked for in the training split, in steps."""

NOTES = (4, 6, 8, 10, 12, 14, 16)
"""Lengths of the windows of melodies, in notes."""

VOICE_SYMBOLS = 129
"""What a voice may do at a step: have one of 128 pitches, or rest."""

SUPPORTS = {
    "pitch": "semitones",
    "note length": "quarters",
    "interval": "semitones",
    "inter-onset interval": "quarters",
}
"""What the supports of histograms are counted in; pitch classes lie on no line."""

LIKELIHOODS: dict[str, Callable[[Likelihood], float]] = {
    "an event": lambda one: one.total,
    "its pitch": lambda one: one.pitch,
    "its duration": lambda one: one.duration,
    "an event, mean over pieces": lambda one: one.piece_mean,
    "a note that moves": lambda one: one.moving_total,
    "its pitch if it moves": lambda one: one.moving_pitch,
    "its duration if it moves": lambda one: one.moving_duration,
}
"""What is told of a likelihood."""

NO_NGRAM = "No n-gram: the corpus has no validation split to weigh it by."

Figures: TypeAlias = tuple[list[Figure], list[str]]
"""Figures, and what there is to say beside them."""


def likelihood_figures(material: Material) -> Figures:
    """Measures what predicting the music costs: the model, the n-gram, and a uniform guess."""
    if material.melodies is not None:
        return _of_melodies(material, material.melodies)
    if material.rolls is None:
        return [], []
    figures, notes = [], []
    unit = "nats a voice and step"
    if material.validation is None:
        notes.append(NO_NGRAM)
    else:
        ngram = VoicesNGram(material.rolls.steps // _beats(material.rolls))
        ngram.fit(_sounding(material.train), _sounding(material.validation))
        costs = [ngram.costs(_sounding(music)) for music in material.columns]
        means = [float(np.concatenate([c.ravel() for c in each]).mean()) for each in costs]
        figures.append(_figure("likelihood", "n-gram", means, unit))
    guess = [float(np.log(VOICE_SYMBOLS))] * 3
    figures.append(_figure("likelihood", "uniform guess", guess, unit))
    return figures, notes


def _of_melodies(material: Material, encoding: PitchDurationEncoding) -> Figures:
    models: dict[str, Any] = {} if material.model is None else {"model": material.model}
    figures, notes = [], []
    if material.validation is None:
        notes.append(NO_NGRAM)
    else:
        ngram = MelodyNGram(encoding)
        models["n-gram"] = ngram.fit(material.train.melodies, material.validation.melodies)
    totals = {}
    for name, model in models.items():
        found = [likelihood(model, music.melodies) for music in material.columns]
        for label, measure in LIKELIHOODS.items():
            values = [measure(one) for one in found]
            figures.append(_figure("likelihood", f"{name}, {label}", values, "nats"))
        totals[name] = found[1].total
        error = found[1].standard_error
        notes.append(f"The {name} on the test split: {found[1]}, standard error {error:.3f}.")
    if len(totals) == 2 and totals["model"] > totals["n-gram"]:
        notes.append("The n-gram predicts the test split better than the model does.")
    guess = [float(np.log(encoding.pitch_ids * encoding.duration_ids))] * 3
    figures.append(_figure("likelihood", "uniform guess, an event", guess, "nats"))
    return figures, notes


def track_figures(material: Material) -> list[Figure]:
    """Measures piano rolls: the metrics of the MuseGAN paper, and what goes with them."""
    encoding = material.rolls
    if encoding is None or material.real.rolls is None:
        return []
    lowest, tracks, beats = encoding.lowest, encoding.tracks, _beats(encoding)
    columns = [_rolls(music) for music in material.columns]

    def each(name: str, unit: str, measure: Callable[[NDArray], NDArray]) -> list[Figure]:
        values = np.array([measure(rolls) for rolls in columns]).T.tolist()  # (tracks, 3)
        return [_figure("tracks", name, v, unit, t.name) for v, t in zip(values, tracks)]

    figures = [
        *each("pitch classes a bar", "", partial(pitch_classes_per_bar, lowest=lowest)),
        *each("notes a bar", "", notes_per_bar),
        *each("notes of 2 steps or more", "share", qualified_note_share),
        *each("empty bars", "share", empty_bar_share),
        *each("mean leap", "semitones", mean_leap),
    ]
    for pattern in (8, 16):
        if encoding.steps > pattern and encoding.steps % pattern == 0:
            rows = each(f"notes on {pattern} beats", "share", partial(drum_pattern, beats=pattern))
            figures += [row for row, track in zip(rows, tracks) if track.is_drum]
    if len(tracks) > 1:
        together = [tonal_distance(rolls, lowest, beats) for rolls in columns]
        apart = [tonal_distance(rolls, lowest, beats, material.seed) for rolls in columns]
        consonant = [consonance(rolls, lowest) for rolls in columns]
        figures += [
            _figure("tracks", "tonal distance", together),
            _figure("tracks", "tonal distance of tracks from other bars", apart),
            _figure("tracks", "consonant pairs", consonant, "share"),
        ]
    return figures


def music_figures(notes: Sequence[Notes]) -> list[Figure]:
    """Measures notes, those of the three columns, by all general metrics: means over pieces."""
    figures = []
    whole = whole_unit = ""
    for label, measure in METRICS.items():
        name, _, unit = label.strip(" )").partition(" (")
        if label.startswith(" "):  # a part of what stands above it
            name, unit = f"{whole} {name}", whole_unit
        else:
            whole, whole_unit = name, unit
        figures.append(_figure("music", name, [_mean(measure(one)) for one in notes], unit))
    return figures


def distance_figures(notes: Sequence[Notes], train: Notes) -> list[Figure]:
    """Measures how far histograms are from those of the test split.

    Args:
        notes: Those of the three columns; the second is the test split.
        train: Those of the training split, which stands in the second column.
    """
    figures = []
    for name, histogram in HISTOGRAMS.items():
        subject, real, control = (histogram(one) for one in notes)
        others = (subject, histogram(train), control)
        pairs = [(real.total, other.total) for other in others]
        rows = [
            ("total variation", "share", [total_variation(*pair) for pair in pairs]),
            ("Jensen-Shannon", "bits", [jensen_shannon(*pair) for pair in pairs]),
        ]
        if name in SUPPORTS:
            moved = [wasserstein(*pair, real.support) for pair in pairs]
            rows.append(("Wasserstein", SUPPORTS[name], moved))
        overlaps = [overlapped_area(real.shares, other.shares) for other in others]
        rows.append(("overlapped area", "share", overlaps))
        figures += [
            _figure("distance", f"{name}: {label}", values, unit) for label, unit, values in rows
        ]
    return figures


def voice_leading_figures(material: Material) -> list[Figure]:
    """Measures voice leading, if the tracks are voices: single lines, from high to low."""
    encoding = material.rolls
    drums = encoding is not None and any(track.is_drum for track in encoding.tracks)
    if encoding is None or drums or not _are_voices(material.real):
        return []
    names = [track.name for track in encoding.tracks]
    choir = names == [voice.name for voice in VOICES]
    ranges = SATB if choir else [(0, 127)] * len(names)
    found = [voice_leading(music.lines, ranges) for music in material.columns]
    rows = [
        ("parallel fifths", "per thousand", [one.parallel_fifths for one in found]),
        ("parallel octaves", "per thousand", [one.parallel_octaves for one in found]),
        ("voice crossing", "share", [one.crossing for one in found]),
        ("wide spacing", "share", [one.spacing for one in found]),
    ]
    figures = [_figure("voice leading", name, values, unit) for name, unit, values in rows]
    if choir:  # whose ranges are known
        outside = zip(*(one.out_of_range for one in found))
        figures += [
            _figure("voice leading", "out of range", values, "share", name)
            for name, values in zip(names, outside)
        ]
    return figures


def copying_figures(material: Material) -> Figures:
    """Measures how much of the music stands in the training split, and finds the longest copy."""
    names = material.names
    if material.melodies is not None:
        encoding = material.melodies
        *columns, train = (
            [melody_notes(melody, encoding) for melody in music.melodies]
            for music in (*material.columns, material.train)
        )
        shares = [copied_note_shares(each, train, NOTES) for each in columns]
        runs = [longest_copied_notes(each, train, names) for each in columns]
    elif material.rolls is not None:
        lines = material.train.lines
        shares = [copied_shares(music.lines, lines, STEPS) for music in material.columns]
        runs = [longest_copy(music.lines, lines, names) for music in material.columns]
    else:
        return [], []
    unit = shares[0].unit
    by_length = zip(*(one.shares for one in shares))
    figures = [
        _figure("copying", f"{length} {unit}", values, "share")
        for length, values in zip(shares[0].lengths, by_length)
    ]
    lengths = [float(run.length) if run else 0.0 for run in runs]
    figures.append(_figure("copying", "longest copy", lengths, unit))
    if material.phrases:
        rolls = [_rolls(music) for music in material.columns]
        different = [distinct_phrases(each) / len(each) for each in rolls]
        figures.append(_figure("copying", "different phrases", different, "share"))
    return figures, [f"Longest copy: {runs[0]}."] if runs[0] else []


def _figure(
    part: str, name: str, values: Iterable[float], unit: str = "", track: str | None = None
) -> Figure:
    """A figure of the values of subject, real and shuffled music."""
    subject, real, control = values
    return Figure(part, name, float(subject), float(real), float(control), unit, track)


def _rolls(music: Music) -> NDArray[np.uint8]:
    """The rolls of music that has some."""
    if music.rolls is None:
        raise ValueError("This music is not given as rolls.")
    return music.rolls


def _are_voices(music: Music) -> bool:
    """Whether tracks are single lines, each on average below the one before."""
    rolls = music.rolls
    if rolls is None or rolls.shape[-1] < 2 or ((rolls > 0).sum(axis=3) > 1).any():
        return False
    lines = np.concatenate(list(music.lines)).T
    return bool((np.diff([line[line >= 0].mean() for line in lines]) < 0).all())


def _sounding(music: Music) -> list[NDArray]:
    return [line for line in music.lines if len(line)]


def _beats(encoding: PianorollEncoding) -> int:
    """Beats of a bar, if they fall on steps; else the bar is one beat."""
    return encoding.meter[0] if encoding.steps % encoding.meter[0] == 0 else 1


def _mean(values: NDArray) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")
