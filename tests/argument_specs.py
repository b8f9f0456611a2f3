"""What the docstrings and type hints say of every argument, and values that they exclude.

A *spec* is one parameter of one public function: its type hint, and what the `Args` section says
of it. A number's range is read from the words that all docstrings use:

    "1 to 64"   "0 up to, not including, 1"   "above 0"   "above 0 to 1"   "at least 1"

and choices from a `Literal`, or from words in backquotes and quotation marks. From a spec come
values that are wrong: those of a zoo of types, as far as the hint does not allow them, the numbers
just outside of the range, and, for lists, a valid list with one wrong item.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import musegen

PACKAGE = Path(musegen.__file__).parent

MODULES = {  # with names that are public by `__all__`, or as all that is defined there
    "": True,
    "checkpoint": False,
    "composition": False,
    "corpus": True,
    "encoding": True,
    "evaluation": True,
    "interop": True,
    "midi": False,
    "models": True,
    "models.musegan": True,
    "models.musegan.sampling": False,
    "models.musegan.training": False,
    "plots": True,
    "sampling": False,
    "training": False,
}

INNER = {  # What Keras, the compiled loops, training and loading call, with what they made.
    *("build", "call", "compute_loss", "compute_output_shape", "fit_windows", "get_config"),
    *("initial_state", "mean", "step", "step_tables", "train_step"),
    *("ResumeFile", "check", "opening_logits", "weight_count", "weight_shapes"),
}

ZOO = {
    "None": None,
    "True": True,
    "1.5": 1.5,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "a string": "x",
    "bytes": b"x",
    "an empty list": [],
    "a dict": {},
    "an object": object(),
    "10**30": 10**30,
    "a function": lambda: None,
    "an array of six axes": np.zeros((2,) * 6),
    "an array of text": np.array(["x"]),
    "a module": math,
}

NUMBER = r"-?\d[\d,]*(?:\^\d+)?(?: - 1)?"
RANGES = (
    (rf"({NUMBER}) up to, not including, ({NUMBER})", "[)"),
    (rf"above ({NUMBER})(?: to|, up to) ({NUMBER})", "(]"),
    (rf"[Aa]bove ({NUMBER})()", "(]"),
    (rf"({NUMBER}) to ({NUMBER}|`[^`]+`)", "[]"),
    (rf"at least ({NUMBER})()", "[]"),
)


@dataclasses.dataclass(frozen=True)
class Spec:
    """One parameter.

    Attributes:
        name: Its name.
        hint: Its type hint.
        text: What the docstring says of it.
        range: Lowest and highest number, and "[" or "(" and "]" or ")" for whether they are within.
    """

    name: str
    hint: str
    text: str
    range: tuple[float, float, str] | None

    @property
    def atoms(self) -> list[str]:
        """The parts of the hint between bars."""
        return [part.strip() for part in re.split(r"\|(?![^\[]*\])", self.hint)]

    @property
    def choices(self) -> list[str]:
        """The words among which it chooses, none if it is no choice."""
        words = re.findall(r'"(\w+)"', self.hint) if "Literal" in self.hint else []
        return words or re.findall(r'`"(\w+)"`', self.text)

    @property
    def numeric(self) -> bool:
        """Whether it is a number, or a list of numbers."""
        return bool(re.search(r"\b(int|float)\b", self.hint))

    def has(self, value: Any) -> bool:
        """Whether a number is in the range."""
        assert self.range is not None
        low, high, ends = self.range
        return (low <= value if ends[0] == "[" else low < value) and (
            value <= high if ends[1] == "]" else value < high
        )

    def allows(self, value: Any, atom: str) -> bool:
        """Whether a value of the zoo is allowed by one part of the hint."""
        if atom == "None":
            return value is None
        if atom in ("int", "float"):
            kinds = int if atom == "int" else (int, float)
            number = isinstance(value, kinds) and not isinstance(value, bool)
            return number and (self.range is None or self.has(value))
        if atom == "bool":
            return isinstance(value, bool)
        if atom == "str":
            return isinstance(value, str) and not self.choices and "suffix" not in self.text
        if atom == "MusicLike":
            return isinstance(value, (str, bytes))
        if atom == "bytes":
            return isinstance(value, bytes)
        if re.match(r"(Sequence|Iterable|tuple|list)\[", atom):
            strings = "str" in atom or "string is" in self.text
            texts = isinstance(value, np.ndarray) and value.dtype.kind == "U" and strings
            return texts or (isinstance(value, list) and "at least one" not in self.text)
        if atom == "ArrayLike" or atom.startswith("NDArray"):
            return isinstance(value, list) and re.search(r"`\((time|pieces),\)`", self.text)
        return False

    def wrong(self, valid: Any) -> Iterator[tuple[str, Any]]:
        """Values that are excluded, each with a word for it.

        Args:
            valid: A value that is allowed; None if there is none to change.
        """
        for what, value in ZOO.items():
            if not any(self.allows(value, atom) for atom in self.atoms):
                yield what, value
        if self.range is not None and {"int", "float"} & set(self.atoms):
            yield from ((f"{value}", value) for value in self.outside())
        if self.choices:
            yield from (("another case", self.choices[0].upper()), ("an empty string", ""))
        if "Path" in self.hint:
            yield from (("an empty path", ""), ("a zero byte", "x\0y.png"))
            if "suffix" in self.text:
                yield from (("no suffix", "picture"), ("another suffix", "picture.wav"))
        if self.hint == "str" and "not empty" in self.text:
            yield "an empty string", ""
        if self.hint == "str" and "without a slash" in self.text:
            yield from (("a slash", "a/b"), ("a line break", "a\nb"), ("an escape", "a\x1b[2Jb"))
            yield from (("an empty string", ""), ("too long a string", "x" * 101))
        yield from self.wrong_items(valid)

    def wrong_items(self, valid: Any) -> Iterator[tuple[str, Any]]:
        """A valid list, with a wrong item in place of its first."""
        inner = [re.match(r"(?:Sequence|Iterable|tuple|list)\[(.*)\]", atom) for atom in self.atoms]
        inner = [match[1].removesuffix(", ...") for match in inner if match]
        if not inner or not isinstance(valid, (list, tuple)) or not valid:
            return
        atoms = [part.strip() for part in re.split(r"[|,](?![^\[]*\])", inner[0])]
        plain = dataclasses.replace(self, hint="int") if atoms[0] == "int" else self
        for what, value in ZOO.items():
            if atoms[0] == "int" and plain.range and plain.allows(value, "int"):
                continue
            text = isinstance(value, str) and not self.choices
            if text and ("str" in atoms or "string is" in self.text):
                continue
            yield f"a list with {what}", [value, *list(valid)[1:]]
        if atoms[0] == "int" and self.range is not None:
            for value in self.outside():
                yield f"a list with {value}", [value, *list(valid)[1:]]

    def outside(self) -> list[Any]:
        """The numbers just outside of the range."""
        assert self.range is not None
        low, high, ends = self.range
        whole = "float" not in self.hint
        found: list[Any] = []
        if math.isfinite(low):
            found.append(low if ends[0] == "(" else low - 1 if whole else np.nextafter(low, -1e99))
        if math.isfinite(high):
            found.append(high if ends[1] == ")" else high + 1 if whole else _above(high))
        return found

    def edges(self) -> list[Any]:
        """The numbers at the edges of the range, as Python's and as NumPy's."""
        assert self.range is not None
        low, high, ends = self.range
        whole = "float" not in self.hint
        found = []
        if math.isfinite(low):
            found.append(low if ends[0] == "[" else low + 1e-6)
        if math.isfinite(high):
            found.append(high if ends[1] == "]" else high - 1e-6)
        kind = np.int64 if whole else np.float64
        small = [kind(value) for value in found if abs(value) < 2**63]
        return [*found, *small]


def _above(high: float) -> float:
    return float(np.nextafter(float(high), math.inf))


def specs_of(function: Callable[..., Any], documented: Any = None) -> list[Spec]:
    """What is said of each parameter of a function; of a class, of its constructor's."""
    doc = inspect.getdoc(documented or function) or ""
    said = _arguments(doc)
    found = []
    parameters = inspect.signature(function).parameters.values()
    defaults = {p.name: p.default for p in parameters}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name == "self":
            continue
        text = said.get(parameter.name, "")
        hint = parameter.annotation
        hint = hint if isinstance(hint, str) else ""
        numeric = re.search(r"\b(int|float)\b", hint)
        found.append(Spec(parameter.name, hint, text, _range(text, defaults) if numeric else None))
    return found


