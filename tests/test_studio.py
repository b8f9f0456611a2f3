"""The studio's server: what it answers, to whom, and what it refuses; the models answer at once."""

from __future__ import annotations

import base64
import io
import json
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from scores import line, score_of
from studio_models import KINDS, PORTAL, TOKEN, Choir, Client, Tune, fake_models, served

import musegen
from musegen.checkpoint import CheckpointError
from musegen.cli import main
from musegen.interop import midi_bytes, musicxml_bytes, to_score
from musegen.studio import app as studio_app
from musegen.studio import jobs, safety
from musegen.studio.models import Models
from musegen.studio.steps import LIMITS

PORT = 8764
HERE = f"http://127.0.0.1:{PORT}"
STATIC = Path(studio_app.STATIC)
COMPOSE = {"do": "compose", "model": "choir", "seed": 7, "bars": 4}
MELODY = {"do": "compose", "model": "tune", "seed": 7, "bars": 4}
PHRASE = {"do": "compose", "model": "four", "seed": 7}


def client_of(models=None, entered=True):
    client = Client(studio_app.create_app(models or fake_models(), PORT, TOKEN), HERE)
    if entered:
        assert client.get("/", params={"token": TOKEN}).status_code == 200
    return client


@pytest.fixture
def client():
    return client_of()


def asked(client, what, steps, **more):
    """The last line of an answer."""
    answer = client.post(f"/api/{what}", json={"tab": "one", "steps": steps, **more})
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text.splitlines()[-1])


def written(client, *steps):
    return asked(client, "write", list(steps))["piece"]


def dropped(client, data, name="tune.mid"):
    answer = client.post("/api/files", content=data)
    assert answer.status_code == 200, answer.text
    return {"do": "file", "id": answer.json()["id"], "name": name}


def notes_of(piece):
    return {voice["name"]: [note[:3] for note in voice["notes"]] for voice in piece["voices"]}


# === What it does ===


def test_the_page_and_all_of_its_parts_are_there(client):
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    sources = [page.text, *(path.read_text() for path in STATIC.glob("*.js"))]
    parts = {name for text in sources for name in re.findall(r'"(?:/static|\.)/([^"]+)"', text)}
    of_notebooks = {"frame.js", "frame.css", "widget.js"}
    there = {path.name for path in STATIC.iterdir()} - {"index.html"}
    assert parts | of_notebooks == there | of_notebooks
    for name in parts:
        assert client.get(f"/static/{name}").status_code == 200


def test_the_page_names_no_address_from_outside_and_holds_no_code_or_style():
    for path in STATIC.iterdir():
        text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?:|[\"'(]//|\bdata:|@import|innerHTML|eval\(", text), path.name
        assert len(text.splitlines()) <= 350, path.name
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)", page)


def test_models_are_listed_with_what_they_write_and_the_first_is_loaded(client):
    found = client.get("/api/models").json()["models"]
    assert {one["name"]: one["writes"] for one in found} == KINDS
    assert found[0]["voices"] == ["soprano", "alto", "tenor", "bass"]
    answer = client.post("/api/write", json={"tab": "one", "steps": [COMPOSE]})
    assert "Loading" not in answer.text


def test_a_piece_has_voices_bars_and_tempo(client):
    piece = written(client, COMPOSE)
    assert [voice["name"] for voice in piece["voices"]] == ["soprano", "alto", "tenor", "bass"]
    assert piece["bars"] == [[4 * n, 4 * n + 4, n + 1, 1] for n in range(4)]
    assert (piece["end"], piece["tempos"]) == (16, [[0, 120]])
    start, length, pitch, velocity = piece["voices"][0]["notes"][0]
    assert (start, length) == (0, 1)
    assert 0 < velocity < 128
    assert isinstance(pitch, int)


def test_tempos_are_those_of_the_file(client):
    tempos = ((0, 1_000_000), (24, 250_000))
    piece = written(client, dropped(client, midi_bytes(score_of([(0, 48, 60)], tempos=tempos))))
    assert piece["tempos"] == [[0, 60], [1, 240]]


def test_the_same_steps_write_the_same_piece_and_are_kept():
    calls = []

    class Counting(Choir):
        def sample(self, **settings):
            calls.append(settings)
            return super().sample(**settings)

    one = client_of(fake_models(choir=Counting()))
    rewrite = {"do": "rewrite", "model": "choir", "seed": 8, "bars": [2, 3]}
    first = written(one, COMPOSE, rewrite)
    assert written(one, COMPOSE, rewrite) == first
    assert calls == [{"seed": 7, "bars": 4}]
    assert written(client_of(), COMPOSE, rewrite) == first


