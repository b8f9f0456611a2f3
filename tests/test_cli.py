"""The `musegen` command: what it writes, prints and refuses."""

from __future__ import annotations

import dataclasses
import functools
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from contract import COMMANDS
from scores import line, notes_of, score_of
from test_package import HEAVY, imported_by

import musegen
from musegen import loading
from musegen._checks import Whole
from musegen.checkpoint import write_tensors
from musegen.cli import arguments, commands, main
from musegen.midi import read_midi, write_midi
from musegen.networks import NETWORKS
from musegen.settings import declared, settings_of

PNG = b"\x89PNG"

pytestmark = pytest.mark.usefixtures("place", "uncompiled")


@pytest.fixture(scope="session")
def shipped(tmp_path_factory) -> Path:
    """A folder with one tiny, untrained model in it."""
    folder = tmp_path_factory.mktemp("pretrained")
    import keras

    keras.utils.set_random_seed(1)
    sizes = {"units": 8, "pitch_embedding": 4, "duration_embedding": 4}
    model = musegen.AttentionLSTM(copy=False, **sizes)  # untrained, copying goes on nearly for ever
    model.training_record = {"corpus": "chorales", "pieces": [254, 74], "val_nats": 2.0512}
    musegen.save_checkpoint(model, folder / "bach-chorale-melody.safetensors")
    (folder / "bach-chorale-melody.md").write_text("# bach\n\nWrites a tune.\n\nBy chance.\n")
    return folder


def files() -> list[str]:
    """The names of the files in the current folder."""
    return sorted(path.name for path in Path().iterdir())


# === compose ===


def test_compose_writes_a_piece_and_its_picture(capfd, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("It opens a connection."))
    monkeypatch.setattr("secrets.randbits", lambda bits: 7)  # of which several notes come
    assert main(["compose", "bach-chorale-melody"]) == 0
    out, err = capfd.readouterr()
    assert files() == ["composition.mid", "composition.png"]
    assert Path("composition.png").read_bytes().startswith(PNG)
    notes = int(re.search(r"composition\.mid: (\d+) new notes, \d+ bars, \d+ s", out)[1])
    assert read_midi("composition.mid").note_num() == notes
    assert re.search(r"^Composed by bach-chorale-melody, seed \d+\.$", out, re.MULTILINE)
    assert "MuseScore" in out
    assert err == ""


def test_the_printed_command_composes_the_same_piece(capsys):
    write_midi(line([60, 62, 64, 65]), "my tune.mid")
    given = "--notes 7 --temperature 0.9 --top-k 20 --top-p 0.95 --count 2 --prompt 'my tune.mid'"
    assert main(["compose", *shlex.split(given)]) == 0
    again = re.search(r"again: musegen (.*)", capsys.readouterr().out)[1]
    assert again.startswith(f"compose bach-chorale-melody {given.split(' --count')[0]}")
    assert main(shlex.split(again)) == 0
    for number in (1, 2):
        first, second = Path(f"composition-{number}.mid"), Path(f"composition-{number + 2}.mid")
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("there", "count", "names"),
    [
        ([], 1, ["composition"]),
        (["composition.mid"], 1, ["composition-2"]),
        (["composition.png"], 1, ["composition-2"]),
        (["composition.mid", "composition-2.png"], 1, ["composition-3"]),
        ([], 3, ["composition-1", "composition-2", "composition-3"]),
        (["composition-2.mid"], 2, ["composition-3", "composition-4"]),
    ],
)
def test_the_chosen_names_are_free(there, count, names):
    for name in there:
        Path(name).touch()
    chosen = commands._composition_files(None, count)
    assert chosen == [(Path(f"{name}.mid"), Path(f"{name}.png")) for name in names]


def test_out_replaces_what_is_there():
    Path("new").mkdir()
    Path("new/tune.mid").write_text("old")
    Path("new/tune.png").write_text("old")
    assert main(["compose", "--notes", "5", "--seed", "1", "--out", "new/tune.mid"]) == 0
    assert read_midi("new/tune.mid").note_num() == 5
    assert Path("new/tune.png").read_bytes().startswith(PNG)
    assert files() == ["new"]


