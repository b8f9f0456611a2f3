"""Writing a batch of melodies: chunks of the compiled loop, one after the other.

`Writer` reads a prompt once, writes on from it until each piece is done, and can write an ending
anew, many times, from a point of which it has kept the state. The noise of the draws comes from
NumPy's generators, seeded by the seed and the number of the piece, so that the same seed writes the
same music on every version of Python, however many pieces are written with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.grid import bar_steps
from musegen.encoding.melody import END, Melody
from musegen.sampling.ending import (
    CANDIDATES,
    ROUNDS,
    branches,
    comes_home,
    draw,
    is_wanted,
)

CHUNK = 32
"""Events of a chunk where the length of pieces is not known beforehand."""

ENDING_EVENTS = 128
"""Events of the longest ending that is written anew."""

NEVER = 2**30
"""As a number of notes or steps, or as a step: never so many."""


@dataclasses.dataclass
class Written:
    """The new events of a piece, `(events,)`, and their log-likelihoods, `(events, 2)`."""

    pitches: NDArray[np.int32]
    durations: NDArray[np.int32]
    likelihoods: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.pitches)

    def joined(self, other: Written, at: int) -> Written:
        """Returns the first `at` events, and those of another after them."""
        columns = ("pitches", "durations", "likelihoods")
        pairs = ((getattr(self, name)[:at], getattr(other, name)) for name in columns)
        return Written(*map(np.concatenate, pairs))


class Writer:
    """Writes a batch of melodies.

    Args:
        model: The model.
        begun: What each piece begins with, a `Melody` that ends with the end. All have as many
            events; where that is more than start and end, all are the same.
        seeds: The seed and the number of each piece.
        draw: How to draw: `"temperature"`, `(batch,)`, `"top_k"` and `"top_p"`.
        allowed: Which pitch ids may be drawn, `(pitch ids,)`, or None for all.
        chunk: Events of a chunk.
        events: Events that a piece is likely to have, beside those given.
    """

    def __init__(
        self,
        model: Any,
        begun: Sequence[Melody],
        seeds: Sequence[tuple[int, int]],
        draw: dict[str, Any],
        allowed: NDArray[np.bool_] | None,
        chunk: int,
        events: int,
    ) -> None:
        self.model, self.begun, self.seeds = model, begun, seeds
        self.top_k, self.chunk = draw["top_k"], chunk
        self.given = len(begun[0]) - 1
        self.batch = len(begun)
        self.bar = np.array([bar_steps(*melody.meters[-1][1:]) for melody in begun])
        self.ids = model.encoding.pitch_ids + model.encoding.duration_ids
        self.temperature = np.asarray(draw["temperature"], np.float32)
        self.common = {
            **({} if draw["top_p"] is None else {"top_p": np.float32(draw["top_p"])}),
            **({} if allowed is None else {"allowed": allowed}),
        }
        self.capacity = -(-(self.given + 1 + events) // 32) * 32
        self.kept: dict[int, Any] = {}
        """States by the number of chunks that had been written; those that an ending may need."""

    # === Chunks ===

    def _run(self, state: Any, noise: Any, limits: dict[str, Any], given: Any = None) -> Any:
        """Runs a chunk; `given` is the counts, ids and places of events that are read."""
        from musegen.sampling.loop import PLACES, run  # imports Keras

        chunk, batch = noise.shape[1], len(noise)
        nothing = np.zeros((chunk, batch), np.int32)
        names = ("pitch", "duration", *(f"given_{name}" for name in PLACES))
        return run(
            self.model,
            state,
            {
                "given": np.zeros(batch, np.int32),
                **dict.fromkeys(names, nothing),
                **self.common,
                "answer": np.int32(0),
                "limit": np.int32(chunk),
                **limits,
                **(given or {}),
                "noise": noise,
            },
            self.top_k,
        )

    def read(self, answer: int = 0) -> Any:
        """Returns the state after what is given, as a row for each piece.

        Args:
            answer: The number of an event that begins a phrase in any case, or 0.
        """
        from musegen.sampling.loop import copies, first_state

        encoding, first = self.model.encoding, self.begun[:1] if self.given > 1 else self.begun
        places = [encoding.places(melody) for melody in first]
        begin = {name: [place[name][1] for place in places] for name in places[0]}
        state = first_state(self.model, len(first), self.capacity, begin)
        if self.given == 1:
            return state
        melody, noise = first[0], np.zeros((1, self.chunk, self.ids), np.float32)
        never = self._limits(np.array([NEVER]), slice(1), answer=np.int32(answer))
        for start in range(1, self.given, self.chunk):
            count = min(self.chunk, self.given - start)
            events = _given(melody, places[0], start, count, self.chunk)
            given = {name: column[:, None] for name, column in events.items()}
            given["given"], given["limit"] = np.array([count]), np.int32(count)
            state, _ = self._run(state, noise, never, given)
        state = state if self.batch == 1 else copies(state, np.zeros(self.batch))
        return {**state, "steps": state["steps"] * 0, "notes": state["notes"] * 0}

    def _limits(self, stop: Any, rows: Any, **more: Any) -> dict[str, Any]:
        """What a chunk is told of the rows and of when they stop, if nothing more is said."""
        return {
            "bar_steps": self.bar[rows],
            "temperature": self.temperature[rows],
            "stop": stop,
            "room": stop,
            "notes": np.int32(NEVER),
            "may_end": np.bool_(False),
            "closes": np.bool_(False),
            **more,
        }

    # === Pieces ===

    def write(
        self,
        notes: int | None,
        stop: NDArray[np.int64],
        may_end: bool,
        answers: bool,
        most: int,
        look: NDArray[np.int64] | None = None,
    ) -> list[Written]:
        """Writes each piece until it has so many notes or steps, or ends, or has `most` events.

        Args:
            notes: Notes of a piece, or None.
            stop: Steps of each piece, `(batch,)`.
            may_end: Whether the model may end it.
            answers: Whether what is written begins a phrase.
            most: Events at most.
            look: How many steps before its end a piece's ending begins, `(batch,)`: the states
                that it takes to write it anew are kept. None keeps none.
        """
        limits = self._limits(stop, slice(None), may_end=np.bool_(may_end))
        limits |= {
            "notes": np.int32(notes or NEVER),
            "room": stop if notes is None else stop * 0 + NEVER,
        }
        answer = self.given if answers else 0
        limits["answer"] = np.int32(answer)
        randoms = [np.random.default_rng([*seed, 0]) for seed in self.seeds]
        parts: list[Any] = []
        state = self.read(answer)
        lengths, total = np.zeros(self.batch, int), np.zeros(self.batch, int)
        begins = np.zeros((1, self.batch), int)  # the steps before each chunk
        while not lengths.all() and len(parts) * self.chunk < most:
            state = self._with_room(state, self.given + (len(parts) + 1) * self.chunk)
            if look is not None:
                self.kept[len(parts)] = self.capacity, state
            noise = _noise(randoms, self.chunk, self.ids)
            before = len(parts) * self.chunk
            state, found = self._run(state, noise, limits)
            parts.append(found)
            new = (lengths == 0) & (found["length"] > 0)
            lengths[new] = before + found["length"][new]
            if look is not None:
                took = self.model.encoding.steps[found["duration"]]
                inside = np.arange(self.chunk)[:, None] < found["length"]
                total[new] = np.minimum(begins[-1] + (took * inside).sum(axis=0), stop)[new]
                begins = np.vstack([begins, begins[-1] + took.sum(axis=0)])
                self._forget(begins, np.where(lengths > 0, total, begins[-1]) - look, lengths > 0)
        pitches, durations, likelihoods = _joined(parts)
        lengths = np.where(lengths == 0, min(len(pitches), most), lengths)
        return [
            Written(pitches[:n, i], durations[:n, i], likelihoods[:n, i])
            for i, n in enumerate(lengths)
        ]

    def _with_room(self, state: Any, events: int) -> Any:
        """The state, grown if it has no room for so many events."""
        from musegen.sampling.loop import grown

        if events > self.capacity:
            self.capacity = 2 * self.capacity
            while events > self.capacity:
                self.capacity *= 2
            return grown(self.model, state, self.capacity)
        return state

    def _forget(self, begins: Any, first: Any, done: Any) -> None:
        """Forgets the states that no ending is written from.

        The steps before each chunk are `begins`, `(chunks, batch)`; an ending begins at the first
        event that begins at so many steps, `first`, or later where a piece is not `done`.
        """
        chunk = np.maximum((begins <= first).sum(axis=0) - 1, 0)
        needed = {*chunk.tolist(), *(chunk + 1).tolist()}
        latest = int(chunk[~done].min()) if not done.all() else len(begins)
        self.kept = {n: one for n, one in self.kept.items() if n in needed or n >= latest}

    # === Endings ===

    def ended(
        self, pieces: Sequence[Written], stop: NDArray[np.int64], look: NDArray[np.int64]
    ) -> list[Written]:
        """Returns the pieces with their last phrase drawn anew; `musegen.sampling.ending` says how.

        Args:
            pieces: From `write`.
            stop: Steps at which a piece ends that has not ended itself, `(batch,)`.
            look: As of `write`.
        """
        encoding = self.model.encoding
        steps = [encoding.steps[piece.durations] for piece in pieces]
        total = [min(int(one.sum()), int(end)) for one, end in zip(steps, stop)]
        first = [branches(one, *pair) for one, pair in zip(steps, zip(total, look.tolist()))]
        randoms = [np.random.default_rng([*seed, 3]) for seed in self.seeds]
        wanted = [[is_wanted(self.model.tonic_share, random)] for random in randoms]
        found: list[list[Written]] = [[] for _ in pieces]
        home: list[list[list[bool | None]]] = [[] for _ in pieces]
        lack = list(range(self.batch))
        for tries in range(0, ROUNDS * CANDIDATES, CANDIDATES):
            jobs = [(i, tries + number) for i in lack for number in range(CANDIDATES)]
            for i, piece in self._tried(pieces, jobs, first, total):
                if piece.pitches[-1] == END and encoding.steps[piece.durations].sum() == total[i]:
                    found[i].append(piece)
                    home[i].append([comes_home(piece, self.begun[i], encoding)])
            lack = [i for i in lack if wanted[i] != [None] and wanted[i] not in home[i]]
        self.kept = {}
        nats = [[float(piece.likelihoods[-1].sum()) for piece in each] for each in found]
        return [
            found[i][draw(nats[i], home[i], wanted[i], randoms[i])] if found[i] else piece
            for i, piece in enumerate(pieces)
        ]

    def _tried(
        self, pieces: Any, jobs: list[tuple[int, int]], first: Any, total: Any
    ) -> Iterator[tuple[int, Written]]:
        """Writes an ending for each job, a piece and a number; yields the whole pieces."""
        for place in sorted(self.kept):
            here = [job for job in jobs if first[job[0]] // self.chunk == place]
            for start in range(0, len(here), self.batch):
                batch = here[start : start + self.batch]
                for (i, _), ending in zip(batch, self._endings(pieces, place, batch, first, total)):
                    yield i, pieces[i].joined(ending, place * self.chunk)

    def _endings(
        self, pieces: Any, place: int, jobs: list[tuple[int, int]], first: Any, total: Any
    ) -> list[Written]:
        """What is written from a state on, the first events being those of the pieces."""
        from musegen.sampling.loop import copies, grown

        filled = jobs + jobs[:1] * (self.batch - len(jobs))
        rows, begin = [i for i, _ in filled], place * self.chunk
        columns = {}
        for i in set(rows):
            count, after = first[i] - begin, self._whole(pieces[i], i)
            places = self.model.encoding.places(after)
            columns[i] = _given(after, places, self.given + begin, count, self.chunk)
        given: dict[str, Any] = {
            name: np.stack([columns[i][name] for i in rows], axis=1) for name in columns[rows[0]]
        }
        given["given"] = np.array([first[i] - begin for i in rows])
        stop = np.array([total[i] for i in rows])
        limits = self._limits(stop, rows, closes=np.bool_(True))
        randoms = [np.random.default_rng([*self.seeds[i], 2, k]) for i, k in filled]
        capacity, state = self.kept[place]
        state = copies(state, rows) if self.batch > 1 else state
        state = state if capacity == self.capacity else grown(self.model, state, self.capacity)
        state = {**state, "done": state["steps"] < 0}
        parts: list[Any] = []
        lengths = np.zeros(self.batch, int)
        while not lengths.all() and len(parts) * self.chunk < ENDING_EVENTS:
            state = self._with_room(state, self.given + begin + (len(parts) + 1) * self.chunk)
            noise = _noise(randoms, self.chunk, self.ids)
            state, found = self._run(state, noise, limits, given if not parts else None)
            new = (lengths == 0) & (found["length"] > 0)
            lengths[new] = len(parts) * self.chunk + found["length"][new]
            parts.append(found)
        pitches, durations, likelihoods = _joined(parts)
        return [
            Written(pitches[:n, i], durations[:n, i], likelihoods[:n, i])
            for i, n in enumerate(lengths[: len(jobs)])
        ]

    def _whole(self, piece: Written, i: int) -> Melody:
        begun = self.begun[i]
        return dataclasses.replace(
            begun,
            pitches=np.concatenate([begun.pitches[: self.given], piece.pitches]),
            durations=np.concatenate([begun.durations[: self.given], piece.durations]),
        )


def _given(
    melody: Melody, places: dict[str, Any], start: int, count: int, chunk: int
) -> dict[str, Any]:
    """Events of a melody from `start` on, with the places of those after them, padded."""
    columns = {"pitch": melody.pitches, "duration": melody.durations}
    found = {name: column[start : start + count] for name, column in columns.items()}
    found |= {f"given_{name}": col[start + 1 : start + 1 + count] for name, col in places.items()}
    return {
        name: np.pad(column, (0, chunk - len(column))).astype(np.int32)
        for name, column in found.items()
    }


def _noise(randoms: Sequence[np.random.Generator], chunk: int, ids: int) -> NDArray[np.float32]:
    """The next uniform numbers of each row, `(rows, chunk, ids)`."""
    noise = np.empty((len(randoms), chunk, ids), np.float32)
    for row, random in zip(noise, randoms, strict=True):
        random.random(dtype=np.float32, out=row)
    return noise


def _joined(parts: list[dict[str, Any]]) -> list[Any]:
    names = ("pitch", "duration", "likelihood")
    return [np.concatenate([part[name] for part in parts]) for name in names]
