"""MuseGAN: writes phrases of several tracks at once, from four noises.

    style, groove, chords, melody -> generator -> phrase -> critic -> how real it looks

After Dong, Hsiao, Yang and Yang, "MuseGAN: Multi-track Sequential Generative Adversarial Networks
for Symbolic Music Generation and Accompaniment" (AAAI 2018), and David Foster, "Generative Deep
Learning" (2019), chapter 7. The generator is in `generator.py`, one whose voices lead in
`leading_generator.py`, the critic in `critic.py`, and the chapter's own networks in `book.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from musegen._checks import (
    Choice,
    Number,
    Whole,
    checked_config,
    checked_kind,
    checked_name,
    checked_rows,
    counted,
)
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.roll import RANGE_COLUMNS
from musegen.encoding.roll_phrases import in_c, transposed
from musegen.models.musegan.adversarial import AdversarialModel
from musegen.models.musegan.book import build_book_critic
from musegen.models.musegan.cells import (
    decide,
    decide_in_turn,
    real_planes,
    rolls_of,
    written_planes,
)
from musegen.models.musegan.critic import build_critic
from musegen.models.musegan.encoder import build_encoder
from musegen.models.musegan.generator import COMPOSITIONS, begin_at, build_generator, noise_shapes
from musegen.models.musegan.given import Told, given_cells, given_shape
from musegen.models.musegan.leading_generator import (
    begin_leading_at,
    build_leading_generator,
    check_leading,
)
from musegen.models.registry import register
from musegen.plots import plot_pianoroll, plot_training
from musegen.sampling.knobs import variants, vary, walk
from musegen.sampling.phrases import Asked, draw, kind_of, sample, write_all
from musegen.sampling.requests import sample_many
from musegen.settings import declared, inherited_settings, settings_of
from musegen.training.musegan import fit

NETWORKS = ("compact", "book")
GENERATORS = (*NETWORKS, "leading")
MAX_TRACKS = 32
"""Tracks at most: twice the channels of MIDI; what a file says of more would take long to check."""
SAMPLES_SHOWN = 4
PREDICTING = threading.Lock()
"""Held by the thread in which a generator writes: Keras's predicting is for one at a time."""