def test_what_is_being_done_is_said(client):
    def lines(*steps):
        answer = client.post("/api/write", json={"tab": "one", "steps": list(steps)})
        return [json.loads(line).get("says") for line in answer.text.splitlines()]

    assert lines(COMPOSE) == [
        "Loading choir ...",
        "choir is writing; its first piece can take some seconds more ...",
        None,
    ]
    assert lines({**COMPOSE, "seed": 9}) == ["choir is writing ...", None]
    assert lines(COMPOSE) == [None]


def test_a_melody_goes_on_and_says_what_it_copied_and_looked_at(client):
    step = {"do": "continue", "model": "tune", "seed": 1, "bars": 2}
    piece = written(client, MELODY, step)
    assert (piece["given"], piece["looks"], piece["end"]) == (16, True, 24)
    found = asked(client, "attention", [MELODY, step])["attention"]
    assert [note[0] for note in found["copied"]] == list(range(16, 24))
    assert found["copied"][1] == [17.0, [[16.0, 0.9]]]
    # The mean of two heads: one looks at the note before, the other at the first note.
    assert found["attention"][1] == [17.0, [[0.0, 0.5], [16.0, 0.5]]]


def test_a_piece_without_attention_says_so(client):
    assert "no attention" in asked(client, "attention", [COMPOSE])["error"]


@pytest.mark.parametrize("name", ["tune.mid", "tune.musicxml"])
def test_a_file_is_shown_and_harmonised(client, name):
    tune = line([60, 62, 64, 65, 67, 65, 64, 62])
    data = midi_bytes(tune) if name.endswith("mid") else musicxml_bytes(tune)
    file = dropped(client, data, name)
    given = notes_of(written(client, file))
    assert [note[2] for note in given["line"]] == [60, 62, 64, 65, 67, 65, 64, 62]
    full = notes_of(written(client, file, {"do": "harmonise", "model": "choir", "seed": 3}))
    assert list(full) == ["soprano", "alto", "tenor", "bass"]
    assert full["soprano"] == given["line"]


def test_bars_are_rewritten_as_the_page_numbers_them(client):
    before = notes_of(written(client, COMPOSE))
    step = {"do": "rewrite", "model": "choir", "seed": 99, "bars": [2, 2], "voices": ["alto"]}
    after = notes_of(written(client, COMPOSE, step))
    assert {name for name in before if before[name] != after[name]} == {"alto"}
    changed = [new[0] for new, old in zip(after["alto"], before["alto"]) if new != old]
    assert changed
    assert 4 <= min(changed) <= max(changed) < 8


@pytest.mark.parametrize(("rest", "numbers"), [(24, (2, 3)), (72, (1, 2))])
def test_a_rest_at_the_beginning_moves_no_bar(rest, numbers, monkeypatch):
    """A model takes any such rest for a pickup, and the page only a long one."""
    found = []

    class Asked(Choir):
        def rewrite(self, piece, bars, **settings):
            found.append(bars)
            return super().rewrite(piece, bars=bars, **settings)

    one = client_of(fake_models(choir=Asked()))
    notes = [(rest + 24 * n, 24, 60) for n in range(16)]
    file = dropped(one, midi_bytes(score_of(("soprano", notes))))
    bars = [bar[2] for bar in written(one, file)["bars"]][1:3]
    assert tuple(bars) == numbers
    written(one, file, {"do": "rewrite", "model": "choir", "seed": 1, "bars": bars})
    assert found == [(1, 2)]


def test_a_knob_changes_its_track_alone(client):
    piece = written(client, PHRASE)
    assert piece["knobs"]["style"] == []
    assert piece["knobs"]["groove"] == ["soprano", "alto", "tenor", "bass"]
    before = notes_of(piece)
    step = {"do": "vary", "model": "four", "part": "groove", "track": "bass", "seed": 3}
    after = notes_of(written(client, PHRASE, step))
    assert {name for name in before if before[name] != after[name]} == {"bass"}


WALK = {"do": "walk", "model": "four", "to": [{**PHRASE, "seed": 8}]}


