"""How the public functions are called rightly, and what is wrong in place of each argument.

By name or annotation of the parameter; `test_bad_arguments.py` calls every public function with
each wrong value in place of one argument. Settings are not here: their declarations say it all.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import keras
import music21
import numpy as np
import pretty_midi
import pypianoroll
from scores import score_of

import musegen
from musegen.composition import MelodyComposition, PianorollComposition, VoicesComposition

BAND = musegen.PianorollEncoding(
    (musegen.RollTrack("high"), musegen.RollTrack("low")), steps=4, lowest=60, pitches=12
)
LINE = musegen.PitchDurationEncoding()
CHOIR = musegen.VoicesEncoding(("high", "low"))
SMALL = {"units": 4, "depth": 1, "pitch_embedding": 2, "duration_embedding": 2}
ROWS = {"piece": np.zeros(2, int), "last": np.array([0, 1])}


def make_world() -> SimpleNamespace:
    """One small, valid thing of each kind."""
    notes = [(24 * beat, 24, 60 + beat) for beat in range(8)]
    score = score_of(("high", notes), ("low", notes))
    gan = musegen.MuseGAN(BAND, bars=1, noise_size=3, units=4)
    melody, roll, noise = LINE.encode(score), BAND.encode(score), gan.noise(seed=1)
    new = len(melody) - 1
    voices = CHOIR.encode(score)
    return SimpleNamespace(
        score=score,
        lstm=musegen.AttentionLSTM(**SMALL),
        gan=gan,
        melody=melody,
        written=MelodyComposition(
            score=LINE.decode(melody),
            seed=7,
            model="a-model",
            melody=melody,
            prompt_events=1,
            log_likelihoods=np.zeros((new, 2), np.float32),
            maps_of=lambda melody: {"attention": np.full((2, new, new), 0.1, np.float32)},
        ),
        roll=roll,
        noise=noise,
        drawn=PianorollComposition(
            score=BAND.decode(roll),
            seed=7,
            model="a-model",
            roll=np.asarray(roll),
            encoding=BAND,
            noise=(noise,),
        ),
        choir=musegen.VoiceModel(CHOIR, units=4, depth=1, width=4, encoder=2),
        voices=voices,
        several=[voices],
        both=([voices], [voices]),
        sung=VoicesComposition(
            score=CHOIR.decode(voices),
            seed=7,
            model="a-model",
            music=voices,
            given=voices.pitches < 0,
            log_likelihoods=np.zeros(voices.pitches.shape, np.float32),
            encoding=CHOIR,
        ),
        scores=[score],
        pieces=[melody],
        rolls=np.asarray(roll)[np.newaxis],
        lines=[np.full((20, 2), 60)],
        melodies=[(np.arange(60, 68), np.ones(8, int))],
        notes=musegen.evaluation.notes_of([score]),
        ngram=musegen.evaluation.MelodyNGram(LINE),
        pair=([melody], [melody]),
    )


# A valid value of each argument without a default, by `function.name`, annotation or name: as it
# stands, or the name of what `make_world` makes.
VALID = {
    "AttentionLSTM.count_openings.melodies": "pieces",
    "AttentionLSTM.fit.corpus": "pair",
    "Composition.save.path": Path("a.mid"),
    "Diagnosis.save.path": Path("a.html"),
    "Lines": "lines",
    "Melodies": "melodies",
    "Melody": "melody",
    "Melody | tuple[ArrayLike, ArrayLike]": "melody",
    "MelodyComposition": "written",
    "PianorollComposition": "drawn",
    "Melody.durations": [0, 1, 0],
    "Melody.pitches": [0, 64, 1],
    "Model": "lstm",
    "MuseGAN": "gan",
    "MuseGAN.fit.corpus": "scores",
    "MusicLike": "score",
    "Noise": "noise",
    "NDArray[np.float32]": np.zeros(3),
    "Notes": "notes",
    "PitchDurationEncoding": LINE,
    "Pianoroll | ArrayLike": "roll",
    "RollTrack.name": "high",
    "Sequence[Melody | Piece]": "pieces",
    "Sequence[ScoreTick]": "scores",
    "Voices": "voices",
    "VoiceModel.costs.pieces": "several",
    "VoiceModel.count_openings.pieces": "several",
    "VoiceModel.end_costs.pieces": "several",
    "VoiceModel.fit.corpus": "both",
    "Voices.pitches": np.array([[60, 50]]),
    "Voices.struck": np.array([[True, True]]),
    "array": np.zeros((1, 4, 12, 2), int),
    "bars": 1,
    "config": {},
    "contexts": ["last"],
    "corpus.folder.path": Path("empty"),
    "corpus.scan.path": Path("empty"),
    "critic_optimizer": keras.optimizers.Adam(),
    "evaluation.NGram.symbols": 3,
    "features": ROWS,
    "first": [0.5, 0.5],
    "generator_optimizer": keras.optimizers.Adam(),
    "history": {"nats": [2.0, 1.0]},
    "interop.read_musicxml.path": Path("missing.musicxml"),
    "interop.write_midi.path": Path("a.mid"),
    "interop.write_musicxml.path": Path("a.musicxml"),
    "interop.write_pianoroll_npz.path": Path("a.npz"),
    "length": 5,
    "lowest": 60,
    "midi": pretty_midi.PrettyMIDI(),
    "model": "lstm",
    "multitrack": pypianoroll.Multitrack(),
    "name": "missing.safetensors",
    "path": Path("missing.safetensors"),
    "requests": [],
    "rolls": "rolls",
    "steps_per_quarter": 4,
    "second": [0.5, 0.5],
    "semitones": 1,
    "source": Path("missing.mid"),
    "stream": music21.stream.Stream(),
    "subject": "scores",
    "support": [0, 1],
    "symbols": np.array([1, 1]),
    "train": ROWS,
    "validated": np.array([1, 1]),
    "validation": ROWS,
    "corpus": "scores",
}
OBJECTS = {  # of which the methods are
    "AttentionLSTM": "lstm",
    "Composition": "drawn",
    "Diagnosis": musegen.Diagnosis("a", "b", ()),
    "Evaluation": musegen.Evaluation("a", "b", "pieces", {}, 0, ()),
    "Finding": musegen.Finding("a", "good", "b"),
    "Melody": "melody",
    "MelodyComposition": "written",
    "MelodyNGram": "ngram",
    "MuseGAN": "gan",
    "NGram": musegen.evaluation.NGram(["last"], 3),
    "PianorollEncoding": BAND,
    "PitchDurationEncoding": LINE,
    "VoiceModel": "choir",
    "Voices": "voices",
    "VoicesComposition": "sung",
    "VoicesEncoding": CHOIR,
    "VoicesNGram": musegen.evaluation.VoicesNGram(),
}

# === What is wrong ===

THING = [3, "x", [], {}, object()]
ARRAY = ["x", {}, object(), np.array(["x"]), np.zeros((2,) * 6)]
PATH = [3, b"x", "", "a\0b", [], object()]

# By `function.name`, annotation without `| None` or name, several parted by semicolons; None is
# wrong wherever it is no default.
GROUPS = [
    (THING, "Melody; MelodyComposition; Model; MuseGAN; Noise; Notes; PianorollEncoding; config"),
    (THING, "PitchDurationEncoding; ReadLimits; AttentionLSTM.count_openings.melodies; model"),
    (THING, "Voices; VoicesEncoding; Given"),
    (["x", 3, {}, object()], "evaluate.given; VoiceModel.harmonise.voice"),
    (["x", 3, {}, object()], "VoiceModel.harmonise.part"),
    ([3, {}, object(), ["nobody"], [99]], "Sequence[str | int]"),
    (["x", {}, object(), [3], ["nobody"]], "VoiceModel.rewrite.voices; VoiceModel.sample.avoid"),
    ([3, "x", {}, object(), [3]], "Sequence[Voices]; Iterable[Voices]"),
    ([3, {}, object()], "MusicLike | Voices"),
    (THING, "critic_optimizer; generator_optimizer; opening_optimizer; midi; multitrack; stream"),
    (THING, "subject"),
    (THING, "PianorollComposition"),
    ([*THING, ([0],)], "Melody | tuple[ArrayLike, ArrayLike]"),
    ([3, "x", [], object(), [3]], "Noise | Iterable[Noise]; tuple[RollTrack, ...]"),
    ([3, "x", {}, object(), [3]], "Sequence[Melody | Piece]; Sequence[ScoreTick]; corpus"),
    ([3, "x", [], object(), {"nats": "x"}], "history; Features"),
    ([3, [], {}, object(), 1.5], "MusicLike"),
    (["x", 3, [], {}, object(), {"nobody": 3}], "Mapping[str, MusicLike]"),
    (ARRAY, "ArrayLike; NDArray; NDArray[np.float32]; NDArray[np.int32]; NDArray[np.uint8]"),
    (ARRAY, "NDArray[np.int16]; NDArray[np.bool_]"),
    (ARRAY, "Pianoroll | ArrayLike"),
    ([3, "x", {}, object(), [None], [np.zeros((2,) * 6)]], "Lines"),
    ([3, "x", {}, object(), [None], [([60], [1, 2])]], "Melodies"),
    ([True, 1.5, "x", [], -1000], "int"),
    ([0, 1.5, "x", []], "bool"),
    (["x", {}, object(), [None], [1.5], [-1000]], "Iterable[int]; tuple[int, ...]"),
    (["x", 3, object(), [], (4,), (4, 3), (0, 4)], "tuple[int, int]; str | tuple[int, int]"),
    ([3, "x", [], {}, object()], "key"),
    ([-0.1, 1.1, "x", [], {}, object(), True], "tonic_share; key_share"),
    ([-0.1, 1.1, "x", [], object(), True, {"x": 1}, {"melody": {"x": 1}}], "share"),
    ([0, 25, "x", [], {}, object(), (1,), (2, 1), True], "density"),
    ([3, "x", "x=C4-C5", [], {}, object(), (4, 3), {"high": 3}], "VoiceModel.sample.pitch_range"),
    ([True, 1.5, "x", "x=3", [], {}, object(), {"high": 1.5}], "VoiceModel.sample.instrument"),
    ([True, 1.5, "x", [], object()], "str | int"),
    (["x", 3, object(), [3], [(0, "x")], [(-1, 10**30)]], "Sequence[tuple[int, int]]"),
    (["x", 3, object(), [3], [(0, 0)], [(0, 0, 4)]], "tuple[tuple[int, int], ...]"),
    (["x", 3, object(), [3], [(0, 0)], [(0, 0, 4)]], "tuple[tuple[int, int, int], ...]"),
    (["x", 3, object(), [3], [(4, 4, 0, 0, 1)], [(0, 4, 0, 1, 1)]], "Iterable[Sequence[int]]"),
    (["", "gru", 3, [], keras.layers.Dense(2)], "str | Network; str | DeclaredNetwork"),
    (PATH, "corpus.folder.path; corpus.scan.path"),
    (["", "nowhere", 3, [], {}, object()], "corpus.folder.cluster; corpus.scan.cluster"),
    (PATH, "str | os.PathLike[str]; Evaluation.to_json.path"),
    ([*PATH, "picture", "picture.wav"], "str | os.PathLike[str] | None; diagnose.out"),
    ([*PATH, "a.h5"], "str | Path"),
    ([3, "", "a\0b", [], object()], "str | os.PathLike[str] | bytes | bytearray"),
    ([3, "", "a/b", "a\nb", "a\x1b[2Jb", "x" * 101, [], b"x"], "name"),
    ([3, "", " ", b"x", []], "RollTrack.name"),
    ([3, "", "drums", [], True], "plot_attention.of; MelodyComposition.plot_attention.of"),
    ([3, [], b"x", object()], "title; track; Evaluation.figure.name"),
    ([3, "last", [], [3], {}], "evaluation.NGram.contexts"),
    ([3, "x", {}, object(), [3], [{"seed": -1}], [{"count": 1}], [{3: 4}]], "requests"),
    ([3, "", [], [3], {}, "nobody", ["nobody"]], "Sequence[str]; voices"),
]
WRONG = {key: values for values, keys in GROUPS for key in keys.split("; ")}
