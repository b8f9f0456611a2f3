"""Nothing is lost: killed at any moment, on a full disk, in a folder that is read-only."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from contract import tiny_lstm
from scores import line

from musegen import MidiError, plot_pianoroll, read_midi, write_midi
from musegen._files import atomic_path
from musegen.checkpoint import CheckpointError, save_checkpoint, write_tensors
from musegen.cli import main
from musegen.corpus import CorpusError, scan, store
from musegen.interop import write_pianoroll_npz
from musegen.loading import PRETRAINED

ROOT = Path(__file__).parents[1]
SAVED = "a.safetensors"


def kill(*options):
    """The table of `benchmarks/kill.py`, which must show no loss."""
    command = [sys.executable, str(ROOT / "benchmarks" / "kill.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_files_that_are_being_written_when_killed_are_whole_or_as_they_were():
    assert "0 losses in 8 kills" in kill("--kills", "8", "--only", "writing")


@pytest.mark.slow
def test_kills_of_each_kind_lose_nothing():
    table = kill("--kills", "20")
    for kind in ("melody training", "MuseGAN training", "saving", "composing"):
        assert kind in table
    assert "0 losses in 20 kills" in table


# ----------------------------------------------------------------- full disks, read-only folders


def tune(notes, seed=0):
    return line(np.random.default_rng(seed).integers(50, 80, notes).tolist())


def command(*words):
    """Runs a command, which must exit with 2, and raises what it says."""
    assert main(list(map(str, words))) == 2


WEIGHTS = {"w": np.ones(2000, np.float32)}
WRITERS = {  # error, what it names, and what is called with the path of that name and some music
    "write_midi": (MidiError, "a.mid", lambda path, _: write_midi(tune(900), path)),
    "write_pianoroll_npz": (MidiError, "a.npz", lambda p, _: write_pianoroll_npz(tune(900), p)),
    "plot_pianoroll": (OSError, "a.png", lambda path, _: plot_pianoroll(tune(90), path)),
    "save_checkpoint": (CheckpointError, SAVED, lambda p, _: save_checkpoint(tiny_lstm(), p)),
    "write_tensors": (CheckpointError, SAVED, lambda path, _: write_tensors(path, {}, WEIGHTS)),
    "save_scores": (CorpusError, "a.npz", lambda p, _: store.save_scores(p, [("a", tune(900))])),
    "scan": (CorpusError, "MUSEGEN_CACHE", lambda _, music: scan(music.parent)),
    "musegen plot": (None, "a.png", lambda path, music: command("plot", music, "--out", path)),
    "corpus scan": (None, "MUSEGEN_CACHE", lambda _, m: command("corpus", "scan", m.parent)),
}


@contextlib.contextmanager
def full_disk(folder):
    """Lets no file grow beyond 1,000 bytes, which fails as on a disk without room."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield os.strerror(errno.EFBIG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def read_only(folder):
    """Takes from everyone the right to write to a folder; root, who may anyway, is one of them."""
    folder.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        try:
            (folder / "probe").touch()
            pytest.skip("this system lets everyone write everywhere")
        except PermissionError:
            pass
        yield os.strerror(errno.EACCES)
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
def place(monkeypatch):
    """A folder, open to all, with files of the names that will be written to."""
    folder = Path(tempfile.mkdtemp())  # not below pytest's, which only its owner can enter
    folder.chmod(0o755)
    for name in ("a.mid", "a.npz", "a.png", "a.safetensors", "notes.txt"):
        (folder / name).write_text(f"the user's {name}")
    monkeypatch.setenv("MUSEGEN_CACHE", str(folder))
    yield folder
    shutil.rmtree(folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def music():
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield write_midi(tune(90), folder / "line.mid")
    shutil.rmtree(folder)


@pytest.mark.parametrize("state", [full_disk, read_only])
@pytest.mark.parametrize("name", WRITERS)
def test_what_can_not_be_written_is_said_in_a_line_and_changes_nothing(
    name, state, place, music, tmp_path, capsys, monkeypatch
):
    error, named, write = WRITERS[name]
    if "scan" not in name:  # imports what it needs, as who may
        with contextlib.suppress(AssertionError):
            write(tmp_path / named, music)
    capsys.readouterr()
    before = contents(place)
    with state(place) as reason:
        if error is None:
            write(place / named, music)
            message = capsys.readouterr().err.strip()
        else:
            with pytest.raises(error) as caught:
                write(place / named, music)
            message = str(caught.value)
    assert named in message and str(place) in message and reason in message
    assert len(message.splitlines()) == 1
    assert contents(place) == before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*run_functions_eagerly")
@pytest.mark.parametrize("state", [full_disk, read_only])
@pytest.mark.parametrize("words", ["compose MODEL --notes 5", "train melody MUSIC"])
def test_commands_say_in_a_line_what_they_can_not_write(
    words, state, place, music, tmp_path, capsys, monkeypatch, eagerly
):
    monkeypatch.setenv("MUSEGEN_CACHE", str(music.parent / ".cache"))  # open to all
    for number in range(2, 6):
        write_midi(tune(30, number), music.parent / f"{number}.mid")
    out = "new.safetensors" if "train" in words else "new.mid"
    options = ["--epochs", "1"] if "train" in words else ["--seed", "1"]
    model = shutil.copyfile(
        PRETRAINED / "bach-chorale-melody.safetensors", music.parent / "m.safetensors"
    )
    # The names of the models that ship are looked up too, in a folder that is open to all.
    monkeypatch.setattr("musegen.loading.PRETRAINED", music.parent)
    places = {"MUSIC": str(music.parent), "MODEL": str(model)}
    options = [*(places.get(word, word) for word in words.split()), *options, "--out"]
    assert main([*options, str(tmp_path / out)]) == 0  # as who may
    (tmp_path / f"{out}.resume").unlink(missing_ok=True)
    capsys.readouterr()
    before = contents(place)
    with state(place) as reason:
        command(*options, place / out)
    message = capsys.readouterr().err.strip()
    assert len(message.splitlines()) == 1
    assert message.startswith(f"musegen {words.split()[0]}: ")
    assert f"{place}/new." in message and reason in message
    after = contents(place)
    assert before.items() <= after.items()
    if state is full_disk and "compose" in words:  # music takes less than a picture of it
        assert after.keys() - before.keys() == {"new.mid"}
        assert read_midi(place / "new.mid").note_num() == 5
    else:
        assert after.keys() == before.keys()


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "some" / "file.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("first")
        assert not path.exists()
        assert temporary.name.startswith(".file-") and temporary.suffix == ".txt"
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert contents(path.parent) == {"file.txt": b"first"}


def test_what_a_kill_leaves_is_hidden_and_not_taken_for_music(tmp_path):
    script = (
        "import os, signal, sys; from musegen._files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_bytes(b'MThd')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = write_midi(tune(20), tmp_path / "a.mid")
    process = subprocess.run([sys.executable, "-c", script, str(path)])
    assert process.returncode == -9
    assert len(list(tmp_path.iterdir())) == 2
    assert [row.name for row in scan(tmp_path)] == ["a.mid"]
    assert read_midi(path).note_num() == 20
