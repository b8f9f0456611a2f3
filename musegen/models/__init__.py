"""The models, one file or folder each."""

import musegen._keras  # noqa: F401 - says what is wrong with the engine
from musegen.models.attention_lstm import AttentionLSTM
from musegen.models.melody_model import MelodyModel
from musegen.models.musegan import MuseGAN
from musegen.models.registry import register
from musegen.models.voice_model import VoiceModel

__all__ = ["AttentionLSTM", "MelodyModel", "MuseGAN", "VoiceModel", "register"]
