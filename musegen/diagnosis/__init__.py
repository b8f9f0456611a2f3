"""Why does it not learn? Checks in the order of a practitioner, each with a plot and a sentence."""

from musegen.diagnosis.checks import CHECKS
from musegen.diagnosis.diagnose import diagnose
from musegen.diagnosis.finding import Diagnosis, Finding

__all__ = ["CHECKS", "Diagnosis", "Finding", "diagnose"]
