"""An interpolated n-gram: how likely symbols are by counting alone.

A *symbol* (a pitch, a duration) is predicted from *contexts*: things that are known before it, such
as the last two intervals, or the beat and the chord. What followed a context in the training pieces
is counted; the estimates of all contexts, from general to specific, are interpolated:

    p0(x) = 1 / symbols
    pk(x) = w * count(context k, x) / count(context k) + (1 - w) * pk-1(x)

where the weight w of context k depends on how often that context was counted and with how many
different symbols, and is 0 where it never was. The weights are those that make the validation
pieces likeliest, all fitted together by expectation maximization. As w is below 1, every symbol
has a probability above 0, and those of all symbols add up to 1.

A context with `piece` in it is not counted in the training pieces but in what the piece itself has
had before, since music repeats itself.

Source: Jelinek and Mercer (1980), "Interpolated estimation of Markov source parameters from sparse
data"; counts from the piece itself as in Conklin and Witten (1995), "Multiple viewpoint systems for
music prediction", section 3 ("short-term model").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_int, checked_items, shown
from musegen._hashing import hash_rows

Features: TypeAlias = dict[str, NDArray]
"""What is known before each symbol: by name, whole numbers `(rows,)`."""

Counts: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Of each row's context: how often it was, with how many symbols, and how often with the row's."""

ROUNDS = 20
"""Of expectation maximization: twice as many change what unseen melodies cost by 0.002 nats."""

_OFTEN, _VARIED = 14, 5
_BUCKETS = 1 + _OFTEN * _VARIED


class NGram:
    """Counts of symbols in contexts, interpolated.

    Args:
        contexts: From general to specific, at least one, each the names of its features, parted by
            spaces.
        symbols: How many symbols there are, 1 to 2^31 - 1: they are whole numbers from 0.

    Example:
        >>> rows = {"piece": np.zeros(4, int), "last": np.array([0, 1, 0, 1])}
        >>> ngram = NGram(["last"], symbols=3).fit(rows, 1 - rows["last"], rows, 1 - rows["last"])
        >>> np.exp(-ngram.costs(rows, np.array([1, 1, 2, 0]))).round(3)
        array([0.906, 0.047, 0.047, 0.906])
    """

    def __init__(self, contexts: Sequence[str], symbols: int) -> None:
        what = "a list of contexts, each the names of its features, parted by spaces"
        listed = checked_items("contexts", contexts, str, what)
        self.contexts = tuple(tuple(context.split()) for context in listed)
        if not all(self.contexts):
            raise ValueError(f"contexts={shown(contexts)}: give {what}, at least one.")
        self.symbols = checked_int("symbols", symbols, 1, 2**31 - 1)
        self._tables: list[_Table | None] = []
        self._weights: list[NDArray[np.float64]] = []

    def fit(
        self, train: Features, symbols: NDArray, validation: Features, validated: NDArray
    ) -> NGram:
        """Counts training pieces, weighs the contexts by validation pieces, and returns itself.

        Args:
            train: The features of each symbol to count: by name, whole numbers `(rows,)`.
            symbols: These symbols, whole numbers `(rows,)`.
            validation: The features of each symbol to weigh the contexts by, those of a piece in
                order. The feature `piece` numbers the pieces.
            validated: These symbols, whole numbers `(rows,)`.

        Raises:
            ValueError: If an argument is something else, or there is no symbol to count or to weigh
                the contexts by.
        """
        self._check_rows("train", train, "symbols", symbols)
        self._check_rows("validation", validation, "validated", validated)
        if not len(symbols) or not len(validated):
            raise ValueError(
                "The training or the validation pieces are empty: give pieces with music in them."
            )
        self._tables = [
            None if "piece" in context else _Table(_keys(train, context), symbols)
            for context in self.contexts
        ]
        estimates = self._estimates(validation, validated)
        # Bucket 0 is that of contexts that were never counted.
        weights = [np.append(0, np.full(_BUCKETS - 1, 0.5)) for _ in estimates]
        for _ in range(ROUNDS):
            chain = _interpolate(estimates, weights, self.symbols)
            # The posterior that the symbol came from context k or one below it, k going down.
            reached = np.ones(len(validated))
            for k in range(len(estimates) - 1, -1, -1):
                estimate, bucket = estimates[k]
                taken = reached * weights[k][bucket] * estimate / chain[k + 1]
                share = np.bincount(bucket, taken, _BUCKETS) + 0.5
                weights[k] = share / (np.bincount(bucket, reached, _BUCKETS) + 1)
                weights[k][0] = 0
                reached = reached - taken
        self._weights = weights
        return self

    def costs(self, features: Features, symbols: NDArray) -> NDArray[np.float64]:
        """Measures how unlikely each symbol is.

        Args:
            features: The features of each symbol, those of a piece in order, as in `fit`.
            symbols: The symbols, whole numbers `(rows,)`.

        Returns:
            -log p of each, `(rows,)`, in nats.

        Raises:
            ValueError: If an argument is something else, or nothing has been counted.
        """
        self._check_rows("features", features, "symbols", symbols)
        if not self._tables:
            raise ValueError("The n-gram has counted nothing yet: call its fit() first.")
        estimates = self._estimates(features, symbols)
        return -np.log(_interpolate(estimates, self._weights, self.symbols)[-1])

    def _check_rows(self, name: str, features: Any, symbols_name: str, symbols: Any) -> None:
        """Raises a ValueError unless these are symbols, and the features of each."""
        if not _is_column(symbols) or (
            symbols.size and not 0 <= symbols.min() <= symbols.max() < self.symbols
        ):
            raise ValueError(
                f"{symbols_name}={shown(symbols)}: give an array (rows,) of whole numbers from 0 "
                f"to {self.symbols - 1}."
            )
        names = sorted({word for context in self.contexts for word in context})
        there = features if isinstance(features, dict) else {}
        columns: list[Any] = [there.get(word) for word in names]
        if not all(_is_column(column) and len(column) == len(symbols) for column in columns):
            raise ValueError(
                f"{name}={shown(features)}: give a dict of arrays (rows,) of whole numbers, as "
                f"long as {symbols_name}, for {', '.join(names)}."
            )

    def _estimates(self, features: Features, symbols: NDArray) -> list[tuple[NDArray, NDArray]]:
        """By each context alone: the symbol's share of its counts, and the bucket of its weight."""
        found = []
        for context, table in zip(self.contexts, self._tables):
            keys = _keys(features, context)
            total, different, count = table(keys, symbols) if table else _before(keys, symbols)
            often = np.log2(np.maximum(total, 1)).astype(np.int64)
            varied = np.ceil(np.log2(np.maximum(different, 1))).astype(np.int64)
            bucket = 1 + np.minimum(often, _OFTEN - 1) * _VARIED + np.minimum(varied, _VARIED - 1)
            found.append((count / np.maximum(total, 1), np.where(total > 0, bucket, 0)))
        return found


