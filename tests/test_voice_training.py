"""Training a model of voices."""

from __future__ import annotations

import numpy as np
import pytest
from voices import random_voices

from musegen.encoding import VoicesEncoding
from musegen.encoding.tonic import voices_come_home
from musegen.loading import load_checkpoint
from musegen.models import VoiceModel

pytestmark = [pytest.mark.usefixtures("uncompiled"), pytest.mark.slow]


def test_it_learns_a_piece_by_heart_and_goes_on_where_it_was_stopped(tmp_path):
    random = np.random.default_rng(7)
    piece = random_voices(random, 16, 2, rests=0)
    encoding = VoicesEncoding(("a", "b"))
    settings = {"width": 16, "encoder": 4, "units": 16, "depth": 1, "attention_size": 4}
    model = VoiceModel(encoding, dropout=0.0, **settings)
    before = model.costs([piece])[0].mean()
    history = model.fit(
        ([piece] * 4, [piece]),
        epochs=25,
        batch_size=4,
        learning_rate=0.02,
        average=0.0,
        given=0.25,
        checkpoint=tmp_path / "model.safetensors",
        verbose=0,
    )
    after = model.costs([piece])[0].mean()
    assert after < 0.25 * before
    assert np.isclose(min(history.history["val_nats"]), after, atol=1e-3)
    assert model.openings == ((4, 4, 0, 500_000, 4),)
    assert model.tonic_share == float(voices_come_home(piece.pitches))
    again = load_checkpoint(tmp_path / "model.safetensors")
    assert np.isclose(again.costs([piece])[0].mean(), after, atol=1e-5)
