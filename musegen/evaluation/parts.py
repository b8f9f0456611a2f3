"""The parts of an evaluation: each measures the three columns by one group of metrics.

Every function takes `Material`, or notes, and returns figures; where the music does not have the
form that a part is for, there are none. What the figures mean stands in the metrics' own modules.
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
from musegen.evaluation import cadences, copying, distances, general, histograms, pianoroll
from musegen.evaluation.likelihood import Likelihood, likelihood
from musegen.evaluation.lines import melody_notes
from musegen.evaluation.material import Material, Music
from musegen.evaluation.ngram_models import MelodyNGram, VoicesNGram
from musegen.evaluation.notes import Notes
from musegen.evaluation.result import Figure
from musegen.evaluation.voice_leading import SATB, voice_leading

STEPS = (8, 16, 32, 64)
"""Lengths of the windows of lines that are looked for in the training split, in steps."""

NOTES = (4, 6, 8, 10, 12, 14, 16)
"""Lengths of the windows of melodies, in notes."""

LIKELIHOODS: dict[str, Callable[[Likelihood], float]] = {
    "an event": lambda one: one.total,
    "its pitch": lambda one: one.pitch,
    "its duration": lambda one: one.duration,
    "an event, mean over pieces": lambda one: one.piece_mean,
    "a note that moves": lambda one: one.moving_total,
    "its pitch if it moves": lambda one: one.moving_pitch,
    "its duration if it moves": lambda one: one.moving_duration,
}
"""The rows of a likelihood."""

Figures: TypeAlias = tuple[list[Figure], list[str]]
"""Figures, and notes on them."""


def likelihood_figures(material: Material) -> Figures:
    """Measures what predicting the music costs: the model, the n-gram, and a uniform guess."""
    no_ngram = "No n-gram: the corpus has no validation split to weigh it by."
    notes = [] if material.validation.scores else [no_ngram]
    if material.melodies is not None:
        return _of_melodies(material, material.melodies, notes)
    if material.rolls is None:
        return [], []
    figures, figure = [], partial(_figure, "likelihood", unit="nats a voice and step")
    if material.model is not None and "voices" in material.model.abilities:
        figures += _of_voices(material.model, material.columns)
    if material.validation.scores:
        ngram = VoicesNGram(material.rolls.steps // _beats(material.rolls))
        ngram.fit(material.train.lines, material.validation.lines)
        costs = [np.concatenate(ngram.costs(music.lines)) for music in material.columns]
        figures.append(figure("n-gram", map(np.mean, costs)))
    guess = np.log(128 + 1)  # a voice has one of 128 pitches at a step, or rests
    return [*figures, figure("uniform guess", [guess] * 3)], notes


def _of_melodies(material: Material, encoding: PitchDurationEncoding, notes: list[str]) -> Figures:
    models: dict[str, Any] = {} if material.model is None else {"model": material.model}
    if material.validation.scores:
        ngram = MelodyNGram(encoding)
        models["n-gram"] = ngram.fit(material.train.melodies, material.validation.melodies)
    figures, figure = [], partial(_figure, "likelihood", unit="nats")
    totals = []
    for name, model in models.items():
        found = [likelihood(model, music.melodies) for music in material.columns]
        for label, measure in LIKELIHOODS.items():
            figures.append(figure(f"{name}, {label}", map(measure, found)))
        totals.append(found[1].total)
        error = found[1].standard_error
        notes.append(f"The {name} on the test split: {found[1]}, standard error {error:.3f}.")
    if len(totals) == 2 and totals[0] > totals[1]:
        notes.append("The n-gram predicts the test split better than the model does.")
    guess = np.log(encoding.pitch_ids * encoding.duration_ids)
    return [*figures, figure("uniform guess, an event", [guess] * 3)], notes


def _of_voices(model: Any, columns: Sequence[Music]) -> list[Figure]:
    """What predicting every voice at every step costs a model: all, by what it does, by voice."""
    figure = partial(_figure, "likelihood", unit="nats a voice and step")
    pieces = [[model.encoding.encode(score) for score in music.scores] for music in columns]
    costs = [np.concatenate(model.costs(each)) for each in pieces]
    moves = [np.concatenate([_does(one.pitches) | one.struck for one in each]) for each in pieces]
    rows = {
        "model": [one.mean() for one in costs],
        "model, where a voice moves": [one[move].mean() for one, move in zip(costs, moves)],
        "model, where it stays": [one[~move].mean() for one, move in zip(costs, moves)],
    }
    found = [figure(name, values) for name, values in rows.items()]
    for voice, name in enumerate(model.encoding.names):
        found.append(figure("model", [one[:, voice].mean() for one in costs], track=name))
    return found


def _does(pitches: NDArray) -> NDArray[np.bool_]:
    """Where a voice has another pitch than at the step before, or begins or ends to rest."""
    return np.diff(pitches, axis=0, prepend=np.full((1, pitches.shape[1]), -2)) != 0


def track_figures(material: Material, seed: int) -> list[Figure]:
    """Measures piano rolls: the metrics of the MuseGAN paper, and what goes with them."""
    encoding = material.rolls
    if encoding is None or not material.columns[1].rolls.size:
        return []
    lowest, tracks, beats = encoding.lowest, encoding.tracks, _beats(encoding)
    columns = [music.rolls for music in material.columns]

    def each(name: str, unit: str, measure: Callable[[NDArray], NDArray]) -> list[Figure]:
        values = np.array([measure(rolls) for rolls in columns]).T  # (tracks, 3)
        return [_figure("tracks", name, v, unit, t.name) for v, t in zip(values, tracks)]

    figures = [
        *each("pitch classes a bar", "", partial(pianoroll.pitch_classes_per_bar, lowest=lowest)),
        *each("notes a bar", "", pianoroll.notes_per_bar),
        *each("notes of 2 steps or more", "share", pianoroll.qualified_note_share),
        *each("empty bars", "share", pianoroll.empty_bar_share),
        *each("mean leap", "semitones", pianoroll.mean_leap),
    ]
    for count in (8, 16):
        if encoding.steps > count and encoding.steps % count == 0:
            pattern = partial(pianoroll.drum_pattern, beats=count)
            rows = each(f"notes on {count} beats", "share", pattern)
            figures += [row for row, track in zip(rows, tracks) if track.is_drum]
    if len(tracks) > 1:
        together = [pianoroll.tonal_distance(rolls, lowest, beats) for rolls in columns]
        apart = [pianoroll.tonal_distance(rolls, lowest, beats, seed) for rolls in columns]
        consonant = [pianoroll.consonance(rolls, lowest) for rolls in columns]
        figures += [
            _figure("tracks", "tonal distance", together),
            _figure("tracks", "tonal distance of tracks from other bars", apart),
            _figure("tracks", "consonant pairs", consonant, "share"),
        ]
    return figures


def music_figures(notes: Sequence[Notes]) -> list[Figure]:
    """Measures notes, those of the three columns, by all general metrics: means over pieces."""
    return [
        _figure("music", name, [_mean(measure(one)) for one in notes], general.UNITS.get(name, ""))
        for name, measure in general.METRICS.items()
    ]


def distance_figures(notes: Sequence[Notes], train: Notes) -> list[Figure]:
    """Measures how far histograms are from the test split's; in its own column `train`'s are."""
    figures = []
    for name, histogram in histograms.HISTOGRAMS.items():
        subject, real, control = (histogram(one) for one in notes)
        others = (subject, histogram(train), control)
        pairs = [(real.total, other.total) for other in others]
        rows = [
            ("total variation", "share", [distances.total_variation(*pair) for pair in pairs]),
            ("Jensen-Shannon", "bits", [distances.jensen_shannon(*pair) for pair in pairs]),
        ]
        if unit := histograms.UNITS.get(name):
            moved = [distances.wasserstein(*pair, real.support) for pair in pairs]
            rows.append(("Wasserstein", unit, moved))
        overlaps = [distances.overlapped_area(real.shares, other.shares) for other in others]
        rows.append(("overlapped area", "share", overlaps))
        figures += [_figure("distance", f"{name}: {label}", row, unit) for label, unit, row in rows]
    return figures


def voice_leading_figures(material: Material) -> list[Figure]:
    """Measures voice leading, if the tracks are voices: single lines, from high to low."""
    encoding = material.rolls
    drums = encoding is not None and any(track.is_drum for track in encoding.tracks)
    if encoding is None or drums or not _are_voices(material.columns[1]):
        return []
    names = [track.name for track in encoding.tracks]
    choir = names == [voice.name for voice in VOICES]
    ranges = SATB if choir else [(0, 127)] * len(names)
    found = [voice_leading(music.lines, ranges) for music in material.columns]
    figure = partial(_figure, "voice leading")
    figures = [
        figure("parallel fifths", [one.parallel_fifths for one in found], "per thousand"),
        figure("parallel octaves", [one.parallel_octaves for one in found], "per thousand"),
        figure("fifths over chance", [one.fifths_over_chance for one in found]),
        figure("octaves over chance", [one.octaves_over_chance for one in found]),
        figure("voice crossing", [one.crossing for one in found], "share"),
        figure("wide spacing", [one.spacing for one in found], "share"),
    ]
    if choir:  # whose ranges are known
        outside = zip(*(one.out_of_range for one in found))
        figures += [figure("out of range", row, "share", n) for n, row in zip(names, outside)]
    if not material.bars and encoding.per_quarter.denominator == 1:  # whole pieces
        for name, unit, measure in (
            ("stops", "each 16 quarters", cadences.stops),
            ("authentic cadences of stops", "share", cadences.authentic_cadences),
            ("ends in the key of its beginning", "share", cadences.returns_to_its_key),
        ):
            values = [measure(one.lines, int(encoding.per_quarter)) for one in material.columns]
            figures.append(figure(name, values, unit))
    return figures


def copying_figures(material: Material, names: list[str]) -> Figures:
    """Measures how much of the music stands in the training split, and finds the longest copy."""
    sets = [*material.columns, material.train]
    if material.melodies is not None:
        encoding = material.melodies
        *columns, train = [[melody_notes(m, encoding) for m in one.melodies] for one in sets]
        shares = [copying.copied_note_shares(each, train, NOTES) for each in columns]
        runs = [copying.longest_copied_notes(each, train, names) for each in columns]
    elif material.rolls is not None:
        *lines, learned = [one.lines for one in sets]
        shares = [copying.copied_shares(each, learned, STEPS) for each in lines]
        runs = [copying.longest_copy(each, learned, names) for each in lines]
    else:
        return [], []
    unit, figure = shares[0].unit, partial(_figure, "copying")
    figures = [
        figure(f"{length} {unit}", values, "share")
        for length, *values in zip(shares[0].lengths, *(one.shares for one in shares))
    ]
    figures.append(figure("longest copy", [run.length if run else 0 for run in runs], unit))
    if material.bars:
        rolls = [music.rolls for music in material.columns]
        different = [copying.distinct_phrases(each) / len(each) for each in rolls]
        figures.append(figure("different phrases", different, "share"))
    return figures, [f"Longest copy: {runs[0]}."] if runs[0] else []


def _figure(
    part: str, name: str, values: Iterable[float], unit: str = "", track: str | None = None
) -> Figure:
    """A figure of the values of subject, real and shuffled music."""
    subject, real, control = map(float, values)
    return Figure(part, name, subject, real, control, unit, track)


def _are_voices(music: Music) -> bool:
    """Returns whether tracks are single lines, each on average below the one before."""
    rolls = music.rolls
    if not rolls.size or rolls.shape[-1] < 2 or ((rolls > 0).sum(axis=3) > 1).any():
        return False
    lines = np.concatenate(list(music.lines)).T
    return bool((np.diff([line[line >= 0].mean() for line in lines]) < 0).all())


def _beats(encoding: PianorollEncoding) -> int:
    """Beats of a bar, if they fall on steps; else the bar is one beat."""
    return encoding.meter[0] if encoding.steps % encoding.meter[0] == 0 else 1


def _mean(values: NDArray) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")