def _arguments(doc: str) -> dict[str, str]:
    """The text of each argument in an `Args` section."""
    match = re.search(r"^Args:\n((?:    .*\n?|\n)+)", doc, re.MULTILINE)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in match[1].splitlines() if match else ():
        start = re.match(r"    (\*{0,2}\w+(?:, \w+)*): (.*)", line)
        if start:
            names = start[1].replace("*", "").split(", ")
            found.update(dict.fromkeys(names, start[2]))
        elif line.strip():
            for name in names:
                found[name] += f" {line.strip()}"
    return found


def _range(text: str, defaults: dict[str, Any]) -> tuple[float, float, str] | None:
    for pattern, ends in RANGES:
        if match := re.search(pattern, text):
            low, high = (_number(part, defaults) for part in match.groups())
            return low, math.inf if high is None else high, ends
    return None


def _number(text: str, defaults: dict[str, Any]) -> Any:
    """The number that stands in a docstring; a formula of other arguments at their defaults."""
    if not text:
        return None
    if text.startswith("`"):
        return eval(text.strip("`"), {}, defaults)
    return eval(text.replace(",", "").replace("^", "**"), {}, {})


def public_functions() -> dict[str, tuple[Callable[..., Any], list[Spec]]]:
    """Every public function, class and method that takes arguments, by its name."""
    found: dict[str, tuple[Callable[..., Any], list[Spec]]] = {}
    for name, by_all in MODULES.items():
        module = importlib.import_module(f"musegen.{name}".rstrip("."))
        for value in _public(module, by_all):
            where = value.__module__.removeprefix("musegen.")
            if inspect.isclass(value):
                found.update(_of_class(value, where))
            else:
                found[f"{where}.{value.__name__}"] = value, specs_of(value)
    return {name: entry for name, entry in found.items() if entry[1]}