def test_attention_maps_are_numbered_as_the_pieces_are():
    words = "compose --bars 2 --count 2 --seed 1 --out a.mid --attention map.png"
    assert main(words.split()) == 0
    assert files() == ["a-1.mid", "a-1.png", "a-2.mid", "a-2.png", "map-1.png", "map-2.png"]
    assert Path("map-2.png").read_bytes().startswith(PNG)


def test_compose_goes_on_from_a_prompt(capsys):
    write_midi(line([60, 62, 64, 65]), "tune.mid")
    assert main("compose --prompt tune.mid --notes 3 --seed 1 --out more.mid".split()) == 0
    assert "It goes on from tune.mid: 4 notes." in capsys.readouterr().out
    notes = notes_of(read_midi("more.mid"))
    assert [pitch for _, _, pitch in notes[:4]] == [60, 62, 64, 65]
    assert len(notes) == 7


def test_compose_names_the_track_that_it_goes_on_from(capsys):
    tracks = [("low", [(0, 24, 40)]), ("high", [(i * 24, 24, 70 + i) for i in range(16)])]
    write_midi(score_of(*tracks), "band.mid")
    words = "compose --prompt band.mid --prompt-bars 1 --new-only --notes 3 --seed 1 --out a.mid"
    assert main(words.split()) == 0
    out = capsys.readouterr().out
    assert "It goes on from band.mid, track 2 (high): 16 notes." in out
    again = out[out.index("To compose it again: ") :].split("musegen ", 1)[1]
    assert main(shlex.split(again.replace("a.mid", "b.mid"))) == 0
    assert len(notes_of(read_midi("a.mid"))) == 3


def test_compose_takes_a_checkpoint_file(shipped):
    path = str(shipped / "bach-chorale-melody.safetensors")
    assert main(["compose", path, "--notes", "4", "--seed", "9"]) == 0
    assert main(["compose", "--notes", "4", "--seed", "9"]) == 0
    assert Path("composition.mid").read_bytes() == Path("composition-2.mid").read_bytes()


# === Bad input ===

BAD = [
    ("compose --new-only", "--new-only is for a prompt: give --prompt too."),
    ("compose --prompt missing.mid", "missing.mid: no such file"),
    ("compose --prompt text.txt", "not a MIDI file"),
    (
        "compose bach-chorale-melody --out tune.txt",
        "--out='tune.txt': give a name that ends in .mid, .wav,",
    ),
    ("compose bach-chorale-melody --out folder.mid", "folder.mid can't be written"),
    ("compose bach-chorale-melody --out text.txt/tune.mid", "can't be written"),
    ("compose --attention text.txt/map.png", "can't be written"),
    ("compose --out a.mid --attention a.png", "piano roll's name"),
    ("compose --prompt tune.mid --out tune.mid", "would be replaced"),
    ("train melody missing --out m.safetensors", "corpus='missing': no such folder"),
    ("train melody folder --out m.safetensors", "no MIDI files"),
    ("train melody folder --out m.h5", "--out='m.h5': give a checkpoint a name with the suffix"),
    ("plot missing.mid", "missing.mid: no such file"),
    ("plot tune.mid --out text.txt/tune.png", "can't be written"),
    ("plot text.npz", "text.npz: not a pypianoroll file"),
    ("corpus scan missing", "missing: no such folder"),
]
UNREADABLE = [
    ("", "COMMAND"),
    ("sing", "'sing'"),
    ("compose --notes 0", "--notes: '0': give a whole number from 1 to 100000"),
    ("compose --notes 4 --bars 2", "not allowed with"),
    ("compose --temperature nan", "--temperature: 'nan': give a number from 0 to 1e+30"),
    ("compose --top-p 1.5", "--top-p: '1.5': give a number above 0, at most 1"),
    ("compose --temp 1", "compose: unrecognized arguments: --temp"),
    ("corpus scan folder --jbos 2", "--jbos 2 (try musegen corpus scan --help)"),
    ("compose --bars 5000", "--bars: '5000': give a whole number from 1 to 4096"),
    ("corpus scan folder --max-bars 0", "--max-bars: '0': give a whole number of at least 1"),
    ("corpus scan folder --jobs 0", "--jobs: '0': give a number of processes of at least 1, or -1"),
    ("train", "KIND"),
    ("train melody chorales", "--out"),
    ("corpus", "ACTION"),
    ("plot", "FILE"),
]


