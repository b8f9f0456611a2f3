"""Hostile checkpoints: each is one clear line, and nothing else happens.

Every row makes a file out of a good one (a melody model's, a MuseGAN's, or a `.resume`), and a
watched process loads it: a `CheckpointError` in a second of processor time and 100 MB, no code of
the file run, no file opened but the one named, none made, no connection.
"""

from __future__ import annotations

import functools
import io
import json
import marshal
import operator
import os
import pickle
import socket
import struct
import zipfile

import numpy as np
import pytest
from fuzz_checkpoints import joined

from musegen.checkpoint import CheckpointError, file_tensors
from musegen.loading import load_checkpoint
from musegen.models.melody_model import FIRST_VERSION

CHECKPOINTS = ("AttentionLSTM", "MuseGAN")
KINDS = (*CHECKPOINTS, ".resume")
NO_CHECKPOINT = "is not a safetensors file, or was cut short"
NO_SENSE = "its header makes no sense"
NEEDS = "the model needs"
WRONG = (NEEDS, NO_SENSE)


def rows(*tables):
    """Every attack of some tables, for every kind of file."""
    return [
        pytest.param(kind, attack, id=f"{name} {kind}")
        for table, kinds in tables
        for name, attack in table.items()
        for kind in kinds
    ]


def document(header):
    return header["__metadata__"]["musegen"]


def with_value(good, value, *keys):
    """A good file with a value put into its document, under a key within others."""
    header, body = good.parts()
    *within, last = keys
    functools.reduce(operator.getitem, within, document(header))[last] = value
    return joined(header, body)


# --- files of other kinds under our suffix -------------------------------------------------------


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def keras_archive(marker):
    """A `.keras` file with a `Lambda` layer that makes a file when it is loaded or called."""
    code = compile(f"lambda x: open({str(marker)!r}, 'w')", "", "eval")
    config = {"class_name": "Lambda", "config": {"function": [marshal.dumps(code).hex(), None, []]}}
    whole = {"class_name": "Sequential", "config": {"layers": [config]}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", json.dumps(whole))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(500))
    return buffer.getvalue()


def torch_archive(marker):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Payload(marker)))
    return buffer.getvalue()


def npy(marker):
    buffer = io.BytesIO()
    np.save(buffer, np.array([Payload(marker)], object), allow_pickle=True)
    return buffer.getvalue()


