"""What is saved loads elsewhere to the last bit; whatever else is loaded is a CheckpointError."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from musegen import checkpoint
from musegen.checkpoint import CheckpointError, load, load_checkpoint, save_checkpoint
from musegen.encoding import PianorollEncoding, PitchDurationEncoding
from musegen.encoding.pianoroll import RollTrack
from musegen.models import AttentionLSTM, MuseGAN

RECORD = {"corpus": "tunes ♫", "epochs": 3, "nats": 2.5, "split": [1, 2], "nested": {"a": None}}
IDS = {
    name: np.random.default_rng(i).integers(0, 3, (2, 9), np.int32)
    for i, name in enumerate(["pitch", "duration", "position", "bar", "meter"])
}


def small_model(**arguments):
    encoding = PitchDurationEncoding(durations=(12, 24, 48), voice="lowest", program=73)
    sizes = {"units": 4, "pitch_embedding": 2, "duration_embedding": 2, "attention_size": 3}
    opening = (3, 4, 24, 600_000, 7)
    model = AttentionLSTM(encoding=encoding, openings=[opening], **{**sizes, **arguments})
    model.training_record = RECORD
    return model


def outputs(model):
    return np.concatenate([np.asarray(values).ravel() for values in model(IDS).values()])


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    """The bytes of a checkpoint."""
    return save_checkpoint(
        model, tmp_path_factory.mktemp("saved") / "model.safetensors"
    ).read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def parts(data):
    """Header (with musegen's document in it as a dict) and body of a checkpoint."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["musegen"] = json.loads(header["__metadata__"]["musegen"])
    return header, data[8 + length :]


def joined(header, body):
    if isinstance(header, dict):
        header = json.loads(json.dumps(header))
        metadata = header.get("__metadata__")
        if isinstance(metadata, dict) and not isinstance(metadata.get("musegen", ""), str):
            metadata["musegen"] = json.dumps(metadata["musegen"])
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + body


def refused(path, data):
    """Asserts that these bytes are a CheckpointError whose message names the file."""
    path.write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


# --- saving and loading --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [{}, {"attention": "dot", "heads": 2, "head": "context"}, {"depth": 1}]
)
def test_it_comes_back(arguments, path):
    model = small_model(**arguments)
    assert save_checkpoint(model, path) == path
    again = load_checkpoint(path)
    assert type(again) is AttentionLSTM
    assert again.get_config() == model.get_config()
    assert again.training_record == RECORD
    assert again.encoding == model.encoding
    assert np.array_equal(outputs(again), outputs(model))
    save_checkpoint(again, path.with_name("again.safetensors"))
    assert path.with_name("again.safetensors").read_bytes() == path.read_bytes()


def test_another_process_gives_the_same_to_the_last_bit(model, path, tmp_path):
    save_checkpoint(model, path)
    np.savez(tmp_path / "ids.npz", **IDS)
    code = """
import sys
import numpy as np
import musegen.checkpoint
model = musegen.checkpoint.load(sys.argv[1])
ids = dict(np.load(sys.argv[2]))
result = np.concatenate([np.asarray(values).ravel() for values in model(ids).values()])
np.save(sys.argv[3], result)
"""
    found = tmp_path / "found.npy"
    command = [sys.executable, "-c", code, path, tmp_path / "ids.npz", found]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    assert np.load(found).tobytes() == outputs(model).tobytes()


def test_the_file_is_safetensors_with_one_json_document(model, saved, path):
    from safetensors import safe_open

    path.write_bytes(saved)
    with safe_open(path, "np") as file:
        assert set(file.keys()) == {variable.path for variable in model.weights}
        for variable in model.weights:
            assert np.array_equal(file.get_tensor(variable.path), variable.numpy())
        document = json.loads(file.metadata()["musegen"], parse_constant=pytest.fail)
    assert document == {
        "format": 1,
        "class": "AttentionLSTM",
        "config": model.get_config() | {"openings": [[3, 4, 24, 600_000, 7]]},
        "training": RECORD,
    }
    assert document["config"]["encoding"] == model.encoding.get_config()


