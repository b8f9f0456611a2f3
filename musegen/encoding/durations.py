"""Note values: the default table of durations, and a length written in values of a table.

All are in steps, 24 to the quarter note.
"""

from __future__ import annotations

from collections.abc import Sequence

# Thirty-second to breve, plain, dotted and double-dotted, the triplets, and the single step out of
# which anything can be tied together.
DURATIONS = (
    *(1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 21, 24, 30, 32, 36, 42, 48),
    *(60, 64, 72, 84, 96, 120, 144, 168, 192),
)


def split(length: int, durations: Sequence[int]) -> list[int]:
    """Returns values of an ascending table that add up to a length, or nearly; the longest first.

    Example:
        >>> split(33, DURATIONS), split(32, (12, 16, 24)), split(29, (12, 24))
        ([32, 1], [16, 16], [24])
    """
    parts, rest = [], length
    for value in reversed(durations):
        parts += [value] * (rest // value)
        rest %= value
    return parts if rest == 0 else _nearest(length, durations)


def _nearest(length: int, durations: Sequence[int]) -> list[int]:
    """As `split`, where the longest values first don't add up: the fewest that do, or nearly.

    Breadth-first over sums. All but about `longest` of the longest values are set aside before:
    where more are needed, other values are fewer than that, or some of them add up to a multiple
    of the longest.
    """
    longest, shortest = durations[-1], durations[0]
    aside = max(0, length // longest - longest)
    rest = length - aside * longest
    last = {0: 0}  # the value that each sum ends with
    sums = [0]
    for total in sums:
        for value in reversed(durations):
            if total + value < rest + shortest and total + value not in last:
                last[total + value] = value
                sums.append(total + value)
        if rest in last:
            break
    total = min(sums[1:], key=lambda total: (abs(total - rest), -total))
    parts = [longest] * aside
    while total:
        parts.append(last[total])
        total -= parts[-1]
    return sorted(parts, reverse=True)
