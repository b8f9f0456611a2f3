"""Training a model of voices, on each kind of network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from voices import SMALL, random_voices, small_model

from musegen.checkpoint import save_checkpoint
from musegen.encoding import VoicesEncoding
from musegen.encoding.tonic import voices_come_home, voices_keep_their_key
from musegen.loading import load_checkpoint
from musegen.models import VoiceModel
from musegen.networks import GRID_NETWORKS

pytestmark = [pytest.mark.usefixtures("uncompiled"), pytest.mark.slow]

SCRIPT = textwrap.dedent("""
    import json, sys
    import keras, numpy as np
    import musegen
    from voices import random_voices

    class Losses(keras.callbacks.Callback):
        found = []
        def on_train_batch_end(self, batch, logs=None):
            self.found.append(float(logs["nats"]))

    model = musegen.load(sys.argv[1])
    random = np.random.default_rng(0)
    pieces = [random_voices(random, 12) for _ in range(4)]
    costs = np.concatenate(model.costs(pieces[:2])).ravel().tolist()
    options = {"epochs": 6, "batch_size": 2, "given": 0.0, "learning_rate": 0.02, "verbose": 0}
    model.fit((pieces, pieces[:2]), callbacks=[Losses()], **options)
    engine = keras.backend.backend()
    print(json.dumps({"engine": engine, "losses": Losses.found, "costs": costs}))
""")


@pytest.mark.parametrize("network", ["attention-lstm", *GRID_NETWORKS])
def test_it_learns_a_piece_by_heart_and_goes_on_where_it_was_stopped(network, tmp_path):
    random = np.random.default_rng(7)
    piece = random_voices(random, 16, 2, rests=0)
    encoding = VoicesEncoding(("a", "b"))
    settings = {**SMALL[network], "units": 16, "width": 16, "encoder": 4, "network": network}
    if "depth" in settings:
        settings["depth"] = 1
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
    kept = voices_keep_their_key(piece.pitches, model.encoding.steps_per_quarter)
    assert kept is not None and model.key_share == float(kept)
    again = load_checkpoint(tmp_path / "model.safetensors")
    assert np.isclose(again.costs([piece])[0].mean(), after, atol=1e-5)


@pytest.mark.parametrize("network", GRID_NETWORKS)
def test_it_is_the_same_under_jax_and_learns_there(network, tmp_path):
    pytest.importorskip("jax")
    model = small_model(network=network, dropout=0.0)
    save_checkpoint(model, tmp_path / "a.safetensors")
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path / "a.safetensors")],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["engine"] == "jax"
    random = np.random.default_rng(0)
    costs = model.costs([random_voices(random, 12) for _ in range(2)])
    np.testing.assert_allclose(np.concatenate(costs).ravel(), found["costs"], atol=1e-3)
    assert found["losses"][-1] < 0.8 * found["losses"][0]
