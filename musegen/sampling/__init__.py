"""Sampling: how a trained model writes music, the same music for the same seed."""
