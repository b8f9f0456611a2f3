"""MuseGAN: a generator with four noises, a critic, their training, and what they write."""

from musegen.models.musegan.musegan import MuseGAN
from musegen.sampling.noise import Noise, interpolate

__all__ = ["MuseGAN", "Noise", "interpolate"]