def refuse(words, message, capfd):
    """Runs a command, which must fail with one line that has the message, and write nothing."""
    Path("text.txt").write_text("no music")
    Path("text.npz").write_text("no music")
    Path("folder").mkdir()
    Path("folder.mid").mkdir()
    write_midi(line([60, 62]), "tune.mid")
    before = {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}
    assert main(words.split()) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(rf"musegen {words.split()[0]}: [^\n]+\n", err)
    assert message in err
    assert {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")} == before


@pytest.mark.parametrize(("words", "message"), BAD)
@pytest.mark.usefixtures("no_tensorflow")
def test_bad_input_is_one_line_at_once(words, message, capfd):
    refuse(words, message, capfd)


@pytest.mark.usefixtures("no_tensorflow")
@pytest.mark.parametrize("words", ["compose", "diagnose", "evaluate"])
def test_an_unfinished_training_is_no_checkpoint(words, capfd, tmp_path):
    file = tmp_path / "mine.safetensors.resume"
    write_tensors(file, {"settings": {}, "model": {}, "epochs": 3}, {"w": np.zeros(2)})
    assert main([words, str(file), *(["chorales"] if words != "compose" else [])]) == 2
    err = capfd.readouterr().err
    assert "no model, but what an unfinished training goes on from" in err
    assert f"{tmp_path / 'mine.safetensors'}, which is there" in err


@pytest.mark.parametrize(("words", "message"), UNREADABLE)
def test_arguments_that_cannot_be_read_are_one_line(words, message, capfd):
    with pytest.raises(SystemExit) as stopped:
        main(words.split())
    assert stopped.value.code == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"musegen[^\n]+\(try musegen.* --help\)\n", err)
    assert message in err


