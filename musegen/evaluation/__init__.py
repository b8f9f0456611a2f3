"""How good a model is, in numbers that are defined in one place each."""

from musegen.evaluation.likelihood import Likelihood, likelihood

__all__ = ["Likelihood", "likelihood"]