def test_a_walk_leads_from_one_take_to_another(client):
    ends = [notes_of(written(client, take)) for take in (PHRASE, WALK["to"][0])]
    every = dict.fromkeys(("style", "groove", "chords", "melody"), 1)
    assert notes_of(written(client, PHRASE, {**WALK, "share": every})) == ends[1]
    assert notes_of(written(client, PHRASE, {**WALK, "share": {}})) == ends[0]
    found = notes_of(written(client, PHRASE, {**WALK, "share": {"melody": {"bass": 1}}}))
    assert {name for name in found if found[name] != ends[0][name]} == {"bass"}
    last = [note for note in ends[1]["bass"] if note[0] % 4 == 3]  # which its melody decides
    assert [note for note in found["bass"] if note[0] % 4 == 3] == last


def test_walks_within_walks_have_an_end(client):
    take = [PHRASE]
    for _ in range(5):
        take = [PHRASE, {**WALK, "to": take, "share": {}}]
    answer = client.post("/api/write", json={"tab": "one", "steps": take})
    assert answer.json()["error"] == "steps: give at most 4 walks within each other."
    assert written(client, *take[1]["to"])


@pytest.mark.parametrize("suffix", [".mid", ".musicxml", ".png", ".wav"])
def test_a_take_is_had_as_a_file(client, suffix, tmp_path):
    found = asked(client, "download", [COMPOSE], suffix=suffix)
    data = base64.b64decode(found["file"])
    if suffix in (".png", ".wav"):
        assert data[:4] in (b"\x89PNG", b"RIFF")
        return
    (tmp_path / f"piece{suffix}").write_bytes(data)
    score = to_score(tmp_path / f"piece{suffix}")
    pitches = [note[2] for note in notes_of(written(client, COMPOSE))["bass"]]
    assert [note.pitch for note in score.tracks[3].notes] == pitches


def test_models_of_ones_own_come_first(monkeypatch, tmp_path):
    file = musegen.loading.PRETRAINED / "bach-chorale-melody.safetensors"
    (tmp_path / "bach-chorale.safetensors").write_bytes(file.read_bytes())
    found = Models.shipped(str(tmp_path / "bach-chorale.safetensors")).kinds
    assert next(iter(found)) == "bach-chorale-2"
    assert found["bach-chorale-2"] == "melodies"
    assert next(iter(Models.shipped().kinds.items())) == ("bach-chorale", "voices")
    assert next(iter(Models.shipped("fiddle-tune").kinds)) == "fiddle-tune"
    assert Models.shipped().tracks["bach-chorale"] == ["soprano", "alto", "tenor", "bass"]
    assert Models.shipped().tracks["fiddle-tune"] == []
    with pytest.raises(CheckpointError):
        Models.shipped(str(tmp_path / "none.safetensors"))


def test_models_that_learned_do_every_step(uncompiled):
    from contract import tiny_gan, tiny_lstm
    from voices import small_model

    made = {"choir": small_model(), "tune": tiny_lstm(), "four": tiny_gan()}
    client = client_of(fake_models(**made))
    assert len(written(client, {**COMPOSE, "bars": 1, "temperature": 0.7})["voices"]) > 1
    file = dropped(client, midi_bytes(line([60, 62, 64, 65], 480)))
    full = written(client, file, {"do": "harmonise", "model": "choir", "seed": 1, "top_p": 0.9})
    assert len(full["voices"]) > 1
    rewrite = {"do": "rewrite", "model": "choir", "seed": 2, "voices": ["alto"], "bars": [1, 1]}
    assert written(client, file, {"do": "harmonise", "model": "choir", "seed": 1}, rewrite)
    step = {"do": "continue", "model": "tune", "seed": 1, "bars": 2}
    assert written(client, file, step)["given"] == 4
    assert asked(client, "attention", [file, step])["attention"]["attention"]
    part = {"do": "vary", "model": "four", "part": "style", "seed": 3}
    assert written(client, PHRASE, part)["knobs"]
    assert written(client, PHRASE, {**WALK, "share": {"melody": {"low": 0.5}}})["knobs"]


# === Who may ask ===

PATHS = ["/", "/static/main.js", "/api/models", "/api/write", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "", "[::1]"])
def test_a_name_that_was_pointed_here_is_refused(client, path, host):
    for method in ("GET", "POST"):
        answer = client.request(method, path, headers={"host": host}, params={"token": TOKEN})
        assert answer.status_code == 403


def test_two_hosts_are_refused(client):
    answer = client.get("/", headers=[("host", f"127.0.0.1:{PORT}"), ("host", "evil.example")])
    assert answer.status_code == 403


