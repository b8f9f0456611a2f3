"""Two processes train one model: as one process does, and after one of them was lost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

SCRIPT = textwrap.dedent("""
    import os, sys
    import keras, numpy as np
    from musegen.training import TrainingError, parallel

    parallel.join()
    import musegen
    from contract import melody

    out, lost, kind = sys.argv[1:]
    keras.utils.set_random_seed(3)
    random = np.random.default_rng(0)

    class LoseOne(keras.callbacks.Callback):
        steps = 0
        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            if self.steps == 23 and os.environ.get("KERAS_DISTRIBUTION_PROCESS_ID") == lost:
                os.kill(os.getpid(), 9)

    if kind == "melodies":
        model = musegen.MelodyModel(units=8, attention="location")
        lines = random.integers(55, 80, (20, 12))
        pieces = [melody(line, random.choice([12, 24], 12)) for line in lines]
    else:
        encoding = musegen.VoicesEncoding(tracks=("upper", "lower"), steps_per_quarter=1)
        model = musegen.VoiceModel(encoding, units=8)
        lines = random.integers(48, 72, (20, 12, 2))
        pieces = [musegen.Voices(line, line % 2 > 0) for line in lines]
    options = {"epochs": 5, "batch_size": 4, "learning_rate": 0.01, "verbose": 0}
    try:
        model.fit((pieces, pieces[:4]), checkpoint=out, callbacks=[LoseOne()], **options)
    except TrainingError as error:
        print(f"TrainingError: {error}", file=sys.stderr, flush=True)
        os._exit(3)
    if parallel.writes_files():
        np.savez(out + ".npz", *map(np.asarray, model.weights))
""")


def launch(kind, out, count, lost="nobody"):
    """Starts processes; returns exit statuses, what they said, and seconds after the lost one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "KERAS_BACKEND": "jax",
        "JAX_COMPILATION_CACHE_DIR": str(out.parent / "compiled"),  # not to compile each time
    }
    if count > 1:
        environment |= {
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
            "KERAS_DISTRIBUTION_NUM_PROCESSES": str(count),
        }
    processes = []
    for number in range(count):
        environment["KERAS_DISTRIBUTION_PROCESS_ID"] = str(number) if count > 1 else ""
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(out), lost, kind]
        processes.append(
            subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        )
    said, ends = {}, []
    for number in sorted(range(count), key=lambda number: str(number) != lost):  # the lost first
        said[number] = processes[number].communicate(timeout=600)[1]
        ends.append(time.monotonic())
    return [process.returncode for process in processes], said, ends[-1] - ends[0]


def weights(out):
    with np.load(f"{out}.npz") as arrays:
        return [arrays[name] for name in arrays.files]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("melodies", marks=pytest.mark.slow),
        pytest.param("voices", marks=pytest.mark.long),
    ],
)
def test_two_processes_train_as_one_does_and_go_on_when_one_was_lost(kind, tmp_path):
    pytest.importorskip("jax")
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    statuses, said, _ = launch(kind, one, 1)
    assert statuses == [0], said

    # Two processes take 20 steps that are saved, and three more.
    statuses, said, seconds = launch(kind, two, 2, lost="1")
    assert statuses[1] == -9
    assert statuses[0] != 0
    assert seconds < 300  # it doesn't wait for ever
    assert "Another process of this training was lost" in said[0], said[0]
    # What was saved is taken up by another number of processes.
    statuses, said, _ = launch(kind, two, 1)
    assert statuses == [0], said
    for alone, together in zip(weights(one), weights(two), strict=True):
        np.testing.assert_allclose(alone, together, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"NUM_PROCESSES": "2"}, "KERAS_DISTRIBUTION_JOB_ADDRESSES is not set"),
        ({"JOB_ADDRESSES": "a:1", "NUM_PROCESSES": "2", "PROCESS_ID": "2"}, "give 0 to 1"),
        ({"JOB_ADDRESSES": "a:1", "NUM_PROCESSES": "two", "PROCESS_ID": "0"}, "a whole number"),
    ],
)
def test_wrong_variables_are_named(given, says):
    from musegen.training.parallel import _checked

    with pytest.raises(RuntimeError, match=says):
        _checked({f"KERAS_DISTRIBUTION_{name}": value for name, value in given.items()})


def test_devices_that_cannot_share_a_batch_are_named(monkeypatch):
    import keras

    from musegen.training import parallel

    class Two:
        num_model_replicas = 2

    class Windows:
        batch_size = 5

    monkeypatch.setattr(keras.distribution, "distribution", Two)
    with pytest.raises(ValueError, match="batch_size=5: 2 devices"):
        parallel.of_this_process(Windows())


def test_a_process_has_its_rows_of_every_batch(monkeypatch):
    from musegen.training.parallel import _Rows

    class Windows:
        batch_size, num_batches, pieces = 6, 2, 11

        def __getitem__(self, index):
            array = np.arange(12).reshape(6, 2) + 100 * index
            return {"x": array}, array[:, 0]

    shares = [_Rows(Windows(), number, 3) for number in range(3)]
    for index in range(2):
        inputs, targets = Windows()[index]
        parts = [share[index] for share in shares]
        assert (np.concatenate([part[0]["x"] for part in parts]) == inputs["x"]).all()
        assert (np.concatenate([part[1] for part in parts]) == targets).all()
    assert [share.pieces for share in shares] == [11] * 3
