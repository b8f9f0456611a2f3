"""Gated hidden units whose backward passes are written out, so that XLA compiles them whole.

The unit is that of Cho et al. (2014) as Bahdanau et al. (2015), appendix A.1.1, have it: with
update gate z, reset gate r, and p what goes in,

    n_t = tanh(p_n + (r_t * s_{t-1}) U_n),    s_t = (1 - z_t) s_{t-1} + z_t n_t.

`gru` is a layer of them, and `attentive_gru` one that attends to annotations before each step. Both
begin anew in the middle of a sequence where they are told to. As in `musegen.networks.lstm`, the
backward loops carry gradients of states alone, and the gradients of matrices are large products at
their end. That of the attention computes its hidden layer a second time, which takes less memory
than to keep it for all steps.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from musegen.networks.base import Tensor


def gru_step(projected: Tensor, state: Tensor, kernel: Tensor) -> Tensor:
    """One step: the new state, `(batch, units)`.

    Args:
        projected: What goes into update gate, reset gate and candidate, `(batch, 3 * units)`.
        state: The last state, `(batch, units)`.
        kernel: The recurrent kernel of the same three, `(units, 3 * units)`.
    """
    update, _, candidate, _ = _parts(projected, state, kernel)
    return state + update * (candidate - state)


def attend(
    state: Tensor, keys: Tensor, seen: Tensor, query_kernel: Tensor, vector: Tensor
) -> Tensor:
    """The weights of additive attention, `(batch, source)`; they sum to 1.

    Args:
        state: What looks, `(batch, units)`.
        keys: What is looked at, `(batch, source, size)`.
        seen: Which of them there are, at least one, `(batch, source)`.
        query_kernel: From state to size.
        vector: From the hidden layer to a score, `(size,)`.
    """
    hidden = ops.tanh(ops.matmul(state, query_kernel)[:, None] + keys)
    scores = ops.matmul(hidden, vector[:, None])[..., 0]
    return ops.softmax(ops.where(seen, scores, -float("inf")), axis=-1)


@ops.custom_gradient
def gru(inputs: Tensor, begins: Tensor, kernel: Tensor) -> Tensor:
    """Runs a layer over inputs that were multiplied by its kernel already.

    They are `(time, batch, 3 * units)`; `begins`, `(time, batch, 1)`, is 1 where the state before
    is all zeros, else 0. Returns the states, `(time, batch, units)`.
    """
    units = kernel.shape[0]

    def forward(state: Tensor, now: Tensor) -> Any:
        state = gru_step(now[:, :-1], state * (1 - now[:, -1:]), kernel)
        return state, state

    zero = ops.zeros_like(inputs[0, :, :units])
    _, states = ops.scan(forward, zero, ops.concatenate([inputs, begins], axis=-1))

    def gradient(*args: Any, upstream: Any = None) -> Any:
        grad_states = args[0] if upstream is None else upstream
        before = ops.concatenate([zero[None], states[:-1]], axis=0) * (1 - begins)
        factors, reset = _factors(inputs, before, kernel)

        def backward(carry: Any, now: Any) -> Any:
            grad, factors, begin = now[:, :units], now[:, units:-1], now[:, -1:]
            grad_inputs, grad = _back(grad + carry[1], factors, kernel)
            carry = grad_inputs, grad * (1 - begin)
            return carry, carry

        steps = ops.concatenate([grad_states, factors, begins], axis=-1)
        start = ops.zeros_like(inputs[0]), zero
        _, (grad_inputs, _) = ops.scan(backward, start, steps, reverse=True)
        grad_kernel = _grad_kernel(before, reset, grad_inputs)
        return grad_inputs, ops.zeros_like(begins), grad_kernel

    return states, gradient


@ops.custom_gradient
def attentive_gru(
    inputs: Tensor,
    starts: Tensor,
    begins: Tensor,
    seen: Tensor,
    keys: Tensor,
    annotations: Tensor,
    kernel: Tensor,
    context_kernel: Tensor,
    query_kernel: Tensor,
    vector: Tensor,
) -> Tensor:
    """Runs a layer that attends to annotations before each step.

    Args:
        inputs: What goes into gates and candidate, `(time, batch, 3 * units)`.
        starts: The states with which a phrase begins, `(time, batch, units)`.
        begins: 1 where one begins, as the first position does, else 0, `(time, batch, 1)`.
        seen: Which annotations there are for each position, 1 or 0, `(time, batch, source)`.
        keys: The annotations, as the attention takes them, `(batch, source, size)`.
        annotations: The annotations, `(batch, source, width)`.
        kernel: The recurrent kernel, `(units, 3 * units)`.
        context_kernel: From context to gates and candidate, `(width, 3 * units)`.
        query_kernel, vector: As of `attend`.

    Returns:
        The states and, beside them, the attention: `(time, batch, units + source)`.
    """
    units = kernel.shape[0]

    def forward(carry: Tensor, now: Tensor) -> Any:
        projected, start, begin = (
            now[:, : 3 * units],
            now[:, 3 * units : 4 * units],
            now[:, 4 * units : 4 * units + 1],
        )
        state = ops.where(begin > 0, start, carry[:, :units])
        weights = attend(state, keys, now[:, 4 * units + 1 :] > 0, query_kernel, vector)
        context = ops.matmul(weights[:, None], annotations)[:, 0]
        state = gru_step(projected + ops.matmul(context, context_kernel), state, kernel)
        carry = ops.concatenate([state, weights], axis=-1)
        return carry, carry

    steps = ops.concatenate([inputs, starts, begins, seen], axis=-1)
    zero = ops.concatenate([ops.zeros_like(starts[0]), ops.zeros_like(seen[0])], axis=-1)
    _, outputs = ops.scan(forward, zero, steps)

    def gradient(*args: Any, upstream: Any = None) -> Any:
        grad_outputs = args[0] if upstream is None else upstream
        states, weights = outputs[..., :units], outputs[..., units:]
        # Apart before the loop: XLA reads `x[time, :, units:]` of a time that varies as `x[time]`.
        grad_states, grad_attention = grad_outputs[..., :units], grad_outputs[..., units:]
        before = ops.concatenate([zero[None, :, :units], states[:-1]], axis=0)
        before = ops.where(begins > 0, starts, before)
        queries = ops.matmul(before, query_kernel)
        contexts = ops.einsum("tbs,bsw->tbw", weights, annotations)
        factors, reset = _factors(inputs + ops.matmul(contexts, context_kernel), before, kernel)

        def goes_on(time: Any, *_: Any) -> Any:
            return time >= 0

        def backward(time: Any, grad: Any, grad_keys: Any, grad_vector: Any, found: Any) -> Any:
            grad = grad_states[time] + grad
            grad_inputs, grad = _back(grad, factors[time], kernel)
            grad_context = ops.matmul(grad_inputs, ops.transpose(context_kernel))
            attention = weights[time]
            grad_weights = ops.matmul(annotations, grad_context[..., None])[..., 0]
            grad_weights = grad_weights + grad_attention[time]
            mean = ops.sum(attention * grad_weights, axis=-1, keepdims=True)
            grad_scores = (attention * (grad_weights - mean))[..., None]
            hidden = ops.tanh(queries[time][:, None] + keys)
            grad_hidden = grad_scores * vector * (1 - hidden * hidden)
            grad_query = ops.sum(grad_hidden, axis=1)
            grad = grad + ops.matmul(grad_query, ops.transpose(query_kernel))
            found = ops.slice_update(
                found,
                [time, 0, 0],
                ops.concatenate([grad_inputs, grad_query, grad], axis=-1)[None],
            )
            grad_vector = grad_vector + ops.sum(grad_scores * hidden, axis=(0, 1))
            grad = grad * (1 - begins[time])
            return time - 1, grad, grad_keys + grad_hidden, grad_vector, found

        last = ops.shape(inputs)[0] - 1
        nothing = (ops.zeros_like(one) for one in (starts[0], keys, vector))
        found = ops.zeros_like(ops.concatenate([inputs, queries, starts], axis=-1))
        *_, grad_keys, grad_vector, found = ops.while_loop(
            goes_on, backward, (last, *nothing, found)
        )
        size = queries.shape[-1]
        grad_inputs, grad_queries, grad_before = ops.split(
            found, [3 * units, 3 * units + size], axis=-1
        )
        grad_contexts = ops.matmul(grad_inputs, ops.transpose(context_kernel))
        return (
            grad_inputs,
            grad_before * begins,
            ops.zeros_like(begins),
            ops.zeros_like(seen),
            grad_keys,
            ops.einsum("tbs,tbw->bsw", weights, grad_contexts),
            _grad_kernel(before, reset, grad_inputs),
            _product(contexts, grad_inputs),
            _product(before, grad_queries),
            grad_vector,
        )

    return outputs, gradient


def _parts(projected: Tensor, before: Tensor, kernel: Tensor) -> tuple[Any, Any, Any, Any]:
    """Update gate, reset gate, candidate, and the state that the candidate sees."""
    units = kernel.shape[0]
    gates = projected[..., : 2 * units] + ops.matmul(before, kernel[:, : 2 * units])
    update, reset = ops.split(ops.sigmoid(gates), 2, axis=-1)
    kept = reset * before
    candidate = ops.tanh(projected[..., 2 * units :] + ops.matmul(kept, kernel[:, 2 * units :]))
    return update, reset, candidate, kept


def _factors(projected: Tensor, before: Tensor, kernel: Tensor) -> tuple[Any, Any]:
    """What `_back` needs of each step, five times `units`, and the state the candidate saw."""
    update, reset, candidate, kept = _parts(projected, before, kernel)
    factors = [
        (candidate - before) * update * (1 - update),
        update * (1 - candidate * candidate),
        kept * (1 - reset),
        reset,
        1 - update,
    ]
    return ops.concatenate(factors, axis=-1), kept


def _back(grad: Tensor, factors: Tensor, kernel: Tensor) -> tuple[Any, Any]:
    """One step back: the gradients of what went in and of the last state, from that of a state."""
    units = kernel.shape[0]
    to_update, to_candidate, to_reset, reset, kept = ops.split(factors, 5, axis=-1)
    grad_candidate = grad * to_candidate
    grad_kept = ops.matmul(grad_candidate, ops.transpose(kernel[:, 2 * units :]))
    grad_gates = ops.concatenate([grad * to_update, grad_kept * to_reset], axis=-1)
    last = ops.matmul(grad_gates, ops.transpose(kernel[:, : 2 * units]))
    last = last + grad * kept + grad_kept * reset
    return ops.concatenate([grad_gates, grad_candidate], axis=-1), last


def _grad_kernel(before: Tensor, kept: Tensor, grad_inputs: Tensor) -> Tensor:
    """The gradient of a recurrent kernel, of all steps at once."""
    units = before.shape[-1]
    gates = _product(before, grad_inputs[..., : 2 * units])
    return ops.concatenate([gates, _product(kept, grad_inputs[..., 2 * units :])], axis=-1)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """The sum over time and batch of the products of each row of one with each of the other."""
    return ops.matmul(
        ops.transpose(ops.reshape(left, (-1, left.shape[-1]))),
        ops.reshape(right, (-1, right.shape[-1])),
    )
