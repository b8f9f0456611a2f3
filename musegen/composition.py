"""What sampling returns: a piece, and how the model came to write it.

Every piece is a `Composition`, which can be saved, drawn and played. Each kind of model has a class
of its own below it, with what that kind knows of the piece: the events and their likelihoods of a
melody, the piano roll and the noise of several tracks.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick, TextMetaTick

from musegen._checks import Flag, Whole, checked_path, shown
from musegen._files import written_path
from musegen._timeline import bar_count, duration_seconds
from musegen.encoding.melody import FIRST_PITCH, START, EncodingReport, Melody
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.encoding.voices import Voices, VoicesEncoding
from musegen.expression import expressive
from musegen.interop import write_musicxml
from musegen.interop.musicxml import SUFFIXES as NOTATION_SUFFIXES
from musegen.midi import write_midi
from musegen.midi.writing import SUFFIXES as MIDI_SUFFIXES
from musegen.page.frame import document, frame
from musegen.playback import FLUIDSYNTH, no_synthesizer, play, wav_bytes
from musegen.plots import figure_png, plot_attention, plot_pianoroll
from musegen.settings import declared

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from musegen.sampling.accompaniment import GivenTrack
    from musegen.sampling.noise import Noise

SAMPLE_RATE = 44_100
"""Samples per second of a file of sound."""

PICTURE_SUFFIXES = (".png", ".svg", ".pdf", ".jpg", ".jpeg")

MAX_MAPPED = 4096
"""Events of the longest piece of which there are maps of attention."""


def check_piece_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Returns a path that a piece can be saved to; raises a ValueError for another suffix."""
    suffix = checked_path(name, path).suffix.lower()
    if suffix not in (*MIDI_SUFFIXES, *NOTATION_SUFFIXES, ".wav", ".html", *PICTURE_SUFFIXES):
        raise ValueError(
            f"{name}={shown(os.fspath(path))}: give a name that ends in .mid, .wav, .musicxml, "
            ".mxl, .html, .png, .svg, .pdf or .jpg."
        )
    return Path(path)


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Composition:
    """A piece that a model wrote.

    In a notebook it shows itself: a piano roll, a player, and what the notes of a melody looked at.

    Attributes:
        score: The piece as a score, in ticks.
        seed: The seed that the piece was drawn with; None where something else decided it.
        model: The model's name.
        remarks: Sentences on what was done with what was given.
    """

    score: ScoreTick
    seed: int | None
    model: str
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Composition by {self.origin}: {self.summary()}>"

    @property
    def origin(self) -> str:
        """The model's name and, if there is one, the seed."""
        return self.model if self.seed is None else f"{self.model}, seed {self.seed}"

    @property
    def _prompt_end(self) -> int | None:
        """The tick at which the model went on from what it was given; None if from nothing."""
        return None

    def summary(self) -> str:
        """Returns a line of figures: what and how much the piece holds, and how long it lasts."""
        return self._summary(_counted(self.score.note_num(), "note"), bar_count(self.score))

    def _summary(self, notes: str, bars: int) -> str:
        return f"{notes}, {_counted(bars, 'bar')}, {duration_seconds(self.score):.0f} s"

    @declared
    def save(
        self,
        path: str | os.PathLike[str],
        expression: Annotated[
            bool | None,
            Flag(),
            "Velocities that breathe, by the rules of `musegen.expression`; where it is not said, "
            "music to play has them (.mid, .wav, .html) and music to read has not",
        ] = None,
    ) -> Path:
        """Writes the piece as the kind of file that the suffix names.

        | suffix | what it is |
        |---|---|
        | `.mid`, `.midi` | a MIDI file, which players, sequencers and notation programs open |
        | `.wav` | its sound, as `audio` plays it |
        | `.musicxml`, `.mxl` | for notation programs (MuseScore), plain or compressed |
        | `.html` | a page with its piano roll and a player, which needs nothing but itself |
        | `.png`, `.svg`, `.pdf`, `.jpg` | its picture, as `plot` draws it |

        The file appears whole or not at all.

        Args:
            path: The file to write. Its folder is made if it is missing.

        Returns:
            The path.

        Raises:
            ValueError: If the suffix is another, or `expression` is out of its range.
            MidiError: If a MIDI or MusicXML file can't be written.
            OSError: If another one can't be written.

        Warns:
            UserWarning: A `.wav` has plain tones, because FluidSynth is missing.
        """
        path = check_piece_path(path)
        suffix = path.suffix.lower()
        score = self.score if expression is False else expressive(self.score)
        if suffix in MIDI_SUFFIXES:
            return write_midi(score, path)
        if suffix in NOTATION_SUFFIXES:
            return write_musicxml(score if expression else self.score, path, title=self.origin)
        if suffix not in (".wav", ".html"):
            self.plot(path)
            return path
        if suffix == ".wav":
            sound = play(score, SAMPLE_RATE)
            data = wav_bytes(sound)
            if sound.synthesizer != FLUIDSYNTH:
                warnings.warn(no_synthesizer(path), stacklevel=3)
        else:
            data = document(self, score).encode()
        with written_path(path) as temporary:
            temporary.write_bytes(data)
        return path

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        bars: tuple[int, int] | None = None,
        tracks: Sequence[str | int] | None = None,
    ) -> Figure:
        """Draws the piece as a piano roll, what the model wrote apart from what it was given.

        Args:
            path: Where to save the picture, in the format of its suffix; None saves nothing.
            bars: The first and the last bar to draw, a pickup being 0; None draws all, or as many
                as fill a screen.
            tracks: Which tracks to draw, by name or by number, from 1 on; None draws all.

        Raises:
            ValueError: If there is no such bar or track, or the suffix is not one of a picture.
            OSError: If the file can't be written.
        """
        end = self._prompt_end
        return plot_pianoroll(self.score, path, self.origin, end, bars=bars, tracks=tracks)

    @declared
    def audio(
        self, sample_rate: Annotated[int, Whole(8_000, 192_000), "Samples per second"] = SAMPLE_RATE
    ) -> tuple[NDArray[np.float32], int]:
        """Plays the piece into an array.

        FluidSynth plays it on the soundfont that pretty_midi carries, where FluidSynth is
        installed with its module (`pip install pyfluidsynth`); else it is plain sine tones.

        Returns:
            The samples, `(samples,)` float32 with a peak of 0.9 (0 if nothing sounds), and the
            sample rate.

        Raises:
            ValueError: If `sample_rate` is out of its range.
        """
        sound = play(self.score, sample_rate)
        return sound.samples, sound.sample_rate

    def _repr_html_(self) -> str:
        """The piece in a frame of a notebook, where it works offline and when it was saved."""
        return frame(self, figure_png(self.plot()))


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MelodyComposition(Composition):
    """A melody that a model wrote event by event.

    A piece is a sequence of events (notes, rests, ties; see `musegen.encoding.pitch_duration`). The
    first `prompt_events` of them were given, the start among them, and the model wrote the rest,
    the *new* events. Likelihoods are natural logarithms (nats) under the model itself, at
    temperature 1, whatever the temperature and the cuts that the piece was drawn with. The score
    has 24 ticks to the quarter note.

    Attributes:
        melody: The ids of the whole piece, prompt included, from its start; its last event is the
            end only where the model ended the piece.
        prompt_events: How many leading events were given, the start among them; at least 1.
        log_likelihoods: Log-likelihood of the pitch and of the duration of each new event,
            `(new events, 2)` float32, in nats, at most 0.
        maps_of: Computes `attention` and `copied` of the melody; None where the model has neither.
        prompt_report: What encoding the prompt changed; None without a prompt.
        encoding: What the ids mean.
    """

    melody: Melody
    prompt_events: int
    log_likelihoods: NDArray[np.float32]
    maps_of: Callable[[Melody], dict[str, NDArray[np.float32]]] | None = None
    prompt_report: EncodingReport | None = None
    encoding: PitchDurationEncoding = PitchDurationEncoding()

    def __post_init__(self) -> None:
        events, new = len(self.melody), len(self.melody) - self.prompt_events
        if not (self.prompt_events >= 1 and new >= 0):
            raise ValueError(
                f"prompt_events={self.prompt_events}: of {events} events, give 1 to {events}."
            )
        shape = self.log_likelihoods.shape
        if shape != (new, 2):
            what = "pitch and duration of each new event"
            raise ValueError(f"log_likelihoods has the shape {shape}: give {(new, 2)}, {what}.")

    @property
    def attention(self) -> NDArray[np.float32] | None:
        """The weight that the network gave event `j` when it wrote event `prompt_events + i`.

        `(heads, new events, events - 1)`: rows sum to 1, and are 0 where `j >= prompt_events + i`.
        None for a network without attention. Both maps are computed when they are first asked for,
        with the weights that the model has then; of a piece of more than `MAX_MAPPED` events they
        are a ValueError, for they grow with its square.
        """
        return self._maps.get("attention")

    @property
    def copied(self) -> NDArray[np.float32] | None:
        """The share of event `prompt_events + i` that was copied from event `j`.

        `(2, new events, events - 1)`, of its pitch and of its duration: of the probability that the
        event had, the part that attention to what came before `j` contributed. A row's sum, 0 to 1,
        is how much was copied and not made up. None for a model that does not copy.
        """
        return self._maps.get("copied")

    @functools.cached_property
    def _maps(self) -> dict[str, NDArray[np.float32]]:
        if self.maps_of is None:
            return {}
        if len(self.melody) > MAX_MAPPED:
            raise ValueError(
                f"{self!r}: maps of attention are drawn of at most {MAX_MAPPED:,} events, this "
                f"piece has {len(self.melody):,}. Write a shorter one."
            )
        maps = self.maps_of(self.melody)
        return {name: rows[:, self.prompt_events - 1 :] for name, rows in maps.items()}

    def summary(self) -> str:
        """Returns a line of figures: what and how much the piece holds, and how long it lasts."""
        given = int(np.count_nonzero(self.melody.pitches[: self.prompt_events] >= FIRST_PITCH))
        bars = max(bar_count(self.score) - (self.melody.pickup > 0), 0)  # a pickup does not count
        notes = _counted(self.new_notes, "new note") + (f" after {given} given" if given else "")
        new = len(self.log_likelihoods)
        nats = f", {-self.log_likelihood / new:.2f} nats per event" if new else ""
        return self._summary(notes, bars) + nats

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of all new events together, in nats, at most 0."""
        return float(self.log_likelihoods.sum(dtype=np.float64))

    @property
    def new_notes(self) -> int:
        """Notes that the model wrote; rests, ties and the end don't count."""
        return int(np.count_nonzero(self.melody.pitches[self.prompt_events :] >= FIRST_PITCH))

    @property
    def event_times(self) -> NDArray[np.int64]:
        """Tick at which each event begins, and at last the tick at which the piece ends.

        Returns:
            Ticks, `(events + 1,)`, rising; the first is above 0 where the piece has a pickup.
        """
        steps = self.encoding.steps[self.melody.durations]
        steps = np.where(self.melody.pitches == START, 0, steps)
        return self.melody.lead + np.concatenate([[0], np.cumsum(steps)])

    @property
    def _prompt_end(self) -> int | None:
        """The tick at which the prompt ends; None without a prompt."""
        return int(self.event_times[self.prompt_events]) if self.prompt_events > 1 else None

    def plot_attention(
        self,
        path: str | os.PathLike[str] | None = None,
        head: int | None = None,
        of: str | None = None,
    ) -> Figure:
        """Draws which earlier events the model attended to, or copied, as it wrote each new one.

        Args:
            path: Where to save the picture, in the format of its suffix; None saves nothing.
            head: The attention head of the network, at least 0 and below the number of heads; the
                mean of all if None.
            of: `"pitch"` or `"duration"`, where the pitches or the durations were copied from, or
                `"network"`, where the network looked; None chooses the first that there is.

        Raises:
            ValueError: If there is no such map or head, or the suffix is not one of a picture.
            OSError: If the file can't be written.
        """
        return plot_attention(self, path, head=head, of=of)


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PianorollComposition(Composition):
    """A piece for several tracks that a model drew from noise.

    Attributes:
        roll: The piece as an array, `(bars, steps, pitches, tracks)` uint8: 0 silent, 1 held, 2 a
            note begins; see `musegen.encoding.pianoroll`.
        encoding: What the array's axes mean.
        noise: What the piece was drawn from, one `Noise` per phrase.
        given: The track that was given; None where all were written.
    """

    roll: NDArray[np.uint8]
    encoding: PianorollEncoding
    noise: tuple[Noise, ...]
    given: GivenTrack | None = None

    def __post_init__(self) -> None:
        shape = self.encoding.shape(len(self.roll))
        if self.roll.shape != shape or self.roll.dtype != np.uint8:
            raise ValueError(
                f"roll is an array {self.roll.shape} of {self.roll.dtype}: give one of uint8, "
                f"(bars, steps, pitches, tracks), here (bars, {', '.join(map(str, shape[1:]))})."
            )

    def summary(self) -> str:
        """Returns a line of figures: what and how much the piece holds, and how long it lasts."""
        tracks = _counted(len(self.encoding.tracks), "track")
        notes = _counted(self.score.note_num(), "note")
        return self._summary(f"{tracks}, {notes}", len(self.roll))


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VoicesComposition(Composition):
    """A piece in several voices of which a model wrote all, or what was missing.

    Likelihoods are natural logarithms (nats) under the model itself, at temperature 1, whatever the
    temperature, the cuts and the rules that the piece was drawn with.

    Attributes:
        music: The piece as arrays of steps and voices.
        given: Which cells were given, `(steps, voices)` of bool.
        log_likelihoods: Log-likelihood of what the model wrote in each cell, given the steps
            before, the voices written before it and all that was given, `(steps, voices)` float32,
            in nats, at most 0; 0 where it was given.
        encoding: What the arrays mean.
    """

    music: Voices
    given: NDArray[np.bool_]
    log_likelihoods: NDArray[np.float32]
    encoding: VoicesEncoding

    def __post_init__(self) -> None:
        shape = self.music.pitches.shape
        for name in ("given", "log_likelihoods"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has the shape {getattr(self, name).shape}: give {shape}.")

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of all that the model wrote, in nats, at most 0."""
        return float(self.log_likelihoods.sum(dtype=np.float64))

    def summary(self) -> str:
        """Returns a line of figures: what and how much the piece holds, and how long it lasts."""
        voices = _counted(self.encoding.voices, "voice")
        notes = _counted(self.score.note_num(), "note")
        kept = int(np.count_nonzero(self.given & self.music.struck))
        bars = max(bar_count(self.score) - (self.music.pickup > 0), 0)  # a pickup does not count
        written = int(np.count_nonzero(~self.given))
        nats = f", {-self.log_likelihood / written:.2f} nats per voice and step" if written else ""
        given = f", {kept} of them given" if kept else ""
        return self._summary(f"{voices}, {notes}{given}", bars) + nats


def signed(score: ScoreTick, model: str, seed: int | None) -> ScoreTick:
    """Returns the score with a marker at its beginning that says who wrote it."""
    text = f"musegen: {model}" + ("" if seed is None else f", seed {seed}")
    score.markers.append(TextMetaTick(0, text))
    return score


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
