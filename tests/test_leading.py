"""The generator whose voices lead: keys, drafts, decisions, and what each noise reaches."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import ops

import musegen
from musegen.encoding import PianorollEncoding
from musegen.encoding.keys import scale_of
from musegen.encoding.pianoroll import HELD, ONSET, RollTrack
from musegen.encoding.roll_phrases import scale_of_roll, transposed
from musegen.models.musegan.cells import decide, real_planes, rolls_of
from musegen.models.musegan.critic import LEAPS, motions
from musegen.models.musegan.given import Told, forced, given_cells
from musegen.models.musegan.leading import SURE, SWEEPS, Leading, in_order
from musegen.models.musegan.leading_generator import CIRCLE, GROOVE, MELODY, Key, Reach
from musegen.models.musegan.reconstruction import BEGIN, drawn, reconstruction_cost
from musegen.training.roll_windows import RollWindows

PITCHES, VOICES = 24, 3
ENCODING = PianorollEncoding(("a", "b", "c"), steps=4, lowest=55, pitches=PITCHES)


def model_of(seed=0, **settings):
    """One whose weights all matter."""
    keras.utils.set_random_seed(seed)
    settings = {"bars": 2, "noise_size": 4, "units": 16, **settings}
    model = musegen.MuseGAN(ENCODING, generator="leading", **settings)
    random = np.random.default_rng(seed)
    for weight in model.generator.trainable_weights:
        weight.assign(random.normal(0, 0.3, weight.shape))
    return model


def noises_of(model, count=8, seed=0):
    random = np.random.default_rng(seed)
    return {
        name: random.standard_normal((count, *shape)).astype(np.float32)
        for name, shape in model.noise_shapes.items()
    }


def unled(model, noises):
    """Drafts, and what voices make of them, where nothing is given."""
    inputs = {name: np.array(x) for name, x in model.inputs_of(noises).items()}
    return [np.array(x) for x in model.unled(inputs)]


def leading_of(seed):
    layer = Leading(PITCHES, VOICES)
    layer.build(None, None, None)
    random = np.random.default_rng(seed)
    layer.set_weights([random.normal(0, 0.2, weight.shape) for weight in layer.weights])
    return layer


def logits_of(seed, count=4, bars=2, steps=4):
    logits = np.random.default_rng(seed).normal(size=(count, bars, steps, PITCHES + 2, VOICES))
    logits[..., PITCHES, :] *= 5  # silence, now and then
    return logits


def decided_slowly(tables, logits, told=None):
    """A note after the other: the pitch of each voice at each step, -1 for silence."""
    leap, chord, motion = (10 * table for table in tables)
    batch, (bars, steps) = len(logits), logits.shape[1:3]
    line = logits.reshape(batch, bars * steps, PITCHES + 2, VOICES)
    found = np.full((batch, bars * steps, VOICES), -1)
    for phrase, step in np.ndindex(found.shape[:2]):
        before = found[phrase, step - 1].copy() if step else np.full(VOICES, -1)
        found[phrase, step] = before
        known = []
        for voice in in_order(VOICES):
            scores = line[phrase, step, : PITCHES + 1, voice].copy()
            if told is None:
                now = found[phrase, step]
                others = [(other, before[other], now[other], now[[other]]) for other in known]
            else:
                past = told[phrase, step - 1] if step else np.full(VOICES, -1)
                end = step + 1  # of the note that would begin here
                while end < bars * steps and line[phrase, end, -1, voice] <= 0:
                    end += 1
                others = [
                    (other, past[other], told[phrase, step, other], told[phrase, step:end, other])
                    for other in range(VOICES)
                    if other != voice
                ]
            for pitch in range(PITCHES):
                if before[voice] >= 0:
                    scores[pitch] += leap[voice, pitch - before[voice] + PITCHES - 1]
                for other, past, now, meanwhile in others:
                    for heard in meanwhile[meanwhile >= 0]:
                        interval = chord[voice, other, pitch - heard + PITCHES - 1]
                        scores[pitch] += interval / len(meanwhile)
                    if now < 0:
                        continue
                    if before[voice] >= 0 and past >= 0 and past != now and pitch != before[voice]:
                        first, then = (before[voice] - past) % 12, (pitch - now) % 12
                        scores[pitch] += motion[voice, other, first, then]
            if not step or line[phrase, step, -1, voice] > 0:
                best = int(scores.argmax())
                found[phrase, step, voice] = best if best < PITCHES else -1
            known.append(voice)
    return found


def pitches_of(sounds):
    sounds = np.array(sounds)
    return np.where(sounds.any(axis=2), sounds.argmax(axis=2), -1)


# === Decisions ===


@pytest.mark.parametrize("seed", range(3))
def test_decisions_are_those_of_one_note_after_the_other(seed):
    leading, drafts, own = leading_of(seed), logits_of(seed), logits_of(seed + 10)
    tables = leading.get_weights()
    expected = decided_slowly(tables, drafts)
    for _ in range(SWEEPS):  # each voice anew, told the others as they are by then
        for voice in in_order(VOICES):
            expected[..., voice] = decided_slowly(tables, drafts, expected)[..., voice]
    draft = leading.draft(drafts.astype("float32"))
    np.testing.assert_array_equal(pitches_of(draft), expected)
    assert (expected == -1).any() and len(np.unique(expected)) > PITCHES // 2
    told = decided_slowly(tables, own, expected)
    np.testing.assert_array_equal(pitches_of(leading.decide(own.astype("float32"), draft)), told)


@pytest.mark.parametrize("seed", range(3))
def test_what_was_decided_is_what_scores_best(seed):
    leading = leading_of(seed)
    drafts, own = (logits_of(one).astype("float32") for one in (seed, seed + 10))
    draft = leading.draft(drafts)
    expected = leading.decide(own, draft)
    sounds, _ = decide(leading(drafts, own, np.zeros_like(own)), ENCODING, held=True)
    np.testing.assert_array_equal(np.array(sounds).reshape(expected.shape), expected)


@pytest.mark.parametrize("track", range(VOICES))
def test_a_given_voice_counts_twice_in_chords_when_music_is_written(track):
    leading, drafts, own = leading_of(1), logits_of(2), logits_of(3)
    told = drafts.copy()  # what sounds where the voice alone decides, as what is given
    cells = np.array(given_cells(Told(*real_line(told, track))))
    forced_drafts, forced_own = (
        np.array(forced(x.astype("float32"), cells)) for x in (drafts, own)
    )
    leap, chord, motion = leading.get_weights()
    for training, count in ((True, 1), (False, SURE)):
        counted = chord.copy()
        counted[:, track] *= count
        expected = decided_slowly((leap, chord, motion), forced_drafts)
        for _ in range(SWEEPS):
            for voice in in_order(VOICES):
                again = decided_slowly((leap, counted, motion), forced_drafts, expected)
                expected[..., voice] = again[..., voice]
        expected = decided_slowly((leap, counted, motion), forced_own, expected)
        led = leading(drafts.astype("float32"), own.astype("float32"), cells, training=training)
        sounds, _ = decide(led, ENCODING, held=True)
        found = pitches_of(np.array(sounds).reshape(4, 8, PITCHES, VOICES))
        np.testing.assert_array_equal(found, expected)


def real_line(logits, track):
    """What each voice would sound by itself, of which one track is given."""
    sounds, begins = decide(logits.astype("float32"), ENCODING, held=True)
    planes = np.array(real_planes(rolls_of(np.array(sounds), np.array(begins))))
    which = np.repeat(np.eye(VOICES, dtype="float32")[[track]], len(logits), axis=0)
    return planes, np.zeros(len(logits), "float32"), which


def test_a_parallel_fifth_is_one_number():
    """The lowest voice goes from 0 to 2, and another would rather go along a fifth above it."""
    leading = Leading(PITCHES, VOICES)
    leading.build(None, None, None)
    logits = np.zeros((1, 1, 2, PITCHES + 2, VOICES), "float32")
    logits[..., -1, :] = 1  # both steps begin a note
    for voice, (first, second) in enumerate([(7, 9), (20, 20), (0, 2)]):
        logits[0, 0, 0, first, voice] += 5
        logits[0, 0, 1, second, voice] += 5
    logits[0, 0, 1, 5, 0] += 3  # the next best
    assert pitches_of(leading.draft(logits))[0].T.tolist() == [[7, 9], [20, 20], [0, 2]]
    motion = np.zeros((VOICES, VOICES, 12, 12))
    motion[0, 2, 7, 7] = -0.3  # of voice 0, told voice 2; it counts 10 times
    leading.motion.assign(motion)
    assert pitches_of(leading.draft(logits))[0].T.tolist() == [[7, 5], [20, 20], [0, 2]]
    motion[0, 2, 7, 7] = -0.1
    leading.motion.assign(motion)
    assert pitches_of(leading.draft(logits))[0].T.tolist() == [[7, 9], [20, 20], [0, 2]]


def test_the_order_goes_from_outside_inwards():
    assert in_order(2) == [1, 0]
    assert in_order(4) == [3, 0, 2, 1]
    assert sorted(in_order(7)) == list(range(7))


def test_notes_sound_until_the_next_begins():
    logits = logits_of(3).astype("float32")
    sounds, struck = decide(logits, ENCODING, held=True)
    rolls = rolls_of(np.array(sounds), np.array(struck)).reshape(4, 8, PITCHES, VOICES)
    likeliest = logits[:, :, :, :-1].argmax(axis=3).reshape(4, 8, VOICES)
    begins = logits[:, :, :, -1].reshape(4, 8, VOICES) > 0
    for phrase, voice in np.ndindex(4, VOICES):
        pitch = PITCHES
        for step in range(8):
            if begins[phrase, step, voice] or not step:
                pitch, cell = likeliest[phrase, step, voice], ONSET
            else:
                cell = HELD
            column = rolls[phrase, step, :, voice]
            expected = np.zeros(PITCHES)
            if pitch < PITCHES:
                expected[pitch] = cell
            np.testing.assert_array_equal(column, expected)


# === What reaches what ===


def test_a_noise_of_a_voice_changes_that_voice_alone():
    model = model_of()
    noises = noises_of(model)
    before = np.array(model(noises))
    for name in ("groove", "melody"):
        changed = {**noises, name: noises[name].copy()}
        changed[name][:, 1] = noises_of(model, seed=1)[name][:, 1]
        after = np.array(model(changed))
        same = (after == before).reshape(-1, VOICES).all(axis=0)
        assert same.tolist() == [True, False, True], name


def test_melody_changes_pitches_and_no_beginning():
    model = model_of()
    noises = noises_of(model)
    other = {**noises, "melody": noises_of(model, seed=1)["melody"]}
    before, after = np.array(model(noises)), np.array(model(other))
    np.testing.assert_array_equal(before[..., -1, :], after[..., -1, :])
    assert (before[..., :-1, :].argmax(axis=3) != after[..., :-1, :].argmax(axis=3)).mean() > 0.05


def test_groove_changes_beginnings_and_no_draft():
    model = model_of()
    noises = noises_of(model)
    other = {**noises, "groove": noises_of(model, seed=1)["groove"]}
    (draft, own), (same, changed) = (unled(model, x) for x in (noises, other))
    np.testing.assert_array_equal(draft, same)
    np.testing.assert_array_equal(own[..., :-1, :], changed[..., :-1, :])
    assert (own[..., -1, :] != changed[..., -1, :]).all()


def test_what_own_noises_add_is_of_a_fixed_size_and_odd():
    model = model_of()
    noises = noises_of(model, count=64)
    opposite = {**noises, **{name: -noises[name] for name in ("groove", "melody")}}
    draft, own = unled(model, noises)
    added, back = own - draft, unled(model, opposite)[1] - draft
    np.testing.assert_allclose(added, -back, atol=1e-4)
    melody, groove = added[..., :-1, :], added[..., -1, :]
    assert np.sqrt((melody**2).mean()) == pytest.approx(MELODY, rel=0.2)
    assert np.median(np.sqrt((groove**2).mean(axis=2))) == pytest.approx(GROOVE, rel=0.05)


def test_a_pitch_counts_by_where_it_lies_in_its_key():
    reach = Reach(PITCHES, VOICES)
    reach.build((None, 1))
    random = np.random.default_rng(0)
    scores = random.normal(size=(PITCHES + 11, VOICES)).astype("float32")
    reach.scores.assign(scores)
    found = np.array(reach(np.array([[-5.0], [0.0], [6.0]], "float32")))
    assert found.shape == (3, 1, 1, PITCHES + 1, VOICES)
    assert not found[..., PITCHES, :].any()  # silence
    for row, key in enumerate((-5, 0, 6)):
        for pitch in range(PITCHES):  # as high in C as `pitch - 5` was lowest
            np.testing.assert_allclose(found[row, 0, 0, pitch], 10 * scores[pitch + key + 5])


def test_style_moves_all_bars_to_the_same_key():
    model = model_of()
    noises = noises_of(model, count=200)
    keys = np.array(model.key(noises["style"]))[:, 0].astype(int)
    assert len(set(keys)) == 12
    logits = np.array(model(noises))
    rolls = rolls_of(*map(np.array, decide(logits, ENCODING, held=True)))
    for roll, key, written in zip(rolls, keys, model.write(noises, 0.0), strict=True):
        np.testing.assert_array_equal(written, transposed(roll, key, ENCODING))


# === Keys ===


def test_keys_stand_in_the_circle_of_fifths():
    assert sorted(CIRCLE) == list(range(-5, 7))
    steps = {(after - before) % 12 for before, after in itertools.pairwise(CIRCLE)}
    assert steps == {7}


def test_keys_are_as_frequent_as_those_that_were_learned():
    key = Key()
    key.build((None, 4))
    even = np.array(key(np.random.default_rng(0).normal(size=(12000, 4)).astype("float32")))
    assert np.bincount(even[:, 0].astype(int) + 5).min() > 850
    key.learn(np.array([0] * 60 + [-5] * 30 + [6] * 10))
    found = np.array(key(np.random.default_rng(0).normal(size=(20000, 4)).astype("float32")))
    shares = {int(k): n / 20000 for k, n in zip(*np.unique(found, return_counts=True))}
    assert shares == pytest.approx({0: 0.6, -5: 0.3, 6: 0.1}, abs=0.02)


def test_a_number_of_the_style_that_stands_for_a_key_gives_it():
    key = Key()
    key.build((None, 4))
    for learned in (list(range(-5, 7)), [0, 0, 2, -5]):
        key.learn(np.array(learned))
        keys = np.repeat(learned, 20)
        noise = np.random.default_rng(0).normal(size=len(keys)).astype("float32")
        style = np.array(key.style_of(keys, noise))
        assert np.all(np.abs(style) < 3)
        found = key(np.stack([style] * 4, axis=1))
        np.testing.assert_array_equal(np.array(found)[:, 0], keys)


def test_scales_by_hand():
    major, minor = np.zeros((2, 12))
    major[[0, 2, 4, 5, 7, 9, 11]] = 4, 2, 3, 2, 4, 2, 1
    minor[[0, 2, 3, 5, 7, 8, 10]] = 4, 2, 3, 2, 4, 1, 1
    for semitones in range(12):
        expected = (semitones + 5) % 12 - 5
        assert scale_of(np.roll(major, semitones)) == expected
        assert scale_of(np.roll(minor, semitones + 9)) == expected  # A minor with C major


def test_transposed_phrases():
    drums = PianorollEncoding(("a", RollTrack("kit", 0, True, "all")), lowest=30, pitches=30)
    random = np.random.default_rng(0)
    cells = np.zeros((3, 16, 30, 2), np.uint8)
    rows = random.integers(30, size=(3, 16))
    for place in np.ndindex(3, 16):
        cells[(*place, rows[place], 0)] = random.choice([HELD, ONSET])
    cells[..., 1] = random.integers(0, 3, (3, 16, 30))
    for semitones in range(-6, 7):
        moved = transposed(cells, semitones, drums)
        np.testing.assert_array_equal(moved[..., 1], cells[..., 1])
        expected = rows + semitones
        expected = np.where(expected < 0, expected + 12, expected)
        expected = np.where(expected > 29, expected - 12, expected)
        np.testing.assert_array_equal(moved[..., 0].argmax(axis=2), expected)
        np.testing.assert_array_equal(moved[..., 0].max(axis=2), cells[..., 0].max(axis=2))


# === Learning ===


def test_windows_in_c(chorale_scores):
    plain = RollWindows(chorale_scores, QUARTET, 2, batch_size=7)
    windows = RollWindows(chorale_scores, QUARTET, 2, batch_size=7, in_c=True)
    drawn = []
    for index in range(windows.num_batches):
        rolls, keys, which = windows[index]
        assert keys.dtype == np.int32
        for roll, key, given, original in zip(rolls, keys, which, plain[index], strict=True):
            heard = original[..., given == 1] if given.any() else original
            sounds = (heard > 0).sum(axis=(0, 1, 3))
            classes = np.bincount((np.arange(48) + 36) % 12, sounds, 12)
            assert scale_of(classes) == key
            np.testing.assert_array_equal(roll, transposed(original, -key, QUARTET))
            if (transposed(roll, key, QUARTET) == original).all():  # no note was put back
                assert scale_of_roll(roll, QUARTET, given) == 0
    for epoch in range(30):
        windows.start_epoch(epoch)
        drawn += [windows[index][2] for index in range(windows.num_batches)]
    assert set(np.concatenate(drawn).sum(axis=1)) == {0, 1}
    assert np.concatenate(drawn).mean(axis=0) == pytest.approx([1 / 8] * 4, abs=0.02)
    assert len({int(key) for index in range(9) for key in windows[index][1]}) > 1


def test_the_cost_of_a_generator_that_knows_nothing():
    """With all scores alike each pitch costs log 25, and each beginning log 2."""
    model = model_of()
    for weight in model.generator.trainable_weights:
        weight.assign(ops.zeros(weight.shape))
    model.generator.get_layer("melody_scores").directions.assign(
        ops.zeros(model.generator.get_layer("melody_scores").directions.shape)
    )
    for weight in model.encoder.weights:
        weight.assign(ops.zeros(weight.shape))
    random = np.random.default_rng(0)
    logits = random.normal(size=(5, 2, 4, PITCHES + 2, VOICES)).astype("float32")
    planes = np.array(model.planes_of_written(logits))
    begins = planes[..., -1, :].reshape(5, 8, VOICES)
    begins[:, 0] = 1
    pitches = np.log(PITCHES + 1) * (begins + 0.05 * (1 - begins))
    rhythm = np.log(2) * (BEGIN * begins + 1 - begins)
    rhythm[:, 0] = 0  # a phrase begins with a note
    for which in (np.zeros((5, VOICES)), np.eye(VOICES)[[0, 1, 1, 2, 0]]):  # what is given is free
        cost = ((pitches + rhythm) * (1 - which[:, None])).sum(axis=(1, 2)).mean()
        told = Told(planes, np.zeros(5, np.int32), which.astype("float32"))
        found = reconstruction_cost(model, told, 1.0)  # nothing diverges
        assert float(found) == pytest.approx(1.5 * cost / 100, rel=1e-4)


def test_noises_of_an_encoder_and_their_divergence():
    model = model_of()
    last = [layer for layer in model.encoder.layers if layer.name.startswith(("shared", "melody"))]
    for weight in model.encoder.weights:
        weight.assign(ops.zeros(weight.shape))
    for layer in last:  # means of 2, variances of 1
        mean = np.zeros((2 if layer.name == "shared" else 1, 2, 4))
        mean[:, 0] = 2
        layer.bias.assign(mean.ravel())
    planes = np.zeros((3000, 2, 4, PITCHES + 1, VOICES), "float32")
    told = Told(planes, np.full(3000, 2, np.int32), np.zeros((3000, VOICES), "float32"))
    noises, divergence = drawn(model, told)
    # (2^2 + 1 - 1 - 0) / 2 each: 4 of style, 4 of chords, 12 of melody.
    assert float(divergence) == pytest.approx(2 * (4 + 4 + 12), rel=1e-5)
    assert np.array(noises["chords"]).mean() == pytest.approx(2, abs=0.05)
    assert np.array(noises["melody"]).std() == pytest.approx(1, abs=0.03)
    assert np.array(noises["groove"]).mean() == pytest.approx(0, abs=0.05)
    assert (np.array(model.key(model.inputs_of(noises, told)["style"])) == 2).all()


QUARTET = PianorollEncoding(lowest=36, pitches=48)


@pytest.fixture(scope="module")
def chorale_scores():
    return [piece.score for piece in musegen.corpus.chorales().train[:6]]


def test_it_learns_by_reconstruction_and_then_from_a_critic(chorale_scores, tmp_path):
    keras.utils.set_random_seed(0)
    model = musegen.MuseGAN(QUARTET, bars=2, units=32, noise_size=8, generator="leading")
    settings = {"epochs": 9, "reconstruction": 6, "batch_size": 16, "verbose": 0, "critic_steps": 1}
    history = model.fit(
        chorale_scores, transpose=0, checkpoint=tmp_path / "a.safetensors", **settings
    )
    costs = history.history["reconstruction_cost"]
    assert model.training_record["reconstruction"] == 6
    assert costs[5] < 0.8 * costs[0] and not any(costs[6:])
    assert not any(history.history["critic_loss"][:6]) and all(history.history["critic_loss"][6:])
    assert not any(history.history["generator_loss"][:8]) and history.history["generator_loss"][8]
    again = musegen.load(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(again.sample(seed=1).roll, model.sample(seed=1).roll)


@pytest.mark.slow
def test_a_run_that_was_interrupted_ends_in_the_same_weights(chorale_scores, tmp_path):
    class Stop(keras.callbacks.Callback):
        def __init__(self, epoch):
            super().__init__()
            self.epoch = epoch

        def on_epoch_end(self, epoch, logs=None):
            if epoch == self.epoch:
                raise KeyboardInterrupt

    settings = {"epochs": 6, "reconstruction": 2, "batch_size": 16, "critic_steps": 1, "verbose": 0}
    written = []
    for stops in ((), (0,), (1, 3)):
        path = tmp_path / f"{len(stops)}.safetensors"
        for stop in [*stops, None]:
            keras.utils.set_random_seed(0)
            model = musegen.MuseGAN(QUARTET, bars=2, units=16, noise_size=4, generator="leading")
            callbacks = [] if stop is None else [Stop(stop)]
            try:
                model.fit(chorale_scores[:2], checkpoint=path, callbacks=callbacks, **settings)
            except KeyboardInterrupt:
                assert stop is not None
        written.append(model.generator.get_weights())
    for weights in written[1:]:
        for expected, found in zip(written[0], weights, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_what_the_critic_sees_of_motion():
    random = np.random.default_rng(0)
    pitches = random.integers(0, PITCHES, (3, 8, VOICES))
    pitches[:, 1::2] = np.where(
        random.random((3, 4, VOICES)) < 0.5, pitches[:, ::2], pitches[:, 1::2]
    )
    roll = (pitches[:, :, None] == np.arange(PITCHES)[:, None]).astype("float32")
    found = np.array(motions(roll.reshape(3, 2, 4, PITCHES, VOICES), [0, 1, 2]))
    pairs = list(itertools.combinations(range(VOICES), 2))
    seen = set()
    for phrase, step in np.ndindex(3, 7):
        before, after = pitches[phrase, step], pitches[phrase, step + 1]
        expected = np.zeros((2, 12, len(pairs)))
        for place, (high, low) in enumerate(pairs):
            if before[high] != after[high] and before[low] != after[low]:
                expected[0, (before[high] - before[low]) % 12, place] = 1
                expected[1, (after[high] - after[low]) % 12, place] = 1
                seen.add(place)
        leap = (after - before) / 12
        same = [max(leap[high] * leap[low], 0) for high, low in pairs]
        beyond = [np.maximum(np.abs(leap) - limit / 12, 0) for limit in LEAPS]
        expected = np.concatenate([expected.ravel(), leap, same, *beyond])
        np.testing.assert_allclose(found[phrase, step], expected, atol=1e-6)
    assert seen == {0, 1, 2}


# === What it is not for ===


@pytest.mark.parametrize(
    ("settings", "encoding", "reason"),
    [
        ({}, PianorollEncoding(("a",)), "fewer"),
        ({}, PianorollEncoding(("a", RollTrack("kit", 0, True, "all"))), "'kit'"),
        ({}, PianorollEncoding(("a", "b", RollTrack("organ", voice="all"))), "'organ'"),
        ({}, PianorollEncoding(("a", "b"), pitches=23), "at least 24"),
        ({"composition": "jamming"}, ENCODING, "one harmony"),
        ({"hold": 1.0}, ENCODING, "hold"),
    ],
)
def test_what_a_leading_generator_is_not_for(settings, encoding, reason):
    with pytest.raises(ValueError, match=reason):
        musegen.MuseGAN(encoding, generator="leading", **settings)


def test_settings_that_go_with_another_generator():
    with pytest.raises(ValueError, match="hold"):
        model_of().sample(hold=2.0)
    compact = musegen.MuseGAN(ENCODING, units=16)
    with pytest.raises(ValueError, match="no encoder"):
        compact.fit([], reconstruction=1)