def _public(module: ModuleType, by_all: bool) -> Iterator[Any]:
    public = [name for name in vars(module) if name[0] != "_"]
    names = getattr(module, "__all__", public) if by_all else public
    for name in names:
        value = getattr(module, name)
        if not (inspect.isfunction(value) or inspect.isclass(value)) or name in INNER:
            continue
        if inspect.isclass(value) and issubclass(value, BaseException):
            continue
        own = value.__module__ == module.__name__
        if by_all or (own and "Args:" in (value.__doc__ or "")) or (own and inspect.isclass(value)):
            yield value


def _of_class(kind: type, where: str) -> dict[str, tuple[Callable[..., Any], list[Spec]]]:
    """A class, if users make its objects (its docstring has `Args`), and its methods."""
    found: dict[str, tuple[Callable[..., Any], list[Spec]]] = {}
    if "Args:" in (kind.__doc__ or ""):
        found[f"{where}.{kind.__name__}"] = kind, specs_of(kind.__init__, kind)
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith("musegen"):
            continue
        for name, value in vars(base).items():
            if name.startswith("_") or name in INNER or isinstance(value, property):
                continue
            plain = getattr(value, "__func__", value)
            if inspect.isfunction(plain):
                specs = [spec for spec in specs_of(plain) if spec.name != "cls"]
                module = base.__module__.removeprefix("musegen.")
                found[f"{module}.{base.__name__}.{name}"] = getattr(base, name), specs
    return found
