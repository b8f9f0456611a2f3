"""The table of checks, which each check enters by its decorator.

A check is a function of a model, a corpus and settings that returns a `Finding`, and it stands
below `@check(PART, "Its question?")`; CONTRIBUTING.md shows a whole one. Each raises a `ValueError`
if its model, its corpus or a setting is something else, and `NotApplicable`, which is one, if the
model or the corpus lacks what it takes, such as a split. A check never changes the model that it is
given: it measures a copy, or trains one.

A practitioner asks *is it right, is there enough data, is the data good, where does it get stuck,
are the settings right?*, and goes no further before the question at hand has a good answer. So the
table has its checks in this order, and from the cheap to the slow.

What a check needs of a model is an ability, which the model's class offers or not (see
`musegen.models.registry`). A GAN has no likelihood, and its critic's estimate can't be compared
between two trainings: so what is asked of a likelihood is not asked of it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from musegen._checks import checked_kind, shown
from musegen.corpus.corpus import Corpus
from musegen.settings import declared

if TYPE_CHECKING:
    from musegen.diagnosis.finding import Finding

RIGHT = "Is it right?"
ENOUGH = "Is there enough data?"
DATA = "Is the data good?"
STUCK = "Where does it get stuck?"
SETTINGS = "Are the settings right?"


class NotApplicable(ValueError):
    """A check can't be run on this model or corpus; `diagnose` reports it and goes on."""


@dataclasses.dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        part: Which of the five questions it belongs to.
        question: What it asks.
        function: Takes a model, a corpus and settings, and returns a `Finding`.
        needs: The ability that a model must offer; None if any model will do.
        slow: Whether it trains for minutes, and so is run only if it is asked for by name.
    """

    part: str
    question: str
    function: Callable[..., Finding]
    needs: str | None
    slow: bool

    def applies_to(self, model: Any) -> bool:
        """Returns whether the check can be run on a model."""
        return self.needs is None or self.needs in getattr(model, "abilities", ())


CHECKS: dict[str, Check] = {}
"""Checks by name, in the order in which they are asked."""


def check(part: str, question: str, needs: str | None = None, slow: bool = False) -> Any:
    """Enters a function in the table, as a decorator; its arguments are checked before it is run.

    Its docstring gets the lines of the model and the corpus.
    """
    kinds = {None: "a model", "voices": "a model of voices"}
    wanted = kinds.get(needs, f"a model with a {needs}")

    def enter(function: Callable[..., Finding]) -> Callable[..., Finding]:
        @functools.wraps(function)
        def checked(model: Any, corpus: Any, *arguments: Any, **settings: Any) -> Finding:
            if not entry.applies_to(model):
                from musegen.models.registry import MODELS

                able = [name for name, kind in MODELS.items() if needs in kind.abilities]
                raise ValueError(f"model={shown(model)}: give {wanted} ({' or '.join(able)}).")
            what = "a corpus, such as musegen.corpus.folder(path) or musegen.corpus.chorales()"
            checked_kind("corpus", corpus, Corpus, what)
            return function(model, corpus, *arguments, **settings)

        shared = f"Args:\n    model: {wanted.capitalize()}.\n    corpus: A corpus.\n"
        text, mark, rest = re.split(
            "(Args:\n|\nReturns:\n)", inspect.getdoc(function) or "", maxsplit=1
        )
        checked.__doc__ = f"{text.rstrip()}\n\n{shared}{rest if mark[0] == 'A' else mark + rest}"
        entry = Check(part, question, declared(checked), needs, slow)
        CHECKS[function.__name__] = entry
        return entry.function

    return enter
