"""Wrong arguments: each is refused, in one line that says which it is and what to give."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from contract import inside, outside
from test_package import public_members
from valid_calls import BAND, OBJECTS, SMALL, VALID, WRONG, make_world

import musegen
from musegen.settings import settings_of


@pytest.fixture(scope="module")
def world():
    return make_world()


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()


# === Settings ===


def declared_ones():
    """All functions and classes with declared settings, by module and name."""
    found = {}
    for module in pkgutil.walk_packages(musegen.__path__, "musegen."):
        here = vars(importlib.import_module(module.name)) if module.name[-2:] != "__" else {}
        classes = [one for one in here.values() if inspect.isclass(one)]
        for one in [
            *here.values(),
            *(method for kind in classes for method in vars(kind).values()),
        ]:
            own = getattr(one, "__module__", "") == module.name
            if own and settings_of(one) and one.__name__ != "__init__":
                found[f"{module.name}.{one.__qualname__}".removeprefix("musegen.")] = one
    return found


DECLARED = declared_ones()
SETTINGS = [
    (name, setting) for name in DECLARED for setting in settings_of(DECLARED[name]).values()
]


def called(function, **arguments):
    """Calls a function; its other arguments without a default are things of no use."""
    settings = settings_of(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is parameter.empty and parameter.kind.name[:3] != "VAR":
            useless = inside(settings[name])[0] if name in settings else object()
            arguments.setdefault(name, useless)
    return function(**arguments)


def test_the_declared_functions_are_found():
    assert {"corpus.midi_folder.folder", "composition.Composition.audio"} <= set(DECLARED)
    assert {"midi.limits.ReadLimits", "models.musegan.musegan.MuseGAN"} <= set(DECLARED)


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_what_a_declaration_excludes_is_refused(name, setting):
    for value in outside(setting):
        with pytest.raises(ValueError) as caught:
            called(DECLARED[name], **{setting.name: value})
        message = str(caught.value)
        assert re.match(rf"{setting.name}=\S", message), message
        assert message.endswith(f": {setting.range.allowed}."), message
        assert "\n" not in message
        assert len(message) < 400


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_what_a_declaration_allows_passes_its_check(name, setting):
    for value in inside(setting):
        assert setting.check(value) == value
        assert type(setting.check(value)) in (int, float, bool, str)
    default = inspect.signature(DECLARED[name]).parameters[setting.name].default
    assert default is inspect.Parameter.empty or setting.check(default) == default


# === Other arguments ===

# What Keras, or another method of the model, calls with what it made itself, and whatever text or
# array is taken as it is.
INNER = re.compile(
    r".*\.(costs|gradients|see|step|maps|draw_progress|write|features|places|text|begin_at|call"
    r"|inputs_of)\.(?!pieces|symbols)"
    r"|.*\.(callbacks|verbose|custom_objects|report|names|setting|inputs|training)$"
)


def methods():
    """The public functions and methods with documented arguments, by name, each once."""
    members, found, seen = public_members(), {}, set()
    for name, member in sorted(members.items()):
        plain = getattr(member, "__func__", member)
        documented = "\nArgs:" in (inspect.getdoc(member) or "")
        if documented and id(plain) not in seen:
            seen.add(id(plain))
            parent = name.rpartition(".")[0]
            found[name] = (
                member,
                parent.rpartition(".")[2] if inspect.isclass(members.get(parent)) else None,
            )
    return found


METHODS = methods()


def by_hand():
    """The arguments that no declaration checks."""
    for name, (member, owner) in METHODS.items():
        parameters = list(inspect.signature(member).parameters.values())
        if owner is not None and not inspect.ismethod(member):
            parameters = parameters[1:]
        for parameter in parameters:
            hidden = parameter.kind.name[:3] == "VAR" or parameter.name in settings_of(member)
            if not hidden and not INNER.match(f"{name}.{parameter.name}"):
                yield name, parameter


ARGUMENTS = list(by_hand())


def looked_up(table, name, parameter):
    hint = str(parameter.annotation)
    for key in (f"{name}.{parameter.name}", hint, hint.removesuffix(" | None"), parameter.name):
        if key in table:
            return table[key]
    raise KeyError(f"{name}.{parameter.name}: {hint}")


def given(world, arguments):
    """The arguments, with the things of the world for their names."""
    return {
        name: getattr(world, value, value) if isinstance(value, str) else value
        for name, value in arguments.items()
    }


def prepared(name, world):
    """A function, bound to its object if it is a method, and the arguments that it needs."""
    member, owner = METHODS[name]
    if owner is not None:
        member = getattr(given(world, OBJECTS)[owner], name.rpartition(".")[2])
    needed = {
        parameter.name: looked_up(VALID, name, parameter)
        for parameter in inspect.signature(member).parameters.values()
        if parameter.default is parameter.empty and parameter.kind.name[:3] != "VAR"
        if parameter.name not in settings_of(member)
    }
    return member, given(world, needed)


@pytest.mark.parametrize(
    ("name", "parameter"), ARGUMENTS, ids=[f"{name}.{one.name}" for name, one in ARGUMENTS]
)
def test_what_is_not_such_an_argument_is_refused(name, parameter, world):
    function, arguments = prepared(name, world)
    none = [] if "None" in str(parameter.annotation) or parameter.default is None else [None]
    for value in [*none, *looked_up(WRONG, name, parameter)]:
        with pytest.raises((ValueError, TypeError)) as caught:
            called(function, **{**arguments, parameter.name: value})
        message = str(caught.value)
        assert Path(caught.traceback[-1].path).is_relative_to(Path(musegen.__file__).parent), (
            message
        )
        assert re.search(rf"\b{parameter.name}\b", message), message
        assert re.search(r"\b([Gg]ive|[Cc]hoose)\b", message), message
        assert "\n" not in message
        assert len(message) < 400
    assert [path.name for path in Path().iterdir()] == ["empty"]


# What takes long if nothing is wrong; and what, at its upper end, takes long or much memory.
SLOW = (
    *("AttentionLSTM.fit", "MuseGAN.fit", "VoiceModel.fit", "diagnose", "evaluate"),
    *("VoiceModel.harmonise", "VoiceModel.rewrite"),
)
LARGE = ("AttentionLSTM", "MuseGAN", "VoiceModel", "models.MelodyModel")
LARGE_SETTINGS = {("MuseGAN.sample", "bars"), ("MuseGAN.sample", "count"), ("interpolate", "steps")}
OTHERS = {  # besides what has no default
    "AttentionLSTM": SMALL,
    "MuseGAN": {"encoding": BAND, "units": 4, "noise_size": 3},
    "PianorollEncoding": {"lowest": 0, "pitches": 1},
    "models.MelodyModel": SMALL,
}
DECLARING = [name for name in METHODS if settings_of(METHODS[name][0]) and name not in SLOW]


@pytest.mark.parametrize("name", DECLARING)
def test_what_a_declaration_allows_is_taken(name, world, monkeypatch):
    # Not to compile a loop for each length.
    monkeypatch.setattr("musegen.sampling.melody.write", lambda _, tasks, *a: [*tasks])
    monkeypatch.setattr("musegen.sampling.voices.write", lambda _, tasks, *a: [*tasks])
    monkeypatch.setattr("musegen.sampling.wishes.Wishes.fulfilled", lambda *_: world.written)
    musegen.write_midi(world.score, "empty/a.mid")
    function, arguments = prepared(name, world)
    for setting in settings_of(function).values():
        values = inside(setting)
        few = name in LARGE or (name, setting.name) in LARGE_SETTINGS
        for value in values[:1] if few else values:
            if setting.name != "min_notes" or value <= world.score.note_num():
                prompt = {"prompt": world.score} if setting.name == "prompt_bars" else {}
                others = {**OTHERS.get(name, {}), **prompt}
                called(function, **{**arguments, **others, setting.name: value})
