"""A setting is declared once: in a signature, with its range, its meaning and its default.

>>> from typing import Annotated
>>> from musegen.settings import Whole, declared, settings_of
>>> @declared
... def fit(epochs: Annotated[int, Whole(1, 10**6), "Passes over the training data"] = 100):
...     return epochs
>>> fit(epochs=0)
Traceback (most recent call last):
    ...
ValueError: epochs=0: give a whole number from 1 to 1000000.
>>> print(settings_of(fit)["epochs"])
Passes over the training data (1 to 1,000,000; default 100).

From this one line come the check of the argument, its line in the docstring, the option and the
help of the command line (`musegen.cli.arguments`), the value in a model's config, and, where the
declaration ends with a `Search`, what `musegen.diagnose` tries. A parameter without a `Range` is no
setting: the function checks and documents it itself.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar, get_args, get_type_hints

from musegen._checks import Choice, Flag, Number, Positive, Range, Share, Whole

__all__ = [
    "LARGE_SEED",
    "SEED",
    "Choice",
    "Flag",
    "Number",
    "Positive",
    "Range",
    "Search",
    "Setting",
    "Share",
    "Whole",
    "declared",
    "inherited_settings",
    "settings_of",
]

SEED = Whole(0, 2**32 - 1)
"""The range of a seed of training, which Keras and NumPy take."""

LARGE_SEED = Whole(0, 2**63 - 1)
"""The range of a seed of what NumPy alone draws."""

WIDTH = 100
"""Columns of a docstring."""

_ANNOTATED = ("Annotated[", "typing.Annotated[")  # with and without `from __future__ import ...`

_Declared = TypeVar("_Declared", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class Search:
    """Where a search for better settings looks: a list of values, or a tuple of two ends."""

    values: Sequence[Any]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a signature says of one of its parameters.

    Attributes:
        name: The parameter's name.
        range: The values that it may have.
        meaning: A line for the documentation and the help, without the range and the default.
        default: Its default; None where it must be given.
        optional: Whether None is taken too.
        search: Where a search looks for a better value; None if it does not.
    """

    name: str
    range: Range
    meaning: str
    default: Any
    optional: bool
    search: Search | None = None

    def check(self, value: Any) -> Any:
        """Returns a value that is in the range, or None where that is taken.

        Raises:
            ValueError: If it is neither.
        """
        if value is None and self.optional:
            return None
        return self.range.check(self.name, value)

    def __str__(self) -> str:
        default = "" if self.default is None else f"; default {_code(self.default)}"
        return f"{self.meaning.rstrip('.')} ({self.range}{default})."


def declared(target: _Declared) -> _Declared:
    """Checks and documents the settings of a function, or of a class by its `__init__`.

    Args:
        target: A function or class whose signature declares settings.

    Returns:
        The function, or the class itself, which now raises a `ValueError` for a value out of its
        range, and whose docstring lists its settings after the other arguments.
    """
    if inspect.isclass(target):
        target.__init__ = _checked(target.__init__)  # type: ignore[method-assign]
        target.__doc__ = _documented(target.__doc__, settings_of(target))
        return target
    wrapper = _checked(target)
    wrapper.__doc__ = _documented(target.__doc__, settings_of(wrapper))
    return wrapper


def settings_of(target: Any) -> Mapping[str, Setting]:
    """Returns the settings that a function or class declares, by name, in their order."""
    found: Mapping[str, Setting] = getattr(
        target.__init__ if inspect.isclass(target) else target, "declared_settings", {}
    )
    return found


def inherited_settings(kind: type) -> dict[str, Setting]:
    """Returns the settings that a class or one of its bases declares, by name."""
    return {k: v for base in reversed(kind.__mro__) for k, v in settings_of(base).items()}


def _checked(function: Any) -> Any:
    """The function with its settings checked, and the plain types in its signature."""
    signature = inspect.signature(function)
    settings = settings_of(function) or _settings(function, signature)
    plain = [
        parameter.replace(annotation=str(parameter.annotation).split("[", 1)[1].split(",", 1)[0])
        if str(parameter.annotation).startswith(_ANNOTATED)
        else parameter
        for parameter in signature.parameters.values()
    ]
    name = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}(): {error}") from None
        for argument, setting in settings.items():
            if argument in bound.arguments:
                bound.arguments[argument] = setting.check(bound.arguments[argument])
        return function(*bound.args, **bound.kwargs)

    wrapper.declared_settings = settings  # type: ignore[attr-defined]
    wrapper.__signature__ = signature.replace(parameters=plain)  # type: ignore[attr-defined]
    return wrapper


def _settings(function: Any, signature: inspect.Signature) -> dict[str, Setting]:
    texts = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if str(parameter.annotation).startswith(_ANNOTATED)
    }
    # The others may name what is imported for type checkers only.
    namespace = inspect.unwrap(function).__globals__
    hints = get_type_hints(SimpleNamespace(__annotations__=texts), namespace, include_extras=True)
    found = {}
    for name, hint in hints.items():
        plain, allowed, meaning, *search = get_args(hint)
        default = signature.parameters[name].default
        default = None if default is inspect.Parameter.empty else default
        optional = type(None) in get_args(plain)
        found[name] = Setting(name, allowed, meaning, default, optional, *search)
    return found


def _documented(doc: str | None, settings: Mapping[str, Setting]) -> str | None:
    """The docstring with a line for each setting at the end of its `Args` section."""
    if doc is None or not settings:
        return doc
    doc = inspect.cleandoc(doc)
    lines = [
        line
        for name, setting in settings.items()
        for line in textwrap.wrap(
            f"{name}: {setting}", WIDTH - 8, initial_indent=" " * 4, subsequent_indent=" " * 8
        )
    ]
    text = "\n".join(lines)
    if found := re.search(r"^Args:\n(?:(?: .*)?\n)*?(?=\n*(?:\S|\Z))", doc + "\n", re.MULTILINE):
        end = len(doc[: found.end()].rstrip())
        return f"{doc[:end]}\n{text}{doc[end:]}"
    if found := re.search(r"^(?:Returns|Yields|Raises|Example|Attributes)s?:\n", doc, re.MULTILINE):
        return f"{doc[: found.start()]}Args:\n{text}\n\n{doc[found.start() :]}"
    return f"{doc}\n\nArgs:\n{text}"


def _code(value: Any) -> str:
    if isinstance(value, str):
        return f'`"{value}"`'
    return str(value) if isinstance(value, (bool, float)) else f"{value:,}"
