"""Wrong arguments: every one that a docstring excludes is refused, in a message that says why.

What is wrong is made from the docstrings (`argument_specs.py`), for every public function, class
and method. How each is called rightly stands in `valid_calls.py`.
"""

from __future__ import annotations

import inspect
import math
import re
import time
import traceback
from pathlib import Path

import argument_specs
import numpy as np
import pytest
from valid_calls import BAND, BY_HINT, BY_NAME, CALLS, LINE, OBJECTS, make_world

import musegen

FUNCTIONS = argument_specs.public_functions()

# Parameters that are handed on to Keras, which says itself what is wrong with them.
KERAS = {"callbacks", "custom_objects", "verbose"}


@pytest.fixture(scope="module")
def world():
    return make_world()


@pytest.fixture
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def given(world, arguments):
    """The arguments, with the things of the world for their names."""

    def thing(value):
        if isinstance(value, str):
            return getattr(world, value, value)
        return type(value)(map(thing, value)) if isinstance(value, (list, tuple)) else value

    return {name: thing(value) for name, value in arguments.items()}


def valid_of(name):
    """A valid value of each parameter without a default, and `unknown` of those without one."""
    function, specs = FUNCTIONS[name]
    parameters = inspect.signature(function).parameters
    found = dict(CALLS.get(name, {}))
    for spec in specs:
        if parameters[spec.name].default is inspect.Parameter.empty and spec.name not in found:
            by_name = BY_NAME.get(spec.name, "unknown")
            found[spec.name] = BY_HINT.get(spec.atoms[0], by_name)
    return found


def call_of(name, world):
    """The function, bound to its object if it is a method, and valid arguments."""
    function, _ = FUNCTIONS[name]
    kind = name.split(".")[-2]
    if kind[0].isupper():
        owner = OBJECTS[kind]
        owner = getattr(world, owner) if isinstance(owner, str) else owner
        function = getattr(owner, function.__name__)
    return function, given(world, valid_of(name))


def test_every_function_is_known_and_says_what_it_takes():
    unknown = [
        f"{name}: {'what is its object' if kind[0].isupper() else ''}{found}"
        for name in FUNCTIONS
        for kind, found in [(name.split(".")[-2], valid_of(name))]
        if "unknown" in [v for v in found.values() if isinstance(v, str)]
        or (kind[0].isupper() and kind not in OBJECTS)
    ]
    assert not unknown, "No valid call is known of:\n" + "\n".join(unknown)
    assert {*CALLS} <= {*FUNCTIONS}
    silent = [
        f"{name}({spec.name}) says nothing of {'its range' if spec.text else 'it'}"
        for name, (_, specs) in FUNCTIONS.items()
        for spec in specs
        if not spec.text or (spec.numeric and not spec.range and "one of" not in spec.text)
    ]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.usefixtures("_folder")
def test_what_the_docstring_excludes_is_refused(name, world):
    Path("empty").mkdir()
    function, arguments = call_of(name, world)
    defaults = {
        p.name: p.default
        for p in inspect.signature(FUNCTIONS[name][0]).parameters.values()
        if p.default is not p.empty
    }
    faults = []
    for spec in FUNCTIONS[name][1]:
        if spec.name in KERAS:
            continue
        valid = {**defaults, **arguments}.get(spec.name)
        for what, value in spec.wrong(valid):
            fault = fault_of(function, {**arguments, spec.name: value}, spec.name, value)
            if fault:
                faults.append(f"{spec.name}: {what}: {fault}")
    assert not faults, "\n".join(faults)
    assert [path.name for path in Path().iterdir()] == ["empty"]


OURS = {  # things of this library, each of which is wrong in place of another
    "MelodyModel": "lstm",
    "MuseGAN": "gan",
    "Melody": "melody",
    "MelodyComposition": "written",
    "Noise": "noise",
    "PianorollEncoding": BAND,
    "PitchDurationEncoding": LINE,
}
SWAPS = [
    (name, spec.name)
    for name, (_, specs) in FUNCTIONS.items()
    for spec in specs
    if {*spec.atoms} - {"None"} and {*spec.atoms} <= {*OURS, "None"}
]


