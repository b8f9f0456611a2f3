"""AttentionLSTM: the melody model of "Generative Deep Learning", chapter 7, by its own name."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from musegen.models.melody_model import MelodyModel
from musegen.models.registry import register
from musegen.networks.attention_lstm import AttentionLSTM as Network
from musegen.settings import declared, settings_of

ORDER = (
    *("self", "encoding", "units", "depth", "pitch_embedding", "duration_embedding", "attention"),
    *("heads", "attention_size", "head", "dropout", "openings", "name"),
    *("pitch", "copy", "duration_after_pitch", "candidates", "tonic_share"),
)
PARAMETERS = {
    **inspect.signature(Network.__init__).parameters,
    **inspect.signature(MelodyModel.__init__).parameters,
}
SIGNATURE = inspect.Signature([PARAMETERS[name] for name in ORDER])
"""The arguments of the model and those of its network, in one signature."""
SETTINGS = {**settings_of(Network), **settings_of(MelodyModel)}


@register
@keras.saving.register_keras_serializable("musegen")
@declared
class AttentionLSTM(MelodyModel):
    """A melody model on LSTM layers with causal attention.

    The same as `MelodyModel(network="attention-lstm", ...)`; the arguments of that network stand
    among its own.

    Args:
        encoding: How melodies become ids; the default encoding if None.
        openings: How pieces begin, as in `MelodyModel`.
        tonic_share: How many end on the tonic, likewise.
        name: The model's name, 1 to 100 printable characters without a slash.

    Raises:
        ValueError: If an argument is out of its range.
    """

    config_names = ("name", "encoding", "openings")

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        _, *given = SIGNATURE.bind(self, *arguments, **settings).arguments.items()
        super().__init__(network="attention-lstm", **dict(given))
        for name, value in self.network.get_config().items():
            setattr(self, name, value)

    __init__.__signature__ = SIGNATURE  # type: ignore[attr-defined]
    __init__.declared_settings = SETTINGS  # type: ignore[attr-defined]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        config = super().get_config()
        del config["network"]
        return config
