"""Ctrl-C and SIGTERM end the command at once, whatever it is doing, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from contract import random_duos, random_melodies, tiny_gan, tiny_lstm
from voices import small_model

from musegen.checkpoint import CheckpointError, file_tensors
from musegen.encoding import VoicesEncoding
from musegen.training.keeper import Keeper
from musegen.training.resume import ResumeFile

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.usefixtures("ctrl_c_is_heard")

# A command whose main thread is in native code for minutes, in the midst of writing a file.
NATIVE = """
import hashlib, os, sys, time
from musegen import _files, _stopping
from musegen.cli import signals

def save():
    {save}
    return "It is saved."

with signals.heard(), _stopping.at_stop(save), _files.atomic_path("tune.mid") as path:
    path.write_text("half of it")
    print("begun")
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def begun(save, folder):
    """A process that is at its native code."""
    process = subprocess.Popen(
        [sys.executable, "-c", NATIVE.format(save=save)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_native_code_with_one_line_and_what_is_to_be_saved(number, code, tmp_path):
    process = begun("open('saved', 'w').close()", tmp_path)
    process.send_signal(number)
    said = process.communicate(timeout=60)  # it would go on for minutes
    assert said == ("", "musegen: stopped. It is saved.\n")
    assert process.returncode == code
    assert os.listdir(tmp_path) == ["saved"]  # the file that was being written is gone


def test_a_second_signal_ends_it_while_it_saves(tmp_path):
    process = begun("open('saving', 'w').close(); time.sleep(100)", tmp_path)
    process.send_signal(signal.SIGINT)
    while not (tmp_path / "saving").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 143


def test_what_fails_as_it_is_put_right_is_said_and_keeps_nothing_else_from_it(tmp_path):
    process = begun("raise OSError('The disk is full.')", tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "musegen: stopped. The disk is full.\n")
    assert os.listdir(tmp_path) == []


def test_a_signal_in_the_midst_of_an_import_is_said_too(tmp_path):
    process = begun("sys.modules['multiprocessing'] = type(sys)('half')", tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "musegen: stopped. It is saved.\n")
    assert process.returncode == 130


def stop(*options):
    """The table of `benchmarks/stop.py`, which must show no failure."""
    command = [sys.executable, str(ROOT / "benchmarks" / "stop.py"), "--wait", "20", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_scan_that_is_stopped_leaves_no_process():
    assert "0 failures in" in stop("--stops", "2", "--only", "corpus scan")


@pytest.mark.slow
def test_commands_that_are_stopped_leave_nothing():
    assert "0 failures in" in stop("--stops", "13")


# === What training saves ===


class Model:
    """As much of a model as a `Keeper` asks for; its weight is the number of the epoch."""

    name, training_record = "model", {}

    def __init__(self):
        self.weight = keras.Variable(np.zeros(2, np.float32))
        self.networks = {"model": self}

    def get_weights(self):
        return [self.weight.numpy().copy()]

    def get_config(self):
        return {"name": self.name, "units": 8}

    def training_variables(self):
        return {"weight": self.weight}

    saved_weights = property(training_variables)


def keeper(path):
    settings = {"seed": 0, "epochs": 9, "learning_rate": 1.0}
    made = Keeper(Model(), None, settings, path, seconds_between_saves=60)
    made.on_train_begin()
    made.save()
    return made


def test_an_epoch_that_is_not_saved_is_saved_when_training_is_stopped(tmp_path):
    path = tmp_path / "mine.safetensors"
    training = keeper(path)
    assert "first epoch" in training.stopped()
    assert not path.exists()
    for epoch in range(3):
        training.model.weight.assign([epoch + 1] * 2)
        training.on_epoch_end(epoch, {"loss": 0.5})
    training.model.weight.assign([np.nan] * 2)  # in the midst of the next one
    assert not path.exists()
    said = training.stopped()
    assert said == f"{path} is saved after 3 epochs; the same training goes on from there."
    for file in (path, Path(f"{path}.resume")):
        header, tensors = file_tensors(file)
        np.testing.assert_array_equal(tensors["weight"].read(), [3, 3])
    assert header["epochs"] == 3
    assert file_tensors(path)[0]["training"]["epochs_run"] == 3
    before = path.stat().st_mtime_ns
    assert training.stopped() == said
    assert path.stat().st_mtime_ns == before


def test_the_model_is_called_as_its_checkpoint_and_goes_on_under_another_name(tmp_path):
    training = keeper(tmp_path / "mine.safetensors")
    assert training.model.name == "mine"
    (tmp_path / "mine.safetensors.resume").rename(tmp_path / "other.safetensors.resume")
    other = ResumeFile(tmp_path / "other.safetensors", training.settings)
    variables = training.model.training_variables()
    assert other.read({"name": "other", "units": 8}, variables) == {}  # nothing is trained yet


def test_other_settings_are_named(tmp_path):
    path = tmp_path / "a.safetensors"
    training = keeper(path)
    training.on_epoch_end(0, {"loss": 0.5})
    training.stopped()
    here = ResumeFile(path, {**training.settings, "seed": 4, "average": 0.9})
    with pytest.raises(CheckpointError) as raised:
        here.read({"name": "b", "units": 16}, {})
    assert (
        "other settings: seed is 0 there, 4 here; average is not known there, 0.9 here; units is 8 "
        "there, 16 here. Train with"
    ) in str(raised.value)


# === What is left behind ===


@pytest.fixture
def temporary(tmp_path, monkeypatch, uncompiled):
    """The temporary folder, where AutoGraph writes the source of what it converts."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_sampling_writes_no_temporary_files(temporary):
    tiny_lstm().sample(notes=2, seed=1)
    tiny_gan().sample(seed=1)
    small_model(encoding=VoicesEncoding(steps_per_quarter=1)).sample(bars=1, tries=1, seed=1)
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_training_writes_no_temporary_files(temporary):
    melodies = random_melodies(4)
    tiny_lstm().fit((melodies[:2], melodies[2:]), epochs=1)
    tiny_gan().fit(random_duos(2), epochs=1)
    assert list(temporary.iterdir()) == []
