"""Writing melodies with a trained model: what a piece begins with, how long it gets, what it is.

Every event is drawn pitch first, then duration, in one compiled loop (`musegen.sampling.loop`),
which `musegen.sampling.writer` runs for the batches of `musegen.sampling.melody_batches`.
`musegen.sampling.ending` says how pieces end, `musegen.sampling.prompt` what they go on from, and
`musegen.sampling.wishes` how key, range, density and instrument are had.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Annotated, Any

import numpy as np

from musegen._checks import Choice, Flag, Number, Positive, Whole, seed_or_drawn, shown
from musegen.composition import MelodyComposition
from musegen.encoding.grid import bar_steps
from musegen.encoding.keys import MODES
from musegen.encoding.melody import END, FIRST_PITCH, START, Melody
from musegen.encoding.phrases import phrase_begins
from musegen.interop import MusicLike
from musegen.interop.dispatch import score_of
from musegen.sampling.asked import meter_from
from musegen.sampling.melody_batches import Kind, Task, batch_size, write
from musegen.sampling.openings import draw_opening
from musegen.sampling.prompt import last_bars, part
from musegen.sampling.requests import BATCHES
from musegen.sampling.wishes import AT_ONCE, Wishes, collected, refuse
from musegen.settings import LARGE_SEED, declared


@declared
def sample(
    model: Any,
    notes: Annotated[
        int | None,
        Whole(1, 100_000),
        "Notes to write; rests and ties are not counted. If `notes` and `bars` are both None, the "
        "model ends the piece itself",
    ] = 64,
    bars: Annotated[
        int | None,
        Whole(1, 4096),
        "Bars to write, instead of `notes`; the last ones are drawn as an ending. A pickup is no "
        "bar of its own, and shortens the last one; a bar that the prompt has begun is one",
    ] = None,
    count: Annotated[int, Whole(1, 100_000), "Pieces to write"] = 1,
    temperature: Annotated[
        float,
        Number(0, 1e30),
        "0 always takes the likeliest event, 1 draws as the model says, more is wilder",
    ] = 0.85,
    top_k: Annotated[int | None, Whole(1), "Draw among this many likeliest ids only"] = None,
    top_p: Annotated[
        float | None,
        Positive(1),
        "Draw among the likeliest ids only that make up this much probability (Holtzman et al. "
        "2020)",
    ] = None,
    seed: Annotated[
        int | None, LARGE_SEED, "The same seed writes the same music; drawn if None"
    ] = None,
    prompt: MusicLike | None = None,
    prompt_track: str | int | None = None,
    prompt_bars: Annotated[
        int | None, Whole(1, 100_000), "Last bars of the prompt to go on from; all if None"
    ] = None,
    new_only: Annotated[
        bool, Flag(), "Return what is new alone, without the prompt and without attention maps"
    ] = False,
    answer_to: MusicLike | None = None,
    key: str | None = None,
    mode: Annotated[
        str | None,
        Choice(*MODES),
        "The mode; pieces are written until one is in it",
    ] = None,
    pitch_range: str | tuple[int, int] | None = None,
    density: float | str | tuple[float, float] | None = None,
    instrument: str | int | None = None,
    meter: str | tuple[int, int] | None = None,
    tempo: Annotated[
        float | None,
        Number(4, 1000),
        "Quarter notes a minute; as in the training data, or the prompt, if None",
    ] = None,
) -> MelodyComposition | list[MelodyComposition]:
    """Writes new melodies.

    Where neither `notes` nor what to answer says how long a piece is, its last phrase is drawn as
    an ending, with the model's own probability of an end; this writes `CANDIDATES` endings for each
    piece (`musegen.sampling.ending`). A piece that the model ends itself has `MAX_BARS` bars at
    most, and after a prompt as many as the prompt, or 8: if it has not ended by then, the last
    phrase is drawn so that it does.

    Args:
        model: A trained `MelodyModel`.
        prompt: Music to go on from: a path, bytes, a score, or anything else that `to_score` takes.
            It is read once, in time in proportion to its length. The model may end after it at
            once, where the prompt sounds finished, or write more.
        prompt_track: Name of the prompt's track to go on from, or its number, from 1; if None the
            one that carries the tune (`musegen.sampling.prompt`).
        answer_to: Music to answer, likewise, instead of a prompt; for a model whose network reads
            phrases, such as `"encoder-decoder"`. The network reads its last phrase
            (`musegen.encoding.phrases`), and what it writes begins a new one. The answer lasts as
            long as that phrase, or `bars`; `notes` is left aside.
        key: The key that pieces are in, such as `"G minor"`, in which they are written into the
            score: the mode as below, and moved to the tonic.
        pitch_range: Lowest and highest note, such as `"C4-A5"` or `(60, 81)`, C4 being middle C;
            no other is drawn, or, with `key` or `mode`, pieces are written until one fits.
        density: Notes a quarter note, from the first new note's beginning to the last one's end: a
            number, which is had to a tenth of it, or the least and the most, such as `"1-1.5"` or
            `(1, 1.5)`. Pieces are written until one has it; `docs/models.md` says how many.
        instrument: A General MIDI name, such as `"Violin"`, or a program, 0 to 127.
        meter: One of those in `METERS`, such as `"3/4"` or `(3, 4)`; drawn as in
            the training data if None. A prompt, or what is answered, has its own.

    Returns:
        The piece, or a list of them where `count` is more than 1. Each may have fewer notes than
        asked for only if the model wrote hardly anything but rests.

    Raises:
        ValueError: If an argument is out of its range, the model can't answer, or none of
            `TRIES` pieces for each is as asked for.
        TypeError: If the prompt, or what is to be answered, is no music.
        MidiError: If it can't be read.
    """
    asked = Asked.of(model, dict(locals()))
    pieces = _pieces(model, asked, count)
    pieces = [_new(piece) for piece in pieces] if new_only else pieces
    return pieces if count > 1 else pieces[0]


@dataclasses.dataclass(frozen=True, eq=False)
class Asked:
    """What one call of `sample` asks for.

    Attributes:
        settings: The arguments of the call, by name.
        seed: The seed, drawn if none was given.
        given: What each piece goes on from, or answers, or None.
        kind: What its pieces have in common.
        wishes: What is asked of each besides.
    """

    settings: dict[str, Any]
    seed: int
    given: Melody | None
    kind: Kind
    wishes: Wishes

    @classmethod
    def of(cls, model: Any, settings: dict[str, Any]) -> Asked:
        """Reads the arguments of `sample`; raises a ValueError for what can't be."""
        asked = SimpleNamespace(**settings)
        if asked.meter is not None:
            settings = {**settings, "meter": meter_from(asked.meter)}
        for name in ("prompt_track", "prompt_bars"):
            if asked.prompt is None and settings[name] is not None:
                value = shown(settings[name])
                raise ValueError(f"{name}={value}: there is none. Give a prompt too.")
        given = answered = None
        if asked.prompt is not None:
            music, _ = part(score_of("prompt", asked.prompt), asked.prompt_track)
            given = _encoded(model, "prompt", music)
            if asked.prompt_bars is not None:
                given = last_bars(given, asked.prompt_bars, model.encoding)
        if asked.answer_to is not None:
            given, answered = _to_answer(model, asked.answer_to, asked.prompt)
        if given is not None:
            refuse(key=asked.key, mode=asked.mode)
        moves = model.pitch == "relative" and given is None
        wishes = Wishes.of(
            asked.key, asked.mode, asked.pitch_range, asked.instrument, asked.density, moves
        )
        notes, top_k = asked.notes, asked.top_k
        if asked.bars is not None or asked.answer_to is not None:
            notes = None
        if top_k is not None:
            top_k = min(top_k, max(model.encoding.pitch_ids, model.encoding.duration_ids))
        top_p = None if asked.top_p == 1 else asked.top_p
        kind = Kind(notes, answered, top_k, top_p, wishes.allowed)
        return cls(settings, seed_or_drawn(asked.seed), given, kind, wishes)

    def task(self, model: Any, number: int) -> Task:
        """Returns the piece of a number, which begins with what is given, or with nothing."""
        tempo, begun = self.settings["tempo"], self.given
        microseconds = None if tempo is None else round(60e6 / tempo)
        if begun is None:
            meter = self.settings["meter"]
            numerator, denominator, pickup, own = draw_opening(model, meter, self.seed, number)
            begun = Melody(
                pitches=np.array([START, END], np.int32),
                durations=np.zeros(2, np.int32),
                tempos=((0, microseconds or own),),
                meters=((0, numerator, denominator),),
                pickup=pickup,
            )
        elif microseconds is not None:
            begun = dataclasses.replace(begun, tempos=((0, microseconds),))
        settings = self.settings
        return Task(begun, self.seed, number, settings["temperature"], settings["bars"])


