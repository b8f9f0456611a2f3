"""The checks that there are, in the order in which they are asked: from the cheap to the slow.

A practitioner asks *is it right, is there enough data, is the data good, where does it get stuck,
are the settings right?*, and goes no further before the question at hand has a good answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musegen.diagnosis.finding import Finding

RIGHT = "Is it right?"
ENOUGH = "Is there enough data?"
DATA = "Is the data good?"
STUCK = "Where does it get stuck?"
SETTINGS = "Are the settings right?"

MELODY, GAN = ("MelodyModel",), ("MuseGAN",)
ANY = MELODY + GAN


@dataclasses.dataclass(frozen=True)
class Check:
    """One check: a function `(model, corpus, ...)` of its name that returns a `Finding`.

    Attributes:
        part: Which of the five questions it belongs to.
        question: What it asks.
        module: The module of `musegen.diagnosis` that has the function.
        models: The classes of models that it is for.
        slow: Whether it trains for minutes, and so is run only if it is asked for by name.
    """

    part: str
    question: str
    module: str
    models: tuple[str, ...]
    slow: bool = False


CHECKS: dict[str, Check] = {
    "loss_of_a_guess": Check(
        RIGHT, "Does it begin at the loss of a uniform guess?", "correctness", MELODY
    ),
    "gradients_reach": Check(RIGHT, "Do gradients reach every weight?", "gradients", ANY),
    "leaks_no_future": Check(RIGHT, "Is the future hidden from it?", "correctness", MELODY),
    "overfits_one_piece": Check(RIGHT, "Can it learn one piece by heart?", "correctness", MELODY),
    "amount_of_data": Check(ENOUGH, "Would more data help?", "amount", MELODY),
    "what_was_left_out": Check(DATA, "How much music was left out?", "data", ANY),
    "duplicates": Check(DATA, "Does music stand in it twice?", "data", ANY),
    "distributions": Check(DATA, "Are the splits alike?", "data", ANY),
    "outliers": Check(DATA, "Do pieces stand out as unlikely?", "surprises", ANY),
    "learning_dynamics": Check(
        STUCK, "Do all layers learn, and none too fast?", "dynamics", MELODY
    ),
    "worst_notes": Check(STUCK, "Which notes surprise it?", "surprises", MELODY),
    "gan_dynamics": Check(STUCK, "Do its first epochs go as they should?", "gan", GAN),
    "gan_diversity": Check(STUCK, "Do its phrases differ as real ones do?", "gan", GAN),
    "one_at_a_time": Check(
        SETTINGS, "Does it get better if one setting is moved?", "settings", MELODY, slow=True
    ),
    "search": Check(SETTINGS, "Do other settings do better together?", "search", MELODY, slow=True),
}
"""Checks by name. A GAN has no likelihood, and its critic's estimate can't be compared between two
trainings: so what is asked of a likelihood (amount of data, settings) is not asked of it."""


def function_of(name: str) -> Callable[..., Finding]:
    """The function of a check."""
    function: Any = getattr(import_module(f"musegen.diagnosis.{CHECKS[name].module}"), name)
    return function
