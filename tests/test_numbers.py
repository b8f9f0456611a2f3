"""Numbers stay numbers: any ids are music, draws are draws at any temperature, seeds are kept.

`benchmarks/fuzz_numbers.py` tries inputs at random and checks what comes of them by other means;
`docs/reliability.md` has the figures of many more than are tried here.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from musegen.encoding.pitch_duration import END, REST, START, TIE, PitchDurationEncoding
from musegen.models import AttentionLSTM

pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture
def fuzz(load):
    return load("fuzz_numbers")


# --- ids and rolls -------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_any_ids_decode(fuzz, count):
    found = fuzz.decode_ids(count, seed=1)
    assert (found.tried, found.failures) == (count, [])


def test_any_cells_decode(fuzz):
    found = fuzz.decode_rolls(1_500, seed=1)
    assert (found.tried, found.failures) == (1_500, [])


@pytest.mark.parametrize(
    ("pitches", "durations", "notes"),
    [
        ([], [], []),
        ([REST], [12], []),
        ([TIE, TIE], [12, 12], []),
        ([START] * 3, [12, 0, 5], []),
        ([END, 64], [12, 12], []),
        ([64], [0], []),  # an event without time
        ([131, 4], [26, 1], [(0, 192, 127), (192, 1, 0)]),  # the last ids of the table, the first
        ([TIE, 64, TIE, REST, TIE, 64], [12] * 6, [(24, 48, 60), (120, 24, 60)]),
        ([64, START, TIE, END, 65], [12] * 5, [(0, 48, 60)]),
    ],
)
def test_ids_at_the_edges_by_hand(pitches, durations, notes):
    # Duration ids 1, 12 and 26 are 1, 24 and 192 steps.
    score = PitchDurationEncoding().decode((np.array(pitches, int), np.array(durations, int)))
    assert [(n.time, n.duration, n.pitch) for n in score.tracks[0].notes] == notes


def test_ids_that_last_too_long_are_refused():
    encoding = PitchDurationEncoding(durations=(65_535,))
    events = 2**28 // 65_535
    encoding.decode((np.full(events, 64), np.ones(events, int)))
    with pytest.raises(ValueError, match=r"last longer.*2\^28 ticks"):
        encoding.decode((np.full(events + 1, 64), np.ones(events + 1, int)))


# --- draws ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "options"),
    [
        (50_000, {"seed": 1, "top_k": (None, 2)}),
        pytest.param(10**6, {"seed": 2}, marks=pytest.mark.slow),
    ],
)
def test_draws_at_odd_temperatures(fuzz, count, options):
    found = fuzz.draws(count, **options)
    assert found.tried >= count
    assert found.failures == []


@pytest.mark.parametrize(("top_k", "top_p"), [(None, None), (7, None), (9, 0.8)])
def test_how_often_each_id_is_drawn(fuzz, top_k, top_p):
    random = np.random.default_rng(5)
    row = random.normal(0, 1.5, 132).astype(np.float32)
    row[:20] = -np.inf
    logits = np.tile(row, (20_000, 1))
    draw = fuzz.drawing(top_k, top_p is not None)
    for temperature in (0.5, 1.0, 3.0):
        ids, _ = draw(logits, random.random(logits.shape, np.float32), temperature, top_p or 1)
        weights = np.exp(row.astype(float) / temperature)
        order = np.argsort(-weights)
        weights[order[top_k:] if top_k else []] = 0
        weights /= weights.sum()
        if top_p:
            weights[order[np.searchsorted(np.cumsum(weights[order]), top_p) + 1 :]] = 0
            weights /= weights.sum()
        assert not np.isin(ids, np.flatnonzero(weights == 0)).any()
        expected = weights * len(ids)
        common = expected >= 5
        observed = np.bincount(ids, minlength=len(row))
        statistic = ((observed - expected)[common] ** 2 / expected[common]).sum()
        # Exceeded once in ten thousand times (Wilson and Hilferty 1931).
        freedom = common.sum() - 1
        limit = freedom * (1 - 2 / (9 * freedom) + 3.719 * (2 / (9 * freedom)) ** 0.5) ** 3
        assert statistic < limit, (temperature, statistic, limit)


def test_wrong_draws_are_found(fuzz):
    logits = np.array([[3, 2, 1, 0, -np.inf]] * 10, np.float32)

    def wrong(ids, likelihood=-1.0, temperature=1.0, top_k=None, top_p=None):
        ids, likelihoods = np.resize(ids, 10), np.full(10, likelihood)
        return list(fuzz._wrong_draws(logits, ids, likelihoods, temperature, top_k, top_p))

    assert wrong([0, 1, 2, 3]) == []
    assert "no finite number" in wrong([0], likelihood=np.nan)[0]
    assert "none" in wrong([5])[0]
    assert "may not be drawn" in wrong([0, 4])[0]
    assert wrong([0, 1], top_k=2) == [] != wrong([0, 2], top_k=2)
    # Of 1, 0.368, 0.135 and 0.050, the first is 0.644, the first two are 0.881 of all.
    assert wrong([0], top_p=0.64) == [] != wrong([1], top_p=0.64)
    assert wrong([0, 1], top_p=0.65) == [] != wrong([2], top_p=0.65)
    assert wrong([0], temperature=0) == [] != wrong([0, 1], temperature=0)
    assert wrong([3], temperature=0.2) == [] != wrong([3], temperature=0.1)


@pytest.mark.slow
def test_pieces_at_odd_temperatures(fuzz):
    keras.utils.set_random_seed(1)
    model = AttentionLSTM(units=8, attention_size=4)
    for temperature in fuzz.TEMPERATURES:
        piece = model.sample(notes=8, seed=1, temperature=temperature, top_p=0.5)
        assert piece.new_notes == 8
        assert np.isfinite(piece.log_likelihoods).all()
        assert np.isfinite(piece.attention).all()
    for beyond in (1e300, -1e-300, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="temperature="):
            model.sample(notes=8, temperature=beyond)


# --- seeds ---------------------------------------------------------------------------------------


def others():
    """The other Pythons on the path that have what musegen needs."""
    found = []
    for minor in (11, 12, 13):
        path = shutil.which(f"python3.{minor}")
        if path is None or sys.version_info[:2] == (3, minor):
            continue
        look = "import keras, tensorflow, symusic, safetensors, pretty_midi, matplotlib"
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        if subprocess.run([path, "-c", look], capture_output=True, env=environment).returncode == 0:
            found.append(path)
    return found


@pytest.mark.slow
def test_a_seed_gives_the_same_bytes_in_another_process(load):
    seeds = load("seeds")
    first = seeds.hashes(sys.executable, 1)
    assert len(set(first.values())) == len(first) == len(seeds.PIECES), "each piece is another"
    assert seeds.hashes(sys.executable, 1, PYTHONHASHSEED="7", LC_ALL="C") == first


@pytest.mark.slow
def test_a_seed_gives_the_same_bytes_under_another_python(load):
    interpreters = others()
    if not interpreters:
        pytest.skip("no other Python 3.11 to 3.13 on the path has what musegen needs")
    seeds = load("seeds")
    first = seeds.hashes(sys.executable, 1)
    for interpreter in interpreters:
        assert seeds.hashes(interpreter, 1) == first


# --- the table of docs/reliability.md ------------------------------------------------------------


@pytest.mark.long
def test_the_table_has_every_part():
    script = Path(__file__).parents[1] / "benchmarks" / "reliability.py"
    command = [sys.executable, str(script), "--quick", "--interpreters", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[2:]] == [
        "| damaged MIDI files",
        "| MIDI files of 10 MB",
        "| damaged checkpoints",
        "| melody training, killed",
        "| arrays of ids",
        "| piano rolls",
        "| draws",
        f"| seeds under Python {platform.python_version()}",
    ]
    assert all(row[-1] == "0 |" and row[1] != "0" for row in rows[2:])
