"""The check of models of voices: one that is right, and two that peek."""

from __future__ import annotations

import numpy as np
import pytest
from symusic.core import NoteTick, ScoreTick, TrackTick
from voices import small_model

from musegen.corpus import Corpus, Piece
from musegen.diagnosis import CHECKS, diagnose

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:.*run_functions_eagerly"),
]
leaks_no_voice = CHECKS["leaks_no_voice"].function


@pytest.fixture(autouse=True)
def little_padding(monkeypatch):
    monkeypatch.setattr("musegen.training.voice_windows.LENGTH_STEP", 8)


@pytest.fixture(scope="module")
def corpus():
    score = ScoreTick(24)
    for name, low in (("soprano", 70), ("alto", 60), ("tenor", 55), ("bass", 45)):
        track = TrackTick(name)
        for n in range(8):
            track.notes.append(NoteTick(24 * n, 24, low + (5 * n) % 7, 80))
        score.tracks.append(track)
    return Corpus("songs", (Piece("a", "train", score),))


class Peeking:
    """Costs that depend on the pitch of another cell, one step on or one voice on in the order."""

    def __init__(self, model, ahead):
        self.model, self.ahead = model, ahead

    def __getattr__(self, name):
        return getattr(self.model, name)

    def costs(self, pieces):
        found = [np.zeros(piece.pitches.shape) for piece in pieces]
        for costs, piece in zip(found, pieces):
            if self.ahead == "step":
                costs[:-1] = 0.01 * piece.pitches[1:]
            else:
                written = self.model.written
                costs[:, written[:-1]] = 0.01 * piece.pitches[:, written[1:]]
        return found


@pytest.mark.parametrize("order", ["down", "outer"])
def test_what_a_voice_is_not_told_does_not_change_it(corpus, order):
    model = small_model(order=order)
    found = leaks_no_voice(model, corpus, steps=16, cells=6)
    assert (found.verdict, found.figures["leaks"]) == ("good", 0)
    for ahead in ("step", "voice"):
        found = leaks_no_voice(Peeking(model, ahead), corpus, steps=16, cells=12)
        assert found.verdict == "bad"
        assert found.figures["leaks"] > 4
        assert "change the cost of what is written before" in found.sentence
        found.draw()


def test_it_is_asked_of_models_of_voices_alone(corpus):
    diagnosis = diagnose(small_model(), corpus, ["leaks_no_voice"], progress=False)
    assert [finding.check for finding in diagnosis.findings] == ["leaks_no_voice"]
    from contract import tiny_lstm

    with pytest.raises(ValueError, match=r"give a model of voices \(VoiceModel"):
        leaks_no_voice(tiny_lstm(), corpus)
    with pytest.raises(ValueError, match="corpus='music': give a corpus"):
        leaks_no_voice(small_model(), "music")
