"""The models that ship: they load, are as good as their cards say, and write music."""

import re
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

import musegen
from musegen.checkpoint import PRETRAINED, pretrained_names
from musegen.corpus import chorales, fiddle_tunes
from musegen.encoding.pitch_duration import END
from musegen.evaluation import likelihood

NAMES = ("bach-chorale-melody", "fiddle-tune")


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    return musegen.load(request.param)


def test_the_names_and_the_size_of_what_ships():
    assert tuple(pretrained_names()) == NAMES
    for name in NAMES:
        card = (PRETRAINED / f"{name}.md").read_text()
        for heading in ("Data", "Licence", "Split", "Test likelihood", "Training", "Weak points"):
            assert f"## {heading}" in card
    package = Path(musegen.__file__).parent
    size = sum(path.stat().st_size for path in package.rglob("*") if path.is_file())
    assert size < 40e6


def test_twenty_pieces_are_music(model):
    pieces = model.sample(notes=None, count=20, seed=1)
    for piece in pieces:
        notes = [(note.duration, note.pitch) for note in piece.score.tracks[0].notes]
        pitches = [pitch for _, pitch in notes]
        assert piece.melody.pitches[-1] == END, "it comes to an end"
        assert len(notes) >= 16
        assert len({duration for duration, _ in notes}) >= 2, "more than one rhythm"
        assert len(set(pitches)) >= 5
        assert max(len(list(run)) for _, run in groupby(pitches)) <= 6, "no note for ever"
        leaps = np.abs(np.diff(pitches))
        assert np.mean(leaps <= 5) > 0.6, "mostly steps and small leaps"
    assert len({tuple(piece.melody.pitches) for piece in pieces}) == 20
    assert len({piece.melody.meters for piece in pieces}) > 1
    openings = {(piece.melody.meters[0][1:], piece.melody.pickup) for piece in pieces}
    assert openings <= {((o[0], o[1]), o[2]) for o in model.openings}


def test_the_attention_of_a_piece(model):
    piece = model.sample(notes=32, seed=3)
    new = len(piece.melody) - 1
    assert piece.attention.shape == (model.heads, new, new)
    np.testing.assert_allclose(piece.attention.sum(axis=-1), 1, atol=1e-5)
    assert not np.triu(piece.attention, 1).any()


@pytest.mark.slow
def test_the_likelihood_is_what_the_card_says(model):
    bach = model.name == "bach-chorale-melody"
    corpus = chorales(voices=("soprano",)) if bach else fiddle_tunes()
    measured = likelihood(model, corpus.test)
    assert measured.total == pytest.approx(model.training_record["test_nats"], abs=1e-3)
    card = (PRETRAINED / f"{model.name}.md").read_text()
    stated = re.search(r"\*\*([0-9.]+) nats an event\*\*", card)
    assert stated and float(stated[1]) == pytest.approx(measured.total, abs=0.006)
