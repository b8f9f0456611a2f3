"""What is saved loads elsewhere to the last bit; what can't be saved leaves what was there.

What hostile and damaged files come to is in `tests/attacks`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from contract import tiny_gan, tiny_lstm

from musegen import loading
from musegen.checkpoint import CheckpointError, save_checkpoint
from musegen.encoding import PianorollEncoding, PitchDurationEncoding
from musegen.encoding.pianoroll import RollTrack
from musegen.loading import load, load_checkpoint
from musegen.models import MuseGAN

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from fuzz_checkpoints import Sample, joined

RECORD = {"corpus": "tunes ♫", "epochs": 3, "nats": 2.5, "split": [1, 2], "nested": {"a": None}}
IDS = {
    name: np.random.default_rng(i).integers(0, 3, (2, 9), np.int32)
    for i, name in enumerate(tiny_lstm().input_sizes)
}


def small_model():
    encoding = PitchDurationEncoding(durations=(12, 24, 48), voice="lowest", program=73)
    model = tiny_lstm(encoding=encoding, openings=[(3, 4, 24, 600_000, 7)], units=4)
    model.training_record = RECORD
    return model


def small_gan(composition="hybrid", **arguments):
    tracks = RollTrack("line", 73), RollTrack("kit", 0, True, "all")
    encoding = PianorollEncoding(tracks, steps=6, meter=(3, 4), lowest=58, pitches=5)
    options = {"noise_size": 3, "tempo": 600_000, "name": "duo", **arguments}
    gan = tiny_gan(encoding=encoding, composition=composition, **options)
    random = np.random.default_rng(0)
    for weight in gan.generator.weights:
        weight.assign(random.normal(0, 0.4, weight.shape))
    gan.training_record = RECORD
    return gan


def outputs(model):
    return np.concatenate([np.asarray(values).ravel() for values in model(IDS).values()])


def test_a_model_is_called_as_its_file(tmp_path):
    model = small_gan()
    assert model.name == "duo"
    save_checkpoint(model, tmp_path / "mine.safetensors")
    assert model.name == "mine"
    other = (tmp_path / "mine.safetensors").rename(tmp_path / "my other.safetensors")
    assert load_checkpoint(other).name == "my other"
    unfit = other.rename(tmp_path / f"{'x' * 101}.safetensors")  # no name of a model is as long
    assert load_checkpoint(unfit).name == "mine"


def bytes_of(model, folder):
    return save_checkpoint(model, folder.mktemp("saved") / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def gan():
    return small_gan()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    """The bytes of a checkpoint."""
    return bytes_of(model, tmp_path_factory)


@pytest.fixture(scope="module")
def saved_gan(gan, tmp_path_factory):
    """The bytes of a MuseGAN's checkpoint."""
    return bytes_of(gan, tmp_path_factory)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def parts(data):
    return Sample(data, ".safetensors").parts()


def refused(path, data):
    """Asserts that these bytes are a CheckpointError whose message names the file."""
    path.write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


# --- saving and loading --------------------------------------------------------------------------


def test_it_comes_back(model, path):
    assert save_checkpoint(model, path) == path
    again = load_checkpoint(path)
    assert again.get_config() == model.get_config()
    assert again.training_record == RECORD
    assert again.encoding == model.encoding
    assert np.array_equal(outputs(again), outputs(model))
    (path.parent / "again").mkdir()  # where it has the same name
    there = save_checkpoint(again, path.parent / "again" / path.name)
    assert there.read_bytes() == path.read_bytes()


def test_another_process_gives_the_same_to_the_last_bit(model, path, tmp_path):
    save_checkpoint(model, path)
    np.savez(tmp_path / "ids.npz", **IDS)
    code = (
        "import sys, numpy as np, musegen; model = musegen.load(sys.argv[1]); "
        "outputs = model(dict(np.load(sys.argv[2]))).values(); "
        "np.save(sys.argv[3], np.concatenate([np.asarray(one).ravel() for one in outputs]))"
    )
    found = tmp_path / "found.npy"
    command = [sys.executable, "-c", code, path, tmp_path / "ids.npz", found]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    assert np.load(found).tobytes() == outputs(model).tobytes()