def test_localhost_is_this_machine(client):
    other = Client(client.app, f"http://localhost:{PORT}")
    assert other.get("/").status_code == 403  # the cookie is of 127.0.0.1
    assert other.get("/", params={"token": TOKEN}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"https://127.0.0.1:{PORT}"},
        {"origin": f"http://localhost:{PORT}"},
        {"origin": f"http://127.0.0.1:{PORT + 1}"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # another port of this machine
    ],
    ids=lambda headers: next(iter(headers.values())),
)
def test_another_site_is_refused(client, path, headers):
    for method in ("GET", "POST"):
        assert client.request(method, path, headers=headers).status_code == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], f"{TOKEN}x", "é"])
def test_without_the_token_nothing_is_answered(path, token):
    client = client_of(entered=False)
    cookies = {} if token is None else {f"musegen-studio-{PORT}": token.encode("idna").decode()}
    client.cookies.update({**cookies, f"musegen-studio-{PORT + 1}": TOKEN})
    for method in ("GET", "POST"):
        answer = client.request(method, path, params={} if token is None else {"token": token})
        assert answer.status_code == 403
        assert TOKEN not in answer.text


def test_the_token_becomes_a_cookie_of_this_page_alone():
    answer = client_of(entered=False).get("/", params={"token": TOKEN}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"musegen-studio-{PORT}={TOKEN};")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()


def test_tokens_are_long_and_never_the_same():
    assert len({safety.new_token() for _ in range(100)}) == 100
    assert min(len(safety.new_token()) for _ in range(100)) >= 32


def test_no_websocket_is_opened(client):
    sent = []

    async def send(message):
        sent.append(message["type"])

    PORTAL.call(client.app, {"type": "websocket", "path": "/"}, None, send)
    assert sent == ["websocket.close"]


def test_every_answer_forbids_what_is_from_elsewhere(client):
    answers = [client.get(path) for path in [*PATHS, "/api/files"]]
    answers += [client.post("/api/write", content=b"x" * 100_000), client.post("/")]
    answers += [client_of(entered=False).get(path) for path in PATHS]
    assert {answer.status_code for answer in answers} == {200, 403, 404, 405, 413}
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "data:" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        *("/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py", "/app.py"),
        *("/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/app.py", "/static/"),
        "/static/main.js%00",
    ],
)
def test_nothing_else_of_the_machine_is_read(client, path):
    answer = client.get(path)
    assert answer.status_code in (403, 404)
    assert "def " not in answer.text


# === What is sent ===


def test_a_file_that_is_too_large_is_refused_unread(client):
    async def parts():
        for _ in range(10):
            sent.append(1)
            yield b"x" * (LIMITS.max_bytes // 2)

    for content in (b"x" * (LIMITS.max_bytes + 1), parts()):
        sent = []
        answer = client.post("/api/files", content=content)
        assert answer.status_code == 413
        assert answer.json()["error"] == "This is too large: send at most 2,000,000 bytes."
        assert len(sent) < 5
    assert client.post("/api/files", headers={"content-length": "-1"}).status_code == 413


def packed(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def many_notes():
    chord = [(0, 1, pitch) for pitch in range(100)]
    return midi_bytes(score_of([(2 * n, *note[1:]) for note in chord for n in range(250)]))


BOMB = packed(
    **{
        "META-INF__container.xml": '<rootfile full-path="a.xml"/>',
        "a.xml": b"<score-partwise>" + b" " * 30_000_000,
    }
)
ENTITY = (
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><score-partwise>&x;</score-partwise>'
)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "a.mid"),
        (b"MThd", "a.mid"),
        (b"MThd\0\0\0\6\0\1\0\1\0\x18" + b"MTrk" + struct.pack(">I", 2**31), "a.mid"),
        (b"no music", "a.mid"),
        (b"no music", "a.musicxml"),
        (ENTITY, "a.musicxml"),
        (b"<a>" * 100_000, "a.xml"),
        (BOMB, "a.mxl"),
        (b"PK\3\4", "a.mxl"),
        (many_notes, "a.mid"),
        (lambda: midi_bytes(line([60, 62], [10, 10**7])), "a.mid"),
        (lambda: midi_bytes(score_of(("x", []))), "a.mid"),
        (b"MThd", "a.npz"),
        (b"MThd", "a"),
        (b"MThd", "../a.mid"),
        (b"MThd", "a\n.mid"),
        (b"MThd", "x" * 200 + ".mid"),
        (b"MThd", None),
        (b"MThd", 3),
    ],
)
def test_a_file_that_is_no_music_is_a_sentence(client, data, name):
    file = dropped(client, data() if callable(data) else data, name)
    error = asked(client, "write", [file])["error"]
    assert error.endswith(".")
    assert "ReadLimits" not in error
    assert not re.search(r"/(tmp|root|home|work|usr|etc)\b|Traceback|\n", error)
    assert len(error) < 300