@pytest.mark.parametrize(("name", "argument"), SWAPS)
def test_one_thing_in_place_of_another_is_refused(name, argument, world):
    function, arguments = call_of(name, world)
    spec = next(spec for spec in FUNCTIONS[name][1] if spec.name == argument)
    for kind in OURS.keys() - {*spec.atoms}:
        value = given(world, {argument: OURS[kind]})[argument]
        fault = fault_of(function, {**arguments, argument: value}, argument, value)
        assert fault is None, f"{argument}: a {kind}: {fault}"


# What takes long if nothing is wrong, and edges that would take long or much memory: of these
# arguments only the lower one is tried.
LONG_ONES = (".fit", ".diagnose", ".evaluate")
LONG = {
    ("models.musegan.sampling.sample", "bars"),
    ("models.musegan.sampling.sample", "count"),
    ("models.musegan.noise.interpolate", "steps"),
}
MODELS = {"models.attention_lstm.AttentionLSTM": "lstm", "models.musegan.musegan.MuseGAN": "gan"}
EDGES = [
    (name, spec.name)
    for name, (_, specs) in FUNCTIONS.items()
    for spec in specs
    if spec.range and {"int", "float"} & set(spec.atoms) and not name.endswith(LONG_ONES)
]


@pytest.mark.parametrize(("name", "argument"), EDGES)
@pytest.mark.usefixtures("_folder")
def test_what_the_docstring_allows_is_taken(name, argument, world, monkeypatch):
    function, arguments = call_of(name, world)
    spec = next(spec for spec in FUNCTIONS[name][1] if spec.name == argument)
    if name == "sampling.sample":  # not to compile a loop for each length
        monkeypatch.setattr(musegen.sampling, "_beginnings", lambda *_: [])
        monkeypatch.setattr(musegen.sampling, "_write", lambda *a: [None] * len(a[-1]))
    if name == "encoding.pianoroll.PianorollEncoding" and argument == "lowest":
        arguments["pitches"] = 1
    if name == "encoding.melody.Melody.transpose":
        function = musegen.Melody([0, 1], [0, 0]).transpose
    if name.startswith("corpus.midi_folder."):
        Path("empty").mkdir()
        musegen.write_midi(world.score, "empty/a.mid")
    edges = spec.edges()[: 2 if name.startswith("plots.") else None]
    for value in edges[:1] if (name, argument) in LONG else edges:
        if name in MODELS:  # building the largest would take gigabytes
            config = {**getattr(world, MODELS[name]).get_config(), "units": 64, argument: value}
            assert FUNCTIONS[name][0].weight_count(config) > 0
        else:
            function(**{**arguments, argument: value})
    if math.isinf(spec.range[1]) and "int" in spec.atoms:  # no limit: taken, or too many for these
        fault = fault_of(function, {**arguments, argument: 10**30}, argument, 10**30)
        assert fault is None or fault.startswith(("is accepted", "is not said")), fault


def fault_of(function, arguments, name, value):
    """What is wrong with how a function refuses a value, or None."""
    began = time.process_time()  # whatever else the machine does
    try:
        function(**arguments)
    except (ValueError, TypeError) as error:
        message = str(error)
        where = traceback.extract_tb(error.__traceback__)[-1].filename
    except Exception as error:  # noqa: BLE001 - whichever it is, it is one too many
        return f"{type(error).__name__}: {error}"
    else:
        return "is accepted"
    if time.process_time() > began + 1:
        return f"takes {time.process_time() - began:.1f} s"
    if not Path(where).is_relative_to(argument_specs.PACKAGE):
        return f"is left to {where}: {message}"
    if not re.search(rf"\b{name}\b", message):
        return f"is not named: {message}"
    shown = [repr(value)[:20], type(value).__name__]
    shown += [f"{name}[0]"]  # an item of it, and what that is
    if isinstance(value, np.ndarray):
        shown += [str(value.shape), str(value.shape[1:])]
    if not any(text in message for text in shown):
        return f"is not shown: {message}"
    if not re.search(r"\b([Gg]ive|[Cc]hoose)\b", message):
        return f"is not said what to give: {message}"
    if "\n" in message or len(message) > 400:
        return f"is no line: {message}"
    return None
