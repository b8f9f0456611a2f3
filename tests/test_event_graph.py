"""A model of melodies by its likelihoods: the same in every key, exact, and told by its maps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from contract import ENCODING, SMALL, melody, random_melodies, small, with_drawn_weights
from keras import ops
from test_history import random_lines

from musegen.composition import MAX_MAPPED, MelodyComposition
from musegen.encoding import Melody
from musegen.encoding.history import append, first_history
from musegen.encoding.melody import END, FIRST_PITCH, START
from musegen.models import MelodyModel, relations
from musegen.models.melody_model import FIRST_VERSION

FLAGS = ("copy", "duration_after_pitch", "candidates")
RELATIVE = [dict(zip(FLAGS, values)) for values in itertools.product((True, False), repeat=3)]
EVERY_RELATIVE = pytest.mark.parametrize(
    "settings", RELATIVE, ids=["-".join(n for n in FLAGS if s[n]) or "none" for s in RELATIVE]
)

# Of what is predicted a batch of a few, the compiler would take most of the time.
pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:.*run_functions_eagerly"),
]


def make(**settings):
    """A small model; its weights are large enough that each part shows in what it gives."""
    settings = {**SMALL, **small("attention-lstm"), **settings}
    return with_drawn_weights(MelodyModel(network="attention-lstm", **settings))


def silent(**settings):
    """A model of zeros: every softmax is uniform, and attention is the same to all it sees."""
    model = make(**settings)
    for weight in model.trainable_variables:
        weight.assign(ops.zeros_like(weight))
    return model


# === In every key ===


def moved_costs(model, low=40, high=80):
    """Costs of some melodies, and of them two times moved, and the rows of their first notes."""
    random = np.random.default_rng(1)
    melodies = [line for line in random_lines(20, 4, low, high) if (line.pitches > 3).any()][:5]
    found, first = [], []
    for line in melodies:
        up, down = random.integers(1, 128 - high), random.integers(-low, 0)
        found += [line, line.transpose(up), line.transpose(down)]
        first.append(np.argmax(line.pitches >= FIRST_PITCH) - 1)  # the start costs nothing
    costs = model.costs(found)
    return [np.stack(costs[i : i + 3]) for i in range(0, len(costs), 3)], first


@EVERY_RELATIVE
def test_moving_a_melody_costs_nothing_but_its_first_note(settings):
    costs, first = moved_costs(make(**settings))
    for rows, note in zip(costs, first):
        pitches, durations = rows[..., 0], rows[..., 1]
        np.testing.assert_allclose(durations[1:], durations[[0, 0]], atol=1e-5)
        of_first = pitches[:, note]
        assert np.abs(np.diff(of_first)).min() > 1e-3
        others = np.delete(pitches, note, axis=1)
        np.testing.assert_allclose(others[1:], others[[0, 0]], atol=1e-5)


def test_the_absolute_view_is_not_the_same_in_every_key():
    costs, first = moved_costs(make(pitch="absolute"))
    for rows, note in zip(costs, first):
        assert np.abs(rows[1] - rows[0])[note + 1 :].max(initial=1) > 0.01


# === Exact likelihoods ===


@EVERY_RELATIVE
def test_the_end_takes_no_time_and_all_else_some(settings):
    model = make(**settings)
    melodies = random_melodies(4)
    ends = [costs[-1, 1] for costs in model.costs(melodies)]
    # A note without time in the middle, and an end that takes some.
    odd = [
        Melody(np.array([START, 64, 66, 68, END]), np.array([0, 2, 0, 3, 0])),
        Melody(np.array([START, 64, 66, 68, END]), np.array([0, 2, 3, 3, 1])),
    ]
    wrong = [costs[row, 1] for costs, row in zip(model.costs(odd), (1, 3))]
    if settings["duration_after_pitch"]:
        assert max(ends) < 1e-6
        assert min(wrong) >= 50
    else:  # it does not know
        assert min(ends) > 1e-3
        assert max(wrong) < 50


@pytest.mark.parametrize("pitch", ["relative", "absolute"])
def test_probabilities_sum_to_1(pitch):
    model = make(pitch=pitch)
    for line in random_lines(3, seed=2):
        inputs, _ = model.event_ids(line)
        found = model({name: values[None] for name, values in inputs.items()})
        assert found["pitch"].shape[-1] == ENCODING.pitch_ids
        assert found["duration"].shape[-1] == ENCODING.duration_ids
        for logs in found.values():
            np.testing.assert_allclose(np.exp(logs).sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("pitch", ["relative", "absolute"])
@EVERY_RELATIVE
def test_ids_of_melodies_are_within_the_inputs(pitch, settings):
    model = make(pitch=pitch, **settings)
    extremes = melody([0, 127, 0, 127], [48, 6, 48, 6])
    for line in [*random_lines(30, seed=3), extremes]:
        inputs, targets = model.event_ids(line)
        assert inputs.keys() == model.input_sizes.keys()
        for name, values in inputs.items():
            assert values.shape == (len(line) - 1,)
            assert values.min() >= 0 and values.max() < model.input_sizes[name], name
        assert targets["pitch"].max() < ENCODING.pitch_ids


def test_step_by_step_beyond_the_ring_it_is_the_model_on_the_whole(monkeypatch):
    """Copying reaches 8 events back; the line repeats itself and has 40."""
    monkeypatch.setattr(relations, "WINDOW", 8)
    model = make()
    motif = [(64, 2), (66, 1), (68, 1), (2, 2), (71, 3), (3, 1), (66, 2)]
    pitches, durations = zip(*(motif * 6)[:40])
    line = Melody(np.array([START, *pitches]), np.array([0, *durations]))
    inputs, targets = model.event_ids(line)
    whole = model({name: values[None] for name, values in inputs.items()})
    copied = model.attention_maps(line)["copied"]
    assert copied[:, 20:].max() > 0.1

    tables, state = model.step_tables(), model.initial_state(1, 41)
    history = {name: ops.convert_to_tensor(v) for name, v in first_history(1).items()}
    places = model.encoding.features(line)
    for t in range(40):
        chosen = {name: ops.convert_to_tensor(ids[t : t + 1]) for name, ids in targets.items()}

        def choose(name, scores, t=t, chosen=chosen):
            np.testing.assert_allclose(scores, whole[name][:, t], atol=2e-5, err_msg=f"{name} {t}")
            return chosen[name]

        here = {name: ops.convert_to_tensor(ids[t + 1 : t + 2]) for name, ids in places.items()}
        here = {name: ops.cast(ids, "int32") for name, ids in here.items()}
        state = model.step(history, model.see(history, here, state), tables, choose)
        event = line.pitches[t + 1], line.durations[t + 1]
        steps = ENCODING.steps[event[1]]
        event = (ops.convert_to_tensor(np.array([one], np.int32)) for one in (*event, steps))
        history = append(history, *event, ops)


# === Maps of what was copied ===


def test_what_was_copied_by_hand():
    """Steps of a tone up; in a model of zeros attention and sentinel have equal parts.

    The first note has no interval, and what followed the start is not copied. The softmax of pitch
    has 132 parts and that of duration 4, for a note takes some time.
    """
    # Events:    0 start  1 C, 12  2 D, 24  3 E, 12  4 F sharp, 12  5 end
    line = melody([60, 62, 64, 66], [12, 24, 12, 12])
    maps = silent().attention_maps(line)["copied"]
    pitch, duration = np.zeros((2, 5, 5))
    pitch[2, 2] = (1 / 2) / (1 / 2 + 1 / 2 / 132)  # E from D
    pitch[3, 2:4] = (1 / 3) / (2 / 3 + 1 / 3 / 132)  # F sharp from D and E
    duration[2, 1] = (1 / 3) / (1 / 3 + 1 / 3 / 4)  # of E from that of C; D has another
    duration[3, [1, 3]] = (1 / 4) / (2 / 4 + 1 / 4 / 4)
    np.testing.assert_allclose(maps, [pitch, duration], atol=1e-6)


@pytest.mark.parametrize("duration_after_pitch", [True, False])
def test_what_was_not_copied_is_the_sentinels(duration_after_pitch):
    """Of each event, the copied share is what the softmax does not have of its probability."""
    model = make(duration_after_pitch=duration_after_pitch)
    for line in random_lines(4, seed=6, low=60, high=64):
        ids, targets = model.event_ids(line)
        maps = model.attention_maps(line)["copied"]
        size = len(line) - 1
        assert maps.shape == (2, size, size)
        assert maps.min() >= 0
        assert (maps[:, *np.triu_indices(size, 1)] == 0).all()  # none from what was not there yet
        assert (maps.sum(axis=-1) <= 1 + 1e-5).all()

        inputs = {name: values[None] for name, values in ids.items()}
        x = model.network(model._features(inputs))
        seen, facts = model._seen(inputs, x), model._facts(inputs)
        related, possible = model._relations(inputs), model._possible(inputs.get("next_pitch"))
        for key, rows in zip(("pitch", "duration"), maps):
            head, following = model.symbol_heads[key], inputs[f"next_{key}"]
            logits, copying = head._products(seen[key], facts[key], head.maps())
            odds = np.array(head._odds(copying, related[key]))[0]
            can = (
                np.ones((size, head.symbols))
                if possible[key] is None
                else np.array(possible[key])[0]
            )
            total = 1 + (odds @ np.eye(head.symbols + 1)[following[0]][:, :-1] * can).sum(axis=-1)
            logits = np.where(can, logits, -100)
            softmax = np.array(ops.softmax(logits))[0]
            mixed = np.exp(head(seen[key], following, related[key], facts[key], possible[key]))[0]
            at = np.arange(size), targets[key]
            can = mixed[at] > 1e-20  # lines have notes without time, too
            expected = 1 - softmax[at] / total / mixed[at]
            np.testing.assert_allclose(rows.sum(axis=-1)[can], expected[can], atol=1e-4)


def test_a_model_that_does_not_copy_has_no_map_of_it():
    maps = make(copy=False).attention_maps(melody([60, 62, 64], [12, 12, 12]))
    assert maps.keys() == {"attention"}
    np.testing.assert_allclose(maps["attention"].sum(axis=-1), 1, atol=1e-5)


def test_maps_of_a_very_long_piece_are_refused():
    def piece(size):
        line = Melody(np.array([START, *[64] * (size - 1)]), np.array([0, *[2] * (size - 1)]))
        return MelodyComposition(
            melody=line,
            score=ENCODING.decode(line),
            prompt_events=size - 1,
            log_likelihoods=np.zeros((1, 2), np.float32),
            maps_of=lambda line: {"copied": np.zeros((2, len(line) - 1, 1), np.float32)},
            seed=1,
            model="a model",
            encoding=ENCODING,
        )

    assert piece(MAX_MAPPED).copied.shape == (2, 1, 1)
    for what in ("copied", "attention"):
        with pytest.raises(ValueError, match=r"at most 4,096 events.*has 4,097\. Write a shorter"):
            getattr(piece(MAX_MAPPED + 1), what)


# === Models of the first version ===


def test_a_config_that_is_silent_of_the_new_settings_is_the_first_version():
    model = make(**FIRST_VERSION)
    config = {name: v for name, v in model.get_config().items() if name not in FIRST_VERSION}
    again = MelodyModel.from_config(config)
    assert {name: getattr(again, name) for name in FIRST_VERSION} == FIRST_VERSION
    assert [*again.saved_weights] == [*model.saved_weights]
    assert {name for name in again.saved_weights if "head" in name} == {
        f"{head}_head/{part}" for head in ("pitch", "duration") for part in ("kernel", "bias")
    }
    again.set_weights(model.get_weights())

    # Its costs are those of two softmax layers on the network, over ids as they are.
    line = random_melodies(1, seed=2)[0]
    places = ENCODING.features(line)
    ids = {"pitch": line.pitches[:-1], "duration": line.durations[:-1]}
    ids |= {name: values[1:] for name, values in places.items()}
    embedded = [again.embeddings[name](ids[name][None]) for name in again.embeddings]
    x = np.array(again.network(ops.concatenate(embedded, axis=-1)))[0]
    expected = []
    for name, column in (("pitch", line.pitches[1:]), ("duration", line.durations[1:])):
        head = again.symbol_heads[name]
        logits = x.astype(np.float64) @ head.kernel.numpy() + head.bias.numpy()
        total = np.log(np.exp(logits).sum(axis=-1))
        expected.append(total - logits[np.arange(len(column)), column])
    for one in (model, again):
        np.testing.assert_allclose(one.costs([line])[0], np.stack(expected, -1), atol=1e-4)


def test_a_new_config_keeps_its_settings():
    model = make(candidates=False)
    again = MelodyModel.from_config(model.get_config())
    found = {name: getattr(again, name) for name in FIRST_VERSION}
    assert found == {
        "pitch": "relative",
        "copy": True,
        "duration_after_pitch": True,
        "candidates": False,
    }
