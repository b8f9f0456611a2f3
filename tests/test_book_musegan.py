"""The chapter's MuseGAN to compare with is what it says. No time is asserted."""

from __future__ import annotations

import os

import numpy as np
import pytest


@pytest.fixture
def book(load):
    return load("book_musegan")


def test_parameters_are_those_of_the_chapter(book):
    critic = (
        (2 * 4 * 128 + 128)
        + (128 * 128 + 128)
        + (12 * 128 * 128 + 128)
        + (7 * 128 * 128 + 128)
        + 2 * (2 * 128 * 128 + 128)
        + (4 * 128 * 256 + 256)
        + (3 * 256 * 512 + 512)
        + (512 * 1024 + 1024)
        + (1024 + 1)
    )
    # A filter has a bias, and two more numbers where it is normalised.
    temporal = (2 * 32 * 1024 + 3 * 1024) + (1024 * 32 + 3 * 32)
    bar = (
        (128 * 1024 + 3 * 1024)
        + (2 * 512 * 512 + 3 * 512)
        + (2 * 512 * 256 + 3 * 256)
        + (2 * 256 * 256 + 3 * 256)
        + (7 * 256 * 256 + 3 * 256)
        + (12 * 256 + 1)
    )
    assert book.BookMuseGAN().parameters() == {
        "generator": 5 * temporal + 4 * bar,  # the chords and four melodies; four tracks
        "critic": critic,
    }


@pytest.mark.slow
@pytest.mark.parametrize("one_function", [False, True])
def test_a_step_trains_both_networks(book, one_function):
    model = book.BookMuseGAN(bars=3, tracks=2, one_function=one_function, narrow=8)
    networks = {"generator": model.generator, "critic": model.critic}
    before = {name: network.get_weights() for name, network in networks.items()}
    windows = book.one_hot(np.random.default_rng(0).integers(0, 84, (20, 3, 16, 2)))
    (losses,) = model.fit(windows, steps=1, batch_size=3)
    assert set(losses) == {"critic_loss", "penalty", "generator_loss"}
    assert all(np.isfinite(loss) for loss in losses.values())
    assert 0 < losses["penalty"] < 1  # a new critic is nearly flat, and the norm wanted is 1
    for name, network in networks.items():
        after = network.get_weights()
        assert all((a != b).any() for a, b in zip(after, before[name], strict=True) if a.ndim > 1)
    steps = {name: int(optimizer.iterations) for name, optimizer in model._optimizers.items()}
    assert steps == {"generator": 1, "critic": 5}
    rows = model.phrases(4, seed=0)
    assert rows.shape == (4, 3, 16, 2) and rows.min() >= 0 and rows.max() < 84
    np.testing.assert_array_equal(rows, model.phrases(4, seed=0))


def test_fit_wants_to_know_when_to_stop(book):
    with pytest.raises(ValueError, match="steps, minutes"):
        book.BookMuseGAN(narrow=32).fit(np.zeros((1, 2, 16, 84, 4), np.int8))


def test_one_hot_is_undone_by_argmax(book):
    rows = np.random.default_rng(0).integers(0, 84, (3, 2, 16, 4))
    windows = book.one_hot(rows)
    assert windows.shape == (3, 2, 16, 84, 4) and set(np.unique(windows)) == {-1, 1}
    assert ((windows == 1).sum(axis=3) == 1).all()
    np.testing.assert_array_equal(windows.argmax(axis=3), rows)


def test_notes_end_where_the_row_changes_and_at_every_beat(book, tmp_path, monkeypatch):
    from musegen import read_midi

    rows = np.full((1, 2, 16, 2), 60)
    rows[0, 0, :, 1] = [83] * 3 + [70] * 13
    model = book.BookMuseGAN(tracks=2, narrow=32)
    monkeypatch.setattr(model, "phrases", lambda count, seed: rows)
    model.compose_one(path := tmp_path / "phrase.mid", seed=0)
    score = read_midi(path)
    step = score.ticks_per_quarter // 4
    upper, lower = (
        sorted((n.time // step, n.duration // step, n.pitch) for n in track.notes)
        for track in score.tracks
    )
    assert upper == [(start, 4, 60) for start in range(0, 32, 4)]
    assert lower[:3] == [(0, 3, 83), (3, 1, 70), (4, 4, 70)]
    assert len(lower) == 9


def test_a_fresh_process_counts_its_own_memory_alone(load):
    measure = load("measure")
    held = np.ones(300_000_000 // 8)
    process, peak = measure.in_fresh_process(os.getpid)
    assert process != os.getpid()
    assert 5_000_000 < peak < held.nbytes
