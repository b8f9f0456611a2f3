"""The models, one file or folder each."""

from musegen.models.attention_lstm import AttentionLSTM

__all__ = ["AttentionLSTM"]