def test_the_file_is_safetensors_with_one_json_document(model, saved, path):
    from safetensors import safe_open

    path.write_bytes(saved)
    with safe_open(path, "np") as file:
        assert set(file.keys()) == model.saved_weights.keys()
        for name, variable in model.saved_weights.items():
            assert np.array_equal(file.get_tensor(name), variable.numpy())
        document = json.loads(file.metadata()["musegen"], parse_constant=pytest.fail)
    assert len(document.pop("sha256")) == 64
    assert document == {
        "format": 2,
        "class": "AttentionLSTM",
        "config": model.get_config() | {"openings": [[3, 4, 24, 600_000, 7]]},
        "training": RECORD,
    }
    assert document["config"]["encoding"] == model.encoding.get_config()


def test_a_file_may_be_written_over_while_its_model_is_in_use(model, path):
    save_checkpoint(model, path)
    first = load_checkpoint(path)
    save_checkpoint(tiny_lstm(seed=1), path)
    assert np.array_equal(outputs(first), outputs(model))


@pytest.mark.parametrize("record", [None, 3, [1], "text"])
def test_a_record_that_is_none(saved, path, record):
    header, body = parts(saved)
    header["__metadata__"]["musegen"]["training"] = record
    path.write_bytes(joined(header, body))
    assert load_checkpoint(path).training_record == {}


# --- names ---------------------------------------------------------------------------------------


def test_load_takes_a_name_or_a_path(saved, path, monkeypatch):
    shipped = path.parent / "shipped"
    shipped.mkdir()
    (shipped / "folk-song.safetensors").write_bytes(saved)
    (shipped / "anthem.safetensors").write_bytes(saved)
    (shipped / "anthem.md").write_text("card")
    monkeypatch.setattr(loading, "PRETRAINED", shipped)
    assert loading.pretrained_names() == ["anthem", "folk-song"]
    assert load("folk-song").training_record == RECORD
    path.write_bytes(saved)
    assert load(path).training_record == load(str(path)).training_record == RECORD
    for name in ("symphony", "anthem.md", "a" * 10_000, "../shipped/anthem", "*"):
        with pytest.raises(CheckpointError, match=r"musegen; those are anthem, folk-song\."):
            load(name)
    for name in ("", "a\0b"):
        with pytest.raises(ValueError, match=r"name='.*: give a path"):
            load(name)