def test_ctrl_c_stops_without_a_traceback(monkeypatch, capfd):
    def load(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(musegen, "load", load)
    assert main(["compose", "bach-chorale-melody"]) == 130
    assert capfd.readouterr() == ("", "musegen: stopped.\n")


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line(capfd, tmp_path):
    no_tempo = bytes.fromhex(
        "4D 54 68 64 00 00 00 06 00 00 00 01 01 E0"  # header: format 0, 1 track, 480 ticks
        "4D 54 72 6B 00 00 00 14"  # track of 20 bytes
        "00 FF 51 03 00 00 00"  # tempo: 0 microseconds a quarter note
        "00 90 3C 40  83 60 80 3C 00"  # middle C for 480 ticks
        "00 FF 2F 00"  # end of track
    )
    Path("odd.mid").write_bytes(no_tempo)
    assert main(["plot", "odd.mid"]) == 0
    out, err = capfd.readouterr()
    assert out == "odd.png: the piano roll of odd.mid\n"
    assert re.fullmatch(r"musegen: odd\.mid[^\n]+\n", err)


# === The other commands ===


@pytest.mark.usefixtures("no_tensorflow")
def test_models_lists_what_ships(capsys, shipped, tmp_path, monkeypatch):
    assert main(["models"]) == 0
    card = shipped / "bach-chorale-melody.md"
    assert capsys.readouterr().out == f"bach-chorale-melody: Writes a tune.\n  its card: {card}\n"
    monkeypatch.setattr(loading, "PRETRAINED", tmp_path)
    assert main(["models"]) == 0
    assert capsys.readouterr().out == "No model ships with this copy of musegen.\n"


def test_plot_draws_a_file_and_keeps_others(capsys):
    write_midi(line([60, 62, 64]), "tune.mid")
    assert main(["plot", "tune.mid"]) == 0
    first = Path("tune.png").read_bytes()
    assert first.startswith(PNG)
    Path("tune.png").write_text("mine")
    assert main(["plot", "tune.mid"]) == 0
    assert Path("tune.png").read_text() == "mine"
    assert Path("tune-2.png").read_bytes() == first
    assert main(["plot", "tune.mid", "--out", "tune.png"]) == 0
    assert Path("tune.png").read_bytes() == first


def test_plot_draws_chosen_bars_and_tracks_and_says_what_it_left_out(capsys):
    write_midi(line([60 + n % 20 for n in range(2000)]), "long.mid")
    assert main(["plot", "long.mid"]) == 0
    note = capsys.readouterr().out.splitlines()[1]
    bars = re.fullmatch(r"  Bars 1-\d+ of 500; .* choose bars, such as (\d+-\d+)\.", note)[1]
    for options in (["--bars", bars], ["--bars", "7", "--tracks", "1"]):
        assert main(["plot", "long.mid", *options]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("suffix", ["wav", "musicxml", "mxl", "html", "png"])
@pytest.mark.filterwarnings("ignore:.*plain sine tones")
def test_compose_writes_what_the_suffix_names(suffix, capsys):
    assert main(f"compose --notes 4 --seed 1 --out a.{suffix}".split()) == 0
    assert files() == sorted({f"a.{suffix}", "a.png"})
    assert "timidity" not in capsys.readouterr().out
    if suffix in ("musicxml", "mxl"):
        assert musegen.interop.read_musicxml(f"a.{suffix}").note_num() == 4
        assert main(f"compose --notes 3 --seed 1 --prompt a.{suffix}".split()) == 0
        assert read_midi("composition.mid").note_num() == 7


def test_expression_is_on_for_playing_and_can_be_turned_off(capsys):
    plain, played = (
        {note.velocity for note in read_midi(f"{name}.mid").tracks[0].notes}
        for name in map(composed, (["--expression", "False"], []))
    )
    assert plain == {80} and len(played) > 1
    assert "--expression False" in capsys.readouterr().out


def composed(options):
    name = f"with-{len(options)}"
    assert main(["compose", "--notes", "9", "--seed", "1", "--out", f"{name}.mid", *options]) == 0
    return name


def test_piano_rolls_are_plotted_and_gone_on_from_as_midi_is():
    write_midi(line([60, 62, 64], 24, resolution=24), "tune.mid")
    musegen.write_pianoroll_npz("tune.mid", "roll.npz")
    assert main("plot roll.npz".split()) == 0
    assert Path("roll.png").read_bytes().startswith(PNG)
    for prompt in ("tune.mid", "roll.npz"):
        assert main(f"compose --seed 1 --notes 5 --prompt {prompt}".split()) == 0
    first, second = map(read_midi, ("composition.mid", "composition-2.mid"))
    assert notes_of(first) == notes_of(second)
    assert [pitch for _, _, pitch in notes_of(first)[:3]] == [60, 62, 64]


def test_scan_reports_and_takes_limits(capsys):
    Path("music").mkdir()
    write_midi(line(range(60, 80)), "music/long.mid")
    write_midi(line([60]), "music/short.mid")
    assert main(["corpus", "scan", "music", "--jobs", "1"]) == 0
    assert "2 pieces: 1 kept, 1 left out" in capsys.readouterr().out
    words = "corpus scan music --jobs 1 --min-notes 1 --max-notes 19"
    assert main(words.split()) == 0
    assert "over the limit max_notes" in capsys.readouterr().out


def train_twice(kind, options, capfd):
    """Trains on the folder `music`, as if anew and otherwise; gives the command to compose."""
    words = f"train {kind} music --out mine.safetensors --epochs 2 --units 4 {options}".split()
    assert main(words) == 0
    out = capfd.readouterr().out
    assert "Epoch 2/2" in out
    assert re.search(r"^mine\.safetensors: trained on \d", out, re.MULTILINE)
    weights = Path("mine.safetensors").read_bytes()
    assert main(words) == 0
    assert "Epoch" not in capfd.readouterr().out
    assert Path("mine.safetensors").read_bytes() == weights
    assert main([*words, "--seed", "3"]) == 2
    assert "other settings" in capfd.readouterr().err
    return shlex.split(re.search(r"To compose with it: musegen (.*)", out)[1])


@pytest.mark.slow
def test_a_trained_model_composes_and_is_not_trained_twice(capfd):
    for start in range(50, 65):
        tune = [start + (start * step) % 11 for step in range(18)]
        write_midi(line(tune), f"music/{start}.mid")
    assert main([*train_twice("melody", "--batch-size 8", capfd), "--notes", "4"]) == 0
    assert read_midi("composition.mid").note_num() == 4


# === Help ===


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command.split(), "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 100
    examples = re.findall(r"(?:^  |with: )musegen (.*?)(?:  |$)", text, re.MULTILINE)
    assert examples
    for example in examples:
        if "--help" not in example:
            arguments.make_parser().parse_args(shlex.split(example))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_every_setting_with_its_default(command, capsys):
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    helps = {}
    for entry in re.split(r"\n  (?=--)", capsys.readouterr().out):
        helps[entry.split()[0]] = " ".join(entry.split("\n\n")[0].split())
    for function in COMMANDS[command]:
        for name, setting in settings_of(function).items():
            text = helps[f"--{name.replace('_', '-')}"]
            default = setting.default if (command, name) != ("compose", "notes") else None
            if default is not None:
                shown = f"{default:,}" if type(default) is int else str(default)
                assert f"default {shown})" in text
            assert "None" not in text
            assert "`" not in text


def test_the_help_of_a_network_has_its_settings(capsys, monkeypatch):
    @declared
    class Small:
        def __init__(self, window: Annotated[int, Whole(1, 9), "Steps that it sees"] = 4): ...

    monkeypatch.setitem(NETWORKS, "small", Small)
    with pytest.raises(SystemExit):
        main("train melody --network small --help".split())
    out = capsys.readouterr().out
    assert "settings of the model, with the network small" in out
    assert "steps that it sees (1 to 9; default 4)" in out
    assert "--pitch-embedding" in out
    assert "--heads" not in out


@pytest.mark.parametrize(
    ("options", "kind"),
    [("", musegen.AttentionLSTM), ("--network twin", musegen.models.MelodyModel)],
)
def test_a_network_is_trained_by_its_name(options, kind, monkeypatch):
    def fit(model, corpus, **settings):
        model.training_record = {"corpus": "music", "pieces": [12, 3], "val_nats": 2.0}
        fitted.append((model, corpus, settings))

    fitted = []
    fit.declared_settings = settings_of(musegen.AttentionLSTM.fit)
    monkeypatch.setattr(musegen.models.MelodyModel, "fit", fit)
    monkeypatch.setitem(NETWORKS, "twin", NETWORKS["attention-lstm"])
    monkeypatch.setattr(commands, "named", lambda _, melodic=None: f"music, {melodic}")
    words = f"train melody --units 4 music {options} --epochs 3 --out a.safetensors"
    assert main([*words.split(), "--pitch-embedding", "5"]) == 0
    [(model, corpus, settings)] = fitted
    assert type(model) is kind
    assert (model.network.units, model.pitch_embedding, model.network.depth) == (4, 5, 2)
    assert corpus == "music, True"
    assert (settings["epochs"], settings["checkpoint"]) == (3, Path("a.safetensors"))


def test_training_goes_on_from_a_model_as_it_is(monkeypatch, capfd, shipped):
    def fit(model, corpus, **settings):
        model.training_record = {"corpus": "music", "pieces": [1, 0], "nats": 2.0}
        fitted.append((model, settings))

    fitted = []
    fit.declared_settings = settings_of(musegen.AttentionLSTM.fit)
    monkeypatch.setattr(musegen.models.MelodyModel, "fit", fit)
    monkeypatch.setattr(commands, "named", lambda *_, **__: "music")
    words = "train melody music --from bach-chorale-melody --out a.safetensors"
    assert main(f"{words} --epochs 3 --units 8 --network attention-lstm".split()) == 0
    [(model, settings)] = fitted
    assert settings["epochs"] == 3
    assert model.started_from["model"] == "bach-chorale-melody"
    original = musegen.load("bach-chorale-melody")
    for weight, expected in zip(model.get_weights(), original.get_weights(), strict=True):
        assert (weight == expected).all()
    assert "a.safetensors: trained on 1 piece of music, 2.000 nats" in capfd.readouterr().out
    for option, message in (
        ("--units 5", "--units 5: the model to begin from has 8"),
        ("--copy True", "--copy True: the model to begin from has False"),
        ("--network wavenet", "--network wavenet: bach-chorale-melody has attention-lstm."),
        (f"--out {shipped}/bach-chorale-melody.safetensors", "would replace the model of --from"),
    ):
        assert main([*words.split(), *option.split()]) == 2
        err = capfd.readouterr().err
        assert message in err
        assert err.count("\n") == 1
    assert len(fitted) == 1


def test_attention_of_a_network_without_it_is_refused_before_anything_is_written(
    monkeypatch, capfd
):
    sample = musegen.AttentionLSTM.sample

    @functools.wraps(sample)
    def without(model, **options):
        return dataclasses.replace(sample(model, **options), maps_of=None)

    monkeypatch.setattr(musegen.AttentionLSTM, "sample", without)
    assert main("compose --notes 3 --attention map.png".split()) == 2
    assert "--attention map.png: bach-chorale-melody has no attention" in capfd.readouterr().err
    assert files() == []


def test_reading_a_command_imports_nothing_that_takes_time():
    code = "from musegen.cli.arguments import make_parser\nmake_parser()"
    assert not imported_by(code) & HEAVY


def test_help_of_other_commands_and_errors_start_no_tensorflow(no_tensorflow):
    for words in ("--help", "compose --help", "evaluate --help", "train --help", "train melody"):
        with pytest.raises(SystemExit):
            main(words.split())


# === As a process ===


def run(*words: str) -> subprocess.CompletedProcess:
    """Runs the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "musegen", *words],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_the_command_runs_as_a_module():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"musegen {musegen.__version__}\n")


@pytest.mark.slow
def test_nothing_but_the_result_is_shown(shipped, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    model = str(shipped / "bach-chorale-melody.safetensors")
    done = run("compose", model, "--notes", "20", "--seed", "5", "--attention", "map.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert files() == ["composition.mid", "composition.png", "map.png"]
    assert main(["compose", "--notes", "20", "--seed", "5"]) == 0
    assert Path("composition.mid").read_bytes() == Path("composition-2.mid").read_bytes()


def test_a_damaged_checkpoint_is_one_line(shipped):
    whole = (shipped / "bach-chorale-melody.safetensors").read_bytes()
    Path("cut.safetensors").write_bytes(whole[: len(whole) // 2])
    done = run("compose", "cut.safetensors")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("musegen compose: cut.safetensors")


def test_a_corpus_that_is_not_there_is_named_with_those_that_are(no_tensorflow, capsys):
    for words in (
        "train melody chorale --out x.safetensors",
        "train musegan chorale --out x.safetensors",
        "evaluate bach-chorale-melody chorale",
        "diagnose bach-chorale-melody chorale",
    ):
        assert main(words.split()) == 2
        said = (
            "corpus='chorale': no such folder. Give 'chorales', 'fiddle-tunes', or the path of a "
            "folder of MIDI files.\n"
        )
        assert capsys.readouterr().err.endswith(said)


def test_a_scan_names_its_own_options(capsys):
    write_midi(line([60, 62]), "music/short.mid")
    write_midi(line([60] * 20), "music/long.mid")
    assert main("corpus scan music --max-bars 4".split()) == 0
    out = capsys.readouterr().out
    assert "; to keep it: --min-notes 2)" in out
    assert "; to keep it: --max-bars 5)" in out
