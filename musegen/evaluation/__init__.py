"""How good a model is, in numbers that are defined in one place each.

`evaluate` measures everything there is to measure; every metric is a function of its own.
"""

from musegen.evaluation.copying import (
    CopiedRun,
    CopiedShares,
    copied_note_shares,
    copied_share,
    copied_shares,
    distinct_phrases,
    longest_copied_notes,
    longest_copy,
)
from musegen.evaluation.distances import (
    jensen_shannon,
    overlapped_area,
    total_variation,
    wasserstein,
)
from musegen.evaluation.drums import (
    drum_pattern,
)
from musegen.evaluation.general import (
    METRICS,
    pitch_class_entropy,
    pitch_classes_used,
    pitch_range,
    pitches_used,
    polyphony,
    polyphony_rate,
    scale_consistency,
)
from musegen.evaluation.histograms import (
    HISTOGRAMS,
    Histogram,
    inter_onset_histogram,
    interval_histogram,
    note_length_histogram,
    pitch_class_histogram,
    pitch_histogram,
)
from musegen.evaluation.likelihood import (
    Likelihood,
    event_costs,
    likelihood,
)
from musegen.evaluation.lines import (
    melody_notes,
)
from musegen.evaluation.measure import (
    evaluate,
)
from musegen.evaluation.ngram import (
    NGram,
)
from musegen.evaluation.ngram_models import (
    MelodyNGram,
    VoicesNGram,
)
from musegen.evaluation.notes import (
    Notes,
    notes_of,
)
from musegen.evaluation.pianoroll import (
    consonance,
    empty_bar_share,
    mean_leap,
    notes_per_bar,
    pitch_classes_per_bar,
    pitch_lines,
    qualified_note_share,
    tonal_distance,
    tonal_distances,
)
from musegen.evaluation.result import (
    Evaluation,
    Figure,
)
from musegen.evaluation.rhythm import (
    groove_consistency,
    groove_similarity,
    notes_each_bar,
    notes_each_quarter,
    repetition,
)
from musegen.evaluation.roll_figures import (
    RollFigures,
    roll_figures,
)
from musegen.evaluation.shuffled import (
    shuffled,
)
from musegen.evaluation.voice_leading import (
    SATB,
    VoiceLeading,
    out_of_range,
    parallel_fifths,
    parallel_octaves,
    voice_crossing,
    voice_leading,
    wide_spacing,
)

__all__ = [
    "HISTOGRAMS",
    "METRICS",
    "SATB",
    "CopiedRun",
    "CopiedShares",
    "Evaluation",
    "Figure",
    "Histogram",
    "Likelihood",
    "MelodyNGram",
    "NGram",
    "Notes",
    "RollFigures",
    "VoiceLeading",
    "VoicesNGram",
    "consonance",
    "copied_note_shares",
    "copied_share",
    "copied_shares",
    "distinct_phrases",
    "drum_pattern",
    "empty_bar_share",
    "evaluate",
    "event_costs",
    "groove_consistency",
    "groove_similarity",
    "inter_onset_histogram",
    "interval_histogram",
    "jensen_shannon",
    "likelihood",
    "longest_copied_notes",
    "longest_copy",
    "mean_leap",
    "melody_notes",
    "note_length_histogram",
    "notes_each_bar",
    "notes_each_quarter",
    "notes_of",
    "notes_per_bar",
    "out_of_range",
    "overlapped_area",
    "parallel_fifths",
    "parallel_octaves",
    "pitch_class_entropy",
    "pitch_class_histogram",
    "pitch_classes_per_bar",
    "pitch_classes_used",
    "pitch_histogram",
    "pitch_lines",
    "pitch_range",
    "pitches_used",
    "polyphony",
    "polyphony_rate",
    "qualified_note_share",
    "repetition",
    "roll_figures",
    "scale_consistency",
    "shuffled",
    "tonal_distance",
    "tonal_distances",
    "total_variation",
    "voice_crossing",
    "voice_leading",
    "wasserstein",
    "wide_spacing",
]
