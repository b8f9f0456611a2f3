"""A MIDI file by itself is judged as one piece, by the figures that one piece has."""

from __future__ import annotations

import numpy as np
import pytest
from scores import line

from musegen.corpus import folder
from musegen.evaluation import evaluate
from musegen.midi import write_midi


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    music = tmp_path_factory.mktemp("corpus") / "music"
    for number in range(20):
        pitches = np.random.default_rng(number).integers(50, 80, 40)
        write_midi(line(pitches.tolist()), music / f"{number}.mid")
    return folder(music, jobs=1)


def test_a_file_is_one_piece(corpus, tmp_path):
    file = write_midi(line([60, 62, 64, 62] * 5), tmp_path / "mine.mid")
    found = evaluate(file, corpus, progress=False)
    assert found.title.startswith("mine on music, test split: 1 piece, beside ")
    assert found.counts["subject"] == 1
    assert {one.name for one in found} >= {"pitches used", "4 notes"}
    # Of two pieces, in the test split, there is one distance, which has no density.
    assert len(corpus.test) == 2
    assert not [one for one in found if "overlapped" in one.name]


def test_a_file_without_notes_is_refused(corpus, tmp_path):
    file = write_midi(line([]), tmp_path / "silent.mid")
    with pytest.raises(ValueError, match=r"silent\.mid has no notes\. Give a file with music\.$"):
        evaluate(str(file), corpus, progress=False)
