"""Distances of sets of pieces: by hand, by their bounds, and by a second implementation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.spatial.distance import cdist, jensenshannon, pdist
from scipy.stats import gaussian_kde

from musegen.evaluation import distances


def test_distances_of_histograms_worked_out_by_hand():
    assert distances.total_variation([1, 1, 0], [0, 2, 2]) == 1 / 2
    # (1/2, 1/2) and (1, 0) have the average (3/4, 1/4).
    half = 1 / 2 * math.log2(1 / 2 / (3 / 4)) + 1 / 2 * math.log2(1 / 2 / (1 / 4))
    expected = (half + math.log2(4 / 3)) / 2
    assert distances.jensen_shannon([3, 3], [5, 0]) == pytest.approx(expected)
    # Half of the weight goes from 0 to 1, the other half from 1 to 4.
    assert distances.wasserstein([1, 1, 0], [0, 1, 1], [0, 1, 4]) == 1 / 2 + 3 / 2


HISTOGRAM_DISTANCES = (
    distances.total_variation,
    distances.jensen_shannon,
    lambda a, b: distances.wasserstein(a, b, np.arange(len(a))),
)


@pytest.mark.parametrize("distance", HISTOGRAM_DISTANCES)
def test_distances_of_equal_opposite_and_empty_histograms(distance):
    assert distance([1, 2, 0], [2, 4, 0]) == 0
    assert distance([1, 0], [0, 7]) == 1
    assert math.isnan(distance([0, 0], [1, 0]))
    assert math.isnan(distance([1, 0], [0, 0]))


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_distances_of_histograms_keep_their_bounds(seed, bins):
    random = np.random.default_rng(seed)
    a, b, c = random.integers(1, 9, (3, bins)) * (random.random((3, bins)) < 0.6) + [[1], [2], [3]]
    for distance in HISTOGRAM_DISTANCES:
        assert distance(a, b) == pytest.approx(distance(b, a))
        assert distance(a, b) == pytest.approx(distance(a * 3, b * 5))
    tv, js, w1 = (distance(a, b) for distance in HISTOGRAM_DISTANCES)
    assert js == pytest.approx(jensenshannon(a, b, base=2) ** 2, nan_ok=True, abs=1e-12)
    assert w1 == pytest.approx(np.abs(np.cumsum(a / a.sum() - b / b.sum())).sum())
    assert tv <= HISTOGRAM_DISTANCES[0](a, c) + HISTOGRAM_DISTANCES[0](c, b) + 1e-12
    assert 0 <= js <= tv + 1e-12  # Lin (1991), theorem 3, in bits
    assert tv - 1e-12 <= w1 <= tv * (bins - 1) + 1e-12  # each weight moves 1 to bins - 1


@pytest.mark.parametrize(
    ("a", "b"), [([1], [1, 2]), ([[1]], [[1]]), ([], []), ([1, -1], [1, 1]), ([1, np.nan], [1, 1])]
)
def test_what_is_no_pair_of_histograms_is_refused(a, b):
    for distance in HISTOGRAM_DISTANCES:
        with pytest.raises(ValueError, match=r"(first|second)(=| has).*: give .*histogram"):
            distance(a, b)


@pytest.mark.parametrize("support", [[1], [2, 1], [1, 1], [1, np.nan], [1, np.inf], [1, [2]]])
def test_what_is_no_support_is_refused(support):
    with pytest.raises(ValueError, match=r"support=.*: give the places of the 2 bins"):
        distances.wasserstein([1, 2], [2, 1], support)


def plain_overlap(first, second):
    """The overlapped area by SciPy's densities, which sum kernel by kernel."""
    samples = [pdist(first), cdist(first, second).ravel()]
    beyond = 8 * max(x.std() for x in samples)
    places = np.linspace(-beyond, max(x.max() for x in samples) + beyond, 8000)
    return trapezoid(np.minimum(*(gaussian_kde(x)(places) for x in samples)), places)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 4), st.booleans())
def test_overlapped_area_equals_that_of_plain_densities(seed, numbers, whole):
    random = np.random.default_rng(seed)
    first = random.normal(size=(20, numbers)) * 3
    second = random.normal(size=(15, numbers)) * random.uniform(1, 6) + random.uniform(0, 4)
    if whole:
        first, second = first.round(), second.round()
    area = distances.overlapped_area(first, second)
    assert area == pytest.approx(plain_overlap(first, second), abs=1e-3)
    assert 0 <= area <= 1
    # In other units, and counted from elsewhere, it is the same.
    assert distances.overlapped_area(first * 100 + 7, second * 100 + 7) == pytest.approx(area)


def test_overlapped_area_tells_like_sets_from_unlike_ones():
    random = np.random.default_rng(0)
    real, like = random.normal(size=(2, 300))
    assert distances.overlapped_area(real, like) > 0.97
    assert distances.overlapped_area(real, like + 3) < 0.6
    assert distances.overlapped_area(real, like * 0.01) < 0.85
    assert distances.overlapped_area(like * 0.01, real) < 0.1  # each is like no other


def test_overlapped_area_of_equal_pieces():
    assert distances.overlapped_area([3, 3, 3], [3, 3]) == 1
    assert distances.overlapped_area([3, 3, 3], [4, 4]) == 0
    assert distances.overlapped_area([3, 3, 3], [3, 4]) == 0
    shares = np.full((5, 12), 0.1) * np.arange(12)
    assert distances.overlapped_area(shares, shares) == 1


def test_overlapped_area_leaves_nan_out_and_needs_three_pieces():
    first, second = [1, 2, 5, 9.0], [2, 3, 4.0]
    with_nan = [*first, np.nan], [np.nan, *second]
    assert distances.overlapped_area(*with_nan) == distances.overlapped_area(first, second)
    assert math.isnan(distances.overlapped_area([1, 2, np.nan], second))
    assert math.isnan(distances.overlapped_area(first, [np.nan]))


def test_overlapped_area_of_many_pieces_is_that_of_evenly_spaced_ones(monkeypatch):
    monkeypatch.setattr(distances, "MAX_PIECES", 5)
    many, second = np.random.default_rng(0).normal(size=(2, 17))
    assert distances.overlapped_area(many, second[:4]) == distances.overlapped_area(
        many[[0, 4, 8, 12, 16]], second[:4]
    )


@pytest.mark.parametrize("first", [np.zeros((3, 2, 2)), 5, [1, np.inf, 2], np.zeros((3, 2))])
def test_what_is_no_set_of_pieces_is_refused(first):
    with pytest.raises(ValueError, match=r"first(=| has 2 numbers)"):
        distances.overlapped_area(first, [1, 2, 3])
