"""Copying of voices step by step.

`musegen.models.heads` has what copying is. Here it is for the voices of a step, which are written
one after the other. What they have in common, which steps were like the one before, is computed
once for all of them. Each voice has keys of its own, in tensors of their own, so that a product
reads them where they are: cut out of one tensor for all they would be copied at every voice of
every step. The keys of many pieces are more than a cache holds. They are in several blocks of
steps, of which those that are in use are looked at.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from musegen.models.relations import Past, put
from musegen.networks import Tensor

BLOCK = 2**19
"""Numbers in the keys of a voice that are one block: 2 MiB. More of them take several."""


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
        """Returns what is carried, before the first of at most `length` steps.

        `"keys"` has the blocks of each voice, `(batch, slots of a block, size)`, and `"key"` and
        `"following"` are of all, voice after voice, `(voices * batch, ...)`.
        """
        first = head.initial_state(batch, length)
        slots = first["following"].shape[1]
        blocks = -(-batch * slots * head.size // BLOCK)
        while slots % blocks:
            blocks -= 1
        return {
            "past": Past.initial_state(batch, length, voices),
            "key": ops.tile(first["key"], (voices, 1)),
            "keys": [ops.split(first["keys"], blocks, axis=1) for _ in range(voices)],
            "following": ops.tile(first["following"], (voices, 1)),
        }

    @classmethod
    def begin(cls, head: Any, state: dict[str, Any], event: tuple[Tensor, ...]) -> VoiceCopying:
        """Moves on to a step.

        Args:
            head: The head of the model.
            state: From `initial_state`, or of the step before, as `end` completed it.
            event: Token, notes of all voices, position and bar, as `Past.step` takes them.
        """
        past, related = Past.step(state["past"], event)
        slot = (related.time - 1) % state["following"].shape[1]
        new = ops.split(state["key"], len(state["keys"]))
        keys = [_put(blocks, slot, key) for blocks, key in zip(state["keys"], new, strict=True)]
        state = {**state, "past": past, "keys": keys, "key": ops.zeros_like(state["key"])}
        return cls(head, state, related)

    def odds(self, voice: Any, query: Tensor, sentinel: Tensor) -> Tensor:
        """Computes the odds of a voice's symbols being copied, `(batch, symbols)`."""
        keys, slots = self.state["keys"], self.state["following"].shape[1]
        batch, size, _ = keys[0][0].shape
        blocks = slots // size
        distance = ops.broadcast_to(self.related.distance, (batch, slots))
        products = [
            lambda query, keys=keys: ops.einsum("bd,bsd->bs", query, keys)
            for of_voice in keys
            for keys in of_voice
        ]

        def goes_on(block: Any, odds: Any) -> Any:
            return block * size < ops.minimum(self.related.time, slots)

        def look(block: Any, odds: Any) -> Any:
            def part(values: Tensor, row: Any = 0) -> Tensor:
                return ops.slice(values, [row, block * size], (batch, size))

            scores = ops.switch(voice * blocks + block, products, query) - sentinel
            leap = part(self.related.leap, voice * batch)
            scores = scores + part(self.terms) + self.head.leap_of(leap)
            following = part(self.state["following"], voice * batch)
            return block + 1, odds + self.head.odds_of(scores, part(distance) > 0, following)

        first = ops.convert_to_tensor(0, "int32"), ops.zeros((batch, self.head.symbols))
        return (look(*first) if blocks == 1 else ops.while_loop(goes_on, look, first))[1]

    def end(self, key: Tensor, symbol: Tensor) -> dict[str, Any]:
        """Returns the state after the step, with the keys and symbols of its voices.

        They are `(voices * batch, ...)`, voice after voice.
        """
        following = put(self.state["following"], self.related.time, symbol)
        return {**self.state, "key": key, "following": following}


def _put(blocks: list[Tensor], slot: Any, key: Tensor) -> list[Tensor]:
    """Writes a key `(batch, size)` into its slot in one of the blocks."""
    if len(blocks) == 1:
        return [put(blocks[0], slot, key)]
    batch, size, width = blocks[0].shape
    place, found = [0, slot % size, 0], []
    for number, block in enumerate(blocks):
        old = ops.slice(block, place, (batch, 1, width))[:, 0]
        new = ops.where(ops.equal(slot // size, number), key, old)
        found.append(put(block, slot, new))
    return found
