"""Which windows share a batch: those of like length, in an order of each epoch's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
