"""Training, of every family of models: it resumes to the same bits, it stops when it must.

What only a MuseGAN has (losses, steps of two networks) is in `test_musegan_training.py`.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from contract import random_duos, random_melodies, tiny_gan, tiny_lstm
from test_interruption import contents, full_disk

from musegen import _files
from musegen.checkpoint import CheckpointError, save_checkpoint, write_tensors
from musegen.encoding.pitch_duration import FIRST_PITCH
from musegen.evaluation import likelihood
from musegen.loading import load_checkpoint, load_to_train
from musegen.training import TrainingError, musegan, progress
from musegen.training.melody_windows import MelodyWindows
from musegen.training.resume import ResumeFile

pytestmark = [
    pytest.mark.usefixtures("uncompiled"),
    pytest.mark.filterwarnings("ignore:.*run_functions_eagerly"),
]

SAVED, UNFINISHED = "a.safetensors", "a.safetensors.resume"


class Family(NamedTuple):
    """How a model is made (weights from a seed), its corpus (of a size), and what `fit` is given.

    `files` are what each epoch writes, in this order.
    """

    build: Any
    corpus: Any
    options: dict[str, Any]
    files: list[str]


FAMILIES = {
    "melody": Family(
        lambda seed, **options: tiny_lstm(seed, dropout=0.3, **options),
        lambda size: (random_melodies(4 * size), random_melodies(size + 1, seed=1)),
        {"batch_size": 4, "learning_rate": 0.01},
        [SAVED, UNFINISHED],
    ),
    "musegan": Family(
        tiny_gan,
        random_duos,
        {"batch_size": 8, "critic_steps": 2},
        [UNFINISHED, "a.training.png", "a.samples.png", SAVED],
    ),
}
BOTH = pytest.mark.parametrize(
    "family", ["melody", pytest.param("musegan", marks=pytest.mark.slow)]
)


def train(family, path=None, size=5, first=0, settings=(), **options):
    """Trains a new model; returns it and its history. `first` seeds its first weights."""
    build, corpus, given, _ = FAMILIES[family]
    model = build(first, **dict(settings))
    options = {"epochs": 4, "seed": 3, "verbose": 0, **given, **options}
    return model, model.fit(corpus(size), checkpoint=path, **options)


@pytest.fixture(autouse=True)
def _each_epoch_is_saved(monkeypatch):
    monkeypatch.setattr(musegan, "SECONDS_BETWEEN_SAVES", -1)


class During(keras.callbacks.Callback):
    """Does something after the first step of an epoch, and keeps the weights of each."""

    def __init__(self, epoch, act):
        super().__init__()
        self.at, self.act, self.kept = epoch, act, []

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.now, batch) == (self.at, 0):
            self.act(self.model)

    def on_epoch_end(self, epoch, logs=None):
        with getattr(self.model, "average_weights", contextlib.nullcontext)():
            self.kept.append(weights_of(self.model))  # what is kept, if there is an average


def interrupt(model):
    raise KeyboardInterrupt


def poison(model):
    """Makes weights infinite."""
    for weight in [*model.networks.values()][-1].trainable_weights:
        weight.assign(np.full(weight.shape, np.inf))


def weights_of(model):
    return [weight for network in model.networks.values() for weight in network.get_weights()]


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


# === Interrupted ===


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "settings"),
    [("melody", {}), ("musegan", {}), ("musegan", {"composition": "jamming"})],
)
def test_interrupted_training_ends_in_the_same_weights(family, settings, tmp_path, eagerly):
    path = tmp_path / SAVED
    whole, history = train(family, size=3, settings=settings)
    for epoch in (0, 2):
        with pytest.raises(KeyboardInterrupt):
            interrupted = [During(epoch, interrupt)]
            train(family, path, size=3, settings=settings, callbacks=interrupted)
    assert load_checkpoint(path).training_record["epochs_run"] == 2
    files = []
    for first in (99, 5):  # its first weights are not those of the run; then there is nothing to do
        resumed, again = train(family, path, size=3, first=first, settings=settings)
        assert again.history == history.history
        assert again.epoch == [0, 1, 2, 3]
        assert all(len(column) == 4 for column in again.history.values())
        variables, expected = resumed.training_variables(), whole.training_variables()
        assert variables.keys() == expected.keys()
        assert_same(variables.values(), expected.values())
        assert resumed.training_record == whole.training_record
        saved, expected = load_checkpoint(path).saved_weights, whole.saved_weights
        assert_same(saved.values(), expected.values())
        files.append(contents(tmp_path))
    assert files[0] == files[1]


@pytest.mark.slow
@BOTH
def test_killed_training_ends_in_the_same_bytes(family, tmp_path):
    code = (
        "import sys, test_training as tests; tests.musegan.SECONDS_BETWEEN_SAVES = 0.2; "
        "tests.train(sys.argv[1], sys.argv[2], size=10, epochs=40)"
    )
    folders = [tmp_path / "whole", tmp_path / "killed"]
    whole, killed = ([sys.executable, "-c", code, family, folder / SAVED] for folder in folders)
    options = {"cwd": Path(__file__).parent}
    subprocess.run(whole, check=True, **options)
    process = subprocess.Popen(killed, **options)
    while not (folders[1] / SAVED).exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.2)
    process.kill()
    process.wait()
    assert process.returncode != 0, "it ended before it could be killed"
    assert load_checkpoint(folders[1] / SAVED).training_record["epochs_run"] < 40
    subprocess.run(killed, check=True, **options)
    for name in (SAVED, UNFINISHED):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


@pytest.mark.slow
@BOTH
def test_stopped_before_any_of_its_files_it_ends_in_the_same_bytes(
    family, tmp_path, monkeypatch, eagerly
):
    replace, names, stop_at = _files.os.replace, [], None

    def watched(source, target):
        if len(names) == stop_at:
            raise KeyboardInterrupt
        names.append(target.name)
        replace(source, target)

    monkeypatch.setattr(_files.os, "replace", watched)
    train(family, tmp_path / "whole" / SAVED, size=1, epochs=2)
    files = FAMILIES[family].files
    assert names == [UNFINISHED, *files, *files]
    for stop_at in range(1, 1 + 2 * len(files)):
        names.clear()
        folder = tmp_path / str(stop_at)
        with pytest.raises(KeyboardInterrupt):
            train(family, folder / SAVED, size=1, epochs=2)
        stop_at = None
        train(family, folder / SAVED, size=1, epochs=2, first=99)
        assert contents(folder) == contents(tmp_path / "whole")


@BOTH
def test_a_disk_that_fills_up_stops_training_which_goes_on_when_there_is_room(
    family, tmp_path, eagerly
):
    train(family, tmp_path / "whole" / SAVED, size=1, epochs=2)
    path = tmp_path / "here" / SAVED
    with contextlib.ExitStack() as full:
        fills_up = During(1, lambda model: full.enter_context(full_disk(tmp_path)))
        with pytest.raises(CheckpointError, match=r"can't be written: .*File too large") as caught:
            train(family, path, size=1, epochs=2, callbacks=[fills_up])
    assert len(str(caught.value).splitlines()) == 1
    assert load_checkpoint(path).training_record["epochs_run"] == 1
    assert sorted(contents(path.parent)) == sorted(FAMILIES[family].files)
    train(family, path, size=1, epochs=2, first=99)
    assert contents(path.parent) == contents(tmp_path / "whole")


@BOTH
def test_other_settings_do_not_resume(family, tmp_path, eagerly):
    path, unfinished = tmp_path / SAVED, tmp_path / UNFINISHED
    train(family, path, size=1, epochs=1)
    before = path.read_bytes()
    for other in ({"seed": 4}, {"settings": {"units": 16}}):
        with pytest.raises(CheckpointError, match="other settings"):
            train(family, path, size=1, **{"epochs": 1, **other})
    unfinished.write_bytes(unfinished.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="makes no sense"):
        train(family, path, size=1, epochs=1)
    unfinished.unlink()
    with pytest.raises(CheckpointError, match="exists"):
        train(family, path, size=1, epochs=1)
    assert contents(tmp_path)[SAVED] == before


@BOTH
def test_without_its_checkpoint_only_a_run_that_keeps_its_last_epoch_goes_on(
    family, tmp_path, eagerly
):
    path = tmp_path / SAVED
    model, _ = train(family, path, size=1, epochs=1)
    path.unlink()
    if family == "melody":  # the best epoch was in that file
        with pytest.raises(CheckpointError, match="is gone"):
            train(family, path, size=1, epochs=1)
    else:
        train(family, path, size=1, epochs=1, first=99)
        assert_same(load_checkpoint(path).generator.weights, model.generator.weights)


@BOTH
def test_a_name_that_can_not_be_saved_is_refused_before_training(family, tmp_path):
    begun = During(0, lambda model: pytest.fail("it trains"))
    with pytest.raises(CheckpointError, match=r"suffix \.safetensors"):
        train(family, tmp_path / "a.keras", callbacks=[begun])
    assert contents(tmp_path) == {}


# === Stopped ===


@BOTH
def test_a_loss_that_is_not_finite_stops_training_with_the_weights_before(
    family, tmp_path, eagerly
):
    path, poisoned = tmp_path / SAVED, During(2, poison)
    with pytest.raises(TrainingError, match=r"epoch 3, step 2.*A learning_rate below 0\.0"):
        train(family, path, size=3, callbacks=[poisoned])
    assert_same(weights_of(poisoned.model), poisoned.kept[1])
    assert all(np.isfinite(weight).all() for weight in poisoned.kept[1])
    assert load_checkpoint(path).training_record["epochs_run"] == 2


@pytest.mark.slow
def test_early_stopping_keeps_the_best_epoch():
    data = random_melodies(4), random_melodies(4, seed=9, high=40)  # batches of two lengths
    model = tiny_lstm(depth=1)
    options = {"batch_size": 4, "patience": 2, "learning_rate": 0.1, "transpose": 0, "seed": 3}
    scores = model.fit(data, epochs=20, verbose=0, **options).history["val_nats"]
    assert 3 < len(scores) == int(np.argmin(scores)) + 3 < 20
    assert likelihood(model, data[1]).total == pytest.approx(min(scores), abs=1e-4)
    assert model.training_record["best_epoch"] == int(np.argmin(scores))


def test_a_corpus_without_a_piece_or_that_is_not_one_is_refused():
    some = random_melodies(2)
    for corpus in (([], []), ([], some)):
        with pytest.raises(ValueError, match=r"corpus=.*no piece to train on"):
            tiny_lstm().fit(corpus)
    for model in (tiny_lstm(), tiny_gan()):
        for corpus in ([], "a.mid", 5, None, some, (some, None), (["a"], []), ["a.mid"]):
            with pytest.raises(ValueError, match=r"corpus=.*give a corpus .*musegen\.corpus\.fold"):
                model.fit(corpus, verbose=0)


# === The file beside the checkpoint ===


def test_a_history_of_a_million_epochs_is_kept(tmp_path):
    file = ResumeFile(tmp_path / SAVED, {"seed": 1})
    weight = keras.Variable(np.arange(3.0), name="w")
    assert file.read({}, {"w": weight}) is None
    history = {name: list(np.random.default_rng(0).random(10**6)) for name in ("nats", "val_nats")}
    file.write({}, {"w": weight}, history)
    weight.assign(np.zeros(3))
    assert file.read({}, {"w": weight}) == history
    np.testing.assert_array_equal(weight, [0, 1, 2])
    file.write({}, {"w": weight}, {})
    assert file.read({}, {"w": weight}) == {}
    # Other settings: a run that has no epoch yet gives way, unless its checkpoint is there already.
    other = ResumeFile(tmp_path / SAVED, {"seed": 2})
    assert other.read({}, {"w": weight}) is None
    (tmp_path / SAVED).touch()
    with pytest.raises(CheckpointError, match="other settings"):
        other.read({}, {"w": weight})


@pytest.mark.parametrize(
    ("epochs", "columns"),
    [
        (1, {}),
        (1, {"nats": np.zeros(2)}),
        (2, {"nats": np.zeros(2), "val_nats": np.zeros(1)}),
        (2, {"nats": np.zeros(2, np.float32)}),
        (2, {"nats": np.zeros((2, 1))}),
        (None, {}),
        ([], {"nats": np.zeros(1)}),
    ],
)
def test_a_history_that_is_not_one_is_refused(epochs, columns, tmp_path):
    file = ResumeFile(tmp_path / SAVED, {})
    tensors = {f"history/{name}": column for name, column in columns.items()}
    write_tensors(file.path, {"settings": {}, "model": {}, "epochs": epochs}, tensors)
    with pytest.raises(CheckpointError, match="damaged: its history"):
        file.read({}, {})


# === Windows of melodies ===


def test_windows_predict_every_event_once_and_weigh_all_alike():
    melodies = random_melodies(30, high=150)
    for model in (tiny_lstm(), tiny_lstm(pitch="absolute")):
        windows = MelodyWindows(melodies, model, batch_size=4, length=50, shuffle=True)
        events, weighed = [], []
        for index in range(windows.num_batches):
            inputs, targets, weights = windows[index]
            kept = weights > 0
            names = [*inputs, *(f"target of {name}" for name in targets)]
            values = [part[name][kept] for part in (inputs, targets) for name in part]
            events += zip(*values, strict=True)
            weighed += weights[kept].tolist()
            assert weights.shape[0] == 4
            assert (targets["duration"][~kept] == 0).all()
        expected = []
        for one in melodies:
            inputs, targets = model.event_ids(one)
            assert [*inputs, *(f"target of {name}" for name in targets)] == names
            expected += zip(*inputs.values(), *targets.values(), strict=True)
        assert sorted(events) == sorted(expected)
        assert windows.events == len(expected) == sum(len(one) - 1 for one in melodies)
        assert min(weighed) == max(weighed)
        assert sum(weighed) == pytest.approx(windows.num_batches, rel=1e-5)


def test_transposition_keeps_intervals_and_stays_in_range():
    melodies, model = random_melodies(20), tiny_lstm(pitch="absolute")
    windows = MelodyWindows(melodies, model, 20, shuffle=True, transpose=6, seed=5)
    low = min(m.pitches[m.pitches >= FIRST_PITCH].min() for m in melodies)
    high = max(m.pitches.max() for m in melodies)
    intervals = sorted(tuple(np.diff(m.pitches[1:-1])) for m in melodies)
    seen = set()
    for epoch in range(5):
        windows.start_epoch(epoch)
        inputs, targets, weights = windows[0]
        lines = [row[w > 0][:-1] for row, w in zip(targets["pitch"], weights, strict=True)]
        assert sorted(tuple(np.diff(line)) for line in lines) == intervals
        assert min(line.min() for line in lines) >= low
        assert max(line.max() for line in lines) <= high
        # What it sees of the event before, and what the duration is told, are moved alike.
        kept = weights > 0
        np.testing.assert_array_equal(inputs["next_pitch"][kept], targets["pitch"][kept])
        later = kept[:, 1:]
        np.testing.assert_array_equal(
            inputs["pitch"][:, 1:][later], targets["pitch"][:, :-1][later]
        )
        seen.add(tuple(sorted(line[0] for line in lines)))
    assert len(seen) == 5  # drawn anew each epoch
    again = MelodyWindows(melodies, model, 20, shuffle=True, transpose=6, seed=5)
    again.start_epoch(4)
    assert np.array_equal(again[0][1]["pitch"], targets["pitch"])


def test_what_sees_all_keys_alike_is_not_transposed():
    melodies, model = random_melodies(6), tiny_lstm()
    still, moved = (
        MelodyWindows(melodies, model, 6, shuffle=True, transpose=semitones, seed=5)
        for semitones in (0, 6)
    )
    for one, other in zip(still[0], moved[0], strict=True):
        keras.tree.map_structure(np.testing.assert_array_equal, one, other)


# === From a model, without validation, and how long it takes ===


def test_one_piece_is_trained_on_with_a_warning_and_the_last_epoch_is_kept(tmp_path, eagerly):
    song, path = random_melodies(1, low=30, high=31), tmp_path / SAVED
    options = {"epochs": 3, "batch_size": 4, "verbose": 0, "learning_rate": 0.02}

    model = tiny_lstm(depth=1)
    after = During(None, None)
    with pytest.warns(UserWarning, match=r"no piece to validate on.*all 3 epochs are trained"):
        history = model.fit((song, []), checkpoint=path, callbacks=[after], **options).history
    assert sorted(history) == ["duration_nats", "nats", "pitch_nats"]
    assert_same(weights_of(model), after.kept[-1])  # the average, of the last epoch
    again = load_checkpoint(path)
    assert_same(again.saved_weights.values(), model.saved_weights.values())
    assert again.training_record["pieces"] == [1, 0]
    text = again.summary_of(again.training_record)
    assert text.startswith("trained on 1 piece of melodies, ")
    assert text.endswith(" nats per event on these")
    # Run again, it is loaded.
    other = tiny_lstm(5, depth=1)
    with pytest.warns(UserWarning, match="no piece to validate on"):
        assert other.fit((song, []), checkpoint=path, **options).history == history
    assert_same(other.saved_weights.values(), model.saved_weights.values())


def test_a_model_goes_on_from_another_and_says_so(tmp_path, eagerly):
    data = random_melodies(4), random_melodies(2)
    first = save_checkpoint(tiny_lstm(7, depth=1), tmp_path / "first.safetensors")
    options = {"batch_size": 4, "epochs": 1, "verbose": 0}
    model = load_to_train(str(first))
    begun = During(0, lambda model: None)
    begun.on_train_begin = lambda logs=None: begun.kept.append(weights_of(begun.model))
    model.fit(data, checkpoint=tmp_path / SAVED, callbacks=[begun], **options)
    assert_same(begun.kept[0], weights_of(load_checkpoint(first)))
    record = load_checkpoint(tmp_path / SAVED).training_record
    assert record["from"]["model"] == str(first)
    # A run that began from another model does not go on.
    other = save_checkpoint(tiny_lstm(8, depth=1), tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="other settings"):
        load_to_train(str(other)).fit(data, checkpoint=tmp_path / SAVED, **options)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99.4, "99 s"), (100, "2 min"), (5969, "99 min"), (6000, "1.7 h")],
)
def test_times_as_they_are_told(seconds, text):
    assert progress.spoken(seconds) == text


def test_the_time_left_is_that_of_the_last_epochs(monkeypatch, capsys):
    clock = iter([0, 90, 100, 120, 120])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.showing(2) as [lines]:
        lines.set_params({"epochs": 4, "steps": 2})
        lines.on_train_begin()
        for epoch in range(4):
            lines.on_epoch_end(epoch, {"nats": 1.5, "val_nats": 2.25})
    figures = "nats 1.500, val_nats 2.250"
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch 1/4: {figures}; 90 s; at most 4 min left",
        f"Epoch 2/4: {figures}; 10 s; at most 20 s left",  # the first, which compiles, is no guide
        f"Epoch 3/4: {figures}; 20 s; at most 15 s left",
        f"Epoch 4/4: {figures}; 0 s",
    ]
    with progress.showing(0) as none:
        assert none == []


def test_on_a_terminal_a_bar_moves_with_the_steps(monkeypatch, capsys):
    clock = iter([0, 10, 30])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    told = []
    with progress.showing(1) as [bar]:
        bar.set_params({"epochs": 2, "steps": 4})
        bar.on_train_begin()
        for epoch in range(2):
            bar.on_epoch_begin(epoch)
            bar.on_train_batch_end(0)
            [task] = bar.bar.tasks
            told.append((task.description, task.completed, task.total, task.fields["told"]))
            bar.on_epoch_end(epoch, {"nats": 1.5})
    assert told == [
        ("Epoch 1/2", 0.25, 2, ""),
        ("Epoch 2/2", 1.25, 2, "at most 8 s left; nats 1.500"),  # 3/4 of ten seconds
    ]
    assert "Epoch 2/2" in capsys.readouterr().err
