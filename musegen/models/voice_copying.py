"""Copying of voices step by step: attention over the steps that there were, block after block.

`musegen.models.heads` has what copying is. Here it is for the voices of a step, one after the
other. What all of them have in common, which steps were like the one before, is computed once. The
positions that are kept lie in blocks, and only those that are in use are looked at: at first there
are none. Each block of each voice is a tensor of its own, so that a product reads it where it is.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from musegen.models import relations
from musegen.models.relations import Past
from musegen.networks import Tensor

BLOCK = 128
"""Positions of a block."""


class VoiceCopying:
    """What the voices of one step copy from. `begin` makes it.

    Args:
        head: The head of the model.
        state: The state of this step.
        related: How it is related to those before (`musegen.models.relations.StepRelations`).
    """

    def __init__(self, head: Any, state: dict[str, Any], related: Any) -> None:
        self.head, self.state, self.related = head, state, related
        self.terms = head.terms_of(related)

    @staticmethod
    def initial_state(head: Any, voices: int, batch: int, length: int) -> dict[str, Any]:
        """Returns what is carried, before the first of at most `length` steps."""
        slots = min(length, relations.WINDOW)
        size = slots if slots % BLOCK else BLOCK
        blocks = voices * (slots // size)
        return {
            "past": Past.initial_state(batch, length, voices),
            "key": ops.zeros((voices * batch, head.size)),  # the last ones; see `begin`
            "keys": [ops.zeros((batch, size, head.size)) for _ in range(blocks)],
            "following": ops.zeros((voices * batch, slots), "int32"),
        }

    @classmethod
    def begin(cls, head: Any, state: dict[str, Any], event: tuple[Tensor, ...]) -> VoiceCopying:
        """Moves on to a step.

        Args:
            head: The head of the model.
            state: From `initial_state`, or of the step before, as `end` completed it.
            event: Token, notes of all voices, position and bar, as `Past.step` takes them.
        """
        slot = (state["past"]["time"] - 1) % state["following"].shape[1]
        past, related = Past.step(state["past"], event)
        batch, size, width = state["keys"][0].shape
        voices = state["key"].shape[0] // batch
        count = len(state["keys"]) // voices
        place = [0, slot % size, 0]
        keys = []
        for number, block in enumerate(state["keys"]):
            voice, of_voice = divmod(number, count)
            new = state["key"][voice * batch : (voice + 1) * batch, None]
            old = ops.slice(block, place, (batch, 1, width))
            here = ops.equal(slot // size, of_voice)
            keys.append(ops.slice_update(block, place, ops.where(here, new, old)))
        state = {**state, "past": past, "keys": keys, "key": ops.zeros_like(state["key"])}
        return cls(head, state, related)

    def odds(self, voice: Any, query: Tensor, sentinel: Tensor) -> Tensor:
        """Computes the odds of a voice's symbols being copied, `(batch, symbols)`."""
        batch, size, _ = self.state["keys"][0].shape
        slots = self.state["following"].shape[1]
        count = slots // size
        seen = ops.broadcast_to(self.related.distance > 0, (batch, slots))
        products = [
            lambda query, keys=keys: ops.einsum("bd,bsd->bs", query, keys)
            for keys in self.state["keys"]
        ]

        def goes_on(block: Any, odds: Any) -> Any:
            return block * size < ops.minimum(self.related.time, slots)

        def look(block: Any, odds: Any) -> Any:
            def part(values: Tensor, rows: Any = 0) -> Tensor:
                return ops.slice(values, [rows, block * size], (batch, size))

            scores = ops.switch(voice * count + block, products, query) - sentinel
            scores = scores + part(self.terms)
            scores = scores + self.head.leap_of(part(self.related.leap, voice * batch))
            following = part(self.state["following"], voice * batch)
            return block + 1, odds + self.head.odds_of(scores, part(seen), following)

        begin = ops.convert_to_tensor(0, "int32"), ops.zeros((batch, self.head.symbols))
        return ops.while_loop(goes_on, look, begin)[1]

    def end(self, key: Tensor, symbol: Tensor) -> dict[str, Any]:
        """Returns the state after the step, with the keys and symbols of its voices.

        They are `(voices * batch, ...)`, voice after voice.
        """
        following = relations.put(self.state["following"], self.related.time, symbol)
        return {**self.state, "key": key, "following": following}