@register
@keras.saving.register_keras_serializable("musegen")
@declared
class MuseGAN(AdversarialModel):
    """A generator of phrases, and the critic that it learns from.

    Takes a dict of the four noises, `(batch, *shape)` each with the shapes of `noise_shapes`, and
    returns logits `(batch, bars, steps, pitches + 2, tracks)`. A saved model has the generator
    only: a critic is of no use but in training.

    Args:
        encoding: Tracks, at most 32, steps and pitches; the default encoding if None.
        ranges: The lowest and the highest MIDI pitch of each track, 0 to 127, to which a given
            track is moved; training sets it to those of the corpus. Empty in a new model.
        name: The model's name, 1 to 100 printable characters without a slash.

    Raises:
        ValueError: If an argument is out of its range.
    """

    family = "musegan"
    writes = "phrases"
    abilities = ("critic",)

    def __init__(
        self,
        encoding: PianorollEncoding | None = None,
        bars: Annotated[int, Whole(1, 64), "Bars of a phrase"] = 4,
        noise_size: Annotated[int, Whole(1, 1024), "Length of each noise vector"] = 32,
        composition: Annotated[
            str, Choice(*COMPOSITIONS), "Which networks share which noise; see `generator.py`"
        ] = "hybrid",
        units: Annotated[int, Whole(4, 4096), "Width of the generator's widest layers"] = 384,
        generator: Annotated[
            str,
            Choice(*GENERATORS),
            "The generator's layers; or the chapter's, see `book.py`; or those of one whose voices "
            "lead, see `leading_generator.py`",
        ] = "compact",
        critic: Annotated[
            str, Choice(*NETWORKS), "The critic's layers, or the chapter's; see `book.py`"
        ] = "compact",
        hold: Annotated[
            float,
            Number(0, 1000),
            "How much likelier another pitch must be, in units of the logits, than the one that "
            "sounds, for a track to move when music is written; a critic sees what is written "
            "with 0",
        ] = 0.0,
        tempo: Annotated[
            int,
            Whole(1, 2**24 - 1),
            "Microseconds per quarter note at which phrases are played; training sets it to the "
            "median of the corpus",
        ] = 500_000,
        ranges: Iterable[Sequence[int]] = (),
        name: str = "musegan",
    ) -> None:
        encoding = PianorollEncoding() if encoding is None else encoding
        checked_kind("encoding", encoding, PianorollEncoding, "a PianorollEncoding")
        tracks = len(encoding.tracks)
        if tracks > MAX_TRACKS:
            raise ValueError(f"encoding has {tracks} tracks: give at most {MAX_TRACKS}.")
        super().__init__(checked_name(name))
        self.encoding = encoding
        self.bars, self.noise_size, self.composition = bars, noise_size, composition
        self.units, self.hold, self.tempo = units, hold, tempo
        self.ranges = checked_rows("ranges", ranges, RANGE_COLUMNS, least=0)
        self.generator_kind, self.critic_kind = generator, critic
        self.noise_shapes = noise_shapes(composition, tracks, noise_size)

        # === Networks ===
        self.leads = generator == "leading"
        if self.leads:
            check_leading(encoding, composition, hold)
            self.generator, self.unled = build_leading_generator(encoding, bars, noise_size, units)
            self.key, self.leading = map(self.generator.get_layer, ("key", "leading"))
        else:
            self.generator = build_generator(
                encoding, bars, noise_size, composition, units, generator
            )
        self.encoder_network: keras.Model | None = None
        self.by_track = composition == "jamming"
        self.critic_network: keras.Model | None = None
        self.training_record: dict[str, Any] = {}
        self.built = True

    # === Config ===

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        kinds = {"generator": self.generator_kind, "critic": self.critic_kind}
        names = inherited_settings(type(self))
        settings = {name: kinds.get(name) or getattr(self, name) for name in names}
        ranges = [list(one) for one in self.ranges]
        encoding = self.encoding.get_config()
        return {"name": self.name, "encoding": encoding, "ranges": ranges, **settings}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> MuseGAN:
        """Rebuilds the model from its config, with new weights.

        Args:
            config: What `get_config()` returns.
            custom_objects: As in Keras; there are none.

        Raises:
            ValueError: If it is something else.
        """
        names = ("name", "encoding", *settings_of(cls))
        encoding = PianorollEncoding.from_config(checked_config(config, names)["encoding"])
        return cls(**{**config, "encoding": encoding})

    @property
    def critic(self) -> keras.Model:
        """The critic: planes to scores `(batch, 1)`, or `(batch, tracks)` in a model that jams.

        It is built when it is first asked for: a model that only writes has none.
        """
        if self.critic_network is None:
            build = build_book_critic if self.critic_kind == "book" else build_critic
            tracks = len(self.encoding.tracks)
            if self.by_track:
                shape = (*self.encoding.shape(self.bars)[:2], self.encoding.pitches + 1, tracks)
                planes = keras.Input(shape, name="planes")
                scores = [
                    build(self.encoding, self.bars, 1, f"critic_{i + 1}")(planes[..., i : i + 1])
                    for i in range(tracks)
                ]
                scores = ops.concatenate(scores, axis=-1)
                self.critic_network = keras.Model(planes, scores, name="critic")
            else:
                self.critic_network = build(self.encoding, self.bars, tracks)
        return self.critic_network

    @property
    def encoder(self) -> keras.Model:
        """The encoder from which a generator of the kind `"leading"` begins to learn.

        It is built when it is first asked for, as the critic is.
        """
        if not self.leads:
            raise ValueError(
                "This generator has no encoder: give MuseGAN(generator='leading'), or leave "
                "reconstruction out."
            )
        if self.encoder_network is None:
            self.encoder_network = build_encoder(self.encoding, self.bars, self.noise_size)
        return self.encoder_network

    @property
    def saved_weights(self) -> dict[str, keras.Variable]:
        """What a checkpoint holds, by name: the generator."""
        return {variable.path: variable for variable in self.generator.weights}

    def call(self, noises: dict[str, Any], training: bool = False) -> Any:
        """The generator's logits for a batch of noises."""
        return self.generator(self.inputs_of(noises), training=training)

    def inputs_of(self, noises: dict[str, Any], told: Told | None = None) -> dict[str, Any]:
        """Returns what the generator takes: noises and, if its voices lead, what it is given.

        Args:
            noises: As in `call`.
            told: Phrases of which tracks are given, for whose keys the style is to stand; None to
                give nothing.
        """
        if not self.leads:
            return noises
        if told is None:
            shape = given_shape(self.encoding, self.bars)
            return {**noises, "given": ops.zeros((ops.shape(noises["style"])[0], *shape))}
        first = self.key.style_of(told.keys, noises["style"][:, 0])
        style = ops.concatenate([first[:, None], noises["style"][:, 1:]], axis=-1)
        return {**noises, "style": style, "given": given_cells(told)}

    # === Training ===

    fit = fit

    def planes_of_real(self, rolls: Any) -> Any:
        """Returns what the critic sees of rolls of real music."""
        return real_planes(rolls)

    def planes_of_written(self, logits: Any) -> Any:
        """Returns what the critic sees of what the generator writes."""
        return written_planes(logits, self.encoding, self.leads)

    def begin_at(self, logits: NDArray[np.float32]) -> None:
        """Begins generator and moving average at logits `(pitches + 2, tracks)`."""
        begin = begin_leading_at if self.leads else begin_at
        begin(self.generator, self.encoding, logits)
        for average, variable in zip(self.averages, self.generator.weights, strict=True):
            average.assign(np.asarray(variable).copy())

    def draw_progress(self, history: dict[str, list[float]], checkpoint: Path) -> None:
        """Draws how training goes, by name one value an epoch, and phrases, beside a checkpoint."""
        plot_training(history, checkpoint.with_suffix(".training.png"))
        phrases: Any = self.sample(count=SAMPLES_SHOWN, seed=0)
        rolls = np.concatenate([phrase.roll for phrase in phrases])
        epochs = len(next(iter(history.values()), ()))
        plot_pianoroll(
            self.encoding.decode(rolls, ((0, self.tempo),)),
            checkpoint.with_suffix(".samples.png"),
            title=f"{SAMPLES_SHOWN} phrases after {epochs} epochs",
        )

    @staticmethod
    def summary_of(record: dict[str, Any]) -> str:
        """Returns what a training record says, in a line."""
        minutes = f", {record['minutes']:,.0f} minutes" if "minutes" in record else ""
        return (
            f"trained on {counted(record['phrases'], 'phrase')} of "
            f"{counted(record['pieces'], 'piece')} of "
            f"{record['corpus']}, {record['epochs_run']:,} of {record['epochs']:,} epochs{minutes}"
        )

    # === Sampling ===

    noise = draw
    vary = vary
    sample = sample
    sample_many = sample_many
    _asked, _kind, _write_all = Asked.of, staticmethod(kind_of), write_all
    variants = variants
    walk = walk

    def write(
        self,
        noises: dict[str, NDArray[np.float32]],
        hold: float,
        given: NDArray[np.uint8] | None = None,
        which: NDArray[np.int64] | None = None,
    ) -> NDArray[np.uint8]:
        """Writes the rolls, `(phrases, bars, steps, pitches, tracks)` uint8, of some noises.

        Args:
            noises: As in `call`.
            hold: As in `sample`.
            given: Rolls of the same shape, of which a track is given; None if none is.
            which: The number of that track in each phrase.
        """
        told = None
        if given is not None:
            tracks = np.eye(len(self.encoding.tracks), dtype="float32")[which]
            moved, scales = in_c(given, self.encoding, tracks)
            told = Told(self.planes_of_real(moved), scales, tracks)
        with PREDICTING:
            inputs = self.inputs_of(noises, told)
            inputs = {name: ops.convert_to_numpy(x) for name, x in inputs.items()}
            logits = ops.convert_to_numpy(self.generator.predict_on_batch(inputs))
        if not self.leads:
            return rolls_of(*decide_in_turn(logits, self.encoding, hold))
        rolls = rolls_of(*map(ops.convert_to_numpy, decide(logits, self.encoding, held=True)))
        keys = ops.convert_to_numpy(self.key(inputs["style"]))[:, 0].astype(int)
        return np.stack([transposed(roll, key, self.encoding) for roll, key in zip(rolls, keys)])
