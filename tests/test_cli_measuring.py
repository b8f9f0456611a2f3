"""`musegen evaluate` and `musegen diagnose`: what they hand on, print and write."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from scores import line

import musegen
from musegen import loading
from musegen.cli import main


def tune(seed):
    """A score of two bars of random eighths."""
    pitches = np.random.default_rng(seed).integers(60, 72, 16).tolist()
    return line(pitches, 12, resolution=24)


@pytest.fixture
def music(tmp_path, monkeypatch):
    """Two folders, of a dozen tunes and of three others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "cache"))
    for number in range(15):
        name = "corpus" if number < 12 else "mine"
        musegen.write_midi(tune(number), f"{name}/{number}.mid")


def test_a_folder_is_measured_without_tensorflow(music, no_tensorflow, capsys):
    words = "evaluate mine corpus --seed 3 --json figures.json --plot figures.png"
    assert main(words.split()) == 0
    out = capsys.readouterr().out
    found = musegen.evaluate("mine", musegen.corpus.folder("corpus"), seed=3)
    assert out.startswith(str(found))
    assert out.endswith("figures.json: the figures\nfigures.png: the figures as a picture\n")
    assert json.loads(Path("figures.json").read_text()) == json.loads(found.to_json())
    assert Path("figures.png").read_bytes().startswith(b"\x89PNG")


def test_samples_are_of_models_only(music, capsys):
    assert main("evaluate mine corpus --samples 3".split()) == 2
    assert "samples=3: given music is measured whole" in capsys.readouterr().err


@pytest.fixture
def model(music):
    saved = musegen.AttentionLSTM(units=4, pitch_embedding=2, duration_embedding=2)
    musegen.save_checkpoint(saved, "mine.safetensors")


def test_a_model_is_loaded_and_measured(model, monkeypatch, capsys):
    called = []

    @functools.wraps(musegen.evaluate)
    def evaluate(subject, corpus, **options):
        called.append((type(subject).__name__, corpus.name, options))
        return "the table"

    monkeypatch.setattr(musegen, "evaluate", evaluate)
    assert main("evaluate mine.safetensors corpus --samples 3".split()) == 0
    assert capsys.readouterr().out == "the table\n"
    assert called == [("AttentionLSTM", "corpus", {"samples": 3})]


def test_a_diagnosis_is_printed_and_its_page_written(model, capsys):
    words = "diagnose mine.safetensors corpus --checks duplicates loss_of_a_guess".split()
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "Does it begin at the loss of a uniform guess?" in out
    assert "Does music stand in it twice?" in out
    assert out.endswith("diagnosis.html: the findings with their pictures\n")
    assert Path("diagnosis.html").read_text().startswith("<!doctype html>")
    assert main([*words, "--out", "again.html"]) == 0
    assert Path("again.html").read_text() == Path("diagnosis.html").read_text()


def test_a_page_takes_the_next_free_name_and_the_options_are_handed_on(model, monkeypatch, capsys):
    Path("diagnosis.html").write_text("mine")
    called = []

    @functools.wraps(musegen.diagnose)
    def diagnose(*_, **options):
        called.append(options)
        return "bad"

    monkeypatch.setattr(musegen, "diagnose", diagnose)
    words = "diagnose mine.safetensors corpus --learning-rate 0.1 --seed 5".split()
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("bad\n")
    page = Path("diagnosis-2.html")
    assert called == [{"out": page, "learning_rate": 0.1, "seed": 5}]
    assert Path("diagnosis.html").read_text() == "mine"


def test_what_is_no_checkpoint_is_one_line(music, capsys):
    Path("bad.safetensors").write_bytes(b"bad")
    for command in ("evaluate", "diagnose"):
        assert main([command, "bad.safetensors", "corpus"]) == 2
        assert capsys.readouterr().err.startswith(f"musegen {command}: bad.safetensors is not a")
    assert loading.pretrained_names()
