"""Windows of pieces, and which share a batch: those of like length, in an order of each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Kept(dict[int, Any]):
    """What was computed of some pieces, by their numbers, as long as there is room.

    Args:
        room: How much there is room for.
    """

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def keep(self, number: int, value: Any, size: int) -> None:
        """Keeps a value that takes so much of the room, if it is there."""
        if size <= self.room:
            self[number] = value
            self.room -= size


def cut(
    sizes: NDArray[np.int64], length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cuts pieces of some sizes, `(pieces,)`, into windows of at most a length.

    Returns the piece of each window, where it starts in it, and its size, `(windows,)` each.
    """
    cuts = -(-sizes // length)
    piece = np.repeat(np.arange(len(sizes)), cuts)
    start = (np.arange(cuts.sum()) - np.repeat(np.cumsum(cuts) - cuts, cuts)) * length
    return piece, start, np.minimum(sizes[piece] - start, length)


def batches_by_length(
    lengths: NDArray[np.int64], batch_size: int, random: np.random.Generator | None
) -> list[NDArray[np.int64]]:
    """Returns the numbers of the windows in each batch.

    Args:
        lengths: The length of each window, padding included, `(windows,)`.
        batch_size: Windows in a batch; the last one has what is left.
        random: What orders are drawn from; None for windows in order of their lengths.
    """
    count = len(lengths)
    order = np.arange(count) if random is None else random.permutation(count)
    order = order[np.argsort(lengths[order], kind="stable")]
    batches = [order[i : i + batch_size] for i in range(0, count, batch_size)]
    if random is not None:
        batches = [batches[i] for i in random.permutation(len(batches))]
    # Keras looks at the first two batches; if they differ in length it takes any length.
    for i in range(1, len(batches)):
        if lengths[batches[i]].max() != lengths[batches[0]].max():
            batches[1], batches[i] = batches[i], batches[1]
            break
    return batches
