"""How far two sets of pieces are apart: distances of histograms, and the overlapped area.

A histogram is counts, or any weights from 0 up, `(bins,)`, of the same bins in both sets; it is
divided by its sum. All distances are 0 for equal histograms, do not depend on which set comes
first, and are nan if a histogram is empty. The overlapped area of Yang and Lerch looks at pieces
one by one: it tells whether a piece of one set is as far from those of the other as from its own,
and so sees a set of pieces that are all the same, which a histogram of all pieces does not.
Arguments of other forms raise a ValueError.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musegen._checks import shown

MAX_PIECES = 1000
"""How many pieces of a set are compared in pairs; of a larger set, these are evenly spaced ones."""

GRID = 16
"""How many points of the grid on which densities are compared lie in one bandwidth."""

MAX_POINTS = 1 << 18
"""How many points that grid has at most."""


def total_variation(first: ArrayLike, second: ArrayLike) -> float:
    """Measures half the sum of the differences of two histograms' shares.

    That is the share of one, 0 to 1, that would have to move to other bins to make the other of it.
    """
    p, q = _shares(first, second)
    return float(np.abs(p - q).sum() / 2)


def jensen_shannon(first: ArrayLike, second: ArrayLike) -> float:
    """Measures the Jensen-Shannon divergence of two histograms, in bits.

    That is the mean of the Kullback-Leibler divergences of both from their average, with logarithms
    to base 2. (SciPy's `jensenshannon` is its square root, with natural logarithms, and can be nan
    for histograms that are nearly equal.) It is from 0 to 1, which it is if no bin is in both.

    Source: Lin (1991), "Divergence measures based on the Shannon entropy".
    """
    from scipy.special import rel_entr

    p, q = _shares(first, second)
    middle = (p + q) / 2
    nats = float(rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2
    return max(nats / math.log(2), 0.0)


def wasserstein(first: ArrayLike, second: ArrayLike, support: ArrayLike) -> float:
    """Measures the Wasserstein-1 distance of two histograms, in the units of their support.

    That is how far the weight of one has to move, on average, to make the other of it (the earth
    mover's distance). The support is a line; of pitch classes, which lie on a circle, it does not
    know that B is next to C.

    Args:
        first, second: The histograms.
        support: What each bin stands for, rising, `(bins,)`.

    Example:
        >>> wasserstein([1, 0, 0], [0, 1, 1], support=[60, 62, 64])
        3.0
    """
    from scipy.stats import wasserstein_distance

    p, q = _shares(first, second)
    places = _numbers(support)
    if places.shape != p.shape or not (np.isfinite(places).all() and (np.diff(places) > 0).all()):
        raise ValueError(
            f"support={shown(support)}: give the places of the {len(p)} bins, finite and rising."
        )
    empty = np.isnan(p).any() or np.isnan(q).any()
    return np.nan if empty else float(wasserstein_distance(places, places, p, q))


def overlapped_area(first: ArrayLike, second: ArrayLike) -> float:
    """Measures the overlapped area of one set's distances within, and those to another set.

    A piece is one number, or a row of them such as its histogram's shares. The distances within the
    first set are the Euclidean ones of all its pairs; those between the sets are of each piece of
    the first to each of the second. The density of each is estimated with Gaussian kernels of
    Scott's bandwidth (their standard deviation times n^(-1/5)), and the figure is the area below
    both densities: near 1 if the pieces of the second set are as far from those of the first as
    these are from each other. To see whether the second set is as varied, swap the two.

    mgeval integrates from the smallest to the largest distance only, which leaves out the part of
    both densities that lies below 0, so that equal sets are below 1; counts each pair of the first
    set twice, which narrows its kernels by an eighth; and fails where all distances are equal. Here
    equal distances are a point: the area is 1 if both sets of distances are that point, else 0.

    Pieces with nan are left out, and of more than 1,000 pieces 1,000, evenly spaced, are taken.

    Args:
        first: `(pieces,)` or `(pieces, numbers)`; usually the real music.
        second: The other set, `(pieces,)` or `(pieces, numbers)`, as many numbers a piece.

    Returns:
        0 to 1; nan if the first set has fewer than three pieces, whose one distance has no density,
        or the second has no piece.

    Source: Yang and Lerch (2020), "On the evaluation of generative models in music", whose code is
    mgeval.
    """
    from scipy.spatial.distance import cdist, pdist

    a, b = _pieces("first", first), _pieces("second", second)
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"first has {a.shape[1]} numbers a piece and second has {b.shape[1]}: give as many."
        )
    if len(a) < 3 or not len(b):
        return np.nan
    return _overlap(pdist(a), cdist(a, b).ravel())


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    """Returns an array of numbers; without axes if the values are something else."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal lengths
        array = np.zeros(())
    return array.astype(np.float64) if array.dtype.kind in "biuf" else np.zeros(())


def _shares(first: ArrayLike, second: ArrayLike) -> list[NDArray[np.float64]]:
    """Divides two histograms by their sums; an empty one is nan."""
    p, q = _numbers(first), _numbers(second)
    for name, values, array in (("first", first, p), ("second", second, q)):
        if array.ndim != 1 or not array.size or not (np.isfinite(array) & (array >= 0)).all():
            raise ValueError(
                f"{name}={shown(values)}: give a histogram, (bins,): finite numbers from 0 up."
            )
    if p.shape != q.shape:
        raise ValueError(
            f"first has {len(p)} bins and second has {len(q)}: give two histograms of the same "
            "bins."
        )
    return [x / (x.sum() or np.nan) for x in (p, q)]


def _pieces(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Returns a set as `(pieces, numbers)`, without nan and with at most so many pieces."""
    array = _numbers(values)
    if array.ndim not in (1, 2) or np.isinf(array).any():
        raise ValueError(
            f"{name}={shown(values)}: give one number a piece, or one row of finite numbers."
        )
    array = array[:, None] if array.ndim == 1 else array
    array = array[~np.isnan(array).any(axis=1)]
    return array[np.linspace(0, len(array) - 1, min(len(array), MAX_PIECES)).round().astype(int)]


def _overlap(a: NDArray, b: NDArray) -> float:
    """Measures the area below the kernel densities of both samples.

    SciPy's `gaussian_kde` sums the kernels of all half a million distances at each point; here they
    are put on a grid first, which is some hundred times as fast.
    """
    from scipy.ndimage import fourier_gaussian

    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    widths = [x.std(ddof=1) * len(x) ** -0.2 if len(x) > 1 else 0.0 for x in (a, b)]
    if min(widths) <= 1e-9 * max(abs(low), abs(high)):  # at least one is a point
        return float(max(widths) <= 1e-9 * abs(high) and np.isclose(a.mean(), b.mean()))
    # On a grid that is wide enough for both, each sample as weights, convolved with its kernel.
    low, high = low - 6 * max(widths), high + 6 * max(widths)
    points = min(int(np.ceil((high - low) / min(widths) * GRID)), MAX_POINTS)
    step = (high - low) / points
    densities = []
    for sample, width in zip((a, b), widths):
        left, part = np.divmod((sample - low) / step, 1)
        weights = np.bincount(left.astype(int), 1 - part, minlength=points)
        weights += np.bincount(left.astype(int) + 1, part, minlength=points)
        spectrum = fourier_gaussian(np.fft.rfft(weights / len(sample)), width / step, n=points)
        densities.append(np.fft.irfft(spectrum, points))
    return float(np.clip(np.minimum(*densities).sum(), 0, 1))