def test_a_file_may_be_written_over_while_its_model_is_in_use(model, path):
    save_checkpoint(model, path)
    first = load_checkpoint(path)
    save_checkpoint(small_model(), path)
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
    monkeypatch.setattr(checkpoint, "PRETRAINED", shipped)
    assert checkpoint.pretrained_names() == ["anthem", "folk-song"]
    assert load("folk-song").training_record == RECORD
    path.write_bytes(saved)
    assert load(path).training_record == load(str(path)).training_record == RECORD
    for name in ("symphony", "anthem.md", "", "a" * 10_000, "a\0b", "../shipped/anthem", "*"):
        with pytest.raises(CheckpointError) as caught:
            load(name)
        if name:  # the empty path is the current folder
            assert "ships with musegen; those are anthem, folk-song." in str(caught.value)


@pytest.mark.parametrize(
    "name", ["model", "model.keras", "model.safetensors.bak", "model.SAFETENSORS"]
)
def test_a_checkpoint_is_named_with_its_suffix(model, tmp_path, name):
    with pytest.raises(CheckpointError, match=r"suffix \.safetensors"):
        save_checkpoint(model, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# --- what can't be written -----------------------------------------------------------------------


def test_a_failed_write_leaves_the_old_file(model, saved, path):
    path.write_bytes(saved)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(CheckpointError, match="can't be written"):
            save_checkpoint(small_model(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == saved
    assert list(path.parent.iterdir()) == [path]


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
    for name in ("file/model", "folder", "a\0b", "a" * 300):
        with pytest.raises(CheckpointError, match="can't be written"):
            save_checkpoint(model, tmp_path / f"{name}.safetensors")
    with pytest.raises(CheckpointError, match="can't be written"):
        save_checkpoint(model, "/proc/model.safetensors")
    assert (tmp_path / "file").read_text() == "text"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.safetensors"]


@pytest.mark.parametrize("value", [np.float32(1), {1, 2}, float("nan"), float("inf"), object()])
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
    model.pitch_head.bias.assign(np.full(132, value))
    with pytest.raises(CheckpointError, match="'pitch_head/bias' holds numbers that aren't finite"):
        save_checkpoint(model, path)
    assert path.read_bytes() == saved


# --- damage --------------------------------------------------------------------------------------


def test_cut_short(saved, path):
    length = struct.unpack("<Q", saved[:8])[0]
    random = np.random.default_rng(1)
    ends = {0, 1, 7, 8, 9, 7 + length, 8 + length, len(saved) - 1}
    for end in sorted(ends | set(random.integers(0, len(saved), 60).tolist())):
        refused(path, saved[:end])
    refused(path, saved + b"\0")
    refused(path, saved[8:])


def test_random_mutants_load_or_are_refused(saved, path):
    """A changed byte may give other numbers or other words, and nothing but an error else."""
    length = 8 + struct.unpack("<Q", saved[:8])[0]
    random = np.random.default_rng(2)
    errors = 0
    for number in range(400):
        data = bytearray(saved)
        high = length if number % 4 else len(saved)
        for _ in range(random.integers(1, 4)):
            at = int(random.integers(high))
            kind = random.integers(4)
            if kind == 0:
                data[at] = random.integers(256)
            elif kind == 1:
                data[at] ^= 1 << random.integers(8)
            elif kind == 2:
                data[at:at] = data[at : at + random.integers(1, 20)]
            else:
                del data[at : at + random.integers(1, 20)]
        path.write_bytes(data)
        try:
            load_checkpoint(path)
        except CheckpointError as error:
            assert str(path) in str(error)
            errors += 1
    assert errors > 200


def test_random_changes_of_values_load_or_are_refused(saved, path):
    """The same with every value of the header, as JSON that is well formed."""
    values = [None, True, -1, 0, 1, 7, 1.5, 2**31, 10**18, 10**400, "", "F64", "x", [], [1], {}]
    values += [float("nan"), float("inf"), [[]], {"x": 1}, "é\0", [0, 8], ["a"] * 70]
    random = np.random.default_rng(3)
    header, body = parts(saved)

    def places(value, above=()):
        yield above
        if isinstance(value, (dict, list)):
            keys = value if isinstance(value, dict) else range(len(value))
            for key in keys:
                yield from places(value[key], (*above, key))

    found = [place for place in places(header) if place]
    for number in range(300):
        place = found[number % len(found)]
        if place[-1] == "depth":
            continue  # has a test of its own
        changed = json.loads(json.dumps(header))
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        if random.random() < 0.15:
            del inner[place[-1]]
        else:
            inner[place[-1]] = values[random.integers(len(values))]
        path.write_bytes(joined(changed, body))
        try:
            load_checkpoint(path)
        except CheckpointError as error:
            assert str(path) in str(error)


def changed_header(change):
    def make(saved):
        header, body = parts(saved)
        change(header)
        return joined(header, body)

    return make


def entry(header):
    return header["pitch_head/bias"]


def document(header):
    return header["__metadata__"]["musegen"]


def twice(saved):
    header, body = parts(saved)
    raw = joined(header, b"")[8:]
    name = b'"pitch_head/bias"'
    return joined(
        raw[:-1] + b", " + raw[raw.index(name) : raw.index(b"}", raw.index(name)) + 1] + b"}", body
    )


def twice_in_document(saved):
    header, body = parts(saved)
    text = json.dumps(document(header))
    header["__metadata__"]["musegen"] = text[:-1] + ', "class": "AttentionLSTM"}'
    return joined(header, body)


def with_number(value):
    def make(saved):
        header, body = parts(saved)
        begin = entry(header)["data_offsets"][0]
        return joined(header, body[:begin] + struct.pack("<f", value) + body[begin + 4 :])

    return make


def renamed(header):
    header["pitch_head/other"] = header.pop("pitch_head/bias")


def swapped_shapes(header):
    kernel = header["lstm_1/kernel"]
    kernel["shape"] = kernel["shape"][::-1]


def overlapping(header):
    other = next(v for k, v in header.items() if k != "__metadata__" and v != entry(header))
    other["data_offsets"] = entry(header)["data_offsets"]


def with_zero_size(shape):
    def change(header):
        end = max(v["data_offsets"][1] for k, v in header.items() if k != "__metadata__")
        header["more"] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end]}

    return changed_header(change)


NO_SENSE = "its header makes no sense"
DAMAGE = {
    "empty": (lambda saved: b"", "cut short"),
    "text": (
        lambda saved: b"This is a text and no checkpoint of any kind." * 9,
        "not a safetensors",
    ),
    "MIDI": (lambda saved: b"MThd\0\0\0\x06\0\x01\0\x01\0\x18" + b"\0" * 50, "not a safetensors"),
    "header of 2^63 bytes": (
        lambda saved: struct.pack("<Q", 2**63) + saved[8:],
        "not a safetensors",
    ),
    "header of 2 GB": (lambda saved: struct.pack("<Q", 2**31) + saved[8:], "not a safetensors"),
    "header that is no JSON": (lambda saved: joined(b"{]", b""), NO_SENSE),
    "header that is no object": (lambda saved: joined([1], b""), NO_SENSE),
    "header that is no text": (lambda saved: joined(b"\xff\xfe\xfd", b""), NO_SENSE),
    "deeply nested": (lambda saved: joined(b"[" * 500_000, b""), NO_SENSE),
    "number of 10,000 digits": (
        lambda saved: joined(b'{"a": ' + b"9" * 10_000 + b"}", b""),
        NO_SENSE,
    ),
    "no metadata": (changed_header(lambda h: h.pop("__metadata__")), NO_SENSE),
    "metadata of another": (changed_header(lambda h: h.update(__metadata__={"a": "b"})), NO_SENSE),
    "document that is no object": (
        changed_header(lambda h: h["__metadata__"].update(musegen="[]")),
        NO_SENSE,
    ),
    "document deeply nested": (
        changed_header(lambda h: h["__metadata__"].update(musegen="[" * 400_000)),
        NO_SENSE,
    ),
    "tensor twice": (twice, NO_SENSE),
    "class twice": (twice_in_document, NO_SENSE),
    "tensor gone": (changed_header(lambda h: h.pop("pitch_head/bias")), NO_SENSE),
    "tensor renamed": (changed_header(renamed), "named 'pitch_head/"),
    "tensor too many": (with_zero_size([0]), "does not, a tensor named 'more'"),
    "tensor of many dimensions": (with_zero_size([0] * 65), NO_SENSE),
    "tensor of no size, yet huge": (with_zero_size([0, *[2**31 - 1] * 3]), NO_SENSE),
    "shapes swapped": (changed_header(swapped_shapes), "the model needs float32"),
    "shape negative": (changed_header(lambda h: entry(h).update(shape=[-132])), NO_SENSE),
    "shape of fractions": (changed_header(lambda h: entry(h).update(shape=[132.0])), NO_SENSE),
    "shape huge": (changed_header(lambda h: entry(h).update(shape=[2**31 - 1] * 9)), NO_SENSE),
    "type unknown": (changed_header(lambda h: entry(h).update(dtype="F128")), NO_SENSE),
    "type another": (changed_header(lambda h: entry(h).update(dtype="I32")), "is int32"),
    "type a list": (changed_header(lambda h: entry(h).update(dtype=[])), NO_SENSE),
    "offsets overlapping": (changed_header(overlapping), NO_SENSE),
    "offsets past the end": (
        changed_header(lambda h: entry(h).update(data_offsets=[10**9, 10**9 + 528])),
        NO_SENSE,
    ),
    "offsets of text": (changed_header(lambda h: entry(h).update(data_offsets="a")), NO_SENSE),
    "NaN": (with_number(float("nan")), "'pitch_head/bias' holds numbers that are not finite"),
    "infinity": (with_number(float("-inf")), "'pitch_head/bias' holds numbers that are not finite"),
    "format of tomorrow": (changed_header(lambda h: document(h).update(format=2)), "newer musegen"),
    "no format": (changed_header(lambda h: document(h).pop("format")), "holds format None"),
    "class unknown": (
        changed_header(lambda h: document(h).update({"class": "GPT"})),
        "model 'GPT'",
    ),
    "class of Python's": (
        changed_header(lambda h: document(h).update({"class": "__builtins__"})),
        "model '__builtins__'",
    ),
    "class a list": (changed_header(lambda h: document(h).update({"class": []})), "model []"),
    "no config": (changed_header(lambda h: document(h).pop("config")), "doesn't describe"),
    "config a list": (changed_header(lambda h: document(h).update(config=[])), "doesn't describe"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_kind_of_damage(kind, saved, path):
    make, message = DAMAGE[kind]
    assert message in refused(path, make(saved))


CONFIGS = {
    "units": [10**9, -1, 0, 8.5, "8", None, [8], True, 8, 1e308, float("nan")],
    "depth": [100, 0, -1, 2.0, None],
    "pitch_embedding": [10**9, 0, "x"],
    "attention_size": [10**9, 0],
    "heads": [10**9, 3, 0, 4, "ab"],
    "attention": ["dot", "global", None, []],
    "head": ["context", "hat"],
    "dropout": [1, -1, "a", float("nan")],
    "encoding": [None, [], {}, {"durations": [12]}, {"durations": [1], "voice": "lowest"}],
    "openings": [3, [3], None],
    "name": [[], {}, 3],
    "surprise": [1],
    "trainable": [False],
}


@pytest.mark.parametrize("name", CONFIGS)
def test_configs_that_do_not_fit_the_weights(name, saved, path):
    for value in CONFIGS[name]:
        header, body = parts(saved)
        document(header)["config"][name] = value
        tracemalloc.start()
        refused(path, joined(header, body))
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()


@pytest.mark.parametrize(
    "change", [{"depth": 10**12}, {"heads": [0], "attention_size": 10**12}, {"units": "x" * 9}]
)
def test_configs_that_would_take_for_ever(change, saved, path):
    header, body = parts(saved)
    document(header)["config"].update(change)
    assert "give a whole number" in refused(path, joined(header, body))


def test_what_is_no_file(path, tmp_path):
    with pytest.raises(CheckpointError, match="No such file"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="is no file"):
        load_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="can't be read"):
        load_checkpoint("a\0b.safetensors")
    with pytest.raises(CheckpointError, match="can't be read"):
        load_checkpoint("a" * 5000)
    os.mkfifo(path)
    with pytest.raises(CheckpointError, match="is no file"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="is no file"):
        load("/dev/zero")


# --- half precision, and models of several tracks ------------------------------------------------


def small_gan(composition="hybrid", **arguments):
    tracks = RollTrack("line", 73), RollTrack("kit", 0, True, "all")
    encoding = PianorollEncoding(tracks, steps=6, meter=(3, 4), lowest=58, pitches=5)
    sizes = {"bars": 2, "noise_size": 3, "units": 8, "tempo": 600_000, "name": "duo"}
    gan = MuseGAN(encoding, composition=composition, **{**sizes, **arguments})
    random = np.random.default_rng(0)
    for weight in gan.generator.weights:
        weight.assign(random.normal(0, 0.4, weight.shape))
    gan.training_record = RECORD
    return gan


@pytest.fixture(scope="module")
def gan():
    return small_gan()


@pytest.fixture(scope="module")
def saved_gan(gan, tmp_path_factory):
    """The bytes of a MuseGAN's checkpoint."""
    return save_checkpoint(gan, tmp_path_factory.mktemp("gan") / "gan.safetensors").read_bytes()


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
    assert len(body) == 4 * MuseGAN.weight_count(gan.get_config())
    assert document(header)["config"]["encoding"] == gan.encoding.get_config()


def test_half_precision_is_half_the_size(model, saved, gan, saved_gan, path):
    for one, whole in ((model, saved), (gan, saved_gan)):
        save_checkpoint(one, path, half=True)
        data = path.read_bytes()
        assert (kinds(whole), kinds(data)) == ({"F32"}, {"F16"})
        assert len(parts(data)[1]) == len(parts(whole)[1]) // 2
        again = load_checkpoint(path)
        for weight, halved in zip(one.saved_weights, again.saved_weights, strict=True):
            expected = weight.numpy().astype(np.float16).astype(np.float32)
            assert np.array_equal(halved.numpy(), expected)
            assert halved.dtype == "float32"
        # Saved again, it loses nothing more.
        save_checkpoint(again, path.with_name("again.safetensors"), half=True)
        assert path.with_name("again.safetensors").read_bytes() == data
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


GAN_CONFIGS = {
    "bars": [10**9, -1, 0, 2.0, "2", None, [2], True, 3, 64, 65, float("nan")],
    "noise_size": [10**9, 0, 4, 1024, "x"],
    "units": [10**9, 3, 9, 4096, 8.5, None],
    "composition": ["jamming", "composer", "solo", None, [], {}],
    "generator": ["book", "harsh", None],
    "critic": ["harsh", None, []],
    "tempo": [0, -1, 2**24, 1.5, "fast", None],
    "name": [[], {}, 3, "", "a/b"],
    "surprise": [1],
    "trainable": [False],
    "encoding": [
        None,
        [],
        {},
        3,
        {"tracks": []},
        {"tracks": [], "steps": 6, "meter": [3, 4], "lowest": 58, "pitches": 5},
        {"tracks": [{"name": "a"}], "steps": 6, "meter": [3, 4], "lowest": 58, "pitches": 5},
    ],
}
GAN_ENCODINGS = {
    "tracks": [None, 3, [3], [{}], [{"name": 3}], [{"name": "a", "color": "red"}], "ab", ["a"]],
    "steps": [0, 193, 10**12, 12, 6.0, "6", None],
    "meter": [[4], [0, 4], [3, 3], [10**12, 4], "34", None, 3],
    "lowest": [-1, 128, 10**12, "C", None, True],
    "pitches": [0, 6, 71, 10**12, 5.0, None],
    "surprise": [1],
}


@pytest.mark.parametrize("name", GAN_CONFIGS)
def test_configs_that_do_not_fit_a_gans_weights(name, saved_gan, path):
    for value in GAN_CONFIGS[name]:
        header, body = parts(saved_gan)
        document(header)["config"][name] = value
        tracemalloc.start()
        refused(path, joined(header, body))
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()
    header, body = parts(saved_gan)
    document(header)["config"].pop(name, None)
    if name not in ("surprise", "trainable", "name"):
        refused(path, joined(header, body))


@pytest.mark.parametrize("name", GAN_ENCODINGS)
def test_encodings_that_do_not_fit_a_gans_weights(name, saved_gan, path):
    for value in GAN_ENCODINGS[name]:
        header, body = parts(saved_gan)
        document(header)["config"]["encoding"][name] = value
        tracemalloc.start()
        refused(path, joined(header, body))
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()


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

    import keras

    monkeypatch.setattr(keras.layers.Layer, "add_weight", counted)
    load_checkpoint(path)
    assert 4 * sum(weights) < 20 * path.stat().st_size


def test_a_class_with_the_weights_of_another(saved, saved_gan, path):
    for data, name in ((saved, "MuseGAN"), (saved_gan, "AttentionLSTM")):
        header, body = parts(data)
        document(header)["class"] = name
        assert f"doesn't describe a {name}" in refused(path, joined(header, body))
