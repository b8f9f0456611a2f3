"""Training: it learns, it resumes to the same bits, it stops when it must."""

import resource
import subprocess
import sys
import textwrap
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from musegen.checkpoint import CheckpointError, write_tensors
from musegen.encoding.pitch_duration import FIRST_PITCH, Melody, PitchDurationEncoding
from musegen.evaluation import likelihood
from musegen.loading import load_checkpoint
from musegen.models import AttentionLSTM
from musegen.training import TrainingError, keeper, resume
from musegen.training.melody_windows import MelodyWindows
from musegen.training.resume import ResumeFile

ENCODING = PitchDurationEncoding()


def melody(pitches, steps):
    """A line of the given MIDI pitches and lengths in steps."""
    ids = [ENCODING.durations.index(step) + 1 for step in steps]
    return Melody(
        np.array([0, *(np.array(pitches) + FIRST_PITCH), 1], np.int32),
        np.array([0, *ids, 0], np.int32),
    )


def random_melodies(count, seed=0, low=8, high=15):
    random = np.random.default_rng(seed)
    return [
        melody(random.integers(55, 80, size), random.choice([12, 24, 36], size))
        for size in random.integers(low, high, count)
    ]


def tiny(seed=0, **options):
    keras.utils.set_random_seed(seed)
    options = {"units": 8, "pitch_embedding": 4, "duration_embedding": 4, **options}
    return AttentionLSTM(attention_size=4, **options)


@pytest.mark.slow
def test_one_tune_of_sixteen_notes_is_learned():
    tune = melody(
        [60, 60, 67, 67, 69, 69, 67, 65, 65, 64, 64, 62, 62, 60, 67, 60],
        [24, 24, 24, 24, 24, 24, 48, 24, 24, 24, 24, 24, 24, 48, 12, 36],
    )
    model = tiny(units=64, depth=1, pitch_embedding=16, duration_embedding=8, dropout=0.0)
    model.fit(
        ([tune] * 10, [tune]),
        epochs=12,
        batch_size=1,
        learning_rate=0.02,
        transpose=0,
        patience=12,
        verbose=0,
    )
    inputs, targets, weights = MelodyWindows([tune], ENCODING, 1)[0]
    logits = model.predict_on_batch(inputs)
    right = (logits["pitch"].argmax(-1) == targets["pitch"]) & (
        logits["duration"].argmax(-1) == targets["duration"]
    )
    assert right[weights > 0].mean() >= 0.99


def test_windows_predict_every_event_once():
    melodies = random_melodies(30, high=150)
    windows = MelodyWindows(melodies, ENCODING, batch_size=4, length=50, shuffle=True)
    pairs = []
    for index in range(windows.num_batches):
        inputs, targets, weights = windows[index]
        kept = weights > 0
        pairs += zip(inputs["pitch"][kept], targets["pitch"][kept], strict=True)
        assert weights.shape[0] == 4
        assert (targets["duration"][~kept] == 0).all()
    expected = [pair for m in melodies for pair in zip(m.pitches[:-1], m.pitches[1:], strict=True)]
    assert sorted(pairs) == sorted(expected)
    assert windows.events == len(expected)


def test_transposition_keeps_intervals_and_stays_in_range():
    melodies = random_melodies(20)
    windows = MelodyWindows(melodies, ENCODING, 20, shuffle=True, transpose=6, seed=5)
    low = min(m.pitches[m.pitches >= FIRST_PITCH].min() for m in melodies)
    high = max(m.pitches.max() for m in melodies)
    intervals = sorted(tuple(np.diff(m.pitches[1:-1])) for m in melodies)
    seen = set()
    for epoch in range(5):
        windows.start_epoch(epoch)
        _, targets, weights = windows[0]
        lines = [row[w > 0][:-1] for row, w in zip(targets["pitch"], weights, strict=True)]
        assert sorted(tuple(np.diff(line)) for line in lines) == intervals
        assert min(line.min() for line in lines) >= low
        assert max(line.max() for line in lines) <= high
        seen.add(tuple(sorted(line[0] for line in lines)))
    assert len(seen) == 5  # drawn anew each epoch
    again = MelodyWindows(melodies, ENCODING, 20, shuffle=True, transpose=6, seed=5)
    again.start_epoch(4)
    assert np.array_equal(again[0][1]["pitch"], targets["pitch"])


