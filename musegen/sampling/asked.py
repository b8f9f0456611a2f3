"""What a composer asks for in words: ranges, instruments, meters and densities, as values.

Each function takes what a person types, or what stands in a program, and raises a ValueError that
says what to give. `musegen.sampling.wishes` says how a piece comes to have what was asked for.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from musegen._checks import shown
from musegen.encoding.grid import METERS, STEPS_PER_QUARTER
from musegen.encoding.keys import pitch_class

NEAR = 0.1
"""A density that is given as one number is had to this share of it."""

_Read = TypeVar("_Read")


def range_from(pitches: Any) -> tuple[int, int]:
    """Reads a range, such as `"C4-A5"` or `(60, 81)`; C4 is middle C, 60.

    Raises:
        ValueError: If it is no range of MIDI pitches, an octave at least.
    """
    found: tuple[int, ...] = ()
    if isinstance(pitches, str):
        names = re.fullmatch(r"\s*([A-Ga-g][#b]?)(-?\d)\s*-\s*([A-Ga-g][#b]?)(-?\d)\s*", pitches)
        if names:
            ends = (names[1], names[2]), (names[3], names[4])
            found = tuple(12 * int(octave) + 12 + pitch_class(name) for name, octave in ends)
    elif isinstance(pitches, (tuple, list)):
        whole = all(isinstance(one, (int, np.integer)) for one in pitches)
        found = tuple(map(int, pitches)) if whole else ()
    if len(found) != 2 or not 0 <= found[0] <= found[1] - 12 <= 115:
        raise ValueError(
            f"pitch_range={shown(pitches)}: give the lowest and the highest note, such as 'C4-A5' "
            "or (60, 81), an octave apart at least, of the MIDI pitches 0 to 127."
        )
    return found[0], found[1]


def meter_from(meter: Any) -> tuple[int, int]:
    """Reads a meter, such as `"3/4"` or `(3, 4)`.

    Raises:
        ValueError: If it is none of those that models know.
    """
    pair: tuple[Any, ...] = tuple(meter) if isinstance(meter, (tuple, list)) else ()
    if isinstance(meter, str) and re.fullmatch(r"\s*\d{1,2}\s*/\s*\d{1,2}\s*", meter):
        pair = tuple(map(int, meter.split("/")))
    whole = all(isinstance(value, (int, np.integer)) for value in pair)
    if not (whole and pair in METERS):
        allowed = ", ".join(f"({known[0]}, {known[1]})" for known in METERS if known)
        raise ValueError(f"meter={shown(meter)}: choose one of {allowed}.")
    return int(pair[0]), int(pair[1])


def instrument_from(instrument: Any) -> int:
    """Reads an instrument: its General MIDI name, or its program, 0 to 127.

    Raises:
        ValueError: If it is none.
    """
    from pretty_midi.constants import INSTRUMENT_MAP

    names = [name.casefold() for name in INSTRUMENT_MAP]
    near: list[str] = []
    if isinstance(instrument, str) and not re.fullmatch(r"\s*\d{1,3}\s*", instrument):
        if (name := instrument.strip().casefold()) in names:
            return names.index(name)
        near = difflib.get_close_matches(name, names, 1, 0) if name else []
    elif isinstance(instrument, (str, int, np.integer)) and not isinstance(instrument, bool):
        program = int(instrument)
        if 0 <= program <= 127:
            return program
    hint = f", such as {INSTRUMENT_MAP[names.index(near[0])]!r}" if near else ""
    raise ValueError(
        f"instrument={shown(instrument)}: give a General MIDI name{hint}, or a program, 0 to 127."
    )


def density_from(density: Any) -> tuple[float, float]:
    """Reads a density, in notes a quarter note: `"0.8-1.2"`, `(0.8, 1.2)`, or one number.

    Returns:
        The least and the most; of one number a tenth below and above it.

    Raises:
        ValueError: If it is none.
    """
    found: tuple[Any, ...] = ()
    if isinstance(density, str):
        number = r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*"
        text = re.fullmatch(f"{number}(?:-{number})?", density)
        found = tuple(float(one) for one in text.groups() if one) if text else ()
    elif isinstance(density, (tuple, list)):
        found = tuple(density) if len(density) == 2 else ()
    else:
        found = (density,)
    kinds = (int, float, np.integer, np.floating)
    numbers = all(isinstance(one, kinds) and not isinstance(one, bool) for one in found)
    if not found or not numbers or not 0 < found[0] <= found[-1] <= STEPS_PER_QUARTER:
        raise ValueError(
            f"density={shown(density)}: give notes a quarter note, above 0 and at most "
            f"{STEPS_PER_QUARTER}, such as 1.5, or the least and the most, such as '1-2' or (1, 2)."
        )
    if len(found) == 1:
        return float(found[0]) * (1 - NEAR), float(found[0]) * (1 + NEAR)
    return float(found[0]), float(found[1])


def by_voice(
    argument: str, value: Any, read: Callable[[Any], _Read], names: tuple[str, ...] | None = None
) -> dict[str, _Read]:
    """Reads one value for all voices, or one for each of some.

    Args:
        argument: What it is called.
        value: One value; or several by name, as a dict or as a text, `"soprano=C4-G5,bass=E2-C4"`.
        read: Reads one.
        names: What the voices are called, of which there are none in a melody; None if that is not
            known yet.

    Returns:
        By name, or by `""` for all voices; a melody's is by `""`.

    Raises:
        ValueError: If a value is none, or there is no voice of that name.
    """
    several = value
    if isinstance(value, str) and "=" in value:
        pairs = [one.partition("=") for one in value.split(",")]
        several = {name: text for name, _, text in pairs}
    if not isinstance(several, Mapping):
        return {"": read(value)}
    known = {name.casefold(): name for name in names or ()}
    found = {}
    for name, one in several.items():
        said = name.strip().casefold() if isinstance(name, str) else ""
        if not said or (names is not None and said not in known):
            allowed = f"choose among {', '.join(names)}" if names else "give one for the melody"
            allowed = "give it as 'soprano=..., bass=...'" if names is None else allowed
            raise ValueError(
                f"{argument}={shown(value)}: there is no voice {shown(name)}; {allowed}."
            )
        found[known.get(said, said)] = read(one)
    if not found:
        raise ValueError(f"{argument}={shown(value)}: give it for one voice at least.")
    return found
