"""Writing melodies with a trained model: what a piece begins with, how long it gets, what it is.

Every event is drawn pitch first, then duration, in one compiled loop (`musegen.sampling.loop`),
which `musegen.sampling.writer` runs. `musegen.sampling.ending` says how pieces end,
`musegen.sampling.prompt` what they go on from, and `musegen.sampling.wishes` how key, range,
density and instrument are had.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from musegen._checks import Choice, Flag, Number, Positive, Whole, seed_or_drawn, shown
from musegen.composition import MelodyComposition, signed
from musegen.encoding.grid import bar_steps
from musegen.encoding.keys import MODES
from musegen.encoding.melody import END, FIRST_PITCH, START, Melody
from musegen.encoding.phrases import phrase_begins
from musegen.interop import MusicLike
from musegen.interop.dispatch import score_of
from musegen.sampling.asked import meter_from
from musegen.sampling.ending import ending_steps
from musegen.sampling.openings import draw_opening
from musegen.sampling.prompt import last_bars, part
from musegen.sampling.wishes import AT_ONCE, Wishes, collected, refuse
from musegen.sampling.writer import CHUNK, NEVER, Writer, Written
from musegen.settings import LARGE_SEED, declared

MAX_EVENTS = 1024
"""Events of a piece that the model may end itself, at most."""
MAX_BARS = 64
"""Bars of such a piece, at most: those that a model tells apart."""
LEAST_BARS = 8
"""Bars that it may write after a prompt in any case; else at most as many as the prompt has."""
MAX_BATCH = 64
MAX_NOISE = 2**26
"""Random numbers for a batch: of long pieces fewer are written at a time."""


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
    if bars is not None or answer_to is not None:
        notes = None
    if top_k is not None:
        top_k = min(top_k, max(model.encoding.pitch_ids, model.encoding.duration_ids))
    if top_p == 1:
        top_p = None
    if meter is not None:
        meter = meter_from(meter)
    for name, value in (("prompt_track", prompt_track), ("prompt_bars", prompt_bars)):
        if prompt is None and value is not None:
            raise ValueError(f"{name}={shown(value)}: there is none. Give a prompt too.")
    seed = seed_or_drawn(seed)

    given = None
    if prompt is not None:
        music, _ = part(score_of("prompt", prompt), prompt_track)
        given = _encoded(model, "prompt", music)
        given = given if prompt_bars is None else last_bars(given, prompt_bars, model.encoding)
    answered = None
    if answer_to is not None:
        given, answered = _to_answer(model, answer_to, prompt)
    if given is not None:
        refuse(key=key, mode=mode)
    moves = model.pitch == "relative" and given is None
    wishes = Wishes.of(key, mode, pitch_range, instrument, density, moves)
    draw = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    asked = _Asked(notes, bars, answered, draw, seed, wishes)
    ids = model.encoding.pitch_ids + model.encoding.duration_ids
    wanted = max(count, AT_ONCE) if wishes.rejects else count
    batch = max(1, min(MAX_BATCH, wanted, MAX_NOISE // (ids * max(notes or 0, 192))))

    def write(numbers: range) -> Iterator[MelodyComposition | None]:
        begun = _beginnings(model, given, meter, tempo, seed, numbers)
        return map(wishes.fulfilled, _write(model, begun, asked, numbers))

    pieces = collected(write, count, batch, wishes)
    pieces = [_new(piece) for piece in pieces] if new_only else pieces
    return pieces if count > 1 else pieces[0]


@dataclasses.dataclass(frozen=True)
class _Asked:
    """What is asked of each piece; of the first three one at most, and steps in `answered`."""

    notes: int | None
    bars: int | None
    answered: int | None
    draw: dict[str, Any]
    seed: int
    wishes: Wishes


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


def _beginnings(
    model: Any,
    prompt: Melody | None,
    meter: tuple[int, int] | None,
    tempo: float | None,
    seed: int,
    numbers: range,
) -> list[Melody]:
    """What each piece begins with: the prompt, or nothing yet in a meter that is drawn."""
    microseconds = None if tempo is None else round(60e6 / tempo)
    if prompt is not None:
        if microseconds is not None:
            prompt = dataclasses.replace(prompt, tempos=((0, microseconds),))
        return [prompt] * len(numbers)
    melodies = []
    for number in numbers:
        numerator, denominator, pickup, stated = draw_opening(model, meter, seed, number)
        melodies.append(
            Melody(
                pitches=np.array([START, END], np.int32),
                durations=np.zeros(2, np.int32),
                tempos=((0, microseconds or stated),),
                meters=((0, numerator, denominator),),
                pickup=pickup,
            )
        )
    return melodies


def _write(
    model: Any, begun: list[Melody], asked: _Asked, numbers: range
) -> list[MelodyComposition]:
    """Goes on from what is begun, a batch of pieces at once."""
    notes, bars, answered = asked.notes, asked.bars, asked.answered
    encoding, given = model.encoding, len(begun[0]) - 1
    places = [encoding.places(melody) for melody in begun]
    bar = np.array([bar_steps(*melody.meters[-1][1:]) for melody in begun])
    position = np.array([place["position"][-1] for place in places])
    pickup = np.array([melody.pickup for melody in begun])
    # Steps that may be written. The last bar is as much shorter as the pickup is long.
    longest = bars or (MAX_BARS if given == 1 else max(int(places[0]["bar"][-1]), LEAST_BARS))
    stop = longest * bar if given == 1 else longest * bar - position
    if given > 1 and (stop > pickup).all():
        stop = stop - pickup
    chunk, likely, most = CHUNK, 192, MAX_EVENTS
    if notes is not None:
        stop = np.full(len(begun), NEVER)
        likely, most = notes + 16, 4 * notes + 64
        chunk = -(-(likely + 2) // 32) * 32
    elif bars is not None:
        # In steps of powers of 2, so that few shapes are compiled.
        likely, most = 192 << (max(16 * bars - 1, 0) // 192).bit_length(), int(stop.max())
    elif answered is not None:
        stop[:] = answered
        likely, most = 32, answered
    allowed = asked.wishes.allowed
    writer = Writer(model, begun, numbers, asked.seed, asked.draw, allowed, chunk, likely)
    ends = notes is None and answered is None
    look = ending_steps(bar) if ends else None
    written = writer.write(notes, stop, ends and bars is None, answered is not None, most, look)
    if look is not None:
        written = writer.ended(written, stop, look)
    return [
        _composition(model, melody, piece, int(end), answered is not None, asked.seed)
        for melody, piece, end in zip(begun, written, stop.tolist(), strict=True)
    ]


def _composition(
    model: Any, begun: Melody, written: Written, steps: int, answers: bool, seed: int
) -> MelodyComposition:
    encoding, given = model.encoding, len(begun) - 1
    durations = written.durations.copy()
    excess = int(encoding.steps[durations].sum()) - steps
    if excess > 0:  # the last event goes past the last bar line
        left = encoding.steps[durations[-1]] - excess
        durations[-1] = max(1, np.searchsorted(encoding.steps, left, side="right") - 1)
    melody = dataclasses.replace(
        begun,
        pitches=np.concatenate([begun.pitches[:given], written.pitches]),
        durations=np.concatenate([begun.durations[:given], durations]),
    )
    log_likelihoods = written.likelihoods
    if not np.isfinite(log_likelihoods).all():
        raise ValueError(
            f"{model.name}: what it gives are no finite numbers, for its weights are too large. "
            "Train it anew, with a smaller learning_rate."
        )
    return MelodyComposition(
        melody=melody,
        score=signed(encoding.decode(melody), model.name, seed),
        prompt_events=given,
        log_likelihoods=log_likelihoods,
        maps_of=functools.partial(model.attention_maps, answer=given if answers else None),
        seed=seed,
        model=model.name,
        prompt_report=begun.report if given > 1 else None,
        encoding=encoding,
    )


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
