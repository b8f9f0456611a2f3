"""pypianoroll's `.npz` files: round trips, pypianoroll as second reader, and hostile files."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest
from scores import meters_of, played, random_score, score_of, tempos_of
from test_package import HEAVY, imported_by

from musegen.interop import (
    from_pypianoroll,
    read_pianoroll_npz,
    to_pypianoroll,
    to_score,
    write_pianoroll_npz,
)
from musegen.interop import pianoroll_npz as module
from musegen.midi import MidiError, ReadLimits, midi_bytes, read_midi, write_midi

pypianoroll = pytest.importorskip("pypianoroll")


def sparse(roll: np.ndarray) -> dict[str, np.ndarray]:
    """The four arrays of a roll, worked out cell by cell."""
    data, indices, indptr = [], [], [0]
    for pitch in range(roll.shape[1]):
        for step in range(roll.shape[0]):
            if roll[step, pitch]:
                data.append(roll[step, pitch])
                indices.append(step)
        indptr.append(len(indices))
    return {
        "data": np.array(data, roll.dtype),
        "indices": np.array(indices, np.int32),
        "indptr": np.array(indptr, np.int32),
        "shape": np.array(roll.shape),
    }


def contents() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A file of 24 steps, a bar of 4/4 at six steps to the quarter, with two tracks."""
    tune, drums = np.zeros((24, 128), np.uint8), np.zeros((24, 128), bool)
    tune[0:6, 60] = 64
    tune[6:12, 60] = 65
    tune[12:24, 127] = 200  # above MIDI's 127
    drums[[0, 12], 36] = True
    arrays = {"tempo": np.full(24, 100.0), "downbeat": np.arange(24) == 0}
    for index, roll in enumerate((tune, drums)):
        for part, array in sparse(roll).items():
            arrays[f"pianoroll_{index}_csc_{part}"] = array
    info = {
        "resolution": 6,
        "name": "by hand",
        "0": {"program": 73, "is_drum": False, "name": "Flöte"},
        "1": {"program": 0, "is_drum": True, "name": None},
    }
    return arrays, info


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def pack(path: Any, arrays: dict[str, Any], info: Any) -> Any:
    """Writes a file; an array may be given as bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in arrays.items():
            archive.writestr(f"{key}.npy", array if isinstance(array, bytes) else npy(array))
        if info is not None:
            text = info if isinstance(info, (str, bytes)) else json.dumps(info)
            archive.writestr("info.json", text)
    return path


# Round trips


@pytest.mark.parametrize("resolution", [4, 24])
@pytest.mark.parametrize("seed", range(15))
def test_on_grid_music_comes_back(seed, resolution, tmp_path):
    score = random_score(seed, resolution, "Stück")
    path = write_pianoroll_npz(score, tmp_path / "a.npz", resolution)
    assert read_pianoroll_npz(path) == score
    assert to_score(str(path)) == score


@pytest.mark.parametrize("seed", range(10))
def test_pypianoroll_loads_what_is_written(seed, tmp_path):
    score = random_score(seed)
    path = write_pianoroll_npz(score, tmp_path / "a.npz")
    loaded = pypianoroll.load(path)
    loaded.validate()
    assert (loaded.name, loaded.resolution) == ("a", 24)
    assert from_pypianoroll(loaded) == score
    ours = to_pypianoroll(score)
    for track, same in zip(loaded.tracks, ours.tracks, strict=True):
        np.testing.assert_array_equal(track.pianoroll, same.pianoroll)
        assert track.pianoroll.dtype == np.uint8
        assert type(track.is_drum) is bool


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("compressed", [True, False])
def test_what_pypianoroll_saves_is_read(seed, compressed, tmp_path):
    roll = to_pypianoroll(random_score(seed))
    roll.tracks.append(pypianoroll.StandardTrack())
    roll.tracks.append(pypianoroll.BinaryTrack(program=9, pianoroll=roll.tracks[0].pianoroll > 50))
    roll.tracks.append(pypianoroll.Track(pianoroll=roll.tracks[0].pianoroll * 2.4 - 100))
    roll.save(tmp_path / "a.npz", compressed=compressed)
    assert read_pianoroll_npz(tmp_path / "a.npz") == from_pypianoroll(
        pypianoroll.load(tmp_path / "a.npz")
    )


@pytest.mark.parametrize("meter", [(3, 4), (4, 4), (5, 8), (12, 8), (1, 4)])
@pytest.mark.parametrize("bars", [1, 2, 5])
def test_short_pieces_keep_their_meter(meter, bars, tmp_path):
    length = 24 * 4 * meter[0] // meter[1] * bars
    notes = [(0, length, 60, 100)]
    score = score_of(("", 0, False, notes), meters=[(0, *meter)])
    reduced = (6, 4) if meter == (12, 8) else meter  # the larger beat
    found = read_pianoroll_npz(write_pianoroll_npz(score, tmp_path / "a.npz"))
    assert meters_of(found) == [(0, *reduced)]
    assert played(found.tracks[0]) == notes


def test_music_without_notes_or_tracks(tmp_path):
    for tracks in ([], [("silent", 5, True, [])]):
        path = write_pianoroll_npz(
            score_of(*tracks, resolution=480, tempos=(), meters=()), tmp_path / "a.npz", 12
        )
        assert len(pypianoroll.load(path).tracks) == len(tracks)
        assert read_pianoroll_npz(path) == score_of(*tracks, resolution=12, tempos=(), meters=())


def test_the_same_music_makes_the_same_bytes_in_a_new_folder(tmp_path):
    first = write_pianoroll_npz(random_score(3), tmp_path / "new" / "a.npz").read_bytes()
    assert write_pianoroll_npz(random_score(3), tmp_path / "a.npz").read_bytes() == first
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.npz"]


def test_touching_notes_run_together_unless_the_velocity_differs(tmp_path):
    notes = [(0, 24, 60, 64), (24, 24, 60, 64), (48, 24, 60, 65)]
    score = score_of(("", 0, False, notes), resolution=24)
    written = read_pianoroll_npz(write_pianoroll_npz(score, tmp_path / "a.npz"))
    for found in (written, from_pypianoroll(to_pypianoroll(score))):
        assert played(found.tracks[0]) == [(0, 48, 60, 64), (48, 24, 60, 65)]


# By hand


def test_a_file_by_hand(tmp_path):
    score = read_pianoroll_npz(pack(tmp_path / "a.npz", *contents()))
    assert score.ticks_per_quarter == 6
    parts = [(track.name, track.program, track.is_drum) for track in score.tracks]
    assert parts == [("Flöte", 73, False), ("", 0, True)]
    assert played(score.tracks[0]) == [(0, 6, 60, 64), (6, 6, 60, 65), (12, 12, 127, 127)]
    assert played(score.tracks[1]) == [(0, 1, 36, 64), (12, 1, 36, 64)]
    assert tempos_of(score) == [(0, 600_000)]
    assert meters_of(score) == [(0, 4, 4)]


def test_a_file_of_pypianoroll_0(tmp_path):
    """`beat_resolution`, sums of velocities of type int64, and shapes as Python 2 wrote them."""
    arrays, info = contents()
    info["beat_resolution"] = info.pop("resolution")
    data = arrays["pianoroll_0_csc_data"].astype(np.int64)
    data[0], data[-1] = -5, 100_000
    arrays["pianoroll_0_csc_data"] = data
    drums = npy(arrays["pianoroll_1_csc_data"])
    arrays["pianoroll_1_csc_data"] = drums.replace(b"(2,), } ", b"(2L,), }")
    arrays["tempo"] = arrays["tempo"][:1]  # the default of its constructor
    del arrays["downbeat"]
    path = pack(tmp_path / "a.npz", arrays, info)
    score = read_pianoroll_npz(path)
    assert played(score.tracks[0]) == [(1, 5, 60, 64), (6, 6, 60, 65), (12, 12, 127, 127)]
    assert (tempos_of(score), meters_of(score)) == ([(0, 600_000)], [])
    with pytest.warns(UserWarning, match="Python 2"):
        assert from_pypianoroll(pypianoroll.load(path)) == score


def test_cells_in_any_order_and_type_are_the_same_music(tmp_path):
    arrays, info = contents()
    score = read_pianoroll_npz(pack(tmp_path / "a.npz", arrays, info))
    order = np.concatenate([np.arange(12)[::-1], np.arange(12, 24)])
    for part in ("data", "indices"):
        key = f"pianoroll_0_csc_{part}"
        arrays[key] = arrays[key][order].astype(">i8")
    arrays["pianoroll_0_csc_indptr"] = arrays["pianoroll_0_csc_indptr"].astype(np.uint64)
    arrays["tempo"], arrays["downbeat"] = arrays["tempo"][:, None], arrays["downbeat"][:, None]
    assert read_pianoroll_npz(pack(tmp_path / "b.npz", arrays, info)) == score


# What pypianoroll's parser, which made the Lakh Pianoroll files, makes of MIDI


def parsed(score: Any, folder: Any, resolution: int = 24) -> Any:
    midi = write_midi(score, folder / "a.mid")
    pypianoroll.read(midi, resolution=resolution).save(folder / "a.npz")
    return read_pianoroll_npz(folder / "a.npz"), pypianoroll.load(folder / "a.npz")


@pytest.mark.parametrize("beats", [8, 64, 255, 300])
def test_a_single_downbeat_states_no_meter(beats, tmp_path):
    notes = [(480 * k + 20, 400, 60 + k % 5, 64) for k in range(beats)]
    score, loaded = parsed(score_of(("", 0, False, notes), resolution=480), tmp_path)
    assert np.flatnonzero(loaded.downbeat).tolist() == [0]
    assert meters_of(score) == []
    assert len(score.tracks[0].notes) == beats


def test_tempos_that_the_parser_mixed_up_are_put_in_order(tmp_path):
    notes = [(480 * k + 20, 400, 60 + k % 5, 64) for k in range(32)]
    tempos = [(0, 500_000), (480 * 5, 600_000), (480 * 20, 400_000)]
    music = score_of(("", 0, False, notes), resolution=480, tempos=tempos)
    score, loaded = parsed(music, tmp_path)
    assert np.count_nonzero(np.diff(np.ravel(loaded.tempo))) > 24
    assert tempos_of(score) == [(0, 500_000), (24 * 5, 600_000), (24 * 20, 400_000)]
    assert from_pypianoroll(loaded) == score
    assert tempos_of(parsed(music, tmp_path, 6)[0])[1] == (6 * 5, 600_000)


def test_where_no_bar_is_known_a_pickup_is_filled_up_to_four_quarters(tmp_path):
    arrays, info = contents()
    arrays["downbeat"] = np.arange(600) == 6
    score = read_pianoroll_npz(pack(tmp_path / "a.npz", arrays, info))
    assert (meters_of(score), score.tracks[0].notes[0].time) == ([], 18)


# Limits, and files that are wrong


@pytest.mark.parametrize(
    "limits", [{"max_bytes": 500}, {"max_tracks": 1}, {"max_notes": 4}, {"max_hours": 0.0001}]
)
def test_limits_are_kept_and_named(limits, tmp_path):
    path = pack(tmp_path / "a.npz", *contents())
    (field,) = limits
    with pytest.raises(MidiError, match=rf"a\.npz.*ReadLimits\({field}=([\d.]+)\)") as error:
        to_score(path, ReadLimits(**limits))
    needed = float(str(error.value).split("=")[-1].rstrip(")."))
    to_score(path, ReadLimits(**{field: needed if field == "max_hours" else int(needed)}))


def test_bars_are_limited(tmp_path):
    arrays, info = contents()
    arrays["downbeat"] = np.ones(4097, bool)
    path = pack(tmp_path / "a.npz", arrays, info)
    with pytest.raises(MidiError, match="4,097 bars"):
        read_pianoroll_npz(path)


def refused(path: Any, reason: str) -> None:
    with pytest.raises(MidiError, match=reason) as error:
        read_pianoroll_npz(path)
    assert str(error.value).startswith(f"{path}: ")
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


class Pickled:
    def __reduce__(self):
        return (open, ("/nowhere/pickled", "w"))


def bare(shape: str, descr: str = "'|u1'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 24


T, P, PARTS = "tempo", "pianoroll_0_csc_", ("data", "indices", "indptr", "shape")


WRONG = {
    "tempo holds something else": [
        *({T: array} for array in (np.array([Pickled()] * 24), np.full(24, "a"), np.full(24, 1j))),
        *({T: bare("(24,)", kind)} for kind in ("[('a', '<f8')]", "'<f1'", "'|V1'")),
        *({T: bare(shape)} for shape in ("(" * 500 + ")" * 500, "(-24,)", "(99999999999,)")),
        *({T: bare("(24, 1, 1)")}, {T: bare("()", "'|O'")}, {T: npy(np.ones(24))[:40]}),
        {T: bare("(24,)").replace(b"False", b"Maybe")},
        {T: bare("(24,)").replace(b", }", b"+ }")},
    ],
    "tempo is no NumPy array": [
        *({T: b""}, {T: npy(np.ones(24))[:11]}),
        {T: bare("(24,)").replace(b"\x01\x00", b"\x04\x00", 1)},
    ],
    "tempo states 999,999,999 numbers": [{T: bare("(999999999, 1)")}],
    "tempo states 23 numbers": [{T: bare("(23,)")}],
    r"tempo has the shape \(4, 6\)": [{T: bare("(4, 6)")}],
    "more than 4,194,304 steps": [{T: np.full(2**22 + 1, 1, np.int8)}],
    "microsecond count of nan": [{T: np.full(24, np.nan)}],
    "microsecond count of inf": [
        *({T: np.zeros(24)}, {T: np.zeros(24, np.int8)}, {T: np.full(24, 1e-320)}),
    ],
    "microsecond count of -": [{T: np.full(24, -120.0)}],
    "downbeat holds something else": [{"downbeat": np.full(24, "a")}],
    **{
        f"{P}{part} is missing": [{P + part: None}]
        for part in ("data", "indices", "indptr", "shape")
    },
    "data holds something else": [{P + "data": np.array([Pickled()], dtype=object)}],
    "pianoroll_0: a track has a velocity of nan": [{P + "data": np.full(24, np.nan)}],
    "do not fit together": [
        {P + "data": np.full(23, 64)},
        *({P + "indptr": np.full(129, 24)}, {P + "indptr": np.arange(129)[::-1]}),
        *({P + "indptr": np.array([0, 24])}, {P + "indptr": np.zeros(0, int)}),
        {P + "indptr": np.full(129, 2**64 - 1, np.uint64)},
    ],
    "outside of its 24 steps": [
        *({P + "indices": np.arange(24) + 1}, {P + "indices": np.arange(24) - 1}),
        {P + "indices": np.full(24, 2**64 - 1, np.uint64)},
    ],
    "a cell twice": [{P + "indices": np.zeros(24, np.int32)}],
    "indices holds something else": [{P + "indices": np.arange(24.0)}],
    "has the shape": [
        *({P + "shape": np.array([steps, 128])} for steps in (-24, 2**22 + 1, 2**62)),
        *({P + "shape": np.array([24, 129])}, {P + "shape": np.array([24])}),
    ],
    "more cells": [{P + "shape": np.array([0, 128])}],
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [(changes, reason) for reason, several in WRONG.items() for changes in several],
)
def test_arrays_that_are_wrong_are_refused(changes, reason, tmp_path):
    arrays, info = contents()
    kept = {key: array for key, array in {**arrays, **changes}.items() if array is not None}
    refused(pack(tmp_path / "a.npz", kept, info), reason)


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (None, "info.json is missing"),
        (b"\xff\xfe\xfa", "info.json is no JSON"),
        ("{", "info.json is no JSON"),
        ("[" * 100_000, "info.json is no JSON"),
        ("[]", "info.json has no names"),
        ('"' + "a" * 2**18 + '"', "more than 262,144 bytes"),
        ({}, "resolution of None"),
        *(({"resolution": n}, f"resolution of {n!r}") for n in ("24", True, 24.5, 0, 32_768)),
        ({"resolution": 10**300}, "resolution of 10"),
        ({"resolution": 24, "0": None}, "nothing of track 0"),
        ({"resolution": 24, "0": {"name": 5}}, "a name of 5"),
        *(
            ({"resolution": 24, "0": {"program": number}}, f"a program of {said}")
            for number, said in ((128, 128), (-1, -1), (1e999, "inf"), (10**400, 10))
        ),
        ({"resolution": 24, "0": {"is_drum": "no"}}, "is_drum='no'"),
        ({"resolution": 24, "0": {}, "1": {}, "2": {}}, "pianoroll_2_csc_shape is missing"),
        ({"resolution": 24, **{str(k): {} for k in range(257)}}, "257 tracks"),
    ],
)
def test_an_info_that_is_wrong_is_refused(info, reason, tmp_path):
    refused(pack(tmp_path / "a.npz", contents()[0], info), reason)


def test_half_a_character_in_a_name_is_replaced(tmp_path):
    arrays, info = contents()
    info["0"]["name"] = "a\ud800"
    assert read_pianoroll_npz(pack(tmp_path / "a.npz", arrays, info)).tracks[0].name == "a?"


def test_files_that_are_no_archive_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    refused(path, "no such file")
    whole = pack(tmp_path / "b.npz", *contents()).read_bytes()
    for data in (b"", b"PK", b"MThd" + b"\0" * 100, b"PK\x05\x06" + b"\xff" * 18):
        path.write_bytes(data)
        refused(path, "no whole zip archive")
    for length in range(0, len(whole), max(1, len(whole) // 100)):
        path.write_bytes(whole[:length])
        refused(path, "pypianoroll")
    path.write_bytes(b"PK\x01\x02" * (2**12 + 1))
    refused(path, "more than 4,096 files")
    with pytest.raises(MidiError, match="a folder"):
        read_pianoroll_npz(tmp_path)


def test_a_zip_bomb_is_refused_by_its_stated_size(tmp_path, monkeypatch):
    arrays, info = contents()
    arrays["other"] = bytes(2**25)  # 32 MiB in 32 kB
    path = pack(tmp_path / "a.npz", arrays, info)
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))
    refused(path, r"33,5\d\d,\d\d\d bytes when unpacked")


def test_a_member_that_understates_its_size_is_cut_there(tmp_path):
    path = pack(tmp_path / "a.npz", {"tempo": bytes(2**26)}, contents()[1])
    data = path.read_bytes().replace(struct.pack("<I", 2**26), struct.pack("<I", 100))
    path.write_bytes(data)
    tracemalloc.start()
    refused(path, r"tempo.npy is damaged \(BadZipFile\)")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


def test_two_members_of_one_name_are_refused(tmp_path):
    path = pack(tmp_path / "a.npz", *contents())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("tempo.npy", npy(np.full(24, 60.0)))
    refused(path, "two of the files in it have one name")


@pytest.mark.parametrize("fortran", [True, False])
@pytest.mark.parametrize(("version", "form"), [(1, "<H"), (2, "<I"), (3, "<I")])
def test_arrays_of_every_version_and_order_are_read(version, form, fortran, tmp_path):
    arrays, info = contents()
    header = f"{{'descr': '<f8', 'fortran_order': {fortran}, 'shape': (24, 1), }}\n".encode()
    start = b"\x93NUMPY" + bytes([version, 0]) + struct.pack(form, len(header)) + header
    arrays["tempo"] = start + np.full(24, 100.0).tobytes()
    path = pack(tmp_path / "a.npz", arrays, info)
    assert tempos_of(read_pianoroll_npz(path)) == [(0, 600_000)]


def test_members_outside_of_the_archive_are_passed_over(tmp_path, monkeypatch):
    arrays, info = contents()
    monkeypatch.chdir(tmp_path)
    score = read_pianoroll_npz(pack("a.npz", arrays, info))
    for name in ("../outside", "/outside", "C:/outside", "..\\outside", "a/../../outside"):
        arrays[name] = b"x"
    before = sorted(tmp_path.parent.rglob("*"))
    assert read_pianoroll_npz(pack("a.npz", arrays, info)) == score
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_locked_and_oddly_packed_members_are_refused(tmp_path):
    path = pack(tmp_path / "a.npz", *contents())
    data = path.read_bytes()
    place = data.index(b"PK\x01\x02")
    path.write_bytes(data[: place + 8] + b"\x01" + data[place + 9 :])
    refused(path, r"tempo.npy is damaged \(RuntimeError\)")
    path.write_bytes(data[: place + 10] + b"\x0c" + data[place + 11 :])
    refused(path, r"tempo.npy is packed in an unknown way \(12\)")


def settle(path: Any) -> bool:
    """Says whether a file is read; what is read can be written as MIDI and read again."""
    try:
        score = read_pianoroll_npz(path)
    except MidiError as error:
        assert str(error).startswith(str(path))
        return False
    read_midi(midi_bytes(score))
    return True


def test_no_mutation_of_the_file_gives_another_error(tmp_path):
    whole = pack(tmp_path / "good.npz", *contents()).read_bytes()
    random = np.random.default_rng(0)
    path, read = tmp_path / "a.npz", 0
    for _ in range(1000):
        data = bytearray(whole)
        for place in random.integers(0, len(data), random.integers(1, 6)):
            data[place] = random.integers(256)
        path.write_bytes(data)
        read += settle(path)
    assert 0 < read < 1000


def test_no_mutation_of_what_is_in_it_gives_another_error(tmp_path):
    arrays, info = contents()
    members = {**{f"{key}.npy": npy(array) for key, array in arrays.items()}}
    members["info.json"] = json.dumps(info).encode()
    random = np.random.default_rng(1)
    path, read = tmp_path / "a.npz", 0
    for _ in range(1000):
        names = random.choice(list(members), random.integers(1, 4))
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                changed = bytearray(data)
                for _ in range(random.integers(1, 4) if name in names else 0):
                    # Headers and ends are where it matters.
                    place = int(random.integers(len(data)) * random.choice([1, 0.3, 0.02]))
                    bits = [255, 0, 1 << random.integers(8), random.integers(256)]
                    changed[place] = bits[random.integers(4)]
                archive.writestr(name, bytes(changed))
        read += settle(path)
    assert 0 < read < 1000


# Writing


def test_what_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    kept = write_pianoroll_npz(random_score(0), tmp_path / "a.npz").read_bytes()
    long = score_of(("", 0, False, [(0, 2**22, 60, 64)]), resolution=1)
    with pytest.raises(MidiError, match=r"100,663,296 steps of 24.*at most 4,194,304"):
        write_pianoroll_npz(long, tmp_path / "a.npz")
    with pytest.raises(MidiError, match="100,663,296 steps"):
        to_pypianoroll(long)
    monkeypatch.setattr(module, "MAX_UNPACKED", 10_000)
    with pytest.raises(MidiError, match="bytes as piano rolls"):
        write_pianoroll_npz(random_score(1), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == kept


def test_values_that_midi_has_not_are_not_written(tmp_path):
    for note in ((-5, 10, 60, 64), (0, 10, -3, 64)):
        with pytest.raises(MidiError, match="there is a note"):
            write_pianoroll_npz(score_of(("", 0, False, [note]), resolution=24), tmp_path / "a.npz")
    with pytest.raises(MidiError, match="microsecond count of 0"):
        write_pianoroll_npz(score_of(("", 0, False, [(0, 9, 60, 64)]), tempos=[(0, 0)]), "a.npz")


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MidiError, match="can't be written"):
        write_pianoroll_npz(random_score(0), tmp_path / "file" / "a.npz")


def test_no_other_library_is_needed(tmp_path):
    path = str(pack(tmp_path / "a.npz", *contents()))
    code = (
        "import symusic, musegen.interop as i\n"
        f"i.write_pianoroll_npz({path!r}, {path!r})\n"
        f"assert i.to_score({path!r}).note_num() == 5\n"
        "i.to_score(symusic.Score(480))\n"
        "try: i.to_score(5)\n"
        "except TypeError: pass\n"
    )
    assert not imported_by(code) & {"pypianoroll", *HEAVY}
