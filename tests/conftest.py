"""What all tests share: repeatable draws, no GPU, a cache of their own."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from pathlib import Path

import hypothesis
import pytest
from without_xla import without_xla

ROOT = Path(__file__).parents[1]

# Read when TensorFlow and matplotlib are imported, which is before any fixture runs. A GPU's sums
# differ in the last bit from run to run; set the variable to test on one all the same.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")
# Processes that the tests start import the same tree, wherever they run.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
)

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture
def load(monkeypatch):
    """Imports a module of the benchmarks, and forgets it afterwards."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield importlib.import_module
    for module in (ROOT / "benchmarks").glob("*.py"):
        sys.modules.pop(module.stem, None)


@pytest.fixture
def eagerly():
    """Steps are run as they stand: of a few, the compiler would take most of the time."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def compiled():
    """For a test in a module of `uncompiled` ones that is of what XLA makes of the model."""


@pytest.fixture
def uncompiled(request):
    """TensorFlow runs its graphs as they stand, but in a test of what is `compiled`."""
    with contextlib.nullcontext() if "compiled" in request.fixturenames else without_xla():
        yield


@pytest.fixture
def no_tensorflow(monkeypatch):
    """Fails where a command would begin to load TensorFlow."""
    monkeypatch.setattr("musegen.cli.terminal._keras", lambda: pytest.fail("It loads TensorFlow."))


@pytest.fixture
def place(shipped, tmp_path, monkeypatch):
    """An empty current folder; the models of the module's fixture `shipped` are those that ship."""
    monkeypatch.setattr("musegen.loading.PRETRAINED", shipped)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keeps parsed music out of the user's cache folder, in one for all processes of the tests."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSEGEN_CACHE", str(folder))
        yield folder


@pytest.fixture
def ctrl_c_is_heard():
    """As in a terminal: what is started in the background may ignore it, and so would its own."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
