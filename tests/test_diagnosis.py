"""`diagnose`: which checks it runs, that it changes no model, what it prints and writes."""

from __future__ import annotations

import dataclasses
import functools
import html.parser
import inspect
import json
import subprocess
import sys

import pytest
from test_diagnosis_data import CORPUS_OF_TEN, corpus_of, same_arrays
from test_diagnosis_models import CORPUS, NoDuration, tiny

import musegen
from musegen.diagnosis import CHECKS, Diagnosis, Finding
from musegen.diagnosis.checks import RIGHT, STUCK
from musegen.plots._figure import new_figure

pytestmark = pytest.mark.usefixtures("uncompiled")

DATA_CHECKS = "what_was_left_out duplicates distributions outliers".split()
MELODY_CHECKS = [
    *"loss_of_a_guess gradients_reach leaks_no_future overfits_one_piece amount_of_data".split(),
    *(*DATA_CHECKS, "learning_dynamics", "worst_notes"),
]
GAN = musegen.MuseGAN(bars=1, units=4)
GAN_CHECKS = [
    *("gradients_reach", *DATA_CHECKS),
    *("gan_dynamics", "gan_diversity", "gan_saturation"),
]


class Page(html.parser.HTMLParser):
    """Reads a page, and sees to it that what is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.ids = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def asked(monkeypatch):
    """Runs no check, and notes which would be, with what settings."""
    names = []

    def instead_of(name, function):
        def check(model, corpus, **settings):
            names.append((name, settings))
            return Finding(name, "good", "All is well.", {}, lambda: new_figure(1, 1))

        return functools.wraps(function)(check)

    for name, check in CHECKS.items():
        function = instead_of(name, check.function)
        monkeypatch.setitem(CHECKS, name, dataclasses.replace(check, function=function))
    return names


def test_the_parts_are_in_order_and_each_check_documents_its_settings():
    parts = [check.part for check in CHECKS.values()]
    assert len(dict.fromkeys(parts)) == 5
    assert parts == sorted(parts, key=list(dict.fromkeys(parts)).index)
    assert len({check.question for check in CHECKS.values()}) == len(CHECKS)
    for check in CHECKS.values():
        text = check.function.__doc__
        for name in inspect.signature(check.function).parameters:
            assert text.count(f"\n    {name}: ") == 1, name
        assert text.index("\nArgs:\n") < text.index("\nReturns:\n")


@pytest.mark.parametrize("name", [one for one in CHECKS if CHECKS[one].needs != "voices"])
def test_what_a_check_is_not_for_is_refused(name):
    check = CHECKS[name]
    with pytest.raises(ValueError, match="corpus='music': give a corpus"):
        check.function(tiny() if check.needs != "critic" else GAN, "music")
    if check.needs is not None:
        other, able = (tiny(), "MuseGAN") if check.needs == "critic" else (GAN, "AttentionLSTM")
        with pytest.raises(ValueError, match=rf"give a model with a {check.needs} \(.*{able}"):
            check.function(other, CORPUS)


def test_the_checks_of_a_kind_are_run_in_order_with_the_settings_that_they_take(asked):
    musegen.diagnose(tiny(), CORPUS_OF_TEN, learning_rate=0.1, seed=5)
    settings = dict(asked)
    assert list(settings) == MELODY_CHECKS
    assert settings["learning_dynamics"] == {"learning_rate": 0.1, "seed": 5}
    assert settings["loss_of_a_guess"] == {"seed": 5}
    assert settings["duplicates"] == {}
    for model, checks, run in (
        (GAN, None, GAN_CHECKS),
        (tiny(), ["search", "duplicates"], ["duplicates", "search"]),
    ):
        asked.clear()
        found = musegen.diagnose(model, CORPUS_OF_TEN, checks=checks)
        assert [name for name, _ in asked] == run
        assert (found.subject, found.corpus) == (model.name, "tunes")


def test_names_of_models_and_corpora_are_taken(asked, tmp_path, monkeypatch):
    module = sys.modules["musegen.corpus.named"]
    voices = []
    monkeypatch.setattr(module, "fiddle_tunes", lambda: CORPUS_OF_TEN)
    monkeypatch.setattr(module, "chorales", lambda *v, **k: voices.append((v, k)) or CORPUS_OF_TEN)
    found = musegen.diagnose("bach-chorale-melody", "fiddle-tunes", checks=["duplicates"])
    assert (found.subject, found.corpus) == ("bach-chorale-melody", "tunes")
    musegen.diagnose(tiny(), "chorales", checks=["duplicates"])
    musegen.diagnose(GAN, "chorales", checks=["duplicates"])
    assert voices == [((), {"voices": "soprano"}), ((), {})]
    folders = {tmp_path: CORPUS_OF_TEN}
    monkeypatch.setattr(module, "folder", lambda path, cluster=None: folders[path])
    found = musegen.diagnose(tiny(), tmp_path, checks=["duplicates"])
    assert found.corpus == "tunes"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": 3}, "model=3: give a model \\("),
        ({"model": "no-such"}, "model='no-such' is neither a file nor a model"),
        ({"corpus": 3}, "corpus=3: give a Corpus"),
        ({"checks": []}, "checks=\\[\\]: give a list"),
        ({"checks": ["guess"]}, "checks: there is no 'guess'; choose of loss_of_a_guess, "),
        ({"checks": ["gan_diversity"]}, "checks: 'gan_diversity' is not for such a model"),
        ({"out": "page.png"}, "out='page.png': give a name that ends in .html"),
        ({"seed": -1}, "seed=-1: give a whole number"),
        ({"learning_rate": 0}, "learning_rate=0: give a number above 0"),
        ({"progress": 1}, "progress=1: give True or False"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_run(asked, arguments, message):
    given = {"model": tiny(), "corpus": CORPUS_OF_TEN, **arguments}
    with pytest.raises(ValueError, match=message):
        musegen.diagnose(**given)
    assert asked == []


@pytest.mark.slow
def test_a_model_stays_as_it_is(tmp_path):
    model = tiny(NoDuration)
    model.network.lstms[0].trainable = False
    weights = [weight.copy() for weight in model.get_weights()]
    trainable = [weight.trainable for weight in model.weights]
    quick = [name for name in MELODY_CHECKS if name not in ("amount_of_data", "overfits_one_piece")]
    out = tmp_path / "page.html"
    found = musegen.diagnose(model, CORPUS, checks=quick, out=out)
    same_arrays(weights, model.get_weights())
    assert [weight.trainable for weight in model.weights] == trainable
    assert model.training_record == {}
    verdicts = {finding.check: finding.verdict for finding in found.findings}
    assert list(verdicts) == quick
    assert [finding.check for finding in found.bad] == ["gradients_reach", "learning_dynamics"]
    assert verdicts["worst_notes"] == "unsure"
    for finding in found.findings:
        json.dumps(finding.figures, allow_nan=False)
    text = str(found)
    assert text.startswith("attention-lstm on tunes\n\nIs it right?\n  ✓ Does it begin")
    names = list(model.saved_weights)
    still = [name for name in names if name.startswith(("lstm_1/", "duration_head/", "next_"))]
    assert f"✗ Do gradients reach every weight? {len(still)} of {len(names)} weights" in text
    assert "? Which notes surprise it? Could not be asked: The model is not trained yet" in text
    page = Page(out.read_text(encoding="utf-8"))
    assert page.ids == quick
    assert sum(tag == "img" for tag, _ in page.tags) == len(quick) - 1  # worst_notes has none


@pytest.mark.slow
def test_all_checks_of_a_small_model(tmp_path, monkeypatch):
    for name in ("overfits_one_piece", "amount_of_data"):  # of hundreds of steps by default
        whole = CHECKS[name].function
        function = functools.update_wrapper(functools.partial(whole, steps=16), whole)
        monkeypatch.setitem(CHECKS, name, dataclasses.replace(CHECKS[name], function=function))
    found = musegen.diagnose(tiny(), CORPUS, out=tmp_path / "page.html")
    assert [finding.check for finding in found.findings] == MELODY_CHECKS
    measured = {finding.check for finding in found.findings if finding.figures}
    assert measured == {*MELODY_CHECKS} - {"worst_notes"}


def test_a_page_is_one_file_and_names_are_but_text(tmp_path):
    name = '<b>"tunes" & co</b><script>alert(1)</script>'
    sentence = "1 < 2 & <img src=x onerror=alert(1)>."
    figure = new_figure(1, 1)
    findings = (
        Finding("loss_of_a_guess", "good", sentence, {}, lambda: figure),
        Finding("duplicates", "bad", sentence, {}, lambda: figure),
        Finding("worst_notes", "unsure", "Could not be asked."),
    )
    out = tmp_path / "new" / "page.html"
    assert Diagnosis(name, name, findings).save(out) == out
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert "script" not in tags
    assert tags.count("img") == 2
    assert f"{name} on {name}" in page.words
    assert sentence in page.words
    assert page.ids == ["loss_of_a_guess", "duplicates", "worst_notes"]
    for key, value in (pair for _, attributes in page.tags for pair in attributes.items()):
        assert key not in ("srcset", "onerror")
        assert key != "src" or value.startswith("data:image/png;base64,iVBOR")
        assert key != "href" or value.removeprefix("#") in page.ids
    assert "http" not in text
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]


def test_a_page_that_cannot_be_written_is_an_error(tmp_path):
    diagnosis = Diagnosis("a", "b", ())
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="can't be written"):
        diagnosis.save(tmp_path / "file" / "page.html")
    with pytest.raises(ValueError, match=r"ends in \.html"):
        diagnosis.save(tmp_path / "page.txt")


def test_a_finding_is_a_line_and_a_picture(tmp_path):
    finding = Finding("loss_of_a_guess", "bad", "It costs 9 nats.", {}, lambda: new_figure(1, 1))
    assert (finding.part, CHECKS["gan_dynamics"].part) == (RIGHT, STUCK)
    assert str(finding) == "✗ Does it begin at the loss of a uniform guess? It costs 9 nats."
    finding.plot(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="nothing was measured"):
        Finding("loss_of_a_guess", "unsure", "Could not be asked.").plot()


def test_a_corpus_without_test_pieces_is_no_reason_to_stop():
    corpus = corpus_of(6)  # all of which are for training
    said = {
        "amount_of_data": "has no piece to take: its validation split is empty.",
        "duplicates": "0 of 6 pieces",
        "distributions": "has not both pieces",
        "outliers": "too few pieces",
    }
    found = musegen.diagnose(tiny(), corpus, checks=list(said))
    assert [finding.check for finding in found.findings] == list(said)
    assert all(said[finding.check] in finding.sentence for finding in found.findings)


def test_the_table_of_checks_starts_no_tensorflow():
    code = "import sys, musegen; musegen.diagnosis.CHECKS; musegen.diagnose; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "musegen.diagnosis.diagnose" in done.stdout
    assert not {"tensorflow", "keras", "matplotlib", "optuna"} & set(done.stdout.split())
