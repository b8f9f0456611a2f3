"""Why does a model not learn? Checks in a practitioner's order, each with a sentence and a picture.

Each module of checks enters its own in `CHECKS` (see `musegen.diagnosis.checks`), and imports Keras
only when a check is run.
"""

# isort: off
from musegen.diagnosis.checks import CHECKS

# In the order in which they are asked.
from musegen.diagnosis import (
    correctness,
    voices,
    amount,
    data,
    dynamics,
    gan,
    one_at_a_time,
    search,
)

# isort: on
from musegen.diagnosis.diagnose import diagnose
from musegen.diagnosis.finding import Diagnosis, Finding

__all__ = [
    "CHECKS",
    "Diagnosis",
    "Finding",
    "amount",
    "correctness",
    "data",
    "diagnose",
    "dynamics",
    "gan",
    "one_at_a_time",
    "search",
    "voices",
]