class _Table:
    """How often each symbol followed each context, in sorted arrays."""

    def __init__(self, keys: NDArray[np.uint64], symbols: NDArray) -> None:
        self.pairs, first, self.counts = np.unique(
            hash_rows([keys, symbols]), return_index=True, return_counts=True
        )
        self.keys, self.totals = np.unique(keys, return_counts=True)
        self.different = np.unique(keys[first], return_counts=True)[1]

    def __call__(self, keys: NDArray[np.uint64], symbols: NDArray) -> Counts:
        place, known = _find(self.keys, keys)
        pair, found = _find(self.pairs, hash_rows([keys, symbols]))
        return (
            np.where(known, self.totals[place], 0),
            np.where(known, self.different[place], 0),
            np.where(found, self.counts[pair], 0),
        )


def _before(keys: NDArray[np.uint64], symbols: NDArray) -> Counts:
    """As a table gives, of the rows before each row alone."""
    ones = np.ones(len(keys), np.int64)
    count = _earlier(hash_rows([keys, symbols]), ones)
    return _earlier(keys, ones), _earlier(keys, (count == 0).astype(np.int64)), count


def _earlier(keys: NDArray[np.uint64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Adds up, for each row, the values of the rows before it that have the same key."""
    order = np.argsort(keys, kind="stable")
    _, first, group = np.unique(keys[order], return_index=True, return_inverse=True)
    sums = np.cumsum(values[order]) - values[order]
    result = np.empty(len(keys), np.int64)
    result[order] = sums - sums[first][group]
    return result


def _find(table: NDArray, values: NDArray) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each value stands in a sorted table, and whether it does."""
    place = np.minimum(np.searchsorted(table, values), len(table) - 1)
    return place, table[place] == values


def _interpolate(
    estimates: list[tuple[NDArray, NDArray]], weights: list[NDArray], symbols: int
) -> list[NDArray[np.float64]]:
    """The probability of each symbol by no context, by the first, by the first two ..."""
    chain = [np.full(len(estimates[0][0]), 1 / symbols)]
    for (estimate, bucket), weight in zip(estimates, weights):
        chain.append(weight[bucket] * estimate + (1 - weight[bucket]) * chain[-1])
    return chain


def _is_column(values: Any) -> bool:
    """Returns whether this is an array `(rows,)` of whole numbers."""
    return isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "biu"


def _keys(features: Features, names: Sequence[str]) -> NDArray[np.uint64]:
    return hash_rows([features[name] for name in names])