@pytest.mark.parametrize(
    "name", ["model", "model.keras", "model.safetensors.bak", "model.SAFETENSORS"]
)
def test_a_checkpoint_is_named_with_its_suffix(model, tmp_path, name):
    with pytest.raises(CheckpointError, match=r"suffix \.safetensors"):
        save_checkpoint(model, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# --- what can't be written -----------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("no")])
def test_an_error_midway_leaves_the_old_file(model, saved, path, monkeypatch, error):
    def replace(*args):
        raise error

    path.write_bytes(saved)
    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(CheckpointError, match=r"can't be written: (No space left on device|no)"):
        save_checkpoint(model, path)
    assert path.read_bytes() == saved
    assert list(path.parent.iterdir()) == [path]


def test_places_where_nothing_can_be_written(model, tmp_path):
    (tmp_path / "file").write_text("text")
    (tmp_path / "folder.safetensors" / "inside").mkdir(parents=True)
    for name in ("file/model", "folder", "a" * 300):
        with pytest.raises(CheckpointError, match="can't be written"):
            save_checkpoint(model, tmp_path / f"{name}.safetensors")
    with pytest.raises(CheckpointError, match="can't be written"):
        save_checkpoint(model, "/proc/model.safetensors")
    assert (tmp_path / "file").read_text() == "text"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.safetensors"]


NESTED = json.loads("[" * 40 + "]" * 40)


@pytest.mark.parametrize(
    "value",
    [
        *(np.float32(1), {1, 2}, float("nan"), float("inf"), object()),
        # What could be written, and not be read again.
        *(NESTED, {1: 2, "1": 3}, "half a character: \ud800", "a" * 10**6, [[]] * 100_000),
    ],
)
def test_a_record_that_is_no_json(saved, path, value):
    path.write_bytes(saved)
    model = small_model()
    model.training_record = {"nats": value}
    with pytest.raises(CheckpointError, match="must be JSON values"):
        save_checkpoint(model, path)
    assert path.read_bytes() == saved


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_saved_over_good_ones(saved, path, value):
    path.write_bytes(saved)
    model = small_model()
    model.symbol_heads["pitch"].bias.assign(np.full(132, value))
    with pytest.raises(CheckpointError, match="'pitch_head/bias' holds numbers that aren't finite"):
        save_checkpoint(model, path)
    assert path.read_bytes() == saved


# --- half precision, and models of several tracks ------------------------------------------------


def kinds(data):
    header, _ = parts(data)
    return {entry["dtype"] for name, entry in header.items() if name != "__metadata__"}


@pytest.mark.parametrize("generator", ["compact", "book"])
@pytest.mark.parametrize("composition", ["hybrid", "jamming", "composer"])
def test_a_gan_comes_back(composition, generator, path):
    gan = small_gan(composition, generator=generator)
    save_checkpoint(gan, path)
    again = load_checkpoint(path)
    assert type(again) is MuseGAN
    assert again.get_config() == gan.get_config()
    assert again.training_record == RECORD
    assert again.encoding == gan.encoding
    for one, other in zip(gan.generator.weights, again.generator.weights, strict=True):
        assert np.array_equal(one, other)
    pieces = gan.sample(count=5, bars=3, seed=7), again.sample(count=5, bars=3, seed=7)
    for first, second in zip(*pieces, strict=True):
        assert np.array_equal(first.roll, second.roll)
        assert first.score == second.score


def test_a_gan_saves_its_generator_only(gan, saved_gan):
    header, body = parts(saved_gan)
    assert header.keys() - {"__metadata__"} == {v.path for v in gan.generator.weights}
    assert len(body) == 4 * gan.generator.count_params()
    assert header["__metadata__"]["musegen"]["config"]["encoding"] == gan.encoding.get_config()


def test_half_precision_is_half_the_size(model, saved, gan, saved_gan, path):
    for one, whole in ((model, saved), (gan, saved_gan)):
        save_checkpoint(one, path, half=True)
        data = path.read_bytes()
        assert (kinds(whole), kinds(data)) == ({"F32"}, {"F16"})
        assert len(parts(data)[1]) == len(parts(whole)[1]) // 2
        again = load_checkpoint(path)
        for weight, halved in zip(
            one.saved_weights.values(), again.saved_weights.values(), strict=True
        ):
            expected = weight.numpy().astype(np.float16).astype(np.float32)
            assert np.array_equal(halved.numpy(), expected)
            assert halved.dtype == "float32"
        # Saved again, it loses nothing more.
        save_checkpoint(again, path, half=True)
        assert path.read_bytes() == data
    assert again.sample(seed=7).roll.shape == gan.encoding.shape(2)


def test_weights_that_half_precision_can_not_hold(path):
    gan = small_gan()
    weight = gan.generator.weights[0]
    for value in (65_520.0, -1e9):  # the first that would round to infinity
        weight.assign(np.full(weight.shape, value))
        with pytest.raises(CheckpointError, match="holds numbers that aren't finite"):
            save_checkpoint(gan, path, half=True)
        assert not path.exists()
        save_checkpoint(gan, path)
        assert np.array_equal(load_checkpoint(path).generator.weights[0], weight)
        path.unlink()


def test_half_precision_is_read_for_what_it_is(saved_gan, path):
    """Tensors of both sizes may stand side by side; integers may not."""
    header, body = parts(saved_gan)
    name = max(header.keys() - {"__metadata__"}, key=lambda n: header[n]["data_offsets"][1])
    begin, end = header[name]["data_offsets"]
    last = np.frombuffer(body[begin:end], "<f4")
    header[name] |= {"dtype": "F16", "data_offsets": [begin, (begin + end) // 2]}
    path.write_bytes(joined(header, body[:begin] + last.astype("<f2").tobytes()))
    found = {weight.path: weight for weight in load_checkpoint(path).generator.weights}[name]
    assert np.array_equal(found.numpy().ravel(), last.astype("<f2").astype("<f4"))
    infinite = np.full(last.shape, np.inf, "<f2")
    message = refused(path, joined(header, body[:begin] + infinite.tobytes()))
    assert "not finite" in message
    header[name] |= {"dtype": "I32", "data_offsets": [begin, end]}
    assert "is int32" in refused(path, joined(header, body))


def test_a_critic_that_no_file_holds_takes_no_memory(path, monkeypatch):
    """What is not in the file, the size of the file must not be dwarfed by."""
    gan = small_gan("jamming", bars=64, noise_size=1, units=4)
    save_checkpoint(gan, path, half=True)
    weights = []
    add_weight = type(gan.generator.layers[-1]).add_weight

    def counted(self, *args, **kwargs):
        variable = add_weight(self, *args, **kwargs)
        weights.append(int(np.prod(variable.shape)))
        return variable

    monkeypatch.setattr(keras.layers.Layer, "add_weight", counted)
    load_checkpoint(path)
    assert 4 * sum(weights) < 20 * path.stat().st_size