FOREIGN = {
    **{
        f"pickle of protocol {protocol}": lambda m, p=protocol: pickle.dumps(Payload(m), p)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "pickle and zeros": lambda m: pickle.dumps(Payload(m)) + bytes(10**6),
    "length, then a pickle": lambda m: joined(pickle.dumps(Payload(m)) + bytes(50)),
    "pickled array": npy,
    "PyTorch archive": torch_archive,
    "Keras archive": keras_archive,
    "HDF5": lambda m: b"\x89HDF\r\n\x1a\n" + bytes(4000),
    "TensorFlow graph": lambda m: b"\x08\x01\x12\x80\x08\n\x02PyFunc" + bytes(4000),
    "Python": lambda m: f"open({str(m)!r}, 'w')\n".encode() * 50,
    "YAML": lambda m: f"!!python/object/apply:open [{m}, w]\n".encode() * 50,
    "MIDI": lambda m: b"MThd\0\0\0\x06\0\x01\0\x01\0\x18" + bytes(50),
    "nothing": lambda m: b"",
    "one byte": lambda m: b"\x08",
    "zeros": lambda m: bytes(10**6),
    "ones": lambda m: b"\xff" * 10**6,
}


@pytest.mark.parametrize(("kind", "make"), rows((FOREIGN, KINDS)))
def test_files_of_other_kinds(kind, make, server, refused, tmp_path):
    marker = tmp_path / "run"
    message = refused(kind, server.good[kind].suffix, make(marker))
    assert NO_CHECKPOINT in message or NO_SENSE in message
    assert not marker.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_pickles_within_a_whole_file(kind, server, refused, tmp_path):
    """As the weights, as the document, as a tensor's name: it is data, and wrong."""
    marker = tmp_path / "run"
    good = server.good[kind]
    header, body = good.parts()
    payload = pickle.dumps(Payload(marker))
    text = pickle.dumps(Payload(marker), 0).decode("ascii")
    refused(kind, good.suffix, joined(header, payload * (len(body) // len(payload))))
    metadata = header["__metadata__"] | {"musegen": text}
    refused(kind, good.suffix, joined({**header, "__metadata__": metadata}, body))
    name = next(name for name in header if name != "__metadata__")
    renamed = {text if key == name else key: value for key, value in header.items()}
    refused(kind, good.suffix, joined(renamed, body))
    assert not marker.exists()


# --- headers -------------------------------------------------------------------------------------


def length_of(claimed):
    return lambda header, body: struct.pack("<Q", claimed) + joined(header, body)[8:]


def raw(data):
    return lambda header, body: joined(data, body)


def metadata(value):
    return lambda header, body: joined({**header, "__metadata__": value}, body)


def in_document(text):
    """Puts raw JSON into the document, under a name that nothing reads."""

    def make(header, body):
        whole = json.dumps(document(header))
        return joined({**header, "__metadata__": {"musegen": f'{whole[:-1]}, "x": {text}}}'}}, body)

    return make


def in_table(text):
    """Puts raw JSON into the header, in place of a tensor's entry."""

    def make(header, body):
        name = next(name for name in header if name != "__metadata__")
        mark = {**header, name: "here"}
        whole = joined(mark)[8:].replace(b'"here"', text.encode())
        return joined(whole, body)

    return make


def repeated(key, within):
    """Gives a key twice, of an object in the header."""

    def make(header, body):
        whole = joined(header)[8:]
        place = whole.index(within) if within else 0
        place = whole.index(b"{", place) + 1
        return joined(whole[:place] + key + whole[place:], body)

    return make


def nested(levels, text="[{}]"):
    return text.format("[" * levels + "]" * levels)


SENSELESS = {
    "a byte short": lambda h, b: length_of(len(joined(h)) - 9)(h, b),
    "a byte long": lambda h, b: length_of(len(joined(h)) - 7)(h, b),
    "1 MB of spaces": raw(b" " * 10**6),
    "1 MB of lists": raw(b"[" + b"[]," * 333_000 + b"[]]"),
    "100,000 lists": raw(b'{"a":[' + b"[]," * 99_997 + b"[]]}"),
    "1 MB of objects": raw(b'{"a":[' + b"{}," * 330_000 + b"{}]}"),
    "1 MB of names": raw(json.dumps({str(n): 0 for n in range(75_000)}).encode()),
    "1 MB of one name": raw(b"{" + b'"":0,' * 190_000 + b'"":0}'),
    "1 MB of axes": in_table('{"dtype":"F32","shape":[%s0]}' % ("2147483647," * 90_000)),
    "1 MB of offsets": in_table('{"data_offsets":[%s0]}' % ("0," * 450_000)),
    "1 MB of numbers": in_table(f"[{'0.1,' * 200_000}0]"),
    "wide characters": raw('{"é😀": "'.encode() + b"a" * 900_000 + b'"}'),
    "no JSON": raw(b"{]"),
    "JSON and more": lambda h, b: joined(joined(h)[8:] + b"{}", b),
    "no text": raw(b"\xff\xfe\xfd"),
    "UTF-16": lambda h, b: joined(json.dumps(h).encode("utf-16"), b),
    "byte order mark": lambda h, b: joined(b"\xef\xbb\xbf" + joined(h)[8:], b),
    **{text: raw(text.encode()) for text in ("[1]", "12", '"safetensors"', "null", "{}")},
    "100,000 lists deep": raw(b"[" * 100_000),
    "100,000 closed lists deep": raw(b"[" * 100_000 + b"]" * 100_000),
    "100,000 objects deep": raw(b'{"a":' * 100_000),
    "document 100,000 deep": metadata({"musegen": "[" * 100_000}),
    "entry 100,000 deep": in_table(nested(100_000)),
    **{f"value {n} deep": in_document(nested(n)) for n in (32, 900, 100_000)},
    **{f"a value {text}": in_document(text) for text in ("NaN", "-Infinity", "1e999")},
    "NaN in the table": in_table("NaN"),
    "NaN axis": in_table('{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}'),
    "1e999 as offset": in_table('{"dtype":"F32","shape":[1],"data_offsets":[0,1e999]}'),
    "number of 4,000 digits": in_table("9" * 4000),
    "number of 900,000 digits": in_document("9" * 900_000),
    "half a character": in_document('"\\ud800"'),
    "half a character as name": in_document('{"\\udfff": 1}'),
    **{f"metadata {one}": metadata(one) for one in ({"format": "pt"}, [], None)},
    **{f"document {x!r}": metadata({"musegen": x}) for x in ("", "[]", 3, "null")},
    "metadata twice": repeated(b'"__metadata__": {}, ', None),
    "document twice": repeated(b'"musegen": "{}", ', b'"__metadata__"'),
}
HEADERS = {
    **{f"of {n} bytes": (length_of(n), NO_CHECKPOINT) for n in (0, 1, 10**6, 2**63, 2**64 - 1)},
    **{name: (make, NO_SENSE) for name, make in SENSELESS.items()},
}


@pytest.mark.parametrize(("kind", "attack"), rows((HEADERS, KINDS)))
def test_headers(kind, attack, server, refused):
    make, reason = attack
    good = server.good[kind]
    assert reason in refused(kind, good.suffix, make(*good.parts()))


def test_a_header_of_50_MB_is_not_read(server, refused, tmp_path):
    """Nor is what a file claims to hold: 50 MB and a terabyte of nothing, which take no room."""
    for data in (b" " * 50_000_000, b'{"a":{}' + b',"b":{}' * 7_000_000 + b"}"):
        assert NO_CHECKPOINT in refused("AttentionLSTM", ".safetensors", joined(data))
    path = tmp_path / "hostile.safetensors"
    for claimed in (50_000_000, 10**12):
        path.write_bytes(struct.pack("<Q", claimed))
        os.truncate(path, claimed + 8)
        assert NO_CHECKPOINT in refused("AttentionLSTM", None, path)
    header, body = server.good["AttentionLSTM"].parts()
    path.write_bytes(joined(header, body))
    os.truncate(path, 10**12)
    assert NO_SENSE in refused("AttentionLSTM", None, path)


# --- classes and configs -------------------------------------------------------------------------

LONG = "9" * 9**6
CLASSES = (
    *("GPT", "attentionlstm", "AttentionLSTM ", "AttentionLSTM\0", "Network", "Lambda", ""),
    *("__builtins__", "__class__", "__doc__", "__loader__", "annotations", "attention_lstm"),
    *("os", "os.system", "builtins.eval", "keras.layers.Lambda", "musegen.models.MuseGAN"),
    *("../AttentionLSTM", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "http://a.b/c"),
    *(None, True, 1, [], {}, ["AttentionLSTM"], {"module": "os", "class_name": "system"}, LONG),
)


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_class_names(kind, server, refused):
    for name in CLASSES:
        message = refused(kind, ".safetensors", with_value(server.good[kind], name, "class"))
        assert "this version of musegen knows" in message
    other = CHECKPOINTS[kind == CHECKPOINTS[0]]
    message = refused(kind, ".safetensors", with_value(server.good[kind], other, "class"))
    assert f"doesn't describe a {other}" in message


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_formats(kind, server, refused):
    for value in (0, 1, 3, -1, "2", None, [], {}, 1.5, 10**400, [[[[]]]], "a" * 9**6):
        hostile = with_value(server.good[kind], value, "format")
        assert "holds format" in refused(kind, ".safetensors", hostile)


MANY = 10**9
DEEP = json.loads("[" * 25 + "]" * 25)
HUGE = [MANY, 2**31, 2**63, 10**400, -1, 0, 1.5, 1e308, True, None, "", "8", [8], {}, DEEP, LONG]
TRACK = {"name": "tune", "program": 0, "is_drum": False, "voice": "highest"}
ANY_CONFIG = {
    "name": [None, 3, [], {}, "", "a/b", "../../x", "/etc/passwd"],
    "encoding": [None, 3, "x", [], {}, [[]], {"tracks": None, "durations": None}, DEEP],
    **{name: [1] for name in ("surprise", "trainable", "self", "cls", "__class__", "inputs")},
    "custom_objects": [{"Lambda": "os.system"}],
    "class_name": ["Lambda"],
}
CONFIGS = {
    "AttentionLSTM": {
        "units": [*HUGE, 8],
        "depth": [*HUGE, 2, 9],
        "pitch_embedding": HUGE,
        "duration_embedding": HUGE,
        "attention_size": HUGE,
        "heads": [*HUGE, 2, 3, 65],
        "attention": ["dot", "eval", None, [], "a" * 9**6],
        "head": ["context", "hat", None, {}],
        "dropout": [1, -1, "a", None, [], 10**400],
        "openings": [
            *(None, MANY, [MANY], "x", {"a": 1}, [[MANY] * 5], [[0] * 5], [[1] * 6], [None]),
            [[3, 4, 0, 500_000, 1]] * 30_000 + [[0]],
        ],
        **ANY_CONFIG,
    },
    "MuseGAN": {
        "bars": [*HUGE, 2, 64, 65],
        "noise_size": [*HUGE, 1, 1024],
        "units": [*HUGE, 4096],
        "composition": ["jamming", "composer", "eval", None, [], {}],
        "generator": ["book", "eval", None, []],
        "critic": ["eval", None, []],
        "hold": [-1, MANY, 10**400, None, "x", []],
        "tempo": [0, 2**24, 10**400, None, "x", 1.5],
        **ANY_CONFIG,
    },
}
ENCODINGS = {
    "AttentionLSTM": {
        "durations": [
            *(None, MANY, [], "12", [MANY], [0], [-1], [1.5], [12, 12], [24, 12], ["12"], [[12]]),
            *([10**400, 10**401], list(range(1, 65_536)), list(range(1, 150_000)), DEEP),
        ],
        "voice": ["loud", None, [], {}, "a" * 9**6],
        "program": [128, -1, MANY, 10**400, 1.5, True, None, "0", []],
        "surprise": [1],
    },
    "MuseGAN": {
        "tracks": [
            *(None, MANY, [], "ab", ["tune"], [None], [{}], [[]], {"a": 1}, [TRACK], DEEP),
            *([TRACK, TRACK], [{**TRACK, "x": 1}], [{"name": "a", "program": MANY}]),
            [{"name": str(n)} for n in range(55_000)],  # a million do not fit into a header
            [""] * 300_000,
        ],
        "steps": [*HUGE, 1, 192],
        "meter": [None, [4], [0, 4], [3, 3], [MANY, 4], [4, 10**400], "44", [4.0, 4], DEEP],
        "lowest": [-1, 128, MANY, 10**400, None, "x", True],
        "pitches": [*HUGE, 4, 68],
        "surprise": [1],
    },
}


@pytest.mark.parametrize(
    ("table", "within", "kind", "name"),
    [
        (table, within, kind, name)
        for table, within in ((CONFIGS, ["config"]), (ENCODINGS, ["config", "encoding"]))
        for kind in table
        for name in table[kind]
    ],
)
def test_configs(table, within, kind, name, server, refused):
    for value in table[kind][name]:
        refused(kind, ".safetensors", with_value(server.good[kind], value, *within, name))


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_configs_that_are_none_or_lack_something(kind, server, refused):
    for value in (None, [], 3, "units", {}, {"encoding": {}}, [["units", 4]]):
        refused(kind, ".safetensors", with_value(server.good[kind], value, "config"))
    for name in document(header := server.good[kind].parts()[0])["config"]:
        header, body = server.good[kind].parts()
        del document(header)["config"][name]
        by_itself = ("name", "openings", "tonic_share", "key_share")
        if name in by_itself or (kind, name) == ("MuseGAN", "ranges"):
            continue
        report = refused(kind, ".safetensors", joined(header, body))
        # A checkpoint that is silent of a later setting is one of the first version, without it.
        first = kind == "AttentionLSTM" and name in FIRST_VERSION
        assert first or f"lacks {name!r}" in report


def test_a_model_that_would_take_for_ever_to_build_is_compared_first(server, refused):
    """A thousand small networks have as many weights as one tensor of 9 MB, and another's names."""
    header, _ = server.good["MuseGAN"].parts()
    config = document(header)["config"] | {"composition": "jamming", "bars": 1, "noise_size": 1}
    config["encoding"] |= {"tracks": [TRACK | {"name": str(n)} for n in range(1000)]}
    document(header)["config"] = config
    count = 4_500_000
    header = {
        "__metadata__": header["__metadata__"],
        "all": {"dtype": "F16", "shape": [count], "data_offsets": [0, 2 * count]},
    }
    message = refused("MuseGAN", ".safetensors", joined(header, bytes(2 * count)))
    assert "at most 32" in message


def test_resume_files_of_another_run(server, refused):
    good = server.good[".resume"]
    for name in ("settings", "model"):
        for value in (None, [], {}, 3, "x", {"epochs": MANY}, DEEP):
            message = refused(".resume", good.suffix, with_value(good, value, name))
            assert "belongs to training with other settings" in message


def test_resume_files_of_other_lengths(server, refused):
    good = server.good[".resume"]
    for value in (None, [], {}, [2], "2", 3, -1, 10**18, 1.5, DEEP):
        message = refused(".resume", good.suffix, with_value(good, value, "epochs"))
        assert "its history" in message


# --- tensors -------------------------------------------------------------------------------------


def changed(**values):
    """Changes the entry of the first of the weights."""

    def make(header, body):
        name, entry = in_order(header)[0]
        return joined({**header, name: {**entry, **values}}, body)

    return make


def in_order(header):
    """The entries of the weights, by place; a `.resume` has its history before them."""
    weights = [(name, entry) for name, entry in header.items() if "data_offsets" in entry]
    weights = [(name, entry) for name, entry in weights if not name.startswith("history/")]
    return sorted(weights, key=lambda item: item[1]["data_offsets"])


def without_entry(header, body):
    del header[in_order(header)[0][0]]
    return joined(header, body)


def all_gone(header, body):
    return joined({"__metadata__": header["__metadata__"]})


def without_tensor(header, body):
    """The last one, and its bytes, so that all else fits."""
    name, entry = in_order(header)[-1]
    del header[name]
    return joined(header, body[: entry["data_offsets"][0]])


def renamed(name):
    def make(header, body):
        old, entry = in_order(header)[0]
        del header[old]
        return joined({**header, name: entry}, body)

    return make


def more(name, size):
    def make(header, body):
        entry = {"dtype": "F32", "shape": [size], "data_offsets": [len(body), len(body) + 4 * size]}
        return joined({**header, name: entry}, body + bytes(4 * size))

    return make


def twice(header, body):
    """A tensor's name, with its own entry again, at the end."""
    name, entry = in_order(header)[0]
    whole = joined(header)[8:]
    return joined(whole[:-1] + b", " + json.dumps({name: entry}).encode()[1:], body)


def twice_within(header, body):
    _, entry = in_order(header)[0]
    text = json.dumps(entry)
    whole = joined(header)[8:].replace(text.encode(), text[:-1].encode() + b', "dtype": "F32"}', 1)
    return joined(whole, body)


def reshaped(change):
    """Another shape of as many numbers."""

    def make(header, body):
        name, entry = next(item for item in in_order(header) if len(item[1]["shape"]) == 2)
        return joined({**header, name: {**entry, "shape": change(*entry["shape"])}}, body)

    return make


def retyped(kind, size):
    """The first of the weights in another type, with the offsets of those after it moved to fit."""

    def make(header, body):
        (_, entry), *others = in_order(header)
        begin, end = entry["data_offsets"]
        length = size * int(np.prod(entry["shape"]))
        for _, other in others:
            other["data_offsets"] = [n + length - (end - begin) for n in other["data_offsets"]]
        entry.update(dtype=kind, data_offsets=[begin, begin + length])
        return joined(header, body[:begin] + bytes(length) + body[end:])

    return make


def swapped_offsets(header, body):
    (_, first), *_, (_, last) = in_order(header)
    first["data_offsets"], last["data_offsets"] = last["data_offsets"], first["data_offsets"]
    return joined(header, body)


def all_at_once(header, body):
    """Every tensor at the same place."""
    for _, entry in in_order(header):
        size = entry["data_offsets"][1] - entry["data_offsets"][0]
        entry["data_offsets"] = [0, size]
    return joined(header, body)


def hole(size):
    """Leaves bytes between the first tensor and the next that belong to none."""

    def make(header, body):
        (_, first), *others = in_order(header)
        end = first["data_offsets"][1]
        for _, entry in others:
            entry["data_offsets"] = [n + size for n in entry["data_offsets"]]
        return joined(header, body[:end] + pickle.dumps(0)[:1] * size + body[end:])

    return make


OFFSETS = [[], None, "ab", [-8, 0], [8, 0], [0, 2**64], [10**400] * 2, [MANY, MANY + 8], [0, 9999]]
NAMES = "x", "../../etc/passwd", "/etc/passwd", "", "__class__", "a" * 900_000, "\x1b[2J\n\0"
OTHER_TYPES = [("BF16", 2), ("BOOL", 1), ("C64", 8), ("O", 8), ("|O", 8), (None, 4), ([], 4)]
TENSORS = {
    "entry gone": (without_entry, NO_SENSE),
    "tensor gone": (without_tensor, "lacks a tensor named"),
    "all gone": (all_gone, ("a tensor named", "history")),
    **{f"renamed {name[:20]!r}": (renamed(name), "a tensor named") for name in NAMES},
    "one more": (more("x", 3), "but the model does not, a tensor named 'x'"),
    "one more of no size": (more("x", 0), "but the model does not, a tensor named 'x'"),
    "twice": (twice, NO_SENSE),
    "type twice": (twice_within, NO_SENSE),
    "shape transposed": (reshaped(lambda a, b: [b, a]), "the model needs"),
    "shape flat": (reshaped(lambda a, b: [a * b]), "the model needs"),
    "shape with an axis of 1": (reshaped(lambda a, b: [a, b, 1]), "the model needs"),
    "shape of 9 axes": (reshaped(lambda a, b: [a, b, *[1] * 7]), NO_SENSE),
    "shape with 0": (reshaped(lambda a, b: [a, b, 0]), NO_SENSE),
    "shape 2^31 to the 8th": (reshaped(lambda a, b: [2**31 - 1] * 8), NO_SENSE),
    "shape of 10^9": (reshaped(lambda a, b: [MANY, b]), NO_SENSE),
    "shape negative": (reshaped(lambda a, b: [-a, -b]), NO_SENSE),
    "shape of fractions": (reshaped(lambda a, b: [float(a), b]), NO_SENSE),
    "shape of truth": (reshaped(lambda a, b: [True, a * b]), NO_SENSE),
    "shape a number": (reshaped(lambda a, b: a * b), NO_SENSE),
    **{f"shape {one}": (changed(shape=one), NO_SENSE) for one in ("ab", None)},
    "type F64": (retyped("F64", 8), WRONG),
    **{f"type I{8 * size}": (retyped(f"I{8 * size}", size), NEEDS) for size in (4, 8)},
    "type U32": (retyped("U32", 4), NEEDS),
    **{f"type {kind}": (retyped(kind, size), NO_SENSE) for kind, size in OTHER_TYPES},
    **{f"offsets {one}"[:30]: (changed(data_offsets=one), NO_SENSE) for one in OFFSETS},
    "offsets swapped": (swapped_offsets, WRONG),
    "all at once": (all_at_once, NO_SENSE),
    "hole": (hole(16), NO_SENSE),
    "hole of a megabyte": (hole(10**6), NO_SENSE),
    "a byte more": (lambda h, b: joined(h, b + b"\0"), NO_SENSE),
    "a megabyte more": (lambda h, b: joined(h, b + bytes(10**6)), NO_SENSE),
    "no weights": (lambda h, b: joined(h), NO_SENSE),
}


@pytest.mark.parametrize(("kind", "attack"), rows((TENSORS, KINDS)))
def test_tensors(kind, attack, server, refused):
    make, reason = attack
    good = server.good[kind]
    message = refused(kind, good.suffix, make(*good.parts()))
    assert any(part in message for part in ([reason] if isinstance(reason, str) else reason))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(kind, value, server, refused):
    """One number, in every tensor, first and last."""
    good = server.good[kind]
    header, body = good.parts()
    types = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
    for name, entry in in_order(header):
        number = np.array(value, types[entry["dtype"]]).tobytes()
        begin, end = entry["data_offsets"]
        for place in {begin, end - len(number)}:
            hostile = joined(header, body[:place] + number + body[place + len(number) :])
            message = refused(kind, good.suffix, hostile)
            assert f"{name!r} holds numbers that are not finite" in message


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_cut_short_at_every_hundredth(kind, server, refused):
    good = server.good[kind]
    header = len(good.data) - len(good.parts()[1])
    ends = {len(good.data) * part // 100 for part in range(100)}
    ends |= {1, 7, 8, 9, header - 1, header, header + 1, len(good.data) - 1}
    for end in sorted(ends):
        refused(kind, good.suffix, good.data[:end])
    refused(kind, good.suffix, good.data[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_anywhere_is_found(kind, server, refused):
    good = server.good[kind]
    for place in np.linspace(0, 8 * len(good.data) - 1, 100).astype(int).tolist():
        data = bytearray(good.data)
        data[place // 8] ^= 1 << place % 8
        refused(kind, good.suffix, bytes(data))


@pytest.mark.parametrize("kind", KINDS)
def test_hashes(kind, server, refused):
    good = server.good[kind]
    header, body = good.parts()
    right = document(header)["sha256"]
    for value in ("0" * 64, right[::-1], "f" * 64, "", "é" * 64, right.upper(), right[:-1]):
        data = good.data.replace(right.encode(), value.encode())
        length = len(data) - len(body) - 8
        refused(kind, good.suffix, struct.pack("<Q", length) + data[8:])
    for value in (None, 0, [right], {}):
        refused(kind, good.suffix, with_value(good, value, "sha256"))


def check(result, count):
    assert result["failures"] == []
    assert result["tried"] == count == result["loaded"] + result["errors"]
    assert 0 < result["loaded"] < count / 4


def test_a_thousand_mutants(server):
    check(server.ask(seconds=120, count=1000, seed=1), 1000)


@pytest.mark.long
def test_ten_thousand_mutants(server):
    check(server.ask(seconds=900, count=10_000, seed=2), 10_000)


# --- what is no file -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file(kind, server, refused, tmp_path):
    """Devices, pipes, folders and sockets, by name and through a link; none of them is waited for.

    A link to a file is that file.
    """
    suffix = server.good[kind].suffix
    (tmp_path / f"folder{suffix}").mkdir()
    os.mkfifo(tmp_path / f"pipe{suffix}")
    places = ["/dev/zero", "/dev/random", "/dev/full", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]
    if kind != ".resume":  # which has its name from the checkpoint beside it
        for place in places:
            assert "is no file" in refused(kind, suffix, tmp_path / place)
    for number, place in enumerate([*places, f"folder{suffix}", f"pipe{suffix}"]):
        link = tmp_path / f"link-{number}{suffix}"
        link.symlink_to(tmp_path / place)
        assert "is no file" in refused(kind, suffix, link)
    assert "is no file" in refused(kind, suffix, tmp_path / f"folder{suffix}")
    assert "is no file" in refused(kind, suffix, tmp_path / f"pipe{suffix}")
    text = tmp_path / f"text{suffix}"
    text.symlink_to("/etc/passwd")
    message = refused(kind, suffix, text)
    assert "root" not in message.replace(str(tmp_path), "")


def test_sockets_and_names_that_no_file_has(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.safetensors")
        assert "is no file" in refused("MuseGAN", None, tmp_path / "s.safetensors")
    loop = tmp_path / "loop.safetensors"
    loop.symlink_to(loop)
    for path in (
        loop,
        *(tmp_path / name for name in ("none.safetensors", "a" * 300, "a" * 5000, "x/../y")),
        "/proc/self/mem/x",
        "http://127.0.0.1:1/model.safetensors",
        "file:///etc/passwd",
    ):
        with pytest.raises(CheckpointError, match="can't be read"):
            load_checkpoint(path)


def test_a_link_to_a_checkpoint_is_that_checkpoint(server, load, tmp_path):
    for kind in CHECKPOINTS:
        path = tmp_path / f"{kind}.safetensors"
        path.write_bytes(server.good[kind].data)
        link = tmp_path / f"link-{kind}.safetensors"
        link.symlink_to(path.name)
        assert load(kind, link)["error"] is None
        assert load(kind, path)["error"] is None


def test_a_file_that_shrinks_while_it_is_read(server, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(server.good["AttentionLSTM"].data)
    _, tensors = file_tensors(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(CheckpointError, match="it became shorter while it was read"):
        for tensor in tensors.values():
            tensor.read()


def test_a_file_that_is_replaced_while_it_is_read_stays_what_it_was(server, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(server.good["AttentionLSTM"].data)
    _, tensors = file_tensors(path)
    other = tmp_path / "other"
    other.write_bytes(server.good["MuseGAN"].data)
    os.replace(other, path)
    _, body = server.good["AttentionLSTM"].parts()
    assert b"".join(tensor.read().tobytes() for tensor in tensors.values()) == body
