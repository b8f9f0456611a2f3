"""Keras's engines: what a melody model computes under JAX is what it computes under TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
from contract import model_of, small, with_drawn_weights

from musegen import save_checkpoint
from musegen.networks import NETWORKS

SCRIPT = textwrap.dedent("""
    import json, sys
    import keras, numpy as np
    import musegen
    from contract import melody

    if keras.backend.backend() == "tensorflow":  # whose compiler other tests are of
        from without_xla import without_xla
        open_for_ever = without_xla()
        open_for_ever.__enter__()

    class Losses(keras.callbacks.Callback):
        found = []
        def on_train_batch_end(self, batch, logs=None):
            self.found.append(float(logs["nats"]))

    model = musegen.load(sys.argv[1])
    random = np.random.default_rng(0)
    tunes = [melody(random.integers(55, 80, 12), random.choice([12, 24], 12)) for _ in range(20)]
    costs = model.costs(tunes[:3])
    piece = model.sample(notes=8, seed=3)
    options = {"epochs": 2, "batch_size": 4, "learning_rate": 0.001, "transpose": 3, "verbose": 0}
    model.fit((tunes, tunes[:4]), checkpoint=sys.argv[2], callbacks=[Losses()], **options)
    after = musegen.load(sys.argv[2])
    print(json.dumps({
        "engine": keras.backend.backend(),
        "losses": Losses.found,
        "costs": np.concatenate(costs).tolist(),
        "pitches": piece.melody.pitches.tolist(),
        "likelihood": piece.log_likelihood,
        "best": min(model.training_record["val_nats"], 1e9),
        "loaded": float(np.concatenate(after.costs(tunes[:4])).sum(axis=1).mean()),
    }))
""")


def run(engine, *arguments):
    environment = {**os.environ, "KERAS_BACKEND": engine}
    path = os.pathsep.join([str(Path(__file__).parent), environment.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, *map(str, arguments)],
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


FIRST = ("attention-lstm", "transformer")


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(name, marks=pytest.mark.slow if name in FIRST else pytest.mark.long)
        for name in NETWORKS
    ],
)
def test_ten_steps_have_the_same_losses(network, tmp_path):
    pytest.importorskip("jax")
    keras.utils.set_random_seed(0)
    model = with_drawn_weights(model_of(network, small(network)), 0.3)
    save_checkpoint(model, tmp_path / "a.safetensors")
    found = {}
    for engine in ("tensorflow", "jax"):
        done = run(engine, tmp_path / "a.safetensors", tmp_path / f"{engine}.safetensors")
        assert done.returncode == 0, done.stderr
        found[engine] = json.loads(done.stdout)
        assert found[engine].pop("engine") == engine
    one, other = found["tensorflow"], found["jax"]
    assert len(one["losses"]) == 10
    assert one["losses"][-1] < one["losses"][0]
    assert one["pitches"] == other["pitches"]
    for name in ("costs", "likelihood"):
        np.testing.assert_allclose(one[name], other[name], atol=1e-4)
    # Adam's steps are as large where a gradient is nothing but rounding, which differs.
    np.testing.assert_allclose(one["losses"][0], other["losses"][0], atol=1e-5)
    for name in ("losses", "best", "loaded"):
        np.testing.assert_allclose(one[name], other[name], atol=3e-3)
    assert one["best"] == pytest.approx(one["loaded"], abs=1e-4)


@pytest.mark.slow
def test_an_engine_that_is_not_there_is_one_line(tmp_path):
    environment = {**os.environ, "KERAS_BACKEND": "theano"}
    done = subprocess.run(
        [sys.executable, "-m", "musegen", "compose"],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("musegen compose: KERAS_BACKEND=theano: ")
    assert len(done.stderr.splitlines()) == 1