def test_what_is_damaged_is_shown_and_said(client):
    data = bytearray(midi_bytes(line([60, 62, 64])))
    data[data.index(b"\xff\x58\x04") + 3] = 0  # an impossible meter
    piece = written(client, dropped(client, bytes(data)))
    assert len(piece["remarks"]) == 1
    assert piece["remarks"][0].startswith("tune.mid: ")


def test_a_file_that_is_no_longer_there_is_a_sentence(client):
    file = {"do": "file", "id": "0" * 32, "name": "tune.mid"}
    assert "drop it in again" in asked(client, "write", [file])["error"]


DEEP = b"[" * 60_000


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"[]", b"3", b"null", DEEP, b"\xff", b'{"tab": 3, "steps": []}', b'{"steps": []}'],
)
def test_what_is_not_json_as_it_should_be_is_a_sentence(client, body):
    headers = {"content-type": "application/json"}
    for what in ("write", "attention", "download"):
        answer = client.post(f"/api/{what}", content=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["error"].endswith(".")


def test_a_form_of_another_page_is_refused(client):
    """A page can send plain text elsewhere without being asked, and JSON not."""
    body = json.dumps({"tab": "one", "steps": [COMPOSE]})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = client.post("/api/write", content=body, headers={"content-type": kind})
        assert answer.status_code == 415


@pytest.mark.parametrize(
    "steps",
    [
        *(None, [], {}, [3], [[]], [{}], "x", [COMPOSE] * 2, [COMPOSE] * 65),
        [{"do": "__init__"}],
        [{"do": ["compose"]}],
        [{"do": "rewrite", "model": "choir", "seed": 1}],
        [{**COMPOSE, "path": "/etc/passwd"}],
        [{**COMPOSE, "count": 1000}],
        *([PHRASE, {**WALK, "to": to}] for to in (None, [], 3, [PHRASE, PHRASE], [{"do": "walk"}])),
        *([{**COMPOSE, "seed": seed}] for seed in (None, -1, 1.5, "7", 2**60, True, [])),
    ],
)
def test_steps_of_another_form_are_a_sentence(client, steps):
    answer = client.post("/api/write", json={"tab": "one", "steps": steps})
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([{**COMPOSE, "model": "none"}], "choose one of 'choir', 'tune', 'four'"),
        ([{**COMPOSE, "model": ["choir"]}], "choose one of"),
        ([{**COMPOSE, "model": "/etc/passwd"}], "choose one of"),
        ([{**COMPOSE, "bars": 10**6}], "bars=1000000: give a whole number from 1 to 64."),
        ([{**COMPOSE, "bars": "many"}], "bars='many'"),
        ([{**PHRASE, "temperature": 1}], "temperature is not for four"),
        ([COMPOSE, {"do": "harmonise", "model": "tune", "seed": 1}], "it writes melodies; for one"),
        ([COMPOSE, {"do": "vary", "model": "choir", "seed": 1}], "choose among four"),
        ([COMPOSE, {**WALK, "share": {}}], "what this model's `sample` returned"),
        ([PHRASE, {**WALK, "to": [COMPOSE], "share": {}}], "what this model's `sample` returned"),
    ],
)
def test_what_a_model_does_not_take_is_a_sentence(client, steps, words):
    assert words in asked(client, "write", steps)["error"]


def test_a_suffix_that_there_is_not_is_a_sentence(client):
    for suffix in (None, "", ".py", "/../a.mid", ".html", [], 3):
        assert "choose one of" in asked(client, "download", [COMPOSE], suffix=suffix)["error"]


def test_a_long_piece_is_not_written_to(client):
    notes = [(96 * n, 24, 60) for n in range(300)]
    file = dropped(client, midi_bytes(score_of(("x", notes))))
    for do in ("harmonise", "rewrite"):
        error = asked(client, "write", [file, {"do": do, "model": "choir", "seed": 1}])["error"]
        assert error.startswith("This piece has 300 bars")