def kind_of(asked: Asked) -> Any:
    """Returns what calls of `sample` have in common whose pieces are written together.

    One that goes on from music, or may have to be written several times, is alone of its kind.
    """
    own, allowed = asked.kind, asked.kind.allowed
    if _alone(asked):
        return id(asked)
    ids = None if allowed is None else bytes(allowed)
    return own.notes, asked.settings["bars"] is None, own.top_k, own.top_p, ids


def write_all(model: Any, asked: Sequence[Asked]) -> list[MelodyComposition]:
    """Writes a piece for each of several calls of `sample`, which are of one kind."""
    if _alone(asked[0]):
        return _pieces(model, asked[0], 1)
    tasks, own = [one.task(model, 0) for one in asked], asked[0].kind
    size = batch_size(model, own.notes, len(tasks))
    pieces = []
    for first in range(0, len(tasks), size):
        part = tasks[first : first + size]
        rows = next(rows for rows in BATCHES if rows >= len(part))
        pieces += write(model, part + part[-1:] * (rows - len(part)), own)[: len(part)]
    return [one.wishes.fulfilled(piece) or piece for one, piece in zip(asked, pieces)]


def _alone(asked: Asked) -> bool:
    return asked.given is not None or asked.wishes.rejects


def _pieces(model: Any, asked: Asked, count: int) -> list[MelodyComposition]:
    wanted = max(count, AT_ONCE) if asked.wishes.rejects else count

    def written(numbers: range) -> Iterator[MelodyComposition | None]:
        tasks = [asked.task(model, number) for number in numbers]
        return map(asked.wishes.fulfilled, write(model, tasks, asked.kind))

    return collected(written, count, batch_size(model, asked.kind.notes, wanted), asked.wishes)


