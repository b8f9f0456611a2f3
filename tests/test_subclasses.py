"""A model of a class of one's own: it trains, saves and loads, or is refused before it trains."""

from __future__ import annotations

from typing import Annotated, Any

import keras
import pytest
from contract import SMALL, random_duos, random_melodies, tiny_gan
from keras import ops

import musegen
from musegen.checkpoint import CheckpointError
from musegen.models import AttentionLSTM, MelodyModel, MuseGAN, register
from musegen.models.registry import MODELS
from musegen.settings import Number, declared

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:.*run_functions_eagerly"),
]

TINY = {**SMALL, "units": 4, "attention_size": 2, "depth": 1}


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setattr("musegen.models.registry.MODELS", known := dict(MODELS))
    return known


def fitted(model, path=None, callbacks=()):
    """Trains a model for an epoch."""
    settings = {"epochs": 1, "batch_size": 4, "seed": 1, "verbose": 0, "callbacks": callbacks}
    if model.family == "musegan":
        return model.fit(random_duos(1), checkpoint=path, critic_steps=1, **settings)
    return model.fit((random_melodies(4), random_melodies(2)), checkpoint=path, **settings)


class Refuses(keras.callbacks.Callback):
    def on_train_begin(self, logs: Any = None) -> None:
        pytest.fail("it trains")


@declared
class Smooth(MelodyModel):
    """A melody model whose targets are smoothed, by a setting of its own."""

    def __init__(
        self, share: Annotated[float, Number(0, 1), "Share of the mean"] = 0.1, **options: Any
    ) -> None:
        super().__init__(**options)
        self.share = share

    def compute_loss(self, *arguments: Any, **named: Any) -> Any:
        return (1 + self.share) * super().compute_loss(*arguments, **named)


class Wider(MuseGAN):
    """A MuseGAN with a weight more, which it saves with the generator's."""

    def __init__(self, encoding: Any = None, **options: Any) -> None:
        super().__init__(encoding, **options)
        self.loudness = self.add_weight(shape=(3,), name="loudness")

    @property
    def saved_weights(self) -> dict[str, Any]:
        return {**super().saved_weights, "loudness": self.loudness}


class Plain(AttentionLSTM):
    """Nothing but another name."""


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Smooth, {**TINY, "share": 0.5, "network": "attention-lstm"}),
        (Plain, TINY),
        (Wider, {"encoding": tiny_gan().encoding, "bars": 2, "noise_size": 4, "units": 8}),
    ],
)
def test_a_registered_subclass_trains_saves_and_loads(kind, options, tmp_path):
    register(kind)
    model, path = kind(**options), tmp_path / "a.safetensors"
    fitted(model, path)
    again = musegen.load(path)
    assert type(again) is kind
    assert again.get_config() == model.get_config()
    assert (kind is not Smooth) or again.share == 0.5
    for name, weight in model.saved_weights.items():
        assert ops.all(ops.equal(again.saved_weights[name], weight)), name
    if kind is Wider:
        assert again.sample(seed=3).score == model.sample(seed=3).score


def test_a_subclass_that_is_not_registered_is_refused_before_it_trains(tmp_path):
    class Mine(AttentionLSTM):
        pass

    model, path = Mine(**TINY), tmp_path / "a.safetensors"
    message = r"^Mine can't be saved, .*call musegen\.models\.register\(Mine\)\.$"
    with pytest.raises(CheckpointError, match=message):
        fitted(model, path, [Refuses()])
    fitted(model)  # what is not to be saved trains
    with pytest.raises(CheckpointError, match=message):
        musegen.save_checkpoint(model, path)
    register(Mine)
    musegen.save_checkpoint(model, path)
    assert type(musegen.load(path)) is Mine


def test_a_class_that_the_program_does_not_know_is_told_from_a_damaged_file(tmp_path, _forget):
    register(Plain)
    path = musegen.save_checkpoint(Plain(**TINY), tmp_path / "a.safetensors")
    del _forget["Plain"]
    with pytest.raises(CheckpointError, match=r"'Plain'.* class of your own is registered in your"):
        musegen.load(path)


class Loses(MelodyModel):
    """Its argument is in no config."""

    def __init__(self, share: float = 0.1, **options: Any) -> None:
        super().__init__(**options)


class Insists(MelodyModel):
    """It takes no config."""

    def __init__(self, **options: Any) -> None:
        super().__init__(encoding=options.get("encoding"), network="attention-lstm", units=4)
        if "units" in options:
            raise TypeError("no units, please")


class Grows(MelodyModel):
    """Its weights depend on what no config has."""

    size = 3

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.more = self.add_weight(shape=(Grows.size,), name="more")
        Grows.size = 5


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Loses, "its argument 'share' would be lost: .*declared"),
        (Insists, r"from_config\(get_config\(\)\) does not rebuild it: no units, please"),
        (Grows, "makes other weights than it has"),
    ],
)
def test_a_subclass_that_could_not_be_rebuilt_is_refused_before_it_trains(kind, message, tmp_path):
    register(kind)
    model = kind(**({} if kind is Insists else {**SMALL, "units": 4}))
    with pytest.raises(CheckpointError, match=f"^{kind.__name__} can't be saved, .*{message}"):
        fitted(model, tmp_path / "a.safetensors", [Refuses()])


def test_no_class_takes_the_place_of_another():
    with pytest.raises(ValueError, match=r"register\(MuseGAN\): musegen\.\S+ has a model of this"):
        register(type("MuseGAN", (MuseGAN,), {"__module__": "elsewhere"}))
    again = type("Plain", (AttentionLSTM,), {"__module__": Plain.__module__})
    assert register(register(Plain) and again) is again  # a cell of a notebook that is run again
    for wrong in (3, MelodyModel(**SMALL, network="attention-lstm", units=4), dict):
        with pytest.raises(ValueError, match="give a class of models"):
            register(wrong)