# === What goes wrong inside ===


class Broken(Choir):
    def __init__(self, error):
        self.error = error

    def sample(self, **_):
        raise self.error


def test_what_fails_inside_is_a_sentence_without_a_path(caplog):
    one = client_of(fake_models(choir=Broken(RuntimeError("in /home/somebody/secret"))))
    assert asked(one, "write", [COMPOSE])["error"] == (
        "This went wrong inside musegen (RuntimeError); the terminal has more."
    )
    assert caplog.messages == ["RuntimeError: in /home/somebody/secret"]
    assert asked(one, "write", [MELODY])["piece"]


def test_a_model_that_can_no_longer_be_loaded_is_a_sentence_without_its_path():
    def load(name):
        raise CheckpointError("/home/somebody/mine.safetensors: no such file.")

    error = asked(client_of(Models(KINDS, {}, load)), "write", [COMPOSE])["error"]
    assert error.startswith("choir can't be loaded")
    assert "/" not in error


# === Jobs ===


class Slow(Tune):
    """Writes when it is let."""

    def __init__(self):
        self.begun, self.let, self.seeds = threading.Event(), threading.Event(), []

    def sample(self, seed, **settings):
        self.seeds.append(seed)
        self.begun.set()
        assert self.let.wait(20)
        return super().sample(seed, **settings)


@pytest.fixture
def slow():
    """A model that waits, and a studio of it, as `httpx` clients may ask it."""
    import httpx

    model = Slow()
    with served(fake_models(tune=model)) as address, httpx.Client(follow_redirects=True) as client:
        base = str(client.get(address).raise_for_status().url)

        def stream(tab, seed):
            request = {"tab": tab, "steps": [{**MELODY, "seed": seed}]}
            return client.stream("POST", f"{base}api/write", json=request)

        yield model, client, base, stream
        model.let.set()


def test_the_page_is_served_while_a_model_writes(slow):
    model, client, base, stream = slow
    with stream("one", 1) as answer:
        lines = answer.iter_lines()
        assert "Loading" in next(lines)
        assert model.begun.wait(10)
        assert client.get(f"{base}api/models").status_code == 200
        model.let.set()
        assert "piece" in json.loads(list(lines)[-1])


def test_a_closed_tab_frees_what_it_waited_for(slow):
    model, _, _, stream = slow
    with stream("one", 1) as first:
        assert model.begun.wait(10)
        with stream("two", 2):  # waits for the first, and is closed
            pass
        with stream("three", 3) as third:
            model.let.set()
            assert "piece" in list(third.iter_lines())[-1]
        assert "piece" in list(first.iter_lines())[-1]
    assert model.seeds == [1, 3]


def test_a_tab_has_one_job_at_a_time(slow):
    model, _, _, stream = slow
    with stream("one", 1) as first:
        assert model.begun.wait(10)
        with stream("two", 2) as second, stream("two", 3) as third:
            assert json.loads(list(second.iter_lines())[-1]) == {"error": "Stopped."}
            model.let.set()
            assert "piece" in list(third.iter_lines())[-1]
        assert "piece" in list(first.iter_lines())[-1]
    assert model.seeds == [1, 3]


def test_too_much_at_once_is_a_sentence(slow, monkeypatch):
    model, _, _, stream = slow
    monkeypatch.setattr(jobs, "MOST", 2)
    with stream("one", 1), stream("two", 2), stream("three", 3) as third:
        assert third.status_code == 503
        assert "Try again in a moment." in third.read().decode()
        model.let.set()


def test_many_tabs_and_requests_are_answered(slow):
    model, client, base, stream = slow
    model.let.set()
    for number in range(100):
        assert client.get(f"{base}api/models").status_code == 200
        if number % 10 == 0:
            with stream(f"tab {number}", number) as answer:
                assert "piece" in list(answer.iter_lines())[-1]


# === The command ===


def test_a_port_in_use_is_one_line(capfd):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["studio", "--no-open", "--port", str(port)]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"musegen studio: port={port}: it is taken by another program. Give")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_one_line(number, code, ctrl_c_is_heard):
    words = [sys.executable, "-m", "musegen", "studio", "--no-open", "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = process.stdout.readline().split()[-1]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", address)
    with socket.create_connection(("127.0.0.1", int(re.search(r":(\d+)/", address)[1]))):
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, "musegen: stopped.\n")