class Stop(keras.callbacks.Callback):
    """Interrupts training in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.stop_epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch == self.stop_epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now and batch == 1:
            raise KeyboardInterrupt


OPTIONS = {"epochs": 5, "batch_size": 4, "seed": 3, "verbose": 0, "learning_rate": 0.01}


@pytest.mark.slow
def test_interrupted_training_ends_in_the_same_weights(tmp_path):
    train, validation = random_melodies(20), random_melodies(6, seed=1)
    whole = tiny(dropout=0.3)
    history = whole.fit((train, validation), checkpoint=tmp_path / "a.safetensors", **OPTIONS)

    for stop in (0, 3):
        with pytest.raises(KeyboardInterrupt):
            tiny(dropout=0.3).fit(
                (train, validation),
                checkpoint=tmp_path / "b.safetensors",
                callbacks=[Stop(stop)],
                **OPTIONS,
            )
    resumed = tiny(seed=99, dropout=0.3)  # its first weights are not those of the run
    again = resumed.fit((train, validation), checkpoint=tmp_path / "b.safetensors", **OPTIONS)
    for expected, weight in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, weight)
    assert again.history == history.history
    assert len(again.history["val_nats"]) == 5

    loaded = load_checkpoint(tmp_path / "b.safetensors")
    for expected, weight in zip(whole.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, weight)
    # Started once more, there is nothing left to do.
    once_more = tiny(seed=5, dropout=0.3)
    once_more.fit((train, validation), checkpoint=tmp_path / "b.safetensors", **OPTIONS)
    np.testing.assert_array_equal(once_more.get_weights()[0], whole.get_weights()[0])


@pytest.mark.slow
def test_killed_training_ends_in_the_same_weights(tmp_path):
    script = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(__file__.rsplit("/", 1)[0])!r})
        from test_training import OPTIONS, random_melodies, tiny
        options = OPTIONS | {{"epochs": 40}}
        tiny(dropout=0.3).fit((random_melodies(20), random_melodies(6, seed=1)),
                              checkpoint=sys.argv[1], **options)
    """)
    command = [sys.executable, "-c", script]
    subprocess.run([*command, str(tmp_path / "a.safetensors")], check=True)
    killed = tmp_path / "b.safetensors"
    process = subprocess.Popen([*command, str(killed)])
    unfinished = tmp_path / "b.safetensors.resume"
    while not unfinished.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.2)
    process.kill()
    process.wait()
    assert process.returncode != 0, "it ended before it could be killed"
    subprocess.run([*command, str(killed)], check=True)
    expected, got = load_checkpoint(tmp_path / "a.safetensors"), load_checkpoint(killed)
    for one, other in zip(expected.get_weights(), got.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def eagerly():
    """Steps are run as they stand: of a few, the compiler would take most of the time."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def small_fit(checkpoint, **options):
    model = tiny(seed=options.pop("model_seed", 0), dropout=0.3)
    data = random_melodies(4), random_melodies(2, seed=1)
    model.fit(data, checkpoint=checkpoint, **{**OPTIONS, "epochs": 2, **options})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_stopped_before_any_of_its_files_it_ends_in_the_same_bytes(tmp_path, monkeypatch, eagerly):
    """The files: `.resume` at the beginning, then the checkpoint and `.resume` of each epoch."""
    names, stop_at = [], None

    def watched(write, place):
        def writing(*arguments, **options):
            if len(names) == stop_at:
                raise KeyboardInterrupt
            names.append(arguments[place].name)
            return write(*arguments, **options)

        return writing

    monkeypatch.setattr(keeper, "save_checkpoint", watched(keeper.save_checkpoint, 1))
    monkeypatch.setattr(resume, "write_tensors", watched(resume.write_tensors, 0))
    whole = tmp_path / "whole"
    small_fit(whole / "a.safetensors")
    saved, going_on = "a.safetensors", "a.safetensors.resume"
    assert names == [going_on, saved, going_on, saved, going_on]
    for stop_at in range(1, 5):
        names.clear()
        checkpoint = tmp_path / str(stop_at) / "a.safetensors"
        with pytest.raises(KeyboardInterrupt):
            small_fit(checkpoint)
        stop_at = None
        small_fit(checkpoint, model_seed=99)
        for name in (saved, going_on):
            assert (checkpoint.parent / name).read_bytes() == (whole / name).read_bytes()


class FullDisk(keras.callbacks.Callback):
    """Lets no file grow beyond 1,000 bytes from the beginning of an epoch on."""

    def __init__(self, epoch):
        super().__init__()
        self.full = epoch
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.full:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, self.limits[1]))

    def clear(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_a_disk_that_fills_up_stops_training_which_goes_on_when_there_is_room(tmp_path, eagerly):
    whole, checkpoint = tmp_path / "whole.safetensors", tmp_path / "a.safetensors"
    small_fit(whole)
    disk = FullDisk(1)
    try:
        with pytest.raises(CheckpointError, match=r"can't be written: .*File too large") as caught:
            small_fit(checkpoint, callbacks=[disk])
    finally:
        disk.clear()
    assert len(str(caught.value).splitlines()) == 1
    assert load_checkpoint(checkpoint).training_record["epochs_run"] == 1
    assert len(list(tmp_path.iterdir())) == 4
    small_fit(checkpoint, model_seed=99)
    assert checkpoint.read_bytes() == whole.read_bytes()


def test_a_history_of_a_million_epochs_is_kept(tmp_path):
    file = ResumeFile(tmp_path / "a.safetensors", {"seed": 1})
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
    other = ResumeFile(tmp_path / "a.safetensors", {"seed": 2})
    assert other.read({}, {"w": weight}) is None
    (tmp_path / "a.safetensors").touch()
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
    file = ResumeFile(tmp_path / "a.safetensors", {})
    tensors = {f"history/{name}": column for name, column in columns.items()}
    write_tensors(file.path, {"settings": {}, "model": {}, "epochs": epochs}, tensors)
    with pytest.raises(CheckpointError, match="damaged: its history"):
        file.read({}, {})


@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_without_its_checkpoint_training_does_not_go_on(tmp_path, eagerly):
    checkpoint = tmp_path / "a.safetensors"
    small_fit(checkpoint)
    checkpoint.unlink()
    with pytest.raises(CheckpointError, match="is gone"):
        small_fit(checkpoint)


@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_other_settings_do_not_resume(tmp_path, eagerly):
    path = tmp_path / "a.safetensors"
    small_fit(path)
    with pytest.raises(CheckpointError, match="other settings"):
        small_fit(path, seed=4)
    (tmp_path / "a.safetensors.resume").unlink()
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="exists"):
        small_fit(path)
    assert path.read_bytes() == before


class Poison(keras.callbacks.Callback):
    """Makes a weight infinite at the beginning of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.poisoned = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.poisoned:
            weight = self.model.heads["pitch"].bias
            weight.assign(np.full(weight.shape, np.inf))


@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_a_loss_that_is_not_finite_stops_training(tmp_path, eagerly):
    data = random_melodies(8), random_melodies(4)
    path = tmp_path / "a.safetensors"
    model = tiny()
    with pytest.raises(TrainingError, match=r"epoch 3, step 1.*learning_rate"):
        model.fit(data, checkpoint=path, callbacks=[Poison(2)], **OPTIONS)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert load_checkpoint(path).training_record["epochs_run"] == 2


@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_early_stopping_keeps_the_best_epoch(eagerly):
    data = random_melodies(4), random_melodies(8, seed=9, high=40)  # batches of two lengths
    model = tiny(depth=1)
    history = model.fit(
        data, **{**OPTIONS, "epochs": 20, "patience": 2, "learning_rate": 0.2, "transpose": 0}
    )
    scores = history.history["val_nats"]
    assert 3 < len(scores) == int(np.argmin(scores)) + 3 < 20
    assert likelihood(model, data[1]).total == pytest.approx(min(scores), abs=1e-4)
    assert model.training_record["best_epoch"] == int(np.argmin(scores))


def test_likelihood_of_a_uniform_guess():
    model = tiny()
    for head in model.heads.values():
        for weight in head.weights:
            weight.assign(np.zeros(weight.shape))
    pieces = random_melodies(7)
    result = likelihood(model, pieces)
    assert result.pitch == pytest.approx(np.log(132))
    assert result.duration == pytest.approx(np.log(len(ENCODING.durations) + 1))
    assert result.events == sum(len(piece) - 1 for piece in pieces)
    assert result.pieces == 7


def test_a_corpus_without_a_piece_or_that_is_not_one_is_refused():
    for corpus, what in ((([], []), "train"), ((random_melodies(2), []), "validate")):
        with pytest.raises(ValueError, match=f"corpus=.*no piece to {what} on"):
            tiny().fit(corpus)
    for corpus in ("a.mid", None, [], random_melodies(2), (random_melodies(2), None), (["a"], [])):
        with pytest.raises(ValueError, match=r"corpus=.*give a corpus .*musegen\.corpus\.folder"):
            tiny().fit(corpus)
