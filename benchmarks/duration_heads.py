"""Heads that predict a duration as a quantity, for the experiment of `durations.py`."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
from keras import ops
from numpy.typing import NDArray

from musegen.models import event_graph
from musegen.models.heads import SymbolHead
from musegen.models.melody_model import MelodyModel
from musegen.networks import Tensor

LEAST_SCALE = -7.0
"""Logarithm of the least scale of a logistic, as in PixelCNN++."""


def log_chances(boundaries: NDArray, means: Tensor, log_scales: Tensor) -> Tensor:
    """Computes what a logistic distribution has in each interval of the real line.

    Args:
        boundaries: Where one interval ends and the next one begins, ascending, `(intervals - 1,)`.
        means: Means of logistic distributions, `(...)`.
        log_scales: Logarithms of their scales, `(...)`.

    Returns:
        Log-probabilities `(..., intervals)`, which sum to 1.
    """
    scales = ops.exp(log_scales)[..., None]
    z = (boundaries.astype(np.float32) - means[..., None]) / scales
    edge = [(0, 0)] * (len(z.shape) - 1)
    below = ops.pad(ops.log_sigmoid(z), (*edge, (0, 1)))  # the last interval has no end
    above = ops.pad(ops.log_sigmoid(-z), (*edge, (1, 0)))  # the first has no beginning
    # sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b))
    widths = np.diff(boundaries).astype(np.float32) / scales
    return below + above + ops.pad(ops.log(-ops.expm1(-widths)), (*edge, (1, 1)))


class Quantity:
    """Scores durations by a mixture of discretized logistics: candidates of a `SymbolHead`.

    Args:
        steps: Steps of each duration id, ascending, the first 0.
        components: Logistics in the mixture.
        candidates: What is added to the scores, or None.
    """

    def __init__(self, steps: NDArray, components: int, candidates: Any = None) -> None:
        self.components, self.candidates = components, candidates
        self.size = 3 * components + (candidates.size if candidates else 0)
        self.logs = np.log(steps[1:] / 24)
        self.boundaries = (self.logs[1:] + self.logs[:-1]) / 2

    def first_bias(self) -> NDArray:
        """Returns where the numbers of a new head begin, `(size,)`.

        The means of several logistics stand apart, and each reaches its neighbours.
        """
        means = np.linspace(self.logs[0], self.logs[-1], self.components + 2)[1:-1]
        log_scales = np.full(self.components, np.log(means[-1] - means[0] or 1) - 1)
        first = np.concatenate([np.zeros(self.components), means, log_scales])
        return np.pad(first, (0, self.size - len(first)))

    def __call__(self, inputs: Tensor, *facts: Tensor) -> Tensor:
        """Computes the log-probabilities of the mixture, and what is added to them.

        Args:
            inputs: Logits, means and logarithms of scales of the logistics, and what the candidates
                take, `(..., size)`.
            *facts: What the candidates are scored by.

        Returns:
            `(..., duration ids)`. The first one, which takes no time, has 0: the head knows from
            the pitch whether it is that one.
        """
        ends = [self.components, 2 * self.components, 3 * self.components]
        shares, means, log_scales, others = ops.split(inputs, ends, axis=-1)
        chances = log_chances(self.boundaries, means, ops.maximum(log_scales, LEAST_SCALE))
        mixed = ops.logsumexp(ops.log_softmax(shares, axis=-1)[..., None] + chances, axis=-2)
        logits = ops.pad(mixed, [(0, 0)] * (len(mixed.shape) - 1) + [(1, 0)])
        return logits + self.candidates(others, *facts) if self.candidates else logits


class QuantityHead(SymbolHead):
    """A head whose logits are the scores of a `Quantity` alone."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.candidates_bias.assign(self.candidates.first_bias())
        for weight in (self.kernel, self.bias):  # those of the softmax
            weight.assign(np.zeros(weight.shape))
            weight.trainable = False


class DurationModel(MelodyModel):
    """A melody model whose head of durations is chosen.

    Args:
        plain: Whether that head neither copies nor scores candidates.
        components: Logistics in a mixture in the softmax's place; 0 for the softmax.
        steps_seen: Whether the logarithms of the last durations' steps are inputs.
        **settings: As of `MelodyModel`.
    """

    def __init__(
        self,
        plain: bool = False,
        components: int = 0,
        steps_seen: bool = False,
        **settings: Any,
    ) -> None:
        self.plain, self.components, self.steps_seen = plain, components, steps_seen
        super().__init__(**settings)

    def make_layers(self, network: Any) -> None:
        steps = self.encoding.steps
        with mock.patch.object(event_graph, "SymbolHead", self._head):
            super().make_layers(network)
        # Of what is seen of a duration's id, where there is a duration; 0 is for none.
        self.numbers = np.zeros(len(steps) + 1, np.float32)
        self.numbers[2:] = np.log(steps[1:] / 24)

    def _head(self, symbols: int, **options: Any) -> SymbolHead:
        if options["name"] != "duration_head":
            return SymbolHead(symbols, **options)
        if self.plain:
            options |= {"copying": 0, "candidates": None}
        if not self.components:
            return SymbolHead(symbols, **options)
        quantity = Quantity(self.encoding.steps, self.components, options.pop("candidates"))
        return QuantityHead(symbols, candidates=quantity, **options)

    def _features(self, inputs: dict[str, Any]) -> Any:
        if not self.steps_seen:
            return super()._features(inputs)
        found = []
        for key, layer in self.embeddings.items():
            values = layer(inputs[key])
            if key.startswith("length"):  # the logarithm stands for one number of the embedding
                number = ops.take(self.numbers, inputs[key])[..., None]
                values = ops.concatenate([number, values[..., 1:]], axis=-1)
            found.append(values)
        return ops.concatenate(found, axis=-1)
