"""What the tests of the studio share: models that answer at once, a client and a server."""

from __future__ import annotations

import contextlib
import threading
import time

import anyio.from_thread
import httpx
import numpy as np
from scores import score_of

from musegen._checks import checked_kind
from musegen.composition import MelodyComposition, PianorollComposition, VoicesComposition, signed
from musegen.encoding import PianorollEncoding, PitchDurationEncoding, Voices, VoicesEncoding
from musegen.interop import to_score
from musegen.sampling.noise import Noise, between
from musegen.studio.app import create_app
from musegen.studio.models import Models

TOKEN = "a-token-of-the-tests"
NAMES = ("soprano", "alto", "tenor", "bass")
KINDS = {"choir": "voices", "tune": "melodies", "four": "phrases"}
_STACK = contextlib.ExitStack()
PORTAL = _STACK.enter_context(anyio.from_thread.start_blocking_portal())
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def walk(seed, length, low):
    """Pitches of C major that move by step."""
    moves = np.random.default_rng(seed).integers(-1, 2, length).cumsum()
    degrees = np.clip(moves, -7, 7)
    return low + 12 * (degrees // 7) + SCALE[degrees % 7]


class Choir:
    """Four voices, each a walk in quarter notes."""

    name, writes, encoding = "choir", "voices", VoicesEncoding(NAMES)

    def _piece(self, music, given, seed):
        shape = music.pitches.shape
        return VoicesComposition(
            score=signed(self.encoding.decode(music), self.name, seed),
            seed=seed,
            model=self.name,
            music=music,
            given=given,
            log_likelihoods=np.zeros(shape, np.float32),
            encoding=self.encoding,
        )

    def _walks(self, seed, steps):
        quarters = -(-steps // 4)
        walks = [walk(seed + n, quarters, low) for n, low in enumerate((72, 65, 60, 48))]
        return np.stack(walks, axis=1).repeat(4, axis=0)[:steps].astype(np.int16)

    def sample(self, seed, bars=8, temperature=0.8, top_p=None):
        pitches = self._walks(seed, 16 * bars)
        struck = np.zeros(pitches.shape, bool)
        struck[::4] = True
        return self._piece(Voices(pitches, struck), ~struck & struck, seed)

    def _written(self, score, keep_of, seed):
        music = self.encoding.encode(score)
        keep = keep_of(music)
        pitches = np.where(keep, music.pitches, self._walks(seed, len(music.pitches)))
        struck = np.where(keep, music.struck, (np.arange(len(pitches)) % 4 == 0)[:, None])
        struck[0] |= pitches[0] >= 0
        changed = Voices(pitches, struck & (pitches >= 0), music.tempos, music.meters, music.pickup)
        return self._piece(changed, keep, seed)

    def harmonise(self, tune, seed, temperature=0.8, top_p=None):
        tune = to_score(tune)
        tune.tracks[0].name = "soprano"

        def keep(music):
            return np.tile(np.arange(4) == 0, (len(music.pitches), 1))

        return self._written(tune, keep, seed)

    def rewrite(self, piece, seed, voices=NAMES, bars=(1, 999), temperature=0.8, top_p=None):
        def keep(music):
            bar = 1 + np.arange(len(music.pitches)) // 16
            inside = (bar >= bars[0]) & (bar <= bars[1])
            return ~(inside[:, None] & np.isin(NAMES, voices)[None])

        return self._written(piece, keep, seed)


class Tune:
    """A walk, each note copied from the one before; the network looks at that and at the first."""

    name, writes, encoding = "tune", "melodies", PitchDurationEncoding()

    def sample(self, seed, bars=8, notes=None, prompt=None, temperature=0.9, top_p=None):
        line = [] if prompt is None else self._line(prompt)
        given = [(note.time, note.duration, note.pitch) for note in line]
        begin = max((start + length for start, length, _ in given), default=0)
        new = [(begin + 24 * n, 24, int(p)) for n, p in enumerate(walk(seed, 4 * bars, 67))]
        melody = self.encoding.encode(score_of(("melody", given + new)))
        prompt_events = 1 + len(given)
        rows = len(melody) - 1

        def maps_of(_):
            copied = np.zeros((2, rows, rows), np.float32)
            copied[:, np.arange(1, rows), np.arange(1, rows)] = 0.9
            first = np.zeros((rows, rows), np.float32)
            first[:, 1] = 1
            return {"copied": copied, "attention": np.stack([copied[0] / 0.9, first])}

        return MelodyComposition(
            score=signed(self.encoding.decode(melody), self.name, seed),
            seed=seed,
            model=self.name,
            melody=melody,
            prompt_events=prompt_events,
            log_likelihoods=np.zeros((len(melody) - prompt_events, 2), np.float32),
            maps_of=maps_of,
        )

    def _line(self, prompt):
        score = to_score(prompt).resample(24)
        return max(score.tracks, key=lambda track: len(track.notes)).notes


class Four:
    """Phrases of two bars; each noise moves some of the notes."""

    name, writes = "four", "phrases"
    encoding = PianorollEncoding(NAMES, lowest=36, pitches=48)

    def _piece(self, noise, bars, seed):
        roll = np.zeros(self.encoding.shape(bars), np.uint8)
        for track, low in enumerate((36, 29, 24, 12)):
            parts = [noise.style[0], noise.groove[track, 0], noise.chords[0]]
            parts.append(noise.melody[track, 0])
            for bar in range(bars):
                for beat, value in enumerate(parts):
                    pitch = low + int(abs(value) * 3) % 12
                    roll[bar, 4 * beat, pitch, track] = 2
                    roll[bar, 4 * beat + 1 : 4 * beat + 4, pitch, track] = 1
        return PianorollComposition(
            score=signed(self.encoding.decode(roll), self.name, seed),
            seed=seed,
            model=self.name,
            roll=roll,
            encoding=self.encoding,
            noise=(noise,),
        )

    def sample(self, seed, bars=2):
        random = np.random.default_rng(seed)
        shapes = {"style": (2,), "groove": (4, 2), "chords": (2,), "melody": (4, 2)}
        noise = Noise(**{name: random.standard_normal(shape) for name, shape in shapes.items()})
        return self._piece(noise, bars, seed)

    def variants(self, piece, part, seed, track=None, count=1):
        old = getattr(piece.noise[0], part)
        new = np.random.default_rng(seed).standard_normal(old.shape)
        if track is not None:
            new = np.where((np.array(NAMES) == track)[:, None], new, old)
        return [self._piece(piece.noise[0].replace(**{part: new}), len(piece.roll), None)]

    def walk(self, first, last, share):
        for piece in (first, last):
            checked_kind(
                "piece", piece, PianorollComposition, "what this model's `sample` returned"
            )
        shares = {}
        for name, value in share.items():
            if isinstance(value, dict):
                value = np.array([[value.get(track, 0)] for track in NAMES])
            shares[name] = value
        noise = between(first.noise[0], last.noise[0], shares)
        return self._piece(noise, len(first.roll), None)


def fake_models(**instead):
    """Models that answer at once; others may stand in their place."""
    made = {"choir": Choir, "tune": Tune, "four": Four}
    return Models(KINDS, {"choir": list(NAMES)}, lambda name: instead.get(name) or made[name]())


class Client(httpx.AsyncClient):
    """Asks an app in this process; a request is awaited in a thread of its own."""

    def __init__(self, app, address):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        super().__init__(transport=transport, base_url=address, follow_redirects=True)
        self.app = app

    def request(self, *args, **options):
        return PORTAL.call(lambda: super(Client, self).request(*args, **options))

    def get(self, *args, **options):
        return self.request("GET", *args, **options)

    def post(self, *args, **options):
        return self.request("POST", *args, **options)


@contextlib.contextmanager
def served(models=None):
    """Serves a studio of such models; yields the address to open."""
    import socket

    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = create_app(models or fake_models(), port, TOKEN)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/?token={TOKEN}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        listener.close()