def _to_answer(model: Any, music: Any, prompt: Any) -> tuple[Melody, int]:
    """Returns the music that is to be answered, and the steps of its last phrase."""
    if prompt is not None:
        raise ValueError("prompt and answer_to are both given: give the music as one of the two.")
    if not model.network.reads:
        from musegen.networks import NETWORKS

        reading = " or ".join(repr(name) for name, kind in NETWORKS.items() if kind.reads)
        raise ValueError(
            f"answer_to: {model.name} does not read phrases, so it can't answer one. Give the "
            f"music as prompt, or take a model with network={reading}."
        )
    melody = _encoded(model, "answer_to", music)
    begins = phrase_begins(melody, model.encoding)[:-1]
    first = int(np.flatnonzero(begins)[-1]) + 1
    return melody, int(model.encoding.steps[melody.durations[first:-1]].sum())


def _encoded(model: Any, argument: str, music: Any) -> Melody:
    """Returns music as a melody, which has notes."""
    score = score_of(argument, music)
    melody: Melody = model.encoding.encode(score)
    if not (melody.pitches >= FIRST_PITCH).any():
        what = "no notes but those of drums" if score.note_num() else "no notes"
        raise ValueError(f"{argument} has {what}. Give music with a melody.")
    return melody


def _new(piece: MelodyComposition) -> MelodyComposition:
    """What is new of a piece, from the bar line before it; what was given is silent."""
    melody, given, encoding = piece.melody, piece.prompt_events, piece.encoding
    meter = melody.meters[-1][1:]
    position = int(encoding.places(melody)["position"][given]) if len(melody) > given else 0
    new = dataclasses.replace(
        melody,
        pitches=np.append(START, melody.pitches[given:]),
        durations=np.append(0, melody.durations[given:]),
        meters=((0, *meter),),
        tempos=((0, melody.tempos[-1][1]),),
        pickup=-position % bar_steps(*meter),
    )
    score = encoding.decode(new)
    score.tracks[0].program = piece.score.tracks[0].program
    return dataclasses.replace(piece, melody=new, score=score, prompt_events=1, maps_of=None)
